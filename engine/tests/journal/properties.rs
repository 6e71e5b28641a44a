//! Sockets that are lost and come back, against a naive model: a world in which nobody is ever lost, and a list of all that
//! was sent.

use std::collections::BTreeMap;

use proptest::prelude::*;
use roomcast::{Class, Engine, Message, Offset, OwnedSocket, ResumeError, Selection, SocketId};

use crate::mail::{Letter, Mail, id};
use crate::model::{Expr, Model, parts, room};

const CLIENTS: usize = 4;
const ROOMS: u8 = 4;

#[derive(Clone, Debug)]
enum Op {
    Broadcast(Expr, u8),
    BroadcastPerRoom(Expr, u8),
    BroadcastFrom(usize, Expr),
    Send(usize, u8),
    Ask(Expr),
    Join(usize, u8),
    Leave(usize, u8),
    /// The connection breaks, and so many messages were on their way.
    Lose(usize, usize),
    ComeBack(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let (client, room) = (|| 0..CLIENTS, || 0..ROOMS);
    prop_oneof![
        8 => (expr(), 0..4_u8).prop_map(|(expr, class)| Op::Broadcast(expr, class)),
        3 => (expr(), 0..4_u8).prop_map(|(expr, class)| Op::BroadcastPerRoom(expr, class)),
        2 => (client(), expr()).prop_map(|(client, expr)| Op::BroadcastFrom(client, expr)),
        2 => (client(), 0..4_u8).prop_map(|(client, class)| Op::Send(client, class)),
        2 => expr().prop_map(Op::Ask),
        4 => (client(), room()).prop_map(|(client, room)| Op::Join(client, room)),
        1 => (client(), room()).prop_map(|(client, room)| Op::Leave(client, room)),
        3 => (client(), 0..5_usize).prop_map(|(client, lost)| Op::Lose(client, lost)),
        3 => client().prop_map(Op::ComeBack),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        1 => Just(Expr::Everyone),
        6 => (0..ROOMS).prop_map(Expr::Room),
        1 => (0..CLIENTS).prop_map(Expr::Socket),
        1 => (0..CLIENTS).prop_map(Expr::Id),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::Any),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::All),
            (inner.clone(), inner).prop_map(|(a, b)| Expr::Except(Box::new(a), Box::new(b))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_message_arrives_once_whoever_is_lost_meanwhile(
        ops in prop::collection::vec(op(), 1..120),
        bytes_max in prop_oneof![Just(1 << 20), 200..6_000_usize],
    ) {
        let mut world = World::new(bytes_max);
        for op in &ops {
            world.apply(op);
        }
        world.end();
    }
}

/// A message that a client is to get.
#[derive(Clone, Copy, Debug)]
struct Due {
    number: u64,
    /// How many were kept up to this one.
    position: usize,
}

struct Client {
    socket: Option<OwnedSocket>,
    ids: SocketId,
    /// The offset and the position at which its session began.
    begin: (Offset, usize),
    /// What it got, in order: first what it should have got, then with which offset.
    got: Vec<(Due, Offset)>,
    /// What it is to get next.
    due: Vec<Due>,
}

struct World {
    engine: Engine,
    mail: Mail,
    clients: Vec<Client>,
    /// All clients and their rooms, lost or not.
    model: Model,
    /// Messages that were sent.
    sent: u64,
    /// Copies that are kept, and for whom.
    kept: Vec<(Expr, Due)>,
    offsets: BTreeMap<usize, Offset>,
}

fn letter(client: usize) -> char {
    char::from(b'a' + client as u8)
}

impl World {
    fn new(bytes_max: usize) -> Self {
        let engine = Engine::new();
        engine.keep_journal(bytes_max);
        let mail = Mail::new(&engine);
        let begin = engine.journal().unwrap().last();
        let model = Model { connected: (0..CLIENTS).collect(), ..Model::default() };
        let clients = (0..CLIENTS).map(|client| Client::new(mail.connect(letter(client)).unwrap(), begin, 0)).collect();
        Self { engine, mail, clients, model, sent: 0, kept: Vec::new(), offsets: [(0, begin)].into() }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Broadcast(expr, class) => {
                let message = self.message(*class);
                self.to(expr).broadcast(&message);
                self.note(std::slice::from_ref(expr), &message, true);
            }
            Op::BroadcastPerRoom(expr, class) => {
                let message = self.message(*class);
                self.to(expr).per_room().broadcast(&message);
                self.note(&parts(expr), &message, true);
            }
            Op::BroadcastFrom(client, expr) => {
                let message = self.message(0);
                self.to(expr).except(self.clients[*client].ids).broadcast(&message);
                let others = Expr::Except(Box::new(expr.clone()), Box::new(Expr::Socket(*client)));
                self.note(&[others], &message, true);
            }
            Op::Send(client, class) => {
                let message = self.message(*class);
                let Some(socket) = &self.clients[*client].socket else { return };
                socket.send(&message);
                self.note(&[Expr::Socket(*client)], &message, true);
            }
            Op::Ask(expr) => {
                let message = self.message(0);
                self.to(expr).ask(&message, |_| 1);
                self.note(std::slice::from_ref(expr), &message, false);
            }
            Op::Join(client, number) => self.change(*client, |socket, model| {
                socket.join(room(*number)).unwrap();
                model.join(&[*client].into(), &[*number]);
            }),
            Op::Leave(client, number) => self.change(*client, |socket, model| {
                socket.leave(room(*number));
                model.leave(&[*client].into(), &[*number]);
            }),
            Op::Lose(client, lost) => self.lose(*client, *lost),
            Op::ComeBack(client) => self.come_back(*client),
        }
        self.deliver();
    }

