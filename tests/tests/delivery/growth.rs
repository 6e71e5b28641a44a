//! Does memory grow without bound? It is looked at when nobody is connected.

use std::fmt;

/// Resident memory in KiB after each run.
#[derive(Debug, Default)]
pub(crate) struct Growth(Vec<u64>);

/// So many samples are needed for a verdict.
const SAMPLES_MIN: usize = 24;
/// An allocator keeps more or less of what is free.
const SLACK_KIB: u64 = 8 * 1024;

impl Growth {
    pub(crate) fn add(&mut self, kib: u64) {
        self.0.push(kib);
    }

    /// Is the median of the last quarter far above that of the second one? The first is for warming up.
    pub(crate) fn is_without_bound(&self) -> Option<String> {
        let quarter = self.0.len() / 4;
        if self.0.len() < SAMPLES_MIN {
            return None;
        }
        let (early, late) = (median(&self.0[quarter..2 * quarter]), median(&self.0[self.0.len() - quarter..]));
        let grows = late > early + SLACK_KIB;
        grows.then(|| format!("the idle server grew from {early} KiB to {late} KiB: {:?}", self.0))
    }
}

fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, most) = (self.0.last().unwrap_or(&0), self.0.iter().max().unwrap_or(&0));
        write!(f, "RSS of the idle server {now} KiB (at most {most} KiB)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(samples: impl Iterator<Item = u64>) -> Option<String> {
        let mut growth = Growth::default();
        samples.for_each(|kib| growth.add(kib));
        growth.is_without_bound()
    }

    #[test]
    fn what_levels_off_is_bounded() {
        assert_eq!(after((0..200).map(|run| 20_000 + 40_000 * run.min(30) / 30 + run % 7 * 900)), None);
    }

    #[test]
    fn what_goes_on_growing_is_not() {
        assert!(after((0..300).map(|run| 20_000 + 100 * run + run % 7 * 900)).is_some());
        assert!(after((0..24).map(|run| 20_000 + 2_000 * run)).is_some());
    }

    #[test]
    fn a_few_samples_say_nothing() {
        assert_eq!(after((0..23).map(|run| 1000 * run)), None);
    }
}
