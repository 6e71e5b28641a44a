//! The systems that the engine bench compares do the same: each follows a naive model through the same
//! random operations. A rival that forgets half of its members would look fast.

#![forbid(unsafe_code)]

#[path = "../benches/systems/mod.rs"]
#[allow(unused_imports, unused_macros, reason = "each system has a test of its own")]
mod systems;

#[path = "../benches/report/mod.rs"]
#[allow(dead_code, reason = "nothing is published here")]
mod report;

use std::collections::{BTreeMap, BTreeSet};

use report::{Figure, Findings};
use systems::{
    System,
    dash::Dash,
    engine::Roomcast,
    locked::Locked,
    plan::{dense, joins, room_names, some, sparse},
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

/// Medians of three rounds, the best rival of each kind of figure, a line for each round.
#[test]
fn findings_are_compared_with_the_best_rival() {
    let (cost, gain) = (Figure::cost("group", "cost us"), Figure::gain("group", "rate"));
    let mut findings = Findings::default();
    for (rival, ours) in [(30.0, 10.0), (90.0, 15.0), (60_123.0, 12_345.0)] {
        findings.add(cost, Locked::NAME, rival);
        findings.add(cost, Dash::NAME, rival * 2.0);
        findings.add(cost, Roomcast::NAME, ours);
        findings.add(gain, Dash::NAME, ours / 100.0);
        findings.add(gain, Sioxide::NAME, rival * 200.0);
        findings.add(gain, Roomcast::NAME, ours);
    }
    let table = findings.table();
    assert!(table.contains("| group | cost us | 90.0 | 180 |  | 15.0 | 6.00 |\n"), "{table}");
    assert!(table.contains("| group | rate |  | 0.150 | 18.0 k | 15.0 | 0.001 |\n"), "{table}");
    let csv = findings.csv("conditions");
    assert!(csv.starts_with("# conditions\ngroup,figure,system,round,value\ngroup,cost us,rwlock,1,30\n"), "{csv}");
    assert!(csv.ends_with("group,rate,roomcast,3,12345\n"), "{csv}");
    assert_eq!(csv.lines().count(), 2 + 18);
}

#[test]
fn plans_are_what_they_say() {
    let plan = joins(50, 20, 10);
    assert_eq!(plan.iter().collect::<BTreeSet<_>>().len(), 500);
    assert_eq!(plan, joins(50, 20, 10));
    let (sparse, dense) = (sparse(1_000, 10), dense(50, 10));
    let distinct = sparse.iter().collect::<BTreeSet<_>>().len();
    assert!(distinct == sparse.len() && distinct > 9_900, "{distinct} of {} memberships", sparse.len());
    assert_eq!((0..1_000).filter(|room| sparse.iter().all(|(_, of)| of != room)).count(), 0);
    assert_eq!((dense.len(), dense.iter().collect::<BTreeSet<_>>().len()), (500, 500));
    assert_eq!(some(1_000, 10, 1).into_iter().collect::<BTreeSet<_>>().len(), 10);
    assert_ne!(some(1_000, 10, 1), some(1_000, 10, 2));
}
