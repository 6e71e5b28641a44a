//! Two lanes, of which one has more to send than it can: those who speak are heard on both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
