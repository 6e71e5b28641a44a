//! Writing a message around a payload whose length is not known before it is written.
//!
//! A lane appends everything its connections get to one log and remembers ranges of it; ranges that touch become one
//! write. So a frame must leave no gap: ten bytes are kept free for the longest header, and once the payload is there
//! it moves down to the header it needs.
//!
//! ```text
//! log  ...|..........payload|   ->   ...|hh|payload|        (10 free bytes, then 2, 4 or 10 of header)
//! ```

use bytes::BytesMut;
use std::ops::Range;
use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

/// The longest header of a frame without a mask.
const HEAD_MAX: usize = 10;

/// What a message is made of (section 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// Appends one final, unmasked frame to `log`; the range it takes there begins at the former end.
///
/// `body` appends the payload; for [`Kind::Text`] it must be UTF-8, which is not checked again. If `body` fails or
/// panics, `log` is cut to where it was.
///
/// Cost: about 25 ns, then one move of the payload within `log`; no allocation but the log's own growth.
///
/// # Errors
/// Whatever `body` returns.
///
/// # Panics
/// If `body` removed bytes instead of appending.
pub fn frame<E>(
    log: &mut BytesMut,
    kind: Kind,
    body: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<Range<usize>, E> {
    let start = log.len();
    let mut guard = Rollback { log, keep: start };
    let log = &mut *guard.log;
    log.extend_from_slice(&[0; HEAD_MAX]);
    body(log)?;
    assert!(log.len() >= start + HEAD_MAX, "the body of a frame must only append");
    let (head, head_len) = head(kind, log.len() - start - HEAD_MAX);
    log.copy_within(start + HEAD_MAX.., start + head_len);
    log.truncate(log.len() - (HEAD_MAX - head_len));
    log[start..start + head_len].copy_from_slice(&head[..head_len]);
    let end = log.len();
    guard.keep = end;
    Ok(start..end)
}

/// Cuts the log when dropped: to its former length unless the frame was finished, also if a codec panicked.
struct Rollback<'a> {
    log: &'a mut BytesMut,
    keep: usize,
}

impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        self.log.truncate(self.keep);
    }
}

fn head(kind: Kind, payload_len: usize) -> ([u8; HEAD_MAX], usize) {
    let opcode = OpCode::Data(match kind {
        Kind::Text => Data::Text,
        Kind::Binary => Data::Binary,
    });
    let header = FrameHeader { is_final: true, opcode, ..FrameHeader::default() };
    let mut bytes = [0; HEAD_MAX];
    let mut free = &mut bytes[..];
    header.format(payload_len as u64, &mut free).expect("a header without a mask has at most 10 bytes");
    let head_len = HEAD_MAX - free.len();
    (bytes, head_len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        convert::Infallible,
        panic::{AssertUnwindSafe, catch_unwind},
    };

    fn written(log: &mut BytesMut, kind: Kind, payload: &[u8]) -> Range<usize> {
        let body = |body: &mut BytesMut| {
            body.extend_from_slice(payload);
            Ok::<_, Infallible>(())
        };
        frame(log, kind, body).unwrap()
    }

    #[test]
    fn every_length_around_the_three_forms_and_no_gap_between() {
        let mut log = BytesMut::from(&b"before"[..]);
        let mut end = log.len();
        for len in [0, 1, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, 100_000] {
            let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let range = written(&mut log, Kind::Binary, &payload);
            assert_eq!((range.start, range.end), (end, log.len()));
            let form: &[u8] = match len {
                0..126 => &[len as u8],
                126..65_536 => &[126, (len >> 8) as u8, len as u8],
                _ => &[127, 0, 0, 0, 0, 0, (len >> 16) as u8, (len >> 8) as u8, len as u8],
            };
            assert_eq!(log[range.clone()], [&[0x82], form, &payload].concat());
            end = range.end;
        }
        assert_eq!(&log[..6], b"before");
    }

    #[test]
    fn text_has_its_opcode() {
        let mut log = BytesMut::new();
        assert_eq!(written(&mut log, Kind::Text, b"Hello"), 0..7);
        assert_eq!(&log[..], b"\x81\x05Hello");
    }

    #[test]
    fn an_error_of_the_body_leaves_the_log_as_it_was() {
        let mut log = BytesMut::from(&b"before"[..]);
        let result = frame(&mut log, Kind::Text, |body| {
            body.extend_from_slice(b"half");
            Err("no")
        });
        assert_eq!(result, Err("no"));
        assert_eq!(&log[..], b"before");
    }

    #[test]
    fn a_panic_of_the_body_leaves_the_log_as_it_was() {
        let mut log = BytesMut::from(&b"before"[..]);
        let result = catch_unwind(AssertUnwindSafe(|| {
            frame(&mut log, Kind::Text, |body| {
                body.extend_from_slice(b"half");
                if body.len() > 6 { panic!("a codec's bug") } else { Ok::<_, Infallible>(()) }
            })
        }));
        assert!(result.is_err());
        assert_eq!(&log[..], b"before");
    }

    #[test]
    fn a_body_that_removes_bytes_is_a_bug_that_shows() {
        let result = catch_unwind(|| {
            let mut log = BytesMut::new();
            frame(&mut log, Kind::Text, |body| {
                body.clear();
                Ok::<_, Infallible>(())
            })
        });
        assert!(result.is_err());
    }
}
