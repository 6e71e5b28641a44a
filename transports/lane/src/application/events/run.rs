//! Running handlers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use roomcast::{Message, Socket};

use super::extract::{Call, FromEvent};
use super::outcome::{Error, Outcome};
use crate::application::BoxFuture;
use crate::application::reply::{AnswerError, Reply};
use crate::guard;
use crate::lanes::tasks;
use crate::seldom::Seldom;

static FAILED: Seldom = Seldom::new();

/// What happens around handlers.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) error: Option<Arc<OnError>>,
}

type OnError = dyn Fn(&Socket, &str, &Error, Reply) + Send + Sync;
type Answered = Result<Option<Message>, Error>;
/// Takes what it wants from the call and runs as far as it comes; an error is a bad payload.
type Run = dyn Fn(&mut Call<'_>) -> Result<Running, String> + Send + Sync;

/// A handler, its types forgotten.
#[derive(Clone)]
pub(super) struct Handler {
    run: Arc<Run>,
    pub(super) offloaded: bool,
}

enum Running {
    Done(Answered),
    Future(BoxFuture<Answered>),
}

pub(super) enum Started {
    Done,
    Pending(BoxFuture<()>),
}

impl Handler {
    pub(super) fn asynchronous<E, R, F>(handler: F) -> Self
    where
        F: Fn(Socket, E) -> R + Send + Sync + 'static,
        E: FromEvent,
        R: Future + Send + 'static,
        R::Output: Outcome,
    {
        Self::new(move |call| {
            let what = E::from_event(call)?;
            let future = handler(call.socket.clone(), what);
            // Boxed here: a generic task for each handler costs the compiler more than the box costs.
            Ok(Running::Future(Box::pin(future.map(Outcome::outcome))))
        })
    }

    pub(super) fn synchronous<E, R, F>(handler: F) -> Self
    where
        F: Fn(&Socket, E) -> R + Send + Sync + 'static,
        E: FromEvent,
        R: Outcome,
    {
        Self::new(move |call| {
            let what = E::from_event(call)?;
            Ok(Running::Done(handler(call.socket, what).outcome()))
        })
    }

    fn new(run: impl Fn(&mut Call<'_>) -> Result<Running, String> + Send + Sync + 'static) -> Self {
        Self { run: Arc::new(run), offloaded: false }
    }

    /// Runs the handler as far as it comes at once.
    pub(super) fn start(&self, mut call: Call<'_>, hooks: &Hooks) -> Started {
        // The event may be taken by the handler; its name is wanted afterwards only if something takes longer or fails.
        let name = call.event.name_for_log();
        let running = catch_unwind(AssertUnwindSafe(|| {
            let running = (self.run)(&mut call)?;
            Ok(match running {
                Running::Future(mut future) if !self.offloaded => match tasks::poll_once(&mut future) {
                    Poll::Ready(answered) => Running::Done(answered),
                    Poll::Pending => Running::Future(future),
                },
                running => running,
            })
        }));
        let reply = call.reply.take().unwrap_or_else(Reply::nowhere);
        match running {
            Ok(Ok(Running::Done(answered))) => conclude(call.socket, &name, answered, reply, hooks),
            Ok(Ok(Running::Future(future))) => {
                let (socket, name) = (call.socket.clone(), name.into_owned());
                return Started::Pending(Box::pin(finish(socket, name, future, reply, hooks.clone())));
            }
            Ok(Err(why)) => {
                tracing::debug!("event {name:?}: {why}");
                if let Some(counters) = reply.counters() {
                    counters.bad_payloads.add_shared(1);
                }
                reply.fail(AnswerError::BadPayload(why));
            }
            Err(panic) => panicked(&name, &*panic, reply),
        }
        Started::Done
    }
}

async fn finish(socket: Socket, name: String, future: BoxFuture<Answered>, reply: Reply, hooks: Hooks) {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(answered) => conclude(&socket, &name, answered, reply, &hooks),
        Err(panic) => panicked(&name, &*panic, reply),
    }
}

fn conclude(socket: &Socket, name: &str, answered: Answered, reply: Reply, hooks: &Hooks) {
    match answered {
        Ok(Some(message)) => reply.send_message(message),
        Ok(None) => reply.done(),
        Err(error) => {
            if let Some(counters) = reply.counters() {
                counters.handler_errors.add_shared(1);
            }
            match &hooks.error {
                Some(hook) => hook(socket, name, &error, reply),
                None => {
                    FAILED.say(|left_out| tracing::warn!("handler {name:?} failed{left_out}: {error}"));
                    reply.fail(AnswerError::Failed);
                }
            }
        }
    }
}

pub(super) fn panicked(name: &str, panic: &(dyn std::any::Any + Send), reply: Reply) {
    guard::report_panic(reply.counters(), name, panic);
    reply.fail(AnswerError::Failed);
}
