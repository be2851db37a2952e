//! What is promised of any bytes whatever, as functions: a fuzzer calls them with what it makes up,
//! and a test with the inputs that are kept.
//!
//! Each takes bytes and returns, or panics where a promise is broken. The promise of all is that bytes
//! are read or refused: no other error, no panic, no unbounded work. What each promises beside that
//! stands with it. What it promises is asked of code that has no part in the reading where there is
//! some: the `zip` crate, and `serde_json`'s values.

mod recipe;
mod whole;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read as _, Write as _};
use std::os::fd::AsRawFd as _;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::Value;
use zip::ZipArchive;

use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::limits::Limits;
use crate::pack::Place;
use crate::pack::manifest::{self, IndexRecord, ManifestEntry, ManifestHead, ManifestSink};
use crate::pack::member_name::{self, MemberName, Role};
use crate::pack::reader::{AuditReport, Member, PackReader, Scratch};
use crate::uri::{Scope, Uri};

pub use whole::pack;

/// Bounds that keep one call short.
const LIMITS: Limits = Limits {
    manifest_bytes: 1 << 20,
    ratio: 1,
    ratio_floor_bytes: 8 << 20,
    members: 10_000,
    path_bytes: Limits::PATH_BYTES_MAX,
    component_bytes: Limits::COMPONENT_BYTES_MAX,
    depth: Limits::DEPTH_MAX,
    unpacked_bytes: None,
};

/// Bytes as a file in memory, which can be opened by its path while this stands.
#[derive(Debug)]
struct MemoryFile {
    _file: File,
    path: Utf8PathBuf,
}

impl MemoryFile {
    fn of(bytes: &[u8]) -> Self {
        let fd = memfd_create("pack", MemfdFlags::CLOEXEC).expect("a file in memory");
        let mut file = File::from(fd);
        file.write_all(bytes).expect("memory");
        let path = format!("/proc/self/fd/{}", file.as_raw_fd()).into();
        Self { _file: file, path }
    }
}

/// Bytes as a ZIP: opened, audited, every member read.
///
/// Promises that what is read is what the headers say, and what the `zip` crate reads under that name.
///
/// # Panics
/// Where that is not so.
pub fn directory(bytes: &[u8]) {
    let file = MemoryFile::of(bytes);
    if let Some((audit, members)) = read_or_refused(read_members(&file.path)) {
        ensure_third_reader_agrees(bytes, &audit, &members);
    }
}

type Contents = Vec<(Member, Vec<u8>)>;

/// Returns what is known of the pack, and all members whose bytes are whole.
fn read_members(path: &Utf8Path) -> Result<(AuditReport, Contents)> {
    let reader = PackReader::open(path, &LIMITS)?;
    let mut members = Vec::new();
    let audit = reader.audit(&mut |member| {
        members.push(member.clone());
        Ok(())
    })?;
    ensure_sound(&audit.findings.findings);
    let mut scratch = Scratch::new();
    let mut whole = Vec::new();
    for member in members {
        let mut content = Vec::new();
        let read =
            reader.read_member(&member.path, &member.location, &mut scratch, &mut |more| {
                content.extend_from_slice(more);
                Ok(())
            })?;
        assert!(content.len() as u64 <= member.location.size_bytes);
        match read {
            Ok(observed) => {
                assert_eq!(observed.size_bytes, content.len() as u64);
                assert_eq!(observed.size_bytes, member.location.size_bytes);
                assert_eq!(observed.sha256, Digest::of(&content));
                assert_eq!(member.location.crc32, crc32fast::hash(&content));
                whole.push((member, content));
            }
            Err(finding) => ensure_sound(&[finding]),
        }
    }
    reader.ensure_unchanged()?;
    Ok((audit, whole))
}

fn ensure_third_reader_agrees(bytes: &[u8], audit: &AuditReport, members: &Contents) {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(bytes)) else {
        return;
    };
    let mut theirs = BTreeMap::new();
    for index in 0..archive.len() {
        let Ok(mut member) = archive.by_index(index) else {
            continue;
        };
        let mut content = Vec::new();
        let Ok(name) = member.name().map(Cow::into_owned) else {
            continue;
        };
        let offset = member.header_start();
        if member.read_to_end(&mut content).is_ok() {
            theirs.insert(offset, (name, content));
        }
    }
    for (member, content) in members {
        // It keeps one member of a name.
        let Some((name, their_content)) = theirs.get(&member.location.header_offset) else {
            continue;
        };
        assert_eq!(content, their_content, "{name:?}");
        let below = name
            .strip_prefix(&*audit.root)
            .and_then(|below| below.strip_prefix('/'));
        let below = below.expect("all members are below the root");
        let path = content_path(audit.place, below).expect("content");
        assert_eq!(member.path.as_str(), path, "{name:?}");
        let is_directory = member.kind == EntryKind::Directory;
        assert_eq!(
            is_directory,
            below.is_empty() || below.ends_with('/'),
            "{name:?}"
        );
    }
}

