//! Values of msgpack as JSON text and attachments, in one walk without recursion.

use std::fmt::Write;

use bytes::{BufMut, Bytes, BytesMut};

use super::date;
use super::read::{Head, Reader};
use crate::socketio::decoder::DecodeLimits;
use crate::socketio::error::DecodeError;
use crate::socketio::json::{DEPTH_MAX, string};
use crate::socketio::placeholder;

/// What was read: text, and what its placeholders stand for.
#[derive(Debug, Default)]
pub(super) struct Json {
    text: BytesMut,
    attachments: Vec<Bytes>,
    /// A map was written that is a placeholder for those who read the text.
    forged: bool,
}

/// An array or map whose values are not all read; or the values that were asked for.
#[derive(Debug)]
struct Open {
    left: u32,
    closing: &'static str,
    is_map: bool,
    is_empty: bool,
    /// How many arrays and maps are around its values.
    depth: usize,
}

impl Json {
    /// Reads `count` values, each nested at most [`DEPTH_MAX`] deep, and writes them with commas between.
    ///
    /// Cost: linear in the bytes; the text is at most about six times as long.
    pub(super) fn read(reader: &mut Reader<'_>, count: u32, limits: &DecodeLimits) -> Result<Self, DecodeError> {
        let mut json = Self::default();
        let mut open = vec![Open { left: count, closing: "", is_map: false, is_empty: true, depth: 0 }];
        while let Some(innermost) = open.last_mut() {
            if innermost.left == 0 {
                json.text.put_slice(innermost.closing.as_bytes());
                open.pop();
                continue;
            }
            innermost.left -= 1;
            if let Some(container) = json.value(innermost, reader, limits)? {
                open.push(container);
            }
        }
        // Where there are no attachments it was and stays an object like others.
        if json.forged && !json.attachments.is_empty() {
            return Err(DecodeError::PlaceholderForged);
        }
        Ok(json)
    }

    /// The text, and the attachments in the order of their placeholders.
    pub(super) fn into_parts(self) -> (String, Vec<Bytes>) {
        // Only whole strings were written.
        (String::from_utf8_lossy(&self.text).into_owned(), self.attachments)
    }

    /// Writes one value of an array, or a member of a map; an array or map only as far as its bracket.
    fn value(
        &mut self,
        within: &mut Open,
        reader: &mut Reader<'_>,
        limits: &DecodeLimits,
    ) -> Result<Option<Open>, DecodeError> {
        let before = self.text.len();
        if !within.is_empty {
            self.text.put_u8(b',');
        }
        let placeholder = within.is_map && self.key(reader)?;
        let head = reader.head()?;
        if within.is_map && head.is_undefined() {
            self.text.truncate(before);
            return Ok(None);
        }
        within.is_empty = false;
        self.forged |= placeholder && head == Head::Bool(true);
        let (bracket, left, closing, is_map) = match head {
            Head::Array(len) => (b'[', len, "]", false),
            Head::Map(len) => (b'{', len, "}", true),
            scalar => return self.scalar(scalar, within.depth, limits).map(|()| None),
        };
        self.text.put_u8(bracket);
        Ok(Some(Open { left, closing, is_map, is_empty: true, depth: deeper(within.depth)? }))
    }

    /// Writes a key; whether it is that of placeholders.
    fn key(&mut self, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
        let at = reader.at();
        let placeholder = match reader.head()? {
            Head::Str(key) => {
                string::write(key, &mut self.text);
                key == "_placeholder"
            }
            Head::UInt(key) => {
                self.put(format_args!("\"{key}\""));
                false
            }
            Head::Int(key) => {
                self.put(format_args!("\"{key}\""));
                false
            }
            _ => return Err(DecodeError::MapKey { at }),
        };
        self.text.put_u8(b':');
        Ok(placeholder)
    }

    fn scalar(&mut self, head: Head<'_>, depth: usize, limits: &DecodeLimits) -> Result<(), DecodeError> {
        match head {
            Head::Bool(value) => self.put(format_args!("{value}")),
            Head::UInt(value) => self.put(format_args!("{value}")),
            Head::Int(value) => self.put(format_args!("{value}")),
            Head::Float(value) => self.float(value),
            Head::Str(value) => string::write(value, &mut self.text),
            Head::Bin(data) | Head::Ext { kind: 0, data, fixed: false } => self.attachment(data, depth, limits)?,
            Head::Ext { kind: 0, data: &[b0, b1, b2, b3, b4, b5, b6, b7], fixed: true } => {
                match date::to_json(i64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7])) {
                    Some(date) => string::write(&date, &mut self.text),
                    None => self.text.put_slice(b"null"),
                }
            }
            Head::Ext { kind, data, .. } if !head.is_undefined() => {
                self.put(format_args!("[{kind},"));
                self.attachment(data, deeper(depth)?, limits)?;
                self.text.put_u8(b']');
            }
            _ => self.text.put_slice(b"null"),
        }
        Ok(())
    }

    /// Keeps binary and writes its placeholder, which is an object of its own.
    fn attachment(&mut self, data: &[u8], depth: usize, limits: &DecodeLimits) -> Result<(), DecodeError> {
        deeper(depth)?;
        let max = limits.attachments_max;
        if self.attachments.len() >= max {
            return Err(DecodeError::TooManyAttachments { max });
        }
        let canonical = placeholder::canonical(self.attachments.len());
        self.text.put_slice(canonical.as_bytes());
        self.attachments.push(Bytes::copy_from_slice(data));
        Ok(())
    }

    fn float(&mut self, value: f64) {
        // Without serde_json's exponents, 1e300 would have 300 digits.
        match serde_json::Number::from_f64(value) {
            Some(finite) => self.put(format_args!("{finite}")),
            None => self.text.put_slice(b"null"),
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // A buffer that grows takes all that is written.
        let _ = self.text.write_fmt(text);
    }
}

