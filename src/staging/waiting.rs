//! Rows that wait to be appended, many at once.

use std::cell::{Cell, RefCell};

use super::pack_rows::RecordRow;
use super::{Staging, column};
use crate::db::{BATCH_ROWS, Batch, DatabaseContext as _};
use crate::error::Result;
use crate::pack::manifest::ManifestEntry;
use crate::pack::reader::Member;
use crate::record::GivenScalars;

/// Bytes of texts that wait at most, but for those of one row.
const WAITING_BYTES_MAX: usize = 256 << 10;

/// Rows that are not in their tables yet. [`Staging::set_manifest`] puts them there, before anybody
/// asks.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    members: RefCell<Vec<Member>>,
    entries: RefCell<(Vec<ManifestEntry>, usize)>,
    records: RefCell<(Vec<RecordRow>, usize)>,
    /// Records that are in their tables.
    put_records: Cell<i64>,
}

impl Staging {
    /// Takes in a member of the pack.
    pub(crate) fn add_member(&self, member: &Member) -> Result<()> {
        let mut waiting = self.waiting.members.borrow_mut();
        waiting.push(member.clone());
        if waiting.len() < BATCH_ROWS {
            return Ok(());
        }
        drop(waiting);
        self.put_members()
    }

    /// Takes in an entry of the manifest.
    pub(super) fn add_entry(&self, entry: ManifestEntry) -> Result<()> {
        let mut waiting = self.waiting.entries.borrow_mut();
        let (entries, bytes) = &mut *waiting;
        let user_bytes = entry.user_id.as_ref().map_or(0, String::len);
        *bytes = bytes
            .saturating_add(entry.path.len())
            .saturating_add(user_bytes);
        entries.push(entry);
        if entries.len() < BATCH_ROWS && *bytes < WAITING_BYTES_MAX {
            return Ok(());
        }
        drop(waiting);
        self.put_entries()
    }

    /// Takes in an index record.
    pub(crate) fn add_record(&self, record: RecordRow) -> Result<()> {
        let mut waiting = self.waiting.records.borrow_mut();
        let (records, bytes) = &mut *waiting;
        *bytes = bytes.saturating_add(record.memory_bytes());
        records.push(record);
        if records.len() < BATCH_ROWS && *bytes < WAITING_BYTES_MAX {
            return Ok(());
        }
        drop(waiting);
        self.put_records()
    }

    /// Appends what waits of the pack.
    pub(super) fn put_pack_rows(&self) -> Result<()> {
        self.put_members()?;
        self.put_entries()?;
        self.put_records()
    }

    fn put_members(&self) -> Result<()> {
        let members = self.waiting.members.take();
        let put = || {
            let insert = "INSERT INTO member (ordinal, path, kind, data_offset, header_offset, compressed_bytes, bytes, crc32, method)";
            let mut batch = Batch::new(&self.connection, insert, 9)?;
            for member in &members {
                let at = &member.location;
                batch.add(&[
                    &column(member.ordinal),
                    &member.path.as_str(),
                    &member.kind.as_str(),
                    &column(at.data_offset),
                    &column(at.header_offset),
                    &column(at.compressed_bytes),
                    &column(at.size_bytes),
                    &at.crc32,
                    &at.method.code(),
                ])?;
            }
            batch.finish()
        };
        put().context("stage a member")
    }

    fn put_entries(&self) -> Result<()> {
        let (entries, _) = self.waiting.entries.take();
        let put = || {
            let insert = "INSERT INTO manifest_entry (path, kind, bytes, sha256, user_id)";
            let mut batch = Batch::new(&self.connection, insert, 5)?;
            for entry in &entries {
                batch.add(&[
                    &entry.path.as_str(),
                    &entry.kind.as_str(),
                    &entry.size_bytes.map(column),
                    &entry.sha256,
                    &entry.user_id,
                ])?;
            }
            batch.finish()
        };
        put().context("stage an entry")
    }

    fn put_records(&self) -> Result<()> {
        let (records, _) = self.waiting.records.take();
        let first = self.waiting.put_records.get().saturating_add(1);
        let put = || {
            let insert = "INSERT INTO index_record (ordinal, path, level, record_sha256, record_id, kind, dense_offset, dense_dimensions, user_id)";
            let mut batch = Batch::new(&self.connection, insert, 9)?;
            for (ordinal, record) in (first..).zip(&records) {
                let line = record.line.as_ref();
                let dense = line.and_then(|line| line.dense);
                batch.add(&[
                    &ordinal,
                    &record.path.as_str(),
                    &record.level,
                    &record.sha256,
                    &line.map(|line| line.record_id.as_str()),
                    &line.map(|line| line.kind.as_str()),
                    &dense.map(|dense| column(dense.offset)),
                    &dense.map(|dense| column(dense.dimensions)),
                    &line.and_then(|line| line.user_id.as_deref()),
                ])?;
                self.waiting.put_records.set(ordinal);
            }
            batch.finish()?;
            let insert = "INSERT INTO index_record_text (ordinal, scalars, placed, text)";
            let mut batch = Batch::new(&self.connection, insert, 4)?;
            for (ordinal, record) in (first..).zip(&records) {
                let GivenScalars { kept, placed } = &record.scalars;
                batch.add(&[&ordinal, kept, placed, &record.text])?;
            }
            batch.finish()
        };
        put().context("stage an index record")
    }
}
