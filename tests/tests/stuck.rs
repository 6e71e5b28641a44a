//! Who does not read costs only itself: the others get every byte, the server's memory stays bounded, and the stuck
//! connection is cut off, by the limit of its queue or by the heartbeat.

use roomcast_tests::{
    Client, DEADLINE, Frame, Incoming, Memory, Server, Stats, open_rooms, raise_file_limit, wait_until,
};
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::{
    io::AsyncWriteExt,
    net::tcp::OwnedWriteHalf,
    runtime,
    sync::Notify,
    task::{LocalSet, spawn_local},
    time::timeout,
};

const MEMBERS: usize = 1_000;
const STUCK: usize = 10;
/// Each is offered 10 MB.
const MESSAGES: usize = 160;
const MESSAGE_BYTES: usize = 64_000;
/// So many messages a reader may be behind. Less than the kernel keeps for a connection, so nobody who reads is ever slow.
const AHEAD: usize = 4;
const GROWTH_KIB_MAX: u64 = 24 * 1024;
/// For a machine that does a lot else.
const TIME_MAX: Duration = Duration::from_secs(300);

#[test]
fn ten_of_a_thousand_never_read() {
    raise_file_limit(MEMBERS as u64 + 100);
    // Nobody here answers pings.
    let mut server = Server::start(&[("LOG", "info"), ("PING_INTERVAL", "3600000")]);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        timeout(TIME_MAX, ten_million_bytes_each(&server)).await.expect("everybody who reads gets everything");
    });
    drop(runtime);
    server.assert_unharmed();
}

