//! What one salvage knows while it runs, as rows of a scratch database.

use std::ops::ControlFlow;

use rusqlite::{Connection, Row, named_params, params};

use super::{SalvageState, SalvagedPath};
use crate::db::{self, DatabaseContext as _};
use crate::digest::Digest;
use crate::entry_path::EntryPath;
use crate::error::Result;
use crate::finding::Finding;
use crate::pack::fragment::{Fragment, Unpacked};
use crate::pack::manifest::{IndexRecord, ManifestEntry, ManifestSink};
use crate::pack::reader::{MemberLocation, Method};

const SCHEMA: &str = include_str!("../../schema/salvage.sql");
const ASSIGN: &str = include_str!("../../schema/salvage/assign.sql");
const UNVERIFIED: &str = include_str!("../../schema/salvage/unverified.sql");
const REPORT: &str = include_str!("../../schema/salvage/report.sql");
/// Fragments that are read at once, so that rows can be written between them.
const PAGE: u32 = 500;

/// The rows of one salvage.
#[derive(Debug)]
pub(super) struct Rows(Connection);

/// A fragment and its place in the order of data.
#[derive(Clone, Debug)]
pub(super) struct FragmentRow {
    pub(super) id: i64,
    pub(super) name: Vec<u8>,
    pub(super) is_utf8: bool,
    pub(super) has_descriptor: bool,
    pub(super) is_sound: bool,
    pub(super) location: MemberLocation,
}

/// Something to be written.
#[derive(Clone, Debug)]
pub(super) struct SavedRow {
    pub(super) path: String,
    pub(super) sha256: Digest,
    pub(super) location: MemberLocation,
}

/// What a manifest said before it ended.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) entries: u64,
    pub(super) refused: u64,
    pub(super) uri: Option<String>,
    pub(super) format_version: Option<i64>,
}

/// Takes a manifest's entries into rows.
pub(super) struct Sink<'a> {
    pub(super) rows: &'a Rows,
    pub(super) told: Told,
}

impl ManifestSink for Sink<'_> {
    fn entry(&mut self, entry: ManifestEntry) -> Result<()> {
        self.told.entries = self.told.entries.saturating_add(1);
        self.rows.execute(
            "INSERT OR IGNORE INTO entry (path, kind, size_bytes, sha256) VALUES (?1, ?2, ?3, ?4)",
            params![
                entry.path.as_str(),
                entry.kind.as_str(),
                entry.size_bytes.map(u64::cast_signed),
                entry.sha256
            ],
        )
    }

    fn record(&mut self, _: IndexRecord) -> Result<()> {
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        self.told.refused = self.told.refused.saturating_add(1);
        self.rows.execute(
            "INSERT INTO refused (path, why) VALUES (?1, ?2)",
            params![finding.path, finding.detail],
        )
    }

    fn root(&mut self, _name: &str, uri: &str) -> Result<()> {
        self.told.uri = Some(uri.to_owned());
        Ok(())
    }

    fn format_version(&mut self, version: i64) -> Result<()> {
        self.told.format_version = Some(version);
        Ok(())
    }
}

impl Rows {
    pub(super) fn new() -> Result<Self> {
        let connection = db::open_scratch(None, SCHEMA)?;
        // Never committed: the database goes with its connection.
        connection
            .execute_batch("BEGIN")
            .context("begin a salvage")?;
        Ok(Self(connection))
    }

    fn execute(&self, query: &str, values: impl rusqlite::Params) -> Result<()> {
        let statement = self.0.prepare_cached(query);
        statement
            .and_then(|mut statement| statement.execute(values))
            .map(drop)
            .context("note what is salvaged")
    }

