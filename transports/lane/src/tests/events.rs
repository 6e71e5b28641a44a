//! `Events`, through a lane.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use roomcast::Message;

use super::talk::{ROOMY, Stage, Talk};
use crate::{Ack, Args, BoxFuture, Data, Event, Events, ManualConnection, Refusal, Reply, Result, State, Wire};

fn client(stage: &mut Stage, events: Events) -> ManualConnection {
    let wire = Wire::new(stage.wire.codec(), events);
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    stage.lane.run();
    assert_eq!(client.receive_text(), "hello\n");
    client
}

fn ask(events: Events, lines: &str) -> String {
    let mut stage = Stage::new();
    let client = client(&mut stage, events);
    client.send(lines);
    stage.lane.run();
    client.receive_text()
}

/// Pending until it is opened.
fn gate() -> (Arc<AtomicBool>, impl Fn() -> BoxFuture<()>) {
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    let passing = move || -> BoxFuture<()> {
        let gate = Arc::clone(&gate);
        Box::pin(std::future::poll_fn(
            move |_| if gate.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending },
        ))
    };
    (open, passing)
}

#[test]
fn what_handlers_take_and_return() {
    let events = Events::new()
        .with_state(40_i64)
        .on("sum", async |_, Args((a, b)): Args<(i64, i64)>| Ack(a + b))
        .on_sync("add", |_, (Data(n), State(base)): (Data<i64>, State<i64>)| Ack(base + n))
        .on_sync("none", |_, ()| ())
        .on_sync("event", |_, event: Event<'static>| Ack(event.name().to_owned()))
        .on("reply", async |_, reply: Reply| drop(reply.send_args(&(1, "two"))))
        .on_sync("forget", |_, reply: Reply| drop(reply))
        .on("fail", async |_, ()| -> Result<Ack<u8>> {
            let number: u8 = "secret".parse()?;
            Ok(Ack(number))
        });
    let told = ask(
        events,
        "ask 1 add 2\nask 2 none\nask 3 event {}\nask 4 reply\nask 5 forget\nask 6 fail\nask 7 add \"x\"\nask 8 unknown\nask 9 sum 1\n",
    );
    let expected = [
        "ack 1 42",
        "ack 2",
        "ack 3 \"event\"",
        "ack 4 1,\"two\"",
        "err 5 no answer",
        "err 6 the handler failed",
        "err 7 bad payload: invalid type: string \"x\", expected i64 at line 1 column 3",
        "err 8 unknown event",
        "err 9 bad payload: invalid length 1, expected a tuple of size 2 at line 1 column 3",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn errors_and_bad_payloads_are_counted_and_the_hook_may_answer() {
    let mut stage = Stage::new();
    let events = Events::new()
        .on_sync("fail", |_, ()| -> Result { Err(std::io::Error::other("why"))? })
        .on_sync("number", |_, Data(_): Data<u8>| ())
        .on_error(|socket, event, error, reply| {
            assert!(socket.is_connected());
            reply.send(&format!("{event}: {error}")).unwrap();
        });
    let client = client(&mut stage, events);
    client.send("ask 1 fail\nnumber \"x\"\nask 2 number 300\n");
    stage.lane.run();
    assert!(client.receive_text().starts_with("ack 1 \"fail: why\"\nerr 2 bad payload"));
    let stats = stage.lane.stats();
    assert_eq!((stats.handler_errors, stats.bad_payloads, stats.events), (1, 2, 3));
}

#[test]
fn before_may_refuse_and_fallback_takes_the_rest() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let rest = Events::new().on_sync("other", |_, ()| Ack("from the fallback"));
    let events = Events::new()
        .before(move |_, event| {
            note.lock().unwrap().push(event.name().to_owned());
            if event.name() == "bad" { Err(Refusal::new("not that")) } else { Ok(()) }
        })
        .on_sync("mine", |_, ()| Ack(1))
        .fallback(rest);
    let told = ask(events, "ask 1 mine\nask 2 bad\nask 3 other\n");
    assert_eq!(told, "ack 1 1\nerr 2 not that\nack 3 \"from the fallback\"\n");
    assert_eq!(*seen.lock().unwrap(), ["mine", "bad", "other"]);
}

#[test]
fn a_fallback_is_asked_about_connects_last_and_hears_of_disconnects_first() {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let noting = |name: &'static str, steps: &Arc<Mutex<Vec<String>>>| {
        let (came, went) = (Arc::clone(steps), Arc::clone(steps));
        Events::new()
            .on_connect(move |_, ()| {
                came.lock().unwrap().push(format!("{name} let it in"));
                async { Ok(()) }
            })
            .on_disconnect(move |_, bye| {
                went.lock().unwrap().push(format!("{name} heard {}", bye.reason));
                async {}
            })
    };
    let mut stage = Stage::new();
    let client = client(&mut stage, noting("own", &steps).fallback(noting("fallback", &steps)));
    client.end();
    stage.lane.run();
    let expected =
        ["own let it in", "fallback let it in", "fallback heard transport close", "own heard transport close"];
    assert_eq!(*steps.lock().unwrap(), expected);
}

#[test]
fn listeners_of_any_event_hear_it_first_and_in_their_order() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = |who: &'static str| {
        let heard = Arc::clone(&heard);
        move |event: &str| heard.lock().unwrap().push(format!("{who} {event}"))
    };
    let (one, two, check, handler) = (note("one"), note("two"), note("before"), note("handler"));
    let events = Events::new()
        .on_sync("mine", move |_, event: Event<'static>| {
            handler(event.name());
            Ack(event.args_len())
        })
        .before(move |_, event| {
            check(event.name());
            if event.name() == "bad" { Err(Refusal::new("not that")) } else { Ok(()) }
        })
        .on_any(move |socket, event| {
            assert!(socket.is_connected());
            one(&format!("{} {}", event.name(), event.args_json()));
        })
        .on_any(move |_, event| two(event.name()));
    let told = ask(events, "ask 1 mine 7\nask 2 bad\nask 3 nobody\n");
    assert_eq!(told, "ack 1 1\nerr 2 not that\nerr 3 unknown event\n");
    let expected = [
        "one mine 7",
        "two mine",
        "before mine",
        "handler mine",
        "one bad null",
        "two bad",
        "before bad",
        "one nobody null",
        "two nobody",
        "before nobody",
    ];
    assert_eq!(*heard.lock().unwrap(), expected);
}

