//! The tree as of a transaction, from journal rows alone, and what of its content is still held.

use std::ops::ControlFlow;

use serde::Serialize;

use super::ensure_committed;
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::held::{HeldTrees, Place};
use crate::id::TransactionId;
use crate::journal::Journal;
use crate::journal::past::PastEntry;
use crate::plan::Version;
use crate::uri::Uri;

/// One path of the tree as of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TreeEntry {
    /// Its URI.
    pub uri: Uri,
    /// File or directory.
    pub kind: EntryKind,
    /// Size in bytes; 0 for a directory.
    pub size: u64,
    /// Digest of a file's bytes; `None` for a directory, or where it was not known.
    pub sha256: Option<Digest>,
    /// Where a file's content is still held; `None` for a directory.
    pub held: Option<Place>,
}

/// Visits the tree at and below a URI, by path.
pub(crate) fn tree_at(
    journal: &Journal,
    trees: &mut HeldTrees,
    at: TransactionId,
    uri: &Uri,
    visit: &mut dyn FnMut(TreeEntry) -> ControlFlow<()>,
) -> Result<()> {
    ensure_committed(journal, at)?;
    let mut found = false;
    journal.for_each_entry_at(at, uri.path(), &mut |entry| {
        let Some(entry) = tree_entry(trees, at, &entry)? else {
            return Ok(ControlFlow::Continue(()));
        };
        found = true;
        Ok(visit(entry))
    })?;
    if found || uri.is_root() {
        return Ok(());
    }
    Err(Error::ContentNotHeld {
        uri: uri.clone(),
        tx: at,
        why: "the journal has nothing of it at that time".to_owned(),
    })
}

fn tree_entry(
    trees: &mut HeldTrees,
    at: TransactionId,
    entry: &PastEntry,
) -> Result<Option<TreeEntry>> {
    let Some(Version { kind, size, sha256 }) = entry.version else {
        return Ok(None);
    };
    let path = EntryPath::parse(&entry.path).unwrap_or_default();
    let held = match (kind, sha256) {
        (EntryKind::Directory, _) => None,
        (EntryKind::File, None) => Some(Place::Unknown),
        (EntryKind::File, Some(sha256)) => {
            let found = trees.find(at, &path, size, &sha256)?;
            Some(found.unwrap_or(Place::Unknown))
        }
    };
    // What the journal holds was checked when it was written.
    Ok(Uri::from_path(path).ok().map(|uri| TreeEntry {
        uri,
        kind,
        size,
        sha256,
        held,
    }))
}
