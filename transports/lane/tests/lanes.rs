//! Lanes with their threads, over TCP and over streams of other kinds.

#[path = "../examples/lines.rs"]
#[allow(unreachable_pub, dead_code, reason = "it is a program of its own")]
mod lines;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use lines::Lines;
use roomcast::{Codec, EncodeError, Engine, Message, Outgoing};
use roomcast_lane::{AdoptError, Close, Context, Events, Lanes, Progress, Protocol, Stream, Wire};
use socket2::SockRef;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("in time")
}

/// Waits for something that a lane will do.
async fn until(mut done: impl FnMut() -> bool) {
    soon(async {
        while !done() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

struct Client<S>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        soon(self.0.read_line(&mut line)).await.unwrap();
        line
    }

    /// Reads to the end, be it a good one or a reset.
    async fn end(&mut self) {
        let mut rest = Vec::new();
        let _ = soon(self.0.read_to_end(&mut rest)).await;
    }
}

async fn tcp_pair() -> (TcpStream, Client<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(listener.accept(), TcpStream::connect(listener.local_addr().unwrap()));
    (near.unwrap().0, Client(BufReader::new(far.unwrap())))
}

async fn connect(lanes: &Lanes, wire: &Wire) -> Client<TcpStream> {
    let (near, far) = tcp_pair().await;
    lanes.adopt(Stream::tcp(near).unwrap(), Bytes::new(), wire, || Lines).unwrap();
    far
}

#[tokio::test]
async fn a_pending_handler_goes_on_in_the_applications_runtime() {
    let lanes = Lanes::builder().threads(1).start(&Engine::new()).unwrap();
    let threads: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = {
        let threads = Arc::clone(&threads);
        move || threads.lock().unwrap().push(std::thread::current().name().unwrap_or("?").to_owned())
    };
    let events = Events::new().on("slow", move |socket, ()| {
        let note = note.clone();
        async move {
            note();
            tokio::time::sleep(Duration::from_millis(1)).await;
            note();
            // Also what a handler spawns on its own is there.
            let _ = socket.emit("done", &tokio::spawn(async { 7 }).await.unwrap());
        }
    });
    let wire = Wire::new(lanes.register(Lines), events);
    let mut client = connect(&lanes, &wire).await;
    client.send("slow null\n").await;
    assert_eq!(client.line().await, "done 7\n");
    let here = std::thread::current().name().unwrap().to_owned();
    assert_eq!(*threads.lock().unwrap(), ["roomcast-lane-0".to_owned(), here]);
}

#[tokio::test]
async fn connections_are_spread_and_limited() {
    struct Tell(mpsc::Sender<usize>);
    impl Protocol for Tell {
        fn handle_open(&mut self, cx: &mut Context<'_>) {
            self.0.send(cx.port().lane()).unwrap();
            assert!(cx.peer().is_some_and(|peer| peer.ip().is_loopback()));
        }
        fn handle_input(&mut self, input: &mut [u8], _cx: &mut Context<'_>) -> Result<Progress, Close> {
            Ok(Progress::used(input.len()))
        }
    }
    let lanes = Lanes::builder().threads(3).connections_max(9).start(&Engine::new()).unwrap();
    let wire = Wire::new(lanes.register(Lines), ());
    let (sender, told) = mpsc::channel();
    let mut clients = Vec::new();
    for _ in 0..9 {
        let (near, far) = tcp_pair().await;
        let sender = sender.clone();
        lanes.adopt(Stream::tcp(near).unwrap(), Bytes::new(), &wire, move || Tell(sender)).unwrap();
        clients.push(far);
    }
    let mut by_lane = BTreeMap::new();
    for lane in told.iter().take(9) {
        *by_lane.entry(lane).or_insert(0) += 1;
    }
    assert_eq!(by_lane.into_iter().collect::<Vec<_>>(), [(0, 3), (1, 3), (2, 3)]);
    let (near, mut far) = tcp_pair().await;
    let refused = lanes.adopt(Stream::tcp(near).unwrap(), Bytes::new(), &wire, || Lines);
    assert_eq!(refused, Err(AdoptError::Connections { max: 9 }));
    far.end().await;
    drop(clients.pop());
    until(|| lanes.stats().connections == 8).await;
    let (near, _far) = tcp_pair().await;
    assert_eq!(lanes.adopt(Stream::tcp(near).unwrap(), Bytes::new(), &wire, || Lines), Ok(()));
}

#[tokio::test]
async fn dropping_the_last_handle_ends_everything() {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(2).start(&engine).unwrap();
    let gone = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&gone);
    let events = lines::chat().on_disconnect(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        async {}
    });
    let wire = Wire::new(lanes.register(Lines), events);
    let mut clients = Vec::new();
    for _ in 0..6 {
        let mut client = connect(&lanes, &wire).await;
        client.send("join \"x\"\nsay \"hi\"\n").await;
        client.line().await;
        clients.push(client);
    }
    let other = lanes.clone();
    drop(lanes);
    assert_eq!(engine.stats().sockets, 6);
    drop(other);
    for mut client in clients {
        client.end().await;
    }
    until(|| engine.stats().sockets == 0 && gone.load(Ordering::Relaxed) == 6).await;
}

