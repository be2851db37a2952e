//! Amounts as people type them: bytes and time spans with a unit.

use std::time::Duration;

/// Units of bytes; longer names come before those that they end with.
const BYTES: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
    ("", 1),
];

/// Units of time, in seconds. None is `m`, which could be minutes or months.
const SPANS: &[(&str, u64)] = &[("w", 604_800), ("d", 86_400), ("h", 3_600), ("s", 1)];

/// Reads `10GiB`, `500 MB` or a plain number of bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    amount(text, BYTES).ok_or_else(|| "expected bytes, such as 500MB or 10GiB".to_owned())
}

/// Reads `30d`, `2w`, `12h` or `90s`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    amount(text, SPANS)
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time span with its unit, such as 12h, 30d or 2w".to_owned())
}

fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    units.iter().find_map(|(unit, size)| {
        let number = text.strip_suffix(unit)?.trim_end();
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number
            .then(|| number.parse::<u64>().ok()?.checked_mul(*size))
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_decimal_and_binary_units() {
        for (text, expected) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("2kB", 2_000),
            ("3 KiB", 3 << 10),
            ("10GiB", 10 << 30),
            ("1TB", 1_000_000_000_000),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "B",
            "-1",
            "+1",
            "1.5GB",
            "1gb",
            "10 X",
            "99999999999999999999",
            "99999999TiB",
        ] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_span_needs_its_unit() {
        for (text, seconds) in [
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("12h", 43_200),
            ("0s", 0),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "30", "d", "1m", "-1d", "1.5h", "99999999999999999999d"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
