//! The namespaces of a connection under random packets and acts of the program, against a naive model.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use roomcast_socketio_protocol::socketio::{
    Args, Decision, NamespaceError, NamespaceLimits, Namespaces, Packet, Revision,
};

const NAMES: [&str; 4] = ["/", "/a", "/b", "/c"];
const LIMITS: NamespaceLimits =
    NamespaceLimits { namespaces_max: 3, acks_max: 2, connect_timeout: Duration::from_secs(10) };

/// What happens; `at` is one of the names.
#[derive(Clone, Copy, Debug)]
enum Step {
    Connect { at: usize },
    Event { at: usize },
    Answer { at: usize, id: u64 },
    Disconnect { at: usize },
    LetIn { at: usize },
    Refuse { at: usize },
    End { at: usize },
    Ask { at: usize, id: u64 },
    Forget { at: usize, id: u64 },
    Wait { seconds: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = 0..NAMES.len();
    let step = prop_oneof![
        3 => at.clone().prop_map(|at| Step::Connect { at }),
        2 => at.clone().prop_map(|at| Step::Event { at }),
        2 => (at.clone(), 0..4_u64).prop_map(|(at, id)| Step::Answer { at, id }),
        1 => at.clone().prop_map(|at| Step::Disconnect { at }),
        4 => at.clone().prop_map(|at| Step::LetIn { at }),
        1 => at.clone().prop_map(|at| Step::Refuse { at }),
        1 => at.clone().prop_map(|at| Step::End { at }),
        3 => (at.clone(), 0..4_u64).prop_map(|(at, id)| Step::Ask { at, id }),
        1 => (at, 0..4_u64).prop_map(|(at, id)| Step::Forget { at, id }),
        1 => (1..5_u64).prop_map(|seconds| Step::Wait { seconds }),
    ];
    proptest::collection::vec(step, 0..60)
}

/// What the model knows of a namespace.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Connecting,
    In { socket: u32, owed: BTreeMap<u64, u32> },
    Left,
}

struct World {
    machine: Namespaces<u32, u32>,
    model: BTreeMap<usize, Known>,
    /// In the order in which they came, as that decides which one makes room.
    order: Vec<usize>,
    now: Instant,
    deadline: Option<Instant>,
    next: u32,
    /// Waiters that were taken in, and those that came out again.
    waiting: BTreeSet<u32>,
    told: BTreeSet<u32>,
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
            next: 0,
            waiting: BTreeSet::new(),
            told: BTreeSet::new(),
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

    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn tell(&mut self, waiter: u32) {
        assert!(self.waiting.remove(&waiter) && self.told.insert(waiter), "{waiter} is told once");
    }

    fn tell_all(&mut self, unanswered: impl Iterator<Item = u32>, owed: &BTreeMap<u64, u32>) {
        let unanswered: BTreeSet<u32> = unanswered.collect();
        assert_eq!(unanswered, owed.values().copied().collect());
        unanswered.into_iter().for_each(|waiter| self.tell(waiter));
    }

    /// False if the connection ends.
    fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Connect { at } => return self.connect(at),
            Step::Event { at } => {
                let packet = Packet::event(NAMES[at], "e", Args::default(), None);
                return match (self.machine.handle_packet(packet, &LIMITS), self.model.get(&at)) {
                    (Ok(Decision::Event { socket, .. }), Some(Known::In { socket: known, .. })) => socket == *known,
                    (Ok(Decision::Ignore), Some(Known::Left)) => true,
                    (Err(NamespaceError::NotConnected), None | Some(Known::Connecting)) => false,
                    (other, known) => panic!("{other:?} with {known:?}"),
                };
            }
            Step::Answer { at, id } => return self.answer(at, id),
            Step::Disconnect { at } => return self.disconnect(at),
            Step::LetIn { at } => {
                let socket = self.fresh();
                let waits = self.model.get(&at) == Some(&Known::Connecting);
                assert_eq!(self.machine.handle_connected(NAMES[at], socket, &LIMITS).is_ok(), waits);
                if waits {
                    self.set(at, Known::In { socket, owed: BTreeMap::new() });
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
            Step::Ask { at, id } => self.ask(at, id),
            Step::Forget { at, id } => {
                let Some(Known::In { socket, owed }) = self.model.get_mut(&at) else { return true };
                let expected = owed.remove(&id);
                assert_eq!(self.machine.forget(socket, id), expected);
                expected.into_iter().for_each(|waiter| self.tell(waiter));
            }
            Step::Wait { seconds } => self.now += Duration::from_secs(seconds),
        }
        true
    }

