//! From an HTTP request to a connection on a lane.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use roomcast_http::{Foreign, OpenGuard, Seldom, Upgrade, UpgradeError, closing, handshake, into_stream, refusal};
use roomcast_lane::Handshake;
use roomcast_rfc6455::{HandshakeError, accept};
use tokio::runtime::Handle;

use crate::connection::Connection;
use crate::service::WebSocket;

static FOREIGN: Seldom = Seldom::new();
static NO_UPGRADES: Seldom = Seldom::new();
static LOST: Seldom = Seldom::new();
static TURNED_AWAY: Seldom = Seldom::new();

/// Why a request becomes no WebSocket.
enum Refused {
    Handshake(HandshakeError),
    Foreign(Foreign),
}

/// Answers a request. If it becomes a WebSocket, the connection goes on in a task of the current runtime, which waits until
/// the answer is written and then hands it to a lane.
pub(crate) fn answer<B>(service: &WebSocket, request: Request<B>) -> Response<Full<Bytes>> {
    let accepted = match judge(service, &request) {
        Ok(accepted) => accepted,
        Err(Refused::Handshake(error)) => return closing(error.response().map(|text| Full::new(text.into()))),
        Err(Refused::Foreign(foreign)) => {
            FOREIGN.say(|left_out| {
                tracing::warn!(
                    "refused a WebSocket{left_out}: {foreign}; if they may connect, list them in the setting origins (ORIGINS)"
                );
            });
            return refusal(StatusCode::FORBIDDEN, "pages of this Origin may not connect here\n");
        }
    };
    let (mut head, _body) = request.into_parts();
    let (Some(upgrade), Ok(runtime)) = (head.extensions.remove::<OnUpgrade>(), Handle::try_current()) else {
        NO_UPGRADES.say(|left_out| {
            tracing::error!("cannot make a WebSocket of a request{left_out}: serve with hyper's upgrades, on tokio");
        });
        return refusal(StatusCode::NOT_IMPLEMENTED, "this server cannot make WebSockets here\n");
    };
    let handshake = service.mount.dialect.has_socket().then(|| Box::new(handshake(crate::TRANSPORT, head)));
    runtime.spawn(hand_over(service.clone(), upgrade, handshake, service.open.enter()));
    accepted.map(|()| Full::default())
}

/// A WebSocket on the lane that has its stream already; `None` for whatever has to be answered otherwise.
pub(crate) fn direct(service: &WebSocket, request: Request<()>) -> Option<Upgrade> {
    let response = judge(service, &request).ok()?;
    let handshake =
        service.mount.dialect.has_socket().then(|| Box::new(handshake(crate::TRANSPORT, request.into_parts().0)));
    let protocol = Connection::new(Arc::clone(&service.mount), handshake, service.open.enter());
    Some(Upgrade { response, wire: service.wire.clone(), protocol: Box::new(protocol) })
}

fn judge<B>(service: &WebSocket, request: &Request<B>) -> Result<Response<()>, Refused> {
    let accepted = accept(request).map_err(Refused::Handshake)?;
    service.mount.options.origins.check(request).map_err(Refused::Foreign)?;
    Ok(accepted)
}

async fn hand_over(service: WebSocket, upgrade: OnUpgrade, handshake: Option<Box<Handshake>>, open: OpenGuard) {
    let (stream, early) = match into_stream(upgrade).await {
        Ok(parts) => parts,
        Err(error @ UpgradeError::Left(_)) => return tracing::debug!("a WebSocket was not made: {error}"),
        Err(error) => return LOST.say(|left_out| tracing::warn!("a WebSocket was not made{left_out}: {error}")),
    };
    let mount = Arc::clone(&service.mount);
    let adopted = service.lanes.adopt(stream, early, &service.wire, move || Connection::new(mount, handshake, open));
    if let Err(error) = adopted {
        TURNED_AWAY.say(|left_out| tracing::warn!("a WebSocket was turned away{left_out}: {error}"));
    }
}
