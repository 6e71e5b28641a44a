//! TLS on the lanes' own threads, over loopback, with tokio-rustls at the other side.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use roomcast::{Codec, EncodeError, Engine, Message, Outgoing};
use roomcast_lane::{Close, Context, Handshake, Lanes, Progress, Protocol, Stream, Wire};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Longer than anything here takes on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);
const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("in time")
}

async fn until(mut done: impl FnMut() -> bool) {
    soon(async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Payloads as they are.
struct Plain;

impl Codec for Plain {
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
        to.put_slice(out.message.as_json()?);
        Ok(())
    }
}

/// Sends back what comes, and is a socket.
struct Echo;

impl Protocol for Echo {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        cx.connect(Handshake::new("echo"));
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        cx.queue(input);
        Ok(Progress::used(input.len()))
    }
}

struct World {
    engine: Engine,
    lanes: Lanes,
    wire: Wire,
    acceptor: TlsAcceptor,
    roots: RootCertStore,
}

impl World {
    fn new(outbox_bytes_max: usize) -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(&VERSIONS).unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![own.cert.der().clone()], key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        let engine = Engine::new();
        let lanes = Lanes::builder().threads(2).outbox_bytes_max(outbox_bytes_max).start(&engine).unwrap();
        let wire = Wire::new(lanes.register(Plain), ());
        Self { engine, lanes, wire, acceptor: TlsAcceptor::from(Arc::new(config)), roots }
    }

    async fn connect(&self, version: &'static SupportedProtocolVersion) -> TlsStream<TcpStream> {
        self.connect_with(version, |_, _| {}).await
    }

    /// A client whose other side is on a lane; `prepare` sees both ends before they shake hands.
    async fn connect_with(
        &self,
        version: &'static SupportedProtocolVersion,
        prepare: impl FnOnce(&TcpStream, &TcpStream),
    ) -> TlsStream<TcpStream> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(&[version]).unwrap();
        let config = config.with_root_certificates(self.roots.clone()).with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(listener.accept(), TcpStream::connect(listener.local_addr().unwrap()));
        let (near, far) = (near.unwrap().0, far.unwrap());
        near.set_nodelay(true).unwrap();
        prepare(&near, &far);
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let (near, far) = soon(async { tokio::join!(self.acceptor.accept(near), connector.connect(name, far)) }).await;
        self.lanes.adopt(Stream::tls(near.unwrap()).unwrap(), Bytes::new(), &self.wire, || Echo).unwrap();
        far.unwrap()
    }

    async fn connections_become(&self, wanted: u64) {
        until(|| self.lanes.stats().connections == wanted).await;
    }
}

fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n % 251) as u8).collect()
}

