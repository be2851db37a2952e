//! The index to be: records by live path, held against what the journal foresees.

use rusqlite::params;

use super::EachChange;
use super::Staging;
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::Result;
use crate::record::{IndexOrigin, RecordText, ToldRow};

/// Which records stay with paths that nobody names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// None: the new root replaces everything.
    Nothing,
    /// Those of content that a merge leaves as it is.
    Unchanged,
    /// Those, and the ones that were written for the content that a revert brings back.
    Known,
    /// All of them.
    All,
}

/// What the tree to be would have, where it has a record at all.
const FORESEE: &str = "
INSERT INTO foreseen_index (path, level, kind, content, content_sha256, origin, record_sha256, is_kept)
WITH told AS (
  SELECT told_index.*,
    CASE WHEN entry.kind = 'file' THEN entry.sha256
         WHEN level = 2 THEN NULL
         ELSE (SELECT sha256 FROM staged_entry AS described
               WHERE described.path = told_index.path || iif(level = 0, '/.abstract.md', '/.overview.md')) END AS content,
    CASE WHEN entry.kind = 'file' THEN (SELECT sha256 FROM live_entry WHERE live_entry.path = told_index.path)
         WHEN level = 2 THEN NULL
         ELSE (SELECT sha256 FROM live_entry AS described
               WHERE described.path = told_index.path || iif(level = 0, '/.abstract.md', '/.overview.md')) END AS live
  FROM told_index JOIN staged_entry AS entry ON entry.path = told_index.path AND entry.kind = told_index.kind
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY path, level ORDER BY content_sha256 IS content DESC, change_set DESC) AS place FROM told
)
SELECT path, level, kind, content, content_sha256, origin, record_sha256,
  CASE ?1 WHEN 0 THEN 0 WHEN 1 THEN content IS live WHEN 3 THEN 1 ELSE content IS live OR content_sha256 IS content END
FROM ranked WHERE place = 1";

/// Takes digest, scalars and text of a record.
type EachRecord<'a> = &'a mut dyn FnMut(&Digest, &str, Option<&str>) -> Result<()>;

impl Staging {
    /// Takes in what the journal says of a record at a path and level.
    pub(crate) fn add_told(&self, row: &ToldRow) -> Result<()> {
        let mut insert = self
            .connection
            .prepare_cached(
                "INSERT OR IGNORE INTO told_index (path, level, change_set, kind, content_sha256, origin, record_sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .context("stage what is told of the index")?;
        insert
            .execute(params![
                row.path,
                row.level,
                row.change_set,
                row.kind,
                row.content,
                row.origin,
                row.record
            ])
            .context("stage what is told of the index")?;
        Ok(())
    }

    /// Works out which records the tree to be would have by what is told alone; both trees must be
    /// there.
    pub(crate) fn foresee_index(&self, keeps: Keeps) -> Result<()> {
        let keeps = match keeps {
            Keeps::Nothing => 0,
            Keeps::Unchanged => 1,
            Keeps::Known => 2,
            Keeps::All => 3,
        };
        self.connection
            .execute(FORESEE, [keeps])
            .context("foresee the index")?;
        Ok(())
    }

    /// Puts a record into the index to be; one that is there already stays.
    pub(crate) fn stage_index(
        &self,
        path: &str,
        level: u8,
        origin: IndexOrigin,
        record: &RecordText,
    ) -> Result<()> {
        let sha256 = record.digest();
        let mut insert = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO staged_index (path, level, origin, record_sha256) VALUES (?1, ?2, ?3, ?4)")
            .context("stage an index record")?;
        let row = params![path, level, origin.as_str(), sha256];
        if insert.execute(row).context("stage an index record")? == 0 {
            return Ok(());
        }
        let mut insert = self
            .connection
            .prepare_cached(
                "INSERT OR IGNORE INTO staged_record (sha256, scalars, text) VALUES (?1, ?2, ?3)",
            )
            .context("stage an index record")?;
        insert
            .execute(params![sha256, record.scalars, record.text])
            .context("stage an index record")?;
        Ok(())
    }

    /// Returns whether the index to be has a record at a path and level already, or keeps one that
    /// was written for the present content.
    pub(crate) fn is_indexed(&self, path: &str, level: u8) -> Result<bool> {
        let mut query = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM staged_index WHERE path = ?1 AND level = ?2)
                   OR EXISTS (SELECT 1 FROM foreseen_index WHERE path = ?1 AND level = ?2
                              AND is_kept AND record_sha256 IS NOT NULL AND content_sha256 IS content)",
            )
            .context("read the index to be")?;
        query
            .query_row(params![path, level], |row| row.get(0))
            .context("read the index to be")
    }

    /// Returns the next files of the tree to be that describe their directories, of at most so many
    /// bytes, after `path`.
    pub(crate) fn describing_files_after(&self, path: &str, bytes_max: u64) -> Result<Vec<String>> {
        let query = "SELECT path FROM staged_entry WHERE path > ?1 AND kind = 'file' AND bytes <= ?2
                     AND (substr(path, -13) = '/.abstract.md' OR substr(path, -13) = '/.overview.md') ORDER BY path LIMIT 500";
        let mut statement = self
            .connection
            .prepare_cached(query)
            .context("read staged entries")?;
        let paths = statement
            .query_map(params![path, super::column(bytes_max)], |row| row.get(0))
            .context("read staged entries")?;
        paths
            .collect::<rusqlite::Result<_>>()
            .context("read staged entries")
    }

    /// Calls `visit` for each row that the journal must be told of the index, by path and level.
    pub(crate) fn for_each_index_change(&self, visit: EachChange<'_>) -> Result<()> {
        let query = "SELECT path, level, kind, content_sha256, origin, record_sha256 FROM index_change ORDER BY path, level";
        let mut statement = self
            .connection
            .prepare(query)
            .context("read the index to be")?;
        let mut rows = statement.query([]).context("read the index to be")?;
        while let Some(row) = rows.next().context("read the index to be")? {
            visit(row)?;
        }
        Ok(())
    }

    /// Calls `visit` for each record that a row of the index to be names: digest, scalars, text. In
    /// the order of the digests, so that they are appended to the end of an index.
    pub(crate) fn for_each_staged_record(&self, visit: EachRecord<'_>) -> Result<()> {
        let query = "SELECT sha256, scalars, text FROM staged_record
                     WHERE sha256 IN (SELECT record_sha256 FROM index_change) ORDER BY sha256";
        let mut statement = self
            .connection
            .prepare(query)
            .context("read the index to be")?;
        let mut rows = statement.query([]).context("read the index to be")?;
        while let Some(row) = rows.next().context("read the index to be")? {
            let columns = || -> rusqlite::Result<(Digest, String, Option<String>)> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            };
            let (sha256, scalars, text) = columns().context("read the index to be")?;
            visit(&sha256, &scalars, text.as_deref())?;
        }
        Ok(())
    }
}
