//! Writes index records into a member of their own, one line of compact JSON each.

use std::io::Write as _;

use serde::Serialize;

use super::IndexMember;
use super::manifest_writer::{Failed, ManifestRows, Scalars, buffered, pass};
use super::record_lines::DenseReference;
use crate::digest::{Digest, Hasher};
use crate::entry_path::EntryKind;
use crate::error::Result;

/// What a manifest says of the records beside it. Its fields stand in the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RecordsSummary {
    count: u64,
    path: &'static str,
    sha256: Digest,
}

impl Default for RecordsSummary {
    fn default() -> Self {
        Self {
            count: 0,
            path: IndexMember::Records.path(),
            sha256: Digest::EMPTY,
        }
    }
}

/// A line. Its fields stand in the order of their names.
#[derive(Serialize)]
struct Line<'a> {
    kind: EntryKind,
    level: u8,
    path: &'a str,
    record_id: String,
    scalars: &'a Scalars<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<Vector>,
}

#[derive(Serialize)]
struct Vector {
    dense: DenseReference,
}

/// Gives the text of all records to `take`, piece by piece; their ids count from `r000001`.
///
/// # Errors
/// Those of `rows` and of `take`.
pub(crate) fn write_records(
    rows: &dyn ManifestRows,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<RecordsSummary> {
    let (mut hasher, mut count) = (Hasher::default(), 0_u64);
    let failed = Failed::default();
    let mut hashing = |bytes: &[u8]| {
        hasher.update(bytes);
        take(bytes)
    };
    let mut sink = buffered(&mut hashing, &failed);
    let given = rows.each_described(&mut |path| {
        rows.each_record(path, &mut |record| {
            count = count.saturating_add(1);
            let line = Line {
                kind: record.kind,
                level: record.level,
                path,
                record_id: format!("r{count:06}"),
                scalars: &record.scalars,
                text: record.text,
                user_id: record.user_id.as_deref(),
                vector: record.dense.map(|dense| Vector { dense }),
            };
            serde_json::to_writer(&mut sink, &line).map_err(|error| pass(&error))?;
            sink.write_all(b"\n").map_err(|error| pass(&error))
        })
    });
    let flushed = sink.flush();
    drop(sink);
    if let Err(error) = given {
        failed.keep(error);
    }
    failed.or(flushed)?;
    Ok(RecordsSummary {
        count,
        sha256: hasher.finish(),
        ..RecordsSummary::default()
    })
}
