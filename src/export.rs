//! Export and backup: live tree to pack.
//!
//! ```text
//! live tree -> scan (what goes, what stays out) -> rows -> packing (run) -> PackWriter -> name
//! ```
//!
//! Both are one path: a backup is the pack of `viking://`. Every file is read once, after it was
//! listed; one that changes while it is read is read again. The manifest says what was packed, not
//! what was listed. Nothing has the pack's name before it is whole and durable.

pub(crate) mod ending;
mod left_out;
pub(crate) mod output_path;
mod packing;
mod records;
mod rows;
mod run;
mod scan;
mod skipped;

use std::cell::RefCell;
use std::collections::VecDeque;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::control::{Control, Phase};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::fsops::Dir;
use crate::jobs::Jobs;
use crate::journal::Journal;
use crate::pack::workers::Effort;
use crate::pack::writer::PackWriter;
use crate::pack::{Layout, Level};
use crate::stat_cache::StatCache;
use crate::uri::Uri;

use left_out::LeftOut;
use output_path::OutputPath;
use packing::Packing;
use rows::Rows;
use run::Source;
use scan::Scan;

pub(crate) use scan::{OTHER_LAYOUTS, ensure_root_packable};
use skipped::Skipped;

pub use left_out::OmittedScope;
pub use skipped::{SkippedPath, SkippedSpecial};

/// ROOT of every backup pack.
const BACKUP_ROOT: &str = "openviking-backup";

/// How a tree is packed.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// The pack's layout; `None` for the store's own, see [`InitOptions`](crate::InitOptions).
    pub layout: Option<Layout>,
    /// Refuse a backup in a layout that does not carry every scope that holds something, instead of
    /// reporting what it leaves out.
    pub strict: bool,
    /// Replace an existing file.
    pub force: bool,
    /// Skip what no pack can hold, and report it, instead of refusing the whole: symbolic links,
    /// FIFOs, sockets, devices, other mounts, files and directories that may not be read, and names
    /// that the layout cannot carry. A directory is skipped with all that is below it. The root
    /// itself, and a scope of a backup, are never skipped.
    pub skip_special: bool,
    /// How hard content is compressed. The same content gives the same bytes at the same level.
    pub level: Level,
    /// How many threads pack; the bytes of the pack do not depend on it.
    pub jobs: Jobs,
    /// Watches and stops the act.
    pub control: Control,
}

/// What was packed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// The pack file, with the name that it got.
    pub file: Utf8PathBuf,
    /// The packed root; `viking://` for a backup.
    pub uri: Uri,
    /// Its layout.
    pub layout: Layout,
    /// Files in it.
    pub files: u64,
    /// Directories in it, the root included.
    pub directories: u64,
    /// Bytes of its files, unpacked.
    pub bytes: u64,
    /// Bytes of the pack file.
    pub pack_bytes: u64,
    /// Digest of the file inventory.
    pub content_sha256: Digest,
    /// Digest of the pack file.
    pub sha256: Digest,
    /// Internal files that stay out of packs, by URI, in order; at most 10,000 of them.
    pub left_out: Vec<String>,
    /// How many stay out.
    pub left_out_total: u64,
    /// Scopes that hold something and that a backup in this layout does not carry.
    pub omitted_scopes: Vec<OmittedScope>,
    /// What no pack can hold and was skipped; nothing unless
    /// [`skip_special`](ExportOptions::skip_special) asks for it.
    pub skipped_special: SkippedSpecial,
}

/// Asked when all is read and before the pack gets its name: an error, such as that the tree was
/// exchanged meanwhile, leaves no pack.
///
/// With it goes the journal whose index records are packed; without one only those that follow from
/// the files are.
pub(crate) type Confirm<'a> = (&'a dyn Fn() -> Result<()>, Option<&'a Journal>);

/// Packs the tree at `uri`, which must not be `viking://`. The pack is durable when this returns;
/// the live tree is only read, and the digests of what was read are given to `cache`.
///
/// # Errors
/// [`Error::UriNotFound`] and [`Error::WrongEntryKind`] where there is no directory,
/// [`Error::InvalidArgument`] for `viking://`; those of `confirm`; [`Error::OutputExists`]; for
/// content that no pack can hold and that is not skipped [`Error::SpecialFile`],
/// [`Error::SymlinkOnPath`], [`Error::NameUnpackable`], [`Error::OtherDevice`] and [`Error::Refused`] with the reader's
/// limits; [`Error::FileChanging`], [`Error::Interrupted`], [`Error::NoSpace`], [`Error::Io`].
/// After each of them there is no pack.
pub(crate) fn export(
    live: &Dir,
    uri: &Uri,
    out: &Utf8Path,
    options: &ExportOptions,
    cache: Option<&mut StatCache>,
    confirm: Confirm<'_>,
) -> Result<ExportReport> {
    if uri.is_root() {
        return Err(Error::InvalidArgument {
            argument: "uri",
            value: uri.to_string(),
            expected: "a scope or a directory below one; every scope together is packed by backup",
        });
    }
    pack(live, uri, out, options, cache, confirm)
}

/// Packs every public scope; one that is missing is an empty directory. Otherwise as [`export`].
///
/// # Errors
/// As [`export`].
pub(crate) fn backup(
    live: &Dir,
    out: &Utf8Path,
    options: &ExportOptions,
    cache: Option<&mut StatCache>,
    confirm: Confirm<'_>,
) -> Result<ExportReport> {
    pack(live, &Uri::root(), out, options, cache, confirm)
}

