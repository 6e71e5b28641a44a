//! Any sequence of deliveries, answers, closes and faults of streams, from bytes, against a model of what each connection
//! must have been written.
//!
//! One interpreter for all: the property test beside it and the fuzz target `lane_writes` run it with the small limits that
//! this crate has in tests, `tests/writes.rs` with the real ones. It uses nothing but the crate's public interface.
//!
//! Everything happens on one thread, so the order in which output was asked for is known exactly. What a client got must be,
//! byte by byte:
//! - whole frames, in that order, each once; at the end of a connection that broke or was cut off, a part of one;
//! - all that is reliable, and all answers, up to that end; nothing behind a good-bye;
//! - of volatile messages all or nothing, of those with a key at least the last; and nothing is left out for a client whose
//!   stream took everything at once;
//! - control frames anywhere between, in their order.
//!
//! Besides, no outbox ever exceeds its limit by more than one message, and the lane's counters add up: whatever the engine
//! selected was received, or is counted as dropped, replaced or lost.

mod client;
mod decode;
mod peer;
mod pipe;
mod record;
mod world;

/// The limits for which sizes are chosen, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// From this size on a frame is shared.
    pub(crate) shared: usize,
    /// At this size the log is full.
    pub(crate) log: usize,
    /// What may be waiting for a connection; one of these is chosen.
    pub(crate) outbox: [usize; 4],
    /// What is written about at most, so that a run is short.
    pub(crate) total: usize,
}

impl Scale {
    /// As in this crate's tests.
    #[allow(dead_code, reason = "not all who run it use both")]
    pub(crate) const SMALL: Self =
        Self { shared: 256, log: 2 * 1024, outbox: [300, 1_000, 5_000, 1 << 20], total: 1 << 20 };

    /// As in a program.
    #[allow(dead_code, reason = "not all who run it use both")]
    pub(crate) const REAL: Self =
        Self { shared: 16 * 1024, log: 256 * 1024, outbox: [20_000, 64 * 1024, 300_000, 1 << 20], total: 32 << 20 };
}

/// Does what the bytes say, and checks.
///
/// # Panics
/// If a client did not get what it must have, or a number is wrong.
pub(crate) fn run(bytes: &[u8], scale: Scale) {
    let mut decoder = decode::Decoder::new(bytes, scale);
    let mut world = world::World::new(decoder.config());
    for step in decoder {
        world.apply(step);
        world.check_bounds();
    }
    world.end();
}
