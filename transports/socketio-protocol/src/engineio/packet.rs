//! One packet, and how a WebSocket frame carries it.
//!
//! As text a packet is a digit for its kind and then its data. Bytes stand in messages only, and each revision has its
//! own ways for them:
//!
//! | | revision 4 | revision 3 |
//! |---|---|---|
//! | text frame, text packet | `4hello` | `4hello` |
//! | binary frame | the bytes alone | the byte 4, then the bytes |
//! | text frame, for clients without binary | `b` and base64 | `b4` and base64 |

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::{Framing, PacketError, Revision, base64};

/// What a packet is for (section "Packet encoding" of engine.io-protocol).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketKind {
    /// The server's answer to the handshake, see [`Open`](super::Open).
    Open = b'0',
    /// This transport can be closed.
    Close = b'1',
    /// Half of a heartbeat; with the data `probe` the first step of an upgrade.
    Ping = b'2',
    /// The other half.
    Pong = b'3',
    /// What the layer above has to say.
    Message = b'4',
    /// The last step of an upgrade.
    Upgrade = b'5',
    /// Nothing; it ends a poll while an upgrade is going on.
    Noop = b'6',
}

impl PacketKind {
    /// The digit, as ASCII, that stands for it in text.
    #[must_use]
    pub const fn digit(self) -> u8 {
        self as u8
    }

    /// The kind that this ASCII digit stands for.
    #[must_use]
    pub const fn from_digit(digit: u8) -> Option<Self> {
        Some(match digit {
            b'0' => Self::Open,
            b'1' => Self::Close,
            b'2' => Self::Ping,
            b'3' => Self::Pong,
            b'4' => Self::Message,
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            _ => return None,
        })
    }
}

/// What a packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data<'a> {
    /// Text, often empty.
    Text(&'a str),
    /// Bytes, of messages only. Owned when they came as base64.
    Binary(Cow<'a, [u8]>),
}

impl Data<'_> {
    /// How many bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a size, not a collection")]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether these are bytes.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        matches!(self, Self::Binary(_))
    }

    /// The text's bytes, or the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// A packet, borrowed from what it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is for.
    pub kind: PacketKind,
    /// What it carries.
    pub data: Data<'a>,
}

impl<'a> Packet<'a> {
    /// A packet of any kind with text.
    #[must_use]
    pub const fn new(kind: PacketKind, text: &'a str) -> Self {
        Self { kind, data: Data::Text(text) }
    }

    /// A message of text.
    #[must_use]
    pub const fn message(text: &'a str) -> Self {
        Self::new(PacketKind::Message, text)
    }

    /// A message of bytes.
    #[must_use]
    pub const fn binary(bytes: &'a [u8]) -> Self {
        Self { kind: PacketKind::Message, data: Data::Binary(Cow::Borrowed(bytes)) }
    }

    /// Whether it is the `2probe` or `3probe` of an upgrade.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        matches!(self.kind, PacketKind::Ping | PacketKind::Pong) && self.data == Data::Text("probe")
    }

    /// Reads a packet from text: the content of a text frame, or one packet of a payload.
    ///
    /// Text is borrowed, base64 is decoded into memory of its own, a quarter smaller than its text.
    ///
    /// # Errors
    /// It is no packet of this revision.
    pub fn parse(revision: Revision, text: &'a str) -> Result<Self, PacketError> {
        match text.as_bytes() {
            [] => Err(PacketError::Empty),
            [b'b', base64 @ ..] => Self::parse_base64(revision, base64),
            [digit, ..] => match PacketKind::from_digit(*digit) {
                Some(kind) => Ok(Self::new(kind, &text[1..])),
                None => Err(PacketError::UnknownKind(*digit)),
            },
        }
    }

    fn parse_base64(revision: Revision, text: &[u8]) -> Result<Self, PacketError> {
        let base64 = match (revision, text) {
            (Revision::V4, base64) => base64,
            (Revision::V3, [digit, base64 @ ..]) => {
                message_kind(PacketKind::from_digit(*digit).ok_or(PacketError::UnknownKind(*digit))?)?;
                base64
            }
            (Revision::V3, []) => return Err(PacketError::Empty),
        };
        let bytes = base64::decode(base64).ok_or(PacketError::Base64)?;
        Ok(Self { kind: PacketKind::Message, data: Data::Binary(Cow::Owned(bytes)) })
    }

    /// Reads a packet from the content of a binary frame, which is borrowed.
    ///
    /// # Errors
    /// It is no packet of this revision. In revision 4 all bytes are a message, none too.
    pub fn parse_binary(revision: Revision, bytes: &'a [u8]) -> Result<Self, PacketError> {
        match (revision, bytes) {
            (Revision::V4, bytes) => Ok(Self::binary(bytes)),
            (Revision::V3, []) => Err(PacketError::Empty),
            (Revision::V3, [kind, bytes @ ..]) => {
                let digit = kind.checked_add(b'0').ok_or(PacketError::UnknownKind(*kind))?;
                message_kind(PacketKind::from_digit(digit).ok_or(PacketError::UnknownKind(*kind))?)?;
                Ok(Self::binary(bytes))
            }
        }
    }

    /// Appends the content of the WebSocket frame that carries the packet; [`Framing::is_binary_frame`] says which frame
    /// it has to be. Copies the data once.
    pub fn append_frame(&self, framing: Framing, out: &mut BytesMut) {
        match &self.data {
            Data::Binary(bytes) if framing.is_binary_frame(self) => {
                if framing.revision == Revision::V3 {
                    out.put_u8(self.kind.digit() - b'0');
                }
                out.put_slice(bytes);
            }
            data => append_text(framing.revision, self.kind, data.as_bytes(), data.is_binary(), out),
        }
    }
}

