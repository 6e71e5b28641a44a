//! The free slots of one lane, lowest first.
//!
//! Taking the lowest keeps the connected sockets close together: fewer tiles for each room. (Taking the one that was freed
//! last scatters the survivors of a mass disconnect over all tiles.)

use crate::slots::{GROUPS_PER_CHUNK, SLOTS_PER_GROUP};

const SLOTS_PER_CHUNK: u32 = GROUPS_PER_CHUNK * SLOTS_PER_GROUP;

/// The chunks of a lane and which of their slots are free.
#[derive(Debug, Default)]
pub(crate) struct SlotPool {
    chunks: Vec<Chunk>,
    /// No chunk before this one has a free slot.
    first: usize,
}

#[derive(Debug)]
struct Chunk {
    number: u32,
    /// Groups with a free slot.
    groups: u64,
    free: [u32; GROUPS_PER_CHUNK as usize],
}

impl SlotPool {
    /// The lowest free slot, or `None`: the lane needs another chunk.
    pub(crate) fn take(&mut self) -> Option<u32> {
        while self.chunks.get(self.first)?.groups == 0 {
            self.first += 1;
        }
        let chunk = &mut self.chunks[self.first];
        let group = chunk.groups.trailing_zeros();
        let free = &mut chunk.free[group as usize];
        let slot = free.trailing_zeros();
        *free &= *free - 1;
        if *free == 0 {
            chunk.groups &= !(1 << group);
        }
        Some(chunk.number * SLOTS_PER_CHUNK + group * SLOTS_PER_GROUP + slot)
    }

    /// Gives a slot back.
    pub(crate) fn give(&mut self, slot: u32) {
        let number = slot / SLOTS_PER_CHUNK;
        let Ok(at) = self.chunks.binary_search_by_key(&number, |chunk| chunk.number) else { return };
        let group = slot / SLOTS_PER_GROUP % GROUPS_PER_CHUNK;
        let chunk = &mut self.chunks[at];
        chunk.free[group as usize] |= 1 << (slot % SLOTS_PER_GROUP);
        chunk.groups |= 1 << group;
        self.first = self.first.min(at);
    }

    /// Adds a chunk, all of it free. Numbers come in ascending order.
    pub(crate) fn add_chunk(&mut self, number: u32) {
        let all_slots = u32::MAX >> (u32::BITS - SLOTS_PER_GROUP);
        let all_groups = u64::MAX >> (u64::BITS - GROUPS_PER_CHUNK);
        self.chunks.push(Chunk { number, groups: all_groups, free: [all_slots; GROUPS_PER_CHUNK as usize] });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_first() {
        let mut pool = SlotPool::default();
        assert_eq!(pool.take(), None);
        pool.add_chunk(1);
        pool.add_chunk(4);
        let base = SLOTS_PER_CHUNK;
        assert_eq!((pool.take(), pool.take(), pool.take()), (Some(base), Some(base + 1), Some(base + 2)));
        pool.give(base + 1);
        pool.give(base);
        assert_eq!((pool.take(), pool.take(), pool.take()), (Some(base), Some(base + 1), Some(base + 3)));
        for _ in 4..SLOTS_PER_CHUNK {
            pool.take().unwrap();
        }
        assert_eq!(pool.take(), Some(4 * SLOTS_PER_CHUNK));
        pool.give(base + 70);
        assert_eq!(pool.take(), Some(base + 70));
    }
}
