//! The tower layer that gives requests their sessions.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, Request, Response, StatusCode};
use roomcast::Socket;
use roomcast_lane::{Handshake, Seldom};
use tower_layer::Layer;
use tower_service::Service;

use super::cookie::{Cookie, SameSite};
use super::own::Attaching;
use super::secrets::Secrets;
use super::store::SessionStore;
use super::{Owner, Session, Settings};

static NOT_SAVED: Seldom = Seldom::new();

/// Gives each request its [`Session`], over HTTP and over sockets, and saves it before the answer leaves. Without this layer
/// there are no sessions.
///
/// The cookie is the one of Express and Sails: `s:<id>.<signature>`, percent-encoded, so a program with the same secret and
/// the same cookie name takes one for the other. It is `sails.sid`, for the whole host, not for scripts (`HttpOnly`), and not
/// sent with what other sites cause (`SameSite=Lax`; Sails leaves that to the browser).
///
/// A virtual request has the cookie of its socket's handshake. A session that begins over a socket lasts as long as the
/// socket: its client gets no cookie. One that a browser is to keep has to begin over HTTP, with a page, a login, or
/// [`GetCookie`](crate::GetCookie). A request with the header `nosession` has none: values are there for that request only.
///
/// With a [`MemoryStore`](crate::MemoryStore) a request costs half a microsecond and seven short allocations; 2 µs if it reads
/// its session, 3 to 4 if it changes it, 5 if it begins one (busy machine, release build). Each former secret adds two compressions
/// of SHA-256. If the store fails to save, the client gets 503 and nothing of the answer.
///
/// ```
/// use axum::{Router, routing::get};
/// use roomcast_sails::{MemoryStore, Session, SessionError, SessionLayer};
///
/// async fn count(session: Session) -> Result<String, SessionError> {
///     let visits = session.get::<u64>("visits").await?.unwrap_or(0) + 1;
///     session.insert("visits", &visits).await?;
///     Ok(format!("visit {visits}"))
/// }
///
/// let sessions = SessionLayer::new(MemoryStore::new(), ["32 random characters, from a file"])?;
/// let app: Router = Router::new().route("/", get(count)).layer(sessions);
/// # Ok::<_, roomcast_sails::InvalidSessionSettings>(())
/// ```
#[derive(Clone)]
pub struct SessionLayer(Arc<Settings>);

/// Settings of a [`SessionLayer`].
#[must_use = "it does nothing until `build`"]
pub struct SessionLayerBuilder {
    store: Box<dyn SessionStore>,
    secrets: Option<Secrets>,
    cookie: Cookie,
    time_to_live: Duration,
    bytes_max: usize,
}

/// What of a layer's settings cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSessionSettings {
    /// There is no secret, or one is empty.
    Secret,
    /// The cookie's name is none.
    Name(String),
    /// The cookie's path is none.
    Path(String),
}

impl SessionLayer {
    /// With all settings at their defaults. The first secret signs, all verify: put a new one in front, and drop the former
    /// one when its cookies are of no use any more. A cookie that is signed with a former one is signed again when its session
    /// is used.
    ///
    /// # Errors
    /// There is no secret, or one is empty.
    pub fn new<S: AsRef<str>>(
        store: impl SessionStore,
        secrets: impl IntoIterator<Item = S>,
    ) -> Result<Self, InvalidSessionSettings> {
        Self::builder(store, secrets).build()
    }

    /// Settings.
    pub fn builder<S: AsRef<str>>(
        store: impl SessionStore,
        secrets: impl IntoIterator<Item = S>,
    ) -> SessionLayerBuilder {
        SessionLayerBuilder {
            store: Box::new(store),
            secrets: Secrets::new(secrets),
            cookie: Cookie::default(),
            time_to_live: Duration::from_secs(24 * 60 * 60),
            bytes_max: 64 << 10,
        }
    }

    /// The session of a client that connects, for [`Hooks::before_connect`](crate::Hooks::before_connect) or any connect
    /// handler. What is changed in it has to be saved with [`Session::save`]; one that begins is the socket's.
    pub fn of_socket(&self, socket: &Socket, handshake: &Handshake) -> Session {
        self.session(&handshake.headers, Owner::Socket(socket.clone()), wants_none(handshake))
    }

    /// The same, one that can be opened when the socket is gone.
    pub(crate) fn of_lasting(&self, socket: &Socket, handshake: &Handshake) -> Session {
        let own = self.0.attaching.note(socket);
        self.session(&handshake.headers, Owner::Former(own), wants_none(handshake))
    }

    fn session(&self, headers: &HeaderMap, owner: Owner, is_off: bool) -> Session {
        let cookies = headers.get_all(COOKIE).iter().cloned().collect();
        Session::new(Arc::clone(&self.0), cookies, owner, is_off)
    }
}

