//! Which requests are in work when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use roomcast::{Engine, JoinError};
use roomcast_lane::Events;
use roomcast_sails::{Error, Sails, SailsBuilder, Sockets};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};

use crate::client::Client;
use crate::world::{World, becomes, in_time};

/// Requests that begin, and end when they may.
#[derive(Clone)]
struct Work(Arc<Inner>);

struct Inner {
    begun: Mutex<Vec<usize>>,
    in_work: AtomicUsize,
    in_work_max: AtomicUsize,
    may_end: Semaphore,
}

impl Work {
    fn new() -> Self {
        let (begun, in_work) = (Mutex::default(), AtomicUsize::default());
        Self(Arc::new(Inner { begun, in_work, in_work_max: AtomicUsize::default(), may_end: Semaphore::new(0) }))
    }

    fn api(&self) -> Router {
        let work = async |State(work): State<Self>, Path(number): Path<usize>| {
            work.run(number).await;
            Json(number)
        };
        Router::new().route("/work/{number}", post(work)).route("/", get(async || "fine")).with_state(self.clone())
    }

    async fn run(&self, number: usize) {
        self.0.begun.lock().unwrap().push(number);
        let in_work = self.0.in_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.in_work_max.fetch_max(in_work, Ordering::SeqCst);
        self.0.may_end.acquire().await.unwrap().forget();
        self.0.in_work.fetch_sub(1, Ordering::SeqCst);
    }

    fn begun(&self) -> Vec<usize> {
        self.0.begun.lock().unwrap().clone()
    }

    async fn have_begun(&self, count: usize) {
        becomes("the requests begin", || self.begun().len() >= count).await;
    }
}

async fn begin(client: &mut Client, number: usize) -> u64 {
    client.begin("post", json!({ "url": format!("/work/{number}") })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_begin_in_their_order_and_do_not_wait_for_each_other() {
    for settings in [|builder| builder, SailsBuilder::offloaded as fn(SailsBuilder) -> SailsBuilder] {
        let work = Work::new();
        let world = World::virtually(settings(Sails::builder(work.api())).build()).await;
        let mut ann = world.connect().await;
        let mut asked = Vec::new();
        for number in 0..40 {
            asked.push(begin(&mut ann, number).await);
        }
        assert_eq!(ann.get("/").await.ok(), "fine");
        assert!(ann.came().is_empty(), "none of them is answered");
        assert_eq!(work.begun(), Vec::from_iter(0..40), "what was asked before has begun before");
        work.0.may_end.add_permits(40);
        for (number, asked) in asked.into_iter().enumerate().rev() {
            assert_eq!(ann.answer(asked).await.ok(), number);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_offloaded_request_that_computes_holds_up_no_lane() {
    let (finish, finished) = std::sync::mpsc::channel::<()>();
    let finished = Arc::new(Mutex::new(finished));
    let compute = async move || {
        finished.lock().unwrap().recv().unwrap();
        "computed"
    };
    let api = Router::new().route("/compute", get(compute)).route("/", get(async || "fine"));
    let world = World::virtually(Sails::builder(api).offloaded().build()).await;
    let (mut ann, mut ben) = (world.connect().await, world.connect().await);
    let asked = ann.begin("get", json!({ "url": "/compute" })).await;
    let behind = ann.begin("get", json!({ "url": "/" })).await;
    assert_eq!(ben.get("/").await.ok(), "fine", "another connection of the lane");
    finish.send(()).unwrap();
    assert_eq!(ann.answer(asked).await.ok(), "computed");
    assert!(ann.came().is_empty(), "what the same connection asks begins afterwards");
    assert_eq!(ann.answer(behind).await.ok(), "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_64_in_work_the_others_wait_unread_and_none_is_lost() {
    const ALL: usize = 500;
    let work = Work::new();
    let world = World::of(work.api()).await;
    let (mut ann, mut ben) = (world.connect().await, world.connect().await);
    let mut asked = Vec::new();
    for number in 0..ALL {
        asked.push(begin(&mut ann, number).await);
    }
    work.have_begun(64).await;
    assert_eq!(ben.get("/").await.ok(), "fine", "another connection of the lane is read");
    assert_eq!(work.begun().len(), 64);
    for _ in 0..ALL {
        work.0.may_end.add_permits(1);
        tokio::task::yield_now().await;
    }
    for (number, asked) in asked.into_iter().enumerate() {
        assert_eq!(ann.answer(asked).await.ok(), number);
    }
    assert_eq!(work.begun(), Vec::from_iter(0..ALL));
    assert_eq!(work.0.in_work_max.load(Ordering::SeqCst), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answer_nobody_wants_runs_too() {
    let work = Work::new();
    let world = World::of(work.api()).await;
    let mut ann = world.connect().await;
    ann.emit(json!(["post", { "url": "/work/7" }])).await;
    work.have_begun(1).await;
    work.0.may_end.add_permits(1);
    becomes("it ends", || work.0.in_work.load(Ordering::SeqCst) == 0).await;
    assert_eq!(ann.get("/").await.ok(), "fine");
    assert!(ann.came().is_empty(), "nothing else came");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_gets_no_answer_and_its_request_ends() {
    let work = Work::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    let engine = Engine::new();
    let sockets = Sockets::new(&engine);
    let late = {
        let work = work.clone();
        async move |request: Request| {
            work.run(0).await;
            tell.send(sockets.join(&request, "late")).unwrap();
            "too late"
        }
    };
    let api = work.api().route("/late", get(late));
    let world = World::mount(&engine, Router::new(), Events::new().fallback(Sails::new(api))).await;
    let (mut ann, mut ben) = (world.connect().await, world.connect().await);
    ann.begin("get", json!({ "url": "/late" })).await;
    work.have_begun(1).await;
    drop(ann);
    becomes("ann is gone", || engine.everyone().count() == 1).await;
    work.0.may_end.add_permits(1);
    assert_eq!(in_time("the end", told.recv()).await, Some(Err(Error::Join(JoinError::Gone))));
    assert_eq!(ben.get("/").await.ok(), "fine");
    assert!(ben.came().is_empty());
    assert_eq!(engine.to("late").count(), 0);
    becomes("its connection is gone", || world.lanes.stats().connections == 1).await;
}
