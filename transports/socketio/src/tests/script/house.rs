//! The application: it notes what it hears, and answers when it is told to.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use parking_lot::Mutex;
use roomcast::{Socket, SocketId};
use roomcast_lane::{Application, BoxFuture, Disconnect, Event, Handshake, Refusal, Reply};

/// Of whom it knows what.
#[derive(Clone, Default)]
pub(super) struct House(Arc<Mutex<Guests>>);

#[derive(Default)]
struct Guests {
    /// By the name in their query.
    names: HashMap<String, Known>,
    ids: HashMap<SocketId, Known>,
}

pub(super) type Known = Arc<Mutex<Record>>;

#[derive(Default)]
pub(super) struct Record {
    pub(super) decision: Decision,
    pub(super) socket: Option<Socket>,
    /// Numbers of the events that came.
    pub(super) heard: Vec<u32>,
    pub(super) kept: Vec<(u32, Reply)>,
    pub(super) byes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Decision {
    #[default]
    Admit,
    Refuse,
    /// It takes longer.
    Wait,
}

/// What an event of a client is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Note,
    /// It is answered at once.
    Answer,
    /// Its answer is kept.
    Keep,
}

impl Verb {
    pub(super) const ALL: [Self; 3] = [Self::Note, Self::Answer, Self::Keep];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Answer => "answer",
            Self::Keep => "keep",
        }
    }
}

impl House {
    pub(super) fn introduce(&self, name: &str, decision: Decision) -> Known {
        let known = Known::default();
        known.lock().decision = decision;
        self.0.lock().names.insert(name.into(), Arc::clone(&known));
        known
    }

    fn known(&self, socket: &Socket) -> Known {
        Arc::clone(&self.0.lock().ids[&socket.id()])
    }
}

/// The attachment that an event with this number has, if it has one.
pub(super) fn filling(number: u32) -> Option<Bytes> {
    number.is_multiple_of(3).then(|| Bytes::from(vec![number as u8; 1 + number as usize % 40]))
}

/// The arguments of an event with this number.
pub(super) fn args(number: u32) -> (String, usize, Vec<Bytes>) {
    match filling(number) {
        Some(bytes) => (format!(r#"{number},{{"_placeholder":true,"num":0}}"#), 2, vec![bytes]),
        None => (number.to_string(), 1, Vec::new()),
    }
}

/// The number of an event that came, if it has one and its attachment is what it must be.
pub(super) fn number(json: &str, attachments: &[Bytes]) -> Option<u32> {
    let number = json.split(',').next()?.parse().ok()?;
    (attachments == filling(number).as_slice()).then_some(number)
}

impl Application for House {
    fn connect(&self, socket: Socket, handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        let name = handshake.query("who").unwrap();
        let mut guests = self.0.lock();
        let known = Arc::clone(&guests.names[&name]);
        guests.ids.insert(socket.id(), Arc::clone(&known));
        known.lock().socket = Some(socket);
        Box::pin(std::future::poll_fn(move |_| match known.lock().decision {
            Decision::Admit => Poll::Ready(Ok(())),
            Decision::Refuse => Poll::Ready(Err(Refusal::new("no"))),
            Decision::Wait => Poll::Pending,
        }))
    }

    fn event(&self, socket: &Socket, event: Event<'_>, reply: Reply) {
        let known = self.known(socket);
        let mut record = known.lock();
        // What is none of ours is said by a client that does not keep to the rules.
        let Some(number) = number(event.args_json(), event.attachments()) else { return };
        record.heard.push(number);
        match event.name() {
            "note" => {}
            "keep" => record.kept.push((number, reply)),
            _ => reply.send(&number).unwrap(),
        }
    }

    fn disconnected(&self, socket: &Socket, _bye: Disconnect) {
        let known = self.known(socket);
        known.lock().byes += 1;
    }
}
