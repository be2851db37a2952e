//! Rows of a manifest as they stream by: entries and records.

use rusqlite::named_params;

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
