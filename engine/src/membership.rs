//! Joining and leaving: one bit in a room's table and one in the group's map of rooms, always both.
//!
//! # Protocol
//! Every change of a socket's memberships holds the lock of its group of 32. Under it the socket is looked at (alive, and
//! born as the handle says), then the room's table and the group's map change together; the room has a lock of its own for
//! its table. So joins, leaves, bulk verbs and the disconnect of one socket are in one order, and neither index shows what
//! the other does not.
//!
//! Bulk verbs work on whole tiles: one hold of a group's lock changes 32 sockets in all destinations. They are atomic for
//! each group, not for the whole selection. Under the lock they look a second time whether the sockets are still meant
//! ([`Select::bits`]).
//!
//! Leaving all rooms is done in batches, so that the lock is held for a bounded time however many rooms a socket is in;
//! between batches somebody else may have freed the slot, hence the look at the birth each time.
//!
//! Lock order: group, room, shard of names, free numbers. One group at a time.

use std::borrow::Cow;
use std::hint::black_box;

use smallvec::SmallVec;

use crate::changes::Changes;
use crate::connection::BATCH;
use crate::engine::Engine;
use crate::error::JoinError;
use crate::id::SocketId;
use crate::indivisible::Indivisible;
use crate::interner::RoomsFull;
use crate::lane::Tile;
use crate::room_map::RoomCell;
use crate::roster::{Added, Roster};
use crate::select::{Plan, Select};
use crate::slots::{Group, GroupState};
use crate::sync::epoch::{self, Guard};
use crate::sync::{MutexGuard, broken};
use crate::target::{Expr, Name, Rooms};
use crate::tile_list::TileList;

/// What a bulk verb changed, on this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Sockets that were selected.
    pub sockets: usize,
    /// Memberships that were added or removed.
    pub memberships: usize,
    /// Memberships that `rooms_per_socket_max` did not allow.
    pub refused: usize,
}

/// A room to be joined, found or made when the first member comes.
struct Destination<'a> {
    name: &'a str,
    number: Option<u32>,
}

impl Engine {
    /// The socket joins each of the rooms; how many were new to it. Stops at the first that is refused.
    pub(crate) fn join_socket(&self, id: SocketId, rooms: &Rooms<'_>) -> Result<usize, JoinError> {
        for name in &rooms.0 {
            self.core.check_name(name.text())?;
        }
        let mut joined = 0;
        for name in &rooms.0 {
            let mut changes = Changes::new(self.core.observer.as_deref(), false);
            joined += usize::from(self.join_one(id, name, &mut changes)?);
            changes.report();
        }
        Ok(joined)
    }

    /// A socket that came back joins the rooms that it was in; those that it could not join. The caller reports.
    pub(crate) fn rejoin(&self, id: SocketId, rooms: &[String], changes: &mut Changes<'_>) -> Vec<String> {
        let refused = |room: &&String| {
            let name = Name::Text(Cow::Borrowed(room.as_str()));
            self.core.check_name(room).and_then(|()| self.join_one(id, &name, changes)).is_err()
        };
        rooms.iter().filter(refused).cloned().collect()
    }

    /// The socket leaves each of the rooms; how many it was in.
    pub(crate) fn leave_socket(&self, id: SocketId, rooms: &Rooms<'_>) -> usize {
        rooms.0.iter().filter(|name| self.leave_one(id, name)).count()
    }