/// Appends a packet as text. Binary becomes base64; bytes of text are taken for UTF-8.
pub(crate) fn append_text(revision: Revision, kind: PacketKind, data: &[u8], is_binary: bool, out: &mut BytesMut) {
    match (is_binary, revision) {
        (true, Revision::V4) => {
            out.put_u8(b'b');
            base64::append(data, out);
        }
        (true, Revision::V3) => {
            out.put_slice(&[b'b', kind.digit()]);
            base64::append(data, out);
        }
        (false, _) => {
            out.put_u8(kind.digit());
            out.put_slice(data);
        }
    }
}

fn message_kind(kind: PacketKind) -> Result<(), PacketError> {
    if kind == PacketKind::Message { Ok(()) } else { Err(PacketError::BinaryKind(kind)) }
}

#[cfg(test)]
mod tests {
    use super::{PacketError::*, Revision::*, *};

    fn frame(framing: Framing, packet: &Packet<'_>) -> Vec<u8> {
        let mut out = BytesMut::new();
        packet.append_frame(framing, &mut out);
        out.to_vec()
    }

    #[test]
    fn every_kind_has_its_digit() {
        let kinds: Vec<_> = (0..=255).filter_map(PacketKind::from_digit).collect();
        assert_eq!(kinds.len(), 7);
        assert!(kinds.iter().all(|kind| PacketKind::from_digit(kind.digit()) == Some(*kind)));
    }

    #[test]
    fn text_packets_are_the_same_in_both_revisions_and_borrowed() {
        for revision in [V3, V4] {
            for (text, packet) in [
                ("4hello €", Packet::message("hello €")),
                ("4", Packet::message("")),
                ("2", Packet::new(PacketKind::Ping, "")),
                ("3probe", Packet::new(PacketKind::Pong, "probe")),
                ("0{}", Packet::new(PacketKind::Open, "{}")),
                ("6", Packet::new(PacketKind::Noop, "")),
            ] {
                assert_eq!(Packet::parse(revision, text).as_ref(), Ok(&packet));
                assert_eq!(frame(Framing::new(revision), &packet), text.as_bytes());
                assert!(!Framing::new(revision).is_binary_frame(&packet));
            }
        }
    }

    #[test]
    fn binary_differs() {
        let packet = Packet::binary(&[1, 255]);
        for (revision, raw, text) in [(V4, &[1, 255][..], "bAf8="), (V3, &[4, 1, 255], "b4Af8=")] {
            let [bytes, base64] = [false, true].map(|base64| Framing { revision, base64 });
            assert_eq!(frame(bytes, &packet), raw);
            assert_eq!(frame(base64, &packet), text.as_bytes());
            assert_eq!([bytes, base64].map(|framing| framing.is_binary_frame(&packet)), [true, false]);
            assert_eq!(Packet::parse_binary(revision, raw).as_ref(), Ok(&packet));
            assert_eq!(Packet::parse(revision, text).as_ref(), Ok(&packet));
        }
    }

    #[test]
    fn what_is_no_packet() {
        for revision in [V3, V4] {
            for (text, error) in [
                ("", Empty),
                ("abc", UnknownKind(b'a')),
                ("7", UnknownKind(b'7')),
                ("€", UnknownKind(0xe2)),
                ("b4!", Base64),
            ] {
                assert_eq!(Packet::parse(revision, text), Err(error), "{text}");
            }
        }
        assert_eq!(Packet::parse(V3, "b"), Err(Empty));
        assert_eq!(Packet::parse(V3, "b2"), Err(BinaryKind(PacketKind::Ping)));
        assert_eq!(Packet::parse(V3, "bAf8="), Err(UnknownKind(b'A')));
        assert_eq!(Packet::parse_binary(V3, b""), Err(Empty));
        assert_eq!(Packet::parse_binary(V3, &[255, 0]), Err(UnknownKind(255)));
        assert_eq!(Packet::parse_binary(V3, &[2]), Err(BinaryKind(PacketKind::Ping)));
        assert_eq!(Packet::parse_binary(V4, b""), Ok(Packet::binary(b"")));
    }

    #[test]
    fn probes() {
        assert!(Packet::parse(V4, "2probe").unwrap().is_probe());
        assert!(!Packet::parse(V4, "2").unwrap().is_probe());
        assert!(!Packet::parse(V4, "4probe").unwrap().is_probe());
    }
}
