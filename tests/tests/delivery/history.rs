//! What was asked and what came, as the checker needs it: numbers instead of names, stamps instead of times.
//!
//! A stamp is a number of one counter of the test's, taken before the first byte of a request is written and after the last
//! one of its reply was read. What the request does happens somewhere between the two, nobody knows where. If one call's
//! reply has a lower stamp than another call's beginning, the first happened before the second.

/// A moment. No two things have the same.
pub(crate) type Stamp = u64;

/// Later than everything.
pub(crate) const NEVER: Stamp = Stamp::MAX;

/// One run: everything between a server without clients and the next time that it has none.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// How many rooms there are; they are numbers, and at the beginning nobody is in one.
    pub(crate) rooms: usize,
    /// The server has one lane: all members see one order.
    pub(crate) one_lane: bool,
    pub(crate) sockets: Vec<Socket>,
    /// In the order in which they began.
    pub(crate) calls: Vec<Call>,
}

/// A socket, from its connection to its end.
#[derive(Debug, Clone)]
pub(crate) struct Socket {
    pub(crate) id: String,
    /// Before the connection was asked for.
    pub(crate) connecting: Stamp,
    /// When its hello had come.
    pub(crate) connected: Stamp,
    pub(crate) end: End,
    /// When the server was seen to have forgotten it; [`NEVER`] if it stayed.
    pub(crate) gone: Stamp,
    /// What it received, in order.
    pub(crate) seen: Vec<Seen>,
}

/// How it ended, which says what it must have received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It stayed until nothing more was on its way: it got all.
    Stayed,
    /// It said good-bye then, and read until the server did: it got all that came before.
    Left(Stamp),
    /// It was cut off, by itself or by the server: it got a beginning of everything.
    Cut,
}

/// What a socket receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The message of this call.
    Message(u32),
    /// The reply to this call.
    Reply(u32),
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) socket: usize,
    pub(crate) begun: Stamp,
    /// When its reply had come, or else when its socket was [gone](Socket::gone).
    pub(crate) ended: Stamp,
    pub(crate) outcome: Outcome,
    pub(crate) op: Op,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There was no reply: it was carried out, or not.
    Unknown,
    /// It was carried out.
    Done,
    /// The lanes were too busy: a message went to some of its rooms, or to none.
    Overloaded,
    /// The rooms of the socket, its own left out.
    Rooms(Vec<usize>),
}

/// Rooms and sockets are numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    GetId,
    Rooms,
    Join {
        room: usize,
        who: Vec<usize>,
    },
    Leave {
        room: usize,
        who: Vec<usize>,
    },
    LeaveAll {
        of: Place,
    },
    /// `addRoomMembersToRooms`
    Copy {
        of: Place,
        to: Vec<usize>,
    },
    /// `removeRoomMembersFromRooms`
    Remove {
        of: Place,
        from: Vec<usize>,
    },
    Broadcast {
        to: Vec<Place>,
        once: bool,
        omit: bool,
    },
    Blast {
        omit: bool,
    },
}

/// What can be listed where a room is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Room(usize),
    /// The room that every socket has of its own.
    Own(usize),
}

impl History {
    pub(crate) fn call(&self, number: u32) -> &Call {
        &self.calls[number as usize]
    }
}

impl Socket {
    pub(crate) fn new(id: String, connecting: Stamp, connected: Stamp) -> Self {
        Self { id, connecting, connected, end: End::Stayed, gone: NEVER, seen: Vec::new() }
    }

    /// May it have been connected at some moment between these?
    pub(crate) fn lives_within(&self, from: Stamp, until: Stamp) -> bool {
        self.connecting <= until && from <= self.gone
    }
}

impl Call {
    /// Was it carried out, and wholly?
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.outcome, Outcome::Done | Outcome::Rooms(_))
    }

    pub(crate) fn is_message(&self) -> bool {
        matches!(self.op, Op::Broadcast { .. } | Op::Blast { .. })
    }
}
