//! The journal as transports meet it.

use std::sync::Mutex;

use roomcast::{
    Class, ConnectError, Engine, Members, Message, Observer, Offset, OwnedSocket, ResumeError, any, everyone,
};

use crate::mail::{Mail, id};

fn message(event: &str) -> Message {
    Message::raw(event, "1")
}

fn send(engine: &Engine, room: &str, event: &str) {
    engine.to(room).broadcast(&message(event));
}

fn engine() -> (Engine, Mail) {
    let engine = Engine::new();
    engine.keep_journal(1 << 20);
    let mail = Mail::new(&engine);
    (engine, mail)
}

fn last(engine: &Engine) -> Offset {
    engine.journal().unwrap().last()
}

fn events(missed: &[(Message, Offset)]) -> Vec<&str> {
    missed.iter().map(|(message, _)| message.event()).collect()
}

fn received(mail: &Mail, socket: &OwnedSocket) -> Vec<String> {
    mail.take(socket).iter().map(|letter| letter.message.event().to_owned()).collect()
}

#[test]
fn without_a_journal_nothing_has_an_offset() {
    let engine = Engine::new();
    let mail = Mail::new(&engine);
    let ann = mail.connect('a').unwrap();
    engine.namespace("/kept").keep_journal(1 << 20);
    send(&engine, ann.id().as_str(), "one");
    assert_eq!(mail.take(&ann)[0].offset, None);
    assert!(engine.journal().is_none() && engine.namespace("/kept").journal().is_some());
}

#[test]
fn who_comes_back_gets_what_was_sent_meanwhile_and_is_in_its_rooms() {
    let (engine, mail) = engine();
    let (ann, ben) = (mail.connect('a').unwrap(), mail.connect('b').unwrap());
    ann.join(["eu", "chess"]).unwrap();
    ben.join("eu").unwrap();
    send(&engine, "eu", "before");
    let after = mail.take(&ann)[0].offset.unwrap();
    drop(ann);
    for room in ["eu", "us", "chess", &id('a'), &id('b')] {
        send(&engine, room, room);
    }
    ben.to("eu").broadcast(&message("from ben"));
    engine.to(["eu", "us"]).except(id('a')).broadcast(&message("not ann"));
    engine.everyone().latest("key").broadcast(&message("everyone"));
    engine.everyone().volatile().broadcast(&message("volatile"));
    engine.everyone().ask(&message("ask"), |_| 7);
    engine.to(["eu", "us", "chess"]).per_room().broadcast(&message("copy"));

    let ann = mail.resume('a', &["eu", "chess"], after).unwrap();
    assert_eq!(
        events(&ann.missed),
        ["eu", "chess", id('a').as_str(), "from ben", "everyone", "copy", "copy"],
        "sent in this order"
    );
    assert!(ann.missed.is_sorted_by_key(|(_, offset)| *offset) && ann.missed[0].1 > after);
    assert_eq!(ann.missed[4].0.class(), Class::Latest("key".into()));
    send(&engine, "chess", "after");
    let got = mail.take(&ann.socket);
    assert_eq!((got.len(), got[0].message.event(), got[0].offset), (1, "after", Some(last(&engine))));
    assert!(got[0].offset > Some(ann.missed[6].1));
    assert_eq!((ann.socket.rooms().len(), ann.refused.len()), (2, 0));
}

#[test]
fn what_is_not_kept_has_the_offset_of_the_last_that_is() {
    let (engine, mail) = engine();
    let ann = mail.connect('a').unwrap();
    let begin = last(&engine);
    ann.send(&message("v").volatile());
    ann.send(&message("one"));
    let one = last(&engine);
    ann.send(&message("v").volatile());
    ann.ask(&message("ask"), |_| 5);
    engine.to("nobody").broadcast(&message("two"));
    let letters = mail.take(&ann);
    let offsets: Vec<_> = letters.iter().map(|letter| letter.offset.unwrap()).collect();
    assert_eq!(offsets, [begin, one, one, one]);
    assert!(begin < one && one < last(&engine), "also what reached nobody counts");
    assert_eq!(letters[3].ack, Some(5));
}

#[test]
fn offsets_are_of_one_journal_and_of_the_past() {
    let (engine, mail) = engine();
    let begin = last(&engine);
    drop(mail.connect('a').unwrap());
    assert!(mail.resume('a', &[], begin).is_ok(), "nothing was sent");
    let text = begin.to_string();
    assert_eq!(text.parse(), Ok(begin));
    for step in [-1, 1] {
        let other = i64::from_str_radix(&text, 36).unwrap() + step;
        let other = text_of(other).parse::<Offset>().unwrap();
        assert_eq!(mail.resume('a', &[], other).unwrap_err(), ResumeError::NotCovered);
    }
    let (other, _) = self::engine();
    assert_eq!(mail.resume('a', &[], last(&other)).unwrap_err(), ResumeError::NotCovered);
    let custom = engine.namespace("/custom");
    custom.keep_journal(1 << 20);
    assert_eq!(mail.resume('a', &[], last(&custom)).unwrap_err(), ResumeError::NotCovered);
    assert!(engine.socket(&id('a')).is_none(), "nobody was connected");
}

/// As offsets are written.
fn text_of(mut number: i64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap());
        number /= 36;
    }
    digits.iter().rev().collect()
}