/// Returns the path of what stands below the root; `None` where it is no content.
fn content_path(place: Place, below: &str) -> Option<String> {
    let path = below.strip_suffix('/').unwrap_or(below);
    match place {
        Place::Flat => Some(member_name::unescape(path)),
        Place::Files if path == "files" => Some(String::new()),
        Place::Files => path.strip_prefix("files/").map(str::to_owned),
    }
}

/// Bytes as a manifest.
///
/// Promises that what is given is what `serde_json` finds in the text.
///
/// # Panics
/// Where that is not so.
pub fn manifest(bytes: &[u8]) {
    let file = MemoryFile::of(bytes);
    let mut listed = Listed::default();
    let read = manifest::read_alone(&file.path, bytes, &mut listed);
    ensure_sound(&listed.findings);
    let entry_bytes = r#"{"path":"","kind":"file"}"#.len();
    assert!(listed.entries.len() <= bytes.len() / entry_bytes);
    if let Some(head) = read_or_refused(read) {
        let value = serde_json::from_slice(bytes).expect("JSON");
        ensure_same_manifest(&head, &listed, &value);
    }
}

/// All that a manifest lists.
#[derive(Debug, Default)]
struct Listed {
    entries: Vec<ManifestEntry>,
    records: Vec<IndexRecord>,
    findings: Vec<Finding>,
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

fn ensure_same_manifest(head: &ManifestHead, listed: &Listed, value: &Value) {
    let root = &value["root"];
    assert_eq!(value["kind"], *head.kind);
    assert_eq!(value["format_version"], head.format_version);
    assert_eq!(root["name"], *head.root_name);
    assert_eq!(root["uri"], *head.root_uri);
    assert_eq!(root["scope"], *head.root_scope);
    assert_eq!(root["package_type"].as_str(), head.package_type.as_deref());
    let scopes = value.get("scopes").map(texts);
    let read = head.scopes.as_ref();
    assert_eq!(
        scopes,
        read.map(|scopes| scopes.iter().map(String::as_str).collect())
    );
    assert_same_digest(&value["content_sha256"], head.content_sha256);

    let claimed = value["entries"].as_array().expect("a list");
    let has_path = |entry: &&Value| is_path(entry["path"].as_str().expect("a text"));
    let paths: Vec<_> = claimed.iter().filter(has_path).collect();
    assert_eq!(paths.len(), listed.entries.len());
    for (claimed, read) in paths.into_iter().zip(&listed.entries) {
        ensure_inside(&read.path);
        assert_eq!(claimed["path"], *read.path.as_str());
        assert_eq!(claimed["kind"], *read.kind.as_str());
        assert_eq!(
            claimed.get("size").map(Value::as_u64),
            read.size_bytes.map(Some)
        );
        assert!(read.size_bytes <= Some(i64::MAX as u64));
        match read.sha256 {
            Some(digest) => assert_same_digest(&claimed["sha256"], digest),
            None => assert_eq!(claimed.get("sha256"), None),
        }
    }
    for record in &listed.records {
        ensure_inside(&record.path);
        assert!(record.level <= 2);
        assert!(is_path(&record.path));
    }
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    let texts = list.iter().map(|text| text.as_str().expect("a text"));
    texts.collect()
}

fn assert_same_digest(text: &Value, digest: Digest) {
    let text = text.as_str().expect("a text").to_ascii_lowercase();
    assert_eq!(text, digest.to_string());
}

fn is_path(text: &str) -> bool {
    let path = EntryPath::parse(text);
    path.is_ok_and(|path| member_name::reserved_component(&path, Place::Flat).is_none())
}

/// The first byte as the UTF-8 flag, the rest as a member's name.
///
/// Promises that a name that is read leads nowhere else, and that its path has no other name but in
/// how a dot in front is written.
///
/// # Panics
/// Where that is not so.
pub fn member_name(bytes: &[u8]) {
    let Some((flag, raw)) = bytes.split_first() else {
        return;
    };
    let is_utf8 = flag & 1 == 1;
    let name = match member_name::decode(raw, is_utf8, Place::Flat) {
        Ok(name) => name,
        Err(finding) => return ensure_sound(&[finding]),
    };
    assert!(is_utf8 || raw.is_ascii());
    let text = std::str::from_utf8(raw).expect("a name is UTF-8");
    assert!(!name.root.contains('/'));
    ensure_inside(&EntryPath::parse(name.root).expect("the root is a path of one component"));
    let (path, kind) = match &name.role {
        Role::Manifest => {
            let manifest = format!("{}/{}", name.root, Place::Flat.manifest_name());
            return assert_eq!(text, manifest);
        }
        Role::Content { path, kind } => (path, *kind),
        Role::Root | Role::Internal | Role::Index(_) => unreachable!("no such roles in this place"),
    };
    ensure_inside(path);
    assert!(is_path(path));
    let Ok(escaped) = member_name::escape(path) else {
        // Only a dot that was not escaped gets longer.
        return assert!(text.contains("/."));
    };
    let slash = match kind {
        EntryKind::Directory if !path.is_root() => "/",
        EntryKind::Directory | EntryKind::File => "",
    };
    let again = format!("{}/{escaped}{slash}", name.root);
    if !text.contains("/.") {
        assert_eq!(again, text);
    }
    let reread = member_name::decode(again.as_bytes(), true, Place::Flat);
    let same: MemberName<'_> = reread.expect("what is written is read");
    assert_eq!(same, name);
}

/// Text as a URI, as a person types it and as a manifest spells it.
///
/// Promises that what is read is spelled in one way, and lies in a public scope or is `viking://`.
///
/// # Panics
/// Where that is not so.
pub fn uri(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(uri) = Uri::parse_exact(text) {
        assert_eq!(uri.to_string(), text);
        ensure_sound_uri(&uri);
        if !text.ends_with(' ') {
            assert_eq!(text.parse::<Uri>(), Ok(uri));
        }
    }
    if let Ok(uri) = text.parse::<Uri>() {
        ensure_sound_uri(&uri);
        let path = uri.path().as_str();
        assert!(text.contains(path));
    }
}

fn ensure_sound_uri(uri: &Uri) {
    let path = uri.path();
    ensure_inside(path);
    assert_eq!(Uri::parse_exact(&uri.to_string()), Ok(uri.clone()));
    assert_eq!(Uri::from_path(path.clone()), Ok(uri.clone()));
    assert_eq!(uri.is_root(), uri.depth() == 0);
    assert_eq!(uri.is_scope(), uri.depth() == 1);
    let scope = path.components().next();
    assert_eq!(scope, uri.scope().map(Scope::as_str));
    if let (Some(parent), Some(leaf)) = (path.parent(), path.leaf()) {
        let leaf = EntryPath::parse(leaf);
        if let Ok(leaf) = leaf {
            assert_eq!(parent.join(&leaf), *path);
            let parent = Uri::from_path(parent).expect("what is above a URI is one");
            assert_eq!(parent.join(&leaf), Ok(uri.clone()));
            assert_eq!(parent.depth() + 1, uri.depth());
        }
    }
    let type_ = uri.context_type();
    assert!(["memory", "skill", "resource"].contains(&type_));
    assert!(!uri.is_session_content() || uri.depth() > 1);
}

/// Returns what was read; `None` where it was refused, for which there are reasons that can be told.
#[track_caller]
fn read_or_refused<T>(read: Result<T>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(error @ Error::Refused { .. }) => {
            assert!(!error.to_string().is_empty());
            if let Error::Refused { report, .. } = &error {
                assert!(!report.is_empty());
                ensure_sound(&report.findings);
            }
            None
        }
        Err(error) => panic!("neither read nor refused: {error:?}"),
    }
}

/// A finding is told in a few lines, whatever it is about.
#[track_caller]
fn ensure_sound(findings: &[Finding]) {
    for finding in findings {
        assert!(finding.path.len() <= 5_000, "{finding:?}");
        assert!(finding.detail.len() <= 20_000, "{finding:?}");
        assert!(!finding.detail.is_empty());
    }
}

/// A path leads nowhere but below where it begins.
#[track_caller]
fn ensure_inside(path: &EntryPath) {
    let text = path.as_str();
    assert!(
        !text.starts_with('/') && !text.contains(['\0', '\\']),
        "{text:?}"
    );
    if !text.is_empty() {
        let is_name = |component: &str| !matches!(component, "" | "." | "..");
        assert!(text.split('/').all(is_name), "{text:?}");
    }
}
