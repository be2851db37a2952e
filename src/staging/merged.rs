//! The tree to be of a merge: a pack's entries, and beside them what is live.

use rusqlite::params;

use super::Staging;
use crate::db::DatabaseContext as _;
use crate::entry_path::EntryPath;
use crate::error::Result;

impl Staging {
    /// Puts what is live at and below `path` beside what is staged. Directories of both, and files
    /// that have the same content in both, have the mode that is live.
    pub(crate) fn merge_live(&self, path: &EntryPath) -> Result<()> {
        self.keep_live(path, &[])?;
        let query = "UPDATE staged_entry AS staged SET mode = live.mode FROM live_entry AS live
                     WHERE live.path = staged.path AND live.kind = staged.kind
                       AND live.bytes = staged.bytes AND live.sha256 IS staged.sha256
                       AND staged.path >= ?1 AND staged.path < ?2";
        self.connection
            .execute(query, params![path.as_str(), super::end_of(path)])
            .context("stage an entry")?;
        Ok(())
    }

    /// Returns whether the tree to be has a file at `path` that is live already, with this content.
    pub(crate) fn is_kept(&self, path: &str) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM staged_entry AS staged JOIN live_entry AS live USING (path)
                     WHERE path = ?1 AND live.kind = 'file' AND live.kind = staged.kind
                       AND live.bytes = staged.bytes AND live.sha256 IS staged.sha256)";
        let mut query = self
            .connection
            .prepare_cached(query)
            .context("read staged entries")?;
        query
            .query_row([path], |row| row.get(0))
            .context("read staged entries")
    }

    /// Returns the bytes of those files of the tree to be that are not live already.
    pub(crate) fn new_bytes(&self) -> Result<u64> {
        let query = "SELECT coalesce(sum(staged.bytes), 0) FROM staged_entry AS staged
                     WHERE NOT EXISTS (SELECT 1 FROM live_entry AS live WHERE live.path = staged.path AND live.kind = staged.kind
                       AND live.bytes = staged.bytes AND live.sha256 IS staged.sha256)";
        self.connection
            .query_row(query, [], |row| row.get::<_, i64>(0))
            .context("read staged entries")
            .map(|bytes| u64::try_from(bytes).unwrap_or(0))
    }
}
