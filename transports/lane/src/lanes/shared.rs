//! What other threads may touch of a lane: its inbox, with its limit, and its counters.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roomcast::{Backlog, Closed, Delivery, Inbox, SocketId};
use tokio::sync::Notify;

use crate::application::disconnect::Disconnect;
use crate::lane::budget::{Account, Budget};
use crate::lanes::codecs::Codecs;
use crate::lanes::counters::{Counters, LaneStats};
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
    /// Open connections, and those on their way here: what placement goes by. [`Counted`] counts.
    connections: AtomicUsize,
    /// Those of them that have a stream. [`Counted`] counts.
    streams: AtomicUsize,
    /// Set before the inbox is closed: a hint for placement, the closed inbox is what counts.
    ended: AtomicBool,
    /// What those are to be told whom the application had not let in when the lane ended, if it lets them in all the same.
    byes: Mutex<HashMap<SocketId, Disconnect>>,
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
            streams: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            byes: Mutex::default(),
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

    /// Refuses all further orders. Those that wait are returned.
    pub(crate) fn end(&self) -> Vec<Order> {
        self.ended.store(true, Ordering::Relaxed);
        let orders = self.inbox.close();
        self.ready.close();
        // Nobody is behind any more.
        self.relief.notify_waiters();
        orders
    }

    /// Locked for one change.
    pub(crate) fn byes(&self) -> MutexGuard<'_, HashMap<SocketId, Disconnect>> {
        self.byes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// What this lane's outboxes hold.
    pub(crate) fn account(&self) -> &Arc<Account> {
        self.budget.account(self.index)
    }

    /// Whether so much waits that the lane should not read more, and publishers that care should wait.
    pub(crate) fn is_behind(&self) -> bool {
        self.inbox.bytes() > self.inbox_bytes_max / 4 && !self.has_ended()
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn open_streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// What the lane did and holds.
    pub(crate) fn stats(&self) -> LaneStats {
        LaneStats {
            connections: self.open_connections() as u64,
            streams: self.open_streams() as u64,
            inbox_bytes: self.inbox.bytes(),
            outbox_bytes: self.account().used(),
            ..self.counters.read()
        }
    }
}

/// Counts with its lane, from its placement to its end, however that comes.
pub(crate) struct Counted<const STREAM: bool>(Arc<LaneShared>);

/// As a connection.
pub(crate) type CountedConnection = Counted<false>;
/// As a stream, which one connection may hand to another.
pub(crate) type CountedStream = Counted<true>;

impl<const STREAM: bool> Counted<STREAM> {
    pub(crate) fn new(lane: &Arc<LaneShared>) -> Self {
        let counted = Self(Arc::clone(lane));
        counted.number().fetch_add(1, Ordering::Relaxed);
        counted
    }

    fn number(&self) -> &AtomicUsize {
        if STREAM { &self.0.streams } else { &self.0.connections }
    }
}

impl<const STREAM: bool> Drop for Counted<STREAM> {
    fn drop(&mut self) {
        self.number().fetch_sub(1, Ordering::Relaxed);
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
