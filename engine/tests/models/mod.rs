//! loom models of the engine's own code, one for each protocol in its files' prose.
//!
//! `cargo models` runs them, then each again with one line of the protocol broken (`sync::broken`, `sync::order`): a model
//! that still passes then watches nothing. They are unit tests since they look inside; under `--cfg loom` groups have two
//! slots, tables and indexes start with one or two cells, and what a reader left behind is freed when nobody is pinned.
//!
//! loom explores schedules with a bounded number of preemptions, and all values that an atomic load may see.

mod births;
mod breaks;
mod death;
mod disconnect;
mod inbox;
mod order;
mod resume;
mod table;

use std::sync::Arc;

use loom::sync::Mutex;

use crate::{Backlog, Closed, Delivery, Engine, Lane, LaneTable, OwnedSocket};

/// Explores a model with two preemptions.
fn model(f: impl Fn() + Sync + Send + 'static) {
    preempted(2, f);
}

fn preempted(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(f);
}

/// A lane whose inbox is drained by hand.
#[derive(Default)]
struct Post(Mutex<Vec<Delivery>>);

impl Lane for Post {
    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    fn deliver(&self, delivery: Delivery) {
        self.0.lock().unwrap().push(delivery);
    }

    fn close(&self, _closed: Closed) {}
}

impl Post {
    /// Gives what waits to those who are bound.
    fn drain<T>(&self, table: &LaneTable<T>, mut each: impl FnMut(&T, &str)) {
        let deliveries = std::mem::take(&mut *self.0.lock().unwrap());
        for delivery in deliveries {
            for tile in &delivery.tiles {
                table.recipients(*tile, delivery.clock, |bound| each(bound, delivery.message.event()));
            }
        }
    }
}

/// An engine with one lane.
fn engine() -> (Engine, Arc<Post>, crate::LanePort) {
    let (engine, post) = (Engine::new(), Arc::new(Post::default()));
    let port = engine.attach(Arc::clone(&post) as Arc<dyn Lane>);
    (engine, post, port)
}

/// A socket whose id is the letter twenty times.
fn connect(port: &crate::LanePort, letter: char) -> OwnedSocket {
    port.connect(&letter.to_string().repeat(20)).unwrap()
}
