//! Slots change hands beside broadcasts, many times: nobody gets what was meant for an owner before, and the test would
//! see it.
//!
//! `ROOMCAST_REUSES` says how many times: 200,000 by default. The run of 10^8 is in `benches/README.md`.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use roomcast::{Backlog, Closed, Delivery, Engine, Lane, LaneTable, Message, OwnedSocket};

#[derive(Default)]
struct Post(Mutex<Vec<Delivery>>);

impl Lane for Post {
    fn backlog(&self) -> Backlog {
        Backlog { bytes: 0, full: self.0.lock().unwrap().len() > 10_000 }
    }

    fn deliver(&self, delivery: Delivery) {
        self.0.lock().unwrap().push(delivery);
    }

    fn close(&self, _closed: Closed) {}
}

/// What the lane knows: the colour of a slot's owner, with its birth or, to show what that is for, without.
enum Bound {
    ByBirth(LaneTable<&'static str>),
    BySlot(Vec<Option<&'static str>>),
}

impl Bound {
    fn bind(&mut self, socket: &OwnedSocket, colour: &'static str) {
        match self {
            Self::ByBirth(table) => table.bind(socket.id(), colour),
            Self::BySlot(slots) => {
                let slot = socket.id().slot() as usize;
                slots.resize(slots.len().max(slot + 1), None);
                slots[slot] = Some(colour);
            }
        }
    }

    fn unbind(&mut self, socket: &OwnedSocket) {
        match self {
            Self::ByBirth(table) => drop(table.unbind(socket.id())),
            Self::BySlot(slots) => slots[socket.id().slot() as usize] = None,
        }
    }

    /// Gives a delivery to those who are bound.
    fn deliver(&self, delivery: &Delivery, mut each: impl FnMut(&str)) {
        for tile in &delivery.tiles {
            match self {
                Self::ByBirth(table) => drop(table.recipients(*tile, delivery.clock, |colour| each(colour))),
                Self::BySlot(slots) => tile.slots().filter_map(|slot| *slots.get(slot as usize)?).for_each(&mut each),
            }
        }
    }
}

const COLOURS: [&str; 3] = ["red", "blue", "green"];

/// Returns deliveries in all, and those that met somebody of another colour.
fn run(reuses: usize, mut bound: Bound) -> (u64, u64) {
    let (engine, post, done) = (Engine::new(), Arc::new(Post::default()), AtomicBool::new(false));
    let port = engine.attach(Arc::clone(&post) as Arc<dyn Lane>);
    let (mut delivered, mut wrong) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let rooms = COLOURS.map(|colour| (engine.room(colour).unwrap(), Message::raw(colour, "1")));
            while !done.load(Relaxed) {
                for (room, message) in &rooms {
                    let _ = engine.to(room).broadcast(message);
                }
            }
        });
        let rooms = COLOURS.map(|colour| engine.room(colour).unwrap());
        let mut owned = std::collections::VecDeque::new();
        for turn in 0..reuses {
            let colour = COLOURS[turn % COLOURS.len()];
            let socket = port.connect(&format!("{turn:020}")).unwrap();
            bound.bind(&socket, colour);
            socket.join(&rooms[turn % COLOURS.len()]).unwrap();
            owned.push_back(socket);
            // 20 slots in turn, which is no multiple of the colours: each owner has another colour than the one before.
            if owned.len() >= 20 {
                let leaver: OwnedSocket = owned.pop_front().unwrap();
                bound.unbind(&leaver);
            }
            // A lane that lags: meanwhile slots change hands under what waits.
            if turn % 8 != 0 {
                continue;
            }
            let deliveries = std::mem::take(&mut *post.0.lock().unwrap());
            for delivery in &deliveries {
                bound.deliver(delivery, |colour| {
                    delivered += 1;
                    wrong += u64::from(colour != delivery.message.event());
                });
            }
        }
        done.store(true, Relaxed);
    });
    (delivered, wrong)
}

#[test]
fn no_delivery_meets_a_later_owner() {
    let reuses = std::env::var("ROOMCAST_REUSES").map_or(200_000, |n| n.parse().expect("a number"));
    let (delivered, wrong) = run(reuses, Bound::ByBirth(LaneTable::default()));
    println!("{reuses} reuses, {delivered} deliveries, {wrong} wrong");
    assert!(delivered > 0, "the broadcasts met nobody: the test shows nothing");
    assert_eq!(wrong, 0);
}

#[test]
fn without_the_birth_some_would() {
    let (delivered, wrong) = run(200_000, Bound::BySlot(Vec::new()));
    println!("{delivered} deliveries, {wrong} wrong");
    assert!(wrong > 0, "the test does not see wrong deliveries");
}
