//! Numbers of bytes and spans of time as people write them.

use std::time::Duration;

/// Why a text is no measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureFault {
    /// No number of bytes, or no unit of bytes.
    #[error("it is no number of bytes; write it like 268435456, 256MiB or 1GiB")]
    Bytes,
    /// Too large a number of bytes.
    #[error("it is more bytes than 64 bits can count")]
    TooManyBytes,
    /// No span of time, or no unit of time.
    #[error("it is no time span; write it with its unit, like 12h, 30d or 2w")]
    Span,
    /// Too long a span of time.
    #[error("it is more seconds than 64 bits can count")]
    TooLong,
}

/// Units of bytes, and their bytes.
const BYTES: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Units of time, and their seconds. None is `m`, which could be minutes or months.
const SECONDS: [(&str, u64); 4] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("s", 1)];

/// Reads a number of bytes, with a unit or without, such as `256MiB`.
///
/// # Errors
/// [`MeasureFault::Bytes`], [`MeasureFault::TooManyBytes`].
pub fn parse_bytes(text: &str) -> Result<u64, MeasureFault> {
    let (digits, unit_bytes) = split(text, &BYTES).unwrap_or((text, 1));
    let digits = digits.trim_end_matches(' ');
    if !is_number(digits) {
        return Err(MeasureFault::Bytes);
    }
    let count: u64 = digits.parse().map_err(|_| MeasureFault::TooManyBytes)?;
    count
        .checked_mul(unit_bytes)
        .ok_or(MeasureFault::TooManyBytes)
}

/// Reads a time span with its unit, such as `30d`; a day has 24 hours.
///
/// # Errors
/// [`MeasureFault::Span`], [`MeasureFault::TooLong`].
pub fn parse_age(text: &str) -> Result<Duration, MeasureFault> {
    let (digits, unit_seconds) = split(text, &SECONDS).ok_or(MeasureFault::Span)?;
    if !is_number(digits) {
        return Err(MeasureFault::Span);
    }
    let count: u64 = digits.parse().map_err(|_| MeasureFault::TooLong)?;
    let seconds = count.checked_mul(unit_seconds);
    seconds
        .map(Duration::from_secs)
        .ok_or(MeasureFault::TooLong)
}

fn split<'a>(text: &'a str, units: &[(&str, u64)]) -> Option<(&'a str, u64)> {
    let mut units = units.iter();
    units.find_map(|(unit, worth)| Some((text.strip_suffix(unit)?, *worth)))
}

fn is_number(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes_have_a_unit_or_none() {
        for (text, count) in [
            ("0", Ok(0)),
            ("268435456", Ok(268_435_456)),
            ("256MiB", Ok(268_435_456)),
            ("1GiB", Ok(1 << 30)),
            ("3 KiB", Ok(3072)),
            ("2TiB", Ok(2 << 40)),
            ("5kB", Ok(5000)),
            ("5MB", Ok(5_000_000)),
            ("5GB", Ok(5_000_000_000)),
            ("5TB", Ok(5_000_000_000_000)),
            ("7B", Ok(7)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("18446744073709551616", Err(MeasureFault::TooManyBytes)),
            ("16777216TiB", Err(MeasureFault::TooManyBytes)),
            ("", Err(MeasureFault::Bytes)),
            ("MiB", Err(MeasureFault::Bytes)),
            ("1.5GiB", Err(MeasureFault::Bytes)),
            ("-1", Err(MeasureFault::Bytes)),
            ("+1", Err(MeasureFault::Bytes)),
            ("1mib", Err(MeasureFault::Bytes)),
            ("1 000", Err(MeasureFault::Bytes)),
        ] {
            assert_eq!(parse_bytes(text), count, "{text:?}");
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
            assert_eq!(parse_age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "30", "d", "1m", "-1d", "1.5h", "1 d"] {
            assert_eq!(parse_age(text), Err(MeasureFault::Span), "{text}");
        }
        for text in ["99999999999999999999d", "99999999999999999w"] {
            assert_eq!(parse_age(text), Err(MeasureFault::TooLong), "{text}");
        }
    }
}