async fn ten_million_bytes_each(server: &Server) {
    let mut stuck = Vec::with_capacity(STUCK);
    for number in 0..STUCK {
        // Half of them let the kernel keep what it likes to.
        stuck.push(member(server, (number % 2 == 0).then_some(32 * 1024)).await);
    }
    let messages: Rc<[String]> = (0..MESSAGES).map(data).collect();
    let progress = Rc::new(Notify::new());
    let mut readers = Vec::with_capacity(MEMBERS - STUCK);
    for _ in STUCK..MEMBERS {
        let (incoming, writer) = member(server, None).await;
        let counted = Rc::new(Cell::new(0));
        let reader = Reader { counted: Rc::clone(&counted), progress: Rc::clone(&progress) };
        let reading = spawn_local(reader.read_everything(incoming, writer, Rc::clone(&messages)));
        readers.push((reading, counted));
    }
    assert_eq!(server.get("/rooms/all").text(), r#"{"room":"all","members":1000}"#);
    let before = Memory::of(server);

    let (mut replies, mut sender, _) = open_rooms(server.address(), None).await.expect("a connection");
    for (number, data) in messages.iter().enumerate() {
        while readers.iter().any(|(reading, counted)| counted.get() + AHEAD <= number && !reading.is_finished()) {
            // A reader that fails does not say so.
            let _nothing_came = timeout(Duration::from_millis(100), progress.notified()).await;
        }
        let request = format!(r#"{{"id":{number},"op":"broadcast","rooms":["all"],"data":{data}}}"#);
        sender.write_all(&Frame::text_message(&request).bytes()).await.expect("the server reads");
        assert_eq!(replies.text().await.expect("a reply"), format!(r#"{{"reply":{number},"ok":true}}"#));
    }
    let mut writers = Vec::with_capacity(MEMBERS);
    for (reading, _) in readers {
        writers.push(reading.await.expect("it got everything"));
    }

    wait_until("ten connections are cut off", || server.counter("slow_consumers") == STUCK as u64);
    assert_eq!(server.get("/rooms/all").text(), r#"{"room":"all","members":990}"#);
    let grown = Memory::of(server).most.saturating_sub(before.now);
    println!("memory: {} KiB, at most {grown} KiB more", before.now);
    assert!(grown < GROWTH_KIB_MAX, "the server took {grown} KiB more");
    for (mut incoming, _writer) in stuck {
        // What the kernel had, and then a reset: no end that looks like a good one.
        let end = loop {
            match incoming.fill(1 << 20).await {
                Ok(0) => break None,
                Ok(_) => while incoming.frame().expect("whole frames").is_some() {},
                Err(error) => break Some(error.kind()),
            }
        };
        assert_eq!(end, Some(std::io::ErrorKind::ConnectionReset));
    }
}

/// A connection in the room of all.
async fn member(server: &Server, receive_buffer: Option<u32>) -> (Incoming, OwnedWriteHalf) {
    let (mut incoming, mut writer, _) = open_rooms(server.address(), receive_buffer).await.expect("a connection");
    let join = Frame::text_message(r#"{"id":1,"op":"join","room":"all"}"#);
    writer.write_all(&join.bytes()).await.expect("the server reads");
    assert_eq!(incoming.text().await.expect("a reply"), r#"{"reply":1,"ok":true}"#);
    (incoming, writer)
}

struct Reader {
    counted: Rc<Cell<usize>>,
    progress: Rc<Notify>,
}

impl Reader {
    /// Reads all messages, each as it has to be.
    async fn read_everything(
        self,
        mut incoming: Incoming,
        writer: OwnedWriteHalf,
        messages: Rc<[String]>,
    ) -> OwnedWriteHalf {
        for (number, data) in messages.iter().enumerate() {
            let text = incoming.text().await.unwrap_or_else(|error| panic!("before message {number}: {error}"));
            let got = text.strip_prefix(r#"{"event":"message","data":"#).and_then(|rest| rest.strip_suffix('}'));
            let head = &text[..text.len().min(200)];
            assert!(got == Some(data), "message {number} is not what was sent: {head}");
            self.counted.set(number + 1);
            self.progress.notify_one();
        }
        assert_eq!(incoming.left(), 0, "more came than was sent");
        writer
    }
}

/// What a message carries: about [`MESSAGE_BYTES`], different for each.
fn data(number: usize) -> String {
    let filling: String = ('a'..='z').cycle().skip(number).take(MESSAGE_BYTES).collect();
    format!(r#"{{"n":{number},"filling":"{filling}"}}"#)
}

#[test]
fn with_little_traffic_the_heartbeat_cuts_off() {
    let mut server = Server::start(&[("PING_INTERVAL", "400"), ("PING_TIMEOUT", "1500")]);
    let (stuck, _) = Client::open_rooms(&server);
    let (mut sender, id) = Client::open_rooms(&server);
    let mut sent = 0;
    wait_until("the stuck connection is gone", || {
        // A blast now and then, which the sender gets too; and it answers pings, as the stuck one does not.
        sender.send_text(&format!(r#"{{"id":{sent},"op":"blast","data":"{id}"}}"#));
        let (mut replied, mut delivered) = (false, false);
        while !(replied && delivered) {
            let frame = sender.frame();
            match frame.opcode() {
                9 => sender.send(&Frame::new(0x8a, &frame.payload).bytes()),
                _ if frame.text() == format!(r#"{{"reply":{sent},"ok":true}}"#) => replied = true,
                _ => delivered = frame.text() == format!(r#"{{"event":"message","data":"{id}"}}"#),
            }
        }
        sent += 1;
        server.stats().websockets == 1
    });
    assert_eq!(server.counter("slow_consumers"), 0, "it was not the queue");
    drop((stuck, sender));
    server.assert_unharmed();
}

/// A connection that asks and asks and never reads: its replies are bounded as deliveries are.
#[test]
fn replies_that_nobody_reads_are_limited_too() {
    const REQUESTS_MAX: usize = 4_000;
    let mut server = Server::start(&[]);
    let idle = server.idle();
    let (stuck, _) = Client::open_rooms(&server);
    let before = Memory::of(&server);
    let request = format!(r#"{{"id":"{}","op":"getId"}}"#, "x".repeat(50_000));
    let bytes = Frame::text_message(&request).bytes();
    let mut writer = stuck.writer();
    writer.set_write_timeout(Some(DEADLINE)).expect("an open socket");
    let cut_off = (0..REQUESTS_MAX).any(|_| std::io::Write::write_all(&mut writer, &bytes).is_err());
    assert!(cut_off, "{REQUESTS_MAX} replies of 50 kB each are kept for who does not read");
    server.wait_for_stats(&Stats { websockets: 0, ..idle });
    assert_eq!(server.counter("slow_consumers"), 1);
    let grown = Memory::of(&server).most.saturating_sub(before.now);
    assert!(grown < GROWTH_KIB_MAX, "the server took {grown} KiB more");
    drop((stuck, writer));
    server.assert_unharmed();
}
