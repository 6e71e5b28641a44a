//! Binary payloads of revision 3: `0|1, digits, 255, packet`, lengths in bytes.
//!
//! engine.io-parser 2 encodes the text as UTF-8 first and then takes its length, so here, other than in text payloads,
//! lengths of text are bytes too.

use bytes::{BufMut, BytesMut};

use super::text::DIGITS_MAX;
use crate::engineio::{Packet, PacketKind, PayloadError, Revision};

const TEXT: u8 = 0;
const BINARY: u8 = 1;
const END_OF_LENGTH: u8 = 255;

/// A packet as it stands in the payload.
pub(super) struct Raw<'a> {
    marker: u8,
    bytes: &'a [u8],
}

impl<'a> Raw<'a> {
    pub(super) fn parse(self) -> Result<Packet<'a>, PayloadError> {
        if self.marker == BINARY {
            return Ok(Packet::parse_binary(Revision::V3, self.bytes)?);
        }
        let text = str::from_utf8(self.bytes).map_err(|_| PayloadError::NotUtf8)?;
        Ok(Packet::parse(Revision::V3, text)?)
    }
}

/// The first packet and what follows it.
pub(super) fn split(rest: &[u8]) -> Result<(Raw<'_>, &[u8]), PayloadError> {
    let (&marker, rest) = rest.split_first().ok_or(PayloadError::Truncated)?;
    if marker != TEXT && marker != BINARY {
        return Err(PayloadError::Marker(marker));
    }
    let digits = rest.iter().take(DIGITS_MAX + 1).take_while(|byte| **byte <= 9).count();
    if digits == 0 || digits > DIGITS_MAX || rest.get(digits) != Some(&END_OF_LENGTH) {
        return Err(PayloadError::Length);
    }
    let length = rest[..digits].iter().fold(0u64, |length, digit| length * 10 + u64::from(*digit));
    let rest = &rest[digits + 1..];
    let length = usize::try_from(length).map_err(|_| PayloadError::Truncated)?;
    let (bytes, rest) = rest.split_at_checked(length).ok_or(PayloadError::Truncated)?;
    Ok((Raw { marker, bytes }, rest))
}

/// Appends a packet with its head.
pub(super) fn append(kind: PacketKind, data: &[u8], is_binary: bool, out: &mut BytesMut) {
    append_head(is_binary, 1 + data.len(), out);
    out.put_u8(if is_binary { kind.digit() - b'0' } else { kind.digit() });
    out.put_slice(data);
}

/// Appends a text packet, kind and all, with its head.
pub(super) fn append_packet(packet: &[u8], out: &mut BytesMut) {
    append_head(false, packet.len(), out);
    out.put_slice(packet);
}

fn append_head(is_binary: bool, length: usize, out: &mut BytesMut) {
    out.put_u8(if is_binary { BINARY } else { TEXT });
    let mut digits = [0; 20];
    let mut left = length;
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.put_slice(&digits[first..]);
    out.put_u8(END_OF_LENGTH);
}
