//! Rows of a manifest as they stream by: entries and records.

use rusqlite::params;

use super::{Staging, column};
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::finding::Finding;
use crate::pack::manifest::{IndexRecord, ManifestEntry, ManifestSink};

/// Rows are appended while the manifest streams by.
impl ManifestSink for &Staging {
    fn entry(&mut self, entry: ManifestEntry) -> Result<()> {
        self.add_entry(entry)
    }

    fn record(&mut self, record: IndexRecord) -> Result<()> {
        let mut insert = self
            .connection
            .prepare_cached(
                "INSERT INTO index_record (path, level, scalars, text, record_id, kind, dense_offset, dense_dimensions, user_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )
            .context("stage an index record")?;
        // What was read as JSON is JSON.
        let scalars = serde_json::to_string(&record.scalars).unwrap_or_default();
        let line = record.line.as_ref();
        let dense = line.and_then(|line| line.dense);
        let row = params![
            record.path.as_str(),
            record.level,
            scalars,
            record.text,
            line.map(|line| line.record_id.as_str()),
            line.map(|line| line.kind.as_str()),
            dense.map(|dense| column(dense.offset)),
            dense.map(|dense| column(dense.dimensions)),
            line.and_then(|line| line.user_id.as_deref()),
        ];
        insert.execute(row).context("stage an index record")?;
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        self.add_finding(&finding)
    }
}
