//! What reaches a session from elsewhere: HTTP requests, and the WebSocket that wants to become its own.

use std::time::Instant;

use bytes::Bytes;
use roomcast_lane::{Close, DisconnectReason, Port};
use roomcast_socketio_protocol::engineio::{Body, Jsonp, Refusal};
use tokio::sync::oneshot;

/// A message for a session's connection.
pub(crate) enum Input {
    /// A poll waits for its answer.
    Get(Get),
    /// The client of the poll that waits may have left.
    GetLost,
    /// A POST has begun at this time; its body is on its way.
    PostBegun(Instant),
    /// The body is there.
    Post(Post),
    /// The body was refused by its length.
    PostRefused,
    /// The body will not come.
    PostLost,
    /// A WebSocket wants to become the session's.
    Joined(Joined),
    /// It said something.
    CandidateSaid(u64, Said),
    /// It is gone, or is the session's now.
    CandidateLost(u64),
}

pub(crate) struct Get {
    /// When it came.
    pub(crate) at: Instant,
    pub(crate) answer: oneshot::Sender<Result<Body, Refusal>>,
    /// The client cannot take bytes.
    pub(crate) base64: bool,
    pub(crate) jsonp: Option<Jsonp>,
}

pub(crate) struct Post {
    pub(crate) body: Bytes,
    pub(crate) content: Content,
    pub(crate) reply: oneshot::Sender<Result<(), Refusal>>,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Text,
    Bytes,
    /// Of a page that can only submit forms.
    Form,
}

/// A WebSocket that wants to become a session's, and is closed when the session lets go of it. After it was handed over there
/// is nothing left to close.
pub(crate) struct Joined {
    pub(crate) serial: u64,
    pub(crate) port: Port,
    /// The client cannot take bytes.
    pub(crate) base64: bool,
}

impl Input {
    /// When its client came with it, if that shows whether the client is late.
    pub(crate) fn came_at(&self) -> Option<Instant> {
        match self {
            Self::Get(Get { at, .. }) | Self::PostBegun(at) => Some(*at),
            _ => None,
        }
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.port.close(Close::new(1000, "", DisconnectReason::TransportClose));
    }
}

/// What a candidate says, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Probe,
    Upgrade,
    Other,
}
