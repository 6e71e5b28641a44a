//! Where futures of the application go on.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use tokio::runtime::{EnterGuard, Handle};

use crate::application::BoxFuture;
use crate::guard;
use crate::lanes::shared::LaneShared;

/// The application's runtime, or, for a lane that is driven by hand, a list.
#[derive(Clone)]
pub(crate) enum Tasks {
    Runtime(Handle),
    Manual(Arc<Mutex<Vec<BoxFuture<()>>>>),
}

thread_local! {
    /// The lane whose turn this thread is in, and where its tasks go.
    static CURRENT: RefCell<Option<(Tasks, Arc<LaneShared>)>> = const { RefCell::new(None) };
}

impl Tasks {
    /// Makes that [`spawn`] and `tokio::spawn` on this thread start tasks here, in the name of `lane`, until the guard is
    /// dropped.
    pub(crate) fn enter(&self, lane: &Arc<LaneShared>) -> Entered<'_> {
        let before = CURRENT.replace(Some((self.clone(), Arc::clone(lane))));
        let runtime = match self {
            Self::Runtime(handle) => Some(handle.enter()),
            Self::Manual(_) => None,
        };
        Entered { before, _runtime: runtime }
    }

    pub(crate) fn spawn(&self, task: BoxFuture<()>) {
        match self {
            Self::Runtime(handle) => drop(handle.spawn(task)),
            Self::Manual(tasks) => tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task),
        }
    }
}

pub(crate) struct Entered<'a> {
    before: Option<(Tasks, Arc<LaneShared>)>,
    _runtime: Option<EnterGuard<'a>>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}

/// Starts a task of the application from code that its lane calls. A panic ends it, and is logged and counted under `name`.
pub(crate) fn spawn(name: &'static str, task: BoxFuture<()>) {
    go_on(caught(name, task));
}

/// The same, polled once here: it goes on elsewhere only if it takes longer.
pub(crate) fn start(name: &'static str, task: BoxFuture<()>) {
    let mut task = caught(name, task);
    if poll_once(&mut task).is_pending() {
        go_on(task);
    }
}

fn caught(name: &'static str, task: BoxFuture<()>) -> BoxFuture<()> {
    let lane = CURRENT.with_borrow(|current| current.as_ref().map(|(_, lane)| Arc::clone(lane)));
    Box::pin(AssertUnwindSafe(task).catch_unwind().map(move |result| {
        if let Err(panic) = result {
            guard::report_panic(lane.as_ref().map(|lane| &lane.counters), name, &*panic);
        }
    }))
}

fn go_on(task: BoxFuture<()>) {
    match CURRENT.with_borrow(|current| current.as_ref().map(|(tasks, _)| tasks.clone())) {
        Some(tasks) => tasks.spawn(task),
        // An application that is called by hand, outside a lane.
        None => match Handle::try_current() {
            Ok(handle) => drop(handle.spawn(task)),
            Err(_) => tracing::error!("an async handler needs a tokio runtime"),
        },
    }
}

/// Polls a future once. The waker does nothing: whoever takes over a pending future polls it again at once.
pub(crate) fn poll_once<T>(future: &mut BoxFuture<T>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
