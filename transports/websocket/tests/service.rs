//! The service in real servers: axum's, hyper's own, and one whose streams are no TCP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use roomcast::Engine;
use roomcast_lane::{Data, Events, Lanes, Result};
use roomcast_websocket::{Origins, Policy, WebSocket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use tokio_tungstenite::{WebSocketStream, client_async};
use tower::ServiceExt;

const DEADLINE: Duration = Duration::from_secs(20);

/// The next text, whatever it takes; pings are tungstenite's to answer.
async fn text<S: AsyncRead + AsyncWrite + Unpin>(client: &mut WebSocketStream<S>) -> String {
    loop {
        match tokio::time::timeout(DEADLINE, client.next()).await.expect("a message in time") {
            Some(Ok(Message::Text(text))) => return text.to_string(),
            Some(Ok(Message::Ping(_))) => {}
            other => panic!("no text but {other:?}"),
        }
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(client: &mut WebSocketStream<S>, text: &str) {
    client.send(Message::text(text)).await.unwrap();
}

async fn connect(address: SocketAddr, path: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    client_async(format!("ws://{address}{path}"), stream).await.unwrap().0
}

/// Waits until something is so.
async fn becomes(what: &str, so: impl Fn() -> bool) {
    let poll = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, poll).await.unwrap_or_else(|_| panic!("never came: {what}"));
}

async fn axum_with(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

fn lanes() -> Lanes {
    Lanes::builder().threads(2).start(&Engine::new()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_and_own_events_share_an_engine_in_axum() {
    let lanes = lanes();
    let chat = Events::new().on_sync("say", |socket, Data(text): Data<String>| -> Result {
        socket.engine().to("chat").emit("said", &text)?;
        Ok(())
    });
    let (events, rooms) = (WebSocket::new(&lanes, chat), WebSocket::rooms(&lanes, Policy::allow_all()));
    let app = Router::new().route_service("/ws", events.clone()).route_service("/rooms", rooms.clone());
    let address = axum_with(app).await;
    let (mut ann, mut ben) = (connect(address, "/rooms").await, connect(address, "/ws?x=1").await);
    for client in [&mut ann, &mut ben] {
        assert!(text(client).await.starts_with(r#"{"event":"hello","data":{"id":""#));
    }
    assert_eq!((events.connections(), rooms.connections()), (1, 1));
    say(&mut ann, r#"{"id":1,"op":"join","room":"chat"}"#).await;
    assert_eq!(text(&mut ann).await, r#"{"reply":1,"ok":true}"#);
    say(&mut ben, r#"{"event":"say","data":"hi","id":2}"#).await;
    assert_eq!(text(&mut ann).await, r#"{"event":"said","data":"hi"}"#);
    assert_eq!(text(&mut ben).await, r#"{"reply":2,"ok":true,"data":null}"#);

    ann.close(None).await.unwrap();
    drop(ben);
    becomes("no connections", || events.connections() + rooms.connections() == 0).await;
    assert_eq!(lanes.engine().stats(), roomcast::Stats::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_tells_clients_of_an_application() {
    let lanes = lanes();
    let address = axum_with(Router::new().route_service("/rooms", WebSocket::rooms(&lanes, Policy::allow_all()))).await;
    let mut client = connect(address, "/rooms").await;
    text(&mut client).await;
    let (forced, closed) = tokio::join!(lanes.drain(Duration::from_millis(50)), async {
        let Some(Ok(Message::Close(Some(CloseFrame { code, .. })))) = client.next().await else { panic!("no close") };
        assert!(client.next().await.is_none(), "the server ends the stream once the close is answered");
        drop(client);
        u16::from(code)
    });
    assert_eq!((forced, closed), (0, 1001));
}

/// hyper as it is, on any stream.
async fn hyper_on(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, service: WebSocket) {
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    connection.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_hyper_and_frames_right_behind_the_head() {
    let lanes = lanes();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = WebSocket::echo(&lanes);
    tokio::spawn(async move { hyper_on(listener.accept().await.unwrap().0, service).await });
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // The masked "Hello" of section 5.7, its last byte later.
    let frame = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    client.write_all(&[head.as_bytes(), &frame[..10]].concat()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(client.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(answer.starts_with("http/1.1 101") && answer.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{answer}");
    client.write_all(&frame[10..]).await.unwrap();
    let mut echo = [0; 7];
    tokio::time::timeout(DEADLINE, client.read_exact(&mut echo)).await.unwrap().unwrap();
    assert_eq!(&echo, b"\x81\x05Hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_no_tcp_are_driven_too() {
    let lanes = lanes();
    let (near, far) = tokio::io::duplex(1000);
    let service = WebSocket::rooms(&lanes, Policy::allow_all());
    tokio::spawn(hyper_on(near, service.clone()));
    let (mut client, _) = client_async("ws://a.example/", far).await.unwrap();
    text(&mut client).await;
    let long = format!(r#"{{"op":"blast","data":"{}"}}"#, "x".repeat(100_000));
    say(&mut client, &long).await;
    assert_eq!(text(&mut client).await.len(), r#"{"event":"message","data":""}"#.len() + 100_000);
    assert_eq!(text(&mut client).await, r#"{"reply":null,"ok":true}"#);
    client.close(None).await.unwrap();
    becomes("its end", || service.connections() == 0).await;
}

fn handshake() -> http::request::Builder {
    Request::get("/ws")
        .header("host", "a.example")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

async fn refused(service: WebSocket, request: http::request::Builder) -> (StatusCode, String) {
    let response: std::result::Result<Response<Full<Bytes>>, Infallible> =
        service.oneshot(request.body(Empty::<Bytes>::new()).unwrap()).await;
    let response = response.unwrap();
    let connection: Vec<_> =
        response.headers().get_all("connection").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(connection.join(",").contains("close"), "{connection:?}");
    let status = response.status();
    (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_and_closed() {
    let lanes = lanes();
    let service = || WebSocket::rooms(&lanes, Policy::allow_all());
    let plain = Request::get("/ws").header("host", "a.example");
    let (status, text) = refused(service(), plain).await;
    assert!(status == StatusCode::UPGRADE_REQUIRED && text.contains("WebSocket client"), "{text}");
    assert_eq!(refused(service(), handshake().method("POST")).await.0, StatusCode::METHOD_NOT_ALLOWED);
    for version in [Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
        assert_eq!(refused(service(), handshake().version(version)).await.0, StatusCode::BAD_REQUEST, "{version:?}");
    }
    for header in ["content-length", "transfer-encoding"] {
        assert_eq!(refused(service(), handshake().header(header, "5")).await.0, StatusCode::BAD_REQUEST);
    }
    // A server that cannot upgrade must not hear that it did.
    let (status, text) = refused(service(), handshake()).await;
    assert!(status == StatusCode::NOT_IMPLEMENTED && text.contains("cannot"), "{text}");
    assert_eq!(service().connections(), 0);
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let lanes = lanes();
    let service = || WebSocket::rooms(&lanes, Policy::allow_all());
    let from = |origin| handshake().header("origin", origin);
    for origin in ["http://b.example", "http://a.example.b.example", "https://sub.a.example", "null"] {
        assert_eq!(refused(service(), from(origin)).await.0, StatusCode::FORBIDDEN, "{origin}");
    }
    let listed = service().origins(Origins::new(["https://b.example"]).unwrap());
    // Past the check: what is missing is the upgrade.
    assert_eq!(refused(listed.clone(), from("https://b.example")).await.0, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(refused(listed.clone(), from("http://a.example")).await.0, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(refused(listed, from("http://b.example")).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_reach_the_connection() {
    let lanes = lanes();
    let service = WebSocket::rooms(&lanes, Policy::allow_all())
        .max_payload(100)
        .fragments_max(2)
        .ping_interval(Duration::from_millis(50))
        .ping_timeout(Duration::from_secs(60));
    let address = axum_with(Router::new().route_service("/ws", service)).await;
    let mut client = connect(address, "/ws").await;
    text(&mut client).await;
    assert!(matches!(client.next().await, Some(Ok(Message::Ping(_)))));
    say(&mut client, &"x".repeat(101)).await;
    loop {
        match client.next().await {
            Some(Ok(Message::Close(Some(close)))) => break assert_eq!(u16::from(close.code), 1009),
            Some(Ok(Message::Ping(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}
