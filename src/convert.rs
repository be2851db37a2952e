//! Convert: from pack to pack, without a store.
//!
//! ```text
//! pack -> verified in full -> staging rows -> fill (mapping) -> rows -> raw members -> name
//! ```
//!
//! Content is copied as it is packed; only manifest and index records are written anew. Nothing has
//! the new pack's name before it is whole and durable, and before the old one is known to be unchanged.

mod dense;
mod fill;
mod mapping;
mod rows;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::checks::Phase as CheckPhase;
use crate::control::{Control, Phase};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::export::ending::{Ending, Inventory};
use crate::export::ensure_root_packable;
use crate::export::output_path::OutputPath;
use crate::finding::{Finding, Rule};
use crate::intake::{Intake, Nowhere};
use crate::jobs::Jobs;
use crate::limits::Limits;
use crate::pack::manifest_writer::DenseSummary;
use crate::pack::workers::Effort;
use crate::pack::writer::PackWriter;
use crate::pack::{Layout, Place, member_name};
use crate::staging::Staging;
use crate::uri::Uri;

use mapping::Mapping;
use rows::{Rows, Totals};

pub use mapping::{Touched, UriMap};

/// How a pack is converted.
#[derive(Clone, Debug, Default)]
pub struct ConvertOptions {
    /// The layout of the new pack.
    pub layout: Layout,
    /// What goes elsewhere; where several hold, the one with the longest URI decides.
    pub maps: Vec<UriMap>,
    /// What is left out, with all that is below it.
    pub drops: Vec<Uri>,
    /// Replace an existing file.
    pub force: bool,
    /// Bounds on what the pack that is read may ask for; what is written keeps the defaults.
    pub limits: Limits,
    /// Threads that read the pack and pack what is written anew.
    pub jobs: Jobs,
    /// Watches and stops the act.
    pub control: Control,
}

/// A pack that was converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConvertReport {
    /// The pack that was read.
    pub source: Utf8PathBuf,
    /// Its layout.
    pub source_layout: Layout,
    /// The new pack, with the name that it got.
    pub file: Utf8PathBuf,
    /// Its root; `viking://` for a backup.
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
    /// Index records in it.
    pub records: u64,
    /// Dense vectors in it.
    pub vectors: u64,
    /// Digest of the file inventory.
    pub content_sha256: Digest,
    /// Digest of the pack file.
    pub sha256: Digest,
    /// What each map moved, by source URI.
    pub mapped: Vec<Mapped>,
    /// What was left out at the caller's wish, by URI, and empty scopes that the layout does not carry.
    pub dropped: Vec<Dropped>,
    /// Index records that do not travel: of session content, of what the pack does not hold or what
    /// was left out.
    pub dropped_records: u64,
    /// How many of them are of session content, which has none in any layout.
    pub session_records: u64,
    /// Dense vectors that do not travel: those of such records, or all of them where the layout
    /// carries none.
    pub dropped_vectors: u64,
}

/// What a map moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mapped {
    /// The map.
    #[serde(flatten)]
    pub map: UriMap,
    /// How much it was.
    #[serde(flatten)]
    pub touched: Touched,
}

/// What was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Where it was.
    pub uri: Uri,
    /// How much it was.
    #[serde(flatten)]
    pub touched: Touched,
}

