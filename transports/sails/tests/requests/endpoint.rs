//! Virtual requests beside what else an endpoint has.

use axum::Router;
use axum::routing::get;
use roomcast::Engine;
use roomcast_lane::{Ack, Data, Events, Refusal};
use roomcast_sails::Sails;
use serde_json::{Value, json};

use crate::world::World;

fn api() -> Router {
    Router::new().route("/", get(async || "from the router"))
}

#[tokio::test(flavor = "multi_thread")]
async fn own_events_come_before_requests() {
    let events = Events::new()
        .on("double", async |_, Data(number): Data<i64>| Ack(number * 2))
        .on("patch", async |_, Data(data): Data<Value>| Ack(json!({ "own": data })))
        .before(|_, event| match event.args_json().contains("forbidden") {
            true => Err(Refusal::new("no")),
            false => Ok(()),
        });
    let world = World::mount(&Engine::new(), Router::new(), events.fallback(Sails::new(api()))).await;
    let mut ann = world.connect().await;
    let doubled = ann.begin("double", json!(21)).await;
    assert_eq!(ann.acknowledged(doubled).await.args, json!([42]));
    let patched = ann.begin("patch", json!({ "url": "/" })).await;
    assert_eq!(ann.acknowledged(patched).await.args, json!([{ "own": { "url": "/" } }]));
    ann.begin("get", json!({ "url": "/forbidden" })).await;
    assert_eq!(ann.get("/").await.ok(), "from the router");
    assert!(ann.came().is_empty(), "what was refused before is no request");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_events_are_no_requests() {
    let world = World::of(api()).await;
    let mut ann = world.connect().await;
    for event in ["GET", "Get", "trace", "connect ", "", "message"] {
        ann.begin(event, json!({ "url": "/" })).await;
    }
    assert_eq!(ann.get("/").await.ok(), "from the router");
    assert!(ann.came().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_namespaces_know_nothing_of_it() {
    let world = World::of(api()).await;
    world.io.namespace("/admin", Events::new().on("hello", async |_, ()| Ack("from admin")));
    let mut ann = world.connect().await;
    ann.enter("/admin").await;
    ann.begin("get", json!({ "url": "/" })).await;
    let greeted = ann.begin("hello", json!(null)).await;
    assert_eq!(ann.acknowledged(greeted).await.args, json!(["from admin"]));
    assert!(ann.came().is_empty(), "nobody answered the request");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_reaches_the_same_routes() {
    let world = World::of(api()).await;
    assert_eq!(world.http("GET", "/").await, (200, "from the router".into()));
    assert_eq!(world.http("GET", "/nothing").await.0, 404);
}
