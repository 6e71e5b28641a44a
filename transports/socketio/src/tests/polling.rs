//! Sessions that are polled.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use parking_lot::Mutex;
use roomcast::{Message, Socket};
use roomcast_lane::{Data, Events, Reply};

use super::flavor::Flavor;
use super::requests::Upload;
use super::world::{Poller, World};

/// Replies that the program has not given yet, and what they are for.
pub(super) type Kept = Arc<Mutex<Vec<(u32, Reply)>>>;

/// Numbers that came, in their order.
pub(super) type Notes = Arc<Mutex<Vec<u32>>>;

/// Handlers that note the number of each event; those of `keep` are in work until their reply is given.
pub(super) fn keeping() -> (Events, Notes, Kept) {
    let (notes, kept) = (Notes::default(), Kept::default());
    let (all, keep) = (Arc::clone(&notes), (Arc::clone(&notes), Arc::clone(&kept)));
    let events = Events::new().on_sync("note", move |_, Data(number): Data<u32>| all.lock().push(number)).on_sync(
        "keep",
        move |_, (Data(number), reply): (Data<u32>, Reply)| {
            keep.0.lock().push(number);
            keep.1.lock().push((number, reply));
        },
    );
    (events, notes, kept)
}

/// A body of revision 4 with these events.
pub(super) fn events(name: &str, numbers: std::ops::Range<u32>) -> String {
    let events: Vec<String> = numbers.map(|number| format!("42[\"{name}\",{number}]")).collect();
    events.join("\u{1e}")
}

#[test]
fn a_message_frees_the_poll_that_waits() {
    for flavor in Flavor::all().filter(|flavor| !flavor.msgpack) {
        let mut world = World::new();
        world.io.namespace("/", ());
        let ann = world.poller(flavor);
        if !flavor.is_v3() {
            world.say(&ann, "40");
        }
        world.poll(&ann);
        let mut get = world.get(&ann);
        world.run();
        assert!(get.is_waiting());
        let _ = world.engine.everyone().broadcast(&Message::binary("b", vec![1, 255]));
        world.run();
        let bodies = match (flavor.is_v3(), flavor.base64) {
            (false, _) => "451-[\"b\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAf8=".as_bytes(),
            (true, true) => b"39:451-[\"b\",{\"_placeholder\":true,\"num\":0}]6:b4Af8=",
            (true, false) => b"\x00\x03\x09\xff451-[\"b\",{\"_placeholder\":true,\"num\":0}]\x01\x03\xff\x04\x01\xff",
        };
        assert_eq!(get.answer().unwrap().body, bodies, "{flavor:?}");
    }
}

#[test]
fn an_answer_carries_sixteen_packets_and_the_next_one_the_rest() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    for number in 0..20 {
        let _ = world.engine.everyone().emit("n", &number);
    }
    world.run();
    let first: Vec<String> = (0..16).map(|number| format!("42[\"n\",{number}]")).collect();
    assert_eq!(world.poll(&ann), first.join("\u{1e}"));
    let rest: Vec<String> = (16..20).map(|number| format!("42[\"n\",{number}]")).collect();
    assert_eq!(world.poll(&ann), rest.join("\u{1e}"));
}

#[test]
fn half_of_a_packet_that_has_gone_out_is_followed_by_its_other_half() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    for number in 0..15 {
        let _ = world.engine.everyone().emit("n", &number);
    }
    let latest = |byte: u8| Message::binary("b", vec![byte]).latest(1_u64);
    let _ = world.engine.everyone().broadcast(&latest(1));
    world.run();
    assert!(world.poll(&ann).ends_with("\u{1e}451-[\"b\",{\"_placeholder\":true,\"num\":0}]"));
    let _ = world.engine.everyone().broadcast(&latest(2));
    world.run();
    assert_eq!(world.poll(&ann), "bAQ==\u{1e}451-[\"b\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAg==");
}

#[test]
fn a_poll_that_is_lost_before_its_answer_loses_nothing() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    for told_first in [false, true] {
        let get = world.get(&ann);
        world.run();
        if told_first {
            drop(get);
            let _ = world.engine.everyone().emit("e", &1);
        } else {
            // The session hears of it only behind the message.
            let _ = world.engine.everyone().emit("e", &1);
            drop(get);
        }
        world.run();
        assert_eq!(world.poll(&ann), "42[\"e\",1]");
    }
}

