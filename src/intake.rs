//! Taking a pack in: its structure and manifest into staging rows, then its bytes, once.

mod crew;
mod front;
mod run;

use std::cell::OnceCell;
use std::num::NonZeroUsize;

use camino::Utf8Path;

use crate::checks::{self, Phase as CheckPhase};
use crate::control::{Control, Phase};
use crate::digest::Digest;
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::fsops::Stat;
use crate::jobs::Jobs;
use crate::journal::PackFile;
use crate::journal::prepare::PackFacts;
use crate::limits::Limits;
use crate::pack::IndexMember;
use crate::pack::manifest::ManifestHead;
use crate::pack::reader::{AuditReport, PackReader};
use crate::policy::Policies;
use crate::staging::{Claims, Staging};
use crate::stat_cache::StatCache;
use crate::uri::Uri;

use crew::{Crew, Read};
use run::{Job, Runs};

/// Packs of up to this size are read by the acting thread alone: others would cost more than they do.
const SMALL_PACK_BYTES: u64 = 256 << 10;

/// A pack whose structure and manifest are staged; its content is not read yet.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) reader: PackReader,
    pub(crate) audit: AuditReport,
    pub(crate) head: ManifestHead,
    pub(crate) claims: Claims,
    pub(crate) staging: Staging,
    /// How many threads work on the pack.
    pub(crate) jobs: Jobs,
    /// Known once the bytes are read.
    pack_sha256: OnceCell<Digest>,
}

/// Where the bytes of a pack's files go while they are verified.
pub(crate) trait Destination: Sync {
    /// Returns whether a file's bytes go anywhere; they are verified in any case. Asked once for each
    /// file, by the acting thread, which has the rows.
    fn takes(&self, path: &EntryPath, staging: &Staging) -> Result<bool>;
    /// Returns a way there for one worker.
    fn sink(&self) -> Box<dyn ByteSink + '_>;
}

/// One worker's way to where the bytes of files go, one file after the other.
pub(crate) trait ByteSink {
    /// A file begins. One that did not end is given up.
    fn begin(&mut self, path: &EntryPath) -> Result<()>;
    /// More of its bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// All of its bytes were given, and they are what the headers promise. Returns what the file is.
    fn end(&mut self) -> Result<Option<Stat>>;
}

/// Nowhere: the bytes are only verified.
#[derive(Debug)]
pub(crate) struct Nowhere;

impl Destination for Nowhere {
    fn takes(&self, _: &EntryPath, _: &Staging) -> Result<bool> {
        Ok(false)
    }

    fn sink(&self) -> Box<dyn ByteSink + '_> {
        Box::new(Self)
    }
}

impl ByteSink for Nowhere {
    fn begin(&mut self, _: &EntryPath) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Stat>> {
        Ok(None)
    }
}

impl Intake {
    /// Audits a pack's structure and stages its members and manifest. Nothing of its content is read.
    ///
    /// # Errors
    /// [`Error::Refused`] for what stops the reading; everything else waits for [`Self::ensure`].
    pub(crate) fn take(
        pack: &Utf8Path,
        limits: &Limits,
        jobs: Jobs,
        mut staging: Staging,
        control: &Control,
    ) -> Result<Self> {
        staging.heed(control)?;
        let reader = PackReader::open(pack, limits)?;
        let jobs = if reader.pack_bytes() <= SMALL_PACK_BYTES {
            Jobs::new(NonZeroUsize::MIN)
        } else {
            jobs
        };
        let (audit, head) = front::read(&reader, &staging, jobs, control)?;
        for finding in &audit.findings.findings {
            staging.add_finding(finding)?;
        }
        staging.set_index(head.index.as_ref(), &audit)?;
        let records = front::read_records(&reader, &audit, &staging, jobs, control)?;
        if let Some((observed, lines)) = records {
            staging.observe_index(IndexMember::Records, &observed, Some(lines))?;
        }
        let claims = staging.set_manifest(&head, &audit.root)?;
        Ok(Self {
            reader,
            audit,
            head,
            claims,
            staging,
            jobs,
            pack_sha256: OnceCell::new(),
        })
    }

    /// Asks all rules of a phase.
    ///
    /// # Errors
    /// [`Error::Refused`] with all findings.
    pub(crate) fn ensure(&self, phase: CheckPhase) -> Result<()> {
        let mut report = checks::check(&self.staging, phase)?;
        if phase == CheckPhase::Manifest {
            // Names beyond those that the audit lists are no rows.
            let audit = &self.audit.findings;
            let unlisted = audit.total.saturating_sub(audit.findings.len() as u64);
            report.total = report.total.saturating_add(unlisted);
        }
        if report.is_empty() {
            return Ok(());
        }
        Err(Error::Refused {
            pack: self.reader.path().to_owned(),
            report: Box::new(report),
        })
    }

