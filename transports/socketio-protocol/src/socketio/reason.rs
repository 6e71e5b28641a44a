//! Why a socket left its namespace.

use std::fmt;

use crate::engineio::CloseReason;

/// Why a socket is gone, as applications of Socket.IO know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client sent DISCONNECT.
    ClientNamespace,
    /// The program disconnected the socket; the connection stays.
    ServerNamespace,
    /// The connection ended, and all its sockets with it.
    Closed(CloseReason),
}

impl DisconnectReason {
    /// The text that Socket.IO's server gives to its `disconnect` event.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientNamespace => "client namespace disconnect",
            Self::ServerNamespace => "server namespace disconnect",
            Self::Closed(reason) => reason.as_str(),
        }
    }

    /// Whether a client that comes back may go on where it was (Socket.IO's connection state recovery): not if one
    /// of the sides left on purpose, nor after what could not be read.
    pub const fn is_recoverable(self) -> bool {
        !matches!(self, Self::ClientNamespace | Self::ServerNamespace | Self::Closed(CloseReason::ParseError))
    }
}

impl From<CloseReason> for DisconnectReason {
    fn from(reason: CloseReason) -> Self {
        Self::Closed(reason)
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recovered_is_what_socket_io_recovers() {
        for (reason, text, recoverable) in [
            (DisconnectReason::ClientNamespace, "client namespace disconnect", false),
            (DisconnectReason::ServerNamespace, "server namespace disconnect", false),
            (CloseReason::ParseError.into(), "parse error", false),
            (CloseReason::ForcedServerClose.into(), "forced server close", true),
            (CloseReason::ForcedClose.into(), "forced close", true),
            (CloseReason::PingTimeout.into(), "ping timeout", true),
            (CloseReason::TransportClose.into(), "transport close", true),
        ] {
            assert_eq!((reason.to_string().as_str(), reason.is_recoverable()), (text, recoverable));
        }
    }
}
