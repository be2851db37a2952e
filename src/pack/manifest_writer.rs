//! Writes a manifest, streamed from rows.
//!
//! JSON with sorted keys, non-ASCII characters as they are, no newline at the end: the text that
//! OpenViking's own export writes, but for two things. Directories have no `size`, which means
//! nothing there; and above [`INDENTED_ENTRIES`] entries there is no white space, which would
//! double a large manifest.

use std::cell::RefCell;
use std::io;

use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use serde_json::{Map, Value};

use super::IndexMember;
use super::Layout;
use super::record_lines::DenseReference;
use super::record_writer::RecordsSummary;
use crate::digest::Digest;
use crate::entry_path::EntryKind;
use crate::error::{Error, Result};
use crate::uri::{Scope, Uri};

/// Most entries of a manifest that is indented for people to read.
const INDENTED_ENTRIES: u64 = 10_000;

/// What a manifest says beside its lists.
#[derive(Debug)]
pub(crate) struct ManifestHead<'a> {
    /// Decides the format version.
    pub(crate) layout: Layout,
    /// Digest of the file inventory.
    pub(crate) content_sha256: Digest,
    /// The ZIP's root.
    pub(crate) root: &'a str,
    /// `viking://` for a backup, and for nothing else.
    pub(crate) uri: &'a Uri,
    /// Number of entries, the root included.
    pub(crate) entries: u64,
    /// The scopes that a backup carries.
    pub(crate) scopes: &'a [Scope],
    /// What was written before the manifest; `None` where the records stand in it.
    pub(crate) records: Option<RecordsSummary>,
    /// The vectors that were written before it.
    pub(crate) dense: Option<DenseSummary<'a>>,
}

/// What a manifest says of the dense vectors beside it. Its fields stand in the order of their names.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct DenseSummary<'a> {
    byte_order: &'static str,
    count: u64,
    dimensions: u64,
    dtype: &'static str,
    embedding: &'a Map<String, Value>,
    path: &'static str,
    sha256: Digest,
}

impl<'a> DenseSummary<'a> {
    /// Describes `count` vectors of 32-bit floats, little-endian.
    pub(crate) const fn new(
        count: u64,
        dimensions: u64,
        embedding: &'a Map<String, Value>,
        sha256: Digest,
    ) -> Self {
        Self {
            byte_order: "little",
            count,
            dimensions,
            dtype: "float32",
            embedding,
            path: IndexMember::Dense.path(),
            sha256,
        }
    }
}

/// One entry of a manifest. Its fields stand in the order of their names, as in the text.
#[derive(Debug, Serialize)]
pub(crate) struct ManifestRow<'a> {
    /// File or directory.
    pub(crate) kind: EntryKind,
    /// Below the root, unescaped.
    pub(crate) path: &'a str,
    /// `None` for a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<Digest>,
    /// `None` for a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    /// Whose it is; only where the layout says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<String>,
}

/// One index record. Its fields stand in the order of their names; the last three are for a record
/// that stands on a line of its own.
#[derive(Debug, Serialize)]
pub(crate) struct ManifestRecord<'a> {
    /// 0 for an abstract, 1 for an overview, 2 for content.
    pub(crate) level: u8,
    /// Those that travel.
    pub(crate) scalars: Scalars<'a>,
    /// The whole file, untrimmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<&'a str>,
    /// What it describes.
    #[serde(skip)]
    pub(crate) kind: EntryKind,
    /// Where its vector stands.
    #[serde(skip)]
    pub(crate) dense: Option<DenseReference>,
    /// Whose it is; only where the layout says so.
    #[serde(skip)]
    pub(crate) user_id: Option<String>,
}

/// A record's scalars.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Scalars<'a> {
    /// Those that follow from the files.
    Derived(ManifestScalars<'a>),
    /// Those that another pack has.
    Carried(Map<String, Value>),
}

/// The scalars of a record that stands in no index: those that follow from its place and text.
#[derive(Debug, Serialize)]
pub(crate) struct ManifestScalars<'a> {
    /// The directory's abstract, also at level 1; empty where it has none.
    #[serde(rename = "abstract")]
    pub(crate) abstract_text: &'a str,
    /// As the directory's URI says.
    pub(crate) context_type: &'static str,
    /// The record's level once more.
    pub(crate) level: u8,
}

