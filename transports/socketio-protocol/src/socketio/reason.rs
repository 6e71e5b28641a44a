//! Why a socket left its namespace.

use std::fmt;

/// Why a socket is gone, as applications of Socket.IO know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client sent DISCONNECT.
    ClientNamespace,
    /// The program disconnected the socket; the connection stays.
    ServerNamespace,
    /// The program closed the connection, or the client broke the order of packets.
    ForcedServerClose,
    /// The connection was closed because of what the client sent.
    ForcedClose,
    /// The connection ended.
    TransportClose,
    /// The connection failed.
    TransportError,
    /// The client did not answer in time.
    PingTimeout,
    /// The client sent what nobody can read.
    ParseError,
    /// The server ends.
    ServerShuttingDown,
}

impl DisconnectReason {
    /// The text that Socket.IO's server gives to its `disconnect` event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientNamespace => "client namespace disconnect",
            Self::ServerNamespace => "server namespace disconnect",
            Self::ForcedServerClose => "forced server close",
            Self::ForcedClose => "forced close",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ServerShuttingDown => "server shutting down",
        }
    }

    /// Whether a client that comes back may go on where it was (Socket.IO's connection state recovery): not if one
    /// of the sides ended it on purpose, nor after what could not be read.
    pub fn is_recoverable(self) -> bool {
        match self {
            Self::ClientNamespace | Self::ServerNamespace | Self::ParseError => false,
            Self::ForcedServerClose
            | Self::ForcedClose
            | Self::TransportClose
            | Self::TransportError
            | Self::PingTimeout
            | Self::ServerShuttingDown => true,
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
