//! The HTTP front with a router of somebody else's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use roomcast::{Engine, Socket};
use roomcast_lane::{Events, Handshake, Lanes, Refusal};
use roomcast_server::{Connections, Direct, Front, serve};
use roomcast_socketio::SocketIo;
use roomcast_websocket::WebSocket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_secs(20);

struct Served {
    address: std::net::SocketAddr,
    connections: Connections,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn served(router: Router, lanes: &Lanes, head_timeout: Duration, connections_max: usize) -> Served {
    served_with(Vec::new(), router, lanes, head_timeout, connections_max).await
}

async fn served_with(
    direct: Vec<Direct>,
    router: Router,
    lanes: &Lanes,
    head_timeout: Duration,
    connections_max: usize,
) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Connections::new(lanes);
    let front = Front {
        head_timeout,
        stall_timeout: LONG,
        drain: DRAIN,
        connections_max,
        connections: connections.clone(),
        direct,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(serve(listener, router, front, async {
        let _either_way = stopped.await;
    }));
    Served { address, connections, stop, ended }
}

impl Served {
    async fn send(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
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

/// All that comes until the end; a reset is an end too.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.expect("an end in time");
    assert!(read.is_ok() || bytes.is_empty());
    String::from_utf8(bytes).unwrap()
}

fn lanes() -> Lanes {
    Lanes::builder().threads(1).start(&Engine::new()).unwrap()
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// Without endpoints that come before the router, and with one.
fn fronts(lanes: &Lanes) -> [Vec<Direct>; 2] {
    [Vec::new(), vec![WebSocket::echo(lanes).direct("/")]]
}

const LONG: Duration = Duration::from_secs(60);
/// Shorter than what clients are given otherwise.
const DRAIN: Duration = Duration::from_secs(15);
const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn a_head_has_to_come_in_time_whatever_came_before() {
    let lanes = lanes();
    let head_timeout = Duration::from_millis(300);
    for direct in fronts(&lanes) {
        let server = served_with(direct, hello(), &lanes, head_timeout, 100).await;
        let began = Instant::now();
        let partial = ["", "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\n"];
        let mut streams = Vec::new();
        for bytes in partial {
            streams.push(server.send(bytes).await);
        }
        let idle = server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        server.open_become(4).await;
        for stream in streams {
            assert!(!rest(stream).await.contains("200"), "no answer");
            assert!(began.elapsed() >= head_timeout);
        }
        assert!(rest(idle).await.ends_with("hello"), "one answer, then the next head did not come");
        server.open_become(0).await;
    }
}

#[tokio::test]
async fn a_head_may_not_be_endless() {
    let lanes = lanes();
    for direct in fronts(&lanes) {
        let server = served_with(direct, hello(), &lanes, LONG, 100).await;
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100_000));
        let answer = rest(server.send(&long).await).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
        server.open_become(0).await;
    }
}

#[tokio::test]
async fn connections_are_counted_also_once_they_are_upgraded_and_bounded() {
    let lanes = lanes();
    for direct in fronts(&lanes) {
        let router = Router::new().route_service("/", WebSocket::echo(&lanes));
        let server = served_with(direct, router, &lanes, LONG, 2).await;
        let mut upgraded = server.send(HANDSHAKE).await;
        let mut status = [0; 12];
        upgraded.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 101");
        server.open_become(1).await;
        let speaking = server.send("GET / HTTP/1.1\r\n").await;
        server.open_become(2).await;
        assert_eq!(rest(server.send("").await).await, "", "the third is closed");
        drop(speaking);
        server.open_become(1).await;
        let third = server.send("GET / HTTP/1.1\r\n").await;
        server.open_become(2).await;
        drop((upgraded, third));
        server.open_become(0).await;
    }
}

#[tokio::test]
async fn what_an_endpoint_before_the_router_does_not_take_is_the_routers() {
    let lanes = lanes();
    let direct = vec![WebSocket::echo(&lanes).direct("/")];
    let router = hello().route_service("/ws", WebSocket::echo(&lanes));
    let server = served_with(direct, router, &lanes, LONG, 100).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), "200 OK"),
        ("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi".to_owned(), "405"),
        ("GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), "404"),
        ("GET / HTTP/1.1\r\nno header\r\n\r\n".to_owned(), "400"),
        (HANDSHAKE.replacen("GET /", "GET /ws", 1).replacen("Host", "Content-Length: 2\r\nHost", 1), "400"),
        (HANDSHAKE.replacen("GET /", "GET /ws", 1).replacen("13", "8", 1), "426"),
    ] {
        // An answer that closes the connection before the body is there has to arrive as well, each time.
        for _ in 0..20 {
            let answer = rest(server.send(&request).await).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        }
    }
    let mut upgraded = server.send(&HANDSHAKE.replacen("GET /", "GET /ws", 1)).await;
    let mut status = [0; 12];
    upgraded.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 101", "by the router, with what was read on the lane");
    server.open_become(1).await;
}

