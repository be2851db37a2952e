//! Salvage: what is sound in a pack that is refused, out of it.
//!
//! ```text
//! PACK -> headers, wherever they are -> rows -> each unpacked once: its size, CRC-32 and digest
//!      -> as much of the manifest as can be read -> rows
//! rows -> which file has its bytes where -> DIR, written beside it and renamed when it is whole
//! ```
//!
//! Names are not trusted, digests are: a file of the manifest is saved from wherever its bytes are.

mod find;
mod rows;
mod write;

use std::ops::ControlFlow;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::control::{Control, Phase};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::export::{self, ExportOptions, ExportReport};
use crate::fsops::Dir;
use crate::limits::Limits;
use crate::outside::ensure_outside_of_stores;
use crate::pack::Layout;
use crate::pack::fragment::Wreck;
use crate::uri::Uri;

use find::Found;
use rows::Rows;

/// How a pack is salvaged.
#[derive(Clone, Debug, Default)]
pub struct SalvageOptions {
    /// Where the manifest is lost or damaged, also save what no entry of it vouches for: members
    /// whose bytes have the size and CRC-32 that their own headers say.
    pub unverified: bool,
    /// Write what was saved to this pack too.
    pub pack: Option<Utf8PathBuf>,
    /// The layout of that pack; `None` for that of the source.
    pub layout: Option<Layout>,
    /// The URI of that pack's root, where the manifest does not tell it any more.
    pub uri: Option<Uri>,
    /// Replace an existing pack.
    pub force: bool,
    /// Bounds on what is unpacked. Nothing is refused for its ratio: what would go past a limit is
    /// reported as damaged.
    pub limits: Limits,
    /// Watches and stops the act.
    pub control: Control,
}

/// How much of a manifest could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestState {
    /// All of it, and it is what its headers say.
    Whole,
    /// Entries up to the damage, or all of them in text that may be damaged.
    Partial,
    /// Nothing.
    Lost,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SalvageState {
    /// Its bytes are those that the manifest says.
    Saved,
    /// Its bytes are those that its own headers say; no manifest vouches for them. Saved.
    Unverified,
    /// It is there, and is not what it should be. Not saved.
    Damaged,
    /// The manifest lists it, and nothing of it was found.
    Missing,
    /// It is sound, and not what the manifest lists. Not saved.
    Extra,
}

impl SalvageState {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "saved" => Self::Saved,
            "unverified" => Self::Unverified,
            "damaged" => Self::Damaged,
            "missing" => Self::Missing,
            "extra" => Self::Extra,
            _ => return None,
        })
    }
}

/// What became of one file of a salvaged pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SalvagedPath {
    /// Below the root; of a member whose name is no path of the pack, the name.
    pub path: String,
    /// What became of it.
    pub state: SalvageState,
    /// Of a saved file: `named` like this in the pack; `renamed`, known by its bytes alone;
    /// `copied` from another file with the same bytes.
    pub how: Option<String>,
    /// Why it is not saved, or not verified.
    pub why: Option<String>,
    /// Its bytes: of a damaged or missing file as the manifest says.
    pub size: Option<u64>,
    /// Its digest: of a damaged or missing file as the manifest says.
    pub sha256: Option<Digest>,
}

/// What was salvaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SalvageReport {
    /// The pack file.
    pub pack: Utf8PathBuf,
    /// Where the files are: the content of the root.
    pub into: Utf8PathBuf,
    /// Whether the manifest is whole and every file that it lists is saved.
    pub is_complete: bool,
    /// How much of the manifest could be read.
    pub manifest: ManifestState,
    /// The pack's layout; told by names where the manifest is lost.
    pub layout: Layout,
    /// Where its root came from; `None` where that is lost.
    pub uri: Option<String>,
    /// Files that the manifest lists and that are saved.
    pub saved: u64,
    /// Files that are saved without being vouched for.
    pub unverified: u64,
    /// Files that are damaged.
    pub damaged: u64,
    /// Files that are missing.
    pub missing: u64,
    /// Sound members that are not what the manifest lists.
    pub extra: u64,
    /// Directories, the root not counted.
    pub directories: u64,
    /// Bytes of all files that are saved.
    pub bytes: u64,
    /// The new pack, where one was asked for.
    pub written: Option<ExportReport>,
}

/// A salvage that is done: the files are where they were asked for.
#[derive(Debug)]
pub struct Salvage {
    /// What was salvaged, in numbers.
    pub report: SalvageReport,
    rows: Rows,
}

