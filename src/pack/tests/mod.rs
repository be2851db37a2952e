//! Whole packs through the reader: real ones, and ones made byte by byte that lie.

mod fixtures;
mod lies;
mod manifests;
mod mutations;
mod unusual;
pub(super) mod zip_builder;

use camino::{Utf8Path, Utf8PathBuf};

use super::manifest::{IndexRecord, ManifestEntry, ManifestHead, ManifestSink};
use super::reader::{AuditReport, Member, Observed, PackReader, Scratch};
use crate::entry_path::EntryKind;
use crate::error::{Error, Result};
use crate::finding::{Finding, Rule};
use crate::limits::Limits;

/// All that a manifest lists.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) entries: Vec<ManifestEntry>,
    pub(super) records: Vec<IndexRecord>,
    pub(super) findings: Vec<Finding>,
}

impl ManifestSink for Listed {
    fn entry(&mut self, entry: ManifestEntry) -> Result<()> {
        self.entries.push(entry);
        Ok(())
    }

    fn record(&mut self, record: IndexRecord) -> Result<()> {
        self.records.push(record);
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        self.findings.push(finding);
        Ok(())
    }
}

/// All that a pack gives.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) audit: AuditReport,
    pub(super) members: Vec<Member>,
    pub(super) listed: Listed,
    pub(super) head: ManifestHead,
    /// One for every member.
    pub(super) contents: Vec<std::result::Result<(Observed, Vec<u8>), Finding>>,
}

/// Reads a pack to its last byte, with the limits given.
pub(super) fn read_with(path: &Utf8Path, limits: &Limits) -> Result<Read> {
    let reader = PackReader::open(path, limits)?;
    let mut members = Vec::new();
    let audit = reader.audit(&mut |member| {
        members.push(member.clone());
        Ok(())
    })?;
    let mut listed = Listed::default();
    let head = reader.read_manifest(&audit, &mut listed)?;
    let mut scratch = Scratch::new();
    let mut contents = Vec::new();
    for member in &members {
        let mut bytes = Vec::new();
        let read =
            reader.read_member(&member.path, &member.location, &mut scratch, &mut |more| {
                bytes.extend_from_slice(more);
                Ok(())
            })?;
        assert!(u64::try_from(bytes.len()).expect("a length") <= member.location.size_bytes);
        contents.push(read.map(|observed| (observed, bytes)));
    }
    reader.ensure_unchanged()?;
    Ok(Read {
        audit,
        members,
        listed,
        head,
        contents,
    })
}

/// Reads a pack to its last byte.
pub(super) fn read(path: &Utf8Path) -> Result<Read> {
    read_with(path, &Limits::default())
}

/// Reads a pack that is made of these bytes.
pub(super) fn read_bytes(bytes: &[u8]) -> Result<Read> {
    read_bytes_with(bytes, &Limits::default())
}

/// Reads a pack that is made of these bytes, with the limits given.
pub(super) fn read_bytes_with(bytes: &[u8], limits: &Limits) -> Result<Read> {
    use std::io::Write as _;
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    let path = Utf8PathBuf::from_path_buf(file.path().to_owned()).expect("UTF-8");
    read_with(&path, limits)
}

/// Returns the rules that a reading broke; none where it succeeded without a finding.
pub(super) fn rules_of(read: &Result<Read>) -> Vec<Rule> {
    match read {
        Ok(read) => {
            let names = read.audit.findings.findings.iter();
            let bytes = read.contents.iter().filter_map(|read| read.as_ref().err());
            let findings = names.chain(&read.listed.findings).chain(bytes);
            findings.map(|finding| finding.rule).collect()
        }
        Err(Error::Refused { report, .. }) => {
            report.findings.iter().map(|finding| finding.rule).collect()
        }
        Err(error) => panic!("not a refusal: {error:?}"),
    }
}

/// Returns paths and contents of the files, in the order of the directory.
pub(super) fn files_of(read: &Read) -> Vec<(&str, Vec<u8>)> {
    let members = read.members.iter().zip(&read.contents);
    let files = members.filter(|(member, _)| member.kind == EntryKind::File);
    files
        .map(|(member, read)| {
            let (_, bytes) = read.as_ref().expect("whole");
            (member.path.as_str(), bytes.clone())
        })
        .collect()
}
