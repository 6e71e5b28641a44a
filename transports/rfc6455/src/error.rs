//! What a client can do wrong on an open connection.

use crate::CloseCode;
use std::fmt;

/// Why a connection must be failed (section 7.1.7): send [`close_code`](Self::close_code), then end TCP.
///
/// The text (`Display`) names the rule that was broken and fits into a close frame as its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// RSV1, RSV2 or RSV3 is set without an extension (section 5.2).
    ReservedBits,
    /// An opcode of 3 to 7 or 11 to 15 (section 5.2).
    ReservedOpcode(u8),
    /// A client must mask every frame (section 5.1).
    Unmasked,
    /// The most significant bit of a 64-bit length is set (section 5.2).
    LengthTopBit,
    /// A length in 16 or 64 bits that a shorter form has room for (section 5.2); the length.
    LengthNotShortest(u64),
    /// A control frame without FIN (section 5.5).
    ControlFragmented,
    /// A control frame of more than 125 bytes (section 5.5); the length it claims.
    ControlTooLong(u64),
    /// A continuation frame, but no message to continue (section 5.4).
    ContinuationUnexpected,
    /// A new message before the last fragment of the one before (section 5.4).
    ContinuationExpected,
    /// A close frame of one byte: a code has two (section 5.5.1).
    CloseTruncated,
    /// A close code that no endpoint may send (section 7.4).
    CloseCodeInvalid(u16),
    /// A text message or a close reason that is not UTF-8 (section 8.1).
    NotUtf8,
    /// A message above [`Limits::message_bytes_max`](crate::Limits::message_bytes_max).
    MessageTooLarge {
        /// Bytes of the message up to and including the frame that was announced.
        bytes: u64,
        /// The limit.
        max: usize,
    },
    /// A message in more frames than [`Limits::fragments_max`](crate::Limits::fragments_max).
    TooManyFragments {
        /// The limit.
        max: u32,
    },
}

impl ReadError {
    /// The code to close with: 1007 for what is not UTF-8, 1009 for what is too much, else 1002 (section 7.4.1).
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::NotUtf8 => CloseCode::Invalid,
            Self::MessageTooLarge { .. } | Self::TooManyFragments { .. } => CloseCode::Size,
            _ => CloseCode::Protocol,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => f.write_str("reserved bits are set, but no extension was agreed on"),
            Self::ReservedOpcode(opcode) => write!(f, "opcode {opcode} is reserved"),
            Self::Unmasked => f.write_str("frames from a client must be masked"),
            Self::LengthTopBit => f.write_str("the top bit of a length must be 0"),
            Self::LengthNotShortest(bytes) => write!(f, "a length of {bytes} must be written in the shortest form"),
            Self::ControlFragmented => f.write_str("control frames must not be fragmented"),
            Self::ControlTooLong(bytes) => write!(f, "control frame of {bytes} bytes, at most 125 are allowed"),
            Self::ContinuationUnexpected => f.write_str("continuation frame without a message to continue"),
            Self::ContinuationExpected => f.write_str("new message before the last fragment of the one before"),
            Self::CloseTruncated => f.write_str("close frame of 1 byte, a close code has 2"),
            Self::CloseCodeInvalid(code) => write!(f, "close code {code} must not be sent"),
            Self::NotUtf8 => f.write_str("text is not UTF-8"),
            Self::MessageTooLarge { bytes, max } => write!(f, "message of {bytes} bytes, the limit is {max}"),
            Self::TooManyFragments { max } => write!(f, "message of more than {max} fragments"),
        }
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ReadError; 14] = [
        ReadError::ReservedBits,
        ReadError::ReservedOpcode(15),
        ReadError::Unmasked,
        ReadError::LengthTopBit,
        ReadError::LengthNotShortest(65_535),
        ReadError::ControlFragmented,
        ReadError::ControlTooLong(u64::MAX),
        ReadError::ContinuationUnexpected,
        ReadError::ContinuationExpected,
        ReadError::CloseTruncated,
        ReadError::CloseCodeInvalid(65_535),
        ReadError::NotUtf8,
        ReadError::MessageTooLarge { bytes: u64::MAX, max: usize::MAX },
        ReadError::TooManyFragments { max: u32::MAX },
    ];

    #[test]
    fn texts_have_the_numbers() {
        assert_eq!(ReadError::MessageTooLarge { bytes: 9, max: 7 }.to_string(), "message of 9 bytes, the limit is 7");
        assert_eq!(ReadError::CloseCodeInvalid(1005).to_string(), "close code 1005 must not be sent");
    }

    #[test]
    fn every_error_closes_with_a_code_a_server_may_send_and_a_reason_that_fits() {
        for error in ALL {
            assert!(matches!(u16::from(error.close_code()), 1002 | 1007 | 1009), "{error:?}");
            assert!((10..=123).contains(&error.to_string().len()), "{error}");
        }
    }
}