#[test]
fn the_late_news_of_a_lost_poll_is_not_about_the_next_one() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let lost = world.get(&ann);
    world.run();
    let _ = world.engine.everyone().emit("e", &1);
    world.run();
    // It is answered, and the answer goes down with it; the session hears of that when another poll waits.
    let mut next = world.get(&ann);
    world.run();
    drop(lost);
    world.run();
    let _ = world.engine.everyone().emit("e", &2);
    world.run();
    assert_eq!(next.text(), (200, "42[\"e\",2]".into()));
}

#[test]
fn a_ping_in_a_lost_answer_comes_again() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let get = world.get(&ann);
    world.advance(24.9);
    // The news of it come up when the ping is due.
    drop(get);
    world.advance(0.4);
    assert_eq!(world.poll(&ann), "2");
}

#[test]
fn of_two_polls_the_first_is_told_to_close_and_the_second_is_refused() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let (mut first, mut second) = (world.get(&ann), world.get(&ann));
    world.run();
    assert_eq!(first.text(), (200, "1".into()));
    assert_eq!(second.text().0, 400);
    assert_eq!(world.counts(), (0, 0, 0));
    let mut late = world.get(&ann);
    assert_eq!(late.text(), (400, r#"{"code":1,"message":"Session ID unknown"}"#.into()));
}

#[test]
fn of_two_posts_at_a_time_both_are_refused_and_the_session_ends() {
    let mut world = World::new();
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let (slow, mut get) = (Upload::default(), world.get(&ann));
    let mut first = world.post_slowly(&ann, &slow);
    world.run();
    let mut second = world.post(&ann, "42[\"note\",2]");
    world.run();
    slow.finish("42[\"note\",1]");
    assert!(first.is_waiting() || first.text().0 == 400);
    world.run();
    assert_eq!((first.text().0, second.text().0, get.text()), (400, 400, (200, "1".into())));
    assert!(notes.lock().is_empty());
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn a_post_waits_while_the_application_has_enough_in_work() {
    let mut world = World::new();
    let (handlers, notes, kept) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let mut post = world.post(&ann, &events("keep", 0..200));
    world.run();
    assert!(post.is_waiting());
    assert_eq!(notes.lock().len(), 64);
    let give = |count: usize| drop(kept.lock().drain(..count).collect::<Vec<_>>());
    give(31);
    world.run();
    assert_eq!(notes.lock().len(), 64, "33 are in work");
    give(1);
    world.run();
    assert_eq!(notes.lock().len(), 96, "32 were, and so it goes on to 64");
    while post.is_waiting() {
        assert!(notes.lock().len() < 200, "all is done, and the POST not answered");
        give(32);
        world.run();
    }
    assert_eq!(post.text(), (200, "ok".into()));
    assert_eq!(*notes.lock(), (0..200).collect::<Vec<_>>());
}

#[test]
fn a_post_of_many_packets_lets_others_go_in_between() {
    let mut world = World::new();
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let mut post = world.post(&ann, &events("note", 0..10_000));
    world.lane.turn();
    assert!(post.is_waiting() && notes.lock().len() == 256, "{}", notes.lock().len());
    world.run();
    assert_eq!(post.text(), (200, "ok".into()));
    assert_eq!(*notes.lock(), (0..10_000).collect::<Vec<_>>());
}

#[test]
fn a_body_that_breaks_off_ends_the_session_and_one_that_is_too_large_does_not() {
    let mut world = World::with(|builder| builder.max_payload(100));
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let mut post = world.post(&ann, &format!("42[\"{}\"]", "x".repeat(100)));
    world.run();
    assert_eq!(post.text().0, 413);
    world.say(&ann, &format!("42[\"{}\"]", "x".repeat(94)));

    let upload = Upload::default();
    let mut post = world.post_slowly(&ann, &upload);
    world.run();
    upload.break_off();
    assert_eq!(post.text().0, 400);
    world.run();
    assert_eq!(world.counts(), (0, 0, 0));

    let ann = world.connected_poller();
    let post = world.post_slowly(&ann, &Upload::default());
    world.run();
    drop(post);
    world.run();
    assert_eq!(world.counts(), (0, 0, 0), "its client left");
}

#[test]
fn what_is_no_payload_ends_the_session_behind_what_was_good() {
    let mut world = World::new();
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let mut get = world.get(&ann);
    let mut post = world.post(&ann, "42[\"note\",1]\u{1e}x\u{1e}42[\"note\",2]");
    world.run();
    assert_eq!((post.text().0, get.text()), (400, (200, "1".into())));
    assert_eq!((world.counts(), &*notes.lock()), ((0, 0, 0), &vec![1]));
}

#[test]
fn a_client_leaves_with_a_close_packet() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let mut get = world.get(&ann);
    let mut post = world.post(&ann, "1");
    world.run();
    assert_eq!((post.text(), get.text()), ((200, "ok".into()), (200, "6".into())));
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn a_good_bye_waits_a_moment_for_the_poll_that_is_sent_with_it() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    // On two connections: either may come first.
    let mut post = world.post(&ann, "1");
    world.run();
    assert!(post.is_waiting());
    let mut get = world.get(&ann);
    world.run();
    assert_eq!((post.text(), get.text()), ((200, "ok".into()), (200, "6".into())));
    assert_eq!(world.counts(), (0, 0, 0));
    let mut late = world.get(&ann);
    world.run();
    assert_eq!(late.text().0, 400);
}

#[test]
fn a_good_bye_without_a_poll_does_not_wait_long() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let mut post = world.post(&ann, "1");
    world.run();
    world.advance(0.03);
    assert_eq!(post.text(), (200, "ok".into()));
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn a_poll_that_waits_is_told_that_the_server_ends() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    let mut get = world.get(&ann);
    world.lane.drain(Duration::from_millis(1));
    world.advance(0.1);
    assert_eq!(get.text(), (200, "1".into()));
    assert_eq!((world.counts(), world.lane.forced()), ((0, 0, 0), 0));
}

