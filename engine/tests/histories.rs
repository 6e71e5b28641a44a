//! Random histories of several threads are linearisable: `cargo histories`.
//!
//! shuttle runs the real engine on threads of its own and switches between them at random at every access to an atomic or a
//! lock. Each call is noted with the times at which it began and returned. What the contract says (`select.rs`,
//! `membership.rs`) is checked socket by socket: there is an order of all calls that concern a socket, which agrees with the
//! times and in which the naive model gives the same answers. (Over several sockets or rooms there need be none: bulk verbs
//! are atomic for each group and destination.)
#![cfg(shuttle)]

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use roomcast::{Engine, MemoryLane, OwnedSocket, Socket};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

const ROOMS: [&str; 3] = ["a", "b", "c"];
const SOCKETS: usize = 6;
const THREADS: usize = 3;
const CALLS: usize = 5;

/// A call as one socket sees it. Rooms are numbers; `Seen` is what a call that only reads found.
#[derive(Clone, Copy, Debug)]
enum Call {
    Join {
        room: usize,
        new: bool,
    },
    Leave {
        room: usize,
        was: bool,
    },
    /// It may leave the room, if it is in it: a part of leaving all.
    LeaveUnasked {
        room: usize,
    },
    JoinIf {
        member_of: usize,
        room: usize,
    },
    LeaveIf {
        member_of: usize,
        room: usize,
    },
    Seen {
        room: usize,
        member: bool,
    },
}

#[derive(Clone, Copy, Debug)]
struct Noted {
    began: usize,
    returned: usize,
    call: Call,
}

#[derive(Default)]
struct History {
    clock: AtomicUsize,
    of: [Mutex<Vec<Noted>>; SOCKETS],
}

impl History {
    /// Makes a call and notes it for the sockets that it concerns.
    fn note(&self, call: impl FnOnce() -> Vec<(usize, Call)>) {
        let began = self.clock.fetch_add(1, Relaxed);
        let calls = call();
        let returned = self.clock.fetch_add(1, Relaxed);
        for (socket, call) in calls {
            self.of[socket].lock().unwrap().push(Noted { began, returned, call });
        }
    }
}

fn one_call(engine: &Engine, sockets: &[Socket], history: &History) {
    let mut dice = thread_rng();
    let (socket, a, b) = (dice.gen_range(0..SOCKETS), dice.gen_range(0..3), dice.gen_range(0..3));
    let everybody = |call: Call| (0..SOCKETS).map(|socket| (socket, call)).collect();
    match dice.gen_range(0..7) {
        0 | 1 => history.note(|| {
            let new = sockets[socket].join(ROOMS[a]).unwrap() == 1;
            vec![(socket, Call::Join { room: a, new })]
        }),
        2 => history.note(|| {
            let was = sockets[socket].leave(ROOMS[a]) == 1;
            vec![(socket, Call::Leave { room: a, was })]
        }),
        3 => history.note(|| {
            engine.to(ROOMS[a]).join(ROOMS[b]).unwrap();
            everybody(Call::JoinIf { member_of: a, room: b })
        }),
        4 => history.note(|| {
            engine.to(ROOMS[a]).leave(ROOMS[b]);
            everybody(Call::LeaveIf { member_of: a, room: b })
        }),
        5 => history.note(|| {
            sockets[socket].leave_all();
            (0..3).map(|room| (socket, Call::LeaveUnasked { room })).collect()
        }),
        _ => history.note(|| {
            let members: HashSet<_> = engine.to(ROOMS[a]).members().collect();
            let seen = |socket: usize| Call::Seen { room: a, member: members.contains(&sockets[socket].id()) };
            (0..SOCKETS).map(|socket| (socket, seen(socket))).collect()
        }),
    }
}

