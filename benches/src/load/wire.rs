//! The client's half of RFC 6455 framing, as far as a load generator needs it.
//!
//! Frames go out with the masking key zero: legal (section 5.3 asks for an unpredictable key to protect
//! proxies, and there are none on loopback), and the server's unmasking costs the same.

use super::Fault;

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// A whole frame, its payload still in the receive buffer.
#[derive(Debug, PartialEq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
}

/// Appends one masked, unfragmented frame (RFC 6455 section 5.2).
pub(crate) fn put_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(FIN | opcode);
    match payload.len() {
        length @ 0..=125 => out.push(MASKED | length as u8),
        length @ 126..=0xFFFF => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// The frame at the front of `input` and the bytes it takes; `None` if it is not all there.
///
/// # Errors
/// [`Fault::Frame`] for masks, reserved bits and fragments, none of which the servers have a reason for.
#[inline]
pub(crate) fn take_frame(input: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Fault> {
    let [first, second, ..] = *input else { return Ok(None) };
    if first & 0xF0 != FIN {
        return Err(Fault::Frame("fragmented, or a reserved bit set"));
    }
    if second & MASKED != 0 {
        return Err(Fault::Frame("masked by the server"));
    }
    let (head, length): (usize, usize) = match second {
        126 => match input.get(2..4) {
            Some(bytes) => (4, usize::from(bytes[0]) << 8 | usize::from(bytes[1])),
            None => return Ok(None),
        },
        127 => match input.get(2..10).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()) {
            Some(bytes) => (10, usize::try_from(u64::from_be_bytes(bytes)).unwrap_or(usize::MAX)),
            None => return Ok(None),
        },
        length => (2, usize::from(length)),
    };
    let end = head.checked_add(length).ok_or(Fault::Frame("absurd length"))?;
    Ok(input.get(head..end).map(|payload| (Frame { opcode: first & 0x0F, payload }, end)))
}

/// The close code in a close frame's payload, if it has one.
pub(crate) fn close_code(payload: &[u8]) -> Option<u16> {
    payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmasked(payload: &[u8]) -> Vec<u8> {
        let mut masked = Vec::new();
        put_frame(&mut masked, TEXT, payload);
        let head = masked.len() - payload.len() - 4;
        masked.drain(head..head + 4);
        masked[1] &= !MASKED;
        masked
    }

    #[test]
    fn frames_of_every_length_form_come_back_whole() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload = vec![b'x'; length];
            let frame = unmasked(&payload);
            let taken = take_frame(&frame).unwrap();
            assert_eq!(taken, Some((Frame { opcode: TEXT, payload: &payload }, frame.len())));
        }
    }

    #[test]
    fn a_cut_frame_waits() {
        for length in [0, 5, 200, 66_000] {
            let frame = unmasked(&vec![b'x'; length]);
            for cut in (0..frame.len()).step_by(1 + frame.len() / 50) {
                assert_eq!(take_frame(&frame[..cut]).unwrap(), None, "{length} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn what_a_server_may_not_send_is_refused() {
        for bad in [&[0x01, 0x00][..], &[0xC1, 0x00], &[0x81, 0x80, 0, 0, 0, 0]] {
            assert!(take_frame(bad).is_err(), "{bad:?}");
        }
        let absurd = [0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255];
        assert!(take_frame(&absurd).is_err());
    }

    #[test]
    fn close_codes() {
        assert_eq!(close_code(&[0x03, 0xF1, b'x']), Some(1009));
        assert_eq!(close_code(&[]), None);
    }
}
