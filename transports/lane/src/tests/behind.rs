//! A lane that is behind: who is read, and whose clock goes.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomcast::Message;

use super::talk::{ROOMY, Stage};
use crate::{Close, Context, Handshake, ManualConnection, Port, Progress, Protocol, Stream, Wire};

const BEAT: Duration = Duration::from_millis(100);
const TURN: Duration = Duration::from_millis(5);

/// Beats, and gives up who has said nothing since the last one.
struct Heart {
    next: Instant,
    beats: bool,
    ports: Option<mpsc::Sender<Port>>,
}

impl Heart {
    fn new() -> Self {
        Self { next: Instant::now(), beats: true, ports: None }
    }
}

impl Protocol for Heart {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.next = cx.now() + BEAT;
        cx.connect(Handshake::new("heart"));
        if let Some(ports) = &self.ports {
            ports.send(cx.port()).unwrap();
        }
    }

    fn handle_input(&mut self, input: &mut [u8], _cx: &mut Context<'_>) -> Result<Progress, Close> {
        self.beats = true;
        Ok(Progress::used(input.len()))
    }

    fn handle_message(&mut self, _: Box<dyn std::any::Any + Send>, _cx: &mut Context<'_>) -> Result<(), Close> {
        self.beats = true;
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.next)
    }

    fn handle_timeout(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), Close> {
        if !std::mem::replace(&mut self.beats, false) {
            return Err(Close::timed_out());
        }
        cx.write(b"beat\n");
        self.next = now + BEAT;
        Ok(())
    }
}

/// Says `hi` for whatever it reads.
struct Door;

impl Protocol for Door {
    fn handle_open(&mut self, _cx: &mut Context<'_>) {}

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        cx.write(b"hi\n");
        Ok(Progress::used(input.len()))
    }
}

/// Publishes until a turn begins with more orders than a lane should have, and has one.
fn turn_behind(stage: &mut Stage) {
    while stage.lane.orders() < 200 {
        let published: Vec<_> = (0..100).map(|_| stage.engine.to("crowd").broadcast(&message())).collect();
        assert!(published.iter().all(|sent| !sent.overloaded));
        stage.lane.turn();
    }
    stage.lane.turn();
}

fn message() -> Message {
    Message::json("m", "").unwrap()
}

/// Clients that are sent to.
fn crowd(stage: &mut Stage) -> Vec<ManualConnection> {
    let crowd: Vec<_> = (0..20).map(|_| stage.client(ROOMY)).collect();
    crowd.iter().for_each(|(_, socket)| assert!(socket.join("crowd").is_ok()));
    crowd.into_iter().map(|(client, _)| client).collect()
}

#[test]
fn who_answers_lives_and_who_is_silent_does_not() {
    let mut stage = Stage::new();
    let _crowd = crowd(&mut stage);
    // More of them than are read between two beats.
    let hearts: Vec<_> = (0..60).map(|_| stage.lane.connect(&stage.wire, ROOMY, Heart::new)).collect();
    let silent = stage.lane.connect(&stage.wire, ROOMY, Heart::new);
    stage.lane.run();
    let mut beats = vec![0; hearts.len()];
    for _ in 0..1_000 {
        turn_behind(&mut stage);
        for (heart, beats) in hearts.iter().zip(&mut beats) {
            if !heart.receive().is_empty() {
                *beats += 1;
                heart.send("beat\n");
            }
        }
        stage.lane.pass(TURN);
    }
    assert!(hearts.iter().all(|heart| !heart.is_ended()), "whoever answers is alive");
    assert!(beats.iter().all(|beats| *beats > 5), "{beats:?}");
    assert!(silent.is_ended(), "and who does not is not");
}

