//! The namespaces of a connection under random packets and acts of the program, against a naive model.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use roomcast_socketio_protocol::socketio::{
    Args, Body, Decision, NamespaceError, NamespaceLimits, Namespaces, Packet, Revision,
};

const NAMES: [&str; 4] = ["/", "/a", "/b", "/c"];
const LIMITS: NamespaceLimits = NamespaceLimits { namespaces_max: 3, connect_timeout: Duration::from_secs(10) };

/// What happens; `at` is one of the names.
#[derive(Clone, Copy, Debug)]
enum Step {
    Connect { at: usize },
    Event { at: usize },
    Answer { at: usize, id: Option<u64> },
    Disconnect { at: usize },
    LetIn { at: usize },
    Refuse { at: usize },
    End { at: usize },
    Wait { seconds: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = 0..NAMES.len();
    let step = prop_oneof![
        3 => at.clone().prop_map(|at| Step::Connect { at }),
        2 => at.clone().prop_map(|at| Step::Event { at }),
        2 => (at.clone(), any::<Option<u64>>()).prop_map(|(at, id)| Step::Answer { at, id }),
        1 => at.clone().prop_map(|at| Step::Disconnect { at }),
        4 => at.clone().prop_map(|at| Step::LetIn { at }),
        1 => at.clone().prop_map(|at| Step::Refuse { at }),
        1 => at.prop_map(|at| Step::End { at }),
        1 => (1..5_u64).prop_map(|seconds| Step::Wait { seconds }),
    ];
    proptest::collection::vec(step, 0..60)
}

/// What the model knows of a namespace.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Connecting,
    In(u32),
    Left,
}

impl Known {
    fn socket(&self) -> Option<u32> {
        match self {
            Self::In(socket) => Some(*socket),
            Self::Connecting | Self::Left => None,
        }
    }
}

struct World {
    machine: Namespaces<u32>,
    model: BTreeMap<usize, Known>,
    /// In the order in which they came, as that decides which one makes room.
    order: Vec<usize>,
    now: Instant,
    deadline: Option<Instant>,
    sockets: u32,
}

impl World {
    fn new(revision: Revision) -> Self {
        let now = Instant::now();
        let mut world = Self {
            machine: Namespaces::new(revision, now, &LIMITS),
            model: BTreeMap::new(),
            order: Vec::new(),
            now,
            deadline: Some(now + LIMITS.connect_timeout),
            sockets: 0,
        };
        if revision == Revision::V4 {
            world.set(0, Known::Connecting);
        }
        world
    }

    fn set(&mut self, at: usize, known: Known) {
        if self.model.insert(at, known).is_none() {
            self.order.push(at);
        }
    }

    fn unset(&mut self, at: usize) {
        self.model.remove(&at);
        self.order.retain(|&other| other != at);
    }

