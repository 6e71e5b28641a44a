//! What is there to pay for. Names, plans and sockets are made before memory is looked at.

use std::sync::Arc;

use roomcast::{Engine, OwnedSocket};

use crate::{
    growth::Growth,
    systems::{
        System,
        engine::{Orders, socket_id},
        plan::{dense, room_names, sparse},
    },
};

/// Rooms that a socket is in.
const ROOMS: usize = 10;

#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Workload {
    /// As many rooms as sockets, each socket in 10 of them: a membership, its room's share included.
    Sparse,
    /// All sockets in the same 10 rooms: a membership.
    Dense,
    /// A connected socket that is in no room, in the engine alone: what its lane keeps of it is not in it.
    Sockets,
    /// A namespace without sockets and rooms.
    Namespaces,
}

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sparse => "sparse",
            Self::Dense => "dense",
            Self::Sockets => "sockets",
            Self::Namespaces => "namespaces",
        }
    }

    /// On this system, or on the engine alone if nobody else has such a thing.
    pub(crate) fn measure<S: System>(self, quick: bool) -> Growth {
        let sockets = if quick { 2_000 } else { 100_000 };
        match self {
            Self::Sparse => memberships::<S>(sockets, &room_names(sockets), &sparse(sockets, ROOMS)),
            Self::Dense => memberships::<S>(sockets, &room_names(ROOMS), &dense(sockets, ROOMS)),
            Self::Sockets => connected(sockets),
            Self::Namespaces => namespaces(1_000),
        }
    }
}

fn memberships<S: System>(sockets: usize, rooms: &[String], joins: &[(usize, usize)]) -> Growth {
    let system = S::new(sockets);
    let growth = Growth::of(joins.len(), || {
        joins.iter().for_each(|(socket, room)| system.join(*socket, &rooms[*room]));
        settle(|| system.members("nobody is here"));
    });
    let members = joins.iter().filter(|(_, room)| *room == 0).count();
    assert_eq!(system.members(&rooms[0]), members, "{} lost a member", S::NAME);
    growth
}

fn connected(sockets: usize) -> Growth {
    let engine = Engine::new();
    let port = engine.attach(Arc::new(Orders::default()));
    let mut owned: Vec<OwnedSocket> = Vec::with_capacity(sockets);
    Growth::of(sockets, || {
        owned.extend((0..sockets).map(|number| port.connect(&socket_id(number)).expect("a fresh id")));
        settle(|| engine.to("nobody is here").count());
    })
}

fn namespaces(count: usize) -> Growth {
    let engine = Engine::new();
    let names: Vec<String> = (0..count).map(|number| format!("/n{number}")).collect();
    // A namespace lives as long as a handle; these are not the namespace's.
    let mut handles: Vec<Engine> = Vec::with_capacity(count);
    Growth::of(count, || {
        handles.extend(names.iter().map(|name| engine.namespace(name)));
    })
}

/// Tables that were replaced wait for the epoch, and the epoch for pins: it gets some.
fn settle(look: impl Fn() -> usize) {
    (0..4_096).for_each(|_| assert_eq!(look(), 0));
}
