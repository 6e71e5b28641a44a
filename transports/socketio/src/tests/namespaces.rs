//! Who comes in, who does not, and how many are there.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use roomcast::{Message, Socket};
use roomcast_lane::{Auth, Events, Refusal};
use serde::Deserialize;

use super::flavor::Flavor;
use super::polling::keeping;
use super::websocket::{CLOSE, WebSocket};
use super::world::World;
use crate::Recovery;

/// A client on a WebSocket whose open packet is read.
fn opened(world: &mut World) -> WebSocket {
    let client = world.websocket(Flavor::V4);
    assert_eq!(client.texts().len(), 1);
    client
}

/// Says something, and gives what came by then.
fn ask(world: &mut World, client: &WebSocket, text: &str) -> Vec<String> {
    client.text(text);
    world.run();
    client.texts()
}

/// Says something that costs the connection.
#[track_caller]
fn is_closed_by(world: &mut World, client: &WebSocket, text: &str) {
    client.text(text);
    world.run();
    let last = client.frames().pop();
    assert!(last.is_some_and(|(opcode, _)| opcode == CLOSE), "{text}");
    client.close(1000);
    client.stream.end();
    world.run();
    assert_eq!(world.counts(), (0, 0, 0));
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    name: String,
}

/// Lets `ann` in, refuses `ben` with data, panics for `eve`, fails for `dan` later, and does not answer `zoe`.
fn door() -> Events {
    Events::new().on_connect(|_, Auth(Login { name }): Auth<Login>| async move {
        match &*name {
            "ann" => Ok(()),
            "eve" => panic!("as asked"),
            "zoe" => pending().await,
            _ => Err(Refusal::new("no seat").data(&7)),
        }
    })
}

