//! Packets and payloads: generated ones written and read, damaged ones read as a plain reading does.

pub(crate) mod check;
pub(crate) mod naive;

use proptest::{collection::vec, prelude::*};
use roomcast_socketio_protocol::engineio::{Data, Packet, PacketKind, Payload, PayloadLimits, Revision};
use std::borrow::Cow;

/// A packet with its own data.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) kind: PacketKind,
    pub(crate) data: Result<String, Vec<u8>>,
}

impl Made {
    pub(crate) fn packet(&self) -> Packet<'_> {
        let data = match &self.data {
            Ok(text) => Data::Text(text),
            Err(bytes) => Data::Binary(Cow::Borrowed(bytes)),
        };
        Packet { kind: self.kind, data }
    }
}

pub(crate) fn packets(made: &[Made]) -> Vec<Packet<'_>> {
    made.iter().map(Made::packet).collect()
}

/// Text of all lengths of characters, with what the formats use themselves, without U+001E.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[ -~]{0,12}",
        2 => prop::sample::select(vec!["é", "€", "\u{ffff}", "💩", "\u{10ffff}", "\u{2028}", "\0", "\\n", "\\\\n", "\"", "1:", "b4"])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(|char| char.to_string().replace('\x1e', "")),
        1 => (0..300usize).prop_map(|length| "x".repeat(length)),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

pub(crate) fn any_packets(most: usize) -> impl Strategy<Value = Vec<Made>> {
    let kind = prop::sample::select(vec![
        PacketKind::Open,
        PacketKind::Close,
        PacketKind::Ping,
        PacketKind::Pong,
        PacketKind::Upgrade,
        PacketKind::Noop,
    ]);
    let text = any_text().prop_map(|text| Made { kind: PacketKind::Message, data: Ok(text) });
    let binary = vec(any::<u8>(), 0..200).prop_map(|bytes| Made { kind: PacketKind::Message, data: Err(bytes) });
    let other = (kind, "[a-z]{0,5}").prop_map(|(kind, text)| Made { kind, data: Ok(text) });
    vec(prop_oneof![5 => text, 3 => binary, 2 => other], 1..most)
}

/// Bytes that are close to a payload.
pub(crate) fn near_payload() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"4a"[..],
        b"\x1e",
        b"2:",
        b"3:",
        b"0:",
        b"10:",
        b"9999999999:",
        b"00000000002:",
        b"4\xe2\x82\xac",
        b"4\xf0\x9f\x92\xa9",
        b"b",
        b"b4",
        b"AQ==",
        b"AQ=",
        b"AQ",
        b"A",
        b"AR==",
        b"AQID",
        b"_-",
        b"\x00\x01\xff",
        b"\x00\x02\xff",
        b"\x01\x02\xff\x04",
        b"\x01\x01\xff",
        b"\x00\x01\x00\xff",
        b"\x00\x0a\xff",
        b"\xff",
        b"\x04",
        b"6",
        b"7",
        b":",
        b"d=",
        b"&",
        b"%5Cn",
        b"+",
        b"\\n",
        b"\\\\n",
        b"\n",
    ]);
    vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(made in any_packets(30)) {
        for revision in [Revision::V3, Revision::V4] {
            check::check_writing(revision, &packets(&made));
        }
    }

    #[test]
    fn anything_is_read_as_a_plain_reading_does(input in near_payload()) {
        check::check(Revision::V3, &input);
        check::check(Revision::V4, &input);
    }
}

#[test]
fn text_and_bytes_are_borrowed() {
    let limits = PayloadLimits::default();
    for body in ["4hello\x1e4€", "4hello"] {
        let payload = Payload::text(Revision::V4, body.as_bytes(), &limits).unwrap();
        assert!(payload.map(Result::unwrap).all(|packet| borrows_from(&packet, body.as_bytes())));
    }
    let body = b"\x00\x02\xff4a\x01\x03\xff\x04\x01\x02";
    let payload = Payload::binary(Revision::V3, body, &limits).unwrap();
    assert!(payload.map(Result::unwrap).all(|packet| borrows_from(&packet, body)));
}

/// Whether a packet's data borrows from this.
fn borrows_from(packet: &Packet<'_>, from: &[u8]) -> bool {
    let data = packet.data.as_bytes();
    data.is_empty() || from.as_ptr_range().contains(&data.as_ptr())
}

/// A body of the greatest size, of each shape that costs the most, is read in time that no quadratic reading has.
#[test]
fn reading_is_linear() {
    let size = 4_000_000;
    let limits = PayloadLimits { bytes_max: usize::MAX, packets_max: usize::MAX };
    let one = format!("{}:4{}", size, "é".repeat(size - 1));
    for (revision, body) in [
        (Revision::V4, "\x1e".repeat(size)),
        (Revision::V4, "4\x1e".repeat(size / 2)),
        (Revision::V3, "1:4".repeat(size / 3)),
        (Revision::V3, "2:4é".repeat(size / 5)),
        (Revision::V3, "0:".repeat(size / 2)),
        (Revision::V3, one),
        (Revision::V3, "9".repeat(size)),
    ] {
        let started = std::time::Instant::now();
        let count = Payload::text(revision, body.as_bytes(), &limits).unwrap().count();
        // 4 MB by a quadratic reading are 10^13 steps; by ours some 10 ms, and a busy machine is allowed to be slow.
        assert!(started.elapsed().as_secs() < 60, "{count} packets");
    }
}
