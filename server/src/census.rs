//! How many rooms and memberships there are: counted when somebody asks, and not for each who asks.
//!
//! The engine keeps no such numbers, since each join would have to write them; it walks its rooms. So those who ask while
//! there was a walk a moment ago wait for the next one, and share it. Nobody gets what was counted before he asked.

use std::time::Duration;

use roomcast::Stats;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// From the beginning of a walk to that of the next one, at least.
const WALK_PERIOD: Duration = Duration::from_millis(50);

pub(crate) struct Census {
    walk: Box<dyn Fn() -> Stats + Send + Sync>,
    last: Mutex<Option<Walked>>,
}

struct Walked {
    began: Instant,
    stats: Stats,
}

impl Census {
    /// `walk` counts.
    pub(crate) fn new(walk: impl Fn() -> Stats + Send + Sync + 'static) -> Self {
        Self { walk: Box::new(walk), last: Mutex::default() }
    }

    /// What was counted since the call. Waits for [`WALK_PERIOD`] at most, and for the walk.
    pub(crate) async fn count(&self) -> Stats {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(Walked { began, stats }) = &*last {
            if *began > asked {
                return *stats;
            }
            tokio::time::sleep_until(*began + WALK_PERIOD).await;
        }
        let began = Instant::now();
        last.insert(Walked { began, stats: (self.walk)() }).stats
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts its walks.
    fn census() -> Census {
        let walks = AtomicUsize::new(0);
        Census::new(move || Stats { rooms: walks.fetch_add(1, Ordering::Relaxed) + 1, ..Stats::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_share_a_walk() {
        let census = Arc::new(census());
        assert_eq!(census.count().await.rooms, 1);
        let asking: Vec<_> = (0..100)
            .map(|_| {
                let census = Arc::clone(&census);
                tokio::spawn(async move { census.count().await.rooms })
            })
            .collect();
        for asked in asking {
            assert_eq!(asked.await.unwrap(), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_gets_what_was_counted_before_and_walks_are_few() {
        let (census, began) = (census(), Instant::now());
        for walks in 1..=5 {
            assert_eq!(census.count().await.rooms, walks);
        }
        assert_eq!(began.elapsed(), WALK_PERIOD * 4);
        tokio::time::sleep(WALK_PERIOD).await;
        let asked = Instant::now();
        assert_eq!(census.count().await.rooms, 6);
        assert_eq!(asked.elapsed(), Duration::ZERO, "after a while nobody waits");
    }
}
