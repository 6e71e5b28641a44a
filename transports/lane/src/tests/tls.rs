//! Whole conversations inside TLS: what the stream takes of it, the lane counts, bounds and waits for as it does without.

use std::time::Duration;

use roomcast::{Message, Socket};

use super::talk::{ROOMY, Stage, Talk};
use crate::DisconnectReason;
use crate::link::tls::testing::{TlsFar, VERSIONS, connected};

/// A connected client, its hello read, and its socket.
fn client(stage: &mut Stage, version: usize, room: usize) -> (TlsFar, Socket) {
    let (link, mut far) = connected(VERSIONS[version], room);
    let wire = stage.wire.clone();
    stage.lane.adopt(link, &wire, Talk::new);
    assert_eq!(read_all(stage, &mut far), "hello\n");
    let socket = stage.notes.sockets.lock().unwrap().last().unwrap().clone();
    (far, socket)
}

/// Runs and reads until nothing more comes.
fn read_all(stage: &mut Stage, far: &mut TlsFar) -> String {
    let mut all = Vec::new();
    loop {
        stage.lane.run();
        let before = stage.lane.stats().bytes_out;
        all.extend(far.receive().unwrap());
        stage.lane.run();
        let more = far.receive().unwrap();
        if more.is_empty() && stage.lane.stats().bytes_out == before && stage.lane.stats().outbox_bytes == 0 {
            return String::from_utf8(all).unwrap();
        }
        all.extend(more);
    }
}

/// A conversation with everything in it; what the client got.
fn conversation(version: usize, room: usize) -> String {
    let mut stage = Stage::new();
    let (mut far, socket) = client(&mut stage, version, room);
    for n in 0..6 {
        let _ = socket.send(&Message::json("data", &n).unwrap());
        let _ = stage.engine.everyone().broadcast(&Message::json("big", &"b".repeat(n * 60)).unwrap());
        far.send(format!("ping {n}\necho {n}\nask {n} what null\n").as_bytes());
        stage.lane.turn();
        stage.lane.turn();
    }
    let got = read_all(&mut stage, &mut far);
    assert_eq!(stage.lane.stats().outbox_bytes, 0);
    got
}

#[test]
fn would_block_at_many_positions() {
    for version in 0..VERSIONS.len() {
        let expected = conversation(version, ROOMY);
        assert_eq!(expected.lines().count(), 30);
        for room in (1..40).chain((40..2_000).step_by(61)) {
            let got = conversation(version, room);
            let (mut sorted_got, mut sorted): (Vec<_>, Vec<_>) = (got.lines().collect(), expected.lines().collect());
            sorted_got.sort_unstable();
            sorted.sort_unstable();
            assert_eq!(sorted_got, sorted, "room for {room}");
            for start in ["data", "big", "echo", "ack", "pong"] {
                let of =
                    |all: &str| all.lines().filter(|l| l.starts_with(start)).map(str::to_owned).collect::<Vec<_>>();
                assert_eq!(of(&got), of(&expected), "room for {room}");
            }
        }
    }
}

#[test]
fn ciphertext_that_waits_counts_as_outbox() {
    let mut stage = Stage::new();
    let (mut far, socket) = client(&mut stage, 1, 300);
    let _ = socket.send(&Message::json("m", &"x".repeat(10_000)).unwrap());
    stage.lane.run();
    let waiting = stage.lane.stats().outbox_bytes;
    assert!((9_700..10_400).contains(&waiting), "all was encrypted, little was sent: {waiting}");
    far.receive().unwrap();
    stage.lane.run();
    assert_eq!(stage.lane.stats().outbox_bytes, waiting - 300);
    read_all(&mut stage, &mut far);
    assert_eq!((stage.lane.stats().outbox_bytes, stage.lane.stats().slow_consumers), (0, 0));
}

#[test]
fn a_peer_that_takes_no_ciphertext_is_cut_off_in_time() {
    let mut stage = Stage::new();
    let (far, socket) = client(&mut stage, 1, 300);
    let _ = socket.send(&Message::json("m", &"x".repeat(10_000)).unwrap());
    stage.lane.run();
    stage.lane.advance(Duration::from_secs(9));
    assert_eq!(stage.lane.stats().slow_consumers, 0);
    stage.lane.advance(Duration::from_secs(2));
    assert_eq!((stage.lane.stats().slow_consumers, stage.lane.stats().outbox_bytes), (1, 0));
    assert!(far.far.is_reset());
    assert!(matches!(stage.byes()[0].reason, DisconnectReason::SlowConsumer { queued_bytes } if queued_bytes > 9_000));
}

#[test]
fn a_slow_reader_is_bounded_by_the_outbox_limit() {
    const LIMIT: usize = 200_000;
    let mut stage = Stage::with_limits(LIMIT, 64 << 20);
    let (far, _socket) = client(&mut stage, 1, 300);
    let message = Message::json("m", &"x".repeat(1_000)).unwrap();
    let mut sent = 0;
    while !far.far.is_reset() {
        let _ = stage.engine.everyone().broadcast(&message);
        stage.lane.run();
        sent += 1;
        let waiting = stage.lane.stats().outbox_bytes as usize;
        assert!(waiting <= LIMIT + 2_000, "{waiting}");
        assert!(sent < 300, "it was never cut off");
    }
    assert!(sent > 180, "only {sent} messages");
    assert_eq!((stage.lane.stats().connections, stage.lane.stats().outbox_bytes), (0, 0));
}

#[test]
fn last_words_are_sent_and_then_close_notify() {
    let mut stage = Stage::new();
    let (mut far, _socket) = client(&mut stage, 1, 300);
    let _ = stage.engine.everyone().broadcast(&Message::json("m", &"x".repeat(1_000)).unwrap());
    far.send(b"quit\n");
    let got = read_all(&mut stage, &mut far);
    assert!(got.ends_with("bye 1000\n") && got.len() > 1_000, "{got}");
    assert!(far.heard_goodbye() && far.far.is_ended());
    far.far.end();
    stage.lane.run();
    assert_eq!(stage.lane.stats().connections, 0);
}

#[test]
fn garbage_costs_only_its_connection() {
    let mut stage = Stage::new();
    let (mut good, _socket) = client(&mut stage, 1, ROOMY);
    let (bad, _socket) = client(&mut stage, 1, ROOMY);
    bad.far.send(b"no record of TLS is like this");
    stage.lane.run();
    assert_eq!(stage.byes().len(), 1);
    assert_eq!(stage.byes()[0].reason, DisconnectReason::TransportError);
    good.send(b"echo still here\n");
    assert_eq!(read_all(&mut stage, &mut good), "echo still here\n");
    assert_eq!(stage.lane.stats().connections, 1);
}
