//! What a connection must be written, as it is asked for.

use roomcast::Socket;
use roomcast_lane::{DisconnectReason, Port, Reply};

use super::decode::Class;
use super::peer::{BYE, CODECS, HELLO};

/// A frame that was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) tag: u8,
    pub(super) id: u32,
    pub(super) filling: usize,
    pub(super) kind: Kind,
    /// Before the client could hear that it is connected.
    pub(super) was_held: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Own,
    Message(Class),
}

/// What the application says to a connect, once it says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Wait,
    Admit,
    Refuse,
}

/// An event that the application works on.
pub(super) struct Kept {
    pub(super) reply: Reply,
    pub(super) id: u32,
    pub(super) filling: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The application has not let it in, and what is sent to it is held.
    Waiting,
    Open,
    /// Its end is asked for: nothing that is asked for later gets out.
    Ended,
}

pub(super) struct Record {
    pub(super) socket: Option<Socket>,
    pub(super) port: Option<Port>,
    pub(super) decision: Decision,
    pub(super) kept: Vec<Kept>,
    pub(super) byes: Vec<DisconnectReason>,
    pub(super) expected: Vec<Item>,
    /// Control frames, by number.
    pub(super) control: Vec<u32>,
    pub(super) was_admitted: bool,
    /// Something was sent to it before it was let in.
    pub(super) was_held: bool,
    codec: usize,
    state: State,
}

impl Record {
    pub(super) fn new(decision: Decision, codec: usize) -> Self {
        Self {
            socket: None,
            port: None,
            decision,
            kept: Vec::new(),
            byes: Vec::new(),
            expected: Vec::new(),
            control: Vec::new(),
            was_admitted: false,
            was_held: false,
            codec,
            state: State::Waiting,
        }
    }

    pub(super) fn expect(&mut self, tag: u8, id: u32, filling: usize, kind: Kind) {
        let was_held = self.state == State::Waiting && kind != Kind::Own;
        self.was_held |= was_held;
        if self.state != State::Ended {
            self.expected.push(Item { tag, id, filling, kind, was_held });
        }
    }

    /// A message that no codec can write (`fails`) does not get out; but what is held is not encoded yet, so there it
    /// replaces others all the same.
    pub(super) fn expect_message(&mut self, id: u32, filling: usize, class: Class, fails: bool) {
        if fails {
            let replaces = self.state == State::Waiting && matches!(class, Class::Latest(_));
            self.was_held |= self.state == State::Waiting;
            self.expected.retain(|item| !replaces || item.kind != Kind::Message(class));
            return;
        }
        self.expect(CODECS[self.codec], id, filling, Kind::Message(class));
    }

    /// The application lets it in: its hello goes before all that was held.
    pub(super) fn admitted(&mut self) {
        self.was_admitted = true;
        if self.state == State::Waiting {
            self.state = State::Open;
            self.expected.insert(0, Item { tag: HELLO, id: 0, filling: 0, kind: Kind::Own, was_held: false });
        }
    }

    /// Its end is asked for. What is held for one that was not let in never gets out.
    pub(super) fn end(&mut self) {
        if self.state == State::Waiting {
            self.expected.clear();
        }
        self.expect(BYE, 0, 0, Kind::Own);
        self.state = State::Ended;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The connection is told to speak the other codec. What is held is not encoded yet.
    pub(super) fn switch_codec(&mut self) -> usize {
        self.codec = 1 - self.codec;
        if self.state == State::Waiting {
            self.expected.iter_mut().for_each(|item| item.tag = CODECS[self.codec]);
        }
        self.codec
    }

    pub(super) fn is_connected(&self) -> bool {
        self.socket.as_ref().is_some_and(Socket::is_connected)
    }
}
