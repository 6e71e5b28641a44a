//! What names a session, and is as good as a password while it lives.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// 192 bits, as uid-safe makes them for Express: nobody finds one by trying.
const RANDOM_BYTES: usize = 24;
/// Sessions that another program began may have ids of its own form.
const BYTES_MAX: usize = 1024;

/// The name of a session. Whoever has it, signed, has the session: it is not for logs, and `Debug` shows its beginning only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// A new one, from the operating system's random numbers.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    /// One that somebody has, a cookie or a list of a user's sessions; `None` if it is empty or longer than 1,024 bytes. It says
    /// nothing about whether there is such a session.
    pub fn new(text: &str) -> Option<Self> {
        (1..=BYTES_MAX).contains(&text.len()).then(|| Self(text.into()))
    }

    /// Its text: of new ones 32 characters of the base64url alphabet, of those of other programs anything.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beginning: String = self.0.chars().take(4).collect();
        write!(f, "SessionId({beginning}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_differ_and_are_not_shown_whole() {
        let (one, other) = (SessionId::random().unwrap(), SessionId::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 32);
        assert!(!format!("{one:?}").contains(one.as_str()));
    }

    #[test]
    fn foreign_ids_have_a_length() {
        assert_eq!(SessionId::new(""), None);
        assert_eq!(SessionId::new(&"x".repeat(BYTES_MAX + 1)), None);
        assert!(SessionId::new("x").is_some());
    }
}