/// Writes the content of `pack` to `out` in another layout, or elsewhere in the tree of URIs. The
/// pack is verified in full before; the new one is durable when this returns. No store is touched.
///
/// # Errors
/// Those of [`verify`](crate::verify()); [`Error::OutputExists`]; [`Error::InvalidArgument`] for a
/// map or drop that cannot be done; [`Error::Place`] and [`Error::NameUnpackable`] where the content
/// has no place in the new pack; [`Error::FileChanging`] where the pack
/// changes meanwhile; [`Error::Interrupted`], [`Error::NoSpace`], [`Error::Io`]. After each of them
/// there is no new pack.
pub fn convert(pack: &Utf8Path, out: &Utf8Path, options: &ConvertOptions) -> Result<ConvertReport> {
    let control = &options.control;
    let (limits, jobs) = (&options.limits, options.jobs);
    let intake = Intake::take(pack, limits, jobs, Staging::make(None)?, control)?;
    intake.ensure(CheckPhase::Manifest)?;
    let from = intake.claims.root_uri.clone().unwrap_or(Uri::root());
    let mut mapping = Mapping::new(&from, &options.maps, &options.drops)?;
    let root_name = mapping.to.path().leaf().unwrap_or(&intake.audit.root);
    let root_name = root_name.to_owned();
    ensure_root_packable(&mapping.to, &root_name, options.layout)?;
    let out = OutputPath::decide(out, &root_name, options.force)?;
    intake.read_bytes(&Nowhere, None, control)?;
    let before = intake.staging.sums()?;
    let session_records = intake.staging.drop_session_records()?;
    let rows = Rows::new(&intake.staging, &from, &mapping.to, options.layout)?;
    let scopes_before = intake.head.scopes.clone().unwrap_or_default();
    rows.fill(&mut mapping)?;
    let mut converting = Converting {
        intake: &intake,
        rows: &rows,
        options,
        root_name: &root_name,
        pack: &out.path(),
        writer: PackWriter::create(out.open_parent()?, &out.name, Effort::of(jobs))?,
    };
    let totals = converting.settle_vectors()?;
    converting.content(&totals)?;
    let content_sha256 = converting.end(&totals)?;
    intake.reader.ensure_unchanged()?;
    control.ensure_not_interrupted()?;
    let pack_bytes = converting.writer.packed_bytes();
    let sha256 = converting.writer.publish(options.force)?;
    let scopes_after = rows.scopes()?;
    let empty = scopes_before
        .iter()
        .filter_map(|scope| crate::uri::Scope::from_name(scope))
        .filter(|scope| !scopes_after.contains(scope))
        .collect::<Vec<_>>();
    let (mapped, dropped) = told(&mapping, &empty);
    let vectors_before = vectors_in(&intake);
    Ok(ConvertReport {
        source: pack.to_owned(),
        source_layout: intake.head.layout,
        file: out.path(),
        uri: mapping.to,
        layout: options.layout,
        files: totals.files,
        directories: totals.directories,
        bytes: totals.bytes,
        pack_bytes,
        records: totals.records,
        vectors: totals.vectors,
        content_sha256,
        sha256,
        mapped,
        dropped,
        dropped_records: before.records.saturating_sub(totals.records),
        session_records,
        dropped_vectors: vectors_before.saturating_sub(totals.vectors),
    })
}

/// One pack being filled from another.
struct Converting<'a> {
    intake: &'a Intake,
    rows: &'a Rows<'a>,
    options: &'a ConvertOptions,
    root_name: &'a str,
    /// For messages.
    pack: &'a Utf8Path,
    writer: PackWriter,
}

