//! Requests that become WebSockets: of new sessions, and of sessions that were polled so far.

use std::sync::Arc;

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{Request, Response};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use roomcast_http::{UpgradeError, closing, into_stream};
use roomcast_lane::{AdoptError, Port, Stream};
use roomcast_rfc6455::accept;
use roomcast_socketio_protocol::engineio::Framing;
use tokio::runtime::Handle;

use crate::candidate::Candidate;
use crate::connection::Connection;
use crate::mount::Mount;
use crate::request::{Answer, failure, opening};
use crate::sid::Sid;

/// A new session, on a WebSocket from its first moment.
pub(crate) fn handshake<B>(mount: Arc<Mount>, request: Request<B>, framing: Framing) -> Answer {
    let (accepted, mut request) = match judge(request) {
        Ok(judged) => judged,
        Err(answer) => return answer,
    };
    let Some(sid) = Sid::random() else {
        tracing::error!("no session was begun: the system has no randomness");
        return failure();
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else { return no_upgrades() };
    let opening = opening("websocket", request.into_parts().0);
    let cookie = mount.options.cookie.as_ref().and_then(|cookie| cookie.header(sid));
    let answer = begin(upgrade, accepted, move |stream, early| {
        let here = Arc::clone(&mount);
        let make = move || Connection::websocket(here, sid, framing, opening);
        mount.lanes.adopt(stream, early, &mount.wire, make)
    });
    with_cookie(answer, cookie)
}

/// A WebSocket for a session that is polled. Whether the session takes it is known on its lane only: if it does not, the
/// WebSocket is closed as soon as it is there, as engine.io does it.
pub(crate) fn join<B>(mount: Arc<Mount>, session: Port, request: Request<B>, base64: bool) -> Answer {
    let (accepted, mut request) = match judge(request) {
        Ok(judged) => judged,
        Err(answer) => return answer,
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else { return no_upgrades() };
    begin(upgrade, accepted, move |stream, early| {
        let (here, to) = (Arc::clone(&mount), session.clone());
        mount.lanes.adopt_beside(&session, stream, early, &mount.wire, move || Candidate::new(here, to, base64))
    })
}

/// Whether it is a proper handshake of a WebSocket.
fn judge<B>(request: Request<B>) -> Result<(Response<()>, Request<()>), Answer> {
    match accept(&request) {
        Ok(accepted) => Ok((accepted, request.map(drop))),
        Err(error) => Err(closing(error.response().map(|text| Full::new(text.into())))),
    }
}

/// Answers, and gives the stream to `adopt` when the answer is written.
fn begin(
    upgrade: OnUpgrade,
    accepted: Response<()>,
    adopt: impl FnOnce(Stream, Bytes) -> Result<(), AdoptError> + Send + 'static,
) -> Answer {
    let Ok(runtime) = Handle::try_current() else { return no_upgrades() };
    runtime.spawn(async move {
        match into_stream(upgrade).await {
            Ok((stream, early)) => {
                if let Err(error) = adopt(stream, early) {
                    tracing::warn!("a WebSocket was turned away: {error}");
                }
            }
            Err(error @ UpgradeError::Left(_)) => tracing::debug!("a WebSocket was not made: {error}"),
            Err(error) => tracing::warn!("a WebSocket was not made: {error}"),
        }
    });
    accepted.map(|()| Full::default())
}

fn no_upgrades() -> Answer {
    tracing::error!("cannot make a WebSocket of a request: serve with hyper's upgrades, on tokio");
    failure()
}

fn with_cookie(mut answer: Answer, cookie: Option<http::HeaderValue>) -> Answer {
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    answer
}
