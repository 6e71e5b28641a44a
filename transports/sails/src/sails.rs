//! The application that answers virtual requests.

use std::fmt;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use roomcast::{Message, Socket};
use roomcast_lane::{Application, BoxFuture, Disconnect, Event, Events, Handshake, Refusal, Reply, Seldom, panic_text};
use tower_service::Service;

use crate::answer;
use crate::hooks::Hooks;
use crate::kept::Kept;
use crate::turns::in_turn;
use crate::virtual_request::{Asked, METHODS, Target, Unusable, VirtualRequest};

static PANICKED: Seldom = Seldom::new();
static FAILED: Seldom = Seldom::new();
static TOO_LONG: Seldom = Seldom::new();

/// Virtual requests of sails.io.js, answered by a tower service: an axum `Router`, the same that answers plain HTTP.
///
/// Give it to [`Events::fallback`]: own events come first, what is named like a method in lower case is a request. A request
/// has its [`Socket`] and a [`VirtualRequest`] as extensions, the `cookie`, `origin` and `host` of the handshake, its data as a
/// JSON body whatever the method, and of the url the path and the query.
///
/// The requests of a connection begin in their order, on its lane (see [`SailsBuilder::offloaded`]); one that is pending lets
/// the next one begin. 64 may be in work, then the connection is read no further. A panic of the service is a 500, and costs
/// nothing else.
#[derive(Clone)]
pub struct Sails {
    inner: Arc<Inner>,
    requests: Events,
    hooks: Hooks,
}

struct Inner {
    service: Box<Ask>,
    timeout: Duration,
}

/// Settings of [`Sails`].
#[must_use = "it does nothing until `build`"]
pub struct SailsBuilder {
    service: Box<dyn FnOnce(usize) -> Box<Ask> + Send>,
    timeout: Duration,
    answer_bytes_max: usize,
    offloaded: bool,
    hooks: Hooks,
}

type Ask = dyn Fn(Request<Full<Bytes>>) -> BoxFuture<Answered> + Send + Sync;
/// What a service said, whole, or why it did not.
type Answered = Result<(StatusCode, HeaderMap, Bytes), &'static str>;

impl Sails {
    /// Asks `service`, with all settings at their defaults.
    pub fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: fmt::Display,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: fmt::Display,
    {
        Self::builder(service).build()
    }

    /// Settings.
    pub fn builder<S, B>(service: S) -> SailsBuilder
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: fmt::Display,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: fmt::Display,
    {
        SailsBuilder {
            service: Box::new(|answer_bytes_max| {
                Box::new(move |request| Box::pin(ask(service.clone(), request, answer_bytes_max)))
            }),
            timeout: Duration::from_secs(30),
            answer_bytes_max: 1 << 20,
            offloaded: false,
            hooks: Hooks::new(),
        }
    }
}

impl SailsBuilder {
    /// How long a request may take; 30 s by default. Then it is given up, and answered with 503.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The longest body of an answer, in bytes; 1 MiB by default. For a longer one the client gets 500.
    pub fn answer_bytes_max(mut self, bytes: usize) -> Self {
        self.answer_bytes_max = bytes;
        self
    }

    /// Runs requests on the program's runtime from their beginning; by default they run on their connection's lane until they
    /// first wait for something. For services that compute, or whose handlers may: elsewhere all connections of the lane wait
    /// as long. The requests of a connection begin in their order all the same, each when the one before is answered or waits.
    ///
    /// Costs a request a task and two changes of threads, some microseconds. What blocks a thread for long belongs into
    /// [`tokio::task::spawn_blocking`], here too.
    pub fn offloaded(mut self) -> Self {
        self.offloaded = true;
        self
    }

    /// Who decides which sockets come in, and hears of those that are gone; nobody by default.
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// The application.
    pub fn build(self) -> Sails {
        let inner = Arc::new(Inner { service: (self.service)(self.answer_bytes_max), timeout: self.timeout });
        let requests = METHODS.into_iter().fold(Events::new(), |requests, (name, method)| {
            let inner = Arc::clone(&inner);
            let handle = move |socket: Socket, (event, reply): (Event<'static>, Reply)| {
                let (inner, method) = (Arc::clone(&inner), method.clone());
                async move { inner.handle(method, socket, event, reply).await }
            };
            if !self.offloaded {
                return requests.on(name, handle);
            }
            let handle = move |socket: Socket, asked| in_turn(&socket, handle(socket.clone(), asked));
            requests.on(name, handle).offloaded()
        });
        Sails { inner, requests, hooks: self.hooks }
    }
}

