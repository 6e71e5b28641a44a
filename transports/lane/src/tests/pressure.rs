//! Slow readers, full inboxes, too many requests.

use std::time::{Duration, Instant};

use roomcast::Message;

use super::talk::{ROOMY, Stage};
use crate::{Close, Context, DisconnectReason, Progress, Protocol};

fn message(event: &str, data: &str) -> Message {
    Message::json(event, data).unwrap()
}

#[test]
fn a_slow_reader_is_cut_off_and_the_others_get_all() {
    let mut stage = Stage::with_limits(5_000, 64 << 20);
    let (slow, slow_socket) = stage.client(100);
    let others: Vec<_> = (0..5).map(|_| stage.client(ROOMY)).collect();
    for (_, socket) in others.iter().chain([&(slow.clone(), slow_socket)]) {
        socket.join("all").unwrap();
    }
    let text = "x".repeat(90);
    for _ in 0..200 {
        let _ = stage.engine.to("all").broadcast(&message("m", &text));
        stage.lane.run();
        let stats = stage.lane.stats();
        assert!(stats.outbox_bytes < 6_000, "{} bytes wait", stats.outbox_bytes);
    }
    assert!(slow.is_reset(), "no close frame would arrive");
    let slow_got = slow.receive_text().lines().filter(|line| line.ends_with('"')).count() as u64;
    for (other, _) in &others {
        assert_eq!(other.receive_text().lines().count(), 200);
    }
    let byes = stage.byes();
    let [bye] = &byes[..] else { panic!("{byes:?}") };
    let DisconnectReason::SlowConsumer { queued_bytes } = bye.reason else { panic!("{bye:?}") };
    assert!((3_000..6_000).contains(&queued_bytes), "{queued_bytes}");
    let stats = stage.lane.stats();
    assert_eq!((stats.slow_consumers, stats.slow_over_limit, stats.outbox_bytes), (1, 1, 0));
    assert_eq!((stats.deliveries - stats.lost, stats.delivered()), (stats.delivered(), 1_000 + slow_got));
    assert_eq!(stage.engine.to("all").count(), 5);
}

#[test]
fn who_reads_what_it_asked_for_gets_all_of_it_however_much() {
    let mut stage = Stage::with_limits(10_000, 64 << 20);
    let (client, _socket) = stage.client(100);
    let lines: Vec<_> = (0..3_000).map(|number| format!("echo {number} {}", "x".repeat(90))).collect();
    client.send(lines.join("\n") + "\n");
    stage.lane.run();
    let stats = stage.lane.stats();
    assert!((4_000..8_000).contains(&stats.outbox_bytes), "{} bytes wait", stats.outbox_bytes);
    // For longer than any silence.
    for _ in 0..100 {
        stage.lane.advance(Duration::from_secs(1));
        assert!(!client.receive_text().is_empty());
    }
    let rest = stage.read_all(&client);
    let last: Vec<_> = rest.lines().rev().take(2_000).collect();
    assert_eq!(last, lines.iter().rev().take(2_000).collect::<Vec<_>>());
    assert_eq!(stage.lane.stats().slow_consumers, 0);
}

#[test]
fn who_reads_slowly_what_others_send_is_heard_as_it_reads() {
    let mut stage = Stage::with_limits(100_000, 64 << 20);
    let (client, socket) = stage.client(2_000);
    for round in 0..200 {
        for key in 0..300_u64 {
            let _ = socket.send(&message("m", &"x".repeat(210)).latest(key));
        }
        if round == 5 {
            client.send("quit\n");
        }
        stage.lane.run();
        for _ in 0..5 {
            client.receive();
            stage.lane.run();
        }
        stage.lane.advance(Duration::from_millis(100));
        if !stage.byes().is_empty() {
            assert_eq!(stage.byes()[0].reason, DisconnectReason::ClientLeft, "round {round}");
            return;
        }
    }
    panic!("it was not heard");
}

