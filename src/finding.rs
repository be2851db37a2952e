//! Rules that a pack must keep, and findings: where one does not.
//!
//! Codes are `kebab-case`, never renamed and never used for something else. A rule that SQL can
//! ask of staged rows has its query in `schema/checks/CODE.sql`; the others are asked by the
//! reader, which knows bytes that no row holds. One code space with [`crate::Error::code`].

use std::fmt;

use serde::{Serialize, Serializer};

use crate::entry_path::PathFault;
use crate::kind::Kind;
use crate::limits::LimitFault;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $kind:ident, $cure:literal;)*) => {
        /// A rule; the documentation of each says what it promises.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule { $($(#[$doc])* $name,)* }

        impl Rule {
            /// All rules, in the order in which findings are reported.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the rule's code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// Returns who must act when the rule is broken.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind),* }
            }

            /// Returns what to do about it.
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$name => $cure),* }
            }
        }
    };
}

rules! {
    // -- structure: what stops the reading
    /// The file is a ZIP whose records account for every byte.
    ZipStructure, "zip-structure", BadPack, "get the pack again from its producer; this file is cut, damaged or not a ZIP";
    /// The pack ends with one end record, which says where the directory is.
    ZipEndRecord, "zip-end-record", BadPack, "get the pack again from its producer; this file is cut, damaged or not a ZIP";
    /// The Zip64 end record and its locator agree with the end record and stand before it.
    Zip64Record, "zip64-record", BadPack, "get the pack again from its producer; its end is damaged or made to mislead";
    /// The archive comment is text.
    ArchiveComment, "archive-comment", BadPack, "remove the archive comment, or get the pack again from its producer";
    /// Every byte before the directory belongs to a member.
    ZipGap, "zip-gap", BadPack, "get the pack again from its producer; it hides bytes between its members";
    /// No byte belongs to two members.
    ZipOverlap, "zip-overlap", BadPack, "get the pack again from its producer; its members share bytes";
    /// Two ZIP readers that share no code see the same members.
    ReadersDisagree, "readers-disagree", BadPack, "get the pack again from its producer; two readers would read it differently";
    /// A member's method is stored or deflate.
    MemberMethod, "member-method", BadPack, "pack the content again with method deflate or stored";
    /// A member's flags are known ones; nothing is encrypted.
    MemberFlags, "member-flags", BadPack, "pack the content again without encryption and unusual flags";
    /// A member is a plain file or a directory.
    MemberType, "member-type", BadPack, "pack the content again without symbolic links and special files";
    /// A member's two headers say the same, and nothing that cannot be.
    MemberHeader, "member-header", BadPack, "get the pack again from its producer; two readers would read it differently";
    /// Extra fields fill their area and no more.
    MemberExtraField, "member-extra-field", BadPack, "get the pack again from its producer; a member's header is damaged";
    /// A member's Zip64 field has the values that its header asks for, and no others.
    Zip64Field, "zip64-field", BadPack, "get the pack again from its producer; two readers would read it differently";
    /// No extra field gives a member another name.
    NameOverride, "name-override", BadPack, "pack the content again; two readers would unpack it under different names";
    /// A data descriptor says the same as the headers.
    MemberDescriptor, "member-descriptor", BadPack, "get the pack again from its producer; two readers would read it differently";
    /// A directory member holds no data.
    DirectoryData, "directory-data", BadPack, "get the pack again from its producer";
    /// A member's data is a whole deflate stream that ends where its compressed bytes end.
    MemberData, "member-data", BadPack, "get the pack again from its producer; the member's data is damaged";
    /// A pack has no more members, and its manifest no more entries, than the limit.
    TooManyMembers, "too-many-members", BadPack, "raise the limit if the pack is really meant to be so large";
    /// A pack has a manifest, else nothing in it can be verified.
    ManifestMissing, "manifest-missing", BadPack, "this is a legacy pack; export the content again with an OpenViking release that writes a manifest";
    /// A pack has one manifest.
    ManifestRepeated, "manifest-repeated", BadPack, "get the pack again from its producer; it does not say which manifest is meant";
    /// The manifest, and the index records beside it, are no larger than the limit.
    ManifestTooLarge, "manifest-too-large", BadPack, "raise the limit if the pack is really meant to be so large";
    /// The manifest is one JSON object of the documented shape.
    ManifestSyntax, "manifest-syntax", BadPack, "get the pack again from its producer; its manifest cannot be read";
    /// Unpacked bytes stay within the ratio to the pack's size.
    RatioTooHigh, "ratio-too-high", BadPack, "raise the limit if the content is really so repetitive";
    /// The members unpack to no more bytes than the limit.
    TooLarge, "too-large", BadPack, "raise the limit if the pack is really meant to be so large";

    // -- names
    /// Names are UTF-8, and ASCII where the UTF-8 flag is off.
    NameEncoding, "name-encoding", BadPack, "pack the content again with UTF-8 names";
    /// Names have no empty component and no slash at an end.
    NameEmptyComponent, "name-empty-component", BadPack, "rename the file at its source and pack it again";
    /// Names have no `.` and `..` components.
    NameDotComponent, "name-dot-component", BadPack, "do not trust this pack: the name points outside its directory";
    /// Names have no backslash.
    NameBackslash, "name-backslash", BadPack, "rename the file at its source and pack it again";
    /// Names do not begin like a drive letter.
    NameDriveLetter, "name-drive-letter", BadPack, "rename the file at its source and pack it again";
    /// Names have no control characters but tab and newline.
    NameControlCharacter, "name-control-character", BadPack, "rename the file at its source and pack it again";
    /// A component has at most 255 bytes, a path at most 4096, or what lower limits allow.
    NameTooLong, "name-too-long", BadPack, "rename the file at its source and pack it again";
    /// A path has no more components than the limit.
    TooDeep, "too-deep", BadPack, "raise the limit if the tree is really meant to be so deep";
    /// Every name is one that the target's file system can hold, apart from all others.
    NameUnholdable, "name-unholdable", BadPack, "use a store on a file system that keeps these names apart";
    /// Reserved names are not content.
    NameReserved, "name-reserved", BadPack, "remove the file at its source and pack it again";
    /// Where content lies below `files/`, nothing but `_ovpack/` lies beside it.
    MemberMisplaced, "member-misplaced", BadPack, "get the pack again from its producer; it carries what is neither content nor index";
    /// Below `_ovpack/` lie the manifest, the index records and their dense vectors, and nothing else.
    InternalUnknown, "internal-unknown", BadPack, "get the pack again from its producer, or use a version of ovpack that knows what it carries";
    /// All members lie below one root.
    SecondRoot, "second-root", BadPack, "pack each root into a pack of its own";
    /// No two members have one path after unescaping.
    MemberRepeated, "member-repeated", BadPack, "pack the content again in a layout that needs no escaping, such as v3";
    /// No file stands where another member needs a directory.
    FileAsDirectory, "file-as-directory", BadPack, "get the pack again from its producer";

    // -- manifest
    /// `kind` is `openviking.ovpack`.
    ManifestKind, "manifest-kind", BadPack, "give a pack that OpenViking or ovpack has written";
    /// `format_version` is the one of the layout.
    FormatVersion, "format-version", BadPack, "get the pack again from its producer; layout and version contradict each other";
    /// `root.name` is the name of the ZIP's root.
    RootName, "root-name", BadPack, "get the pack again from its producer; it was renamed or put together by hand";
    /// `root.uri` is a URI in a public scope, and its leaf is `root.name`.
    RootUri, "root-uri", BadPack, "get the pack again from its producer; its root URI is wrong";
    /// `root.scope` is the scope of `root.uri`.
    RootScope, "root-scope", BadPack, "get the pack again from its producer; its scope is wrong";
    /// `root.package_type` is absent or `backup`.
    PackageType, "package-type", BadPack, "use a version of ovpack that knows this type of pack";
    /// A backup has `scopes`: public ones, without repeats, equal to those in its entries.
    BackupScopes, "backup-scopes", BadPack, "get the backup again from its producer; its list of scopes is wrong";
    /// Every entry of a backup is a scope or lies below one.
    BackupEntry, "backup-entry", BadPack, "get the backup again from its producer; it carries what belongs to no scope";
    /// A manifest path is listed once.
    EntryRepeated, "entry-repeated", BadPack, "get the pack again from its producer; its manifest contradicts itself";
    /// A file entry says size and sha256.
    EntryIncomplete, "entry-incomplete", BadPack, "get the pack again from its producer; its manifest is not complete";
    /// A file of the manifest is a member.
    FileMissing, "file-missing", BadPack, "get the pack again from its producer; a file that it promises is not there";
    /// A file member is in the manifest.
    FileUnexpected, "file-unexpected", BadPack, "get the pack again from its producer; it carries a file that its manifest does not know";
    /// A directory of the manifest is a member.
    DirectoryMissing, "directory-missing", BadPack, "get the pack again from its producer; a directory that it promises is not there";
    /// A directory member is in the manifest.
    DirectoryUnexpected, "directory-unexpected", BadPack, "get the pack again from its producer; it carries a directory that its manifest does not know";
    /// `content_sha256` is the digest of the file inventory.
    ContentDigest, "content-digest", BadPack, "get the pack again from its producer; its manifest was changed";
    /// In v3 a `user_id` is the component after `user/` of what it stands with.
    UserId, "user-id", BadPack, "get the pack again from its producer; it says of somebody's content that it is another's";
    /// What `index` names is a member under its own name.
    IndexMissing, "index-missing", BadPack, "get the pack again from its producer; a part of its index is not there";
    /// Index records and dense vectors are named by `index`.
    IndexUnexpected, "index-unexpected", BadPack, "get the pack again from its producer; it carries an index that its manifest does not know";
    /// Index records and dense vectors have the sha256 of `index`.
    IndexDigest, "index-digest", BadPack, "get the pack again from its producer; its index is not the one that was packed";
    /// There are as many index records as `index` says.
    IndexCount, "index-count", BadPack, "get the pack again from its producer; its index is not complete";
    /// Index records are JSON of the documented shape.
    RecordShape, "record-shape", BadPack, "get the pack again from its producer; its index records cannot be read";
    /// A `record_id` is used once.
    RecordRepeated, "record-repeated", BadPack, "get the pack again from its producer; its index contradicts itself";
    /// An index record of a line of its own describes an entry of its path and kind.
    RecordEntry, "record-entry", BadPack, "get the pack again from its producer; its index does not belong to its content";
    /// Dense vectors are float32, little-endian, and have at least one dimension.
    DenseFormat, "dense-format", BadPack, "get the pack again from its producer; its dense vectors cannot be read";
    /// The dense vectors are as many bytes as count and dimensions say.
    DenseSize, "dense-size", BadPack, "get the pack again from its producer; its dense vectors are cut or too many";
    /// The references to dense vectors have the dimensions of `index`, follow each other from 0 without gap or overlap, and are as many as it says.
    DenseReferences, "dense-references", BadPack, "get the pack again from its producer; its index does not belong to its dense vectors";

    // -- target
    /// A backup is restored, not imported.
    BackupNeedsRestore, "backup-needs-restore", BadPack, "restore this pack instead of importing it";
    /// What is no backup is imported, not restored.
    RestoreNeedsBackup, "restore-needs-backup", BadPack, "import this pack under a parent instead of restoring it";
    /// A pack stays in its scope.
    ScopeMismatch, "scope-mismatch", BadPack, "import it under a parent in its own scope";
    /// A pack of a structured scope keeps its depth.
    DepthMismatch, "depth-mismatch", BadPack, "import it under a parent at the same depth as its old parent";
    /// A pack of a whole scope goes to `viking://`.
    ScopePackNeedsRoot, "scope-pack-needs-root", BadPack, "import it under viking://";
    /// Only a pack of a whole scope goes to `viking://`.
    SubtreeNeedsParent, "subtree-needs-parent", BadPack, "import it under a parent in its own scope";
    /// The way to the target is made of directories.
    ParentNotDirectory, "parent-not-directory", Conflict, "move the file away, or import under another parent";
    /// The target is absent or a directory.
    RootNotDirectory, "root-not-directory", Conflict, "move what stands there away; no policy replaces it";
    /// With the policy `fail` nothing is there yet.
    RootExists, "root-exists", Conflict, "overwrite it, merge into it, skip it, or import under another parent";
    /// A merge puts files where files are, and directories where directories are.
    KindDiffers, "kind-differs", Conflict, "move what stands there away, or leave that path of the pack out";

    // -- bytes
    /// A member's size is the one in the manifest.
    FileSize, "file-size", BadPack, "get the pack again from its producer; the file is not the one that was packed";
    /// A member's bytes have the sha256 of the manifest.
    FileDigest, "file-digest", BadPack, "get the pack again from its producer; the file is not the one that was packed";
    /// A member's unpacked bytes have the size and CRC-32 of its headers.
    MemberBytes, "member-bytes", BadPack, "get the pack again from its producer; the member's data is damaged";
    /// Every policy returns no row.
    Policy, "policy", BadPack, "change the pack, or the policy that forbids it";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl Rule {
    /// Returns the rule of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.code() == code)
    }
}

