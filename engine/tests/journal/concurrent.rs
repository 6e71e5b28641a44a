//! Sockets that are lost and come back while several threads send.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use roomcast::{Engine, Message, Offset, OwnedSocket};

use crate::mail::{Letter, Mail, id};

const PUBLISHERS: usize = 3;
/// At least so many of all publishers, and so many times that the connection is lost.
const MESSAGES: usize = 10_000;
const RETURNS: usize = 300;
const ROOMS: [&str; 2] = ["eu", "chess"];

/// Sends one of the ways, and says whether Ann is meant.
fn send(engine: &Engine, way: usize, message: &Message) -> bool {
    let ann = id('a');
    let (target, meant) = match way % 8 {
        0 => (engine.everyone(), true),
        1 => (engine.to("eu"), true),
        2 => (engine.to("us"), false),
        3 => (engine.to(["us", "chess", "eu"]), true),
        4 => (engine.to(&ann), true),
        5 => (engine.to("eu").except("chess"), false),
        6 => (engine.to(["eu", "us"]).except("muted"), true),
        _ => (engine.everyone().except(&ann), false),
    };
    target.broadcast(message);
    meant
}

/// One publisher: its number is the event, its messages are numbered in `args`. Those that Ann is to get.
fn publish(engine: &Engine, publisher: usize, sent: &AtomicUsize, stop: &AtomicBool) -> Vec<usize> {
    let event = publisher.to_string();
    let running = (0..).take_while(|_| !stop.load(SeqCst));
    let meant = running.filter(|number: &usize| {
        sent.fetch_add(1, SeqCst);
        send(engine, number + publisher, &Message::raw(&event, &number.to_string()))
    });
    meant.collect()
}

/// What a client got, by publisher, and the offset of the last.
struct Client {
    got: [Vec<usize>; PUBLISHERS],
    last: Offset,
}

impl Client {
    fn get(&mut self, message: &Message, offset: Offset) {
        assert!(offset > self.last, "{offset} is not after {}", self.last);
        let publisher: usize = message.event().parse().unwrap();
        self.got[publisher].push(message.args_json().parse().unwrap());
        self.last = offset;
    }

    /// Takes what arrived, but for some at the end that the network loses.
    fn read(&mut self, mut letters: Vec<Letter>, lost: usize) {
        letters.truncate(letters.len().saturating_sub(lost));
        letters.iter().for_each(|letter| self.get(&letter.message, letter.offset.unwrap()));
    }
}

/// Ends the publishers, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn each_message_arrives_once_beside_several_publishers() {
    let engine = Engine::new();
    engine.keep_journal(1 << 30);
    let mail = Mail::new(&engine);
    let others: Vec<OwnedSocket> = ('c'..'p').map(|letter| mail.connect(letter).unwrap()).collect();
    others.iter().for_each(|socket| assert_eq!(socket.join(["eu", "us"]), Ok(2)));
    let mut client = Client { got: Default::default(), last: engine.journal().unwrap().last() };
    let mut ann = mail.connect('a').unwrap();
    ann.join(ROOMS).unwrap();
    let (sent, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (wanted, ann) = thread::scope(|scope| {
        let start = |publisher| {
            let (engine, sent, stop) = (&engine, &sent, &stop);
            scope.spawn(move || publish(engine, publisher, sent, stop))
        };
        let publishers = [0, 1, 2].map(start);
        let stopper = Stop(&stop);
        let mut returns = 0;
        while returns < RETURNS || sent.load(SeqCst) < MESSAGES {
            client.read(mail.take(&ann), returns % 5);
            // What arrives between the two lines is lost as well.
            drop(ann);
            let resumed = mail.resume('a', &ROOMS, client.last).unwrap();
            resumed.missed.iter().for_each(|(message, offset)| client.get(message, *offset));
            ann = resumed.socket;
            returns += 1;
            assert!(publishers.iter().all(|publisher| !publisher.is_finished()));
        }
        drop(stopper);
        (publishers.map(|publisher| publisher.join().unwrap()), ann)
    });
    client.read(mail.take(&ann), 0);
    assert_eq!(client.got, wanted);
}
