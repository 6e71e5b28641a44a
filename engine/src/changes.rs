//! What a verb changed, collected under locks and told afterwards.

use std::collections::HashMap;

use ahash::RandomState;

use crate::id::SocketId;
use crate::observer::Observer;
use crate::socket::Members;

/// Rooms and who joined or left them, kept only for those who want to know.
pub(crate) struct Changes<'a> {
    observer: Option<&'a dyn Observer>,
    reporting: bool,
    rooms: HashMap<String, Change, RandomState>,
}

#[derive(Default)]
struct Change {
    joined: Vec<SocketId>,
    left: Vec<SocketId>,
    created: bool,
    deleted: bool,
}

impl<'a> Changes<'a> {
    /// `reporting`: the names are wanted even if there is no observer.
    pub(crate) fn new(observer: Option<&'a dyn Observer>, reporting: bool) -> Self {
        Self { observer, reporting, rooms: HashMap::default() }
    }

    /// Whether anybody wants to know; if not, nothing need be collected.
    pub(crate) fn wanted(&self) -> bool {
        self.observer.is_some() || self.reporting
    }

    pub(crate) fn joined(&mut self, room: &str, sockets: impl IntoIterator<Item = SocketId>, first: bool) {
        let change = self.rooms.entry(room.to_owned()).or_default();
        change.joined.extend(sockets);
        change.created |= first;
    }

    pub(crate) fn left(&mut self, room: String, sockets: impl IntoIterator<Item = SocketId>, last: bool) {
        let change = self.rooms.entry(room).or_default();
        change.left.extend(sockets);
        change.deleted |= last;
    }

    /// The names of all rooms that changed, if they are to be reported.
    pub(crate) fn rooms(&self) -> Vec<String> {
        if self.reporting { self.rooms.keys().cloned().collect() } else { Vec::new() }
    }

    /// Tells the observer. The caller holds no lock.
    pub(crate) fn report(self) {
        let Some(observer) = self.observer else { return };
        for (room, change) in self.rooms {
            if change.created {
                observer.room_created(&room);
            }
            if !change.joined.is_empty() {
                observer.joined(&room, &Members::new(change.joined));
            }
            if !change.left.is_empty() {
                observer.left(&room, &Members::new(change.left));
            }
            if change.deleted {
                observer.room_deleted(&room);
            }
        }
    }
}
