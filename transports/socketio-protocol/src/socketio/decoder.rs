//! What a client sends, as packets.
//!
//! A packet is one message of text; if that announces attachments, as many binary messages have to follow it, with
//! nothing between. All that can be known from the text is checked before an attachment is waited for.

use bytes::Bytes;

use super::error::DecodeError;
use super::header;
use super::packet::{Body, Packet, Revision};
use super::payload;
use super::placeholder;

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Attachments of one packet; 10 by default, as in socket.io-parser. 0 allows none.
    pub attachments_max: usize,
    /// Bytes of one packet, its attachments included; 10,000,000 by default. What a connection keeps while attachments
    /// are missing is bounded by it.
    pub packet_bytes_max: usize,
    /// Bytes of a namespace's name; 1,024 by default.
    pub namespace_bytes_max: usize,
    /// Values in one packet of msgpack, keys included; 1,000,000 by default. In JSON they are bounded by the bytes.
    pub items_max: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { attachments_max: 10, packet_bytes_max: 10_000_000, namespace_bytes_max: 1_024, items_max: 1_000_000 }
    }
}

/// The receiving side of one connection that speaks the default parser: 16 bytes, and heap only while attachments are
/// missing.
#[derive(Debug)]
pub struct Decoder {
    waiting: Option<Box<Waiting>>,
    revision: Revision,
}

/// A packet whose attachments are not all there.
#[derive(Debug)]
struct Waiting {
    packet: Packet<'static>,
    attachments: Vec<Bytes>,
    missing: usize,
    bytes: usize,
}

impl Decoder {
    /// A connection of which nothing came.
    pub const fn new(revision: Revision) -> Self {
        Self { waiting: None, revision }
    }

    /// Takes a message of text. Gives the packet that it is, borrowed from it, or none if attachments have to follow.
    ///
    /// Cost: one pass over the text, two if attachments are announced; nothing is allocated but for event names with
    /// escapes, and for packets that wait, which are copied once.
    ///
    /// # Errors
    /// The client broke the protocol or a limit. The decoder forgets what it waited for; do not feed it again.
    pub fn handle_text<'a>(&mut self, text: &'a str, limits: &DecodeLimits) -> Result<Option<Packet<'a>>, DecodeError> {
        if self.waiting.take().is_some() {
            return Err(DecodeError::AttachmentDue);
        }
        check_size(text.len(), limits)?;
        let header = header::parse(text, self.revision, limits)?;
        let body = payload::parse(&header)?;
        let packet = Packet { namespace: header.namespace.into(), body };
        if header.attachments == 0 {
            return Ok(Some(packet));
        }
        self.waiting = Some(Box::new(Waiting::new(packet, text.len(), header.attachments)?));
        Ok(None)
    }

    /// Takes a binary message: an attachment. Gives the packet if it was the last that was missing.
    ///
    /// Cost: one copy of the bytes.
    ///
    /// # Errors
    /// As [`Self::handle_text`].
    pub fn handle_binary(
        &mut self,
        bytes: &[u8],
        limits: &DecodeLimits,
    ) -> Result<Option<Packet<'static>>, DecodeError> {
        let mut waiting = self.waiting.take().ok_or(DecodeError::AttachmentUnasked)?;
        waiting.bytes = waiting.bytes.saturating_add(bytes.len());
        check_size(waiting.bytes, limits)?;
        waiting.attachments.push(Bytes::copy_from_slice(bytes));
        waiting.missing -= 1;
        if waiting.missing == 0 {
            return Ok(Some(waiting.finish()));
        }
        self.waiting = Some(waiting);
        Ok(None)
    }

    /// How many binary messages have to come next.
    pub fn missing_attachments(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.missing)
    }

    /// Bytes that are kept here until all attachments are there; 0 if none are missing.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.bytes)
    }
}

impl Waiting {
    fn new(mut packet: Packet<'_>, bytes: usize, missing: usize) -> Result<Self, DecodeError> {
        if let Body::Event { args, .. } | Body::Ack { args, .. } = &mut packet.body {
            args.json = placeholder::settle(std::mem::take(&mut args.json), missing)?;
        }
        // The room is asked for when attachments come: their number is a claim.
        Ok(Self { packet: packet.into_owned(), attachments: Vec::new(), missing, bytes })
    }

    fn finish(self) -> Packet<'static> {
        let mut packet = self.packet;
        if let Body::Event { args, .. } | Body::Ack { args, .. } = &mut packet.body {
            args.attachments = self.attachments.into();
        }
        packet
    }
}

