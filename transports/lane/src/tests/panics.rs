//! Code that is not ours goes wrong.

use roomcast::Message;

use super::talk::{ROOMY, Stage};
use crate::{Close, Context, Handshake, Progress, Protocol};

#[test]
fn a_codec_that_fails_or_panics_costs_its_message_only() {
    let mut stage = Stage::new();
    let (client, socket) = stage.client(ROOMY);
    for event in ["one", "fail", "two", "panic", "three"] {
        let _ = socket.send(&Message::json(event, &1).unwrap());
    }
    stage.lane.run();
    assert_eq!(client.receive_text(), "one 1\ntwo 1\nthree 1\n");
    let stats = stage.lane.stats();
    assert_eq!((stats.encodes, stats.encode_errors, stats.connections), (5, 2, 1));
}

#[test]
fn a_codec_that_was_never_registered_is_an_error_not_a_panic() {
    let mut stage = Stage::new();
    let (_, socket) = stage.client(ROOMY);
    let stranger = crate::Wire::new(crate::CodecId(77), std::sync::Arc::clone(&stage.notes));
    let client = stage.lane.connect(&stranger, ROOMY, super::talk::Talk::new);
    stage.lane.run();
    assert_eq!(client.receive_text(), "hello\n");
    let _ = socket.engine().everyone().broadcast(&Message::json("x", &1).unwrap());
    stage.lane.run();
    assert_eq!((client.receive_text().as_str(), stage.lane.stats().encode_errors), ("", 1));
}

#[test]
fn a_handler_that_panics_costs_its_call_only() {
    let mut stage = Stage::new();
    let (client, _) = stage.client(ROOMY);
    client.send("ask 1 panic null\nask 2 what null\n");
    stage.lane.run();
    assert_eq!(client.receive_text(), "err 1 the handler failed\nack 2 \"what\"\n");
    assert_eq!(stage.lane.stats().handler_panics, 1);
}

/// Panics where it is told to.
struct Fragile(&'static str);

impl Fragile {
    fn maybe(&self, place: &str) {
        assert_ne!(self.0, place, "as asked");
    }
}

impl Protocol for Fragile {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.maybe("open");
        cx.write(b"never seen when input panics at once");
        cx.connect(Handshake::new("test"));
        self.maybe("open, late");
    }

    fn handle_input(&mut self, input: &mut [u8], _cx: &mut Context<'_>) -> Result<Progress, Close> {
        self.maybe("input");
        Ok(Progress::used(input.len()))
    }

    fn handle_close(&mut self, _close: &Close, _cx: &mut Context<'_>) -> crate::Farewell {
        self.maybe("close");
        crate::Farewell::Finish
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        // Only when nothing else is wrong: two panics at once abort.
        if !std::thread::panicking() {
            self.maybe("drop");
        }
    }
}

#[test]
fn a_protocol_that_panics_costs_its_connection_only() {
    for place in ["make", "open", "open, late", "input", "close", "drop"] {
        let mut stage = Stage::new();
        let (other, _) = stage.client(ROOMY);
        let client = stage.lane.connect(&stage.wire, ROOMY, move || {
            assert_ne!(place, "make", "as asked");
            Fragile(place)
        });
        stage.lane.run();
        client.send("x");
        stage.lane.run();
        client.end();
        stage.lane.run();
        let stats = stage.lane.stats();
        assert_eq!(stats.protocol_panics, u64::from(place != "drop"), "{place}");
        assert_eq!((stats.connections, stage.engine.stats().sockets), (1, 1), "{place}");
        other.send("echo fine\n");
        stage.lane.run();
        assert_eq!(other.receive_text(), "echo fine\n");
    }
}

#[test]
fn a_value_that_panics_when_it_is_dropped_costs_nothing() {
    struct Sore;
    impl Drop for Sore {
        fn drop(&mut self) {
            panic!("as asked");
        }
    }
    let mut stage = Stage::new();
    let clients: Vec<_> = (0..4).map(|_| stage.client(ROOMY)).collect();
    for (_, socket) in &clients[..3] {
        assert!(socket.join("room").is_ok() && socket.insert(Sore));
    }
    clients[0].0.break_off();
    clients[1].0.send("quit\n");
    clients[2].1.disconnect();
    stage.lane.run();
    assert_eq!((stage.byes().len(), stage.engine.stats().sockets, stage.engine.stats().rooms), (3, 1, 0));
    assert!(stage.byes().iter().all(|bye| bye.rooms == ["room"]));
    clients[3].0.send("echo fine\n");
    stage.lane.run();
    assert_eq!(clients[3].0.receive_text(), "echo fine\n");
}
