//! Bounds on what a pack may ask for.

use crate::entry_path::{COMPONENT_BYTES_MAX, PATH_BYTES_MAX};

/// What a pack may claim before it is refused. Whatever it claims, nothing is allocated by it.
///
/// The bounds on paths hold for members and manifest entries alike, for the unescaped path below
/// the root. They can only be made lower: what is above their defaults, no Linux file system could
/// hold or no system call could name, so that a larger value is
/// [`Error::InvalidArgument`](crate::Error::InvalidArgument).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of an unpacked manifest. A million entries with long paths need about 250 MiB;
    /// more is a mistake or an attack.
    pub manifest_bytes: u64,
    /// Most members of a pack, and most entries of its manifest. Each is a row of the scratch
    /// database and a file on the disk; ten million are more than a tree of texts has.
    pub members: u64,
    /// Most bytes of a path; at most 4,096, what Linux takes in one call.
    pub path_bytes: u64,
    /// Most bytes of one component of a path, also of the pack's ROOT; at most 255, what Linux file
    /// systems hold.
    pub component_bytes: u64,
    /// Most components of a path; at most 2,048, as many as 4,096 bytes have room for. Programs
    /// that open a directory a level run out of descriptors at about 1,000.
    pub depth: u64,
    /// Most unpacked bytes for each byte of the pack file, asked only above
    /// [`ratio_floor_bytes`](Self::ratio_floor_bytes). Text packs at 3 to 20, logs at up to 100.
    pub ratio: u64,
    /// Unpacked bytes up to which any ratio is accepted: what a disk can bear, and a small tree of
    /// much the same text may reach any ratio.
    pub ratio_floor_bytes: u64,
    /// Most unpacked bytes of all members together, the manifest included; `None` where only the
    /// free space of the disk is a bound, which is asked before anything is unpacked
    /// ([`Error::TooLargeForDisk`](crate::Error::TooLargeForDisk)).
    pub unpacked_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: 256 << 20,
            members: 10_000_000,
            path_bytes: Self::PATH_BYTES_MAX,
            component_bytes: Self::COMPONENT_BYTES_MAX,
            depth: Self::DEPTH_MAX,
            ratio: 200,
            ratio_floor_bytes: 1 << 30,
            unpacked_bytes: None,
        }
    }
}

/// A limit that lies above what the format allows at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImpossibleLimit {
    /// The field.
    pub(crate) argument: &'static str,
    /// As given.
    pub(crate) value: u64,
    /// What it may be.
    pub(crate) expected: &'static str,
}

/// How a path breaks a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitFault {
    /// The path is too long.
    #[error("it has {bytes} bytes; the limit is {limit_bytes}")]
    Path { bytes: u64, limit_bytes: u64 },
    /// One of its components is too long.
    #[error("it has a component of {bytes} bytes; the limit is {limit_bytes}")]
    Component { bytes: u64, limit_bytes: u64 },
    /// It has too many components.
    #[error("it has {depth} components; the limit is {limit}")]
    Depth { depth: u64, limit: u64 },
}

impl Limits {
    /// Largest value of [`path_bytes`](Self::path_bytes), and its default.
    pub const PATH_BYTES_MAX: u64 = PATH_BYTES_MAX as u64;
    /// Largest value of [`component_bytes`](Self::component_bytes), and its default.
    pub const COMPONENT_BYTES_MAX: u64 = COMPONENT_BYTES_MAX as u64;
    /// Largest value of [`depth`](Self::depth), and its default.
    pub const DEPTH_MAX: u64 = Self::PATH_BYTES_MAX.div_ceil(2);

    /// Returns the first limit that the format does not allow.
    pub(crate) const fn impossible(&self) -> Option<ImpossibleLimit> {
        let (argument, value, expected) = if self.path_bytes > Self::PATH_BYTES_MAX {
            let expected = "at most 4096 bytes, what Linux takes in one call";
            ("path_bytes", self.path_bytes, expected)
        } else if self.component_bytes > Self::COMPONENT_BYTES_MAX {
            let expected = "at most 255 bytes, what Linux file systems hold";
            ("component_bytes", self.component_bytes, expected)
        } else if self.depth > Self::DEPTH_MAX {
            let expected = "at most 2048, as many components as a path of 4096 bytes has room for";
            ("depth", self.depth, expected)
        } else {
            return None;
        };
        Some(ImpossibleLimit {
            argument,
            value,
            expected,
        })
    }

    /// Checks a path, or a name that follows the same rules, against the limits; `""` is the root
    /// and has no components.
    pub(crate) fn check_path(&self, path: &str) -> Result<(), LimitFault> {
        let (bytes, limit_bytes) = (length(path), self.path_bytes);
        if bytes > limit_bytes {
            return Err(LimitFault::Path { bytes, limit_bytes });
        }
        let components = || path.split('/').filter(|component| !component.is_empty());
        let (bytes, limit_bytes) = (
            components().map(length).max().unwrap_or(0),
            self.component_bytes,
        );
        if bytes > limit_bytes {
            return Err(LimitFault::Component { bytes, limit_bytes });
        }
        let depth = u64::try_from(components().count()).unwrap_or(u64::MAX);
        if depth > self.depth {
            let limit = self.depth;
            return Err(LimitFault::Depth { depth, limit });
        }
        Ok(())
    }
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry_path::EntryPath;

    #[test]
    fn the_defaults_allow_every_path_that_the_format_allows() {
        let limits = Limits::default();
        assert_eq!(limits.impossible(), None);
        let deepest = vec!["a"; 2048].join("/");
        let longest = vec!["x".repeat(255); 16].join("/");
        for text in ["", "a", &deepest, &longest] {
            assert!(EntryPath::parse(text).is_ok());
            assert_eq!(limits.check_path(text), Ok(()));
        }
        assert!(EntryPath::parse(&format!("{deepest}/b")).is_err());
    }

    #[test]
    fn each_bound_on_paths_is_exact() {
        let limits = Limits {
            path_bytes: 10,
            component_bytes: 4,
            depth: 3,
            ..Limits::default()
        };
        for (path, fault) in [
            ("", None),
            ("abcd/ef/gh", None),
            ("naïv", Some((5, "component"))),
            ("abcd/ef/ghi", Some((11, "path"))),
            ("abcde/f", Some((5, "component"))),
            ("a/b/c", None),
            ("a/b/c/d", Some((4, "depth"))),
        ] {
            let found = limits.check_path(path).err().map(|fault| match fault {
                LimitFault::Path { bytes, .. } => (bytes, "path"),
                LimitFault::Component { bytes, .. } => (bytes, "component"),
                LimitFault::Depth { depth, .. } => (depth, "depth"),
            });
            assert_eq!(found, fault, "{path}");
        }
    }

    #[test]
    fn bounds_on_paths_cannot_be_raised() {
        let limits = Limits::default();
        for (argument, limits) in [
            (
                "path_bytes",
                Limits {
                    path_bytes: 4097,
                    ..limits
                },
            ),
            (
                "component_bytes",
                Limits {
                    component_bytes: 256,
                    ..limits
                },
            ),
            (
                "depth",
                Limits {
                    depth: 2049,
                    ..limits
                },
            ),
        ] {
            let found = limits.impossible().map(|limit| limit.argument);
            assert_eq!(found, Some(argument));
        }
    }
}
