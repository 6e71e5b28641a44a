//! Records: messages that wait for a client to poll, before they are framed.
//!
//! How a message is framed depends on the request that takes it: in revision 3 on the other messages of the same
//! payload. So what waits is kept as records, one behind the other: eight bytes (seven of length, little end first, then
//! the kind), then the data, without the packet's digit. They are never sent like this.

use bytes::{BufMut, BytesMut};

/// What the data of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

const HEAD: usize = 8;
const KIND_SHIFT: u32 = 56;

/// Appends a record whose data `body` appends; what was before it in `out` stays as it is. For [`DataKind::Text`] the
/// data must be UTF-8. If `body` fails, `out` is cut to where it was.
///
/// # Errors
/// Whatever `body` returns.
pub fn append_record<E>(
    out: &mut BytesMut,
    kind: DataKind,
    body: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.put_bytes(0, HEAD);
    if let Err(error) = body(out) {
        out.truncate(start);
        return Err(error);
    }
    let length = out.len().saturating_sub(start + HEAD) as u64;
    let head = length | u64::from(kind as u8) << KIND_SHIFT;
    if let Some(place) = out.get_mut(start..start + HEAD) {
        place.copy_from_slice(&head.to_le_bytes());
    }
    Ok(())
}

/// The records in some bytes, as far as they are whole.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Bytes that begin with a record.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is behind the records that were handed out.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (DataKind, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.rest.split_first_chunk::<HEAD>()?;
        let head = u64::from_le_bytes(*head);
        let kind = if head >> KIND_SHIFT == DataKind::Text as u64 { DataKind::Text } else { DataKind::Binary };
        let length = usize::try_from(head & ((1 << KIND_SHIFT) - 1)).ok()?;
        let (data, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((kind, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn put(out: &mut BytesMut, kind: DataKind, data: &[u8]) {
        let body = |out: &mut BytesMut| {
            out.put_slice(data);
            Ok::<_, Infallible>(())
        };
        append_record(out, kind, body).unwrap();
    }

    #[test]
    fn records_come_back() {
        let mut out = BytesMut::from(&b"before"[..]);
        let long = vec![7; 70_000];
        put(&mut out, DataKind::Text, "2[\"€\"]".as_bytes());
        put(&mut out, DataKind::Binary, &long);
        put(&mut out, DataKind::Text, b"");
        let all: Vec<_> = Records::new(&out[6..]).collect();
        let expected =
            [(DataKind::Text, "2[\"€\"]".as_bytes()), (DataKind::Binary, &long[..]), (DataKind::Text, &b""[..])];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_failed_body_leaves_nothing_and_a_cut_record_is_not_handed_out() {
        let mut out = BytesMut::new();
        put(&mut out, DataKind::Binary, b"one");
        let failed = append_record(&mut out, DataKind::Text, |out| {
            out.put_slice(b"half");
            Err("no")
        });
        assert_eq!((failed, out.len()), (Err("no"), 11));
        put(&mut out, DataKind::Text, b"two");
        for cut in 11..out.len() {
            let mut records = Records::new(&out[..cut]);
            assert_eq!(records.by_ref().count(), 1);
            assert_eq!(records.rest().len(), cut - 11);
        }
    }
}
