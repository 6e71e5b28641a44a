//! One lane, one order: is there an order of all messages that every socket's agrees with?

use super::fault::{Fault, Kind};
use crate::history::{Call, History, Op, Seen};

/// That message `0` was seen right before message `1` by socket `2`.
type Step = (u32, u32, u32);

/// A ring of messages that sockets saw one before the other, if there is one.
pub(super) fn contradiction(history: &History) -> Option<Fault> {
    let mut steps = steps(history);
    steps.sort_unstable();
    let mut before = vec![0_u32; history.calls.len()];
    steps.iter().for_each(|step| before[step.1 as usize] += 1);
    let following = |message: u32| {
        let first = steps.partition_point(|step| step.0 < message);
        steps[first..].iter().take_while(move |step| step.0 == message)
    };
    // Takes away what nothing comes before, again and again: rings are left, and what follows them.
    let mut free: Vec<u32> = (0..).zip(&before).filter(|(_, count)| **count == 0).map(|(message, _)| message).collect();
    while let Some(message) = free.pop() {
        for step in following(message) {
            before[step.1 as usize] -= 1;
            if before[step.1 as usize] == 0 {
                free.push(step.1);
            }
        }
    }
    let left: Vec<Step> = steps.iter().filter(|step| before[step.0 as usize] > 0).copied().collect();
    ring(&left)
}

fn steps(history: &History) -> Vec<Step> {
    let mut steps = Vec::new();
    for (socket, its) in (0..).zip(&history.sockets) {
        let messages = its.seen.iter().filter_map(|seen| match seen {
            Seen::Message(message) if has_one_copy(history.call(*message)) => Some(*message),
            _ => None,
        });
        let messages: Vec<u32> = messages.collect();
        steps.extend(messages.windows(2).map(|two| (two[0], two[1], socket)));
    }
    steps
}

/// Copies for several rooms are alike, so nobody can say which came where.
fn has_one_copy(call: &Call) -> bool {
    match &call.op {
        Op::Broadcast { to, once, .. } => *once || to.len() == 1,
        _ => true,
    }
}

/// Goes back from any message that is left: one came before it that is left too, so a ring is met.
fn ring(left: &[Step]) -> Option<Fault> {
    let mut at = left.first()?.0;
    let mut path: Vec<Step> = Vec::new();
    loop {
        if let Some(met) = path.iter().position(|step| step.1 == at) {
            let ring: Vec<Step> = path[met..].iter().rev().copied().collect();
            let (message, _, socket) = ring[0];
            let ring = ring.iter().map(|step| (step.1, step.2 as usize)).collect();
            return Some(Fault { socket: socket as usize, call: message, kind: Kind::Contradiction { ring } });
        }
        let step = left.iter().find(|step| step.1 == at)?;
        path.push(*step);
        at = step.0;
    }
}
