//! Names of sockets: the public text and the place inside.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::slots::SLOTS_PER_GROUP;

/// Names one connection of one socket, for ever: a later socket never gets the same.
///
/// It carries the public id, which clients see and which is the name of the socket's own room, and the place in the
/// engine, so that using it costs no look-up.
#[derive(Clone, Copy)]
pub struct SocketId {
    pub(crate) born: u64,
    pub(crate) slot: u32,
    pub(crate) text: PublicId,
}

impl SocketId {
    /// The public id: 20 characters of the base64url alphabet.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The slot: a small number, used again once the socket is gone. For tables of a lane.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    pub(crate) fn bit(&self) -> u32 {
        1 << (self.slot % SLOTS_PER_GROUP)
    }

    pub(crate) fn group(&self) -> u32 {
        self.slot / SLOTS_PER_GROUP
    }

    /// When the slot was taken, on the engine's clock of connects; with the slot it is unique.
    pub fn born(&self) -> u64 {
        self.born
    }
}

impl PartialEq for SocketId {
    fn eq(&self, other: &Self) -> bool {
        (self.born, self.slot) == (other.born, other.slot)
    }
}

impl Eq for SocketId {}

impl Hash for SocketId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.born, self.slot).hash(state);
    }
}

impl PartialOrd for SocketId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SocketId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.born, self.slot).cmp(&(other.born, other.slot))
    }
}

/// As text, the public id.
#[cfg(feature = "json")]
impl serde::Serialize for SocketId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({})", self.as_str())
    }
}

const ID_BYTES: usize = 20;

/// The text of a [`SocketId`], checked: 20 bytes of the base64url alphabet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublicId([u8; ID_BYTES]);

impl PublicId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; ID_BYTES] = text.as_bytes().try_into().ok()?;
        let fits = bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        fits.then_some(Self(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        // Checked when made, so the empty text is never seen.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id and a namespace's number as three words: what a slot stores.
    pub(crate) fn to_words_with(self, namespace: u32) -> [u64; 3] {
        let mut bytes = [0; 24];
        bytes[..ID_BYTES].copy_from_slice(&self.0);
        bytes[ID_BYTES..].copy_from_slice(&namespace.to_le_bytes());
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at * 8 + i]));
        [word(0), word(1), word(2)]
    }

    /// The namespace's number in the words.
    pub(crate) fn namespace_of(words: [u64; 3]) -> u32 {
        (words[2] >> 32) as u32
    }

    /// The id in the words; `None` if they are torn or were never written.
    pub(crate) fn from_words(words: [u64; 3]) -> Option<Self> {
        let mut bytes = [0; 24];
        for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        std::str::from_utf8(&bytes[..ID_BYTES]).ok().and_then(Self::parse)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_twenty_base64url_characters() {
        assert!(PublicId::parse("abcdefghij0123456-_Z").is_some());
        for bad in ["", "abcdefghij0123456-_", "abcdefghij0123456-_Zx", "abcdefghij0123456-+Z", "äbcdefghij012345678"]
        {
            assert!(PublicId::parse(bad).is_none(), "{bad}");
        }
    }

    #[cfg(feature = "json")]
    #[test]
    fn it_is_its_text_in_json() {
        let id = SocketId { born: 1, slot: 2, text: PublicId::parse("abcdefghij0123456-_Z").unwrap() };
        assert_eq!(serde_json::json!({ "id": id }).to_string(), r#"{"id":"abcdefghij0123456-_Z"}"#);
    }

    #[test]
    fn words_and_back() {
        let id = PublicId::parse("abcdefghij0123456-_Z").unwrap();
        let words = id.to_words_with(7);
        assert!(PublicId::from_words(words) == Some(id));
        assert_eq!(PublicId::namespace_of(words), 7);
        assert!(PublicId::from_words([0; 3]).is_none());
    }
}
