//! The documented examples, what is refused, and bodies built and read again.

use super::*;
use crate::engineio::{Data, Framing, Jsonp, PacketError, PacketKind, Revision::*};
use bytes::BytesMut;
use std::convert::Infallible;

const LIMITS: PayloadLimits = PayloadLimits { bytes_max: 1_000_000, packets_max: 10_000 };

fn read_text(revision: Revision, body: &str) -> Result<Vec<Packet<'_>>, PayloadError> {
    Payload::text(revision, body.as_bytes(), &LIMITS)?.collect()
}

fn read_binary(body: &[u8]) -> Result<Vec<Packet<'_>>, PayloadError> {
    Payload::binary(V3, body, &LIMITS)?.collect()
}

fn built(framing: Framing, packets: &[Packet<'_>]) -> Body {
    let mut builder = PayloadBuilder::new(framing, None, BodyLimits::default());
    assert!(packets.iter().all(|packet| builder.push(packet)));
    builder.finish()
}

#[test]
fn examples_of_the_protocol() {
    let packets = [Packet::message("hello"), Packet::new(PacketKind::Ping, ""), Packet::message("€\u{1f4a9}")];
    for (revision, body) in [(V4, "4hello\x1e2\x1e4€💩"), (V3, "6:4hello1:24:4€💩")] {
        assert_eq!(read_text(revision, body).as_deref(), Ok(&packets[..]));
        let built = built(Framing::new(revision), &packets);
        assert_eq!((&built.bytes[..], built.content_type), (body.as_bytes(), "text/plain; charset=UTF-8"));
    }
}

#[test]
fn binary_in_text() {
    let packets = [Packet::message("a"), Packet::binary(&[1, 2, 3, 4])];
    for (revision, body) in [(V4, "4a\x1ebAQIDBA=="), (V3, "2:4a10:b4AQIDBA==")] {
        assert_eq!(read_text(revision, body).as_deref(), Ok(&packets[..]));
        assert_eq!(&built(Framing { revision, base64: true }, &packets).bytes[..], body.as_bytes());
    }
}

#[test]
fn binary_payloads() {
    let packets = [Packet::message("€"), Packet::binary(&[1, 2, 3]), Packet::new(PacketKind::Pong, "")];
    let body = b"\x00\x04\xff4\xe2\x82\xac\x01\x04\xff\x04\x01\x02\x03\x00\x01\xff3";
    assert_eq!(read_binary(body).as_deref(), Ok(&packets[..]));
    let made = built(Framing::new(V3), &packets);
    assert_eq!((&made.bytes[..], made.content_type), (&body[..], "application/octet-stream"));
    let long = [7; 1_234];
    let made = built(Framing::new(V3), &[Packet::binary(&long)]);
    assert_eq!(&made.bytes[..7], b"\x01\x01\x02\x03\x05\xff\x04");
    assert_eq!(Payload::binary(V4, body, &LIMITS).err(), Some(PayloadError::OctetStream));
}

#[test]
fn what_was_read_before_an_error_is_good_and_nothing_follows() {
    let mut payload = Payload::text(V4, b"4a\x1eabc\x1e4b", &LIMITS).unwrap();
    assert_eq!(payload.next(), Some(Ok(Packet::message("a"))));
    assert_eq!(payload.next(), Some(Err(PayloadError::Packet(PacketError::UnknownKind(b'a')))));
    assert_eq!(payload.next(), None);
}

#[test]
fn damaged_text() {
    use PayloadError::*;
    for body in ["", "4a\x1e", "\x1e4a", "abc"] {
        assert!(read_text(V4, body).is_err(), "{body:?}");
    }
    for (body, error) in [
        ("", Empty),
        ("abc", Length),
        (":4a", Length),
        ("2", Length),
        ("2;4a", Length),
        ("-1:4", Length),
        (" 2:4a", Length),
        ("2.0:4a", Length),
        ("1e1:4a", Length),
        ("12345678901:4a", Length),
        ("3:4a", Truncated),
        ("9999999999:4a", Truncated),
        ("2:4💩", Truncated),
        ("2:4a3:4b", Truncated),
        ("1:71:2", Packet(PacketError::UnknownKind(b'7'))),
        ("4:4a€1:2", Length), // by bytes instead of units the 1 would be the packet's
    ] {
        assert_eq!(read_text(V3, body), Err(error), "{body:?}");
    }
    assert_eq!(Payload::text(V4, b"4\xff", &LIMITS).err(), Some(NotUtf8));
}

#[test]
fn damaged_bytes() {
    use PayloadError::*;
    for (body, error) in [
        (&b""[..], Empty),
        (b"\x02\x01\xff4", Marker(2)),
        (b"\x00", Length),
        (b"\x00\xff4", Length),
        (b"\x00\x0a\xff4", Length),
        (b"\x00\x01", Length),
        (b"\x00\0\0\0\0\0\0\0\0\0\0\x01\xff4", Length),
        (b"\x00\x02\xff4", Truncated),
        (b"\x01\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff\x04", Truncated),
        (b"\x00\x00\xff", Packet(PacketError::Empty)),
        (b"\x01\x01\xff\x09", Packet(PacketError::UnknownKind(9))),
        (b"\x00\x02\xff4\xff", NotUtf8),
    ] {
        assert_eq!(read_binary(body), Err(error), "{body:?}");
    }
}

#[test]
fn empty_packets_of_revision_3_mean_nothing_and_count() {
    assert_eq!(read_text(V3, "0:"), Ok(vec![]));
    assert_eq!(read_text(V3, "0:1:20:00:"), Ok(vec![Packet::new(PacketKind::Ping, "")]));
    let many = "0:".repeat(10_001);
    assert_eq!(read_text(V3, &many), Err(PayloadError::TooManyPackets { max: 10_000 }));
    assert_eq!(&built(Framing::new(V3), &[]).bytes[..], b"0:");
}

#[test]
fn limits_hold_exactly() {
    let of = |packets: usize| vec!["4"; packets].join("\x1e");
    assert_eq!(read_text(V4, &of(10_000)).map(|packets| packets.len()), Ok(10_000));
    let body = of(10_001);
    let read: Vec<_> = Payload::text(V4, body.as_bytes(), &LIMITS).unwrap().collect();
    assert_eq!(read.len(), 10_001);
    assert_eq!(read.last(), Some(&Err(PayloadError::TooManyPackets { max: 10_000 })));
    let body = format!("4{}", "x".repeat(999_999));
    assert!(read_text(V4, &body).is_ok());
    let body = body + "x";
    assert_eq!(read_text(V4, &body), Err(PayloadError::TooLarge { bytes: 1_000_001, max: 1_000_000 }));
}

#[test]
fn a_body_ends_at_its_limits_and_takes_whole_records() {
    let mut records = BytesMut::new();
    for i in 0..40 {
        let (kind, data) =
            if i % 3 == 0 { (DataKind::Binary, vec![i]) } else { (DataKind::Text, vec![b'a'; i.into()]) };
        let body = |out: &mut BytesMut| {
            out.extend_from_slice(&data);
            Ok::<_, Infallible>(())
        };
        append_record(&mut records, kind, body).unwrap();
    }
    let mut rest = &records[..];
    let mut bodies = Vec::new();
    while !rest.is_empty() {
        let mut builder = PayloadBuilder::new(Framing::new(V4), None, BodyLimits { packets_max: 16, bytes_max: 400 });
        let used = builder.push_records(rest);
        assert!(used > 0 && builder.packets() <= 16);
        rest = &rest[used..];
        bodies.push(builder.finish());
    }
    let all: Vec<Packet<'_>> =
        bodies.iter().flat_map(|body| Payload::text(V4, &body.bytes, &LIMITS).unwrap().map(Result::unwrap)).collect();
    assert_eq!(all.len(), 40);
    assert!((0..40).all(|i| match &all[i].data {
        Data::Binary(bytes) => i % 3 == 0 && bytes[..] == [i as u8],
        Data::Text(text) => i % 3 != 0 && text.len() == i,
    }));
}

#[test]
fn a_large_message_goes_alone() {
    let large = "x".repeat(5_000);
    let mut builder = PayloadBuilder::new(Framing::new(V4), None, BodyLimits { packets_max: 16, bytes_max: 1_000 });
    assert!(builder.push(&Packet::message(&large)));
    assert!(!builder.push(&Packet::message("a")));
    assert_eq!((builder.packets(), builder.finish().bytes.len()), (1, 5_001));
}

#[test]
fn jsonp_is_a_script_of_text() {
    let mut builder = PayloadBuilder::new(Framing::new(V3), Jsonp::parse("3"), BodyLimits::default());
    assert!(builder.push(&Packet::message("\"")) && builder.push(&Packet::binary(&[1])));
    let body = builder.finish();
    assert_eq!(body.content_type, "text/javascript; charset=UTF-8");
    assert_eq!(&body.bytes[..], br#"___eio[3]("2:4\"6:b4AQ==");"#);
}
