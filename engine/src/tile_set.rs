//! A set of slots as scratch space for set expressions.

use std::cell::RefCell;
use std::thread::LocalKey;

use crate::lane::Tile;
use crate::scratch::{Reusable, Stock};

/// One word for each group, and which of them may be set, so that emptying costs what was touched.
#[derive(Debug, Default)]
pub(crate) struct TileSet {
    words: Vec<u32>,
    touched: Vec<u32>,
}

impl TileSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    pub(crate) fn add(&mut self, tile: Tile) {
        let at = tile.group as usize;
        if at >= self.words.len() {
            self.words.resize((at + 1).next_power_of_two(), 0);
        }
        if self.words[at] == 0 {
            self.touched.push(tile.group);
        }
        self.words[at] |= tile.bits;
    }

    pub(crate) fn remove(&mut self, tile: Tile) {
        if let Some(word) = self.words.get_mut(tile.group as usize) {
            *word &= !tile.bits;
        }
    }

    /// Keeps of each group what `keep` says.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(u32) -> u32) {
        for group in &self.touched {
            let word = &mut self.words[*group as usize];
            if *word != 0 {
                *word &= keep(*group);
            }
        }
    }

    pub(crate) fn bits(&self, group: u32) -> u32 {
        self.words.get(group as usize).copied().unwrap_or(0)
    }

    /// The tiles, in the order in which groups came in; the set is empty afterwards.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Tile> {
        let Self { words, touched } = self;
        // A group that was emptied and filled again stands twice in `touched`; the second look finds nothing.
        let tiles = touched.drain(..).map(|group| Tile { group, bits: std::mem::take(&mut words[group as usize]) });
        tiles.filter(|tile| tile.bits != 0)
    }
}

impl Reusable for TileSet {
    fn stock() -> &'static LocalKey<Stock<Self>> {
        thread_local! {
            static STOCK: Stock<TileSet> = const { RefCell::new(Vec::new()) };
        }
        &STOCK
    }

    fn empty(&mut self) {
        self.drain().for_each(drop);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_group_that_was_emptied_and_filled_again_comes_once() {
        let mut set = Scratch::<TileSet>::take();
        set.add(Tile { group: 3, bits: 1 });
        set.remove(Tile { group: 3, bits: 1 });
        set.add(Tile { group: 3, bits: 6 });
        set.add(Tile { group: 9, bits: 1 });
        set.retain(|group| if group == 3 { 2 } else { u32::MAX });
        assert_eq!(set.drain().collect::<Vec<_>>(), [Tile { group: 3, bits: 2 }, Tile { group: 9, bits: 1 }]);
        drop(set);
        assert!(Scratch::<TileSet>::take().drain().next().is_none());
    }
}
