//! From polling to a WebSocket.

use roomcast::Message;
use roomcast_socketio_protocol::engineio::PacketKind;
use roomcast_socketio_protocol::socketio::{Body, Packet};

use super::flavor::{Ear, Flavor, Message as EngineMessage};
use super::polling::{a_long_message_waits, events, keeping};
use super::requests::Upload;
use super::websocket::{CLOSE, TEXT, WebSocket, frame};
use super::world::{Poller, World};

fn event(number: u32) -> Message {
    Message::json("n", &number).unwrap()
}

/// A candidate whose probe was answered.
#[track_caller]
fn probed(world: &mut World, client: &Poller) -> WebSocket {
    let candidate = world.candidate(client).unwrap();
    candidate.text("2probe");
    world.run();
    assert_eq!(candidate.texts(), ["3probe"]);
    candidate
}

/// A client that has upgraded.
#[track_caller]
fn upgraded(world: &mut World, client: &Poller) -> WebSocket {
    let candidate = probed(world, client);
    candidate.text("5");
    world.run();
    candidate
}

#[test]
fn an_upgrade_in_all_flavors() {
    for flavor in Flavor::all() {
        let mut world = World::new();
        world.io.namespace("/", ());
        let (ann, mut ear, mut got) = (world.poller(flavor), Ear::new(flavor), Vec::new());
        if !flavor.is_v3() {
            let (content_type, body) = flavor.body(&flavor.messages(&Packet::connect("/", None)), &[]);
            let mut post = world.ask(http::Method::POST, &ann.query(), content_type, &Upload::whole(body));
            world.run();
            assert_eq!(post.text().0, 200);
        }
        let mut hear = |message: &EngineMessage| {
            if let Some(packet) = ear.hear(message)
                && let Body::Event { args, .. } = packet.body
            {
                got.push(args.attachments[0][0]);
            }
        };
        let say = |world: &mut World, byte: u8| {
            let _ = world.engine.everyone().broadcast(&Message::binary("b", vec![byte]));
            world.run();
        };
        say(&mut world, 1);
        let mut get = world.get(&ann);
        world.run();
        ann.packets(&mut get).iter().for_each(|packet| hear(&packet.message));
        let mut waiting = world.get(&ann);
        let candidate = probed(&mut world, &ann);
        let noop = ann.packets(&mut waiting);
        assert!(noop.len() == 1 && noop[0].kind == PacketKind::Noop, "the poll that waited is freed");
        say(&mut world, 2);
        say(&mut world, 3);
        assert!(candidate.frames().is_empty(), "held between probe and 5");
        candidate.text("5");
        world.run();
        say(&mut world, 4);
        for (opcode, payload) in candidate.frames() {
            hear(&flavor.packet(opcode != TEXT, &payload).message);
        }
        assert_eq!(got, [1, 2, 3, 4], "{flavor:?}");
    }
}

#[test]
fn after_an_upgrade_there_is_no_polling_and_no_other_websocket() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let line = upgraded(&mut world, &ann);
    for mut asked in [world.get(&ann), world.post(&ann, "42[\"e\"]")] {
        world.run();
        assert_eq!(asked.text(), (400, r#"{"code":3,"message":"Bad request"}"#.into()));
    }
    let second = world.candidate(&ann).unwrap();
    world.run();
    assert_eq!(second.frames(), [(CLOSE, 1000_u16.to_be_bytes().to_vec())]);
    second.close(1000);
    second.stream.end();
    let _ = world.engine.everyone().broadcast(&event(1));
    world.run();
    assert_eq!(line.texts(), ["42[\"n\",1]"]);
    assert_eq!(world.counts(), (1, 1, 1));
    line.close(1000);
    line.stream.end();
    world.run();
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn frames_right_behind_the_5_are_the_sessions() {
    let mut world = World::new();
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let candidate = probed(&mut world, &ann);
    let glued = [frame(TEXT, b"5"), frame(TEXT, b"42[\"note\",1]"), frame(TEXT, b"42[\"note\",2]")].concat();
    candidate.stream.send(&glued[..glued.len() - 3]);
    world.run();
    candidate.stream.send(&glued[glued.len() - 3..]);
    world.run();
    assert_eq!(*notes.lock(), [1, 2]);
}

#[test]
fn a_candidate_that_dies_before_its_5_costs_nothing() {
    let faults: [fn(&WebSocket); 6] = [
        |line| line.stream.break_off(),
        |line| line.stream.end(),
        |line| line.close(1001),
        |line| line.text("4hello"),
        |line| line.text("2"),
        |line| line.stream.send([0xff; 20]),
    ];
    for is_probed in [false, true] {
        for fault in faults {
            let mut world = World::new();
            world.io.namespace("/", ());
            let ann = world.connected_poller();
            let candidate = if is_probed { probed(&mut world, &ann) } else { world.candidate(&ann).unwrap() };
            let _ = world.engine.everyone().broadcast(&event(1));
            world.run();
            fault(&candidate);
            world.run();
            assert_eq!(world.poll(&ann), "42[\"n\",1]");
            candidate.stream.end();
            // Another one may try.
            let line = upgraded(&mut world, &ann);
            let _ = world.engine.everyone().broadcast(&event(2));
            world.run();
            assert_eq!(line.texts(), ["42[\"n\",2]"]);
            world.advance(3.0);
            assert_eq!(world.counts(), (1, 1, 1));
        }
    }
}

#[test]
fn a_5_without_a_probe_is_no_upgrade() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let candidate = world.candidate(&ann).unwrap();
    candidate.text("5");
    world.run();
    assert_eq!(candidate.frames(), [(CLOSE, 1000_u16.to_be_bytes().to_vec())]);
    let _ = world.engine.everyone().broadcast(&event(1));
    world.run();
    assert_eq!(world.poll(&ann), "42[\"n\",1]");
}

#[test]
fn a_candidate_that_dies_with_its_5_takes_the_session_along() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let candidate = probed(&mut world, &ann);
    candidate.text("5");
    // The session has heard it, and the stream is not handed over yet.
    world.lane.turn();
    candidate.stream.break_off();
    world.run();
    assert_eq!(world.counts(), (0, 0, 0));
    assert_eq!(world.get(&ann).text().0, 400);
}

