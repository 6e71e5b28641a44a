//! The application: it notes what it hears, and answers when it is told to.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use parking_lot::Mutex;
use roomcast::{Socket, SocketId};
use roomcast_lane::{Application, BoxFuture, Disconnect, Event, Handshake, Refusal, Reply};

use super::past::{Bye, Class, Past, Ticket};

/// Of whom it knows what.
#[derive(Clone, Default)]
pub(super) struct House(Arc<Mutex<Guests>>);

#[derive(Default)]
struct Guests {
    /// By the name in their query.
    names: HashMap<String, Known>,
    ids: HashMap<SocketId, Known>,
    /// In the order in which they came.
    came: Vec<Known>,
    past: Past,
}

/// The rooms that there are.
pub(super) const ROOMS: [&str; 2] = ["kitchen", "cellar"];

pub(super) type Known = Arc<Mutex<Record>>;

#[derive(Default)]
pub(super) struct Record {
    pub(super) decision: Decision,
    pub(super) socket: Option<Socket>,
    /// Numbers of the events that came.
    pub(super) heard: Vec<u32>,
    pub(super) kept: Vec<(u32, Reply)>,
    pub(super) byes: usize,
    /// What its client is to be sent.
    pub(super) expected: Vec<Expected>,
    pub(super) rooms: BTreeSet<&'static str>,
    /// Its client can come back: it is of the newer revision, where connections are recovered.
    pub(super) can_return: bool,
    /// With which its client comes.
    pub(super) claim: Option<Ticket>,
    pub(super) is_recovered: bool,
    /// The youngest message when it came.
    pub(super) born_after: u32,
    /// Its client heard that it is in.
    pub(super) is_in: bool,
    /// The secret that its client has now.
    pub(super) pid: Option<String>,
    /// That secret is worth nothing any more.
    pub(super) is_void: bool,
    /// The program disconnected its socket.
    pub(super) is_thrown_out: bool,
    /// Somebody came with its secret.
    pub(super) is_claimed: bool,
    /// The first one.
    pub(super) bye: Option<Bye>,
}

pub(super) struct Expected {
    pub(super) number: u32,
    /// It may be left out.
    pub(super) is_light: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Decision {
    #[default]
    Admit,
    Refuse,
    /// It takes longer.
    Wait,
}

impl Expected {
    pub(super) fn new(number: u32, class: Class) -> Self {
        Self { number, is_light: class != Class::Reliable }
    }
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
    pub(super) fn introduce(&self, name: &str, record: Record) -> Known {
        let known = Arc::new(Mutex::new(record));
        self.0.lock().names.insert(name.into(), Arc::clone(&known));
        known
    }

    pub(super) fn with_past<R>(&self, call: impl FnOnce(&mut Past) -> R) -> R {
        call(&mut self.0.lock().past)
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

/// The offset that stands behind the arguments of an event, as it must where its client can come back.
pub(super) fn offset(json: &str, number: u32) -> Option<String> {
    let list: Vec<serde_json::Value> = serde_json::from_str(&format!("[{json}]")).unwrap();
    let offset = list.get(args(number).1)?;
    assert_eq!(list.len(), args(number).1 + 1, "{json}");
    Some(offset.as_str().expect("an offset is text").to_owned())
}

/// The number of an event that came, if it has one and its attachment is what it must be.
pub(super) fn number(json: &str, attachments: &[Bytes]) -> Option<u32> {
    let number = json.split(',').next()?.parse().ok()?;
    (attachments == filling(number).as_slice()).then_some(number)
}

impl Guests {
    /// One who comes back is who it was, if it must be, and has missed what it must have missed.
    fn welcome(&mut self, known: &Known, socket: &Socket, handshake: &Handshake) {
        let claim = known.lock().claim.take_if(|_| !handshake.auth.is_empty());
        let holder = claim.as_ref().and_then(|ticket| self.holder(&ticket.pid));
        let is_recovered = handshake.recovered;
        let (mut forecast, mut rooms) = (Some(false), BTreeSet::new());
        if let (Some(ticket), Some(holder)) = (&claim, &holder) {
            let mut holder = holder.lock();
            forecast = self.past.forecast(ticket, &holder);
            holder.is_claimed = true;
            // Unless it is being let in: then it may still be given the secret.
            holder.is_void |= is_recovered || holder.is_in || holder.bye.is_some();
            let is_ended = holder.byes > 0 || holder.socket.as_ref().is_none_or(|socket| !socket.is_connected());
            assert!(is_ended || !holder.is_void, "two of one secret");
            rooms.clone_from(&holder.rooms);
        }
        assert!(forecast.is_none_or(|forecast| forecast == is_recovered), "recovered: {is_recovered}, {claim:?}");
        let mut record = known.lock();
        (record.is_recovered, record.born_after) = (is_recovered, self.past.last());
        if let Some(ticket) = claim.filter(|_| is_recovered) {
            assert_eq!(socket.id().as_str(), ticket.id);
            let missed = self.past.missed(&ticket, &rooms);
            record.expected.extend(missed.map(|sent| Expected::new(sent.number, sent.class)));
            (record.pid, record.rooms) = (Some(ticket.pid), rooms);
        }
        let mut rooms = socket.rooms();
        rooms.retain(|room| room != socket.id().as_str());
        assert_eq!(rooms.iter().map(String::as_str).collect::<BTreeSet<_>>(), record.rooms);
    }

    /// Who had a secret last.
    fn holder(&self, pid: &str) -> Option<Known> {
        self.came.iter().rfind(|known| known.lock().pid.as_deref() == Some(pid)).cloned()
    }
}

impl Application for House {
    fn connect(&self, socket: Socket, handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        let name = handshake.query("who").unwrap();
        let mut guests = self.0.lock();
        let known = Arc::clone(&guests.names[&name]);
        guests.ids.insert(socket.id(), Arc::clone(&known));
        guests.welcome(&known, &socket, &handshake);
        guests.came.push(Arc::clone(&known));
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

    fn disconnected(&self, socket: &Socket, bye: Disconnect) {
        let mut guests = self.0.lock();
        let known = Arc::clone(&guests.ids[&socket.id()]);
        let mut record = known.lock();
        record.byes += 1;
        guests.past.part(&mut record, bye.reason);
    }
}
