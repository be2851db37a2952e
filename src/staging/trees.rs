//! The two trees of a plan: the one to be and the one that is, with what the journal expects.

use rusqlite::{Row, params};

use super::{Staging, column};
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Result;
use crate::fsops::Stat;
use crate::tree_sum::Version;

/// An entry of the tree to be, by live path.
#[derive(Clone, Debug)]
pub(crate) struct StagedRow {
    pub(crate) path: String,
    pub(crate) kind: EntryKind,
    pub(crate) mode: u32,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<Digest>,
}

/// An entry of either tree, as it is read, by live path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeRow<'r> {
    pub(crate) path: &'r str,
    pub(crate) kind: EntryKind,
    pub(crate) mode: u32,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<Digest>,
}

/// Which of the two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    Staged,
    Live,
}

/// Takes a row whose columns are those of a change row: path, change, and kind, bytes and digest of
/// both sides.
pub(crate) type EachChange<'a> = &'a mut dyn FnMut(&Row<'_>) -> Result<()>;

impl Staging {
    /// Puts an entry into the tree to be; one that is there already stays.
    pub(crate) fn stage(&self, row: &StagedRow) -> Result<()> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO staged_entry (path, kind, mode, bytes, sha256) VALUES (?1, ?2, ?3, ?4, ?5)")
            .context("stage an entry")?;
        insert
            .execute(params![
                row.path,
                row.kind.as_str(),
                row.mode,
                column(row.bytes),
                row.sha256
            ])
            .context("stage an entry")?;
        Ok(())
    }

    /// Puts all files that the manifest lists below a directory of the pack into the tree to be, for a
    /// pack whose root goes to `prefix`; none of them may be there already.
    pub(crate) fn stage_files_below(&self, below: &str, prefix: &str, mode: u32) -> Result<()> {
        let insert = "INSERT OR FAIL INTO staged_entry (path, kind, mode, bytes, sha256)
             SELECT iif(?1 = '', path, ?1 || '/' || path), kind, ?2, bytes, sha256 FROM manifest_entry
             WHERE kind = 'file' AND path >= ?3 AND path < ?4 ORDER BY path";
        let (first, end) = if below.is_empty() {
            (String::new(), char::MAX.to_string())
        } else {
            ([below, "/"].concat(), super::end_of(below))
        };
        self.connection
            .execute(insert, params![prefix, mode, first, end])
            .map(drop)
            .context("stage entries")
    }

    /// Takes a file out of the tree to be, where it is there.
    pub(crate) fn unstage_file(&self, path: &str) -> Result<()> {
        let mut delete = self
            .connection
            .prepare_cached("DELETE FROM staged_entry WHERE path = ?1 AND kind = 'file'")
            .context("stage entries")?;
        delete.execute([path]).map(drop).context("stage entries")
    }

    /// Returns whether the tree to be has an entry at `path`.
    pub(crate) fn is_staged(&self, path: &str) -> Result<bool> {
        let mut query = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM staged_entry WHERE path = ?1)")
            .context("read staged entries")?;
        query
            .query_row([path], |row| row.get(0))
            .context("read staged entries")
    }

    /// Calls `visit` for each directory of the tree to be, from the top down.
    pub(crate) fn for_each_staged_directory(
        &self,
        visit: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self
            .connection
            .prepare("SELECT path FROM staged_entry WHERE kind = 'directory' ORDER BY path")
            .context("read staged entries")?;
        let mut rows = statement.query([]).context("read staged entries")?;
        while let Some(row) = rows.next().context("read staged entries")? {
            visit(&row.get::<_, String>(0).context("read staged entries")?)?;
        }
        Ok(())
    }

    /// Takes everything out of the tree that is.
    pub(crate) fn forget_live(&self) -> Result<()> {
        self.connection
            .execute_batch("DELETE FROM live_entry")
            .context("forget live entries")
    }

    /// Returns whether a live entry is still the version that was planned with.
    pub(crate) fn is_live_as_planned(&self, path: &EntryPath, stat: &Stat) -> Result<bool> {
        let mut query = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM live_entry WHERE path = ?1 AND inode = ?2 AND mtime_ns = ?3 AND ctime_ns = ?4 AND mode = ?5
                 AND (kind = 'directory' OR bytes = ?6))",
            )
            .context("read live entries")?;
        let row = params![
            path.as_str(),
            stat.inode.cast_signed(),
            stat.mtime_ns,
            stat.ctime_ns,
            stat.mode,
            column(stat.size_bytes)
        ];
        query
            .query_row(row, |row| row.get(0))
            .context("read live entries")
    }

    /// Calls `visit` for each live entry at and below `path`, in any order, with its version.
    pub(crate) fn for_each_live_version(
        &self,
        path: &str,
        visit: &mut dyn FnMut(&str, &Version),
    ) -> Result<()> {
        let action = "read live entries";
        let query = "SELECT path, kind = 'file', inode, mtime_ns, ctime_ns, mode, bytes FROM live_entry
                     WHERE path >= ?1 AND path < ?2 AND (?1 = '' OR path = ?1 OR substr(path, length(?1) + 1, 1) = '/')";
        let mut statement = self.connection.prepare(query).context(action)?;
        let mut rows = statement
            .query(params![path, super::end_of(path)])
            .context(action)?;
        while let Some(row) = rows.next().context(action)? {
            let version = || -> rusqlite::Result<Version> {
                Ok(Version {
                    is_file: row.get(1)?,
                    inode: row.get::<_, i64>(2)?.cast_unsigned(),
                    mtime_ns: row.get(3)?,
                    ctime_ns: row.get(4)?,
                    mode: row.get(5)?,
                    bytes: row.get::<_, i64>(6)?.cast_unsigned(),
                })
            };
            let path = row.get_ref(0).context(action)?.as_str();
            let path = path.map_err(rusqlite::Error::from).context(action)?;
            visit(path, &version().context(action)?);
        }
        Ok(())
    }

    /// Returns the number of live entries at and below `path`.
    pub(crate) fn count_live(&self, path: &str) -> Result<u64> {
        let end = if path.is_empty() {
            char::MAX.to_string()
        } else {
            format!("{path}0")
        };
        let query = "SELECT count(*) FROM live_entry WHERE path >= ?1 AND path < ?2 AND (?1 = '' OR path = ?1 OR substr(path, length(?1) + 1, 1) = '/')";
        self.connection
            .query_row(query, params![path, end], |row| row.get::<_, i64>(0))
            .context("read live entries")
            .map(i64::cast_unsigned)
    }

    /// Puts a path into what the journal expects before the transaction.
    pub(crate) fn add_committed(
        &self,
        path: &str,
        kind: &str,
        bytes: u64,
        sha256: Option<Digest>,
    ) -> Result<()> {
        self.insert_expected(
            "INSERT OR IGNORE INTO committed_entry (path, kind, bytes, sha256) VALUES (?1, ?2, ?3, ?4)",
            path,
            kind,
            bytes,
            sha256,
        )
    }

    /// Puts a path into what the journal's rules would expect after a rollback.
    pub(crate) fn add_predicted(
        &self,
        path: &str,
        kind: &str,
        bytes: u64,
        sha256: Option<Digest>,
    ) -> Result<()> {
        self.insert_expected(
            "INSERT OR IGNORE INTO predicted_entry (path, kind, bytes, sha256) VALUES (?1, ?2, ?3, ?4)",
            path,
            kind,
            bytes,
            sha256,
        )
    }

    fn insert_expected(
        &self,
        sql: &str,
        path: &str,
        kind: &str,
        bytes: u64,
        sha256: Option<Digest>,
    ) -> Result<()> {
        let mut insert = self
            .connection
            .prepare_cached(sql)
            .context("stage a committed entry")?;
        insert
            .execute(params![path, kind, column(bytes), sha256])
            .context("stage a committed entry")?;
        Ok(())
    }

    /// What a rollback observes as changed from outside is in effect after it as well.
    pub(crate) fn predict_external_changes(&self) -> Result<()> {
        self.connection
            .execute_batch(
                "CREATE TEMP TABLE seen AS SELECT path, new_kind, new_bytes, new_sha256 FROM external_change;
                 DELETE FROM predicted_entry WHERE path IN (SELECT path FROM seen);
                 INSERT INTO predicted_entry SELECT path, new_kind, new_bytes, new_sha256 FROM seen WHERE new_kind IS NOT NULL;",
            )
            .context("stage a committed entry")
    }

    /// Returns whether anything was changed from outside since the last commit.
    pub(crate) fn has_external_changes(&self) -> Result<bool> {
        if self.is_as_committed.get() {
            return Ok(false);
        }
        self.connection
            .query_row("SELECT EXISTS (SELECT 1 FROM external_change)", [], |row| {
                row.get(0)
            })
            .context("compare with the journal")
    }

    /// Calls `visit` for each path that was changed from outside, as columns of a change row.
    pub(crate) fn for_each_external_change(&self, visit: EachChange<'_>) -> Result<()> {
        self.for_each_change(
            "SELECT path, 'external', old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256 FROM external_change ORDER BY path",
            visit,
        )
    }

    /// Calls `visit` for each path that was changed from outside: `added`, `changed` or `missing`.
    pub(crate) fn for_each_drift(&self, visit: &mut dyn FnMut(&str, &str)) -> Result<()> {
        let mut statement = self
            .connection
            .prepare("SELECT drift, path FROM external_change ORDER BY path")
            .context("compare with the journal")?;
        let mut rows = statement.query([]).context("compare with the journal")?;
        while let Some(row) = rows.next().context("compare with the journal")? {
            let columns =
                || -> rusqlite::Result<(String, String)> { Ok((row.get(0)?, row.get(1)?)) };
            let (drift, path) = columns().context("compare with the journal")?;
            visit(&drift, &path);
        }
        Ok(())
    }

    /// Calls `visit` for each path where the journal's rules alone would be wrong after a rollback.
    pub(crate) fn for_each_correction(&self, visit: EachChange<'_>) -> Result<()> {
        self.for_each_change(
            "SELECT path, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256 FROM correction ORDER BY path",
            visit,
        )
    }

    fn for_each_change(&self, query: &str, visit: EachChange<'_>) -> Result<()> {
        let mut statement = self.connection.prepare(query).context("read the plan")?;
        let mut rows = statement.query([]).context("read the plan")?;
        while let Some(row) = rows.next().context("read the plan")? {
            visit(row)?;
        }
        Ok(())
    }

    /// Calls `visit` for each entry of one tree at and below `path`, by path.
    pub(crate) fn for_each_in(
        &self,
        tree: Tree,
        path: &str,
        visit: &mut dyn FnMut(&TreeRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let query = match tree {
            Tree::Staged => {
                "SELECT path, kind, mode, bytes, sha256 FROM staged_entry
                 WHERE path >= ?1 AND path < ?2 AND (?1 = '' OR path = ?1 OR substr(path, length(?1) + 1, 1) = '/') ORDER BY path"
            }
            Tree::Live => {
                "SELECT path, kind, mode, bytes, sha256 FROM live_entry
                 WHERE path >= ?1 AND path < ?2 AND (?1 = '' OR path = ?1 OR substr(path, length(?1) + 1, 1) = '/') ORDER BY path"
            }
        };
        let end = if path.is_empty() {
            char::MAX.to_string()
        } else {
            format!("{path}0")
        };
        let action = "read a staged tree";
        let mut statement = self.connection.prepare(query).context(action)?;
        let mut rows = statement.query(params![path, end]).context(action)?;
        while let Some(row) = rows.next().context(action)? {
            visit(&tree_row(row).context(action)?)?;
        }
        Ok(())
    }
}

fn tree_row<'r>(row: &'r Row<'_>) -> rusqlite::Result<TreeRow<'r>> {
    let kind = EntryKind::from_name(row.get_ref(1)?.as_str()?);
    Ok(TreeRow {
        path: row.get_ref(0)?.as_str()?,
        kind: kind.unwrap_or(EntryKind::File),
        mode: row.get(2)?,
        bytes: row.get::<_, i64>(3)?.cast_unsigned(),
        sha256: row.get(4)?,
    })
}