impl Inner {
    async fn handle(&self, method: Method, socket: Socket, event: Event<'static>, reply: Reply) {
        let kept = socket.get::<Kept>();
        let asked = match &kept {
            Some(kept) if kept.sdk_is_old => Err(Unusable::OldSdk),
            _ => Asked::parse(method, event.args_json(), event.args_len()),
        };
        let message = match asked {
            Ok(asked) => self.answer(asked, &socket, kept.as_deref(), &event).await,
            Err(unusable) => {
                let error = answer::parse_error(unusable);
                if !reply.is_wanted() {
                    // Who wants no answer hears of it by an event.
                    socket.send(&error);
                }
                error
            }
        };
        reply.send_message(message);
    }

    async fn answer(&self, asked: Asked<'_>, socket: &Socket, kept: Option<&Kept>, event: &Event<'_>) -> Message {
        let uri = match &asked.target {
            Target::Uri(uri) => uri.clone(),
            Target::Nowhere => return answer::text(StatusCode::NOT_FOUND, "Not Found"),
            Target::Undecodable => {
                return answer::text(StatusCode::BAD_REQUEST, "Bad request: Could not decode requested URL.");
            }
            Target::TooLong => {
                let why = "Bad request: The url is too long: 65,534 bytes are allowed once it is escaped.";
                return answer::text(StatusCode::BAD_REQUEST, why);
            }
        };
        let request = request(asked, uri, socket, kept, event);
        let answering = AssertUnwindSafe(async { (self.service)(request).await }).catch_unwind();
        match tokio::time::timeout(self.timeout, answering).await {
            Ok(Ok(Ok((status, headers, body)))) => {
                Kept::keep_cookies(socket, &headers);
                answer::message(status, &headers, &body)
            }
            Ok(Ok(Err(why))) => answer::text(StatusCode::INTERNAL_SERVER_ERROR, why),
            Ok(Err(panic)) => {
                PANICKED.say(|left_out| {
                    tracing::error!("a virtual request panicked{left_out}: {}", panic_text(&*panic));
                });
                answer::text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Err(_elapsed) => answer::text(StatusCode::SERVICE_UNAVAILABLE, "Request timed out"),
        }
    }
}

/// The request that the service gets.
fn request(
    asked: Asked<'_>,
    uri: http::Uri,
    socket: &Socket,
    kept: Option<&Kept>,
    event: &Event<'_>,
) -> Request<Full<Bytes>> {
    let Asked { method, data, mut headers, .. } = asked;
    if let Some(kept) = kept {
        kept.apply(&mut headers);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut request = Request::new(Full::from(data.into_owned()));
    // There is no answer without a body here, so none has to be cut off.
    *request.method_mut() = if method == Method::HEAD { Method::GET } else { method.clone() };
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let extensions = request.extensions_mut();
    extensions.insert(socket.clone());
    extensions.insert(VirtualRequest { method });
    if !event.attachments().is_empty() {
        extensions.insert(roomcast_lane::Attachments(event.attachments().to_vec()));
    }
    request
}

/// Asks a service, and reads its answer to the end.
async fn ask<S, B>(mut service: S, request: Request<Full<Bytes>>, bytes_max: usize) -> Answered
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
    S::Error: fmt::Display,
    B: Body,
    B::Error: fmt::Display,
{
    let failed = |error: &dyn fmt::Display| {
        FAILED.say(|left_out| tracing::error!("a virtual request failed{left_out}: {error}"));
        "Internal Server Error"
    };
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(|error| failed(&error))?;
    let response = service.call(request).await.map_err(|error| failed(&error))?;
    let (head, body) = response.into_parts();
    let body = body.map_err(|error| std::io::Error::other(error.to_string()));
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok((head.status, head.headers, collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => {
            TOO_LONG.say(|left_out| {
                tracing::error!("an answer is longer than {bytes_max} bytes{left_out}: raise answer_bytes_max");
            });
            Err("The answer is too long")
        }
        Err(error) => Err(failed(&error)),
    }
}

impl Application for Sails {
    fn connect(&self, socket: Socket, handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        let kept = Kept::new(&handshake);
        if kept.is_anything() {
            socket.insert(kept);
        }
        self.hooks.admit(&socket, &handshake)
    }

    fn event(&self, socket: &Socket, event: Event<'_>, reply: Reply) {
        self.requests.event(socket, event, reply);
    }

    fn disconnected(&self, socket: &Socket, bye: Disconnect) {
        self.hooks.left(socket, bye);
    }

    fn wants_rooms(&self) -> bool {
        self.hooks.wants_rooms()
    }
}

impl fmt::Debug for Sails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sails").field("timeout", &self.inner.timeout).finish_non_exhaustive()
    }
}

impl fmt::Debug for SailsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SailsBuilder").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
