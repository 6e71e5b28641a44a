//! The members of one room: which sockets of which groups.
//!
//! # Problem
//! A broadcast must read all members of a room while others join and leave, without a lock, and a room of a few members
//! must not cost more than a few words.
//!
//! # Structure
//! A *tile* is one group of 32 slots seen by one room: 32 bits. The table is an array of cells
//!
//! ```text
//!     63       62        32 31         0
//!    +--------+------------+------------+
//!    | frozen | group + 1  |    bits    |      0: free
//!    +--------+------------+------------+
//! ```
//!
//! in one of three forms, told apart by the length of the array. *Inline*, ten cells in the room itself, used from the first
//! to the last: for rooms of few tiles, which most rooms are; nothing is allocated. *Hashed*, a power of two: open addressing with linear probing; four consecutive groups stay neighbours, since slots are given out lowest
//! first. *Direct*, an odd number: cell `g` belongs to group `g`, for rooms that fill half of all groups: no probing, and
//! the scan runs in slot order. `g >= cells.len()` means absent there. The last two are one allocation behind one pointer
//! (`cells.rs`); while it is null the inline cells count.
//!
//! # Protocol
//! A cell changes under the lock of its group (`slots.rs`), so each cell has one writer at a time; the room's mutex
//! (`roster.rs`) guards what concerns the whole table.
//!
//! - *Fast path*, group lock only: a cell that has bits and keeps some is changed by one compare-and-swap. That it has bits
//!   proves that the room lives: only the holder of this group's lock could take the last of them away.
//! - *Slow path*, room mutex too: a cell gets its first bit or loses its last one, a group gets its cell, the table grows or
//!   shrinks.
//! - *Growth and shrinking*: each cell with bits is frozen by a `fetch_or`, then copied into a new table, which is
//!   published; the old one is retired through the epoch. A compare-and-swap of the fast path either lands before the
//!   freeze, and is copied, or fails and takes the slow path, where it waits for the new table. Cells without bits need no
//!   freezing: the fast path does not touch them.
//! - *Out of the room*: the first growth freezes and copies the inline cells as any other. It is one way: they are not used
//!   again, and the pointer is not null again, before the room is dead and nobody is pinned who knew it ([`TileTable::reset`]).
//!   A room that went back to its inline cells would move them under a scan, and who finds a null pointer at a room that
//!   just died would find members in them who left long ago.
//! - *Readers* load the pointer and scan. A cell never moves inside a table and never changes its group; a tile that lost
//!   its last bit stays as a cell without bits. So a scan meets each group at most once, and a member throughout is met
//!   exactly once: by a scan of the old table, which shows the room as it was when it was frozen, or of the new one.
//!
//! Why a table that was loaded under the group lock may be stale, and why that does no harm: every cell with bits of a
//! retired table is frozen, so the fast path fails on it.
//!
//! # Orderings
//! - Publish (`cells.rs`): AcqRel swap of the pointer; pairs with the Acquire load in every reader, which then sees the
//!   copied cells.
//! - Cell: the fast path's success and the slow path's store are Release; they pair with the Acquire loads of readers: who
//!   sees a bit also sees the birth of its socket, and what was cleared before it (`slots.rs`).
//! - Freeze: AcqRel `fetch_or`. Acquire, so that the copy is no older than the compare-and-swaps before it; the new table
//!   hands their Release on.

use std::hint::black_box;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};

use crate::cells::{Cells, NewCells};
use crate::lane::Tile;
use crate::sync::epoch::Guard;
use crate::sync::{AtomicU64, SMALL, broken, order};

const INLINE: usize = if SMALL { 2 } else { 10 };
/// Of an array outside of the room: a power of two, more than `INLINE`.
const CELLS_MIN: usize = if SMALL { 4 } else { 16 };
const FROZEN: u64 = 1 << 63;

/// A set of slots, read without a lock; see the module.
#[repr(C)]
#[derive(Default)]
pub(crate) struct TileTable {
    cells: Cells,
    inline: [AtomicU64; INLINE],
}

/// The cells of one array, and where a group stands in them.
#[derive(Clone, Copy)]
struct Table<'a>(&'a [AtomicU64]);

/// What a writer must know of the table. Kept under the room's mutex.
#[derive(Debug, Default)]
pub(crate) struct Fill {
    /// Cells with a bit.
    pub(crate) live: u32,
    /// Cells with a group, those without bits included.
    used: u32,
}

impl TileTable {
    /// The tiles that have members, each group at most once.
    pub(crate) fn tiles<'g>(&'g self, guard: &'g Guard) -> impl Iterator<Item = Tile> + use<'g> {
        // Acquire: pairs with the Release stores of set and clear, and with the fast path.
        self.cells(guard)
            .iter()
            .map(|cell| unpack(cell.load(order(Acquire, "except: cell load"))))
            .filter(|tile| tile.bits != 0)
    }

