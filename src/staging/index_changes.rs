//! The index to be: records by live path, held against what the journal foresees.

use rusqlite::{Row, params};

use super::Staging;
use crate::db::{self, Batch, DatabaseContext as _};
use crate::digest::Digest;
use crate::entry_path::EntryKind;
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

/// Digest of a file, or of the text that describes a directory, as a row of the tree to be has it.
macro_rules! content_of {
    ($entry:literal, $path:literal, $level:literal) => {
        concat!(
            "CASE WHEN ",
            $entry,
            ".kind = 'file' THEN ",
            $entry,
            ".sha256 WHEN ",
            $level,
            " = 2 THEN NULL
             ELSE (SELECT sha256 FROM staged_entry AS described WHERE described.path = ",
            $path,
            " || iif(",
            $level,
            " = 0, '/.abstract.md', '/.overview.md')) END"
        )
    };
}

/// Records of the pack whose paths the tree to be has. In their own order: where several stand for one
/// path and level the first counts.
const PACK_RECORDS: &str = concat!(
    "SELECT r.ordinal, r.path, r.level, r.record_sha256, entry.path, entry.kind, ",
    content_of!("entry", "entry.path", "r.level"),
    " FROM index_record AS r CROSS JOIN staged_entry AS entry
      ON entry.path = CASE WHEN ?1 = '' THEN r.path WHEN r.path = '' THEN ?1 ELSE ?1 || '/' || r.path END
      ORDER BY r.ordinal"
);

/// All of them at once. Records of session content were dropped before, and nothing lies beside the
/// scopes, so that all have an index but the live root.
const STAGE_PACK_RECORDS: &str = concat!(
    "INSERT OR IGNORE INTO staged_index (path, level, kind, content_sha256, origin, record_sha256, record)
     SELECT entry.path, r.level, entry.kind, ",
    content_of!("entry", "entry.path", "r.level"),
    ", ?2, r.record_sha256, r.ordinal
     FROM index_record AS r CROSS JOIN staged_entry AS entry
      ON entry.path = CASE WHEN ?1 = '' THEN r.path WHEN r.path = '' THEN ?1 ELSE ?1 || '/' || r.path END
      WHERE entry.path <> '' ORDER BY r.ordinal"
);

const STAGE_PACK_RECORD: &str = "INSERT OR IGNORE INTO staged_index (path, level, kind, content_sha256, origin, record_sha256, record)";

const STAGE_DERIVED: &str = concat!(
    "INSERT OR IGNORE INTO staged_index (path, level, kind, content_sha256, origin, record_sha256, record)
     SELECT path, ?2, kind, ",
    content_of!("entry", "entry.path", "?2"),
    ", ?3, ?4, NULL FROM staged_entry AS entry WHERE path = ?1"
);

/// What is told, with what a record says. The view has no order of its own, and needs none: what is
/// staged comes in the order of its paths.
const CHANGES: &str = "SELECT c.path, c.level, c.kind, c.content_sha256, c.origin, c.record_sha256, r.scalars, r.text, d.scalars, d.text
    FROM index_change AS c LEFT JOIN index_record_text AS r ON r.ordinal = c.record
    LEFT JOIN staged_record AS d ON c.record IS NULL AND d.sha256 = c.record_sha256";

/// A record of the pack whose path the tree to be has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackRecord<'a> {
    /// Below the pack's root.
    pub(crate) path: &'a str,
    /// Below the live root.
    pub(crate) live: &'a str,
    pub(crate) kind: EntryKind,
}

