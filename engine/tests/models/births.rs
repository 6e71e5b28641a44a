//! A slot changes hands while a publisher stands between the clock, the room's word and the inbox (`slots.rs`).

use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::{connect, engine, preempted};
use crate::id::PublicId;
use crate::lane::Tile;
use crate::roster::Roster;
use crate::slots::Slots;
use crate::sync::epoch;
use crate::{LaneTable, Message, Room};

/// Ann leaves and Ben takes her slot; then Cem takes Ben's. What was sent to the room of one never reaches the next, and
/// what was sent to Cem's after his join returned reaches him.
fn hand_over(published: fn(&[Room; 3]) -> &Room, after_the_last_join: bool) {
    preempted(3, move || {
        let (engine, post, port) = engine();
        let rooms = ["a", "b", "c"].map(|name| engine.room(name).unwrap());
        let mut table = LaneTable::default();
        let ann = connect(&port, 'a');
        table.bind(ann.id(), "a");
        ann.join(&rooms[0]).unwrap();
        let joined = Arc::new(AtomicBool::new(false));
        let publisher = {
            let (engine, room, joined) = (engine.clone(), published(&rooms).clone(), Arc::clone(&joined));
            thread::spawn(move || {
                // Pinned before, so that no pin of a verb orders anything.
                let _pinned = epoch::pin();
                if after_the_last_join && !joined.load(Ordering::Acquire) {
                    return false;
                }
                let _ = engine.to(&room).broadcast(&Message::raw(room.name(), "1"));
                after_the_last_join
            })
        };
        let mut owner = ann;
        for (letter, name, room) in [('b', "b", &rooms[1]), ('c', "c", &rooms[2])] {
            let slot = owner.id().slot();
            table.unbind(owner.id());
            drop(owner);
            owner = connect(&port, letter);
            assert_eq!(owner.id().slot(), slot);
            table.bind(owner.id(), name);
            owner.join(room).unwrap();
        }
        joined.store(true, Ordering::Release);
        let sent = publisher.join().unwrap();
        let mut got = false;
        post.drain(&table, |owner, event| {
            assert_eq!(*owner, event, "delivered to the wrong owner");
            got = true;
        });
        assert!(got || !sent, "a message for a member was lost");
    });
}

#[test]
fn not_to_the_next_owner() {
    hand_over(|rooms| &rooms[0], false);
}

#[test]
fn to_the_owner_who_joined() {
    hand_over(|rooms| &rooms[2], true);
}

/// The clock alone orders a birth behind the former owner's clearing: no fence of a pin helps here.
#[test]
fn clock() {
    preempted(3, || {
        let (slots, room) = (Arc::new(Slots::default()), Arc::new(Roster::immortal()));
        slots.add_chunk(0);
        let (id, tile) = (|letter: &str| PublicId::parse(&letter.repeat(20)).unwrap(), Tile { group: 0, bits: 1 });
        let guard = epoch::pin();
        let ann = slots.bear(0, 0, id("a"));
        room.add(tile, 1, &guard).unwrap();
        let publisher = {
            let (slots, room) = (Arc::clone(&slots), Arc::clone(&room));
            thread::spawn(move || {
                let guard = epoch::pin();
                (slots.clock(), room.bits(0, &guard))
            })
        };
        room.remove(tile, 1, &guard);
        let group = slots.group(0).unwrap();
        group.free(ann, &mut group.lock());
        let ben = slots.bear(0, 0, id("b"));
        let (clock, bits) = publisher.join().unwrap();
        assert!(bits == 0 || ben.born() > clock, "Ann's bit would be taken for Ben's");
    });
}
