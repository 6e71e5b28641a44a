//! The two revisions of the protocol that clients of today speak.

use super::Packet;

/// A revision of Engine.IO's protocol: what a client asks for as `EIO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revision {
    /// `EIO=3`: clients of Socket.IO 2, `sails.io.js`. (Those of Socket.IO 1 too, but their polling has text beyond ASCII
    /// in a form of its own, which engine.io does not read either.)
    V3,
    /// `EIO=4`: clients of Socket.IO 3 and later.
    V4,
}

impl Revision {
    /// The revision with this number, as it stands in a query.
    #[must_use]
    pub fn parse(number: &str) -> Option<Self> {
        match number {
            "3" => Some(Self::V3),
            "4" => Some(Self::V4),
            _ => None,
        }
    }

    /// 3 or 4.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
}

/// How one client wants its packets: fixed by the query of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Framing {
    /// The revision that was agreed on in the handshake.
    pub revision: Revision,
    /// The client cannot take bytes (`b64=1` in its query): binary goes out as base64 in text, on every transport.
    pub base64: bool,
}

impl Framing {
    /// Framing of a client that takes bytes.
    #[must_use]
    pub const fn new(revision: Revision) -> Self {
        Self { revision, base64: false }
    }

    /// Whether a WebSocket frame with this packet is a binary one.
    #[must_use]
    pub fn is_binary_frame(self, packet: &Packet<'_>) -> bool {
        packet.data.is_binary() && !self.base64
    }
}
