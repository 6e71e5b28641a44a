//! What the handshake says counts for all requests of a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::AppendHeaders;
use axum::routing::get;
use http::HeaderMap;
use http::header::{COOKIE, SET_COOKIE};
use roomcast_sails::{Hooks, MemoryStore, Sails, SessionLayer};
use serde_json::{Value, json};

use crate::client::Client;
use crate::world::{World, in_time};

/// Says which of its headers come from a handshake.
async fn known(headers: HeaderMap) -> axum::Json<Value> {
    let of = |name: &str| {
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        (!values.is_empty()).then(|| values.join(" and "))
    };
    axum::Json(json!([of("cookie"), of("origin"), of("host"), of("nosession")]))
}

fn api() -> Router {
    Router::new().route("/known", get(known))
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_origin_and_host_are_those_of_the_handshake() {
    let world = World::of(api()).await;
    let host = world.address.to_string();
    let origin = format!("http://{host}");
    let mut page = world.connect_with("", &[("cookie", "who=ann"), ("origin", &origin)]).await;
    let mut program = world.connect().await;
    let forged = json!({ "cookie": "who=eve", "Origin": "http://evil.example", "HOST": "evil.example" });
    for headers in [json!({}), forged] {
        let request = json!({ "url": "/known", "headers": headers });
        assert_eq!(page.ask("get", request.clone()).await.ok(), json!(["who=ann", origin, host, null]));
        assert_eq!(program.ask("get", request).await.ok(), json!([null, null, host, null]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_no_session_has_none() {
    let world = World::of(api()).await;
    for (query, headers) in [("nosession=true", &[][..]), ("", &[("nosession", "true")])] {
        let mut client = world.connect_with(query, headers).await;
        assert_eq!(client.get("/known").await.ok()[3], "true");
    }
    // Or of one request only.
    let mut client = world.connect().await;
    let request = json!({ "url": "/known", "headers": { "nosession": true } });
    assert_eq!(client.ask("get", request).await.ok()[3], "true");
    assert_eq!(client.get("/known").await.ok()[3], Value::Null);
}

async fn cookie(headers: HeaderMap) -> String {
    headers.get(COOKIE).map_or("none", |cookie| cookie.to_str().unwrap()).into()
}

/// Routes that answer with cookies, and one that says which came.
fn cookies() -> Router {
    let headers = |cookies: &'static [&str]| AppendHeaders(cookies.iter().map(|cookie| (SET_COOKIE, *cookie)));
    let set = |cookies| get(async move || headers(cookies));
    Router::new()
        .route("/cookie", get(cookie))
        .route("/login", set(&["sid=MQ==; Path=/; HttpOnly", "theme = dark"]))
        .route("/other", set(&["sid=2"]))
        .route("/forget", set(&["sid=; Max-Age=0", "flash=; Path=/"]))
}

async fn has(client: &mut Client, cookie: &str) {
    assert_eq!(client.get("/cookie").await.ok(), cookie);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_cookies_of_an_answer_are_kept_for_the_connection() {
    let world = World::of(cookies()).await;
    let (mut ann, mut ben) = (world.connect().await, world.connect().await);
    has(&mut ann, "none").await;
    assert_eq!(ann.get("/login").await.headers, json!({}), "they are not for the client's eyes");
    has(&mut ann, "sid=MQ==; theme = dark").await;
    ann.get("/other").await.ok();
    has(&mut ann, "sid=MQ==; theme = dark").await;
    has(&mut ben, "none").await;
    ben.emit(json!(["get", { "url": "/other" }])).await;
    has(&mut ben, "sid=2").await;
    has(&mut world.connect().await, "none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_brings_cookies_keeps_them() {
    let world = World::of(cookies()).await;
    let mut ann = world.connect_with("", &[("cookie", "a=b; c=d")]).await;
    ann.get("/login").await.ok();
    has(&mut ann, "a=b; c=d").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_that_an_answer_takes_back_are_none() {
    let world = World::of(cookies()).await;
    let mut ann = world.connect().await;
    ann.get("/forget").await.ok();
    has(&mut ann, "none").await;
    ann.get("/other").await.ok();
    has(&mut ann, "sid=2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_that_is_too_old_is_told_so() {
    let world = World::of(api()).await;
    for version in ["0.11.0", "1.2.1", "2"] {
        let mut client = world.connect_with(&format!("__sails_io_sdk_version={version}"), &[]).await;
        assert_eq!(client.get("/known").await.status, 200, "{version}");
    }
    let old = ["0.10.0", "0.9.0", "no%20version"].map(|version| format!("__sails_io_sdk_version={version}"));
    for query in &old {
        let mut client = world.connect_with(query, &[]).await;
        let asked = client.begin("get", json!({ "url": "/known" })).await;
        is_parse_error(&client.acknowledged(asked).await.args[0], "0.11");
        client.emit(json!(["get", { "url": "/known" }])).await;
        let event = client.event().await;
        assert_eq!(event[0], "sails:parseError");
        is_parse_error(&event[1], "0.11");
    }
    let mut client = world.connect_with("", &[("__sails_io_sdk_version", "0.10.9")]).await;
    assert_eq!(client.get("/known").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_told_so() {
    let world = World::of(api()).await;
    let mut ann = world.connect().await;
    for (request, says) in [
        (json!({}), "url"),
        (json!({ "url": 5 }), "url"),
        (json!({ "url": "" }), "url"),
        (json!({ "url": "http://[bad" }), "url"),
        (json!("/known"), "object"),
        (json!(null), "object"),
        (json!([]), "object"),
    ] {
        let asked = ann.begin("get", request.clone()).await;
        is_parse_error(&ann.acknowledged(asked).await.args[0], says);
        ann.emit(json!(["get", request])).await;
        is_parse_error(&ann.event().await[1], says);
    }
    for event in [json!(["get"]), json!(["get", { "url": "/known" }, 5])] {
        ann.emit(event).await;
        is_parse_error(&ann.event().await[1], "one argument");
    }
    assert_eq!(ann.get("/known").await.status, 200);
}

fn is_parse_error(error: &Value, says: &str) {
    assert_eq!(error["code"], "SAILS:HOOK:SOCKETS:PARSE_VIRTUAL_REQ");
    assert_eq!((&error["status"], &error["statusCode"]), (&json!(400), &json!(400)));
    assert!(error["details"].as_str().unwrap().contains(says), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_end_of_a_drain_everybody_has_left() {
    let told = Arc::new(AtomicUsize::new(0));
    let sessions = SessionLayer::new(MemoryStore::new(), ["s"]).unwrap();
    let hear = {
        let told = Arc::clone(&told);
        move |_session, _socket, _bye| {
            let told = Arc::clone(&told);
            async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                told.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    let hooks = Hooks::new().after_disconnect(&sessions, hear);
    let world = World::virtually(Sails::builder(api()).hooks(hooks.clone()).build()).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(world.connect().await);
    }
    world.lanes.drain(Duration::ZERO).await;
    in_time("the hooks", hooks.settled()).await;
    assert_eq!(told.load(Ordering::SeqCst), clients.len());
}
