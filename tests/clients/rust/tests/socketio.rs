//! What a program that is written with `rust_socketio` relies on. README.md says what is not here, and why.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use roomcast_rust_client::{Heard, Peer, Server, at, builder, text};
use rust_socketio::{Payload, TransportType};
use serde_json::{Value, json};

/// A module for each transport, with all of these tests.
macro_rules! over_every_transport {
    ($($test:ident),+ $(,)?) => {
        over_every_transport!(@ websocket, Websocket, $($test),+);
        over_every_transport!(@ polling, Polling, $($test),+);
        over_every_transport!(@ upgrade, WebsocketUpgrade, $($test),+);
    };
    (@ $module:ident, $transport:ident, $($test:ident),+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(rust_socketio::TransportType::$transport).await;
                }
            )+
        }
    };
}

over_every_transport!(
    connects_and_leaves,
    authenticates,
    sends_and_hears_events,
    sends_and_hears_bytes,
    hears_acks,
    hears_questions,
    asks_with_bytes_in_vain_and_stays,
    has_a_namespace_of_its_own,
    is_refused_an_unknown_namespace,
    is_disconnected_by_the_server,
    stays_while_hearts_beat,
    comes_back_to_a_new_server,
);

/// What arrives again as it was sent. A long answer to a poll is too much for the client.
fn arguments(transport: TransportType) -> [Vec<Value>; 4] {
    let long = if transport == TransportType::Polling { 1_000 } else { 100_000 };
    [
        vec![json!("text")],
        vec![json!(null), json!(-1.5), json!(true)],
        vec![json!("Grüße 🎲"), json!("\u{1e}\u{2028}\""), json!({"deep": [[], {}, ""]})],
        vec![json!("x".repeat(long))],
    ]
}

fn event(name: &str, values: impl IntoIterator<Item = Value>) -> Heard {
    Heard::Event(name.into(), text(values))
}

async fn connects_and_leaves(transport: TransportType) {
    let server = Server::start(&[]);
    let peer = Peer::connect(&server, transport, "/", json!({})).await;
    assert_eq!(server.sessions_and_sockets(), (1, 1));
    peer.leave().await;
    server.wait_for(0, 0);
}

async fn authenticates(transport: TransportType) {
    let server = Server::start(&[]);
    Peer::connect(&server, transport, "/", json!({"token": "Grüße", "list": [1]})).await.leave().await;
    server.wait_for(0, 0);
}

async fn sends_and_hears_events(transport: TransportType) {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(&server, transport.clone(), "/", json!({})).await;
    for values in arguments(transport) {
        peer.emit("message", text(values.clone())).await;
        assert_eq!(peer.next().await, event("message-back", values));
    }
    peer.emit("nobody-knows-this", json!(1)).await;
    for number in 0..100 {
        peer.emit("message", json!(number)).await;
    }
    for number in 0..100 {
        assert_eq!(peer.next().await, event("message-back", [json!(number)]));
    }
    peer.leave().await;
}

/// All bytes but the one at which the client cuts what it receives.
async fn sends_and_hears_bytes(transport: TransportType) {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(&server, transport, "/", json!({})).await;
    for bytes in [vec![0], (0..=255).filter(|byte| *byte != 0x1e).collect::<Vec<u8>>()] {
        peer.emit("message", bytes.clone()).await;
        assert_eq!(peer.next().await, Heard::Event("message-back".into(), Payload::from(bytes)));
    }
    peer.leave().await;
}

async fn hears_acks(transport: TransportType) {
    let server = Server::start(&[]);
    let peer = Peer::connect(&server, transport.clone(), "/", json!({})).await;
    for values in arguments(transport) {
        assert_eq!(peer.ask("message-with-ack", text(values.clone())).await, text([Value::Array(values)]));
    }
    assert_eq!(peer.ask("message-with-ack", text([])).await, text([json!([])]));
    peer.leave().await;
}

