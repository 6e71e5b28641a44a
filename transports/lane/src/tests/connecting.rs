//! From the handshake to the first message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use roomcast::{Message, Socket};

use super::talk::{ROOMY, Stage, Talk};
use crate::{Application, BoxFuture, Disconnect, DisconnectReason, Event, Handshake, Refusal, Reply, Wire};

/// Lets in when told so; forwards the rest.
struct Door {
    open: Arc<AtomicBool>,
    answer: Result<(), Refusal>,
    notes: Arc<super::talk::Notes>,
}

impl Application for Door {
    fn connect(&self, socket: Socket, _handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        self.notes.sockets.lock().unwrap().push(socket.clone());
        let (open, answer) = (Arc::clone(&self.open), self.answer.clone());
        socket.join("lobby").unwrap();
        Box::pin(std::future::poll_fn(move |_| match open.load(Ordering::Relaxed) {
            true => Poll::Ready(answer.clone()),
            false => Poll::Pending,
        }))
    }

    fn event(&self, socket: &Socket, event: Event<'_>, reply: Reply) {
        self.notes.event(socket, event, reply);
    }

    fn disconnected(&self, socket: &Socket, bye: Disconnect) {
        self.notes.disconnected(socket, bye);
    }

    fn wants_rooms(&self) -> bool {
        true
    }
}

fn door(stage: &Stage, answer: Result<(), Refusal>) -> (Wire, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let door = Door { open: Arc::clone(&open), answer, notes: Arc::clone(&stage.notes) };
    (Wire::new(stage.wire.codec(), door), open)
}

fn say(stage: &Stage, text: &str) {
    let _ = stage.engine.to("lobby").broadcast(&Message::json("said", text).unwrap());
}

#[test]
fn nothing_reaches_a_client_before_it_heard_that_it_is_connected() {
    let mut stage = Stage::new();
    let (wire, open) = door(&stage, Ok(()));
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    client.send("echo early\nask 1 what null\n");
    stage.lane.run();
    say(&stage, "one");
    stage.lane.run();
    say(&stage, "two");
    assert_eq!(client.receive_text(), "");
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    say(&stage, "three");
    stage.lane.run();
    // The answers to what came early are behind what was sent meanwhile.
    assert_eq!(
        client.receive_text(),
        "hello\nsaid \"one\"\nsaid \"two\"\necho early\nack 1 \"what\"\nsaid \"three\"\n"
    );
}

#[test]
fn volatile_is_not_held_and_latest_replaces() {
    let mut stage = Stage::new();
    let (wire, open) = door(&stage, Ok(()));
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    stage.lane.run();
    for n in 0..3 {
        let _ = stage.engine.to("lobby").broadcast(&Message::json("v", &n).unwrap().volatile());
        let _ = stage.engine.to("lobby").broadcast(&Message::json("l", &n).unwrap().latest("k"));
        let _ = stage.engine.to("lobby").broadcast(&Message::json("r", &n).unwrap());
    }
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    assert_eq!(client.receive_text(), "hello\nr 0\nr 1\nl 2\nr 2\n");
    let stats = stage.lane.stats();
    assert_eq!((stats.deliveries, stats.dropped_volatile, stats.replaced_latest, stats.delivered()), (9, 3, 2, 4));
}

#[test]
fn what_is_held_is_bounded() {
    let mut stage = Stage::with_limits(10_000, 64 << 20);
    let (wire, _open) = door(&stage, Ok(()));
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    for _ in 0..200 {
        stage.lane.run();
        say(&stage, &"x".repeat(100));
    }
    stage.lane.run();
    assert!(client.is_ended() && client.is_reset());
    assert_eq!((stage.lane.stats().slow_consumers, stage.lane.stats().connections), (1, 0));
    assert_eq!(stage.engine.stats().sockets, 0);
    assert_eq!(stage.byes(), [], "it was never let in");
}

#[test]
fn a_refusal_is_told_and_leaves_nothing() {
    let mut stage = Stage::new();
    let (wire, open) = door(&stage, Err(Refusal::new("not you")));
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    stage.lane.run();
    say(&stage, "secret");
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    assert_eq!(client.receive_text(), "refused not you\nbye 1008\n");
    client.end();
    stage.lane.run();
    assert_eq!((stage.lane.stats().connections, stage.engine.stats().sockets), (0, 0));
    assert_eq!((stage.lane.stats().refused, stage.lane.stats().lost), (1, 1), "the secret");
    assert_eq!(stage.byes(), []);
}

