//! A room's members, and its life.
//!
//! Most joins and leaves change one word of the table of tiles and take no lock here (`tile_table.rs`); the room's mutex is
//! for the first and the last member of a group, for growth, and for birth and death.
//!
//! # Life of a room
//! A room lives while it has a member or a handle ([`Room`](crate::Room)) pins it. Whoever takes the last of these away
//! marks it dead in the same critical section; nobody revives it. A joiner that meets a dead room makes another one under
//! the same name (`interner.rs`), so neither waits for the other.
//!
//! Lock order: a group's lock, then this one; then a shard of names; then the list of free ids.

use std::sync::atomic::Ordering::Acquire;

use crate::sync::epoch::Guard;

use crate::lane::Tile;
use crate::sync::Mutex;
use crate::tile_list::TileList;
use crate::tile_table::{Fill, TileTable, unpack};

/// The members of a room, and whether it lives.
#[repr(C)]
pub(crate) struct Roster {
    state: Mutex<State>,
    tiles: TileTable,
}

/// Twelve bytes: a room without its inline cells fits in a cache line (`interner.rs`).
#[derive(Debug)]
struct State {
    fill: Fill,
    /// Handles that keep the room without members, or [`DEAD`].
    pins: u32,
}

const DEAD: u32 = u32::MAX;

/// The room died: its name stands for another one, or for none.
#[derive(Debug)]
pub(crate) struct Dead;

/// What adding did.
#[derive(Debug)]
pub(crate) struct Added {
    /// The members that are new.
    pub(crate) fresh: u32,
    /// They are the first ones: the room came into being.
    pub(crate) first: bool,
}

/// What removing did.
#[derive(Debug)]
pub(crate) struct Removed {
    /// The members that were there.
    pub(crate) gone: u32,
    /// They were the last ones: the room ceased to be.
    pub(crate) last: bool,
    /// Nothing keeps the room: the caller retires it.
    pub(crate) died: bool,
}

impl Default for Roster {
    /// A place without a room.
    fn default() -> Self {
        Self { tiles: TileTable::default(), state: Mutex::new(State { fill: Fill::default(), pins: DEAD }) }
    }
}

impl Roster {
    /// A room that never dies.
    pub(crate) fn immortal() -> Self {
        let roster = Self::default();
        roster.open(1, || ());
        roster
    }

    /// Starts a life with `pins` handles; `name` runs inside the critical section.
    pub(crate) fn open(&self, pins: u32, name: impl FnOnce()) {
        let mut state = self.state.lock();
        name();
        state.pins = pins;
    }

    /// The members, by tiles; takes no lock.
    pub(crate) fn tiles<'g>(&'g self, guard: &'g Guard) -> impl Iterator<Item = Tile> + use<'g> {
        self.tiles.tiles(guard)
    }

    /// Appends the members, by tiles; takes no lock.
    pub(crate) fn collect(&self, into: &mut TileList, guard: &Guard) {
        into.extend(self.tiles.cells(guard));
    }

    /// The members of one group; takes no lock.
    pub(crate) fn bits(&self, group: u32, guard: &Guard) -> u32 {
        self.tiles.bits(group, guard)
    }

    /// Fetches what a change of this group will need into the cache; see [`TileTable::touch`].
    pub(crate) fn touch(&self, group: u32, guard: &Guard) {
        self.tiles.touch(group, guard);
    }

    /// How many members there are; takes no lock, looks at each tile.
    pub(crate) fn count(&self, guard: &Guard) -> usize {
        // No branch on what is in a cell, as in TileList::extend.
        self.tiles.cells(guard).iter().map(|cell| unpack(cell.load(Acquire)).bits.count_ones() as usize).sum()
    }

    /// Adds members. The caller holds the lock of their group; `groups` is how many there are in all.
    pub(crate) fn add(&self, tile: Tile, groups: u32, guard: &Guard) -> Result<Added, Dead> {
        if let Some(fresh) = self.tiles.try_set(tile, guard) {
            return Ok(Added { fresh, first: false });
        }
        let mut state = self.state.lock();
        if state.is_dead() {
            return Err(Dead);
        }
        let first = state.fill.live == 0;
        let fresh = self.tiles.set(&mut state.fill, tile, groups, guard);
        Ok(Added { fresh, first })
    }

    /// Removes members. The caller holds the lock of their group.
    pub(crate) fn remove(&self, tile: Tile, groups: u32, guard: &Guard) -> Removed {
        let cell = match self.tiles.try_clear(tile, guard) {
            Ok(gone) => return Removed { gone, last: false, died: false },
            Err(cell) => cell,
        };
        let mut state = self.state.lock();
        let gone = self.tiles.clear(&mut state.fill, tile, groups, cell, guard);
        let last = gone != 0 && state.fill.live == 0;
        let died = last && state.die_if_idle();
        Removed { gone, last, died }
    }

    /// Adds a handle.
    pub(crate) fn pin(&self) -> Result<(), Dead> {
        let mut state = self.state.lock();
        if state.is_dead() {
            return Err(Dead);
        }
        state.pins += 1;
        Ok(())
    }

    /// Takes a handle away; true if nothing keeps the room any more: the caller retires it.
    pub(crate) fn unpin(&self) -> bool {
        let mut state = self.state.lock();
        state.pins -= 1;
        state.die_if_idle()
    }

    /// Runs `f` while the room cannot die; `None` if it is dead. Tells `f` whether there are members.
    pub(crate) fn while_alive<R>(&self, f: impl FnOnce(bool) -> R) -> Option<R> {
        let state = self.state.lock();
        (!state.is_dead()).then(|| f(state.fill.live > 0))
    }

    /// Empties a dead room that nobody knows any more; `f` runs in the same critical section.
    pub(crate) fn bury(&self, guard: &Guard, f: impl FnOnce()) {
        let mut state = self.state.lock();
        debug_assert!(state.is_dead(), "only the dead are buried");
        self.tiles.reset(&mut state.fill, guard);
        f();
    }

    /// What the protocol rules out, for the models to catch.
    #[cfg(loom)]
    pub(crate) fn empty_at_death(&self, guard: &Guard) {
        self.tiles.lose_the_array(guard);
    }
}

impl State {
    fn is_dead(&self) -> bool {
        self.pins == DEAD
    }

    /// Ends the room if neither members nor handles keep it; true if that was now.
    fn die_if_idle(&mut self) -> bool {
        let is_idle = self.pins == 0 && self.fill.live == 0;
        if is_idle {
            self.pins = DEAD;
        }
        is_idle
    }
}
