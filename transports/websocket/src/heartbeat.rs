//! When to ping, and when to give up.
//!
//! Only a pong answers a ping. But a pong may be stuck behind what its client sent before the ping came, so a client that
//! sends much, in whole messages or of one that is not whole yet, is given another timeout each time.

use std::time::{Duration, Instant};

use roomcast_http::BUSY_BYTES;

/// Periods of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Periods {
    /// From ping to ping.
    pub(crate) interval: Duration,
    /// How long a pong may take.
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
    Silent(Silence),
}

/// The peer was pinged, and no pong came since.
#[derive(Clone, Copy, Debug)]
struct Silence {
    pinged: Instant,
    /// Since when there is no excuse.
    since: Instant,
    /// Bytes of whole messages that came since then.
    whole: usize,
    /// Bytes of a message that was not whole yet then.
    partial: usize,
}

impl Silence {
    /// What came since then, where `partial` bytes of a message that is not whole have.
    fn came(&self, partial: usize) -> usize {
        self.whole.saturating_add(partial.saturating_sub(self.partial))
    }
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

    /// A pong came, asked for or not.
    pub(crate) fn handle_pong(&mut self, periods: Periods) {
        if let State::Silent(Silence { pinged, .. }) = self.state {
            self.state = State::PingAt(pinged + periods.interval);
        }
    }

    /// A message of so many bytes came.
    pub(crate) fn handle_message(&mut self, bytes: usize) {
        if let State::Silent(silence) = &mut self.state {
            silence.whole = silence.whole.saturating_add(bytes);
        }
    }

    /// The silence is forgiven: another one begins.
    pub(crate) fn excuse(&mut self, now: Instant, partial: usize) {
        if let State::Silent(silence) = &mut self.state {
            *silence = Silence { since: now, whole: 0, partial, ..*silence };
        }
    }

    /// When to ask [`Self::handle_timeout`] next.
    pub(crate) fn poll_timeout(&self, periods: Periods) -> Instant {
        match self.state {
            State::PingAt(at) => at,
            State::Silent(silence) => silence.since + periods.timeout,
        }
    }

    /// What is due at `now`, when `partial` bytes of a message that is not whole have come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, partial: usize, periods: Periods) -> Due {
        if now < self.poll_timeout(periods) {
            return Due::Nothing;
        }
        match self.state {
            State::PingAt(_) => {
                self.state = State::Silent(Silence { pinged: now, since: now, whole: 0, partial });
                Due::Ping
            }
            State::Silent(silence) if silence.came(partial) >= BUSY_BYTES => {
                self.excuse(now, partial);
                Due::Nothing
            }
            State::Silent(_) => Due::Dead,
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
            heartbeat.handle_pong(PERIODS);
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
    fn a_pong_just_before_the_end_saves_it() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start, PERIODS);
        assert_eq!(heartbeat.handle_timeout(start + seconds(25), 0, PERIODS), Due::Ping);
        heartbeat.handle_pong(PERIODS);
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
        heartbeat.handle_pong(periods);
        assert_eq!(heartbeat.handle_timeout(start + seconds(4), 0, periods), Due::Ping, "the one that was missed");
        assert_eq!(heartbeat.handle_timeout(start + seconds(9), 0, periods), Due::Dead);
    }

    /// When a connection is dropped that is never heard, after a ping at 25 s; `came` in each timeout.
    fn dead_at(timeouts: u32, mut came: impl FnMut(&mut Heartbeat) -> usize) -> Option<u32> {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start, PERIODS);
        assert_eq!(heartbeat.handle_timeout(start + seconds(25), 10, PERIODS), Due::Ping);
        (1..=timeouts).find(|n| {
            let partial = came(&mut heartbeat);
            let due = heartbeat.poll_timeout(PERIODS);
            assert_eq!(due, start + seconds(25) + PERIODS.timeout * *n);
            heartbeat.handle_timeout(due, partial, PERIODS) == Due::Dead
        })
    }

    #[test]
    fn a_message_that_grows_is_an_excuse_each_time_and_one_that_does_not_is_none() {
        assert_eq!(dead_at(9, |_| 10), Some(1));
        let mut partials = (1..).map(|n| 10 + n * BUSY_BYTES);
        assert_eq!(dead_at(9, |_| partials.next().unwrap()), None);
        let grown = 10 + BUSY_BYTES;
        let mut partials = [grown, grown + BUSY_BYTES, grown + 2 * BUSY_BYTES - 1].into_iter();
        assert_eq!(dead_at(9, |_| partials.next().unwrap()), Some(3), "a drip is none");
        let mut partials = [grown, 0, 0].into_iter();
        assert_eq!(dead_at(9, |_| partials.next().unwrap()), Some(2), "what became whole was little");
    }

    #[test]
    fn much_in_one_silence_is_an_excuse_and_little_is_none() {
        let sends = |bytes: &'static [usize]| {
            let mut bytes = bytes.iter();
            dead_at(9, move |heartbeat| {
                heartbeat.handle_message(*bytes.next().unwrap_or(&0) / 2);
                heartbeat.handle_message(*bytes.next().unwrap_or(&0) / 2);
                0
            })
        };
        assert_eq!(sends(&[BUSY_BYTES - 2, BUSY_BYTES - 2]), Some(1));
        assert_eq!(sends(&[BUSY_BYTES, BUSY_BYTES]), Some(2));
        assert_eq!(sends(&[BUSY_BYTES, BUSY_BYTES, BUSY_BYTES, BUSY_BYTES, 100, 100]), Some(3));
        assert_eq!(sends(&[usize::MAX, usize::MAX]), Some(2));
    }
}
