//! The engine as users hold it: one namespace of a core.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::core::Core;
use crate::error::JoinError;
use crate::journal::Journal;
use crate::lane::Lane;
use crate::namespaces::Namespace;
use crate::observer::Observer;
use crate::port::LanePort;
use crate::room::Room;
use crate::selection::Selection;
use crate::socket::Socket;
use crate::sync::epoch;
use crate::target::{Target, everyone};

/// A namespace of sockets and rooms. Cheap to clone: two reference counts.
///
/// All namespaces of an engine share its lanes and limits; their rooms never meet. The first is `/`.
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
    pub(crate) namespace: Namespace,
}

/// Limits of an engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) sockets: usize,
    pub(crate) rooms: usize,
    pub(crate) rooms_per_socket: u16,
    pub(crate) room_name_bytes: usize,
}

/// Settings of an [`Engine`]; each has a default.
pub struct Builder {
    limits: Limits,
    observer: Option<Box<dyn Observer>>,
}

/// How much there is in a namespace, now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connected sockets.
    pub sockets: usize,
    /// Rooms with a member, without the sockets' own.
    pub rooms: usize,
    /// Members of these rooms, summed.
    pub memberships: usize,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine with the default limits; see [`Builder`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An engine with settings.
    pub fn builder() -> Builder {
        let limits = Limits { sockets: 1 << 24, rooms: 10_000_000, rooms_per_socket: 1024, room_name_bytes: 1024 };
        Builder { limits, observer: None }
    }

    /// Chooses sockets: a room, a socket, an id, a list of these (any of them), or an expression of
    /// [`any`](crate::any), [`all`](crate::all) and [`except`](Target::except).
    pub fn to<'a>(&'a self, target: impl Into<Target<'a>>) -> Selection<'a> {
        Selection::new(self, target.into())
    }

    /// Chooses every socket of the namespace.
    pub fn everyone(&self) -> Selection<'_> {
        self.to(everyone())
    }

    /// The same engine in another namespace, which is made if there is none. Takes a lock of all namespaces for a look-up; a
    /// new one costs some 200 bytes. It lives while anything of it is held, a handle or a socket, and may be forgotten
    /// then, with what is kept for it ([`Self::shared`], [`Self::keep_journal`]).
    #[must_use]
    pub fn namespace(&self, name: &str) -> Self {
        Self { core: Arc::clone(&self.core), namespace: self.core.namespaces.get_or_make(name) }
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        self.namespace.name()
    }

    /// The connected socket with this id. Takes no lock.
    pub fn socket(&self, id: &str) -> Option<Socket> {
        let id = self.core.find_id(self.namespace.number(), id, &epoch::pin())?;
        Some(Socket::new(Arc::new(self.clone()), id))
    }

    /// A handle of the room with this name, for hot paths: using it looks no name up. It keeps the name, but does not make
    /// the room exist: a room exists while it has members.
    ///
    /// # Errors
    /// [`JoinError::NameEmpty`], [`JoinError::NameTooLong`], [`JoinError::Rooms`].
    pub fn room(&self, name: &str) -> Result<Room, JoinError> {
        Room::pin(self, name)
    }

    /// The names of all rooms that have members, without the sockets' own. Looks at every room of all namespaces and locks
    /// one at a time: for administration.
    pub fn rooms(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.core.interner.for_each(self.namespace.number(), |name, _| names.push(name.to_owned()));
        names
    }

    /// Counts sockets, rooms and memberships. Costs as [`Self::rooms`], and looks at each tile.
    pub fn stats(&self) -> Stats {
        let guard = epoch::pin();
        let mut stats = Stats { sockets: self.namespace.everyone().count(&guard), ..Stats::default() };
        self.core.interner.for_each(self.namespace.number(), |_, roster| {
            stats.rooms += 1;
            stats.memberships += roster.count(&guard);
        });
        stats
    }

    /// The namespace's value of this type, the same for all handles of the namespace: where a transport keeps what all its
    /// parts share. Made at first use, and kept as long as the namespace; so it must not own an `Engine` or a `Socket`, which
    /// would keep each other alive for ever. If two threads ask for the first time at once, one `T::default()` may be thrown
    /// away.
    ///
    /// Takes a lock of the namespace for one look-up: keep the `Arc`.
    pub fn shared<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        self.namespace.shared()
    }

    /// Keeps the latest messages of the namespace from now on, so that a socket which lost its connection can come back
    /// without a loss ([`Journal::resume`]). Off by default, and on as long as the namespace lives: the first call decides
    /// `bytes_max`, later ones change nothing. Turn it on before the namespace is used: what is sent meanwhile is in no order with what comes after.
    ///
    /// Messages of class reliable and latest are kept, whoever they are for, until they and what is noted beside each need
    /// more than `bytes_max`: the oldest go first. Each broadcast of the namespace then holds the journal's lock from its
    /// selection until all lanes have it, so they run one after another, and allocates a copy of its target.
    pub fn keep_journal(&self, bytes_max: usize) {
        self.namespace.keep_journal(bytes_max);
    }

    /// The namespace's journal, if it keeps one.
    pub fn journal(&self) -> Option<&Journal> {
        self.namespace.journal()
    }

    /// Adds a lane: from now on it may connect sockets through the port, and gets what is sent to them. The engine keeps
    /// the lane for its whole life.
    pub fn attach(&self, lane: Arc<dyn Lane>) -> LanePort {
        LanePort::new(self.clone(), self.core.add_lane(lane))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("namespace", &self.name()).finish_non_exhaustive()
    }
}

impl Builder {
    /// Sockets that may be connected at once, over all namespaces; 16,777,216 by default.
    #[must_use]
    pub fn sockets_max(mut self, sockets: usize) -> Self {
        self.limits.sockets = sockets;
        self
    }

    /// Rooms that may exist at once, over all namespaces; 10,000,000 by default. With
    /// [`Self::room_name_bytes_max`] it bounds the memory that names can take.
    #[must_use]
    pub fn rooms_max(mut self, rooms: usize) -> Self {
        self.limits.rooms = rooms;
        self
    }

    /// Rooms that one socket may be in, its own not counted; 1,024 by default, 65,535 at most.
    #[must_use]
    pub fn rooms_per_socket_max(mut self, rooms: usize) -> Self {
        self.limits.rooms_per_socket = u16::try_from(rooms).unwrap_or(u16::MAX);
        self
    }

    /// Bytes that a room's name may have; 1,024 by default.
    #[must_use]
    pub fn room_name_bytes_max(mut self, bytes: usize) -> Self {
        self.limits.room_name_bytes = bytes;
        self
    }

    /// Who is told of rooms and members that come and go; nobody by default.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// The engine, in namespace `/`.
    pub fn build(self) -> Engine {
        let core = Arc::new(Core::new(self.limits, self.observer));
        let namespace = core.namespaces.get_or_make("/");
        Engine { core, namespace }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
