//! Where futures of the application go on.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::runtime::{EnterGuard, Handle};

use crate::application::BoxFuture;

/// The application's runtime, or, for a lane that is driven by hand, a list.
#[derive(Clone)]
pub(crate) enum Tasks {
    Runtime(Handle),
    Manual(Arc<Mutex<Vec<BoxFuture<()>>>>),
}

thread_local! {
    static CURRENT: RefCell<Option<Tasks>> = const { RefCell::new(None) };
}

impl Tasks {
    /// Makes that [`spawn`] and `tokio::spawn` on this thread start tasks here, until the guard is dropped.
    pub(crate) fn enter(&self) -> Entered<'_> {
        let before = CURRENT.replace(Some(self.clone()));
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
    before: Option<Tasks>,
    _runtime: Option<EnterGuard<'a>>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}

/// Starts a task of the application from code that its lane calls.
pub(crate) fn spawn(task: BoxFuture<()>) {
    match CURRENT.with_borrow(Clone::clone) {
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
