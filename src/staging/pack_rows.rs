//! Rows of a pack as they stream by: members, entries and records.

use rusqlite::{named_params, params};

use super::{Staging, column};
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::finding::Finding;
use crate::pack::manifest::{IndexRecord, ManifestEntry, ManifestSink};
use crate::pack::reader::Member;

impl Staging {
    /// Takes in a member of the pack.
    pub(crate) fn add_member(&self, member: &Member) -> Result<()> {
        let mut insert = self
            .connection
            .prepare_cached(
                "INSERT INTO member (ordinal, path, kind, data_offset, header_offset, compressed_bytes, bytes, crc32, method)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )
            .context("stage a member")?;
        let at = &member.location;
        let row = params![
            column(member.ordinal),
            member.path.as_str(),
            member.kind.as_str(),
            column(at.data_offset),
            column(at.header_offset),
            column(at.compressed_bytes),
            column(at.size_bytes),
            at.crc32,
            at.method.code(),
        ];
        insert.execute(row).context("stage a member")?;
        Ok(())
    }
}

/// Rows are appended while the manifest streams by.
impl ManifestSink for &Staging {
    fn entry(&mut self, entry: ManifestEntry) -> Result<()> {
        let mut insert = self
            .connection
            .prepare_cached(
                "INSERT INTO manifest_entry (path, kind, bytes, sha256, user_id) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .context("stage an entry")?;
        let row = params![
            entry.path.as_str(),
            entry.kind.as_str(),
            entry.size_bytes.map(column),
            entry.sha256,
            entry.user_id
        ];
        insert.execute(row).context("stage an entry")?;
        Ok(())
    }

    fn record(&mut self, record: IndexRecord) -> Result<()> {
        let mut insert = self
            .connection
            .prepare_cached(
                "INSERT INTO index_record (path, level, scalars, text, record_id, kind, dense_offset, dense_dimensions, user_id)
                 VALUES (:path, :level, :scalars, :text, :record_id, :kind, :dense_offset, :dense_dimensions, :user_id)",
            )
            .context("stage an index record")?;
        let scalars = serde_json::Value::Object(record.scalars).to_string();
        let line = record.line.as_ref();
        let dense = line.and_then(|line| line.dense);
        let row = named_params! {
            ":path": record.path.as_str(), ":level": record.level, ":scalars": scalars, ":text": record.text,
            ":record_id": line.map(|line| line.record_id.as_str()), ":kind": line.map(|line| line.kind.as_str()),
            ":dense_offset": dense.map(|dense| column(dense.offset)),
            ":dense_dimensions": dense.map(|dense| column(dense.dimensions)),
            ":user_id": line.and_then(|line| line.user_id.as_deref()),
        };
        insert.execute(row).context("stage an index record")?;
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        self.add_finding(&finding)
    }
}
