//! The systems that the engine bench compares do the same: each follows a naive model through the same
//! random operations. A rival that forgets half of its members would look fast.

#![forbid(unsafe_code)]

#[path = "../benches/systems/mod.rs"]
#[allow(unused_imports, unused_macros, reason = "each system has a test of its own")]
mod systems;

use std::collections::{BTreeMap, BTreeSet};

use systems::{
    System,
    dash::Dash,
    engine::Roomcast,
    locked::Locked,
    plan::{joins, room_names, some},
    sioxide::Sioxide,
};

const SOCKETS: usize = 200;

/// Members by room.
type Model = BTreeMap<String, BTreeSet<usize>>;

fn follow<S: System>() {
    let (mut system, mut model, mut random) = (S::new(SOCKETS), Model::new(), fastrand::Rng::with_seed(3));
    let rooms = room_names(6);
    let mut connected: Vec<usize> = (0..SOCKETS).collect();
    for step in 0..3_000 {
        let room = rooms[random.usize(..rooms.len())].as_str();
        let others: Vec<&str> = random.choose_multiple(&rooms, 2).into_iter().map(String::as_str).collect();
        let socket = connected[random.usize(..connected.len())];
        match random.u32(..100) {
            0..=59 => {
                system.join(socket, room);
                model.entry(room.to_owned()).or_default().insert(socket);
            }
            60..=89 => {
                system.leave(socket, room);
                model.entry(room.to_owned()).or_default().remove(&socket);
            }
            90..=93 => {
                system.add_members(room, &others);
                let source = model.get(room).cloned().unwrap_or_default();
                others.iter().for_each(|other| model.entry((*other).to_owned()).or_default().extend(&source));
            }
            94..=96 => {
                system.remove_members(room, &others);
                let source = model.get(room).cloned().unwrap_or_default();
                others
                    .iter()
                    .for_each(|other| model.entry((*other).to_owned()).or_default().retain(|m| !source.contains(m)));
            }
            97 => {
                system.leave_all(room);
                let source = model.get(room).cloned().unwrap_or_default();
                model.values_mut().for_each(|members| members.retain(|member| !source.contains(member)));
            }
            _ if connected.len() > SOCKETS / 2 => {
                system.disconnect(socket);
                connected.retain(|other| *other != socket);
                model.values_mut().for_each(|members| members.retain(|member| *member != socket));
            }
            _ => {}
        }
        let members = |name: &str| model.get(name).cloned().unwrap_or_default();
        let union: BTreeSet<usize> = members(others[0]).union(&members(others[1])).copied().collect();
        let due = union.difference(&members(room)).count();
        assert_eq!(system.members(room), members(room).len(), "{} {room} after step {step}", S::NAME);
        assert_eq!(system.select(&others, &[room]), due, "{} selects after step {step}", S::NAME);
        assert_eq!(system.enqueue(&others, &[room]), due, "{} enqueues after step {step}", S::NAME);
        system.empty_queues();
    }
}

#[test]
fn a_plain_lock_follows_the_model() {
    follow::<Locked>();
}

#[test]
fn dashmap_follows_the_model() {
    follow::<Dash>();
}

#[test]
fn socketioxide_follows_the_model() {
    follow::<Sioxide>();
}

#[test]
fn roomcast_follows_the_model() {
    follow::<Roomcast>();
}

#[test]
fn plans_are_what_they_say() {
    let plan = joins(50, 20, 10);
    assert_eq!(plan.iter().collect::<BTreeSet<_>>().len(), 500);
    assert_eq!(plan, joins(50, 20, 10));
    assert_eq!(some(1_000, 10, 1).into_iter().collect::<BTreeSet<_>>().len(), 10);
    assert_ne!(some(1_000, 10, 1), some(1_000, 10, 2));
}
