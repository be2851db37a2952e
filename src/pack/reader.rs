//! The pack as a whole: opened once, audited in one walk, then read member by member.

use camino::Utf8Path;

use super::directory::{self, RawMember};
use super::end::{self, PackEnd};
use super::index_reader::Beside;
use super::inflate::{Inflater, MemberStream};
use super::member_name::{self, MemberName, Role, shown_bytes};
use super::pack_file::PackFile;
use super::{IndexMember, Place};
use crate::digest::{Digest, Hasher};
use crate::entry_path::EntryKind;
use crate::error::{Error, Result};
use crate::finding::{CheckReport, Finding, Rule};
use crate::fsops::Stat;
use crate::limits::Limits;

pub(crate) use super::inflate::Inflater as Scratch;
pub(crate) use super::manifest_reader::ManifestPlace;
pub(crate) use super::member::{Member, MemberLocation, Method, Observed};

/// An open pack: one descriptor, positioned reads, no mapping. Changes nothing.
#[derive(Debug)]
pub(crate) struct PackReader {
    pub(super) file: PackFile,
    pub(super) end: PackEnd,
    pub(super) limits: Limits,
}

/// What the walk through a pack's directory found.
#[derive(Clone, Debug)]
pub(crate) struct AuditReport {
    /// Names that break a rule; their members were not given.
    pub(crate) findings: CheckReport,
    /// Members of the pack, the manifest included.
    pub(crate) members: u64,
    /// Unpacked bytes of all members, the manifest included, as their headers say.
    pub(crate) unpacked_bytes: u64,
    /// Where the manifest is.
    pub(crate) manifest: MemberLocation,
    /// Where the pack keeps manifest and content.
    pub(crate) place: Place,
    /// Where the index records are.
    pub(crate) records: Option<MemberLocation>,
    /// Where their dense vectors are.
    pub(crate) dense: Option<MemberLocation>,
    /// The name of the ZIP's root: the one that has the manifest.
    pub(crate) root: String,
}

impl AuditReport {
    /// Returns where a member of the index is.
    pub(crate) const fn index(&self, member: IndexMember) -> Option<&MemberLocation> {
        match member {
            IndexMember::Records => self.records.as_ref(),
            IndexMember::Dense => self.dense.as_ref(),
        }
    }
}

impl PackReader {
    /// Opens a pack and finds its end. Nothing else is read.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for limits that the format does not allow;
    /// [`Error::FileNotFound`], [`Error::NotAFile`], [`Error::Io`], [`Error::Refused`].
    pub(crate) fn open(path: &Utf8Path, limits: &Limits) -> Result<Self> {
        if let Some(limit) = limits.impossible() {
            return Err(Error::InvalidArgument {
                argument: limit.argument,
                value: limit.value.to_string(),
                expected: limit.expected,
            });
        }
        let file = PackFile::open(path)?;
        let end = end::discover(&file)?;
        Ok(Self {
            file,
            end,
            limits: *limits,
        })
    }

    /// Returns the path that the pack was opened by.
    pub(crate) fn path(&self) -> &Utf8Path {
        self.file.path()
    }

    /// Returns the length of the pack file in bytes.
    pub(crate) const fn pack_bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Returns what the pack file was when it was opened.
    pub(crate) const fn stat(&self) -> &Stat {
        self.file.stat()
    }

    /// Fails with [`Error::FileChanging`] where the pack was written since it
    /// was opened.
    pub(crate) fn ensure_unchanged(&self) -> Result<()> {
        self.file.ensure_unchanged()
    }

    /// Returns the error of a pack that is written while it is read.
    pub(crate) fn changing(&self) -> Error {
        self.file.changing()
    }