/// Whether a client switched sessions off for its connection.
fn wants_none(handshake: &Handshake) -> bool {
    handshake.headers.contains_key("nosession") || handshake.query("nosession").is_some()
}

impl SessionLayerBuilder {
    /// The cookie's name, `sails.sid` by default. For one with the prefix `__Host-` or `__Secure-` set [`Self::secure`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = name.into();
        self
    }

    /// The path below which browsers send it, `/` by default.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = path.into();
        self
    }

    /// Whether scripts cannot read it, true by default.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.cookie.http_only = http_only;
        self
    }

    /// Whether browsers send it over TLS only, false by default. Set it wherever users come over TLS.
    pub fn secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self
    }

    /// Whether browsers send it with requests that other sites cause, [`SameSite::Lax`] by default.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self
    }

    /// How long a browser keeps it, whole seconds, from the last answer that set it. By default until it is closed.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.cookie.max_age = Some(max_age);
        self
    }

    /// How long the store keeps a session that is not used; a day by default. Reading counts as use, though its life is
    /// prolonged only when half of it is over.
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.time_to_live = time_to_live;
        self
    }

    /// How much a session may hold, names and JSON, in bytes; 64 KiB by default. Requests at the same time may each fill it.
    pub fn session_bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// A setting cannot be.
    pub fn build(self) -> Result<SessionLayer, InvalidSessionSettings> {
        let Self { store, secrets, cookie, time_to_live, bytes_max } = self;
        let secrets = secrets.ok_or(InvalidSessionSettings::Secret)?;
        if !Cookie::is_name(&cookie.name) {
            return Err(InvalidSessionSettings::Name(cookie.name));
        }
        if !Cookie::is_path(&cookie.path) {
            return Err(InvalidSessionSettings::Path(cookie.path));
        }
        let attaching = Attaching::default();
        Ok(SessionLayer(Arc::new(Settings { store, secrets, cookie, time_to_live, bytes_max, attaching })))
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = WithSession<S>;

    fn layer(&self, inner: S) -> WithSession<S> {
        WithSession { sessions: self.clone(), inner }
    }
}

/// A service whose requests have a [`Session`]: made by [`SessionLayer`].
#[derive(Clone, Debug)]
pub struct WithSession<S> {
    sessions: SessionLayer,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for WithSession<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: Default + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let owner = match request.extensions().get::<Socket>() {
            Some(socket) => Owner::Socket(socket.clone()),
            None => Owner::Nobody,
        };
        let is_off = request.headers().contains_key("nosession");
        let session = self.sessions.session(request.headers(), owner, is_off);
        request.extensions_mut().insert(session.clone());
        let answering = self.inner.call(request);
        Box::pin(async move {
            let response = answering.await?;
            Ok(finished(response, &session).await)
        })
    }
}

/// The answer, with its cookie, once the session is saved.
async fn finished<R: Default>(mut response: Response<R>, session: &Session) -> Response<R> {
    match session.finish().await {
        Ok(None) => response,
        Ok(Some(cookie)) => {
            response.headers_mut().append(SET_COOKIE, cookie);
            response
        }
        Err(error) => {
            NOT_SAVED.say(|left_out| tracing::error!("a session was not saved{left_out}: {error}"));
            let mut response = Response::default();
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response
        }
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for super::SessionError {
    fn into_response(self) -> axum_core::response::Response {
        static FAILED: Seldom = Seldom::new();
        FAILED.say(|left_out| tracing::error!("a handler's session failed{left_out}: {self}"));
        // What a store says is not for clients.
        match self {
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable").into_response(),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response(),
        }
    }
}

#[cfg(feature = "axum")]
impl<S: Sync> axum_core::extract::FromRequestParts<S> for Session {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut http::request::Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let session = parts.extensions.get::<Self>().cloned();
        session.ok_or_else(|| {
            static NO_LAYER: Seldom = Seldom::new();
            NO_LAYER.say(|left_out| {
                tracing::error!("a handler wants a session{left_out}: add .layer(SessionLayer::new(..))");
            });
            (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        })
    }
}

impl fmt::Display for InvalidSessionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret => f.write_str("sessions need a secret, and none of them may be empty"),
            Self::Name(name) => write!(f, "{name:?} cannot be the name of a cookie: use letters, digits, - . and _"),
            Self::Path(path) => {
                write!(f, "{path:?} cannot be the path of a cookie: it begins with / and is ASCII without ;")
            }
        }
    }
}

impl std::error::Error for InvalidSessionSettings {}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("cookie", &self.0.cookie)
            .field("time_to_live", &self.0.time_to_live)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SessionLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayerBuilder")
            .field("cookie", &self.cookie)
            .field("time_to_live", &self.time_to_live)
            .finish_non_exhaustive()
    }
}
