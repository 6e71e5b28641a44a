//! HTTP requests of Engine.IO: what they want, and their answers.
//!
//! A handshake makes a session on a lane; every other request is sent to the session it names, and waits for what the
//! session says. A client that leaves meanwhile is reported to it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, SET_COOKIE, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method as HttpMethod, Request as HttpRequest, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use roomcast_http::{Cors, Seldom, Upgrade, handshake};
use roomcast_lane::{Port, Stream};
use roomcast_socketio_protocol::engineio::{
    Body as Payload, Method, Query, Refusal, Request, Revision, Transport, Verb,
};
use tokio::sync::oneshot;

use crate::codec::Parser;
use crate::connection::Connection;
use crate::input::{Get, Input};
use crate::mount::{Endpoint, Mount};
use crate::polling::Polling;
use crate::post;
use crate::sid::Sid;
use crate::top::Opening;
use crate::upgrade;

static FOREIGN: Seldom = Seldom::new();
static FOREIGN_SCRIPT: Seldom = Seldom::new();
static TURNED_AWAY: Seldom = Seldom::new();
pub(crate) static NO_RANDOMNESS: Seldom = Seldom::new();

pub(crate) type Answer = Response<Full<Bytes>>;

/// Answers a request.
pub(crate) async fn answer<B>(endpoint: Arc<Endpoint>, request: HttpRequest<B>) -> Answer
where
    B: Body + Send,
    B::Data: Send,
{
    let cors = match Cors::check(&endpoint.mount.options.origins, &request) {
        Ok(cors) => cors,
        Err(foreign) => {
            FOREIGN.say(|left_out| {
                tracing::warn!(
                    "refused a request{left_out}: {foreign}; if they may connect, list them in the setting origins (ORIGINS)"
                );
            });
            return refusal(Refusal::Forbidden);
        }
    };
    if let Some(preflight) = cors.preflight(&request) {
        return preflight.map(|()| Full::default());
    }
    let mut answer = route(endpoint, request).await;
    cors.apply(answer.headers_mut());
    answer
}

/// A request that begins a session on a WebSocket, on the lane that has its stream already; `None` for all others.
pub(crate) fn direct(endpoint: &Arc<Endpoint>, request: HttpRequest<()>) -> Option<Upgrade> {
    let cors = Cors::check(&endpoint.mount.options.origins, &request).ok()?;
    let uri = request.uri().clone();
    let query = Query::parse(uri.query().unwrap_or_default());
    let Ok(Request::Handshake { transport: Transport::WebSocket, revision }) =
        wanted(&endpoint.mount, &query, &request)
    else {
        return None;
    };
    let request = admit(&endpoint.mount, request).ok()?;
    let mut upgrade = upgrade::direct(&endpoint.mount, request, query.framing(revision))?;
    cors.apply(upgrade.response.headers_mut());
    Some(upgrade)
}

async fn route<B>(endpoint: Arc<Endpoint>, request: HttpRequest<B>) -> Answer
where
    B: Body + Send,
    B::Data: Send,
{
    let uri = request.uri().clone();
    let query = Query::parse(uri.query().unwrap_or_default());
    let is_upgrade = is_upgrade(&request);
    match wanted(&endpoint.mount, &query, &request) {
        Err(error) => refuse(error, is_upgrade),
        Ok(Request::Handshake { transport, revision }) => match (admit(&endpoint.mount, request), transport) {
            (Err(unwanted), _) => if_closing(forbidden(&unwanted), is_upgrade),
            (Ok(request), Transport::WebSocket) => upgrade::handshake(endpoint, request, query.framing(revision)),
            (Ok(request), Transport::Polling) => {
                let (head, _body) = request.into_parts();
                begin_polling(endpoint, head, &query, revision).await
            }
        },
        Ok(Request::Session { sid, verb }) => match find(&endpoint.mount, sid, verb, query.revision) {
            Err(error) => refuse(error, is_upgrade),
            Ok((session, Verb::Poll)) => poll(&session, &query).await,
            Ok((session, Verb::Send)) => post::send(&endpoint.mount, session, request, query.jsonp.is_some()).await,
            Ok((session, Verb::Upgrade)) => upgrade::join(endpoint, session, request, query.base64),
        },
    }
}

/// What a request wants, if the endpoint allows it.
fn wanted<'a, B>(mount: &Mount, query: &'a Query<'a>, request: &HttpRequest<B>) -> Result<Request<'a>, Refusal> {
    let method = match *request.method() {
        HttpMethod::GET => Method::Get,
        HttpMethod::POST => Method::Post,
        _ => Method::Other,
    };
    if query.jsonp.is_some()
        && let Err(foreign) = mount.options.origins.check_script(request)
    {
        FOREIGN_SCRIPT.say(|left_out| {
            tracing::warn!(
                "refused a script{left_out}: {foreign}; if they may connect, list them in the setting origins (ORIGINS)"
            );
        });
        return Err(Refusal::Forbidden);
    }
    match query.request(method, is_upgrade(request))? {
        Request::Handshake { revision: Revision::V3, .. } if !mount.options.allow_eio3 => {
            Err(Refusal::UnsupportedRevision)
        }
        Request::Handshake { transport: Transport::Polling, .. } if !mount.options.allow_polling => {
            Err(Refusal::TransportUnknown)
        }
        wanted => Ok(wanted),
    }
}

