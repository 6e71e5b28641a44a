//! What goes wrong in a program, and what its operator reads of it: each failure costs what it should, is logged, and is
//! counted once.

#[path = "../examples/lines.rs"]
#[allow(unreachable_pub, dead_code, reason = "it is a program of its own")]
mod lines;

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use lines::Lines;
use roomcast::{Engine, Message};
use roomcast_lane::{
    Data, Disconnect, DisconnectReason, Events, LaneStats, Lanes, ManualConnection, ManualLane, Refusal, Result,
    Stream, Wire,
};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, ReadBuf};
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lane that is driven by hand, with one client of `events`.
struct Stage {
    lane: ManualLane,
    client: ManualConnection,
}

impl Stage {
    fn new(events: Events) -> Self {
        listen_to_the_log();
        let mut lane = ManualLane::new(&Engine::new());
        let wire = Wire::new(
            lane.register(Lines),
            events.on_sync("here", |socket, ()| -> Result {
                socket.send(&Message::json("yes", &())?);
                Ok(())
            }),
        );
        let client = lane.connect(&wire, usize::MAX, || Lines);
        lane.run();
        Self { lane, client }
    }

    /// Sends an event; the client must still be there after it.
    fn send(&mut self, line: &str) -> LaneStats {
        self.client.send(format!("{line}\n"));
        self.lane.run();
        let reply = self.client.receive_text();
        assert!(!self.client.is_ended(), "the connection stays; it got {reply:?}");
        self.lane.stats()
    }
}

#[test]
fn a_bad_payload_is_told_and_the_handler_is_not_called() {
    #[derive(Deserialize)]
    struct Say {
        #[allow(dead_code, reason = "it is missing")]
        text: String,
    }
    let events = Events::new().on_sync("say", |_, Data(_): Data<Say>| fall::<()>("it must not be called"));
    let mut stage = Stage::new(events);
    let stats = stage.send("say {\"txt\":1}");
    assert_eq!((stats.bad_payloads, stats.handler_panics, stats.connections), (1, 0, 1));
    assert_eq!(logged("event \"say\": missing field `text`").len(), 1, "{:?}", log());
}

#[test]
fn a_handler_that_panics_ends_its_call_wherever_it_is() {
    let open = Arc::<AtomicBool>::default();
    let gate = Arc::clone(&open);
    let events = Events::new()
        .on_sync("p1", |_, ()| fall::<()>("p1"))
        .on("p2", async |_, ()| fall::<()>("p2"))
        .on("p3", move |_, ()| {
            let gate = Arc::clone(&gate);
            async move {
                until(&gate).await;
                fall::<()>("p3");
            }
        })
        .on("p4", async |_, ()| fall::<()>("p4"))
        .offloaded()
        .on_sync("p5", |_, ()| -> Result { Err(io::Error::other("so that the hook is called"))? })
        .on_error(|_, _, _, _| fall("p5"))
        .on_sync("p6", |_, ()| ())
        .before(|_, event| if event.name() == "p6" { fall("p6") } else { Ok(()) });
    let mut stage = Stage::new(events);
    for (panics, name) in ["p1", "p2", "p3", "p4", "p5", "p6"].into_iter().enumerate() {
        open.store(false, Ordering::Relaxed);
        stage.send(&format!("{name} null"));
        open.store(true, Ordering::Relaxed);
        stage.lane.run();
        assert_eq!(stage.lane.stats().handler_panics as usize, panics + 1, "{name}");
        assert_eq!(logged(&format!("handler \"{name}\" panicked: {name}")).len(), 1, "{:?}", log());
    }
    stage.client.send("here null\n");
    stage.lane.run();
    assert_eq!(stage.client.receive_text(), "yes null\n");
}

#[test]
fn a_connect_handler_that_panics_refuses() {
    for later in [false, true] {
        let open = Arc::new(AtomicBool::new(!later));
        let gate = Arc::clone(&open);
        let events = Events::new().on_connect(move |_, ()| {
            let gate = Arc::clone(&gate);
            async move {
                until(&gate).await;
                fall::<std::result::Result<(), Refusal>>(if later { "c1" } else { "c2" })
            }
        });
        let mut stage = Stage::new(events);
        open.store(true, Ordering::Relaxed);
        stage.lane.run();
        let stats = stage.lane.stats();
        assert_eq!((stats.handler_panics, stats.refused), (1, 1));
        assert!(stage.client.is_ended());
        let text = if later { "c1" } else { "c2" };
        assert_eq!(logged(&format!("handler \"connect\" panicked: {text}")).len(), 1, "{:?}", log());
    }
}

#[test]
fn one_disconnect_handler_that_panics_keeps_no_other_from_hearing() {
    let heard = Arc::<AtomicUsize>::default();
    let (count, rest) = (Arc::clone(&heard), Arc::clone(&heard));
    let open = Arc::<AtomicBool>::default();
    let gate = Arc::clone(&open);
    let events = Events::new()
        .on_disconnect(|_, _| -> std::future::Ready<()> { panic!("d1") })
        .on_disconnect(move |_, _| {
            let gate = Arc::clone(&gate);
            async move {
                until(&gate).await;
                panic!("d2")
            }
        })
        .on_disconnect(move |_, bye: Disconnect| {
            assert_eq!(bye.reason, DisconnectReason::TransportClose);
            count.fetch_add(1, Ordering::Relaxed);
            async {}
        })
        .fallback(Events::new().on_disconnect(move |_, _| {
            rest.fetch_add(1, Ordering::Relaxed);
            async { panic!("d3") }
        }));
    let mut stage = Stage::new(events);
    stage.client.end();
    stage.lane.run();
    open.store(true, Ordering::Relaxed);
    stage.lane.run();
    assert_eq!((heard.load(Ordering::Relaxed), stage.lane.stats().handler_panics), (2, 3));
    for text in ["d1", "d2", "d3"] {
        assert_eq!(logged(&format!("handler \"disconnected\" panicked: {text}")).len(), 1, "{:?}", log());
    }
}

