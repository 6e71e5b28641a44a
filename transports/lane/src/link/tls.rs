//! TLS on a stream, driven by the lane itself: rustls' connection, without a task, a box of futures or a reactor of its own.
//!
//! # Writing
//! What the lane gathered for a connection becomes ciphertext at once, 64 KiB at most, and goes to the stream. What the
//! stream refuses waits here, and [`Link::held`] tells how much that is, so that the lane counts it as the connection's
//! outbox: in the limits, in the budget, and in the time without progress. While anything waits, nothing more is encrypted;
//! so a message can still be replaced, dropped, or overtaken by a pong, and rustls itself never holds a byte of output.
//!
//! # Reading
//! One read of the stream, into the lane's buffer, and from there through rustls and back into the same buffer: plaintext is
//! shorter than its ciphertext, so it never overtakes what is still to be decrypted.
//!
//! # Ends
//! A close_notify and an end of the stream without one are the same to the lane: what is inside says itself where its
//! messages end (a truncated frame is no message). Our own end says close_notify first.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::task::Waker;

use tokio_rustls::rustls::ServerConnection;

use super::Link;

/// Plaintext that is encrypted in one go, and so about the ciphertext that may wait.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// A stream whose TLS handshake is done.
pub(crate) struct TlsLink<L> {
    stream: L,
    tls: ServerConnection,
    /// Ciphertext, and how much of it the stream has taken. Empty and without memory while the peer keeps up.
    unsent: Vec<u8>,
    sent: usize,
    said_goodbye: bool,
}

impl<L: Link> TlsLink<L> {
    pub(crate) fn new(stream: L, mut tls: ServerConnection) -> Self {
        tls.set_buffer_limit(Some(HELD_BYTES_MAX));
        Self { stream, tls, unsent: Vec::new(), sent: 0, said_goodbye: false }
    }

    /// Encrypts a first part of `bytes`; how much it is.
    fn encrypt(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // rustls stops once where new keys are due, and makes them when it is asked again.
        for _ in 0..2 {
            let count = self.tls.writer().write(bytes)?;
            if self.tls.wants_write() {
                return Ok(count);
            }
        }
        // TLS 1.2 has no new keys. rustls has said close_notify, and drops what it is given.
        Err(io::ErrorKind::BrokenPipe.into())
    }

    /// Moves ciphertext on: out of rustls, and as much as the stream takes to the peer.
    fn pass_on(&mut self, waker: &Waker) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.unsent)?;
        }
        while self.sent < self.unsent.len() {
            match self.stream.write(waker, &self.unsent[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        (self.unsent, self.sent) = (Vec::new(), 0);
        Ok(())
    }

    /// The same where the lane is not about to ask for the rest: `waker` brings it back to [`Link::read`].
    fn pass_on_later(&mut self, waker: &Waker) -> io::Result<()> {
        self.pass_on(waker)?;
        if self.held() > 0 && self.stream.want_write(waker) {
            waker.wake_by_ref();
        }
        Ok(())
    }

    /// Decrypts the first `came` bytes of `buffer` into its beginning; how many bytes they are then. What is left because it
    /// has no room, less than a record, stays in rustls.
    fn decrypt(&mut self, buffer: &mut [u8], came: usize) -> io::Result<usize> {
        let (mut fed, mut plain) = (0, 0);
        while fed < came {
            let count = self.tls.read_tls(&mut &buffer[fed..came])?;
            if count == 0 {
                // After a close_notify nothing counts.
                break;
            }
            fed += count;
            self.tls.process_new_packets().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            while plain < fed {
                match self.plaintext(&mut buffer[plain..fed])? {
                    Some(count) if count > 0 => plain += count,
                    _ => break,
                }
            }
        }
        Ok(plain)
    }

    /// Plaintext that rustls holds: `Some(0)` if the peer has ended, `None` if there is none.
    fn plaintext(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        match self.tls.reader().read(into) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }
}

impl<L: Link> Link for TlsLink<L> {
    fn read(&mut self, waker: &Waker, into: &mut [u8]) -> io::Result<usize> {
        self.pass_on_later(waker)?;
        loop {
            if let Some(count) = self.plaintext(into)? {
                return Ok(count);
            }
            let came = self.stream.read(waker, into)?;
            if came == 0 {
                return Ok(0);
            }
            let plain = self.decrypt(into, came);
            // Answers of the protocol, or, before the connection is given up, what it is given up for.
            let passed_on = self.pass_on_later(waker);
            match plain? {
                0 if came == into.len() => return Err(io::ErrorKind::Interrupted.into()),
                // There is no more of the record yet: reading again registers the waker.
                0 => {}
                plain => return passed_on.map(|()| plain),
            }
            passed_on?;
        }
    }

    fn rearm(&mut self, waker: &Waker) -> bool {
        // It wants nothing while it has plaintext, and after the peer's close_notify.
        !self.tls.wants_read() || self.stream.rearm(waker)
    }

    fn write(&mut self, waker: &Waker, bytes: &[u8]) -> io::Result<usize> {
        self.pass_on(waker)?;
        let mut taken = 0;
        while taken < bytes.len() && self.held() == 0 {
            taken += self.encrypt(&bytes[taken..])?;
            self.pass_on(waker)?;
        }
        if taken == 0 && !bytes.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    fn want_write(&mut self, waker: &Waker) -> bool {
        self.stream.want_write(waker)
    }

    fn held(&self) -> usize {
        self.unsent.len() - self.sent
    }

    fn has_ended(&self) -> bool {
        self.stream.has_ended()
    }

    fn end(&mut self, waker: &Waker) -> bool {
        if !std::mem::replace(&mut self.said_goodbye, true) {
            self.tls.send_close_notify();
        }
        match self.pass_on_later(waker) {
            Ok(()) if self.held() > 0 => false,
            Ok(()) => self.stream.end(waker),
            // The stream is gone, which the next read tells.
            Err(_) => true,
        }
    }

    fn reset(&mut self) {
        self.stream.reset();
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer()
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
