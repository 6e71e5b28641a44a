//! The format as plainly as it can be read: with copies, one unit of text after the other.

use roomcast_socketio_protocol::engineio::{Data, Packet, PacketKind, Revision};

/// A packet's digit, and its text or its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plain {
    Text(char, String),
    Binary(Vec<u8>),
}

impl Plain {
    pub(crate) fn of(packet: &Packet<'_>) -> Self {
        match &packet.data {
            Data::Text(text) => Self::Text(packet.kind.digit().into(), (*text).to_owned()),
            Data::Binary(bytes) => {
                assert_eq!(packet.kind, PacketKind::Message);
                Self::Binary(bytes.to_vec())
            }
        }
    }
}

pub(crate) fn packet(revision: Revision, text: &str) -> Option<Plain> {
    let (kind, data) = (text.chars().next()?, text.chars().skip(1).collect::<String>());
    match (kind, revision) {
        ('0'..='6', _) => Some(Plain::Text(kind, data)),
        ('b', Revision::V4) => base64(&data).map(Plain::Binary),
        ('b', Revision::V3) => base64(data.strip_prefix('4')?).map(Plain::Binary),
        _ => None,
    }
}

pub(crate) fn binary_packet(revision: Revision, bytes: &[u8]) -> Option<Plain> {
    match revision {
        Revision::V4 => Some(Plain::Binary(bytes.to_vec())),
        Revision::V3 => bytes.strip_prefix(&[4]).map(|bytes| Plain::Binary(bytes.to_vec())),
    }
}

pub(crate) fn text_v4(input: &[u8], packets_max: usize) -> Option<Vec<Plain>> {
    let text = str::from_utf8(input).ok()?;
    let packets: Option<Vec<_>> = text.split('\x1e').map(|text| packet(Revision::V4, text)).collect();
    packets.filter(|packets| packets.len() <= packets_max)
}

pub(crate) fn text_v3(input: &[u8], packets_max: usize) -> Option<Vec<Plain>> {
    let units: Vec<u16> = str::from_utf8(input).ok()?.encode_utf16().collect();
    let (mut at, mut count, mut packets) = (0, 0, Vec::new());
    while at < units.len() || count == 0 {
        let colon = at + units[at..].iter().position(|unit| *unit == u16::from(b':'))?;
        let length = String::from_utf16(&units[at..colon]).ok()?;
        let length = number(length.chars().map(|digit| digit.to_digit(10)))?;
        at = colon + 1 + length;
        let text = String::from_utf16(units.get(colon + 1..at)?).ok()?;
        count += 1;
        if !text.is_empty() {
            packets.push(packet(Revision::V3, &text)?);
        }
    }
    (count <= packets_max).then_some(packets)
}

pub(crate) fn binary_v3(input: &[u8], packets_max: usize) -> Option<Vec<Plain>> {
    let (mut at, mut packets) = (0, Vec::new());
    while at < input.len() || packets.is_empty() {
        let marker = *input.get(at)?;
        let end = at + input[at..].iter().position(|byte| *byte == 255)?;
        let digits = input.get(at + 1..end)?.iter();
        let length = number(digits.map(|digit| (*digit <= 9).then_some(u32::from(*digit))))?;
        at = end + 1 + length;
        let bytes = input.get(end + 1..at)?;
        packets.push(match marker {
            0 => packet(Revision::V3, str::from_utf8(bytes).ok()?)?,
            1 => binary_packet(Revision::V3, bytes)?,
            _ => return None,
        });
    }
    Some(packets).filter(|packets| packets.len() <= packets_max)
}

/// A number of one to ten digits.
fn number(digits: impl Iterator<Item = Option<u32>>) -> Option<usize> {
    let digits: Vec<u32> = digits.collect::<Option<_>>()?;
    let number = digits.iter().fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(*digit)));
    if (1..=10).contains(&digits.len()) { usize::try_from(number).ok() } else { None }
}

/// Six bits a character; at most as much padding as there could be, and no bits left over.
fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let values: Vec<usize> = digits.chars().map(|digit| ALPHABET.find(digit)).collect::<Option<_>>()?;
    let bits: Vec<bool> = values.iter().flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1 == 1)).collect();
    let (bytes, rest) = bits.as_chunks::<8>();
    let is_whole = values.len() % 4 != 1 && rest.iter().all(|bit| !bit) && padding <= (4 - values.len() % 4) % 4;
    is_whole.then(|| bytes.iter().map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect())
}
