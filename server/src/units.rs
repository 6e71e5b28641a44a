//! Values of settings as people write them: `25000`, `25s`, `1MB`.

use std::time::Duration;

/// A time: a number of milliseconds, or with a unit.
///
/// # Errors
/// What to write instead.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 6] =
        [("ms", 1), ("s", 1_000), ("min", 60_000), ("m", 60_000), ("h", 3_600_000), ("", 1)];
    parse(text, &UNITS)
        .map(Duration::from_millis)
        .ok_or_else(|| "write a whole number of milliseconds, or one with a unit: 25000, 25s, 2m".into())
}

/// A time that is not zero.
///
/// # Errors
/// What to write instead.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() { Err("it has to be longer than 0".into()) } else { Ok(time) }
}

/// A size: a number of bytes, or with a unit.
///
/// # Errors
/// What to write instead.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, u64); 10] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("k", 1_000),
        ("m", 1_000_000),
        ("b", 1),
        ("", 1),
    ];
    parse(text, &UNITS)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "write a whole number of bytes, or one with a unit: 1000000, 1MB, 512KiB".into())
}

/// A whole number followed by one of the units, of which the last is the one without a name.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let cases = [
            ("0", 0),
            ("25000", 25_000),
            ("25s", 25_000),
            ("300ms", 300),
            ("2m", 120_000),
            ("2 min", 120_000),
            ("1H", 3_600_000),
        ];
        for (text, ms) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "s",
            "-1",
            "1.5s",
            "1e3",
            "often",
            "1d",
            "5 s s",
            "99999999999999999999",
            "9999999999999999h",
            "+5",
            "٣",
        ] {
            assert!(duration(text).unwrap_err().contains("25s"), "{text}");
        }
        assert!(positive_duration("0s").is_err());
    }

    #[test]
    fn sizes() {
        let cases = [
            ("1000000", 1_000_000),
            ("1MB", 1_000_000),
            ("1mb", 1_000_000),
            ("1MiB", 1 << 20),
            ("64k", 64_000),
            ("64 KiB", 65_536),
            ("5B", 5),
        ];
        for (text, size) in cases {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "MB", "-5", "lots", "1.5MB", "99999999999999999999999", "1TB"] {
            assert!(bytes(text).unwrap_err().contains("1MB"), "{text}");
        }
    }
}
