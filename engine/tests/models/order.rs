//! What verbs of different threads see of each other (`select.rs`, `membership.rs`).

use loom::thread;

use super::{connect, engine, model};
use crate::sync::epoch;

/// Two threads join, each, and then look into the other's room: they cannot both miss the other.
#[test]
fn two_rooms() {
    model(|| {
        let (engine, _post, port) = engine();
        let (x, y) = (engine.room("x").unwrap(), engine.room("y").unwrap());
        // In groups of their own, each with a mate in both rooms: then a join is one compare-and-swap, and no lock is shared.
        let (ann, mate, ben, other) =
            (connect(&port, 'a'), connect(&port, 'm'), connect(&port, 'b'), connect(&port, 'o'));
        mate.join([&x, &y]).unwrap();
        other.join([&x, &y]).unwrap();
        let first = {
            let (engine, x, y) = (engine.clone(), x.clone(), y.clone());
            thread::spawn(move || {
                let _pinned = epoch::pin();
                ann.join(&x).unwrap();
                (engine.to(&y).count(), ann)
            })
        };
        let seen = {
            let _pinned = epoch::pin();
            ben.join(&y).unwrap();
            engine.to(&x).count()
        };
        let (others, _ann) = first.join().unwrap();
        assert!(seen == 3 || others == 3, "both miss the other's join");
    });
}

/// Who joins X before A is kept out of "A except X".
#[test]
fn except() {
    model(|| {
        let (engine, _post, port) = engine();
        let a = engine.room("a").unwrap();
        let (ann, mate) = (connect(&port, 'a'), connect(&port, 'm'));
        // So that joining A is one compare-and-swap.
        mate.join(&a).unwrap();
        let joiner = {
            let a = a.clone();
            thread::spawn(move || {
                let _pinned = epoch::pin();
                ann.join("x").unwrap();
                ann.join(&a).unwrap();
                ann
            })
        };
        let _pinned = epoch::pin();
        assert_eq!(engine.to(&a).except("x").count(), 1, "who joined X first got a message to A except X");
        joiner.join().unwrap();
    });
}

/// A bulk join beside two leaves that return: nobody is brought back.
#[test]
fn bulk() {
    model(|| {
        let (engine, _post, port) = engine();
        let (source, destination) = (engine.room("s").unwrap(), engine.room("d").unwrap());
        let ann = connect(&port, 'a');
        ann.join(&source).unwrap();
        let copier = {
            let (engine, source, destination) = (engine.clone(), source.clone(), destination.clone());
            thread::spawn(move || engine.to(&source).join(&destination).unwrap())
        };
        ann.leave(&source);
        ann.leave(&destination);
        copier.join().unwrap();
        assert_eq!(engine.to(&destination).count(), 0, "who left is back");
    });
}

/// `members()` beside a slot that changes hands: nobody is named who was never in the room.
#[test]
fn members() {
    model(|| {
        let (engine, _post, port) = engine();
        let room = engine.room("r").unwrap();
        let ann = connect(&port, 'a');
        let reader = {
            let (engine, room) = (engine.clone(), room.clone());
            thread::spawn(move || engine.to(&room).members().map(|id| id.to_string()).collect::<String>())
        };
        drop(ann);
        let ben = connect(&port, 'b');
        ben.join(&room).unwrap();
        let names = reader.join().unwrap();
        assert!(!names.contains('a'), "Ann was never in the room");
    });
}
