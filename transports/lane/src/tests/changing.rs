//! A connection finds out what it is: it goes on with another protocol, or outside the lane.

use std::sync::mpsc;

use bytes::Bytes;
use roomcast::Message;

use super::talk::{ROOMY, Stage, Talk};
use crate::{Close, Context, ManualConnection, Progress, Protocol, Stream, Wire};

/// Reads a word that ends in `.`: `talk` is answered `welcome` and goes on with another protocol, all else is given away.
struct Door {
    wire: Wire,
    others: mpsc::Sender<(Stream, Vec<u8>)>,
    protocol: fn() -> Box<dyn Protocol>,
}

impl Protocol for Door {
    fn handle_open(&mut self, _cx: &mut Context<'_>) {}

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        let Some(end) = input.iter().position(|byte| *byte == b'.') else { return Ok(Progress::used(0)) };
        if &input[..end] == b"talk" {
            cx.write(b"welcome\n");
            cx.replace((self.protocol)(), &self.wire);
            return Ok(Progress::used(end + 1));
        }
        let (others, read) = (self.others.clone(), input.to_vec());
        cx.eject(move |stream| others.send((stream, read)).unwrap());
        Ok(Progress::used(input.len()))
    }
}

fn door_to(
    stage: &mut Stage,
    room: usize,
    protocol: fn() -> Box<dyn Protocol>,
) -> (ManualConnection, mpsc::Receiver<(Stream, Vec<u8>)>) {
    let ((others, ejected), wire) = (mpsc::channel(), stage.wire.clone());
    let client = stage.lane.connect(&Wire::mute(), room, move || Door { wire, others, protocol });
    (client, ejected)
}

fn door(stage: &mut Stage, room: usize) -> (ManualConnection, mpsc::Receiver<(Stream, Vec<u8>)>) {
    door_to(stage, room, || Box::new(Talk::new()))
}

#[test]
fn the_other_protocol_is_greeted_with_in_one_write() {
    let mut stage = Stage::new();
    let (client, _) = door(&mut stage, ROOMY);
    client.send("talk.");
    stage.lane.run();
    assert_eq!(client.receive_text(), "welcome\nhello\n");
    assert_eq!((stage.lane.stats().writes, stage.lane.stats().connections), (1, 1));
    let _ = stage.engine.everyone().broadcast(&Message::json("x", &1).unwrap());
    stage.lane.run();
    assert_eq!(client.receive_text(), "x 1\n");
}

#[test]
fn input_behind_the_word_is_for_the_other_protocol_wherever_it_is_cut() {
    let input = "talk.ping a\necho b\nping c\n";
    for room in [1, 3, ROOMY] {
        for cut in 0..=input.len() {
            let mut stage = Stage::new();
            let (client, _) = door(&mut stage, room);
            client.send(&input[..cut]);
            stage.lane.turn();
            client.send(&input[cut..]);
            let got = stage.read_all(&client);
            assert!(got.starts_with("welcome\nhello\n"), "room {room}, cut at {cut}: {got}");
            let mut rest: Vec<&str> = got.lines().skip(2).collect();
            rest.sort_unstable();
            assert_eq!(rest, ["echo b", "pong a", "pong c"], "room {room}, cut at {cut}");
        }
    }
}

/// Answers at once, by control bytes, without a socket.
struct Echo;

impl Protocol for Echo {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        cx.write(b"open\n");
        cx.queue(b"queued\n");
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        cx.write(input);
        Ok(Progress::used(input.len()))
    }
}

#[test]
fn control_bytes_do_not_overtake_the_greeting() {
    for room in [1, 3, ROOMY] {
        let mut stage = Stage::new();
        let (client, _) = door_to(&mut stage, room, || Box::new(Echo));
        client.send("talk.now");
        let got = stage.read_all(&client);
        assert!(got.starts_with("welcome\nopen\n"), "room {room}: {got}");
        let rest = got.strip_prefix("welcome\nopen\n").unwrap();
        assert!(["queued\nnow", "nowqueued\n"].contains(&rest), "room {room}: {got}");
    }
}

#[test]
fn a_stream_that_is_given_away_has_all_its_bytes_and_is_not_counted_here() {
    let mut stage = Stage::new();
    let (client, ejected) = door(&mut stage, ROOMY);
    client.send("ot");
    stage.lane.run();
    client.send("her.more");
    stage.lane.run();
    let (stream, read) = ejected.try_recv().unwrap();
    assert_eq!((read.as_slice(), stage.lane.stats().connections), (&b"other.more"[..], 0));
    assert!(!client.is_ended() && !client.is_reset(), "it lives, elsewhere");
    client.send("\necho late\n");
    let wire = stage.wire.clone();
    stage.lane.adopt_stream(stream, Bytes::from_static(b"echo early"), &wire, Talk::new);
    assert_eq!(stage.read_all(&client), "hello\necho early\necho late\n");
}

#[test]
fn the_end_of_a_stream_that_is_given_away_is_for_whoever_has_it() {
    let mut stage = Stage::new();
    let (client, ejected) = door(&mut stage, ROOMY);
    client.send("other.");
    client.end();
    stage.lane.run();
    let (stream, _) = ejected.try_recv().unwrap();
    let wire = stage.wire.clone();
    stage.lane.adopt_stream(stream, Bytes::new(), &wire, Talk::new);
    assert_eq!(stage.read_all(&client), "hello\nbye 1006\n");
}

/// Panics as soon as it is there.
struct Fragile;

impl Protocol for Fragile {
    fn handle_open(&mut self, _cx: &mut Context<'_>) {
        panic!("as asked");
    }

    fn handle_input(&mut self, input: &mut [u8], _cx: &mut Context<'_>) -> Result<Progress, Close> {
        Ok(Progress::used(input.len()))
    }
}

#[test]
fn a_panic_of_the_other_protocol_costs_its_connection() {
    let mut stage = Stage::new();
    let (client, _) = door_to(&mut stage, ROOMY, || Box::new(Fragile));
    client.send("talk.more");
    stage.lane.run();
    let stats = stage.lane.stats();
    assert_eq!((client.receive_text().as_str(), stats.protocol_panics, stats.connections), ("", 1, 0));
    assert!(client.is_ended());
    stage.client(ROOMY);
}

#[test]
fn a_panic_where_a_stream_is_given_to_costs_the_stream() {
    struct Thrower;

    impl Protocol for Thrower {
        fn handle_open(&mut self, cx: &mut Context<'_>) {
            cx.eject(|_stream| panic!("as asked"));
        }

        fn handle_input(&mut self, _input: &mut [u8], _cx: &mut Context<'_>) -> Result<Progress, Close> {
            unreachable!("it is gone")
        }
    }

    let mut stage = Stage::new();
    let client = stage.lane.connect(&Wire::mute(), ROOMY, || Thrower);
    client.send("x");
    stage.lane.run();
    assert!(client.is_ended());
    assert_eq!((stage.lane.stats().protocol_panics, stage.lane.stats().lane_panics), (1, 0));
    stage.client(ROOMY);
}
