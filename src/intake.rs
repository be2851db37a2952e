//! Taking a pack in: its structure and manifest into staging rows, then its bytes, once.

use camino::Utf8Path;

use crate::checks::{self, Phase as CheckPhase};
use crate::control::{Control, Phase};
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::journal::PackFile;
use crate::journal::prepare::PackFacts;
use crate::limits::Limits;
use crate::pack::IndexMember;
use crate::pack::manifest::ManifestHead;
use crate::pack::reader::{AuditReport, Observed, PackReader, Scratch};
use crate::policy::Policies;
use crate::staging::{Claims, Staging};
use crate::uri::Uri;

/// A pack whose structure and manifest are staged; its content is not read yet.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) reader: PackReader,
    pub(crate) audit: AuditReport,
    pub(crate) head: ManifestHead,
    pub(crate) claims: Claims,
    pub(crate) staging: Staging,
}

/// Where the bytes of a pack's files go while they are verified.
pub(crate) trait ByteSink {
    /// A file begins.
    fn begin(&mut self, path: &EntryPath) -> Result<()>;
    /// More of its bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// All of its bytes were given, and they are what the headers promise.
    fn end(&mut self, observed: &Observed, staging: &Staging) -> Result<()>;
}

/// Nowhere: the bytes are only verified.
#[derive(Debug)]
pub(crate) struct Nowhere;

impl ByteSink for Nowhere {
    fn begin(&mut self, _: &EntryPath) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &Observed, _: &Staging) -> Result<()> {
        Ok(())
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
        mut staging: Staging,
        control: &Control,
    ) -> Result<Self> {
        staging.heed(control)?;
        let reader = PackReader::open(pack, limits)?;
        let audit = reader.audit(&mut |member| {
            control.ensure_not_interrupted()?;
            staging.add_member(member)
        })?;
        for finding in &audit.findings.findings {
            staging.add_finding(finding)?;
        }
        let head = reader.read_manifest(&audit, &mut &staging)?;
        staging.set_index(head.index.as_ref(), &audit)?;
        if let Some((observed, lines)) = reader.read_records(&audit, &mut &staging)? {
            staging.observe_index(IndexMember::Records, &observed, Some(lines))?;
        }
        let claims = staging.set_manifest(&head, &audit.root)?;
        Ok(Self {
            reader,
            audit,
            head,
            claims,
            staging,
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

    /// Reads every file of the pack once: what its bytes are becomes rows, the bytes go to `sink`.
    ///
    /// # Errors
    /// [`Error::Refused`] with all files whose bytes are not what headers and manifest say.
    pub(crate) fn read_bytes(&self, sink: &mut dyn ByteSink, control: &Control) -> Result<()> {
        let sums = self.staging.sums()?;
        control.begin(Phase::Reading, sums.files, sums.bytes);
        let mut scratch = Scratch::new();
        self.staging.for_each_file_member(&mut |path, location| {
            sink.begin(path)?;
            let read = self
                .reader
                .read_member(path, location, &mut scratch, &mut |bytes| {
                    control.ensure_not_interrupted()?;
                    control.advance(0, bytes.len() as u64);
                    sink.write(bytes)
                })?;
            control.advance(1, 0);
            match read {
                Ok(observed) => {
                    self.staging
                        .observe(path, observed.size_bytes, &observed.sha256)?;
                    sink.end(&observed, &self.staging)
                }
                Err(finding) => self.staging.add_finding(&finding),
            }
        })?;
        self.read_dense(control)?;
        self.reader.ensure_unchanged()?;
        self.ensure(CheckPhase::Bytes)
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

    /// Returns what the journal keeps of the pack once its bytes are read. Reads the file once more
    /// for the digest of the whole.
    pub(crate) fn facts(&self) -> Result<PackFacts> {
        Ok(PackFacts {
            sha256: self.reader.sha256()?,
            manifest_sha256: self.head.manifest_sha256,
            content_sha256: self.head.content_sha256,
            layout: self.head.layout.as_str(),
            root_uri: self.head.root_uri.clone(),
        })
    }
}
