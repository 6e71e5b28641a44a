//! Strings of JSON: where they end, what they say, and how one is written (RFC 8259, section 7).

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// A string as it stands in JSON text, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

/// How far a string goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Len {
    /// Bytes before the closing quote.
    pub(crate) bytes: usize,
    /// Whether there is a backslash among them.
    pub(crate) escaped: bool,
}

/// The length of the string that goes on with `rest`, behind its opening quote; else the place of what is wrong.
pub(crate) fn len(rest: &[u8]) -> Result<Len, usize> {
    let (mut at, mut escaped) = (0, false);
    loop {
        at += special(&rest[at..]).ok_or(rest.len())?;
        match rest[at] {
            b'"' => return Ok(Len { bytes: at, escaped }),
            b'\\' => at += escape_len(&rest[at..]).ok_or(at)?,
            _ => return Err(at),
        }
        escaped = true;
    }
}

/// Where the first byte stands that does not stand for itself: a quote, a backslash, a control character.
///
/// Eight bytes at a time. Below the first such byte of a word no carry arises, so the lowest mark is right; what is above
/// it does not count.
fn special(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zero_in(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_in(word ^ (ONES * u64::from(b'\\')));
        let marks = (control | quote | backslash) & (ONES * 0x80);
        if marks != 0 {
            return Some(index * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')?;
    Some(words.len() * 8 + at)
}

fn escape_len(rest: &[u8]) -> Option<usize> {
    match rest.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => rest.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

impl<'a> Text<'a> {
    /// `raw` was found valid by [`len`].
    pub(crate) fn new(raw: &'a str, escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// What it says. Allocates only if there are escapes; one of half a surrogate pair becomes U+FFFD, as when
    /// Node.js writes such a string as UTF-8.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(self.pieces().collect()) } else { Cow::Borrowed(self.raw) }
    }

    /// Whether it says `other`. Allocates nothing.
    pub(crate) fn is(self, other: &str) -> bool {
        if !self.escaped {
            return self.raw == other;
        }
        let mut rest = other;
        for piece in self.pieces() {
            match rest.strip_prefix(&*piece) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        rest.is_empty()
    }

    /// Bytes of what it says.
    #[cfg(any(test, feature = "msgpack"))]
    pub(crate) fn decoded_len(self) -> usize {
        if self.escaped { self.pieces().map(|piece| piece.len()).sum() } else { self.raw.len() }
    }

    /// Appends what it says.
    #[cfg(any(test, feature = "msgpack"))]
    pub(crate) fn decode_to(self, out: &mut BytesMut) {
        for piece in self.pieces() {
            out.put_slice(piece.as_bytes());
        }
    }

    fn pieces(self) -> Pieces<'a> {
        Pieces { rest: self.raw }
    }
}

/// What a string says, in pieces: runs without escapes, and one piece an escape.
struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let Some(behind) = self.rest.strip_prefix('\\') else {
            let run_len = memchr::memchr(b'\\', self.rest.as_bytes()).unwrap_or(self.rest.len());
            let (run, rest) = self.rest.split_at(run_len);
            self.rest = rest;
            return (run_len > 0).then_some(Piece::Run(run));
        };
        let kind = behind.chars().next()?;
        self.rest = &behind[kind.len_utf8()..];
        Some(Piece::character(match kind {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.unicode(),
            other => other,
        }))
    }
}

impl Pieces<'_> {
    /// The character of `\uXXXX`, behind the `u`, and of the second escape if both make a pair.
    fn unicode(&mut self) -> char {
        let first = self.code_unit().unwrap_or(0xfffd);
        let mut behind = Pieces { rest: self.rest };
        let pair = behind.escaped_unit().and_then(|second| char::decode_utf16([first, second]).next()?.ok());
        match (char::from_u32(u32::from(first)), pair) {
            (Some(alone), _) => alone,
            (None, Some(pair)) => {
                self.rest = behind.rest;
                pair
            }
            (None, None) => char::REPLACEMENT_CHARACTER,
        }
    }

    fn escaped_unit(&mut self) -> Option<u16> {
        self.rest = self.rest.strip_prefix("\\u")?;
        self.code_unit()
    }

    fn code_unit(&mut self) -> Option<u16> {
        let unit = u16::from_str_radix(self.rest.get(..4)?, 16).ok()?;
        self.rest = &self.rest[4..];
        Some(unit)
    }
}

/// A part of what a string says.
enum Piece<'a> {
    Run(&'a str),
    Character { utf8: [u8; 4], len: usize },
}

impl Piece<'_> {
    fn character(character: char) -> Self {
        let mut utf8 = [0; 4];
        let len = character.encode_utf8(&mut utf8).len();
        Self::Character { utf8, len }
    }
}

impl std::ops::Deref for Piece<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Run(run) => run,
            Self::Character { utf8, len } => str::from_utf8(&utf8[..*len]).unwrap_or_default(),
        }
    }
}