#[tokio::test]
async fn who_is_let_in_when_the_lanes_have_ended_is_told_of_its_end() {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(2).start(&engine).unwrap();
    let (gone, open) = (Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
    let (count, gate) = (Arc::clone(&gone), Arc::clone(&open));
    let events = Events::new()
        .on_connect(move |_, ()| {
            let gate = Arc::clone(&gate);
            async move {
                gate.notified().await;
                Ok(())
            }
        })
        .on_disconnect(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            async {}
        });
    let wire = Wire::new(lanes.register(Lines), events);
    let mut clients = Vec::new();
    for _ in 0..6 {
        clients.push(connect(&lanes, &wire).await);
    }
    until(|| engine.stats().sockets == 6).await;
    lanes.drain(Duration::ZERO).await;
    for client in &mut clients {
        client.end().await;
        open.notify_waiters();
    }
    until(|| gone.load(Ordering::Relaxed) == 6).await;
}

#[tokio::test]
async fn publishers_may_wait_until_lanes_are_ready() {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(1).inbox_bytes_max(40_000).start(&engine).unwrap();
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let (began, begun) = mpsc::channel();
    let events = lines::chat().on_sync("block", move |_, ()| {
        began.send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
    });
    let wire = Wire::new(lanes.register(Lines), events);
    let mut client = connect(&lanes, &wire).await;
    client.send("join \"x\"\nsay \"hi\"\n").await;
    client.line().await;
    soon(lanes.ready()).await;
    client.send("block null\n").await;
    tokio::task::spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
    let message = Message::json("m", &"x".repeat(1_000)).unwrap();
    let mut sent = 0;
    while !engine.to("x").broadcast(&message).overloaded {
        sent += 1;
    }
    assert!((20..40).contains(&sent), "{sent}");
    let ready = lanes.ready();
    tokio::pin!(ready);
    assert!(timeout(Duration::ZERO, ready.as_mut()).await.is_err(), "the lane is stuck");
    go.send(()).unwrap();
    soon(ready).await;
    for _ in 0..sent {
        assert_eq!(client.line().await.len(), 1_005);
    }
    let stats = lanes.stats();
    assert!(stats.overloaded >= 1 && stats.inbox_bytes < 10_000, "{stats:?}");
}

#[tokio::test]
async fn a_publisher_that_waits_for_a_slow_lane_keeps_its_inbox_small() {
    /// A lane that takes a while for each message.
    struct Slow;
    impl Codec for Slow {
        fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
            std::thread::sleep(Duration::from_micros(100));
            Lines.encode(out, to)
        }
    }
    const LIMIT: u64 = 40_000;
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(2).inbox_bytes_max(LIMIT).start(&engine).unwrap();
    let slow = Wire::new(lanes.register(Slow), lines::chat());
    let fast = Wire::new(lanes.register(Lines), lines::chat());
    let mut clients = [connect(&lanes, &slow).await, connect(&lanes, &fast).await];
    for client in &mut clients {
        client.send("join \"x\"\n").await;
    }
    until(|| engine.to("x").count() == 2).await;
    let (mut waits, mut most) = (0, 0);
    for n in 0..2_000 {
        if timeout(Duration::ZERO, lanes.ready()).await.is_err() {
            waits += 1;
            soon(lanes.ready()).await;
        }
        let sent = engine.to("x").emit("m", &format!("{n:04}{}", "x".repeat(1_000))).unwrap();
        assert_eq!((sent.matched, sent.overloaded), (2, false), "it waits, so it is never refused");
        most = most.max(sent.backlog_bytes);
    }
    assert!(waits > 0);
    assert!(most > LIMIT / 8 && most < LIMIT / 4 + 2_000, "{most} bytes waited at most");
    for client in &mut clients {
        for n in 0..2_000 {
            assert!(client.line().await.starts_with(&format!("m \"{n:04}x")));
        }
    }
    let stats = lanes.stats();
    assert_eq!((stats.overloaded, stats.deliveries, stats.delivered()), (0, 4_000, 4_000));
}

