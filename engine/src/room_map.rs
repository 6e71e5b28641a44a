//! The reverse index of one group: which rooms its sockets are in.
//!
//! The transpose of the rooms' tables: a cell is (room + 1, which of the 32 sockets). One look-up answers whether a socket is in a room,
//! however many rooms it is in, and a bulk operation updates 32 sockets with one cell. Owned by the group's lock, so it is a
//! plain open-addressing table: no atomics, removal shifts cells back.

/// Room number -> mask of the group's sockets.
#[derive(Debug, Default)]
pub(crate) struct RoomMap {
    cells: Box<[u64]>,
    live: usize,
}

const CELLS_MIN: usize = 4;

impl RoomMap {
    /// The sockets of the group that are in this room.
    pub(crate) fn get(&self, room: u32) -> u32 {
        self.position(room).map_or(0, |at| self.cells[at] as u32)
    }

    /// Makes sure that one more room fits without allocation.
    pub(crate) fn reserve(&mut self) {
        if (self.live + 1) * 5 > self.cells.len() * 4 {
            self.resize(((self.live + 1) * 2).next_power_of_two().max(CELLS_MIN));
        }
    }

    /// Adds sockets to a room's mask.
    pub(crate) fn add(&mut self, room: u32, mask: u32) {
        if mask == 0 {
            return;
        }
        if let Some(at) = self.position(room) {
            self.cells[at] |= u64::from(mask);
            return;
        }
        self.reserve();
        let mut at = self.start(room);
        while self.cells[at] != 0 {
            at = self.next(at);
        }
        self.cells[at] = u64::from(room + 1) << 32 | u64::from(mask);
        self.live += 1;
    }

    /// Removes sockets from a room's mask.
    pub(crate) fn remove(&mut self, room: u32, mask: u32) {
        let Some(at) = self.position(room) else { return };
        let left = self.cells[at] as u32 & !mask;
        if left != 0 {
            self.cells[at] = u64::from(room + 1) << 32 | u64::from(left);
            return;
        }
        self.shift_back(at);
        self.live -= 1;
        if self.live * 8 < self.cells.len() {
            self.resize(if self.live == 0 { 0 } else { (self.live * 2).next_power_of_two().max(CELLS_MIN) });
        }
    }

    /// All rooms in which one of `mask` is, with those who are.
    pub(crate) fn rooms_of(&self, mask: u32) -> impl Iterator<Item = (u32, u32)> {
        let cells = self.cells.iter().filter(|cell| **cell != 0);
        cells.map(move |cell| ((*cell >> 32) as u32 - 1, *cell as u32 & mask)).filter(|(_, mask)| *mask != 0)
    }

    fn position(&self, room: u32) -> Option<usize> {
        if self.cells.is_empty() {
            return None;
        }
        let mut at = self.start(room);
        while self.cells[at] != 0 {
            if (self.cells[at] >> 32) as u32 == room + 1 {
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

    /// Empties a cell and moves later ones of its run up, so that no probe meets a gap.
    fn shift_back(&mut self, mut gap: usize) {
        let mut at = self.next(gap);
        while self.cells[at] != 0 {
            let home = self.start((self.cells[at] >> 32) as u32 - 1);
            let mask = self.cells.len() - 1;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.cells[gap] = self.cells[at];
                gap = at;
            }
            at = self.next(at);
        }
        self.cells[gap] = 0;
    }

    fn resize(&mut self, len: usize) {
        let old = std::mem::replace(&mut self.cells, vec![0; len].into());
        for cell in old.into_iter().filter(|cell| *cell != 0) {
            let mut at = self.start((cell >> 32) as u32 - 1);
            while self.cells[at] != 0 {
                at = self.next(at);
            }
            self.cells[at] = cell;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_a_map(ops in prop::collection::vec((any::<bool>(), 0..60_u32, any::<u32>()), 0..500)) {
            let (mut map, mut model) = (RoomMap::default(), BTreeMap::<u32, u32>::new());
            for (add, room, mask) in ops {
                let entry = model.entry(room).or_default();
                if add {
                    map.add(room, mask);
                    *entry |= mask;
                } else {
                    map.remove(room, mask);
                    *entry &= !mask;
                }
                model.retain(|_, mask| *mask != 0);
                let rooms: BTreeMap<u32, u32> = map.rooms_of(u32::MAX).collect();
                prop_assert_eq!(&rooms, &model);
                prop_assert!((0..60).all(|room| map.get(room) == model.get(&room).copied().unwrap_or(0)));
            }
            prop_assert!(map.live == model.len());
        }
    }
}