#[test]
fn a_client_that_does_not_poll_is_cut_off() {
    let mut world = World::with(|builder| builder.outbox_bytes_max(2_000));
    let byes: Arc<Mutex<Vec<&str>>> = Arc::default();
    let here = Arc::clone(&byes);
    let handlers = Events::new().on_disconnect(move |_, bye| {
        here.lock().push(bye.reason.as_str());
        std::future::ready(())
    });
    world.io.namespace("/", handlers);
    let (ann, ben) = (world.connected_poller(), world.connected_poller());
    for number in 0..300 {
        let _ = world.engine.everyone().emit("n", &number);
        world.run();
        world.poll(&ben);
    }
    assert_eq!((world.counts().0, world.counts().1), (1, 1), "the one that polls stays");
    assert_eq!((&**byes.lock(), world.lane.stats().slow_consumers), (&["slow consumer"][..], 1));
    assert_eq!(world.get(&ann).text().0, 400);
}

#[test]
fn volatile_messages_are_for_polls_that_wait() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let (ann, ben) = (world.connected_poller(), world.connected_poller());
    let mut get = world.get(&ann);
    world.run();
    let _ = world.engine.everyone().volatile().emit("v", &1);
    let _ = world.engine.everyone().emit("r", &2);
    world.run();
    assert_eq!(get.text().1, "42[\"v\",1]\u{1e}42[\"r\",2]");
    assert_eq!(world.poll(&ben), "42[\"r\",2]");
}

#[test]
fn of_messages_with_a_key_the_latest_waits() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    for number in 0..3 {
        let _ = world.engine.everyone().latest("k").emit("k", &number);
        let _ = world.engine.everyone().emit("n", &number);
        world.run();
    }
    assert_eq!(world.poll(&ann), "42[\"n\",0]\u{1e}42[\"n\",1]\u{1e}42[\"k\",2]\u{1e}42[\"n\",2]");
}

#[test]
fn revision_4_pings_and_gives_up_who_does_not_answer() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let (ann, ben) = (world.connected_poller(), world.connected_poller());
    let (mut first, mut second) = (world.get(&ann), world.get(&ben));
    world.advance(24.8);
    assert!(first.is_waiting() && second.is_waiting());
    world.advance(0.4);
    assert_eq!((first.text().1, second.text().1), ("2".into(), "2".into()));
    let (mut first, mut second) = (world.get(&ann), world.get(&ben));
    world.advance(19.0);
    world.say(&ann, "3");
    world.advance(1.2);
    assert_eq!((first.is_waiting(), second.text().1), (true, "1".into()));
    assert_eq!(world.counts().0, 1);
    world.advance(5.0);
    assert_eq!(first.text().1, "2", "25 s after the first");
}

