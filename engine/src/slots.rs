//! Sockets by number: slots, in groups of 32, and the births that tell one owner of a slot from the next.
//!
//! # Problem
//! Rooms keep bits, and a bit says nothing of who owned the slot when it was read. A broadcast that read the bit of a
//! socket must not reach the socket that took the slot a moment later, and slots must be free for use at once: waiting for
//! all readers to finish let a quiet thread hold thousands of them back.
//!
//! # Protocol
//! The core has one clock, changed only by `fetch_add(1, AcqRel)`.
//! - *Connect*, under the group's lock: write the id's words; `born = clock.fetch_add(1) + 1`; store `born`; set the alive
//!   bit.
//! - *Select* loads the clock (Acquire) as `c` before it reads any name, table or word; the delivery carries `c`.
//! - *Deliver* goes to the lane's binding of the slot if `born <= c` ([`LaneTable`](crate::LaneTable)).
//! - *Disconnect* clears the alive bit, then the rooms. *Free*, by the socket's owner when its lane has no binding for it
//!   any more: finish the clearing, store `born = 0`, give the slot back.
//!
//! Why a delivery never meets a wrong owner: say it carries `c` and meets a binding with birth `b <= c`. All changes of the
//! clock are read-modify-writes with AcqRel, so the load of `c` synchronises with the birth `b`, and the former owner's
//! clearing happened before that birth (group lock, slot pool). Every later read of a room's word sees the clearing, so the
//! bit that was read is b's own. The other way round: a join that returned before the call gives `c >= b` and a bit that
//! is seen; a newcomer that is skipped was born after the call began. Models: `tests/models/births.rs`.
//!
//! The words of an id are read as in a seqlock: `born` (Acquire), the words (Acquire), `born` again. A writer stores
//! `born = 0` before it writes other words (Release), so who sees one of them sees that `born` changed.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::buckets::Buckets;
use crate::id::{PublicId, SocketId};
use crate::lane::Tile;
use crate::room_map::RoomMap;
use crate::sync::{AtomicU32, AtomicU64, Mutex, MutexGuard, SMALL, order};

/// Sockets whose bits share a word. Few in models, so that they stay small, and for the fuzzer, so that tables grow.
pub(crate) const SLOTS_PER_GROUP: u32 = if cfg!(loom) {
    2
} else if SMALL {
    4
} else {
    32
};
/// Groups that go to a lane together.
pub(crate) const GROUPS_PER_CHUNK: u32 = if cfg!(loom) {
    1
} else if SMALL {
    4
} else {
    64
};

/// All slots of a core.
#[derive(Default)]
pub(crate) struct Slots {
    groups: Buckets<Group, GROUPS_PER_CHUNK>,
    /// The lane of each chunk, plus one.
    owners: Buckets<AtomicU32, GROUPS_PER_CHUNK>,
    chunks: AtomicU32,
    clock: AtomicU64,
}

/// 32 sockets; aligned, so that two groups share no cache line, and in this order, so that a join or leave touches few.
#[repr(C, align(64))]
#[derive(Default)]
pub(crate) struct Group {
    /// Which slots have a connected socket.
    alive: AtomicU32,
    state: Mutex<GroupState>,
    born: [AtomicU64; SLOTS_PER_GROUP as usize],
    /// Each socket's public id and the number of its namespace.
    words: [[AtomicU64; 3]; SLOTS_PER_GROUP as usize],
}

/// What the group's lock guards.
#[derive(Default)]
pub(crate) struct GroupState {
    /// The rooms of its sockets, without their own and without the namespace's room of everybody.
    pub(crate) rooms: RoomMap,
    /// Rooms of each socket.
    pub(crate) counts: [u16; SLOTS_PER_GROUP as usize],
    /// Sockets that are in as many rooms as they may.
    pub(crate) full: u32,
    /// Sockets whose rooms are reported when they are disconnected.
    pub(crate) reporting: u32,
    data: Option<Box<[Data; SLOTS_PER_GROUP as usize]>>,
}

