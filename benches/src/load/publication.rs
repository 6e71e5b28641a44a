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
/// The first digit of the number a virtual request is answered under; those of the publication follow.
const ANSWER_DIGIT: &str = "1";
/// What comes before the data of a delivery. Key order and compactness are fixed.
const ROOMS_HEAD: &[u8; 27] = br#"{"event":"message","data":""#;
const SIO_HEAD: &[u8; 14] = br#"42["message",""#;

/// Publications with data of one size: makes the requests, recognises the deliveries.
#[derive(Debug)]
pub(crate) struct Publication {
    head: Head,
    request: Request,
    delivery: Vec<u8>,
}

/// How deliveries begin.
#[derive(Debug, Clone, Copy)]
enum Head {
    Rooms,
    Sio,
}

/// A request's frame, and where it names the room and has the publication's number.
#[derive(Debug)]
struct Request {
    frame: Vec<u8>,
    room_at: usize,
    numbers_at: Vec<usize>,
}

/// What a request is made of.
#[derive(Debug, Clone, Copy)]
enum Part {
    Text(&'static str),
    /// The number by which an answer says what it answers.
    Number,
    Room,
    Data,
}

impl Publication {
    /// Publications whose data is a string of `bytes` characters, at least the eight of the number.
    pub(crate) fn new(dialect: Dialect, bytes: usize) -> Self {
        use Part::{Data, Number, Room, Text};
        let data = format!("{:08}{}", 0, "x".repeat(bytes.saturating_sub(DIGITS)));
        let (head, request): (_, &[Part]) = match dialect {
            Dialect::Rooms | Dialect::Echo => (
                Head::Rooms,
                &[Text(r#"{"op":"broadcast","rooms":[""#), Room, Text(r#""],"data":""#), Data, Text("\"}")],
            ),
            Dialect::Sio | Dialect::Sio3 | Dialect::SioPolling => {
                (Head::Sio, &[Text(r#"42["publish",""#), Room, Text(r#"",""#), Data, Text("\"]")])
            }
            Dialect::Sails => (
                Head::Sio,
                &[
                    Text("42"),
                    Text(ANSWER_DIGIT),
                    Number,
                    Text(r#"["post",{"method":"post","headers":{},"data":{"data":""#),
                    Data,
                    Text(r#""},"url":"/rooms/"#),
                    Room,
                    Text(r#"/messages"}]"#),
                ],
            ),
        };
        let delivery = [head.before(), data.as_bytes(), head.after()].concat();
        Self { head, request: Request::new(request, &data), delivery }
    }

    /// Appends a frame with the request to publish message `number` to room `room`.
    pub(crate) fn put_request(&self, out: &mut Vec<u8>, room: u32, number: u32) {
        let start = out.len();
        out.extend_from_slice(&self.request.frame);
        put_digits(&mut out[start + self.request.room_at..][..ROOM_DIGITS], room);
        for at in &self.request.numbers_at {
            put_digits(&mut out[start + at..][..DIGITS], number);
        }
    }

    /// The number that a virtual request for publication `number` is answered under.
    pub(crate) fn answer_number(number: u32) -> u32 {
        100_000_000 + number
    }

    /// Appends the text of delivery `number`, which is also what echo workloads send.
    pub(crate) fn put_delivery(&self, out: &mut Vec<u8>, number: u32) {
        let start = out.len();
        out.extend_from_slice(&self.delivery);
        put_digits(&mut out[start + self.head.before().len()..][..DIGITS], number);
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
    fn before(self) -> &'static [u8] {
        match self {
            Self::Rooms => ROOMS_HEAD,
            Self::Sio => SIO_HEAD,
        }
    }

    fn after(self) -> &'static [u8] {
        match self {
            Self::Rooms => b"\"}",
            Self::Sio => b"\"]",
        }
    }
}

impl Request {
    fn new(parts: &[Part], data: &str) -> Self {
        let (mut text, mut room_at, mut numbers_at) = (String::new(), 0, Vec::new());
        for part in parts {
            match part {
                Part::Text(some) => text.push_str(some),
                Part::Number => {
                    numbers_at.push(text.len());
                    text.push_str(&data[..DIGITS]);
                }
                Part::Room => {
                    text.push_str(&room_name(0));
                    room_at = text.len() - ROOM_DIGITS;
                }
                Part::Data => {
                    numbers_at.push(text.len());
                    text.push_str(data);
                }
            }
        }
        let mut frame = Vec::new();
        put_frame(&mut frame, TEXT, text.as_bytes());
        let head = frame.len() - text.len();
        Self { frame, room_at: head + room_at, numbers_at: numbers_at.into_iter().map(|at| head + at).collect() }
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
    use super::{super::virtual_request, *};

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
    fn a_virtual_request_says_what_is_published_twice() {
        let mut frame = Vec::new();
        Publication::new(Dialect::Sails, 12).put_request(&mut frame, 37, 1_234);
        let number = Publication::answer_number(1_234);
        let data = r#"{"data":"00001234xxxx"}"#;
        let request = virtual_request::request(number, "post", "/rooms/room-0037/messages", data);
        assert_eq!(String::from_utf8_lossy(&frame[frame.len() - request.len()..]), request);
    }

    #[test]
    fn a_delivery_is_compared_whole() {
        for dialect in [Dialect::Rooms, Dialect::Sio, Dialect::Sio3, Dialect::SioPolling, Dialect::Sails] {
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
