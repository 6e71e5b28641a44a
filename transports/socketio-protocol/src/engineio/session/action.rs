//! What a session decides, and what it is told.

use std::fmt;

use crate::engineio::{Packet, PacketKind, PayloadBuilder};

/// What is to be done, in the order in which [`Session::poll_action`](super::Session::poll_action) gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send the [open packet](crate::engineio::Open): as the answer to the handshake's GET, or as the WebSocket's first frame.
    Open,
    /// Answer the poll that waits, see [`Answer::write`].
    Answer(Answer),
    /// Write a ping on the WebSocket, ahead of all data that waits.
    Ping,
    /// Write a pong on the WebSocket, ahead of all data that waits.
    Pong,
    /// Write `3probe` on the candidate.
    AnswerProbe,
    /// The candidate is the session's WebSocket from here on. What waited for polls goes out on it first.
    Switch,
    /// End the candidate's WebSocket, without a packet. The session goes on, unless [`Self::Closed`] follows.
    CloseCandidate,
    /// End the session's WebSocket, behind the data that waits for it.
    CloseWebSocket,
    /// The session is over: its id is unknown from here on. Comes once, as the last action.
    Closed(CloseReason),
}

/// What answers a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answer {
    /// A ping goes first.
    pub ping: bool,
    /// A pong goes first.
    pub pong: bool,
    /// Then the messages that wait, as many as the body takes.
    pub data: bool,
    /// Then this.
    pub last: Last,
}

/// What an answer ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Last {
    /// Nothing, unless the answer would be empty: then a noop.
    #[default]
    Noop,
    /// A close packet, if no message is left behind and there is room for it.
    Close,
}

/// Messages that wait for polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many. A driver that cannot count them cheaply may leave it at 0 while `bytes` is right.
    pub packets: usize,
    /// How much memory they take.
    pub bytes: usize,
}

/// What became of an [`Answer`], to be reported to [`Session::handle_answered`](super::Session::handle_answered).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the session has to know what is left: Session::handle_answered"]
pub struct Answered {
    pub(super) rest: Option<Waiting>,
    pub(super) is_closed: bool,
}

impl Waiting {
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Answer {
    pub(super) const fn only(last: Last) -> Self {
        Self { ping: false, pong: false, data: false, last }
    }

    /// Writes the answer into an empty `body`. `take` moves messages that wait into it, with
    /// [`PayloadBuilder::push_records`], and says what is left; it is called if there are any.
    pub fn write(self, body: &mut PayloadBuilder, take: impl FnOnce(&mut PayloadBuilder) -> Waiting) -> Answered {
        for (is_due, kind) in [(self.ping, PacketKind::Ping), (self.pong, PacketKind::Pong)] {
            if is_due {
                body.push(&Packet::new(kind, ""));
            }
        }
        let rest = self.data.then(|| take(body));
        let is_closed = self.last == Last::Close
            && rest.is_none_or(Waiting::is_nothing)
            && body.push(&Packet::new(PacketKind::Close, ""));
        if body.is_empty() {
            body.push(&Packet::new(PacketKind::Noop, ""));
        }
        Answered { rest, is_closed }
    }
}

/// Where a packet came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The body of a POST.
    Polling,
    /// The session's WebSocket.
    WebSocket,
    /// A WebSocket that wants to become the session's.
    Candidate,
}

/// What a packet is to the layer above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "messages are for the layer above"]
pub enum Received {
    /// A message: its data is to be handled.
    Message,
    /// Nothing: it was the session's business, or comes too late.
    Nothing,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed its transport, or lost it.
    TransportClose,
    /// The client broke the protocol: two polls at once, a heartbeat in the wrong direction; or the transport failed.
    TransportError,
    /// The client was silent for too long.
    PingTimeout,
    /// The client sent what is no packet.
    ParseError,
    /// The server closed the connection.
    ForcedClose,
    /// The server closed the connection because the client never said what it wants.
    ForcedServerClose,
    /// The server ends.
    ServerShuttingDown,
    /// Too much waited for the client's polls.
    SlowConsumer,
}

impl CloseReason {
    /// The text that Socket.IO's Node server has for it, and `slow consumer`, which Node has not.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::ServerShuttingDown => "server shutting down",
            Self::SlowConsumer => "slow consumer",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
