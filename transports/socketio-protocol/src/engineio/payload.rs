//! Payloads: what one HTTP request of the polling transport carries.
//!
//! | | content | packets |
//! |---|---|---|
//! | revision 4 | text | separated by U+001E, each as in a text frame: `4a␞bAf8=␞2` |
//! | revision 3 | text | each behind its length and a colon: `2:4a6:b4Af8=1:2`. Lengths count UTF-16 code units |
//! | revision 3 | bytes | 0 for text or 1 for binary, the length's decimal digits as bytes of 0 to 9, 255, then the packet as in a frame. Lengths count bytes |
//!
//! A message of text in revision 4 must not contain U+001E: the protocol has no way to escape it. JSON never does.
//!
//! Reading is linear in the payload, and text and raw bytes are borrowed from it.

mod binary;
mod builder;
mod record;
mod text;
mod utf16;

pub use builder::{Body, BodyLimits, PayloadBuilder};
pub use record::{DataKind, Records, append_record};

use std::iter::FusedIterator;

use super::{Packet, PayloadError, Revision};

/// What separates packets in revision 4.
pub(crate) const SEPARATOR: u8 = 0x1e;

/// What a client may send in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadLimits {
    /// Bytes of a payload; 1,000,000 by default. It is the `maxPayload` that the handshake tells the client.
    pub bytes_max: usize,
    /// Packets of a payload, empty ones too; 10,000 by default. Counted because 500,000 pings have little more than a
    /// million bytes.
    pub packets_max: usize,
}

impl Default for PayloadLimits {
    fn default() -> Self {
        Self { bytes_max: 1_000_000, packets_max: 10_000 }
    }
}

/// The packets of a payload, one after the other. After an error there are no more; what came before it is good.
#[derive(Debug, Clone)]
pub struct Payload<'a> {
    rest: Rest<'a>,
    packets_left: usize,
    packets_max: usize,
}

#[derive(Debug, Clone, Copy)]
enum Rest<'a> {
    /// Revision 4: there is a packet, even if the text is empty.
    Separated(&'a str),
    /// Revision 3, text.
    Measured(&'a str),
    /// Revision 3, bytes.
    Binary(&'a [u8]),
    Done,
}

impl<'a> Payload<'a> {
    /// Reads a body of text.
    ///
    /// # Errors
    /// It is too large, empty, or not UTF-8.
    pub fn text(revision: Revision, body: &'a [u8], limits: &PayloadLimits) -> Result<Self, PayloadError> {
        check_len(body, limits)?;
        let text = str::from_utf8(body).map_err(|_| PayloadError::NotUtf8)?;
        let rest = match revision {
            Revision::V4 => Rest::Separated(text),
            Revision::V3 => Rest::Measured(text),
        };
        Ok(Self::new(rest, limits))
    }

    /// Reads a body of bytes (`Content-Type: application/octet-stream`).
    ///
    /// # Errors
    /// It is too large, empty, or of revision 4, which has none.
    pub fn binary(revision: Revision, body: &'a [u8], limits: &PayloadLimits) -> Result<Self, PayloadError> {
        check_len(body, limits)?;
        match revision {
            Revision::V4 => Err(PayloadError::OctetStream),
            Revision::V3 => Ok(Self::new(Rest::Binary(body), limits)),
        }
    }

    fn new(rest: Rest<'a>, limits: &PayloadLimits) -> Self {
        Self { rest, packets_left: limits.packets_max, packets_max: limits.packets_max }
    }

    /// The next packet, or nothing for an empty one of revision 3, which means nothing.
    fn read(&mut self) -> Result<Option<Packet<'a>>, PayloadError> {
        self.packets_left =
            self.packets_left.checked_sub(1).ok_or(PayloadError::TooManyPackets { max: self.packets_max })?;
        match self.rest {
            Rest::Separated(rest) => {
                let (packet, rest) = match memchr::memchr(SEPARATOR, rest.as_bytes()) {
                    Some(end) => (&rest[..end], Rest::Separated(&rest[end + 1..])),
                    None => (rest, Rest::Done),
                };
                self.rest = rest;
                Ok(Some(Packet::parse(Revision::V4, packet)?))
            }
            Rest::Measured(rest) => {
                let (packet, rest) = text::split(rest)?;
                self.rest = Rest::Measured(rest);
                if packet.is_empty() { Ok(None) } else { Ok(Some(Packet::parse(Revision::V3, packet)?)) }
            }
            Rest::Binary(rest) => {
                let (packet, rest) = binary::split(rest)?;
                self.rest = Rest::Binary(rest);
                packet.parse().map(Some)
            }
            Rest::Done => Ok(None),
        }
    }
}

impl<'a> Iterator for Payload<'a> {
    type Item = Result<Packet<'a>, PayloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !matches!(self.rest, Rest::Done | Rest::Measured("") | Rest::Binary([])) {
            match self.read() {
                Ok(None) => {}
                Ok(Some(packet)) => return Some(Ok(packet)),
                Err(error) => {
                    self.rest = Rest::Done;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl FusedIterator for Payload<'_> {}

fn check_len(body: &[u8], limits: &PayloadLimits) -> Result<(), PayloadError> {
    match body.len() {
        0 => Err(PayloadError::Empty),
        bytes if bytes > limits.bytes_max => Err(PayloadError::TooLarge { bytes, max: limits.bytes_max }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
