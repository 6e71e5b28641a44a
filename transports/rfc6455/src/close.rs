//! The payload of a close frame (sections 5.5.1, 7.1.5, 7.1.6, 7.4).

use crate::{CloseCode, ReadError};

/// In IANA's registry, but not in the RFC, and so not in [`CloseCode`].
const BAD_GATEWAY: u16 = 1014;

/// The code in a close frame from a peer; `None` if it has none.
///
pub(crate) fn parse(payload: &[u8]) -> Result<Option<CloseCode>, ReadError> {
    match payload {
        [] => Ok(None),
        [_] => Err(ReadError::CloseTruncated),
        [high, low, reason @ ..] => {
            str::from_utf8(reason).map_err(|_| ReadError::NotUtf8)?;
            let number = u16::from_be_bytes([*high, *low]);
            let code = CloseCode::from(number);
            if may_be_sent(code) { Ok(Some(code)) } else { Err(ReadError::CloseCodeInvalid(number)) }
        }
    }
}

/// Whether a code may stand in a close frame: 1000 to 1003, 1007 to 1014, 3000 to 4999.
pub(crate) fn may_be_sent(code: CloseCode) -> bool {
    code.is_allowed() || u16::from(code) == BAD_GATEWAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_there_is() {
        for number in 0..=u16::MAX {
            let allowed = matches!(number, 1000..=1003 | 1007..=1014 | 3000..=4999);
            let expected =
                if allowed { Ok(Some(CloseCode::from(number))) } else { Err(ReadError::CloseCodeInvalid(number)) };
            let got = parse(&number.to_be_bytes());
            assert_eq!(got, expected);
            if let Ok(Some(code)) = got {
                assert_eq!(u16::from(code), number, "the code to echo");
            }
        }
    }

    #[test]
    fn no_code_half_a_code_and_reasons() {
        assert_eq!(parse(b""), Ok(None));
        assert_eq!(parse(b"\x03"), Err(ReadError::CloseTruncated));
        assert_eq!(parse(b"\x03\xe8bye \xe2\x82\xac"), Ok(Some(CloseCode::Normal)));
        assert_eq!(parse(b"\x03\xe8bye \xe2\x82"), Err(ReadError::NotUtf8));
        assert_eq!(parse(b"\x03\xec\xff"), Err(ReadError::NotUtf8));
    }
}
