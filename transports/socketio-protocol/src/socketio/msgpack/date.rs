//! Dates as JavaScript writes them into JSON.

use std::fmt::Write;

/// The furthest that a Date can be from 1970, in milliseconds (ECMA-262, "Time Values and Time Range").
const FURTHEST: i64 = 8_640_000_000_000_000;

/// What `new Date(millis).toJSON()` gives; none if there is no such date.
pub(super) fn to_json(millis: i64) -> Option<String> {
    if !(-FURTHEST..=FURTHEST).contains(&millis) {
        return None;
    }
    let (day, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil(day);
    let mut text = String::with_capacity(27);
    // Writing into a string cannot fail.
    let _ = match year {
        0..=9_999 => write!(text, "{year:04}"),
        _ => write!(text, "{year:+07}"),
    };
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1_000 % 60, rest % 1_000);
    let _ = write!(text, "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z");
    Some(text)
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Years are taken to begin in March, so that the day that only some have is their last; 400 of them have 146,097 days.
/// (H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.)
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468; // from 0000-03-01
    let (era, day_of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_node_writes_them() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (FURTHEST, "+275760-09-13T00:00:00.000Z"),
            (-FURTHEST, "-271821-04-20T00:00:00.000Z"),
        ] {
            assert_eq!(to_json(millis).as_deref(), Some(text));
        }
        for millis in [FURTHEST + 1, -FURTHEST - 1, i64::MAX, i64::MIN] {
            assert_eq!(to_json(millis), None);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = civil(-800_000);
        for day in -799_999..800_000 {
            let (year, month, day_of_month) = civil(day);
            let next_day = (year, month) == (last.0, last.1) && day_of_month == last.2 + 1;
            let next_month = day_of_month == 1 && last.2 == days(last.0, last.1);
            let follows = (year, month) == if last.1 == 12 { (last.0 + 1, 1) } else { (last.0, last.1 + 1) };
            assert!(next_day || (next_month && follows), "{last:?} and {:?}", (year, month, day_of_month));
            last = (year, month, day_of_month);
        }
    }

    fn days(year: i64, month: i64) -> i64 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}
