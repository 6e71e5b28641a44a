//! What all members of a run share: the clock, the record, what is wrong.

use super::text::{self, Pool, ROOMS, Text};
use crate::history::{Call, End, History, NEVER, Op, Outcome, Seen, Socket, Stamp};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::SocketAddr,
};

/// One run, on one thread.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) pool: Pool,
    pub(crate) history: RefCell<History>,
    /// The socket of each member, while it has one.
    pub(crate) present: RefCell<Vec<Option<usize>>>,
    /// What is wrong apart from the history: frames, bytes, ends.
    pub(crate) faults: RefCell<Vec<String>>,
    /// Members are to finish.
    pub(crate) stopping: Cell<bool>,
    /// Sockets that the server cut off.
    pub(crate) cut_off: Cell<u64>,
    /// Those of them that had always read as fast as they could.
    pub(crate) keen_cut_off: Cell<u64>,
    /// Sockets that may have been: they went themselves, or could not take a good-bye in the time for it.
    pub(crate) maybe_cut_off: Cell<u64>,
    clock: Cell<Stamp>,
    texts: RefCell<HashMap<u32, Text>>,
}

impl World {
    pub(crate) fn new(address: SocketAddr, one_lane: bool, members: usize, rng: &mut fastrand::Rng) -> Self {
        Self {
            address,
            pool: Pool::new(rng),
            history: RefCell::new(History { rooms: ROOMS.len(), one_lane, ..History::default() }),
            present: RefCell::new(vec![None; members]),
            faults: RefCell::default(),
            stopping: Cell::new(false),
            cut_off: Cell::new(0),
            keen_cut_off: Cell::new(0),
            maybe_cut_off: Cell::new(0),
            clock: Cell::new(0),
            texts: RefCell::default(),
        }
    }

    pub(crate) fn now(&self) -> Stamp {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    /// Counts one more.
    pub(crate) fn tally(&self, count: &Cell<u64>) {
        count.set(count.get() + 1);
    }

    pub(crate) fn fault(&self, socket: usize, what: &str) {
        let id = &self.history.borrow().sockets[socket].id;
        self.faults.borrow_mut().push(format!("socket {socket} ({id}): {what}"));
    }

    pub(crate) fn add_socket(&self, id: String, connecting: Stamp) -> usize {
        let socket = Socket::new(id, connecting, self.now());
        let sockets = &mut self.history.borrow_mut().sockets;
        sockets.push(socket);
        sockets.len() - 1
    }

    pub(crate) fn id(&self, socket: usize) -> String {
        self.history.borrow().sockets[socket].id.clone()
    }

    /// A socket is over, and the server has forgotten it.
    pub(crate) fn end_socket(&self, socket: usize, end: End) {
        let gone = self.now();
        let its = &mut self.history.borrow_mut().sockets[socket];
        (its.end, its.gone) = (end, gone);
    }

    /// Records a call that is about to be written; its text.
    pub(crate) fn begin_call(&self, socket: usize, op: Op, text: Option<Text>) -> String {
        let call = Call { socket, begun: self.now(), ended: NEVER, outcome: Outcome::Unknown, op: op.clone() };
        let number = self.add_call(call);
        // A socket that means itself need not say so.
        let said = match op {
            Op::Join { room, who } if who == [socket] && number.is_multiple_of(2) => Op::Join { room, who: Vec::new() },
            Op::Leave { room, who } if who == [socket] && number.is_multiple_of(2) => {
                Op::Leave { room, who: Vec::new() }
            }
            op => op,
        };
        let request = text::request(number, &said, text.as_ref(), &self.pool, &|socket| self.id(socket));
        if let Some(text) = text {
            self.texts.borrow_mut().insert(number, text);
        }
        request
    }

    /// A text frame came.
    pub(crate) fn receive(&self, socket: usize, payload: &[u8]) {
        let outcome =
            if payload.starts_with(br#"{"event""#) { self.delivery(payload) } else { self.reply(socket, payload) };
        match outcome {
            Some(seen) => self.history.borrow_mut().sockets[socket].seen.push(seen),
            None => self.fault(socket, &format!("nobody sent these bytes: {}", shortened(payload))),
        }
    }

    fn delivery(&self, payload: &[u8]) -> Option<Seen> {
        let call = text::delivered_call(payload)?;
        let right = self.texts.borrow().get(&call)?.is_delivered_as(call, &self.pool, payload);
        right.then_some(Seen::Message(call))
    }

    fn reply(&self, socket: usize, payload: &[u8]) -> Option<Seen> {
        let number = text::replied_call(payload)?;
        let mut history = self.history.borrow_mut();
        let history = &mut *history;
        let call = history.calls.get_mut(number as usize)?;
        let id = &history.sockets[socket].id;
        let outcome = match payload.strip_prefix(text::reply_begins(number).as_bytes()) {
            Some(rest) => outcome(&call.op, id, rest)?,
            None => {
                let overloaded = payload.starts_with(text::reply_overloaded_begins(number).as_bytes());
                (overloaded && call.is_message()).then_some(Outcome::Overloaded)?
            }
        };
        if call.socket == socket && call.outcome == Outcome::Unknown {
            (call.ended, call.outcome) = (self.clock.get() + 1, outcome);
            self.clock.set(call.ended);
        }
        Some(Seen::Reply(number))
    }

    fn add_call(&self, call: Call) -> u32 {
        let calls = &mut self.history.borrow_mut().calls;
        calls.push(call);
        calls.len() as u32 - 1
    }
}

/// What the end of a reply says.
fn outcome(op: &Op, id: &str, rest: &[u8]) -> Option<Outcome> {
    match op {
        Op::GetId => (rest == format!(r#","socket":"{id}"}}"#).as_bytes()).then_some(Outcome::Done),
        Op::Rooms => {
            let list = rest.strip_prefix(br#","rooms":"#)?.strip_suffix(b"}")?;
            let names: Vec<String> = serde_json::from_slice(list).ok()?;
            let (own, names) = names.split_first()?;
            let number = |name: &String| {
                let json = serde_json::Value::from(name.as_str()).to_string();
                ROOMS.iter().position(|room| **room == json)
            };
            let rooms: Vec<usize> = names.iter().map(number).collect::<Option<_>>()?;
            (own == id).then_some(Outcome::Rooms(rooms))
        }
        _ => (rest == b"}").then_some(Outcome::Done),
    }
}

fn shortened(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    if text.len() <= 400 {
        return text.into_owned();
    }
    let (head, tail): (String, String) = (text.chars().take(200).collect(), text.chars().rev().take(100).collect());
    format!("{head} ... {} ({} bytes)", tail.chars().rev().collect::<String>(), payload.len())
}
