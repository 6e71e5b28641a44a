//! Packets as the text of the default parser (socket.io-protocol, "Packet encoding").

use std::fmt::Write;

use bytes::{BufMut, BytesMut};

use super::json::string;
use super::packet::{Args, Body, Packet};

impl Packet<'_> {
    /// Appends the text. Its [attachments](Self::attachments) have to follow, as a binary message each, with no other
    /// message between.
    ///
    /// An event with attachments becomes a BINARY_EVENT, an answer a BINARY_ACK. Arguments and payloads are copied as they
    /// are: what is no JSON in them is none in the packet.
    ///
    /// Cost: one copy, in one pass; nothing is allocated but the buffer's own growth, once.
    pub fn encode_text(&self, out: &mut BytesMut) {
        match &self.body {
            Body::Event { name, args, ack } => {
                self.put_front(args.kind(b'2'), args, *ack, out);
                out.put_u8(b'[');
                string::write(name, out);
                if !args.json.is_empty() {
                    out.put_u8(b',');
                }
                out.put_slice(args.json.as_bytes());
                out.put_u8(b']');
            }
            Body::Ack { id, args } => {
                self.put_front(args.kind(b'3'), args, *id, out);
                out.put_u8(b'[');
                out.put_slice(args.json.as_bytes());
                out.put_u8(b']');
            }
            Body::Connect { data, .. } => self.put_other(b'0', data.as_deref(), out),
            Body::Disconnect => self.put_other(b'1', None, out),
            Body::ConnectError { data } => self.put_other(b'4', data.as_deref(), out),
        }
    }

    fn put_other(&self, kind: u8, payload: Option<&str>, out: &mut BytesMut) {
        self.put_front(kind, &Args::default(), None, out);
        out.put_slice(payload.unwrap_or_default().as_bytes());
    }

    /// All that stands before the payload.
    fn put_front(&self, kind: u8, args: &Args<'_>, id: Option<u64>, out: &mut BytesMut) {
        // Two numbers, a short name and what stands between the parts fit into 96 bytes.
        out.reserve(self.namespace.len() + args.json.len() + 96);
        out.put_u8(kind);
        if !args.attachments.is_empty() {
            put_number(args.attachments.len() as u64, out);
            out.put_u8(b'-');
        }
        if self.namespace != "/" {
            out.put_slice(self.namespace.as_bytes());
            out.put_u8(b',');
        }
        if let Some(id) = id {
            put_number(id, out);
        }
    }
}

impl Args<'_> {
    /// The packet type: `plain`, or its binary form, which is three further.
    fn kind(&self, plain: u8) -> u8 {
        if self.attachments.is_empty() { plain } else { plain + 3 }
    }
}

fn put_number(number: u64, out: &mut BytesMut) {
    // A buffer that grows takes all that is written.
    let _ = write!(out, "{number}");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::packet::Revision;
    use super::*;

    fn text(packet: &Packet<'_>) -> String {
        let mut out = BytesMut::from("before ");
        packet.encode_text(&mut out);
        str::from_utf8(&out).unwrap().strip_prefix("before ").unwrap().to_owned()
    }

    #[test]
    fn every_kind_in_both_namespaces() {
        let attachments = [Bytes::from_static(b"x"), Bytes::new()];
        let (plain, binary) = (Args::new("1,[2]", 2, &[]), Args::new("1", 1, &attachments));
        for (packet, expected) in [
            (Packet::event("/", "a", Args::default(), None), r#"2["a"]"#),
            (Packet::event("/", "a\"\n", plain.clone(), None), r#"2["a\"\n",1,[2]]"#),
            (Packet::event("/adm", "a", plain.clone(), Some(0)), r#"2/adm,0["a",1,[2]]"#),
            (Packet::event("/", "a", binary.clone(), Some(u64::MAX)), r#"52-18446744073709551615["a",1]"#),
            (Packet::event("/adm", "a", binary.clone(), Some(7)), r#"52-/adm,7["a",1]"#),
            (Packet::ack("/", 12, Args::default()), "312[]"),
            (Packet::ack("/adm", 12, plain), "3/adm,12[1,[2]]"),
            (Packet::ack("/adm", 12, binary), "62-/adm,12[1]"),
            (Packet::connect("/", None), "0"),
            (Packet::connect("/adm", Some("{}")), "0/adm,{}"),
            (Packet::connected(Revision::V5, "/adm", "s", None), r#"0/adm,{"sid":"s"}"#),
            (Packet::connected(Revision::V4, "/adm", "s", None), "0/adm,"),
            (Packet::connect_error(Revision::V5, "/adm", "no", None), r#"4/adm,{"message":"no"}"#),
            (Packet::connect_error(Revision::V4, "/", "no", None), r#"4"no""#),
            (Packet::disconnect("/"), "1"),
            (Packet::disconnect("/adm"), "1/adm,"),
        ] {
            assert_eq!(text(&packet), expected);
        }
    }

    #[test]
    fn a_buffer_with_room_is_not_moved() {
        let mut out = BytesMut::with_capacity(1_024);
        let place = out.as_ptr();
        Packet::event("/", "news", Args::new("1", 1, &[]), None).encode_text(&mut out);
        assert_eq!(out.as_ptr(), place);
    }
}
