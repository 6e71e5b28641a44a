//! A session's WebSocket: frames to packets.

use std::ops::ControlFlow;

use roomcast_lane::{Close, Context, DisconnectReason, Progress};
use roomcast_rfc6455::{ControlFrame, Input, ReadError};
use roomcast_socketio_protocol::engineio::{Packet, Source};

use crate::connection::Connection;

impl Connection {
    pub(crate) fn read_frames(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        // Out of the way, so that what it reads can be handled.
        let mut reader = std::mem::take(&mut self.reader);
        let limits = self.mount.options.frames;
        let closing = reader.is_close_sent();
        let mut outcome = Ok(());
        let read = reader.read(input, &limits, |input| {
            outcome = self.handle_frame(input, closing, cx);
            if outcome.is_err() || cx.is_held() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.reader = reader;
        outcome?;
        let progress = read.map_err(|error| broken(&error))?;
        Ok(Progress::used(progress.used).wanting(progress.want))
    }

    fn handle_frame(&mut self, input: Input<'_>, closing: bool, cx: &mut Context<'_>) -> Result<(), Close> {
        let revision = self.session.revision();
        match input {
            Input::Close(code) => {
                self.left_with = code;
                Err(Close::new(1000, "", DisconnectReason::TransportClose))
            }
            // After its own close the server only waits for the client's (RFC 6455, section 5.5.1).
            _ if closing => Ok(()),
            Input::Text(text) => self.handle_packet(Source::WebSocket, Packet::parse(revision, text), cx),
            Input::Binary(bytes) => self.handle_packet(Source::WebSocket, Packet::parse_binary(revision, bytes), cx),
            Input::Ping(payload) => {
                cx.write(&ControlFrame::pong(payload));
                Ok(())
            }
            Input::Pong(_) => Ok(()),
        }
    }
}

/// The client broke the protocol of WebSockets: 1002, 1007 or 1009.
pub(crate) fn broken(error: &ReadError) -> Close {
    Close::new(u16::from(error.close_code()), error.to_string(), DisconnectReason::ParseError)
}