#[test]
fn a_second_candidate_is_closed_and_the_first_goes_on() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let first = probed(&mut world, &ann);
    let second = world.candidate(&ann).unwrap();
    second.text("2probe");
    second.text("5");
    world.run();
    assert_eq!(second.frames(), [(CLOSE, 1000_u16.to_be_bytes().to_vec())]);
    first.text("5");
    let _ = world.engine.everyone().broadcast(&event(1));
    world.run();
    assert_eq!(first.texts(), ["42[\"n\",1]"]);
}

#[test]
fn a_candidate_has_ten_seconds() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let candidate = probed(&mut world, &ann);
    let _ = world.engine.everyone().broadcast(&event(1));
    world.advance(9.8);
    assert!(candidate.frames().is_empty());
    assert_eq!(world.poll(&ann), "42[\"n\",1]", "who does not hear its answer misses nothing");
    let mut waiting = world.get(&ann);
    world.advance(0.05);
    assert!(waiting.is_waiting());
    world.advance(0.1);
    assert_eq!(waiting.text().1, "6");
    world.advance(0.25);
    assert_eq!(candidate.frames(), [(CLOSE, 1000_u16.to_be_bytes().to_vec())]);
    let mut waiting = world.get(&ann);
    world.advance(1.0);
    assert!(waiting.is_waiting(), "as before");
}

#[test]
fn where_upgrades_are_not_allowed_candidates_are_closed() {
    let mut world = World::with(|builder| builder.allow_upgrades(false));
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let candidate = world.candidate(&ann).unwrap();
    world.run();
    assert_eq!(candidate.frames(), [(CLOSE, 1000_u16.to_be_bytes().to_vec())]);
}

#[test]
fn a_candidate_of_a_session_that_is_gone_is_closed() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let _polls = world.get(&ann);
    world.run();
    let mut post = world.post(&ann, "1");
    // Both are on their way when it ends.
    let candidate = world.candidate(&ann).unwrap();
    candidate.text("2probe");
    world.run();
    assert_eq!(post.text().0, 200);
    assert_eq!(candidate.frames(), [(CLOSE, 1000_u16.to_be_bytes().to_vec())]);
    candidate.stream.end();
    world.run();
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn a_post_whose_body_comes_behind_the_5_still_counts_and_has_its_place() {
    let mut world = World::new();
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let upload = Upload::default();
    let mut post = world.post_slowly(&ann, &upload);
    world.run();
    let line = upgraded(&mut world, &ann);
    line.text("42[\"note\",1]");
    let _ = world.engine.everyone().broadcast(&event(0));
    world.run();
    assert!(notes.lock().is_empty() && line.frames().is_empty());
    upload.finish("42[\"note\",2]\u{1e}2\u{1e}42[\"note\",3]");
    assert!(post.is_waiting());
    world.run();
    assert_eq!((post.text(), &*notes.lock()), ((200, "ok".into()), &vec![2, 3, 1]));
    line.text("42[\"note\",4]");
    world.run();
    assert_eq!((&*notes.lock(), line.texts()), (&vec![2, 3, 1, 4], vec!["42[\"n\",0]".to_owned()]));
}

