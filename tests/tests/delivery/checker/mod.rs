//! The judge: what each socket received against what it was promised (`engine/src/select.rs`, CONTRACT.md section 4).
//!
//! - A socket that was in a room of a message for the whole time of the call gets it; one that was in none at no moment does
//!   not; anything else may go either way. One copy in all with `once`, else one a room. See [`copies`].
//! - Of two messages of one sender, and of any two of which one was answered before the other was asked for, every socket that
//!   gets both gets them in that order. So a socket that was cut off and has seen the later one must have seen the earlier.
//! - Replies come once, in the order of the requests, in one order with the sender's messages.
//! - With one lane there is one order of all messages that all sockets agree with. See [`order`].

mod copies;
mod fault;
mod membership;
mod order;
mod spans;
#[cfg(test)]
mod tests;

pub(crate) use fault::{Fault, Kind};

use crate::history::{End, History, NEVER, Seen, Stamp};
use copies::{Copies, copies};
use membership::Membership;

/// What the judge says.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) faults: Vec<Fault>,
    /// Copies that had to come.
    pub(crate) required: u64,
    /// Copies that came.
    pub(crate) received: u64,
    /// Messages times sockets that were to get none.
    pub(crate) forbidden: u64,
    /// Messages times sockets for which several numbers of copies would have been right.
    pub(crate) open: u64,
}

/// Judges a run.
pub(crate) fn check(history: &History) -> Verdict {
    let mut membership = Membership::of(history);
    let mut verdict = Verdict { faults: std::mem::take(&mut membership.faults), ..Verdict::default() };
    for socket in 0..history.sockets.len() {
        check_copies(history, &membership, socket, &mut verdict);
        check_order(history, socket, &mut verdict.faults);
        check_replies(history, socket, &mut verdict.faults);
    }
    if history.one_lane {
        verdict.faults.extend(order::contradiction(history));
    }
    verdict
}

/// Each message as often as it has to come.
fn check_copies(history: &History, membership: &Membership, socket: usize, verdict: &mut Verdict) {
    let its = &history.sockets[socket];
    let mut came = vec![0; history.calls.len()];
    for seen in &its.seen {
        if let Seen::Message(call) = seen {
            came[*call as usize] += 1;
        }
    }
    let complete_until = complete_until(history, socket);
    let last_of_sender = last_of_sender(history, socket);
    for ((number, call), got) in (0..).zip(&history.calls).zip(came) {
        if !call.is_message() {
            continue;
        }
        let Copies { mut least, most } = copies(membership, history, call, socket);
        if call.ended >= complete_until && last_of_sender[call.socket] <= Some(number) {
            least = 0;
        }
        verdict.required += u64::from(least);
        verdict.received += u64::from(got);
        verdict.forbidden += u64::from(most == 0);
        verdict.open += u64::from(least < most);
        let kind = match got {
            _ if got < least => Kind::Lost { least, got },
            _ if got > most => Kind::Surplus { most, got },
            _ => continue,
        };
        verdict.faults.push(Fault { socket, call: number, kind });
    }
}

/// Before when a call must have ended for its message to be there, if the socket was to get it at all.
fn complete_until(history: &History, socket: usize) -> Stamp {
    let its = &history.sockets[socket];
    match its.end {
        End::Stayed => NEVER,
        End::Left(stamp) => stamp,
        // What was asked for after a call had ended came after that call's message.
        End::Cut => its.seen.iter().map(|seen| history.call(number(*seen)).begun).max().unwrap_or(0),
    }
}

/// The last call of each socket that this one saw something of: all that came before has to be there too.
fn last_of_sender(history: &History, socket: usize) -> Vec<Option<u32>> {
    let mut last = vec![None; history.sockets.len()];
    for seen in &history.sockets[socket].seen {
        let number = number(*seen);
        let sender = history.call(number).socket;
        last[sender] = last[sender].max(Some(number));
    }
    last
}

fn check_order(history: &History, socket: usize, faults: &mut Vec<Fault>) {
    let mut last_of_sender: Vec<Option<u32>> = vec![None; history.sockets.len()];
    let mut latest_begun: Option<u32> = None;
    for seen in &history.sockets[socket].seen {
        let number = number(*seen);
        let call = history.call(number);
        let begun = |number: u32| history.call(number).begun;
        // Calls of one sender are carried out in their order, so their beginnings are enough. Its own replies are among what
        // it sends.
        let of_sender = last_of_sender[call.socket].filter(|last| *last > number);
        let of_all = latest_begun.filter(|latest| begun(*latest) > call.ended);
        if let Some(after) = of_sender.or(of_all) {
            faults.push(Fault { socket, call: number, kind: Kind::Reordered { after } });
        }
        last_of_sender[call.socket] = last_of_sender[call.socket].max(Some(number));
        latest_begun = latest_begun.filter(|latest| begun(*latest) > call.begun).or(Some(number));
    }
}

fn check_replies(history: &History, socket: usize, faults: &mut Vec<Fault>) {
    let its = &history.sockets[socket];
    let numbers = (0_u32..).zip(&history.calls);
    let mut due = numbers.filter(|(_, call)| call.socket == socket).map(|(number, _)| number).peekable();
    for seen in &its.seen {
        let Seen::Reply(call) = *seen else { continue };
        if due.peek() == Some(&call) {
            due.next();
        } else {
            faults.push(Fault { socket, call, kind: Kind::WrongReply { due: due.peek().copied() } });
        }
    }
    let answered_until = match its.end {
        End::Stayed => NEVER,
        End::Left(stamp) => stamp,
        End::Cut => 0,
    };
    let missing = due.filter(|call| history.call(*call).begun < answered_until);
    faults.extend(missing.map(|call| Fault { socket, call, kind: Kind::Unanswered }));
}

fn number(seen: Seen) -> u32 {
    match seen {
        Seen::Message(call) | Seen::Reply(call) => call,
    }
}
