//! Latencies in logarithmic buckets: a million of them in 15 KiB, each within 3 %.

use std::time::Duration;

/// Buckets a doubling: the error is below one in so many.
const STEPS: u64 = 32;

/// Counts of durations by size.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; (STEPS * 60) as usize], total: 0, longest: Duration::ZERO }
    }

    /// Counts `duration`.
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bucket(nanos).min(self.counts.len() - 1);
        self.counts[bucket] += 1;
        self.total += 1;
        self.longest = self.longest.max(duration);
    }

    /// The duration that the share `part` (0 to 1) of all did not exceed; zero if there are none.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let rank = (self.total as f64 * part).ceil() as u64;
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank.max(1)
        });
        bucket.map_or(Duration::ZERO, |bucket| Duration::from_nanos(middle(bucket as u64)))
    }

    /// The longest duration, exactly.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }
}

/// Values below STEPS have a bucket each; above, the leading bit chooses 32 buckets, the next five one.
fn bucket(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - STEPS.ilog2();
    (u64::from(shift) * STEPS + (nanos >> shift)) as usize
}

fn middle(bucket: u64) -> u64 {
    if bucket < STEPS * 2 {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS) << shift) + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_within_three_percent() {
        for exponent in 0..40 {
            for value in [1 << exponent, (1 << exponent) + (1 << exponent) / 3] {
                let back = middle(bucket(value) as u64);
                assert!(back.abs_diff(value) as f64 <= value as f64 * 0.032, "{value} came back as {back}");
            }
        }
    }

    #[test]
    fn quantiles() {
        let mut histogram = Histogram::new();
        for micros in 1..=1_000 {
            histogram.record(Duration::from_micros(micros));
        }
        let near = |part, micros: f64| {
            let found = histogram.quantile(part).as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 0.04, "{part}: {found}");
        };
        near(0.5, 500.0);
        near(0.99, 990.0);
        near(1.0, 1_000.0);
        assert_eq!(histogram.longest(), Duration::from_millis(1));
        assert_eq!(Histogram::new().quantile(0.5), Duration::ZERO);
    }
}
