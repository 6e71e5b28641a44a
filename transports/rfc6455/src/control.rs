//! Control frames from the server: ping, pong, close (section 5.5).

use crate::{CloseCode, close::may_be_sent};
use std::{fmt, ops::Deref};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, OpCode};

/// The most bytes the payload of a control frame can have.
const PAYLOAD_MAX: usize = 125;

/// A whole control frame, unmasked, on the stack: at most 127 bytes. Use it as the `&[u8]` to send.
///
/// A payload that does not fit into a control frame is cut; what a [`Reader`](crate::Reader) hands out always fits.
#[derive(Clone, Copy)]
pub struct ControlFrame {
    bytes: [u8; 2 + PAYLOAD_MAX],
    len: u8,
}

impl ControlFrame {
    /// A ping that the peer answers with the same first 125 bytes of `payload` (section 5.5.2).
    #[must_use]
    pub fn ping(payload: &[u8]) -> Self {
        Self::new(Control::Ping, &[payload])
    }

    /// The answer to a ping with this payload (section 5.5.3).
    #[must_use]
    pub fn pong(payload: &[u8]) -> Self {
        Self::new(Control::Pong, &[payload])
    }

    /// A close with a code and a reason, of which the first 123 bytes go out, cut at a character (section 5.5.1).
    ///
    /// Without a code there is no reason either. A code that must not be sent (1005, 1006, 1015 and the unassigned
    /// ones) is left out too.
    #[must_use]
    pub fn close(code: Option<CloseCode>, reason: &str) -> Self {
        match code.filter(|code| may_be_sent(*code)) {
            None => Self::new(Control::Close, &[]),
            Some(code) => {
                let reason = &reason[..reason.floor_char_boundary(PAYLOAD_MAX - 2)];
                Self::new(Control::Close, &[&u16::from(code).to_be_bytes(), reason.as_bytes()])
            }
        }
    }

    fn new(control: Control, parts: &[&[u8]]) -> Self {
        let mut frame = Self { bytes: [0; 2 + PAYLOAD_MAX], len: 2 };
        for part in parts {
            let free = &mut frame.bytes[usize::from(frame.len)..];
            let fits = part.len().min(free.len());
            free[..fits].copy_from_slice(&part[..fits]);
            frame.len += fits as u8;
        }
        frame.bytes[0] = 0x80 | u8::from(OpCode::Control(control));
        frame.bytes[1] = frame.len - 2;
        frame
    }
}

impl Deref for ControlFrame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for ControlFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ControlFrame").field(&&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_section_5_7() {
        assert_eq!(&ControlFrame::ping(b"Hello")[..], b"\x89\x05Hello");
        assert_eq!(&ControlFrame::pong(b"Hello")[..], b"\x8a\x05Hello");
        assert_eq!(&ControlFrame::pong(b"")[..], b"\x8a\x00");
        assert_eq!(format!("{:?}", ControlFrame::pong(b"A")), "ControlFrame([138, 1, 65])");
    }

    #[test]
    fn close_with_and_without_code() {
        assert_eq!(&ControlFrame::close(None, "not sent")[..], b"\x88\x00");
        assert_eq!(&ControlFrame::close(Some(CloseCode::Normal), "")[..], b"\x88\x02\x03\xe8");
        assert_eq!(&ControlFrame::close(Some(CloseCode::Size), "too big")[..], b"\x88\x09\x03\xf1too big");
        assert_eq!(&ControlFrame::close(Some(CloseCode::from(1014)), "")[..], b"\x88\x02\x03\xf6");
        assert_eq!(&ControlFrame::close(Some(CloseCode::Abnormal), "never")[..], b"\x88\x00");
    }

    #[test]
    fn payloads_are_cut_to_what_fits() {
        assert_eq!(&ControlFrame::pong(&[7; 125])[..2], b"\x8a\x7d");
        let long = ControlFrame::ping(&[7; 300]);
        assert_eq!((long.len(), long[1]), (127, 125));
        let close = ControlFrame::close(Some(CloseCode::Normal), &"é".repeat(100));
        assert_eq!((close.len(), close[1]), (2 + 2 + 122, 124));
        assert_eq!(str::from_utf8(&close[4..]), Ok("é".repeat(61).as_str()));
    }
}
