//! After a panic of the lane itself.
//!
//! Protocols, codecs and handlers are called with a net under each; the engine has its own under observers and values of
//! users. What falls through is a mistake of ours, or of a stream, and leaves the lane's state half changed. So nothing more is
//! done with that state than to end its connections, each with a net of its own, of which their applications hear; then the
//! lane goes on as a new one. It keeps what concerns no connection that is lost: orders that wait (new connections among them;
//! those for lost ones find nobody), sockets whose application still has to hear of their end, a drain.
//!
//! The order that was being obeyed is not obeyed again, nor is the stream that panicked used again, so each panic leaves less
//! to do. A lane that panics twice in a row all the same ends; the others go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::guard;
use crate::lane::Lane;
use crate::lanes::order::Order;
use crate::protocol::close::Close;

impl Lane {
    /// [`Self::turn`] for a lane that has to live: whatever panics in it.
    pub(crate) fn turn_and_survive(&mut self, now: Instant) -> bool {
        let panic = match catch_unwind(AssertUnwindSafe(|| self.turn(now))) {
            Ok(more) => {
                self.panicked = false;
                return more;
            }
            Err(panic) => panic,
        };
        self.counters().lane_panics.add(1);
        tracing::error!(
            "lane {} panicked and ends its {} connections: {}; a bug of roomcast or of a stream, please report it",
            self.shared.index,
            self.connections.len(),
            guard::text(&*panic)
        );
        let again = self.panicked;
        self.end_all();
        self.renew();
        if again {
            tracing::error!("lane {} panicked twice in a row and ends", self.shared.index);
            self.stop();
        }
        self.panicked = true;
        true
    }

    /// Ends all connections, each with a net of its own.
    fn end_all(&mut self) {
        let close = Close::internal("panic");
        let indexes: Vec<u32> = self.connections.iter().map(|(index, _)| index as u32).collect();
        for key in indexes.into_iter().filter_map(|index| self.key_of(index)).collect::<Vec<_>>() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.remove(key, &close))) {
                tracing::error!("a connection was lost without a word: {}", guard::text(&*panic));
            }
        }
    }

    /// Begins anew, with what concerns no connection that was here.
    fn renew(&mut self) {
        self.take_orders();
        let fresh = Self::new(Arc::clone(&self.shared), self.ports.clone(), self.limits, self.tasks.clone(), self.now);
        let old = std::mem::replace(self, fresh);
        self.reactor = old.reactor;
        self.ids = old.ids;
        // Old keys must not mean new connections, nor old replies new events.
        self.generation = old.generation;
        self.events = old.events;
        self.orphans = old.orphans;
        self.drain = old.drain;
        self.done = old.done + old.in_hand;
        self.orders = old.orders;
        // What protocols had staged went with the rest.
        let done = &mut self.done;
        self.orders.retain(|order| {
            let is_staged = matches!(order, Order::Write { .. });
            *done += if is_staged { order.size() } else { 0 };
            !is_staged
        });
    }
}