#[test]
fn who_could_take_something_meanwhile_is_not_cut_off_for_having_taken_nothing() {
    let mut stage = Stage::new();
    let clients: Vec<_> = (0..40).map(|_| stage.client(100)).collect();
    let _ = stage.engine.everyone().broadcast(&message("m", &"x".repeat(1_000)));
    stage.lane.run();
    stage.lane.advance(Duration::from_secs(9));
    assert_eq!(stage.lane.stats().slow_consumers, 0);
    clients.iter().for_each(|(client, _)| drop(client.receive()));
    stage.lane.pass(Duration::from_secs(2));
    stage.lane.run();
    assert_eq!(stage.lane.stats().slow_consumers, 0);
    stage.lane.advance(Duration::from_secs(11));
    assert_eq!(stage.lane.stats().slow_consumers, 40);
}

#[test]
fn little_input_that_asks_for_much_is_heard_bit_by_bit() {
    let mut stage = Stage::with_limits(10_000, 64 << 20);
    let (client, _socket) = stage.client(2_000);
    client.send("much 1\n".repeat(500));
    assert_eq!(stage.read_all(&client).lines().count(), 500, "450,000 bytes for 3,500");
    assert_eq!(stage.lane.stats().slow_consumers, 0);
}

#[test]
fn a_reader_that_stands_still_is_cut_off_in_time() {
    let mut stage = Stage::new();
    let (still, socket) = stage.client(4);
    let (moving, other) = stage.client(4);
    for socket in [&socket, &other] {
        let _ = socket.send(&message("m", &"x".repeat(2_000)));
    }
    stage.lane.run();
    for _ in 0..99 {
        stage.lane.advance(Duration::from_millis(100));
        assert!(!moving.receive().is_empty(), "four bytes each time are progress");
        stage.lane.run();
    }
    assert_eq!((still.is_reset(), stage.lane.stats().slow_consumers), (false, 0));
    stage.lane.advance(Duration::from_millis(400));
    assert_eq!((still.is_reset(), moving.is_reset(), stage.lane.stats().slow_consumers), (true, false, 1));
    assert_eq!(stage.lane.stats().slow_stalled, 1);
    assert_eq!(stage.byes()[0].reason.as_str(), "slow consumer");
}

#[test]
fn one_message_may_exceed_the_limit() {
    let mut stage = Stage::with_limits(1_000, 64 << 20);
    let (client, socket) = stage.client(10);
    let _ = socket.send(&message("large", &"x".repeat(5_000)));
    assert_eq!(stage.read_all(&client).len(), "large \"\"\n".len() + 5_000);
    let _ = socket.send(&message("large", &"x".repeat(5_000)));
    let _ = socket.send(&message("straw", ""));
    stage.lane.run();
    assert!(client.is_reset());
}

#[test]
fn a_wire_may_have_a_limit_of_its_own() {
    let mut stage = Stage::with_limits(1_000, 64 << 20);
    stage.wire = stage.wire.clone().outbox_bytes_max(1 << 20);
    let (client, socket) = stage.client(10);
    for _ in 0..50 {
        let _ = socket.send(&message("m", &"x".repeat(500)));
    }
    assert_eq!(stage.read_all(&client).lines().count(), 50);
}

#[test]
fn classes_at_a_slow_reader() {
    let mut stage = Stage::new();
    let (client, socket) = stage.client(10);
    let _ = socket.send(&message("first", "0123456789"));
    stage.lane.run();
    for n in 0..50 {
        let _ = socket.send(&message("v", &n.to_string()).volatile());
        let _ = socket.send(&message("l", &n.to_string()).latest("k"));
        if n % 10 == 0 {
            let _ = socket.send(&message("r", &n.to_string()));
        }
        stage.lane.run();
    }
    assert_eq!(
        stage.read_all(&client),
        "first \"0123456789\"\nr \"0\"\nr \"10\"\nr \"20\"\nr \"30\"\nr \"40\"\nl \"49\"\n"
    );
    let stats = stage.lane.stats();
    assert_eq!((stats.dropped_volatile, stats.replaced_latest), (50, 49));
    // A reader that keeps up gets everything.
    let (client, socket) = stage.client(ROOMY);
    for n in 0..3 {
        let _ = socket.send(&message("v", &n.to_string()).volatile());
        let _ = socket.send(&message("l", &n.to_string()).latest("k"));
    }
    assert_eq!(stage.read_all(&client).lines().count(), 6);
}

