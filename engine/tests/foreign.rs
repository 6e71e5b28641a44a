//! Users' code that panics in the middle of the engine's work: it costs its own call and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use roomcast::{Engine, Members, MemoryLane, Message, Observer};

/// Notes each call, and panics at it.
#[derive(Clone, Default)]
struct Clumsy(Arc<Mutex<Vec<String>>>);

impl Clumsy {
    fn fall(&self, line: String) {
        self.0.lock().unwrap().push(line);
        panic!("as asked");
    }

    fn read(&self) -> Vec<String> {
        let mut lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.sort();
        lines
    }
}

impl Observer for Clumsy {
    fn room_created(&self, room: &str) {
        self.fall(format!("+{room}"));
    }

    fn joined(&self, room: &str, members: &Members) {
        self.fall(format!("{room} {} joined", members.len()));
    }

    fn left(&self, room: &str, members: &Members) {
        self.fall(format!("{room} {} left", members.len()));
    }

    fn room_deleted(&self, room: &str) {
        self.fall(format!("-{room}"));
    }
}

/// Panics when it is dropped, and so does what it says then.
struct Sore<const KIND: usize>(Arc<Mutex<usize>>);

impl<const KIND: usize> Drop for Sore<KIND> {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
        std::panic::panic_any(Payload);
    }
}

struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("once more");
    }
}

#[test]
fn an_observer_that_panics_hears_of_all_the_rest() {
    let clumsy = Clumsy::default();
    let engine = Engine::builder().observer(clumsy.clone()).build();
    let lane = MemoryLane::new(&engine);
    let sockets: Vec<_> = (0..40).map(|_| lane.connect().unwrap()).collect();
    assert_eq!(sockets[0].join(["a", "b"]), Ok(2));
    assert_eq!(clumsy.read(), ["+a", "+b", "a 1 joined", "b 1 joined"]);
    assert_eq!(engine.everyone().join(["a", "b"]).map(|changed| changed.memberships), Ok(78));
    assert_eq!(clumsy.read(), ["a 39 joined", "b 39 joined"]);
    assert_eq!(engine.to("a").leave("b").memberships, 40);
    assert_eq!(clumsy.read(), ["-b", "b 40 left"]);
    assert_eq!((sockets[1].leave("a"), sockets[2].leave_all()), (1, 1));
    assert_eq!(clumsy.read(), ["a 1 left", "a 1 left"]);
    assert_eq!((engine.to("a").disconnect(), engine.stats().sockets), (38, 2));
    assert_eq!(clumsy.read().len(), 39);
    let slots: Vec<_> = sockets.iter().map(|socket| socket.id().slot()).collect();
    drop(sockets);
    let mut again: Vec<_> = (0..40).map(|_| lane.connect().unwrap().id().slot()).collect();
    again.sort_unstable();
    again.dedup();
    assert!(again.iter().all(|slot| slots.contains(slot)), "no slot is lost");
}

#[test]
fn values_that_panic_when_they_are_dropped_cost_nothing_else() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let dropped = Arc::<Mutex<usize>>::default();
    let (ann, ben) = (lane.connect().unwrap(), lane.connect().unwrap());
    assert!(ann.insert(Sore::<0>(Arc::clone(&dropped))) && ann.insert(Sore::<1>(Arc::clone(&dropped))));
    ann.join("eu").unwrap();
    ben.join("eu").unwrap();
    let slot = ann.id().slot();
    drop(ann);
    assert_eq!((*dropped.lock().unwrap(), engine.to("eu").count(), engine.stats().sockets), (2, 1, 1));
    assert_eq!(lane.connect().unwrap().id().slot(), slot, "it may be used again");
    assert_eq!(engine.to("eu").broadcast(&Message::raw("hi", "1")).matched, 1);
}

#[test]
fn shared_values_that_panic_when_they_are_dropped_cost_nothing_else() {
    #[derive(Default)]
    struct First(Mutex<Option<Sore<0>>>);
    #[derive(Default)]
    struct Second(Mutex<Option<Sore<1>>>);
    let engine = Engine::new();
    let dropped = Arc::<Mutex<usize>>::default();
    let admin = engine.namespace("/admin");
    *admin.shared::<First>().0.lock().unwrap() = Some(Sore(Arc::clone(&dropped)));
    *admin.shared::<Second>().0.lock().unwrap() = Some(Sore(Arc::clone(&dropped)));
    drop(admin);
    let look = AssertUnwindSafe(|| (0..1_000).for_each(|n| drop(engine.namespace(&format!("/{n}")))));
    assert!(catch_unwind(look).is_ok());
    assert_eq!(*dropped.lock().unwrap(), 2);
}
