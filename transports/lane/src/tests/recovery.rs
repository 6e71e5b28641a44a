//! A panic that no net below the lane catches.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use roomcast::Message;

use super::talk::{ROOMY, Stage, Talk};
use crate::DisconnectReason;
use crate::link::{Link, MemoryLink};

/// A stream that panics at its next write, once it is armed.
struct Bomb {
    link: MemoryLink,
    armed: Arc<AtomicBool>,
}

impl Link for Bomb {
    fn read(&mut self, waker: &Waker, into: &mut [u8]) -> io::Result<usize> {
        self.link.read(waker, into)
    }

    fn rearm(&mut self, waker: &Waker) -> bool {
        self.link.rearm(waker)
    }

    fn write(&mut self, waker: &Waker, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.armed.load(Ordering::Relaxed), "as asked");
        self.link.write(waker, bytes)
    }

    fn want_write(&mut self, waker: &Waker) -> bool {
        self.link.want_write(waker)
    }

    fn end(&mut self, waker: &Waker) -> bool {
        self.link.end(waker)
    }

    fn reset(&mut self) {
        self.link.reset();
    }

    fn peer(&self) -> Option<SocketAddr> {
        None
    }
}

fn bomb(stage: &mut Stage) -> Arc<AtomicBool> {
    let armed = Arc::<AtomicBool>::default();
    let (link, _far) = MemoryLink::new(ROOMY);
    stage.lane.adopt(Bomb { link, armed: Arc::clone(&armed) }, &stage.wire, Talk::new);
    stage.lane.run();
    armed
}

fn survive(stage: &mut Stage) {
    while stage.lane.turn_and_survive() {}
}

#[test]
fn a_panic_of_the_lane_ends_its_connections_and_the_lane_goes_on() {
    let mut stage = Stage::new();
    let clients: Vec<_> = (0..6).map(|_| stage.client(ROOMY)).collect();
    let (slow, slow_socket) = stage.client(3);
    slow_socket.join("slow").unwrap();
    let _ = slow_socket.send(&Message::json("m", &"x".repeat(1_000)).unwrap());
    stage.lane.run();
    let armed = bomb(&mut stage);
    armed.store(true, Ordering::Relaxed);
    for n in 0..20 {
        let _ = stage.engine.everyone().broadcast(&Message::json("m", &n).unwrap());
    }
    // On its way when it happens: this one is to be served.
    let late = stage.lane.connect(&stage.wire, ROOMY, Talk::new);
    clients[0].0.send("echo staged\n".repeat(3));
    survive(&mut stage);
    let stats = stage.lane.stats();
    assert_eq!((stats.lane_panics, stats.connections), (1, 1));
    assert_eq!((stats.inbox_bytes, stats.outbox_bytes), (0, 0));
    let byes = stage.byes();
    assert_eq!(byes.len(), 8);
    assert!(byes.iter().all(|bye| bye.reason == DisconnectReason::TransportError), "{byes:?}");
    assert_eq!(byes.iter().filter(|bye| bye.rooms == ["slow"]).count(), 1);
    assert!(clients.iter().all(|(client, _)| client.is_ended()) && slow.is_ended());
    late.send("echo fine\n");
    survive(&mut stage);
    assert_eq!(late.receive_text(), "hello\necho fine\n");
    assert_eq!(stage.engine.stats().sockets, 1);
    let (new, _) = stage.client(ROOMY);
    let _ = stage.engine.everyone().broadcast(&Message::json("m", "again").unwrap());
    stage.lane.run();
    assert_eq!((new.receive_text(), late.receive_text()), ("m \"again\"\n".into(), "m \"again\"\n".into()));
}

#[test]
fn what_was_connecting_is_told_exactly_if_it_is_let_in_later() {
    use std::task::Poll;

    let mut stage = Stage::new();
    let open = Arc::<AtomicBool>::default();
    let (gate, told) = (Arc::clone(&open), Arc::<AtomicBool>::default());
    let heard = Arc::clone(&told);
    let events = crate::Events::new()
        .on_connect(move |_, ()| {
            let gate = Arc::clone(&gate);
            std::future::poll_fn(
                move |_| if gate.load(Ordering::Relaxed) { Poll::Ready(Ok(())) } else { Poll::Pending },
            )
        })
        .on_disconnect(move |_, _| {
            heard.store(true, Ordering::Relaxed);
            async {}
        });
    let wire = crate::Wire::new(stage.wire.codec(), events);
    let _client = stage.lane.connect(&wire, ROOMY, Talk::new);
    stage.lane.run();
    bomb(&mut stage).store(true, Ordering::Relaxed);
    let _ = stage.engine.everyone().broadcast(&Message::json("m", &1).unwrap());
    survive(&mut stage);
    assert_eq!((stage.lane.stats().lane_panics, told.load(Ordering::Relaxed)), (1, false));
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    assert_eq!((told.load(Ordering::Relaxed), stage.engine.stats().sockets), (true, 0));
}

#[test]
fn a_lane_that_panics_twice_in_a_row_ends() {
    let mut stage = Stage::new();
    for turn in [1, 2] {
        stage.lane.fail_next_turn();
        assert!(stage.lane.turn_and_survive());
        assert_eq!((stage.lane.is_ended(), stage.lane.stats().lane_panics), (turn == 2, turn));
    }
    let mut stage = Stage::new();
    for _ in 0..3 {
        stage.lane.fail_next_turn();
        stage.lane.turn_and_survive();
        stage.lane.turn_and_survive();
        assert!(!stage.lane.is_ended(), "a good turn in between");
    }
}
