//! What a service is asked.

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::routing::{any, get, put};
use axum::{Extension, Json, Router};
use http::{HeaderMap, Method, Uri};
use roomcast::{Engine, Socket};
use roomcast_lane::{Attachments, Events};
use roomcast_sails::{Error, Sails, Sockets, VirtualRequest, get_id};
use serde_json::{Value, json};

use crate::world::World;

/// Answers with all that it is asked.
async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
    Json(json!({
        "method": method.as_str(),
        "uri": uri.to_string(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "body": String::from_utf8(body.into()).unwrap(),
    }))
}

fn echoing() -> Router {
    Router::new().route("/echo", any(echo))
}

async fn whoami(Extension(socket): Extension<Socket>, asked: Extension<VirtualRequest>, req: Request) -> Json<Value> {
    Json(json!([socket.id().as_str(), get_id(&req).unwrap().as_str(), asked.method.as_str()]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_its_socket_and_says_that_it_is_virtual() {
    let world = World::of(Router::new().route("/me", any(whoami))).await;
    let (mut ann, mut ben) = (world.connect().await, world.connect().await);
    for client in [&mut ann, &mut ben] {
        assert_eq!(client.get("/me").await.ok(), json!([client.id, client.id, "GET"]));
    }
    assert_ne!(ann.id, ben.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_plain_http_the_same_router_knows_no_socket() {
    let join = async |State(sockets): State<Sockets>, Path(room): Path<String>, req: Request| -> Result<_, Error> {
        assert_eq!(req.extensions().get::<VirtualRequest>().is_some(), req.extensions().get::<Socket>().is_some());
        Ok(Json(sockets.join(&req, &room)?))
    };
    let engine = Engine::new();
    let api = Router::new().route("/rooms/{room}/members", put(join)).with_state(Sockets::new(&engine));
    let world = World::mount(&engine, api.clone(), Events::new().fallback(Sails::new(api))).await;
    let mut ann = world.connect().await;
    assert_eq!(ann.ask("put", json!({ "url": "/rooms/a%20b/members" })).await.ok(), 1);
    let not_a_socket = (400, Error::NotASocket.to_string());
    assert_eq!(world.http("PUT", "/rooms/a%20b/members").await, not_a_socket);
    assert_eq!(engine.to("a b").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_methods_with_data() {
    let world = World::of(echoing()).await;
    let mut ann = world.connect().await;
    for method in ["get", "post", "put", "patch", "delete", "options"] {
        let request = json!({ "method": "ignored", "url": "/echo?a=1&b=x y#c", "data": { "n": [1, null] } });
        let said = ann.ask(method, request).await.ok();
        assert_eq!(said["method"], method.to_uppercase());
        assert_eq!((&said["uri"], &said["body"]), (&"/echo?a=1&b=x%20y".into(), &r#"{"n":[1,null]}"#.into()));
        assert_eq!(said["headers"]["content-type"], "application/json");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_asked_as_get_and_has_a_body() {
    let head = async |method: Method, Extension(asked): Extension<VirtualRequest>| {
        Json(json!([method.as_str(), asked.method.as_str()]))
    };
    let world = World::of(Router::new().route("/x", get(head))).await;
    let mut ann = world.connect().await;
    assert_eq!(ann.ask("head", json!({ "url": "/x" })).await.ok(), json!(["GET", "HEAD"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_all_kinds_is_the_body() {
    let world = World::of(echoing()).await;
    let mut ann = world.connect().await;
    for (data, body) in [
        (json!({}), "{}"),
        (json!({ "data": null, "params": null }), "{}"),
        (json!({ "data": 5 }), "5"),
        (json!({ "data": "Grüße" }), "\"Grüße\""),
        (json!({ "data": [1, [2]] }), "[1,[2]]"),
        (json!({ "params": { "a": 1 } }), r#"{"a":1}"#),
        (json!({ "params": { "a": 1, "b": 1 }, "data": { "b": 2 } }), r#"{"a":1,"b":2}"#),
    ] {
        let mut request = data.clone();
        request["url"] = "/echo".into();
        assert_eq!(ann.ask("post", request).await.ok()["body"], body, "{data}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_in_the_data_comes_along() {
    let blobs = async |Extension(Attachments(blobs)): Extension<Attachments>, Json(data): Json<Value>| {
        Json(json!([data, blobs.iter().map(|blob| blob.to_vec()).collect::<Vec<_>>()]))
    };
    let none = async |blobs: Option<Extension<Attachments>>| Json(blobs.is_none());
    let world = World::of(Router::new().route("/blobs", any(blobs)).route("/none", any(none))).await;
    let mut ann = world.connect().await;
    let data = json!({ "icon": { "_placeholder": true, "num": 1 }, "text": { "_placeholder": true, "num": 0 } });
    let blobs = vec![Bytes::from_static(b"hi"), Bytes::from_static(b"\xff\0")];
    let asked = ann.begin_binary("put", json!({ "url": "/blobs", "data": data }), blobs).await;
    assert_eq!(ann.answer(asked).await.ok(), json!([data, [b"hi", b"\xff\0"]]));
    assert_eq!(ann.get("/none").await.ok(), true);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_a_request() {
    let world = World::of(echoing()).await;
    let mut ann = world.connect().await;
    let headers = json!({ "X-Name": "ann", "x-count": 5, "x-flag": true, "x-none": null, "x-list": [1], "bad name": "1", "x-bad": "\n" });
    let said = ann.ask("get", json!({ "url": "/echo", "headers": headers })).await.ok();
    let mut expected = json!({ "content-type": "application/json", "x-name": "ann", "x-count": "5", "x-flag": "true" });
    expected["host"] = world.address.to_string().into();
    assert_eq!(said["headers"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_body_travels_is_not_for_the_client_to_say() {
    let world = World::of(echoing()).await;
    let mut ann = world.connect().await;
    let headers = json!({ "content-type": "text/plain", "content-length": "3", "transfer-encoding": "chunked" });
    let said = ann.ask("post", json!({ "url": "/echo", "headers": headers })).await.ok();
    assert_eq!(said["headers"], json!({ "content-type": "application/json", "host": world.address.to_string() }));
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_lead_nowhere() {
    let world = World::of(echoing()).await;
    let mut ann = world.connect().await;
    for (url, status) in [("/nothing", 404), ("echo", 404), ("//host/echo", 404), ("/echo/%zz", 400), ("/%ff", 400)] {
        assert_eq!(ann.get(url).await.status, status, "{url}");
    }
    for url in ["http://example.com/echo?x=1", "https://example.com/echo?x=1", " /echo?x=1 "] {
        assert_eq!(ann.get(url).await.ok()["uri"], "/echo?x=1", "{url}");
    }
}
