//! Waiting for what another process does.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything may take before a test fails: generous, for a machine that also compiles.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Polls until `condition` holds.
///
/// # Panics
/// If it does not within [`DEADLINE`]; `what` says for what one waited.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
