//! What a client gets for what a service says.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect};
use axum::routing::get;
use axum::{Extension, Json, Router};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use roomcast::{Engine, Socket};
use roomcast_lane::Events;
use roomcast_sails::{Error, Sails, Sockets};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::world::{World, becomes};

async fn answer(handler: impl IntoResponse + Clone + Send + Sync + 'static) -> Answer {
    let world = World::of(Router::new().route("/x", get(async move || handler.clone()))).await;
    world.connect().await.get("/x").await
}

fn answered(status: u64, body: Value) -> Answer {
    Answer { status, body, headers: json!({}), binary: vec![] }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_json_and_text_is_a_string() {
    assert_eq!(answer(Json(json!({ "a": [1] }))).await, answered(200, json!({ "a": [1] })));
    assert_eq!(answer(Json("hi")).await, answered(200, json!("hi")));
    assert_eq!(answer(Json(())).await, answered(200, Value::Null));
    assert_eq!(answer("Grüße\n").await, answered(200, json!("Grüße\n")));
    assert_eq!(answer("5").await, answered(200, json!("5")));
    let problem = ([(CONTENT_TYPE, "application/problem+json")], r#" {"title": "no"} "#);
    assert_eq!(answer((StatusCode::CONFLICT, problem)).await, answered(409, json!({ "title": "no" })));
    let broken = ([(CONTENT_TYPE, "application/json")], "{broken");
    assert_eq!(answer(broken).await, answered(200, json!("{broken")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_in_parts_is_one() {
    let parts = async || Body::from_stream(stream::iter(["one, ", "two"].map(Ok::<_, std::io::Error>)));
    let world = World::of(Router::new().route("/x", get(parts))).await;
    assert_eq!(world.connect().await.get("/x").await, answered(200, json!("one, two")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_is_none() {
    let world = World::of(Router::new().route("/x", get(async || StatusCode::NO_CONTENT))).await;
    let mut ann = world.connect().await;
    let asked = ann.begin("get", json!({ "url": "/x" })).await;
    assert_eq!(ann.acknowledged(asked).await.args, json!([{ "headers": {}, "statusCode": 204 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_is_binary_whatever_its_bytes() {
    for bytes in [&b"\x89PNG\xff\0"[..], b"text by chance"] {
        let got = answer(Bytes::from_static(bytes)).await;
        assert_eq!(got.body, json!({ "_placeholder": true, "num": 0 }));
        assert_eq!(got.binary, [bytes]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_a_placeholder_is_data() {
    let looks = json!({ "_placeholder": true, "num": 0 });
    assert_eq!(answer(Json(looks.clone())).await, answered(200, looks));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_status_and_several_headers_of_a_name() {
    let headers = AppendHeaders([("X-One", "1"), ("link", "<a>"), ("link", "<b>"), (SET_COOKIE.as_str(), "a=b")]);
    let got = answer((StatusCode::IM_A_TEAPOT, headers, "short")).await;
    assert_eq!((got.status, got.body), (418, json!("short")));
    assert_eq!(got.headers, json!({ "x-one": "1", "link": "<a>, <b>" }));
    let moved = answer(Redirect::to("/y")).await;
    assert_eq!((moved.status, moved.headers), (303, json!({ "location": "/y" })));
}

/// A handler that goes wrong as it is told.
async fn wrong(
    State((sockets, stale)): State<(Sockets, Socket)>,
    Extension(socket): Extension<Socket>,
    Path((how, other)): Path<(String, String)>,
) -> Result<Json<usize>, Error> {
    Ok(Json(match how.as_str() {
        "event" => sockets.broadcast("a", "disconnect", &1)?.matched,
        "data" => sockets.broadcast("a", None, &std::collections::HashMap::from([((1, 2), 3)]))?.matched,
        "empty" => sockets.join(&socket, "")?,
        "long" => sockets.join(&socket, "x".repeat(5_000))?,
        "private" => sockets.join(&socket, other)?,
        "gone" => sockets.join(&stale, "a")?,
        "full" => sockets.join(&socket, ["1", "2", "3", "4"])?,
        _ => sockets.join(&socket, "fine")?,
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_verbs_have_the_status_that_fits() {
    let engine = Engine::builder().rooms_per_socket_max(3).build();
    let stale = {
        let lane = roomcast::MemoryLane::new(&engine);
        let owned = lane.connect().unwrap();
        Socket::clone(&owned)
    };
    becomes("gone", || !stale.is_connected()).await;
    let api = Router::new().route("/wrong/{how}/{other}", get(wrong)).with_state((Sockets::new(&engine), stale));
    let world = World::mount(&engine, Router::new(), Events::new().fallback(Sails::new(api))).await;
    let (mut ann, ben) = (world.connect().await, world.connect().await);
    for (how, status, says) in [
        ("event", 400, "\"disconnect\""),
        ("data", 500, ""),
        ("empty", 400, "at least one character"),
        ("long", 400, "5000 bytes"),
        ("private", 403, ""),
        ("gone", 410, ""),
        ("full", 503, "rooms_per_socket_max"),
    ] {
        let (refused, text) = ann.get(&format!("/wrong/{how}/{}", ben.id)).await.refused();
        assert!(refused == status && text.contains(says), "{how}: {refused} {text}");
    }
    assert_eq!(world.connect().await.get("/wrong/not/x").await.ok(), 1);
}