/// A row that the journal must be told of the index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexChange<'a> {
    pub(crate) path: &'a str,
    pub(crate) level: i64,
    pub(crate) kind: &'a str,
    pub(crate) content: Option<&'a [u8]>,
    pub(crate) origin: &'a str,
    /// `None` where there is to be no record any more.
    pub(crate) record: Option<&'a [u8]>,
    /// What the record says.
    pub(crate) scalars: &'a str,
    pub(crate) text: Option<&'a str>,
}

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

    /// Puts records of the pack into the index to be, for a pack whose root goes to `prefix`: those that
    /// are taken, or all.
    pub(crate) fn stage_pack_index(
        &self,
        prefix: &str,
        takes: Option<&dyn Fn(&PackRecord<'_>) -> bool>,
    ) -> Result<()> {
        let action = "stage an index record";
        let Some(takes) = takes else {
            let row = params![prefix, IndexOrigin::Pack.as_str()];
            let staged = self.connection.execute(STAGE_PACK_RECORDS, row);
            return staged.map(drop).context(action);
        };
        let mut select = self.connection.prepare(PACK_RECORDS).context(action)?;
        let mut batch = Batch::new(&self.connection, STAGE_PACK_RECORD, 7).context(action)?;
        let mut rows = select.query([prefix]).context(action)?;
        while let Some(row) = rows.next().context(action)? {
            stage_pack_record(row, takes, &mut batch).context(action)?;
        }
        batch.finish().context(action)
    }

    /// Puts a record that follows from a text into the index to be; one that is there already stays.
    pub(crate) fn stage_derived(&self, path: &str, level: u8, record: &RecordText) -> Result<()> {
        let action = "stage an index record";
        let sha256 = record.digest();
        let mut insert = self
            .connection
            .prepare_cached(STAGE_DERIVED)
            .context(action)?;
        let row = params![path, level, IndexOrigin::Derived.as_str(), sha256];
        if insert.execute(row).context(action)? == 0 {
            return Ok(());
        }
        self.stage_record(&sha256, record)
    }

    /// Notes what a record says that no pack brought now.
    pub(super) fn stage_record(&self, sha256: &Digest, record: &RecordText) -> Result<()> {
        let action = "stage an index record";
        let insert =
            "INSERT OR IGNORE INTO staged_record (sha256, scalars, text) VALUES (?1, ?2, ?3)";
        let mut insert = self.connection.prepare_cached(insert).context(action)?;
        insert
            .execute(params![sha256, record.scalars, record.text])
            .map(drop)
            .context(action)
    }

    /// Returns whether the index to be has a record at a path and level already, or keeps one that
    /// was written for the present content. One that follows from an overview follows from the abstract
    /// as well, and is never known to be what it should be.
    pub(crate) fn is_indexed(&self, path: &str, level: u8) -> Result<bool> {
        let mut query = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM staged_index WHERE path = ?1 AND level = ?2)
                   OR EXISTS (SELECT 1 FROM foreseen_index WHERE path = ?1 AND level = ?2
                              AND is_kept AND record_sha256 IS NOT NULL AND content_sha256 IS content
                              AND (origin = 'pack' OR level = 0))",
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

    /// Calls `visit` for each row that the journal must be told of the index.
    pub(crate) fn for_each_index_change(
        &self,
        visit: &mut dyn FnMut(&IndexChange<'_>) -> Result<()>,
    ) -> Result<()> {
        let action = "read the index to be";
        let mut statement = self.connection.prepare(CHANGES).context(action)?;
        db::for_each_row(&mut statement, [], action, &mut |row| {
            visit(&change_from_row(row).context(action)?)
        })
    }
}

fn stage_pack_record(
    row: &Row<'_>,
    takes: &dyn Fn(&PackRecord<'_>) -> bool,
    batch: &mut Batch<'_>,
) -> rusqlite::Result<()> {
    let kind = row.get_ref(5)?.as_str()?;
    let record = PackRecord {
        path: row.get_ref(1)?.as_str()?,
        live: row.get_ref(4)?.as_str()?,
        kind: EntryKind::from_name(kind).unwrap_or(EntryKind::File),
    };
    if !takes(&record) {
        return Ok(());
    }
    let (ordinal, level): (i64, i64) = (row.get(0)?, row.get(2)?);
    let (sha256, content) = (row.get_ref(3)?.as_blob()?, row.get_ref(6)?);
    batch.add(&[
        &record.live,
        &level,
        &kind,
        &content.as_blob_or_null()?,
        &IndexOrigin::Pack.as_str(),
        &sha256,
        &ordinal,
    ])
}

fn change_from_row<'a>(row: &'a Row<'_>) -> rusqlite::Result<IndexChange<'a>> {
    let of_pack = row.get_ref(6)?.as_str_or_null()?;
    let (scalars, text) = match of_pack {
        Some(scalars) => (scalars, row.get_ref(7)?),
        None => (
            row.get_ref(8)?.as_str_or_null()?.unwrap_or("{}"),
            row.get_ref(9)?,
        ),
    };
    Ok(IndexChange {
        path: row.get_ref(0)?.as_str()?,
        level: row.get(1)?,
        kind: row.get_ref(2)?.as_str()?,
        content: row.get_ref(3)?.as_blob_or_null()?,
        origin: row.get_ref(4)?.as_str()?,
        record: row.get_ref(5)?.as_blob_or_null()?,
        scalars,
        text: text.as_str_or_null()?,
    })
}
