//! Rooms by name: a number stands for a room, so that tables hold numbers.
//!
//! # Protocol
//! - *Find*: without a lock, through the [`NameIndex`]; the name is compared in the room's own cell.
//! - *Create*: under the lock of the name's shard: take a free number, write the name, then publish the number.
//! - *Death* (`roster.rs`): whoever marked a room dead unlinks its number, if the name still stands for it. Once nobody is
//!   pinned who may have found it, the room is buried: its table is given back and the number is free.
//! - *A joiner that meets a dead room* puts a new number in the place of the dead one, under the shard's lock. It waits for
//!   nobody; the killer then finds that the name is not its own any more.
//!
//! A number found under a pin means the same room until the pin ends, or a dead one: it is not given out again before.

mod name;
mod name_index;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::sync::epoch::{self, Guard};
use ahash::RandomState;

use crate::buckets::Buckets;
use crate::roster::Roster;
use crate::sync::{AtomicUsize, Mutex, SMALL, UnsafeCell, broken, random_state};

use name::Name;
pub(crate) use name_index::NameIndex;

/// All rooms of a core, but the namespaces' rooms of everybody.
pub(crate) struct Interner {
    index: NameIndex,
    rooms: Arc<Rooms>,
    hasher: RandomState,
    rooms_max: usize,
}

#[derive(Default)]
struct Rooms {
    cells: Buckets<Cell, { if SMALL { 2 } else { 64 } }>,
    free: Mutex<Free>,
    /// Rooms in being or pinned. A limit, not an order: Relaxed.
    count: AtomicUsize,
}

#[derive(Default)]
struct Free {
    numbers: Vec<u32>,
    /// The lowest number that was never given out.
    next: u32,
    /// Of dead rooms, not free yet.
    retired: Vec<u32>,
}

/// Numbers that wait for the end of the same pins: one closure for the collector, and one flush.
const RETIRED_BATCH: usize = if SMALL { 1 } else { 64 };

/// One room's place: two cache lines, shared with no other room; the second one has its inline cells.
#[repr(C, align(64))]
#[derive(Default)]
struct Cell {
    name: UnsafeCell<Name>,
    roster: Roster,
}

#[cfg(not(any(loom, shuttle, fuzzing)))]
const _: () = assert!(size_of::<Cell>() == 128);

// SAFETY: `name` is written only while the room is dead, by the only owner of its number, inside the critical section of
// `roster`; it is read under that critical section while the room is alive, or by a pinned reader that found the number
// through the index, which keeps the number from being given out again (see `name_of_found`).
unsafe impl Sync for Cell {}

/// There are `rooms_max` rooms.
#[derive(Debug)]
pub(crate) struct RoomsFull;

impl Interner {
    pub(crate) fn new(rooms_max: usize) -> Self {
        Self { index: NameIndex::default(), rooms: Arc::default(), hasher: random_state(), rooms_max }
    }

    /// The number of the room with this name. Takes no lock.
    pub(crate) fn find(&self, namespace: u32, name: &str, guard: &Guard) -> Option<u32> {
        let hash = self.hash(namespace, name);
        self.index.find(hash, guard, |number| self.is_named(number, namespace, name, guard))
    }

    /// The same, made if there is none.
    pub(crate) fn find_or_create(&self, namespace: u32, name: &str, guard: &Guard) -> Result<u32, RoomsFull> {
        let hash = self.hash(namespace, name);
        if let Some(number) = self.index.find(hash, guard, |n| self.is_named(n, namespace, name, guard)) {
            return Ok(number);
        }
        let mut writer = self.index.lock(hash);
        if let Some(number) = writer.find(guard, |n| self.is_named(n, namespace, name, guard)) {
            return Ok(number);
        }
        let number = self.reserve()?;
        if !broken("names: name first") {
            self.open(number, namespace, name);
            writer.insert(number, guard);
        } else {
            writer.insert(number, guard);
            self.open(number, namespace, name);
        }
        Ok(number)
    }

    /// A living room in the place of one that was found dead.
    pub(crate) fn replace_dead(&self, namespace: u32, name: &str, dead: u32, guard: &Guard) -> Result<u32, RoomsFull> {
        let mut writer = self.index.lock(self.hash(namespace, name));
        match writer.find(guard, |number| self.is_named(number, namespace, name, guard)) {
            Some(number) if number != dead => Ok(number),
            found => {
                let number = self.reserve()?;
                self.open(number, namespace, name);
                if found.is_none() || !writer.replace(dead, number, guard) {
                    writer.insert(number, guard);
                }
                Ok(number)
            }
        }
    }