#[test]
fn revision_3_is_pinged_by_its_client() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.poller(Flavor::V3);
    world.poll(&ann);
    let mut get = world.get(&ann);
    world.advance(44.0);
    assert!(get.is_waiting());
    world.say(&ann, "1:2");
    assert_eq!(get.text().1, "1:3");
    let mut get = world.get(&ann);
    world.advance(44.5);
    assert!(get.is_waiting(), "a poll is no sign of life, a ping is");
    world.advance(0.7);
    assert_eq!(get.text().1, "1:1");
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn pages_that_can_only_load_scripts() {
    let mut world = World::new();
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.poller(Flavor::V3);
    let query = format!("{}&j=7", ann.query());
    let mut get = world.ask(Method::GET, &query, "", &Upload::default());
    world.run();
    assert_eq!(get.text(), (200, "___eio[7](\"2:40\");".into()));
    assert_eq!(get.answer().unwrap().content_type, "text/javascript; charset=UTF-8");
    let form = Upload::whole("d=12%3A42%5B%22note%22%2C1%5D");
    let mut post = world.ask(Method::POST, &query, "application/x-www-form-urlencoded", &form);
    world.run();
    assert_eq!((post.text(), &*notes.lock()), ((200, "ok".into()), &vec![1]));
}

#[test]
fn who_never_comes_again_after_the_handshake_is_forgotten() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let (_silent, ann, ben) = (world.poller(Flavor::V4), world.poller(Flavor::V4), world.poller(Flavor::V3));
    let _poll = world.get(&ann);
    world.say(&ben, "1:2");
    world.advance(9.8);
    assert_eq!(world.counts().0, 3);
    world.advance(0.5);
    assert_eq!(world.counts().0, 2);
}

#[test]
fn so_many_sessions_are_polled_and_no_more() {
    let mut world = World::with(|builder| builder.polled_sessions_max(2));
    world.io.namespace("/", ());
    let (ann, ben) = (world.connected_poller(), world.connected_poller());
    let handshake = |world: &mut World| {
        let mut handshake = world.ask(Method::GET, &Flavor::V4.query("polling"), "", &Upload::default());
        world.run();
        handshake.text().0
    };
    assert_eq!(handshake(&mut world), 503);
    let _good_bye = world.post(&ann, "1");
    world.run();
    world.advance(0.1);
    assert_eq!(handshake(&mut world), 200);
    assert_eq!(handshake(&mut world), 503);
    let candidate = world.candidate(&ben).unwrap();
    candidate.text("2probe");
    world.run();
    candidate.text("5");
    world.run();
    assert_eq!(handshake(&mut world), 200, "a WebSocket is no polled session");
}

#[test]
fn who_polls_hears_the_last_words_of_a_connection_that_the_program_closes() {
    for polls in [true, false] {
        let mut world = World::new();
        world.io.namespace("/", ());
        let ann = world.connected_poller();
        let mut waiting = polls.then(|| world.get(&ann));
        world.run();
        let _ = world.engine.everyone().emit("last", &1);
        assert_eq!(world.engine.everyone().close_connections(), 1);
        world.run();
        let first = match &mut waiting {
            Some(get) => get.text().1,
            None => world.poll(&ann),
        };
        let heard = match first.contains("41") {
            true => first,
            // What came before the end of the turn was answered.
            false => format!("{first}\u{1e}{}", world.poll(&ann)),
        };
        assert!(heard.starts_with("42[\"last\",1]\u{1e}41"), "{heard}");
        let mut later = world.get(&ann);
        world.run();
        assert_eq!((later.text().0, world.counts()), (400, (0, 0, 0)));
    }
}