#[test]
fn a_panic_before_the_handler_costs_that_event_only() {
    let (open, gate) = gate();
    let events = Events::new()
        .serial()
        .on_any(|_, event| assert_ne!(event.name(), "unheard"))
        .before(|_, event| {
            assert_ne!(event.name(), "unchecked");
            Ok(())
        })
        .on("slow", move |_, ()| {
            let gate = gate();
            async move {
                gate.await;
                Ack("slow")
            }
        })
        .on_sync("fast", |_, ()| Ack("fast"));
    let mut stage = Stage::new();
    let client = client(&mut stage, events);
    client.send("ask 1 slow\nask 2 unheard\nask 3 unchecked\nask 4 fast\n");
    stage.lane.run();
    assert_eq!(client.receive_text(), "");
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    let told = "ack 1 \"slow\"\nerr 2 the handler failed\nerr 3 the handler failed\nack 4 \"fast\"\n";
    assert_eq!((client.receive_text().as_str(), stage.lane.stats().handler_panics), (told, 2));
}

#[test]
fn connect_handlers_run_in_order_and_any_may_refuse() {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let (one, two) = (Arc::clone(&steps), Arc::clone(&steps));
    let mut stage = Stage::new();
    let events = Events::new()
        .with_state("state")
        .on_connect(move |socket, (State(state), handshake): (State<&'static str>, Arc<crate::Handshake>)| {
            let one = Arc::clone(&one);
            async move {
                socket.join("in").unwrap();
                one.lock().unwrap().push(format!("{state} {}", handshake.transport));
                Ok(())
            }
        })
        .on_connect(move |_, ()| {
            two.lock().unwrap().push("second".to_owned());
            async { Err(Refusal::new("second says no")) }
        });
    let wire = Wire::new(stage.wire.codec(), events);
    let client = stage.lane.connect(&wire, ROOMY, Talk::new);
    stage.lane.run();
    assert_eq!(client.receive_text(), "refused second says no\nbye 1008\n");
    assert_eq!(*steps.lock().unwrap(), ["state talk", "second"]);
    assert_eq!(stage.engine.to("in").count(), 0);
}

