//! What must hold for any input. The fuzz targets feed it too.

use bytes::BytesMut;
use roomcast_socketio_protocol::socketio::{
    Args, Body, DecodeError, DecodeLimits, Decoder, MsgpackEncodeError, Packet, Revision, decode_msgpack,
};

use crate::model::{self, Plain, Verdict};

/// Bytes as a client's messages: the first chooses the revision, 0xff ends a message, 0xfe in front makes one binary.
pub(crate) fn check_text(input: &[u8]) {
    let Some((&first, rest)) = input.split_first() else { return };
    let revision = if first & 1 == 0 { Revision::V5 } else { Revision::V4 };
    let messages: Vec<Result<String, Vec<u8>>> = rest.split(|&byte| byte == 0xff).map(message).collect();
    let (packets, outcome) = read(revision, &messages);
    let (expected, verdict) = model::read(revision, &messages);
    if verdict != Verdict::Beyond {
        let ours = match outcome {
            Ok(true) => Verdict::Waiting,
            Ok(false) => Verdict::Good,
            Err(_) => Verdict::Bad,
        };
        let plain: Vec<_> = packets.iter().filter_map(Plain::of).collect();
        assert_eq!((plain, ours), (expected, verdict), "{messages:?}: {outcome:?}");
    }
    for packet in packets {
        check_packet(&packet);
    }
}

/// Bytes as a message of a client that uses msgpack.
pub(crate) fn check_msgpack(input: &[u8]) {
    let Ok(packet) = decode_msgpack(input, Revision::V5, &DecodeLimits::default()) else { return };
    if let Body::Event { args, .. } | Body::Ack { args, .. } = &packet.body {
        check_args(args);
    }
    check_packet(&packet);
}

fn message(bytes: &[u8]) -> Result<String, Vec<u8>> {
    match bytes.split_first() {
        Some((0xfe, rest)) => Err(rest.to_vec()),
        _ => String::from_utf8(bytes.to_vec()).map_err(|_| bytes.to_vec()),
    }
}

/// The packets up to the first error, and whether attachments are missing.
pub(crate) fn read(
    revision: Revision,
    messages: &[Result<String, Vec<u8>>],
) -> (Vec<Packet<'static>>, Result<bool, DecodeError>) {
    let (mut decoder, limits) = (Decoder::new(revision), DecodeLimits::default());
    let mut packets = Vec::new();
    for message in messages {
        let result = match message {
            Ok(text) => decoder.handle_text(text, &limits).map(|packet| packet.map(Packet::into_owned)),
            Err(bytes) => decoder.handle_binary(bytes, &limits),
        };
        match result {
            Ok(packet) => packets.extend(packet),
            Err(error) => {
                assert_eq!((decoder.missing_attachments(), decoder.waiting_bytes()), (0, 0), "{error}");
                return (packets, Err(error));
            }
        }
    }
    assert_eq!(decoder.missing_attachments() > 0, decoder.waiting_bytes() > 0);
    (packets, Ok(decoder.missing_attachments() > 0))
}

/// Whatever we took we can write, and read again as the same.
pub(crate) fn check_packet(packet: &Packet<'_>) {
    let packet = without_query(packet.clone());
    let mut text = BytesMut::new();
    packet.encode_text(&mut text);
    let text = String::from_utf8(text.to_vec()).expect("text is UTF-8");
    let messages: Vec<_> =
        std::iter::once(Ok(text)).chain(packet.attachments().iter().map(|bytes| Err(bytes.to_vec()))).collect();
    assert_eq!(read(Revision::V5, &messages), (vec![packet.clone()], Ok(false)));
    check_as_msgpack(&packet);
}

/// The same by way of msgpack. Numbers may be written otherwise then, and an attachment that is named often has grown.
fn check_as_msgpack(packet: &Packet<'_>) {
    let limits = DecodeLimits::default();
    let Some(once) = through_msgpack(packet, &limits) else { return };
    if let Some(before) = Plain::of(packet) {
        assert_eq!(Some(before), Plain::of(&once));
    }
    assert_eq!(through_msgpack(&once, &limits).as_ref(), Some(&once), "the second time nothing changes");
}

fn through_msgpack(packet: &Packet<'_>, limits: &DecodeLimits) -> Option<Packet<'static>> {
    let mut bytes = BytesMut::new();
    match packet.encode_msgpack(1_000_000, &mut bytes) {
        Ok(()) => {}
        Err(MsgpackEncodeError::TooLarge) => return None,
        Err(error) => panic!("{error}: {packet:?}"),
    }
    match decode_msgpack(&bytes, Revision::V5, limits) {
        Ok(packet) => Some(packet),
        // More than ten placeholders; or of two members `_placeholder` the first is true.
        Err(DecodeError::TooManyAttachments { .. } | DecodeError::PlaceholderForged)
            if !packet.attachments().is_empty() =>
        {
            None
        }
        // Data of an old client's CONNECT_ERROR may be absent, here it may not.
        Err(DecodeError::ErrorPayload) if matches!(packet.body, Body::ConnectError { data: None }) => None,
        Err(error) => panic!("{error}: {packet:?} as {bytes:x?}"),
    }
}

fn without_query(mut packet: Packet<'_>) -> Packet<'_> {
    if let Body::Connect { query, .. } = &mut packet.body {
        *query = None;
    }
    packet
}

/// Arguments that were made here: JSON, and a placeholder for each attachment in its order.
fn check_args(args: &Args<'_>) {
    let array = format!("[{}]", args.json);
    let values: Vec<&serde_json::value::RawValue> = serde_json::from_str(&array).expect("arguments are JSON");
    assert_eq!(values.len(), args.count, "{array}");
    let count = args.attachments.len();
    if count > 0 {
        let placeholders = args.json.match_indices("{\"_placeholder\":true,\"num\":");
        let numbers: Vec<usize> = placeholders
            .filter_map(|(at, head)| args.json[at + head.len()..].split('}').next()?.parse().ok())
            .collect();
        assert!((0..count).all(|num| numbers.contains(&num)), "{}", args.json);
    }
}
