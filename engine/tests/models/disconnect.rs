//! A disconnect in batches beside the slot's next owner (`connection.rs`).

use loom::thread;

use super::{connect, engine, model};
use crate::Socket;

/// Somebody disconnects Ann, her owner frees the slot meanwhile, Ben takes it and joins: he stays joined.
#[test]
fn batches() {
    model(|| {
        let (engine, _post, port) = engine();
        let ann = connect(&port, 'a');
        ann.join(["r", "s"]).unwrap();
        let handle = Socket::clone(&ann);
        let other = thread::spawn(move || handle.disconnect());
        drop(ann);
        let ben = connect(&port, 'b');
        ben.join(["r", "s"]).unwrap();
        other.join().unwrap();
        assert_eq!((engine.to("r").count(), engine.to("s").count()), (1, 1), "the next owner was thrown out");
        assert_eq!(ben.rooms().len(), 2);
        assert_eq!(engine.everyone().count(), 1);
    });
}
