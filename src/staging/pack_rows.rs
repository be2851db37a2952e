//! Rows of a manifest as they stream by: entries and records.

use super::Staging;
use crate::digest::Digest;
use crate::entry_path::EntryPath;
use crate::error::Result;
use crate::finding::Finding;
use crate::pack::manifest::{IndexRecord, ManifestEntry, ManifestSink, RecordLine};
use crate::record::{self, GivenScalars};

/// An index record as it becomes a row: what takes time is done, so that it can be done by who reads
/// the pack.
#[derive(Debug)]
pub(crate) struct RecordRow {
    pub(super) path: EntryPath,
    pub(super) level: u8,
    /// Tells what a record keeps of it from others.
    pub(super) sha256: Digest,
    pub(super) scalars: GivenScalars,
    pub(super) text: Option<String>,
    pub(super) line: Option<RecordLine>,
}

impl RecordRow {
    pub(crate) fn of(record: IndexRecord) -> Self {
        let scalars = record.scalars;
        Self {
            path: record.path,
            level: record.level,
            sha256: record::digest_of(&scalars.kept, record.text.as_deref()),
            scalars,
            text: record.text,
            line: record.line,
        }
    }

    /// Returns about how much memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let line = self.line.as_ref();
        [
            size_of::<Self>(),
            self.path.len(),
            self.scalars.kept.len(),
            length(&self.scalars.placed),
            length(&self.text),
            line.map_or(0, |line| line.record_id.len()),
            line.map_or(0, |line| length(&line.user_id)),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }
}

/// Rows are appended while the manifest streams by.
impl ManifestSink for &Staging {
    fn entry(&mut self, entry: ManifestEntry) -> Result<()> {
        self.add_entry(entry)
    }

    fn record(&mut self, record: IndexRecord) -> Result<()> {
        self.add_record(RecordRow::of(record))
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        self.add_finding(&finding)
    }
}