#[test]
fn who_does_not_come_for_the_last_words_has_two_seconds() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let _ann = world.connected_poller();
    world.engine.everyone().close_connections();
    world.run();
    world.advance(1.5);
    assert_eq!(world.counts().0, 1);
    world.advance(1.0);
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn who_asks_for_more_than_may_wait_gets_it_poll_by_poll() {
    let mut world = World::with(|builder| builder.outbox_bytes_max(10_000));
    let events = Events::new().on_sync("e", |socket: &Socket, Data(text): Data<String>| {
        socket.emit("echo", &text).unwrap();
    });
    world.io.namespace("/", events);
    let ann = world.connected_poller();
    let texts: Vec<_> = (0..1_000).map(|number| format!("{number} {}", "x".repeat(90))).collect();
    let packets: Vec<_> = texts.iter().map(|text| format!("42[\"e\",\"{text}\"]")).collect();
    let mut post = world.post(&ann, &packets.join("\u{1e}"));
    world.run();
    assert!(post.is_waiting());
    let mut heard = Vec::new();
    while heard.len() < texts.len() {
        assert!((1..10_000).contains(&world.lane.stats().outbox_bytes));
        let body = world.poll(&ann);
        heard.extend(body.split('\u{1e}').map(|packet| packet.replace("42[\"echo\",\"", "").replace("\"]", "")));
    }
    assert_eq!((post.text(), heard), ((200, "ok".into()), texts));
}

#[test]
fn a_pong_that_the_lane_comes_to_late_counts() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let ann = world.connected_poller();
    world.advance(25.2);
    assert_eq!(world.poll(&ann), "2");
    world.advance(10.0);
    let _pong = world.post(&ann, "3");
    // A handler holds the lane until the deadline is over.
    world.advance(15.0);
    assert_eq!(world.counts().0, 1);
}

#[test]
fn who_is_busy_is_excused_whatever_wakes_its_session() {
    for polls in [false, true] {
        let mut world = World::new();
        world.io.namespace("/", ());
        let ann = world.connected_poller();
        world.advance(25.2);
        assert_eq!(world.poll(&ann), "2");
        world.say(&ann, &format!("42[\"e\",\"{}\"]", "x".repeat(70_000)));
        world.advance(19.83);
        let _get = polls.then(|| world.get(&ann));
        world.run();
        world.advance(1.0);
        assert_eq!(world.counts().0, 1, "polls: {polls}");
    }
}

#[test]
fn who_polls_slowly_what_others_send_is_heard_as_it_polls() {
    let mut world = World::with(|builder| builder.outbox_bytes_max(100_000));
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let text = "x".repeat(210);
    let mut post = None;
    for round in 0..100 {
        for key in 0..300_u64 {
            let _ = world.engine.everyone().broadcast(&Message::json("m", &text).unwrap().latest(key));
        }
        world.run();
        if round == 10 {
            assert!(world.lane.stats().outbox_bytes > 60_000);
            post = Some(world.post(&ann, "42[\"note\",1]"));
        }
        world.poll(&ann);
    }
    assert_eq!((post.unwrap().text(), &*notes.lock()), ((200, "ok".into()), &vec![1]));
}

#[test]
fn with_an_outbox_of_nothing_nobody_spins() {
    let mut world = World::with(|builder| builder.outbox_bytes_max(3));
    world.io.namespace("/", ());
    let ann = world.poller(Flavor::V4);
    let _post = world.post(&ann, "40\u{1e}42[\"note\",1]");
    // It would not come back.
    world.run();
}

/// A client that does not poll, with more waiting for it than half of what its outbox holds.
pub(super) fn a_long_message_waits() -> (World, Poller, Notes) {
    let mut world = World::with(|builder| builder.outbox_bytes_max(20_000));
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", handlers);
    let ann = world.connected_poller();
    let _ = world.engine.everyone().emit("long", &"x".repeat(15_000));
    world.run();
    (world, ann, notes)
}

#[test]
fn who_posts_and_does_not_poll_is_heard_in_the_end() {
    let (mut world, ann, notes) = a_long_message_waits();
    let mut post = world.post(&ann, &events("note", 0..300));
    world.run();
    world.advance(0.9);
    assert!(post.is_waiting() && notes.lock().is_empty());
    world.advance(0.2);
    assert!(post.is_waiting() && notes.lock().len() == 256);
    world.advance(1.1);
    assert_eq!((post.text().0, notes.lock().len()), (200, 300));
    let mut lost = world.post_slowly(&ann, &Upload::whole(events("note", 0..300)));
    world.run();
    assert!(lost.is_waiting());
    drop(lost);
    world.advance(30.0);
}