    fn join_one(&self, id: SocketId, name: &Name<'_>, changes: &mut Changes<'_>) -> Result<bool, JoinError> {
        let guard = epoch::pin();
        if let Some(owner) = self.core.find_id(self.namespace.number(), name.text(), &guard) {
            return if owner == id { Ok(false) } else { Err(JoinError::Private) };
        }
        let group = self.core.slots.group(id.group()).ok_or(JoinError::Gone)?;
        let mut destination = Destination::new(name, self);
        // The group, the name and the room are fetched side by side: behind the lock each would be waited for in turn.
        black_box(group.alive());
        destination.touch(self, id.group(), &guard);
        let added = {
            let mut state = group.lock();
            if !group.is_alive(id) {
                return Err(JoinError::Gone);
            }
            if destination.number.is_some_and(|number| state.rooms.get(number) & id.bit() != 0) {
                return Ok(false);
            }
            if state.full & id.bit() != 0 {
                return Err(JoinError::RoomsPerSocket { max: self.core.limits.rooms_per_socket.into() });
            }
            let added = self.enter(&mut destination, &mut state, Tile::of_slot(id.slot), &guard)?;
            if changes.wanted() && added.fresh != 0 {
                changes.joined(name.text(), [id], added.first);
            }
            added
        };
        // Nothing is new if the room that was found had died, and the socket was already in the next one of this name.
        Ok(added.fresh != 0)
    }

    fn leave_one(&self, id: SocketId, name: &Name<'_>) -> bool {
        let guard = epoch::pin();
        let mut changes = Changes::new(self.core.observer.as_deref(), false);
        let left = {
            let Some(number) = Destination::new(name, self).find(self, &guard) else { return false };
            let Some(group) = self.core.slots.group(id.group()) else { return false };
            let mut state = group.lock();
            let meant = if group.is_alive(id) { id.bit() } else { 0 };
            self.exit(number, &mut state, Tile { group: id.group(), bits: meant }, &mut changes, &guard) != 0
        };
        drop(guard);
        changes.report();
        left
    }

