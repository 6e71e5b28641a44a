//! What an application hears when a socket is gone.

use std::fmt;

/// How a socket ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disconnect {
    /// Why.
    pub reason: DisconnectReason,
    /// The rooms in which it was, without its own. Empty unless [`Application::wants_rooms`](crate::Application::wants_rooms).
    pub rooms: Vec<String>,
}

/// Why a socket ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client said that it leaves.
    ClientLeft,
    /// [`Socket::disconnect`](roomcast::Socket::disconnect) or a selection's `disconnect` was called.
    ServerLeft,
    /// The connection ended.
    #[default]
    TransportClose,
    /// The connection failed.
    TransportError,
    /// The client did not answer in time.
    PingTimeout,
    /// The client sent what nobody can read.
    ParseError,
    /// The client took its messages too slowly and was cut off.
    SlowConsumer {
        /// Bytes that were waiting for it.
        queued_bytes: usize,
    },
    /// The program closed the connection, and with it all its sockets.
    ForcedClose,
    /// The client did what it must not do now, or not what it had to do in time.
    ForcedServerClose,
    /// The lanes are draining.
    ShuttingDown,
}

impl DisconnectReason {
    /// The text that Socket.IO's Node server gives for it, and `slow consumer`, which Node has not.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::ClientLeft => "client namespace disconnect",
            Self::ServerLeft => "server namespace disconnect",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::SlowConsumer { .. } => "slow consumer",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::ShuttingDown => "server shutting down",
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SlowConsumer { queued_bytes } => write!(f, "slow consumer, {queued_bytes} bytes queued"),
            other => f.write_str(other.as_str()),
        }
    }
}
