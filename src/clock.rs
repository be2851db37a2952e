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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_to_the_millisecond() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_778_491_800_123), "2026-05-11T09:30:00.123Z");
        assert_eq!(rfc3339(i64::MAX), format!("{} ms", i64::MAX));
    }
}