#[test]
fn whoever_holds_the_lane_is_named_and_counted() {
    fn stay() {
        std::thread::sleep(Duration::from_millis(110));
    }
    let events = Events::new()
        .on_connect(|_, ()| {
            stay();
            async { Ok(()) }
        })
        .on_sync("b1", |_, ()| stay())
        .on("b2", async |_, ()| stay())
        .on_disconnect(|_, _| {
            stay();
            async {}
        });
    let mut stage = Stage::new(events);
    let held = |name: &str| logged(&format!("handler \"{name}\" held lane 0 for "));
    // The log is that of all tests, and on a busy machine others may stay long in handlers of these two names.
    assert!(stage.lane.stats().slow_handlers == 1 && !held("connect").is_empty(), "{:?}", log());
    assert_eq!(stage.send("b1 null").slow_handlers, 2);
    assert_eq!(stage.send("b2 null").slow_handlers, 3);
    stage.client.end();
    stage.lane.run();
    assert!(stage.lane.stats().slow_handlers == 4 && !held("disconnected").is_empty(), "{:?}", log());
    for name in ["b1", "b2"] {
        assert!(held(name).len() == 1 && held(name)[0].ends_with(" ms; use on(..)"), "{:?}", log());
    }
}

/// A stream that panics when it is written to, once it is armed.
struct Bomb {
    stream: DuplexStream,
    armed: Arc<AtomicBool>,
}

impl AsyncRead for Bomb {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Bomb {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        assert!(!self.armed.load(Ordering::Relaxed), "as asked");
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_lane_that_panics_tells_everybody_and_serves_on() {
    listen_to_the_log();
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(1).start(&engine).unwrap();
    let byes = Arc::<Mutex<Vec<Disconnect>>>::default();
    let heard = Arc::clone(&byes);
    let events = lines::chat().on_disconnect(move |_, bye| {
        heard.lock().unwrap().push(bye);
        async {}
    });
    let wire = Wire::new(lanes.register(Lines), events);
    let armed = Arc::<AtomicBool>::default();
    for round in 1..=3 {
        armed.store(false, Ordering::Relaxed);
        let mut clients = Vec::new();
        for n in 0..4 {
            let (near, far) = tokio::io::duplex(1 << 16);
            let armed = Arc::clone(&armed);
            let stream =
                if n == 3 { Stream::boxed(Bomb { stream: near, armed }, None) } else { Stream::boxed(near, None) };
            lanes.adopt(stream, Bytes::from_static(b"join \"x\"\n"), &wire, || Lines).unwrap();
            clients.push(BufReader::new(far));
        }
        eventually(|| engine.to("x").count() == 4).await;
        clients[0].get_mut().write_all(b"say \"all is well\"\n").await.unwrap();
        for client in &mut clients {
            assert_eq!(line(client).await, "said \"all is well\"\n", "round {round}");
        }
        armed.store(true, Ordering::Relaxed);
        let _ = engine.to("x").emit("boom", &round);
        for client in &mut clients {
            while !line(client).await.is_empty() {}
        }
        eventually(|| byes.lock().unwrap().len() == 4 * round).await;
        // A connection is counted until the lane has let go of it, shortly after its application heard.
        eventually(|| (lanes.stats().connections, engine.stats().sockets) == (0, 0)).await;
        assert_eq!(lanes.stats().lane_panics, round as u64);
    }
    let all_told = byes.lock().unwrap().iter().all(|bye| bye.rooms == ["x"]);
    assert!(all_told, "{byes:?}");
    assert_eq!(logged("lane 0 panicked and ends its 4 connections: as asked").len(), 3, "{:?}", log());
    assert_eq!(timeout(PATIENCE, lanes.drain(Duration::ZERO)).await, Ok(0), "and it ends when it is told to");
}

async fn line(client: &mut BufReader<DuplexStream>) -> String {
    let mut line = String::new();
    timeout(PATIENCE, client.read_line(&mut line)).await.unwrap().unwrap();
    line
}

/// Waits for something that a lane will do.
async fn eventually(mut done: impl FnMut() -> bool) {
    let wait = async {
        while !done() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, wait).await.expect("in time");
}

fn fall<T>(text: &str) -> T {
    panic!("{text}")
}

async fn until(gate: &AtomicBool) {
    std::future::poll_fn(|_| if gate.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }).await;
}

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps the texts of what is logged, for all tests together: each looks for names of its own.
struct Log;

fn log() -> MutexGuard<'static, Vec<String>> {
    LOG.lock().unwrap()
}

fn logged(start: &str) -> Vec<String> {
    log().iter().filter(|line| line.starts_with(start)).cloned().collect()
}

fn listen_to_the_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("roomcast")
    }

    fn new_span(&self, _span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _span: &tracing::span::Id, _values: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _span: &tracing::span::Id, _follows: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 += &format!("{value:?}");
                }
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        log().push(text.0);
    }

    fn enter(&self, _span: &tracing::span::Id) {}

    fn exit(&self, _span: &tracing::span::Id) {}
}