async fn read(client: &mut TlsStream<TcpStream>, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    soon(client.read_exact(&mut bytes)).await.unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_all_sizes_come_back() {
    let world = World::new(64 << 20);
    for version in VERSIONS {
        let client = world.connect(version).await;
        let (mut from, mut to) = tokio::io::split(client);
        for size in [1, 125, 16_384, 70_000, 5_000_000] {
            let bytes = pattern(size);
            let sent = bytes.clone();
            let writing = tokio::spawn(async move {
                to.write_all(&sent).await.unwrap();
                to.flush().await.unwrap();
                to
            });
            let mut got = vec![0; size];
            soon(from.read_exact(&mut got)).await.unwrap();
            assert!(got == bytes, "{size} bytes");
            to = writing.await.unwrap();
        }
    }
    world.connections_become(0).await;
    assert_eq!(world.lanes.stats().outbox_bytes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_is_the_same_for_all_members_whatever_they_speak() {
    let world = World::new(64 << 20);
    let mut clients = Vec::new();
    for n in 0..40 {
        clients.push(world.connect(VERSIONS[n % 2]).await);
    }
    until(|| world.engine.stats().sockets == 40).await;
    let mut expected = Vec::new();
    for n in 0..300 {
        let json = serde_json::to_string(&format!("{n} {}", "x".repeat(n * 7 % 900))).unwrap();
        expected.extend_from_slice(json.as_bytes());
        assert_eq!(world.engine.everyone().broadcast(&Message::raw("m", &json)).matched, 40);
    }
    let large = serde_json::to_string(&"y".repeat(5_000_000)).unwrap();
    expected.extend_from_slice(large.as_bytes());
    let _ = world.engine.everyone().broadcast(&Message::raw("m", &large));
    let expected = Arc::new(expected);
    let reading = clients.into_iter().map(|mut client| {
        let expected = Arc::clone(&expected);
        tokio::spawn(async move { assert!(read(&mut client, expected.len()).await == *expected) })
    });
    for reading in reading.collect::<Vec<_>>() {
        reading.await.unwrap();
    }
    world.connections_become(0).await;
    let stats = world.lanes.stats();
    assert_eq!((stats.outbox_bytes, stats.slow_consumers), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_costs_its_limit_and_then_only_itself() {
    const LIMIT: usize = 300_000;
    let world = World::new(LIMIT);
    // Small buffers in the kernel, or they take it all.
    let slow = world.connect_with(&TLS13, |near, far| {
        SockRef::from(near).set_send_buffer_size(8 * 1024).unwrap();
        SockRef::from(far).set_recv_buffer_size(8 * 1024).unwrap();
    });
    let slow = slow.await;
    let mut good = world.connect(&TLS13).await;
    until(|| world.engine.stats().sockets == 2).await;
    let message = serde_json::to_string(&"m".repeat(9_998)).unwrap();
    let mut sent = 0;
    while world.lanes.stats().slow_consumers == 0 {
        let _ = world.engine.everyone().broadcast(&Message::raw("m", &message));
        assert_eq!(read(&mut good, 10_000).await, message.as_bytes());
        let waiting = world.lanes.stats().outbox_bytes;
        assert!(waiting < LIMIT as u64 + 20_000, "{waiting}");
        sent += 1;
        assert!(sent < 1_000, "never cut off");
    }
    assert!(sent >= 30, "only {sent} messages");
    world.connections_become(1).await;
    until(|| world.lanes.stats().outbox_bytes == 0).await;
    drop(slow);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_end_is_answered_by_one() {
    let world = World::new(1 << 20);
    for version in VERSIONS {
        let mut client = world.connect(version).await;
        client.write_all(b"last words").await.unwrap();
        // Says close_notify, and reads on.
        client.shutdown().await.unwrap();
        let mut rest = Vec::new();
        soon(client.read_to_end(&mut rest)).await.expect("close_notify comes back, or this would be an error");
        assert_eq!(rest, b"last words");
        world.connections_become(0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_says_close_notify() {
    let world = World::new(1 << 20);
    let mut clients = vec![world.connect(&TLS12).await, world.connect(&TLS13).await];
    until(|| world.engine.stats().sockets == 2).await;
    let draining = world.lanes.drain(Duration::from_millis(10));
    let ends = async {
        for mut client in clients.drain(..) {
            let mut rest = Vec::new();
            soon(client.read_to_end(&mut rest)).await.expect("close_notify");
            assert!(rest.is_empty());
        }
    };
    let (forced, ()) = tokio::join!(draining, ends);
    assert_eq!(forced, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_in_the_middle_of_a_record_cost_only_their_connection() {
    let world = World::new(1 << 20);
    let mut good = world.connect(&TLS13).await;
    for version in VERSIONS {
        for (first, rest, linger) in [
            // The header of a record, and then a reset, an end, garbage.
            (&[23, 3, 3, 64, 0, 1, 2, 3][..], &b""[..], Some(Duration::ZERO)),
            (&[23, 3, 3, 64, 0, 1, 2, 3], b"", None),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", None),
            (&[23, 3, 3, 0, 20], &[7; 40], None),
        ] {
            let mut client = world.connect(version).await;
            client.write_all(b"fine").await.unwrap();
            assert_eq!(read(&mut client, 4).await, b"fine");
            let (mut tcp, _tls) = client.into_inner();
            tcp.write_all(first).await.unwrap();
            tcp.write_all(rest).await.unwrap();
            SockRef::from(&tcp).set_linger(linger).unwrap();
            drop(tcp);
            world.connections_become(1).await;
        }
    }
    good.write_all(b"still here").await.unwrap();
    assert_eq!(read(&mut good, 10).await, b"still here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_tells_a_client_why_its_garbage_ended_it() {
    let world = World::new(1 << 20);
    let client = world.connect(&TLS13).await;
    let (mut tcp, tls) = client.into_inner();
    tcp.write_all(&[0xff; 5]).await.unwrap();
    let mut stream = rustls::StreamOwned::new(tls, into_blocking(tcp));
    let ended = tokio::task::spawn_blocking(move || io::Read::read(&mut stream, &mut [0; 1]));
    let error = ended.await.unwrap().expect_err("no data");
    assert!(error.to_string().contains("alert"), "{error}");
}

fn into_blocking(tcp: TcpStream) -> std::net::TcpStream {
    let tcp = tcp.into_std().unwrap();
    tcp.set_nonblocking(false).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_of_the_peer_change_nothing_for_what_is_said() {
    let world = World::new(1 << 20);
    let mut client = world.connect(&TLS13).await;
    for n in 0..50 {
        client.get_mut().1.refresh_traffic_keys().unwrap();
        let word = format!("word {n:02}");
        client.write_all(word.as_bytes()).await.unwrap();
        assert_eq!(read(&mut client, 7).await, word.as_bytes());
    }
}
