//! Requests that become WebSockets: of new sessions, and of sessions that were polled so far.

use std::sync::Arc;

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use roomcast_http::{Seldom, Upgrade, UpgradeError, closing, into_stream};
use roomcast_lane::{AdoptError, Port, Stream};
use roomcast_rfc6455::{HandshakeError, accept};
use roomcast_socketio_protocol::engineio::Framing;
use tokio::runtime::Handle;

use crate::candidate::Candidate;
use crate::connection::Connection;
use crate::mount::{Endpoint, Mount};
use crate::request::{Answer, NO_RANDOMNESS, failure, opening};
use crate::sid::Sid;

static NO_UPGRADES: Seldom = Seldom::new();
static LOST: Seldom = Seldom::new();
static TURNED_AWAY: Seldom = Seldom::new();

/// A new session, on a WebSocket from its first moment.
pub(crate) fn handshake<B>(endpoint: Arc<Endpoint>, request: Request<B>, framing: Framing) -> Answer {
    let accepted = match accept(&request) {
        Ok(accepted) => accepted,
        Err(error) => return no_handshake(error),
    };
    let (mut head, _body) = request.into_parts();
    let Some(upgrade) = head.extensions.remove::<OnUpgrade>() else { return no_upgrades() };
    let Some((accepted, make)) = session(&endpoint.mount, accepted, head, framing) else { return failure() };
    begin(upgrade, accepted, move |stream, early| endpoint.lanes.adopt(stream, early, &endpoint.mount.wire, make))
}

/// The same on the lane that has the stream already; `None` for whatever has to be answered otherwise.
pub(crate) fn direct(mount: &Arc<Mount>, request: Request<()>, framing: Framing) -> Option<Upgrade> {
    let accepted = accept(&request).ok()?;
    let (head, ()) = request.into_parts();
    let (response, make) = session(mount, accepted, head, framing)?;
    Some(Upgrade { response, wire: mount.wire.clone(), protocol: Box::new(make()) })
}

/// A new session: its answer, and how its connection is made; `None` if the system has no randomness.
fn session(
    mount: &Arc<Mount>,
    mut accepted: Response<()>,
    head: Parts,
    framing: Framing,
) -> Option<(Response<()>, impl FnOnce() -> Connection + Send + use<>)> {
    let Some(sid) = Sid::random() else {
        NO_RANDOMNESS.say(|left_out| tracing::error!("no session was begun{left_out}: the system has no randomness"));
        return None;
    };
    if let Some(cookie) = mount.options.cookie.as_ref().and_then(|cookie| cookie.header(sid)) {
        accepted.headers_mut().insert(SET_COOKIE, cookie);
    }
    let (here, opening) = (Arc::clone(mount), opening("websocket", head));
    Some((accepted, move || Connection::websocket(here, sid, framing, opening)))
}

/// A WebSocket for a session that is polled. Whether the session takes it is known on its lane only: if it does not, the
/// WebSocket is closed as soon as it is there, as engine.io does it.
pub(crate) fn join<B>(endpoint: Arc<Endpoint>, session: Port, mut request: Request<B>, base64: bool) -> Answer {
    let accepted = match accept(&request) {
        Ok(accepted) => accepted,
        Err(error) => return no_handshake(error),
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else { return no_upgrades() };
    begin(upgrade, accepted, move |stream, early| {
        let (here, to) = (Arc::clone(&endpoint.mount), session.clone());
        endpoint
            .lanes
            .adopt_beside(&session, stream, early, &endpoint.mount.wire, move || Candidate::new(here, to, base64))
    })
}

fn no_handshake(error: HandshakeError) -> Answer {
    closing(error.response().map(|text| Full::new(text.into())))
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
                    TURNED_AWAY.say(|left_out| tracing::warn!("a WebSocket was turned away{left_out}: {error}"));
                }
            }
            Err(error @ UpgradeError::Left(_)) => tracing::debug!("a WebSocket was not made: {error}"),
            Err(error) => LOST.say(|left_out| tracing::warn!("a WebSocket was not made{left_out}: {error}")),
        }
    });
    accepted.map(|()| Full::default())
}

fn no_upgrades() -> Answer {
    NO_UPGRADES.say(|left_out| {
        tracing::error!("cannot make a WebSocket of a request{left_out}: serve with hyper's upgrades, on tokio");
    });
    failure()
}