#[test]
fn disconnect_handlers_hear_where_it_was() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&heard);
    let mut stage = Stage::new();
    let events = Events::new()
        .on_sync("join", |socket, Data(room): Data<String>| -> Result {
            socket.join(&room)?;
            Ok(())
        })
        .on_disconnect(move |_, bye| {
            let note = Arc::clone(&note);
            async move { note.lock().unwrap().push((bye.reason.as_str(), bye.rooms)) }
        });
    let client = client(&mut stage, events);
    client.send("join \"a\"\n");
    stage.lane.run();
    client.end();
    stage.lane.run();
    assert_eq!(*heard.lock().unwrap(), [("transport close", vec!["a".to_owned()])]);
}

#[test]
#[should_panic(expected = "handler \"say\" wants State<String>: add .with_state(string)")]
fn missing_state_is_found_when_it_is_mounted() {
    let stage = Stage::new();
    let events = Events::new().with_state(1_u8).on_sync("say", |_, State(_): State<String>| ());
    Wire::new(stage.wire.codec(), events);
}

#[test]
fn pending_handlers_go_on_elsewhere_and_overlap() {
    let (open, gate) = gate();
    let events = Events::new().on("slow", move |_, ()| {
        let gate = gate();
        async move {
            gate.await;
            Ack("slow")
        }
    });
    let mut stage = Stage::new();
    let client = client(&mut stage, events.on_sync("fast", |_, ()| Ack("fast")));
    client.send("ask 1 slow\nask 2 fast\n");
    stage.lane.run();
    assert_eq!(client.receive_text(), "ack 2 \"fast\"\n");
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    assert_eq!(client.receive_text(), "ack 1 \"slow\"\n");
}

#[test]
fn serial_finishes_one_before_the_next() {
    let (open, gate) = gate();
    let running = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&running);
    let events = Events::new()
        .serial()
        .on("slow", move |_, Data(n): Data<u8>| {
            let (gate, count) = (gate(), Arc::clone(&count));
            async move {
                assert_eq!(count.fetch_add(1, Ordering::Relaxed), 0, "alone");
                gate.await;
                count.fetch_sub(1, Ordering::Relaxed);
                Ack(n)
            }
        })
        .on_sync("fast", |_, ()| Ack("fast"));
    let mut stage = Stage::new();
    let client = client(&mut stage, events);
    client.send("ask 1 slow 1\nask 2 fast\nask 3 slow 3\n");
    stage.lane.run();
    assert_eq!((client.receive_text().as_str(), running.load(Ordering::Relaxed)), ("", 1));
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    client.send("ask 4 slow 4\n");
    stage.lane.run();
    assert_eq!(client.receive_text(), "ack 1 1\nack 2 \"fast\"\nack 3 3\nack 4 4\n");
}

/// Waits behind a gate, whichever application takes it.
fn slow(gate: impl Fn() -> BoxFuture<()> + Send + Sync + 'static) -> Events {
    Events::new().on("slow", move |_, Data(n): Data<u8>| {
        let gate = gate();
        async move {
            gate.await;
            Ack(n)
        }
    })
}

