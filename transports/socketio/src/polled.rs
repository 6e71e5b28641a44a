//! How many sessions are polled: they have no stream, so the limit of connections does not bound them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The polled sessions of an endpoint.
#[derive(Default)]
pub(crate) struct PolledSessions(Arc<AtomicUsize>);

/// Counts as one of them.
pub(crate) struct Polled(Arc<AtomicUsize>);

impl PolledSessions {
    /// One more, if there are less than `max`.
    pub(crate) fn enter(&self, max: usize) -> Option<Polled> {
        let one_more = |sessions| (sessions < max).then_some(sessions + 1);
        // Nothing is ordered by it.
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Polled(Arc::clone(&self.0)))
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
