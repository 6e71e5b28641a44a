//! Answers to events, from wherever the application has them.

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use roomcast::{EncodeError, Message, SocketId};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::application::BoxFuture;
use crate::application::handshake::Refusal;
use crate::key::Key;
use crate::lanes::counters::Counters;
use crate::lanes::order::Order;
use crate::lanes::shared::LaneShared;

/// What a protocol knows an event's answer by: a number or some bytes of its own, given to
/// [`Context::event`](crate::Context::event) and given back to [`Protocol::handle_reply`](crate::Protocol::handle_reply).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AckToken(Token);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Number(u64),
    Bytes(Box<[u8]>),
}

impl AckToken {
    /// The number of a token made from one.
    pub fn as_number(&self) -> Option<u64> {
        match self.0 {
            Token::Number(number) => Some(number),
            Token::Bytes(_) => None,
        }
    }

    /// The bytes of a token made from bytes or text; empty for a number.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Token::Number(_) => &[],
            Token::Bytes(bytes) => bytes,
        }
    }
}

impl From<u64> for AckToken {
    fn from(number: u64) -> Self {
        Self(Token::Number(number))
    }
}

impl From<&[u8]> for AckToken {
    fn from(bytes: &[u8]) -> Self {
        Self(Token::Bytes(bytes.into()))
    }
}

impl From<&str> for AckToken {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

/// The answer to an event: a message whose arguments count and whose event name is empty; or `Ok(None)` from a handler that
/// finished and had nothing to say.
pub type Answer = Result<Option<Message>, AnswerError>;

/// Why an event has no proper answer. The texts may be shown to clients: what a handler's error says is not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// The arguments are not what the handler takes.
    BadPayload(String),
    /// The application vetoed it.
    Refused(Box<Refusal>),
    /// Nobody handles events of this name.
    UnknownEvent,
    /// The handler failed or panicked, or its answer could not be encoded.
    Failed,
    /// The handler did not answer.
    Dropped,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPayload(why) => write!(f, "bad payload: {why}"),
            Self::Refused(refusal) => f.write_str(&refusal.message),
            Self::UnknownEvent => f.write_str("unknown event"),
            Self::Failed => f.write_str("the handler failed"),
            Self::Dropped => f.write_str("no answer"),
        }
    }
}

impl Error for AnswerError {}

/// Answers one event, once, from any thread. Dropping it is no answer.
///
/// Answers take the way of all output, through the lane's inbox, and so come behind what was broadcast before. Those for a
/// socket that is gone are dropped. While a reply is kept, its event counts as in flight.
#[derive(Debug)]
pub struct Reply {
    link: Option<Link>,
    ack: Option<AckToken>,
    /// Those who wait until it is finished: dropped with it, after its answer is on its way.
    watched: Vec<oneshot::Sender<Infallible>>,
}

#[derive(Debug)]
struct Link {
    lane: Arc<LaneShared>,
    to: Key,
    socket: SocketId,
    serial: u64,
}

thread_local! {
    /// The serial number of the event that this lane is calling the application for, until its reply is finished.
    static CALLING: Cell<u64> = const { Cell::new(0) };
}

impl Reply {
    /// A reply that goes nowhere: for calling an application by hand.
    pub fn nowhere() -> Self {
        Self { link: None, ack: None, watched: Vec::new() }
    }

    pub(crate) fn new(lane: &Arc<LaneShared>, to: Key, socket: SocketId, ack: Option<AckToken>, serial: u64) -> Self {
        let link = Link { lane: Arc::clone(lane), to, socket, serial };
        Self { link: Some(link), ack, watched: Vec::new() }
    }

    /// Runs `call`, which got the reply with this serial number; true if the reply is still somewhere, and will report
    /// itself when it is finished.
    pub(crate) fn is_pending_after(serial: u64, call: impl FnOnce()) -> bool {
        CALLING.set(serial);
        call();
        CALLING.replace(0) == serial
    }

    /// Whether the client waits for an answer.
    pub fn is_wanted(&self) -> bool {
        self.ack.is_some()
    }

    /// Answers with one value.
    ///
    /// # Errors
    /// [`EncodeError::Json`] if the value cannot be JSON; the client then hears that the handler failed.
    pub fn send<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.send_args(&(value,))
    }

    /// Answers with as many values as `args` has elements: a tuple or a list.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_args<T: Serialize + ?Sized>(self, args: &T) -> Result<(), EncodeError> {
        if !self.is_wanted() {
            return Ok(());
        }
        match Message::args("", args) {
            Ok(message) => {
                self.send_message(message);
                Ok(())
            }
            Err(error) => {
                self.fail(AnswerError::Failed);
                Err(error)
            }
        }
    }

    /// Answers with the arguments and attachments of a message.
    pub fn send_message(mut self, message: Message) {
        self.finish(Ok(Some(message)));
    }

    /// Says that the event is finished and there is nothing to answer.
    pub fn done(mut self) {
        self.finish(Ok(None));
    }

    /// The same reply, and what resolves when it is finished.
    pub(crate) fn watch(mut self) -> (Self, BoxFuture<()>) {
        let (watched, finished) = oneshot::channel();
        self.watched.push(watched);
        (self, Box::pin(finished.map(drop)))
    }

    pub(crate) fn lane(&self) -> Option<Arc<LaneShared>> {
        self.link.as_ref().map(|link| Arc::clone(&link.lane))
    }

    pub(crate) fn counters(&self) -> Option<&Counters> {
        self.link.as_ref().map(|link| &link.lane.counters)
    }

    /// Answers that there is no answer.
    pub fn fail(mut self, error: AnswerError) {
        self.finish(Err(error));
    }

    fn finish(&mut self, answer: Answer) {
        let Some(link) = self.link.take() else { return };
        let counted = CALLING.get() != link.serial;
        if !counted {
            CALLING.set(0);
        }
        let answer = self.ack.take().map(|ack| (ack, answer));
        if counted || answer.is_some() {
            link.lane.push(Order::Reply { to: link.to, socket: link.socket, answer, counted });
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let error = if std::thread::panicking() { AnswerError::Failed } else { AnswerError::Dropped };
        self.finish(Err(error));
    }
}
