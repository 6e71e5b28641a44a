//! What a program wants to be asked and told about connections: the settings `onlyAllowOrigins`, `beforeConnect` and
//! `afterDisconnect` of Sails.

mod after_disconnect;
mod origins;

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use roomcast::Socket;
use roomcast_lane::{BoxFuture, Disconnect, Handshake, Refusal};

use crate::session::Session;
use crate::session::layer::SessionLayer;

use after_disconnect::{AfterDisconnect, Newcomer};
use origins::OnlyOrigins;
pub use origins::{InvalidOrigin, MissingOrigin, OriginFault};

/// Decides which sockets come in, and hears of those that are gone.
///
/// A socket is asked about in this order: its origin, then each `before_connect`; the first no is final. This differs from
/// Sails, where `beforeConnect` silently switches `onlyAllowOrigins` off.
///
/// ```
/// use std::sync::Arc;
/// use roomcast_lane::{Handshake, Refusal};
/// use roomcast_sails::Hooks;
///
/// let hooks = Hooks::new()
///     .only_allow_origins(["https://app.example.com"])?
///     .before_connect(async |_, handshake: Arc<Handshake>| match handshake.query("token").as_deref() {
///         Some("let me in") => Ok(()),
///         _ => Err(Refusal::new("who are you?")),
///     });
/// # drop(hooks);
/// # Ok::<_, roomcast_sails::InvalidOrigin>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "hooks do nothing until Sails gets them"]
pub struct Hooks {
    origins: Option<OnlyOrigins>,
    missing_origin: MissingOrigin,
    before_connect: Vec<BeforeConnect>,
    after_disconnect: Option<Arc<AfterDisconnect>>,
}

type BeforeConnect = Arc<dyn Fn(Socket, Arc<Handshake>) -> BoxFuture<Result<(), Refusal>> + Send + Sync>;

impl Hooks {
    /// Lets everybody in, and tells nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets in only what pages of these origins connect, the server's own included if it is to be one. An entry is as Sails
    /// wants it: with its protocol, and without a port that is the usual one, a path, or a slash at its end; or it is
    /// `file://`, for applications in a web view. Each is compared with the header `Origin` as a whole, without case.
    ///
    /// The connection itself is there by then: to refuse pages before, give the transport its origins.
    ///
    /// # Errors
    /// The first entry that is no origin, and what is wrong with it.
    pub fn only_allow_origins<S: AsRef<str>>(
        mut self,
        origins: impl IntoIterator<Item = S>,
    ) -> Result<Self, InvalidOrigin> {
        self.origins = Some(OnlyOrigins::new(origins)?);
        Ok(self)
    }

    /// Whether those come in that send no `Origin`, if there is a list of origins. The default is to allow them, as the
    /// documentation of Sails has it; Sails 1.5 itself refuses them.
    pub fn missing_origin(mut self, missing_origin: MissingOrigin) -> Self {
        self.missing_origin = missing_origin;
        self
    }

    /// Decides who comes in, by what a client brought. Several are asked in the order in which they were added; the client
    /// hears that it is connected once all have said yes. The socket can join rooms and get values before.
    ///
    /// Costs a copy of the handshake's headers, once a connect, whatever their number.
    pub fn before_connect<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(Socket, Arc<Handshake>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        self.before_connect.push(Arc::new(move |socket, handshake| Box::pin(hook(socket, handshake))));
        self
    }

    /// Hears of each socket that came in and is gone, with its session, which is saved afterwards if it changed. It runs on
    /// the application's runtime. Where no session is needed, `Events::on_disconnect` does the same for less. A program that
    /// ends waits for what is under way: [`Self::settled`].
    ///
    /// Costs, a connection, what is kept to find its session again: its cookie, and some 400 bytes; and a lock at connect and
    /// disconnect. A second one replaces the first.
    pub fn after_disconnect<F, R>(mut self, sessions: &SessionLayer, hook: F) -> Self
    where
        F: Fn(Session, Socket, Disconnect) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let handler = Box::new(move |session, socket, bye| -> BoxFuture<()> { Box::pin(hook(session, socket, bye)) });
        self.after_disconnect = Some(Arc::new(AfterDisconnect::new(sessions.clone(), handler)));
        self
    }

    /// Whether a socket comes in: for [`Application::connect`](roomcast_lane::Application::connect). It has to be the last
    /// that is asked: a socket that gets a yes here is one that [`Self::left`] will be told of.
    pub fn admit(&self, socket: &Socket, handshake: &Handshake) -> BoxFuture<Result<(), Refusal>> {
        if let Some(origins) = &self.origins
            && let Err(refusal) = origins.check(&handshake.headers, self.missing_origin)
        {
            return Box::pin(ready(Err(refusal)));
        }
        let newcomer = self.after_disconnect.as_ref().map(|after| after.newcomer(socket, handshake));
        if self.before_connect.is_empty() {
            newcomer.into_iter().for_each(Newcomer::came_in);
            return Box::pin(ready(Ok(())));
        }
        let (hooks, socket, handshake) = (self.before_connect.clone(), socket.clone(), Arc::new(handshake.clone()));
        Box::pin(async move {
            for hook in &hooks {
                hook(socket.clone(), Arc::clone(&handshake)).await?;
            }
            newcomer.into_iter().for_each(Newcomer::came_in);
            Ok(())
        })
    }

    /// A socket is gone: for [`Application::disconnected`](roomcast_lane::Application::disconnected), with the runtime
    /// entered. Does nothing for one that was not admitted.
    pub fn left(&self, socket: &Socket, bye: Disconnect) {
        if let Some(after) = &self.after_disconnect {
            after.left(socket, bye);
        }
    }

    /// Resolves when all hooks of [`Self::after_disconnect`] that have begun are through, and their sessions saved. For the end
    /// of a program, which takes what is under way along with its runtime: after [`Lanes::drain`](roomcast_lane::Lanes::drain),
    /// by which everybody has left. A hook may wait for ever, so bound it in time. Clones of the hooks wait for the same.
    ///
    /// ```
    /// # async fn f(lanes: roomcast_lane::Lanes, hooks: roomcast_sails::Hooks) {
    /// let over = std::time::Duration::from_secs(3);
    /// lanes.drain(over).await;
    /// let _in_time = tokio::time::timeout(over, hooks.settled()).await;
    /// # }
    /// ```
    pub async fn settled(&self) {
        if let Some(after) = &self.after_disconnect {
            after.settled().await;
        }
    }

    /// Whether [`Disconnect::rooms`] is wanted: for [`Application::wants_rooms`](roomcast_lane::Application::wants_rooms).
    pub fn wants_rooms(&self) -> bool {
        self.after_disconnect.is_some()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("origins", &self.origins)
            .field("missing_origin", &self.missing_origin)
            .field("before_connect", &self.before_connect.len())
            .field("after_disconnect", &self.after_disconnect.is_some())
            .finish()
    }
}
