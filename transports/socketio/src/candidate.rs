//! A WebSocket that wants to become that of a polling session.
//!
//! It tells the session what it hears, and does what the session says. With `5` it holds whatever else comes: that is the
//! session's, which gets the stream together with it. Both are on one lane, so handing over is one turn.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use roomcast_http::Frames;
use roomcast_lane::{Close, Context, DisconnectReason, Farewell, Port, Progress, Protocol};
use roomcast_rfc6455::Input as Frame;
use roomcast_socketio_protocol::engineio::{Packet, PacketKind, Revision};

use crate::connection::text_frame;
use crate::input::{Input, Joined, Said};
use crate::mount::Mount;

/// Longer than the session gives it: for candidates of sessions that are gone.
const GRACE: Duration = Duration::from_secs(1);

/// The protocol of a candidate.
pub(crate) struct Candidate {
    session: Port,
    serial: u64,
    base64: bool,
    mount: Arc<Mount>,
    frames: Frames,
    until: Option<Instant>,
}

/// What a session says to its candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Answer the probe.
    Probed,
    /// Give the stream.
    HandOver,
}

impl Candidate {
    pub(crate) fn new(mount: Arc<Mount>, session: Port, base64: bool) -> Self {
        static SERIALS: AtomicU64 = AtomicU64::new(0);
        let serial = SERIALS.fetch_add(1, Ordering::Relaxed);
        Self { session, serial, base64, mount, frames: Frames::new(), until: None }
    }

    fn handle_frame(&mut self, frame: Frame<'_>, cx: &mut Context<'_>) -> Result<(), Close> {
        let said = match frame {
            Frame::Close(_) => return Err(Close::new(1000, "", DisconnectReason::TransportClose)),
            Frame::Ping(_) | Frame::Pong(_) => return Ok(()),
            // Packets without bytes are the same in all revisions.
            Frame::Text(text) => match Packet::parse(Revision::V4, text) {
                Ok(packet) if packet.kind == PacketKind::Ping && packet.is_probe() => Said::Probe,
                Ok(packet) if packet.kind == PacketKind::Upgrade => Said::Upgrade,
                _ => Said::Other,
            },
            Frame::Binary(_) => Said::Other,
        };
        if said == Said::Upgrade {
            // From here on it is the session that waits for it, or closes it.
            self.until = None;
            cx.hold();
        }
        self.session.send(Input::CandidateSaid(self.serial, said));
        Ok(())
    }
}

impl Protocol for Candidate {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.until = Some(cx.now() + self.mount.options.session.upgrade_timeout + GRACE);
        let (serial, port, base64) = (self.serial, cx.port(), self.base64);
        self.session.send(Input::Joined(Joined { serial, port, base64 }));
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        let mut frames = std::mem::take(&mut self.frames);
        let limits = self.mount.options.frames;
        let progress = frames.read(input, &limits, cx, |frame, cx| self.handle_frame(frame, cx));
        self.frames = frames;
        progress
    }

    fn handle_message(&mut self, message: Box<dyn Any + Send>, cx: &mut Context<'_>) -> Result<(), Close> {
        match message.downcast::<Word>().map(|word| *word) {
            Ok(Word::Probed) => cx.queue(&text_frame(b"3probe")),
            Ok(Word::HandOver) => cx.hand_over(&self.session),
            Err(_) => {}
        }
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    fn handle_timeout(&mut self, now: Instant, _cx: &mut Context<'_>) -> Result<(), Close> {
        match self.until {
            Some(until) if until <= now => Err(Close::new(1000, "", DisconnectReason::TransportClose)),
            _ => Ok(()),
        }
    }

    fn handle_close(&mut self, close: &Close, cx: &mut Context<'_>) -> Farewell {
        self.until = None;
        // However long its stream takes to end, polling goes on.
        self.session.send(Input::CandidateLost(self.serial));
        self.frames.close(close, cx)
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        self.session.send(Input::CandidateLost(self.serial));
    }
}
