//! Times that settings may name.

use std::time::Duration;

/// A time that an `Instant` can bear: beyond a year it makes no difference, and a sum that overflows would panic.
pub fn a_year_at_most(time: Duration) -> Duration {
    time.min(Duration::from_secs(365 * 24 * 60 * 60))
}
