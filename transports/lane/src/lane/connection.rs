//! What a lane keeps of a connection.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use roomcast::OwnedSocket;

use crate::application::Application;
use crate::application::disconnect::Disconnect;
use crate::lane::input::Input;
use crate::lane::outbox::Outbox;
use crate::lane::timers::Armed;
use crate::lanes::codecs::CodecId;
use crate::lanes::shared::{CountedConnection, CountedStream, LaneShared};
use crate::link::Io;
use crate::protocol::Protocol;
use crate::protocol::close::Farewell;
use crate::protocol::wire::Wire;

/// How long input may be held when the peer has ended. So often those are asked whose end would not be read.
pub(crate) const ENDED: Duration = Duration::from_secs(30);

pub(crate) struct Connection {
    pub(crate) generation: u32,
    pub(crate) state: State,
    pub(crate) holds: Holds,
    /// It stands in the lane's ready queue.
    pub(crate) queued: bool,
    /// It stands in the lane's queue of those to be read.
    pub(crate) unread: bool,
    /// A deadline of its protocol passed while it stood in one of them: it is looked at when it was read.
    pub(crate) overdue: bool,
    /// There is input that its protocol has not been shown as it is now.
    pub(crate) unseen: bool,
    pub(crate) peer_ended: bool,
    /// Its protocol forgave its silence for this hold.
    pub(crate) excused: bool,
    /// When so much of its outbox was ever taken, a hold because of its output ends.
    pub(crate) taken_until: usize,
    /// The peer has ended: how long what came before may be held.
    pub(crate) held_until: Option<Instant>,
    /// Its first bytes lie in the log: control bytes must not overtake them.
    pub(crate) greets: bool,
    pub(crate) codec: CodecId,
    /// Events that the application works on.
    pub(crate) in_flight: u32,
    pub(crate) armed: Armed,
    pub(crate) io: Io,
    pub(crate) waker: Waker,
    /// Absent while it is called.
    pub(crate) protocol: Option<Box<dyn Protocol>>,
    pub(crate) sockets: Vec<Attached>,
    pub(crate) input: Option<Box<Input>>,
    pub(crate) outbox: Option<Box<Outbox>>,
    pub(crate) wire: Wire,
    pub(crate) _counted: CountedConnection,
    /// It goes where the stream goes.
    pub(crate) stream_counted: Option<CountedStream>,
}

/// How far a connection is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// Its end stands in the inbox; nothing is read any more.
    Ending,
    /// The last words are written or on their way; at the time given it is dropped.
    Closing {
        until: Instant,
        farewell: Farewell,
        ended: bool,
    },
}

/// Why a connection is not read. It is read when there is no reason left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holds(u8);

impl Holds {
    /// [`Context::connect`](crate::Context::connect) has no outcome yet.
    pub(crate) const CONNECTING: u8 = 1;
    /// Too many events are in flight.
    pub(crate) const REQUESTS: u8 = 2;
    /// The protocol wants it so.
    pub(crate) const PROTOCOL: u8 = 4;
    /// The peer takes less than it asks for.
    pub(crate) const OUTPUT: u8 = 8;

    /// True if this is the first reason.
    pub(crate) fn set(&mut self, reason: u8) -> bool {
        let held = self.any();
        self.0 |= reason;
        !held
    }

    /// True if this was the last reason.
    pub(crate) fn clear(&mut self, reason: u8) -> bool {
        let held = self.any();
        self.0 &= !reason;
        held && !self.any()
    }

    pub(crate) fn any(self) -> bool {
        self.0 != 0
    }

    pub(crate) fn has(self, reason: u8) -> bool {
        self.0 & reason != 0
    }
}

