//! What was staged of a pack, read again: its members, entries and records.

use rusqlite::types::FromSqlError;
use serde_json::{Map, Value};

use super::{Staging, Sums};
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Result;
use crate::pack::reader::{MemberLocation, Method};
use crate::record::GivenScalars;

/// Files from this size on are large: they are read before all others.
const LARGE_BYTES: i64 = 1 << 20;

/// Takes path, kind, bytes and digest of an entry.
type EachEntry<'a> = &'a mut dyn FnMut(String, EntryKind, u64, Option<Digest>) -> Result<()>;
/// Takes path, level, scalars and text of a record.
type EachRecord<'a> =
    &'a mut dyn FnMut(String, i64, Map<String, Value>, Option<String>) -> Result<()>;

impl Staging {
    /// Calls `visit` for each file member with its path and what the manifest says that its digest
    /// is: large ones first, so that none is begun when all else is done; else as they lie in the
    /// directory.
    pub(crate) fn for_each_file_member(
        &self,
        visit: &mut dyn FnMut(EntryPath, MemberLocation, Option<Digest>) -> Result<()>,
    ) -> Result<()> {
        for query in [
            "SELECT m.path, m.data_offset, m.header_offset, m.compressed_bytes, m.bytes, m.crc32, m.method, e.sha256
             FROM member AS m LEFT JOIN manifest_entry AS e ON e.path = m.path AND e.kind = 'file'
             WHERE m.kind = 'file' AND m.bytes >= ?1 ORDER BY m.ordinal",
            "SELECT m.path, m.data_offset, m.header_offset, m.compressed_bytes, m.bytes, m.crc32, m.method, e.sha256
             FROM member AS m LEFT JOIN manifest_entry AS e ON e.path = m.path AND e.kind = 'file'
             WHERE m.kind = 'file' AND m.bytes < ?1 ORDER BY m.ordinal",
        ] {
            let mut statement = self
                .connection
                .prepare(query)
                .context("read staged members")?;
            let mut rows = statement
                .query([LARGE_BYTES])
                .context("read staged members")?;
            while let Some(row) = rows.next().context("read staged members")? {
                let (path, location) = member_from_row(row).context("read staged members")?;
                let claimed = row.get(7).context("read staged members")?;
                visit(
                    EntryPath::parse(&path).unwrap_or_default(),
                    location,
                    claimed,
                )?;
            }
        }
        Ok(())
    }

    /// Returns sums over the manifest's entries and records.
    pub(crate) fn sums(&self) -> Result<Sums> {
        let query = "SELECT count(*) FILTER (WHERE kind = 'file'), count(*) FILTER (WHERE kind = 'directory'),
                     CAST(total(bytes) FILTER (WHERE kind = 'file') AS INTEGER), (SELECT count(*) FROM index_record) FROM manifest_entry";
        let number = |row: &rusqlite::Row<'_>, at: usize| {
            row.get::<_, i64>(at)
                .map(|value| u64::try_from(value).unwrap_or(0))
        };
        self.connection
            .query_row(query, [], |row| {
                Ok(Sums {
                    files: number(row, 0)?,
                    directories: number(row, 1)?,
                    bytes: number(row, 2)?,
                    records: number(row, 3)?,
                })
            })
            .context("read staged entries")
    }

    /// Calls `visit` for each entry of the manifest, by path.
    pub(crate) fn for_each_manifest_entry(&self, visit: EachEntry<'_>) -> Result<()> {
        let query =
            "SELECT path, kind, coalesce(bytes, 0), sha256 FROM manifest_entry ORDER BY path";
        self.for_each_entry_of(query, [], visit)
    }

    /// Calls `visit` for each directory of the manifest, and for files with one of two texts in their
    /// path, by path.
    pub(crate) fn for_each_directory_and(
        &self,
        texts: [&str; 2],
        visit: EachEntry<'_>,
    ) -> Result<()> {
        let query = "SELECT path, kind, coalesce(bytes, 0), sha256 FROM manifest_entry
                     WHERE kind = 'directory' OR instr(path, ?1) > 0 OR instr(path, ?2) > 0 ORDER BY path";
        self.for_each_entry_of(query, texts, visit)
    }

    /// Returns whether manifest and members list the same, and each directory that something is in.
    pub(crate) fn lists_all_directories(&self) -> bool {
        self.is_closed.get()
    }

    fn for_each_entry_of(
        &self,
        query: &str,
        parameters: impl rusqlite::Params,
        visit: EachEntry<'_>,
    ) -> Result<()> {
        let mut statement = self
            .connection
            .prepare(query)
            .context("read staged entries")?;
        let mut rows = statement.query(parameters).context("read staged entries")?;
        while let Some(row) = rows.next().context("read staged entries")? {
            let columns = || -> rusqlite::Result<_> {
                Ok((
                    row.get(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, i64>(2)?,
                    row.get(3)?,
                ))
            };
            let (path, kind, bytes, sha256) = columns().context("read staged entries")?;
            visit(
                path,
                EntryKind::from_name(&kind).unwrap_or(EntryKind::File),
                u64::try_from(bytes).unwrap_or(0),
                sha256,
            )?;
        }
        Ok(())
    }

    /// Calls `visit` for each index record, by path and level.
    pub(crate) fn for_each_record(&self, visit: EachRecord<'_>) -> Result<()> {
        let query = "SELECT path, level, scalars, placed, text FROM index_record JOIN index_record_text USING (ordinal)
                     ORDER BY path, level, ordinal";
        let mut statement = self
            .connection
            .prepare(query)
            .context("read staged records")?;
        let mut rows = statement.query([]).context("read staged records")?;
        while let Some(row) = rows.next().context("read staged records")? {
            let columns = || -> rusqlite::Result<_> {
                Ok((row.get(0)?, row.get(1)?, scalars_of(row, 2)?, row.get(4)?))
            };
            let (path, level, scalars, text) = columns().context("read staged records")?;
            visit(path, level, scalars, text)?;
        }
        Ok(())
    }
}

/// Reads the scalars of a record from two columns.
pub(crate) fn scalars_of(
    row: &rusqlite::Row<'_>,
    at: usize,
) -> rusqlite::Result<Map<String, Value>> {
    let kept = row.get_ref(at)?.as_str()?;
    let placed = row.get_ref(at.saturating_add(1))?.as_str_or_null()?;
    GivenScalars::whole(kept, placed).map_err(|error| FromSqlError::other(error).into())
}

fn member_from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, MemberLocation)> {
    let number = |at: usize| {
        row.get::<_, i64>(at)
            .map(|value| u64::try_from(value).unwrap_or(0))
    };
    let location = MemberLocation {
        data_offset: number(1)?,
        header_offset: number(2)?,
        compressed_bytes: number(3)?,
        size_bytes: number(4)?,
        crc32: row.get(5)?,
        method: Method::from_code(row.get(6)?).unwrap_or(Method::Stored),
    };
    Ok((row.get(0)?, location))
}
