//! Publications as text: requests to send, deliveries to recognise.
//!
//! Every publication carries a number of eight digits in front of its filler. A delivery is compared
//! whole: the event and the filler byte by byte, and the number with the one that is due.

use super::{
    Dialect,
    dialect::room_name,
    wire::{TEXT, put_frame},
};

/// Digits of a publication's number.
const DIGITS: usize = 8;
/// Digits of a room's number, at the end of its name.
const ROOM_DIGITS: usize = 4;
/// What comes before the data of a delivery. Key order and compactness are fixed.
const ROOMS_HEAD: &[u8; 27] = br#"{"event":"message","data":""#;
const SIO_HEAD: &[u8; 14] = br#"42["message",""#;

/// Publications with data of one size: makes the requests, recognises the deliveries.
#[derive(Debug)]
pub(crate) struct Publication {
    head: Head,
    request: Vec<u8>,
    room_at: usize,
    number_at: usize,
    delivery: Vec<u8>,
}

/// How deliveries begin.
#[derive(Debug, Clone, Copy)]
enum Head {
    Rooms,
    Sio,
}

impl Publication {
    /// Publications whose data is a string of `bytes` characters, at least the eight of the number.
    pub(crate) fn new(dialect: Dialect, bytes: usize) -> Self {
        let (head, [before_room, before_data, end]) = match dialect {
            Dialect::Rooms | Dialect::Echo => {
                (Head::Rooms, [r#"{"op":"broadcast","rooms":[""#, r#""],"data":""#, "\"}"])
            }
            Dialect::Sio | Dialect::Sio3 | Dialect::SioPolling => (Head::Sio, [r#"42["publish",""#, r#"",""#, "\"]"]),
        };
        let data = format!("{:08}{}", 0, "x".repeat(bytes.saturating_sub(DIGITS)));
        let (room_from, room) = (before_room.len(), room_name(0));
        let number_from = room_from + room.len() + before_data.len();
        let text = format!("{before_room}{room}{before_data}{data}{end}");
        let mut request = Vec::new();
        put_frame(&mut request, TEXT, text.as_bytes());
        let frame_head = request.len() - text.len();
        Self {
            head,
            request,
            room_at: frame_head + room_from + room.len() - ROOM_DIGITS,
            number_at: frame_head + number_from,
            delivery: [head.bytes(), data.as_bytes(), end.as_bytes()].concat(),
        }
    }

    /// Appends a frame with the request to publish message `number` to room `room`.
    pub(crate) fn put_request(&self, out: &mut Vec<u8>, room: u32, number: u32) {
        let start = out.len();
        out.extend_from_slice(&self.request);
        put_digits(&mut out[start + self.room_at..][..ROOM_DIGITS], room);
        put_digits(&mut out[start + self.number_at..][..DIGITS], number);
    }

    /// Appends the text of delivery `number`, which is also what echo workloads send.
    pub(crate) fn put_delivery(&self, out: &mut Vec<u8>, number: u32) {
        let start = out.len();
        out.extend_from_slice(&self.delivery);
        put_digits(&mut out[start + self.head.bytes().len()..][..DIGITS], number);
    }

    /// The number of the delivery `text`, or `None` if `text` is not a delivery of this publication.
    #[inline]
    pub(crate) fn number(&self, text: &[u8]) -> Option<u32> {
        // Each arm compares a head of its own, fixed length, which takes no call.
        match self.head {
            Head::Rooms => number_after(ROOMS_HEAD, text, &self.delivery),
            Head::Sio => number_after(SIO_HEAD, text, &self.delivery),
        }
    }
}

impl Head {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Rooms => ROOMS_HEAD,
            Self::Sio => SIO_HEAD,
        }
    }
}

/// The number in `text`, if that is `delivery` but for the number.
#[inline]
fn number_after<const HEAD: usize>(head: &[u8; HEAD], text: &[u8], delivery: &[u8]) -> Option<u32> {
    let tail = HEAD + DIGITS;
    if text.len() != delivery.len() || !text.starts_with(head) || text[tail..] != delivery[tail..] {
        return None;
    }
    text[HEAD..].first_chunk().and_then(|digits| parse_digits(*digits))
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
    fn a_request_is_what_the_server_understands() {
        let requests = [
            (Dialect::Rooms, r#"{"op":"broadcast","rooms":["room-0037"],"data":"00001234xxxx"}"#),
            (Dialect::Sio, r#"42["publish","room-0037","00001234xxxx"]"#),
        ];
        for (dialect, request) in requests {
            let mut frame = Vec::new();
            Publication::new(dialect, 12).put_request(&mut frame, 37, 1_234);
            let text = &frame[6..];
            assert_eq!(String::from_utf8_lossy(text), request);
            assert_eq!(usize::from(frame[1] & 0x7F), text.len());
        }
    }

    #[test]
    fn a_delivery_is_compared_whole() {
        for dialect in [Dialect::Rooms, Dialect::Sio, Dialect::Sio3, Dialect::SioPolling] {
            let publication = Publication::new(dialect, 64);
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
    }

    #[test]
    fn deliveries_are_the_events_of_their_dialect() {
        let deliveries = [
            (Dialect::Rooms, r#"{"event":"message","data":"00000005xx"}"#),
            (Dialect::Sio, r#"42["message","00000005xx"]"#),
        ];
        for (dialect, delivery) in deliveries {
            let mut text = Vec::new();
            Publication::new(dialect, 10).put_delivery(&mut text, 5);
            assert_eq!(String::from_utf8_lossy(&text), delivery);
        }
    }
}
