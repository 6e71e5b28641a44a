//! What a verb changed, collected under locks and told afterwards.

use std::collections::HashMap;

use ahash::RandomState;

use crate::contain::contain;
use crate::id::SocketId;
use crate::observer::Observer;
use crate::socket::Members;

/// Rooms and who joined or left them, kept only for those who want to know.
pub(crate) struct Changes<'a> {
    observer: Option<&'a dyn Observer>,
    reporting: bool,
    /// Absent until something is collected: most verbs collect nothing.
    rooms: Option<HashMap<String, Change, RandomState>>,
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
        Self { observer, reporting, rooms: None }
    }

    /// Whether anybody wants to know; if not, nothing need be collected.
    pub(crate) fn wanted(&self) -> bool {
        self.observer.is_some() || self.reporting
    }

    pub(crate) fn joined(&mut self, room: &str, sockets: impl IntoIterator<Item = SocketId>, first: bool) {
        let change = self.change(room.to_owned());
        change.joined.extend(sockets);
        change.created |= first;
    }

    pub(crate) fn left(&mut self, room: String, sockets: impl IntoIterator<Item = SocketId>, last: bool) {
        let change = self.change(room);
        change.left.extend(sockets);
        change.deleted |= last;
    }

    /// The names of all rooms that changed, if they are to be reported.
    pub(crate) fn rooms(&self) -> Vec<String> {
        let rooms = self.rooms.iter().filter(|_| self.reporting);
        rooms.flat_map(HashMap::keys).cloned().collect()
    }

    fn change(&mut self, room: String) -> &mut Change {
        self.rooms.get_or_insert_default().entry(room).or_default()
    }

    /// Tells the observer, whatever it does. The caller holds no lock and no pin.
    pub(crate) fn report(self) {
        let Some(observer) = self.observer else { return };
        for (room, change) in self.rooms.into_iter().flatten() {
            if change.created {
                contain(|| observer.room_created(&room));
            }
            if !change.joined.is_empty() {
                contain(|| observer.joined(&room, &Members::new(change.joined)));
            }
            if !change.left.is_empty() {
                contain(|| observer.left(&room, &Members::new(change.left)));
            }
            if change.deleted {
                contain(|| observer.room_deleted(&room));
            }
        }
    }
}
