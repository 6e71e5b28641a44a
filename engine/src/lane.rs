//! The seam between the engine and whoever owns connections.
//!
//! A lane is one owner of sockets: an I/O thread, or [`MemoryLane`](crate::MemoryLane). The engine selects sockets as
//! *tiles*, 32 slots in a word, and hands each lane its share of a broadcast as one [`Delivery`]. Which socket stands in a
//! slot, and which codec it speaks, only its lane knows: a [`LaneTable`] keeps it.

use crate::id::SocketId;
use crate::journal::Offset;
use crate::message::Message;
use crate::namespaces::Namespace;
use crate::slots::{GROUPS_PER_CHUNK, SLOTS_PER_GROUP};
use crate::sync::broken;

/// What the engine tells a lane. Called from any thread, so implementations put it into an [`Inbox`](crate::Inbox).
///
/// Methods must not block, must not call the engine and must not run user code: the caller is pinned, and whoever waits
/// holds back the memory of everybody.
pub trait Lane: Send + Sync + 'static {
    /// How much waits there. A broadcast to several lanes goes to all of them or, if one is full, to none.
    fn backlog(&self) -> Backlog;

    /// Takes a message for some of its sockets. From one thread, deliveries arrive in the order in which they were sent.
    fn deliver(&self, delivery: Delivery);

    /// Takes the news that a socket was disconnected by [`Socket::disconnect`](crate::Socket::disconnect), a selection's
    /// `disconnect`, or by dropping its owner: nothing selected from now on reaches it.
    fn close(&self, closed: Closed);
}

/// How much waits in a lane's inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Bytes that wait.
    pub bytes: u64,
    /// Whether it takes no more.
    pub full: bool,
}

/// One broadcast's share for one lane.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What is sent.
    pub message: Message,
    /// The namespace of all its recipients.
    pub namespace: Namespace,
    /// The number under which recipients acknowledge it, if they are asked to.
    pub ack: Option<u64>,
    /// Where the message stands in the namespace's [`Journal`](crate::Journal), if it keeps one; of a message that is not
    /// kept, the offset of the last one before it that is.
    pub offset: Option<Offset>,
    /// The engine's clock when the selection began: only sockets born up to then are meant.
    pub clock: u64,
    /// The recipients, each socket at most once.
    pub tiles: Box<[Tile]>,
}

impl Delivery {
    /// Bytes for which it stands in an inbox: the message's and its own.
    pub fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.tiles) + self.message.size()
    }
}

/// A tile with every slot of its group.
const ALL: u32 = u32::MAX >> (u32::BITS - SLOTS_PER_GROUP);

/// Some sockets of one group: bit `i` of `bits` stands for slot `group * 32 + i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The group's number: slot / 32.
    pub group: u32,
    /// Which of its slots.
    pub bits: u32,
}

impl Tile {
    /// The tile of one slot.
    pub fn of_slot(slot: u32) -> Self {
        Self { group: slot / SLOTS_PER_GROUP, bits: 1 << (slot % SLOTS_PER_GROUP) }
    }

    /// The slots, ascending.
    pub fn slots(self) -> TileSlots {
        TileSlots { group: self.group, bits: self.bits }
    }
}

/// The slots of a [`Tile`], ascending.
#[derive(Clone, Debug)]
pub struct TileSlots {
    group: u32,
    bits: u32,
}

impl Iterator for TileSlots {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let at = (self.bits != 0).then(|| self.bits.trailing_zeros())?;
        self.bits &= self.bits - 1;
        Some(self.group * SLOTS_PER_GROUP + at)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.bits.count_ones() as usize;
        (len, Some(len))
    }

    /// Whole groups are common in large rooms, and need no search for bits.
    fn fold<B, F: FnMut(B, u32) -> B>(self, init: B, mut f: F) -> B {
        let first = self.group * SLOTS_PER_GROUP;
        if self.bits == ALL {
            return (first..first + SLOTS_PER_GROUP).fold(init, f);
        }
        let mut folded = init;
        for slot in self {
            folded = f(folded, slot);
        }
        folded
    }
}

/// A socket that was disconnected.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Which one.
    pub id: SocketId,
    /// Its rooms, without its own, if it was asked to report them ([`OwnedSocket::report_rooms`](crate::OwnedSocket)).
    pub rooms: Vec<String>,
    /// Whether its connection is to end too, with whatever other sockets it has.
    pub connection: bool,
}

/// What a lane knows of its sockets, by slot: `T` is a connection's place and codec, whatever the lane needs.
///
/// An entry carries the birth of its socket, and every look-up compares it, so that a delivery selected for a slot's former
/// owner never meets the new one. Costs `size_of::<T>() + 8` bytes for each slot of the lane's chunks of 2,048; a look-up is
/// two array accesses.
#[derive(Debug)]
pub struct LaneTable<T> {
    chunks: Vec<Option<Box<[Group<T>]>>>,
    len: usize,
}

#[derive(Debug)]
struct Group<T> {
    /// The largest birth that was ever bound here: one comparison settles a whole tile.
    youngest: u64,
    entries: [Option<(u64, T)>; SLOTS_PER_GROUP as usize],
}

impl<T> Default for LaneTable<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T> LaneTable<T> {
    /// Sockets bound.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is bound.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Binds a socket, before its first join.
    pub fn bind(&mut self, id: SocketId, value: T) {
        let group = self.group_or_new(id.slot() / SLOTS_PER_GROUP);
        group.youngest = group.youngest.max(id.born());
        let entry = &mut group.entries[(id.slot() % SLOTS_PER_GROUP) as usize];
        let bound_before = entry.replace((id.born(), value)).is_some();
        self.len += usize::from(!bound_before);
    }

