//! Stretches of stamps.

use crate::history::Stamp;

/// Stamps at which something may be so: stretches with both ends, in order, without overlap.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spans(Vec<(Stamp, Stamp)>);

impl Spans {
    /// Of stretches in any order.
    pub(crate) fn of(mut spans: Vec<(Stamp, Stamp)>) -> Self {
        spans.sort_unstable();
        let mut merged: Vec<(Stamp, Stamp)> = Vec::with_capacity(spans.len());
        for (from, until) in spans {
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(until),
                _ => merged.push((from, until)),
            }
        }
        Self(merged)
    }

    /// The first stamp from `from` to `until` that is in one.
    pub(crate) fn first_within(&self, from: Stamp, until: Stamp) -> Option<Stamp> {
        let next = self.0.partition_point(|span| span.1 < from);
        self.0.get(next).map(|span| span.0.max(from)).filter(|first| *first <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_touch_are_one() {
        let spans = Spans::of(vec![(20, 30), (1, 4), (5, 9), (25, 27), (40, 40)]);
        assert_eq!(spans.0, [(1, 9), (20, 30), (40, 40)]);
        assert_eq!(Spans::of(vec![(3, Stamp::MAX), (9, 12)]).0, [(3, Stamp::MAX)]);
    }

    #[test]
    fn the_first_stamp() {
        let spans = Spans::of(vec![(5, 9), (20, 30)]);
        assert_eq!(spans.first_within(0, 4), None);
        assert_eq!(spans.first_within(0, 5), Some(5));
        assert_eq!(spans.first_within(7, 7), Some(7));
        assert_eq!(spans.first_within(10, 19), None);
        assert_eq!(spans.first_within(10, 99), Some(20));
        assert_eq!(spans.first_within(31, Stamp::MAX), None);
    }
}
