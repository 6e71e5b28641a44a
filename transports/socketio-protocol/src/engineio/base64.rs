//! Base64 within text, appended and read without a buffer in between.

use ::base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::BytesMut;

/// The alphabet of RFC 4648 section 4. Padding is written; some clients leave it out, so it need not be there.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters that `bytes` bytes become.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

/// Appends `bytes` as base64.
pub(crate) fn append(bytes: &[u8], out: &mut BytesMut) {
    let start = out.len();
    out.resize(start + encoded_len(bytes.len()), 0);
    let written = ENGINE.encode_slice(bytes, &mut out[start..]);
    debug_assert_eq!(written, Ok(encoded_len(bytes.len())), "the room was measured");
    out.truncate(start + written.unwrap_or(0));
}

/// The bytes that `text` stands for, if it is base64.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    ENGINE.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_4648() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
        {
            let mut out = BytesMut::from(&b"before"[..]);
            append(bytes.as_bytes(), &mut out);
            assert_eq!(&out[6..], text.as_bytes());
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
            assert_eq!(decode(text.trim_end_matches('=').as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn what_is_no_base64() {
        for text in ["Z", "Zh==", "Zm9v!", "Zm 9", "Zm9v\n", "_-8=", "=", "Zg==Zg=="] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
