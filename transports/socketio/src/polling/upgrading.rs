//! The WebSocket that wants to replace the polls of a session: from its coming to the moment in which it is the session's.

use roomcast_lane::{Close, Context};
use roomcast_socketio_protocol::engineio::{CloseReason, Framing, Packet, PacketError, PacketKind, Source};

use super::post::Posting;
use crate::candidate::Word;
use crate::connection::Connection;
use crate::input::{Joined, Said};

/// How far the candidate is with handing its stream over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switching {
    No,
    /// A POST that began before has its place before all that comes on the WebSocket.
    AfterPost,
    Now,
}

impl Connection {
    pub(super) fn handle_joined(&mut self, joined: Joined, cx: &mut Context<'_>) {
        match (self.session.handle_candidate(cx.now(), &self.mount.options.session), &mut self.polling) {
            (Ok(()), Some(polling)) => polling.candidate = Some(joined),
            _ => drop(joined),
        }
        if self.has_rest() {
            cx.go_on();
        }
    }

    pub(super) fn handle_candidate_said(&mut self, serial: u64, said: Said, cx: &mut Context<'_>) -> Result<(), Close> {
        if !self.is_candidate(serial) {
            return Ok(());
        }
        let packet = match said {
            Said::Probe => Ok(Packet::new(PacketKind::Ping, "probe")),
            Said::Upgrade => Ok(Packet::new(PacketKind::Upgrade, "")),
            Said::Other => Err(PacketError::Empty),
        };
        self.handle_packet(Source::Candidate, packet, cx)
    }

    pub(super) fn handle_candidate_lost(&mut self, serial: u64) {
        if !self.is_candidate(serial) {
            return;
        }
        let Some(polling) = &mut self.polling else { return };
        polling.candidate = None;
        if std::mem::replace(&mut polling.switching, Switching::No) != Switching::No {
            // It said `5`, and did not live to hand its stream over.
            self.session.handle_websocket_lost(CloseReason::TransportClose);
        } else {
            self.session.handle_candidate_lost();
        }
    }

    fn is_candidate(&self, serial: u64) -> bool {
        let candidate = self.polling.as_ref().and_then(|polling| polling.candidate.as_ref());
        candidate.is_some_and(|candidate| candidate.serial == serial)
    }

    pub(crate) fn answer_probe(&self) {
        self.tell_candidate(Word::Probed);
    }

    pub(crate) fn switch(&mut self, cx: &mut Context<'_>) {
        if let Some(polling) = &mut self.polling {
            polling.switching = Switching::AfterPost;
        }
        if self.has_rest() {
            cx.go_on();
        }
    }

    /// Has the WebSocket handed over, if that is what is to be done next.
    pub(crate) fn hand_over(&mut self) {
        if let Some(polling) = &mut self.polling
            && polling.switching == Switching::AfterPost
            && matches!(polling.posting, Posting::Nothing)
        {
            polling.switching = Switching::Now;
            self.tell_candidate(Word::HandOver);
        }
    }

    fn tell_candidate(&self, word: Word) {
        if let Some(candidate) = self.polling.as_ref().and_then(|polling| polling.candidate.as_ref()) {
            candidate.port.send(word);
        }
    }

    pub(crate) fn close_candidate(&mut self) {
        if let Some(polling) = &mut self.polling {
            polling.candidate = None;
        }
    }

    /// Whether a WebSocket waits for a POST that began before.
    pub(crate) fn is_waiting_for_post(&self) -> bool {
        self.polling.as_ref().is_some_and(|polling| polling.switching == Switching::AfterPost)
    }

    /// Whether a WebSocket is on its way to become the session's.
    pub(crate) fn is_switching(&self) -> bool {
        self.polling.as_ref().is_some_and(|polling| polling.switching != Switching::No)
    }

    /// The WebSocket is the session's: how it wants its packets.
    pub(crate) fn take_switched(&mut self) -> Option<Framing> {
        let base64 = self.polling.take()?.candidate?.base64;
        Some(self.framing(base64))
    }

    pub(super) fn framing(&self, base64: bool) -> Framing {
        Framing { revision: self.session.revision(), base64 }
    }
}
