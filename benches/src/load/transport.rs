//! What a member is connected by.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use rustix::net::sockopt;

use super::{Dialect, Fault};

/// Size of the one buffer all connections receive into.
pub(crate) const BUFFER_BYTES: usize = 256 * 1024;
/// Longest silence of a server during set-up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether one call of [`Transport::receive`] took all there was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Received {
    /// There was nothing.
    Nothing,
    /// All; epoll will tell of more.
    All,
    /// A full buffer: there may be more, of which epoll will not tell.
    Full,
}

/// A way to the server: a WebSocket, or a session of long-polling.
pub(crate) trait Transport: Sized {
    /// Connects and asks to be let in, without waiting for the answer. The stream blocks until
    /// [`Transport::set_nonblocking`].
    fn open(address: SocketAddr, dialect: Dialect) -> Result<Self, Fault>;

    fn stream(&self) -> &TcpStream;

    /// Whether the server has greeted.
    fn is_greeted(&self) -> bool;

    /// Says `texts`; the server has greeted.
    fn say(&mut self, texts: &[String]) -> Result<(), Fault>;

    /// Makes sure that the server can send, if nothing is said; the server has greeted.
    fn listen(&mut self) -> Result<(), Fault>;

    /// Receives once, into `buffer`, and gives each whole text after the greeting to `on`. What has to be said to a
    /// greeting or a ping is said.
    ///
    /// # Errors
    /// What `on` returns, what the socket says, and [`Fault`]s of the protocol.
    fn receive(&mut self, buffer: &mut [u8], on: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<Received, Fault>;

    /// Sends what the kernel did not take before.
    fn flush(&mut self) -> io::Result<()>;

    fn set_nonblocking(&self) -> io::Result<()> {
        self.stream().set_nonblocking(true)
    }

    /// Set-up only, while the stream blocks: waits for the greeting.
    fn expect_greeting(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        while !self.is_greeted() {
            if self.receive(buffer, |text| Err(Fault::unexpected(text)))? == Received::Nothing {
                return Err(Fault::Missing { due: 1, came: 0 });
            }
        }
        Ok(())
    }

    /// Set-up only, while the stream blocks: receives until `count` texts came.
    fn expect(
        &mut self,
        buffer: &mut [u8],
        count: usize,
        mut on: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut came = 0;
        while came < count {
            let received = self.receive(buffer, |text| {
                came += 1;
                on(text)
            })?;
            if received == Received::Nothing {
                return Err(Fault::Missing { due: count as u64, came: came as u64 });
            }
        }
        Ok(())
    }
}

/// Connects. Closing resets (SO_LINGER 0), or ports in TIME_WAIT would run out after a few runs.
pub(super) fn connect(address: SocketAddr) -> Result<TcpStream, Fault> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
    Ok(stream)
}

/// Receives once behind `carry`, the beginning of something whose rest is still to come. Returns how much of `buffer` is
/// filled then, or `None` if nothing came.
#[inline]
pub(super) fn receive(stream: &mut TcpStream, carry: &[u8], buffer: &mut [u8]) -> Result<Option<usize>, Fault> {
    let held = carry.len();
    buffer[..held].copy_from_slice(carry);
    match stream.read(&mut buffer[held..]) {
        Ok(0) => Err(Fault::Closed(None)),
        Ok(length) => Ok(Some(held + length)),
        Err(error) if passes(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Sends `bytes` after what is `unsent`, in one write if the kernel takes them. What it does not take is unsent then.
pub(super) fn send(stream: &mut TcpStream, unsent: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
    if !unsent.is_empty() {
        unsent.extend_from_slice(bytes);
        return flush(stream, unsent);
    }
    let written = write_some(stream, bytes)?;
    unsent.extend_from_slice(&bytes[written..]);
    Ok(())
}

/// Sends what is `unsent`.
pub(super) fn flush(stream: &mut TcpStream, unsent: &mut Vec<u8>) -> io::Result<()> {
    if !unsent.is_empty() {
        let written = write_some(stream, unsent)?;
        unsent.drain(..written);
    }
    Ok(())
}

/// Writes as much as the kernel takes now.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Ok(written) => Ok(written),
        Err(error) if passes(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

fn passes(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
