//! What a handler can return.

use std::fmt;

use roomcast::Message;
use serde::Serialize;

/// What a handler returns.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "handlers return `()`, `Ack<T>` (T: Serialize) or a `roomcast_lane::Result` of these"
)]
pub trait Outcome {
    /// The answer; `None` for a handler that has nothing to say.
    ///
    /// # Errors
    /// What went wrong.
    fn outcome(self) -> std::result::Result<Option<Message>, Error>;
}

/// The answer to an event: one value. For several values, or binary, a handler takes the [`Reply`](crate::Reply):
/// [`send_args`](crate::Reply::send_args), [`send_message`](crate::Reply::send_message).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<T>(pub T);

/// Whatever went wrong in a handler. Any error becomes one with `?`.
#[derive(Debug)]
pub struct Error(Box<dyn std::error::Error + Send + Sync>);

impl Error {
    /// The error itself.
    pub fn as_inner(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

// Not an `Error` itself, or `?` on one would be ambiguous.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What handlers that can fail return.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

impl Outcome for () {
    fn outcome(self) -> Result<Option<Message>> {
        Ok(None)
    }
}

impl<T: Serialize> Outcome for Ack<T> {
    fn outcome(self) -> Result<Option<Message>> {
        Ok(Some(Message::json("", &self.0)?))
    }
}

impl<T: Outcome> Outcome for Result<T> {
    fn outcome(self) -> Result<Option<Message>> {
        self?.outcome()
    }
}
