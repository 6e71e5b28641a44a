//! From an HTTP request to a connection on a lane.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use roomcast_lane::{Handshake, Stream};
use roomcast_rfc6455::accept;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::connection::Connection;
use crate::open::OpenGuard;
use crate::origin::Foreign;
use crate::service::WebSocket;

/// Judges a request. If it becomes a WebSocket, the connection goes on in a task of the current runtime, which waits until
/// the answer is written and then hands it to a lane.
pub(crate) fn answer<B>(service: &WebSocket, request: Request<B>) -> Response<Full<Bytes>> {
    let accepted = match accept(&request) {
        Ok(accepted) => accepted,
        Err(error) => return closing(error.response().map(|text| Full::new(text.into()))),
    };
    let (mut head, _body) = request.into_parts();
    if let Err(Foreign(origin)) = service.mount.options.origins.check(&head.headers) {
        tracing::warn!(
            "refused a WebSocket to a page of {origin}: if it may connect, list it in the setting origins (ORIGINS)"
        );
        return refusal(StatusCode::FORBIDDEN, "pages of this Origin may not connect here\n");
    }
    let (Some(upgrade), Ok(runtime)) = (head.extensions.remove::<OnUpgrade>(), Handle::try_current()) else {
        tracing::error!("cannot make a WebSocket of a request: serve with hyper's upgrades, on tokio");
        return refusal(StatusCode::NOT_IMPLEMENTED, "this server cannot make WebSockets here\n");
    };
    let handshake = service.mount.dialect.has_socket().then(|| Box::new(handshake(head)));
    runtime.spawn(hand_over(service.clone(), upgrade, handshake, service.open.enter()));
    accepted.map(|()| Full::default())
}

async fn hand_over(service: WebSocket, upgrade: OnUpgrade, handshake: Option<Box<Handshake>>, open: OpenGuard) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        // The client left before it had the answer.
        Err(error) => return tracing::debug!("a WebSocket was not made: {error}"),
    };
    let (stream, early) = match into_stream(upgraded) {
        Ok(parts) => parts,
        Err(error) => return tracing::warn!("a WebSocket was lost on its way to a lane: {error}"),
    };
    let mount = Arc::clone(&service.mount);
    let adopted = service.lanes.adopt(stream, early, &service.wire, move || Connection::new(mount, handshake, open));
    if let Err(error) = adopted {
        tracing::warn!("a WebSocket was turned away: {error}");
    }
}

/// The stream under an upgraded connection and what was read of it already: TCP, TCP inside TLS, or, where it is neither
/// (TLS of another library, streams of the host's own), all of it in a box.
fn into_stream(upgraded: Upgraded) -> io::Result<(Stream, Bytes)> {
    let upgraded = match downcast::<TcpStream>(upgraded) {
        Ok((tcp, early)) => return Ok((Stream::tcp(tcp)?, early)),
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "tls")]
    let upgraded = match downcast::<tokio_rustls::server::TlsStream<TcpStream>>(upgraded) {
        Ok((tls, early)) => return Ok((Stream::tls(tls)?, early)),
        Err(upgraded) => upgraded,
    };
    Ok((Stream::boxed(TokioIo::new(upgraded), None), Bytes::new()))
}

/// The tokio stream under an upgraded connection, if it is of this type, and what was read of it already.
fn downcast<S>(upgraded: Upgraded) -> Result<(S, Bytes), Upgraded>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgraded = match upgraded.downcast::<TokioIo<S>>() {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    // hyper-util's server, and so axum's, wraps the stream.
    auto::upgrade::downcast::<TokioIo<S>>(upgraded).map(|parts| (parts.io.into_inner(), parts.read_buf))
}

/// What the application is shown. Of the request only the body stays behind.
fn handshake(head: Parts) -> Handshake {
    let mut handshake = Handshake::new(crate::TRANSPORT);
    (handshake.headers, handshake.uri, handshake.extensions) = (head.headers, head.uri, head.extensions);
    handshake
}

fn refusal(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    closing(response)
}

/// Behind a proxy that took the request for an upgrade already, whatever follows on this connection may not be a request.
fn closing<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().append(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
#[path = "upgrade_tests.rs"]
mod tests;
