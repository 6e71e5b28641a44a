//! Sessions on WebSockets: packets with attachments, heartbeats, ends.

use bytes::Bytes;
use parking_lot::Mutex;
use roomcast::{Message, Socket};
use roomcast_lane::{Disconnect, Event, Events, Refusal, Reply};
use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use super::flavor::Flavor;
use super::polling::keeping;
use super::websocket::{self, BINARY, CLOSE, TEXT};
use super::world::World;

#[test]
fn attachments_go_both_ways_with_other_packets_between() {
    let mut world = World::new();
    let heard: Arc<Mutex<Vec<Vec<Bytes>>>> = Arc::default();
    let here = Arc::clone(&heard);
    world.io.namespace(
        "/",
        Events::new().on_sync("b", move |_, (event, reply): (Event<'static>, Reply)| {
            here.lock().push(event.attachments().to_vec());
            reply.send_message(Message::from_parts("", event.args_json(), 1, event.attachments().to_vec()));
        }),
    );
    let client = world.connected_websocket();
    client.text(r#"452-7["b",[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]]"#);
    client.frame(BINARY, b"one");
    // Packets of Engine.IO may come between, messages may not.
    client.text("3");
    client.frame(9, b"ping");
    world.run();
    let _ = world.engine.everyone().emit("e", &1);
    world.run();
    assert!(heard.lock().is_empty());
    client.frame(BINARY, b"two");
    world.run();
    assert_eq!(*heard.lock(), [[Bytes::from_static(b"one"), Bytes::from_static(b"two")]]);
    let frames: Vec<_> =
        client.frames().into_iter().map(|(opcode, payload)| (opcode, String::from_utf8(payload).unwrap())).collect();
    let ack = r#"462-7[[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]]"#;
    assert_eq!(
        frames,
        [(10, "ping"), (TEXT, r#"42["e",1]"#), (TEXT, ack), (BINARY, "one"), (BINARY, "two")]
            .map(|(opcode, text)| (opcode, text.to_owned()))
    );
}

#[test]
fn a_pong_may_be_stuck_behind_much_and_not_behind_little() {
    for (bytes, outcome) in [(100, 0), (5_000, 1)] {
        let mut world = World::new();
        world.io.namespace("/", ());
        let client = world.connected_websocket();
        let text = format!("42[\"e\",\"{}\"]", "x".repeat(bytes));
        world.advance(25.2);
        assert_eq!(client.texts(), ["2"]);
        for _ in 0..3 {
            for _ in 0..19 {
                client.text(&text);
                world.advance(1.0);
            }
        }
        assert_eq!(world.counts().0, outcome, "{bytes}");
        client.text("3");
        world.advance(5.0);
        assert_eq!(world.counts().0, outcome);
    }
}

#[test]
fn attachments_that_do_not_come_cost_the_connection_in_time() {
    let mut world = World::with(|builder| builder.ping_interval(Duration::from_secs(10)));
    world.io.namespace("/", ());
    let clients = [world.connected_websocket(), world.connected_websocket()];
    for client in &clients {
        client.text(r#"452-["b",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
    }
    world.run();
    for _ in 0..29 {
        world.advance(1.0);
        for client in &clients {
            client.text("3");
        }
    }
    clients[1].frame(BINARY, b"1");
    clients[1].frame(BINARY, b"2");
    world.run();
    assert_eq!(world.counts().0, 2);
    for client in &clients {
        client.text("3");
    }
    world.advance(1.5);
    assert_eq!(world.counts().0, 1, "one ping interval and one ping timeout are over");
    let (opcode, reason) = clients[0].frames().pop().unwrap();
    assert_eq!((opcode, &reason[..2]), (CLOSE, &1002_u16.to_be_bytes()[..]));
}

#[test]
fn the_program_closes_a_connection_with_all_its_sockets() {
    let mut world = World::new();
    let byes: Arc<Mutex<Vec<(&str, String)>>> = Arc::default();
    for name in ["/", "/a", "/asks"] {
        let here = Arc::clone(&byes);
        let events = Events::new().on_disconnect(move |_: Socket, bye: Disconnect| {
            here.lock().push((name, bye.reason.to_string()));
            ready(())
        });
        match name {
            "/asks" => world.io.namespace(name, events.on_connect(|_: Socket, ()| pending::<Result<(), Refusal>>())),
            _ => world.io.namespace(name, events),
        };
    }
    let (client, other) = (world.connected_websocket(), world.connected_websocket());
    client.text("40/a,");
    client.text("40/asks,");
    world.run();
    client.texts();
    let in_a = world.io.of("/a").unwrap();
    let socket = in_a.socket(in_a.everyone().members().next().unwrap().as_str()).unwrap();
    let _ = world.engine.everyone().emit("last", &1);
    assert!(socket.close_connection() && !socket.close_connection());
    assert_eq!(in_a.everyone().count(), 0);
    world.run();
    let frames: Vec<_> =
        client.frames().into_iter().map(|(_, payload)| String::from_utf8_lossy(&payload).into_owned()).collect();
    let [last, one, two, three, close] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((&**last, &**one, &**close), ("42[\"last\",1]", "41/a,", "\u{3}\u{fffd}"), "1000 in two bytes");
    assert_eq!([&**two, &**three].map(|text| &text[..2]), ["41", "44"], "{frames:?}");
    client.stream.end();
    world.run();
    byes.lock().sort();
    assert_eq!(*byes.lock(), ["/", "/a"].map(|name| (name, "server namespace disconnect".to_owned())));
    assert_eq!((world.counts().0, other.texts().len()), (1, 1));
    assert_eq!(world.engine.everyone().close_connections(), 1);
    world.run();
    assert!(matches!(&other.frames()[..], [(TEXT, text), (CLOSE, _)] if text == b"41"));
}

#[test]
fn what_a_client_may_not_send_cannot_be_emitted() {
    for name in
        ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener", "error", "Connect"]
    {
        let mut world = World::new();
        world.io.namespace("/", ());
        let client = world.connected_websocket();
        let emitted = world.engine.everyone().emit(name, &1).is_ok();
        client.text(&format!("42[\"{name}\"]"));
        world.run();
        let frames = client.frames();
        assert_eq!(emitted, frames.last().is_none_or(|(opcode, _)| *opcode != CLOSE), "{name}: {frames:?}");
        assert_eq!(emitted, frames.iter().any(|(opcode, _)| *opcode == TEXT), "{name}: {frames:?}");
        // Made without a check: left out, and nothing else.
        let client = world.connected_websocket();
        let _ = world.engine.everyone().broadcast(&Message::raw(name, "1"));
        let _ = world.engine.everyone().broadcast(&Message::raw("e", "1"));
        world.run();
        assert_eq!(client.texts().len(), 1 + usize::from(emitted), "{name}");
    }
}

#[test]
fn attachments_may_come_slowly() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let clients = [world.connected_websocket(), world.connected_websocket()];
    let places: Vec<_> = (0..10).map(|number| format!("{{\"_placeholder\":true,\"num\":{number}}}")).collect();
    clients[0].text(&format!("4510-[\"b\",{}]", places.join(",")));
    clients[1].text(&format!("451-[\"b\",{}]", places[0]));
    let one = websocket::frame(BINARY, &[1; 900_000]);
    for (second, piece) in one.chunks(15_000).take(60).enumerate() {
        clients[1].stream.send(piece);
        if second % 6 == 0 {
            clients[0].frame(BINARY, &[1; 10_000]);
        }
        // Between packets of Engine.IO pongs may come, within one they may not.
        clients[0].text("3");
        world.advance(1.0);
        assert_eq!(world.counts().0, 2, "second {second}");
    }
}

#[test]
fn a_message_may_come_in_fragments_however_slowly() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let client = world.connected_websocket();
    let mut fragment = websocket::frame(TEXT, b"42[\"e\",\"");
    for _ in 0..60 {
        // Not the last one.
        fragment[0] &= 0x7f;
        client.stream.send(&fragment[..]);
        world.advance(1.0);
        fragment = websocket::frame(0, &[b'x'; 2_000]);
    }
    assert_eq!(world.counts().0, 1);
    // Not so slowly that it keeps a session for nothing.
    for _ in 0..50 {
        fragment = websocket::frame(0, b"x");
        fragment[0] &= 0x7f;
        client.stream.send(&fragment[..]);
        world.advance(1.0);
    }
    assert_eq!(world.counts().0, 0);
}

#[test]
fn a_drain_leaves_those_their_time_who_are_ending() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let _other = world.connected_websocket();
    world.engine.everyone().close_connections();
    world.run();
    world.lane.drain(Duration::from_secs(3));
    world.advance(1.5);
    assert!(world.poll(&ann).contains("41"));
}

#[test]
fn a_packet_may_be_as_large_as_a_message() {
    let large = 11_000_000;
    let mut world = World::with(|builder| builder.max_payload(large));
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&sizes);
    world.io.namespace(
        "/",
        Events::new().on_sync("e", move |_, event: Event<'static>| {
            noted.lock().push(event.args_json().len());
        }),
    );
    let client = world.connected_websocket();
    let text = format!("42[\"e\",\"{}\"]", "x".repeat(large - 10));
    assert_eq!(text.len(), large);
    client.text(&text);
    world.run();
    assert_eq!(*sizes.lock(), [large - 8]);
}