impl Salvage {
    /// Gives what became of each file to `visit`, in memory that does not grow with their number:
    /// files by path, then members that have none.
    ///
    /// # Errors
    /// Those of reading the rows, which are in a temporary file.
    pub fn each_path(&self, visit: &mut dyn FnMut(SalvagedPath) -> ControlFlow<()>) -> Result<()> {
        self.rows.each_reported(visit)
    }
}

/// Takes what is sound out of a pack that need not be whole. Touches no store. `into` must be missing
/// or an empty directory; it gets all that is saved at once, durable, or stays as it is.
///
/// # Errors
/// [`Error::DirectoryNotEmpty`]; [`Error::InvalidArgument`] for impossible limits, a directory in a
/// store, and a new pack whose URI is neither known nor given; [`Error::Refused`] where there are more
/// headers than members are allowed; [`Error::TooLargeForDisk`], [`Error::FileChanging`],
/// [`Error::Interrupted`] and those of files. Where the new pack cannot be written, for the reasons
/// of [`Store::export`](crate::Store::export), `into` keeps what was saved.
pub fn salvage(pack: &Utf8Path, into: &Utf8Path, options: &SalvageOptions) -> Result<Salvage> {
    if let Some(limit) = options.limits.impossible() {
        return Err(Error::InvalidArgument {
            argument: limit.argument,
            value: limit.value.to_string(),
            expected: limit.expected,
        });
    }
    let place = write::Target::decide(into)?;
    if let Some(out) = &options.pack {
        ensure_outside_of_stores("pack", out)?;
    }
    let wreck = Wreck::open(pack)?;
    options.control.begin(Phase::Reading, 0, 0);
    let rows = Rows::new()?;
    let found = find::find(&wreck, pack, &rows, options)?;
    let packing = match &options.pack {
        Some(out) => {
            let uri = root_uri(&found, options)?;
            let packing = pack_options(found.layout, options);
            export::ensure_output(&uri, out, &packing)?;
            Some((out, uri, packing))
        }
        None => None,
    };
    let bytes = write::write(&wreck, pack, &rows, &place, options)?;
    let mut report = SalvageReport {
        pack: pack.to_owned(),
        into: into.to_owned(),
        is_complete: false,
        manifest: found.manifest,
        layout: found.layout,
        uri: found.uri,
        saved: 0,
        unverified: 0,
        damaged: 0,
        missing: 0,
        extra: 0,
        directories: rows.directories()?,
        bytes,
        written: None,
    };
    count(&rows, &mut report)?;
    if let Some((out, uri, packing)) = packing {
        let root = Dir::open(into)?;
        report.written = Some(export::pack_directory(&root, &uri, out, &packing)?);
    }
    Ok(Salvage { report, rows })
}

/// Counts what became of the files.
fn count(rows: &Rows, report: &mut SalvageReport) -> Result<()> {
    rows.each_reported(&mut |path| {
        let count = match path.state {
            SalvageState::Saved => &mut report.saved,
            SalvageState::Unverified => &mut report.unverified,
            SalvageState::Damaged => &mut report.damaged,
            SalvageState::Missing => &mut report.missing,
            SalvageState::Extra => &mut report.extra,
        };
        *count = count.saturating_add(1);
        ControlFlow::Continue(())
    })?;
    report.is_complete =
        report.manifest == ManifestState::Whole && report.damaged == 0 && report.missing == 0;
    Ok(())
}

/// Returns the URI of the new pack's root: the manifest's as long as it is there.
fn root_uri(found: &Found, options: &SalvageOptions) -> Result<Uri> {
    let told = found.uri.as_deref().map(Uri::parse_exact);
    match (told, &options.uri) {
        (Some(Ok(uri)), _) => Ok(uri),
        (_, Some(uri)) => Ok(uri.clone()),
        _ => Err(Error::InvalidArgument {
            argument: "uri",
            value: found.uri.clone().unwrap_or_default(),
            expected: "the URI of the root, which the damaged manifest does not tell",
        }),
    }
}

/// Returns how the new pack is written: nothing that was saved may be left behind.
fn pack_options(layout: Layout, options: &SalvageOptions) -> ExportOptions {
    ExportOptions {
        layout: Some(options.layout.unwrap_or(layout)),
        strict: true,
        force: options.force,
        control: options.control.clone(),
        ..ExportOptions::default()
    }
}
