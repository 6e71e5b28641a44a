//! When connections want to be looked at again.
//!
//! A map from tick to connections, 10 ms a tick. A connection remembers the earliest tick at which it stands in the map; a
//! deadline that moves away costs nothing, the entry is found stale when its tick comes and is put where the deadline is
//! then. So a heartbeat that every message postpones costs one comparison a message. Deadlines far away are rounded up to
//! coarser ticks, so that thousands of connections share few entries.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::key::Key;

const TICK: Duration = Duration::from_millis(10);
/// Beyond this a deadline is rounded up to [`COARSE`] ticks.
const FAR: Duration = Duration::from_secs(2);
const COARSE: u64 = 16;

/// The tick at which a connection stands in the map; the greatest for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Armed(u64);

impl Armed {
    pub(crate) const NO: Self = Self(u64::MAX);
}

#[derive(Debug)]
pub(crate) struct Timers {
    start: Instant,
    due: BTreeMap<u64, Vec<Key>>,
}

impl Timers {
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, due: BTreeMap::new() }
    }

    /// Makes that `key` comes up at `deadline`, or before and stale; not before the next tick, so that a deadline which stays
    /// in the past keeps nobody busy.
    pub(crate) fn arm(&mut self, key: Key, armed: &mut Armed, deadline: Instant, now: Instant) {
        let mut tick = self.tick_after(deadline).max(self.ticks_passed(now) + 1);
        if deadline.saturating_duration_since(now) > FAR {
            tick = tick.next_multiple_of(COARSE);
        }
        if tick < armed.0 {
            *armed = Armed(tick);
            self.due.entry(tick).or_default().push(key);
        }
    }

    /// The next connection whose tick has come. It counts only if it is armed for just this tick.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Key, Armed)> {
        let passed = self.ticks_passed(now);
        let mut first = self.due.first_entry().filter(|entry| *entry.key() <= passed)?;
        let tick = *first.key();
        let key = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        Some((key?, Armed(tick)))
    }

    /// When [`Self::pop`] has something next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let (tick, _) = self.due.first_key_value()?;
        let nanos = u64::try_from(u128::from(*tick) * TICK.as_nanos()).ok()?;
        self.start.checked_add(Duration::from_nanos(nanos))
    }

    fn ticks_passed(&self, now: Instant) -> u64 {
        (now.saturating_duration_since(self.start).as_nanos() / TICK.as_nanos()) as u64
    }

    fn tick_after(&self, deadline: Instant) -> u64 {
        let ticks = deadline.saturating_duration_since(self.start).as_nanos().div_ceil(TICK.as_nanos());
        u64::try_from(ticks).unwrap_or(u64::MAX - COARSE).min(u64::MAX - COARSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { index: 3, generation: 7 };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn comes_up_at_its_tick_and_not_before() {
        let start = Instant::now();
        let (mut timers, mut armed) = (Timers::new(start), Armed::NO);
        timers.arm(KEY, &mut armed, start + ms(95), start);
        assert_eq!(timers.next(), Some(start + ms(100)));
        assert_eq!(timers.pop(start + ms(99)), None);
        assert_eq!(timers.pop(start + ms(100)), Some((KEY, armed)));
        assert_eq!((timers.pop(start + ms(100)), timers.next()), (None, None));
    }

    #[test]
    fn later_deadlines_cost_nothing_and_earlier_ones_win() {
        let start = Instant::now();
        let (mut timers, mut armed) = (Timers::new(start), Armed::NO);
        timers.arm(KEY, &mut armed, start + ms(500), start);
        timers.arm(KEY, &mut armed, start + ms(900), start);
        timers.arm(KEY, &mut armed, start + ms(100), start);
        assert_eq!(timers.pop(start + ms(1_000)), Some((KEY, armed)));
        let (_, stale) = timers.pop(start + ms(1_000)).unwrap();
        assert_ne!(stale, armed, "the entry for 500 ms is stale");
        assert_eq!(timers.pop(start + ms(1_000)), None);
    }

    #[test]
    fn far_deadlines_share_coarse_ticks() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        for at in 25_000..25_100 {
            timers.arm(KEY, &mut Armed::NO.clone(), start + ms(at), start);
        }
        assert!(timers.due.len() <= 2, "{} entries", timers.due.len());
        assert!(timers.next().unwrap() >= start + ms(25_000));
    }
}
