//! Events that ask for an answer.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use roomcast::MemoryLane;
use roomcast_lane::{Events, Refusal};

use super::requests::RUNTIME;
use super::websocket::WebSocket;
use super::world::World;
use crate::{AckError, AskMany, EmitWithAck};

/// What has come by now.
fn now<T>(asking: &mut AskMany<T>) -> Option<(roomcast::SocketId, Result<T, AckError>)> {
    let _entered = RUNTIME.enter();
    let next = std::pin::pin!(asking.next());
    match poll(next) {
        Poll::Ready(Some(outcome)) => Some(outcome),
        Poll::Ready(None) => panic!("it is over"),
        Poll::Pending => None,
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// All that is left, which is there by now.
fn rest<T>(asking: &mut AskMany<T>) -> Vec<(roomcast::SocketId, Result<T, AckError>)> {
    let _entered = RUNTIME.enter();
    let mut outcomes = Vec::new();
    loop {
        match poll(std::pin::pin!(asking.next())) {
            Poll::Ready(Some(outcome)) => outcomes.push(outcome),
            Poll::Ready(None) => return outcomes,
            Poll::Pending => panic!("somebody is still waited for"),
        }
    }
}

/// A client that was asked, and the number under which it is to answer.
fn asked(client: &WebSocket) -> String {
    let texts = client.texts();
    let [text] = &texts[..] else { panic!("{texts:?}") };
    text["42".len()..].split('[').next().unwrap().to_owned()
}

fn world() -> World {
    let world = World::new();
    world.io.namespace("/", ());
    world
}

#[test]
fn many_are_asked_under_one_number() {
    let mut world = world();
    let clients: Vec<_> = (0..3).map(|_| world.connected_websocket()).collect();
    let mut asking = world.engine.everyone().emit_with_ack::<u32>("how many?", &1).unwrap();
    assert_eq!(asking.sent().matched, 3);
    world.run();
    let numbers: Vec<_> = clients.iter().map(asked).collect();
    assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
    assert!(now(&mut asking).is_none());
    clients[1].text(&format!("43{}[7]", numbers[0]));
    world.run();
    assert_eq!(now(&mut asking).unwrap().1, Ok(7));
    // Twice, unasked, and what is no number.
    clients[1].text(&format!("43{}[8]", numbers[0]));
    clients[1].text("43999[9]");
    clients[0].text(&format!("43{}[\"x\"]", numbers[0]));
    world.run();
    assert!(matches!(now(&mut asking).unwrap().1, Err(AckError::BadAnswer(_))));
    assert!(now(&mut asking).is_none());
    clients[2].stream.break_off();
    world.run();
    let left = rest(&mut asking);
    assert!(matches!(&left[..], [(_, Err(AckError::Disconnected))]), "{left:?}");
}

#[test]
fn who_leaves_the_namespace_or_is_disconnected_is_not_waited_for() {
    let mut world = world();
    let clients: Vec<_> = (0..2).map(|_| world.connected_websocket()).collect();
    let mut asking = world.engine.everyone().emit_with_ack::<u32>("q", &1).unwrap();
    world.run();
    clients[0].text("41");
    world.run();
    assert_eq!(now(&mut asking).unwrap().1, Err(AckError::Disconnected));
    assert_eq!(world.engine.everyone().disconnect(), 1);
    world.run();
    assert_eq!(rest(&mut asking).len(), 1);
}

#[test]
fn who_is_not_let_in_is_not_waited_for() {
    let mut world = World::new();
    let (asks, asking) = std::sync::mpsc::channel();
    let events = Events::new().on_connect(move |socket, ()| {
        asks.send(socket.engine().everyone().emit_with_ack::<u32>("q", &1).unwrap()).unwrap();
        std::future::ready(Err(Refusal::new("no")))
    });
    world.io.namespace("/", events);
    let client = world.websocket(super::flavor::Flavor::V4);
    let _entered = RUNTIME.enter();
    client.text("40");
    world.run();
    assert_eq!(client.texts()[1..], [r#"44{"message":"no"}"#]);
    let mut asking = asking.try_recv().unwrap();
    assert!(matches!(&rest(&mut asking)[..], [(_, Err(AckError::Disconnected))]));
}

#[test]
fn who_does_not_answer_in_time_is_told_apart() {
    let mut world = world();
    let (quick, slow) = (world.connected_websocket(), world.connected_websocket());
    let asking = world.engine.everyone().emit_with_ack::<u32>("q", &1).unwrap().timeout(Duration::from_millis(1));
    world.run();
    let number = asked(&quick);
    quick.text(&format!("43{number}[1]"));
    world.run();
    // The table knows of the answer, whatever the clock says.
    let acks = own_runtime().block_on(async { asking.await });
    assert_eq!(acks.answers.len(), 1);
    assert!(matches!(&acks.missing[..], [(_, AckError::Timeout)]), "{:?}", acks.missing);
    slow.text(&format!("43{number}[2]"));
    world.run();
    assert_eq!(world.counts().0, 2, "a late answer is nothing");
}

#[test]
fn wires_without_answers_say_so_at_once() {
    let mut world = world();
    let client = world.connected_websocket();
    let raw = MemoryLane::new(&world.engine);
    let socket = raw.connect().unwrap();
    let mut asking = world.engine.everyone().emit_with_ack::<u32>("q", &1).unwrap();
    assert_eq!(now(&mut asking), Some((socket.id(), Err(AckError::Unsupported))));
    world.run();
    client.text(&format!("43{}[5]", asked(&client)));
    world.run();
    assert_eq!(rest(&mut asking).into_iter().map(|(_, answer)| answer).collect::<Vec<_>>(), [Ok(5)]);
    assert_eq!(raw.received(&socket).len(), 1, "it got the question");
}

#[test]
fn one_that_is_gone_and_nobody_at_all() {
    let mut world = world();
    let client = world.connected_websocket();
    let socket = world.engine.everyone().sockets().next().unwrap();
    client.stream.break_off();
    world.run();
    let runtime = own_runtime();
    let one = socket.emit_with_ack::<u32>("q", &1).unwrap();
    assert_eq!(runtime.block_on(async { one.await }), Err(AckError::Disconnected));
    let nobody = world.engine.everyone().emit_with_ack::<u32>("q", &1).unwrap();
    let acks = runtime.block_on(async { nobody.await });
    assert!(acks.answers.is_empty() && acks.missing.is_empty());
}

#[test]
fn nobody_waits_for_answers_that_are_not_wanted_any_more() {
    let mut world = world();
    let client = world.connected_websocket();
    drop(world.engine.everyone().emit_with_ack::<u32>("q", &1).unwrap());
    world.run();
    client.text(&format!("43{}[1]", asked(&client)));
    world.run();
    let mut again = world.engine.everyone().emit_with_ack::<u32>("q", &1).unwrap();
    world.run();
    client.text(&format!("43{}[2]", asked(&client)));
    world.run();
    assert!(matches!(&rest(&mut again)[..], [(_, Ok(2))]));
}

#[test]
fn two_thousand_are_asked_and_half_of_them_leave() {
    let mut world = world();
    let clients: Vec<_> = (0..2_000).map(|_| world.connected_websocket()).collect();
    let mut asking = world.engine.everyone().emit_with_ack::<usize>("q", &1).unwrap();
    world.run();
    for (at, client) in clients.iter().enumerate() {
        match at % 2 {
            0 => client.text(&format!("43{}[{at}]", asked(client))),
            _ => client.stream.break_off(),
        }
    }
    world.run();
    let outcomes = rest(&mut asking);
    let mut answers: Vec<_> = outcomes.iter().filter_map(|(_, outcome)| outcome.clone().ok()).collect();
    answers.sort_unstable();
    assert_eq!(answers, (0..2_000).step_by(2).collect::<Vec<_>>());
    assert_eq!(outcomes.len(), 2_000);
}

/// A runtime whose clock goes.
fn own_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

#[test]
fn a_socket_owes_so_many_answers_and_no_more() {
    let mut world = world();
    let client = world.connected_websocket();
    let mut askings: Vec<_> =
        (0..1_024).map(|number| world.engine.everyone().emit_with_ack::<u32>("how many?", &number).unwrap()).collect();
    let mut one_more = world.engine.everyone().emit_with_ack::<u32>("how many?", &0).unwrap();
    assert_eq!((one_more.sent().matched, now(&mut askings[0])), (1, None));
    assert!(matches!(&rest(&mut one_more)[..], [(_, Err(AckError::OwesTooMany))]));
    world.run();
    let texts = client.texts();
    let number = |text: &String| text["42".len()..].split('[').next().unwrap().to_owned();
    assert_eq!(texts.len(), 1_025);
    // The last one is not waited for, and is nothing.
    for text in [&texts[500], &texts[1_024]] {
        client.text(&format!("43{}[7]", number(text)));
    }
    world.run();
    assert_eq!(now(&mut askings[500]).unwrap().1, Ok(7));
    let mut again = world.engine.everyone().emit_with_ack::<u32>("how many?", &0).unwrap();
    assert!(now(&mut again).is_none());
    client.stream.break_off();
    world.run();
    drop(askings.remove(500));
    for mut asking in askings.into_iter().chain([again]) {
        assert!(matches!(&rest(&mut asking)[..], [(_, Err(AckError::Disconnected))]));
    }
}
