//! Events that ask for an answer.

use std::error::Error;
use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use roomcast::{EncodeError, Engine, Message, Selection, Sent, Socket, SocketId};
use roomcast_lane::{BoxFuture, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use crate::asks::{Asks, Outcome};

/// How long an answer may take unless [`Asking::timeout`] says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends an event that the client has to answer: for a [`Socket`], and for a [`Selection`] of many.
///
/// The event is sent at once, encoded once for each wire, in its order with all other messages; awaiting is for the answers.
/// The clock runs from the sending. It has to be awaited on a tokio runtime with time.
///
/// ```
/// # use roomcast_socketio::EmitWithAck;
/// # use roomcast::{Engine, Socket};
/// # async fn game(io: &Engine, socket: &Socket) -> Result<(), Box<dyn std::error::Error>> {
/// let name: String = socket.emit_with_ack("who are you?", &())?.await?;
///
/// let votes = io.to("game").emit_with_ack::<bool>("ready?", &1)?.await;      // 5 s unless .timeout(..)
/// for (id, ready) in votes.answers { println!("{id}: {ready}") }
/// for (id, why) in votes.missing { println!("{id}: {why}") }
/// # drop(name); Ok(())
/// # }
/// ```
pub trait EmitWithAck: Sized {
    /// What is awaited: [`AskOne`] or [`AskMany`].
    type Asking<T>;

    /// Sends an event with one argument; the first argument of each answer is read as `T`.
    ///
    /// # Errors
    /// [`EncodeError::Json`] if `data` cannot be JSON; nothing was sent.
    fn emit_with_ack<T: DeserializeOwned>(
        self,
        event: &str,
        data: &(impl Serialize + ?Sized),
    ) -> Result<Self::Asking<T>, EncodeError> {
        Ok(self.ask_with(&Message::json(event, data)?, |answer| answer.first()))
    }

    /// Sends any message; answers come with all their arguments and attachments, as an [`Event`] without a name.
    fn send_with_ack(self, message: &Message) -> Self::Asking<Event<'static>> {
        self.ask_with(message, Ok)
    }

    /// Sends any message, and calls `then` for each socket that was asked: with its answer, or once it will not give one
    /// because it left, or owes 1,024 answers already. There is no time-out.
    ///
    /// It is called on the lane where the answer came, before whatever the client sent next is looked at: for who wants answers
    /// in their order with events, which tasks that are awaited do not have. It must not block.
    fn send_and_then(
        self,
        message: &Message,
        then: impl Fn(SocketId, Result<Event<'static>, AckError>) + Send + Sync + 'static,
    ) -> Sent;

    /// Sends a message, and reads answers with `read`.
    fn ask_with<T>(self, message: &Message, read: fn(Event<'static>) -> Result<T, String>) -> Self::Asking<T>;
}

impl EmitWithAck for &Socket {
    type Asking<T> = AskOne<T>;

    fn ask_with<T>(self, message: &Message, read: fn(Event<'static>) -> Result<T, String>) -> AskOne<T> {
        let engine = self.engine();
        AskOne(Asking::new(engine, read, |number| Socket::ask(self, message, number)))
    }

    fn send_and_then(
        self,
        message: &Message,
        then: impl Fn(SocketId, Result<Event<'static>, AckError>) + Send + Sync + 'static,
    ) -> Sent {
        let engine = self.engine();
        Socket::ask(self, message, |ids| tell_then(engine, ids, then))
    }
}

impl EmitWithAck for Selection<'_> {
    type Asking<T> = AskMany<T>;

    fn ask_with<T>(self, message: &Message, read: fn(Event<'static>) -> Result<T, String>) -> AskMany<T> {
        let engine = self.engine();
        AskMany(Asking::new(engine, read, |number| Selection::ask(self, message, number)))
    }

    fn send_and_then(
        self,
        message: &Message,
        then: impl Fn(SocketId, Result<Event<'static>, AckError>) + Send + Sync + 'static,
    ) -> Sent {
        let engine = self.engine();
        self.ask(message, |ids| tell_then(engine, ids, then))
    }
}

fn tell_then(
    engine: &Engine,
    ids: &[SocketId],
    then: impl Fn(SocketId, Result<Event<'static>, AckError>) + Send + Sync + 'static,
) -> u64 {
    let asks: Arc<Asks> = engine.shared();
    asks.ask(engine, ids, Arc::new(move |(id, answer)| then(id, answer)))
}

/// The answer of one socket, to be awaited.
#[must_use = "nobody waits for the answer until it is awaited"]
pub struct AskOne<T>(Asking<T>);

/// The answers of many sockets: awaited, all of them ([`Acks`]); with [`Self::next`], one after the other.
///
/// It is over once everybody answered or left, and at the latest when the time is over.
#[must_use = "nobody waits for the answers until it is awaited"]
pub struct AskMany<T>(Asking<T>);

struct Asking<T> {
    asks: Arc<Asks>,
    /// None if nobody was asked, or nobody is waited for any more.
    open: Option<(u64, UnboundedReceiver<Outcome>)>,
    /// Those who did not answer in time, to be handed out.
    late: Vec<SocketId>,
    sent: Sent,
    deadline: Instant,
    asked_at: Instant,
    read: fn(Event<'static>) -> Result<T, String>,
}

/// What an [`AskMany`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acks<T> {
    /// Answers, in the order in which they came.
    pub answers: Vec<(SocketId, T)>,
    /// Who did not answer, and why.
    pub missing: Vec<(SocketId, AckError)>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckError {
    /// It did not come in time.
    Timeout,
    /// The socket left before it answered.
    Disconnected,
    /// The answer is not what was asked for.
    BadAnswer(String),
    /// The socket is on a wire that has no answers, as a raw WebSocket.
    Unsupported,
    /// A lane had no room for more: nobody was asked.
    Overloaded,
    /// The socket owes 1,024 answers already. The event was sent; what it answers to it is not heard.
    OwesTooMany,
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer in time"),
            Self::Disconnected => f.write_str("the socket left before it answered"),
            Self::BadAnswer(why) => write!(f, "bad answer: {why}"),
            Self::Unsupported => f.write_str("the socket's transport has no answers"),
            Self::Overloaded => f.write_str("not sent: a lane has no room for more"),
            Self::OwesTooMany => f.write_str("the socket owes too many answers already"),
        }
    }
}

impl Error for AckError {}

impl<T> AskOne<T> {
    /// How long the answer may take, from the sending; 5 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.set_timeout(timeout);
        self
    }
}

impl<T> AskMany<T> {
    /// How long answers may take, from the sending; 5 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.set_timeout(timeout);
        self
    }

    /// What the sending came to: how many were asked.
    pub fn sent(&self) -> Sent {
        self.0.sent
    }

    /// The next answer, or who will not give one; `None` when nobody is left.
    pub async fn next(&mut self) -> Option<(SocketId, Result<T, AckError>)> {
        self.0.next().await
    }
}

impl<T> Asking<T> {
    fn new(
        engine: &Engine,
        read: fn(Event<'static>) -> Result<T, String>,
        send: impl FnOnce(&mut dyn FnMut(&[SocketId]) -> u64) -> Sent,
    ) -> Self {
        let asks: Arc<Asks> = engine.shared();
        let mut open = None;
        let sent = send(&mut |ids| {
            // Bounded by the number of those who are asked.
            let (sender, receiver) = unbounded_channel();
            // A receiver that is gone wants none of it.
            let number = asks.ask(engine, ids, Arc::new(move |outcome| drop(sender.send(outcome))));
            open = Some((number, receiver));
            number
        });
        let asked_at = Instant::now();
        Self { asks, open, late: Vec::new(), sent, deadline: asked_at + TIMEOUT, asked_at, read }
    }

    fn set_timeout(&mut self, timeout: Duration) {
        // Beyond a year it makes no difference.
        self.deadline = self.asked_at + roomcast_http::a_year_at_most(timeout);
    }

    async fn next(&mut self) -> Option<(SocketId, Result<T, AckError>)> {
        while let Some((number, outcomes)) = &mut self.open {
            match tokio::time::timeout_at(self.deadline, outcomes.recv()).await {
                Ok(Some((id, outcome))) => {
                    let read = self.read;
                    return Some((id, outcome.and_then(|answer| read(answer).map_err(AckError::BadAnswer))));
                }
                Ok(None) => self.open = None,
                // From here on the channel is closed: what came at the last moment is still in it.
                Err(_elapsed) => self.late = self.asks.forget(*number),
            }
        }
        self.late.pop().map(|id| (id, Err(AckError::Timeout)))
    }
}

impl<T> Drop for Asking<T> {
    fn drop(&mut self) {
        if let Some((number, _)) = &self.open {
            self.asks.forget(*number);
        }
    }
}

impl<T: Send + 'static> IntoFuture for AskOne<T> {
    type Output = Result<T, AckError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            if self.0.sent.overloaded {
                return Err(AckError::Overloaded);
            }
            match self.0.next().await {
                Some((_, outcome)) => outcome,
                // Nobody was selected.
                None => Err(AckError::Disconnected),
            }
        })
    }
}

impl<T: Send + 'static> IntoFuture for AskMany<T> {
    type Output = Acks<T>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut acks = Acks { answers: Vec::new(), missing: Vec::new() };
            while let Some((id, outcome)) = self.next().await {
                match outcome {
                    Ok(answer) => acks.answers.push((id, answer)),
                    Err(why) => acks.missing.push((id, why)),
                }
            }
            acks
        })
    }
}
