//! What a lane counts.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};

/// One number, written by its lane, read by anybody: a statistic, nothing is ordered by it.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds on the lane's own thread, the only one that writes: no locked instruction.
    pub(crate) fn add(&self, n: usize) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n as u64), Ordering::Relaxed);
    }

    /// Adds on any thread; such a counter must not see [`Self::add`].
    pub(crate) fn add_shared(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of a lane.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        /// What the lanes did since they started, and what they hold: [`Lanes::stats`](crate::Lanes::stats).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct LaneStats {
            /// Connections that are open now.
            pub connections: u64,
            /// Bytes that wait in inboxes now.
            pub inbox_bytes: u64,
            /// Bytes that wait in outboxes now.
            pub outbox_bytes: u64,
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> LaneStats {
                LaneStats { $($name: self.$name.get(),)* ..LaneStats::default() }
            }
        }

        impl AddAssign for LaneStats {
            fn add_assign(&mut self, other: Self) {
                self.connections += other.connections;
                self.inbox_bytes += other.inbox_bytes;
                self.outbox_bytes += other.outbox_bytes;
                $(self.$name += other.$name;)*
            }
        }
    };
}

counters! {
    /// Connections that were ever adopted.
    adopted,
    /// Bytes read from streams.
    bytes_in,
    /// Bytes that streams took.
    bytes_out,
    /// Writes that streams took something of.
    writes,
    /// Messages given to a socket.
    deliveries,
    /// Messages encoded, once for each codec that a recipient speaks.
    encodes,
    /// Messages that a codec could not write, or at which it panicked.
    encode_errors,
    /// Volatile messages left out for a slow reader.
    dropped_volatile,
    /// Messages that a later one with the same key replaced.
    replaced_latest,
    /// Connections cut off because they did not read.
    slow_consumers,
    /// Events given to an application.
    events,
    /// Events whose payload did not fit their handler.
    bad_payloads,
    /// Handlers that returned an error.
    handler_errors,
    /// Handlers that panicked.
    handler_panics,
    /// Protocols that panicked, each at the cost of its connection.
    protocol_panics,
    /// Broadcasts that found the lane's inbox full, so that nothing was sent.
    overloaded,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        let counters = Counters::default();
        counters.deliveries.add(2);
        counters.overloaded.add_shared(3);
        let mut sum = LaneStats { connections: 1, ..LaneStats::default() };
        sum += counters.read();
        sum += counters.read();
        assert_eq!((sum.connections, sum.deliveries, sum.overloaded), (1, 4, 6));
    }
}
