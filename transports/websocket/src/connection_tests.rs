use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

use roomcast_lane::{BoxFuture, Disconnect, Event, Events, Refusal, Reply};

use super::*;
use crate::testing::{BINARY, CLOSE, Client, PING, PONG, TEXT, World, frame};

#[test]
fn hello_is_the_first_frame_and_the_socket_is_in_its_own_room() {
    let mut world = World::rooms();
    let client = world.connect();
    let texts = client.texts();
    let id = world.engine.everyone().members().next().unwrap();
    assert_eq!(texts, [format!(r#"{{"event":"hello","data":{{"id":"{id}"}}}}"#)]);
    assert_eq!(world.open.get(), 1);
    client.0.break_off();
    world.lane.run();
    assert_eq!((world.open.get(), world.engine.stats().sockets), (0, 0));
}

#[test]
fn requests_are_answered_in_order_with_broadcasts_between() {
    let mut world = World::rooms();
    let (ann, _) = world.greeted();
    ann.text(r#"{"id":1,"op":"join","room":"r"}"#);
    ann.text(r#"{"id":2,"op":"broadcast","room":"r","data":"a"}"#);
    ann.text(r#"{"id":3,"op":"nope"}"#);
    ann.text(r#"{"id":4,"op":"blast","event":"e"}"#);
    world.lane.run();
    let texts = ann.texts();
    let of = |start: &str| texts.iter().position(|text| text.starts_with(start)).unwrap_or_else(|| panic!("{texts:?}"));
    let replies = [
        of(r#"{"reply":1,"ok":true}"#),
        of(r#"{"reply":2,"ok":true}"#),
        of(r#"{"reply":3,"ok":false,"error":"unknown op"#),
        of(r#"{"reply":4,"ok":true}"#),
    ];
    assert!(replies.is_sorted());
    assert!(of(r#"{"event":"message","data":"a"}"#) < of(r#"{"event":"e","data":null}"#));
    assert_eq!(texts.len(), 6);
}

#[test]
fn text_that_is_no_request_is_answered_and_the_connection_stays() {
    let mut world = World::rooms();
    let (ann, id) = world.greeted();
    for text in ["", "[]", "null", "{", "hello"] {
        let replies = world.ask(&ann, text);
        assert!(replies.len() == 1 && replies[0].starts_with(r#"{"reply":null,"ok":false,"error":""#), "{replies:?}");
    }
    assert_eq!(world.ask(&ann, r#"{"op":"getId"}"#), [format!(r#"{{"reply":null,"ok":true,"socket":"{id}"}}"#)]);
}

#[test]
fn every_byte_on_its_own_means_the_same() {
    let mut world = World::rooms();
    let (ann, id) = world.greeted();
    let request =
        [frame(false, TEXT, br#"{"id":7,"#), frame(true, PING, b"x"), frame(true, 0, br#""op":"getId"}"#)].concat();
    for byte in request {
        ann.0.send([byte]);
        world.lane.run();
    }
    let reply = format!(r#"{{"reply":7,"ok":true,"socket":"{id}"}}"#);
    assert_eq!(ann.frames(), [(PONG, b"x".to_vec()), (TEXT, reply.into_bytes())]);
}

#[test]
fn a_broken_frame_costs_the_connection_and_says_how() {
    let unmasked = b"\x81\x02{}".to_vec();
    let huge = b"\x81\xff\x00\x00\x00\x00\x7f\xff\xff\xffmask".to_vec();
    let cases: [(Vec<u8>, u16); 7] = [
        (frame(true, BINARY, b"{}"), 1003),
        (frame(true, TEXT, b"\xff"), 1007),
        (huge, 1009),
        (unmasked, 1002),
        (frame(true, 3, b""), 1002),
        (frame(true, 0, b""), 1002),
        (frame(true, CLOSE, &[0x03, 0xed]), 1002),
    ];
    for (bytes, code) in cases {
        let mut world = World::rooms();
        let ((bad, _), (good, _)) = (world.greeted(), world.greeted());
        bad.0.send(&bytes);
        world.lane.run();
        let (got, reason) = bad.closed_with();
        assert!(got == code && !reason.is_empty(), "{bytes:?}: {got} {reason}");
        bad.0.end();
        world.lane.run();
        assert!(bad.0.is_ended());
        assert_eq!(world.ask(&good, r#"{"op":"blast","omit":true}"#).len(), 1);
        assert_eq!((world.open.get(), world.engine.stats().sockets), (1, 1));
    }
}

#[test]
fn what_was_asked_before_the_fault_is_done() {
    let mut world = World::rooms();
    let (ann, _) = world.greeted();
    ann.0.send([frame(true, TEXT, br#"{"op":"getId"}"#), frame(true, 15, b"")].concat());
    world.lane.run();
    let frames = ann.frames();
    assert_eq!(frames.iter().map(|(opcode, _)| *opcode).collect::<Vec<_>>(), [TEXT, CLOSE]);
}

#[test]
fn the_clients_close_is_echoed_and_the_stream_ended() {
    for (code, reason) in [(1000, "bye"), (1001, ""), (3000, ""), (4999, "ä")] {
        let mut world = World::rooms();
        let (ann, _) = world.greeted();
        ann.close(code, reason);
        ann.text(r#"{"op":"blast"}"#);
        world.lane.run();
        assert_eq!(ann.closed_with(), (code, String::new()));
        assert!(ann.0.is_ended());
        assert_eq!(world.engine.stats().sockets, 0);
    }
    let mut world = World::rooms();
    let (ann, _) = world.greeted();
    ann.frame(CLOSE, b"");
    world.lane.run();
    assert_eq!(ann.frames(), [(CLOSE, vec![])], "no code, no code");
}

#[test]
fn after_the_servers_close_only_the_clients_close_counts() {
    let mut world = World::rooms();
    let ((ann, id), (ben, _)) = (world.greeted(), world.greeted());
    world.engine.to(&*id).disconnect();
    world.lane.run();
    assert_eq!(ann.closed_with(), (1000, String::new()));
    ann.text(r#"{"op":"blast","data":"late"}"#);
    ann.frame(PING, b"");
    world.lane.run();
    assert!(!ann.0.is_ended() && ann.frames().is_empty() && ben.frames().is_empty());
    ann.close(1000, "");
    world.lane.run();
    assert!(ann.0.is_ended() && ann.frames().is_empty());
}

#[test]
fn a_client_that_never_closes_is_given_two_seconds() {
    let mut world = World::rooms();
    let (ann, id) = world.greeted();
    world.engine.to(&*id).disconnect();
    world.lane.run();
    world.advance(1.5);
    assert!(!ann.0.is_ended());
    world.advance(1.0);
    assert!(ann.0.is_ended());
    assert_eq!(world.open.get(), 0);
}

#[test]
fn draining_says_1001() {
    let mut world = World::rooms();
    let (ann, _) = world.greeted();
    world.lane.drain(Duration::from_secs(1));
    world.advance(1.1);
    assert_eq!(ann.closed_with(), (1001, "server shutting down".into()));
    ann.close(1001, "");
    world.lane.run();
    assert!(ann.0.is_ended());
}

#[test]
fn pings_come_on_time_and_silence_ends_in_time() {
    let mut world = World::rooms();
    let ((ann, _), (ben, _)) = (world.greeted(), world.greeted());
    world.advance(24.9);
    assert!(ann.frames().is_empty());
    world.advance(0.4);
    assert_eq!(ann.frames(), [(PING, vec![])]);
    assert_eq!(ben.frames(), [(PING, vec![])]);
    world.advance(19.0);
    ben.frame(PONG, b"");
    world.lane.run();
    assert_eq!((world.open.get(), ann.frames().len()), (2, 0));
    world.advance(1.5);
    assert_eq!(ann.closed_with().0, 1001);
    world.advance(3.0);
    assert_eq!(world.open.get(), 1);
    world.advance(2.0);
    assert_eq!(ben.frames(), [(PING, vec![])], "25 s after the first");
}

#[test]
fn a_client_whose_input_is_held_is_forgiven_once() {
    let kept: Arc<Mutex<Vec<Reply>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let events = Events::new().on_sync("keep", move |_, reply: Reply| keep.lock().unwrap().push(reply));
    let mut world = World::events(events);
    let (client, _) = world.greeted();
    for _ in 0..64 {
        client.text(r#"{"event":"keep","data":null}"#);
    }
    world.lane.run();
    assert_eq!(kept.lock().unwrap().len(), 64);
    world.advance(25.0 + 20.0 + 1.0);
    assert_eq!(world.engine.stats().sockets, 1);
    world.advance(5.0 + 20.0 + 1.0);
    assert_eq!(world.engine.stats().sockets, 0);
}

#[test]
fn only_a_pong_answers_a_ping() {
    let mut world = World::rooms();
    let ((ann, _), (ben, _)) = (world.greeted(), world.greeted());
    world.advance(25.4);
    assert_eq!(ann.frames(), [(PING, vec![])]);
    for _ in 0..10 {
        world.advance(1.8);
        ann.text(r#"{"op":"leave","room":"r"}"#);
        ann.frame(PING, b"still here");
        world.lane.run();
        assert_eq!(ann.frames().len(), 2, "answered, but that is not what was asked for");
    }
    ben.frame(PONG, b"with whatever it carries");
    world.lane.run();
    world.advance(2.5);
    assert_eq!(ann.closed_with().0, 1001);
    world.advance(3.0);
    assert_eq!(world.open.get(), 1);
}

#[test]
fn a_frame_that_grows_may_have_a_pong_behind_it() {
    let mut world = World::rooms();
    let ((ann, _), (ben, _)) = (world.greeted(), world.greeted());
    let long = frame(true, TEXT, &[b'x'; 900_000]);
    ann.0.send(&long[..100_000]);
    ben.0.send(&long[..100_000]);
    let mut pings = 0;
    for piece in long[100_000..700_000].chunks(20_000) {
        world.advance(18.0);
        ann.0.send(piece);
        world.lane.run();
        pings += ann.frames().iter().filter(|(opcode, _)| *opcode == PING).count();
    }
    assert_eq!((world.open.get(), pings), (1, 1), "the one whose frame did not go on is gone");
    ann.0.send(&long[700_000..]);
    ann.frame(PONG, b"");
    world.lane.run();
    assert!(ann.texts()[0].starts_with(r#"{"reply":null,"ok":false"#));
    world.advance(0.4);
    assert_eq!(ann.frames(), [(PING, vec![])], "the one that was missed");
}

#[test]
fn a_message_that_grows_in_fragments_may_have_a_pong_behind_it() {
    let mut world = World::rooms();
    let (ann, _) = world.greeted();
    ann.0.send(&frame(false, TEXT, &[b'x'; 1_000])[..900]);
    world.advance(25.4);
    ann.0.send(&frame(false, TEXT, &[b'x'; 1_000])[900..]);
    for _ in 0..5 {
        ann.0.send(frame(false, 0, &[b'x'; 17_000]));
        world.advance(19.0);
    }
    assert_eq!(world.open.get(), 1);
    for _ in 0..21 {
        ann.0.send(frame(false, 0, b"x"));
        world.advance(2.0);
    }
    assert_eq!(world.open.get(), 0);
}

#[test]
fn who_sends_much_may_have_a_pong_behind_it() {
    let mut world = World::rooms();
    let ((ann, _), (ben, _)) = (world.greeted(), world.greeted());
    let of = |bytes: usize| format!(r#"{{"op":"leave","room":"r","data":"{}"}}"#, "x".repeat(bytes));
    let (much, little) = (of(16 << 10), of(15 << 10));
    world.advance(25.4);
    for _ in 0..5 {
        ann.text(&much);
        ben.text(&little);
        world.advance(15.0);
        ann.frames();
    }
    assert_eq!(world.open.get(), 1, "too little is no excuse");
    world.advance(50.0);
    assert_eq!(world.open.get(), 0, "nor is what came long ago");
}

#[test]
fn an_echo_has_no_socket_no_heartbeat_and_room_for_long_messages() {
    let mut world = World::echo();
    let client = world.connect();
    assert!(client.frames().is_empty(), "no hello");
    assert_eq!(world.engine.stats().sockets, 0);
    for (opcode, payload) in [(TEXT, "ä\u{0}".as_bytes()), (BINARY, b"\xff\x00"), (BINARY, b""), (TEXT, b"")] {
        client.frame(opcode, payload);
        world.lane.run();
        assert_eq!(client.frames(), [(opcode, payload.to_vec())]);
    }
    let long = vec![7; 3 << 20];
    client.frame(BINARY, &long);
    let mut came = Vec::new();
    while came.len() < long.len() + 10 {
        world.lane.run();
        came.extend(client.0.receive());
    }
    assert!(came[10..] == long[..]);
    world.advance(1_000_000.0);
    assert_eq!((world.open.get(), client.frames().len()), (1, 0));
}

/// An application that lets in whom its clients name.
struct Door;

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl roomcast_lane::Application for Door {
    fn connect(&self, _socket: Socket, handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        assert_eq!((handshake.transport, handshake.query("name").as_deref()), ("websocket", Some("ann")));
        Box::pin(pending())
    }

    fn event(&self, _socket: &Socket, event: Event<'_>, _reply: Reply) {
        HEARD.lock().unwrap().push(event.name().into());
    }

    fn disconnected(&self, _socket: &Socket, _bye: Disconnect) {}
}

#[test]
fn who_is_not_let_in_within_connect_timeout_is_closed() {
    let options = Options { connect_timeout: Duration::from_secs(5), ..Options::default() };
    let mut world = World::new(Dialect::Events, options, Door);
    let client = world.connect();
    client.text(r#"{"event":"too soon"}"#);
    world.advance(4.9);
    assert!(client.frames().is_empty());
    world.advance(0.4);
    assert_eq!(client.closed_with(), (1013, "not let in within connect_timeout".into()));
    client.close(1013, "");
    client.0.end();
    world.lane.run();
    assert_eq!((world.open.get(), world.engine.stats().sockets), (0, 0));
    assert!(HEARD.lock().unwrap().is_empty());
}

#[test]
fn a_refused_client_is_told_why() {
    let events = Events::new().on_connect(async |_, ()| Err(Refusal::new("members only")));
    let mut world = World::events(events);
    let client: Client = world.connect();
    assert_eq!(client.closed_with(), (1008, "members only".into()));
}

#[test]
fn a_panic_of_the_policy_costs_its_connection_alone() {
    let policy = crate::rooms::Policy::new(|_, op| match op {
        crate::rooms::Op::LeaveAll { .. } => panic!("the policy's own fault"),
        _ => true,
    });
    let mut world = World::new(Dialect::Rooms(policy), Options::default(), ());
    let ((ann, _), (ben, _)) = (world.greeted(), world.greeted());
    ann.text(r#"{"op":"leaveAll","room":"r"}"#);
    world.lane.run();
    assert_eq!(world.open.get(), 1);
    assert_eq!(world.ask(&ben, r#"{"id":1,"op":"leave","room":"r"}"#), [r#"{"reply":1,"ok":true}"#]);
}