    fn to(&self, expr: &Expr) -> Selection<'_> {
        self.engine.to(expr.target(&|client| self.clients.get(client).map(|client| client.ids)))
    }

    fn message(&mut self, class: u8) -> Message {
        self.sent += 1;
        let message = Message::raw(&self.sent.to_string(), "1");
        match class {
            0 | 1 => message,
            2 => message.latest(7),
            _ => message.volatile(),
        }
    }

    /// Notes a message that was just sent, by the expressions of its copies, at those who are to get it.
    fn note(&mut self, copies: &[Expr], message: &Message, keepable: bool) {
        let kept = keepable && message.class() != Class::Volatile;
        for copy in copies {
            let due = Due { number: self.sent, position: self.kept.len() + usize::from(kept) };
            self.kept.extend(kept.then(|| (copy.clone(), due)));
            for client in self.model.select(copy) {
                self.clients[client].due.push(due);
            }
        }
    }

    /// Who is there got everything that was due, and nothing else.
    fn deliver(&mut self) {
        for client in &mut self.clients {
            if let Some(socket) = &client.socket {
                let letters = self.mail.take(socket);
                let letters = letters.iter().map(|Letter { message, offset, .. }| (message.event(), offset.unwrap()));
                client.get(letters, &mut self.offsets);
            }
        }
    }

    fn change(&mut self, client: usize, change: impl FnOnce(&OwnedSocket, &mut Model)) {
        if let Some(socket) = &self.clients[client].socket {
            change(socket, &mut self.model);
        }
    }

    fn lose(&mut self, client: usize, lost: usize) {
        let client = &mut self.clients[client];
        let Some(socket) = client.socket.take() else { return };
        drop(socket);
        client.got.truncate(client.got.len().saturating_sub(lost));
    }

    fn come_back(&mut self, number: usize) {
        let journal = self.engine.journal().unwrap();
        let client = &mut self.clients[number];
        if client.socket.is_some() {
            return;
        }
        let (after, position) = client.got.last().map_or(client.begin, |(due, offset)| (*offset, due.position));
        let covered = self.kept.len() - position <= journal.stats().entries;
        let missed = self.kept[position..].iter().filter(|(copy, _)| self.model.select(copy).contains(&number));
        client.due = missed.map(|(_, due)| *due).collect();
        let rooms: Vec<String> = self.model.rooms_of(number).into_iter().collect();
        let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
        match self.mail.resume(letter(number), &rooms, after) {
            Ok(resumed) => {
                assert!(covered && resumed.refused.is_empty());
                client.ids = resumed.socket.id();
                client.socket = Some(resumed.socket);
                client.get(resumed.missed.iter().map(|(m, offset)| (m.event(), *offset)), &mut self.offsets);
            }
            Err(error) => {
                assert_eq!((error, covered), (ResumeError::NotCovered, false));
                self.model.leave_all(&[number].into());
                *client = Client::new(self.mail.connect(letter(number)).unwrap(), journal.last(), self.kept.len());
            }
        }
    }

    fn end(mut self) {
        (0..CLIENTS).for_each(|client| self.come_back(client));
        self.deliver();
        let offsets: Vec<&Offset> = self.offsets.values().collect();
        assert!(offsets.is_sorted_by(|a, b| a < b), "{offsets:?}");
        assert!(self.clients.iter().enumerate().all(|(at, client)| client.ids.as_str() == id(letter(at))));
    }
}

impl Client {
    fn new(socket: OwnedSocket, begin: Offset, position: usize) -> Self {
        let ids = socket.id();
        Self { socket: Some(socket), ids, begin: (begin, position), got: Vec::new(), due: Vec::new() }
    }

    /// Gets messages: exactly those that were due, in order, each with the offset of its position.
    fn get<'a>(&mut self, letters: impl Iterator<Item = (&'a str, Offset)>, offsets: &mut BTreeMap<usize, Offset>) {
        let mut due = std::mem::take(&mut self.due).into_iter();
        for (event, offset) in letters {
            let due = due.next().unwrap_or_else(|| panic!("{event} was not due"));
            assert_eq!(event, due.number.to_string());
            assert_eq!(*offsets.entry(due.position).or_insert(offset), offset, "of message {event}");
            self.got.push((due, offset));
        }
        assert_eq!(due.count(), 0, "were not delivered");
    }
}