#[test]
fn a_full_inbox_refuses_broadcasts_and_an_emptied_one_takes_them() {
    let mut stage = Stage::with_limits(1 << 20, 20_000);
    let (client, socket) = stage.client(ROOMY);
    let mut sent = 0;
    let refused = loop {
        let result = socket.send(&message("m", &"x".repeat(1_000)));
        if result.overloaded {
            break result;
        }
        sent += 1;
        assert!(sent < 100, "it never fills");
    };
    assert_eq!(refused.matched, 0);
    assert!(refused.backlog_bytes >= 20_000 && sent >= 10, "{sent} of {} bytes", refused.backlog_bytes);
    client.send("echo x\n");
    let got = stage.read_all(&client);
    assert_eq!((got.lines().count(), got.lines().last()), (sent + 1, Some("echo x")));
    assert!(!socket.send(&message("m", "again")).overloaded);
    stage.lane.run();
    assert_eq!((stage.lane.stats().inbox_bytes, stage.lane.stats().overloaded), (0, 1));
}

#[test]
fn sixty_four_events_in_flight_pause_reading_and_thirty_two_resume_it() {
    let mut stage = Stage::new();
    let (client, _) = stage.client(ROOMY);
    let events = || stage.notes.events.lock().unwrap().len();
    client.send("keep null\n".repeat(100));
    client.send("echo end\n");
    stage.lane.run();
    assert_eq!(events(), 64);
    stage.notes.kept.lock().unwrap().drain(..31).for_each(drop);
    stage.lane.run();
    assert_eq!(events(), 64, "33 are still in flight");
    stage.notes.kept.lock().unwrap().drain(..1).for_each(drop);
    stage.lane.run();
    assert_eq!((events(), client.receive_text().as_str()), (96, ""));
    let kept = std::mem::take(&mut *stage.notes.kept.lock().unwrap());
    drop(kept);
    stage.lane.run();
    assert_eq!((events(), client.receive_text().as_str()), (100, "echo end\n"));
}

#[test]
fn an_end_behind_what_is_not_read_is_noticed() {
    let mut stage = Stage::new();
    for released in [true, false] {
        let (client, _) = stage.client(ROOMY);
        client.send("keep null\n".repeat(64));
        client.send("echo x\n".repeat(10_000));
        stage.lane.run();
        assert_eq!(stage.notes.kept.lock().unwrap().len(), 64);
        client.end();
        stage.lane.run();
        stage.lane.advance(Duration::from_secs(29));
        assert_eq!(stage.lane.stats().connections, 1);
        if released {
            stage.notes.kept.lock().unwrap().clear();
            assert_eq!(stage.read_all(&client).lines().count(), 10_001, "with the good-bye");
        }
        stage.lane.advance(Duration::from_secs(32));
        assert_eq!((client.is_ended(), stage.lane.stats().connections), (true, 0));
        stage.notes.kept.lock().unwrap().clear();
    }
}

#[test]
fn who_goes_on_with_what_came_before_the_end_has_time_for_it() {
    let mut stage = Stage::new();
    let (client, _) = stage.client(ROOMY);
    client.send("keep null\n".repeat(640));
    client.end();
    for round in 1..=19 {
        stage.lane.run();
        stage.lane.advance(Duration::from_secs(29));
        assert_eq!((stage.lane.stats().connections, stage.lane.stats().events), (1, 32 + 32 * round), "{round}");
        stage.notes.kept.lock().unwrap().drain(..32).for_each(drop);
    }
    stage.notes.kept.lock().unwrap().clear();
    stage.lane.run();
    assert_eq!(stage.lane.stats().connections, 0);
}

