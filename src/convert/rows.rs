//! What a converted pack holds, as rows beside the staged ones.

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, Row};

use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Result;
use crate::pack::Layout;
use crate::pack::inventory::InventoryHasher;
use crate::pack::manifest_writer::{ManifestRecord, ManifestRow, ManifestRows, Scalars};
use crate::pack::reader::{MemberLocation, Method};
use crate::pack::record_lines::DenseReference;
use crate::staging::{Staging, scalars_of};
use crate::uri::{Scope, Uri};

const SCHEMA: &str = include_str!("../../schema/convert.sql");
const ACTION: &str = "read what is converted";

/// The rows of one conversion.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    staging: &'a Staging,
    /// The root of the pack that is read.
    pub(super) from: Uri,
    /// The root of the pack that is written.
    pub(super) uri: Uri,
    pub(super) layout: Layout,
}

/// One entry of the new pack.
#[derive(Debug)]
pub(super) struct ConvertedEntry {
    pub(super) path: EntryPath,
    /// Where its bytes are in the old pack; `None` for a directory.
    pub(super) location: Option<MemberLocation>,
}

/// Counts over the new pack.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) files: u64,
    pub(super) directories: u64,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) vectors: u64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(staging: &'a Staging, from: &Uri, uri: &Uri, layout: Layout) -> Result<Self> {
        let made = staging.connection().execute_batch(SCHEMA);
        made.context("make the rows of a conversion")?;
        Ok(Self {
            staging,
            from: from.clone(),
            uri: uri.clone(),
            layout,
        })
    }

    pub(super) const fn connection(&self) -> &Connection {
        self.staging.connection()
    }

    pub(super) fn execute(&self, query: &str, values: impl rusqlite::Params) -> Result<usize> {
        self.connection()
            .prepare_cached(query)
            .and_then(|mut statement| statement.execute(values))
            .context("note what is converted")
    }

    /// Runs `give` on each row of a query.
    pub(super) fn each(
        &self,
        query: &str,
        give: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.connection().prepare(query).context(ACTION)?;
        let mut rows = statement.query([]).context(ACTION)?;
        while let Some(row) = rows.next().context(ACTION)? {
            give(row)?;
        }
        Ok(())
    }

    pub(super) fn totals(&self) -> Result<Totals> {
        let query = "SELECT count(*) FILTER (WHERE kind = 'file'), count(*) FILTER (WHERE kind = 'directory'), coalesce(sum(size_bytes), 0),
               (SELECT count(*) FROM converted_record), (SELECT count(dense_offset) FROM converted_record) FROM converted_entry";
        let totals = self.connection().query_row(query, [], |row| {
            let number = |column| row.get(column).map(i64::cast_unsigned);
            Ok(Totals {
                files: number(0)?,
                directories: number(1)?,
                bytes: number(2)?,
                records: number(3)?,
                vectors: number(4)?,
            })
        });
        totals.context(ACTION)
    }

    /// Returns the scopes of a backup, in their order.
    pub(super) fn scopes(&self) -> Result<Vec<Scope>> {
        let mut scopes = Vec::new();
        for scope in Scope::ALL {
            let query = "SELECT EXISTS (SELECT 1 FROM converted_entry WHERE path = ?1)";
            let found = self
                .connection()
                .query_row(query, [scope.as_str()], |row| row.get(0));
            if found.context(ACTION)? {
                scopes.push(scope);
            }
        }
        Ok(scopes)
    }

    /// Returns the digest of the file inventory.
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

    /// Calls `visit` for each entry in the order of the pack.
    pub(super) fn each_member(
        &self,
        visit: &mut dyn FnMut(&ConvertedEntry) -> Result<()>,
    ) -> Result<()> {
        let query = "SELECT e.path, m.data_offset, m.header_offset, m.compressed_bytes, m.bytes, m.crc32, m.method
             FROM converted_entry AS e LEFT JOIN member AS m ON m.ordinal = e.member ORDER BY e.path";
        self.each(query, &mut |row| visit(&member_of(row).context(ACTION)?))
    }

    fn user_of(&self, path: &str) -> Option<String> {
        let path = EntryPath::parse(path)
            .ok()
            .filter(|_| self.layout.names_users())?;
        self.uri.user_below(&path)
    }
}