    /// Forgets a socket, before its owner is dropped. `None` if another one or none is bound there.
    pub fn unbind(&mut self, id: SocketId) -> Option<T> {
        let group = self.group_mut(id.slot() / SLOTS_PER_GROUP)?;
        let (_, value) =
            group.entries[(id.slot() % SLOTS_PER_GROUP) as usize].take_if(|(born, _)| *born == id.born())?;
        self.len -= 1;
        Some(value)
    }

    /// What is bound for this very socket.
    pub fn get(&self, id: SocketId) -> Option<&T> {
        let entry = self.group(id.slot() / SLOTS_PER_GROUP)?.entries.get((id.slot() % SLOTS_PER_GROUP) as usize)?;
        entry.as_ref().filter(|(born, _)| *born == id.born()).map(|(_, value)| value)
    }

    /// The same, to be changed: an upgrade switches the codec here.
    pub fn get_mut(&mut self, id: SocketId) -> Option<&mut T> {
        let group = self.group_mut(id.slot() / SLOTS_PER_GROUP)?;
        let entry = group.entries[(id.slot() % SLOTS_PER_GROUP) as usize].as_mut();
        entry.filter(|(born, _)| *born == id.born()).map(|(_, value)| value)
    }

    /// Calls `each` for the sockets of a tile that were born when the selection began at `clock`; returns how many.
    pub fn recipients(&self, tile: Tile, clock: u64, mut each: impl FnMut(&T)) -> usize {
        let Some(group) = self.group(tile.group) else { return 0 };
        let settled = group.youngest <= clock;
        let (mut bits, mut count) = (tile.bits, 0);
        while bits != 0 {
            let at = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if let Some((born, value)) = &group.entries[at]
                && (settled || *born <= clock || broken("births: stamp"))
            {
                each(value);
                count += 1;
            }
        }
        count
    }

    /// The same with the right to change what is bound.
    pub fn recipients_mut(&mut self, tile: Tile, clock: u64, mut each: impl FnMut(&mut T)) -> usize {
        let Some(group) = self.group_mut(tile.group) else { return 0 };
        let slots = tile.slots().map(|slot| (slot % SLOTS_PER_GROUP) as usize);
        let mut count = 0;
        for at in slots {
            if let Some((_, value)) = group.entries[at].as_mut().filter(|(born, _)| *born <= clock) {
                each(value);
                count += 1;
            }
        }
        count
    }

    fn group(&self, group: u32) -> Option<&Group<T>> {
        let chunk = self.chunks.get((group / GROUPS_PER_CHUNK) as usize)?.as_ref()?;
        Some(&chunk[(group % GROUPS_PER_CHUNK) as usize])
    }

    fn group_mut(&mut self, group: u32) -> Option<&mut Group<T>> {
        let chunk = self.chunks.get_mut((group / GROUPS_PER_CHUNK) as usize)?.as_mut()?;
        Some(&mut chunk[(group % GROUPS_PER_CHUNK) as usize])
    }

    fn group_or_new(&mut self, group: u32) -> &mut Group<T> {
        let chunk = (group / GROUPS_PER_CHUNK) as usize;
        if chunk >= self.chunks.len() {
            self.chunks.resize_with(chunk + 1, || None);
        }
        let groups = self.chunks[chunk].get_or_insert_with(|| {
            let new = || Group { youngest: 0, entries: std::array::from_fn(|_| None) };
            (0..GROUPS_PER_CHUNK).map(|_| new()).collect()
        });
        &mut groups[(group % GROUPS_PER_CHUNK) as usize]
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::id::PublicId;

    fn id(slot: u32, born: u64) -> SocketId {
        SocketId { slot, born, text: PublicId::parse("abcdefghij0123456789").unwrap() }
    }

    #[test]
    fn a_delivery_meets_only_those_born_before_it() {
        let mut table = LaneTable::default();
        table.bind(id(33, 5), "old");
        table.bind(id(34, 9), "young");
        let mut got = Vec::new();
        let tile = Tile { group: 1, bits: 0b1110 };
        assert_eq!(table.recipients(tile, 8, |v| got.push(*v)), 1);
        assert_eq!(table.recipients(tile, 9, |v| got.push(*v)), 2);
        assert_eq!(got, ["old", "old", "young"]);
        assert_eq!(table.recipients(Tile { group: 9_999, bits: 1 }, 9, |_| ()), 0);
    }

    #[test]
    fn a_stale_id_neither_finds_nor_unbinds_the_next_owner() {
        let mut table = LaneTable::default();
        table.bind(id(7, 1), 'a');
        assert_eq!(table.unbind(id(7, 1)), Some('a'));
        table.bind(id(7, 2), 'b');
        assert_eq!(table.unbind(id(7, 1)), None);
        assert_eq!((table.get(id(7, 1)), table.len()), (None, 1));
        assert_eq!(table.get_mut(id(7, 2)), Some(&mut 'b'));
    }

    #[test]
    fn slots_of_a_tile() {
        assert_eq!(Tile { group: 2, bits: 1 << 31 | 1 }.slots().collect::<Vec<_>>(), [64, 95]);
        assert_eq!(Tile::of_slot(95), Tile { group: 2, bits: 1 << 31 });
        for bits in [0, 1, 0xF0F0, u32::MAX >> 1, u32::MAX] {
            let (tile, mut folded) = (Tile { group: 3, bits }, Vec::new());
            tile.slots().for_each(|slot| folded.push(slot));
            assert_eq!(folded, (96..128).filter(|slot| bits >> (slot - 96) & 1 == 1).collect::<Vec<_>>());
            assert_eq!((tile.slots().collect::<Vec<_>>(), tile.slots().size_hint().0), (folded.clone(), folded.len()));
        }
    }
}
