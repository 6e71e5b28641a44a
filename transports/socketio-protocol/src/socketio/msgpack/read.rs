//! Walking over msgpack, one head after the other.

use rmp::Marker;

use crate::socketio::error::DecodeError;

/// A place in a packet's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What stands next: a whole value, or how many values make it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Head<'a> {
    Nil,
    Bool(bool),
    UInt(u64),
    /// Below 0.
    Int(i64),
    Float(f64),
    Str(&'a str),
    Bin(&'a [u8]),
    Array(u32),
    /// How many pairs.
    Map(u32),
    Ext {
        kind: i8,
        data: &'a [u8],
        /// It has one of the lengths that need no length.
        fixed: bool,
    },
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Where the next head is.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// That the bytes end here.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(DecodeError::Msgpack { at: self.at }) }
    }

    pub(super) fn head(&mut self) -> Result<Head<'a>, DecodeError> {
        let start = self.at;
        let [marker] = self.array()?;
        Ok(match Marker::from_u8(marker) {
            Marker::Null => Head::Nil,
            Marker::True => Head::Bool(true),
            Marker::False => Head::Bool(false),
            Marker::FixPos(value) => Head::UInt(value.into()),
            Marker::U8 => Head::UInt(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Head::UInt(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Head::UInt(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Head::UInt(u64::from_be_bytes(self.array()?)),
            Marker::FixNeg(value) => Head::signed(value.into()),
            Marker::I8 => Head::signed(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Head::signed(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Head::signed(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Head::signed(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Head::Float(f32::from_be_bytes(self.array()?).into()),
            Marker::F64 => Head::Float(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(len) => self.text(len.into())?,
            Marker::Str8 | Marker::Bin8 | Marker::Ext8 => {
                let len = u8::from_be_bytes(self.array()?).into();
                self.bytes(marker, len)?
            }
            Marker::Str16 | Marker::Bin16 | Marker::Ext16 => {
                let len = u16::from_be_bytes(self.array()?).into();
                self.bytes(marker, len)?
            }
            Marker::Str32 | Marker::Bin32 | Marker::Ext32 => {
                let len = u32::from_be_bytes(self.array()?);
                self.bytes(marker, len)?
            }
            Marker::FixArray(len) => Head::Array(len.into()),
            Marker::Array16 => Head::Array(u16::from_be_bytes(self.array()?).into()),
            Marker::Array32 => Head::Array(u32::from_be_bytes(self.array()?)),
            Marker::FixMap(len) => Head::Map(len.into()),
            Marker::Map16 => Head::Map(u16::from_be_bytes(self.array()?).into()),
            Marker::Map32 => Head::Map(u32::from_be_bytes(self.array()?)),
            Marker::FixExt1 => self.ext(1, true)?,
            Marker::FixExt2 => self.ext(2, true)?,
            Marker::FixExt4 => self.ext(4, true)?,
            Marker::FixExt8 => self.ext(8, true)?,
            Marker::FixExt16 => self.ext(16, true)?,
            Marker::Reserved => return Err(DecodeError::Msgpack { at: start }),
        })
    }

    /// Goes behind the next value, whatever is in it. `items` is how many values there may still be.
    pub(super) fn skip(&mut self, items: &mut Items) -> Result<(), DecodeError> {
        let mut open = 1_u64;
        while open > 0 {
            items.take()?;
            open -= 1;
            open += match self.head()? {
                Head::Array(len) => u64::from(len),
                Head::Map(len) => 2 * u64::from(len),
                _ => 0,
            };
        }
        Ok(())
    }

    fn bytes(&mut self, marker: u8, len: u32) -> Result<Head<'a>, DecodeError> {
        match Marker::from_u8(marker) {
            Marker::Str8 | Marker::Str16 | Marker::Str32 => self.text(len),
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => self.take(len).map(Head::Bin),
            _ => self.ext(len, false),
        }
    }

    fn text(&mut self, len: u32) -> Result<Head<'a>, DecodeError> {
        let at = self.at;
        str::from_utf8(self.take(len)?).map(Head::Str).map_err(|_| DecodeError::NotUtf8 { at })
    }

    fn ext(&mut self, len: u32, fixed: bool) -> Result<Head<'a>, DecodeError> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(Head::Ext { kind, data: self.take(len)?, fixed })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let truncated = DecodeError::Msgpack { at: self.bytes.len() };
        let array = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or(truncated)?;
        self.at += N;
        Ok(*array)
    }

    fn take(&mut self, len: u32) -> Result<&'a [u8], DecodeError> {
        let truncated = DecodeError::Msgpack { at: self.bytes.len() };
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..len as usize)).ok_or(truncated)?;
        self.at += taken.len();
        Ok(taken)
    }
}

impl Head<'_> {
    fn signed(value: i64) -> Self {
        u64::try_from(value).map_or(Self::Int(value), Self::UInt)
    }

    /// What JavaScript knows as `undefined`.
    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Self::Ext { kind: 0, data: [_], fixed: true })
    }
}