#[test]
fn a_text_where_an_attachment_is_due_costs_the_connection() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let client = world.connected_websocket();
    client.text(r#"451-["b",{"_placeholder":true,"num":0}]"#);
    client.text(r#"42["e"]"#);
    world.run();
    assert!(matches!(&client.frames()[..], [(CLOSE, _)]));
    client.stream.end();
    world.run();
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn what_is_sent_while_a_client_is_let_in_follows_its_connect() {
    let mut world = World::new();
    world.io.namespace(
        "/",
        Events::new().on_connect(async |socket: Socket, ()| {
            socket.emit("first", &1).map_err(|error| Refusal::new(error.to_string()))?;
            Ok(())
        }),
    );
    let client = world.websocket(Flavor::V4);
    client.text("40");
    world.run();
    let texts = client.texts();
    assert!(texts[1].starts_with("40{") && texts[2] == r#"42["first",1]"#, "{texts:?}");
}

#[test]
fn frames_wait_while_the_application_has_enough_in_work() {
    let mut world = World::new();
    let (handlers, notes, kept) = keeping();
    world.io.namespace("/", handlers);
    let client = world.connected_websocket();
    for number in 0..100 {
        client.text(&format!(r#"42["keep",{number}]"#));
    }
    world.run();
    assert_eq!(notes.lock().len(), 64);
    // Whom nobody listens to is not silent, for once.
    world.advance(60.0);
    assert_eq!(world.counts().0, 1);
    kept.lock().clear();
    world.run();
    assert_eq!(*notes.lock(), (0..100).collect::<Vec<_>>());
}

#[test]
fn who_is_gone_while_frames_wait_is_given_up() {
    for flavor in [Flavor::V4, Flavor::V3] {
        let mut world = World::new();
        let (handlers, _, _kept) = keeping();
        world.io.namespace("/", handlers);
        let client = world.websocket(flavor);
        if flavor == Flavor::V4 {
            client.text("40");
            world.run();
        }
        for number in 0..1_000 {
            client.text(&format!(r#"42["keep",{number}]"#));
        }
        world.run();
        assert_eq!(world.counts().0, 1);
        // Of revision 3: what was not shown to it counts once, and once it is excused.
        world.advance(3.0 * 45.0 + 1.0);
        assert_eq!(world.counts().0, 0, "{flavor:?}");
    }
}

#[test]
fn draining_says_1001() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let client = world.connected_websocket();
    world.lane.drain(Duration::from_millis(10));
    world.advance(0.1);
    let frames = client.frames();
    assert!(matches!(&frames[..], [(CLOSE, payload)] if payload.starts_with(&1001_u16.to_be_bytes())), "{frames:?}");
    client.close(1001);
    client.stream.end();
    world.run();
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn an_echo_gives_everything_back_on_every_transport() {
    let mut world = World::echo();
    let ann = world.poller(Flavor::V4);
    world.say(&ann, "4hello\u{1e}bAf8=");
    assert_eq!(world.poll(&ann), "4hello\u{1e}bAf8=");
    let line = world.candidate(&ann).unwrap();
    line.text("2probe");
    world.say(&ann, "4held");
    line.text("5");
    line.frame(BINARY, b"\x01\xff");
    world.run();
    let frames = [(TEXT, b"3probe".to_vec()), (TEXT, b"4held".to_vec()), (BINARY, vec![1, 255])];
    assert_eq!(line.frames(), frames);
    assert_eq!(world.engine.stats().sockets, 0);
}
