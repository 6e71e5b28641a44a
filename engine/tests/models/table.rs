//! One room's table while it grows (`tile_table.rs`).

use std::sync::Arc;

use loom::thread;

use super::{model, preempted};
use crate::lane::Tile;
use crate::roster::Roster;
use crate::sync::{Mutex, epoch};

fn seen(members: &Roster, group: u32) -> u32 {
    members.bits(group, &epoch::pin())
}

/// A join on the fast path beside a growth: it is seen when it returned, and is not lost.
#[test]
fn freeze() {
    model(|| {
        let members = Arc::new(Roster::immortal());
        let add = |members: &Roster, group, bits| {
            members.add(Tile { group, bits }, 100, &epoch::pin()).unwrap();
        };
        add(&members, 0, 1);
        let grower = {
            let members = Arc::clone(&members);
            thread::spawn(move || (1..3).for_each(|group| add(&members, group, 1)))
        };
        add(&members, 0, 2);
        assert_eq!(seen(&members, 0), 3, "a join that returned is not seen");
        grower.join().unwrap();
        assert_eq!((seen(&members, 0), seen(&members, 1)), (3, 1), "a join was lost");
    });
}

/// A scan beside growth meets who is a member throughout, once; and a direct table answers for groups that came later.
#[test]
fn growth() {
    model(|| {
        let members = Arc::new(Roster::immortal());
        let groups = Arc::new(Mutex::new(4));
        for group in 0..4 {
            members.add(Tile { group, bits: 1 }, 4, &epoch::pin()).unwrap();
        }
        let grower = {
            let (members, groups) = (Arc::clone(&members), Arc::clone(&groups));
            thread::spawn(move || {
                *groups.lock() = 6;
                members.add(Tile { group: 5, bits: 2 }, 6, &epoch::pin()).unwrap();
            })
        };
        let guard = epoch::pin();
        let met: Vec<Tile> = members.tiles(&guard).collect();
        for group in 0..4 {
            let found: Vec<&Tile> = met.iter().filter(|tile| tile.group == group).collect();
            assert_eq!(found, [&Tile { group, bits: 1 }], "a member throughout");
        }
        assert_eq!(members.bits(5, &guard) & 1, 0, "another group's members");
        drop(guard);
        grower.join().unwrap();
        assert_eq!(seen(&members, 5), 2);
    });
}

/// A room outgrows its inline cells under a scan and becomes small again: who is in it throughout is met, once. (Were it to
/// use its inline cells again, group 0 would move from the second one to the first.)
#[test]
fn inline() {
    preempted(3, || {
        let members = Arc::new(Roster::immortal());
        let add = |members: &Roster, group| {
            members.add(Tile { group, bits: 1 }, 100, &epoch::pin()).unwrap();
        };
        let remove = |members: &Roster, group| {
            members.remove(Tile { group, bits: 1 }, 100, &epoch::pin());
        };
        add(&members, 2);
        add(&members, 0);
        let writer = {
            let members = Arc::clone(&members);
            thread::spawn(move || {
                add(&members, 4);
                remove(&members, 2);
                remove(&members, 4);
                add(&members, 6);
            })
        };
        let guard = epoch::pin();
        let met: Vec<Tile> = members.tiles(&guard).filter(|tile| tile.group == 0).collect();
        assert_eq!(met, [Tile { group: 0, bits: 1 }], "a member throughout");
        drop(guard);
        writer.join().unwrap();
    });
}