#[test]
fn a_protocol_may_excuse_a_silence_once_for_each_hold() {
    /// Gives up who is silent for ten seconds.
    struct Strict(Option<Instant>, std::sync::mpsc::Sender<crate::Port>);
    impl Protocol for Strict {
        fn handle_open(&mut self, cx: &mut Context<'_>) {
            self.0 = Some(cx.now() + TEN_SECONDS);
            self.1.send(cx.port()).unwrap();
        }
        fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
            self.0 = Some(cx.now() + TEN_SECONDS);
            cx.hold();
            Ok(Progress::used(input.len()))
        }
        fn handle_message(&mut self, _: Box<dyn std::any::Any + Send>, cx: &mut Context<'_>) -> Result<(), Close> {
            cx.release();
            Ok(())
        }
        fn poll_timeout(&self) -> Option<Instant> {
            self.0
        }
        fn handle_timeout(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), Close> {
            self.0 = Some(now + TEN_SECONDS);
            if cx.excuse() { Ok(()) } else { Err(Close::timed_out()) }
        }
    }
    const TEN_SECONDS: Duration = Duration::from_secs(10);
    let mut stage = Stage::new();
    let (sender, ports) = std::sync::mpsc::channel();
    let client = stage.lane.connect(&stage.wire, ROOMY, || Strict(None, sender));
    stage.lane.run();
    let port = ports.recv().unwrap();
    for _ in 0..2 {
        client.send("x");
        stage.lane.run();
        stage.lane.advance(Duration::from_secs(15));
        assert!(!client.is_ended(), "excused");
        port.send(());
        stage.lane.run();
    }
    client.send("x");
    stage.lane.run();
    stage.lane.advance(Duration::from_secs(21));
    assert!(client.is_ended(), "once is enough");
}

#[test]
fn events_that_are_finished_at_once_do_not_count() {
    let mut stage = Stage::new();
    let (client, _) = stage.client(ROOMY);
    client.send("what null\n".repeat(1_000));
    let turns = std::iter::repeat_with(|| stage.lane.turn()).take_while(|more| *more).count();
    assert!(turns < 10, "{turns} turns");
    assert_eq!(stage.lane.stats().events, 1_000);
}

#[test]
fn replies_to_those_who_are_gone_are_dropped() {
    let mut stage = Stage::new();
    let (client, _) = stage.client(ROOMY);
    client.send("ask 1 keep null\n");
    stage.lane.run();
    client.break_off();
    let (other, _) = stage.client(ROOMY);
    let reply = stage.notes.kept.lock().unwrap().pop().unwrap();
    reply.send("late").unwrap();
    stage.lane.run();
    assert_eq!(other.receive_text(), "");
    assert_eq!(stage.lane.stats().inbox_bytes, 0);
}

#[test]
fn a_lane_reads_less_if_bytes_or_orders_wait() {
    for (inbox, orders) in [(20_000, 10), (64 << 20, 70)] {
        let mut stage = Stage::with_limits(1 << 20, inbox);
        let clients: Vec<_> = (0..60).map(|_| stage.client(ROOMY)).collect();
        for _ in 0..orders {
            let _ = stage.engine.everyone().broadcast(&message("m", &"x".repeat(35_000 / orders)));
        }
        clients.iter().for_each(|(client, _)| client.send("echo x\n"));
        stage.lane.turn();
        assert_eq!(stage.lane.stats().bytes_in, "echo x\n".len() as u64, "one of sixty, not four");
        stage.lane.run();
        for (client, _) in &clients {
            assert_eq!(client.receive_text().lines().last(), Some("echo x"));
        }
    }
}
