//! Packets of msgpack against socket.io-msgpack-parser: it reads what we write and we what it writes, and both refuse the same,
//! but for what is named here.

use std::collections::BTreeMap;

use bytes::BytesMut;
use roomcast_socketio_protocol::socketio::{Body, DecodeError, DecodeLimits, Packet, Revision, decode_msgpack};
use serde_json::{Value, json};

use crate::generate::{self, Message, samples, to_json, unhex};
use crate::mutate::{mutate, mutations};
use crate::node;

/// Where the parser takes what we refuse, and mean it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meant {
    /// It does not look at the names of events; the rules of the default parser hold for both here.
    Names,
    /// It takes any text as a namespace, also what the default parser cannot express.
    Namespace,
    /// It takes negative ids, and floats that are whole.
    AckId,
    /// It takes types that are floats.
    Type,
    /// It replaces what is not UTF-8.
    Utf8,
    /// It takes any value as a key and makes a string of it.
    Key,
    /// It has no limits.
    Limit,
    /// It takes binary in what a client authenticates with.
    BinaryMisplaced,
    /// It has no placeholders, so nothing to confuse with one.
    PlaceholderForged,
}

const EVERY: [Meant; 9] = [
    Meant::Names,
    Meant::Namespace,
    Meant::AckId,
    Meant::Type,
    Meant::Utf8,
    Meant::Key,
    Meant::Limit,
    Meant::BinaryMisplaced,
    Meant::PlaceholderForged,
];

/// Why the two may differ in what we refuse, if they may.
fn meant(error: DecodeError) -> Option<Meant> {
    Some(match error {
        DecodeError::EventName | DecodeError::EventNameMissing | DecodeError::EventReserved(_) => Meant::Names,
        DecodeError::MsgpackPacket | DecodeError::NamespaceTooLong { .. } => Meant::Namespace,
        DecodeError::AckId => Meant::AckId,
        DecodeError::Type => Meant::Type,
        DecodeError::NotUtf8 { .. } => Meant::Utf8,
        DecodeError::MapKey { .. } => Meant::Key,
        DecodeError::TooDeep | DecodeError::TooManyAttachments { .. } | DecodeError::TooManyItems { .. } => {
            Meant::Limit
        }
        DecodeError::BinaryMisplaced => Meant::BinaryMisplaced,
        DecodeError::PlaceholderForged => Meant::PlaceholderForged,
        _ => return None,
    })
}

fn decode(bytes: &[u8]) -> Result<Packet<'static>, DecodeError> {
    decode_msgpack(bytes, Revision::V5, &DecodeLimits::default())
}

fn encode(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    packet.encode_msgpack(1_000_000, &mut bytes).unwrap();
    bytes.to_vec()
}

/// Compares how both read the messages; how often both took, both refused, and differed on purpose.
fn compare(cases: &[Vec<u8>]) -> (usize, usize, BTreeMap<Meant, usize>) {
    let outcomes: Vec<_> = cases.iter().map(|bytes| decode(bytes)).collect();
    let questions: Vec<Value> = cases.iter().zip(&outcomes).map(|(bytes, ours)| question(bytes, ours)).collect();
    let (mut accepted, mut refused, mut differences) = (0, 0, BTreeMap::new());
    for ((bytes, ours), theirs) in cases.iter().zip(&outcomes).zip(node::ask(&questions)) {
        let reason = ours.as_ref().err().and_then(|error| meant(*error));
        match (ours, theirs["accepts"] == true, reason) {
            (Ok(_), true, _) if theirs["same"] == true => accepted += 1,
            (Err(_), false, _) => refused += 1,
            (Err(_), true, Some(meant)) => *differences.entry(meant).or_default() += 1,
            _ => panic!("{}\n  ours: {ours:?}\ntheirs: {theirs}", generate::hex(bytes)),
        }
    }
    (accepted, refused, differences)
}

fn question(bytes: &[u8], ours: &Result<Packet<'static>, DecodeError>) -> Value {
    let ours = ours.as_ref().ok().map(|packet| json!({ "packets": [to_json(packet)], "waiting": false }));
    json!({ "do": "decode", "parser": "msgpack", "messages": [Message::Binary(bytes.to_vec()).to_json()], "ours": ours })
}

