//! Rooms that lose their last member while others come, and numbers that are used again (`roster.rs`, `interner.rs`).

use loom::thread;

use super::{connect, engine, model};

/// The last member leaves while two join by name: they end in one room, and it can be found.
#[test]
fn resurrection() {
    model(|| {
        let (engine, _post, port) = engine();
        let (ann, ben, cem) = (connect(&port, 'a'), connect(&port, 'b'), connect(&port, 'c'));
        ann.join("r").unwrap();
        let joiners = [ben, cem].map(|socket| {
            thread::spawn(move || {
                socket.join("r").unwrap();
                socket
            })
        });
        ann.leave("r");
        let _sockets = joiners.map(|thread| thread.join().unwrap());
        assert_eq!(engine.to("r").count(), 2, "members are lost or split");
        assert_eq!(engine.rooms().len(), 1);
    });
}

/// A room dies and its number is used for another one while a reader stands between the name and the table.
#[test]
fn numbers() {
    model(|| {
        let (engine, _post, port) = engine();
        let (ann, ben) = (connect(&port, 'a'), connect(&port, 'b'));
        ann.join("old").unwrap();
        let reader = {
            let engine = engine.clone();
            thread::spawn(move || engine.to("old").members().map(|id| id.to_string()).collect::<String>())
        };
        ann.leave("old");
        ben.join("new").unwrap();
        assert!(!reader.join().unwrap().contains('b'), "a reader of the old room found the new one's member");
    });
}

/// A room that outgrew its inline cells dies under a reader, who must not find those there that left before.
#[test]
fn array() {
    model(|| {
        let (engine, _post, port) = engine();
        // In three groups: one more than there are inline cells.
        let sockets = ['a', 'x', 'b', 'y', 'c'].map(|name| connect(&port, name));
        let [ann, _, ben, _, cem] = &sockets;
        [ann, ben, cem].iter().for_each(|socket| assert_eq!(socket.join("r").unwrap(), 1));
        [ann, ben].iter().for_each(|socket| assert_eq!(socket.leave("r"), 1));
        let reader = {
            let engine = engine.clone();
            thread::spawn(move || engine.to("r").count())
        };
        cem.leave("r");
        assert!(reader.join().unwrap() <= 1, "who left long ago is found in a room that just died");
    });
}

/// A reader that finds a number finds the name written.
#[test]
fn creation() {
    model(|| {
        let (engine, _post, port) = engine();
        let ann = connect(&port, 'a');
        // So that the index has a place for one more.
        ann.join("old").unwrap();
        ann.leave("old");
        let reader = {
            let engine = engine.clone();
            thread::spawn(move || engine.to("new").count())
        };
        ann.join("new").unwrap();
        assert!(reader.join().unwrap() <= 1);
    });
}

/// Names come and go, the index is rebuilt, and what was there throughout is found throughout.
#[test]
fn names() {
    model(|| {
        let (engine, _post, port) = engine();
        let ann = connect(&port, 'a');
        ann.join("kept").unwrap();
        let writer = {
            let ann = crate::Socket::clone(&ann);
            thread::spawn(move || {
                ann.join(["one", "two"]).unwrap();
                ann.leave("one");
            })
        };
        assert_eq!(engine.to("kept").count(), 1, "a name that was there is not found");
        writer.join().unwrap();
        assert_eq!(engine.to(["kept", "two"]).per_room().broadcast(&crate::Message::raw("e", "1")).matched, 2);
    });
}
