//! One lane: its connections, its log, its turn. Plain fields with one owner; no lock, no I/O runtime.
//!
//! # Turn
//! ```text
//!   take inbox and ready list
//!   read at most 64 connections, once each        protocols run, handlers run; what they send goes into the inbox
//!                                                 while the lane is behind: 4, and new connections
//!   take the inbox again                          else answers would wait a turn
//!   drain: orders into the log                    at most 65,536 recipients or 256 KiB; a delivery may stay open
//!   flush at most 64 connections                  one write each
//!   timers
//! ```
//! Every step is bounded, and between turns the driver looks at the reactor, so what arrives while a large broadcast is
//! flushed rides along with the connections that are not flushed yet.
//!
//! # Behind
//! What is read makes more to send. So a lane for which much waits, or whose log is full, reads only a few connections a turn,
//! in the order in which they had something to say, and none before it has worked off as many orders as the last few made:
//! then reading adds nothing to what waits. New connections are read all the same, until it is known what they are.
//!
//! Nobody is judged by a clock before it was read, or, without a stream, before the orders that waited are obeyed: its
//! deadline is looked at afterwards.
//!
//! # Order
//! Output comes into the log only while the inbox is drained, in the inbox's order. So one publisher's messages, replies and
//! closes keep their order at every socket, and all sockets of the lane see one order. What a protocol queues while it is
//! *reading* therefore goes through the inbox too (its bytes are staged here, the inbox carries their number).

pub(crate) mod budget;
pub(crate) mod call;
pub(crate) mod change;
pub(crate) mod connection;
pub(crate) mod deliver;
pub(crate) mod ending;
pub(crate) mod flush;
pub(crate) mod held;
pub(crate) mod input;
pub(crate) mod log;
pub(crate) mod outbox;
pub(crate) mod ports;
pub(crate) mod read;
pub(crate) mod recover;
pub(crate) mod sockets;
pub(crate) mod timers;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use roomcast::{Codec, LaneTable, SocketId};
use slab::Slab;
use tokio::runtime::Handle;

use crate::SMALL;
use crate::key::Key;
use crate::lane::change::Change;
use crate::lane::connection::{Binding, Connection, Orphan};
use crate::lane::deliver::Cursor;
use crate::lane::held::Held;
use crate::lane::input::READ_BYTES;
use crate::lane::log::{Spans, TurnLog};
use crate::lane::ports::Ports;
use crate::lane::timers::Timers;
use crate::lanes::ids::Ids;
use crate::lanes::order::Order;
use crate::lanes::shared::LaneShared;
use crate::lanes::tasks::Tasks;

/// So many orders may wait before the lane counts as behind: enough to batch, not so many that a flood of requests delays all others.
const ORDERS_MAX: usize = if SMALL { 64 } else { 4_096 };

/// So much room for orders is kept when there are none.
const ORDERS_KEEP: usize = 2 * ORDERS_MAX;

/// What bounds a lane's memory and patience.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) outbox_bytes_max: usize,
    pub(crate) outbox_age_max: Duration,
}

pub(crate) struct Lane {
    pub(crate) shared: Arc<LaneShared>,
    pub(crate) limits: Limits,
    pub(crate) ports: Ports,
    pub(crate) tasks: Tasks,
    /// The runtime whose reactor watches the streams; a lane that is driven by hand has none.
    pub(crate) reactor: Option<Handle>,
    pub(crate) ids: Ids,
    /// The time at which the turn began.
    pub(crate) now: Instant,

    pub(crate) connections: Slab<Connection>,
    /// By the same index; apart, because giving a span to a thousand connections should touch nothing else.
    pub(crate) spans: Vec<Spans>,
    pub(crate) generation: u32,
    pub(crate) table: LaneTable<Binding>,
    pub(crate) held: Slab<Held>,
    pub(crate) orphans: HashMap<SocketId, Orphan>,
    pub(crate) events: u64,

    pub(crate) orders: VecDeque<Order>,
    pub(crate) taken: Vec<Order>,
    /// Bytes of orders that are finished, not yet reported to the inbox.
    pub(crate) done: usize,
    /// Bytes of the delivery that is open.
    pub(crate) in_hand: usize,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) codecs: Vec<Arc<dyn Codec>>,
    pub(crate) log: TurnLog,
    /// Connections with spans, in the order in which they got them. May name some that are gone.
    pub(crate) dirty: VecDeque<u32>,

    pub(crate) ready: VecDeque<u32>,
    pub(crate) taken_ready: Vec<u32>,
    /// Ready connections that wait to be read because the lane is behind.
    pub(crate) unread: VecDeque<u32>,
    /// When so many orders were obeyed, a lane that is behind reads on.
    pub(crate) reads_at: u64,
    /// Connections whose deadline passed before they were read, which they are now.
    pub(crate) overdue: Vec<Key>,
    /// Orders that were ever obeyed, or begun.
    pub(crate) obeyed: u64,
    /// Those without a stream, to which orders bring what is said: behind how many orders their deadline is looked at.
    pub(crate) unheard: VecDeque<(u64, Key)>,
    pub(crate) timers: Timers,
    pub(crate) drain: Option<Drain>,
    /// Its last turn did.
    pub(crate) panicked: bool,

    /// What one stream is read into.
    pub(crate) buffer: Box<[u8]>,
    /// What several spans are gathered into, and what a codec writes into.
    pub(crate) scratch: Vec<u8>,
    pub(crate) encoded: BytesMut,
    /// Output that protocols queued while reading; the inbox knows how much of it is whose.
    pub(crate) staged: VecDeque<u8>,
    /// Control bytes of the protocol that is being called.
    pub(crate) control: Vec<u8>,
    /// What is to become of the connection whose protocol is being called.
    pub(crate) change: Option<(Key, Change)>,
    /// The last input made so many orders that its connection is to wait.
    pub(crate) fed: bool,
    /// Places of connecting sockets found while a delivery's tiles are gone through.
    pub(crate) held_hits: Vec<u32>,
}

