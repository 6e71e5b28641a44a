//! Who asks for much delays others by turns, not by the whole of it. Counted, never timed: while a flood of requests or a
//! huge broadcast is under way, another connection of the same lane goes on with its requests.

use roomcast_tests::{Client, Frame, Incoming, Server, open_rooms, raise_file_limit};
use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::{io::AsyncWriteExt, runtime, task::JoinSet, time::timeout};

/// Round trips that others must at least be able to make meanwhile.
const ROUND_TRIPS_MIN: u64 = 20;

/// A connection that sends a request, waits for its reply, and counts, again and again.
struct PingPong {
    count: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl PingPong {
    fn start(server: &Server) -> Self {
        let (mut client, id) = Client::open_rooms(server);
        let (count, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, stopped) = (Arc::clone(&count), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                client.send_text(r#"{"id":1,"op":"getId"}"#);
                assert_eq!(client.frame().text(), format!(r#"{{"reply":1,"ok":true,"socket":"{id}"}}"#));
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { count, stop, thread }
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("every reply came");
    }
}

/// Requests that one connection writes as fast as it can, with a reader that first looks away.
#[test]
fn a_flood_of_requests() {
    const FLOOD: usize = 200_000;
    /// Their replies are less than a connection may leave unread.
    const UNREAD: usize = 10_000;
    let mut server = Server::start(&[("LANES", "1")]);
    let ping_pong = PingPong::start(&server);
    let (mut flooding, id) = Client::open_rooms(&server);
    let mut writer = flooding.writer();
    let request = |number| Frame::text_message(&format!(r#"{{"id":{number},"op":"getId"}}"#)).bytes();
    let before = ping_pong.count();
    writer.write_all(&(0..UNREAD).flat_map(request).collect::<Vec<_>>()).expect("the server reads");
    let unread = ping_pong.count();
    let writing = thread::spawn(move || {
        let bytes: Vec<u8> = (UNREAD..FLOOD).flat_map(request).collect();
        writer.write_all(&bytes).expect("the server reads");
    });
    for number in 0..FLOOD {
        assert_eq!(flooding.frame().text(), format!(r#"{{"reply":{number},"ok":true,"socket":"{id}"}}"#));
    }
    let after = ping_pong.count();
    writing.join().expect("all was written");
    println!("round trips: {} while nothing was read, {} in all", unread - before, after - before);
    assert!(after - before >= ROUND_TRIPS_MIN, "{} round trips while {FLOOD} requests were answered", after - before);
    ping_pong.end();
    drop(flooding);
    server.assert_unharmed();
}

/// 900 KB for each of 800 members.
#[test]
fn a_huge_broadcast() {
    const MEMBERS: usize = 800;
    const BYTES: usize = 900_000;
    raise_file_limit(MEMBERS as u64 + 100);
    let mut server = Server::start(&[("LANES", "1"), ("LOG", "info")]);
    let ping_pong = PingPong::start(&server);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (before, after) = runtime.block_on(async {
        let mut members = Vec::with_capacity(MEMBERS);
        for _ in 0..MEMBERS {
            let (mut incoming, mut writer, _) = open_rooms(server.address(), None).await.expect("a connection");
            let join = Frame::text_message(r#"{"id":1,"op":"join","room":"huge"}"#);
            writer.write_all(&join.bytes()).await.expect("the server reads");
            assert_eq!(incoming.text().await.expect("a reply"), r#"{"reply":1,"ok":true}"#);
            members.push((incoming, writer));
        }
        let (_replies, mut sender, _) = open_rooms(server.address(), None).await.expect("a connection");
        let data: Arc<str> = ('a'..='z').cycle().take(BYTES).collect::<String>().into();
        let request = format!(r#"{{"id":1,"op":"broadcast","room":"huge","data":"{data}"}}"#);
        let mut readers = JoinSet::new();
        for (incoming, writer) in members {
            let data = Arc::clone(&data);
            readers.spawn(async move {
                assert_huge(incoming, &data).await;
                writer
            });
        }
        sender.write_all(&Frame::text_message(&request).bytes()).await.expect("the server reads");
        let before = ping_pong.count();
        let writers = timeout(Duration::from_secs(120), readers.join_all()).await.expect("it arrives everywhere");
        assert_eq!(writers.len(), MEMBERS);
        (before, ping_pong.count())
    });
    println!("round trips: {}", after - before);
    assert!(after - before >= ROUND_TRIPS_MIN, "{} round trips while a huge broadcast was sent", after - before);
    assert_eq!(server.counter("slow_consumers"), 0);
    ping_pong.end();
    drop(runtime);
    server.assert_unharmed();
}

async fn assert_huge(mut incoming: Incoming, data: &str) {
    let text = incoming.text().await.expect("a message");
    let got = text.strip_prefix(r#"{"event":"message","data":""#).and_then(|rest| rest.strip_suffix("\"}"));
    assert!(got == Some(data), "it is not what was sent: {}", &text[..text.len().min(200)]);
}
