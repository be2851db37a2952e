//! Numbers and names as people read them.

use std::fmt;
use std::time::Duration;

/// Shows bytes in decimal units with one digit: `300 B`, `1.2 kB`, `48.0 MB`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            ("kB", 1_000_u64),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("TB", 1_000_000_000_000),
        ];
        // 999,950 is the first number that one digit of kB would show as 1000.0.
        let unit = units
            .iter()
            .find(|(_, size)| u128::from(self.0) * 1000 < u128::from(*size) * 999_950)
            .or(units.last());
        let text = match unit {
            Some((name, size)) if self.0 >= 1000 => {
                let tenths = (u128::from(self.0) * 10 + u128::from(size / 2)) / u128::from(*size);
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            }
            _ => format!("{} B", self.0),
        };
        f.pad(&text)
    }
}

/// Shows a number with its noun: `1 file`, `2 files`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (1, noun) => write!(f, "1 {noun}"),
            (count, "directory") => write!(f, "{count} directories"),
            (count, noun) => write!(f, "{count} {noun}s"),
        }
    }
}

/// Shows a time span in seconds: `0.02 s`, `3.5 s`, `71 s`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.0.as_secs() {
            0 => 2,
            1..=59 => 1,
            _ => 0,
        };
        write!(f, "{:.digits$} s", self.0.as_secs_f64())
    }
}

/// Shows how long an act took, and how many bytes a second that is where it took a while: `0.02 s`,
/// `12.5 s (48.0 MB/s)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace(pub(crate) Duration, pub(crate) u64);

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(took, bytes) = *self;
        Seconds(took).fmt(f)?;
        let each_second = u128::from(bytes)
            .saturating_mul(1000)
            .checked_div(took.as_millis());
        match each_second.and_then(|bytes| u64::try_from(bytes).ok()) {
            Some(each_second) if took.as_secs() > 0 => write!(f, " ({}/s)", Bytes(each_second)),
            _ => Ok(()),
        }
    }
}

/// Shows an RFC 3339 time as people speak of it: `5 minutes ago`, `3 days ago`; older ones and those to
/// come to the second.
pub(crate) fn ago(rfc3339: &str) -> String {
    // What cannot be written so is told in milliseconds, which would be read as a time span.
    let is_rfc3339 = rfc3339.contains('T');
    let long_ago = ovpack::parse_time(rfc3339)
        .filter(|_| is_rfc3339)
        .zip(ovpack::parse_time("0s"))
        .and_then(|(then, now)| u64::try_from(now.checked_sub(then)?).ok());
    long_ago.and_then(span).map_or_else(
        || time(rfc3339),
        |span| match span {
            Count(0, _) => "just now".to_owned(),
            span => format!("{span} ago"),
        },
    )
}

/// Returns a time span in its largest whole unit; none where it is longer than a month.
fn span(ms: u64) -> Option<Count> {
    let minutes = ms / 60_000;
    match minutes {
        0..60 => Some(Count(minutes, "minute")),
        60..1_440 => Some(Count(minutes / 60, "hour")),
        1_440..43_200 => Some(Count(minutes / 1_440, "day")),
        _ => None,
    }
}

/// Shows an RFC 3339 time without its fraction and its `T`: `2026-05-11 09:30:00Z`.
pub(crate) fn time(rfc3339: &str) -> String {
    match rfc3339.split_once('.') {
        Some((seconds, _)) => format!("{}Z", seconds.replace('T', " ")),
        None => rfc3339.to_owned(),
    }
}

/// Joins names for a sentence.
pub(crate) fn list<T: fmt::Display>(all: &[T]) -> String {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_digit_and_a_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1249, "1.2 kB"),
            (1250, "1.3 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (127_384, "127.4 kB"),
            (48_000_000, "48.0 MB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        assert_eq!(format!("{:>8}|", Bytes(5)), "     5 B|");
    }

    #[test]
    fn counts_agree_with_their_noun() {
        assert_eq!(Count(1, "file").to_string(), "1 file");
        assert_eq!(Count(0, "file").to_string(), "0 files");
        assert_eq!(Count(2, "directory").to_string(), "2 directories");
    }

    #[test]
    fn time_spans_have_fewer_digits_the_longer_they_are() {
        for (ms, text) in [(19, "0.02 s"), (3_450, "3.5 s"), (71_300, "71 s")] {
            assert_eq!(Seconds(Duration::from_millis(ms)).to_string(), text);
        }
    }

    #[test]
    fn the_pace_is_told_of_what_takes_a_while() {
        for (ms, text) in [(999, "1.00 s"), (2_000, "2.0 s (24.0 MB/s)"), (0, "0.00 s")] {
            let pace = Pace(Duration::from_millis(ms), 48_000_000);
            assert_eq!(pace.to_string(), text);
        }
    }

    #[test]
    fn times_are_told_by_how_long_ago_they_are() {
        for (ms, text) in [
            (59_999, Some("0 minutes")),
            (60_000, Some("1 minute")),
            (3_599_999, Some("59 minutes")),
            (3_600_000, Some("1 hour")),
            (86_400_000, Some("1 day")),
            (2_592_000_000, None),
        ] {
            assert_eq!(span(ms).map(|span| span.to_string()).as_deref(), text);
        }
        assert_eq!(ago("2026-05-11T09:30:00.123Z"), "2026-05-11 09:30:00Z");
        assert_eq!(ago("12 ms"), "12 ms");
    }

    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(time("2026-05-11T09:30:00.123Z"), "2026-05-11 09:30:00Z");
        assert_eq!(time("12 ms"), "12 ms");
    }
}
