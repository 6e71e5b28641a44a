//! One order over broadcasts, emits, answers and closes.

use roomcast::Message;

use super::talk::{ROOMY, Stage};
use crate::{Data, Events, Reply, Result, Wire};

fn message(event: &str, data: u32) -> Message {
    Message::json(event, &data).unwrap()
}

#[test]
fn broadcast_emit_answer_and_close_keep_their_order() {
    let mut stage = Stage::new();
    let engine = stage.engine.clone();
    let events = Events::new().on_sync("all", move |socket, (Data(n), reply): (Data<u32>, Reply)| -> Result {
        socket.join("room")?;
        let _ = engine.to("room").broadcast(&message("one", n));
        let _ = socket.send(&message("two", n));
        reply.send(&n)?;
        let _ = engine.to("room").broadcast(&message("three", n));
        Ok(())
    });
    let wire = Wire::new(stage.wire.codec(), events);
    let client = stage.lane.connect(&wire, ROOMY, super::talk::Talk::new);
    client.send("ask 7 all 1\necho a\nask 8 all 2\necho b\nquit\necho never\n");
    stage.lane.run();
    assert_eq!(
        client.receive_text(),
        "hello\none 1\ntwo 1\nack 7 1\nthree 1\necho a\none 2\ntwo 2\nack 8 2\nthree 2\necho b\nbye 1000\n"
    );
    assert!(client.is_ended());
}

#[test]
fn a_disconnect_comes_behind_what_was_sent_before_and_before_what_is_sent_after() {
    let mut stage = Stage::new();
    let (client, socket) = stage.client(ROOMY);
    socket.join(["a", "b"]).unwrap();
    let _ = socket.send(&message("before", 1));
    assert!(socket.disconnect());
    let sent = socket.send(&message("after", 2));
    assert_eq!(sent.matched, 0);
    stage.lane.run();
    assert_eq!(client.receive_text(), "before 1\nbye 1000\n");
    let byes = stage.byes();
    assert_eq!((byes.len(), byes[0].reason.as_str()), (1, "server namespace disconnect"));
    let mut rooms = byes[0].rooms.clone();
    rooms.sort();
    assert_eq!(rooms, ["a", "b"]);
}

#[test]
fn control_overtakes_data_that_waits_and_splits_no_frame() {
    let mut stage = Stage::new();
    let (client, socket) = stage.client(5);
    for n in 0..100 {
        let _ = socket.send(&message("data", n));
    }
    stage.lane.run();
    client.send("ping x\n");
    let all = stage.read_all(&client);
    let pong = all.lines().position(|line| line == "pong x").unwrap();
    assert!(pong > 0 && pong < 60, "behind the first piece, not behind all: line {pong}");
    let data: Vec<_> = all.lines().filter(|line| *line != "pong x").map(str::to_owned).collect();
    assert_eq!(data, (0..100).map(|n| format!("data {n}")).collect::<Vec<_>>());
}

#[test]
fn messages_through_a_port_come_in_order_too() {
    struct Mailing(std::sync::mpsc::Sender<crate::Port>);
    impl crate::Protocol for Mailing {
        fn handle_open(&mut self, cx: &mut crate::Context<'_>) {
            self.0.send(cx.port()).unwrap();
            cx.connect(crate::Handshake::new("test"));
        }
        fn handle_input(
            &mut self,
            input: &mut [u8],
            _cx: &mut crate::Context<'_>,
        ) -> std::result::Result<crate::Progress, crate::Close> {
            Ok(crate::Progress::used(input.len()))
        }
        fn handle_message(
            &mut self,
            message: Box<dyn std::any::Any + Send>,
            cx: &mut crate::Context<'_>,
        ) -> std::result::Result<(), crate::Close> {
            cx.queue(format!("mail {}\n", message.downcast::<u32>().unwrap()).as_bytes());
            Ok(())
        }
    }
    let mut stage = Stage::new();
    let (sender, ports) = std::sync::mpsc::channel();
    let client = stage.lane.connect(&stage.wire, ROOMY, move || Mailing(sender));
    stage.lane.run();
    let port = ports.recv().unwrap();
    for n in 0..3_u32 {
        let _ = stage.engine.everyone().broadcast(&message("all", n));
        port.send(n);
    }
    port.close(crate::Close::client_left());
    port.send(9_u32);
    stage.lane.run();
    assert_eq!(client.receive_text(), "all 0\nmail 0\nall 1\nmail 1\nall 2\nmail 2\n");
    assert!(client.is_ended());
}

