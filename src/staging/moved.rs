//! The tree to be of a rollback, which is put together of several trees, one over the other.

use rusqlite::params;

use super::Staging;
use crate::db::DatabaseContext as _;
use crate::entry_path::EntryPath;
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
}
