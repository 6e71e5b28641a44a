//! What a stream of bytes means, in a form that two implementations can be compared in.

/// What a peer sent, but for the close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum End {
    /// More input is welcome.
    Open,
    /// The server closes with this code: the peer's own, if it closed; that of the error, if it broke the protocol.
    Closed(Option<u16>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event>,
    pub(crate) end: End,
}
