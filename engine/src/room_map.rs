//! The reverse index of one group: which rooms its sockets are in.
//!
//! The transpose of the rooms' tables: a cell is (room + 1, which of the 32 sockets). One look-up answers whether a socket
//! is in a room, however many rooms it is in, and a bulk operation updates 32 sockets with one cell. Owned by the group's
//! lock, so it is a plain open-addressing table without atomics. As in the rooms' tables a cell that lost its last bit
//! stays, and is left out when the table grows or shrinks; so nothing moves while many rooms are left one by one.

use smallvec::{SmallVec, smallvec};

/// Room number -> mask of the group's sockets.
#[derive(Debug)]
pub(crate) struct RoomMap {
    /// In the group itself as long as there are few: where everybody is in the same rooms, that is one wait for memory less
    /// for each 32 of them.
    cells: SmallVec<[u64; CELLS_MIN]>,
    /// Cells with a socket.
    live: u32,
    /// Cells with a room, those without sockets included.
    used: u32,
}

/// A room, and where its cell stands if cells have not moved since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoomCell {
    pub(crate) room: u32,
    at: u32,
}

/// Power of two; scans go by so many cells.
const CELLS_MIN: usize = 4;

impl Default for RoomMap {
    fn default() -> Self {
        Self { cells: smallvec![0; CELLS_MIN], live: 0, used: 0 }
    }
}

impl RoomMap {
    /// The sockets of the group that are in this room.
    pub(crate) fn get(&self, room: u32) -> u32 {
        self.position(room).map_or(0, |at| self.cells[at] as u32)
    }

    /// Makes sure that one more room fits without allocation.
    pub(crate) fn reserve(&mut self) {
        if (self.used as usize + 1) * 5 > self.cells.len() * 4 {
            self.resize();
        }
    }

    /// Adds sockets to a room's mask. The caller has reserved.
    pub(crate) fn add(&mut self, room: u32, mask: u32) {
        let mut at = self.start(room);
        while self.cells[at] != 0 && room_of(self.cells[at]) != room {
            at = self.next(at);
        }
        self.used += u32::from(self.cells[at] == 0);
        self.live += u32::from(self.cells[at] as u32 == 0 && mask != 0);
        self.cells[at] |= u64::from(room + 1) << 32 | u64::from(mask);
    }

    /// Removes sockets from a room's mask; those that were in it.
    pub(crate) fn remove(&mut self, room: u32, mask: u32) -> u32 {
        let gone = self.position(room).map_or(0, |at| self.clear(at, mask));
        self.shrink();
        gone
    }

    /// The same for a room that [`Self::cells_of`] found: where it stood, or where it stands now if cells have moved since.
    /// Gives no memory back: that would move them.
    pub(crate) fn remove_from(&mut self, found: RoomCell, mask: u32) -> u32 {
        let is_there = self.cells.get(found.at as usize).is_some_and(|cell| room_of(*cell) == found.room);
        let at = if is_there { Some(found.at as usize) } else { self.position(found.room) };
        at.map_or(0, |at| self.clear(at, mask))
    }

    /// Gives memory back, if there is much of it for few rooms.
    pub(crate) fn shrink(&mut self) {
        if self.cells.len() > CELLS_MIN && (self.live as usize) * 8 < self.cells.len() {
            self.resize();
        }
    }

    /// All rooms in which one of `mask` is.
    pub(crate) fn rooms_of(&self, mask: u32) -> impl Iterator<Item = u32> {
        self.cells_of(mask).map(|cell| cell.room)
    }

    /// The same, with where they stand at present.
    pub(crate) fn cells_of(&self, mask: u32) -> impl Iterator<Item = RoomCell> {
        // Few cells of many are meant if the mask is one socket: a chunk is passed over with one comparison.
        let chunks = self.cells.chunks(CELLS_MIN).zip((0..).step_by(CELLS_MIN));
        let meant = chunks.filter(move |(cells, _)| cells.iter().fold(0, |all, cell| all | *cell) as u32 & mask != 0);
        let cells = meant.flat_map(|(cells, at)| cells.iter().zip(at..));
        cells.filter(move |(cell, _)| **cell as u32 & mask != 0).map(|(cell, at)| RoomCell { room: room_of(*cell), at })
    }

    fn clear(&mut self, at: usize, mask: u32) -> u32 {
        let gone = self.cells[at] as u32 & mask;
        self.cells[at] &= !u64::from(mask);
        self.live -= u32::from(gone != 0 && self.cells[at] as u32 == 0);
        gone
    }

    fn position(&self, room: u32) -> Option<usize> {
        let mut at = self.start(room);
        while self.cells[at] != 0 {
            if room_of(self.cells[at]) == room {
                return Some(at);
            }
            at = self.next(at);
        }
        None
    }

    fn start(&self, room: u32) -> usize {
        let mixed = room.wrapping_mul(0x9E37_79B1);
        (mixed ^ (mixed >> 15)) as usize & (self.cells.len() - 1)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.cells.len() - 1)
    }

    /// Makes a table for the rooms with sockets and as many again.
    fn resize(&mut self) {
        let len = ((self.live as usize + 1) * 2).next_power_of_two().max(CELLS_MIN);
        let old = std::mem::replace(&mut self.cells, smallvec![0; len]);
        self.used = self.live;
        for cell in old.into_iter().filter(|cell| *cell as u32 != 0) {
            let mut at = self.start(room_of(cell));
            while self.cells[at] != 0 {
                at = self.next(at);
            }
            self.cells[at] = cell;
        }
    }
}

/// The room of a cell. Of an empty one a number that no room has.
fn room_of(cell: u64) -> u32 {
    ((cell >> 32) as u32).wrapping_sub(1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_a_map(ops in prop::collection::vec((any::<bool>(), 0..60_u32, any::<u32>()), 0..500)) {
            let (mut map, mut model) = (RoomMap::default(), BTreeMap::<u32, u32>::new());
            for (add, room, mask) in ops {
                let entry = model.entry(room).or_default();
                if add {
                    map.reserve();
                    map.add(room, mask);
                    *entry |= mask;
                } else {
                    prop_assert_eq!(map.remove(room, mask), *entry & mask);
                    *entry &= !mask;
                }
                model.retain(|_, mask| *mask != 0);
                let rooms: BTreeSet<u32> = map.rooms_of(u32::MAX).collect();
                prop_assert!(rooms.iter().eq(model.keys()));
                prop_assert!((0..60).all(|room| map.get(room) == model.get(&room).copied().unwrap_or(0)));
            }
            prop_assert_eq!(map.live as usize, model.len());
            let (found, mut taken) = (map.cells_of(0x0F0F).collect::<Vec<_>>(), BTreeMap::new());
            for (nth, cell) in found.into_iter().enumerate() {
                taken.insert(cell.room, map.remove_from(cell, 0x0F0F));
                if nth == 5 {
                    // As if somebody else made the map move meanwhile.
                    map.resize();
                }
            }
            model.retain(|_, mask| { *mask &= 0x0F0F; *mask != 0 });
            prop_assert_eq!(taken, model);
        }
    }
}