/// The rooms of a socket after a call, or `None` if the model would have answered otherwise.
fn apply(rooms: u8, call: Call) -> Option<u8> {
    let bit = |room: usize| 1_u8 << room;
    let is_in = |room: usize| rooms & bit(room) != 0;
    match call {
        Call::Join { room, new } => (is_in(room) != new).then_some(rooms | bit(room)),
        Call::Leave { room, was } => (is_in(room) == was).then_some(rooms & !bit(room)),
        Call::LeaveUnasked { room } => Some(rooms & !bit(room)),
        Call::JoinIf { member_of, room } => Some(if is_in(member_of) { rooms | bit(room) } else { rooms }),
        Call::LeaveIf { member_of, room } => Some(if is_in(member_of) { rooms & !bit(room) } else { rooms }),
        Call::Seen { room, member } => (is_in(room) == member).then_some(rooms),
    }
}

/// Whether some order of the calls agrees with their times, their answers and the rooms at the end.
fn is_linearisable(calls: &[Noted], rooms: u8, done: u64, end: u8, seen: &mut HashSet<(u64, u8)>) -> bool {
    if done.count_ones() as usize == calls.len() {
        return rooms == end;
    }
    if !seen.insert((done, rooms)) {
        return false;
    }
    let open = || calls.iter().enumerate().filter(|(at, _)| done >> at & 1 == 0);
    let earliest = open().map(|(_, noted)| noted.returned).min().unwrap_or(usize::MAX);
    // Only what began before everything else returned may come next.
    open().filter(|(_, noted)| noted.began < earliest).any(|(at, noted)| {
        apply(rooms, noted.call).is_some_and(|rooms| is_linearisable(calls, rooms, done | 1 << at, end, seen))
    })
}

#[test]
fn every_socket_sees_one_order() {
    shuttle::check_random(
        || {
            let engine = Engine::new();
            let lane = MemoryLane::new(&engine);
            let owned: Vec<OwnedSocket> = (0..SOCKETS).map(|_| lane.connect().unwrap()).collect();
            let sockets: Arc<Vec<Socket>> = Arc::new(owned.iter().map(|socket| Socket::clone(socket)).collect());
            let history = Arc::new(History::default());
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    let (engine, sockets, history) = (engine.clone(), Arc::clone(&sockets), Arc::clone(&history));
                    thread::spawn(move || (0..CALLS).for_each(|_| one_call(&engine, &sockets, &history)))
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            for (number, socket) in sockets.iter().enumerate() {
                let calls = history.of[number].lock().unwrap().clone();
                let names: BTreeSet<String> = socket.rooms().into_iter().collect();
                let end = (0..3).filter(|room| names.contains(ROOMS[*room])).fold(0, |bits, room| bits | 1 << room);
                assert!(
                    is_linearisable(&calls, 0, 0, end, &mut HashSet::new()),
                    "socket {number}: {calls:#?}, {names:?}"
                );
            }
        },
        3_000,
    );
}

/// Who moves from an earlier-listed room to a later-listed one, join first, is not missed, and not met twice.
#[test]
fn a_mover_is_met_once() {
    shuttle::check_random(
        || {
            let engine = Engine::new();
            let lane = MemoryLane::new(&engine);
            let ann = lane.connect().unwrap();
            ann.join("a").unwrap();
            let reader = {
                let engine = engine.clone();
                thread::spawn(move || engine.to(["a", "b"]).count())
            };
            ann.join("b").unwrap();
            ann.leave("a");
            assert_eq!(reader.join().unwrap(), 1);
        },
        5_000,
    );
}

/// Tables grow and shrink under a scan: a member throughout is met once.
#[test]
fn growth_hides_and_doubles_nobody() {
    shuttle::check_random(
        || {
            let engine = Engine::new();
            let lane = MemoryLane::new(&engine);
            let steady = lane.connect().unwrap();
            steady.join("a").unwrap();
            let reader = {
                let (engine, id) = (engine.clone(), steady.id());
                thread::spawn(move || {
                    for _ in 0..3 {
                        assert_eq!(engine.to("a").members().filter(|member| *member == id).count(), 1);
                    }
                })
            };
            let crowd: Vec<OwnedSocket> = (0..20).map(|_| lane.connect().unwrap()).collect();
            for socket in &crowd {
                socket.join("a").unwrap();
            }
            drop(crowd);
            reader.join().unwrap();
            assert_eq!(engine.to("a").count(), 1);
        },
        1_000,
    );
}
