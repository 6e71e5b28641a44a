//! Lanes that have more to do than they can, or are held: those who speak are heard.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use roomcast::{Codec, EncodeError, Engine, Message, Outgoing};
use roomcast_lane::{Close, Context, Handshake, Lanes, Progress, Protocol, Stream, Wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);
const INBOX_BYTES: u64 = 4 << 20;

/// Takes a while for each message.
struct Slow;

impl Codec for Slow {
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
        std::thread::sleep(Duration::from_micros(20));
        to.put_slice(out.message.as_json()?);
        Ok(())
    }
}

/// A member of everything that says nothing.
struct Member;

impl Protocol for Member {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        cx.connect(Handshake::new("member"));
    }

    fn handle_input(&mut self, input: &mut [u8], _cx: &mut Context<'_>) -> Result<Progress, Close> {
        Ok(Progress::used(input.len()))
    }
}

/// Says at once how much it heard, and on which lane.
struct Ear;

impl Protocol for Ear {
    fn handle_open(&mut self, _cx: &mut Context<'_>) {}

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        cx.write(&[input.len() as u8, cx.port().lane() as u8]);
        Ok(Progress::used(input.len()))
    }
}

async fn connect<P: Protocol>(lanes: &Lanes, wire: &Wire, protocol: impl FnOnce() -> P + Send + 'static) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(listener.accept(), TcpStream::connect(listener.local_addr().unwrap()));
    lanes.adopt(Stream::tcp(near.unwrap().0).unwrap(), Bytes::new(), wire, protocol).unwrap();
    far.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_is_kept_behind_hears_its_connections() {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(2).inbox_bytes_max(INBOX_BYTES).start(&engine).unwrap();
    let wire = Wire::new(lanes.register(Slow), ());
    let mut member = connect(&lanes, &wire, || Member).await;
    while engine.stats().sockets == 0 {
        tokio::task::yield_now().await;
    }
    // Two beside the member, one on each lane at least.
    let mut ears = [connect(&lanes, &wire, || Ear).await, connect(&lanes, &wire, || Ear).await];
    let reader = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        while member.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    });
    let enough = Arc::<AtomicBool>::default();
    let publisher = std::thread::spawn({
        let (engine, enough) = (engine.clone(), Arc::clone(&enough));
        let message = Message::json("m", &"x".repeat(1_000)).unwrap();
        move || {
            while !enough.load(Ordering::Relaxed) {
                if engine.everyone().broadcast(&message).overloaded {
                    std::thread::yield_now();
                }
            }
        }
    });
    while lanes.stats().overloaded == 0 {
        tokio::task::yield_now().await;
    }
    let mut heard_on = [0, 0];
    for _ in 0..10 {
        for ear in &mut ears {
            ear.write_all(b"?").await.unwrap();
            let mut answer = [0; 2];
            timeout(PATIENCE, ear.read_exact(&mut answer)).await.expect("in time").unwrap();
            assert_eq!(answer[0], 1);
            heard_on[usize::from(answer[1])] += 1;
        }
    }
    assert_eq!(heard_on, [10, 10]);
    enough.store(true, Ordering::Relaxed);
    publisher.join().unwrap();
    drop(lanes);
    reader.await.unwrap();
}

/// Is held until it is told to go on.
struct Held {
    began: mpsc::Sender<()>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Codec for Held {
    fn encode(&self, out: &Outgoing<'_>, _to: &mut BytesMut) -> Result<(), EncodeError> {
        if out.message.event() == "hold" {
            self.began.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
        }
        Ok(())
    }
}

/// Gives up whom it has not heard by the time that is set meanwhile.
struct Judge {
    at: Arc<OnceLock<Instant>>,
    look: Option<Instant>,
}

impl Protocol for Judge {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.look = Some(cx.now());
        cx.write(b"!");
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        self.look = None;
        cx.write(b"heard");
        Ok(Progress::used(input.len()))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.look
    }

    fn handle_timeout(&mut self, now: Instant, _cx: &mut Context<'_>) -> Result<(), Close> {
        self.look = Some(now);
        if self.at.get().is_some_and(|at| *at <= now) { Err(Close::timed_out()) } else { Ok(()) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_while_a_lane_was_held_is_read_before_anybody_is_judged() {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(1).start(&engine).unwrap();
    let ((began, begun), (go_on, told)) = (mpsc::channel(), mpsc::channel());
    let wire = Wire::new(lanes.register(Held { began, go_on: Mutex::new(told) }), ());
    let _member = connect(&lanes, &wire, || Member).await;
    let at = Arc::<OnceLock<Instant>>::default();
    let judges = Arc::clone(&at);
    let mut client = connect(&lanes, &wire, move || Judge { at: judges, look: None }).await;
    timeout(PATIENCE, client.read_exact(&mut [0])).await.expect("in time").unwrap();
    while engine.stats().sockets == 0 {
        tokio::task::yield_now().await;
    }
    let _ = engine.everyone().broadcast(&Message::json("hold", &1).unwrap());
    begun.recv().unwrap();
    client.write_all(b"here").await.unwrap();
    // The lane has something to do at once when it goes on, and need not sleep.
    let _ = engine.everyone().broadcast(&Message::json("more", &1).unwrap());
    at.set(Instant::now()).unwrap();
    // Longer than a lane's timers take to come up.
    tokio::time::sleep(Duration::from_millis(50)).await;
    go_on.send(()).unwrap();
    let mut answer = [0; 5];
    timeout(PATIENCE, client.read_exact(&mut answer)).await.expect("in time").unwrap();
    assert_eq!(&answer, b"heard");
}
