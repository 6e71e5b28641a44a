//! What other threads may touch of a lane: its inbox, with its limit, and its counters.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use roomcast::{Backlog, Closed, Delivery, Inbox};
use tokio::sync::Notify;

use crate::lane::outbox::Budget;
use crate::lanes::codecs::Codecs;
use crate::lanes::counters::Counters;
use crate::lanes::order::Order;

/// The outside of a lane. It is what the engine knows as `dyn Lane`, so it owns no engine and no socket.
pub(crate) struct LaneShared {
    pub(crate) index: usize,
    pub(crate) inbox: Inbox<Order>,
    /// Connections whose stream has something, by index. Apart from the inbox, because most of a busy lane's entries are
    /// these.
    pub(crate) ready: Inbox<u32>,
    pub(crate) inbox_bytes_max: u64,
    pub(crate) counters: Counters,
    /// Open connections, and those on their way here: what placement goes by.
    pub(crate) connections: AtomicUsize,
    /// Set before the inbox is closed: a hint for placement, the closed inbox is what counts.
    ended: AtomicBool,
    /// Told whenever the backlog fell below a quarter.
    pub(crate) relief: Notify,
    pub(crate) codecs: Arc<Codecs>,
    pub(crate) budget: Arc<Budget>,
}

impl LaneShared {
    pub(crate) fn new(index: usize, inbox_bytes_max: u64, codecs: &Arc<Codecs>, budget: &Arc<Budget>) -> Self {
        Self {
            index,
            inbox: Inbox::default(),
            ready: Inbox::default(),
            inbox_bytes_max,
            counters: Counters::default(),
            connections: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            relief: Notify::new(),
            codecs: Arc::clone(codecs),
            budget: Arc::clone(budget),
        }
    }

    /// Tells the lane something; false if it has ended.
    pub(crate) fn push(&self, order: Order) -> bool {
        let bytes = order.size();
        self.inbox.push(order, bytes).is_ok()
    }

    /// Refuses all further orders.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.turn_away(self.inbox.close());
        self.ready.close();
        // Nobody is behind any more.
        self.relief.notify_waiters();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Drops orders that come too late; connections among them were counted when they were sent here.
    pub(crate) fn turn_away(&self, orders: impl IntoIterator<Item = Order>) {
        let adoptions = orders.into_iter().filter(|order| matches!(order, Order::Adopt(_))).count();
        self.connections.fetch_sub(adoptions, Ordering::Relaxed);
    }

    /// Whether so much waits that the lane should not read more, and publishers that care should wait.
    pub(crate) fn is_behind(&self) -> bool {
        self.inbox.bytes() > self.inbox_bytes_max / 4 && !self.has_ended()
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl roomcast::Lane for LaneShared {
    fn backlog(&self) -> Backlog {
        let bytes = self.inbox.bytes();
        let full = bytes >= self.inbox_bytes_max;
        if full {
            self.counters.overloaded.add_shared(1);
        }
        Backlog { bytes, full }
    }

    fn deliver(&self, delivery: Delivery) {
        self.push(Order::Deliver(delivery));
    }

    fn close(&self, closed: Closed) {
        self.push(Order::Closed(closed));
    }
}

impl fmt::Debug for LaneShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneShared").field("index", &self.index).finish_non_exhaustive()
    }
}
