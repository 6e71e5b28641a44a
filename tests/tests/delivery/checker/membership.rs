//! Who was in which room, as far as that can be known.
//!
//! Each socket and room is a register that joins and leaves write, each somewhere in its stretch from request to reply. A
//! read at `t` may find what a write W wrote if W had begun, and no other write came surely between W and the read: none
//! that began after W's end, ended before `t` and surely took place. So each write has a life, from its beginning to the end
//! of the first such successor, and what a room may hold at `t` are the values of the writes that live then.
//!
//! Verbs for the members of a room write for those who are members while they run. If one was surely a member for all of
//! that time the write is sure; if one surely was not there is none; else it may be one, and takes no other's life. Whether
//! it is sure depends only on writes that ended before it began, so calls are judged by their ends.

use super::fault::{Fault, Kind};
use super::spans::Spans;
use crate::history::{Call, History, NEVER, Op, Outcome, Place, Stamp};

/// The memberships of all sockets in all rooms, at all times.
#[derive(Debug)]
pub(crate) struct Membership {
    rooms: usize,
    registers: Vec<Register>,
    /// What sockets were told and cannot be.
    pub(super) faults: Vec<Fault>,
}

/// One socket and one room.
#[derive(Debug, Default)]
struct Register {
    /// By their beginnings.
    writes: Vec<Write>,
    /// The latest end of the writes up to each.
    latest_ends: Vec<Stamp>,
    inside: Spans,
    outside: Spans,
}

#[derive(Debug, Clone, Copy)]
struct Write {
    begun: Stamp,
    ended: Stamp,
    join: bool,
    truth: Truth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Sure,
    Maybe,
    Never,
}

impl Membership {
    pub(crate) fn of(history: &History) -> Self {
        let registers = (0..history.rooms * history.sockets.len()).map(|_| Register::new()).collect();
        let mut membership = Self { rooms: history.rooms, registers, faults: Vec::new() };
        for call in &history.calls {
            membership.note(history, call);
        }
        membership.registers.iter_mut().for_each(Register::sort);
        let mut by_end: Vec<(u32, &Call)> = (0..).zip(&history.calls).collect();
        by_end.sort_unstable_by_key(|(_, call)| call.ended);
        for (number, call) in by_end {
            membership.judge(history, call);
            membership.compare(number, call);
        }
        membership.registers.iter_mut().for_each(Register::finish);
        membership
    }

    /// May the socket have been in the room at some moment of these?
    pub(crate) fn may_be_in(&self, socket: usize, place: Place, from: Stamp, until: Stamp) -> bool {
        match place {
            Place::Own(other) => other == socket,
            Place::Room(room) => self.register(socket, room).inside.first_within(from, until).is_some(),
        }
    }

    /// The first moment of these at which it may have been outside. It was connected all the time.
    pub(crate) fn first_outside(&self, socket: usize, place: Place, from: Stamp, until: Stamp) -> Option<Stamp> {
        match place {
            Place::Own(other) if other == socket => None,
            Place::Own(_) => Some(from),
            Place::Room(room) => self.register(socket, room).outside.first_within(from, until),
        }
    }

    fn register(&self, socket: usize, room: usize) -> &Register {
        &self.registers[socket * self.rooms + room]
    }

    fn register_mut(&mut self, socket: usize, room: usize) -> &mut Register {
        &mut self.registers[socket * self.rooms + room]
    }

    /// Writes down all that a call may do.
    fn note(&mut self, history: &History, call: &Call) {
        if let Outcome::Rooms(listed) = &call.outcome {
            for room in 0..self.rooms {
                let (begun, ended, join) = (call.begun, call.ended, listed.contains(&room));
                let read = Write { begun, ended, join, truth: Truth::Sure };
                self.register_mut(call.socket, room).writes.push(read);
            }
        }
        let Some((join, rooms)) = written(&call.op, self.rooms) else { return };
        let own = if let Op::Join { who, .. } | Op::Leave { who, .. } = &call.op { Some(who) } else { None };
        let truth = if own.is_some() && call.is_done() { Truth::Sure } else { Truth::Maybe };
        let write = Write { begun: call.begun, ended: call.ended, join, truth };
        for (socket, its) in history.sockets.iter().enumerate() {
            let meant = own.is_none_or(|who| who.contains(&socket));
            if meant && its.lives_within(call.begun, call.ended) {
                for room in rooms.clone() {
                    self.register_mut(socket, room).writes.push(write);
                }
            }
        }
    }

