//! From a name's hash to a number: how rooms and sockets are found by their text.
//!
//! # Problem
//! Every broadcast by name looks a room up, on every thread at once: a reader must not write, not even a reader count.
//!
//! # Structure
//! 64 shards, chosen by the upper bits of the hash. A shard is an open-addressing array of cells
//!
//! ```text
//!     63          32 31         0
//!    +--------------+------------+
//!    | number + 1   | hash, low  |     0: never used    number part 0, hash part 1: removed
//!    +--------------+------------+
//! ```
//!
//! The name itself is with what the number stands for; the caller compares it.
//!
//! # Protocol
//! Writers hold the shard's mutex. Readers probe until an empty cell. Cells are replaced in place or marked as removed,
//! never moved; growth and clean-up copy into a new array, publish it and retire the old one (`cells.rs`). A reader of
//! a retired array may miss a name that was added since: its look-up then began before that addition returned, or it would
//! have loaded the new array.
//!
//! # Orderings
//! Cell: Release store, so that who reads a number (Acquire) sees the name
//! that was written before.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::cells::{Cells, NewCells};
use crate::sync::epoch::Guard;
use crate::sync::{AtomicU64, Mutex, MutexGuard, SMALL};

const SHARDS: usize = if SMALL { 1 } else { 64 };
const CELLS_MIN: usize = if SMALL { 2 } else { 8 };
const REMOVED: u64 = 1;

/// A map from names to numbers that keeps no names; see the module.
pub(crate) struct NameIndex {
    shards: Box<[Shard]>,
}

#[repr(align(64))]
#[derive(Default)]
struct Shard {
    cells: Cells,
    fill: Mutex<Fill>,
}

#[derive(Default)]
struct Fill {
    live: usize,
    /// Cells that are not empty, removed ones included.
    used: usize,
}

/// The right to change one shard.
pub(crate) struct Writer<'a> {
    shard: &'a Shard,
    fill: MutexGuard<'a, Fill>,
    hash: u64,
}

impl Default for NameIndex {
    fn default() -> Self {
        Self { shards: std::iter::repeat_with(Shard::default).take(SHARDS).collect() }
    }
}

impl NameIndex {
    /// The number under this hash that `is_it` accepts. Takes no lock.
    pub(crate) fn find(&self, hash: u64, guard: &Guard, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.shard(hash).find(hash, guard, is_it)
    }

    /// Locks the shard of this hash for a change.
    pub(crate) fn lock(&self, hash: u64) -> Writer<'_> {
        let shard = self.shard(hash);
        Writer { shard, fill: shard.fill.lock(), hash }
    }

    fn shard(&self, hash: u64) -> &Shard {
        &self.shards[(hash >> 58) as usize % SHARDS]
    }
}

