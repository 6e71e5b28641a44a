//! Where a message stands in a journal.

use std::fmt;
use std::str::FromStr;

use ahash::RandomState;

use crate::error::OffsetError;

/// Where a message stands in the [`Journal`](crate::Journal) of its namespace. As text it is short, and of digits and small
/// letters only.
///
/// It is no secret and proves nothing: who reads it from a client checks first that the session is the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub(crate) u64);

const RADIX: u32 = 36;
/// Digits of `u64::MAX`.
const DIGITS_MAX: usize = 13;

impl Offset {
    /// Where a journal begins: 51 bits at random, and one more, so that texts are about of one length.
    pub(super) fn random(seeds: &RandomState) -> Self {
        Self(seeds.hash_one(0_u64) >> 13 | 1 << 51)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut digits, mut from, mut left) = ([0; DIGITS_MAX], DIGITS_MAX, self.0);
        while left > 0 || from == DIGITS_MAX {
            from -= 1;
            digits[from] = b"0123456789abcdefghijklmnopqrstuvwxyz"[(left % u64::from(RADIX)) as usize];
            left /= u64::from(RADIX);
        }
        f.write_str(std::str::from_utf8(&digits[from..]).unwrap_or_default())
    }
}

impl FromStr for Offset {
    type Err = OffsetError;

    fn from_str(text: &str) -> Result<Self, OffsetError> {
        // A sign is no digit here.
        let digits = text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        let number = digits.then(|| u64::from_str_radix(text, RADIX).ok()).flatten();
        number.map(Self).ok_or(OffsetError)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for number in [0, 1, 35, 36, 1 << 51, u64::MAX] {
            let text = Offset(number).to_string();
            assert!(!text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
            assert_eq!(text.parse(), Ok(Offset(number)));
        }
        assert_eq!((Offset(35).to_string(), Offset(u64::MAX).to_string()), ("z".into(), "3w5e11264sgsf".into()));
    }

    #[test]
    fn no_text_but_its_own() {
        for bad in ["", "+1", "-1", " 1", "1 ", "A", "ä", "_", "3w5e11264sgsg", "00000000000000000000000000000+"] {
            assert_eq!(bad.parse::<Offset>(), Err(OffsetError), "{bad}");
        }
    }

    #[test]
    fn journals_begin_far_from_each_other() {
        let begins: Vec<u64> = (0..8).map(|_| Offset::random(&RandomState::new()).0).collect();
        for (at, begin) in begins.iter().enumerate() {
            assert!((10..=11).contains(&Offset(*begin).to_string().len()), "{begin}");
            assert!(begins[..at].iter().all(|other| other.abs_diff(*begin) > 1_000_000), "{begins:?}");
        }
    }
}
