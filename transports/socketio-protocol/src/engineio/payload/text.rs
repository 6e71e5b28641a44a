//! Text payloads of revision 3: `<length>:<packet>`, lengths in UTF-16 code units.

use std::fmt::Write;

use bytes::BytesMut;

use super::utf16;
use crate::engineio::{PacketKind, PayloadError, Revision, base64, packet};

/// Digits that a length may have. Longer ones are no lengths of anything that fits into memory.
pub(super) const DIGITS_MAX: usize = 10;

/// The first packet and what follows it. An empty packet is possible: a payload without packets is `0:`.
pub(super) fn split(rest: &str) -> Result<(&str, &str), PayloadError> {
    let (start, units) = length(rest.as_bytes()).ok_or(PayloadError::Length)?;
    let rest = &rest[start..];
    let end = utf16::prefix(rest.as_bytes(), units).ok_or(PayloadError::Truncated)?;
    Ok(rest.split_at(end))
}

/// The same for what was written here, as bytes.
pub(super) fn split_bytes(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (start, units) = length(rest)?;
    let rest = &rest[start..];
    rest.split_at_checked(utf16::prefix(rest, units)?)
}

/// Where the first packet begins, and its length.
fn length(rest: &[u8]) -> Option<(usize, usize)> {
    let digits = rest.iter().take(DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > DIGITS_MAX || rest.get(digits) != Some(&b':') {
        return None;
    }
    let length = rest[..digits].iter().fold(0u64, |length, digit| length * 10 + u64::from(digit - b'0'));
    Some((digits + 1, usize::try_from(length).ok()?))
}

/// Appends a packet behind its length. Two passes over text: one counts, one copies.
pub(super) fn append(kind: PacketKind, data: &[u8], is_binary: bool, out: &mut BytesMut) {
    let units = if is_binary { 2 + base64::encoded_len(data.len()) } else { 1 + utf16::len(data) };
    let written = write!(out, "{units}:");
    debug_assert!(written.is_ok(), "a buffer that grows takes all");
    packet::append_text(Revision::V3, kind, data, is_binary, out);
}
