//! The HTTP front inside TLS, with a router of somebody else's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use roomcast::Engine;
use roomcast_lane::Lanes;
use roomcast_server::{Connections, Front, TlsIdentity, serve_tls};
use roomcast_websocket::WebSocket;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const DEADLINE: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(60);

struct Served {
    address: SocketAddr,
    connections: Connections,
    lanes: Lanes,
    client: Arc<ClientConfig>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn served(name: &str, head_timeout: Duration, connections_max: usize) -> Served {
    let (identity, client) = identity(name);
    let lanes = Lanes::builder().threads(1).start(&Engine::new()).unwrap();
    let router = Router::new().route("/", get(async || "hello")).route_service("/ws", WebSocket::echo(&lanes));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Connections::new(&lanes);
    let front = Front {
        head_timeout,
        stall_timeout: head_timeout,
        drain: DEADLINE,
        connections_max,
        connections: connections.clone(),
        direct: Vec::new(),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(serve_tls(listener, identity, router, front, async {
        let _either_way = stopped.await;
    }));
    Served { address, connections, lanes, client, stop, ended }
}

/// An identity of files that are gone again, and a client's configuration that trusts it.
fn identity(name: &str) -> (TlsIdentity, Arc<ClientConfig>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = std::env::temp_dir().join(format!("roomcast-serve-tls-{}-{name}.pem", std::process::id()));
    std::fs::write(&file, own.cert.pem() + &own.signing_key.serialize_pem()).unwrap();
    let identity = TlsIdentity::from_pem_files(&file, &file);
    std::fs::remove_file(&file).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    (identity.unwrap(), Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

impl Served {
    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn try_tls(&self, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(config).connect(name, self.tcp().await).await
    }

    async fn send(&self, bytes: impl AsRef<[u8]>) -> TlsStream<TcpStream> {
        let mut stream = self.try_tls(Arc::clone(&self.client)).await.unwrap();
        stream.write_all(bytes.as_ref()).await.unwrap();
        stream
    }

    async fn open_become(&self, wanted: usize) {
        let poll = async {
            while self.connections.open() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let open = || self.connections.open();
        tokio::time::timeout(DEADLINE, poll).await.unwrap_or_else(|_| panic!("{} connections, not {wanted}", open()));
    }
}

/// All that comes until the end, whatever the end is like.
async fn rest(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _any_end = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.expect("an end in time");
    bytes
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_answered_and_the_end_is_a_good_one() {
    let server = served("requests", LONG, 100).await;
    let mut stream = server.send(ASK).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("close_notify");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    server.open_become(0).await;
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_takes_its_tls_to_its_lane() {
    let server = served("websocket", LONG, 100).await;
    const HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    // A frame in one write with the handshake: what hyper reads of it goes along.
    let mut stream = server.send([UPGRADE.as_bytes(), HELLO].concat()).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    for _ in 0..2 {
        let mut echo = [0; 7];
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"\x81\x05Hello");
        stream.write_all(HELLO).await.unwrap();
    }
    server.open_become(1).await;
    assert_eq!(server.lanes.stats().connections, 1);
    drop(stream);
    server.open_become(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_has_to_end_in_time() {
    let head_timeout = Duration::from_millis(600);
    let server = served("late", head_timeout, 100).await;
    let began = Instant::now();
    let silent = server.tcp().await;
    let mut half = server.tcp().await;
    half.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    server.open_become(2).await;
    for stream in [silent, half] {
        assert!(rest(stream).await.is_empty());
        assert!(began.elapsed() >= head_timeout);
    }
    server.open_become(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_handshake_takes_from_the_time_of_the_first_head() {
    let (head_timeout, before) = (Duration::from_secs(4), Duration::from_secs(3));
    let server = served("head", head_timeout, 100).await;
    let began = Instant::now();
    let tcp = server.tcp().await;
    server.open_become(1).await;
    tokio::time::sleep(before).await;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::clone(&server.client)).connect(name, tcp).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert!(rest(stream).await.is_empty(), "no whole head, no answer");
    let took = began.elapsed();
    assert!(took >= head_timeout && took < before + head_timeout, "{took:?}");
    server.open_become(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shakes_hands_counts_and_delays_nobody() {
    let server = served("limit", LONG, 20).await;
    let mut silent = Vec::new();
    for n in 1..20 {
        silent.push(server.tcp().await);
        server.open_become(n).await;
    }
    let answer = rest(server.send(ASK).await).await;
    assert!(answer.ends_with(b"hello"));
    server.open_become(19).await;
    silent.push(server.tcp().await);
    server.open_become(20).await;
    assert!(rest(server.tcp().await).await.is_empty(), "there are 20");
    silent.clear();
    server.open_become(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_tls_is_refused_and_http_told_why() {
    let server = served("plain", LONG, 100).await;
    let mut http = server.tcp().await;
    http.write_all(ASK.as_bytes()).await.unwrap();
    let answer = String::from_utf8(rest(http).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
    let mut noise = server.tcp().await;
    noise.write_all(&[0; 100]).await.unwrap();
    assert!(rest(noise).await.is_empty());
    let mut noise = server.tcp().await;
    noise.write_all(&[22; 100]).await.unwrap();
    let alert = rest(noise).await;
    assert!(alert.is_empty() || alert.first() == Some(&21), "{alert:?}");
    server.open_become(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_1_1_is_the_only_protocol_inside() {
    let server = served("alpn", LONG, 100).await;
    let with = |protocols: &[&str]| {
        let mut config = ClientConfig::clone(&server.client);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    };
    let stream = server.try_tls(with(&["h2", "http/1.1"])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let stream = server.try_tls(with(&[])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), None);
    let refused = server.try_tls(with(&["h2"])).await.unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_does_not_wait_for_handshakes() {
    let server = served("stop", LONG, 100).await;
    let silent = server.tcp().await;
    server.open_become(1).await;
    server.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, server.ended).await.expect("it ends").unwrap().unwrap();
    assert!(rest(silent).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_resumed() {
    let server = served("resume", LONG, 100).await;
    let kind = async || {
        let mut stream = server.send(ASK).await;
        let kind = stream.get_ref().1.handshake_kind();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        kind
    };
    assert_eq!(kind().await, Some(rustls::HandshakeKind::Full));
    assert_eq!(kind().await, Some(rustls::HandshakeKind::Resumed));
}