    /// The cells, read with Acquire; it pairs with the Release stores of set and clear, and with the fast path.
    pub(crate) fn cells<'g>(&'g self, guard: &'g Guard) -> &'g [AtomicU64] {
        let cells = self.cells.load(guard);
        if cells.is_empty() { &self.inline } else { cells }
    }

    /// The members of one group.
    pub(crate) fn bits(&self, group: u32, guard: &Guard) -> u32 {
        // Acquire: pairs with the Release stores of set and clear.
        let cell = self.load(guard).find(group);
        cell.map_or(0, |cell| unpack(cell.load(Acquire)).bits)
    }

    /// Reads where the group's cell most likely stands, so that it is in the cache when it is changed. No branch depends on
    /// what is read: the processor goes on to the next room meanwhile.
    pub(crate) fn touch(&self, group: u32, guard: &Guard) {
        let table = self.load(guard);
        if let Some(cell) = table.0.get(table.home(group)) {
            black_box(cell.load(Relaxed));
        }
    }

    /// The fast path of adding: those that were new, or `None` if it takes the room's mutex. The caller holds the group's
    /// lock.
    pub(crate) fn try_set(&self, tile: Tile, guard: &Guard) -> Option<u32> {
        let cell = self.load(guard).find(tile.group)?;
        let old = cell.load(Relaxed);
        let fresh = tile.bits & !(old as u32);
        (is_open(old) && (fresh == 0 || swap(cell, old, old | u64::from(tile.bits)))).then_some(fresh)
    }

    /// The fast path of removing: those that were there; or, if it takes the room's mutex, the group's cell for
    /// [`Self::clear`]. The caller holds the group's lock.
    pub(crate) fn try_clear<'g>(&'g self, tile: Tile, guard: &'g Guard) -> Result<u32, Option<&'g AtomicU64>> {
        let cell = self.load(guard).find(tile.group).ok_or(None)?;
        let old = cell.load(Relaxed);
        let new = old & !u64::from(tile.bits);
        if is_open(old) && new as u32 != 0 && swap(cell, old, new) {
            Ok(tile.bits & old as u32)
        } else {
            Err(Some(cell))
        }
    }

    /// Adds members of one group; returns those that were new. `groups` is how many groups there are in all: more than any
    /// number of a group. The caller holds the group's lock and the room's mutex, as for all that follow.
    pub(crate) fn set(&self, fill: &mut Fill, tile: Tile, groups: u32, guard: &Guard) -> u32 {
        if tile.bits == 0 {
            return 0;
        }
        let cell = self.cell_or_new(fill, tile.group, groups, guard);
        // Relaxed: the locks order the writers of this cell.
        let old = unpack(cell.load(Relaxed)).bits;
        fill.live += u32::from(old == 0);
        // Release: pairs with the Acquire loads of tiles and bits.
        cell.store(pack(Tile { group: tile.group, bits: old | tile.bits }), Release);
        tile.bits & !old
    }

    /// Removes members of one group; returns those that were there. `cell` is where the fast path found the group: it still
    /// stands there, unless the cell is frozen or has no bits.
    pub(crate) fn clear(
        &self,
        fill: &mut Fill,
        tile: Tile,
        groups: u32,
        cell: Option<&AtomicU64>,
        guard: &Guard,
    ) -> u32 {
        let table = self.load(guard);
        let found = cell.filter(|cell| is_open(cell.load(Relaxed))).or_else(|| table.find(tile.group));
        let Some(cell) = found else { return 0 };
        // Relaxed: the locks order the writers of this cell.
        let old = unpack(cell.load(Relaxed)).bits;
        if old & tile.bits == 0 {
            return 0;
        }
        let bits = old & !tile.bits;
        // Release: pairs with the Acquire loads of tiles and bits.
        cell.store(pack(Tile { group: tile.group, bits }), Release);
        fill.live -= u32::from(bits == 0);
        if fill.live > 0 && is_sparse(table.0.len(), fill.live) {
            self.rebuild(fill, groups, guard);
        }
        old & tile.bits
    }

    /// Empties the table of a dead room and gives its memory back. The caller holds the room's mutex, and nobody is pinned
    /// any more who may have found the room.
    pub(crate) fn reset(&self, fill: &mut Fill, guard: &Guard) {
        *fill = Fill::default();
        self.inline.iter().for_each(|cell| cell.store(0, Relaxed));
        self.cells.clear(guard);
    }

