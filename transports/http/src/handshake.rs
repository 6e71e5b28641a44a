//! What the application is shown of a request.

use std::net::SocketAddr;

use http::request::Parts;
use roomcast_lane::Handshake;

/// The address from which a request came: an extension of requests, attached by the HTTP server that knows it, or by a layer
/// that knows better, as behind a proxy. Sessions that are polled have no stream to ask, so from this
/// [`Handshake::peer`] is known there. `roomcast_server::serve` attaches it; in axum a layer can, from `ConnectInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// A handshake of this transport with the headers, the target and the extensions of a request, and with its [`Peer`]. Copies
/// nothing. Take what the application must not hold, as `OnUpgrade`, out of the extensions before.
pub fn handshake(transport: &'static str, mut head: Parts) -> Handshake {
    let mut handshake = Handshake::new(transport);
    handshake.peer = head.extensions.remove().map(|Peer(address)| address);
    (handshake.headers, handshake.uri, handshake.extensions) = (head.headers, head.uri, head.extensions);
    handshake
}
