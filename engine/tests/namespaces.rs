//! How long namespaces live: as long as something of them is held, and hardly longer.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Weak};

use roomcast::{Engine, MemoryLane, Message};

/// Each namespace's own; counts how many there are.
struct Present;

static PRESENT: AtomicUsize = AtomicUsize::new(0);

impl Default for Present {
    fn default() -> Self {
        PRESENT.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        PRESENT.fetch_sub(1, SeqCst);
    }
}

/// Makes so many namespaces, one after another, that whatever is unused was looked for.
fn churn(engine: &Engine) {
    for number in 0..10_000 {
        engine.namespace(&format!("/churn-{number}")).shared::<Present>();
        assert!(PRESENT.load(SeqCst) <= 200, "names add up");
    }
}

#[test]
fn names_do_not_add_up_and_what_is_held_lives() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let value = |name: &str| Arc::downgrade(&engine.namespace(name).shared::<u64>());
    let handle = engine.namespace("/handle");
    let in_use: [(&str, Weak<u64>); 4] = ["/", "/handle", "/socket", "/room"].map(|name| (name, value(name)));
    let socket = lane.namespace("/socket").connect().unwrap();
    socket.join("eu").unwrap();
    let room = engine.namespace("/room").room("eu").unwrap();
    let unused = value("/unused");
    churn(&engine);
    for (name, value) in &in_use {
        assert!(value.upgrade().is_some(), "{name} is in use");
        assert!(Arc::ptr_eq(&value.upgrade().unwrap(), &engine.namespace(name).shared()), "{name} is the same");
    }
    assert!(unused.upgrade().is_none(), "nobody uses it");
    assert_eq!(engine.namespace("/socket").to("eu").count(), 1);
    drop((handle, room, socket));
    churn(&engine);
    let gone = in_use.iter().filter(|(_, value)| value.upgrade().is_none()).map(|(name, _)| *name);
    assert_eq!(gone.collect::<Vec<_>>(), ["/handle", "/socket", "/room"]);
}

#[test]
fn who_takes_over_a_number_meets_nothing_of_before() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let hi = Message::json("hi", &1).unwrap();
    for round in 0..1_000 {
        let name = format!("/{round}");
        let namespace = lane.namespace(&name);
        let (ann, ben) = (namespace.connect().unwrap(), namespace.connect().unwrap());
        let engine = engine.namespace(&name);
        assert_eq!((engine.stats().sockets, engine.to("eu").count(), engine.rooms().len()), (2, 0, 0), "{name}");
        ann.join("eu").unwrap();
        assert_eq!(engine.to("eu").broadcast(&hi).matched, 1);
        assert_eq!(engine.everyone().broadcast(&hi).matched, 2);
        assert!(engine.journal().is_none());
        engine.keep_journal(1_000);
        drop((ann, ben));
    }
}

#[test]
fn one_namespace_a_name_whoever_comes_and_goes() {
    let engine = Engine::new();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let engine = engine.clone();
            std::thread::spawn(move || {
                for number in 0..20_000_usize {
                    let name = format!("/{}", number * (2 * thread + 1) % 300);
                    let (one, other) = (engine.namespace(&name), engine.namespace(&name));
                    assert_eq!((one.name(), other.name()), (&*name, &*name));
                    assert!(Arc::ptr_eq(&one.shared::<u64>(), &other.shared::<u64>()));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| assert!(thread.join().is_ok()));
}
