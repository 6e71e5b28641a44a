//! Calling code that is not ours.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::lanes::counters::Counters;

/// From here on a handler is told to have held its lane.
const SLOW: Duration = Duration::from_millis(100);

/// Calls a handler of the application: a panic is logged and counted and gives `None`, a long stay is logged and counted.
pub(crate) fn call_handler<R>(lane: usize, counters: &Counters, name: &str, handler: impl FnOnce() -> R) -> Option<R> {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(handler));
    let held = start.elapsed();
    if held > SLOW {
        counters.slow_handlers.add(1);
        tracing::warn!("handler {name:?} held lane {lane} for {} ms; use on(..)", held.as_millis());
    }
    result.map_err(|panic| report_panic(Some(counters), name, &*panic)).ok()
}

/// Logs a handler's panic, wherever it was caught, and counts it if the handler was called for a lane.
pub(crate) fn report_panic(counters: Option<&Counters>, name: &str, panic: &(dyn Any + Send)) {
    if let Some(counters) = counters {
        counters.handler_panics.add_shared(1);
    }
    tracing::error!("handler {name:?} panicked: {}", text(panic));
}

/// What a panic said, for a log: the text of `panic!`, whatever it was made of.
pub fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = || panic.downcast_ref::<String>().map(String::as_str);
    panic.downcast_ref::<&str>().copied().or_else(owned).unwrap_or("(no text)")
}
