//! Time spans as people type them.

use std::time::Duration;

/// Why a text is no time span.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AgeFault {
    /// No number, or no unit.
    #[error("it is no time span; write it with its unit, like 12h, 30d or 2w")]
    Span,
    /// Too large a number.
    #[error("it is more seconds than 64 bits can count")]
    TooMany,
}

/// Units and their seconds. None is `m`, which could be minutes or months.
const UNITS: [(&str, u64); 4] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("s", 1)];

/// Reads a time span with its unit.
pub(crate) fn age(text: &str) -> Result<Duration, AgeFault> {
    let with_unit = UNITS
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)));
    let (digits, unit_seconds) = with_unit.ok_or(AgeFault::Span)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AgeFault::Span);
    }
    let count: u64 = digits.parse().map_err(|_| AgeFault::TooMany)?;
    let seconds = count.checked_mul(unit_seconds);
    seconds.map(Duration::from_secs).ok_or(AgeFault::TooMany)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_span_needs_its_unit() {
        for (text, seconds) in [
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("12h", 43_200),
            ("0s", 0),
        ] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "30", "d", "1m", "-1d", "1.5h", "1 d"] {
            assert_eq!(age(text), Err(AgeFault::Span), "{text}");
        }
        for text in ["99999999999999999999d", "99999999999999999w"] {
            assert_eq!(age(text), Err(AgeFault::TooMany), "{text}");
        }
    }
}