impl From<PathFault> for Rule {
    fn from(fault: PathFault) -> Self {
        match fault {
            PathFault::NotUtf8 => Self::NameEncoding,
            PathFault::Empty => Self::NameEmptyComponent,
            PathFault::Dot => Self::NameDotComponent,
            PathFault::Backslash => Self::NameBackslash,
            PathFault::Drive => Self::NameDriveLetter,
            PathFault::Control => Self::NameControlCharacter,
            PathFault::ComponentTooLong | PathFault::TooLong => Self::NameTooLong,
        }
    }
}

impl From<LimitFault> for Rule {
    fn from(fault: LimitFault) -> Self {
        match fault {
            LimitFault::Path { .. } | LimitFault::Component { .. } => Self::NameTooLong,
            LimitFault::Depth { .. } => Self::TooDeep,
        }
    }
}

/// One place where a pack breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The broken rule.
    #[serde(rename = "code")]
    pub rule: Rule,
    /// What it is about: a path below the root, a member name, a URI; empty where it is the pack as a whole.
    pub path: String,
    /// What was found, and what was expected.
    pub detail: String,
}

impl Finding {
    /// Makes a finding.
    pub fn new(rule: Rule, path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            rule,
            path: path.into(),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}", self.detail),
            path => write!(f, "{path}: {}", self.detail),
        }
    }
}