#[test]
fn a_large_broadcast_stays_open_over_turns_and_nothing_overtakes() {
    let mut stage = Stage::new();
    let clients: Vec<_> = (0..200).map(|_| stage.client(ROOMY)).collect();
    for (_, socket) in &clients {
        socket.join("all").unwrap();
    }
    let _ = stage.engine.to("all").broadcast(&message("first", 1));
    let _ = stage.engine.to("all").broadcast(&message("second", 2));
    assert!(stage.lane.turn(), "48 recipients a turn in tests");
    assert_eq!(clients[199].0.receive_text(), "");
    // Leaving now is too late for what was selected, and must not make others be skipped.
    clients[0].1.leave("all");
    clients[100].1.leave("all");
    // One that is gone gets nothing, and who takes its slot gets nothing of this.
    clients[150].0.break_off();
    clients[151].1.disconnect();
    stage.lane.turn();
    let newcomer = stage.lane.connect(&stage.wire, ROOMY, super::talk::Talk::new);
    stage.lane.run();
    assert_eq!(newcomer.receive_text(), "hello\n");
    for (at, (client, _)) in clients.iter().enumerate() {
        let got = client.receive_text();
        match at {
            150 => assert!("first 1\nsecond 2\n".starts_with(&got), "{got}"),
            151 => assert_eq!(got, "first 1\nsecond 2\nbye 1000\n"),
            _ => assert_eq!(got, "first 1\nsecond 2\n", "client {at}"),
        }
    }
    assert_eq!(stage.lane.stats().encodes, 2, "once for each message");
}

#[test]
fn who_takes_the_place_of_one_that_is_gone_gets_nothing_of_its() {
    let mut stage = Stage::new();
    let clients: Vec<_> = (0..8).map(|_| stage.client(ROOMY)).collect();
    let _ = stage.engine.everyone().broadcast(&message("secret", 1));
    assert!(stage.lane.turn(), "four are flushed in a turn");
    // The last one has not been, and is lost in the next turn, before its place in the queue comes.
    clients[7].0.break_off();
    let newcomer = stage.lane.connect(&stage.wire, ROOMY, super::talk::Talk::new);
    stage.lane.turn();
    assert_eq!(stage.lane.stats().connections, 8);
    stage.lane.run();
    assert_eq!(newcomer.receive_text(), "hello\n");
}

#[test]
fn the_log_is_kept_while_a_delivery_is_open_though_all_is_flushed() {
    let mut stage = Stage::new();
    let (first, _) = stage.client(ROOMY);
    // Many that are only connecting: they are recipients, but give nothing to flush.
    let events = Events::new().on_connect(|_, ()| std::future::pending());
    let wire = Wire::new(stage.wire.codec(), events);
    let _waiting: Vec<_> = (0..90).map(|_| stage.lane.connect(&wire, ROOMY, super::talk::Talk::new)).collect();
    stage.lane.run();
    let (last, _) = stage.client(ROOMY);
    let _ = stage.engine.everyone().broadcast(&message("all", 1));
    assert!(stage.lane.turn(), "48 recipients a turn");
    assert_eq!((first.receive_text().as_str(), last.receive_text().as_str()), ("all 1\n", ""));
    let _ = stage.engine.everyone().broadcast(&message("next", 2));
    stage.lane.run();
    assert_eq!((first.receive_text().as_str(), last.receive_text().as_str()), ("next 2\n", "all 1\nnext 2\n"));
    assert_eq!(stage.lane.stats().encodes, 2);
}

#[test]
fn the_log_is_bounded_whatever_is_published() {
    let mut stage = Stage::new();
    let clients: Vec<_> = (0..100).map(|_| stage.client(ROOMY)).collect();
    for n in 0..300 {
        let _ = stage.engine.everyone().broadcast(&Message::json("all", &"x".repeat(n)).unwrap());
    }
    let mut most = 0;
    while stage.lane.turn() {
        most = most.max(stage.lane.log_bytes());
    }
    // Full, and one frame more.
    assert!((2_048..2_048 + 512).contains(&most), "{most} bytes");
    for (client, _) in &clients {
        assert_eq!(client.receive_text().lines().filter(|line| line.starts_with("all")).count(), 300);
    }
}

#[test]
fn links_of_chains_are_bounded_too() {
    let mut stage = Stage::new();
    let clients: Vec<_> = (0..40).map(|_| stage.client(ROOMY)).collect();
    for (at, (_, socket)) in clients.iter().enumerate() {
        socket.join(if at % 2 == 0 { "even" } else { "odd" }).unwrap();
    }
    for n in 0..50 {
        let _ = stage.engine.to("even").broadcast(&message("e", n));
        let _ = stage.engine.to("odd").broadcast(&message("o", n));
    }
    let mut most = 0;
    while stage.lane.turn() {
        most = most.max(stage.lane.log_bytes());
    }
    assert!(most < 400, "{most} bytes: it was full of links before");
    assert_eq!(clients[0].0.receive_text().lines().count(), 50);
}