    /// Walks the directory once and gives every content member whose name keeps the rules, in the
    /// order of the directory. Two members may have one path; no content is unpacked.
    ///
    /// Nothing of the pack is to be trusted before this returned: what is left over between
    /// members is known only then.
    ///
    /// # Errors
    /// [`Error::Refused`] for the first structural fault or a limit; names that
    /// break a rule are in the report instead. Errors of `on_member` end the walk.
    pub(crate) fn audit(
        &self,
        on_member: &mut dyn FnMut(&Member) -> Result<()>,
    ) -> Result<AuditReport> {
        self.ensure_member_limit()?;
        let (place, root) = self.find_manifest()?;
        self.ensure_root_limit(&root)?;
        let mut findings = CheckReport::default();
        let mut unpacked_bytes = 0_u64;
        let mut manifest = None;
        let mut beside = Beside::default();
        let mut scratch = Inflater::new();
        directory::walk(&self.file, &self.end, &mut |raw| {
            unpacked_bytes = unpacked_bytes.saturating_add(raw.location.size_bytes);
            let (path, kind) = match self.role_of(raw, place, &root) {
                Ok(Role::Content { path, kind }) => (path, kind),
                Ok(Role::Manifest) => {
                    manifest = Some(raw.location);
                    return Ok(());
                }
                Ok(role) => {
                    if let Role::Root | Role::Internal = role {
                        self.ensure_no_data(raw, &mut scratch)?;
                    }
                    beside
                        .take(raw, &role)
                        .unwrap_or_else(|finding| findings.push(finding));
                    return Ok(());
                }
                Err(finding) => {
                    findings.push(finding);
                    return Ok(());
                }
            };
            if kind == EntryKind::Directory {
                self.ensure_no_data(raw, &mut scratch)?;
            }
            on_member(&Member {
                ordinal: raw.ordinal,
                path,
                kind,
                location: raw.location,
            })
        })?;
        let manifest = self.ensure_manifest(manifest, &findings)?;
        self.ensure_size(unpacked_bytes)?;
        Ok(AuditReport {
            findings,
            members: self.end.members,
            unpacked_bytes,
            manifest,
            place,
            records: beside.records,
            dense: beside.dense,
            root,
        })
    }

