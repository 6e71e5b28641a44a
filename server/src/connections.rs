//! How many connections are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use roomcast_lane::Lanes;

/// Counts the accepted connections of a server: those that speak HTTP, and those on lanes, which were upgraded, or began there and
/// have not said yet what they are.
#[derive(Clone, Debug)]
pub struct Connections {
    /// A statistic: nothing is ordered by it.
    http: Arc<AtomicUsize>,
    lanes: Lanes,
}

/// Counts as one connection that speaks HTTP while it lives.
#[derive(Debug)]
pub(crate) struct Speaking(Arc<AtomicUsize>);

impl Connections {
    /// Nothing is open but what `lanes` have.
    pub fn new(lanes: &Lanes) -> Self {
        Self { http: Arc::default(), lanes: lanes.clone() }
    }

    /// Open connections. One that is on its way to a lane may be missing for a moment.
    pub fn open(&self) -> usize {
        self.http.load(Ordering::Relaxed) + self.lanes.stats().streams as usize
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    pub(crate) fn enter(&self) -> Speaking {
        self.http.fetch_add(1, Ordering::Relaxed);
        Speaking(Arc::clone(&self.http))
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