impl Converting<'_> {
    /// Decides which vectors travel; returns what the new pack holds.
    fn settle_vectors(&self) -> Result<Totals> {
        let layout = self.options.layout;
        if layout.place() == Place::Flat {
            self.rows
                .execute("UPDATE converted_record SET dense_offset = NULL", [])?;
        }
        let totals = self.rows.totals()?;
        let index = self.intake.head.index.as_ref();
        if let Some(claim) = index.and_then(|index| index.dense.as_ref())
            && totals.vectors > 0
            && totals.vectors < claim.member.count
        {
            self.rows.close_gaps(claim.dimensions)?;
        }
        let beside = layout.place().members_beside_entries().saturating_add(1);
        let entries = totals.files.saturating_add(totals.directories);
        let limit = Limits::default().members;
        if entries.saturating_add(beside) > limit {
            let detail = format!("it would have at least {entries} members; the limit is {limit}");
            let finding = Finding::new(Rule::TooManyMembers, "", detail);
            return Err(Error::refused(self.pack, finding));
        }
        Ok(totals)
    }

    /// Adds all entries, the bytes of files as they are packed.
    fn content(&mut self, totals: &Totals) -> Result<()> {
        let control = &self.options.control;
        control.begin(Phase::Packing, totals.files, totals.bytes);
        self.ending().structure("")?;
        let (rows, writer, reader) = (self.rows, &mut self.writer, &self.intake.reader);
        let (root_name, place) = (self.root_name, self.options.layout.place());
        rows.each_member(&mut |entry| {
            control.ensure_not_interrupted()?;
            let name = member_name::content_name(root_name, &entry.path, place);
            let name = name.map_err(|fault| Error::NameUnpackable {
                path: entry.path.to_string(),
                why: fault.to_string(),
            })?;
            let Some(location) = &entry.location else {
                return writer.directory(&(name + "/"));
            };
            writer.copy(&name, location, &mut |take| {
                reader.read_packed(location, &mut |bytes| {
                    control.ensure_not_interrupted()?;
                    take(bytes)
                })
            })?;
            control.advance(1, location.size_bytes);
            Ok(())
        })
    }

    /// Adds index and manifest, and ends the pack. Returns the digest of the inventory.
    fn end(&mut self, totals: &Totals) -> Result<Digest> {
        let content_sha256 = self.rows.content_sha256()?;
        let scopes = self.rows.scopes()?;
        let inventory = Inventory {
            content_sha256,
            entries: totals.files.saturating_add(totals.directories),
            scopes: &scopes,
        };
        let records = self.ending().records()?;
        let index = self.intake.head.index.as_ref();
        let claim = index.and_then(|index| index.dense.as_ref());
        let dense = match claim.filter(|_| totals.vectors > 0) {
            Some(claim) => {
                let sha256 = dense::write(
                    &mut self.writer,
                    self.root_name,
                    self.intake,
                    self.rows,
                    claim,
                    totals.vectors,
                    &self.options.control,
                )?;
                let dimensions = claim.dimensions;
                let embedding = &claim.embedding;
                Some(DenseSummary::new(
                    totals.vectors,
                    dimensions,
                    embedding,
                    sha256,
                ))
            }
            None => None,
        };
        self.ending().manifest(&inventory, records, dense)?;
        self.ending().close()?;
        Ok(content_sha256)
    }

    fn ending(&mut self) -> Ending<'_> {
        Ending {
            writer: &mut self.writer,
            rows: self.rows,
            root_name: self.root_name,
            uri: &self.rows.uri,
            layout: self.options.layout,
            pack: self.pack,
            control: &self.options.control,
        }
    }
}

fn vectors_in(intake: &Intake) -> u64 {
    let index = intake.head.index.as_ref();
    let dense = index.and_then(|index| index.dense.as_ref());
    dense.map_or(0, |dense| dense.member.count)
}

/// Returns what the wishes did, and the scopes that were left out for being empty.
fn told(mapping: &Mapping, absent: &[crate::uri::Scope]) -> (Vec<Mapped>, Vec<Dropped>) {
    let (mut mapped, mut dropped) = (Vec::new(), Vec::new());
    for wish in &mapping.wishes {
        let (from, touched) = (wish.from.clone(), wish.touched);
        match wish.to.clone() {
            Some(to) => mapped.push(Mapped {
                map: UriMap { from, to },
                touched,
            }),
            None => dropped.push(Dropped { uri: from, touched }),
        }
    }
    for scope in absent {
        let is_told = |wish: &mapping::Wish| *wish.from.path() == scope.path();
        if let Ok(uri) = Uri::from_path(scope.path())
            && !mapping.wishes.iter().any(is_told)
        {
            let touched = Touched {
                directories: 1,
                ..Touched::default()
            };
            dropped.push(Dropped { uri, touched });
        }
    }
    dropped.sort_by(|a, b| a.uri.cmp(&b.uri));
    (mapped, dropped)
}
