//! One connection: frames in, frames out, heartbeat, closing handshake. What its messages mean is up to the [`Dialect`].
//!
//! When the server closes, the close frame goes out behind what was queued, and the client's own close is awaited; the lane
//! gives it two seconds. When the client closes, its code is sent back and the stream is ended. When the client breaks the
//! protocol, a close frame says how, and whatever else it sends is thrown away.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use roomcast::{Socket, SocketId};
use roomcast_http::OpenGuard;
use roomcast_lane::{AckToken, Answer, Close, Context, DisconnectReason, Farewell, Handshake, Progress, Protocol};
use roomcast_rfc6455::{CloseCode, ControlFrame, Input, ReadError, Reader};

use crate::dialect::Dialect;
use crate::heartbeat::{Due, Heartbeat};
use crate::options::Options;

/// The code of a close that is never sent: the stream ended.
const CLOSED_WITHOUT_CODE: u16 = 1006;

/// What the connections of one mounted service share.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) dialect: Dialect,
    pub(crate) options: Options,
}

/// The protocol of one connection, as its lane drives it.
pub(crate) struct Connection {
    mount: Arc<Mount>,
    reader: Reader,
    phase: Phase,
    /// The code of the client's close.
    left_with: Option<CloseCode>,
    /// Taken when the socket is connected.
    handshake: Option<Box<Handshake>>,
    _open: OpenGuard,
}

/// What time will bring.
enum Phase {
    /// The application decides, until then.
    Connecting(Instant),
    /// The peer is watched.
    Beating(Heartbeat),
    /// Nothing.
    Timeless,
}

impl Connection {
    pub(crate) fn new(mount: Arc<Mount>, handshake: Option<Box<Handshake>>, open: OpenGuard) -> Self {
        Self { mount, reader: Reader::new(), phase: Phase::Timeless, left_with: None, handshake, _open: open }
    }

    fn begin_heartbeat(&mut self, now: Instant) {
        let options = &self.mount.options;
        self.phase =
            if options.heartbeat { Phase::Beating(Heartbeat::new(now, options.periods)) } else { Phase::Timeless };
    }
}

impl Protocol for Connection {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        if !self.mount.dialect.has_socket() {
            return self.begin_heartbeat(cx.now());
        }
        let handshake = self.handshake.take().map(|handshake| *handshake);
        let mut handshake = handshake.unwrap_or_else(|| Handshake::new(crate::TRANSPORT));
        handshake.peer = cx.peer().or(handshake.peer);
        self.phase = Phase::Connecting(cx.now() + self.mount.options.connect_timeout);
        cx.connect(handshake);
    }

    fn handle_connected(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        self.begin_heartbeat(cx.now());
        crate::dialect::queue_text(cx, &format!(r#"{{"event":"hello","data":{{"id":"{}"}}}}"#, socket.id()));
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        let Self { mount, reader, phase, left_with, .. } = self;
        if let Phase::Beating(heartbeat) = phase {
            heartbeat.handle_input(mount.options.periods);
        }
        let closing = reader.is_close_sent();
        let mut outcome = Ok(());
        let read = reader.read(input, &mount.options.limits, |input| {
            outcome = match input {
                Input::Close(code) => {
                    *left_with = code;
                    Err(Close::client_left())
                }
                // After its own close the server only waits for the client's (section 5.5.1).
                _ if closing => return ControlFlow::Continue(()),
                Input::Text(text) => mount.dialect.handle_text(text, cx),
                Input::Binary(bytes) => mount.dialect.handle_binary(bytes, cx),
                Input::Ping(payload) => {
                    cx.write(&ControlFrame::pong(payload));
                    Ok(())
                }
                Input::Pong(_) => Ok(()),
            };
            if outcome.is_err() || cx.is_held() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        outcome?;
        let progress = read.map_err(|error| broken(&error))?;
        Ok(Progress::used(progress.used).wanting(progress.want))
    }

    fn handle_reply(&mut self, _socket: SocketId, ack: AckToken, answer: Answer, cx: &mut Context<'_>) {
        crate::events::handle_reply(&ack, answer, cx);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Connecting(until) => Some(*until),
            Phase::Beating(heartbeat) => Some(heartbeat.poll_timeout(self.mount.options.periods)),
            Phase::Timeless => None,
        }
    }

    fn handle_timeout(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), Close> {
        let periods = self.mount.options.periods;
        match &mut self.phase {
            Phase::Connecting(until) if now >= *until => {
                self.phase = Phase::Timeless;
                Err(Close::new(
                    u16::from(CloseCode::Again),
                    "not let in within connect_timeout",
                    DisconnectReason::TransportClose,
                ))
            }
            Phase::Beating(heartbeat) => {
                match heartbeat.handle_timeout(now, cx.input_bytes(), periods) {
                    Due::Nothing => Ok(()),
                    Due::Ping => {
                        cx.write(&ControlFrame::ping(&[]));
                        Ok(())
                    }
                    // An answer may well be there: nobody reads it at the moment.
                    Due::Dead if cx.excuse() => {
                        heartbeat.handle_input(periods);
                        Ok(())
                    }
                    Due::Dead => {
                        self.phase = Phase::Timeless;
                        Err(Close::timed_out())
                    }
                }
            }
            _ => Ok(()),
        }
    }

    fn handle_close(&mut self, close: &Close, cx: &mut Context<'_>) -> Farewell {
        self.phase = Phase::Timeless;
        if self.reader.is_close_received() {
            cx.queue(&ControlFrame::close(self.left_with, ""));
            return Farewell::Finish;
        }
        if close.code() == CLOSED_WITHOUT_CODE {
            return Farewell::Finish;
        }
        cx.queue(&ControlFrame::close(Some(CloseCode::from(close.code())), close.text()));
        self.reader.set_close_sent();
        let nobody_there = *close.reason() == DisconnectReason::PingTimeout;
        if self.reader.is_ended() || nobody_there { Farewell::Finish } else { Farewell::AwaitPeer }
    }
}

/// The client broke the protocol: 1002, 1007 or 1009.
fn broken(error: &ReadError) -> Close {
    Close::new(u16::from(error.close_code()), error.to_string(), DisconnectReason::ParseError)
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
