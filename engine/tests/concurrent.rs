//! Several threads at once: what must hold while they run, and that both indexes agree when they are done.

mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use model::{ROOMS, room};
use roomcast::{Engine, MemoryLane, Message, OwnedSocket, Stats, all, everyone};

const THREADS: u64 = 4;

/// Small steps of a seeded generator.
struct Dice(fastrand::Rng);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    fn below(&mut self, n: usize) -> usize {
        self.0.usize(..n)
    }

    fn room(&mut self) -> String {
        room(self.0.u8(..ROOMS))
    }
}

/// Ends the threads that run until told, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Every membership is in both indexes, no room is empty, and the statistics are their sums.
fn check_at_rest(engine: &Engine) {
    let names: BTreeSet<String> = engine.rooms().into_iter().collect();
    let mut by_socket = BTreeMap::<String, BTreeSet<String>>::new();
    let mut memberships = 0;
    for name in &names {
        let members = engine.to(name).members();
        assert_eq!(members.len(), engine.to(name).count(), "a ghost in {name}");
        assert!(!members.is_empty(), "{name} is empty");
        memberships += members.len();
        for id in members {
            by_socket.entry(id.to_string()).or_default().insert(name.clone());
        }
    }
    let sockets = engine.everyone().members();
    assert_eq!(engine.stats(), Stats { sockets: sockets.len(), rooms: names.len(), memberships });
    for id in sockets {
        let socket = engine.socket(id.as_str()).expect("everyone can be found");
        let rooms: BTreeSet<String> = socket.rooms().into_iter().collect();
        assert_eq!(rooms, by_socket.remove(id.as_str()).unwrap_or_default());
    }
    assert!(by_socket.is_empty(), "members who are not connected: {by_socket:?}");
}

fn one_step(engine: &Engine, lane: &MemoryLane, mine: &mut Vec<OwnedSocket>, dice: &mut Dice) {
    let (a, b) = (dice.room(), dice.room());
    match dice.below(12) {
        0 | 1 => mine.push(lane.connect().expect("no limit is near")),
        2 if mine.len() > 40 => drop(mine.swap_remove(dice.below(mine.len()))),
        3..6 if !mine.is_empty() => drop(mine[dice.below(mine.len())].join([&a, &b])),
        6 if !mine.is_empty() => drop(mine[dice.below(mine.len())].leave(&a)),
        7 => drop(engine.to(&a).join(&b)),
        8 => drop(engine.to(&a).leave([&a, &b])),
        9 if dice.below(4) == 0 => drop(engine.to(all([&a, &b])).leave_all()),
        10 if dice.below(20) == 0 => drop(engine.to(all([&a, &b])).disconnect()),
        _ => drop(engine.to([&a, &b]).broadcast(&Message::raw("e", "1"))),
    }
}

#[test]
fn both_indexes_agree_after_all_verbs_on_several_threads() {
    for round in 0..8 {
        let engine = Engine::new();
        let owned: Vec<OwnedSocket> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    let (engine, lane) = (&engine, MemoryLane::new(&engine));
                    scope.spawn(move || {
                        let (mut mine, mut dice) = (Vec::new(), Dice::new(round * THREADS + number));
                        for _ in 0..3_000 {
                            one_step(engine, &lane, &mut mine, &mut dice);
                        }
                        mine
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no thread fails")).collect()
        });
        check_at_rest(&engine);
        drop(owned);
        assert_eq!(engine.stats(), Stats::default(), "nothing is left");
    }
}

/// Sockets that nobody else touches end exactly where their own thread put them.
#[test]
fn returned_calls_are_in_force_whatever_the_neighbours_do() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    // One lane, so that the threads share groups and rooms.
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (engine, lane) = (&engine, &lane);
            scope.spawn(move || {
                let mut dice = Dice::new(number);
                let socket = lane.connect().unwrap();
                let mut rooms = BTreeSet::new();
                for _ in 0..20_000 {
                    let name = dice.room();
                    if dice.below(2) == 0 {
                        assert_eq!(socket.join(&name), Ok(usize::from(rooms.insert(name.clone()))));
                        assert!(engine.to(&name).members().any(|id| id == socket.id()), "a join that returned is seen");
                    } else {
                        assert_eq!(socket.leave(&name), usize::from(rooms.remove(&name)));
                        assert!(!socket.is_in(&name), "a leave that returned is respected");
                    }
                }
                assert_eq!(socket.rooms().into_iter().collect::<BTreeSet<_>>(), rooms);
            });
        }
    });
    assert_eq!(engine.stats(), Stats::default());
}

/// While others come and go, and tables grow and shrink, a member throughout gets each broadcast once.
#[test]
fn a_member_throughout_is_never_missed_nor_met_twice() {
    const BROADCASTS: usize = 3_000;
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let steady: Vec<OwnedSocket> = (0..10).map(|_| lane.connect().unwrap()).collect();
    for socket in &steady {
        socket.join("eu").unwrap();
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    let crowd: Vec<OwnedSocket> = (0..700).map(|_| lane.connect().unwrap()).collect();
                    for socket in &crowd {
                        socket.join(["eu", "us"]).unwrap();
                    }
                    drop(crowd);
                }
            });
        }
        let _stop = Stop(&done);
        for number in 0..BROADCASTS {
            let message = Message::raw("n", &number.to_string());
            let sent = match number % 3 {
                0 => engine.to("eu").broadcast(&message),
                1 => engine.to(["eu", "us"]).broadcast(&message),
                _ => engine.everyone().broadcast(&message),
            };
            assert!(sent.matched >= steady.len());
        }
    });
    let wanted: Vec<String> = (0..BROADCASTS).map(|number| number.to_string()).collect();
    for socket in &steady {
        let got: Vec<String> = lane.received(socket).iter().map(|message| message.args_json().to_owned()).collect();
        assert_eq!(got, wanted, "each once, in order");
    }
}

/// Slots change hands beside broadcasts; nobody gets what was meant for the owner before.
#[test]
fn a_slots_next_owner_gets_nothing_of_the_former_ones() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let done = AtomicBool::new(false);
    let delivered = thread::scope(|scope| {
        for room in ["red", "blue"] {
            let (engine, done) = (&engine, &done);
            scope.spawn(move || {
                let message = Message::raw(room, "1");
                while !done.load(Relaxed) {
                    let _ = engine.to(room).broadcast(&message);
                }
            });
        }
        let _stop = Stop(&done);
        let mut delivered = 0;
        for turn in 0..100_000 {
            let (mine, socket) = (["red", "blue"][turn % 2], lane.connect().unwrap());
            let before = lane.received(&socket);
            assert!(before.is_empty(), "a newcomer got {before:?}");
            socket.join(mine).unwrap();
            let got = lane.received(&socket);
            assert!(got.iter().all(|message| message.event() == mine), "{mine} got {got:?}");
            delivered += got.len();
        }
        delivered
    });
    assert!(delivered > 0, "the broadcasts met nobody: the test shows nothing");
    assert_eq!(engine.to(everyone()).count(), 0);
}
