//! What the application is shown of a request.

use http::request::Parts;
use roomcast_lane::Handshake;

/// A handshake of this transport with the headers, the target and the extensions of a request. Copies nothing. Take what the
/// application must not hold, as `OnUpgrade`, out of the extensions before.
pub fn handshake(transport: &'static str, head: Parts) -> Handshake {
    let mut handshake = Handshake::new(transport);
    (handshake.headers, handshake.uri, handshake.extensions) = (head.headers, head.uri, head.extensions);
    handshake
}
