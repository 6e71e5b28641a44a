//! What a client can do wrong with a packet.

use std::fmt;

use super::json::{DEPTH_MAX, JsonError};

/// Why what a client sent is no packet. Close its connection: what follows cannot be trusted to mean anything.
///
/// The text (`Display`) names the rule that was broken, in less than 123 bytes, so that it fits into a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The packet has no type, or one that does not exist.
    Type,
    /// A binary event or answer without the number of its attachments, or with what is no number from 1.
    AttachmentCount,
    /// More attachments than [`DecodeLimits::attachments_max`](super::DecodeLimits::attachments_max).
    TooManyAttachments {
        /// The limit.
        max: usize,
    },
    /// A name of a namespace above [`DecodeLimits::namespace_bytes_max`](super::DecodeLimits::namespace_bytes_max).
    NamespaceTooLong {
        /// The limit.
        max: usize,
    },
    /// A packet with all its attachments above [`DecodeLimits::packet_bytes_max`](super::DecodeLimits::packet_bytes_max).
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// An ack id that is no number.
    AckId,
    /// An ack id that does not fit into 64 bits.
    AckIdTooLarge,
    /// An event or an answer whose payload is missing or no array.
    NoArray,
    /// An event without a name: `[]`.
    EventNameMissing,
    /// An event whose name is neither a string nor a number.
    EventName,
    /// An event with a name that has a meaning of its own; the name.
    EventReserved(&'static str),
    /// A CONNECT whose payload is no object.
    ConnectPayload,
    /// A DISCONNECT with a payload.
    DisconnectPayload,
    /// A CONNECT_ERROR whose payload is neither an object nor a string.
    ErrorPayload,
    /// A payload that is no JSON.
    Json {
        /// The byte of the payload that cannot stand there.
        at: usize,
    },
    /// Arrays and objects nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// A placeholder for an attachment that the packet has not.
    PlaceholderNowhere,
    /// Text came, but an attachment was due.
    AttachmentDue,
    /// Binary came, but no packet waits for it.
    AttachmentUnasked,
    /// Bytes that are no msgpack, or not one whole value.
    Msgpack {
        /// The byte that cannot stand there, or the end.
        at: usize,
    },
    /// Text in msgpack that is not UTF-8.
    NotUtf8 {
        /// Where the text starts.
        at: usize,
    },
    /// A key of a map in msgpack that is neither text nor an integer.
    MapKey {
        /// Where it is.
        at: usize,
    },
    /// A packet of msgpack that is no map, or whose `nsp` is no name of a namespace.
    MsgpackPacket,
    /// More values in a packet of msgpack than [`DecodeLimits::items_max`](super::DecodeLimits::items_max).
    TooManyItems {
        /// The limit.
        max: usize,
    },
    /// Binary in a packet of msgpack that can have none, as CONNECT.
    BinaryMisplaced,
    /// A map in a packet of msgpack that would be taken for the placeholder of another attachment.
    PlaceholderForged,
}

impl From<JsonError> for DecodeError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax(at) => Self::Json { at },
            JsonError::TooDeep => Self::TooDeep,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type => f.write_str("packet of unknown type"),
            Self::AttachmentCount => f.write_str("binary packet without the number of its attachments"),
            Self::TooManyAttachments { max } => write!(f, "packet with more than {max} attachments"),
            Self::NamespaceTooLong { max } => write!(f, "name of a namespace of more than {max} bytes"),
            Self::TooLarge { max } => write!(f, "packet of more than {max} bytes"),
            Self::AckId => f.write_str("ack id that is no number"),
            Self::AckIdTooLarge => f.write_str("ack id of more than 64 bits"),
            Self::NoArray => f.write_str("payload of an event or ack that is no array"),
            Self::EventNameMissing => f.write_str("event without a name"),
            Self::EventName => f.write_str("event name that is no string and no number"),
            Self::EventReserved(name) => write!(f, "event name {name} is reserved"),
            Self::ConnectPayload => f.write_str("payload of CONNECT that is no object"),
            Self::DisconnectPayload => f.write_str("DISCONNECT with a payload"),
            Self::ErrorPayload => f.write_str("payload of CONNECT_ERROR that is no object and no string"),
            Self::Json { at } => write!(f, "payload is no JSON from byte {at} on"),
            Self::TooDeep => write!(f, "payload is nested deeper than {DEPTH_MAX}"),
            Self::PlaceholderNowhere => f.write_str("placeholder of an attachment that is not there"),
            Self::AttachmentDue => f.write_str("text where an attachment is due"),
            Self::AttachmentUnasked => f.write_str("binary that no packet waits for"),
            Self::Msgpack { at } => write!(f, "no msgpack from byte {at} on"),
            Self::NotUtf8 { at } => write!(f, "text at byte {at} is not UTF-8"),
            Self::MapKey { at } => write!(f, "key at byte {at} is no text and no integer"),
            Self::MsgpackPacket => f.write_str("msgpack that is no packet"),
            Self::TooManyItems { max } => write!(f, "packet of more than {max} values"),
            Self::BinaryMisplaced => f.write_str("binary in a packet that can have none"),
            Self::PlaceholderForged => f.write_str("map that looks like the placeholder of an attachment"),
        }
    }
}

impl std::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_numbers_and_fit_into_a_close_frame() {
        let max = usize::MAX;
        for error in [
            DecodeError::TooManyAttachments { max },
            DecodeError::NamespaceTooLong { max },
            DecodeError::TooLarge { max },
            DecodeError::EventReserved("removeListener"),
            DecodeError::Json { at: max },
            DecodeError::ErrorPayload,
            DecodeError::MapKey { at: max },
            DecodeError::TooManyItems { max },
            DecodeError::PlaceholderForged,
        ] {
            assert!((10..=123).contains(&error.to_string().len()), "{error}");
        }
        assert_eq!(DecodeError::TooLarge { max: 7 }.to_string(), "packet of more than 7 bytes");
        assert_eq!(DecodeError::EventReserved("connect").to_string(), "event name connect is reserved");
    }
}