/// How many values a packet may still have.
#[derive(Debug)]
pub(super) struct Items {
    left: usize,
    max: usize,
}

impl Items {
    pub(super) fn new(max: usize) -> Self {
        Self { left: max, max }
    }

    fn take(&mut self) -> Result<(), DecodeError> {
        self.left = self.left.checked_sub(1).ok_or(DecodeError::TooManyItems { max: self.max })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(bytes: &[u8]) -> Result<Head<'_>, DecodeError> {
        let mut reader = Reader::new(bytes);
        let head = reader.head()?;
        reader.end().map(|()| head)
    }

    #[test]
    fn every_form_of_a_value() {
        let ext = |kind, data, fixed| Head::Ext { kind, data, fixed };
        for (bytes, expected) in [
            (&b"\x7f"[..], Head::UInt(127)),
            (b"\xcc\xff", Head::UInt(255)),
            (b"\xcd\x01\x00", Head::UInt(256)),
            (b"\xce\x00\x01\x00\x00", Head::UInt(65_536)),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", Head::UInt(u64::MAX)),
            (b"\xff", Head::Int(-1)),
            (b"\xd0\x05", Head::UInt(5)),
            (b"\xd0\x80", Head::Int(-128)),
            (b"\xd1\x80\x00", Head::Int(-32_768)),
            (b"\xd2\x80\x00\x00\x00", Head::Int(i32::MIN.into())),
            (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", Head::Int(i64::MIN)),
            (b"\xca\x3f\xc0\x00\x00", Head::Float(1.5)),
            (b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", Head::Float(1.5)),
            (b"\xc0", Head::Nil),
            (b"\xc2", Head::Bool(false)),
            (b"\xa1a", Head::Str("a")),
            (b"\xd9\x01a", Head::Str("a")),
            (b"\xda\x00\x01a", Head::Str("a")),
            (b"\xdb\x00\x00\x00\x01a", Head::Str("a")),
            (b"\xc4\x01\xff", Head::Bin(b"\xff")),
            (b"\xc5\x00\x01\xff", Head::Bin(b"\xff")),
            (b"\xc6\x00\x00\x00\x01\xff", Head::Bin(b"\xff")),
            (b"\x9f", Head::Array(15)),
            (b"\xdc\x01\x00", Head::Array(256)),
            (b"\xdd\xff\xff\xff\xff", Head::Array(u32::MAX)),
            (b"\x81", Head::Map(1)),
            (b"\xde\x01\x00", Head::Map(256)),
            (b"\xdf\x00\x01\x00\x00", Head::Map(65_536)),
            (b"\xd4\x00\x00", ext(0, b"\0", true)),
            (b"\xd5\xff12", ext(-1, b"12", true)),
            (b"\xd6\x051234", ext(5, b"1234", true)),
            (b"\xc7\x00\x00", ext(0, b"", false)),
            (b"\xc8\x00\x01\x07x", ext(7, b"x", false)),
            (b"\xc9\x00\x00\x00\x01\x07x", ext(7, b"x", false)),
        ] {
            assert_eq!(head(bytes), Ok(expected), "{bytes:x?}");
            for cut in 0..bytes.len() {
                assert_eq!(head(&bytes[..cut]), Err(DecodeError::Msgpack { at: cut }), "{bytes:x?} without its end");
            }
        }
        assert_eq!(head(b"\xc1"), Err(DecodeError::Msgpack { at: 0 }));
        assert_eq!(head(b"\xa2\xff\xff"), Err(DecodeError::NotUtf8 { at: 1 }));
        assert_eq!(head(b"\xc0\xc0"), Err(DecodeError::Msgpack { at: 1 }), "more than one value");
        assert!(head(b"\xd4\x00\x01").unwrap().is_undefined());
        assert!(!head(b"\xc7\x01\x00\x00").unwrap().is_undefined());
    }

    #[test]
    fn skipping_counts_and_does_not_recurse() {
        let skip = |bytes: &[u8], max| {
            let mut reader = Reader::new(bytes);
            reader.skip(&mut Items::new(max)).map(|()| reader.at())
        };
        assert_eq!(skip(b"\x92\x01\x81\xa1a\x90\xff", 5), Ok(6));
        assert_eq!(skip(b"\x92\x01\x81\xa1a\x90\xff", 4), Err(DecodeError::TooManyItems { max: 4 }));
        assert_eq!(skip(b"\xdd\xff\xff\xff\xff\x00", 5), Err(DecodeError::Msgpack { at: 6 }), "a claim costs nothing");
        let mut deep = vec![0x91; 1_000_000];
        deep.push(0xc0);
        assert_eq!(skip(&deep, 2_000_000), Ok(1_000_001));
    }
}
