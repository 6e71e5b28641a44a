//! What must hold for any bytes of a client, also under fuzzing: they are read as a plain reading of the format's table
//! does, and what was read can be written and read again, in every framing.

use roomcast_socketio_protocol::engineio::{
    BodyLimits, DataKind, Framing, Jsonp, Packet, PacketError, PacketKind, Payload, PayloadBuilder, PayloadError,
    PayloadLimits, Records, Revision, append_record, parse_form,
};

use super::naive::{self, Plain};

const LIMITS: PayloadLimits = PayloadLimits { bytes_max: 100_000, packets_max: 40 };

/// As the content of a frame, and as a payload: of text and, in revision 3, of bytes, or as a form.
pub(crate) fn check(revision: Revision, input: &[u8]) {
    check_frames(revision, input);
    let text = Payload::text(revision, input, &LIMITS);
    let binary = Payload::binary(revision, input, &LIMITS);
    if revision == Revision::V4 {
        compare(text, naive::text_v4(input, LIMITS.packets_max).as_deref(), revision);
        return assert!(binary.is_err());
    }
    compare(text, naive::text_v3(input, LIMITS.packets_max).as_deref(), revision);
    compare(binary, naive::binary_v3(input, LIMITS.packets_max).as_deref(), revision);
    check_form(input);
}

/// Writes packets in every framing and reads them again.
pub(crate) fn check_writing(revision: Revision, packets: &[Packet<'_>]) {
    for base64 in [false, true] {
        let framing = Framing { revision, base64 };
        let mut builder = PayloadBuilder::new(framing, None, BodyLimits { packets_max: 1_000, bytes_max: usize::MAX });
        for packet in packets {
            assert!(builder.push(packet));
            check_frame(framing, packet);
        }
        assert_eq!(builder.packets(), packets.len());
        let body = builder.finish();
        let has_binary = packets.iter().any(|packet| packet.data.is_binary());
        let is_binary = revision == Revision::V3 && has_binary && !base64;
        let limits = PayloadLimits { bytes_max: usize::MAX, packets_max: 1_000 };
        let read = match body.content_type {
            "application/octet-stream" => Payload::binary(revision, &body.bytes, &limits),
            _ => Payload::text(revision, &body.bytes, &limits),
        };
        assert_eq!(body.content_type == "application/octet-stream", is_binary);
        if packets.is_empty() && revision == Revision::V4 {
            assert_eq!(read.err(), Some(PayloadError::Empty));
        } else {
            assert_eq!(read.unwrap().collect::<Result<Vec<_>, _>>().as_deref(), Ok(packets));
        }
    }
    check_script(revision, packets);
    check_records(revision, packets);
}

fn check_frame(framing: Framing, packet: &Packet<'_>) {
    let mut frame = bytes::BytesMut::new();
    packet.append_frame(framing, &mut frame);
    let read = match framing.is_binary_frame(packet) {
        true => Packet::parse_binary(framing.revision, &frame),
        false => Packet::parse(framing.revision, str::from_utf8(&frame).unwrap()),
    };
    assert_eq!(read.as_ref(), Ok(packet));
}

/// A script is the payload as a string of JSON, and so one of JavaScript.
fn check_script(revision: Revision, packets: &[Packet<'_>]) {
    let limits = BodyLimits { packets_max: 1_000, bytes_max: usize::MAX };
    let build = |framing, jsonp| {
        let mut builder = PayloadBuilder::new(framing, jsonp, limits);
        packets.iter().for_each(|packet| assert!(builder.push(packet)));
        builder.finish()
    };
    let text = build(Framing { revision, base64: true }, None);
    let script = build(Framing::new(revision), Jsonp::parse("12"));
    let script = str::from_utf8(&script.bytes).unwrap();
    assert!(!script.contains(['\u{2028}', '\u{2029}', '\n']));
    let quoted = script.strip_prefix("___eio[12](").unwrap().strip_suffix(");").unwrap();
    assert_eq!(serde_json::from_str::<String>(quoted).unwrap().as_bytes(), &text.bytes);
}

/// Records give the same body as packets.
fn check_records(revision: Revision, packets: &[Packet<'_>]) {
    let messages = || packets.iter().filter(|packet| packet.kind == PacketKind::Message);
    let mut records = bytes::BytesMut::new();
    for packet in messages() {
        let kind = if packet.data.is_binary() { DataKind::Binary } else { DataKind::Text };
        let body = |out: &mut bytes::BytesMut| {
            out.extend_from_slice(packet.data.as_bytes());
            Ok::<_, PacketError>(())
        };
        append_record(&mut records, kind, body).unwrap();
    }
    assert!(Records::new(&records).map(|(_, data)| data).eq(messages().map(|packet| packet.data.as_bytes())));
    let limits = BodyLimits { packets_max: 1_000, bytes_max: usize::MAX };
    let mut by_records = PayloadBuilder::new(Framing::new(revision), None, limits);
    assert_eq!(by_records.push_records(&records), records.len());
    let mut by_packets = PayloadBuilder::new(Framing::new(revision), None, limits);
    messages().for_each(|packet| assert!(by_packets.push(packet)));
    assert_eq!(by_records.finish(), by_packets.finish());
}

fn compare(read: Result<Payload<'_>, PayloadError>, plain: Option<&[Plain]>, revision: Revision) {
    let read = read.and_then(|payload| payload.collect::<Result<Vec<_>, _>>());
    let shown = read.as_ref().ok().map(|packets| packets.iter().map(Plain::of).collect::<Vec<_>>());
    assert_eq!(shown.as_deref(), plain, "{read:?}");
    if let Ok(packets) = read {
        check_writing(revision, &packets);
    }
}

fn check_frames(revision: Revision, input: &[u8]) {
    let binary = Packet::parse_binary(revision, input);
    assert_eq!(binary.ok().as_ref().map(Plain::of), naive::binary_packet(revision, input));
    if let Ok(text) = str::from_utf8(input) {
        let packet = Packet::parse(revision, text);
        assert_eq!(packet.ok().as_ref().map(Plain::of), naive::packet(revision, text));
    }
}

/// Forms never fail but for want of the field, and what a client submits comes back.
fn check_form(input: &[u8]) {
    let _ = parse_form(input);
    // The client's escaping makes one of these two, so they cannot both come back. JSON has no line feeds.
    if let Ok(text) = str::from_utf8(input)
        && !text.contains("\\\n")
    {
        let escaped = text.replace("\\n", "\\\n").replace('\n', "\\n");
        let form: String = escaped.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(parse_form(format!("d={form}").as_bytes()).as_deref(), Ok(text));
    }
}