    /// Unpacks one member and gives its bytes piece by piece, never more than its headers promise.
    /// `name` is for the finding. `scratch` is made once for many members.
    ///
    /// # Errors
    /// The inner result is the finding of a member whose bytes are not what its headers say; bytes
    /// may have been given before that is known. The outer one is an error of the file or of `out`.
    pub(crate) fn read_member(
        &self,
        name: &str,
        member: &MemberLocation,
        scratch: &mut Scratch,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<Result<Observed, Finding>> {
        let mut hasher = Hasher::default();
        let mut stream = MemberStream::new(&self.file, scratch, member, name);
        loop {
            match stream.next_bytes(usize::MAX)? {
                Ok([]) => {
                    return Ok(Ok(Observed {
                        size_bytes: member.size_bytes,
                        sha256: hasher.finish(),
                    }));
                }
                Ok(bytes) => {
                    hasher.update(bytes);
                    out(bytes)?;
                }
                Err(finding) => return Ok(Err(finding)),
            }
        }
    }

    /// Gives a member's packed bytes piece by piece, as they stand in the file: nothing is checked.
    pub(crate) fn read_packed(
        &self,
        member: &MemberLocation,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let end = member.data_offset.saturating_add(member.compressed_bytes);
        self.file.each_piece(member.data_offset, end, out)
    }

    /// Returns the digest of the whole pack file.
    pub(crate) fn sha256(&self) -> Result<Digest> {
        let mut hasher = Hasher::default();
        self.each_piece(&mut |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(hasher.finish())
    }

    /// Gives all bytes of the pack file, piece by piece.
    pub(crate) fn each_piece(&self, give: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.file.each_piece(0, self.file.bytes(), give)
    }

    /// Returns what a member is, if its name keeps the rules and the limits.
    fn role_of(&self, raw: &RawMember<'_>, place: Place, root: &str) -> Result<Role, Finding> {
        let name = member_name::decode(raw.name, raw.is_utf8, place)?;
        if name.root != root {
            return Err(second_root(raw, &name, root));
        }
        if let Role::Content { path, .. } = &name.role {
            let checked = self.limits.check_path(path);
            checked.map_err(|fault| {
                Finding::new(fault.into(), shown_bytes(raw.name), fault.to_string())
            })?;
        }
        Ok(name.role)
    }

    /// The root is a component too.
    fn ensure_root_limit(&self, root: &str) -> Result<()> {
        self.limits.check_path(root).map_err(|fault| {
            let detail = format!("the root: {fault}");
            self.file
                .refuse(fault.into(), &member_name::shown(root), detail)
        })
    }

    /// A directory has no bytes; an empty deflate stream is none.
    fn ensure_no_data(&self, raw: &RawMember<'_>, scratch: &mut Scratch) -> Result<()> {
        let name = shown_bytes(raw.name);
        if raw.location.size_bytes > 0 {
            let detail = format!(
                "it is a directory and has {} bytes of data",
                raw.location.size_bytes
            );
            return Err(self.file.refuse(Rule::DirectoryData, &name, detail));
        }
        let read = self.read_member(&name, &raw.location, scratch, &mut |_| Ok(()))?;
        match read {
            Ok(_) => Ok(()),
            Err(finding) => Err(self.file.refuse(Rule::DirectoryData, &name, finding.detail)),
        }
    }

    pub(super) fn ensure_member_limit(&self) -> Result<()> {
        if self.end.members <= self.limits.members {
            return Ok(());
        }
        let detail = format!(
            "it has {} members; the limit is {}",
            self.end.members, self.limits.members
        );
        Err(self.file.refuse(Rule::TooManyMembers, "", detail))
    }

    /// Returns where the manifest is, if it is not too large. The walk may have found fault with
    /// its name, such as with its root.
    fn ensure_manifest(
        &self,
        manifest: Option<MemberLocation>,
        findings: &CheckReport,
    ) -> Result<MemberLocation> {
        let manifest = manifest.ok_or_else(|| {
            if findings.is_empty() {
                // It was there a moment ago, when the layout was looked for.
                return self.file.changing();
            }
            Error::Refused {
                pack: self.path().to_owned(),
                report: Box::new(findings.clone()),
            }
        })?;
        if manifest.size_bytes <= self.limits.manifest_bytes {
            return Ok(manifest);
        }
        let detail = format!(
            "the manifest has {} bytes; the limit is {}",
            manifest.size_bytes, self.limits.manifest_bytes
        );
        Err(self.file.refuse(Rule::ManifestTooLarge, "", detail))
    }

    fn ensure_size(&self, unpacked_bytes: u64) -> Result<()> {
        if let Some(limit) = self.limits.unpacked_bytes
            && unpacked_bytes > limit
        {
            let detail = format!("it unpacks to {unpacked_bytes} bytes; the limit is {limit}");
            return Err(self.file.refuse(Rule::TooLarge, "", detail));
        }
        let most = self.file.bytes().saturating_mul(self.limits.ratio);
        if unpacked_bytes <= self.limits.ratio_floor_bytes || unpacked_bytes <= most {
            return Ok(());
        }
        let detail = format!(
            "{} bytes unpack to {unpacked_bytes}, more than {} to 1",
            self.file.bytes(),
            self.limits.ratio
        );
        Err(self.file.refuse(Rule::RatioTooHigh, "", detail))
    }
}

fn second_root(raw: &RawMember<'_>, other: &MemberName<'_>, root: &str) -> Finding {
    let detail = format!(
        "its root is `{}`; the manifest's is `{}`",
        member_name::shown(other.root),
        member_name::shown(root)
    );
    Finding::new(Rule::SecondRoot, shown_bytes(raw.name), detail)
}
