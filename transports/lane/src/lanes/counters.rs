//! What a lane counts.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

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

        /// What lanes did since they started, and what they hold now: [`Lanes::stats`](crate::Lanes::stats) and
        /// [`Lanes::lane_stats`](crate::Lanes::lane_stats).
        ///
        /// What the engine selects a socket for is counted once in `deliveries`, and if it does not get to the socket's
        /// stream, once in `dropped_volatile`, `replaced_latest` or `lost`; the rest is [`Self::delivered`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        #[non_exhaustive]
        pub struct LaneStats {
            /// Connections that are open now, sessions that are polled included.
            pub connections: u64,
            /// Those of them that have a stream.
            pub streams: u64,
            /// Bytes that wait in inboxes now.
            pub inbox_bytes: u64,
            /// Bytes that wait in outboxes now.
            pub outbox_bytes: u64,
            $($(#[$doc])* pub $name: u64,)*
        }

        impl LaneStats {
            /// Messages that streams took, or that wait for a stream which takes more.
            pub fn delivered(&self) -> u64 {
                // Read one after the other while lanes work, so the parts may be younger than the sum.
                self.deliveries.saturating_sub(self.dropped_volatile + self.replaced_latest + self.lost)
            }
        }

        impl Counters {
            pub(crate) fn read(&self) -> LaneStats {
                LaneStats { $($name: self.$name.get(),)* ..LaneStats::default() }
            }
        }

        impl AddAssign for LaneStats {
            fn add_assign(&mut self, other: Self) {
                self.connections += other.connections;
                self.streams += other.streams;
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
    /// Messages times the sockets that the engine selected for them.
    deliveries,
    /// Messages encoded, once for each codec that a recipient speaks.
    encodes,
    /// Messages that a codec could not write, or at which it panicked.
    encode_errors,
    /// Volatile messages left out for a slow reader, or for one that was not let in yet.
    dropped_volatile,
    /// Messages that a later one with the same key replaced.
    replaced_latest,
    /// Messages that did not get out for another reason: the socket was gone, or its connection ended first, or no codec
    /// could write them. Where many small messages were being written when the connection broke, up to 16 KiB that the
    /// stream took may count too.
    lost,
    /// Connections cut off because they did not read: the sum of the next three.
    slow_consumers,
    /// Those for which more waited than `outbox_bytes_max`.
    slow_over_limit,
    /// Those that took nothing for `outbox_age_max`.
    slow_stalled,
    /// Those for which most waited when all outboxes together exceeded `outboxes_bytes_max`.
    slow_over_budget,
    /// Sockets that were not let in: the application refused them, or its handler failed, or the engine was full.
    refused,
    /// Events given to an application.
    events,
    /// Events whose payload did not fit their handler.
    bad_payloads,
    /// Handlers that returned an error.
    handler_errors,
    /// Handlers that panicked.
    handler_panics,
    /// Handlers that held their lane for more than 100 ms.
    slow_handlers,
    /// Protocols that panicked, each at the cost of its connection.
    protocol_panics,
    /// Panics of the lane itself, each at the cost of all its connections.
    lane_panics,
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
        sum.lost = 3;
        assert_eq!(sum.delivered(), 1);
        sum.lost = 5;
        assert_eq!(sum.delivered(), 0, "read at another moment");
    }
}
