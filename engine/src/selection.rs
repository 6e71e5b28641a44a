//! Chosen sockets, and what can be done with them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::broadcast::Sent;
use crate::engine::Engine;
use crate::error::JoinError;
use crate::id::SocketId;
use crate::lane::Tile;
use crate::membership::Changed;
use crate::message::{Class, Key, Message};
use crate::scratch::Scratch;
use crate::select::Select;
use crate::socket::{Members, Socket};
#[cfg(loom)]
use crate::sync::broken;
use crate::sync::epoch;
use crate::target::{Expr, Rooms, Target};
use crate::tile_list::TileList;

/// Some sockets, described; a verb reads who they are.
///
/// Broadcasting, counting and listing take no lock. A broadcast costs about a nanosecond for each member selected in large
/// rooms, allocates one delivery for each lane and takes that lane's inbox lock for as long as a push lasts.
#[derive(Clone, Debug)]
#[must_use = "a selection does nothing until a verb is called"]
pub struct Selection<'a> {
    engine: &'a Engine,
    target: Target<'a>,
    per_room: bool,
    class: Option<Class>,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(engine: &'a Engine, target: Target<'a>) -> Self {
        Self { engine, target, per_room: false, class: None }
    }

    /// Chooses these sockets as well. Who was excluded before stays so.
    pub fn to(mut self, target: impl Into<Target<'a>>) -> Self {
        self.target = Target(also(self.target.0, target.into().0));
        self
    }

    /// Leaves these sockets out.
    pub fn except(mut self, target: impl Into<Target<'a>>) -> Self {
        self.target = self.target.except(target);
        self
    }

    /// Sends one copy for each listed room that a socket is in, as Sails does, and not one for each socket. The first room that
    /// finds a lane full is the last.
    pub fn per_room(mut self) -> Self {
        self.per_room = true;
        self
    }

    /// Leaves the message out for readers that are behind.
    pub fn volatile(mut self) -> Self {
        self.class = Some(Class::Volatile);
        self
    }

    /// For readers that are behind, the message replaces what waits under the same key.
    pub fn latest(mut self, key: impl Into<Key>) -> Self {
        self.class = Some(Class::Latest(key.into()));
        self
    }

    /// Leaves out the sockets of other processes. There are none, since engines form no cluster: this changes nothing, and is
    /// here so that programs can say what they mean.
    pub fn local(self) -> Self {
        self
    }

    /// The engine whose sockets are chosen.
    pub fn engine(&self) -> &'a Engine {
        self.engine
    }

    /// Sends a message to each of them. Never waits, and never fails for a reader's sake.
    pub fn broadcast(self, message: &Message) -> Sent {
        let message = classed(message, self.class);
        if !self.per_room {
            return self.engine.broadcast(&self.target.0, &message);
        }
        let mut all = Sent::default();
        for copy in copies(self.target.0) {
            let Sent { matched, backlog_bytes, overloaded } = self.engine.broadcast(&copy, &message);
            all.matched += matched;
            all.backlog_bytes = all.backlog_bytes.max(backlog_bytes);
            all.overloaded = overloaded;
            // A lane that is full is not to be asked again for each of the rooms that are left.
            if overloaded {
                break;
            }
        }
        all
    }

    /// Sends an event with one argument to each of them.
    ///
    /// # Errors
    /// [`EncodeError::Json`](crate::EncodeError::Json) if `data` cannot be JSON; nothing was sent.
    #[cfg(feature = "json")]
    pub fn emit<T: serde::Serialize + ?Sized>(self, event: &str, data: &T) -> Result<Sent, crate::EncodeError> {
        Ok(self.broadcast(&Message::json(event, data)?))
    }

    /// Sends a message that each of them acknowledges under one number, one copy for each socket ([`Self::per_room`] means
    /// nothing here). The selection is read once: exactly the sockets that `number` is told get the message, unless they are
    /// disconnected before it reaches them.
    ///
    /// `number` gives the number, and is where the caller writes down whose answers it waits for. It is called once, also
    /// for nobody, but not if a lane has no room (`overloaded`). No lock and no pin is held then, so a socket may have been
    /// disconnected by the time that it was written down: who waits for it looks at
    /// [`Socket::is_connected`] afterwards.
    ///
    /// Costs as [`Self::broadcast`] and [`Self::members`].
    pub fn ask(self, message: &Message, number: impl FnOnce(&[SocketId]) -> u64) -> Sent {
        self.engine.ask(&self.target.0, &classed(message, self.class), number)
    }

    /// All of them join each of these rooms. Locks each group of 32 once; atomic for a group, not for the whole.
    /// What `rooms_per_socket_max` forbids is counted as refused and does not hinder the others.
    ///
    /// # Errors
    /// [`JoinError`] for a bad name or a full engine. A bad name is found before anything changes; with
    /// [`JoinError::Rooms`] some may have joined.
    pub fn join<'r>(self, rooms: impl Into<Rooms<'r>>) -> Result<Changed, JoinError> {
        self.engine.join_selected(&self.target.0, &rooms.into())
    }

    /// All of them leave each of these rooms. Locks as [`Self::join`].
    pub fn leave<'r>(self, rooms: impl Into<Rooms<'r>>) -> Changed {
        self.engine.leave_selected(&self.target.0, &rooms.into())
    }

    /// All of them leave all their rooms but their own. Locks a group for 64 rooms at a time.
    pub fn leave_all(self) -> Changed {
        self.engine.leave_all_selected(&self.target.0)
    }

    /// Disconnects all of them; how many were connected. What was sent to them before still reaches them.
    pub fn disconnect(self) -> usize {
        self.members().filter(|id| self.engine.disconnect(*id, false)).count()
    }

    /// Disconnects all of them and closes their connections: [`Socket::close_connection`](crate::Socket::close_connection).
    pub fn close_connections(self) -> usize {
        self.members().filter(|id| self.engine.disconnect(*id, true)).count()
    }

    /// How many there are. Takes no lock, looks at tiles, not at members.
    pub fn count(&self) -> usize {
        let guard = epoch::pin();
        Select::new(self.engine, &guard).count(&self.target.0)
    }

    /// Their slots, by tiles: for programs that keep something of their own for each slot, and the figure of what a selection
    /// costs without a delivery. Takes no lock; allocates nothing once the thread has selected as many before.
    pub fn tiles(&self) -> Tiles {
        let guard = epoch::pin();
        let select = Select::new(self.engine, &guard);
        Tiles { clock: select.clock, list: select.collect(&self.target.0).0 }
    }

    /// Their ids: a snapshot, weakly consistent. Takes no lock; reads each id.
    pub fn members(&self) -> Members {
        let guard = epoch::pin();
        let select = Select::new(self.engine, &guard);
        #[cfg(loom)]
        if broken("members: birth after the word") {
            return self.members_with_births_read_first(&select);
        }
        let mut ids = Vec::new();
        select.tiles(&self.target.0, |tile| ids.extend(select.ids(tile)));
        Members::new(ids)
    }

    /// Handles of them: a snapshot, as [`Self::members`]. All share one reference count.
    pub fn sockets(&self) -> impl ExactSizeIterator<Item = Socket> + use<> {
        let engine = Arc::new(self.engine.clone());
        self.members().map(move |id| Socket::new(Arc::clone(&engine), id))
    }

    /// What the protocol rules out, for the models to catch.
    #[cfg(loom)]
    fn members_with_births_read_first(&self, select: &Select<'_>) -> Members {
        let (slots, namespace) = (&self.engine.core.slots, self.engine.namespace.number());
        let ids: Vec<_> = (0..2).map(|slot| slots.id(slot, namespace, select.clock)).collect();
        let mut found = Vec::new();
        select.tiles(&self.target.0, |tile| found.extend(tile.slots().filter_map(|slot| ids[slot as usize])));
        Members::new(found)
    }
}