/// Packs what is at `uri`; `viking://` is a backup.
fn pack(
    live: &Dir,
    uri: &Uri,
    out: &Utf8Path,
    options: &ExportOptions,
    cache: Option<&mut StatCache>,
    confirm: Confirm<'_>,
) -> Result<ExportReport> {
    let root_name = uri.path().leaf().unwrap_or(BACKUP_ROOT);
    let layout = options.layout.unwrap_or_default();
    ensure_root_packable(uri, root_name, layout)?;
    let root = scan::open_directory(live, uri)?;
    pack_root(live, &root, uri, out, options, (cache, confirm))
}

/// Refuses an output that a pack of `uri` could not get, before anything is done for it.
pub(crate) fn ensure_output(uri: &Uri, out: &Utf8Path, options: &ExportOptions) -> Result<()> {
    let root_name = uri.path().leaf().unwrap_or(BACKUP_ROOT);
    ensure_root_packable(uri, root_name, options.layout.unwrap_or_default())?;
    OutputPath::decide(out, root_name, options.force).map(drop)
}

/// Packs a directory that lies in no live tree as if it were at `uri`; for `viking://` it holds the
/// scopes.
///
/// # Errors
/// As [`export`].
pub(crate) fn pack_directory(
    root: &Dir,
    uri: &Uri,
    out: &Utf8Path,
    options: &ExportOptions,
) -> Result<ExportReport> {
    let layout = options.layout.unwrap_or_default();
    ensure_root_packable(uri, uri.path().leaf().unwrap_or(BACKUP_ROOT), layout)?;
    pack_root(root, root, uri, out, options, (None, (&|| Ok(()), None)))
}

/// Packs the directory `root`; `live` is asked for the scopes of a backup alone.
fn pack_root(
    live: &Dir,
    root: &Dir,
    uri: &Uri,
    out: &Utf8Path,
    options: &ExportOptions,
    (cache, (confirm, journal)): (Option<&mut StatCache>, Confirm<'_>),
) -> Result<ExportReport> {
    let root_name = uri.path().leaf().unwrap_or(BACKUP_ROOT);
    let layout = options.layout.unwrap_or_default();
    let out = OutputPath::decide(out, root_name, options.force)?;
    let rows = Rows::holding(uri, layout, journal)?;
    let Listed {
        left_out,
        omitted,
        skipped,
    } = list(live, root, uri, options, &out.path(), &rows)?;
    let totals = rows.listed_totals()?;
    options
        .control
        .begin(Phase::Packing, totals.files, totals.bytes);
    let effort = Effort {
        level: options.level,
        jobs: options.jobs,
    };
    let mut packing = Packing {
        source: Source::new(root, &options.control)?,
        root_name,
        uri,
        options,
        layout,
        pack: &out.path(),
        rows: &rows,
        writer: PackWriter::create(out.open_parent()?, &out.name, effort)?,
        cache,
        under_way: VecDeque::new(),
    };
    packing.structure("")?;
    let packed = packing.entries();
    if let Some(cache) = &mut packing.cache {
        cache.flush();
    }
    packed?;
    let content_sha256 = packing.manifest()?;
    packing.close()?;
    let pack_bytes = packing.writer.packed_bytes();
    confirm()?;
    options.control.ensure_not_interrupted()?;
    let sha256 = packing.writer.publish(options.force)?;
    let totals = rows.totals()?;
    let (left_out, left_out_total) = left_out.into_sorted();
    Ok(ExportReport {
        file: out.path(),
        uri: uri.clone(),
        layout,
        files: totals.files,
        directories: totals.directories,
        bytes: totals.bytes,
        pack_bytes,
        content_sha256,
        sha256,
        left_out,
        left_out_total,
        omitted_scopes: omitted,
        skipped_special: skipped,
    })
}

/// What does not go into the pack.
struct Listed {
    left_out: LeftOut,
    omitted: Vec<OmittedScope>,
    skipped: SkippedSpecial,
}

/// Lists everything that goes into the pack; returns what does not.
fn list(
    live: &Dir,
    root: &Dir,
    uri: &Uri,
    options: &ExportOptions,
    pack: &Utf8Path,
    rows: &Rows,
) -> Result<Listed> {
    options.control.begin(Phase::Scanning, 0, 0);
    let layout = options.layout.unwrap_or_default();
    let skipped = RefCell::new(Skipped::default());
    let mut scan = Scan {
        live,
        uri,
        options,
        layout,
        pack,
        rows,
        left_out: LeftOut::default(),
        skipped: &skipped,
        members: layout.place().members_beside_entries(),
    };
    let mut omitted = Vec::new();
    if uri.is_root() {
        omitted = scan.omitted()?;
        if options.strict && !omitted.is_empty() {
            let scopes = omitted.into_iter().map(|scope| scope.uri).collect();
            let layout = layout.as_str();
            return Err(Error::LayoutIncomplete { layout, scopes });
        }
        scan.scopes()?;
    } else {
        scan.subtree(root)?;
    }
    let left_out = scan.left_out;
    Ok(Listed {
        left_out,
        omitted,
        skipped: skipped.into_inner().into_report(),
    })
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the trees that they pack"
)]
mod tests;
