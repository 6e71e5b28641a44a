//! The endpoint as a tower service: in front of a router, on lanes with threads.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use roomcast::Engine;
use roomcast_lane::{Ack, Data, Events, Lanes, Refusal};
use roomcast_socketio::{Cookie, Origins, SocketIo, SocketIoBuilder};
use tower::{Layer, ServiceExt, service_fn};

const DEADLINE: Duration = Duration::from_secs(20);

/// A program with a route of its own behind the endpoint.
struct Program {
    io: SocketIo,
    router: Router,
    lanes: Lanes,
}

fn program(change: impl FnOnce(SocketIoBuilder) -> SocketIoBuilder) -> Program {
    let lanes = Lanes::builder().threads(2).start(&Engine::new()).unwrap();
    let io = change(SocketIo::builder(&lanes)).build();
    io.namespace("/", Events::new().on_sync("double", |_, Data(number): Data<u32>| Ack(2 * number)));
    let router = Router::new()
        .route("/hello", get(async || "hello"))
        .route("/socket.io/more", get(async || "more"))
        .layer(io.layer());
    Program { io, router, lanes }
}

impl Program {
    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Answer and body of a request without headers.
    async fn text(&self, method: Method, target: &str, body: impl Into<Body>) -> (StatusCode, String) {
        read(self.ask(request(method, target).body(body.into()).unwrap()).await).await
    }

    /// Begins a session; gives the target of its requests.
    async fn session(&self) -> String {
        let (status, open) = self.text(Method::GET, "/socket.io/?EIO=4&transport=polling", Body::empty()).await;
        assert_eq!(status, StatusCode::OK, "{open}");
        let open: serde_json::Value = serde_json::from_str(&open[1..]).unwrap();
        format!("/socket.io/?EIO=4&transport=polling&sid={}", open["sid"].as_str().unwrap())
    }

    /// The same, connected to `/`.
    async fn connected(&self) -> String {
        let session = self.session().await;
        assert_eq!(self.text(Method::POST, &session, "40").await, (StatusCode::OK, "ok".into()));
        let (_, connected) = self.text(Method::GET, &session, Body::empty()).await;
        assert!(connected.starts_with("40{\"sid\":"), "{connected}");
        session
    }
}

fn request(method: Method, target: &str) -> http::request::Builder {
    Request::builder().method(method).uri(target).header("host", "a.example")
}

async fn read(response: Response<Body>) -> (StatusCode, String) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
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

