use rmp::encode;

use super::*;

fn decode(bytes: &[u8]) -> Result<Packet<'static>, DecodeError> {
    let limits =
        DecodeLimits { items_max: 40, packet_bytes_max: 200, namespace_bytes_max: 9, ..DecodeLimits::default() };
    decode_msgpack(bytes, Revision::V5, &limits)
}

/// A packet with these members; values are msgpack.
fn packet(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::write_map_len(&mut bytes, members.len() as u32).unwrap();
    for (key, value) in members {
        encode::write_str(&mut bytes, key).unwrap();
        bytes.extend_from_slice(value);
    }
    bytes
}

/// What is wrong with a packet that has this type and data.
fn error(kind: u8, data: &[u8]) -> DecodeError {
    decode(&packet(&[("nsp", b"\xa1/"), ("data", data), ("type", &[kind])])).unwrap_err()
}

#[test]
fn every_kind() {
    let args = || Args { json: r#"[1],"x""#.into(), count: 2, attachments: Cow::Borrowed(&[]) };
    let event = packet(&[
        ("type", b"\x02"),
        ("data", b"\x93\xa1e\x91\x01\xa1x"),
        ("options", b"\x81\xa8compress\xc3"),
        ("id", b"\xcd\x01\x00"),
        ("nsp", b"\xa2/a"),
    ]);
    assert_eq!(decode(&event), Ok(Packet::event("/a", "e", args(), Some(256))));
    let ack = packet(&[("nsp", b"\xa1/"), ("id", b"\x00"), ("data", b"\x92\x91\x01\xa1x"), ("type", b"\x03")]);
    assert_eq!(decode(&ack), Ok(Packet::ack("/", 0, args())));
    let undefined: &[u8] = b"\xd4\x00\x00";
    let connect = packet(&[("type", b"\x00"), ("data", undefined), ("nsp", b"\xa1/"), ("id", undefined)]);
    assert_eq!(decode(&connect), Ok(Packet::connect("/", None)));
    let connect = packet(&[("type", b"\x00"), ("data", b"\x81\xa1t\x01"), ("nsp", b"\xa1/")]);
    assert_eq!(decode(&connect), Ok(Packet::connect("/", Some(r#"{"t":1}"#))));
    assert_eq!(decode(&packet(&[("type", b"\x01"), ("nsp", b"\xa1/")])), Ok(Packet::disconnect("/")));
    let refused = packet(&[("type", b"\x04"), ("data", b"\xa2no"), ("nsp", b"\xa1/")]);
    assert_eq!(decode(&refused), Ok(Packet::connect_error(Revision::V4, "/", "no", None)));
}

#[test]
fn names_that_are_numbers() {
    for (name, text) in [(&b"\x07"[..], "7"), (b"\xff", "-1"), (b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5")] {
        let data = [b"\x91", name].concat();
        let event = packet(&[("type", b"\x02"), ("data", &data), ("nsp", b"\xa1/")]);
        assert_eq!(decode(&event), Ok(Packet::event("/", text, Args::default(), None)));
    }
}

#[test]
fn old_clients_have_a_query_in_the_name() {
    let bytes = packet(&[("type", b"\x00"), ("nsp", b"\xa6/a?t=1")]);
    let Body::Connect { query, .. } = decode_msgpack(&bytes, Revision::V4, &DecodeLimits::default()).unwrap().body
    else {
        panic!()
    };
    assert_eq!(query.as_deref(), Some("t=1"));
    assert_eq!(decode(&bytes).unwrap().namespace, "/a?t=1");
}

#[test]
fn every_rule() {
    assert_eq!(error(5, b"\x91\xa1e"), DecodeError::Type);
    assert_eq!(error(0, b"\x90"), DecodeError::ConnectPayload);
    assert_eq!(error(0, b"\xc0"), DecodeError::ConnectPayload);
    assert_eq!(error(0, b"\x81\xa1a\xc4\x00"), DecodeError::BinaryMisplaced);
    assert_eq!(error(1, b"\xc0"), DecodeError::DisconnectPayload);
    assert_eq!(error(2, b"\x80"), DecodeError::NoArray);
    assert_eq!(error(2, b"\x90"), DecodeError::EventNameMissing);
    assert_eq!(error(2, b"\x91\xc0"), DecodeError::EventName);
    assert_eq!(error(2, b"\x91\xc4\x00"), DecodeError::EventName);
    assert_eq!(error(2, b"\x91\xa7connect"), DecodeError::EventReserved("connect"));
    assert_eq!(error(3, b"\xa1x"), DecodeError::NoArray);
    assert_eq!(error(4, b"\x90"), DecodeError::ErrorPayload);
    assert_eq!(error(3, &[0x90].repeat(250)), DecodeError::TooLarge { max: 200 });
    let event: &[u8] = b"\x91\xa1e";
    for (members, expected) in [
        (&[("type", &b"\x02"[..]), ("nsp", b"\xa1/")][..], DecodeError::NoArray),
        (&[("type", b"\x02"), ("data", event)], DecodeError::MsgpackPacket),
        (&[("type", b"\x02"), ("data", event), ("nsp", b"\xa1a")], DecodeError::MsgpackPacket),
        (&[("type", b"\x02"), ("data", event), ("nsp", b"\xa4/a,b")], DecodeError::MsgpackPacket),
        (&[("type", b"\x02"), ("data", event), ("nsp", b"\x01")], DecodeError::MsgpackPacket),
        (&[("type", b"\x02"), ("data", event), ("nsp", b"\xaa/23456789a")], DecodeError::NamespaceTooLong { max: 9 }),
        (&[("type", b"\xff"), ("data", event), ("nsp", b"\xa1/")], DecodeError::Type),
        (&[("type", b"\xa12"), ("data", event), ("nsp", b"\xa1/")], DecodeError::Type),
        (&[("data", event), ("nsp", b"\xa1/")], DecodeError::Type),
        (&[("type", b"\x02"), ("data", event), ("nsp", b"\xa1/"), ("id", b"\xff")], DecodeError::AckId),
        (&[("type", b"\x02"), ("data", event), ("nsp", b"\xa1/"), ("id", b"\xa11")], DecodeError::AckId),
        (&[("type", b"\x02"), ("data", &[0x90; 100]), ("nsp", b"\xa1/")], DecodeError::MsgpackPacket),
    ] {
        let result = decode(&packet(members));
        assert!(result == Err(expected) || members[1].1.len() == 100, "{members:?}: {result:?}");
    }
    assert_eq!(decode(b"\x91\x00"), Err(DecodeError::MsgpackPacket));
    assert_eq!(decode(b""), Err(DecodeError::Msgpack { at: 0 }));
    assert_eq!(decode(b"\xdf\xff\xff\xff\xff"), Err(DecodeError::Msgpack { at: 5 }));
    let whole = packet(&[("type", b"\x01"), ("nsp", b"\xa1/")]);
    assert_eq!(decode(&[&whole[..], b"\xc0"].concat()), Err(DecodeError::Msgpack { at: whole.len() }));
}

#[test]
fn values_are_counted_wherever_they_stand() {
    let max = 40;
    let ignored = [b"\xdc\x00\x30".to_vec(), vec![0; 48]].concat();
    let bytes = packet(&[("type", b"\x01"), ("nsp", b"\xa1/"), ("options", &ignored)]);
    assert_eq!(decode(&bytes), Err(DecodeError::TooManyItems { max }));
}
