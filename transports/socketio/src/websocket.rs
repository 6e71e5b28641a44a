//! A session's WebSocket: frames to packets.

use roomcast_lane::{Close, Context, DisconnectReason, Progress};
use roomcast_rfc6455::Input;
use roomcast_socketio_protocol::engineio::{Packet, Source};

use crate::connection::Connection;

impl Connection {
    pub(crate) fn read_frames(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        // Out of the way, so that what it reads can be handled.
        let mut frames = std::mem::take(&mut self.frames);
        let limits = self.mount.options.frames;
        let progress = frames.read(input, &limits, cx, |input, cx| self.handle_frame(input, cx));
        self.frames = frames;
        progress
    }

    fn handle_frame(&mut self, input: Input<'_>, cx: &mut Context<'_>) -> Result<(), Close> {
        let revision = self.session.revision();
        match input {
            Input::Close(_) => Err(Close::new(1000, "", DisconnectReason::TransportClose)),
            Input::Text(text) => self.handle_packet(Source::WebSocket, Packet::parse(revision, text), cx),
            Input::Binary(bytes) => self.handle_packet(Source::WebSocket, Packet::parse_binary(revision, bytes), cx),
            Input::Ping(_) | Input::Pong(_) => Ok(()),
        }
    }
}
