use bytes::Bytes;

use super::*;
use crate::socketio::packet::Revision;

fn encoded(packet: &Packet<'_>) -> Result<Vec<u8>> {
    let mut out = BytesMut::from("before");
    let result = packet.encode_msgpack(200, &mut out);
    let written = out.strip_prefix(b"before").unwrap().to_vec();
    assert!(result.is_ok() || written.is_empty(), "{result:?} and {written:x?}");
    result.map(|()| written)
}

/// The arguments of an event, as they are written behind its name.
fn args(json: &str, attachments: &[Bytes]) -> Result<Vec<u8>> {
    let head = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data";
    let written = encoded(&Packet::event("/", "e", Args::new(json, 0, attachments), None))?;
    let array = written.strip_prefix(head).unwrap();
    assert!((0x91..0x9f).contains(&array[0]));
    Ok(array[1..].strip_prefix(b"\xa1e").unwrap().to_vec())
}

#[test]
fn every_kind() {
    let two = Args::new("1,[]", 2, &[]);
    for (packet, expected) in [
        (Packet::connect("/a", Some(r#"{"t":1}"#)), &b"\x83\xa4type\x00\xa3nsp\xa2/a\xa4data\x81\xa1t\x01"[..]),
        (Packet::connect("/", None), b"\x82\xa4type\x00\xa3nsp\xa1/"),
        (Packet::disconnect("/"), b"\x82\xa4type\x01\xa3nsp\xa1/"),
        (
            Packet::event("/", "e", two.clone(), Some(300)),
            b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\xcd\x01\x2c\xa4data\x93\xa1e\x01\x90",
        ),
        (Packet::ack("/", 0, two), b"\x84\xa4type\x03\xa3nsp\xa1/\xa2id\x00\xa4data\x92\x01\x90"),
        (Packet::connect_error(Revision::V4, "/", "no", None), b"\x83\xa4type\x04\xa3nsp\xa1/\xa4data\xa2no"),
    ] {
        assert_eq!(encoded(&packet).as_deref(), Ok(expected), "{packet:?}");
    }
}

#[test]
fn values() {
    for (json, expected) in [
        ("", &b""[..]),
        ("null,true,false", b"\xc0\xc3\xc2"),
        ("0,127,128,-1,-33", b"\x00\x7f\xcc\x80\xff\xd0\xdf"),
        ("18446744073709551615", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("-9223372036854775808", b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
        ("1.0,1e2,-0.0,-3e0", b"\x01\x64\x00\xfd"),
        ("1.5", b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
        ("1e400", b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"),
        ("\"a\\u00e4\\n\\ud800\"", b"\xa7a\xc3\xa4\n\xef\xbf\xbd"),
        (" { \"a\" : [ { } , 1 ] } ", b"\x81\xa1a\x92\x80\x01"),
    ] {
        assert_eq!(args(json, &[]).as_deref(), Ok(expected), "{json}");
    }
}

#[test]
fn headers_of_every_length() {
    for len in [15, 16, 17, 65_535, 65_536] {
        let json = format!("[1,[{}],2]", vec!["7"; len].join(","));
        let mut out = BytesMut::new();
        Packet::ack("/", 0, Args::new(&json, 1, &[])).encode_msgpack(usize::MAX / 2, &mut out).unwrap();
        let mut expected = b"\x84\xa4type\x03\xa3nsp\xa1/\xa2id\x00\xa4data\x91\x93\x01".to_vec();
        encode::write_array_len(&mut expected, len as u32).unwrap();
        expected.extend(vec![7; len]);
        expected.push(2);
        assert!(out == expected, "{len}");
    }
    let members: Vec<String> = (0..20).map(|n| format!("\"{n}\":{n}")).collect();
    assert!(args(&format!("{{{}}}", members.join(",")), &[]).unwrap().starts_with(b"\xde\x00\x14\xa10\x00"));
}

#[test]
fn attachments_stand_where_they_belong() {
    let attachments = [Bytes::from_static(b"x"), Bytes::new()];
    let json = r#"{"a":{"_placeholder":true,"num":0}},[{"num":1,"_placeholder":true},0]"#;
    assert_eq!(args(json, &attachments).as_deref(), Ok(&b"\x81\xa1a\xc4\x01x\x92\xc4\x00\x00"[..]));
    let alike = r#"{"_placeholder":true,"num":0}"#;
    assert_eq!(args(alike, &[]).as_deref(), Ok(&b"\x82\xac_placeholder\xc3\xa3num\x00"[..]));
    for json in [r#"{"_placeholder":true,"num":2}"#, r#"{"_placeholder":true}"#] {
        assert_eq!(args(json, &attachments), Err(MsgpackEncodeError::PlaceholderNowhere));
    }
}

#[test]
fn an_attachment_with_many_placeholders_does_not_grow_without_bound() {
    let attachments = [Bytes::from(vec![0; 100])];
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    assert!(args(placeholder, &attachments).is_ok());
    assert_eq!(args(&[placeholder; 3].join(","), &attachments), Err(MsgpackEncodeError::TooLarge));
}

#[test]
fn what_is_no_json_is_written_nowhere() {
    for (json, error) in [
        ("[1", MsgpackEncodeError::Json { at: 2 }),
        ("1]", MsgpackEncodeError::Json { at: 1 }),
        ("{\"a\"}", MsgpackEncodeError::Json { at: 4 }),
        (&"[".repeat(100), MsgpackEncodeError::TooDeep),
    ] {
        assert_eq!(args(json, &[]), Err(error));
    }
}