/// What a client gets that ends its side behind what it sends.
async fn answer_to(server: &Served, bytes: &str) -> String {
    let mut stream = server.send(bytes).await;
    stream.shutdown().await.unwrap();
    rest(stream).await
}

#[tokio::test]
async fn a_whole_request_is_answered_also_if_the_client_sends_no_more() {
    let lanes = lanes();
    let slowly = async |body: String| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        body
    };
    let large = async || "x".repeat(16 << 20);
    let router = hello().route("/slow", post(slowly)).route("/large", get(large));
    for direct in fronts(&lanes) {
        let server = served_with(direct, router.clone(), &lanes, LONG, 100).await;
        for (request, end) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\nhello"),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "\r\n\r\nhello"),
            ("GET / HTTP/1.0\r\n\r\n", "\r\n\r\nhello"),
            ("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", "\r\n\r\nbody"),
            ("POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "\r\n\r\nhi"),
        ] {
            for _ in 0..20 {
                let answer = answer_to(&server, request).await;
                assert!(answer.starts_with("HTTP/1.") && answer.ends_with(end), "{request}: {answer}");
            }
            let twice = answer_to(&server, &request.repeat(2)).await;
            let answers = if request.contains("close") || request.contains("1.0") { 1 } else { 2 };
            assert_eq!(twice.matches(end).count(), answers, "{request}, twice: {twice}");
        }
        let answer = answer_to(&server, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.ends_with(&"x".repeat(16 << 20)), "all of it, not {} bytes", answer.len());
        server.open_become(0).await;
    }
}

#[tokio::test]
async fn answers_that_may_not_have_a_body_have_none() {
    let lanes = lanes();
    let status = async |Path(code): Path<u16>| (StatusCode::from_u16(code).unwrap(), Json("a body"));
    let server = served(Router::new().route("/{code}", get(status)), &lanes, LONG, 100).await;
    for (code, lines) in [(204, &[][..]), (205, &["content-length: 0"]), (304, &[])] {
        let ask = |connection: &str| format!("GET /{code} HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n");
        let answers = rest(server.send(&(ask("keep-alive") + &ask("close"))).await).await;
        let answers: Vec<&str> = answers.split_inclusive("\r\n\r\n").collect();
        assert_eq!(answers.len(), 2, "nothing but heads: {answers:?}");
        for answer in answers {
            assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
            let of_body: Vec<&str> = answer.lines().filter(|line| line.starts_with("content-")).collect();
            assert_eq!(of_body, lines, "{code}");
        }
    }
}