    /// The roster under a number that was found under the same pin, or whose room is known to live.
    pub(crate) fn roster(&self, number: u32) -> &Roster {
        &self.cell(number).roster
    }

    /// The name of a room, if it lives. Takes its lock.
    pub(crate) fn name(&self, number: u32) -> Option<String> {
        let cell = self.cell(number);
        cell.roster.while_alive(|_| {
            // SAFETY: alive and under the critical section: nobody writes the name.
            let name = cell.name.with(|name| unsafe { &*name });
            name.to_string()
        })
    }

    /// Every room of a namespace that has members. Locks one room at a time; looks at all of a core.
    pub(crate) fn for_each(&self, namespace: u32, mut f: impl FnMut(&str, &Roster)) {
        for cell in self.rooms.cells.iter() {
            let name = cell.roster.while_alive(|has_members| {
                // SAFETY: alive and under the critical section: nobody writes the name.
                let name = cell.name.with(|name| unsafe { &*name });
                (has_members && name.namespace() == namespace).then(|| name.to_string())
            });
            if let Some(name) = name.flatten() {
                f(&name, &cell.roster);
            }
        }
    }

    /// Ends a room that the caller marked dead.
    pub(crate) fn retire(&self, number: u32, guard: &Guard) {
        let cell = self.cell(number);
        // SAFETY: the room is dead and its number not free before the closure below ran: nobody writes the name.
        let name = cell.name.with(|name| unsafe { &*name });
        let hash = self.hash_of(name.namespace(), name.text());
        let mut writer = self.index.lock(hash);
        let unlinked = if broken("death: unlink only its own") { writer.find(guard, |_| true) } else { Some(number) };
        unlinked.map(|number| writer.remove(number, guard));
        drop(writer);
        #[cfg(loom)]
        if broken("death: array kept") {
            cell.roster.empty_at_death(guard);
        }
        self.rooms.count.fetch_sub(1, Relaxed);
        if broken("numbers: bury at once") {
            return self.rooms.bury(&[number], guard);
        }
        let Some(numbers) = self.rooms.free.lock().retire(number) else { return };
        let rooms = Arc::clone(&self.rooms);
        guard.defer(move || rooms.bury(&numbers, &epoch::pin()));
        guard.flush();
    }

    /// Adds a handle to a living room of this name, made if there is none.
    pub(crate) fn pin(&self, namespace: u32, name: &str, guard: &Guard) -> Result<u32, RoomsFull> {
        let mut number = self.find_or_create(namespace, name, guard)?;
        while self.roster(number).pin().is_err() {
            number = self.replace_dead(namespace, name, number, guard)?;
        }
        Ok(number)
    }

    /// Takes a handle away.
    pub(crate) fn unpin(&self, number: u32, guard: &Guard) {
        if self.roster(number).unpin() {
            self.retire(number, guard);
        }
    }

    /// A free number, counted.
    fn reserve(&self) -> Result<u32, RoomsFull> {
        if self.rooms.count.fetch_add(1, Relaxed) >= self.rooms_max {
            self.rooms.count.fetch_sub(1, Relaxed);
            return Err(RoomsFull);
        }
        Ok(self.rooms.free.lock().take())
    }

    /// Starts a room under a number of the caller's own.
    fn open(&self, number: u32, namespace: u32, name: &str) {
        let cell = self.rooms.cells.get_or_grow(number);
        cell.roster.open(0, || {
            let name = Name::new(namespace, name);
            // SAFETY: the number came from the list of free ones: its room is dead, no reader found it, and this thread
            // alone owns it.
            cell.name.with_mut(|cell| unsafe { *cell = name });
        });
    }

    fn is_named(&self, number: u32, namespace: u32, name: &str, guard: &Guard) -> bool {
        // SAFETY: the index gave the number under this guard.
        let found = unsafe { self.name_of_found(number, guard) };
        found.namespace() == namespace && found.text() == name.as_bytes()
    }