#[track_caller]
fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_front_of_a_router_whose_routes_are_untouched() {
    let program = program(|builder| builder);
    let session = program.connected().await;
    assert_eq!(program.text(Method::POST, &session, "427[\"double\",21]").await.1, "ok");
    assert_eq!(program.text(Method::GET, &session, Body::empty()).await.1, "437[42]");
    assert_eq!((program.io.sessions(), program.io.sockets("/")), (1, 1));
    for (target, text) in [("/hello", "hello"), ("/socket.io/more?EIO=4&transport=polling", "more")] {
        assert_eq!(program.text(Method::GET, target, Body::empty()).await, (StatusCode::OK, text.into()));
    }
    for target in ["/socket.io", "/socket.io/x", "/"] {
        assert_eq!(program.text(Method::GET, target, Body::empty()).await.0, StatusCode::NOT_FOUND, "{target}");
    }
    assert_eq!(program.text(Method::POST, &session, "1").await.1, "ok");
    assert_eq!(program.text(Method::GET, &session, Body::empty()).await.0, StatusCode::BAD_REQUEST);
    becomes("nobody is left", || program.io.sessions() + program.io.sockets("/") == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_answers_a_poll_that_waits_and_a_lost_poll_loses_none() {
    let program = program(|builder| builder);
    let session = program.connected().await;
    let lost = tokio::time::timeout(Duration::from_millis(20), program.text(Method::GET, &session, Body::empty()));
    assert!(lost.await.is_err(), "there is nothing to say");
    program.io.everyone().emit("e", &1).unwrap();
    assert_eq!(program.text(Method::GET, &session, Body::empty()).await.1, "42[\"e\",1]");
    let (answer, _) = tokio::join!(program.text(Method::GET, &session, Body::empty()), async {
        program.io.everyone().emit("e", &2).unwrap()
    });
    assert_eq!(answer.1, "42[\"e\",2]");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_and_how() {
    let program = program(|builder| builder.allow_eio3(false));
    let session = program.session().await;
    let refusals = [
        (Method::GET, "/socket.io/?EIO=4".to_owned(), 0),
        (Method::GET, "/socket.io/?EIO=4&transport=polling&sid=abcdefghij0123456789".into(), 1),
        (Method::GET, "/socket.io/?EIO=4&transport=polling&sid=x".into(), 1),
        (Method::POST, "/socket.io/?EIO=4&transport=polling".into(), 2),
        (Method::OPTIONS, "/socket.io/?EIO=4&transport=polling".into(), 2),
        (Method::GET, "/socket.io/?EIO=4&transport=websocket".into(), 3),
        (Method::GET, session.replace("polling", "websocket"), 3),
        (Method::GET, session.replace("EIO=4", "EIO=3"), 3),
        (Method::DELETE, session.clone(), 3),
        (Method::GET, "/socket.io/?transport=polling".into(), 5),
        (Method::GET, "/socket.io/?EIO=3&transport=polling".into(), 5),
    ];
    for (method, target, code) in refusals {
        let (status, body) = program.text(method, &target, Body::empty()).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, body["code"].as_u64()), (StatusCode::BAD_REQUEST, Some(code)), "{target}");
    }
    assert_eq!(program.io.sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_may_refuse_a_handshake() {
    let program = program(|builder| {
        builder.allow_request(|head| match head.headers.contains_key("x-key") {
            true => Ok(()),
            false => Err(Refusal::new("bring a \"key\"").status(401)),
        })
    });
    let target = "/socket.io/?EIO=4&transport=";
    let upgrade = request(Method::GET, &format!("{target}websocket"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    for without in [request(Method::GET, &format!("{target}polling")), upgrade] {
        let answer = program.ask(without.body(Body::empty()).unwrap()).await;
        let refused = (StatusCode::UNAUTHORIZED, r#"{"code":4,"message":"bring a \"key\""}"#.to_owned());
        assert_eq!(read(answer).await, refused);
    }
    let with = request(Method::GET, &format!("{target}polling")).header("x-key", "1");
    let (status, open) = read(program.ask(with.body(Body::empty()).unwrap()).await).await;
    let open: serde_json::Value = serde_json::from_str(&open[1..]).unwrap();
    let session = format!("{target}polling&sid={}", open["sid"].as_str().unwrap());
    assert_eq!(program.text(Method::POST, &session, "40").await.0, status, "only the handshake is asked about");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_answers_and_the_cookie_of_a_handshake() {
    let program = program(|builder| builder.cookie(Cookie::new("io").unwrap()));
    let target = "/socket.io/?EIO=4&transport=polling";
    let open = program.ask(request(Method::GET, target).body(Body::empty()).unwrap()).await;
    let head = ["content-type", "cache-control"].map(|name| header(&open, name).to_owned());
    assert_eq!(head, ["text/plain; charset=UTF-8", "no-store"]);
    let cookie = header(&open, "set-cookie").to_owned();
    let (_, body) = read(open).await;
    let sid = cookie.strip_prefix("io=").unwrap().strip_suffix("; Path=/; HttpOnly; SameSite=Lax").unwrap();
    assert!(body.contains(sid));
    let post = program.ask(request(Method::POST, &format!("{target}&sid={sid}")).body("40".into()).unwrap()).await;
    assert_eq!((header(&post, "content-type"), header(&post, "set-cookie")), ("text/html", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins() {
    let program = program(|builder| builder.origins(Origins::new(["https://page.example"]).unwrap()));
    let target = "/socket.io/?EIO=4&transport=polling";
    let from = |method: Method, origin: &str| request(method, target).header("origin", origin);
    let preflight = from(Method::OPTIONS, "https://page.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let preflight = program.ask(preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert!(header(&preflight, "access-control-allow-methods").contains("POST"));
    let open = program.ask(from(Method::GET, "https://page.example").body(Body::empty()).unwrap()).await;
    for answer in [&preflight, &open] {
        assert_eq!(header(answer, "access-control-allow-origin"), "https://page.example");
        assert_eq!(header(answer, "access-control-allow-credentials"), "true");
    }
    // Errors too, or the page cannot read them.
    let error = request(Method::GET, "/socket.io/?EIO=4").header("origin", "https://page.example");
    let error = program.ask(error.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (error.status(), header(&error, "access-control-allow-origin")),
        (StatusCode::BAD_REQUEST, "https://page.example")
    );
    let foreign = program.ask(from(Method::GET, "https://other.example").body(Body::empty()).unwrap()).await;
    assert_eq!(header(&foreign, "access-control-allow-origin"), "");
    let (status, body) = read(foreign).await;
    assert_eq!((status, &*body), (StatusCode::FORBIDDEN, r#"{"code":4,"message":"Forbidden"}"#));
    assert_eq!(program.io.sessions(), 1);
}

/// A body that never ends.
fn endless() -> Body {
    Body::new(http_body_util::StreamBody::new(futures_util::stream::pending::<
        Result<http_body::Frame<Bytes>, Infallible>,
    >()))
}

#[tokio::test(start_paused = true)]
async fn a_body_has_thirty_seconds() {
    let program = program(|builder| builder);
    let session = program.session().await;
    let began = tokio::time::Instant::now();
    let (status, _) = program.text(Method::POST, &session, endless()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(began.elapsed().as_secs(), 30);
    let (status, body) = program.text(Method::GET, &session, Body::empty()).await;
    assert_eq!((status, &*body), (StatusCode::BAD_REQUEST, r#"{"code":1,"message":"Session ID unknown"}"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_a_limit_whether_it_says_its_length_or_not() {
    let program = program(|builder| builder.max_payload(1_000));
    let session = program.connected().await;
    let body = |length: usize| format!("42[\"{}\"]", "x".repeat(length - 6));
    assert_eq!(program.text(Method::POST, &session, body(1_000)).await, (StatusCode::OK, "ok".into()));
    assert_eq!(program.text(Method::POST, &session, body(1_001)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let claimed = request(Method::POST, &session).header("content-length", "1001").body(endless()).unwrap();
    let refused = program.ask(claimed).await;
    assert_eq!((refused.status(), header(&refused, "connection")), (StatusCode::PAYLOAD_TOO_LARGE, "close"));
    assert_eq!(program.text(Method::POST, &session, "42[\"x\"]").await.0, StatusCode::OK, "the session stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_upgrade_does_not_hear_that_it_did() {
    let program = program(|builder| builder);
    let upgrade = request(Method::GET, "/socket.io/?EIO=4&transport=websocket")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let answer = program.ask(upgrade.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(program.io.sessions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_that_end_take_no_session() {
    let program = program(|builder| builder);
    let session = program.connected().await;
    let (forced, last) = tokio::join!(
        program.lanes.drain(Duration::from_millis(50)),
        program.text(Method::GET, &session, Body::empty())
    );
    assert_eq!((forced, last), (0, (StatusCode::OK, "1".into())));
    let (status, _) = program.text(Method::GET, "/socket.io/?EIO=4&transport=polling", Body::empty()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(program.io.sessions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_other_bodies_keeps_them() {
    let Program { io, .. } = &program(|builder| builder.path("/io/"));
    let inner = service_fn(async |_: Request<Full<Bytes>>| Ok::<_, Infallible>(Response::new("inside".to_owned())));
    let ask = |target: &str| {
        let request = request(Method::GET, target).body(Full::<Bytes>::default()).unwrap();
        io.layer().layer(inner).oneshot(request)
    };
    assert!(matches!(ask("/").await.unwrap().into_body(), Either::Right(text) if text == "inside"));
    let open = ask("/io/?EIO=4&transport=polling").await.unwrap();
    let Either::Left(body) = open.into_body() else { panic!("not the endpoint's") };
    assert!(body.collect().await.unwrap().to_bytes().starts_with(b"0{"));

    // Mounted by somebody else, it does not look at the path.
    let service = io.clone().into_service();
    let request = request(Method::GET, "/anywhere?EIO=4&transport=polling").body(Full::<Bytes>::default()).unwrap();
    assert_eq!(service.clone().oneshot(request).await.unwrap().status(), StatusCode::OK);
    assert_eq!(service.sessions(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_given_up_with_its_body_half_sent_ends_the_session() {
    let program = program(|builder| builder);
    let session = program.connected().await;
    let post = tokio::time::timeout(Duration::from_millis(20), program.text(Method::POST, &session, endless()));
    assert!(post.await.is_err());
    becomes("the session's end", || program.io.sessions() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_keep_no_lanes_that_nobody_else_holds() {
    let program = program(|builder| builder);
    let engine = program.lanes.engine().clone();
    let _session = program.connected().await;
    assert_eq!(engine.stats().sockets, 1);
    drop(program);
    becomes("its lane ended", || engine.stats().sockets == 0).await;
}
