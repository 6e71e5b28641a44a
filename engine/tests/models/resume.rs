//! A socket that comes back beside a broadcast (`journal.rs`).

use loom::thread;

use super::{connect, engine, model};
use crate::{FormerMember, LaneTable, Message};

/// What is sent while Ann comes back is either missed or delivered.
#[test]
fn resume() {
    model(|| {
        let (engine, post, port) = engine();
        engine.keep_journal(1 << 20);
        let Some(journal) = engine.journal() else { return };
        let after = journal.last();
        engine.everyone().broadcast(&Message::raw("0", "1"));
        let publisher = {
            let engine = engine.clone();
            thread::spawn(move || engine.to("r").broadcast(&Message::raw("1", "1")))
        };
        let who = FormerMember { id: "a".repeat(20), rooms: vec!["r".into()] };
        let ann = journal.resume(&who, after, || Ok(connect(&port, 'a'))).unwrap();
        publisher.join().unwrap();
        let mut got: String = ann.missed.iter().map(|(message, _)| message.event()).collect();
        let mut table = LaneTable::default();
        table.bind(ann.socket.id(), ());
        post.drain(&table, |(), event| got.push_str(event));
        assert_eq!(got, "01", "not once each");
    });
}