#[test]
fn what_others_sent_a_session_without_a_stream_counts_though_it_waits() {
    let mut stage = Stage::new();
    let _crowd = crowd(&mut stage);
    let (sender, ports) = mpsc::channel();
    for _ in 0..10 {
        let ports = Some(sender.clone());
        stage.lane.adopt_stream(Stream::none(), Bytes::new(), &stage.wire, || Heart { ports, ..Heart::new() });
    }
    stage.lane.run();
    let ports: Vec<_> = ports.try_iter().collect();
    let (silent, ports) = ports.split_last().unwrap();
    for turn in 0..1_000 {
        if turn % 10 == 0 {
            ports.iter().for_each(|port| port.send(()));
        }
        turn_behind(&mut stage);
        stage.lane.pass(TURN);
    }
    assert!(ports.iter().all(|port| stage.lane.has(port)), "whoever sends is alive");
    assert!(!stage.lane.has(silent));
}

#[test]
fn who_has_more_to_say_than_is_read_is_judged_all_the_same() {
    /// Reads what it likes, but only for so long.
    struct Patience(Option<Instant>);
    impl Protocol for Patience {
        fn handle_open(&mut self, cx: &mut Context<'_>) {
            self.0 = Some(cx.now() + BEAT);
        }
        fn handle_input(&mut self, input: &mut [u8], _cx: &mut Context<'_>) -> Result<Progress, Close> {
            Ok(Progress::used(input.len()))
        }
        fn poll_timeout(&self) -> Option<Instant> {
            self.0
        }
        fn handle_timeout(&mut self, _now: Instant, _cx: &mut Context<'_>) -> Result<(), Close> {
            Err(Close::timed_out())
        }
    }
    let mut stage = Stage::new();
    let client = stage.lane.connect(&stage.wire, ROOMY, || Patience(None));
    for _ in 0..100 {
        client.send(vec![b'x'; 200_000]);
        stage.lane.turn();
        stage.lane.pass(TURN);
    }
    assert!(client.is_ended());
}

#[test]
fn new_connections_are_read() {
    let mut stage = Stage::new();
    let _crowd = crowd(&mut stage);
    let talkers: Vec<_> = (0..50).map(|_| stage.client(ROOMY).0).collect();
    let door = stage.lane.connect(&Wire::mute(), ROOMY, || Door);
    stage.lane.run();
    talkers.iter().for_each(|talker| talker.send("echo x\n"));
    for _ in 0..20 {
        turn_behind(&mut stage);
    }
    door.send("GET");
    for _ in 0..20 {
        turn_behind(&mut stage);
    }
    assert_eq!(door.receive_text(), "hi\n");
    assert!(talkers.iter().any(|talker| !talker.receive_text().contains("echo")), "not all could be read");
}

#[test]
fn a_few_are_read_each_in_its_turn() {
    let mut stage = Stage::new();
    let _crowd = crowd(&mut stage);
    let loud: Vec<_> = (0..10).map(|_| stage.client(ROOMY).0).collect();
    let quiet: Vec<_> = (0..10).map(|_| stage.client(ROOMY).0).collect();
    quiet.iter().for_each(|client| client.send("echo quiet\n"));
    for _ in 0..2_000 {
        loud.iter().for_each(|client| client.send("echo loud\n"));
        turn_behind(&mut stage);
    }
    for client in &quiet {
        assert_eq!(client.receive_text(), "echo quiet\n");
    }
}

#[test]
fn reading_adds_nothing_to_what_waits() {
    let mut stage = Stage::new();
    let _crowd = crowd(&mut stage);
    let loud: Vec<_> = (0..10).map(|_| stage.client(ROOMY).0).collect();
    loud.iter().for_each(|client| client.send("echo loud\n".repeat(5_000)));
    let mut most = 0;
    for _ in 0..2_000 {
        turn_behind(&mut stage);
        most = most.max(stage.lane.orders());
    }
    // A read brings up to 64 KiB, which here is 6,000 requests.
    assert!(most < 10_000, "{most} orders wait");
    assert!(loud.iter().any(|client| client.receive_text().contains("loud")));
}