/// One array or object more around a value: what was read must not be too deep for those who get it as JSON.
fn deeper(depth: usize) -> Result<usize, DecodeError> {
    if depth < DEPTH_MAX { Ok(depth + 1) } else { Err(DecodeError::TooDeep) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DecodeLimits =
        DecodeLimits { attachments_max: 2, packet_bytes_max: 1_000, namespace_bytes_max: 10, items_max: 1_000 };

    fn read(bytes: &[u8]) -> Result<(String, Vec<Bytes>), DecodeError> {
        let mut reader = Reader::new(bytes);
        let json = Json::read(&mut reader, 1, &LIMITS)?;
        reader.end().map(|()| json.into_parts())
    }

    #[test]
    fn values_without_binary() {
        for (bytes, expected) in [
            (&b"\xc0"[..], "null"),
            (b"\x93\xc3\xc2\xff", "[true,false,-1]"),
            (b"\x90", "[]"),
            (b"\x80", "{}"),
            (b"\x82\xa1a\x91\x80\xa1b\x01", r#"{"a":[{}],"b":1}"#),
            (b"\x82\x05\x01\xfe\x02", r#"{"5":1,"-2":2}"#),
            (b"\xa3\"\n\x01", r#""\"\n\u0001""#),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
            (b"\xcb\xbf\xf8\x00\x00\x00\x00\x00\x00", "-1.5"),
            (b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "null"),
            (b"\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", "null"),
            (b"\xca\x7f\x80\x00\x00", "null"),
            (b"\x92\xd4\x00\x00\x01", "[null,1]"),
            (b"\x83\xa1a\xd4\x00\x00\xa1b\x01\xa1c\xd4\x00\x00", r#"{"b":1}"#),
            (b"\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x01", r#""1970-01-01T00:00:00.001Z""#),
            (b"\xd7\x00\xff\xff\xff\xff\xff\xff\xff\xff", r#""1969-12-31T23:59:59.999Z""#),
            (b"\xd7\x00\x7f\xff\xff\xff\xff\xff\xff\xff", "null"),
        ] {
            assert_eq!(read(bytes), Ok((expected.into(), vec![])), "{bytes:x?}");
        }
    }

    #[test]
    fn large_floats_are_short_text() {
        for value in [1e300, f64::MIN_POSITIVE, f64::MAX] {
            let (text, _) = read(&[&[0xcb], &value.to_be_bytes()[..]].concat()).unwrap();
            assert_eq!((text.parse(), text.len() < 25), (Ok(value), true), "{text}");
        }
    }

    #[test]
    fn binary_becomes_attachments() {
        let (zero, one) = (placeholder::canonical(0), placeholder::canonical(1));
        let x = || Bytes::from_static(b"x");
        assert_eq!(read(b"\xc4\x01x"), Ok((zero.clone(), vec![x()])));
        assert_eq!(read(b"\xc7\x01\x00x"), Ok((zero.clone(), vec![x()])), "an ArrayBuffer");
        assert_eq!(read(b"\xc7\x01\x07x"), Ok((format!("[7,{zero}]"), vec![x()])));
        assert_eq!(read(b"\xd4\xffx"), Ok((format!("[-1,{zero}]"), vec![x()])));
        assert_eq!(read(b"\xd5\x00xx"), Ok((format!("[0,{zero}]"), vec![Bytes::from_static(b"xx")])));
        assert_eq!(read(b"\x92\x81\xa1a\xc4\x00\xc4\x01x").unwrap().0, format!(r#"[{{"a":{zero}}},{one}]"#));
        assert_eq!(read(b"\x93\xc4\x00\xc4\x00\xc4\x00"), Err(DecodeError::TooManyAttachments { max: 2 }));
    }

    #[test]
    fn a_map_that_others_would_take_for_a_placeholder() {
        let forged = b"\x82\xac_placeholder\xc3\xa3num\x09";
        assert_eq!(read(forged).unwrap().0, r#"{"_placeholder":true,"num":9}"#, "data, where nothing is attached");
        let with_binary = [&b"\x92"[..], forged, b"\xc4\x01x"].concat();
        assert_eq!(read(&with_binary), Err(DecodeError::PlaceholderForged));
        assert!(read(b"\x92\x81\xac_placeholder\xc2\xc4\x01x").is_ok());
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
        assert!(read(&nested(64)).is_ok());
        assert_eq!(read(&nested(65)), Err(DecodeError::TooDeep));
        assert_eq!(read(&nested(1_000_000)), Err(DecodeError::TooDeep));
        // What stands for binary is one level more, what stands for an unknown ext two.
        let nested = |depth: usize, value: &[u8]| [&vec![0x91; depth][..], value].concat();
        assert!(read(&nested(63, b"\xc4\x00")).is_ok());
        assert_eq!(read(&nested(64, b"\xc4\x00")), Err(DecodeError::TooDeep));
        assert!(read(&nested(62, b"\xd4\x07x")).is_ok());
        assert_eq!(read(&nested(63, b"\xd4\x07x")), Err(DecodeError::TooDeep));
    }

    #[test]
    fn keys_that_no_object_can_have() {
        for bytes in [&b"\x81\xc0\x01"[..], b"\x81\x90\x01", b"\x81\xc4\x01a\x01"] {
            assert_eq!(read(bytes), Err(DecodeError::MapKey { at: 1 }));
        }
    }
}