#[test]
fn an_application_hears_of_the_end_exactly_if_it_let_the_socket_in() {
    for answer in [Ok(()), Err(Refusal::new("no"))] {
        let mut stage = Stage::new();
        let (wire, open) = door(&stage, answer.clone());
        let client = stage.lane.connect(&wire, ROOMY, Talk::new);
        stage.lane.run();
        client.break_off();
        stage.lane.run();
        assert_eq!((stage.lane.stats().connections, stage.byes().len()), (0, 0));
        open.store(true, Ordering::Relaxed);
        stage.lane.run();
        let byes = stage.byes();
        assert_eq!(byes.len(), usize::from(answer.is_ok()));
        if let [bye] = &byes[..] {
            assert_eq!((&bye.reason, &bye.rooms[..]), (&DisconnectReason::TransportError, &["lobby".to_owned()][..]));
        }
        assert_eq!(stage.engine.stats().sockets, 0, "no ghost");
    }
}

#[test]
fn disconnected_while_it_connects() {
    let mut stage = Stage::new();
    let (wire, open) = door(&stage, Ok(()));
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    stage.lane.run();
    let socket = stage.notes.sockets.lock().unwrap()[0].clone();
    assert!(socket.disconnect());
    stage.lane.run();
    assert_eq!(client.receive_text(), "bye 1000\n");
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    let byes = stage.byes();
    assert_eq!(
        (byes.len(), &byes[0].reason, &byes[0].rooms[..]),
        (1, &DisconnectReason::ServerLeft, &["lobby".to_owned()][..])
    );
}

#[test]
fn an_engine_that_is_full_refuses() {
    let engine = roomcast::Engine::builder().sockets_max(1).build();
    let mut lane = crate::ManualLane::new(&engine);
    let wire = Wire::new(lane.register(super::talk::LineCodec), ());
    let (first, second) = (lane.connect(&wire, ROOMY, Talk::new), lane.connect(&wire, ROOMY, Talk::new));
    lane.run();
    assert_eq!(first.receive_text(), "hello\n");
    let told = second.receive_text();
    assert!(told.starts_with("refused 1 sockets are connected already") && told.ends_with("bye 1008\n"), "{told}");
    assert_eq!(lane.stats().refused, 1);
}

#[test]
fn who_ends_while_it_is_held_is_heard_out() {
    let mut stage = Stage::new();
    let (wire, open) = door(&stage, Ok(()));
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    client.send("echo last words\n");
    client.end();
    stage.lane.run();
    assert_eq!(stage.lane.stats().connections, 1);
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    assert_eq!(client.receive_text(), "hello\necho last words\nbye 1006\n");
    assert_eq!(stage.lane.stats().connections, 0);
}

#[test]
fn what_is_read_while_input_is_held_is_little() {
    let mut stage = Stage::new();
    let (wire, open) = door(&stage, Ok(()));
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    client.send("echo hi\n".repeat(10_000));
    stage.lane.run();
    assert!(stage.lane.stats().bytes_in <= 8_192, "{}", stage.lane.stats().bytes_in);
    open.store(true, Ordering::Relaxed);
    assert_eq!(stage.read_all(&client).lines().count(), 10_001);
}

#[test]
fn who_ends_while_it_is_held_is_waited_for_in_vain_only_so_long() {
    let mut stage = Stage::new();
    let (wire, _open) = door(&stage, Ok(()));
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    client.send("echo last words\n");
    client.end();
    stage.lane.run();
    stage.lane.advance(Duration::from_secs(29));
    assert_eq!(stage.lane.stats().connections, 1);
    stage.lane.advance(Duration::from_secs(2));
    assert_eq!((client.receive_text().as_str(), stage.lane.stats().connections), ("bye 1006\n", 0));
}

#[test]
fn who_is_let_in_after_the_lane_has_ended_is_told_of_its_end() {
    for (answer, leaves) in [(Ok(()), false), (Ok(()), true), (Err(Refusal::new("no")), false)] {
        let mut stage = Stage::new();
        let (wire, open) = door(&stage, answer.clone());
        let client = stage.lane.connect(&wire, ROOMY, Talk::new);
        stage.lane.run();
        if leaves {
            client.break_off();
            stage.lane.run();
        }
        stage.lane.drain(Duration::ZERO);
        stage.lane.advance(Duration::from_secs(3));
        assert_eq!((stage.lane.is_ended(), stage.byes().len(), stage.engine.stats().sockets), (true, 0, 0));
        open.store(true, Ordering::Relaxed);
        for _ in 0..2 {
            stage.lane.run();
            let byes: Vec<_> = stage.byes().into_iter().map(|bye| (bye.reason, bye.rooms)).collect();
            let reason = if leaves { DisconnectReason::TransportError } else { DisconnectReason::ShuttingDown };
            let told = answer.is_ok().then(|| (reason, vec!["lobby".to_owned()]));
            assert_eq!(byes, Vec::from_iter(told), "once, with all that is known");
        }
        assert!(stage.lane.has_no_byes());
    }
}