impl Writer<'_> {
    /// As [`NameIndex::find`], and nobody changes the answer while the lock is held.
    pub(crate) fn find(&self, guard: &Guard, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.shard.find(self.hash, guard, is_it)
    }

    /// Adds a number. The caller has seen that the name is absent.
    pub(crate) fn insert(&mut self, number: u32, guard: &Guard) {
        let room = self.shard.cells.load(guard).len() * 4 / 5;
        if self.fill.used >= room {
            self.rebuild(guard);
        }
        let free =
            probe(self.shard.cells.load(guard), self.hash).find(|cell| matches!(cell.load(Relaxed), 0 | REMOVED));
        if let Some(cell) = free {
            self.fill.used += usize::from(cell.load(Relaxed) == 0);
            self.fill.live += 1;
            // Release: pairs with the Acquire load in find(); the name was written before.
            cell.store(pack(number, self.hash), Release);
        }
    }

    /// Puts `new` in the place of `old`, if `old` is still there.
    pub(crate) fn replace(&mut self, old: u32, new: u32, guard: &Guard) -> bool {
        let cell = self.cell_of(old, guard);
        if let Some(cell) = cell {
            // Release: as in insert().
            cell.store(pack(new, self.hash), Release);
        }
        cell.is_some()
    }

    /// Removes a number, if it is still there.
    pub(crate) fn remove(&mut self, number: u32, guard: &Guard) -> bool {
        let Some(cell) = self.cell_of(number, guard) else { return false };
        // Release: keeps the cell's stores in one order for readers; nothing is read through a removed cell.
        cell.store(REMOVED, Release);
        self.fill.live -= 1;
        let cells = self.shard.cells.load(guard).len();
        if cells > CELLS_MIN && self.fill.live * 8 < cells {
            self.rebuild(guard);
        }
        true
    }

    fn cell_of<'g>(&self, number: u32, guard: &'g Guard) -> Option<&'g AtomicU64> {
        let cell = pack(number, self.hash);
        let cells = probe(self.shard.cells.load(guard), self.hash);
        cells.take_while(|c| c.load(Relaxed) != 0).find(|c| c.load(Relaxed) == cell)
    }

    fn rebuild(&mut self, guard: &Guard) {
        let len = ((self.fill.live + 1) * 2).next_power_of_two().max(CELLS_MIN);
        let new = NewCells::zeroed(len);
        for cell in self.shard.cells.load(guard) {
            let value = cell.load(Relaxed);
            if matches!(value, 0 | REMOVED) {
                continue;
            }
            if let Some(free) = probe(&new, value).find(|cell| cell.load(Relaxed) == 0) {
                free.store(value, Relaxed);
            }
        }
        self.fill.used = self.fill.live;
        self.shard.cells.publish(new, guard);
    }
}

impl Shard {
    fn find(&self, hash: u64, guard: &Guard, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        // Acquire: pairs with the Release stores of insert() and replace().
        probe(self.cells.load(guard), hash)
            .map(|cell| cell.load(Acquire))
            .take_while(|cell| *cell != 0)
            .filter(|cell| *cell as u32 == hash as u32 && *cell != REMOVED)
            .map(|cell| ((cell >> 32) as u32).wrapping_sub(1))
            .find(|number| is_it(*number))
    }
}

/// The cells where a hash may stand, from its own on. Uses the low 32 bits only: a cell keeps no others.
fn probe(cells: &[AtomicU64], hash: u64) -> impl Iterator<Item = &AtomicU64> {
    let start = hash as u32 as usize;
    (0..cells.len()).map(move |step| &cells[(start + step) & (cells.len() - 1)])
}

fn pack(number: u32, hash: u64) -> u64 {
    u64::from(number + 1) << 32 | u64::from(hash as u32)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::sync::epoch;

    proptest! {
        /// Few hashes for many numbers: collisions, removals in the middle of a run, growth and clean-up.
        #[test]
        fn as_a_map(ops in prop::collection::vec((0..3_u8, 0..40_u32), 0..600)) {
            let (index, guard) = (NameIndex::default(), epoch::pin());
            let mut model = HashMap::<u32, u32>::new();
            let hash = |name: u32| u64::from(name % 7);
            for (next, (op, name)) in (0..).zip(ops) {
                let mut writer = index.lock(hash(name));
                match (op, model.get(&name).copied()) {
                    (0, None) => {
                        writer.insert(next * 40 + name, &guard);
                        model.insert(name, next * 40 + name);
                    }
                    (1, Some(old)) => {
                        prop_assert!(writer.replace(old, next * 40 + name, &guard));
                        model.insert(name, next * 40 + name);
                    }
                    (2, Some(old)) => {
                        prop_assert!(writer.remove(old, &guard));
                        prop_assert!(!writer.remove(old, &guard));
                        model.remove(&name);
                    }
                    _ => {}
                }
                drop(writer);
                for name in 0..40 {
                    prop_assert_eq!(index.find(hash(name), &guard, |n| n % 40 == name), model.get(&name).copied());
                }
            }
        }
    }
}
