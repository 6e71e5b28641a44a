//! One WebSocket connection of the load generator.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use rustix::net::sockopt;

use super::{
    Fault,
    publication::{check_granted, is_hello, unexpected},
    wire::{self, Frame, close_code, put_frame, take_frame},
};

/// Size of the one buffer all connections receive into.
pub(crate) const BUFFER_BYTES: usize = 256 * 1024;
/// Longest silence of a server during set-up.
const PATIENCE: Duration = Duration::from_secs(20);
/// The example key of RFC 6455 section 1.3, and what a server must answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A connection: a stream, the beginning of a frame whose rest is still to come, and bytes the kernel
/// did not take.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    upgraded: bool,
    carry: Vec<u8>,
    unsent: Vec<u8>,
}

/// Whether one call of [`Connection::receive`] took all there was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Received {
    /// All; epoll will tell of more.
    All,
    /// A full buffer: there may be more, of which epoll will not tell.
    Full,
}

impl Connection {
    /// Connects and asks for the upgrade, without waiting for the answer. The stream blocks until
    /// [`Connection::set_nonblocking`].
    ///
    /// Closing resets (SO_LINGER 0), or ports in TIME_WAIT would run out after a few runs.
    pub(crate) fn open(address: SocketAddr, path: &str) -> Result<Self, Fault> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        Ok(Self { stream, upgraded: false, carry: Vec::new(), unsent: Vec::new() })
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn set_nonblocking(&self) -> io::Result<()> {
        self.stream.set_nonblocking(true)
    }

    /// Receives once, into `buffer`, and gives each whole text to `on`. Pings are answered.
    ///
    /// # Errors
    /// What `on` returns, what the socket says, and [`Fault`]s of handshake and frames.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        buffer: &mut [u8],
        mut on: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<Received, Fault> {
        let held = self.carry.len();
        buffer[..held].copy_from_slice(&self.carry);
        let filled = match self.stream.read(&mut buffer[held..]) {
            Ok(0) => return Err(Fault::Closed(None)),
            Ok(length) => held + length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(Received::All);
            }
            Err(error) => return Err(error.into()),
        };
        let mut input = self.take_head(&buffer[..filled])?;
        while self.upgraded
            && let Some((frame, used)) = take_frame(input)?
        {
            input = &input[used..];
            if frame.opcode == wire::TEXT {
                on(frame.payload)?;
            } else {
                self.control(&frame)?;
            }
        }
        if input.len() == buffer.len() {
            return Err(Fault::Frame("larger than the receive buffer"));
        }
        self.carry.clear();
        self.carry.extend_from_slice(input);
        Ok(if filled == buffer.len() { Received::Full } else { Received::All })
    }

    /// Set-up only, while the stream blocks: receives until `count` texts came.
    pub(crate) fn expect(
        &mut self,
        buffer: &mut [u8],
        count: usize,
        mut on: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut came = 0;
        while came < count {
            let before = (self.upgraded, came, self.carry.len());
            self.receive(buffer, |text| {
                came += 1;
                on(text)
            })?;
            if before == (self.upgraded, came, self.carry.len()) {
                return Err(Fault::Missing { due: count as u64, came: came as u64 });
            }
        }
        Ok(())
    }

    /// Set-up only: waits for the 101, where no greeting follows.
    pub(crate) fn expect_upgrade(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        while !self.upgraded {
            let before = self.carry.len();
            self.receive(buffer, |text| Err(unexpected(text)))?;
            if !self.upgraded && self.carry.len() == before {
                return Err(Fault::Missing { due: 1, came: 0 });
            }
        }
        Ok(())
    }

    /// Set-up only: waits for the 101 and the greeting.
    pub(crate) fn expect_hello(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.expect(buffer, 1, |text| if is_hello(text) { Ok(()) } else { Err(unexpected(text)) })
    }

    /// Set-up only: waits until `count` requests are granted.
    pub(crate) fn expect_granted(&mut self, buffer: &mut [u8], count: usize) -> Result<(), Fault> {
        self.expect(buffer, count, check_granted)
    }

    /// Sends `bytes`, in one write if the kernel takes them; the rest waits for [`Connection::flush`].
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return self.flush();
        }
        let written = write_some(&mut self.stream, bytes)?;
        self.unsent.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// Sends what the kernel did not take before.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let written = write_some(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..written);
        }
        Ok(())
    }

    /// What follows the answer to the upgrade in `input`, or all of it while that is not complete.
    fn take_head<'a>(&mut self, input: &'a [u8]) -> Result<&'a [u8], Fault> {
        if self.upgraded {
            return Ok(input);
        }
        let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(input) };
        let head = String::from_utf8_lossy(&input[..end]);
        if !head.starts_with("HTTP/1.1 101 ") || !head.contains(ACCEPT) {
            return Err(Fault::Handshake(head.lines().next().unwrap_or_default().to_owned()));
        }
        self.upgraded = true;
        Ok(&input[end + 4..])
    }

    #[cold]
    fn control(&mut self, frame: &Frame<'_>) -> Result<(), Fault> {
        match frame.opcode {
            wire::PING => {
                let mut pong = Vec::new();
                put_frame(&mut pong, wire::PONG, frame.payload);
                Ok(self.send(&pong)?)
            }
            wire::PONG => Ok(()),
            wire::CLOSE => Err(Fault::Closed(close_code(frame.payload))),
            _ => Err(Fault::Frame("neither text nor control")),
        }
    }
}

/// Writes as much as the kernel takes now.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Ok(written) => Ok(written),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        Err(error) => Err(error),
    }
}