    fn cell_or_new<'g>(&'g self, fill: &mut Fill, group: u32, groups: u32, guard: &'g Guard) -> &'g AtomicU64 {
        if let Some(cell) = self.load(guard).find_or_free(group, fill.used) {
            if cell.load(Relaxed) == 0 {
                fill.used += 1;
                cell.store(pack(Tile { group, bits: 0 }), Relaxed);
            }
            return cell;
        }
        let table = self.rebuild(fill, groups.max(group + 1), guard);
        fill.used += 1;
        let cell =
            table.find_or_free(group, 0).unwrap_or_else(|| unreachable!("a rebuilt table has room for one more"));
        cell.store(pack(Tile { group, bits: 0 }), Relaxed);
        cell
    }

    /// Copies the live cells into a new array with room for half as many again, in the form that fits.
    fn rebuild<'g>(&'g self, fill: &mut Fill, groups: u32, guard: &'g Guard) -> Table<'g> {
        let wanted = fill.live as usize + 1;
        #[cfg(loom)]
        if broken("inline: never back") && wanted <= INLINE {
            return self.back_to_inline(fill, guard);
        }
        let is_dense = 2 * wanted >= groups as usize && wanted > INLINE;
        let hashed = (wanted + wanted / 2).next_power_of_two().max(CELLS_MIN);
        let new = NewCells::zeroed(if is_dense { groups as usize | 1 } else { hashed });
        for cell in self.cells(guard) {
            if cell.load(Relaxed) as u32 == 0 {
                continue;
            }
            // AcqRel: from here on every compare-and-swap fails, and those before it are in the copy.
            let frozen = if broken("growth: freeze") { cell.load(Acquire) } else { cell.fetch_or(FROZEN, AcqRel) };
            let tile = unpack(frozen);
            if let Some(copy) = Table(&new).find_or_free(tile.group, 0) {
                copy.store(pack(tile), Relaxed);
            }
        }
        fill.used = fill.live;
        Table(self.cells.publish(new, guard))
    }

    fn load<'g>(&'g self, guard: &'g Guard) -> Table<'g> {
        Table(self.cells(guard))
    }

    /// What the protocol rules out, for the models to catch.
    #[cfg(loom)]
    fn back_to_inline<'g>(&'g self, fill: &mut Fill, guard: &'g Guard) -> Table<'g> {
        let frozen: Vec<u64> = self.cells(guard).iter().map(|cell| cell.fetch_or(FROZEN, AcqRel)).collect();
        self.inline.iter().for_each(|cell| cell.store(0, Relaxed));
        for tile in frozen.into_iter().map(unpack).filter(|tile| tile.bits != 0) {
            if let Some(copy) = Table(&self.inline).find_or_free(tile.group, 0) {
                copy.store(pack(tile), Relaxed);
            }
        }
        self.cells.clear(guard);
        fill.used = fill.live;
        self.load(guard)
    }

    /// What the protocol rules out, for the models to catch.
    #[cfg(loom)]
    pub(crate) fn lose_the_array(&self, guard: &Guard) {
        self.cells.clear(guard);
    }
}

impl<'a> Table<'a> {
    fn is_direct(self) -> bool {
        self.0.len() % 2 == 1
    }

    /// The group's cell.
    fn find(self, group: u32) -> Option<&'a AtomicU64> {
        if self.is_direct() {
            let group = if broken("direct: bound") { group as usize % self.0.len() } else { group as usize };
            return self.0.get(group);
        }
        // Acquire: a reader that meets the group in this cell sees what its writer stored before.
        let (cell, value) = self.probe(group, Acquire)?;
        (value != 0).then_some(cell)
    }

    /// The group's cell, or a free one for it. `None` if the table is full: `used` cells of it are taken.
    fn find_or_free(self, group: u32, used: u32) -> Option<&'a AtomicU64> {
        if self.is_direct() {
            return self.0.get(group as usize);
        }
        let (cell, value) = self.probe(group, Relaxed)?;
        let has_room = self.0.len() == INLINE || (used as usize + 1) * 5 <= self.0.len() * 4;
        (value != 0 || has_room).then_some(cell)
    }

    /// The group's cell in a table that is not direct, or the free one where it would be put, and what is in it. `None` if
    /// there is neither, as only inline cells can be full.
    fn probe(self, group: u32, ordering: Ordering) -> Option<(&'a AtomicU64, u64)> {
        let mut at = self.home(group);
        for _ in 0..self.0.len() {
            let cell = self.0.get(at)?;
            let value = cell.load(ordering);
            if value == 0 || unpack(value).group == group {
                return Some((cell, value));
            }
            at = if at + 1 == self.0.len() { 0 } else { at + 1 };
        }
        None
    }

    /// Where the search for the group's cell begins.
    fn home(self, group: u32) -> usize {
        match self.0.len() {
            INLINE => 0,
            _ if self.is_direct() => group as usize,
            len => (spread(group >> 2) << 2 | (group & 3)) as usize & (len - 1),
        }
    }
}

