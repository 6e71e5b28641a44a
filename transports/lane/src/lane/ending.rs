//! Connections come, change streams, and go.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::guard;
use crate::key::Key;
use crate::lane::connection::{Bell, Connection, Holds, State};
use crate::lane::input::Input;
use crate::lane::log::Spans;
use crate::lane::timers::Armed;
use crate::lane::{Drain, Lane};
use crate::lanes::accept::Acceptor;
use crate::lanes::order::{Adoption, Order};
use crate::link::Io;
use crate::protocol::close::{Close, Farewell};
use crate::protocol::context::Place;

/// How long a connection may take to end once its last words are queued.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long after the time for a drain is over the rest is cut off.
const DRAIN_GRACE: Duration = Duration::from_secs(1);
/// The longest drain, a year: what is longer may be later than any clock can say.
const DRAIN_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Lane {
    /// Accepts connections, as another task of the lane's thread. A lane without a reactor cannot.
    pub(crate) fn listen(&self, acceptor: Acceptor) {
        if let Some(reactor) = &self.reactor {
            // Not the application's, which is entered for the time of a turn.
            let _entered = reactor.enter();
            drop(tokio::task::spawn_local(acceptor.run()));
        }
    }

    /// Takes a new connection.
    pub(crate) fn adopt(&mut self, adoption: Adoption) {
        let Adoption { stream, early, wire, make, counted, stream_counted } = adoption;
        let protocol = match catch_unwind(AssertUnwindSafe(make)) {
            Ok(protocol) if self.drain.is_none() => Some(protocol),
            Ok(_) => None,
            Err(panic) => {
                tracing::error!("a protocol panicked while it was made: {}", guard::text(&*panic));
                self.counters().protocol_panics.add(1);
                None
            }
        };
        let reactor = self.reactor.clone();
        // Not the application's, which is entered for the time of a turn.
        let _entered = reactor.as_ref().map(tokio::runtime::Handle::enter);
        let io = stream.open().map_err(|error| tracing::warn!("a stream cannot be watched: {error}"));
        let (Some(protocol), Ok(io)) = (protocol, io) else { return };
        self.generation = self.generation.wrapping_add(1);
        let index = self.connections.vacant_key() as u32;
        let key = Key { index, generation: self.generation };
        let input = (!early.is_empty()).then(|| Box::new(Input::new(early.into(), 0)));
        self.connections.insert(Connection {
            generation: key.generation,
            state: State::Open,
            holds: Holds::default(),
            queued: false,
            unread: false,
            overdue: false,
            unseen: input.is_some(),
            peer_ended: false,
            excused: false,
            taken_until: 0,
            held_until: None,
            greets: false,
            codec: wire.codec(),
            in_flight: 0,
            armed: Armed::NO,
            io,
            waker: Waker::from(Arc::new(Bell { lane: Arc::clone(&self.shared), index })),
            protocol: Some(protocol),
            sockets: Vec::new(),
            input,
            outbox: None,
            wire,
            _counted: counted,
            stream_counted,
        });
        if self.spans.len() <= index as usize {
            self.spans.resize(index as usize + 1, Spans::EMPTY);
        }
        self.counters().adopted.add(1);
        self.call(key, |protocol, cx| protocol.handle_open(cx));
        // Its first read registers the waker.
        self.make_ready(index);
    }

    /// Lets a protocol say its last words, in their place among all output, and ends the connection behind them.
    pub(crate) fn begin_close(&mut self, key: Key, close: &Close) {
        if self.connection(key).is_some_and(|connection| connection.io.is_none()) {
            // Its protocol takes what waits, so it should see all of it.
            self.flush_now(key);
        }
        let until = self.now + FAREWELL;
        let Some(connection) = self.connection(key) else { return };
        match connection.state {
            _ if !connection.is_called() => return,
            State::Closing { .. } if connection.io.is_none() => return self.remove(key, &Close::ended()),
            // Its last words have got a stream.
            _ => {}
        }
        tracing::debug!("closing a connection: {close}");
        connection.input = None;
        let sockets = std::mem::take(&mut connection.sockets);
        self.end_sockets(sockets, close);
        let farewell = self.call_at(key, Place::Ordered, |protocol, cx| protocol.handle_close(close, cx));
        let Some(farewell) = farewell else { return };
        if let Some(connection) = self.connection(key) {
            connection.state = State::Closing { until, farewell, ended: false };
            self.rearm(key);
            self.make_ready(key.index);
            self.step_closing(key);
        }
    }

    /// Something was written.
    pub(crate) fn after_write(&mut self, index: u32) {
        if let Some(key) = self.key_of(index) {
            self.step_closing(key);
        }
    }

    /// Half-closes a closing connection when all is written, and drops it when the peer has ended too.
    pub(crate) fn step_closing(&mut self, key: Key) {
        let unsent = self.spans.get(key.index as usize).is_some_and(|spans| !spans.is_empty());
        let Some(connection) = self.connection(key) else { return };
        let State::Closing { farewell, ended, .. } = &mut connection.state else { return };
        if unsent || connection.outbox.is_some() && !connection.io.is_none() {
            return;
        }
        let awaits = match farewell {
            Farewell::Finish => false,
            Farewell::AwaitPeer => !connection.peer_ended,
            Farewell::AwaitTaken => true,
        };
        if !*ended && !awaits {
            *ended = connection.io.end(&connection.waker);
        }
        if *ended && (connection.peer_ended || connection.io.is_none()) {
            self.remove(key, &Close::ended());
        }
    }

    /// Drops a connection. Sockets that it still has end for the reason of `close`.
    pub(crate) fn remove(&mut self, key: Key, close: &Close) {
        if self.connection(key).is_none() {
            return;
        }
        let mut connection = self.connections.remove(key.index as usize);
        let spans = self.spans.get_mut(key.index as usize).map(|spans| std::mem::replace(spans, Spans::EMPTY));
        self.end_sockets(std::mem::take(&mut connection.sockets), close);
        if let Some(protocol) = connection.protocol.take() {
            crate::lane::call::drop_protocol(protocol);
        }
        let unsent = spans.map_or(0, |spans| self.log.messages(spans, 0));
        let unsent = unsent + connection.outbox.as_ref().map_or(0, |outbox| outbox.messages());
        if unsent > 0 {
            self.counters().lost.add_shared(unsent);
        }
    }

    /// Gives the stream of `from`, which ends with that, to the stream-less `to`.
    pub(crate) fn hand_over(&mut self, from: Key, to: Key) {
        let takes = |to: &mut Connection| to.io.is_none() && to.is_called();
        if !self.connection(to).is_some_and(takes) || from == to {
            return self.begin_close(from, &Close::ended());
        }
        // Both as they are: what the one still has to write goes before, what the other holds is still in its old codec.
        self.flush_now(from);
        self.flush_now(to);
        let Some(source) = self.connection(from) else { return };
        let io = std::mem::replace(&mut source.io, Io::None);
        let counted = source.stream_counted.take();
        let (outbox, input, peer_ended) = (source.outbox.take(), source.input.take(), source.peer_ended);
        self.remove(from, &Close::ended());
        // Takes what it held, queues it again as its new wire has it, and switches codecs.
        self.call(to, |protocol, cx| protocol.handle_stream(cx));
        let Some(target) = self.connection(to) else { return };
        let kept = target.outbox.take().map(|mut outbox| outbox.drain()).unwrap_or_default();
        (target.io, target.stream_counted) = (io, counted);
        target.outbox = outbox;
        target.peer_ended = peer_ended;
        target.unseen |= input.is_some();
        target.input = input;
        self.append_kept(to, kept);
        self.make_ready(to.index);
    }

    /// Shows the output that a stream-less connection holds, piece by piece, until `read` uses less than all of one.
    pub(crate) fn read_output(&self, key: Key, mut read: impl FnMut(&[u8]) -> usize) {
        let connection = self.connections.get(key.index as usize).filter(|c| c.generation == key.generation);
        let outbox = connection.filter(|connection| connection.io.is_none()).and_then(|c| c.outbox.as_ref());
        for piece in outbox.into_iter().flat_map(|outbox| outbox.pieces()) {
            if read(piece) < piece.len() {
                return;
            }
        }
    }

    /// Takes the output that a stream-less connection holds, as far as `take` uses it: called with pieces that end where
    /// frames end, it returns how much it used; less than all ends the taking.
    pub(crate) fn take_output(&mut self, key: Key, mut take: impl FnMut(&[u8]) -> usize) {
        let now = self.now;
        let Some(connection) = self.connection(key).filter(|connection| connection.io.is_none()) else { return };
        let Some(outbox) = &mut connection.outbox else { return };
        while !outbox.is_empty() {
            let piece = outbox.chunk();
            let length = piece.len();
            let used = take(piece).min(length);
            if used > 0 {
                outbox.advance(used, now);
            }
            if used < length {
                return;
            }
        }
        connection.outbox = None;
    }

    /// Begins to end: everybody hears of it at a random time within `over`.
    pub(crate) fn begin_drain(&mut self, over: Duration) {
        if self.drain.is_some() {
            return;
        }
        let over = over.min(DRAIN_MAX);
        let nanos = u64::try_from(over.as_nanos()).unwrap_or(u64::MAX);
        let Self { connections, ids, now, .. } = self;
        let mut closes: Vec<_> = connections
            .iter()
            .map(|(index, connection)| {
                let key = Key { index: index as u32, generation: connection.generation };
                (*now + Duration::from_nanos(ids.below(nanos)), key)
            })
            .collect();
        closes.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        self.drain = Some(Drain { closes, force: self.now + over + DRAIN_GRACE, forced: 0, ended: false });
    }

    pub(crate) fn run_drain(&mut self) {
        let now = self.now;
        while let Some(drain) = &mut self.drain
            && let Some((_, key)) = drain.closes.pop_if(|(at, _)| *at <= now)
        {
            // One that is ending already has its time.
            if self.connection(key).is_some_and(|connection| !matches!(connection.state, State::Closing { .. })) {
                self.begin_close(key, &Close::shutting_down());
            }
        }
        let open = self.connections.len();
        if let Some(drain) = &mut self.drain
            && (open == 0 || drain.force <= now)
            && !drain.ended
        {
            drain.forced = open;
            self.stop();
        }
    }

    /// What is left to do is not done any more. Only who was just let in counts: its application hears that it is gone.
    fn forget_orders(&mut self) {
        self.orders.extend(self.shared.end());
        for order in std::mem::take(&mut self.orders) {
            self.done += order.size();
            if let Order::Outcome { socket, result } = order {
                self.shared.byes().remove(&socket);
                self.orphan_outcome(socket, result.is_ok());
            }
        }
        self.done += std::mem::take(&mut self.in_hand);
        self.cursor = None;
    }

    /// Leaves behind what those are to be told who are let in too late. Before the inbox is closed: whoever finds it closed
    /// looks here.
    fn leave_byes(&self) {
        let waiting = self.orphans.iter().filter(|(_, orphan)| orphan.waits_for_outcome);
        self.shared.byes().extend(waiting.map(|(id, orphan)| (*id, orphan.bye.clone())));
    }

    /// Drops everything.
    pub(crate) fn stop(&mut self) {
        let keys: Vec<u32> = self.connections.iter().map(|(index, _)| index as u32).collect();
        for index in keys {
            if let Some(key) = self.key_of(index) {
                self.remove(key, &Close::shutting_down());
            }
        }
        self.leave_byes();
        self.forget_orders();
        for (_, orphan) in std::mem::take(&mut self.orphans) {
            self.say_goodbye(orphan);
        }
        let now = self.now;
        self.drain.get_or_insert(Drain { closes: Vec::new(), force: now, forced: 0, ended: false }).ended = true;
    }
}
