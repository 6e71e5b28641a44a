//! What a connect handler can take from a handshake.

use std::sync::Arc;

use roomcast::Socket;
use serde::de::DeserializeOwned;

use super::extract::State;
use super::state::{Requirements, States};
use crate::application::handshake::{Handshake, Refusal};

/// A socket that wants in: what a [`FromConnect`] takes from.
pub struct Connecting<'a> {
    socket: &'a Socket,
    handshake: &'a Arc<Handshake>,
    states: &'a States,
}

impl<'a> Connecting<'a> {
    pub(crate) fn new(socket: &'a Socket, handshake: &'a Arc<Handshake>, states: &'a States) -> Self {
        Self { socket, handshake, states }
    }

    /// Who wants in.
    pub fn socket(&self) -> &Socket {
        self.socket
    }

    /// What it brought.
    pub fn handshake(&self) -> &Arc<Handshake> {
        self.handshake
    }

    /// A clone of the state of a type.
    pub fn state<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.states.get()
    }
}

/// What a connect handler can take from a handshake as its second argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from a handshake",
    label = "not something a handshake can give",
    note = "use `Auth<T>` (T: DeserializeOwned), `State<T>`, `Arc<Handshake>`, `()` or a tuple of up to four of these"
)]
pub trait FromConnect: Sized {
    /// Takes it.
    ///
    /// # Errors
    /// Refuses the client.
    fn from_connect(connecting: &Connecting<'_>) -> Result<Self, Refusal>;

    /// Says what it needs beside the handshake, to be checked at the start.
    fn requires(_requirements: &mut Requirements) {}
}

/// What the client sent to prove who it is: [`Handshake::auth`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<T>(pub T);

impl<T: DeserializeOwned> FromConnect for Auth<T> {
    fn from_connect(connecting: &Connecting<'_>) -> Result<Self, Refusal> {
        connecting.handshake.auth().map(Self)
    }
}

impl<T: Clone + Send + Sync + 'static> FromConnect for State<T> {
    fn from_connect(connecting: &Connecting<'_>) -> Result<Self, Refusal> {
        connecting.state().map(Self).ok_or_else(|| Refusal::new("internal error").status(500))
    }

    fn requires(requirements: &mut Requirements) {
        requirements.state::<T>();
    }
}

impl FromConnect for Arc<Handshake> {
    fn from_connect(connecting: &Connecting<'_>) -> Result<Self, Refusal> {
        Ok(Self::clone(connecting.handshake))
    }
}

impl FromConnect for () {
    fn from_connect(_connecting: &Connecting<'_>) -> Result<Self, Refusal> {
        Ok(())
    }
}

macro_rules! tuples {
    ($(($($part:ident),+))+) => {$(
        impl<$($part: FromConnect),+> FromConnect for ($($part,)+) {
            fn from_connect(connecting: &Connecting<'_>) -> Result<Self, Refusal> {
                Ok(($($part::from_connect(connecting)?,)+))
            }

            fn requires(requirements: &mut Requirements) {
                $($part::requires(requirements);)+
            }
        }
    )+};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) }