#[test]
fn the_oldest_go_when_the_bytes_are_used_up() {
    let engine = Engine::new();
    engine.keep_journal(10_000);
    engine.keep_journal(1 << 30);
    let mail = Mail::new(&engine);
    let mut offsets = vec![last(&engine)];
    let text = format!("\"{}\"", "x".repeat(900));
    for _ in 0..20 {
        engine.to("room").broadcast(&Message::raw("e", &text));
        offsets.push(last(&engine));
    }
    let stats = engine.journal().unwrap().stats();
    assert!(stats.bytes <= 10_000 && stats.bytes > 10_000 - 1_200, "the first call decides: {stats:?}");
    assert!((8..=10).contains(&stats.entries), "{stats:?}");
    let oldest = 20 - stats.entries;
    assert_eq!(mail.resume('a', &["room"], offsets[oldest - 1]).unwrap_err(), ResumeError::NotCovered);
    assert_eq!(mail.resume('a', &["room"], offsets[oldest]).unwrap().missed.len(), stats.entries);

    let huge = Message::binary("e", vec![0; 20_000]);
    engine.to("room").broadcast(&huge);
    assert_eq!(engine.journal().unwrap().stats(), roomcast::JournalStats::default());
    assert_eq!(mail.resume('a', &["room"], offsets[20]).unwrap_err(), ResumeError::NotCovered);
    assert!(mail.resume('a', &["room"], last(&engine)).unwrap().missed.is_empty());
}

#[test]
fn what_a_full_lane_refused_is_not_kept() {
    let (engine, mail) = engine();
    let begin = last(&engine);
    let ann = mail.connect('a').unwrap();
    mail.set_full(true);
    assert!(engine.everyone().broadcast(&message("e")).overloaded);
    assert_eq!((last(&engine), engine.journal().unwrap().stats().entries), (begin, 0));
    mail.set_full(false);
    drop(ann);
    assert!(mail.resume('a', &[], begin).unwrap().missed.is_empty());
}

#[test]
fn a_name_means_what_it_meant_when_it_was_sent_to() {
    let (engine, mail) = engine();
    let begin = last(&engine);
    // Before Ann connects, her later id is the name of a room that Ben is in.
    let ben = mail.connect('b').unwrap();
    ben.join(&*id('a')).unwrap();
    let pinned = engine.room(&id('a')).unwrap();
    let ann = mail.connect('a').unwrap();
    send(&engine, &id('a'), "to ann");
    engine.to(&pinned).broadcast(&message("to the room"));
    engine.to([&pinned]).broadcast(&message("to a list of it"));
    engine.to(any([any([id('a')])])).broadcast(&message("to ann, nested"));
    assert_eq!(received(&mail, &ann), ["to ann", "to ann, nested"]);
    assert_eq!(received(&mail, &ben), ["to the room", "to a list of it"]);
    let ann_id = ann.id();
    drop((ann, ben));
    engine.to(ann_id).broadcast(&message("to her old place"));
    let ann = mail.resume('a', &[], begin).unwrap();
    assert_eq!(events(&ann.missed), ["to ann", "to ann, nested", "to her old place"]);
    let ben = mail.resume('b', &[&id('a')], begin).unwrap();
    assert_eq!(events(&ben.missed), ["to the room", "to a list of it"]);
    assert_eq!(ben.refused, [id('a')], "it is Ann's now");
}

#[test]
fn an_empty_expression_missed_nothing() {
    let (engine, mail) = engine();
    let begin = last(&engine);
    for target in [
        any(Vec::<&str>::new()),
        roomcast::all(Vec::<&str>::new()),
        everyone().except(everyone()),
        roomcast::all([everyone(), "us".into()]),
    ] {
        engine.to(target).broadcast(&message("e"));
    }
    let back = mail.resume('a', &["eu"], begin).unwrap();
    assert_eq!((back.missed.len(), engine.journal().unwrap().stats().entries), (0, 4));
}

#[test]
fn a_socket_that_cannot_connect_does_not_come_back() {
    let (engine, mail) = engine();
    let begin = last(&engine);
    let _ann = mail.connect('a').unwrap();
    assert_eq!(mail.resume('a', &[], begin).unwrap_err(), ResumeError::Connect(ConnectError::IdTaken));
    send(&engine, "eu", "the journal goes on");
}

/// Greets everybody who joins, in all rooms: an observer may call the engine.
struct Greeter(Mutex<Option<Engine>>);

impl Observer for &'static Greeter {
    fn joined(&self, room: &str, members: &Members) {
        if let Some(engine) = &*self.0.lock().unwrap() {
            let sent = engine.everyone().broadcast(&Message::raw(room, "1"));
            assert_eq!((sent.matched, members.len()), (1, 1));
        }
    }
}

#[test]
fn observers_may_send_when_a_socket_came_back() {
    static GREETER: Greeter = Greeter(Mutex::new(None));
    let engine = Engine::builder().observer(&GREETER).build();
    engine.keep_journal(1 << 20);
    *GREETER.0.lock().unwrap() = Some(engine.clone());
    let mail = Mail::new(&engine);
    let begin = last(&engine);
    send(&engine, "chess", "missed");
    let ann = mail.resume('a', &["eu", "chess"], begin).unwrap();
    let mut got = received(&mail, &ann.socket);
    got.sort();
    assert_eq!((events(&ann.missed), got), (vec!["missed"], vec!["chess".into(), "eu".into()]));
    *GREETER.0.lock().unwrap() = None;
}
