//! What one export knows while it runs, as rows of a scratch database.

use rusqlite::types::{FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, Row, params};

use crate::db::{self, DatabaseContext as _};
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Result;
use crate::pack::Layout;
use crate::pack::inventory::InventoryHasher;
use crate::pack::manifest_writer::{
    ManifestRecord, ManifestRow, ManifestRows, ManifestScalars, Scalars,
};
use crate::uri::Uri;

const SCHEMA: &str = include_str!("../../schema/export.sql");

/// The rows of one export.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) connection: Connection,
    /// The pack's root.
    pub(super) uri: Uri,
    /// Whether the layout says whose each entry is.
    names_users: bool,
}

/// One entry to be packed.
#[derive(Debug)]
pub(super) struct PendingEntry {
    pub(super) path: EntryPath,
    pub(super) kind: EntryKind,
    /// When it was listed; 0 for a directory.
    pub(super) size_bytes: u64,
}

/// Counts over all entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) files: u64,
    pub(super) directories: u64,
    pub(super) bytes: u64,
}

/// Which text of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Abstract,
    Overview,
}

impl Rows {
    pub(super) fn new(uri: &Uri, layout: Layout) -> Result<Self> {
        let connection = db::open_scratch(None, SCHEMA)?;
        // Never committed: the database goes with its connection.
        connection
            .execute_batch("BEGIN")
            .context("begin an export")?;
        let uri = uri.clone();
        Ok(Self {
            connection,
            uri,
            names_users: layout.names_users(),
        })
    }

    /// Notes what was listed, in any order.
    pub(super) fn list(&self, path: &EntryPath, kind: EntryKind, size_bytes: u64) -> Result<()> {
        self.execute(
            "INSERT INTO listed (path, kind, size_bytes) VALUES (?1, ?2, ?3)",
            params![path.as_str(), kind.as_str(), size_bytes.cast_signed()],
        )
    }

    /// Notes what was packed, in the order of the pack.
    pub(super) fn add(
        &self,
        path: &EntryPath,
        kind: EntryKind,
        size_bytes: u64,
        sha256: Option<&Digest>,
    ) -> Result<()> {
        self.execute(
            "INSERT INTO entry (path, kind, size_bytes, sha256) VALUES (?1, ?2, ?3, ?4)",
            params![
                path.as_str(),
                kind.as_str(),
                size_bytes.cast_signed(),
                sha256
            ],
        )
    }

    /// Notes a text of the directory `path`.
    pub(super) fn describe(&self, path: &EntryPath, which: Text, text: &str) -> Result<()> {
        let query = match which {
            Text::Abstract => {
                "INSERT INTO described (path, abstract) VALUES (?1, ?2) ON CONFLICT (path) DO UPDATE SET abstract = ?2"
            }
            Text::Overview => {
                "INSERT INTO described (path, overview) VALUES (?1, ?2) ON CONFLICT (path) DO UPDATE SET overview = ?2"
            }
        };
        self.execute(query, params![path.as_str(), text])
    }

    fn execute(&self, query: &str, values: impl rusqlite::Params) -> Result<()> {
        self.connection
            .prepare_cached(query)
            .and_then(|mut statement| statement.execute(values))
            .map(drop)
            .context("note what is exported")
    }

    /// Gives all that was listed in the order of the pack. What a listing found twice, in a
    /// directory that changed meanwhile, is given once.
    pub(super) fn each_listed(
        &self,
        give: &mut dyn FnMut(PendingEntry) -> Result<()>,
    ) -> Result<()> {
        let mut last = None;
        self.each(
            "SELECT path, kind, size_bytes FROM listed ORDER BY path, kind",
            &mut |row| {
                let entry = pending_entry(row).context("read what is exported")?;
                if last.as_ref() == Some(&entry.path) {
                    return Ok(());
                }
                last = Some(entry.path.clone());
                give(entry)
            },
        )
    }

    /// Counts what was listed.
    pub(super) fn listed_totals(&self) -> Result<Totals> {
        self.count("SELECT count(*) FILTER (WHERE kind = 'file'), count(*) FILTER (WHERE kind = 'directory'), sum(size_bytes) FROM listed")
    }

    /// Counts what was packed.
    pub(super) fn totals(&self) -> Result<Totals> {
        self.count("SELECT count(*) FILTER (WHERE kind = 'file'), count(*) FILTER (WHERE kind = 'directory'), sum(size_bytes) FROM entry")
    }

    fn count(&self, query: &str) -> Result<Totals> {
        self.connection
            .query_row(query, [], |row| {
                let number = |column| row.get(column).map(i64::cast_unsigned);
                Ok(Totals {
                    files: number(0)?,
                    directories: number(1)?,
                    bytes: number(2)?,
                })
            })
            .context("count what is exported")
    }

