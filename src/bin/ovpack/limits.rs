//! The flags that bound what a pack may ask for, and how their numbers are written.

use std::num::ParseIntError;

use ovpack::{Limits, MeasureFault, Settings, parse_bytes};

/// Bounds on what a pack may ask for, as far as flags give them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Refuse a manifest of more than BYTES; one of a million long paths has about 250 MiB [default: 256MiB]
    #[arg(long = "max-manifest-bytes", value_name = "BYTES", value_parser = parse_bytes)]
    manifest_bytes: Option<u64>,
    /// Refuse more than N members, or more than N entries in the manifest; each needs a row and a file [default: 10000000]
    #[arg(long = "max-members", value_name = "N")]
    members: Option<u64>,
    /// Refuse a path of more than BYTES; Linux takes no more than 4096 in one call [default: 4096]
    #[arg(long = "max-path-bytes", value_name = "BYTES", value_parser = path_bytes)]
    path_bytes: Option<u64>,
    /// Refuse a component of a path of more than BYTES; Linux file systems hold no more than 255 [default: 255]
    #[arg(long = "max-component-bytes", value_name = "BYTES", value_parser = component_bytes)]
    component_bytes: Option<u64>,
    /// Refuse a path of more than N components; 4096 bytes have room for 2048 [default: 2048]
    #[arg(long = "max-depth", value_name = "N", value_parser = depth)]
    depth: Option<u64>,
    /// Refuse a pack that unpacks to more than N times its size; text reaches 20, logs 100 [default: 200]
    #[arg(long = "max-ratio", value_name = "N")]
    ratio: Option<u64>,
    /// Accept any ratio up to BYTES of unpacked content, which a disk can bear [default: 1GiB]
    #[arg(long = "ratio-floor-bytes", value_name = "BYTES", value_parser = parse_bytes)]
    ratio_floor_bytes: Option<u64>,
    /// Refuse a pack that unpacks to more than BYTES [default: any; import and restore ask for the disk's free space]
    #[arg(long = "max-unpacked-bytes", value_name = "BYTES", value_parser = parse_bytes)]
    unpacked_bytes: Option<u64>,
}

impl LimitArgs {
    /// Returns the limits for the library: the flags, and where there are none the settings.
    pub(crate) fn limits(&self, settings: &Settings) -> Limits {
        let set = settings.limits();
        Limits {
            manifest_bytes: self.manifest_bytes.unwrap_or(set.manifest_bytes),
            members: self.members.unwrap_or(set.members),
            path_bytes: self.path_bytes.unwrap_or(set.path_bytes),
            component_bytes: self.component_bytes.unwrap_or(set.component_bytes),
            depth: self.depth.unwrap_or(set.depth),
            ratio: self.ratio.unwrap_or(set.ratio),
            ratio_floor_bytes: self.ratio_floor_bytes.unwrap_or(set.ratio_floor_bytes),
            unpacked_bytes: self.unpacked_bytes.or(set.unpacked_bytes),
        }
    }

    /// Returns whether names are bounded more tightly than the format does.
    pub(crate) fn shortens_names(&self, settings: &Settings) -> bool {
        let limits = self.limits(settings);
        limits.path_bytes < Limits::PATH_BYTES_MAX
            || limits.component_bytes < Limits::COMPONENT_BYTES_MAX
    }
}

/// Why a text is no number for a flag.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NumberFault {
    /// No number of bytes.
    #[error(transparent)]
    Measure(#[from] MeasureFault),
    /// No number.
    #[error("it is no number")]
    Number(#[from] ParseIntError),
    /// More than the format allows.
    #[error("it can only be made lower than {most}, {reason}")]
    AboveFormat { most: u64, reason: &'static str },
}

fn path_bytes(text: &str) -> Result<u64, NumberFault> {
    let reason = "which is what Linux takes in one call";
    at_most(parse_bytes(text)?, Limits::PATH_BYTES_MAX, reason)
}

fn component_bytes(text: &str) -> Result<u64, NumberFault> {
    let reason = "which is what Linux file systems hold";
    at_most(parse_bytes(text)?, Limits::COMPONENT_BYTES_MAX, reason)
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
        let none = Settings::default();
        assert_eq!(line.limits.limits(&none), Limits::default());
        assert!(!line.limits.shortens_names(&none));
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
