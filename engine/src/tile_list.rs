//! The tiles of one selection, as they are read from a room's table.

use std::cell::RefCell;
use std::sync::atomic::Ordering::Acquire;
use std::thread::LocalKey;

use crate::lane::Tile;
use crate::scratch::{Reusable, Stock};
use crate::sync::AtomicU64;
use crate::tile_table::{pack, unpack};

/// Tiles with members, as cells of tables. Kept in a buffer that does not shrink: what lies behind `len` is of no meaning.
#[derive(Default)]
pub(crate) struct TileList {
    cells: Vec<u64>,
    len: usize,
}

impl TileList {
    pub(crate) fn push(&mut self, tile: Tile) {
        self.cells.truncate(self.len);
        self.cells.push(pack(tile));
        self.len += 1;
    }

    /// Appends those cells that have members. No branch depends on what is in a cell: in a sparse table it would be
    /// mispredicted half of the time.
    pub(crate) fn extend(&mut self, cells: &[AtomicU64]) {
        let needed = self.len + cells.len();
        if self.cells.len() < needed {
            self.cells.resize(needed, 0);
        }
        let (into, mut len) = (&mut self.cells[self.len..needed], 0);
        for cell in cells {
            // Acquire: pairs with the Release stores of set and clear in `tile_table.rs`, and with the fast path.
            let value = cell.load(Acquire);
            into[len] = value;
            len += usize::from(value as u32 != 0);
        }
        self.len += len;
    }

    /// How many tiles.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many sockets.
    pub(crate) fn count(&self) -> usize {
        self.cells[..self.len].iter().map(|cell| (*cell as u32).count_ones() as usize).sum()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Tile> {
        self.cells[..self.len].iter().map(|cell| unpack(*cell))
    }
}

impl Reusable for TileList {
    fn stock() -> &'static LocalKey<Stock<Self>> {
        thread_local! {
            static STOCK: Stock<TileList> = const { RefCell::new(Vec::new()) };
        }
        &STOCK
    }

    fn empty(&mut self) {
        self.len = 0;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn only_tiles_with_members_and_nothing_of_former_uses() {
        let cells = [3, 0, 7].map(|bits| AtomicU64::new(pack(Tile { group: 5, bits })));
        for _ in 0..2 {
            let mut list = Scratch::<TileList>::take();
            assert_eq!((list.len(), list.count()), (0, 0));
            list.extend(&cells);
            list.push(Tile { group: 9, bits: 1 });
            list.extend(&cells[..2]);
            let bits: Vec<u32> = list.iter().map(|tile| tile.bits).collect();
            assert_eq!((bits, list.len(), list.count()), (vec![3, 7, 1, 3], 4, 8));
        }
    }
}