#[test]
fn who_is_refused_hears_why_and_may_try_again() {
    let mut world = World::new();
    world.io.namespace("/", door());
    let client = opened(&mut world);
    assert_eq!(ask(&mut world, &client, r#"40{"name":"ben"}"#), [r#"44{"message":"no seat","data":7}"#]);
    assert!(ask(&mut world, &client, r#"40{"name":"ann"}"#)[0].starts_with("40{\"sid\":"));
}

#[test]
fn those_present_are_counted_right_after_refusals_and_panics() {
    let mut world = World::new();
    world.io.namespace("/", door());
    world.io.namespace("/more", door());
    let client = opened(&mut world);
    for _ in 0..3 {
        assert!(ask(&mut world, &client, r#"40{"name":"ben"}"#)[0].starts_with("44{"));
        assert!(ask(&mut world, &client, r#"40{"name":"eve"}"#)[0].starts_with("44{"));
        assert!(ask(&mut world, &client, r#"40{"name":7}"#)[0].starts_with("44{"));
        assert_eq!((world.io.sockets("/"), world.engine.stats().sockets), (0, 0));
    }
    assert!(ask(&mut world, &client, r#"40{"name":"ann"}"#)[0].starts_with("40{"));
    assert!(ask(&mut world, &client, r#"40/more,{"name":"zoe"}"#).is_empty());
    assert_eq!((world.io.sockets("/"), world.io.sockets("/more")), (1, 1), "who is being let in counts");
    client.stream.break_off();
    world.run();
    assert_eq!(world.io.sockets("/"), 0);
}

#[test]
fn a_socket_that_the_program_disconnects_while_it_connects_is_refused() {
    let mut world = World::new();
    let known: Arc<Mutex<Option<Socket>>> = Arc::default();
    let (here, goes_on) = (Arc::clone(&known), Arc::new(AtomicBool::new(false)));
    let go = Arc::clone(&goes_on);
    world.io.namespace(
        "/",
        Events::new().on_connect(move |socket, ()| {
            *here.lock() = Some(socket);
            let go = Arc::clone(&go);
            std::future::poll_fn(move |_| match go.load(Ordering::SeqCst) {
                true => std::task::Poll::Ready(Ok(())),
                false => std::task::Poll::Pending,
            })
        }),
    );
    let client = opened(&mut world);
    assert!(ask(&mut world, &client, "40").is_empty());
    assert!(known.lock().take().unwrap().disconnect());
    world.run();
    assert_eq!(client.texts(), [r#"44{"message":"Disconnected"}"#]);
    goes_on.store(true, Ordering::SeqCst);
    world.run();
    assert!(client.texts().is_empty(), "its yes is too late");
    assert_eq!((world.io.sockets("/"), world.counts()), (0, (1, 0, 1)));
    assert!(ask(&mut world, &client, "40")[0].starts_with("40{"));
}

#[test]
fn what_a_client_must_not_do_before_it_is_in() {
    for text in [r#"42["e"]"#, "41", "431[]", "40", r#"44{"message":"x"}"#] {
        let mut world = World::new();
        world.io.namespace("/", Events::new().on_connect(|_, ()| pending()));
        let client = opened(&mut world);
        assert!(ask(&mut world, &client, "40").is_empty());
        client.text(text);
        world.run();
        assert_eq!(client.frames().pop().map(|(opcode, _)| opcode), Some(CLOSE), "{text}");
        client.close(1000);
        client.stream.end();
        world.run();
        assert_eq!(world.counts(), (0, 0, 0), "{text}");
    }
}

#[test]
fn two_connects_to_one_namespace_cost_the_connection() {
    let mut world = World::new();
    world.io.namespace("/", ());
    let client = opened(&mut world);
    assert_eq!(ask(&mut world, &client, "40").len(), 1);
    is_closed_by(&mut world, &client, "40");
    assert_eq!(world.io.sockets("/"), 0);
}

#[test]
fn namespaces_come_and_go_on_one_connection() {
    let mut world = World::new();
    let (handlers, notes, _) = keeping();
    world.io.namespace("/", ());
    world.io.namespace("/admin", handlers);
    let client = opened(&mut world);
    assert_eq!(ask(&mut world, &client, "40/nowhere,"), [r#"44/nowhere,{"message":"Invalid namespace"}"#]);
    assert!(ask(&mut world, &client, "40/admin,")[0].starts_with(r#"40/admin,{"sid":""#));
    ask(&mut world, &client, r#"42/admin,["note",1]"#);
    assert_eq!(ask(&mut world, &client, "41/admin,"), Vec::<String>::new());
    assert_eq!((world.io.sockets("/admin"), world.counts().0), (0, 1));
    assert!(ask(&mut world, &client, "40/admin,")[0].starts_with("40/admin,"));
    assert_eq!(world.io.of("/admin").unwrap().everyone().disconnect(), 1);
    world.run();
    assert_eq!(client.texts(), ["41/admin,"]);
    ask(&mut world, &client, r#"42/admin,["note",2]"#);
    assert_eq!((&*notes.lock(), world.counts().0), (&vec![1], 1), "what was on its way is nothing");
}

#[test]
fn a_namespace_that_a_predicate_made_ends_with_its_last_socket() {
    let mut world = World::new();
    world.io.namespaces(|name| name.starts_with("/shop-").then(door));
    let (ann, ben) = (opened(&mut world), opened(&mut world));
    assert_eq!(ask(&mut world, &ann, "40/other,").len(), 1);
    assert!(world.io.of("/shop-1").is_none());
    for client in [&ann, &ben] {
        assert!(ask(&mut world, client, r#"40/shop-1,{"name":"ann"}"#)[0].starts_with("40/shop-1,"));
    }
    assert_eq!(world.io.sockets("/shop-1"), 2);
    ask(&mut world, &ann, "41/shop-1,");
    assert!(world.io.of("/shop-1").is_some());
    ben.stream.break_off();
    world.run();
    assert!(world.io.of("/shop-1").is_none());
    for name in ["ben", "eve"] {
        assert!(ask(&mut world, &ann, &format!(r#"40/shop-2,{{"name":"{name}"}}"#))[0].starts_with("44/shop-2,"));
        assert!(world.io.of("/shop-2").is_none(), "nobody came in");
    }
    assert!(ask(&mut world, &ann, r#"40/shop-3,{"name":"zoe"}"#).is_empty());
    assert!(world.io.of("/shop-3").is_some(), "somebody may come in");
}

#[test]
fn what_clients_only_name_does_not_add_up() {
    let window = Duration::from_millis(1);
    for recovery in [None, Some(Recovery::new(window))] {
        let mut world = World::with(|builder| match recovery {
            Some(recovery) => builder.recovery(recovery),
            None => builder,
        });
        let made = Arc::new(());
        let mine = Arc::clone(&made);
        world.io.namespaces(move |_| {
            let mine = Arc::clone(&mine);
            Some(Events::new().on("e", move |_, ()| {
                let _holds = &mine;
                ready(())
            }))
        });
        for number in 0..300 {
            let client = opened(&mut world);
            assert!(ask(&mut world, &client, &format!("40/{number},"))[0].starts_with("40/"));
            client.stream.break_off();
            world.run();
            if number % 50 == 49 {
                std::thread::sleep(2 * window);
            }
            assert!(Arc::strong_count(&made) < 150, "{recovery:?}");
        }
    }
}

#[test]
fn where_there_is_no_place_for_a_namespace_there_is_one_again_when_nobody_can_come_back() {
    let window = Duration::from_millis(1);
    let mut world = World::with(|builder| builder.recovery(Recovery::new(window)));
    world.io.namespaces(|_| Some(()));
    let clients: Vec<_> = (0..10_000).map(|_| opened(&mut world)).collect();
    for (number, client) in clients.iter().enumerate() {
        client.text(&format!("40/{number},"));
    }
    world.run();
    let client = opened(&mut world);
    assert!(ask(&mut world, &client, "40/more,")[0].starts_with("44/more,"));
    for client in &clients {
        client.stream.break_off();
    }
    world.run();
    std::thread::sleep(2 * window);
    // It looks for a place once in a while.
    while ask(&mut world, &client, "40/more,")[0].starts_with("44") {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_last_one_of_a_namespace_that_a_predicate_made_may_come_back() {
    let mut world = World::with(|builder| builder.recovery(Recovery::new(Duration::from_secs(60))));
    world.io.namespaces(|name| name.starts_with("/shop-").then_some(()));
    let client = opened(&mut world);
    let welcome = ask(&mut world, &client, "40/shop-1,").remove(0);
    client.stream.break_off();
    world.run();
    assert_eq!(world.io.sockets("/shop-1"), 0);
    world.io.of("/shop-1").unwrap().everyone().broadcast(&Message::json("missed", &1).unwrap());
    let welcome: serde_json::Value = serde_json::from_str(welcome.strip_prefix("40/shop-1,").unwrap()).unwrap();
    let client = opened(&mut world);
    let texts = ask(&mut world, &client, &format!(r#"40/shop-1,{{"pid":{}}}"#, welcome["pid"]));
    assert!(texts[0].contains(welcome["sid"].as_str().unwrap()), "{texts:?}");
    assert!(texts[1].starts_with(r#"42/shop-1,["missed",1,"#), "{texts:?}");
}

#[test]
fn a_connection_is_in_so_many_namespaces() {
    let mut world = World::with(|builder| builder.namespaces_max(2));
    for name in ["/", "/a", "/b"] {
        world.io.namespace(name, ());
    }
    let client = opened(&mut world);
    assert!(ask(&mut world, &client, "40")[0].starts_with("40{"));
    assert!(ask(&mut world, &client, "40/a,")[0].starts_with("40/a,{"));
    assert!(ask(&mut world, &client, "40/b,")[0].starts_with("44/b,{"));
    ask(&mut world, &client, "41/a,");
    assert!(ask(&mut world, &client, "40/b,")[0].starts_with("40/b,{"));
}

#[test]
fn who_does_not_connect_in_time_is_closed_and_who_waits_for_the_program_is_not() {
    let mut world = World::with(|builder| builder.ping_interval(Duration::from_secs(1_000)));
    world.io.namespace("/", Events::new().on_connect(|_, ()| pending()));
    let (idle, waits) = (opened(&mut world), opened(&mut world));
    ask(&mut world, &waits, "40");
    world.advance(44.7);
    assert!(idle.frames().is_empty());
    world.advance(0.5);
    assert_eq!(idle.frames().len(), 1);
    world.advance(100.0);
    assert!(waits.frames().is_empty());
}

#[test]
fn clients_of_revision_3_are_in_unasked_under_their_sessions_id() {
    let mut world = World::new();
    world.io.namespace("/", ());
    world.io.namespace("/admin", Events::new().on_connect(|_, ()| ready(Err(Refusal::new("no")))));
    let client = world.websocket(Flavor::V3);
    let texts = client.texts();
    assert_eq!(texts[1..], ["40"]);
    let id = world.engine.everyone().members().next().unwrap();
    assert!(texts[0].contains(id.as_str()));
    assert_eq!(ask(&mut world, &client, "40/admin?token=1,"), [r#"44/admin,"no""#]);
}