    /// Whoever is selected joins each of the rooms.
    pub(crate) fn join_selected(&self, expr: &Expr<'_>, rooms: &Rooms<'_>) -> Result<Changed, JoinError> {
        for name in &rooms.0 {
            self.core.check_name(name.text())?;
        }
        let guard = epoch::pin();
        let select = Select::new(self, &guard);
        let (tiles, plan) = select.collect(expr);
        let mut destinations: SmallVec<[Destination<'_>; 4]> = SmallVec::new();
        for name in &rooms.0 {
            match self.core.find_id(self.namespace.number(), name.text(), &guard) {
                Some(owner) if is_only(&tiles, owner) => {}
                Some(_) => return Err(JoinError::Private),
                None => destinations.push(Destination::new(name, self)),
            }
        }
        let (mut changed, mut changes) = (Changed::default(), Changes::new(self.core.observer.as_deref(), false));
        let mut outcome = Ok(());
        for tile in tiles.iter() {
            outcome = self.join_tile(&select, &plan, tile, &mut destinations, &mut changed, &mut changes, &guard);
            if outcome.is_err() {
                break;
            }
        }
        drop(guard);
        changes.report();
        outcome.map(|()| changed)
    }

    #[expect(clippy::too_many_arguments, reason = "one step of join_selected")]
    fn join_tile(
        &self,
        select: &Select<'_>,
        plan: &Plan,
        tile: Tile,
        destinations: &mut [Destination<'_>],
        changed: &mut Changed,
        changes: &mut Changes<'_>,
        guard: &Guard,
    ) -> Result<(), JoinError> {
        let Some(group) = self.core.slots.group(tile.group) else { return Ok(()) };
        let mut state = group.lock();
        let meant = if broken("bulk: second look") { u32::MAX } else { select.bits(plan, tile.group) };
        let bits = group.current(tile.bits & meant, select.clock);
        changed.sockets += bits.count_ones() as usize;
        for destination in destinations {
            let there = destination.find(self, guard).map_or(0, |number| state.rooms.get(number));
            let (new, refused) = (bits & !there & !state.full, bits & !there & state.full);
            changed.refused += refused.count_ones() as usize;
            if new == 0 {
                continue;
            }
            let tile = Tile { group: tile.group, bits: new };
            let added = self.enter(destination, &mut state, tile, guard)?;
            changed.memberships += added.fresh.count_ones() as usize;
            if changes.wanted() {
                changes.joined(destination.name, self.ids(tile), added.first);
            }
        }
        Ok(())
    }

    /// Whoever is selected leaves each of the rooms.
    pub(crate) fn leave_selected(&self, expr: &Expr<'_>, rooms: &Rooms<'_>) -> Changed {
        let guard = epoch::pin();
        let select = Select::new(self, &guard);
        let (tiles, plan) = select.collect(expr);
        let (mut changed, mut changes) = (Changed::default(), Changes::new(self.core.observer.as_deref(), false));
        let found = rooms.0.iter().filter_map(|name| Destination::new(name, self).find(self, &guard));
        let numbers: SmallVec<[u32; 4]> = found.collect();
        for tile in tiles.iter() {
            let Some(group) = self.core.slots.group(tile.group) else { continue };
            let mut state = group.lock();
            let bits = group.current(tile.bits & select.bits(&plan, tile.group), select.clock);
            changed.sockets += bits.count_ones() as usize;
            for number in &numbers {
                let gone = self.exit(*number, &mut state, Tile { group: tile.group, bits }, &mut changes, &guard);
                changed.memberships += gone.count_ones() as usize;
            }
        }
        drop(guard);
        changes.report();
        changed
    }

    /// Whoever is selected leaves all rooms but its own.
    pub(crate) fn leave_all_selected(&self, expr: &Expr<'_>) -> Changed {
        let guard = epoch::pin();
        let select = Select::new(self, &guard);
        let (tiles, plan) = select.collect(expr);
        let (mut changed, mut changes) = (Changed::default(), Changes::new(self.core.observer.as_deref(), false));
        for tile in tiles.iter() {
            let Some(group) = self.core.slots.group(tile.group) else { continue };
            let state = group.lock();
            let bits = group.current(tile.bits & select.bits(&plan, tile.group), select.clock);
            changed.sockets += bits.count_ones() as usize;
            let (tile, still) = (Tile { group: tile.group, bits }, |group: &Group| group.current(bits, select.clock));
            changed.memberships += self.leave_rooms(group, state, tile, still, &mut changes, &guard);
        }
        drop(guard);
        changes.report();
        changed
    }

    /// Sockets of a group leave all rooms that they are in at the beginning; how many memberships that were. `state` is the
    /// group's; where it is let go in between, `still` says who of them is meant afterwards.
    pub(crate) fn leave_rooms<'a>(
        &self,
        group: &'a Group,
        mut state: MutexGuard<'a, GroupState>,
        tile: Tile,
        still: impl Fn(&Group) -> u32,
        changes: &mut Changes<'_>,
        guard: &Guard,
    ) -> usize {
        if !state.has_rooms(tile.bits) {
            return 0;
        }
        let cells: SmallVec<[RoomCell; BATCH]> = state.rooms.cells_of(tile.bits).collect();
        let (mut bits, mut memberships) = (tile.bits, 0);
        for (nth, batch) in cells.chunks(BATCH).enumerate() {
            if nth > 0 {
                drop(state);
                state = group.lock();
                bits = still(group);
            }
            let roster = |cell: &RoomCell| self.core.interner.roster(cell.room);
            let rosters: SmallVec<[&Roster; BATCH]> = batch.iter().map(roster).collect();
            // The rooms are independent of each other: the processor waits for the memory of several at once here, where it
            // would wait for each in turn below.
            rosters.iter().for_each(|roster| roster.touch(tile.group, guard));
            for (cell, roster) in batch.iter().zip(rosters) {
                let both = Indivisible::begin();
                let tile = Tile { group: tile.group, bits: state.rooms.remove_from(*cell, bits) };
                let gone = self.exit_roster(cell.room, roster, &mut state, tile, changes, guard);
                both.end();
                memberships += gone.count_ones() as usize;
            }
        }
        state.rooms.shrink();
        memberships
    }

    /// The names of the socket's rooms, without its own.
    pub(crate) fn rooms_of(&self, id: SocketId) -> Vec<String> {
        let Some(group) = self.core.slots.group(id.group()) else { return Vec::new() };
        let state = group.lock();
        if !group.is_alive(id) {
            return Vec::new();
        }
        let rooms = state.rooms.rooms_of(id.bit());
        rooms.filter_map(|number| self.core.interner.name(number)).collect()
    }

    /// Adds members to a destination, in both indexes. The caller holds the group's lock and has seen that they are not in.
    fn enter(
        &self,
        destination: &mut Destination<'_>,
        state: &mut GroupState,
        tile: Tile,
        guard: &Guard,
    ) -> Result<Added, JoinError> {
        // First, since nothing may fail between the two indexes.
        state.rooms.reserve();
        let both = Indivisible::begin();
        let outcome = destination.add(self, tile, guard);
        if let Ok((number, added)) = &outcome {
            state.rooms.add(*number, tile.bits);
            state.count_up(added.fresh, self.core.limits.rooms_per_socket);
        }
        both.end();
        outcome.map(|(_, added)| added)
    }

    /// Removes members from a room, in both indexes; those who were in. The caller holds the group's lock.
    fn exit(&self, number: u32, state: &mut GroupState, tile: Tile, changes: &mut Changes<'_>, guard: &Guard) -> u32 {
        let both = Indivisible::begin();
        let tile = Tile { group: tile.group, bits: state.rooms.remove(number, tile.bits) };
        let gone = self.exit_roster(number, self.core.interner.roster(number), state, tile, changes, guard);
        both.end();
        gone
    }

    /// The second half: removes members from the room whom the group's map does not show any more.
    fn exit_roster(
        &self,
        number: u32,
        roster: &Roster,
        state: &mut GroupState,
        tile: Tile,
        changes: &mut Changes<'_>,
        guard: &Guard,
    ) -> u32 {
        if tile.bits == 0 {
            return 0;
        }
        // Members keep the room alive, so it has a name until they are removed.
        let name = if changes.wanted() { self.core.interner.name(number) } else { None };
        let removed = roster.remove(tile, self.core.slots.groups(), guard);
        state.count_down(removed.gone, self.core.limits.rooms_per_socket);
        if removed.died {
            self.core.interner.retire(number, guard);
        }
        if let Some(name) = name {
            changes.left(name, self.ids(tile), removed.last);
        }
        removed.gone
    }

    /// The ids of some slots; under their group's lock, or they may be later ones.
    fn ids(&self, tile: Tile) -> impl Iterator<Item = SocketId> {
        let namespace = self.namespace.number();
        tile.slots().filter_map(move |slot| self.core.slots.id(slot, namespace, u64::MAX))
    }
}

impl<'a> Destination<'a> {
    fn new(name: &'a Name<'a>, engine: &Engine) -> Self {
        let number = match name {
            Name::Pinned(room) => room.number_in(engine),
            Name::Text(_) => None,
        };
        Self { name: name.text(), number }
    }

