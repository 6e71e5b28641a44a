//! One connection: frames, heartbeat, and the time that an application may take. What messages mean is up to the [`Dialect`].

use std::sync::Arc;
use std::time::Instant;

use roomcast::{Socket, SocketId};
use roomcast_http::{Frames, OpenGuard};
use roomcast_lane::{AckToken, Answer, Close, Context, DisconnectReason, Farewell, Handshake, Progress, Protocol};
use roomcast_rfc6455::{CloseCode, ControlFrame, Input};

use crate::dialect::Dialect;
use crate::heartbeat::{Due, Heartbeat, Periods};
use crate::options::Options;

/// What the connections of one mounted service share.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) dialect: Dialect,
    pub(crate) options: Options,
}

/// The protocol of one connection, as its lane drives it.
pub(crate) struct Connection {
    mount: Arc<Mount>,
    frames: Frames,
    phase: Phase,
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

impl Phase {
    /// A heartbeat wants to know what came.
    fn handle_input(&mut self, input: &Input<'_>, periods: Periods) {
        let Self::Beating(heartbeat) = self else { return };
        match input {
            Input::Text(text) => heartbeat.handle_message(text.len()),
            Input::Binary(bytes) => heartbeat.handle_message(bytes.len()),
            Input::Pong(_) => heartbeat.handle_pong(periods),
            Input::Ping(_) | Input::Close(_) => {}
        }
    }
}

impl Connection {
    pub(crate) fn new(mount: Arc<Mount>, handshake: Option<Box<Handshake>>, open: OpenGuard) -> Self {
        Self { mount, frames: Frames::new(), phase: Phase::Timeless, handshake, _open: open }
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
        handshake.peer = handshake.peer.or_else(|| cx.peer());
        self.phase = Phase::Connecting(cx.now() + self.mount.options.connect_timeout);
        cx.connect(handshake);
    }

    fn handle_connected(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        self.begin_heartbeat(cx.now());
        crate::dialect::queue_text(cx, &format!(r#"{{"event":"hello","data":{{"id":"{}"}}}}"#, socket.id()));
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        let Self { mount, frames, phase, .. } = self;
        frames.read(input, &mount.options.limits, cx, |input, cx| {
            phase.handle_input(&input, mount.options.periods);
            match input {
                Input::Text(text) => mount.dialect.handle_text(text, cx),
                Input::Binary(bytes) => mount.dialect.handle_binary(bytes, cx),
                Input::Close(_) => Err(Close::client_left()),
                Input::Ping(_) | Input::Pong(_) => Ok(()),
            }
        })
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
        let (periods, partial) = (self.mount.options.periods, cx.input_bytes() + self.frames.fragment_bytes());
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
                match heartbeat.handle_timeout(now, partial, periods) {
                    Due::Nothing => Ok(()),
                    Due::Ping => {
                        cx.write(&ControlFrame::ping(&[]));
                        Ok(())
                    }
                    // An answer may well be there: nobody reads it at the moment.
                    Due::Dead if cx.excuse() => {
                        heartbeat.excuse(now, partial);
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
        self.frames.close(close, cx)
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