impl ManifestRows for Rows<'_> {
    fn each_entry(&self, give: &mut dyn FnMut(&ManifestRow<'_>) -> Result<()>) -> Result<()> {
        let query = "SELECT path, kind, size_bytes, sha256 FROM converted_entry ORDER BY path";
        self.each(query, &mut |row| {
            let columns = || -> rusqlite::Result<_> {
                let kind = kind_of(row.get_ref(1)?.as_str()?)?;
                let size = row.get(2).map(i64::cast_unsigned)?;
                Ok(ManifestRow {
                    kind,
                    path: row.get_ref(0)?.as_str()?,
                    sha256: row.get(3)?,
                    size: (kind == EntryKind::File).then_some(size),
                    user_id: None,
                })
            };
            let mut entry = columns().context(ACTION)?;
            entry.user_id = self.user_of(entry.path);
            give(&entry)
        })
    }

    fn each_described(&self, give: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
        let query = "SELECT DISTINCT path FROM converted_record ORDER BY path";
        self.each(query, &mut |row| {
            let path = row.get_ref(0).and_then(|path| Ok(path.as_str()?));
            give(path.context(ACTION)?)
        })
    }

    fn each_record(
        &self,
        path: &str,
        give: &mut dyn FnMut(&ManifestRecord<'_>) -> Result<()>,
    ) -> Result<()> {
        let query = "SELECT c.level, c.kind, said.scalars, said.placed, said.text, c.dense_offset, r.dense_dimensions
             FROM converted_record AS c JOIN index_record AS r ON r.ordinal = c.record
             JOIN index_record_text AS said ON said.ordinal = c.record WHERE c.path = ?1 ORDER BY c.level, c.record";
        let mut statement = self.connection().prepare_cached(query).context(ACTION)?;
        let mut rows = statement.query([path]).context(ACTION)?;
        while let Some(row) = rows.next().context(ACTION)? {
            let mut record = record_of(row).context(ACTION)?;
            record.user_id = self.user_of(path);
            give(&record)?;
        }
        Ok(())
    }
}

fn record_of<'r>(row: &'r Row<'_>) -> rusqlite::Result<ManifestRecord<'r>> {
    let scalars = scalars_of(row, 2)?;
    let offset = row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned);
    let dimensions = row.get::<_, Option<i64>>(6)?.map(i64::cast_unsigned);
    Ok(ManifestRecord {
        level: row.get(0)?,
        scalars: Scalars::Carried(scalars),
        text: row.get_ref(4)?.as_str_or_null()?,
        kind: kind_of(row.get_ref(1)?.as_str()?)?,
        dense: offset
            .zip(dimensions)
            .map(|(offset, dimensions)| DenseReference { dimensions, offset }),
        user_id: None,
    })
}

fn member_of(row: &Row<'_>) -> rusqlite::Result<ConvertedEntry> {
    let path = EntryPath::parse(row.get_ref(0)?.as_str()?).map_err(FromSqlError::other)?;
    let Some(data_offset) = row.get::<_, Option<i64>>(1)? else {
        let location = None;
        return Ok(ConvertedEntry { path, location });
    };
    let number = |column| row.get(column).map(i64::cast_unsigned);
    let location = Some(MemberLocation {
        data_offset: data_offset.cast_unsigned(),
        header_offset: number(2)?,
        compressed_bytes: number(3)?,
        size_bytes: number(4)?,
        crc32: row.get(5)?,
        method: Method::from_code(row.get(6)?).ok_or(FromSqlError::InvalidType)?,
    });
    Ok(ConvertedEntry { path, location })
}

fn kind_of(name: &str) -> Result<EntryKind, FromSqlError> {
    EntryKind::from_name(name).ok_or(FromSqlError::InvalidType)
}