/// A handshake, if the program wants it.
fn admit<B>(mount: &Mount, request: HttpRequest<B>) -> Result<HttpRequest<B>, roomcast_lane::Refusal> {
    match &mount.options.allow_request {
        Some(allow) => allow.check(request),
        None => Ok(request),
    }
}

fn forbidden(unwanted: &roomcast_lane::Refusal) -> Answer {
    let status = StatusCode::from_u16(unwanted.status).unwrap_or(StatusCode::FORBIDDEN);
    json(status, Refusal::Forbidden.body_with(&unwanted.message))
}

/// As Node has it: both headers make an upgrade.
fn is_upgrade<B>(request: &HttpRequest<B>) -> bool {
    let tokens = request.headers().get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    tokens.map(<[u8]>::trim_ascii).any(|token| token.eq_ignore_ascii_case(b"upgrade"))
        && request.headers().get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The session that a request names, and what it wants of it. A session keeps its revision.
fn find(
    mount: &Mount,
    sid: &str,
    verb: Result<Verb, Refusal>,
    revision: Option<Revision>,
) -> Result<(Port, Verb), Refusal> {
    let session = mount.sessions.find(sid).ok_or(Refusal::SessionUnknown)?;
    if revision.is_some_and(|revision| revision != session.revision) {
        return Err(Refusal::BadRequest);
    }
    Ok((session.port, verb?))
}

/// Begins a session that is polled.
async fn begin_polling(endpoint: Arc<Endpoint>, head: Parts, query: &Query<'_>, revision: Revision) -> Answer {
    let Some(sid) = Sid::random() else {
        NO_RANDOMNESS.say(|left_out| tracing::error!("no session was begun{left_out}: the system has no randomness"));
        return failure();
    };
    let Some(polled) = endpoint.mount.polled.enter(endpoint.mount.options.polled_sessions_max) else {
        let max = endpoint.mount.options.polled_sessions_max;
        TURNED_AWAY.say(|left_out| tracing::warn!("a session was turned away{left_out}: {max} are polled already"));
        return unavailable();
    };
    let framing = query.framing(revision);
    let opening = opening("polling", head);
    let (opened, is_open) = oneshot::channel();
    let polling = Polling::new(opened, framing, query.jsonp, polled);
    let here = Arc::clone(&endpoint.mount);
    let make = move || Connection::polling(here, sid, framing, opening, polling);
    if let Err(error) = endpoint.lanes.adopt(Stream::none(), Bytes::new(), &endpoint.mount.wire, make) {
        TURNED_AWAY.say(|left_out| tracing::warn!("a session was turned away{left_out}: {error}"));
        return unavailable();
    }
    match is_open.await {
        Ok(body) => {
            let mut answer = payload(body);
            if let Some(cookie) = endpoint.mount.options.cookie.as_ref().and_then(|cookie| cookie.header(sid)) {
                answer.headers_mut().insert(SET_COOKIE, cookie);
            }
            answer
        }
        Err(_) => unavailable(),
    }
}

/// What the application will be shown, and which parser the client named.
pub(crate) fn opening(transport: &'static str, head: Parts) -> Opening {
    let handshake = handshake(transport, head);
    let parser = match handshake.query("parser").as_deref() {
        Some("msgpack") => Some(Parser::Msgpack),
        _ => None,
    };
    Opening { handshake, parser }
}

async fn poll(session: &Port, query: &Query<'_>) -> Answer {
    let (answer, answered) = oneshot::channel();
    session.send(Input::Get(Get { at: Instant::now(), answer, base64: query.base64, jsonp: query.jsonp }));
    let mut lost = OnDrop::new(session, Input::GetLost);
    let outcome = answered.await;
    lost.disarm();
    match outcome {
        Ok(Ok(body)) => payload(body),
        Ok(Err(error)) => refusal(error),
        // It ended.
        Err(_) => refusal(Refusal::SessionUnknown),
    }
}

/// Tells a session something if the request is given up, because its client left.
pub(crate) struct OnDrop<'a>(Option<(&'a Port, Input)>);

impl<'a> OnDrop<'a> {
    pub(crate) fn new(session: &'a Port, input: Input) -> Self {
        Self(Some((session, input)))
    }

    pub(crate) fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        if let Some((session, input)) = self.0.take() {
            session.send(input);
        }
    }
}

fn payload(body: Payload) -> Answer {
    let mut answer = Response::new(Full::new(body.bytes));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A refusal, as Engine.IO's clients know it.
pub(crate) fn refusal(refusal: Refusal) -> Answer {
    json(StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST), refusal.body())
}

fn refuse(error: Refusal, is_upgrade: bool) -> Answer {
    if_closing(refusal(error), is_upgrade)
}

fn if_closing(answer: Answer, is_upgrade: bool) -> Answer {
    if is_upgrade { roomcast_http::closing(answer) } else { answer }
}

/// The server has no place for another session.
pub(crate) fn unavailable() -> Answer {
    json(StatusCode::SERVICE_UNAVAILABLE, r#"{"code":3,"message":"Service unavailable"}"#.into())
}

pub(crate) fn failure() -> Answer {
    json(StatusCode::INTERNAL_SERVER_ERROR, r#"{"code":3,"message":"Internal error"}"#.into())
}

fn json(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