/// All findings of the phase that ran. Never empty when it stands in an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The findings, by rule, then by path.
    pub findings: Vec<Finding>,
    /// How many there are; more than are listed where a pack has more than [`CheckReport::LISTED_MAX`].
    pub total: u64,
}

impl CheckReport {
    /// Most findings that are held: a pack with a million faults is not to fill the memory.
    pub const LISTED_MAX: usize = 10_000;

    /// Adds a finding; beyond [`Self::LISTED_MAX`] it is only counted.
    pub fn push(&mut self, finding: Finding) {
        self.total += 1;
        if self.findings.len() < Self::LISTED_MAX {
            self.findings.push(finding);
        }
    }

    /// Returns whether no rule was broken.
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Returns the finding that names the whole: a bad pack wins over a conflict.
    pub fn first(&self) -> Option<&Finding> {
        let bad = self
            .findings
            .iter()
            .find(|finding| finding.rule.kind() == Kind::BadPack);
        bad.or_else(|| self.findings.first())
    }
}

impl From<Finding> for CheckReport {
    fn from(finding: Finding) -> Self {
        Self {
            findings: vec![finding],
            total: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_pack_wins_over_a_conflict() {
        let mut report = CheckReport::default();
        report.push(Finding::new(
            Rule::RootExists,
            "viking://resources/a",
            "exists",
        ));
        assert_eq!(
            report.first().map(|finding| finding.rule),
            Some(Rule::RootExists)
        );
        report.push(Finding::new(Rule::FileDigest, "a", "differs"));
        assert_eq!(
            report.first().map(|finding| finding.rule),
            Some(Rule::FileDigest)
        );
    }

    #[test]
    fn codes_are_kebab_case_and_unique() {
        let mut codes: Vec<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
        assert!(codes.iter().all(|code| {
            code.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        }));
        assert!(
            Rule::ALL
                .iter()
                .all(|rule| Rule::from_code(rule.code()) == Some(*rule))
        );
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Rule::ALL.len());
    }
}
