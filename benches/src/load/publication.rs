//! The room protocol as text: requests to send, deliveries to recognise.
//!
//! Every publication carries a number of eight digits in front of its filler. A delivery is compared
//! whole: the event and the filler byte by byte, and the number with the one that is due.

use super::{
    Fault,
    wire::{TEXT, put_frame},
};

/// Digits of a publication's number.
const DIGITS: usize = 8;
/// What comes before the data of a delivery: CONTRACT fixes keys, order and compactness.
const DELIVERY_HEAD: &[u8] = br#"{"event":"message","data":""#;
const HELLO_HEAD: &[u8] = br#"{"event":"hello","data":{"id":""#;
const REPLY_HEAD: &[u8] = br#"{"reply":"#;

/// The name of room `number`; all names are equally long, so that all requests are.
pub(crate) fn room_name(number: u32) -> String {
    format!("room-{number:04}")
}

/// Appends a frame that asks to join room `number`.
pub(crate) fn put_join(out: &mut Vec<u8>, number: u32) {
    let text = format!(r#"{{"id":{number},"op":"join","room":"{}"}}"#, room_name(number));
    put_frame(out, TEXT, text.as_bytes());
}

/// Whether `text` greets a new connection.
pub(crate) fn is_hello(text: &[u8]) -> bool {
    text.starts_with(HELLO_HEAD)
}

/// Checks that `text` is a reply that grants a request.
///
/// # Errors
/// [`Fault::Text`] if it is anything else, a refusal for example.
pub(crate) fn check_granted(text: &[u8]) -> Result<(), Fault> {
    let granted = text.strip_prefix(REPLY_HEAD).is_some_and(|rest| {
        let id = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
        rest[id..].starts_with(br#","ok":true"#)
    });
    if granted { Ok(()) } else { Err(unexpected(text)) }
}

/// A [`Fault::Text`] that quotes the beginning of `text`.
#[cold]
pub(crate) fn unexpected(text: &[u8]) -> Fault {
    Fault::Text(String::from_utf8_lossy(&text[..text.len().min(120)]).into_owned())
}

/// Publications with data of one size: makes the requests, recognises the deliveries.
#[derive(Debug)]
pub(crate) struct Publication {
    request: Vec<u8>,
    room_at: usize,
    number_at: usize,
    delivery: Vec<u8>,
}

impl Publication {
    /// Publications whose data is a string of `bytes` characters, at least the eight of the number.
    pub(crate) fn new(bytes: usize) -> Self {
        let filler = "x".repeat(bytes.saturating_sub(DIGITS));
        let before = format!(r#"{{"op":"broadcast","rooms":["{}"],"data":""#, room_name(0));
        let text = format!(r#"{before}{:08}{filler}"}}"#, 0);
        let mut request = Vec::new();
        put_frame(&mut request, TEXT, text.as_bytes());
        let head = request.len() - text.len();
        let number_at = head + before.len();
        let room_at = number_at - br#"0000"],"data":""#.len();
        let mut delivery = DELIVERY_HEAD.to_vec();
        delivery.extend_from_slice(format!(r#"{:08}{filler}"}}"#, 0).as_bytes());
        Self { request, room_at, number_at, delivery }
    }

    /// Appends the request to publish message `number` to room `room`.
    pub(crate) fn put_request(&self, out: &mut Vec<u8>, room: u32, number: u32) {
        let start = out.len();
        out.extend_from_slice(&self.request);
        put_digits(&mut out[start + self.room_at..][..4], room);
        put_digits(&mut out[start + self.number_at..][..DIGITS], number);
    }

    /// The text of delivery `number`, which is also what echo workloads send.
    pub(crate) fn put_delivery(&self, out: &mut Vec<u8>, number: u32) {
        let start = out.len();
        out.extend_from_slice(&self.delivery);
        put_digits(&mut out[start + DELIVERY_HEAD.len()..][..DIGITS], number);
    }

    /// The number of the delivery `text`, or `None` if `text` is not a delivery of this publication.
    #[inline]
    pub(crate) fn number(&self, text: &[u8]) -> Option<u32> {
        const TAIL: usize = DELIVERY_HEAD.len() + DIGITS;
        if text.len() != self.delivery.len()
            || !text.starts_with(DELIVERY_HEAD)
            || text[TAIL..] != self.delivery[TAIL..]
        {
            return None;
        }
        text[DELIVERY_HEAD.len()..].first_chunk().and_then(|digits| parse_digits(*digits))
    }
}

fn put_digits(out: &mut [u8], mut number: u32) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Eight decimal digits as a number. All digits at once, because a flood parses 50 million numbers a
/// second: neighbours are combined into pairs, fours and eights by three multiplications.
#[inline]
fn parse_digits(digits: [u8; DIGITS]) -> Option<u32> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    let text = u64::from_le_bytes(digits);
    // A byte is a digit if its high half is 3, also after adding 6 (which carries from 0x3A on).
    if text & HIGH != ZEROS || text.wrapping_add(0x0606_0606_0606_0606) & HIGH != ZEROS {
        return None;
    }
    let ones = text - ZEROS;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32);
    Some(eight as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_back() {
        for number in [0, 1, 9, 10, 99, 12_345_678, 90_000_001, 99_999_999] {
            let mut digits = [0; DIGITS];
            put_digits(&mut digits, number);
            assert_eq!(parse_digits(digits), Some(number));
        }
        for bad in [b"0000000:", b"/0000000", b"00 00000", b"0000\xB0000"] {
            assert_eq!(parse_digits(*bad), None);
        }
    }

    #[test]
    fn a_request_is_the_contracts() {
        let mut frame = Vec::new();
        Publication::new(12).put_request(&mut frame, 37, 1_234);
        let text = &frame[6..];
        assert_eq!(String::from_utf8_lossy(text), r#"{"op":"broadcast","rooms":["room-0037"],"data":"00001234xxxx"}"#);
        assert_eq!(usize::from(frame[1] & 0x7F), text.len());
    }

    #[test]
    fn a_delivery_is_compared_whole() {
        let publication = Publication::new(64);
        let mut text = Vec::new();
        publication.put_delivery(&mut text, 77);
        assert_eq!(publication.number(&text), Some(77));
        for at in 0..text.len() {
            let mut damaged = text.clone();
            damaged[at] ^= 0x40;
            assert_ne!(publication.number(&damaged), Some(77), "byte {at} is not looked at");
        }
        assert_eq!(publication.number(&text[..text.len() - 1]), None);
    }

    #[test]
    fn a_refusal_is_not_a_grant() {
        for granted in [&br#"{"reply":null,"ok":true}"#[..], br#"{"reply":7,"ok":true,"socket":"a"}"#] {
            assert!(check_granted(granted).is_ok());
        }
        for other in [&br#"{"reply":null,"ok":false,"error":"no"}"#[..], br#"{"event":"message","data":1}"#, b""] {
            assert!(check_granted(other).is_err());
        }
    }
}