/// It hears what the server asks, and has no way to answer: the connection does not suffer from it.
async fn hears_questions(transport: TransportType) {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(&server, transport, "/", json!({})).await;
    peer.emit("ask-me", text([json!("who"), json!([1])])).await;
    assert_eq!(peer.next().await, event("question", [json!("who"), json!([1])]));
    assert_eq!(peer.ask("message-with-ack", json!("still here")).await, text([json!(["still here"])]));
    peer.leave().await;
    server.wait_for(0, 0);
}

/// Bytes that are to be acknowledged it sends as an ack that nobody asked for. The server takes no notice.
async fn asks_with_bytes_in_vain_and_stays(transport: TransportType) {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(&server, transport, "/", json!({})).await;
    let mut acked = peer.begin_to_ask("message-with-ack", vec![1, 2, 3]).await;
    peer.emit("message", json!("still here")).await;
    assert_eq!(peer.next().await, event("message-back", [json!("still here")]));
    assert!(acked.try_recv().is_err(), "there is an ack: README.md has to be changed");
    peer.leave().await;
}

async fn has_a_namespace_of_its_own(transport: TransportType) {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(&server, transport, "/custom", json!({"in": "custom"})).await;
    assert_eq!(server.sessions_and_sockets(), (1, 0), "sockets of / are counted, and it has none");
    peer.emit("message", text([json!("a"), json!("b")])).await;
    assert_eq!(peer.next().await, event("message-back", [json!("a"), json!("b")]));
    peer.emit("message", vec![1, 2, 3]).await;
    assert_eq!(peer.next().await, Heard::Event("message-back".into(), Payload::from(vec![1, 2, 3])));
    assert_eq!(peer.ask("message-with-ack", json!(1)).await, text([json!([1])]));
    peer.leave().await;
    server.wait_for(0, 0);
}

async fn is_refused_an_unknown_namespace(transport: TransportType) {
    let server = Server::start(&[]);
    let mut peer = Peer::begin(builder(&server, transport).namespace("/nope")).await;
    let Heard::Error(error) = peer.next().await else { panic!("it was not refused") };
    assert!(error.contains("Invalid namespace"), "{error}");
}

async fn is_disconnected_by_the_server(transport: TransportType) {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(&server, transport, "/", json!({})).await;
    peer.emit("disconnect-me", text([])).await;
    assert_eq!(peer.next().await, Heard::Closed);
    assert_eq!(server.sessions_and_sockets().1, 0);
}

async fn stays_while_hearts_beat(transport: TransportType) {
    let server = Server::start(&[("PING_INTERVAL", "100"), ("PING_TIMEOUT", "1000")]);
    let peer = Peer::connect(&server, transport, "/", json!({})).await;
    let started = Instant::now();
    // Whoever did not answer would be gone after 1.1 s, on either side.
    while started.elapsed() < Duration::from_millis(2500) {
        assert_eq!(peer.ask("message-with-ack", json!(1)).await, text([json!([1])]));
    }
    assert_eq!(server.sessions_and_sockets(), (1, 1));
    peer.leave().await;
}

async fn comes_back_to_a_new_server(transport: TransportType) {
    let [first, second] = [Server::start(&[]), Server::start(&[])];
    let now = Arc::new(Mutex::new(first.url()));
    let asked = Arc::clone(&now);
    let builder = builder(&first, transport).auth(json!({"again": true})).on_reconnect(move || {
        let url = asked.lock().expect("nobody panics with it").clone();
        async move { at(url) }.boxed()
    });
    let mut peer = Peer::begin(builder).await;
    peer.is_greeted(json!({"again": true})).await;
    *now.lock().expect("nobody panics with it") = second.url();
    drop(first);
    while !matches!(peer.next().await, Heard::Connected) {}
    assert_eq!(peer.next().await, event("auth", [json!({"again": true})]));
    assert_eq!(peer.ask("message-with-ack", json!("as before")).await, text([json!(["as before"])]));
    assert_eq!(second.sessions_and_sockets(), (1, 1));
}
