//! The body that answers a poll.

use bytes::{Bytes, BytesMut};

use super::{DataKind, Records, SEPARATOR, binary, text};
use crate::engineio::{Framing, Jsonp, Packet, PacketKind, Revision, packet};

/// How much one answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Packets; 16 by default, because python-engineio refuses more.
    pub packets_max: usize,
    /// Bytes after which no further packet is begun; 1 MiB by default. A packet that is larger goes alone.
    pub bytes_max: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { packets_max: 16, bytes_max: 1 << 20 }
    }
}

/// Frames packets into one body, as the client wants it.
///
/// Copies each packet once. In revision 3 a body is text until the first binary packet, unless the client cannot take
/// bytes; then what is there already is framed again.
#[derive(Debug)]
pub struct PayloadBuilder {
    framing: Framing,
    jsonp: Option<Jsonp>,
    limits: BodyLimits,
    out: BytesMut,
    packets: usize,
    is_binary: bool,
}

/// A body and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The content.
    pub bytes: Bytes,
}

impl PayloadBuilder {
    /// An empty body. A script can only be text: with `jsonp`, binary becomes base64 whatever the framing says.
    #[must_use]
    pub fn new(framing: Framing, jsonp: Option<Jsonp>, limits: BodyLimits) -> Self {
        let framing = Framing { base64: framing.base64 || jsonp.is_some(), ..framing };
        Self { framing, jsonp, limits, out: BytesMut::new(), packets: 0, is_binary: false }
    }

    /// Appends a packet, unless the body is [full](Self::is_full). Says whether it did.
    pub fn push(&mut self, packet: &Packet<'_>) -> bool {
        self.push_data(packet.kind, packet.data.as_bytes(), packet.data.is_binary())
    }

    /// Appends the [records](super::append_record) at the front of `bytes` as messages, until the body is
    /// [full](Self::is_full). Gives how many bytes were used: whole records.
    pub fn push_records(&mut self, bytes: &[u8]) -> usize {
        let mut records = Records::new(bytes);
        while !self.is_full()
            && let Some((kind, data)) = records.next()
        {
            self.push_data(PacketKind::Message, data, kind == DataKind::Binary);
        }
        bytes.len() - records.rest().len()
    }

    /// Packets so far.
    #[must_use]
    pub fn packets(&self) -> usize {
        self.packets
    }

    /// Whether there is no packet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets == 0
    }

    /// Whether a limit is reached.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.packets > 0 && (self.packets >= self.limits.packets_max || self.out.len() >= self.limits.bytes_max)
    }

    /// The body.
    #[must_use]
    pub fn finish(mut self) -> Body {
        if self.is_empty() && self.framing.revision == Revision::V3 {
            self.out.extend_from_slice(b"0:");
        }
        match (self.jsonp, self.is_binary) {
            (Some(jsonp), _) => {
                Body { content_type: "text/javascript; charset=UTF-8", bytes: jsonp.script(&self.out).into() }
            }
            (None, true) => Body { content_type: "application/octet-stream", bytes: self.out.freeze() },
            (None, false) => Body { content_type: "text/plain; charset=UTF-8", bytes: self.out.freeze() },
        }
    }

    fn push_data(&mut self, kind: PacketKind, data: &[u8], is_binary: bool) -> bool {
        if self.is_full() {
            return false;
        }
        match self.framing.revision {
            Revision::V4 => {
                if self.packets > 0 {
                    self.out.extend_from_slice(&[SEPARATOR]);
                }
                packet::append_text(Revision::V4, kind, data, is_binary, &mut self.out);
            }
            Revision::V3 => {
                if is_binary && !self.is_binary && !self.framing.base64 {
                    self.frame_again();
                }
                let append = if self.is_binary { binary::append } else { text::append };
                append(kind, data, is_binary, &mut self.out);
            }
        }
        self.packets += 1;
        true
    }

    /// From text to bytes, in revision 3.
    fn frame_again(&mut self) {
        self.is_binary = true;
        let framed = self.out.split();
        let mut rest = &framed[..];
        while let Some((packet, behind)) = text::split_bytes(rest) {
            binary::append_packet(packet, &mut self.out);
            rest = behind;
        }
    }
}