    /// False if the connection ends.
    fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Connect { at } => return self.connect(at),
            Step::Event { at } => return self.event(at),
            Step::Answer { at, id } => return self.answer(at, id),
            Step::Disconnect { at } => return self.disconnect(at),
            Step::LetIn { at } => {
                self.sockets += 1;
                let socket = self.sockets;
                let waits = self.model.get(&at) == Some(&Known::Connecting);
                assert_eq!(self.machine.handle_connected(NAMES[at], socket).is_ok(), waits);
                if waits {
                    self.set(at, Known::In(socket));
                    self.deadline = None;
                }
            }
            Step::Refuse { at } => {
                let waits = self.model.get(&at) == Some(&Known::Connecting);
                assert_eq!(self.machine.handle_refused(NAMES[at]).is_ok(), waits);
                if waits {
                    self.unset(at);
                }
            }
            Step::End { at } => self.end(at),
            Step::Wait { seconds } => self.now += Duration::from_secs(seconds),
        }
        true
    }

    fn connect(&mut self, at: usize) -> bool {
        let left = self.order.iter().position(|other| self.model[other] == Known::Left);
        let decision = self.machine.handle_packet(Packet::connect(NAMES[at], None), &LIMITS);
        match (decision, self.model.get(&at)) {
            (Err(NamespaceError::ConnectedAlready), Some(Known::Connecting | Known::In(_))) => return false,
            (Ok(Decision::Connect { .. }), Some(Known::Left)) => self.set(at, Known::Connecting),
            (Ok(Decision::Connect { .. }), None) => {
                if self.model.len() == LIMITS.namespaces_max {
                    self.unset(self.order[left.expect("one that was left makes room")]);
                }
                self.set(at, Known::Connecting);
            }
            (Ok(Decision::Refuse { .. }), None) => assert!(left.is_none() && self.model.len() == LIMITS.namespaces_max),
            (other, known) => panic!("{other:?} with {known:?}"),
        }
        true
    }

    fn event(&mut self, at: usize) -> bool {
        let packet = Packet::event(NAMES[at], "e", Args::default(), None);
        match (self.machine.handle_packet(packet, &LIMITS), self.model.get(&at)) {
            (Ok(Decision::Event { socket, .. }), Some(Known::In(known))) => assert_eq!(socket, *known),
            (Ok(Decision::Ignore), Some(Known::Left)) => {}
            (Err(NamespaceError::NotConnected), None | Some(Known::Connecting)) => return false,
            (other, known) => panic!("{other:?} with {known:?}"),
        }
        true
    }

    fn answer(&mut self, at: usize, id: Option<u64>) -> bool {
        let packet = Packet { namespace: NAMES[at].into(), body: Body::Ack { id, args: Args::default() } };
        match (self.machine.handle_packet(packet, &LIMITS), self.model.get(&at)) {
            (Ok(Decision::Answer { socket, id: given, .. }), Some(Known::In(known))) => {
                assert_eq!((socket, Some(given)), (*known, id));
            }
            (Ok(Decision::Ignore), Some(Known::In(_))) => assert_eq!(id, None),
            (Ok(Decision::Ignore), Some(Known::Left)) => {}
            (Err(NamespaceError::NotConnected), None | Some(Known::Connecting)) => return false,
            (other, known) => panic!("{other:?} with {known:?}"),
        }
        true
    }

    fn disconnect(&mut self, at: usize) -> bool {
        let decision = self.machine.handle_packet(Packet::disconnect(NAMES[at]), &LIMITS);
        match (decision, self.model.get(&at)) {
            (Ok(Decision::Disconnect { socket }), Some(Known::In(known))) => {
                assert_eq!(socket, *known);
                self.unset(at);
            }
            (Ok(Decision::Ignore), Some(Known::Left)) => {}
            (Err(NamespaceError::NotConnected), None | Some(Known::Connecting)) => return false,
            (other, known) => panic!("{other:?} with {known:?}"),
        }
        true
    }

    fn end(&mut self, at: usize) {
        let Some(Known::In(socket)) = self.model.get(&at).copied() else { return };
        assert_eq!(self.machine.handle_disconnected(&socket), Some(NAMES[at]));
        self.set(at, Known::Left);
    }

    fn check(&mut self) {
        for (at, name) in NAMES.iter().enumerate() {
            let known = self.model.get(&at);
            let socket = known.and_then(Known::socket);
            assert_eq!(self.machine.socket(name).copied(), socket);
            assert_eq!(self.machine.is_connecting(name), known == Some(&Known::Connecting));
            assert_eq!(socket.and_then(|socket| self.machine.namespace(&socket)), socket.map(|_| *name));
        }
        let asked = self.model.values().any(|known| *known == Known::Connecting);
        let deadline = self.deadline.filter(|_| !asked);
        assert_eq!(self.machine.poll_timeout(), deadline);
        let late = deadline.is_some_and(|deadline| deadline <= self.now);
        assert_eq!(self.machine.handle_timeout(self.now).is_err(), late);
    }

    fn close(mut self) {
        let known = self.order.iter().filter_map(|at| self.model[at].socket());
        assert!(self.machine.handle_close().eq(known), "every socket is gone");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn namespaces_are_what_a_naive_model_says(steps in steps(), old in any::<bool>()) {
        let mut world = World::new(if old { Revision::V4 } else { Revision::V5 });
        for step in steps {
            if !world.step(step) {
                break;
            }
            world.check();
        }
        world.close();
    }
}
