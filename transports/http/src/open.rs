//! How many connections are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A count shared by all who count and all who ask. A statistic: nothing is ordered by it. Entering and leaving are one atomic
/// addition each.
#[derive(Clone, Debug, Default)]
pub struct OpenCount(Arc<AtomicUsize>);

/// Counts as one connection while it lives.
#[derive(Debug)]
pub struct OpenGuard(OpenCount);

impl OpenCount {
    /// Counts one more, until the guard is dropped.
    #[must_use]
    pub fn enter(&self) -> OpenGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenGuard(self.clone())
    }

    /// How many are open now.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