    /// The room's number, if it exists.
    fn find(&mut self, engine: &Engine, guard: &Guard) -> Option<u32> {
        if self.number.is_none() {
            self.number = engine.core.interner.find(engine.namespace.number(), self.name, guard);
        }
        self.number
    }

    /// Finds the room, if it exists, and fetches what adding members of this group will need.
    fn touch(&mut self, engine: &Engine, group: u32, guard: &Guard) {
        if let Some(number) = self.find(engine, guard) {
            engine.core.interner.roster(number).touch(group, guard);
        }
    }

    /// Adds members to the room, which is made if there is none, or if the one that was found died.
    fn add(&mut self, engine: &Engine, tile: Tile, guard: &Guard) -> Result<(u32, Added), JoinError> {
        let (interner, namespace) = (&engine.core.interner, engine.namespace.number());
        let full = |RoomsFull| JoinError::Rooms { max: engine.core.limits.rooms };
        let mut number = match self.number {
            Some(number) => number,
            None => interner.find_or_create(namespace, self.name, guard).map_err(full)?,
        };
        loop {
            if let Ok(added) = interner.roster(number).add(tile, engine.core.slots.groups(), guard) {
                self.number = Some(number);
                return Ok((number, added));
            }
            number = interner.replace_dead(namespace, self.name, number, guard).map_err(full)?;
        }
    }
}

/// Whether a selection is this socket, or nobody.
fn is_only(tiles: &TileList, id: SocketId) -> bool {
    tiles.iter().all(|tile| tile == Tile::of_slot(id.slot))
}
