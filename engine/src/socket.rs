//! Sockets as users and as transports hold them.

use std::any::{Any, TypeId};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::broadcast::Sent;
use crate::engine::Engine;
use crate::error::JoinError;
use crate::id::SocketId;
use crate::message::Message;
use crate::port::Place;
use crate::selection::Selection;
use crate::target::{Expr, Rooms, Target, everyone};

/// A handle of a socket. Clone it and keep it as you like: it does not keep the socket connected, and once that is gone
/// every call finds nobody.
///
/// A clone costs one reference count, shared by the sockets of one lane.
#[derive(Clone)]
pub struct Socket {
    engine: Arc<Engine>,
    id: SocketId,
}

/// The owner of a socket: whoever drops it disconnects the socket and lets its slot be used again.
pub struct OwnedSocket {
    socket: Socket,
    place: Arc<Place>,
}

/// Sockets of a selection or of a change, by id.
#[derive(Clone, Debug, Default)]
pub struct Members {
    ids: Vec<SocketId>,
    next: usize,
}

impl Socket {
    pub(crate) fn new(engine: Arc<Engine>, id: SocketId) -> Self {
        Self { engine, id }
    }

    /// Its id.
    pub fn id(&self) -> SocketId {
        self.id
    }

    /// The engine, in the socket's namespace.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether it is connected. Takes no lock.
    pub fn is_connected(&self) -> bool {
        self.engine.core.slots.is_alive(self.id)
    }

    /// Joins rooms; how many were new to it. In force when the call returns. Locks its group of 32 and, for a new member,
    /// the room.
    ///
    /// # Errors
    /// [`JoinError`]. Bad names are found before anything changes; otherwise the rooms before the refused one are joined.
    pub fn join<'r>(&self, rooms: impl Into<Rooms<'r>>) -> Result<usize, JoinError> {
        self.engine.join_socket(self.id, &rooms.into())
    }

    /// Leaves rooms; how many it was in. Locks as [`Self::join`].
    pub fn leave<'r>(&self, rooms: impl Into<Rooms<'r>>) -> usize {
        self.engine.leave_socket(self.id, &rooms.into())
    }

    /// Leaves all rooms but its own; how many it was in.
    pub fn leave_all(&self) -> usize {
        self.engine.leave_all_selected(&Expr::Socket(self.id)).memberships
    }

    /// The names of its rooms, without its own, in no order. Locks its group, and each room for its name.
    pub fn rooms(&self) -> Vec<String> {
        self.engine.rooms_of(self.id)
    }

    /// Whether it is in any of these rooms; its own counts. Takes no lock.
    pub fn is_in<'a>(&'a self, rooms: impl Into<Target<'a>>) -> bool {
        let both = Expr::All(vec![Expr::Socket(self.id), rooms.into().0]);
        self.engine.to(Target(both)).count() == 1
    }

    /// Sends it a message.
    pub fn send(&self, message: &Message) -> Sent {
        self.engine.broadcast(&Expr::Socket(self.id), message)
    }

    /// Sends it a message that it acknowledges under a number; see [`Selection::ask`].
    pub fn ask(&self, message: &Message, number: impl FnOnce(&[SocketId]) -> u64) -> Sent {
        self.engine.ask(&Expr::Socket(self.id), message, number)
    }

    /// Sends it an event with one argument.
    ///
    /// # Errors
    /// [`EncodeError::Json`](crate::EncodeError::Json) if `data` cannot be JSON.
    #[cfg(feature = "json")]
    pub fn emit<T: serde::Serialize + ?Sized>(&self, event: &str, data: &T) -> Result<Sent, crate::EncodeError> {
        Ok(self.send(&Message::json(event, data)?))
    }

    /// Chooses sockets other than this one.
    pub fn to<'a>(&'a self, target: impl Into<Target<'a>>) -> Selection<'a> {
        self.engine.to(target.into().except(self))
    }

    /// Chooses every other socket of the namespace.
    pub fn broadcast(&self) -> Selection<'_> {
        self.to(everyone())
    }

    /// Attaches a value, in the place of a former one of its type. Dropped, and `false`, if the socket is gone.
    /// Locks its group.
    pub fn insert<T: Any + Send + Sync>(&self, value: T) -> bool {
        let Some(group) = self.engine.core.slots.group(self.id.group()) else { return false };
        let replaced = {
            let mut state = group.lock();
            if !group.is_alive(self.id) {
                return false;
            }
            state.set_value(self.id.slot, TypeId::of::<T>(), Arc::new(value))
        };
        // It is the user's, so it is dropped when the lock is gone.
        drop(replaced);
        true
    }

    /// The attached value of a type. Locks its group.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let group = self.engine.core.slots.group(self.id.group())?;
        let state = group.lock();
        if !group.is_alive(self.id) {
            return None;
        }
        Arc::clone(state.value(self.id.slot, TypeId::of::<T>())?).downcast().ok()
    }

    /// Disconnects it: it leaves all rooms now, and its client is told once what was sent before has been written. Where a
    /// connection has one socket it closes then; one that may have several, as of Socket.IO, stays. False if it was not
    /// connected any more.
    pub fn disconnect(&self) -> bool {
        self.engine.disconnect(self.id, false)
    }

    /// Disconnects it and closes its connection, in which its client's sockets in other namespaces end too, each for the same
    /// reason: when this returns the socket is out of all rooms, the others follow when their lane comes to it. False if it
    /// was not connected any more; then nothing else happens either.
    pub fn close_connection(&self) -> bool {
        self.engine.disconnect(self.id, true)
    }
}

impl OwnedSocket {
    pub(crate) fn new(socket: Socket, place: Arc<Place>) -> Self {
        Self { socket, place }
    }

    /// Asks that its rooms be named when it is disconnected: by [`Self::close`], or in [`Closed`](crate::Closed).
    pub fn report_rooms(&self) {
        if let Some(group) = self.engine.core.slots.group(self.id.group()) {
            group.lock().reporting |= self.id.bit();
        }
    }

    /// Disconnects it on behalf of its lane, which is not told. `Some` of its rooms, if they are to be reported, for the
    /// call that did it; `None` if it was disconnected before: then a [`Closed`](crate::Closed) is in the lane's inbox, or
    /// on its way there.
    pub fn close(&self) -> Option<Vec<String>> {
        self.engine.close(self.id)
    }
}

impl Deref for OwnedSocket {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl Drop for OwnedSocket {
    fn drop(&mut self) {
        self.engine.free(self.id);
        self.place.give(self.id.slot);
    }
}

impl Members {
    pub(crate) fn new(ids: Vec<SocketId>) -> Self {
        Self { ids, next: 0 }
    }

    /// Those that were not taken yet.
    pub fn as_slice(&self) -> &[SocketId] {
        &self.ids[self.next..]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl Iterator for Members {
    type Item = SocketId;

    fn next(&mut self) -> Option<SocketId> {
        let id = self.ids.get(self.next).copied()?;
        self.next += 1;
        Some(id)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.as_slice().len(), Some(self.as_slice().len()))
    }
}

impl ExactSizeIterator for Members {}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({})", self.id)
    }
}

impl fmt::Debug for OwnedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedSocket({})", self.id)
    }
}
