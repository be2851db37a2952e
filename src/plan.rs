//! What a commit would do, path by path.

use serde::Serialize;

use crate::digest::Digest;
use crate::entry_path::EntryKind;
use crate::uri::Uri;

/// What happens to one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is not there yet.
    Added,
    /// It is there with other content, or as another kind of entry.
    Replaced,
    /// It stays as it is.
    Unchanged,
    /// It goes to the slot.
    Removed,
    /// It was changed outside of ovpack before the commit saw it.
    External,
}

/// One side of a change: what a path is before or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// File or directory.
    pub kind: EntryKind,
    /// Size in bytes; 0 for a directory.
    pub size: u64,
    /// Digest of a file's bytes; `None` for a directory, or where it is not known.
    pub sha256: Option<Digest>,
}

/// What happens to one path, with both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The path's URI.
    pub uri: Uri,
    /// What happens.
    pub change: ChangeKind,
    /// What it is before; `None` where it is not there.
    pub before: Option<Version>,
    /// What it is after; `None` where it is not there.
    pub after: Option<Version>,
}

/// How many files and directories meet which change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChangeCounts {
    /// New ones.
    pub added: u64,
    /// With other content.
    pub replaced: u64,
    /// As they were.
    pub unchanged: u64,
    /// Gone to the slot.
    pub removed: u64,
}
