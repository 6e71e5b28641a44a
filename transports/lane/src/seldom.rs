//! Log lines that anybody may cause.

use std::fmt;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_secs(1);

/// Lets one place of a program write into the log once a second at most: what a client may cause without end must not fill the
/// log, nor take the time of those who wait. One for each place, as a `static`. Costs one short lock, and the line.
///
/// ```
/// use roomcast_lane::Seldom;
///
/// static FOREIGN: Seldom = Seldom::new();
/// FOREIGN.say(|left_out| println!("refused a request{left_out}"));
/// ```
#[derive(Debug)]
pub struct Seldom(Mutex<Said>);

#[derive(Debug)]
struct Said {
    at: Option<Instant>,
    left_out: u64,
}

/// How many lines were left out since the last one. Shown as ` (and 7 before it)`, and as nothing where there were none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut(u64);

impl Seldom {
    /// Of a place that has said nothing yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Said { at: None, left_out: 0 }))
    }

    /// Calls `line`, or counts it as left out.
    pub fn say(&self, line: impl FnOnce(LeftOut)) {
        if let Some(left_out) = self.turn(Instant::now()) {
            line(left_out);
        }
    }

    fn turn(&self, now: Instant) -> Option<LeftOut> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.at.is_some_and(|at| now.saturating_duration_since(at) < PERIOD) {
            said.left_out += 1;
            return None;
        }
        said.at = Some(now);
        Some(LeftOut(mem::take(&mut said.left_out)))
    }
}

impl Default for Seldom {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            lines => write!(f, " (and {lines} before it)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_that_counts_those_between() {
        let place = Seldom::new();
        let began = Instant::now();
        let at = |ms| place.turn(began + Duration::from_millis(ms));
        let heard = [0, 1, 999, 1_000, 1_001, 1_999, 2_000, 9_000].map(at);
        let line = |left_out| Some(LeftOut(left_out));
        assert_eq!(heard, [line(0), None, None, line(2), None, None, line(2), line(0)]);
    }

    #[test]
    fn a_flood_is_one_line() {
        let place = Seldom::new();
        let now = Instant::now();
        assert_eq!((0..100_000).filter_map(|_| place.turn(now)).count(), 1);
    }

    #[test]
    fn a_clock_that_stands_behind_is_no_harm() {
        let place = Seldom::new();
        let now = Instant::now();
        assert!(place.turn(now + PERIOD).is_some());
        assert!(place.turn(now).is_none());
    }

    #[test]
    fn what_was_left_out_is_told_if_there_is_any() {
        assert_eq!(format!("refused{}", LeftOut(0)), "refused");
        assert_eq!(format!("refused{}", LeftOut(7)), "refused (and 7 before it)");
    }
}
