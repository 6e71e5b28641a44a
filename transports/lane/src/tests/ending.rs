//! Ways out: closes, ends, farewells, drain, stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use roomcast::{Message, Socket};

use super::talk::{ROOMY, Stage, Talk};
use crate::{DisconnectReason, Farewell, ManualConnection};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn last_words_are_flushed_and_the_stream_half_closed() {
    let mut stage = Stage::new();
    let (client, _) = stage.client(10);
    client.send("echo 1234567890\nquit\n");
    stage.lane.run();
    assert!(!client.is_ended(), "the peer has not read it yet");
    assert_eq!(stage.read_all(&client), "echo 1234567890\nbye 1000\n");
    assert!(client.is_ended());
    assert_eq!(stage.lane.stats().connections, 1, "until the peer ends too");
    client.send("what nobody reads\n");
    client.end();
    stage.lane.run();
    assert_eq!(stage.lane.stats().connections, 0);
    assert_eq!(stage.byes()[0].reason, DisconnectReason::ClientLeft);
}

/// A way in which a connection ends.
type Way<'a> = &'a dyn Fn(&mut Stage, &ManualConnection, &Socket);

#[test]
fn a_frame_that_is_half_written_is_finished_before_the_last_words() {
    let long = |kind: &str| Message::json("m", &kind.repeat(300)).unwrap();
    let short = |kind: &str| Message::json("m", &kind.repeat(20)).unwrap();
    for message in [long("l"), short("s"), short("k").latest("k")] {
        let whole = format!("m {}\n", str::from_utf8(message.as_json().unwrap()).unwrap());
        let ways: [(Way<'_>, &str); 4] = [
            (&|_, _, socket| assert!(socket.disconnect()), "bye 1000\n"),
            (&|_, client, _| client.send("quit\n"), "bye 1000\n"),
            (&|_, client, _| client.end(), "bye 1006\n"),
            (&|stage, _, _| stage.lane.drain(Duration::ZERO), "bye 1001\n"),
        ];
        for (close, bye) in ways {
            let mut stage = Stage::new();
            let (client, socket) = stage.client(6);
            let _ = socket.send(&message);
            stage.lane.run();
            let mut got = client.receive_text();
            assert_eq!(got, whole[..6]);
            close(&mut stage, &client, &socket);
            got += &stage.read_all(&client);
            assert_eq!(got, format!("{whole}{bye}"));
        }
    }
    // A frame of control bytes is one too.
    let mut stage = Stage::new();
    let (client, socket) = stage.client(6);
    client.send("ping 0123456789\n");
    stage.lane.run();
    socket.disconnect();
    assert_eq!(stage.read_all(&client), "pong 0123456789\nbye 1000\n");
}

#[test]
fn a_peer_that_never_ends_is_dropped_after_two_seconds() {
    let mut stage = Stage::new();
    let (client, _) = stage.client(ROOMY);
    client.send("quit\n");
    stage.lane.run();
    stage.lane.advance(SECOND);
    assert_eq!(stage.lane.stats().connections, 1);
    stage.lane.advance(SECOND + SECOND / 10);
    assert_eq!(stage.lane.stats().connections, 0);
}

#[test]
fn a_peer_that_ends_gets_what_was_on_its_way() {
    let mut stage = Stage::new();
    let (client, _) = stage.client(4);
    client.send("echo 1\necho 2\n");
    client.end();
    assert_eq!(stage.read_all(&client), "echo 1\necho 2\nbye 1006\n");
    assert_eq!((stage.lane.stats().connections, &stage.byes()[0].reason), (0, &DisconnectReason::TransportClose));
}

#[test]
fn a_protocol_may_wait_for_the_peers_word() {
    let mut stage = Stage::new();
    let awaits = || Talk { farewell: Farewell::AwaitPeer, ..Talk::new() };
    for says in [true, false] {
        let client = stage.lane.connect(&stage.wire, ROOMY, awaits);
        stage.lane.run();
        stage.notes.sockets.lock().unwrap().last().unwrap().disconnect();
        stage.lane.run();
        assert_eq!(client.receive_text(), "hello\nbye 1000\n");
        assert!(!client.is_ended(), "the protocol awaits something");
        if says {
            client.send("ping x\nquit\n");
            stage.lane.run();
            assert_eq!(client.receive_text(), "pong x\n");
            assert!(client.is_ended(), "half-closed");
            client.end();
            stage.lane.run();
        } else {
            stage.lane.advance(SECOND * 3);
        }
        assert_eq!(stage.lane.stats().connections, 0);
    }
}

#[test]
fn heartbeats_go_by_the_lanes_clock() {
    let mut stage = Stage::new();
    let beat = Duration::from_millis(400);
    let client = stage.lane.connect(&stage.wire, ROOMY, move || Talk { beat: Some(beat), ..Talk::new() });
    stage.lane.run();
    assert_eq!(client.receive_text(), "hello\n");
    stage.lane.advance(Duration::from_millis(390));
    assert_eq!(client.receive_text(), "");
    stage.lane.advance(Duration::from_millis(20));
    assert_eq!(client.receive_text(), "beat\n");
    stage.lane.advance(Duration::from_millis(4_100));
    let beats = client.receive_text().lines().count();
    assert!((9..=10).contains(&beats), "{beats} beats");
    client.end();
    stage.lane.run();
    assert_eq!(client.receive_text(), "bye 1006\n");
}

#[test]
fn a_drain_spreads_closes_and_forces_the_rest() {
    let mut stage = Stage::new();
    let clients: Vec<_> = (0..40).map(|_| stage.client(ROOMY).0).collect();
    // These never read, so that their last words do not get through.
    let stuck: Vec<_> = (0..3).map(|_| stage.client(6)).collect();
    for (_, socket) in &stuck {
        socket.join("stuck").unwrap();
    }
    let _ = stage.engine.to("stuck").broadcast(&Message::json("fill", "it up").unwrap());
    stage.lane.run();
    stage.lane.drain(SECOND);
    stage.lane.advance(SECOND / 2);
    let ended = clients.iter().filter(|client| client.is_ended()).count();
    assert!((5..=35).contains(&ended), "about half of 40 in half of the time, not {ended}");
    let refused = stage.lane.connect(&stage.wire, ROOMY, Talk::new);
    stage.lane.run();
    assert_eq!((refused.is_ended(), refused.receive_text().as_str()), (true, ""));
    for client in clients.iter().filter(|client| client.is_ended()) {
        client.end();
    }
    stage.lane.advance(SECOND / 2);
    for client in &clients {
        client.end();
    }
    stage.lane.run();
    assert!(clients.iter().all(|client| client.receive_text() == "bye 1001\n"));
    assert!(!stage.lane.is_ended());
    assert_eq!(stage.lane.stats().connections, 3);
    stage.lane.advance(SECOND * 2);
    assert!(stage.lane.is_ended());
    assert_eq!((stage.lane.forced(), stage.lane.stats().connections, stage.byes().len()), (3, 0, 43));
    assert!(stage.byes().iter().all(|bye| bye.reason == DisconnectReason::ShuttingDown));
}

#[test]
fn a_drain_of_nobody_is_over_at_once() {
    let mut stage = Stage::new();
    stage.lane.drain(SECOND * 3_600);
    assert!(stage.lane.is_ended());
}

#[test]
fn a_drain_may_take_for_ever() {
    let mut stage = Stage::new();
    let (client, _) = stage.client(ROOMY);
    stage.lane.drain(Duration::MAX);
    stage.lane.advance(SECOND * 60);
    assert!(!stage.lane.is_ended());
    client.break_off();
    stage.lane.run();
    assert!(stage.lane.is_ended());
}

#[test]
fn rooms_come_with_the_news_when_the_program_was_faster() {
    let mut stage = Stage::new();
    let (client, socket) = stage.client(ROOMY);
    socket.join("a").unwrap();
    assert!(socket.disconnect());
    // The lane loses the connection before it reads in its inbox that the program disconnected it.
    client.break_off();
    stage.lane.run();
    let byes = stage.byes();
    let [bye] = &byes[..] else { panic!("{byes:?}") };
    assert_eq!((&bye.reason, &bye.rooms[..]), (&DisconnectReason::ServerLeft, &["a".to_owned()][..]));
}

#[test]
fn a_timeout_that_stays_in_the_past_keeps_nobody_busy() {
    struct Late(Arc<AtomicUsize>);
    impl crate::Protocol for Late {
        fn handle_open(&mut self, _: &mut crate::Context<'_>) {}
        fn handle_input(
            &mut self,
            input: &mut [u8],
            _: &mut crate::Context<'_>,
        ) -> Result<crate::Progress, crate::Close> {
            Ok(crate::Progress::used(input.len()))
        }
        fn poll_timeout(&self) -> Option<std::time::Instant> {
            std::time::Instant::now().checked_sub(SECOND)
        }
        fn handle_timeout(&mut self, _: std::time::Instant, _: &mut crate::Context<'_>) -> Result<(), crate::Close> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }
    let mut stage = Stage::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let _client = stage.lane.connect(&stage.wire, ROOMY, move || Late(count));
    stage.lane.run();
    stage.lane.advance(SECOND);
    let calls = calls.load(Ordering::Relaxed);
    assert!((50..=101).contains(&calls), "{calls} calls in a hundred ticks");
}