/// What users attached to a socket: few values, by type.
type Data = Vec<(TypeId, Value)>;
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

impl Slots {
    /// The engine's clock: the birth of the youngest socket. Read before anything that a selection reads.
    pub(crate) fn clock(&self) -> u64 {
        // Acquire: pairs with the AcqRel fetch_add in Group::bear.
        self.clock.load(order(Acquire, "births: clock load"))
    }

    /// Groups there are, used or not.
    pub(crate) fn groups(&self) -> u32 {
        self.chunks.load(Relaxed) * GROUPS_PER_CHUNK
    }

    /// Makes another chunk, of this lane for good; its number.
    pub(crate) fn add_chunk(&self, lane: u32) -> u32 {
        let chunk = self.chunks.fetch_add(1, Relaxed);
        self.groups.get_or_grow(chunk * GROUPS_PER_CHUNK);
        // Release: pairs with the Acquire load in lane_of().
        self.owners.get_or_grow(chunk).store(lane + 1, Release);
        chunk
    }

    /// The lane of a group.
    pub(crate) fn lane_of(&self, group: u32) -> Option<u32> {
        // Acquire: pairs with the store in add_chunk().
        self.owners.get(group / GROUPS_PER_CHUNK)?.load(Acquire).checked_sub(1)
    }

    pub(crate) fn group(&self, group: u32) -> Option<&Group> {
        self.groups.get(group)
    }

    /// Whether the very socket is connected.
    pub(crate) fn is_alive(&self, id: SocketId) -> bool {
        self.group(id.group()).is_some_and(|group| group.is_alive(id))
    }

    /// The connected socket in a slot, if it belongs to the namespace and was born by `clock`. Takes no lock.
    pub(crate) fn id(&self, slot: u32, namespace: u32, clock: u64) -> Option<SocketId> {
        self.group(slot / SLOTS_PER_GROUP)?.id(slot, namespace, clock)
    }

    /// Puts a socket into a slot that the caller took from its pool; not alive yet.
    pub(crate) fn bear(&self, slot: u32, namespace: u32, text: PublicId) -> SocketId {
        let group = self.groups.get_or_grow(slot / SLOTS_PER_GROUP);
        let at = (slot % SLOTS_PER_GROUP) as usize;
        let _state = group.state.lock();
        for (word, value) in group.words[at].iter().zip(text.to_words_with(namespace)) {
            // Release: pairs with the Acquire loads in Group::id.
            word.store(value, Release);
        }
        // AcqRel: pairs with the Acquire load in clock(), and orders births among themselves.
        let born = self.clock.fetch_add(1, order(AcqRel, "births: fetch_add")) + 1;
        // Release: pairs with the Acquire loads in Group::id.
        group.born[at].store(born, Release);
        SocketId { slot, born, text }
    }
}

