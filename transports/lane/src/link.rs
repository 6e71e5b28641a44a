//! The seam between a lane and a stream: four methods to move bytes, and two to end it.

pub(crate) mod stream;

use std::io;
use std::net::SocketAddr;
use std::task::Waker;

mod boxed;
mod memory;
mod tcp;
#[cfg(feature = "tls")]
pub(crate) mod tls;

pub(crate) use boxed::BoxedLink;
pub(crate) use memory::{Far, MemoryLink};
pub(crate) use tcp::TcpLink;
#[cfg(feature = "tls")]
pub(crate) use tls::TlsLink;

/// What a lane needs of a stream. Edge-triggered: `WouldBlock` means that `waker` will be woken.
pub(crate) trait Link {
    /// Reads what is there. `Ok(0)` is the end.
    fn read(&mut self, waker: &Waker, into: &mut [u8]) -> io::Result<usize>;

    /// After a read that did not fill its buffer: true if there is more already, else `waker` will be woken.
    fn rearm(&mut self, waker: &Waker) -> bool;

    /// Writes what fits; unlike `read` it arranges nothing when nothing fits.
    fn write(&mut self, waker: &Waker, bytes: &[u8]) -> io::Result<usize>;

    /// After a write that was refused: true if it would do already, else `waker` will be woken.
    fn want_write(&mut self, waker: &Waker) -> bool;

    /// Bytes of its own that it was not rid of: a lane counts them as the connection's outbox, and calls [`Self::write`], at
    /// least with nothing, until there are none.
    fn held(&self) -> usize {
        0
    }

    /// Whether the peer is known to have ended its side, though what it sent before is not read. A stream that cannot know
    /// says that it has not.
    fn has_ended(&self) -> bool {
        false
    }

    /// Ends the writing side; false if that takes longer, and then `waker` is woken to ask again.
    fn end(&mut self, waker: &Waker) -> bool;

    /// Makes that dropping it throws away what is on its way, and the peer sees a reset.
    fn reset(&mut self);

    /// The address of the other side.
    fn peer(&self) -> Option<SocketAddr>;
}

/// A connection's stream. TCP without an indirection, since nearly all are.
pub(crate) enum Io {
    Tcp(TcpLink),
    Link(Box<dyn Link + Send>),
    None,
}

macro_rules! each {
    ($self:ident, $none:expr, $link:ident => $call:expr) => {
        match $self {
            Io::Tcp($link) => $call,
            Io::Link($link) => $call,
            Io::None => $none,
        }
    };
}

impl Io {
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(crate) fn read(&mut self, waker: &Waker, into: &mut [u8]) -> io::Result<usize> {
        each!(self, Err(io::ErrorKind::WouldBlock.into()), link => link.read(waker, into))
    }

    pub(crate) fn rearm(&mut self, waker: &Waker) -> bool {
        each!(self, false, link => link.rearm(waker))
    }

    /// As [`Link::write`], but a refusal is `Ok(0)`.
    pub(crate) fn write(&mut self, waker: &Waker, bytes: &[u8]) -> io::Result<usize> {
        let result = each!(self, Ok(0), link => link.write(waker, bytes));
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Ok(0) if !bytes.is_empty() && !self.is_none() => Err(io::ErrorKind::WriteZero.into()),
            result => result,
        }
    }

    pub(crate) fn want_write(&mut self, waker: &Waker) -> bool {
        each!(self, false, link => link.want_write(waker))
    }

    pub(crate) fn held(&self) -> usize {
        each!(self, 0, link => link.held())
    }

    pub(crate) fn has_ended(&self) -> bool {
        each!(self, false, link => link.has_ended())
    }

    pub(crate) fn end(&mut self, waker: &Waker) -> bool {
        each!(self, true, link => link.end(waker))
    }

    pub(crate) fn reset(&mut self) {
        each!(self, (), link => link.reset());
    }

    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        each!(self, None, link => link.peer())
    }
}
