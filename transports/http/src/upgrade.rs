//! From an upgraded HTTP connection (RFC 9110, section 7.8) to the stream that a lane takes.

use std::error::Error;
use std::fmt;
use std::io;

use bytes::{Bytes, BytesMut};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use roomcast_lane::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::kept_end::KeptEnd;
use crate::prefixed::Prefixed;

/// Waits until hyper has written the answer, and gives the stream under the connection and what was read of it already: TCP,
/// TCP inside TLS (feature `tls`), or, where it is neither (TLS of another library, streams of the host's own), all of it in a
/// box. Ends in the end: hyper gives an upgrade up when its connection ends.
///
/// # Errors
/// The client left before it had its answer, or the stream could not be taken from the runtime.
pub async fn into_stream(upgrade: OnUpgrade) -> Result<(Stream, Bytes), UpgradeError> {
    let upgraded = upgrade.await.map_err(UpgradeError::Left)?;
    take(upgraded).map_err(UpgradeError::Lost)
}

/// Why an upgrade came to nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The client left before it had its answer: that happens, and is nobody's fault.
    Left(hyper::Error),
    /// The stream could not be taken from the runtime.
    Lost(io::Error),
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left(error) => write!(f, "the client left before it had its answer: {error}"),
            Self::Lost(error) => write!(f, "the stream was lost on its way to a lane: {error}"),
        }
    }
}

impl Error for UpgradeError {}

fn take(upgraded: Upgraded) -> io::Result<(Stream, Bytes)> {
    let upgraded = match downcast::<TcpStream>(upgraded) {
        Ok((tcp, early)) => return Ok((Stream::tcp(tcp)?, early)),
        Err(upgraded) => upgraded,
    };
    let upgraded = match downcast::<Prefixed<TcpStream>>(upgraded) {
        Ok((prefixed, early)) => {
            let (rest, tcp) = prefixed.into_parts();
            return Ok((Stream::tcp(tcp)?, joined(early, &rest)));
        }
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "tls")]
    let upgraded = match downcast::<tokio_rustls::server::TlsStream<TcpStream>>(upgraded) {
        Ok((tls, early)) => return Ok((Stream::tls(tls)?, early)),
        Err(upgraded) => upgraded,
    };
    Ok((Stream::boxed(TokioIo::new(upgraded), None), Bytes::new()))
}

/// What hyper read, and what it had not read yet.
fn joined(early: Bytes, rest: &Bytes) -> Bytes {
    if rest.is_empty() {
        return early;
    }
    let mut all = BytesMut::from(early);
    all.extend_from_slice(rest);
    all.freeze()
}

/// The tokio stream under an upgraded connection, if it is of this type, its end kept or not, and what was read of it already.
fn downcast<S>(upgraded: Upgraded) -> Result<(S, Bytes), Upgraded>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match downcast_exactly::<KeptEnd<S>>(upgraded) {
        Ok((kept, early)) => Ok((kept.into_inner(), early)),
        Err(upgraded) => downcast_exactly(upgraded),
    }
}

fn downcast_exactly<S>(upgraded: Upgraded) -> Result<(S, Bytes), Upgraded>
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

#[cfg(test)]
#[path = "upgrade_tests.rs"]
mod tests;
