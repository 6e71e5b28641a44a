//! What is left out of a broadcast, and how often it is sent: a view of the verbs that send.

use roomcast::{Message, Selection, Sent, Target, everyone};
use serde::Serialize;

use super::Sockets;
use super::event_name::{self, DEFAULT};
use crate::error::Error;
use crate::who::Who;

/// What is sent next, and to whom not: [`Sockets::omit`], [`Sockets::once`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `broadcast` or `blast` is called"]
pub struct Broadcast<'s> {
    sockets: &'s Sockets,
    scope: Scope,
}

/// Who is left out, and whether a socket gets one copy or one for each room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    omit: Option<Target<'static>>,
    once: bool,
}

impl<'s> Broadcast<'s> {
    pub(crate) fn new(sockets: &'s Sockets) -> Self {
        Self::scoped(sockets, Scope::default())
    }

    pub(crate) fn scoped(sockets: &'s Sockets, scope: Scope) -> Self {
        Self { sockets, scope }
    }

    /// Leaves these sockets out as well; see [`Sockets::omit`].
    pub fn omit<'w>(mut self, who: impl Into<Who<'w>>) -> Self {
        self.scope.omit(self.sockets, &who.into());
        self
    }

    /// One copy for each socket, not one for each room.
    pub fn once(mut self) -> Self {
        self.scope.once();
        self
    }

    /// [`Sockets::broadcast`] to the others.
    ///
    /// # Errors
    /// As [`Sockets::broadcast`].
    pub fn broadcast<'t, 'e, T: Serialize + ?Sized>(
        self,
        rooms: impl Into<Target<'t>>,
        event: impl Into<Option<&'e str>>,
        data: &T,
    ) -> Result<Sent, Error> {
        self.send(rooms.into(), &message(event.into(), data)?)
    }

    /// [`Sockets::broadcast_message`] to the others.
    ///
    /// # Errors
    /// As [`Sockets::broadcast_message`].
    pub fn broadcast_message<'t>(self, rooms: impl Into<Target<'t>>, message: &Message) -> Result<Sent, Error> {
        event_name::check(message.event())?;
        self.send(rooms.into(), message)
    }

    /// [`Sockets::blast`] to the others.
    ///
    /// # Errors
    /// As [`Sockets::broadcast`].
    pub fn blast<'e, T: Serialize + ?Sized>(self, event: impl Into<Option<&'e str>>, data: &T) -> Result<Sent, Error> {
        self.broadcast(everyone(), event, data)
    }

    /// [`Sockets::blast_message`] to the others.
    ///
    /// # Errors
    /// As [`Sockets::broadcast_message`].
    pub fn blast_message(self, message: &Message) -> Result<Sent, Error> {
        self.broadcast_message(everyone(), message)
    }

    fn send(&self, rooms: Target<'_>, message: &Message) -> Result<Sent, Error> {
        let sent = self.scope.of(self.sockets.engine().to(rooms)).broadcast(message);
        if sent.overloaded { Err(Error::Overloaded) } else { Ok(sent) }
    }
}

impl Scope {
    /// Leaves these sockets out as well.
    pub(crate) fn omit(&mut self, sockets: &Sockets, who: &Who<'_>) {
        let who = who.target_if_any(sockets.engine());
        self.omit = Some(match self.omit.take() {
            Some(omitted) => omitted.or(who),
            None => who,
        });
    }

    /// One copy for each socket.
    pub(crate) fn once(&mut self) {
        self.once = true;
    }

    fn of<'a>(&self, rooms: Selection<'a>) -> Selection<'a> {
        let rooms = if self.once { rooms } else { rooms.per_room() };
        match &self.omit {
            Some(omitted) => rooms.except(omitted.clone()),
            None => rooms,
        }
    }
}

fn message<T: Serialize + ?Sized>(event: Option<&str>, data: &T) -> Result<Message, Error> {
    let event = event.unwrap_or(DEFAULT);
    event_name::check(event)?;
    Ok(Message::json(event, data)?)
}
