//! A transaction's changes summed up, by directory.

use serde::Serialize;

use crate::error::Result;
use crate::id::TransactionId;
use crate::journal::Journal;

/// Files that met which change, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileCounts {
    /// New files.
    pub added: u64,
    /// Files with other content.
    pub replaced: u64,
    /// Files that went to the slot.
    pub removed: u64,
    /// Bytes of these files after.
    pub bytes_after: u64,
    /// Bytes of these files before.
    pub bytes_before: u64,
}

/// The files directly in one directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DirectoryStat {
    /// The directory's URI.
    pub uri: String,
    /// Its files.
    #[serde(flatten)]
    pub files: FileCounts,
}

/// A transaction's changes summed up; what was changed from outside is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StatReport {
    /// The first [`DIRECTORIES_LISTED`](StatReport::DIRECTORIES_LISTED) directories with changed
    /// files, by path.
    pub directories: Vec<DirectoryStat>,
    /// How many directories have changed files.
    pub directories_total: u64,
    /// All changed files.
    pub files: FileCounts,
}

impl StatReport {
    /// Most directories that are listed.
    pub const DIRECTORIES_LISTED: usize = 1_000;
}

/// Sums up what a transaction changed.
pub(crate) fn stat(journal: &Journal, id: TransactionId) -> Result<StatReport> {
    journal.transaction(id)?;
    let mut report = StatReport::default();
    journal.for_each_changed_directory(id, &mut |path, counts| {
        report.directories_total += 1;
        let sum = &mut report.files;
        sum.added += counts.added;
        sum.replaced += counts.replaced;
        sum.removed += counts.removed;
        sum.bytes_after = sum.bytes_after.saturating_add(counts.bytes_after);
        sum.bytes_before = sum.bytes_before.saturating_add(counts.bytes_before);
        if report.directories.len() < StatReport::DIRECTORIES_LISTED {
            let uri = format!("viking://{}", path.trim_end_matches('/'));
            let files = FileCounts {
                added: counts.added,
                replaced: counts.replaced,
                removed: counts.removed,
                bytes_after: counts.bytes_after,
                bytes_before: counts.bytes_before,
            };
            report.directories.push(DirectoryStat { uri, files });
        }
    })?;
    Ok(report)
}