/// Where the lists of a manifest come from. Both give everything in code-point order of the paths.
pub(crate) trait ManifestRows {
    /// Gives all entries, the root first.
    fn each_entry(&self, give: &mut dyn FnMut(&ManifestRow<'_>) -> Result<()>) -> Result<()>;

    /// Gives all paths that have index records, each once.
    fn each_described(&self, give: &mut dyn FnMut(&str) -> Result<()>) -> Result<()>;

    /// Gives the index records of one path, by level.
    fn each_record(
        &self,
        path: &str,
        give: &mut dyn FnMut(&ManifestRecord<'_>) -> Result<()>,
    ) -> Result<()>;
}

/// Gives the manifest's text to `take`, piece by piece.
///
/// # Errors
/// Those of `rows` and of `take`.
pub(crate) fn write_manifest(
    head: &ManifestHead<'_>,
    rows: &dyn ManifestRows,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let failed = Failed::default();
    let sink = buffered(take, &failed);
    let written = if head.entries > INDENTED_ENTRIES {
        write(head, rows, &failed, sink, CompactFormatter)
    } else {
        write(head, rows, &failed, sink, PrettyFormatter::new())
    };
    failed.or(written)
}

/// Returns a buffer before `take`, whose errors are kept in `failed`.
pub(super) fn buffered<'a>(
    take: &'a mut dyn FnMut(&[u8]) -> Result<()>,
    failed: &'a Failed,
) -> io::BufWriter<Sink<'a>> {
    io::BufWriter::with_capacity(64 << 10, Sink { take, failed })
}

fn write<F: Formatter>(
    head: &ManifestHead<'_>,
    rows: &dyn ManifestRows,
    failed: &Failed,
    mut sink: io::BufWriter<Sink<'_>>,
    formatter: F,
) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut sink, formatter);
    let is_backup = head.uri.is_root();
    let user_id = head.uri.user_id().filter(|_| head.layout.names_users());
    let manifest = Manifest {
        content_sha256: head.content_sha256,
        entries: Entries { rows, failed },
        format_version: head.layout.format_version(),
        index: head.records.map(|records| Index {
            dense: head.dense,
            records,
        }),
        kind: "openviking.ovpack",
        root: Root {
            name: head.root,
            package_type: is_backup.then_some("backup"),
            scope: head.uri.scope().map_or("root", Scope::as_str),
            uri: head.uri,
            user_id,
        },
        scopes: is_backup.then(|| head.scopes.iter().map(|scope| scope.as_str()).collect()),
        vectors: match head.records {
            None => Some(Described { rows, failed }),
            Some(_) => None,
        },
    };
    manifest.serialize(&mut serializer)?;
    io::Write::flush(&mut sink)
}

/// The fields stand in the order of their names.
#[derive(Serialize)]
struct Manifest<'a> {
    content_sha256: Digest,
    entries: Entries<'a>,
    format_version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<Index<'a>>,
    kind: &'static str,
    root: Root<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vectors: Option<Described<'a>>,
}

#[derive(Serialize)]
struct Index<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    dense: Option<DenseSummary<'a>>,
    records: RecordsSummary,
}

#[derive(Serialize)]
struct Root<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_type: Option<&'static str>,
    scope: &'static str,
    uri: &'a Uri,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

/// The first error of ours below a serializer, whose own error could not carry it.
#[derive(Default)]
pub(super) struct Failed(RefCell<Option<Error>>);

impl Failed {
    pub(super) fn keep(&self, error: Error) {
        self.0.borrow_mut().get_or_insert(error);
    }

    /// Returns the error that was kept, else what was written says.
    pub(super) fn or(self, written: io::Result<()>) -> Result<()> {
        match self.0.into_inner() {
            Some(error) => Err(error),
            None => written.map_err(|source| Error::io("write", "the manifest", source)),
        }
    }
}

pub(super) struct Sink<'a> {
    take: &'a mut dyn FnMut(&[u8]) -> Result<()>,
    failed: &'a Failed,
}

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.take)(bytes).map_err(|error| {
            self.failed.keep(error);
            io::Error::other("the manifest was not taken")
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Turns what a serializer says into an error that may pass through `ManifestRows`.
pub(super) fn pass(error: &impl ToString) -> Error {
    Error::io("write", "the manifest", io::Error::other(error.to_string()))
}

struct Entries<'a> {
    rows: &'a dyn ManifestRows,
    failed: &'a Failed,
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        self.rows
            .each_entry(&mut |entry| list.serialize_element(entry).map_err(|error| pass(&error)))
            .map_err(|error| {
                self.failed.keep(error);
                S::Error::custom("the entries could not be read")
            })?;
        list.end()
    }
}

struct Described<'a> {
    rows: &'a dyn ManifestRows,
    failed: &'a Failed,
}

impl Serialize for Described<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { rows, failed } = *self;
        let mut map = serializer.serialize_map(None)?;
        rows.each_described(&mut |path| {
            let records = RecordsOf { rows, failed, path };
            map.serialize_entry(path, &records)
                .map_err(|error| pass(&error))
        })
        .map_err(|error| {
            failed.keep(error);
            S::Error::custom("the index records could not be read")
        })?;
        map.end()
    }
}

/// The records of one path, which may be as many as its pack likes.
struct RecordsOf<'a> {
    rows: &'a dyn ManifestRows,
    failed: &'a Failed,
    path: &'a str,
}

impl Serialize for RecordsOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        self.rows
            .each_record(self.path, &mut |record| {
                list.serialize_element(record).map_err(|error| pass(&error))
            })
            .map_err(|error| {
                self.failed.keep(error);
                S::Error::custom("the index records could not be read")
            })?;
        list.end()
    }
}