    fn connect(&mut self, at: usize) -> bool {
        let left = self.order.iter().position(|other| self.model[other] == Known::Left);
        let decision = self.machine.handle_packet(Packet::connect(NAMES[at], None), &LIMITS);
        match (decision, self.model.get(&at)) {
            (Err(NamespaceError::ConnectedAlready), Some(Known::Connecting | Known::In { .. })) => return false,
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

    fn answer(&mut self, at: usize, id: u64) -> bool {
        let decision = self.machine.handle_packet(Packet::ack(NAMES[at], id, Args::default()), &LIMITS);
        match (decision, self.model.get_mut(&at)) {
            (Ok(Decision::Answer { socket, waiter, .. }), Some(Known::In { socket: known, owed })) => {
                assert_eq!((socket, owed.remove(&id)), (*known, Some(waiter)));
                self.tell(waiter);
            }
            (Ok(Decision::Ignore), Some(Known::In { owed, .. })) => assert!(!owed.contains_key(&id)),
            (Ok(Decision::Ignore), Some(Known::Left)) => {}
            (Err(NamespaceError::NotConnected), None | Some(Known::Connecting)) => return false,
            (other, known) => panic!("{other:?} with {known:?}"),
        }
        true
    }

    fn disconnect(&mut self, at: usize) -> bool {
        let decision = self.machine.handle_packet(Packet::disconnect(NAMES[at]), &LIMITS);
        match (decision, self.model.get(&at).cloned()) {
            (Ok(Decision::Disconnect { socket, mut unanswered }), Some(Known::In { socket: known, owed })) => {
                assert_eq!(socket, known);
                self.tell_all(unanswered.take_all(), &owed);
                self.unset(at);
            }
            (Ok(Decision::Ignore), Some(Known::Left)) => {}
            (Err(NamespaceError::NotConnected), None | Some(Known::Connecting)) => return false,
            (other, known) => panic!("{other:?} with {known:?}"),
        }
        true
    }

    fn end(&mut self, at: usize) {
        let Some(Known::In { socket, owed }) = self.model.get(&at).cloned() else { return };
        let (namespace, mut unanswered) = self.machine.handle_disconnected(&socket).expect("the socket is there");
        assert_eq!(namespace, NAMES[at]);
        self.tell_all(unanswered.take_all(), &owed);
        self.set(at, Known::Left);
    }

    fn ask(&mut self, at: usize, id: u64) {
        let waiter = self.fresh();
        let Some(Known::In { socket, owed }) = self.model.get_mut(&at) else { return };
        let room = owed.len() < LIMITS.acks_max && !owed.contains_key(&id);
        assert_eq!(self.machine.ask(socket, id, waiter).is_ok(), room);
        if room {
            owed.insert(id, waiter);
            self.waiting.insert(waiter);
        }
    }

    fn check(&mut self) {
        for (at, name) in NAMES.iter().enumerate() {
            let known = self.model.get(&at);
            let socket = match known {
                Some(Known::In { socket, .. }) => Some(*socket),
                _ => None,
            };
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

    /// At the end every socket is gone and every waiter was told.
    fn close(mut self) {
        let ended: Vec<_> = self.machine.handle_close().collect();
        let known: BTreeSet<u32> = self
            .model
            .values()
            .filter_map(|known| match known {
                Known::In { socket, .. } => Some(*socket),
                _ => None,
            })
            .collect();
        assert_eq!(ended.iter().map(|(socket, _)| *socket).collect::<BTreeSet<_>>(), known);
        for (_, mut unanswered) in ended {
            unanswered.take_all().for_each(|waiter| self.tell(waiter));
        }
        assert!(self.waiting.is_empty(), "{:?} were never told", self.waiting);
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
