//! A TCP stream on the lane's reactor.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use socket2::SockRef;
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::Link;

pub(crate) struct TcpLink(TcpStream);

impl TcpLink {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(stream)
    }

    /// Takes the stream off the reactor.
    pub(crate) fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.0.into_std()
    }
}

impl Link for TcpLink {
    /// `poll_read`, not `try_read`: after a short read it clears the readiness itself, which saves the system call that
    /// would say `EAGAIN`.
    fn read(&mut self, waker: &Waker, into: &mut [u8]) -> io::Result<usize> {
        let mut into = ReadBuf::new(into);
        match Pin::new(&mut self.0).poll_read(&mut Context::from_waker(waker), &mut into) {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(result) => result.map(|()| into.filled().len()),
        }
    }

    fn rearm(&mut self, waker: &Waker) -> bool {
        self.0.poll_read_ready(&mut Context::from_waker(waker)).is_ready()
    }

    fn write(&mut self, _waker: &Waker, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn want_write(&mut self, waker: &Waker) -> bool {
        self.0.poll_write_ready(&mut Context::from_waker(waker)).is_ready()
    }

    /// What the reactor was told, without a system call.
    fn has_ended(&self) -> bool {
        self.0
            .ready(Interest::READABLE)
            .now_or_never()
            .is_some_and(|ready| ready.is_ok_and(|ready| ready.is_read_closed()))
    }

    fn end(&mut self, _waker: &Waker) -> bool {
        // Fails only if the stream is gone already, which the next read tells.
        let _ = SockRef::from(&self.0).shutdown(Shutdown::Write);
        true
    }

    fn reset(&mut self) {
        let _ = SockRef::from(&self.0).set_linger(Some(Duration::ZERO));
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.0.peer_addr().ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_end_is_known_behind_what_is_not_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(listener.accept(), TcpStream::connect(listener.local_addr().unwrap()));
        let (link, mut far) = (TcpLink::new(near.unwrap().0), far.unwrap());
        far.write_all(b"unread").await.unwrap();
        link.0.readable().await.unwrap();
        assert!(!link.has_ended());
        far.shutdown().await.unwrap();
        while !link.has_ended() {
            tokio::task::yield_now().await;
        }
    }
}
