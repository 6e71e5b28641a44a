//! When to ping, and when to give up.

use std::time::{Duration, Instant};

/// Periods of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Periods {
    /// From ping to ping.
    pub(crate) interval: Duration,
    /// How long a peer may be silent after a ping.
    pub(crate) timeout: Duration,
}

/// The heartbeat of one connection, without a clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The peer is well; the next ping is due then.
    PingAt(Instant),
    /// Pinged, and heard nothing since, unless more than these bytes of a frame wait to be complete.
    PingedAt(Instant, usize),
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// Send a ping.
    Ping,
    /// Drop the connection.
    Dead,
}

impl Heartbeat {
    pub(crate) fn new(now: Instant, periods: Periods) -> Self {
        Self { state: State::PingAt(now + periods.interval) }
    }

    /// Something came, whatever it was.
    pub(crate) fn handle_input(&mut self, periods: Periods) {
        if let State::PingedAt(pinged, _) = self.state {
            self.state = State::PingAt(pinged + periods.interval);
        }
    }

    /// When to ask [`Self::handle_timeout`] next.
    pub(crate) fn poll_timeout(&self, periods: Periods) -> Instant {
        match self.state {
            State::PingAt(at) => at,
            State::PingedAt(pinged, _) => pinged + periods.timeout,
        }
    }

    /// What is due at `now`, when `partial` bytes of a frame that is not complete have come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, partial: usize, periods: Periods) -> Due {
        if let State::PingedAt(_, before) = self.state
            && partial > before
        {
            self.handle_input(periods);
        }
        if now < self.poll_timeout(periods) {
            return Due::Nothing;
        }
        match self.state {
            State::PingedAt(..) => Due::Dead,
            State::PingAt(_) => {
                self.state = State::PingedAt(now, partial);
                Due::Ping
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIODS: Periods = Periods { interval: Duration::from_secs(25), timeout: Duration::from_secs(20) };

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_peer_that_answers_is_pinged_in_each_interval() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start, PERIODS);
        for beat in 1..100 {
            let due = start + seconds(25 * beat);
            assert_eq!(heartbeat.poll_timeout(PERIODS), due);
            assert_eq!(heartbeat.handle_timeout(due - seconds(1), 0, PERIODS), Due::Nothing);
            assert_eq!(heartbeat.handle_timeout(due, 0, PERIODS), Due::Ping);
            heartbeat.handle_input(PERIODS);
        }
    }

    #[test]
    fn a_silent_peer_is_dead_a_timeout_after_the_ping_and_not_before() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start, PERIODS);
        let pinged = start + seconds(25) + Duration::from_millis(7);
        assert_eq!(heartbeat.handle_timeout(pinged, 0, PERIODS), Due::Ping);
        assert_eq!(heartbeat.poll_timeout(PERIODS), pinged + seconds(20));
        assert_eq!(heartbeat.handle_timeout(pinged + seconds(19), 0, PERIODS), Due::Nothing);
        assert_eq!(heartbeat.handle_timeout(pinged + seconds(20), 0, PERIODS), Due::Dead);
    }

    #[test]
    fn input_just_before_the_end_saves_it() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start, PERIODS);
        assert_eq!(heartbeat.handle_timeout(start + seconds(25), 0, PERIODS), Due::Ping);
        heartbeat.handle_input(PERIODS);
        assert_eq!(heartbeat.handle_timeout(start + seconds(45), 0, PERIODS), Due::Nothing);
        assert_eq!(heartbeat.handle_timeout(start + seconds(50), 0, PERIODS), Due::Ping);
        assert_eq!(heartbeat.handle_timeout(start + seconds(70), 0, PERIODS), Due::Dead);
    }

    #[test]
    fn a_timeout_longer_than_the_interval_makes_no_second_ping() {
        let periods = Periods { interval: seconds(1), timeout: seconds(5) };
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start, periods);
        assert_eq!(heartbeat.handle_timeout(start + seconds(1), 0, periods), Due::Ping);
        assert_eq!(heartbeat.handle_timeout(start + seconds(2), 0, periods), Due::Nothing);
        heartbeat.handle_input(periods);
        assert_eq!(heartbeat.handle_timeout(start + seconds(4), 0, periods), Due::Ping, "the one that was missed");
        assert_eq!(heartbeat.handle_timeout(start + seconds(9), 0, periods), Due::Dead);
    }

    #[test]
    fn a_frame_that_grows_is_a_sign_of_life_and_one_that_does_not_is_none() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start, PERIODS);
        assert_eq!(heartbeat.handle_timeout(start + seconds(25), 10, PERIODS), Due::Ping);
        assert_eq!(heartbeat.handle_timeout(start + seconds(45), 11, PERIODS), Due::Nothing);
        assert_eq!(heartbeat.handle_timeout(start + seconds(50), 11, PERIODS), Due::Ping);
        assert_eq!(heartbeat.handle_timeout(start + seconds(70), 11, PERIODS), Due::Dead);
    }
}
