//! Random public ids of sockets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const ID_BYTES: usize = 15;
const POOL_BYTES: usize = 64 * ID_BYTES;

/// Makes ids of 120 random bits, asking the system for many at a time.
pub(crate) struct Ids {
    pool: Box<[u8; POOL_BYTES]>,
    used: usize,
}

impl Default for Ids {
    fn default() -> Self {
        Self { pool: Box::new([0; POOL_BYTES]), used: POOL_BYTES }
    }
}

impl Ids {
    /// 20 characters of the base64url alphabet. `None` if the system has no randomness.
    pub(crate) fn id(&mut self) -> Option<String> {
        self.take().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
    }

    /// A number below `limit`, near enough uniform for spreading things.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let random = self.take().and_then(|bytes| Some(u64::from_le_bytes(bytes.first_chunk::<8>().copied()?)));
        ((u128::from(random.unwrap_or(0)) * u128::from(limit)) >> 64) as u64
    }

    fn take(&mut self) -> Option<[u8; ID_BYTES]> {
        if self.used == POOL_BYTES {
            getrandom::fill(&mut self.pool[..]).ok()?;
            self.used = 0;
        }
        let at = self.used;
        self.used += ID_BYTES;
        let bytes = self.pool[at..].first_chunk().copied();
        // Each secret is used once.
        self.pool[at..self.used].fill(0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_well_formed_and_differ() {
        let mut ids = Ids::default();
        let all: HashSet<String> = (0..1_000).map(|_| ids.id().unwrap()).collect();
        assert_eq!(all.len(), 1_000);
        assert!(
            all.iter()
                .all(|id| id.len() == 20 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
        );
    }

    #[test]
    fn numbers_stay_below_and_spread() {
        let mut ids = Ids::default();
        let numbers: Vec<u64> = (0..1_000).map(|_| ids.below(10)).collect();
        assert!((0..10).all(|n| numbers.contains(&n)) && numbers.iter().all(|n| *n < 10));
        assert_eq!(ids.below(0), 0);
    }
}
