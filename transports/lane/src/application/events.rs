//! An application made of closures.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use roomcast::Socket;

use crate::application::disconnect::Disconnect;
use crate::application::event::Event;
use crate::application::handshake::{Handshake, Refusal};
use crate::application::reply::{AnswerError, Reply};
use crate::application::{Application, BoxFuture};
use crate::guard;
use crate::lanes::tasks;

mod connecting;
mod extract;
mod outcome;
mod run;
mod serial;
mod state;

pub use connecting::{Auth, Connecting, FromConnect};
pub use extract::{Args, Attachments, Call, Data, FromEvent, State};
pub use outcome::{Ack, Error, Outcome, Result};
pub use state::Requirements;

use run::{Handler, Hooks, Started};
use serial::Serial;
use state::States;

/// An [`Application`] made of closures: handlers by event name, and what happens around them.
///
/// Every handler has two arguments, who and what: the socket, and something taken from the event ([`FromEvent`]): [`Data`],
/// [`Args`], [`Attachments`], [`State`], [`Event`], [`Reply`], `()`, or a tuple of these. What it returns is the answer
/// ([`Outcome`]): `()`, [`Ack`], or a [`Result`] of these.
///
/// ```
/// use roomcast_lane::{Ack, Args, Data, Events, Result};
///
/// let events = Events::new()
///     .on_sync("say", |socket, Data(text): Data<String>| -> Result {
///         socket.to("chat").emit("said", &text)?;
///         Ok(())
///     })
///     .on("sum", async |_, Args((a, b)): Args<(i64, i64)>| Ack(a + b));
/// # drop(events);
/// ```
#[derive(Clone, Default)]
#[must_use = "events do nothing until a transport gets them"]
pub struct Events(Arc<Inner>);

#[derive(Clone, Default)]
struct Inner {
    states: States,
    handlers: HashMap<String, Handler>,
    last: Option<String>,
    connect: Vec<ConnectHandler>,
    disconnect: Vec<DisconnectHandler>,
    any: Vec<OnAny>,
    before: Vec<Before>,
    hooks: Hooks,
    fallback: Option<Arc<dyn Application>>,
    serial: Option<Arc<Serial>>,
    requirements: Requirements,
}

