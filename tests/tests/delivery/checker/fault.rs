//! What was wrong.

use crate::history::{End, History, Op};
use std::fmt::Write as _;

/// One promise that was not kept, to one socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The socket that received, or should have.
    pub(crate) socket: usize,
    /// The call whose message or reply it is about.
    pub(crate) call: u32,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Fewer copies of the message came than had to.
    Lost { least: u32, got: u32 },
    /// More copies of the message came than could.
    Surplus { most: u32, got: u32 },
    /// The message came after that of this call, which was sent after it.
    Reordered { after: u32 },
    /// One lane, and this chain of messages, each seen before the next one by a socket, is a ring.
    Contradiction { ring: Vec<(u32, usize)> },
    /// A reply came where that to this call was due.
    WrongReply { due: Option<u32> },
    /// No reply came.
    Unanswered,
    /// The reply says that the socket is in a room, or not, and it cannot have been so.
    WrongRooms { room: usize, listed: bool },
}

impl Fault {
    pub(crate) fn describe(&self, history: &History) -> String {
        let mut text = format!("{}: ", socket(history, self.socket));
        let about = call(history, self.call);
        let _never = match &self.kind {
            Kind::Lost { least, got } => write!(text, "at least {least} copies were due, {got} came, of {about}"),
            Kind::Surplus { most, got } => write!(text, "at most {most} copies were due, {got} came, of {about}"),
            Kind::Reordered { after } => {
                write!(text, "{about} came after what was sent later: {}", call(history, *after))
            }
            Kind::Contradiction { ring } => write!(text, "members of one lane saw different orders of {about}: ")
                .and_then(|()| {
                    ring.iter().try_for_each(|(next, by)| write!(text, "then {next} (seen by socket {by}) "))
                }),
            Kind::WrongReply { due: Some(due) } => {
                write!(text, "a reply to {about} came, due was that to {}", call(history, *due))
            }
            Kind::WrongReply { due: None } => write!(text, "a reply to {about} came and none was due"),
            Kind::Unanswered => write!(text, "no reply came to {about}"),
            Kind::WrongRooms { room, listed } => {
                let may = if *listed { "lists" } else { "leaves out" };
                write!(text, "the reply {may} room {room}, which cannot be, to {about}")
            }
        };
        text
    }
}

fn socket(history: &History, number: usize) -> String {
    let its = &history.sockets[number];
    let end = match its.end {
        End::Stayed => "stayed".to_owned(),
        End::Left(stamp) => format!("left at {stamp}"),
        End::Cut => "was cut off".to_owned(),
    };
    format!("socket {number} ({}, connected at {}, {end})", its.id, its.connected)
}

fn call(history: &History, number: u32) -> String {
    let call = history.call(number);
    let what = match &call.op {
        op @ (Op::Broadcast { .. } | Op::Blast { .. }) => format!("message {number}, {op:?}"),
        op => format!("request {number}, {op:?}"),
    };
    let ended = if call.is_done() { call.ended.to_string() } else { format!("{:?}", call.outcome) };
    format!("{what} of socket {} from {} to {ended}", call.socket, call.begun)
}
