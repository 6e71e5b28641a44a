//! From polling to a WebSocket.

use std::time::{Duration, Instant};

use super::{Action, Answer, Carrier, Last, Phase, Session, SessionConfig};
use crate::engineio::{Packet, PacketKind, Refusal};

/// A WebSocket that wants to become the session's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Candidate {
    /// It has until then.
    Joined(Instant),
    /// It asked, and was answered. A poll that still waits at `free_at` is answered with a noop.
    Probed { until: Instant, free_at: Instant },
}

/// How long a poll may wait while the client wants to change. It has to come back before the client says `5`; and if the
/// client has not heard that it may, it polls on.
const FREE_AFTER: Duration = Duration::from_millis(100);

impl Candidate {
    /// Until when it has to be the session's.
    fn until(&self) -> Instant {
        match self {
            Self::Joined(until) | Self::Probed { until, .. } => *until,
        }
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        match self {
            Self::Joined(until) => *until,
            Self::Probed { until, free_at } => *until.min(free_at),
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

    /// The candidate is gone. Polling goes on as it was.
    pub fn handle_candidate_lost(&mut self) {
        self.candidate = None;
    }

    /// Time passed.
    pub(super) fn handle_candidate_timeout(&mut self, now: Instant) {
        match &mut self.candidate {
            Some(candidate) if candidate.until() <= now => self.close_candidate(),
            Some(Candidate::Probed { free_at, .. }) if *free_at <= now => {
                *free_at = now + FREE_AFTER;
                self.free_get();
            }
            _ => {}
        }
    }

    pub(super) fn close_candidate(&mut self) {
        if self.candidate.take().is_some() {
            self.act(Action::CloseCandidate);
        }
    }

    pub(super) fn handle_candidate_packet(&mut self, packet: &Packet<'_>, now: Instant, config: &SessionConfig) {
        let Some(candidate) = self.candidate else { return };
        match (candidate, packet.kind) {
            (_, PacketKind::Ping) if packet.is_probe() => {
                self.candidate = Some(Candidate::Probed { until: candidate.until(), free_at: now + FREE_AFTER });
                self.act(Action::AnswerProbe);
                self.free_get();
            }
            (Candidate::Probed { .. }, PacketKind::Upgrade) => self.switch(now, config),
            _ => self.close_candidate(),
        }
    }

    /// Answers a poll that waits, which has nothing to say.
    fn free_get(&mut self) {
        if let Carrier::Polling(polling) = &mut self.carrier
            && std::mem::take(&mut polling.has_get)
        {
            self.act(Action::Answer(Answer::only(Last::Noop)));
        }
    }

    fn switch(&mut self, now: Instant, config: &SessionConfig) {
        self.free_get();
        let Carrier::Polling(polling) = std::mem::replace(&mut self.carrier, Carrier::WebSocket) else { return };
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
