//! Verify and inspect: everything that a pack alone can tell.

use std::ops::ControlFlow;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::checks::Phase;
use crate::control::Control;
use crate::digest::Digest;
use crate::entry_path::EntryKind;
use crate::error::Result;
use crate::intake::{Intake, Nowhere};
use crate::jobs::Jobs;
use crate::limits::Limits;
use crate::pack::Layout;
use crate::policy::Policies;
use crate::staging::Staging;

/// How a pack is read without a store.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Bounds on what the pack may ask for.
    pub limits: Limits,
    /// Files with policies that the pack must keep; [`inspect`] asks none.
    pub policies: Vec<Utf8PathBuf>,
    /// How many threads unpack; what is found does not depend on it.
    pub jobs: Jobs,
    /// Watches and stops the act.
    pub control: Control,
}

/// A pack that keeps every rule that needs no store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The pack file.
    pub pack: Utf8PathBuf,
    /// Its layout.
    pub layout: Layout,
    /// `subtree`, `scope` or `backup`.
    pub kind: &'static str,
    /// Where its root came from.
    pub uri: String,
    /// The name of its ZIP root.
    pub root: String,
    /// Scopes carried by a backup.
    pub scopes: Vec<String>,
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
    /// Index records in it.
    pub records: u64,
    /// ZIP members, the manifest included.
    pub members: u64,
}

/// One entry of an inspected pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectEntry {
    /// Path below the root.
    pub path: String,
    /// File or directory.
    pub kind: EntryKind,
    /// Claimed size in bytes.
    pub size: u64,
    /// Claimed digest of a file.
    pub sha256: Option<Digest>,
}

/// One index record of an inspected pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectRecord {
    /// Path below the root.
    pub path: String,
    /// 0 abstract, 1 overview, 2 content.
    pub level: u8,
    /// The portable scalars.
    pub scalars: Map<String, Value>,
    /// Text of levels 0 and 1.
    pub text: Option<String>,
}

/// What a pack's manifest says; its bytes are not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectReport {
    /// As from verify, but sizes and digests are claims.
    #[serde(flatten)]
    pub claims: VerifyReport,
    /// All entries, by path.
    pub entries: Vec<InspectEntry>,
    /// All index records, by path and level.
    pub index_records: Vec<InspectRecord>,
}

/// Runs every check that needs no store; changes nothing.
///
/// # Errors
/// [`Error::Refused`](crate::Error::Refused) with all findings of the phase that ran;
/// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for limits above what the format allows.
pub fn verify(pack: &Utf8Path, options: &VerifyOptions) -> Result<VerifyReport> {
    let policies = Policies::load(None, &options.policies)?;
    let mut intake = take(pack, options)?;
    intake.read_bytes(&Nowhere, None, &options.control)?;
    intake.ensure_policies(&policies, &options.control)?;
    report(&intake)
}

/// Shows what a pack's manifest says; changes nothing. Content bytes are hashed as part of the whole
/// file, but not held against the manifest: [`verify`] does that.
///
/// The lists are in memory, and only the limit on the manifest bounds them; an [`Inspection`] gives
/// entry by entry.
///
/// # Errors
/// [`Error::Refused`](crate::Error::Refused) with all findings of structure and manifest;
/// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for limits above what the format allows.
pub fn inspect(pack: &Utf8Path, options: &VerifyOptions) -> Result<InspectReport> {
    let inspection = Inspection::open(pack, options)?;
    let mut entries = Vec::new();
    inspection.each_entry(&mut |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    })?;
    let mut index_records = Vec::new();
    inspection.each_record(&mut |record| {
        index_records.push(record);
        ControlFlow::Continue(())
    })?;
    Ok(InspectReport {
        claims: inspection.claims()?,
        entries,
        index_records,
    })
}

/// A pack whose structure and manifest have passed their checks, to be asked for what they say in
/// memory that does not grow with the pack.
#[derive(Debug)]
pub struct Inspection {
    intake: Intake,
}

impl Inspection {
    /// Reads structure and manifest of a pack; changes nothing.
    ///
    /// # Errors
    /// As [`inspect`].
    pub fn open(pack: &Utf8Path, options: &VerifyOptions) -> Result<Self> {
        let intake = take(pack, options)?;
        Ok(Self { intake })
    }

    /// Returns what the pack says as a whole. Reads the file once more for its digest.
    ///
    /// # Errors
    /// Those of reading the pack.
    pub fn claims(&self) -> Result<VerifyReport> {
        report(&self.intake)
    }

    /// Gives the entries to `visit`, by path.
    ///
    /// # Errors
    /// Those of reading the rows, which are in a temporary file.
    pub fn each_entry(&self, visit: &mut dyn FnMut(InspectEntry) -> ControlFlow<()>) -> Result<()> {
        let staging = &self.intake.staging;
        let mut flow = ControlFlow::Continue(());
        staging.for_each_manifest_entry(&mut |path, kind, size, sha256| {
            if flow.is_continue() {
                flow = visit(InspectEntry {
                    path,
                    kind,
                    size,
                    sha256,
                });
            }
            Ok(())
        })
    }

    /// Gives the index records to `visit`, by path and level.
    ///
    /// # Errors
    /// As [`Self::each_entry`].
    pub fn each_record(
        &self,
        visit: &mut dyn FnMut(InspectRecord) -> ControlFlow<()>,
    ) -> Result<()> {
        let staging = &self.intake.staging;
        let mut flow = ControlFlow::Continue(());
        staging.for_each_record(&mut |path, level, scalars, text| {
            if flow.is_continue() {
                flow = visit(InspectRecord {
                    path,
                    level: u8::try_from(level).unwrap_or(u8::MAX),
                    scalars,
                    text,
                });
            }
            Ok(())
        })
    }
}

fn take(pack: &Utf8Path, options: &VerifyOptions) -> Result<Intake> {
    let intake = Intake::take(
        pack,
        &options.limits,
        options.jobs,
        Staging::make(None)?,
        &options.control,
    )?;
    intake.ensure(Phase::Manifest)?;
    Ok(intake)
}

fn report(intake: &Intake) -> Result<VerifyReport> {
    let sums = intake.staging.sums()?;
    Ok(VerifyReport {
        pack: intake.reader.path().to_owned(),
        layout: intake.head.layout,
        kind: intake.kind(),
        uri: intake.head.root_uri.clone(),
        root: intake.audit.root.clone(),
        scopes: intake.head.scopes.clone().unwrap_or_default(),
        files: sums.files,
        directories: sums.directories,
        bytes: sums.bytes,
        pack_bytes: intake.reader.pack_bytes(),
        content_sha256: intake.head.content_sha256,
        sha256: intake.pack_sha256()?,
        records: sums.records,
        members: intake.audit.members,
    })
}
