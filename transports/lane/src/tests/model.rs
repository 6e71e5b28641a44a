//! Random histories against what each client must have got, byte by byte.
//!
//! A plain model keeps, for each client, the list of what was published to it while it was a member. What it received must
//! be whole frames; reliable ones all, in order, each once; volatile and latest ones a part of what was published, in order;
//! answers in order among each other.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use roomcast::{Message, Socket};

use super::talk::Stage;
use crate::ManualConnection;

#[derive(Clone, Debug)]
enum Step {
    Connect { room: usize },
    Join { who: usize, room: u8 },
    Leave { who: usize, room: u8 },
    Broadcast { room: u8, class: u8, size: usize },
    Emit { who: usize, class: u8, size: usize },
    Say { who: usize, what: Say },
    Read { who: usize },
    Turn,
    Disconnect { who: usize },
    Break { who: usize },
}

#[derive(Clone, Copy, Debug)]
enum Say {
    Ping,
    Echo,
    Ask,
    Half,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..8_usize;
    let size = prop_oneof![8 => 0..40_usize, 2 => 100..400_usize, 1 => 1_000..3_000_usize];
    prop_oneof![
        2 => prop_oneof![1..8_usize, 20..300_usize, Just(1 << 20)].prop_map(|room| Step::Connect { room }),
        4 => (who.clone(), 0..3_u8).prop_map(|(who, room)| Step::Join { who, room }),
        1 => (who.clone(), 0..3_u8).prop_map(|(who, room)| Step::Leave { who, room }),
        8 => (0..3_u8, 0..5_u8, size.clone()).prop_map(|(room, class, size)| Step::Broadcast { room, class, size }),
        3 => (who.clone(), 0..5_u8, size).prop_map(|(who, class, size)| Step::Emit { who, class, size }),
        4 => (who.clone(), prop_oneof![Just(Say::Ping), Just(Say::Echo), Just(Say::Ask), Just(Say::Half)])
            .prop_map(|(who, what)| Step::Say { who, what }),
        4 => who.clone().prop_map(|who| Step::Read { who }),
        8 => Just(Step::Turn),
        1 => who.clone().prop_map(|who| Step::Disconnect { who }),
        1 => who.prop_map(|who| Step::Break { who }),
    ]
}

/// One client, what it must get and what it got.
struct Client {
    connection: ManualConnection,
    socket: Option<Socket>,
    got: Vec<u8>,
    rooms: BTreeSet<u8>,
    published: Vec<(String, Kind)>,
    said: BTreeMap<&'static str, Vec<String>>,
    disconnected: bool,
    broken: bool,
    /// It was sent the first half of a line.
    half: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Reliable,
    Volatile,
    Latest(u8),
}

struct World {
    stage: Stage,
    clients: Vec<Client>,
    published: usize,
}

impl World {
    fn new(outbox: usize) -> Self {
        Self { stage: Stage::with_limits(outbox, 64 << 20), clients: Vec::new(), published: 0 }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Connect { room } if self.clients.len() < 8 => self.connect(room),
            Step::Connect { .. } => {}
            Step::Turn => drop(self.stage.lane.turn()),
            Step::Broadcast { room, class, size } => self.broadcast(room, class, size),
            Step::Join { who, .. }
            | Step::Leave { who, .. }
            | Step::Emit { who, .. }
            | Step::Say { who, .. }
            | Step::Read { who }
            | Step::Disconnect { who }
            | Step::Break { who } => {
                if !self.clients.is_empty() {
                    let who = who % self.clients.len();
                    self.one(who, step);
                }
            }
        }
    }

    fn connect(&mut self, room: usize) {
        let before = self.stage.notes.sockets.lock().unwrap().len();
        let connection = self.stage.lane.connect(&self.stage.wire, room, super::talk::Talk::new);
        while self.stage.notes.sockets.lock().unwrap().len() == before {
            self.stage.lane.turn();
        }
        let socket = self.stage.notes.sockets.lock().unwrap().last().cloned();
        self.clients.push(Client {
            connection,
            socket,
            got: Vec::new(),
            rooms: BTreeSet::new(),
            published: Vec::new(),
            said: BTreeMap::new(),
            disconnected: false,
            broken: false,
            half: false,
        });
    }

    fn message(&mut self, class: u8, size: usize) -> (Message, String, Kind) {
        self.published += 1;
        let data = format!("{}-{}", self.published, "d".repeat(size));
        let message = Message::json("m", &data).unwrap();
        let (message, kind) = match class {
            0 => (message.volatile(), Kind::Volatile),
            1 => (message.latest(1), Kind::Latest(1)),
            2 => (message.latest(2), Kind::Latest(2)),
            _ => (message, Kind::Reliable),
        };
        (message, format!("m \"{data}\""), kind)
    }

    fn broadcast(&mut self, room: u8, class: u8, size: usize) {
        let (message, line, kind) = self.message(class, size);
        let sent = self.stage.engine.to(name(room)).broadcast(&message);
        let mut matched = 0;
        for client in self.clients.iter_mut().filter(|client| client.rooms.contains(&room) && client.is_connected()) {
            client.published.push((line.clone(), kind));
            matched += 1;
        }
        assert_eq!((sent.matched, sent.overloaded), (matched, false));
    }

    fn one(&mut self, who: usize, step: &Step) {
        if let Step::Emit { class, size, .. } = *step {
            let (message, line, kind) = self.message(class, size);
            let client = &mut self.clients[who];
            if let Some(socket) = &client.socket
                && socket.send(&message).matched == 1
            {
                client.published.push((line, kind));
            }
            return;
        }
        let client = &mut self.clients[who];
        let Some(socket) = client.socket.clone() else { return };
        match *step {
            Step::Join { room, .. } => drop(socket.join(name(room)).map(|_| client.rooms.insert(room))),
            Step::Leave { room, .. } => {
                socket.leave(name(room));
                client.rooms.remove(&room);
            }
            Step::Say { what, .. } => client.say(what),
            Step::Read { .. } => client.got.extend(client.connection.receive()),
            Step::Disconnect { .. } => client.disconnected |= socket.disconnect(),
            Step::Break { .. } => {
                client.broken = true;
                client.connection.break_off();
            }
            _ => {}
        }
    }

    /// Lets everybody read all, and checks.
    fn check(mut self) {
        loop {
            self.stage.lane.run();
            let mut more = false;
            for client in &mut self.clients {
                let bytes = client.connection.receive();
                more |= !bytes.is_empty();
                client.got.extend(bytes);
            }
            if !more {
                break;
            }
        }
        let stats = self.stage.lane.stats();
        assert_eq!((stats.inbox_bytes, stats.outbox_bytes), (0, 0));
        for client in &self.clients {
            client.check();
        }
        let open = self.clients.iter().filter(|client| client.is_connected()).count();
        assert_eq!(self.stage.engine.stats().sockets, open, "no ghosts");
        assert_eq!(self.stage.byes().len(), self.clients.len() - open, "each end is told once");
    }
}