#[test]
fn a_post_that_breaks_off_behind_the_5_ends_the_session() {
    let mut world = World::new();
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let mut post = world.post_slowly(&ann, &Upload::default());
    world.run();
    let line = upgraded(&mut world, &ann);
    line.text("42[\"note\",1]");
    world.run();
    assert!(post.is_waiting() && notes.lock().is_empty());
    drop(post);
    world.run();
    assert!(notes.lock().is_empty(), "what should have come before is lost");
    assert_eq!((world.counts().0, line.frames()[0].0), (0, CLOSE));
}

#[test]
fn a_candidate_that_waits_for_a_post_ends_with_its_session() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let upload = Upload::default();
    let mut post = world.post_slowly(&ann, &upload);
    world.run();
    let line = upgraded(&mut world, &ann);
    upload.finish("42[\"no json");
    assert!(post.is_waiting());
    world.run();
    assert_eq!((post.text().0, line.frames()), (400, vec![(CLOSE, 1000_u16.to_be_bytes().to_vec())]));
    line.stream.end();
    world.run();
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn what_was_put_aside_of_a_post_comes_before_the_frames() {
    let mut world = World::new();
    let (handlers, notes, kept) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let mut post = world.post(&ann, &events("keep", 0..100));
    world.run();
    assert!(post.is_waiting() && notes.lock().len() == 64);
    let line = upgraded(&mut world, &ann);
    line.text("42[\"note\",100]");
    world.run();
    assert!(post.is_waiting() && notes.lock().len() == 64, "no way around what the application takes at once");
    while post.is_waiting() {
        kept.lock().clear();
        world.run();
    }
    assert_eq!(post.text(), (200, "ok".into()));
    kept.lock().clear();
    world.run();
    assert_eq!(*notes.lock(), (0..101).collect::<Vec<_>>());
}

#[test]
fn what_the_session_has_to_say_while_it_switches_waits_for_the_websocket() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.poller(Flavor::V3);
    world.poll(&ann);
    let candidate = probed(&mut world, &ann);
    // The pong of this ping is for the WebSocket.
    let mut post = world.post(&ann, "1:2");
    candidate.text("5");
    world.run();
    assert_eq!((post.text().1, candidate.texts()), ("ok".into(), vec!["3".to_owned()]));
}

#[test]
fn the_heartbeat_begins_anew() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    world.advance(25.2);
    // The poll took the ping along, and its pong never came.
    assert_eq!(world.poll(&ann), "2");
    let line = upgraded(&mut world, &ann);
    world.advance(24.0);
    assert_eq!((world.counts().0, line.frames().len()), (1, 0));
    world.advance(1.4);
    assert_eq!(line.texts(), ["2"]);
    world.advance(20.4);
    assert_eq!(world.counts().0, 0);
}

#[test]
fn who_is_gone_while_it_switches_is_given_up() {
    for upgrades in [false, true] {
        let mut world = World::new();
        let (handlers, _, _kept) = keeping();
        world.io.namespace("/", handlers);
        let ann = world.connected_poller();
        let candidate = probed(&mut world, &ann);
        let _post = world.post(&ann, &events("keep", 0..100));
        world.run();
        if upgrades {
            candidate.text("5");
        }
        world.advance(180.0);
        assert_eq!(world.counts().0, 0, "upgrades: {upgrades}");
    }
}

#[test]
fn last_words_go_to_the_websocket_that_takes_over() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let candidate = probed(&mut world, &ann);
    let _ = world.engine.everyone().broadcast(&event(1));
    assert_eq!(world.engine.everyone().close_connections(), 1);
    world.run();
    candidate.text("5");
    world.run();
    let frames = candidate.frames();
    let [(TEXT, last), (TEXT, bye), (CLOSE, _)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((&last[..], &bye[..]), (&b"42[\"n\",1]"[..], &b"41"[..]));
    candidate.stream.end();
    world.run();
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn a_post_that_waits_for_polls_does_not_hold_up_an_upgrade() {
    let (mut world, ann, notes) = a_long_message_waits();
    let mut post = world.post(&ann, &events("note", 0..10));
    world.run();
    assert!(post.is_waiting() && notes.lock().is_empty());
    // Its client polls no more, and waits for the POST before it says `5`.
    let candidate = probed(&mut world, &ann);
    assert_eq!((post.text().0, notes.lock().len()), (200, 10));
    candidate.text("5");
    world.run();
    assert!(candidate.texts()[0].starts_with("42[\"long\""));
}