/// A socket of a connection.
pub(crate) struct Attached {
    pub(crate) owned: OwnedSocket,
    pub(crate) application: Arc<dyn Application>,
    pub(crate) namespace: Arc<str>,
    /// While it waits for the application's word: where its deliveries are held, and whether input waits too.
    pub(crate) connecting: Option<Connecting>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Connecting {
    pub(crate) held: u32,
    pub(crate) holds_input: bool,
}

/// A socket that left its connection and still waits for something before its application hears of it.
pub(crate) struct Orphan {
    pub(crate) owned: OwnedSocket,
    pub(crate) application: Arc<dyn Application>,
    pub(crate) bye: Disconnect,
    /// Its connect has no outcome yet.
    pub(crate) waits_for_outcome: bool,
    /// The program disconnected it; the news, with its rooms, is on its way.
    pub(crate) waits_for_closed: bool,
    /// The application let it in.
    pub(crate) was_connected: bool,
}

/// What a socket's slot leads to, in the table that every delivery goes through: small on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The connection's index, or, while the socket is held, that of its [`Held`].
    pub(crate) route: u32,
    pub(crate) codec: CodecId,
    pub(crate) held: bool,
}

/// Wakes the lane for one connection. Without a generation: a wake-up too many costs a read that finds nothing.
pub(crate) struct Bell {
    pub(crate) lane: Arc<LaneShared>,
    pub(crate) index: u32,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A closed inbox means that the lane has ended.
        let _ = self.lane.ready.push(self.index, 0);
    }
}

impl Connection {
    /// Whether its stream may have something that was not read yet.
    pub(crate) fn waits_to_be_read(&self) -> bool {
        self.queued || self.unread
    }

    /// Whether a peer that was not heard in time is forgiven: once for each hold, and as long as it is held because of its
    /// output, which has a clock of its own.
    pub(crate) fn excuse(&mut self) -> bool {
        self.holds.has(Holds::OUTPUT) || self.holds.any() && !std::mem::replace(&mut self.excused, true)
    }

    /// Holds its input until the peer has taken a quarter of what may wait for it, whatever is added meanwhile, or no more than
    /// that waits.
    pub(crate) fn hold_for_output(&mut self, max: usize, now: Instant) {
        if self.holds.has(Holds::OUTPUT) {
            return;
        }
        self.taken_until = self.outbox.as_ref().map_or(0, |outbox| outbox.taken().saturating_add(max / 4));
        self.hold(Holds::OUTPUT, now);
    }

    /// Whether it is held because of its output, and need not be any more.
    pub(crate) fn has_taken_enough(&self, max: usize) -> bool {
        let is_little = |outbox: &Outbox| outbox.bytes() <= max / 4 || outbox.taken() >= self.taken_until;
        self.holds.has(Holds::OUTPUT) && self.outbox.as_deref().is_none_or(is_little)
    }

    /// Holds its input.
    pub(crate) fn hold(&mut self, reason: u8, now: Instant) {
        if self.holds.set(reason) {
            self.excused = false;
            self.held_until = (self.peer_ended || self.held_until.is_some()).then_some(now + ENDED);
        }
    }

    /// When a connection whose input is held is to be looked at.
    pub(crate) fn hold_deadline(&self, now: Instant) -> Option<Instant> {
        let until = self.held_until.or_else(|| self.is_deaf().then_some(now + ENDED));
        until.filter(|_| self.state == State::Open && self.holds.any())
    }

    /// Whether so much input waits, while it is held, that an end behind it is not read.
    pub(crate) fn is_deaf(&self) -> bool {
        self.holds.any() && self.input.as_ref().is_some_and(|input| input.is_enough_to_hold())
    }

    /// Whether its protocol is called with what is not input: until it is on its way out, and then if it waits for its output
    /// to be taken.
    pub(crate) fn is_called(&self) -> bool {
        !matches!(self.state, State::Closing { farewell: Farewell::Finish | Farewell::AwaitPeer, .. })
    }

    /// Whether its protocol may get input.
    pub(crate) fn takes_input(&self) -> bool {
        match self.state {
            State::Open => !self.holds.any(),
            State::Ending => false,
            State::Closing { farewell, .. } => farewell == Farewell::AwaitPeer,
        }
    }
}