    /// # Safety
    /// - `number` was read from the index while `guard` was pinned. Then its name was written before (Release store of the
    ///   cell), and is not written again: `retire` lets the number be free only when every guard of that time is gone.
    unsafe fn name_of_found<'g>(&'g self, number: u32, _guard: &'g Guard) -> &'g Name {
        let cell = self.cell(number);
        // SAFETY: by the contract above nobody writes the name while the guard lives.
        cell.name.with(|name| unsafe { &*name })
    }

    fn cell(&self, number: u32) -> &Cell {
        self.rooms.cells.get_or_grow(number)
    }

    fn hash(&self, namespace: u32, name: &str) -> u64 {
        self.hash_of(namespace, name.as_bytes())
    }

    fn hash_of(&self, namespace: u32, name: &[u8]) -> u64 {
        self.hasher.hash_one((namespace, name))
    }
}

impl Rooms {
    /// Makes numbers free: nobody is pinned any more who may have found them.
    fn bury(&self, numbers: &[u32], guard: &Guard) {
        for number in numbers {
            let cell = self.cells.get_or_grow(*number);
            cell.roster.bury(guard, || {
                // SAFETY: the room is dead, unlinked, and all guards that may have found it are gone: no reader is left.
                cell.name.with_mut(|cell| unsafe { *cell = Name::default() });
            });
        }
        self.free.lock().numbers.extend_from_slice(numbers);
    }
}

impl Free {
    fn take(&mut self) -> u32 {
        self.numbers.pop().unwrap_or_else(|| {
            let number = self.next;
            self.next += 1;
            number
        })
    }

    /// Adds the number of a dead room; those that are due to be freed, if they are many.
    fn retire(&mut self, number: u32) -> Option<Vec<u32>> {
        self.retired.push(number);
        (self.retired.len() >= RETIRED_BATCH).then(|| mem::take(&mut self.retired))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::lane::Tile;

    #[test]
    fn one_number_a_name_and_namespace() {
        let (interner, guard) = (Interner::new(10), epoch::pin());
        let a = interner.find_or_create(0, "a", &guard).unwrap();
        assert_eq!(interner.find_or_create(0, "a", &guard).unwrap(), a);
        assert_ne!(interner.find_or_create(1, "a", &guard).unwrap(), a);
        assert_eq!((interner.find(0, "a", &guard), interner.find(0, "b", &guard)), (Some(a), None));
        assert_eq!(interner.name(a).as_deref(), Some("a"));
    }

    #[test]
    fn a_dead_room_is_replaced_and_its_killer_unlinks_only_its_own() {
        let (interner, guard) = (Interner::new(10), epoch::pin());
        let tile = Tile { group: 0, bits: 1 };
        let old = interner.find_or_create(0, "a", &guard).unwrap();
        interner.roster(old).add(tile, 1, &guard).unwrap();
        assert!(interner.roster(old).remove(tile, 1, &guard).died);
        assert!(interner.roster(old).add(tile, 1, &guard).is_err());
        let new = interner.replace_dead(0, "a", old, &guard).unwrap();
        assert_ne!(old, new, "a number is not given out again while somebody is pinned");
        interner.retire(old, &guard);
        assert_eq!(interner.find(0, "a", &guard), Some(new));
    }

    #[test]
    fn numbers_are_used_again() {
        let interner = Interner::new(10);
        // Other tests are pinned now and then, so when it happens is not known, only that it does.
        let reused = (0..1_000_000_u32).any(|round| {
            let guard = epoch::pin();
            let number = interner.find_or_create(0, &format!("room {round}"), &guard).unwrap();
            let tile = Tile { group: 0, bits: 1 };
            interner.roster(number).add(tile, 1, &guard).unwrap();
            assert!(interner.roster(number).remove(tile, 1, &guard).died);
            interner.retire(number, &guard);
            number < round
        });
        assert!(reused);
    }

    #[test]
    fn the_limit_counts_rooms_in_being() {
        let (interner, guard) = (Interner::new(1), epoch::pin());
        let a = interner.pin(0, "a", &guard).unwrap();
        assert!(interner.find_or_create(0, "b", &guard).is_err());
        interner.unpin(a, &guard);
        assert!(interner.find_or_create(0, "b", &guard).is_ok());
    }

    #[test]
    fn seeds_differ_from_core_to_core() {
        let hash = || Interner::new(1).hash(0, "a");
        assert_ne!(hash(), hash());
    }
}