    /// Returns the digest of the file inventory; all files must be packed.
    pub(super) fn content_sha256(&self) -> Result<Digest> {
        let mut hasher = InventoryHasher::new();
        self.each_entry(&mut |row| {
            if let (Some(sha256), Some(size)) = (row.sha256, row.size) {
                hasher.add(row.path, &sha256, size);
            }
            Ok(())
        })?;
        Ok(hasher.finish())
    }

    /// Returns whose an entry is, where the layout says so.
    fn user_of(&self, path: &str) -> Option<String> {
        if !self.names_users {
            return None;
        }
        self.uri.user_below(&EntryPath::parse(path).ok()?)
    }

    /// Runs `give` on each row of a query.
    fn each(&self, query: &str, give: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        let action = "read what is exported";
        let mut statement = self.connection.prepare(query).context(action)?;
        let mut rows = statement.query([]).context(action)?;
        while let Some(row) = rows.next().context(action)? {
            give(row)?;
        }
        Ok(())
    }
}

impl ManifestRows for Rows {
    fn each_entry(&self, give: &mut dyn FnMut(&ManifestRow<'_>) -> Result<()>) -> Result<()> {
        self.each(
            "SELECT path, kind, sha256, size_bytes FROM entry ORDER BY position",
            &mut |row| {
                let mut entry = manifest_row(row).context("read an entry")?;
                entry.user_id = self.user_of(entry.path);
                give(&entry)
            },
        )
    }

    fn each_described(&self, give: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
        self.index_entries()?;
        let query = "SELECT path FROM described
                     UNION SELECT path FROM record WHERE path IN (SELECT path FROM entry) ORDER BY 1";
        self.each(query, &mut |row| {
            let path = row.get_ref(0).and_then(|path| Ok(path.as_str()?));
            give(path.context("read an index record")?)
        })
    }

    fn each_record(
        &self,
        path: &str,
        give: &mut dyn FnMut(&ManifestRecord<'_>) -> Result<()>,
    ) -> Result<()> {
        let action = "read an index record";
        let mut statement = self
            .connection
            .prepare_cached("SELECT path, abstract, overview FROM described WHERE path = ?1")
            .context(action)?;
        let mut rows = statement.query([path]).context(action)?;
        let row = rows.next().context(action)?;
        let texts = row.map_or(Ok([None; 2]), described_row).context(action)?;
        let uri = EntryPath::parse(path).ok();
        let uri = uri.and_then(|path| self.uri.join(&path).ok());
        let context_type = uri.map_or("resource", |uri| uri.context_type());
        let user_id = self.user_of(path);
        let mut carried = self.records_of(path)?;
        for (level, text) in [(0, texts[0]), (1, texts[1]), (2, None)] {
            if let Some(record) = carried.remove(&level) {
                let scalars = record.scalars(texts, level, context_type);
                give(&ManifestRecord {
                    level,
                    scalars: Scalars::Carried(scalars),
                    text: record.text(level, text),
                    kind: record.kind,
                    dense: None,
                    user_id: user_id.clone(),
                })?;
            } else if text.is_some() {
                give(&ManifestRecord {
                    level,
                    scalars: Scalars::Derived(ManifestScalars {
                        abstract_text: texts[0].unwrap_or_default(),
                        context_type,
                        level,
                    }),
                    text,
                    kind: EntryKind::Directory,
                    dense: None,
                    user_id: user_id.clone(),
                })?;
            }
        }
        Ok(())
    }
}

fn pending_entry(row: &Row<'_>) -> rusqlite::Result<PendingEntry> {
    Ok(PendingEntry {
        path: path_of(row.get_ref(0)?)?,
        kind: kind_of(row.get_ref(1)?)?,
        size_bytes: row.get(2).map(i64::cast_unsigned)?,
    })
}

fn manifest_row<'r>(row: &'r Row<'_>) -> rusqlite::Result<ManifestRow<'r>> {
    let kind = kind_of(row.get_ref(1)?)?;
    let size = row.get(3).map(i64::cast_unsigned)?;
    Ok(ManifestRow {
        kind,
        path: row.get_ref(0)?.as_str()?,
        sha256: row.get(2)?,
        size: (kind == EntryKind::File).then_some(size),
        user_id: None,
    })
}

fn described_row<'r>(row: &'r Row<'_>) -> rusqlite::Result<[Option<&'r str>; 2]> {
    Ok([
        row.get_ref(1)?.as_str_or_null()?,
        row.get_ref(2)?.as_str_or_null()?,
    ])
}

fn path_of(value: ValueRef<'_>) -> FromSqlResult<EntryPath> {
    EntryPath::parse(value.as_str()?).map_err(FromSqlError::other)
}

fn kind_of(value: ValueRef<'_>) -> FromSqlResult<EntryKind> {
    EntryKind::from_name(value.as_str()?).ok_or(FromSqlError::InvalidType)
}
