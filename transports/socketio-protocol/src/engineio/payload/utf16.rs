//! Lengths in UTF-16 code units: what a string of JavaScript counts.
//!
//! A character outside the Basic Multilingual Plane, four bytes in UTF-8, is two units; all others are one.

/// Units of text given as UTF-8. One pass that compilers make vector code of.
pub(crate) fn len(text: &[u8]) -> usize {
    text.iter().map(|byte| units_begun_by(*byte)).sum()
}

/// Bytes of the first `units` units of UTF-8, if there are so many and they end with a character.
///
/// Looks at no byte behind them.
pub(crate) fn prefix(text: &[u8], units: usize) -> Option<usize> {
    // No unit has less than a byte.
    if text.get(..units)?.is_ascii() {
        return Some(units);
    }
    let mut left = units;
    for (at, &byte) in text.iter().enumerate() {
        let begun = units_begun_by(byte);
        if left == 0 && begun > 0 {
            return Some(at);
        }
        left = left.checked_sub(begun)?;
    }
    (left == 0).then_some(text.len())
}

fn units_begun_by(byte: u8) -> usize {
    match byte {
        0x80..=0xbf => 0,
        0xf0.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "aé\u{ffff}\u{10000}z\u{10ffff}€";

    #[test]
    fn lengths_are_those_of_utf_16() {
        for (at, _) in TEXT.char_indices() {
            assert_eq!(len(&TEXT.as_bytes()[at..]), TEXT[at..].encode_utf16().count());
        }
    }

    #[test]
    fn prefixes_end_with_characters() {
        let whole: Vec<u16> = TEXT.encode_utf16().collect();
        for units in 0..=whole.len() {
            let expected = String::from_utf16(&whole[..units]).ok().map(|text| text.len());
            assert_eq!(prefix(TEXT.as_bytes(), units), expected, "{units}");
        }
        assert_eq!(prefix(TEXT.as_bytes(), whole.len() + 1), None);
        assert_eq!(prefix(TEXT.as_bytes(), usize::MAX), None);
        assert_eq!(prefix(b"", 0), Some(0));
        assert_eq!(prefix(b"ascii", 3), Some(3));
    }
}
