//! What a lane can be given to talk through.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
#[cfg(feature = "tls")]
use tokio_rustls::{rustls::ServerConnection, server::TlsStream};

use crate::link::{BoxedLink, Io, Link, TcpLink};

/// A stream on its way to a lane.
pub struct Stream(Kind);

enum Kind {
    Tcp(std::net::TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<(std::net::TcpStream, ServerConnection)>),
    Link(Box<dyn Link + Send>),
    None,
}

impl Stream {
    /// A tokio stream, taken from the runtime that it was made on. The lane's own reactor will watch it.
    ///
    /// # Errors
    /// What deregistering it says.
    pub fn tcp(stream: tokio::net::TcpStream) -> io::Result<Self> {
        stream.into_std().map(Self::from)
    }

    /// A tokio stream inside TLS, whose handshake is done. The lane's own reactor will watch it, and the lane drives its
    /// TLS: unlike in a box, without an indirection for each system call, and with what the peer does not take counted and
    /// bounded as for TCP. Costs one encryption and one copy of what is written, and some 8 KiB for rustls' connection, half
    /// of them its buffer for input.
    ///
    /// # Errors
    /// What deregistering it says.
    #[cfg(feature = "tls")]
    pub fn tls(stream: TlsStream<tokio::net::TcpStream>) -> io::Result<Self> {
        let (stream, tls) = stream.into_inner();
        Ok(Self(Kind::Tls(Box::new((stream.into_std()?, tls)))))
    }

    /// Any other stream, as one inside TLS that another library does. `peer` is what [`Context::peer`](crate::Context::peer) will say. It stays with
    /// the reactor it was made on, and costs some more memory and two indirect calls for each system call.
    pub fn boxed<S>(stream: S, peer: Option<SocketAddr>) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        Self(Kind::Link(Box::new(BoxedLink::new(Box::pin(stream), peer))))
    }

    /// No stream: a session whose output its protocol takes ([`Context::take_output`](crate::Context::take_output)), until
    /// another connection hands it one ([`Context::hand_over`](crate::Context::hand_over)).
    pub fn none() -> Self {
        Self(Kind::None)
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self.0, Kind::None)
    }

    /// The TCP stream under it, non-blocking and watched by no reactor.
    ///
    /// # Errors
    /// The stream itself, if it is something else.
    pub fn into_tcp(self) -> Result<std::net::TcpStream, Self> {
        match self.0 {
            Kind::Tcp(stream) => Ok(stream),
            _ => Err(self),
        }
    }

    /// On the lane: takes it off the reactor there. What is not TCP stays with its reactor.
    pub(crate) fn off(io: Io) -> io::Result<Self> {
        Ok(Self(match io {
            Io::Tcp(link) => Kind::Tcp(link.into_std()?),
            Io::Link(link) => Kind::Link(link),
            Io::None => Kind::None,
        }))
    }

    pub(crate) fn link(link: impl Link + Send + 'static) -> Self {
        Self(Kind::Link(Box::new(link)))
    }

    /// On the lane: registers it with the reactor there.
    pub(crate) fn open(self) -> io::Result<Io> {
        Ok(match self.0 {
            Kind::Tcp(stream) => Io::Tcp(watched(stream)?),
            #[cfg(feature = "tls")]
            Kind::Tls(parts) => {
                let (stream, tls) = *parts;
                Io::Link(Box::new(crate::link::TlsLink::new(watched(stream)?, tls)))
            }
            Kind::Link(link) => Io::Link(link),
            Kind::None => Io::None,
        })
    }
}

/// The stream on the reactor that is entered.
fn watched(stream: std::net::TcpStream) -> io::Result<TcpLink> {
    stream.set_nonblocking(true)?;
    Ok(TcpLink::new(tokio::net::TcpStream::from_std(stream)?))
}

impl From<std::net::TcpStream> for Stream {
    fn from(stream: std::net::TcpStream) -> Self {
        Self(Kind::Tcp(stream))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Tcp(_) => "Stream::tcp",
            #[cfg(feature = "tls")]
            Kind::Tls(_) => "Stream::tls",
            Kind::Link(_) => "Stream::boxed",
            Kind::None => "Stream::none",
        })
    }
}
