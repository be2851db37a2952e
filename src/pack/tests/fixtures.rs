//! Packs that `OpenViking` wrote.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde_json::json;

use super::{Read, read, rules_of};
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Error;
use crate::finding::Rule;
use crate::limits::Limits;
use crate::pack::inventory::InventoryHasher;
use crate::pack::reader::PackReader;
use crate::record::GivenScalars;

/// What is known of a fixture.
#[derive(Deserialize)]
struct Sidecar {
    zip_root: String,
    root_uri: String,
    content_sha256: Digest,
    pack_sha256: Digest,
    pack_bytes: u64,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    path: String,
    kind: String,
    size: Option<u64>,
    sha256: Option<Digest>,
}

type Entries = BTreeMap<String, (EntryKind, u64, Digest)>;

fn fixture(name: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

fn sidecar(name: &str) -> Sidecar {
    let text = std::fs::read(fixture(&format!("{name}.json"))).expect("a sidecar");
    serde_json::from_slice(&text).expect("a sidecar")
}

fn names() -> Vec<String> {
    let list = fixture("").read_dir_utf8().expect("fixtures");
    let names = list.filter_map(|entry| {
        let name = entry.expect("a fixture").file_name().to_owned();
        name.strip_suffix(".ovpack").map(ToOwned::to_owned)
    });
    let mut names: Vec<_> = names.filter(|name| name.starts_with("v2flat-")).collect();
    names.sort();
    names
}

/// The entries of a sidecar, which does not list the root.
fn expected(sidecar: &Sidecar) -> Entries {
    let entry = |entry: &Expected| {
        let kind = EntryKind::from_name(&entry.kind).expect("a kind");
        let sha256 = entry.sha256.unwrap_or(Digest::EMPTY);
        (entry.path.clone(), (kind, entry.size.unwrap_or(0), sha256))
    };
    let root = (String::new(), (EntryKind::Directory, 0, Digest::EMPTY));
    sidecar.expected.iter().map(entry).chain([root]).collect()
}

fn claimed(read: &Read) -> Entries {
    let entries = read.listed.entries.iter().map(|entry| {
        let sha256 = entry.sha256.unwrap_or(Digest::EMPTY);
        let size = entry.size_bytes.unwrap_or(0);
        (entry.path.to_string(), (entry.kind, size, sha256))
    });
    entries.collect()
}

fn observed(read: &Read) -> Entries {
    let members = read.members.iter().zip(&read.contents);
    let entries = members.map(|(member, read)| {
        let (observed, bytes) = read.as_ref().expect("whole");
        assert_eq!(Digest::of(bytes), observed.sha256);
        let entry = (member.kind, observed.size_bytes, observed.sha256);
        (member.path.to_string(), entry)
    });
    entries.collect()
}

fn inventory(entries: &Entries) -> Digest {
    let mut hasher = InventoryHasher::new();
    for (path, (kind, size, sha256)) in entries {
        if *kind == EntryKind::File {
            hasher.add(path, sha256, *size);
        }
    }
    hasher.finish()
}

#[test]
fn all_v2_flat_fixtures_are_here() {
    assert_eq!(names().len(), 12, "{:?}", names());
}

#[test]
fn packs_of_the_reference_hold_what_is_known_of_them() {
    for name in names().iter().filter(|name| !name.contains("collide")) {
        let path = fixture(&format!("{name}.ovpack"));
        let (sidecar, read) = (sidecar(name), read(&path));
        assert_eq!(rules_of(&read), [], "{name}");
        let read = read.expect("a good pack");
        let entries = expected(&sidecar);
        assert_eq!(claimed(&read), entries, "{name}");
        assert_eq!(observed(&read), entries, "{name}");
        assert_eq!(inventory(&entries), sidecar.content_sha256, "{name}");
        assert_eq!(read.head.content_sha256, sidecar.content_sha256, "{name}");
        assert_eq!(read.audit.root, sidecar.zip_root, "{name}");
        assert_eq!(read.head.root_name, sidecar.zip_root, "{name}");
        assert_eq!(read.head.root_uri, sidecar.root_uri, "{name}");
        assert_eq!(read.head.kind, "openviking.ovpack", "{name}");
        assert_eq!(read.head.format_version, 2, "{name}");
        let members = u64::try_from(read.members.len()).expect("a count");
        assert_eq!(read.audit.members, members + 1, "{name}");
        let content: u64 = entries.values().map(|(_, size, _)| size).sum();
        assert_eq!(
            read.audit.unpacked_bytes,
            content + read.head.manifest_bytes,
            "{name}"
        );
        let reader = PackReader::open(&path, &Limits::default()).expect("a good pack");
        assert_eq!(reader.sha256().expect("read"), sidecar.pack_sha256);
        assert_eq!(reader.pack_bytes(), sidecar.pack_bytes);
    }
}

#[test]
fn the_manifest_of_a_subtree_is_read_whole() {
    let read = read(&fixture("v2flat-user-memories-vectors.ovpack")).expect("a good pack");
    assert_eq!(read.head.root_scope, "user");
    assert_eq!((read.head.package_type, read.head.scopes), (None, None));
    let records = &read.listed.records;
    let places: Vec<_> = records
        .iter()
        .map(|record| (record.path.as_str(), record.level))
        .collect();
    assert_eq!(
        places,
        [
            ("", 0),
            ("", 1),
            ("entities", 0),
            ("events", 0),
            ("preferences", 0),
            ("preferences/语言.md", 2)
        ]
    );
    let last = records.last().expect("a record");
    assert_eq!(last.text, None);
    assert_eq!(
        GivenScalars::whole(&last.scalars.kept, last.scalars.placed.as_deref())
            .map(serde_json::Value::Object)
            .expect("JSON"),
        json!({
            "abstract": "回答请用简体中文，代码注释用英文。\n",
            "context_type": "memory",
            "description": "语言.md — описание 描述",
            "level": 2,
            "name": "语言.md",
            "type": "file",
        })
    );
    let text =
        "preferences/: how to answer. entities/: people and projects. events/: dated decisions.";
    assert_eq!(
        records.get(1).and_then(|record| record.text.as_deref()),
        Some(text)
    );
}

#[test]
fn the_manifest_of_a_backup_lists_its_scopes() {
    let read = read(&fixture("v2flat-backup-full.ovpack")).expect("a good pack");
    assert_eq!(read.audit.root, "openviking-backup");
    assert_eq!(read.head.root_scope, "root");
    assert_eq!(read.head.package_type.as_deref(), Some("backup"));
    let mut scopes = read.head.scopes.expect("scopes");
    scopes.sort();
    assert_eq!(scopes, ["agent", "resources", "session", "user"]);
}

#[test]
fn two_members_of_one_path_are_both_given() {
    let read = read(&fixture("v2flat-collide-both.ovpack")).expect("read");
    let paths: Vec<_> = read.members.iter().map(|member| &*member.path).collect();
    assert_eq!(paths, ["", ".x", ".x"]);
    let ordinals: Vec<_> = read.members.iter().map(|member| member.ordinal).collect();
    assert_eq!(ordinals, [0, 1, 2]);
}

#[test]
fn a_name_that_looks_escaped_reads_as_the_name_that_it_stands_for() {
    let read = read(&fixture("v2flat-collide-escape-prefix.ovpack")).expect("read");
    let path = |text: &str| EntryPath::parse(text).expect("a path");
    let members: Vec<_> = read.members.iter().map(|m| m.path.clone()).collect();
    assert_eq!(members, [path(""), path(".x"), path("ok.txt")]);
    let entries: Vec<_> = read.listed.entries.iter().map(|e| e.path.clone()).collect();
    assert_eq!(entries, [path(""), path("_._x"), path("ok.txt")]);
}

#[test]
fn two_manifests_are_refused() {
    let read = read(&fixture("v2flat-collide-manifest-name.ovpack"));
    assert_eq!(rules_of(&read), [Rule::ManifestRepeated]);
}

#[test]
fn what_is_no_file_is_refused_by_name() {
    for (path, code) in [
        ("no-such.ovpack", "file-not-found"),
        ("v2flat-names.ovpack/below", "file-not-found"),
        ("", "not-a-file"),
    ] {
        let error = read(&fixture(path)).expect_err("no pack");
        assert_eq!(error.code(), code, "{path}");
    }
    let error = read(Utf8Path::new("/dev/null")).expect_err("no pack");
    assert!(matches!(error, Error::NotAFile { what: "device", .. }));
}
