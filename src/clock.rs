//! Time, as milliseconds since 1970-01-01 UTC. The only place that reads the clock.

use std::time::SystemTime;

/// Returns the time now, in milliseconds since 1970-01-01 UTC; 0 where the clock stands before.
pub(crate) fn now_ms() -> i64 {
    i64::try_from(now_ns() / 1_000_000).unwrap_or(i64::MAX)
}

/// Returns the time now, in nanoseconds since 1970-01-01 UTC; 0 where the clock stands before.
pub(crate) fn now_ns() -> i128 {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i128::try_from(since.as_nanos()).unwrap_or(0))
}

/// Returns a time as RFC 3339 text in UTC, such as `2026-05-11T09:30:00.123Z`.
pub fn rfc3339(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map_or_else(|_| format!("{at_ms} ms"), |time| format!("{time:.3}"))
}

/// Returns the time that a person means, in milliseconds since 1970-01-01 UTC; `None` where nobody
/// could tell: RFC 3339, a date (its first instant in UTC), or how long ago, such as `90m`, `2h` or
/// `30d` (a day is 24 hours).
pub fn parse_time(text: &str) -> Option<i64> {
    time_before(text, now_ms())
}

fn time_before(text: &str, now_ms: i64) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    // A date alone: jiff would leave a time without a zone aside.
    if text.len() == "2026-05-11".len()
        && let Ok(date) = text.parse::<jiff::civil::Date>()
    {
        let begin = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        return Some(begin.timestamp().as_millisecond());
    }
    let ago = text.strip_suffix("ago").unwrap_or(text).trim();
    let span = ago.parse::<jiff::Span>().ok()?;
    let days_are_24_hours = jiff::SpanRelativeTo::days_are_24_hours();
    let length = span.to_duration(days_are_24_hours).ok()?;
    let length_ms = i64::try_from(length.as_millis()).ok()?;
    (length_ms >= 0).then(|| now_ms.checked_sub(length_ms))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = 1_778_491_800_123;
        for (text, time) in [
            ("2026-05-11T09:30:00.123Z", Some(now)),
            ("2026-05-11T11:30:00.123+02:00", Some(now)),
            ("2026-05-11", Some(1_778_457_600_000)),
            ("2h", Some(now - 7_200_000)),
            ("90m ago", Some(now - 5_400_000)),
            ("30d", Some(now - 30 * 86_400_000)),
            ("1w 1d", Some(now - 8 * 86_400_000)),
            ("-2h", None),
            ("2 months", None),
            ("yesterday", None),
            ("2026-05-11T09:30:00", None),
            ("", None),
        ] {
            assert_eq!(time_before(text, now), time, "{text}");
        }
    }

    #[test]
    fn times_are_written_in_utc_to_the_millisecond() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_778_491_800_123), "2026-05-11T09:30:00.123Z");
        assert_eq!(rfc3339(i64::MAX), format!("{} ms", i64::MAX));
    }
}
