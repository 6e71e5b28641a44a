//! The header of one frame from a client, and the rules that need no memory of the frames before (sections 5.1 to 5.5).

use crate::{Kind, ReadError};
use std::io::Cursor;
use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// What a valid frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Start(Kind),
    Continue,
    Ping,
    Pong,
    Close,
}

/// A header that passed all rules that concern a frame alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) purpose: Purpose,
    pub(crate) is_final: bool,
    pub(crate) mask: [u8; 4],
    /// Bytes of the header itself: 6 to 14.
    pub(crate) head_len: usize,
    /// Bytes of the payload as claimed; 63 bits.
    pub(crate) payload_len: u64,
}

pub(crate) enum Parsed {
    Whole(Header),
    /// Bytes that must be there before parsing again can say more.
    Partial {
        want: usize,
    },
}

/// Reads the header at the front of `input`.
///
/// A length has to be in its shortest form (section 5.2).
pub(crate) fn parse(input: &[u8]) -> Result<Parsed, ReadError> {
    let mut cursor = Cursor::new(input);
    // The only error of `parse` is an opcode that does not exist; reading a slice cannot fail.
    let Some((header, payload_len)) = FrameHeader::parse(&mut cursor)
        .map_err(|_| ReadError::ReservedOpcode(input.first().map_or(0, |b| b & 0x0f)))?
    else {
        return Ok(Parsed::Partial { want: head_len(input) });
    };
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(ReadError::ReservedBits);
    }
    let Some(mask) = header.mask else { return Err(ReadError::Unmasked) };
    if payload_len >> 63 != 0 {
        return Err(ReadError::LengthTopBit);
    }
    if payload_len < least_of_form(input) {
        return Err(ReadError::LengthNotShortest(payload_len));
    }
    if matches!(header.opcode, OpCode::Control(_)) {
        check_control(header.is_final, payload_len)?;
    }
    let purpose = purpose(header.opcode)?;
    let head_len = cursor.position() as usize;
    Ok(Parsed::Whole(Header { purpose, is_final: header.is_final, mask, head_len, payload_len }))
}

/// Bytes of the header that begins like `input`; a single byte says nothing yet, and 2 decide.
fn head_len(input: &[u8]) -> usize {
    let Some(second) = input.get(1) else { return if input.is_empty() { 0 } else { 2 } };
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    2 + length + mask
}

/// The least length that needs the form in which `input` has its own.
fn least_of_form(input: &[u8]) -> u64 {
    match input.get(1).map(|second| second & 0x7f) {
        Some(126) => 126,
        Some(127) => 1 << 16,
        _ => 0,
    }
}

fn check_control(is_final: bool, payload_len: u64) -> Result<(), ReadError> {
    if !is_final {
        return Err(ReadError::ControlFragmented);
    }
    if payload_len > 125 {
        return Err(ReadError::ControlTooLong(payload_len));
    }
    Ok(())
}

