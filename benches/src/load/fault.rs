//! What ends a run without figures.

use std::{fmt, io, net::SocketAddr};

use super::PlanError;

/// Why a run has no figures.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The operating system refused something.
    Io(io::Error),
    /// The workload does not add up.
    Plan(PlanError),
    /// Load is sent to this machine only.
    NotLoopback(SocketAddr),
    /// `/proc` did not have what was looked for.
    Process(String),
    /// The server did not answer the upgrade with a proper 101.
    Handshake(String),
    /// An answer to an HTTP request that long-polling does not expect.
    Answer(String),
    /// A frame that a server may not send, or that the load generator does not expect.
    Frame(&'static str),
    /// The server closed a connection, with this close code if it sent one.
    Closed(Option<u16>),
    /// A text that is neither the delivery due nor an answer.
    Text(String),
    /// A member got another message than the one due: one is lost, doubled or out of order.
    Sequence {
        /// Which member.
        member: usize,
        /// The number of the message that was due.
        due: u32,
        /// The number that came.
        came: u32,
    },
    /// Time ran out before everything came.
    Missing {
        /// Deliveries and answers that were due.
        due: u64,
        /// Those that came.
        came: u64,
    },
}

impl Fault {
    /// A [`Fault::Text`] that quotes the beginning of `text`.
    #[cold]
    pub(crate) fn unexpected(text: &[u8]) -> Self {
        Self::Text(beginning(text))
    }

    /// A [`Fault::Answer`] that quotes the beginning of `answer`.
    #[cold]
    pub(crate) fn answer(answer: &[u8]) -> Self {
        Self::Answer(beginning(answer))
    }
}

fn beginning(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(120)]).into_owned()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Plan(error) => write!(f, "{error}"),
            Self::NotLoopback(address) => write!(f, "{address} is not a loopback address: load is sent nowhere else"),
            Self::Process(what) => write!(f, "cannot read {what}: has the server ended, is --pid right?"),
            Self::Handshake(head) => write!(f, "upgrade refused: {head}"),
            Self::Answer(answer) => write!(f, "unexpected HTTP answer: {}", answer.escape_default()),
            Self::Frame(what) => write!(f, "bad frame: {what}"),
            Self::Closed(Some(code)) => write!(f, "the server closed a connection with code {code}"),
            Self::Closed(None) => write!(f, "the server ended a connection"),
            Self::Text(text) => write!(f, "unexpected message: {text}"),
            Self::Sequence { member, due, came } => {
                write!(f, "member {member} got message {came} where {due} was due: lost, doubled or out of order")
            }
            Self::Missing { due, came } => write!(f, "{came} of {due} deliveries and answers came, then nothing"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rustix::io::Errno> for Fault {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

impl From<PlanError> for Fault {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}
