//! A message that arrives in several frames (section 5.4): the only thing a reader keeps on the heap.
//!
//! Text is kept as a `String`, so that every byte is validated once, when its frame is there, however many frames
//! there are; a character cut by a frame's end waits in `pending`.

use crate::{Input, Kind, ReadError};

/// The frames so far.
#[derive(Debug)]
pub(crate) struct Fragments {
    /// Frames so far; never 0 once one was pushed.
    pub(crate) count: u32,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Text { text: String, pending: Pending },
    Binary(Vec<u8>),
}

impl Fragments {
    pub(crate) fn new(kind: Kind) -> Self {
        let data = match kind {
            Kind::Text => Data::Text { text: String::new(), pending: Pending::default() },
            Kind::Binary => Data::Binary(Vec::new()),
        };
        Self { count: 0, data }
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        match &self.data {
            Data::Text { text, pending } => text.len() + pending.len(),
            Data::Binary(bytes) => bytes.len(),
        }
    }

    /// Adds the unmasked payload of a frame; fails as soon as the bytes so far cannot become UTF-8.
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), ReadError> {
        self.count += 1;
        match &mut self.data {
            Data::Text { text, pending } => push_text(text, pending, payload),
            Data::Binary(bytes) => {
                bytes.extend_from_slice(payload);
                Ok(())
            }
        }
    }

    /// The whole message; fails if its last character is incomplete.
    pub(crate) fn message(&self) -> Result<Input<'_>, ReadError> {
        match &self.data {
            Data::Text { pending, .. } if pending.len() > 0 => Err(ReadError::NotUtf8),
            Data::Text { text, .. } => Ok(Input::Text(text)),
            Data::Binary(bytes) => Ok(Input::Binary(bytes)),
        }
    }
}

/// The first 1 to 3 bytes of a character whose rest has not arrived, or nothing.
#[derive(Debug, Default)]
struct Pending {
    bytes: [u8; 4],
    len: u8,
}

impl Pending {
    fn len(&self) -> usize {
        usize::from(self.len)
    }

    fn set(&mut self, start: &[u8]) {
        for (to, &from) in self.bytes.iter_mut().zip(start) {
            *to = from;
        }
        self.len = start.len().min(3) as u8;
    }

    /// Takes one more byte; the character once it is complete.
    fn push(&mut self, byte: u8) -> Result<Option<char>, ReadError> {
        self.bytes[self.len() & 3] = byte;
        self.len += 1;
        match str::from_utf8(&self.bytes[..self.len()]) {
            Ok(text) => {
                self.len = 0;
                Ok(text.chars().next())
            }
            Err(error) if error.error_len().is_none() => Ok(None),
            Err(_) => Err(ReadError::NotUtf8),
        }
    }
}

fn push_text(text: &mut String, pending: &mut Pending, mut payload: &[u8]) -> Result<(), ReadError> {
    while pending.len() > 0
        && let Some((&byte, rest)) = payload.split_first()
    {
        payload = rest;
        text.extend(pending.push(byte)?);
    }
    match str::from_utf8(payload) {
        Ok(valid) => text.push_str(valid),
        Err(error) if error.error_len().is_none() => {
            let (valid, start) = payload.split_at(error.valid_up_to());
            text.push_str(str::from_utf8(valid).map_err(|_| ReadError::NotUtf8)?);
            pending.set(start);
        }
        Err(_) => return Err(ReadError::NotUtf8),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(pieces: &[&[u8]]) -> Result<String, ReadError> {
        let mut fragments = Fragments::new(Kind::Text);
        for piece in pieces {
            fragments.push(piece)?;
        }
        assert_eq!(fragments.len(), pieces.concat().len());
        match fragments.message()? {
            Input::Text(text) => Ok(text.to_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn characters_of_every_length_cut_at_every_two_places() {
        let text = "a\u{7f}é\u{7ff}€\u{ffff}\u{10000}\u{10ffff}z";
        let bytes = text.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(text_of(&pieces).as_deref(), Ok(text), "{first}, {second}");
            }
        }
        assert_eq!(text_of(&bytes.chunks(1).collect::<Vec<_>>()).as_deref(), Ok(text));
    }

    /// Every byte sequence of up to 3 bytes from the interesting classes, in one piece and byte by byte.
    #[test]
    fn cut_text_is_valid_exactly_when_whole_text_is() {
        let classes = [
            0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xee, 0xef,
            0xf0, 0xf1, 0xf4, 0xf5, 0xff,
        ];
        for a in classes {
            for b in classes {
                for c in classes {
                    for d in [0x80, 0x41] {
                        let bytes = [a, b, c, d];
                        let cut = text_of(&bytes.chunks(1).collect::<Vec<_>>());
                        assert_eq!(cut.is_ok(), str::from_utf8(&bytes).is_ok(), "{bytes:x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_bad_byte_fails_in_the_fragment_that_brings_it() {
        let mut fragments = Fragments::new(Kind::Text);
        assert_eq!(fragments.push(b"\xf4"), Ok(()));
        assert_eq!(fragments.push(b"\x90"), Err(ReadError::NotUtf8)); // above U+10FFFF whatever follows
    }

    #[test]
    fn text_that_ends_within_a_character_is_refused() {
        assert_eq!(text_of(&[b"ok\xe2", b"\x82"]), Err(ReadError::NotUtf8));
    }
}