fn spread(block: u32) -> u32 {
    // Fibonacci hashing; the upper bits are the mixed ones.
    let mixed = block.wrapping_mul(0x9E37_79B1);
    mixed ^ (mixed >> 15)
}

fn is_sparse(cells: usize, live: u32) -> bool {
    cells > 2 * CELLS_MIN && (live as usize) * 8 < cells
}

/// Whether the fast path may change the cell: it has bits and is not frozen.
fn is_open(cell: u64) -> bool {
    cell as u32 != 0 && cell & FROZEN == 0
}

/// The fast path's only write.
fn swap(cell: &AtomicU64, old: u64, new: u64) -> bool {
    // AcqRel on success: Release as every store of bits. A failure means that the cell was frozen; nothing is read then.
    cell.compare_exchange(old, new, AcqRel, Relaxed).is_ok()
}

/// A cell with these members.
pub(crate) fn pack(tile: Tile) -> u64 {
    u64::from(tile.group + 1) << 32 | u64::from(tile.bits)
}

/// The members in a cell, frozen or not.
pub(crate) fn unpack(cell: u64) -> Tile {
    Tile { group: (((cell & !FROZEN) >> 32) as u32).wrapping_sub(1), bits: cell as u32 }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::sync::epoch;
    use crate::tile_list::TileList;

    fn contents(table: &TileTable) -> BTreeMap<u32, u32> {
        let guard = epoch::pin();
        let tiles: Vec<Tile> = table.tiles(&guard).collect();
        let map: BTreeMap<u32, u32> = tiles.iter().map(|tile| (tile.group, tile.bits)).collect();
        assert_eq!(map.len(), tiles.len(), "a group is met once");
        map
    }

    proptest! {
        #[test]
        fn as_a_map_of_words(ops in prop::collection::vec((any::<bool>(), 0..300_u32, any::<u32>()), 0..400), groups in 300..1200_u32) {
            let (table, mut fill, mut model) = (TileTable::default(), Fill::default(), BTreeMap::<u32, u32>::new());
            let guard = epoch::pin();
            for (add, group, bits) in ops {
                let old = model.get(&group).copied().unwrap_or(0);
                let tile = Tile { group, bits };
                if add {
                    let fast = table.try_set(tile, &guard);
                    prop_assert_eq!(fast.is_some(), old != 0, "the fast path is for cells that have bits");
                    let fresh = fast.unwrap_or_else(|| table.set(&mut fill, tile, groups, &guard));
                    prop_assert_eq!(fresh, bits & !old);
                    model.insert(group, old | bits);
                } else {
                    let fast = table.try_clear(tile, &guard);
                    prop_assert_eq!(fast.is_ok(), old & !bits != 0, "and that keep some");
                    let gone = fast.unwrap_or_else(|cell| table.clear(&mut fill, tile, groups, cell, &guard));
                    prop_assert_eq!(gone, bits & old);
                    model.insert(group, old & !bits);
                }
                model.retain(|_, bits| *bits != 0);
                prop_assert_eq!(table.bits(group, &guard), model.get(&group).copied().unwrap_or(0));
                prop_assert_eq!(fill.live as usize, model.len());
                let mut collected = TileList::default();
                collected.extend(table.cells(&guard));
                prop_assert!(collected.iter().eq(table.tiles(&guard)));
            }
            prop_assert_eq!(contents(&table), model);
        }
    }

    #[test]
    fn dense_rooms_are_direct_and_shrink_again() {
        let (table, mut fill, guard) = (TileTable::default(), Fill::default(), epoch::pin());
        for group in 0..1000 {
            table.set(&mut fill, Tile { group, bits: 1 }, 1000, &guard);
        }
        assert!(table.load(&guard).is_direct());
        for group in 10..1000 {
            table.clear(&mut fill, Tile { group, bits: 1 }, 1000, None, &guard);
        }
        let shrunk = table.load(&guard);
        assert!(!shrunk.is_direct() && shrunk.0.len() <= 128, "{} cells for 10 groups", shrunk.0.len());
        assert_eq!(contents(&table), (0..10).map(|group| (group, 1)).collect());
    }

    #[test]
    fn a_direct_table_takes_groups_that_came_later() {
        let (table, mut fill, guard) = (TileTable::default(), Fill::default(), epoch::pin());
        for group in 0..100 {
            table.set(&mut fill, Tile { group, bits: 1 }, 100, &guard);
        }
        assert_eq!(table.bits(5000, &guard), 0);
        table.set(&mut fill, Tile { group: 5000, bits: 7 }, 6000, &guard);
        assert_eq!((table.bits(5000, &guard), contents(&table).len()), (7, 101));
    }
}
