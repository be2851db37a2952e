//! The flags that bound what a pack may ask for, and how their numbers are written.

use std::num::ParseIntError;

use ovpack::Limits;

/// Bounds on what a pack may ask for.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Refuse a manifest of more than BYTES; one of a million long paths has about 250 MiB
    #[arg(long = "max-manifest-bytes", value_name = "BYTES", default_value = "256MiB", value_parser = byte_count)]
    manifest_bytes: u64,
    /// Refuse more than N members, or more than N entries in the manifest; each needs a row and a file
    #[arg(long = "max-members", value_name = "N", default_value = "10000000")]
    members: u64,
    /// Refuse a path of more than BYTES; Linux takes no more than 4096 in one call
    #[arg(long = "max-path-bytes", value_name = "BYTES", default_value = "4096", value_parser = path_bytes)]
    path_bytes: u64,
    /// Refuse a component of a path of more than BYTES; Linux file systems hold no more than 255
    #[arg(long = "max-component-bytes", value_name = "BYTES", default_value = "255", value_parser = component_bytes)]
    component_bytes: u64,
    /// Refuse a path of more than N components; 4096 bytes have room for 2048
    #[arg(long = "max-depth", value_name = "N", default_value = "2048", value_parser = depth)]
    depth: u64,
    /// Refuse a pack that unpacks to more than N times its size; text reaches 20, logs 100
    #[arg(long = "max-ratio", value_name = "N", default_value = "200")]
    ratio: u64,
    /// Accept any ratio up to BYTES of unpacked content, which a disk can bear
    #[arg(long = "ratio-floor-bytes", value_name = "BYTES", default_value = "1GiB", value_parser = byte_count)]
    ratio_floor_bytes: u64,
    /// Refuse a pack that unpacks to more than BYTES [default: any; import and restore ask for the disk's free space]
    #[arg(long = "max-unpacked-bytes", value_name = "BYTES", value_parser = byte_count)]
    unpacked_bytes: Option<u64>,
}

impl LimitArgs {
    /// Returns the limits for the library.
    pub(crate) const fn limits(&self) -> Limits {
        Limits {
            manifest_bytes: self.manifest_bytes,
            members: self.members,
            path_bytes: self.path_bytes,
            component_bytes: self.component_bytes,
            depth: self.depth,
            ratio: self.ratio,
            ratio_floor_bytes: self.ratio_floor_bytes,
            unpacked_bytes: self.unpacked_bytes,
        }
    }

    /// Returns whether names are bounded more tightly than the format does.
    pub(crate) const fn shortens_names(&self) -> bool {
        self.path_bytes < Limits::PATH_BYTES_MAX
            || self.component_bytes < Limits::COMPONENT_BYTES_MAX
    }
}

/// Why a text is no number for a flag.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NumberFault {
    /// No number, or no unit.
    #[error("it is no number of bytes; write it like 268435456, 256MiB or 1GiB")]
    Bytes,
    /// Too large a number.
    #[error("it is more bytes than 64 bits can count")]
    TooMany,
    /// No number.
    #[error("it is no number")]
    Number(#[from] ParseIntError),
    /// More than the format allows.
    #[error("it can only be made lower than {most}, {reason}")]
    AboveFormat { most: u64, reason: &'static str },
}

/// Units that a number of bytes may have, and their bytes.
const UNITS: [(&str, u64); 9] = [
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

/// Reads a number of bytes, with a unit or without.
pub(crate) fn byte_count(text: &str) -> Result<u64, NumberFault> {
    let with_unit = UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (digits, unit_bytes) = with_unit.unwrap_or((text, 1));
    let digits = digits.trim_end_matches(' ');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberFault::Bytes);
    }
    let count: u64 = digits.parse().map_err(|_| NumberFault::TooMany)?;
    count.checked_mul(unit_bytes).ok_or(NumberFault::TooMany)
}

fn path_bytes(text: &str) -> Result<u64, NumberFault> {
    let reason = "which is what Linux takes in one call";
    at_most(byte_count(text)?, Limits::PATH_BYTES_MAX, reason)
}

fn component_bytes(text: &str) -> Result<u64, NumberFault> {
    let reason = "which is what Linux file systems hold";
    at_most(byte_count(text)?, Limits::COMPONENT_BYTES_MAX, reason)
}

fn depth(text: &str) -> Result<u64, NumberFault> {
    let reason = "as many components as 4096 bytes have room for";
    at_most(text.parse()?, Limits::DEPTH_MAX, reason)
}

const fn at_most(value: u64, most: u64, reason: &'static str) -> Result<u64, NumberFault> {
    if value > most {
        return Err(NumberFault::AboveFormat { most, reason });
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        limits: LimitArgs,
    }

    #[test]
    fn without_flags_the_limits_are_the_librarys() {
        let line = Line::try_parse_from(["x"]).expect("understood");
        assert_eq!(line.limits.limits(), Limits::default());
        assert!(!line.limits.shortens_names());
    }

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
            ("18446744073709551616", Err(NumberFault::TooMany)),
            ("16777216TiB", Err(NumberFault::TooMany)),
            ("", Err(NumberFault::Bytes)),
            ("MiB", Err(NumberFault::Bytes)),
            ("1.5GiB", Err(NumberFault::Bytes)),
            ("-1", Err(NumberFault::Bytes)),
            ("+1", Err(NumberFault::Bytes)),
            ("1mib", Err(NumberFault::Bytes)),
            ("1 000", Err(NumberFault::Bytes)),
        ] {
            assert_eq!(byte_count(text), count, "{text:?}");
        }
    }

    #[test]
    fn bounds_on_paths_are_refused_above_what_the_format_allows() {
        assert_eq!(path_bytes("4KiB"), Ok(4096));
        assert_eq!(component_bytes("255"), Ok(255));
        assert_eq!(depth("2048"), Ok(2048));
        for (fault, most) in [
            (path_bytes("4097"), 4096),
            (component_bytes("256"), 255),
            (depth("2049"), 2048),
        ] {
            assert!(
                matches!(fault, Err(NumberFault::AboveFormat { most: found, .. }) if found == most),
                "{fault:?}"
            );
        }
    }
}
