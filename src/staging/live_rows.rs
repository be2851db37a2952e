//! Rows of the tree that is.

use rusqlite::ToSql;

use super::{Staging, column};
use crate::db::{Batch, DatabaseContext as _};
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Result;
use crate::fsops::{FileKind, Stat};

/// An entry of the tree that is, by live path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveRow<'a> {
    pub(crate) path: &'a EntryPath,
    pub(crate) stat: &'a Stat,
    pub(crate) sha256: Option<Digest>,
}

impl LiveRow<'_> {
    fn with_columns<T>(&self, take: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
        let stat = self.stat;
        let is_file = stat.kind == FileKind::File;
        let bytes = if is_file { stat.size_bytes } else { 0 };
        let kind = if is_file {
            EntryKind::File
        } else {
            EntryKind::Directory
        };
        take(&[
            &self.path.as_str(),
            &kind.as_str(),
            &stat.mode,
            &column(bytes),
            &self.sha256,
            &stat.inode.cast_signed(),
            &stat.mtime_ns,
            &stat.ctime_ns,
        ])
    }
}

impl Staging {
    /// Puts an entry into the tree that is; one that is there already stays.
    pub(crate) fn add_live(&self, row: &LiveRow<'_>) -> Result<()> {
        let insert = "INSERT OR IGNORE INTO live_entry (path, kind, mode, bytes, sha256, inode, mtime_ns, ctime_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let action = "stage a live entry";
        let mut insert = self.connection.prepare_cached(insert).context(action)?;
        row.with_columns(|columns| insert.execute(columns).map(drop))
            .context(action)
    }

    /// Begins to put entries into the tree that is; those that are there already stay.
    pub(crate) fn live_rows(&self) -> Result<LiveRows<'_>> {
        let insert = "INSERT OR IGNORE INTO live_entry (path, kind, mode, bytes, sha256, inode, mtime_ns, ctime_ns)";
        let batch = Batch::new(&self.connection, insert, 8).context("stage a live entry")?;
        Ok(LiveRows { batch })
    }
}

/// Entries on their way into the tree that is; none of them must be asked for before [`Self::finish`].
pub(crate) struct LiveRows<'s> {
    batch: Batch<'s>,
}

impl LiveRows<'_> {
    /// Adds an entry.
    pub(crate) fn add(&mut self, row: &LiveRow<'_>) -> Result<()> {
        row.with_columns(|columns| self.batch.add(columns))
            .context("stage a live entry")
    }

    /// Puts what is left into the tree.
    pub(crate) fn finish(self) -> Result<()> {
        self.batch.finish().context("stage a live entry")
    }
}