fn name(room: u8) -> String {
    format!("room{room}")
}

impl Client {
    fn is_connected(&self) -> bool {
        self.socket.as_ref().is_some_and(Socket::is_connected)
    }

    fn say(&mut self, what: Say) {
        if let Say::Half = what {
            self.connection.send(if self.half { "lf\n" } else { "echo ha" });
            self.half = !self.half;
            if !self.half {
                self.said.entry("echo").or_default().push("echo half".into());
            }
            return;
        }
        if self.half {
            return;
        }
        let (start, answer) = match what {
            Say::Ping => ("ping", "pong"),
            Say::Echo => ("echo", "echo"),
            Say::Ask | Say::Half => ("ask", "ack"),
        };
        let said = self.said.entry(answer).or_default();
        let number = said.len();
        said.push(match what {
            Say::Ask => format!("ack {number} \"what\""),
            _ => format!("{answer} {number}"),
        });
        let tail = if start == "ask" { " what null" } else { "" };
        self.connection.send(format!("{start} {number}{tail}\n"));
    }

    fn check(&self) {
        let cut_off = self.connection.is_reset() || self.broken;
        let text = str::from_utf8(&self.got).unwrap();
        let (whole, rest) = text.rsplit_once('\n').map_or(("", text), |(whole, rest)| (whole, rest));
        assert!(rest.is_empty() || cut_off, "half a frame at the end: {rest}");
        let lines: Vec<&str> = whole.lines().collect();
        let complete = !cut_off && !self.disconnected;
        let of = |start: &str| lines.iter().copied().filter(|line| line.starts_with(start)).collect::<Vec<_>>();
        self.check_published(&of("m "), cut_off);
        for (answer, said) in &self.said {
            let got = of(answer);
            assert!(said.iter().map(String::as_str).take(got.len()).eq(got.iter().copied()), "{answer}: {got:?}");
            assert!(got.len() == said.len() || !complete, "{answer}: {} of {}", got.len(), said.len());
        }
        let known = ["m ", "pong", "echo", "ack", "hello", "bye"];
        assert!(lines.iter().all(|line| known.iter().any(|start| line.starts_with(start))), "{lines:?}");
        if self.disconnected && !cut_off {
            assert_eq!((of("bye").len(), lines.last()), (1, Some(&"bye 1000")), "nothing behind the good-bye");
        }
    }

    fn check_published(&self, got: &[&str], cut_off: bool) {
        let order: BTreeMap<&str, usize> =
            self.published.iter().enumerate().map(|(at, (line, _))| (&**line, at)).collect();
        let places: Vec<usize> =
            got.iter().map(|line| *order.get(line).expect("it was published to this client")).collect();
        assert!(places.is_sorted_by(|a, b| a < b), "in order, each once: {places:?}");
        let last = places.last().copied();
        let missing = (0..self.published.len()).filter(|at| !places.contains(at));
        for at in missing {
            let (line, kind) = &self.published[at];
            // Who was cut off misses a tail.
            let in_tail = cut_off && last.is_none_or(|last| at > last);
            let newer = || self.published[at + 1..].iter().any(|(_, other)| other == kind);
            match kind {
                Kind::Reliable => assert!(in_tail, "{} is missing", &line[..line.len().min(20)]),
                Kind::Latest(_) => assert!(in_tail || cut_off || newer(), "the latest is missing"),
                Kind::Volatile => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_client_gets_just_what_it_must(
        outbox in prop_oneof![Just(1 << 20), Just(2_000_usize)],
        first in prop::collection::vec(prop_oneof![1..8_usize, Just(1 << 20)], 1..5),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut world = World::new(outbox);
        for room in first {
            world.connect(room);
        }
        for step in &steps {
            world.run(step);
        }
        world.check();
    }
}
