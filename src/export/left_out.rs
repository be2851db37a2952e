//! What stays out of a pack: said to the user, up to a bound.

use serde::Serialize;

use crate::entry_path::EntryKind;
use crate::tree::Found;
use crate::uri::Uri;

/// Most that are listed: every directory may hold one, and the list is held.
const LISTED_MAX: usize = 10_000;

/// Internal files that stay out, by URI.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// The first of them.
    pub(super) listed: Vec<String>,
    /// How many there are.
    pub(super) total: u64,
}

impl LeftOut {
    pub(super) fn add(&mut self, uri: String) {
        self.total = self.total.saturating_add(1);
        if self.listed.len() < LISTED_MAX {
            self.listed.push(uri);
        }
    }

    /// Returns the list in order, and the number of all.
    pub(super) fn into_sorted(mut self) -> (Vec<String>, u64) {
        self.listed.sort_unstable();
        (self.listed, self.total)
    }
}

/// A scope that a backup leaves out, since its layout does not carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OmittedScope {
    /// The scope.
    pub uri: Uri,
    /// Files in it.
    pub files: u64,
    /// Directories in it, its own included.
    pub directories: u64,
    /// Bytes of its files.
    pub bytes: u64,
}

impl OmittedScope {
    pub(super) const fn of(uri: Uri) -> Self {
        Self {
            uri,
            files: 0,
            directories: 0,
            bytes: 0,
        }
    }

    pub(super) fn count(&mut self, found: &Found<'_>) {
        match found.kind {
            EntryKind::Directory => self.directories = self.directories.saturating_add(1),
            EntryKind::File => {
                self.files = self.files.saturating_add(1);
                self.bytes = self.bytes.saturating_add(found.stat.size_bytes);
            }
        }
    }
}
