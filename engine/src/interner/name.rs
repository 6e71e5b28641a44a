//! What a room is called, in 24 bytes.

use smallvec::SmallVec;

/// A namespace's number and a name in it, in one run of bytes: up to 12 bytes of name need no allocation, and a room with
/// its inline cells fills two cache lines.
#[derive(Default)]
pub(super) struct Name(SmallVec<[u8; 16]>);

const PREFIX: usize = size_of::<u32>();

impl Name {
    pub(super) fn new(namespace: u32, text: &str) -> Self {
        let mut bytes = SmallVec::with_capacity(PREFIX + text.len());
        bytes.extend_from_slice(&namespace.to_ne_bytes());
        bytes.extend_from_slice(text.as_bytes());
        Self(bytes)
    }

    /// The namespace's number; of no room any.
    pub(super) fn namespace(&self) -> u32 {
        self.0.first_chunk().map_or(0, |prefix| u32::from_ne_bytes(*prefix))
    }

    /// The name without its namespace; of no room nothing.
    pub(super) fn text(&self) -> &[u8] {
        self.0.get(PREFIX..).unwrap_or_default()
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.text()))
    }
}
