//! Streams that take little, and break.

use roomcast::Message;

use super::talk::{LineCodec, Stage, Talk};
use crate::{DisconnectReason, ManualLane, Wire};

/// A conversation with everything in it; `read` is how much the client reads at a time. Returns what the client got.
fn conversation(room: usize, break_after: Option<usize>) -> (String, Stage) {
    let mut stage = Stage::new();
    let client = stage.lane.connect(&stage.wire, room, Talk::new);
    stage.lane.run();
    let socket = stage.notes.sockets.lock().unwrap()[0].clone();
    let mut got = Vec::new();
    for n in 0..6 {
        let _ = socket.send(&Message::json("data", &n).unwrap());
        let _ = stage.engine.everyone().broadcast(&Message::json("big", &"b".repeat(n * 60)).unwrap());
        client.send(format!("ping {n}\necho {n}\nask {n} what null\n"));
        stage.lane.turn();
        got.extend(client.receive());
        stage.lane.turn();
    }
    loop {
        stage.lane.run();
        let more = client.receive();
        if more.is_empty() {
            break;
        }
        got.extend(more);
        if break_after.is_some_and(|bytes| got.len() >= bytes) {
            client.break_off();
        }
    }
    (String::from_utf8(got).unwrap(), stage)
}

/// All lines but the pongs, whose place is free.
fn data(got: &str) -> Vec<&str> {
    got.lines().filter(|line| !line.starts_with("pong")).collect()
}

#[test]
fn would_block_at_every_position() {
    let (expected, _) = conversation(usize::MAX, None);
    assert_eq!((data(&expected).len(), expected.lines().count()), (25, 31));
    for room in 1..expected.len() + 1 {
        let (got, stage) = conversation(room, None);
        assert_eq!(sorted(data(&got)), sorted(data(&expected)), "room for {room}");
        let pongs: Vec<_> = got.lines().filter(|line| line.starts_with("pong")).collect();
        assert_eq!(pongs, ["pong 0", "pong 1", "pong 2", "pong 3", "pong 4", "pong 5"], "room for {room}");
        for start in ["data", "big", "echo", "ack"] {
            let of = |all: &str| all.lines().filter(|l| l.starts_with(start)).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(of(&got), of(&expected), "room for {room}");
        }
        assert_eq!(stage.lane.stats().outbox_bytes, 0);
    }
}

fn sorted(mut lines: Vec<&str>) -> Vec<&str> {
    lines.sort_unstable();
    lines
}

#[test]
fn a_reset_at_every_position_leaves_nothing() {
    let (expected, _) = conversation(usize::MAX, None);
    for position in (1..expected.len() - 20).step_by(3) {
        let (got, stage) = conversation(7, Some(position));
        assert!(got.len() < expected.len(), "it was broken off");
        let stats = stage.lane.stats();
        assert_eq!((stats.connections, stats.outbox_bytes, stats.inbox_bytes), (0, 0, 0), "at {position}");
        assert_eq!((stage.engine.stats().sockets, stage.byes().len()), (0, 1));
        assert_eq!(stage.byes()[0].reason, DisconnectReason::TransportError);
    }
}

#[test]
fn a_stream_that_breaks_before_anything_came_of_it() {
    let engine = roomcast::Engine::new();
    let mut lane = ManualLane::new(&engine);
    let wire = Wire::new(lane.register(LineCodec), ());
    let client = lane.connect(&wire, usize::MAX, Talk::new);
    client.break_off();
    lane.run();
    assert_eq!((lane.stats().connections, engine.stats().sockets), (0, 0));
}
