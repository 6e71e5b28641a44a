//! What a handler can take from an event.

use bytes::Bytes;
use roomcast::Socket;
use serde::de::DeserializeOwned;

use super::state::{Requirements, States};
use crate::application::event::Event;
use crate::application::reply::Reply;

/// An event on its way to its handler: what a [`FromEvent`] takes from.
pub struct Call<'a> {
    pub(crate) socket: &'a Socket,
    pub(crate) event: Event<'a>,
    pub(crate) reply: Option<Reply>,
    states: &'a States,
}

impl<'a> Call<'a> {
    pub(crate) fn new(socket: &'a Socket, event: Event<'a>, reply: Reply, states: &'a States) -> Self {
        Self { socket, event, reply: Some(reply), states }
    }

    /// Whose event it is.
    pub fn socket(&self) -> &Socket {
        self.socket
    }

    /// The event. After [`Self::take_event`] it is empty.
    pub fn event(&self) -> &Event<'a> {
        &self.event
    }

    /// Takes the event, copying what is borrowed.
    pub fn take_event(&mut self) -> Event<'static> {
        std::mem::take(&mut self.event).into_owned()
    }

    /// Takes the reply: what the handler returns is then no answer any more.
    pub fn take_reply(&mut self) -> Reply {
        self.reply.take().unwrap_or_else(Reply::nowhere)
    }

    /// A clone of the state of a type.
    pub fn state<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.states.get()
    }
}

/// What a handler can take from an event as its second argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from an event",
    label = "not something an event can give",
    note = "use `Data<T>` (the first argument; T: DeserializeOwned), `Args<(A, B)>` (all arguments), `State<T>`, \
            `Attachments`, `Event<'static>`, `Reply`, `()` or a tuple of up to four of these"
)]
pub trait FromEvent: Sized {
    /// Takes it.
    ///
    /// # Errors
    /// What is wrong with the payload: the handler is not called, the client hears it if it waits for an answer.
    fn from_event(call: &mut Call<'_>) -> Result<Self, String>;

    /// Says what it needs beside the event, to be checked at the start.
    fn requires(_requirements: &mut Requirements) {}
}

/// The first argument of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<T>(pub T);

/// All arguments of an event, as a tuple or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Args<T>(pub T);

/// The binary attachments of an event, in the order of their placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachments(pub Vec<Bytes>);

/// A clone of what was given to [`Events::with_state`](crate::Events::with_state).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<T>(pub T);

impl<T: DeserializeOwned> FromEvent for Data<T> {
    fn from_event(call: &mut Call<'_>) -> Result<Self, String> {
        call.event.first().map(Self)
    }
}

impl<T: DeserializeOwned> FromEvent for Args<T> {
    fn from_event(call: &mut Call<'_>) -> Result<Self, String> {
        call.event.all().map(Self)
    }
}

impl FromEvent for Attachments {
    fn from_event(call: &mut Call<'_>) -> Result<Self, String> {
        Ok(Self(call.event.attachments().to_vec()))
    }
}

impl<T: Clone + Send + Sync + 'static> FromEvent for State<T> {
    fn from_event(call: &mut Call<'_>) -> Result<Self, String> {
        call.state().map(Self).ok_or_else(|| "internal error".into())
    }

    fn requires(requirements: &mut Requirements) {
        requirements.state::<T>();
    }
}

impl FromEvent for Event<'static> {
    fn from_event(call: &mut Call<'_>) -> Result<Self, String> {
        Ok(call.take_event())
    }
}

impl FromEvent for Reply {
    fn from_event(call: &mut Call<'_>) -> Result<Self, String> {
        Ok(call.take_reply())
    }
}

impl FromEvent for () {
    fn from_event(_call: &mut Call<'_>) -> Result<Self, String> {
        Ok(())
    }
}

macro_rules! tuples {
    ($(($($part:ident),+))+) => {$(
        impl<$($part: FromEvent),+> FromEvent for ($($part,)+) {
            fn from_event(call: &mut Call<'_>) -> Result<Self, String> {
                Ok(($($part::from_event(call)?,)+))
            }

            fn requires(requirements: &mut Requirements) {
                $($part::requires(requirements);)+
            }
        }
    )+};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) }
