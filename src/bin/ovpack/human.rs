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
    fn times_are_shown_to_the_second() {
        assert_eq!(time("2026-05-11T09:30:00.123Z"), "2026-05-11 09:30:00Z");
        assert_eq!(time("12 ms"), "12 ms");
    }
}