#[test]
fn serial_waits_for_what_the_fallback_does() {
    let (open, gate) = gate();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&heard);
    let rest = slow(gate).on_sync("unheeded", |_, reply: Reply| drop(reply));
    let events = Events::new()
        .serial()
        .on_any(move |_, event| note.lock().unwrap().push(event.name().to_owned()))
        .on_sync("fast", |_, ()| Ack("fast"))
        .fallback(rest);
    let mut stage = Stage::new();
    let client = client(&mut stage, events);
    client.send("ask 1 slow 1\nask 2 fast\nslow 3\nask 4 nobody's\nask 5 unheeded\nask 6 slow 6\nask 7 fast\n");
    stage.lane.run();
    assert_eq!((client.receive_text().as_str(), heard.lock().unwrap().join(" ").as_str()), ("", "slow"));
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    let told = "ack 1 1\nack 2 \"fast\"\nerr 4 unknown event\nerr 5 no answer\nack 6 6\nack 7 \"fast\"\n";
    assert_eq!(client.receive_text(), told);
    assert_eq!(*heard.lock().unwrap(), ["slow", "fast", "slow", "nobody's", "unheeded", "slow", "fast"]);
}

/// Panics at each event.
struct Panics;

impl crate::Application for Panics {
    fn connect(&self, _: roomcast::Socket, _: crate::Handshake) -> BoxFuture<std::result::Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn event(&self, _: &roomcast::Socket, event: Event<'_>, _reply: Reply) {
        panic!("at {}", event.name());
    }
}

#[test]
fn a_fallback_that_panics_costs_that_event_only() {
    let (open, gate) = gate();
    let mut stage = Stage::new();
    let events = slow(gate).serial().on_sync("fast", |_, ()| Ack("fast")).fallback(Panics);
    let client = client(&mut stage, events);
    client.send("ask 1 panic\nask 2 slow 2\nask 3 panic\nask 4 fast\n");
    stage.lane.run();
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    let told = "err 1 the handler failed\nack 2 2\nerr 3 the handler failed\nack 4 \"fast\"\n";
    assert_eq!((client.receive_text().as_str(), stage.lane.stats().handler_panics), (told, 2));
}

#[test]
fn panics_of_async_handlers_are_counted_wherever_they_happen() {
    let (open, gate) = gate();
    let events = Events::new()
        .on("now", async |_, ()| {
            if true {
                panic!("at once")
            }
        })
        .on("later", move |_, ()| {
            let gate = gate();
            async move {
                gate.await;
                if true {
                    panic!("later")
                }
            }
        });
    let mut stage = Stage::new();
    let client = client(&mut stage, events);
    client.send("ask 1 now\nask 2 later\n");
    stage.lane.run();
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    assert_eq!(client.receive_text(), "err 1 the handler failed\nerr 2 the handler failed\n");
    assert_eq!((stage.lane.stats().handler_panics, stage.lane.stats().connections), (2, 1));
}

#[test]
fn offloaded_handlers_do_not_start_on_the_lane() {
    let mut stage = Stage::new();
    let events =
        Events::new().on("here", async |_, ()| Ack("here")).on("there", async |_, ()| Ack("there")).offloaded();
    let client = client(&mut stage, events);
    client.send("ask 1 there\nask 2 here\n");
    while stage.lane.turn() {}
    assert_eq!(client.receive_text(), "ack 2 \"here\"\n", "the other one waits for the application's runtime");
    stage.lane.run();
    assert_eq!(client.receive_text(), "ack 1 \"there\"\n");
}

#[test]
fn answers_are_kept_in_order_with_broadcasts_of_the_same_handler() {
    let events = Events::new().on("both", async |socket, ()| -> Result<Ack<u8>> {
        let _ = socket.send(&Message::json("first", &1)?);
        Ok(Ack(2))
    });
    assert_eq!(ask(events, "ask 9 both\n"), "first 1\nack 9 2\n");
}
