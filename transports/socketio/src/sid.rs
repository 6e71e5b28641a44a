//! Ids of Engine.IO sessions, and other secrets of 120 random bits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const LENGTH: usize = 20;

/// 20 characters of the base64url alphabet. Whoever knows it acts as its client, so it is never shown to others, nor logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sid([u8; LENGTH]);

impl Sid {
    /// A new one; `None` if the system has no randomness.
    pub(crate) fn random() -> Option<Self> {
        let (mut bytes, mut text) = ([0; 15], [0; LENGTH]);
        getrandom::fill(&mut bytes).ok()?;
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).ok()?;
        (written == LENGTH).then_some(Self(text))
    }

    /// What a client says. What has another form is no id of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; LENGTH] = text.as_bytes().try_into().ok()?;
        let is_ours = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
        is_ours.then_some(Self(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        // Both constructors see to it that it is ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_and_parsed_back() {
        let (one, two) = (Sid::random().unwrap(), Sid::random().unwrap());
        assert!(one != two && one.as_str().len() == LENGTH);
        assert!(Sid::parse(one.as_str()) == Some(one));
        for text in ["", "short", "abcdefghij012345678\n", "äbcdefghij012345678", "abcdefghij01234567890"] {
            assert!(Sid::parse(text).is_none(), "{text}");
        }
    }
}
