//! Frames, right and wrong, to the byte.

/// One frame. Made by a client it is masked; what the server sends must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// FIN (0x80), RSV1 to RSV3 (0x40, 0x20, 0x10) and the opcode.
    pub first: u8,
    /// The mask; `None` is an error of a client's.
    pub mask: Option<[u8; 4]>,
    /// How the length is written.
    pub length: Length,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

/// How the length of a frame is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// As section 5.2 demands.
    Shortest,
    /// In 16 bits.
    Two,
    /// In 64 bits.
    Eight,
    /// This number in its shortest form, whatever the payload has.
    Claim(u64),
}

impl Frame {
    /// A masked frame.
    pub fn new(first: u8, payload: impl AsRef<[u8]>) -> Self {
        let payload = payload.as_ref().to_vec();
        Self { first, mask: Some([0x37, 0xfa, 0x21, 0x3d]), length: Length::Shortest, payload }
    }

    /// A whole text message.
    #[must_use]
    pub fn text_message(text: &str) -> Self {
        Self::new(0x81, text)
    }

    /// A whole binary message.
    #[must_use]
    pub fn binary_message(bytes: &[u8]) -> Self {
        Self::new(0x82, bytes)
    }

    /// A ping.
    #[must_use]
    pub fn ping(payload: &[u8]) -> Self {
        Self::new(0x89, payload)
    }

    /// A close with a code and a reason.
    #[must_use]
    pub fn close(code: u16, reason: &str) -> Self {
        Self::new(0x88, [&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// The same without a mask.
    #[must_use]
    pub fn unmasked(self) -> Self {
        Self { mask: None, ..self }
    }

    /// The same with this mask.
    #[must_use]
    pub fn masked(self, mask: [u8; 4]) -> Self {
        Self { mask: Some(mask), ..self }
    }

    /// The same with its length written so.
    #[must_use]
    pub fn with_length(self, length: Length) -> Self {
        Self { length, ..self }
    }

    /// FIN.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.first & 0x80 != 0
    }

    /// 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    /// The payload of a whole text message.
    ///
    /// # Panics
    /// If it is not one.
    #[track_caller]
    #[must_use]
    pub fn text(&self) -> &str {
        assert_eq!(self.first, 0x81, "no text message: {self:02x?}");
        str::from_utf8(&self.payload).expect("the server sends UTF-8")
    }

    /// The code of a close; `None` if it has none.
    ///
    /// # Panics
    /// If it is not one.
    #[track_caller]
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        assert_eq!(self.first, 0x88, "no close: {self:02x?}");
        self.payload.first_chunk().map(|code| u16::from_be_bytes(*code))
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let len = if let Length::Claim(claim) = self.length { claim } else { self.payload.len() as u64 };
        let mut bytes = vec![self.first];
        match (self.length, len) {
            (Length::Shortest | Length::Claim(_), 0..126) => bytes.push(masked | len as u8),
            (Length::Shortest | Length::Claim(_) | Length::Two, 0..0x1_0000) => {
                bytes.push(masked | 126);
                bytes.extend((len as u16).to_be_bytes());
            }
            _ => {
                bytes.push(masked | 127);
                bytes.extend(len.to_be_bytes());
            }
        }
        bytes.extend(self.mask.iter().flatten());
        let key = self.mask.unwrap_or_default();
        bytes.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }
}

/// The head of a frame that the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// FIN and the opcode.
    pub first: u8,
    /// Bytes of the head itself.
    pub length: usize,
    /// Bytes of the payload behind it.
    pub payload: usize,
}

impl Head {
    /// Reads it from the front of what came; `None` if it is not whole yet.
    ///
    /// # Errors
    /// The rule for servers that it breaks: masked, reserved bits or opcode, a length that is not the shortest, a control
    /// frame that is fragmented or long.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, String> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (first, second) = (*first, *second);
        let refuse = |why: &str| Err(format!("{why}: {first:02x} {second:02x}"));
        if second & 0x80 != 0 {
            return refuse("the server masked a frame");
        }
        if first & 0x70 != 0 {
            return refuse("the server set reserved bits");
        }
        if !matches!(first & 0x0f, 0..=2 | 8..=10) {
            return refuse("a reserved opcode");
        }
        if first & 0x08 != 0 && (first & 0x80 == 0 || second > 125) {
            return refuse("a bad control frame");
        }
        let (payload, length, shortest) = match (second, rest) {
            (0..126, _) => (u64::from(second), 2, 0..126),
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4, 126..65_536),
            (127, _) => match rest.first_chunk() {
                Some(length) => (u64::from_be_bytes(*length), 10, 65_536..1 << 63),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        if !shortest.contains(&payload) {
            return refuse(&format!("a length of {payload} that is not written in the shortest form"));
        }
        let payload = usize::try_from(payload).map_err(|_| format!("a frame of {payload} bytes"))?;
        Ok(Some(Self { first, length, payload }))
    }
}

/// Several frames in a row, as they go over the wire.
pub fn frames<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Vec<u8> {
    frames.into_iter().flat_map(Frame::bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_section_5_7() {
        assert_eq!(Frame::text_message("Hello").bytes(), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        assert_eq!(Frame::text_message("Hello").unmasked().bytes(), b"\x81\x05Hello");
        assert_eq!(Frame::binary_message(&[0; 256]).unmasked().bytes()[..4], *b"\x82\x7e\x01\x00");
        assert_eq!(Frame::binary_message(&[0; 65_536]).unmasked().bytes()[..10], *b"\x82\x7f\0\0\0\0\0\x01\0\0");
    }

    #[test]
    fn other_lengths() {
        let frame = Frame::new(0x82, "abc").unmasked();
        assert_eq!(frame.clone().with_length(Length::Two).bytes(), b"\x82\x7e\0\x03abc");
        assert_eq!(frame.clone().with_length(Length::Eight).bytes(), b"\x82\x7f\0\0\0\0\0\0\0\x03abc");
        assert_eq!(frame.with_length(Length::Claim(1 << 16)).bytes(), b"\x82\x7f\0\0\0\0\0\x01\0\0abc");
    }

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        for (payload, length) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let bytes = Frame::binary_message(&vec![0; payload]).unmasked().bytes();
            for cut in 0..length {
                assert_eq!(Head::parse(&bytes[..cut]), Ok(None), "{payload} bytes, cut at {cut}");
            }
            assert_eq!(Head::parse(&bytes), Ok(Some(Head { first: 0x82, length, payload })));
        }
    }

    #[test]
    fn heads_that_break_a_rule() {
        let bad: [&[u8]; 8] = [
            b"\x81\x80",
            b"\xc1\x00",
            b"\x83\x00",
            b"\x8b\x00",
            b"\x09\x00",
            b"\x89\x7e",
            b"\x81\x7e\x00\x7d",
            b"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
        ];
        for bytes in bad {
            assert!(Head::parse(bytes).is_err(), "{bytes:02x?}");
        }
    }
}