/// What [`Selection::tiles`] found: a snapshot.
pub struct Tiles {
    clock: u64,
    list: Scratch<TileList>,
}

impl Tiles {
    /// The engine's clock when the selection began: only sockets born up to then are meant.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// How many sockets.
    pub fn count(&self) -> usize {
        self.list.count()
    }

    /// The tiles, each group at most once.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Tile> {
        self.list.iter()
    }
}

impl fmt::Debug for Tiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tiles").field("clock", &self.clock).field("count", &self.count()).finish_non_exhaustive()
    }
}

/// The message in the class that a selection asks for.
fn classed(message: &Message, class: Option<Class>) -> Cow<'_, Message> {
    match class {
        Some(class) => Cow::Owned(message.clone().with_class(class)),
        None => Cow::Borrowed(message),
    }
}

/// Adds to what is included; who is excluded stays so.
fn also<'a>(expr: Expr<'a>, other: Expr<'a>) -> Expr<'a> {
    match expr {
        Expr::Except(include, exclude) => Expr::Except(Box::new(also(*include, other)), exclude),
        include => Target(include).or(Target(other)).0,
    }
}

/// One expression for each room of a list, each with all that is excluded.
fn copies(expr: Expr<'_>) -> Vec<Expr<'_>> {
    match expr {
        Expr::Any(list) => list,
        Expr::Except(include, exclude) => {
            let with_exclude = |include| Expr::Except(Box::new(include), exclude.clone());
            copies(*include).into_iter().map(with_exclude).collect()
        }
        one => vec![one],
    }
}