fn purpose(opcode: OpCode) -> Result<Purpose, ReadError> {
    Ok(match opcode {
        OpCode::Data(Data::Text) => Purpose::Start(Kind::Text),
        OpCode::Data(Data::Binary) => Purpose::Start(Kind::Binary),
        OpCode::Data(Data::Continue) => Purpose::Continue,
        OpCode::Control(Control::Ping) => Purpose::Ping,
        OpCode::Control(Control::Pong) => Purpose::Pong,
        OpCode::Control(Control::Close) => Purpose::Close,
        OpCode::Data(Data::Reserved(code)) | OpCode::Control(Control::Reserved(code)) => {
            return Err(ReadError::ReservedOpcode(code));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(input: &[u8]) -> Result<Header, ReadError> {
        match parse(input)? {
            Parsed::Whole(header) => Ok(header),
            Parsed::Partial { want } => panic!("partial, wants {want}"),
        }
    }

    fn want(input: &[u8]) -> usize {
        match parse(input) {
            Ok(Parsed::Partial { want }) => want,
            other => panic!("not partial: {:?}", other.map(|_| ())),
        }
    }

    #[test]
    fn all_sixteen_opcodes() {
        use Purpose::*;
        for opcode in 0..16u8 {
            let expected = match opcode {
                0 => Ok(Continue),
                1 => Ok(Start(Kind::Text)),
                2 => Ok(Start(Kind::Binary)),
                8 => Ok(Close),
                9 => Ok(Ping),
                10 => Ok(Pong),
                other => Err(ReadError::ReservedOpcode(other)),
            };
            assert_eq!(whole(&[0x80 | opcode, 0x80, 1, 2, 3, 4]).map(|h| h.purpose), expected);
        }
    }

    #[test]
    fn any_reserved_bit_is_refused() {
        for bits in 1..8u8 {
            assert_eq!(whole(&[0x81 | bits << 4, 0x80, 0, 0, 0, 0]), Err(ReadError::ReservedBits));
        }
    }

    #[test]
    fn the_three_forms_of_length_and_only_the_shortest_that_does() {
        let head = |bytes: &[u8]| whole(bytes).map(|h| (h.head_len, h.payload_len));
        assert_eq!(head(&[0x82, 0xfd, 0, 0, 0, 0]), Ok((6, 125)));
        assert_eq!(head(&[0x82, 0xfe, 0, 126, 0, 0, 0, 0]), Ok((8, 126)));
        assert_eq!(head(&[0x82, 0xfe, 0xff, 0xff, 0, 0, 0, 0]), Ok((8, 65_535)));
        assert_eq!(head(&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Ok((14, 65_536)));
        for bytes in [0, 5, 125] {
            assert_eq!(head(&[0x82, 0xfe, 0, bytes, 0, 0, 0, 0]), Err(ReadError::LengthNotShortest(bytes.into())));
        }
        for bytes in [[0, 0], [0, 125], [0, 126], [255, 255]] {
            let long = [&[0x82, 0xff, 0, 0, 0, 0, 0, 0][..], &bytes, &[0; 4]].concat();
            assert_eq!(head(&long), Err(ReadError::LengthNotShortest(u16::from_be_bytes(bytes).into())));
        }
        let huge = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(head(&huge), Ok((14, u64::MAX >> 1)));
        let negative = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(head(&negative), Err(ReadError::LengthTopBit));
    }

    #[test]
    fn control_frames_are_whole_and_short() {
        for opcode in [0x8, 0x9, 0xa] {
            assert_eq!(whole(&[opcode, 0x80, 0, 0, 0, 0]), Err(ReadError::ControlFragmented));
            assert_eq!(whole(&[0x80 | opcode, 0xfd, 0, 0, 0, 0]).map(|h| h.payload_len), Ok(125));
            assert_eq!(whole(&[0x80 | opcode, 0xfe, 0, 126, 0, 0, 0, 0]), Err(ReadError::ControlTooLong(126)));
        }
    }

    #[test]
    fn an_unmasked_frame_is_refused_without_waiting_for_more() {
        assert_eq!(whole(&[0x81, 0x00]), Err(ReadError::Unmasked));
        assert_eq!(whole(&[0x81, 0x7e, 0, 200]), Err(ReadError::Unmasked));
    }

    #[test]
    fn a_partial_header_says_how_long_it_is() {
        assert_eq!(want(&[]), 0);
        assert_eq!(want(&[0x81]), 2);
        assert_eq!(want(&[0x81, 0x85]), 6);
        assert_eq!(want(&[0x81, 0x85, 1, 2, 3]), 6);
        assert_eq!(want(&[0x81, 0xfe]), 8);
        assert_eq!(want(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 14);
        assert_eq!(want(&[0x81, 0x7e, 0]), 4);
        assert_eq!(want(&[0x81, 0x7f]), 10);
    }
}
