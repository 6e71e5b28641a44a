//! What a client can do wrong with packets and payloads.

use std::fmt;

use super::PacketKind;

/// Why something is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacketError {
    /// There is nothing, not even a kind.
    Empty,
    /// The first byte names no kind.
    UnknownKind(u8),
    /// Bytes in a packet that is no message.
    BinaryKind(PacketKind),
    /// What follows `b` is not base64.
    Base64,
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a packet has at least a kind"),
            Self::UnknownKind(byte) => write!(f, "no kind of packet begins with the byte {byte}"),
            Self::BinaryKind(kind) => write!(f, "only messages can be binary, not {kind:?}"),
            Self::Base64 => f.write_str("binary in text must be base64"),
        }
    }
}

impl std::error::Error for PacketError {}

/// Why a payload cannot be read, from some packet on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// More bytes than [`PayloadLimits::bytes_max`](super::PayloadLimits::bytes_max).
    TooLarge {
        /// Bytes of the payload.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// More packets than [`PayloadLimits::packets_max`](super::PayloadLimits::packets_max).
    TooManyPackets {
        /// The limit.
        max: usize,
    },
    /// The payload, or a text packet in it, is not UTF-8.
    NotUtf8,
    /// There is no packet at all.
    Empty,
    /// A length (revision 3) that is no number of at most ten digits with an end.
    Length,
    /// A packet's length goes beyond the payload, or ends within a character.
    Truncated,
    /// A packet of a binary payload is neither text (0) nor binary (1).
    Marker(u8),
    /// Bytes where only text may come: revision 4 has no binary payloads.
    OctetStream,
    /// The body of a JSONP request has no field `d`.
    NoField,
    /// One packet.
    Packet(PacketError),
}

impl From<PacketError> for PayloadError {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, max } => write!(f, "payload of {bytes} bytes, the limit is {max}"),
            Self::TooManyPackets { max } => write!(f, "payload of more than {max} packets"),
            Self::NotUtf8 => f.write_str("text is not UTF-8"),
            Self::Empty => f.write_str("a payload has at least a packet"),
            Self::Length => f.write_str("a length is a decimal number"),
            Self::Truncated => f.write_str("a packet is shorter than its length, or ends within a character"),
            Self::Marker(byte) => write!(f, "a packet begins with 0 or 1, not with {byte}"),
            Self::OctetStream => f.write_str("payloads of revision 4 are text"),
            Self::NoField => f.write_str("a form must have the field d"),
            Self::Packet(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PayloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Packet(error) => Some(error),
            _ => None,
        }
    }
}