/// A packet of which one member is given as bytes.
fn with(type_byte: &[u8], nsp: &[u8], id: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x84];
    for (key, value) in [("type", type_byte), ("nsp", nsp), ("id", id), ("data", data)] {
        bytes.push(0xa0 | key.len() as u8);
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

const UNDEFINED: &[u8] = b"\xd4\x00\x00";

/// An event with this value as its argument.
fn event(value: &[u8]) -> Vec<u8> {
    with(b"\x02", b"\xa1/", UNDEFINED, &[b"\x92\xa1e", value].concat())
}

pub(crate) fn known_differences() -> Vec<Vec<u8>> {
    let deep = [vec![0x91; 65], vec![0xc0]].concat();
    vec![
        with(b"\x02", b"\xa1/", UNDEFINED, b"\x90"),
        with(b"\x02", b"\xa1/", UNDEFINED, b"\x91\xc0"),
        with(b"\x02", b"\xa1/", UNDEFINED, b"\x91\xa7connect"),
        with(b"\x01", b"\xa1a", UNDEFINED, UNDEFINED),
        with(b"\x01", b"\xa3/,a", UNDEFINED, UNDEFINED),
        with(b"\x03", b"\xa1/", b"\xff", b"\x90"),
        with(b"\x03", b"\xa1/", b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", b"\x90"),
        with(b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", b"\xa1/", UNDEFINED, UNDEFINED),
        with(b"\x00", b"\xa1/", UNDEFINED, b"\x81\xa1a\xc4\x01x"),
        event(b"\xa1\xff"),
        event(b"\x81\xc0\x01"),
        event(&deep),
        event(&[&[0x9b][..], &[0xc4, 0].repeat(11)].concat()),
        event(b"\x92\x82\xac_placeholder\xc3\xa3num\x00\xc4\x01x"),
    ]
}

/// Values that JSON has not, and forms that our encoder does not use.
pub(crate) fn edges() -> Vec<Vec<u8>> {
    let values: [&[u8]; 34] = [
        UNDEFINED,
        b"\x92\xd4\x00\x00\x01",
        b"\x82\xa1a\xd4\x00\x00\xa1b\x01",
        b"\xd7\x00\x00\x00\x01\x8d\xf4\x0f\x9d\x15",
        b"\xd7\x00\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x00",
        b"\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x01",
        b"\xd7\x00\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xd7\x05\x00\x01\x02\x03\x04\x05\x06\x07",
        b"\xd4\x07x",
        b"\xd5\x00xy",
        b"\xd6\xffwxyz",
        b"\xd8\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
        b"\xc7\x00\x00",
        b"\xc7\x03\x00abc",
        b"\xc7\x01\x00x",
        b"\xc7\x03\x09abc",
        b"\xc8\x00\x01\x00x",
        b"\xc9\x00\x00\x00\x01\x80x",
        b"\xc5\x00\x01x",
        b"\xc6\x00\x00\x00\x01x",
        b"\xca\x3f\xc0\x00\x00",
        b"\xca\x3d\xcc\xcc\xcd",
        b"\xca\x7f\x80\x00\x00",
        b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\xcb\x80\x00\x00\x00\x00\x00\x00\x00",
        b"\xcb\x7e\x37\xe4\x3c\x88\x00\x75\x9c",
        b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01",
        b"\xd3\x80\x00\x00\x00\x00\x00\x00\x01",
        b"\xd3\xff\xff\xff\xff\x00\x00\x00\x00",
        b"\xdd\x00\x00\x00\x01\xdb\x00\x00\x00\x01a",
        b"\xdf\x00\x00\x00\x02\x07\x01\xfe\x02",
        b"\x82\xa1a\x01\xa1a\x02",
    ];
    let mut cases: Vec<Vec<u8>> = values.iter().map(|&value| event(value)).collect();
    for data in [&b"\x80"[..], b"\x81\xa1a\x01", b"\x90", b"\xc0", b"\xa1a", b"\x01", UNDEFINED] {
        cases.extend((0..6).map(|kind| with(&[kind], b"\xa1/", b"\x07", data)));
    }
    cases.extend([b"\xff", b"\xc0", b"\xc3"].map(|kind| with(kind, b"\xa1/", UNDEFINED, UNDEFINED)));
    cases.extend([b"\xc0", b"\x01", b"\x90"].map(|nsp| with(b"\x01", nsp, UNDEFINED, UNDEFINED)));
    cases.extend([b"\xc0", b"\xc3", b"\x90"].map(|id| with(b"\x03", b"\xa1/", id, b"\x90")));
    cases.push(with(b"\x02", b"\xa1/", UNDEFINED, b"\x92\x05\x06"));
    cases.push(with(b"\x02", b"\xa1/", UNDEFINED, b"\x91\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"));
    cases
}

#[test]
fn packets_are_read_as_socket_io_msgpack_parser_reads_them() {
    let mut cases = [edges(), known_differences()].concat();
    cases.extend(samples(&generate::packet(Revision::V5), 2_000).iter().map(encode));
    let both = (generate::packet(Revision::V5), mutations());
    let mutated = samples(&both, 12_000).into_iter().filter_map(|(packet, done)| {
        match mutate(vec![Message::Binary(encode(&packet))], &done).into_iter().next() {
            // notepack.io reserves and fills whatever an ext 32 claims to have, up to 4 GiB.
            Some(Message::Binary(bytes)) if !bytes.contains(&0xc9) => Some(bytes),
            _ => None,
        }
    });
    cases.extend(mutated);
    let (accepted, refused, differences) = compare(&cases);
    println!("both took {accepted}, both refused {refused}, {differences:?}");
    assert!(accepted > 2_000 && refused > 4_000, "of {}", cases.len());
    for meant in EVERY {
        assert!(differences.contains_key(&meant), "{meant:?} does not happen any longer: strike it off the list");
    }
}

#[test]
fn packets_of_socket_io_msgpack_parser_say_what_was_given_to_it() {
    let packets = samples(&generate::packet(Revision::V5), 4_000);
    let question = |packet| json!({ "do": "encode", "parser": "msgpack", "packet": to_json(packet) });
    let questions: Vec<Value> = packets.iter().map(question).collect();
    for (packet, answer) in packets.iter().zip(node::ask(&questions)) {
        let bytes = unhex(answer[0]["binary"].as_str().unwrap());
        let ours = decode(&bytes).unwrap();
        assert_eq!(&ours, packet);
        assert!(
            matches!(ours.body, Body::Connect { .. }) || encode(&ours).len() == bytes.len(),
            "no form is longer than theirs"
        );
    }
}
