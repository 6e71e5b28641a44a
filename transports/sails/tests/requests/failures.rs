//! Services that fail, panic, take too long or say too much: the request's answer tells it, and the connection stays.

use std::convert::Infallible;
use std::future::pending;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response};
use http_body_util::Full;
use roomcast_sails::Sails;
use serde_json::json;
use tokio::sync::mpsc;
use tower::{Service, service_fn};

use crate::world::{World, in_time};

const FAILED: &str = "Internal Server Error";

/// Says its parts, then fails or panics.
fn unfinished(how: fn() -> Result<&'static str, std::io::Error>) -> Body {
    Body::from_stream(stream::iter([|| Ok("a part"), how]).map(|part| part()))
}

fn endless(parts: impl Stream<Item = &'static str> + Send + 'static) -> Body {
    Body::from_stream(parts.map(Ok::<_, Infallible>))
}

async fn trouble(Path(how): Path<String>) -> Body {
    match how.as_str() {
        "panic" => panic!("as told"),
        "later" => {
            tokio::task::yield_now().await;
            panic!("as {} later", "told")
        }
        "body" => unfinished(|| panic!("as told, in the body")),
        "cut" => unfinished(|| Err(std::io::Error::other("a secret"))),
        _ => Body::from("fine"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_or_a_body_that_breaks_costs_one_request() {
    let world = World::of(Router::new().route("/trouble/{how}", get(trouble))).await;
    let mut ann = world.connect().await;
    let waits = ann.begin("get", json!({ "url": "/trouble/later" })).await;
    for how in ["panic", "body", "cut", "panic"] {
        assert_eq!(ann.get(&format!("/trouble/{how}")).await.refused(), (500, FAILED.into()), "{how}");
        assert_eq!(ann.get("/trouble/no").await.ok(), "fine");
    }
    assert_eq!(ann.answer(waits).await.refused(), (500, FAILED.into()));
    // The same where nobody waits for the answer.
    ann.emit(json!(["get", { "url": "/trouble/panic" }])).await;
    assert_eq!(ann.get("/trouble/no").await.ok(), "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_fails_with_is_not_for_clients() {
    let fails = service_fn(|request: Request<Full<Bytes>>| async move {
        match request.uri().path() {
            "/" => Ok(Response::new(Body::from("fine"))),
            _ => Err("the password of the database"),
        }
    });
    let world = World::virtually(Sails::new(fails)).await;
    let mut ann = world.connect().await;
    assert_eq!(ann.get("/x").await.refused(), (500, FAILED.into()));
    assert_eq!(ann.get("/").await.ok(), "fine");
}

/// Is never ready.
#[derive(Clone)]
struct Closed;

impl Service<Request<Full<Bytes>>> for Closed {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Err("closed"))
    }

    fn call(&mut self, _request: Request<Full<Bytes>>) -> Self::Future {
        unreachable!("it is not ready")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_ready_is_not_called() {
    let world = World::virtually(Sails::new(Closed)).await;
    assert_eq!(world.connect().await.get("/").await.refused(), (500, FAILED.into()));
}

/// Tells when it is dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_given_up() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let slow = service_fn(move |request: Request<Full<Bytes>>| {
        let dropped = Dropped(tell.clone());
        async move {
            match request.uri().path() {
                "/slow" => pending::<()>().await,
                "/endless" => return Ok(Response::new(endless(stream::pending()))), // its head is there in time
                _ => {}
            }
            drop(dropped);
            Ok::<_, Infallible>(Response::new(Body::from("fine")))
        }
    });
    let world = World::virtually(Sails::builder(slow).timeout(Duration::from_millis(50)).build()).await;
    let mut ann = world.connect().await;
    for url in ["/slow", "/endless"] {
        assert_eq!(ann.get(url).await.refused(), (503, "Request timed out".into()));
        in_time("the request to be dropped", told.recv()).await;
    }
    assert_eq!(ann.get("/").await.ok(), "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_not_sent() {
    let sized = async |Path(bytes): Path<usize>| "x".repeat(bytes);
    let more = async || endless(stream::repeat("more"));
    let api = Router::new().route("/sized/{bytes}", get(sized)).route("/endless", get(more));
    let world = World::virtually(Sails::builder(api).answer_bytes_max(1_000).build()).await;
    let mut ann = world.connect().await;
    assert_eq!(ann.get("/sized/1000").await.ok(), "x".repeat(1_000));
    for url in ["/sized/1001", "/endless"] {
        assert_eq!(ann.get(url).await.refused(), (500, "The answer is too long".into()));
    }
    assert_eq!(ann.get("/sized/1").await.ok(), "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_have_all_the_time_there_is() {
    for timeout in [Duration::MAX, Duration::from_secs(100 * 365 * 24 * 60 * 60)] {
        let api = Router::new().route("/", get(async || tokio::task::yield_now().await));
        let world = World::virtually(Sails::builder(api).timeout(timeout).build()).await;
        assert_eq!(world.connect().await.get("/").await.status, 200, "{timeout:?}");
    }
}