    /// Decides for whom a verb for members was carried out.
    fn judge(&mut self, history: &History, call: &Call) {
        let (Some(source), Some((_, rooms))) = (source(&call.op), written(&call.op, self.rooms)) else { return };
        for (socket, its) in history.sockets.iter().enumerate() {
            if !its.lives_within(call.begun, call.ended) {
                continue;
            }
            let (may_be_in, may_be_out) = match source {
                Place::Own(other) => (other == socket, other != socket),
                Place::Room(room) => self.register(socket, room).values(call),
            };
            let truth = match (may_be_in, may_be_out) {
                (false, _) => Truth::Never,
                (true, false) if call.is_done() => Truth::Sure,
                _ => continue,
            };
            for room in rooms.clone() {
                self.register_mut(socket, room).set_truth(call.begun, truth);
            }
        }
    }

    /// Is what a socket was told of its rooms possible?
    fn compare(&mut self, number: u32, call: &Call) {
        let Outcome::Rooms(listed) = &call.outcome else { return };
        for room in 0..self.rooms {
            let listed = listed.contains(&room);
            let (may_be_in, may_be_out) = self.register(call.socket, room).values(call);
            if !(if listed { may_be_in } else { may_be_out }) {
                let kind = Kind::WrongRooms { room, listed };
                self.faults.push(Fault { socket: call.socket, call: number, kind });
            }
        }
    }
}

impl Register {
    /// Nobody is in a room at the beginning.
    fn new() -> Self {
        let nobody = Write { begun: 0, ended: 0, join: false, truth: Truth::Sure };
        Self { writes: vec![nobody], ..Self::default() }
    }

    fn sort(&mut self) {
        self.writes.sort_by_key(|write| write.begun);
        let mut latest = 0;
        let ends = self.writes.iter().map(|write| {
            latest = latest.max(write.ended);
            latest
        });
        self.latest_ends = ends.collect();
    }

    fn set_truth(&mut self, begun: Stamp, truth: Truth) {
        if let Ok(at) = self.writes.binary_search_by_key(&begun, |write| write.begun) {
            self.writes[at].truth = truth;
        }
    }

    /// What it may hold while a call runs, whose own writes do not count: inside, outside.
    fn values(&self, call: &Call) -> (bool, bool) {
        let begun = self.writes.partition_point(|write| write.begun <= call.ended);
        let over = |write: &&Write| write.truth == Truth::Sure && write.ended < call.begun;
        let settled = self.writes[..begun].iter().rev().find(over).map_or(0, |write| write.begun);
        let (mut inside, mut outside) = (false, false);
        for at in (0..begun).rev().take_while(|at| self.latest_ends[*at] >= settled) {
            let write = self.writes[at];
            if write.truth != Truth::Never && write.ended >= settled && write.begun != call.begun {
                inside |= write.join;
                outside |= !write.join;
            }
        }
        (inside, outside)
    }

    /// Gives each write its life.
    fn finish(&mut self) {
        self.writes.retain(|write| write.truth != Truth::Never);
        let sure: Vec<Write> = self.writes.iter().filter(|write| write.truth == Truth::Sure).copied().collect();
        let mut first_end = NEVER;
        let mut first_ends: Vec<Stamp> = sure
            .iter()
            .rev()
            .map(|write| {
                first_end = first_end.min(write.ended);
                first_end
            })
            .collect();
        first_ends.reverse();
        let life = |write: &Write| {
            let next = sure.partition_point(|other| other.begun <= write.ended);
            (write.begun, first_ends.get(next).copied().unwrap_or(NEVER))
        };
        let lives = |join| Spans::of(self.writes.iter().filter(|write| write.join == join).map(life).collect());
        (self.inside, self.outside) = (lives(true), lives(false));
        self.writes = Vec::new();
        self.latest_ends = Vec::new();
    }
}

/// The room whose members a verb is for.
fn source(op: &Op) -> Option<Place> {
    match op {
        Op::LeaveAll { of } | Op::Copy { of, .. } | Op::Remove { of, .. } => Some(*of),
        _ => None,
    }
}

/// Whether a verb joins, and which rooms it changes.
fn written(op: &Op, rooms: usize) -> Option<(bool, Vec<usize>)> {
    match op {
        Op::Join { room, .. } => Some((true, vec![*room])),
        Op::Leave { room, .. } => Some((false, vec![*room])),
        Op::Copy { to, .. } => Some((true, to.clone())),
        Op::Remove { from, .. } => Some((false, from.clone())),
        Op::LeaveAll { .. } => Some((false, (0..rooms).collect())),
        Op::GetId | Op::Rooms | Op::Broadcast { .. } | Op::Blast { .. } => None,
    }
}