    /// Reads every file of the pack once: what its bytes are becomes rows, the bytes go to
    /// `destination`, and the cache remembers what was written there. The phase of the manifest must have been passed.
    ///
    /// # Errors
    /// [`Error::Refused`] with all files whose bytes are not what headers and manifest say.
    pub(crate) fn read_bytes(
        &self,
        destination: &dyn Destination,
        mut cache: Option<&mut StatCache>,
        control: &Control,
    ) -> Result<()> {
        let (staging, sums) = (&self.staging, self.staging.sums()?);
        control.begin(Phase::Reading, sums.files, sums.bytes);
        let crew = Crew {
            reader: &self.reader,
            destination,
            control,
            jobs: self.jobs,
        };
        let sha256 = crew.read(
            &mut |give| {
                let mut runs = Runs::default();
                staging.for_each_file_member(&mut |path, location, claimed| {
                    control.ensure_not_interrupted()?;
                    let job = Job {
                        is_taken: destination.takes(&path, staging)?,
                        path,
                        location,
                        claimed,
                    };
                    runs.add(job, give)
                })?;
                runs.close(give)
            },
            &mut |read| self.take_in(&read, cache.as_deref_mut()),
        )?;
        self.pack_sha256.get_or_init(|| sha256);
        self.read_dense(control)?;
        self.reader.ensure_unchanged()?;
        self.ensure(CheckPhase::Bytes)
    }

    /// Turns what was read of a file into rows.
    fn take_in(&self, read: &Read, cache: Option<&mut StatCache>) -> Result<()> {
        let observed = match &read.observed {
            Ok(observed) => observed,
            Err(finding) => return self.staging.add_finding(finding),
        };
        if read.job.claimed != Some(observed.sha256) {
            let (path, bytes) = (&read.job.path, observed.size_bytes);
            self.staging.observe(path, bytes, &observed.sha256)?;
        }
        if let (Some(cache), Some(stat)) = (cache, &read.written) {
            cache.remember_written(stat, &observed.sha256);
        }
        Ok(())
    }

    /// Returns the digest of the pack as a file; reads it only where that was not done yet.
    pub(crate) fn pack_sha256(&self) -> Result<Digest> {
        match self.pack_sha256.get() {
            Some(sha256) => Ok(*sha256),
            None => self.reader.sha256(),
        }
    }

    /// Returns what kind of pack it is: `subtree`, `scope` or `backup`.
    pub(crate) fn kind(&self) -> &'static str {
        let is_scope = self.claims.root_uri.as_ref().is_some_and(Uri::is_scope);
        match (self.claims.is_backup, is_scope) {
            (true, _) => "backup",
            (false, true) => "scope",
            (false, false) => "subtree",
        }
    }

    /// Holds the pack against policies, once its bytes are read and, where there is one, its plan is
    /// known.
    ///
    /// # Errors
    /// [`Error::Refused`] with a finding for each row, [`Error::PolicyFailed`].
    pub(crate) fn ensure_policies(&mut self, policies: &Policies, control: &Control) -> Result<()> {
        if policies.is_empty() {
            return Ok(());
        }
        let (kind, pack_bytes) = (self.kind(), self.reader.pack_bytes());
        self.staging
            .set_policy_fact(self.head.layout, kind, pack_bytes)?;
        let report = policies.ask(&mut self.staging, control)?;
        if report.is_empty() {
            return Ok(());
        }
        Err(Error::Refused {
            pack: self.reader.path().to_owned(),
            report: Box::new(report),
        })
    }

    /// Reads the dense vectors, which go nowhere.
    fn read_dense(&self, control: &Control) -> Result<()> {
        let read = self
            .reader
            .read_dense(&self.audit, &mut |_| control.ensure_not_interrupted())?;
        match read {
            Some(Ok(observed)) => self
                .staging
                .observe_index(IndexMember::Dense, &observed, None),
            Some(Err(finding)) => self.staging.add_finding(&finding),
            None => Ok(()),
        }
    }

    /// Returns what the journal keeps of the pack as a file.
    pub(crate) fn pack_file(&self) -> PackFile {
        let path = self.reader.path();
        let path = path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned());
        PackFile {
            path,
            bytes: self.reader.pack_bytes(),
            mtime_ms: self.reader.stat().mtime_ns / 1_000_000,
        }
    }

    /// Returns what the journal keeps of the pack once its bytes are read.
    pub(crate) fn facts(&self) -> Result<PackFacts> {
        Ok(PackFacts {
            sha256: self.pack_sha256()?,
            manifest_sha256: self.head.manifest_sha256,
            content_sha256: self.head.content_sha256,
            layout: self.head.layout.as_str(),
            root_uri: self.head.root_uri.clone(),
        })
    }
}
