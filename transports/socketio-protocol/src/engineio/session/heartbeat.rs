//! Who pings, and when a client is given up.
//!
//! In revision 4 the server pings and the client has to answer; in revision 3 the client pings and the server only
//! watches. Nothing else shows that a client lives, but the driver may know that what it waits for is stuck behind data.

use std::time::Instant;

use super::SessionConfig;
use crate::engineio::Revision;

/// The heartbeat of one session, without a clock.
#[derive(Debug, Clone, Copy)]
pub(super) enum Heartbeat {
    /// Revision 4: the client is well, and is pinged next then.
    NextPing(Instant),
    /// Revision 4: silent since it was pinged then, or excused.
    Silent(Instant),
    /// Revision 3: it pings by itself, and was heard then.
    Watched(Instant),
}

/// From when on a client is silent that was to be pinged at `due` and is at `now`: timers are a little late, which is nobody's
/// time; a server that was held up itself must not take that from its clients.
fn pinged_at(due: Instant, now: Instant, config: &SessionConfig) -> Instant {
    if now.saturating_duration_since(due) <= config.ping_timeout / 10 { due } else { now }
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    Dead,
}

impl Heartbeat {
    pub(super) fn new(revision: Revision, now: Instant, config: &SessionConfig) -> Self {
        match revision {
            Revision::V4 => Self::NextPing(now + config.ping_interval),
            Revision::V3 => Self::Watched(now),
        }
    }

    /// The client's beat came. Pings keep theirs: the next one is due an interval after the last one, but for a client that
    /// had more time than that.
    pub(super) fn handle_beat(&mut self, now: Instant, config: &SessionConfig) {
        match self {
            Self::NextPing(_) => {}
            Self::Silent(pinged) => *self = Self::NextPing(*pinged + config.ping_interval),
            Self::Watched(heard) => *heard = now,
        }
    }

    /// A client that is overdue has the time of one silence more.
    pub(super) fn excuse(&mut self, now: Instant, config: &SessionConfig) {
        if !self.is_overdue(now, config) {
            return;
        }
        match self {
            Self::NextPing(_) => {}
            Self::Silent(pinged) => *pinged = now,
            // As if it had been heard an interval ago.
            Self::Watched(heard) => *heard = now.checked_sub(config.ping_interval).unwrap_or(now),
        }
    }

    pub(super) fn poll_timeout(&self, config: &SessionConfig) -> Instant {
        match self {
            Self::NextPing(at) => *at,
            Self::Silent(pinged) => *pinged + config.ping_timeout,
            Self::Watched(heard) => *heard + config.ping_interval + config.ping_timeout,
        }
    }

    pub(super) fn is_overdue(&self, now: Instant, config: &SessionConfig) -> bool {
        !matches!(self, Self::NextPing(_)) && now >= self.poll_timeout(config)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, config: &SessionConfig) -> Due {
        if now < self.poll_timeout(config) {
            return Due::Nothing;
        }
        match self {
            Self::NextPing(due) => {
                *self = Self::Silent(pinged_at(*due, now, config));
                Due::Ping
            }
            Self::Silent(_) | Self::Watched(_) => Due::Dead,
        }
    }
}