    pub(super) fn add(&self, fragment: &Fragment<'_>) -> Result<()> {
        let at = &fragment.location;
        self.execute(
            "INSERT INTO fragment (header_offset, data_offset, name, is_utf8, method, crc32, compressed_bytes, size_bytes, has_descriptor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                at.header_offset.cast_signed(),
                at.data_offset.cast_signed(),
                fragment.name,
                fragment.is_utf8,
                at.method.code(),
                at.crc32,
                at.compressed_bytes.cast_signed(),
                at.size_bytes.cast_signed(),
                fragment.has_descriptor
            ],
        )
    }

    /// Visits all fragments in the order of their data, and of their finding.
    pub(super) fn each_fragment(
        &self,
        visit: &mut dyn FnMut(&FragmentRow) -> Result<()>,
    ) -> Result<()> {
        let (mut offset, mut id) = (-1_i64, -1_i64);
        loop {
            let mut statement = self
                .0
                .prepare_cached("SELECT id, header_offset, data_offset, compressed_bytes, size_bytes, crc32, method, has_descriptor, is_utf8, name, is_sound FROM fragment WHERE (data_offset, id) > (?1, ?2) ORDER BY data_offset, id LIMIT ?3")
                .context("read fragments")?;
            let rows = statement.query_map(params![offset, id, PAGE], fragment_row);
            let page: Vec<_> = rows.and_then(Iterator::collect).context("read fragments")?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            (offset, id) = (last.location.data_offset.cast_signed(), last.id);
            page.iter().try_for_each(&mut *visit)?;
        }
    }

    pub(super) fn remove(&self, id: i64) -> Result<()> {
        self.execute("DELETE FROM fragment WHERE id = ?1", [id])
    }

    pub(super) fn set_unpacked(
        &self,
        id: i64,
        unpacked: &Unpacked,
        (is_sound, is_inside): (bool, bool),
        why: Option<&str>,
    ) -> Result<()> {
        let whole = unpacked.fault.is_none().then_some(unpacked);
        self.execute(
            "UPDATE fragment SET packed_bytes = ?2, unpacked_bytes = ?3, unpacked_crc32 = ?4, sha256 = ?5, is_sound = ?6, is_inside = ?7, why = ?8 WHERE id = ?1",
            params![
                id,
                whole.map(|whole| whole.packed_bytes.cast_signed()),
                whole.map(|whole| whole.observed.size_bytes.cast_signed()),
                whole.map(|whole| whole.crc32),
                whole.map(|whole| whole.observed.sha256),
                is_sound,
                is_inside,
                why
            ],
        )
    }

    pub(super) fn set_role(&self, id: i64, role: &str, path: Option<&EntryPath>) -> Result<()> {
        self.execute(
            "UPDATE fragment SET role = ?2, path = ?3 WHERE id = ?1",
            params![id, role, path.map(EntryPath::as_str)],
        )
    }

    /// Returns the ids of fragments named like a manifest: first those that are in no other
    /// member, of these the sound ones.
    pub(super) fn manifests(&self) -> Result<Vec<FragmentRow>> {
        let mut statement = self
            .0
            .prepare("SELECT id, header_offset, data_offset, compressed_bytes, size_bytes, crc32, method, has_descriptor, is_utf8, name, is_sound FROM fragment WHERE role = 'manifest' ORDER BY is_inside, is_sound DESC, data_offset, id LIMIT 100")
            .context("read fragments")?;
        let rows = statement.query_map([], fragment_row);
        rows.and_then(Iterator::collect).context("read fragments")
    }

    /// Forgets what a manifest said that is not used.
    pub(super) fn forget_entries(&self) -> Result<()> {
        let forgotten = self
            .0
            .execute_batch("DELETE FROM entry; DELETE FROM refused;");
        forgotten.context("note what is salvaged")
    }

    /// Finds the data of each entry.
    pub(super) fn assign(&self) -> Result<()> {
        self.0.execute_batch(ASSIGN).context("find what is whole")
    }

    /// Takes what no manifest vouches for.
    pub(super) fn assign_unverified(&self) -> Result<()> {
        self.0
            .execute_batch(UNVERIFIED)
            .context("find what is whole")
    }

    /// Returns the bytes of all that will be written.
    pub(super) fn needed_bytes(&self) -> Result<u64> {
        self.0
            .query_row(
                "SELECT coalesce(sum(fragment.unpacked_bytes), 0) FROM entry JOIN fragment ON fragment.id = entry.fragment",
                [],
                |row| row.get(0).map(i64::cast_unsigned),
            )
            .context("count what is salvaged")
    }

    /// Visits the directories that will be made, by path.
    pub(super) fn each_directory(&self, visit: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
        let query = "SELECT path FROM entry WHERE kind = 'directory' AND path <> '' ORDER BY path";
        self.each(query, &mut |row| {
            let path: String = row.get(0).context("read entries")?;
            visit(&path)
        })
    }

    /// Visits the files that will be written, by path.
    pub(super) fn each_saved(
        &self,
        visit: &mut dyn FnMut(&SavedRow) -> Result<Option<String>>,
    ) -> Result<()> {
        let mut last = String::new();
        loop {
            let mut statement = self
                .0
                .prepare_cached("SELECT f.id, f.header_offset, f.data_offset, f.compressed_bytes, f.size_bytes, f.crc32, f.method, f.has_descriptor, f.is_utf8, f.name, f.is_sound, e.path, f.sha256 FROM entry e JOIN fragment f ON f.id = e.fragment WHERE e.path > ?1 ORDER BY e.path LIMIT ?2")
                .context("read entries")?;
            let rows = statement.query_map(params![last, PAGE], |row| {
                Ok(SavedRow {
                    path: row.get(11)?,
                    sha256: row.get(12)?,
                    location: fragment_row(row)?.location,
                })
            });
            let page: Vec<_> = rows.and_then(Iterator::collect).context("read entries")?;
            for row in &page {
                if let Some(why) = visit(row)? {
                    self.set_unwritten(&row.path, &why)?;
                }
            }
            match page.into_iter().next_back() {
                Some(row) => last = row.path,
                None => return Ok(()),
            }
        }
    }

    /// Notes that a path cannot be written.
    pub(super) fn set_unwritten(&self, path: &str, why: &str) -> Result<()> {
        self.execute(
            "UPDATE entry SET state = 'damaged', how = NULL, why = ?2, fragment = NULL WHERE path = ?1",
            params![path, why],
        )
    }

    /// Returns the text of the ROOT that most fragments have, and whether all that it holds lies
    /// where only layouts with `files/` have it.
    pub(super) fn guessed_root(&self) -> Result<Option<String>> {
        let mut counts: Option<(String, u64)> = None;
        // Boyer and Moore's majority vote: one candidate is held, whatever the number of names.
        self.each_fragment(&mut |row| {
            let Ok(Some((root, _))) =
                std::str::from_utf8(&row.name).map(|name| name.split_once('/'))
            else {
                return Ok(());
            };
            counts = match counts.take() {
                Some((held, count)) if held == root => Some((held, count.saturating_add(1))),
                Some((held, count)) if count > 0 => Some((held, count.saturating_sub(1))),
                _ => Some((root.to_owned(), 1)),
            };
            Ok(())
        })?;
        Ok(counts.map(|(root, _)| root))
    }

    /// Visits what is to be reported: the manifest's files by path, then what is in none.
    pub(super) fn each_reported(
        &self,
        visit: &mut dyn FnMut(SalvagedPath) -> ControlFlow<()>,
    ) -> Result<()> {
        let action = "read what is salvaged";
        let mut statement = self.0.prepare(REPORT).context(action)?;
        let mut rows = statement.query([]).context(action)?;
        while let Some(row) = rows.next().context(action)? {
            if visit(reported(row).context(action)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Returns the number of directories that are made.
    pub(super) fn directories(&self) -> Result<u64> {
        self.0
            .query_row(
                "SELECT count(*) FROM entry WHERE kind = 'directory' AND state <> 'damaged'",
                [],
                |row| row.get(0).map(i64::cast_unsigned),
            )
            .context("count what is salvaged")
    }

    fn each(&self, query: &str, visit: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        let action = "read what is salvaged";
        let mut statement = self.0.prepare(query).context(action)?;
        let mut rows = statement.query(named_params! {}).context(action)?;
        while let Some(row) = rows.next().context(action)? {
            visit(row)?;
        }
        Ok(())
    }
}

fn reported(row: &Row<'_>) -> rusqlite::Result<SalvagedPath> {
    // A path is a text, a name that is none is a blob.
    let name = row.get_ref(0)?;
    let name = name.as_bytes()?;
    let state: String = row.get(1)?;
    Ok(SalvagedPath {
        path: String::from_utf8_lossy(name).into_owned(),
        state: SalvageState::from_name(&state).unwrap_or(SalvageState::Damaged),
        how: row.get(2)?,
        why: row.get(3)?,
        size: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
        sha256: row.get(5)?,
    })
}

fn fragment_row(row: &Row<'_>) -> rusqlite::Result<FragmentRow> {
    let number = |at: usize| row.get(at).map(i64::cast_unsigned);
    Ok(FragmentRow {
        id: row.get(0)?,
        location: MemberLocation {
            header_offset: number(1)?,
            data_offset: number(2)?,
            compressed_bytes: number(3)?,
            size_bytes: number(4)?,
            crc32: row.get(5)?,
            method: Method::from_code(row.get(6)?).unwrap_or(Method::Stored),
        },
        has_descriptor: row.get(7)?,
        is_utf8: row.get(8)?,
        name: row.get(9)?,
        is_sound: row.get(10)?,
    })
}