/// The lane is ending: whom to close when.
pub(crate) struct Drain {
    /// The latest first.
    pub(crate) closes: Vec<(Instant, Key)>,
    /// When those who are left are cut off.
    pub(crate) force: Instant,
    pub(crate) forced: usize,
    pub(crate) ended: bool,
}

impl Lane {
    pub(crate) fn new(shared: Arc<LaneShared>, ports: Ports, limits: Limits, tasks: Tasks, now: Instant) -> Self {
        Self {
            shared,
            limits,
            ports,
            tasks,
            reactor: None,
            ids: Ids::default(),
            now,
            connections: Slab::new(),
            spans: Vec::new(),
            generation: 0,
            table: LaneTable::default(),
            held: Slab::new(),
            orphans: HashMap::new(),
            events: 0,
            orders: VecDeque::new(),
            taken: Vec::new(),
            done: 0,
            in_hand: 0,
            cursor: None,
            codecs: Vec::new(),
            log: TurnLog::default(),
            dirty: VecDeque::new(),
            ready: VecDeque::new(),
            taken_ready: Vec::new(),
            unread: VecDeque::new(),
            reads_at: 0,
            overdue: Vec::new(),
            obeyed: 0,
            unheard: VecDeque::new(),
            timers: Timers::new(now),
            drain: None,
            panicked: false,
            buffer: vec![0; READ_BYTES].into(),
            scratch: Vec::new(),
            encoded: BytesMut::new(),
            staged: VecDeque::new(),
            control: Vec::new(),
            change: None,
            fed: false,
            held_hits: Vec::new(),
        }
    }

    /// Works off a bounded share of what there is. True if there is more, and then the reactor should be looked at before
    /// the next turn.
    pub(crate) fn turn(&mut self, now: Instant) -> bool {
        self.now = now;
        self.take_ready();
        self.take_orders();
        self.read_some();
        self.drain_orders();
        self.flush_some();
        let timers_left = self.run_timers();
        self.settle();
        timers_left || self.has_work()
    }

    /// When [`Self::turn`] has to be called next, if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let drain = self.drain.as_ref().filter(|drain| !drain.ended);
        let drain = drain.map(|drain| drain.closes.last().map_or(drain.force, |(at, _)| *at));
        [self.timers.next(), drain].into_iter().flatten().min()
    }

    /// Whether it was told to end, and has.
    pub(crate) fn is_ended(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| drain.ended)
    }

    fn has_work(&self) -> bool {
        !(self.orders.is_empty()
            && self.cursor.is_none()
            && self.dirty.is_empty()
            && self.ready.is_empty()
            && self.unread.is_empty())
    }

    /// Whether much waits to be sent, or the log is to be flushed: then little is read.
    pub(crate) fn is_behind(&self) -> bool {
        self.shared.is_behind() || self.log.is_full() || self.orders.len() >= ORDERS_MAX
    }

    pub(crate) fn take_orders(&mut self) {
        self.shared.inbox.take(&mut self.taken);
        self.orders.extend(self.taken.drain(..));
    }

    fn take_ready(&mut self) {
        self.shared.ready.take(&mut self.taken_ready);
        let mut taken = std::mem::take(&mut self.taken_ready);
        taken.drain(..).for_each(|index| self.make_ready(index));
        self.taken_ready = taken;
    }

    /// Puts a connection at the end of the ready queue, unless it stands there.
    pub(crate) fn make_ready(&mut self, index: u32) {
        if let Some(connection) = self.connections.get_mut(index as usize)
            && !std::mem::replace(&mut connection.queued, true)
        {
            self.ready.push_back(index);
        }
    }

    /// Tells the inbox what is finished, and those who wait for that. Gives back what an unusual burst took.
    fn settle(&mut self) {
        if self.orders.is_empty() && self.orders.capacity() > ORDERS_KEEP {
            self.orders.shrink_to(ORDERS_KEEP);
        }
        if self.taken.capacity() > ORDERS_KEEP {
            // It swaps places with the inbox's own list at each look.
            self.taken.shrink_to(ORDERS_KEEP);
        }
        if self.done > 0 {
            self.shared.inbox.done(std::mem::take(&mut self.done));
            if !self.shared.is_behind() {
                self.shared.relief.notify_waiters();
            }
        }
    }

    /// The connection of a key, if it is still that one's.
    pub(crate) fn connection(&mut self, key: Key) -> Option<&mut Connection> {
        self.connections.get_mut(key.index as usize).filter(|connection| connection.generation == key.generation)
    }

    pub(crate) fn key_of(&self, index: u32) -> Option<Key> {
        self.connections.get(index as usize).map(|connection| Key { index, generation: connection.generation })
    }

    pub(crate) fn counters(&self) -> &crate::lanes::counters::Counters {
        &self.shared.counters
    }
}
