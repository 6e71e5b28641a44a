//! How often a socket is to get a message.

use super::membership::Membership;
use crate::history::{Call, History, Op, Place};

/// Bounds for the number of copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copies {
    pub(super) least: u32,
    pub(super) most: u32,
}

const NONE: Copies = Copies { least: 0, most: 0 };

/// The copies of a call's message that a socket gets, if it stays to the end.
pub(super) fn copies(membership: &Membership, history: &History, call: &Call, socket: usize) -> Copies {
    let its = &history.sockets[socket];
    let (once, omit) = match &call.op {
        Op::Broadcast { once, omit, .. } => (*once, *omit),
        Op::Blast { omit } => (true, *omit),
        _ => return NONE,
    };
    if !its.lives_within(call.begun, call.ended) || (omit && call.socket == socket) {
        return NONE;
    }
    let bounds = match &call.op {
        Op::Broadcast { to, .. } if once => one_copy(membership, call, socket, to),
        Op::Broadcast { to, .. } => to.iter().fold(NONE, |sum, place| {
            let copy = one_copy(membership, call, socket, std::slice::from_ref(place));
            Copies { least: sum.least + copy.least, most: sum.most + copy.most }
        }),
        _ => Copies { least: 1, most: 1 },
    };
    let sure = call.is_done() && its.connected <= call.begun;
    if sure { bounds } else { Copies { least: 0, ..bounds } }
}

/// One copy if it is found in any of the rooms.
///
/// They are looked at in the listed order, each once, while the call runs. Who wants to be missed has to be outside of the
/// first at some moment, outside of the second at the same or a later one, and so on: so who moves from an earlier to a later
/// one, join first, is not missed.
fn one_copy(membership: &Membership, call: &Call, socket: usize, to: &[Place]) -> Copies {
    let (from, until) = (call.begun, call.ended);
    let found = to.iter().any(|place| membership.may_be_in(socket, *place, from, until));
    let missed = to.iter().try_fold(from, |at, place| membership.first_outside(socket, *place, at, until));
    Copies { least: u32::from(missed.is_none()), most: u32::from(found) }
}