#[tokio::test]
async fn a_request_that_breaks_off_is_not_answered() {
    let lanes = lanes();
    let router = hello().route("/post", post(async |body: String| body));
    for direct in fronts(&lanes) {
        let server = served_with(direct, router.clone(), &lanes, LONG, 100).await;
        for request in ["", "GET / HTTP/1.1\r\n", "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbod"] {
            let answer = answer_to(&server, request).await;
            assert!(!answer.contains("200 OK"), "{request}: {answer}");
        }
        server.open_become(0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_left_is_noticed_while_a_handler_works_for_it() {
    static BEGUN: Notify = Notify::const_new();
    let lanes = lanes();
    let (held, mut given_up) = tokio::sync::mpsc::channel::<()>(1);
    let never = async move || {
        let _held = held.clone();
        BEGUN.notify_one();
        std::future::pending::<()>().await;
    };
    let server = served(Router::new().route("/", get(never)), &lanes, LONG, 100).await;
    let stream = server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    BEGUN.notified().await;
    drop(stream);
    server.open_become(0).await;
    drop(server.stop);
    server.ended.await.unwrap().unwrap();
    assert_eq!(given_up.recv().await, None, "the handler was dropped");
}

#[tokio::test]
async fn the_application_knows_where_each_client_is() {
    for is_direct in [true, false] {
        let lanes = lanes();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let events = || {
            let tell = tell.clone();
            Events::new().on_connect(move |_: Socket, handshake: Arc<Handshake>| {
                let told = tell.send((handshake.transport, handshake.peer));
                async move { told.map_err(|_| Refusal::new("the test is over")) }
            })
        };
        let (raw, io) = (WebSocket::new(&lanes, events()), SocketIo::new(&lanes));
        io.namespace("/", events());
        let direct = if is_direct { vec![raw.direct("/"), io.direct()] } else { Vec::new() };
        let router = Router::new().route_service("/", raw).route_service("/socket.io/", io.into_service());
        let server = served_with(direct, router, &lanes, LONG, 100).await;
        let socketio = "/socket.io/?EIO=3&transport=";
        for (request, transport) in [
            (HANDSHAKE.to_owned(), "websocket"),
            (HANDSHAKE.replacen('/', &format!("{socketio}websocket"), 1), "websocket"),
            (format!("GET {socketio}polling HTTP/1.1\r\nHost: a\r\n\r\n"), "polling"),
        ] {
            let stream = server.send(&request).await;
            let heard = tokio::time::timeout(DEADLINE, told.recv()).await.expect("a client in time");
            assert_eq!(heard, Some((transport, Some(stream.local_addr().unwrap()))), "{request}");
        }
    }
}

#[tokio::test]
async fn requests_that_have_begun_are_finished_when_it_stops() {
    static BEGUN: Notify = Notify::const_new();
    static GO_ON: Notify = Notify::const_new();
    let lanes = lanes();
    let slow = async || {
        BEGUN.notify_one();
        GO_ON.notified().await;
        "done"
    };
    let server = served(hello().route("/slow", get(slow)), &lanes, LONG, 100).await;
    let idle = server.send("").await;
    let busy = server.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    BEGUN.notified().await;
    let Served { address, stop, mut ended, .. } = server;
    stop.send(()).unwrap();
    assert_eq!(rest(idle).await, "", "nothing to finish");
    assert!(TcpStream::connect(address).await.is_err(), "it listens no more");
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut ended).await.is_err(), "it waits");
    GO_ON.notify_one();
    assert!(rest(busy).await.ends_with("done"));
    tokio::time::timeout(DEADLINE, ended).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn when_it_stops_no_lane_listens_any_more() {
    let lanes = Lanes::builder().threads(2).start(&Engine::new()).unwrap();
    let direct = vec![WebSocket::echo(&lanes).direct("/")];
    let server = served_with(direct, hello(), &lanes, LONG, 100).await;
    let undecided = server.send("GET /").await;
    server.open_become(1).await;
    let Served { address, stop, ended, connections } = server;
    stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, ended).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(connections.open(), 1, "the lanes' drain ends it");
    assert_eq!(lanes.drain(Duration::ZERO).await, 0, "nobody had to be cut off");
    assert_eq!(rest(undecided).await, "");
    assert_eq!(connections.open(), 0);
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_own_connection() {
    let lanes = lanes();
    let server = served(hello().route("/boom", get(boom)), &lanes, LONG, 100).await;
    assert_eq!(rest(server.send("GET /boom HTTP/1.1\r\nHost: a\r\n\r\n").await).await, "");
    let answer = rest(server.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await).await;
    assert!(answer.ends_with("hello"));
    server.open_become(0).await;
}

async fn boom() -> &'static str {
    panic!("a handler's own fault")
}

/// The clock is paused and goes on by itself whenever nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn who_does_not_take_the_answers_is_cut_off() {
    let lanes = lanes();
    let large = Router::new().route("/", get(async || "x".repeat(1 << 20)));
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let server = served(large.clone(), &lanes, LONG, 100).await;
        let mut stream = server.send("").await;
        let began = tokio::time::Instant::now();
        // HEADs are many, so that their answers fill all buffers: it may never be able to send them all.
        let requests = request.repeat(200_000);
        let _cut_off = tokio::time::timeout(LONG * 3, stream.write_all(requests.as_bytes())).await;
        while server.connections.open() != 0 {
            assert!(began.elapsed() < LONG * 5, "it is still there");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(began.elapsed() >= LONG, "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_send_what_a_handler_waits_for_is_cut_off() {
    static BEGUN: Notify = Notify::const_new();
    let lanes = lanes();
    let read = async |body: Body| {
        BEGUN.notify_one();
        to_bytes(body, usize::MAX).await.map(|_| "read").map_err(|error| error.to_string())
    };
    let router = Router::new().route("/", post(read));
    for head in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
        let server = served(router.clone(), &lanes, LONG, 100).await;
        let began = tokio::time::Instant::now();
        let stream = server.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n5\r\n")).await;
        BEGUN.notified().await;
        while server.connections.open() != 0 {
            assert!(began.elapsed() < LONG * 5, "it is still there");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(began.elapsed() >= LONG, "{:?}", began.elapsed());
        assert_eq!(rest(stream).await, "", "no answer");
    }
}

/// A server with a client that does not read its answer, which is larger than what is under way between the two can be.
async fn with_a_client_that_does_not_read(lanes: &Lanes) -> (Served, TcpStream) {
    let begins = Arc::new(Notify::new());
    let begun = Arc::clone(&begins);
    let large = async move || {
        begins.notify_one();
        "x".repeat(64 << 20)
    };
    let server = served(Router::new().route("/", get(large)), lanes, LONG, 100).await;
    let stream = server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::timeout(DEADLINE, begun.notified()).await.expect("a request in time");
    (server, stream)
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_does_not_hold_up_a_stop() {
    let lanes = lanes();
    let (Served { connections, stop, ended, .. }, _reads_nothing) = with_a_client_that_does_not_read(&lanes).await;
    stop.send(()).unwrap();
    tokio::time::timeout(DRAIN * 2, ended).await.expect("it waits for ever").unwrap().unwrap();
    assert_eq!(connections.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn to_drop_a_server_is_to_cut_its_clients_off() {
    let lanes = lanes();
    let (Served { connections, ended, .. }, _reads_nothing) = with_a_client_that_does_not_read(&lanes).await;
    ended.abort();
    assert!(ended.await.unwrap_err().is_cancelled());
    let gone = async {
        while connections.open() != 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(DRAIN / 2, gone).await.expect("it is still there");
}