impl<'a> FromIterator<Piece<'a>> for String {
    fn from_iter<I: IntoIterator<Item = Piece<'a>>>(pieces: I) -> Self {
        let mut text = Self::new();
        for piece in pieces {
            text.push_str(&piece);
        }
        text
    }
}

/// Appends `text` as a string of JSON, quotes included, with the escapes that `JSON.stringify` uses.
pub(crate) fn write(text: &str, out: &mut BytesMut) {
    out.put_u8(b'"');
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.put_slice(&text.as_bytes()[written..at]);
        written = at + 1;
        match byte {
            b'"' | b'\\' => out.put_slice(&[b'\\', byte]),
            0x08 => out.put_slice(b"\\b"),
            0x0c => out.put_slice(b"\\f"),
            b'\n' => out.put_slice(b"\\n"),
            b'\r' => out.put_slice(b"\\r"),
            b'\t' => out.put_slice(b"\\t"),
            _ => {
                let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
                out.put_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out.put_slice(&text.as_bytes()[written..]);
    out.put_u8(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(raw: &str) -> Text<'_> {
        let len = len(format!("{raw}\"").as_bytes()).unwrap();
        assert_eq!(len.bytes, raw.len());
        Text::new(raw, len.escaped)
    }

    #[test]
    fn what_strings_say() {
        for (raw, says) in [
            ("", ""),
            ("plain \u{e4}\u{20ac}", "plain \u{e4}\u{20ac}"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"a\u0041\u00e4z", "aA\u{e4}z"),
            (r"\ud83d\ude00!", "\u{1f600}!"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (r"\ud83dx", "\u{fffd}x"),
            (r"\ud83d\n", "\u{fffd}\n"),
        ] {
            assert_eq!(text(raw).decode(), says, "{raw}");
            assert_eq!(text(raw).decoded_len(), says.len(), "{raw}");
            assert!(text(raw).is(says), "{raw}");
            assert!(!text(raw).is(&format!("{says}x")), "{raw}");
        }
        assert!(!text(r"\u0041").is("B"));
        assert!(!text(r"\u0041B").is("A"));
        assert!(matches!(text("borrowed").decode(), Cow::Borrowed(_)));
    }

    #[test]
    fn where_strings_are_wrong() {
        for (rest, at) in
            [("", 0), ("abc", 3), ("a\n\"", 1), ("ab\\x\"", 2), ("\\u12g4\"", 0), ("a\\", 1), ("\\u123", 0)]
        {
            assert_eq!(len(rest.as_bytes()), Err(at), "{rest:?}");
        }
    }

    #[test]
    fn where_the_first_special_byte_is() {
        let specials = [0, 0x1f, b'"', b'\\'];
        for len in 0..20 {
            for plain in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                let mut text = vec![plain; len];
                assert_eq!(special(&text), None, "{text:?}");
                for at in (0..len).rev() {
                    text[at] = specials[at % specials.len()];
                    assert_eq!(special(&text), Some(at), "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn written_strings_are_those_of_serde_json(says in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
            let mut out = BytesMut::new();
            write(&says, &mut out);
            prop_assert_eq!(&out[..], serde_json::to_vec(&says).unwrap());
            let raw = str::from_utf8(&out[1..out.len() - 1]).unwrap();
            prop_assert_eq!(text(raw).decode(), says.as_str());
        }

        #[test]
        fn any_escapes_are_read_as_serde_json_reads_them(raw in r#"([a\u{e4}"]|\\["\\/bfnrtu]|\\u(00[0-9a-f]{2}|d[89a-fA-F][0-9a-f]{2}))*"#) {
            let quoted = format!("\"{raw}\"");
            match serde_json::from_str::<String>(&quoted) {
                Ok(says) => prop_assert_eq!(text(&raw).decode(), says),
                Err(_) => match len(&quoted.as_bytes()[1..]) {
                    // serde_json wants whole surrogate pairs in what it decodes, and no rest behind the string.
                    Ok(found) => {
                        let lone = Text::new(&raw[..found.bytes], found.escaped).decode().contains('\u{fffd}');
                        prop_assert!(lone || found.bytes < raw.len());
                    }
                    Err(at) => prop_assert!(at < quoted.len()),
                },
            }
        }

        #[test]
        fn every_measure_of_a_string_agrees(raw in r"([a\u{e4}]|\\[nt/]|\\u(00[0-9a-f]{2}|d[89a-f][0-9a-f]{2}))*") {
            let says = text(&raw).decode();
            prop_assert_eq!(text(&raw).decoded_len(), says.len());
            prop_assert!(text(&raw).is(&says));
            let mut out = BytesMut::new();
            text(&raw).decode_to(&mut out);
            prop_assert_eq!(&out[..], says.as_bytes());
        }
    }
}