impl Group {
    pub(crate) fn lock(&self) -> MutexGuard<'_, GroupState> {
        self.state.lock()
    }

    /// Which slots have a connected socket.
    pub(crate) fn alive(&self) -> u32 {
        // Acquire: pairs with the Release in revive().
        self.alive.load(Acquire)
    }

    pub(crate) fn is_alive(&self, id: SocketId) -> bool {
        self.alive() & id.bit() != 0 && self.is_born(id)
    }

    pub(crate) fn is_born(&self, id: SocketId) -> bool {
        // Acquire: pairs with the stores in Slots::bear and free().
        self.born[(id.slot % SLOTS_PER_GROUP) as usize].load(Acquire) == id.born
    }

    /// Those of `bits` who are connected and were born by `clock`. Exact under the group's lock.
    pub(crate) fn current(&self, bits: u32, clock: u64) -> u32 {
        let tile = Tile { group: 0, bits: bits & self.alive() };
        let of_then = tile.slots().filter(|slot| self.born[*slot as usize].load(Acquire) <= clock);
        of_then.fold(0, |bits, slot| bits | 1 << slot)
    }

    /// Lets a born socket be found; under the group's lock.
    pub(crate) fn set_alive(&self, id: SocketId) {
        // Release: pairs with the load in alive().
        self.alive.fetch_or(id.bit(), Release);
    }

    /// Ends the socket's connection, once: true for the call that did it. Under the group's lock.
    pub(crate) fn set_dead(&self, id: SocketId) -> bool {
        let was_alive = self.is_alive(id);
        if was_alive {
            self.alive.fetch_and(!id.bit(), Release);
        }
        was_alive
    }

    /// Lets nobody own the slot; under the group's lock, when the owner left all rooms.
    pub(crate) fn free(&self, id: SocketId, state: &mut GroupState) {
        let at = (id.slot % SLOTS_PER_GROUP) as usize;
        state.counts[at] = 0;
        state.full &= !id.bit();
        state.reporting &= !id.bit();
        // Release: pairs with the Acquire loads of born; the clearing of the rooms happened before.
        self.born[at].store(0, Release);
    }

    /// The socket in a slot, by the seqlock of the module.
    fn id(&self, slot: u32, namespace: u32, clock: u64) -> Option<SocketId> {
        let at = (slot % SLOTS_PER_GROUP) as usize;
        let born = self.born[at].load(Acquire);
        if born == 0 || born > clock {
            return None;
        }
        let words: [u64; 3] = std::array::from_fn(|i| self.words[at][i].load(Acquire));
        let text = PublicId::from_words(words)?;
        let id = SocketId { slot, born, text };
        // The words were loaded with Acquire: if one was a later owner's, this load sees that `born` changed.
        (self.born[at].load(Relaxed) == born && PublicId::namespace_of(words) == namespace).then_some(id)
    }
}

impl GroupState {
    /// The value of a type that is attached to a socket.
    pub(crate) fn value(&self, slot: u32, of: TypeId) -> Option<&Value> {
        let data = &self.data.as_ref()?[(slot % SLOTS_PER_GROUP) as usize];
        data.iter().find(|(other, _)| *other == of).map(|(_, value)| value)
    }

    /// Attaches a value; returns the former one of its type, for the caller to drop outside the lock.
    pub(crate) fn set_value(&mut self, slot: u32, of: TypeId, value: Value) -> Option<Value> {
        let all = self.data.get_or_insert_with(|| Box::new(std::array::from_fn(|_| Data::new())));
        let data = &mut all[(slot % SLOTS_PER_GROUP) as usize];
        if let Some((_, old)) = data.iter_mut().find(|(other, _)| *other == of) {
            return Some(std::mem::replace(old, value));
        }
        data.push((of, value));
        None
    }

    /// Takes the values away, for the caller to drop outside the lock.
    pub(crate) fn take_data(&mut self, slot: u32) -> Data {
        self.data.as_mut().map(|data| std::mem::take(&mut data[(slot % SLOTS_PER_GROUP) as usize])).unwrap_or_default()
    }

    /// Whether one of `bits` is in a room.
    pub(crate) fn has_rooms(&self, bits: u32) -> bool {
        (Tile { group: 0, bits }).slots().any(|at| self.counts[at as usize] != 0)
    }

    /// Counts a room more for each of `bits`.
    pub(crate) fn count_up(&mut self, bits: u32, max: u16) {
        for at in (Tile { group: 0, bits }).slots() {
            let count = &mut self.counts[at as usize];
            *count += 1;
            self.full |= u32::from(*count >= max) << at;
        }
    }

    /// Counts a room less for each of `bits`.
    pub(crate) fn count_down(&mut self, bits: u32, max: u16) {
        for at in (Tile { group: 0, bits }).slots() {
            let count = &mut self.counts[at as usize];
            *count -= 1;
            self.full &= !(u32::from(*count < max) << at);
        }
    }
}
