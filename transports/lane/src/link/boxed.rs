//! Any asynchronous stream, as one inside the TLS of another library.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Link;

/// Both halves of a stream.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Duplex for S {}

pub(crate) struct BoxedLink {
    stream: Pin<Box<dyn Duplex>>,
    peer: Option<SocketAddr>,
    /// Something was written that the stream may still hold back.
    unflushed: bool,
    /// The last write was refused, and so has registered the waker; a short one registers nothing.
    refused: bool,
}

impl BoxedLink {
    pub(crate) fn new(stream: Pin<Box<dyn Duplex>>, peer: Option<SocketAddr>) -> Self {
        Self { stream, peer, unflushed: false, refused: false }
    }

    /// A flush that pends goes on when the waker brings the lane back to [`Link::read`].
    fn flush(&mut self, waker: &Waker) -> io::Result<()> {
        if !self.unflushed {
            return Ok(());
        }
        match self.stream.as_mut().poll_flush(&mut Context::from_waker(waker)) {
            Poll::Pending => Ok(()),
            Poll::Ready(result) => {
                self.unflushed = false;
                result
            }
        }
    }
}

impl Link for BoxedLink {
    fn read(&mut self, waker: &Waker, into: &mut [u8]) -> io::Result<usize> {
        self.flush(waker)?;
        let mut into = ReadBuf::new(into);
        match self.stream.as_mut().poll_read(&mut Context::from_waker(waker), &mut into) {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(result) => result.map(|()| into.filled().len()),
        }
    }

    /// Asked to read again, the stream registers the waker.
    fn rearm(&mut self, _waker: &Waker) -> bool {
        true
    }

    fn write(&mut self, waker: &Waker, bytes: &[u8]) -> io::Result<usize> {
        let polled = self.stream.as_mut().poll_write(&mut Context::from_waker(waker), bytes);
        self.refused = polled.is_pending();
        self.unflushed |= matches!(polled, Poll::Ready(Ok(_)));
        self.flush(waker)?;
        match polled {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(result) => result,
        }
    }

    fn want_write(&mut self, _waker: &Waker) -> bool {
        !self.refused
    }

    fn end(&mut self, waker: &Waker) -> bool {
        // An error means that the stream is gone: ended too.
        self.stream.as_mut().poll_shutdown(&mut Context::from_waker(waker)).is_ready()
    }

    fn reset(&mut self) {}

    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }
}
