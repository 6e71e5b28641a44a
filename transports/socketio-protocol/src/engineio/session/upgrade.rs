//! From polling to a WebSocket.

use std::time::Instant;

use super::{Action, Carrier, Last, Phase, Session, SessionConfig};
use crate::engineio::{Packet, PacketKind, Refusal};

/// A WebSocket that wants to become the session's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Candidate {
    /// It has until then.
    Joined(Instant),
    /// It asked, and was answered.
    Probed(Instant),
}

impl Candidate {
    pub(super) fn deadline(&self) -> Instant {
        match self {
            Self::Joined(until) | Self::Probed(until) => *until,
        }
    }
}

impl Session {
    /// Whether a WebSocket may join now. To be asked before its handshake is answered.
    ///
    /// # Errors
    /// It is to be refused: the session is over or ending, has a WebSocket or a candidate, or upgrades are not allowed.
    pub fn check_candidate(&self, config: &SessionConfig) -> Result<(), Refusal> {
        match (self.phase, self.carrier, self.candidate) {
            (Phase::Closed(_), ..) => Err(Refusal::SessionUnknown),
            (Phase::Open(_), Carrier::Polling(_), None) if config.allow_upgrades => Ok(()),
            _ => Err(Refusal::BadRequest),
        }
    }

    /// A WebSocket with this session's id is there, and is the candidate from here on.
    ///
    /// # Errors
    /// It must be closed, things have changed since [`Self::check_candidate`]. The session, and its candidate if it has
    /// one, stay as they are.
    pub fn handle_candidate(&mut self, now: Instant, config: &SessionConfig) -> Result<(), Refusal> {
        self.check_candidate(config)?;
        self.candidate = Some(Candidate::Joined(now + config.upgrade_timeout));
        Ok(())
    }

    /// The candidate is gone. What was held for it goes to the next poll.
    pub fn handle_candidate_lost(&mut self) {
        // No poll can wait that has to be answered now: after the probe each was answered at once.
        self.candidate = None;
    }

    pub(super) fn is_probed(&self) -> bool {
        matches!(self.candidate, Some(Candidate::Probed(_)))
    }

    pub(super) fn close_candidate(&mut self) {
        if self.candidate.take().is_some() {
            self.act(Action::CloseCandidate);
        }
    }

    pub(super) fn handle_candidate_packet(&mut self, packet: &Packet<'_>, now: Instant, config: &SessionConfig) {
        let Some(candidate) = self.candidate else { return };
        match (candidate, packet.kind) {
            (Candidate::Joined(until) | Candidate::Probed(until), PacketKind::Ping) if packet.is_probe() => {
                self.handle_activity(now, config);
                self.candidate = Some(Candidate::Probed(until));
                self.act(Action::AnswerProbe);
                self.answer_if_due();
            }
            (Candidate::Probed(_), PacketKind::Upgrade) => self.switch(now, config),
            _ => self.close_candidate(),
        }
    }

    fn switch(&mut self, now: Instant, config: &SessionConfig) {
        let Carrier::Polling(polling) = std::mem::replace(&mut self.carrier, Carrier::WebSocket) else { return };
        debug_assert!(!polling.has_get, "since the probe each poll is answered at once");
        self.candidate = None;
        self.act(Action::Switch);
        if polling.is_pong_due {
            self.act(Action::Pong);
        }
        match self.phase {
            Phase::Open(_) => self.restart_heartbeat(now, config),
            Phase::Closing(reason, _) => self.finish(reason, Last::Close),
            Phase::Opening | Phase::Closed(_) => {}
        }
    }
}