#[tokio::test]
async fn what_two_places_speak_is_encoded_once() {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(1).start(&engine).unwrap();
    let wires = [Wire::new(lanes.register(Lines), lines::chat()), Wire::new(lanes.register(Lines), ())];
    let mut clients = [connect(&lanes, &wires[0]).await, connect(&lanes, &wires[1]).await];
    until(|| engine.stats().sockets == 2).await;
    // What waits for one who is being let in is encoded apart.
    let _ = engine.everyone().emit("hi", "soon");
    for client in &mut clients {
        assert_eq!(client.line().await, "hi \"soon\"\n");
    }
    let before = lanes.stats().encodes;
    let _ = engine.everyone().emit("hi", "all");
    for client in &mut clients {
        assert_eq!(client.line().await, "hi \"all\"\n");
    }
    assert_eq!(lanes.stats().encodes - before, 1);
}

#[tokio::test]
async fn each_lane_counts_for_itself() {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(3).start(&engine).unwrap();
    let wire = Wire::new(lanes.register(Lines), lines::chat());
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(connect(&lanes, &wire).await);
    }
    until(|| engine.stats().sockets == 4).await;
    // What waits for one who is being let in is encoded apart.
    let mut before = Vec::new();
    for text in ["soon", "all"] {
        before = lanes.lane_stats();
        let _ = engine.everyone().emit("hi", text);
        for client in &mut clients {
            client.line().await;
        }
    }
    let each = lanes.lane_stats().into_iter().zip(before);
    let mut numbers: Vec<_> = each
        .map(|(lane, before)| (lane.connections, lane.deliveries - before.deliveries, lane.encodes - before.encodes))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [(1, 1, 1), (1, 1, 1), (2, 2, 1)]);
    assert_eq!(lanes.stats().deliveries, 8);
}

#[tokio::test]
async fn any_stream_will_do() {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(2).start(&engine).unwrap();
    let wire = Wire::new(lanes.register(Lines), lines::chat());
    for buffer in [1, 7, 1 << 16] {
        let (near, far) = tokio::io::duplex(buffer);
        lanes.adopt(Stream::boxed(near, None), Bytes::from_static(b"join \"x\"\nsa"), &wire, || Lines).unwrap();
        let mut client = Client(BufReader::new(far));
        client.send("y \"boxed\"\n").await;
        assert_eq!(client.line().await, "said \"boxed\"\n");
        let long = "l".repeat(5_000);
        let _ = engine.to("x").emit("long", &long);
        assert_eq!(client.line().await.len(), "long \"\"\n".len() + 5_000);
        client.send("broken\n").await;
        assert_eq!(client.line().await, "", "ended");
        drop(client);
        until(|| lanes.stats().connections == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_of_hundreds_with_one_that_never_reads() {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(2).outbox_bytes_max(64 * 1024).start(&engine).unwrap();
    let wire = Wire::new(lanes.register(Lines), lines::chat());
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(connect(&lanes, &wire).await);
    }
    // Small buffers in the kernel, or they take it all.
    let (near, mut stuck) = tcp_pair().await;
    SockRef::from(&near).set_send_buffer_size(8 * 1024).unwrap();
    SockRef::from(stuck.0.get_ref()).set_recv_buffer_size(8 * 1024).unwrap();
    lanes.adopt(Stream::tcp(near).unwrap(), Bytes::new(), &wire, || Lines).unwrap();
    stuck.send("join \"all\"\n").await;
    for client in &mut clients {
        client.send("join \"all\"\n").await;
    }
    until(|| engine.to("all").count() == 201).await;
    let readers: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                for n in 0..500 {
                    let line = client.line().await;
                    assert_eq!(line.split_once('-').map(|(start, _)| start), Some(format!("m \"{n}").as_str()));
                }
                client
            })
        })
        .collect();
    let padding = "p".repeat(1_000);
    for n in 0..500 {
        lanes.ready().await;
        let sent = engine.to("all").emit("m", &format!("{n}-{padding}")).unwrap();
        assert!(!sent.overloaded);
    }
    let mut still_here = Vec::new();
    for reader in readers {
        still_here.push(soon(reader).await.unwrap());
    }
    until(|| lanes.stats().slow_consumers == 1).await;
    assert_eq!(engine.to("all").count(), 200, "the stuck one is gone");
    let stats = lanes.stats();
    assert!(stats.encodes <= 2 * 500, "once a lane, not once a member: {}", stats.encodes);
    assert_eq!(stats.outbox_bytes, 0);
}