fn check_size(bytes: usize, limits: &DecodeLimits) -> Result<(), DecodeError> {
    let max = limits.packet_bytes_max;
    if bytes > max { Err(DecodeError::TooLarge { max }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DecodeLimits =
        DecodeLimits { attachments_max: 3, packet_bytes_max: 60, namespace_bytes_max: 8, items_max: 10 };

    const TEXT: &str = r#"52-["a",{"_placeholder":true,"num":1}]"#;

    fn decoder() -> Decoder {
        Decoder::new(Revision::V5)
    }

    #[test]
    fn a_decoder_is_small() {
        assert!(size_of::<Decoder>() <= 16, "{}", size_of::<Decoder>());
    }

    #[test]
    fn attachments_come_in_their_order() {
        let mut decoder = decoder();
        assert_eq!(decoder.handle_text(TEXT, &LIMITS), Ok(None));
        assert_eq!((decoder.missing_attachments(), decoder.waiting_bytes()), (2, TEXT.len()));
        assert_eq!(decoder.handle_binary(b"", &LIMITS), Ok(None));
        let packet = decoder.handle_binary(b"xy", &LIMITS).unwrap().unwrap();
        assert_eq!(packet.attachments(), [Bytes::new(), Bytes::from_static(b"xy")]);
        assert_eq!((decoder.missing_attachments(), decoder.waiting_bytes()), (0, 0));
        let Body::Event { args, .. } = packet.body else { panic!() };
        assert_eq!((&*args.json, args.count), (r#"{"_placeholder":true,"num":1}"#, 1));
        assert!(decoder.handle_text("31[]", &LIMITS).unwrap().is_some());
    }

    #[test]
    fn messages_out_of_place() {
        assert_eq!(decoder().handle_binary(b"x", &LIMITS), Err(DecodeError::AttachmentUnasked));
        let mut decoder = decoder();
        decoder.handle_text(TEXT, &LIMITS).unwrap();
        assert_eq!(decoder.handle_text("2[\"a\"]", &LIMITS), Err(DecodeError::AttachmentDue));
        assert_eq!(decoder.waiting_bytes(), 0);
        assert_eq!(decoder.handle_binary(b"x", &LIMITS), Err(DecodeError::AttachmentUnasked));
    }

    #[test]
    fn a_packet_has_a_limit_of_bytes_with_all_that_belongs_to_it() {
        let max = 60;
        let mut exact = decoder();
        exact.handle_text(TEXT, &LIMITS).unwrap();
        exact.handle_binary(&[0; 20], &LIMITS).unwrap();
        assert!(exact.handle_binary(&vec![0; max - 20 - TEXT.len()], &LIMITS).unwrap().is_some());
        let mut over = decoder();
        over.handle_text(TEXT, &LIMITS).unwrap();
        over.handle_binary(&[0; 20], &LIMITS).unwrap();
        let last = vec![0; max - 20 - TEXT.len() + 1];
        assert_eq!(over.handle_binary(&last, &LIMITS), Err(DecodeError::TooLarge { max }));
        assert_eq!(over.waiting_bytes(), 0);
        let text = format!("2[\"{}\"]", "a".repeat(max));
        assert_eq!(decoder().handle_text(&text, &LIMITS), Err(DecodeError::TooLarge { max }));
    }

    #[test]
    fn what_the_text_shows_is_refused_before_attachments_come() {
        for (text, error) in [
            (r#"51-["a",{"_placeholder":true,"num":1}]"#, DecodeError::PlaceholderNowhere),
            (r#"54-["a"]"#, DecodeError::TooManyAttachments { max: 3 }),
            (r#"51-["connect"]"#, DecodeError::EventReserved("connect")),
            (r#"51-{}"#, DecodeError::NoArray),
            (r#"61-["a""#, DecodeError::Json { at: 4 }),
        ] {
            let mut decoder = decoder();
            assert_eq!(decoder.handle_text(text, &LIMITS), Err(error), "{text}");
            assert_eq!(decoder.missing_attachments(), 0);
        }
    }

    #[test]
    fn attachments_without_a_placeholder_and_placeholders_without_attachments() {
        let mut decoder = decoder();
        decoder.handle_text("61-7[]", &LIMITS).unwrap();
        assert_eq!(decoder.handle_binary(b"x", &LIMITS).unwrap().unwrap().attachments().len(), 1);
        // Of a packet that announces no attachments it is data.
        let text = r#"2["a",{"_placeholder":true,"num":5}]"#;
        assert!(decoder.handle_text(text, &LIMITS).unwrap().unwrap().attachments().is_empty());
    }
}
