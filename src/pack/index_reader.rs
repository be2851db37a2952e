//! The members of the index: read beside the manifest, and held to what it says of them by rows.

use std::mem;

use super::IndexMember;
use super::directory::RawMember;
use super::inflate::MemberStream;
use super::manifest::ManifestSink;
use super::member::{MemberLocation, Observed};
use super::member_name::{Role, shown_bytes};
use super::reader::{AuditReport, PackReader, Scratch};
use super::record_lines;
use crate::error::Result;
use crate::finding::{Finding, Rule};

/// Members that are neither content nor manifest, each of which may come once.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) records: Option<MemberLocation>,
    pub(super) dense: Option<MemberLocation>,
    has_root: bool,
    has_internal: bool,
}

impl Beside {
    /// Takes in a member by its role.
    ///
    /// # Errors
    /// The finding where it came before.
    pub(super) fn take(&mut self, raw: &RawMember<'_>, role: &Role) -> Result<(), Finding> {
        let is_repeated = match role {
            Role::Index(IndexMember::Records) => self.records.replace(raw.location).is_some(),
            Role::Index(IndexMember::Dense) => self.dense.replace(raw.location).is_some(),
            Role::Root => mem::replace(&mut self.has_root, true),
            Role::Internal => mem::replace(&mut self.has_internal, true),
            Role::Manifest | Role::Content { .. } => false,
        };
        if !is_repeated {
            return Ok(());
        }
        let detail = "two members have this name; expected one";
        Err(Finding::new(
            Rule::MemberRepeated,
            shown_bytes(raw.name),
            detail,
        ))
    }
}

impl PackReader {
    /// Reads the index records, line by line; returns what their bytes are and how many lines, or
    /// `None` where the pack has no such member.
    ///
    /// # Errors
    /// [`crate::error::Error::Refused`] where the bytes are damaged or too many, or are no records. Errors of
    /// `sink` end the reading, and so does `is_over`.
    pub(crate) fn read_records(
        &self,
        audit: &AuditReport,
        sink: &mut dyn ManifestSink,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Option<(Observed, u64)>> {
        let Some(location) = &audit.records else {
            return Ok(None);
        };
        let name = name_of(audit, IndexMember::Records);
        if location.size_bytes > self.limits.manifest_bytes {
            let detail = format!(
                "the index records have {} bytes; the limit is {}",
                location.size_bytes, self.limits.manifest_bytes
            );
            return Err(self.file.refuse(Rule::ManifestTooLarge, &name, detail));
        }
        let mut scratch = Scratch::new();
        let stream = MemberStream::new(&self.file, &mut scratch, location, &name);
        let (pack, limits) = (self.path(), &self.limits);
        record_lines::read(stream, &name, pack, limits, sink, is_over).map(Some)
    }

    /// Reads the dense vectors, whose numbers mean nothing here; `None` where there are none.
    ///
    /// # Errors
    /// The inner result is the finding of bytes that are not what the headers say; the outer one is
    /// an error of the file or of `out`.
    pub(crate) fn read_dense(
        &self,
        audit: &AuditReport,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<Option<Result<Observed, Finding>>> {
        let Some(location) = &audit.dense else {
            return Ok(None);
        };
        let name = name_of(audit, IndexMember::Dense);
        self.read_member(&name, location, &mut Scratch::new(), out)
            .map(Some)
    }
}

fn name_of(audit: &AuditReport, member: IndexMember) -> String {
    format!("{}/{}", audit.root, member.path())
}