type ConnectHandler = Arc<
    dyn Fn(&Connecting<'_>) -> std::result::Result<BoxFuture<std::result::Result<(), Refusal>>, Refusal> + Send + Sync,
>;
type DisconnectHandler = Arc<dyn Fn(Socket, Disconnect) -> BoxFuture<()> + Send + Sync>;
type OnAny = Arc<dyn Fn(&Socket, &Event<'_>) + Send + Sync>;
type Before = Arc<dyn Fn(&Socket, &Event<'_>) -> std::result::Result<(), Refusal> + Send + Sync>;

impl Events {
    /// Lets everybody in and handles nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn edit(mut self, edit: impl FnOnce(&mut Inner)) -> Self {
        edit(Arc::make_mut(&mut self.0));
        self
    }

    /// Gives handlers something to take with [`State<T>`]; one for each type.
    pub fn with_state<T: Clone + Send + Sync + 'static>(self, state: T) -> Self {
        self.edit(|inner| inner.states.insert(state))
    }

    /// Handles an event, asynchronously. The future is polled once on the socket's lane, in arrival order, and moves to the
    /// application's runtime only if it is pending.
    pub fn on<E, R, F>(self, event: &str, handler: F) -> Self
    where
        F: Fn(Socket, E) -> R + Send + Sync + 'static,
        E: FromEvent,
        R: Future + Send + 'static,
        R::Output: Outcome,
    {
        self.add::<E>(event, Handler::asynchronous(handler))
    }

    /// Handles an event on the socket's lane. It must not block: all connections of the lane wait.
    pub fn on_sync<E, R, F>(self, event: &str, handler: F) -> Self
    where
        F: Fn(&Socket, E) -> R + Send + Sync + 'static,
        E: FromEvent,
        R: Outcome,
    {
        self.add::<E>(event, Handler::synchronous(handler))
    }

    fn add<E: FromEvent>(self, event: &str, handler: Handler) -> Self {
        self.edit(|inner| {
            inner.requirements.of(&format!("{event:?}"), E::requires);
            inner.handlers.insert(event.into(), handler);
            inner.last = Some(event.into());
        })
    }

    /// Starts the handler that was added last on the application's runtime from the beginning: for handlers that compute.
    /// They start in no particular order. One that was added with [`Self::on_sync`] stays on the lane.
    pub fn offloaded(self) -> Self {
        self.edit(|inner| {
            if let Some(handler) = inner.last.as_ref().and_then(|last| inner.handlers.get_mut(last)) {
                handler.offloaded = true;
            }
        })
    }

    /// Decides who comes in. Only when all of these have said yes, in order, does the client hear that it is connected.
    pub fn on_connect<E, R, F>(self, handler: F) -> Self
    where
        F: Fn(Socket, E) -> R + Send + Sync + 'static,
        E: FromConnect,
        R: Future<Output = std::result::Result<(), Refusal>> + Send + 'static,
    {
        self.edit(|inner| {
            inner.requirements.of("on_connect", E::requires);
            inner.connect.push(Arc::new(move |connecting| {
                let what = E::from_connect(connecting)?;
                Ok(Box::pin(handler(connecting.socket().clone(), what)))
            }));
        })
    }

    /// Hears of each socket that came in and is gone. The socket's handle is stale by then; where it was stands in
    /// [`Disconnect::rooms`].
    pub fn on_disconnect<R, F>(self, handler: F) -> Self
    where
        F: Fn(Socket, Disconnect) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.edit(|inner| inner.disconnect.push(Arc::new(move |socket, bye| Box::pin(handler(socket, bye)))))
    }

    /// Hears of each event before anything else does, also of those that [`Self::before`] refuses and those that nobody
    /// handles; changes nothing. Several hear in the order in which they were added. For logs and counters.
    pub fn on_any<F>(self, listener: F) -> Self
    where
        F: Fn(&Socket, &Event<'_>) + Send + Sync + 'static,
    {
        self.edit(|inner| inner.any.push(Arc::new(listener)))
    }

    /// Looks at each event before its handler, and may refuse it. Of several the first that refuses decides.
    pub fn before<F>(self, check: F) -> Self
    where
        F: Fn(&Socket, &Event<'_>) -> std::result::Result<(), Refusal> + Send + Sync + 'static,
    {
        self.edit(|inner| inner.before.push(Arc::new(check)))
    }

    /// Gives events without a handler to another application. It is asked about connects too, after the handlers here, and
    /// hears of disconnects before them.
    pub fn fallback(self, application: impl Application) -> Self {
        self.edit(|inner| inner.fallback = Some(Arc::new(application)))
    }

    /// Hears of each error that a handler returned: the socket, the event's name, the error, and the reply, which it may
    /// answer. Without it errors are logged.
    pub fn on_error<F>(self, handler: F) -> Self
    where
        F: Fn(&Socket, &str, &Error, Reply) + Send + Sync + 'static,
    {
        self.edit(|inner| inner.hooks.error = Some(Arc::new(handler)))
    }

    /// Finishes one event of a socket before the next one begins, whoever takes it: a handler has finished when its future has,
    /// the fallback when it has answered or dropped the reply. Events that had to wait begin in a task on the application's
    /// runtime, those of the fallback too.
    pub fn serial(self) -> Self {
        self.edit(|inner| inner.serial = Some(Arc::default()))
    }
}

impl Inner {
    /// Begins to handle an event; a future if it takes longer.
    fn start(&self, socket: &Socket, event: Event<'_>, reply: Reply) -> Option<BoxFuture<()>> {
        // A panic ends here, so that it costs no event that waits behind this one.
        match catch_unwind(AssertUnwindSafe(|| self.look(socket, &event))) {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => {
                tracing::debug!("event {:?} was refused: {refusal}", event.name());
                reply.fail(AnswerError::Refused(Box::new(refusal)));
                return None;
            }
            Err(panic) => {
                run::panicked(event.name(), &*panic, reply);
                return None;
            }
        }
        let Some(handler) = self.handlers.get(event.name()) else {
            return self.fall_back(socket, event, reply);
        };
        match handler.start(Call::new(socket, event, reply, &self.states), &self.hooks) {
            Started::Done => None,
            Started::Pending(future) => Some(future),
        }
    }

    /// Gives an event to the fallback; if events are serial, a future that lasts as long as the reply.
    fn fall_back(&self, socket: &Socket, event: Event<'_>, reply: Reply) -> Option<BoxFuture<()>> {
        let Some(fallback) = &self.fallback else {
            reply.fail(AnswerError::UnknownEvent);
            return None;
        };
        if self.serial.is_none() {
            fallback.event(socket, event, reply);
            return None;
        }
        let (name, lane) = (event.name_for_log(), reply.lane());
        let (reply, mut finished) = reply.watch();
        // As a handler's, a panic ends here.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| fallback.event(socket, event, reply))) {
            guard::report_panic(lane.as_ref().map(|lane| &lane.counters), &name, &*panic);
        }
        tasks::poll_once(&mut finished).is_pending().then_some(finished)
    }

    /// Shows an event to those who hear all of them, then to those who may refuse it.
    fn look(&self, socket: &Socket, event: &Event<'_>) -> std::result::Result<(), Refusal> {
        self.any.iter().for_each(|listener| listener(socket, event));
        self.before.iter().try_for_each(|check| check(socket, event))
    }
}

impl Application for Events {
    fn mounted(&self) {
        self.0.requirements.check(&self.0.states);
        if let Some(fallback) = &self.0.fallback {
            fallback.mounted();
        }
    }

    fn connect(&self, socket: Socket, handshake: Handshake) -> BoxFuture<std::result::Result<(), Refusal>> {
        if self.0.connect.is_empty() {
            return match &self.0.fallback {
                Some(fallback) => fallback.connect(socket, handshake),
                None => Box::pin(std::future::ready(Ok(()))),
            };
        }
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let handshake = Arc::new(handshake);
            for handler in &inner.connect {
                let connecting = Connecting::new(&socket, &handshake, &inner.states);
                handler(&connecting)?.await?;
            }
            match &inner.fallback {
                Some(fallback) => fallback.connect(socket, Arc::unwrap_or_clone(handshake)).await,
                None => Ok(()),
            }
        })
    }

    fn event(&self, socket: &Socket, event: Event<'_>, reply: Reply) {
        match &self.0.serial {
            Some(serial) => Serial::event(serial, &self.0, socket, event, reply),
            None => {
                if let Some(future) = self.0.start(socket, event, reply) {
                    tasks::spawn("event", future);
                }
            }
        }
    }

    fn disconnected(&self, socket: &Socket, bye: Disconnect) {
        // Each for itself: a panic of one keeps no other from hearing of it.
        if let Some(fallback) = self.0.fallback.clone() {
            let (socket, bye) = (socket.clone(), bye.clone());
            tasks::start("disconnected", Box::pin(async move { fallback.disconnected(&socket, bye) }));
        }
        for handler in &self.0.disconnect {
            let (handler, socket, bye) = (Arc::clone(handler), socket.clone(), bye.clone());
            tasks::start("disconnected", Box::pin(async move { handler(socket, bye).await }));
        }
    }

    fn wants_rooms(&self) -> bool {
        !self.0.disconnect.is_empty() || self.0.fallback.as_ref().is_some_and(|fallback| fallback.wants_rooms())
    }
}
