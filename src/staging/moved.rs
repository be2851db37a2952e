//! The tree to be of a rollback, which is put together of several trees, one over the other.

use rusqlite::{OptionalExtension as _, params};

use super::{Staging, Tree, TreeRow};
use crate::db::DatabaseContext as _;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Result;

impl Staging {
    /// Takes what lies at and below `path` out of the tree to be.
    pub(crate) fn forget_staged(&self, path: &EntryPath) -> Result<()> {
        let query = "DELETE FROM staged_entry WHERE path >= ?1 AND path < ?2
                     AND (?1 = '' OR path = ?1 OR substr(path, length(?1) + 1, 1) = '/')";
        self.connection
            .execute(query, params![path.as_str(), super::end_of(path)])
            .context("stage an entry")?;
        Ok(())
    }

    /// Puts what is live at and below `path` into the tree to be, but for what lies at or below one
    /// of `except`.
    pub(crate) fn keep_live(&self, path: &EntryPath, except: &[&EntryPath]) -> Result<()> {
        let except: Vec<_> = except.iter().map(|path| path.as_str()).collect();
        let query = "INSERT OR IGNORE INTO staged_entry (path, kind, mode, bytes, sha256)
                     SELECT path, kind, mode, bytes, sha256 FROM live_entry AS live WHERE path >= ?1 AND path < ?2
                       AND (?1 = '' OR path = ?1 OR substr(path, length(?1) + 1, 1) = '/')
                       AND NOT EXISTS (SELECT 1 FROM json_each(?3)
                                       WHERE live.path = value OR substr(live.path, 1, length(value) + 1) = value || '/')";
        let row = params![
            path.as_str(),
            super::end_of(path),
            serde_json::json!(except).to_string()
        ];
        self.connection
            .execute(query, row)
            .context("stage an entry")?;
        Ok(())
    }

    /// Plans with what the journal expects before and after in place of two trees.
    pub(crate) fn plan_what_is_expected(&self) -> Result<()> {
        self.connection
            .execute_batch(
                "INSERT INTO live_entry SELECT path, kind, 0, bytes, sha256, 0, 0, 0 FROM committed_entry;
                 INSERT INTO staged_entry SELECT path, kind, 0, bytes, sha256 FROM predicted_entry;",
            )
            .context("stage an entry")
    }

    /// Calls `visit` for each file of the tree to be, by path.
    pub(crate) fn for_each_staged_file(
        &self,
        visit: &mut dyn FnMut(&TreeRow<'_>) -> Result<()>,
    ) -> Result<()> {
        self.for_each_in(Tree::Staged, "", &mut |row| match row.kind {
            EntryKind::File => visit(row),
            EntryKind::Directory => Ok(()),
        })
    }

    /// Calls `visit` for each directory of the tree to be and its mode, from the bottom up.
    pub(crate) fn for_each_staged_mode(
        &self,
        visit: &mut dyn FnMut(&str, u32) -> Result<()>,
    ) -> Result<()> {
        let query =
            "SELECT path, mode FROM staged_entry WHERE kind = 'directory' ORDER BY path DESC";
        let mut statement = self
            .connection
            .prepare(query)
            .context("read staged entries")?;
        let mut rows = statement.query([]).context("read staged entries")?;
        while let Some(row) = rows.next().context("read staged entries")? {
            let columns = || -> rusqlite::Result<(String, u32)> { Ok((row.get(0)?, row.get(1)?)) };
            let (path, mode) = columns().context("read staged entries")?;
            visit(&path, mode)?;
        }
        Ok(())
    }

    /// Returns the bytes of all files of the tree to be.
    pub(crate) fn staged_bytes(&self) -> Result<u64> {
        let query = "SELECT coalesce(sum(bytes), 0) FROM staged_entry";
        self.connection
            .query_row(query, [], |row| row.get::<_, i64>(0))
            .context("read staged entries")
            .map(i64::cast_unsigned)
    }

    /// Returns what the tree to be has at `path`.
    pub(crate) fn staged_kind(&self, path: &str) -> Result<Option<EntryKind>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT kind FROM staged_entry WHERE path = ?1")
            .context("read staged entries")?;
        let kind = query.query_row([path], |row| row.get::<_, String>(0));
        let kind = kind.optional().context("read staged entries")?;
        Ok(kind.as_deref().and_then(EntryKind::from_name))
    }
}
