//! Manifests as JSON: what is read, what is passed over, what is refused.

mod refusals;

use serde_json::json;

use super::zip_builder::{MANIFEST, pack_of, zip};
use super::{Listed, read_bytes, rules_of};
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::finding::{Finding, Rule};
use crate::pack::Layout;
use crate::pack::manifest::{IndexRecord, ManifestEntry, ManifestHead};
use crate::record::GivenScalars;

fn read(manifest: &[u8]) -> Result<(ManifestHead, Listed)> {
    let read = read_bytes(&zip(&pack_of(manifest)))?;
    Ok((read.head, read.listed))
}

/// The manifest with one more key, at the front.
fn with(key: &str, value: &str) -> String {
    let rest = MANIFEST.strip_prefix('{').expect("an object");
    format!("{{\"{key}\":{value},{rest}")
}

/// The manifest with this list of entries.
fn entries(list: &str) -> String {
    MANIFEST.replace("\"entries\":[]", &format!("\"entries\":[{list}]"))
}

fn refusal(manifest: &[u8]) -> (Rule, String) {
    match read(manifest) {
        Err(Error::Refused { report, .. }) => match report.findings.as_slice() {
            [Finding { rule, path, detail }] => {
                assert_eq!(path, "r/_._ovpack_manifest.json");
                (*rule, detail.clone())
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{}: {other:?}", String::from_utf8_lossy(manifest)),
    }
}

fn path(text: &str) -> EntryPath {
    EntryPath::parse(text).expect("a path")
}

#[test]
fn a_small_manifest_is_read() {
    let (head, listed) = read(MANIFEST.as_bytes()).expect("a manifest");
    assert_eq!(
        head,
        ManifestHead {
            kind: "openviking.ovpack".to_owned(),
            format_version: 2,
            layout: Layout::V2Flat,
            root_name: "r".to_owned(),
            root_uri: "viking://resources/r".to_owned(),
            root_scope: "resources".to_owned(),
            package_type: None,
            scopes: None,
            user_id: None,
            index: None,
            content_sha256: Digest::of(b"[]"),
            manifest_sha256: Digest::of(MANIFEST.as_bytes()),
            manifest_bytes: u64::try_from(MANIFEST.len()).expect("small"),
        }
    );
    assert!(listed.entries.is_empty() && listed.records.is_empty());
}

#[test]
fn entries_are_given_in_the_order_of_the_list() {
    let sha256 = "ABCDEF".repeat(10) + "0123";
    let list = format!(
        r#"{{"sha256":"{sha256}","size":9223372036854775807,"kind":"file","path":"b/\u00e9"}},
        {{"path":"","kind":"directory","unknown":{{"a":[1,2.5,null]}}}},
        {{"path":"a","kind":"directory","size":0}},
        {{"path":"a","kind":"file"}}"#
    );
    let (_, listed) = read(entries(&list).as_bytes()).expect("a manifest");
    let entry = |text: &str, kind, size_bytes, sha256| ManifestEntry {
        path: path(text),
        kind,
        size_bytes,
        sha256,
        user_id: None,
    };
    let size = u64::try_from(i64::MAX).ok();
    assert_eq!(
        listed.entries,
        [
            entry("b/é", EntryKind::File, size, sha256.parse().ok()),
            entry("", EntryKind::Directory, None, None),
            entry("a", EntryKind::Directory, Some(0), None),
            entry("a", EntryKind::File, None, None),
        ]
    );
}

#[test]
fn records_carry_portable_scalars_only() {
    let vectors = r#"{"a":[{"level":2,"id":"x","scalars":{"type":"file","uri":"viking://x",
        "tags":["a","b",1],"active_count":7,"abstract":null,"level":2}},
        {"level":0,"text":"t","scalars":null}],"":[{"level":1,"text":null,"scalars":{}}],"b":[]}"#;
    let (_, listed) = read(with("vectors", vectors).as_bytes()).expect("a manifest");
    let record = |text: &str, level, scalars: serde_json::Value, content: Option<&str>| {
        let serde_json::Value::Object(scalars) = scalars else {
            panic!("an object");
        };
        IndexRecord {
            path: path(text),
            level,
            scalars: GivenScalars::of(&scalars),
            text: content.map(ToOwned::to_owned),
            line: None,
        }
    };
    let scalars = json!({"type":"file","tags":["a","b",1],"abstract":null,"level":2});
    assert_eq!(
        listed.records,
        [
            record("a", 2, scalars, None),
            record("a", 0, json!({}), Some("t")),
            record("", 1, json!({}), None),
        ]
    );
}

#[test]
fn unknown_keys_are_passed_over_however_often_they_come() {
    let mut text = with("x", r#"{"x":[true,-1,1.5e3,"\ud83c\udf89",{"x":1,"x":2}]}"#);
    for (key, value) in [("x", "1"), ("index", "{}"), ("Kind", "null")] {
        let rest = text.trim().strip_prefix('{').expect("an object").to_owned();
        text = format!("\n\t{{ \"{key}\" :{value},{rest} \r\n");
    }
    assert!(read(text.as_bytes()).is_ok());
    let root = MANIFEST.replace("\"name\":", "\"user_id\":1,\"user_id\":2,\"name\":");
    assert!(read(root.as_bytes()).is_ok());
}

#[test]
fn paths_that_are_none_are_findings_and_the_rest_is_read() {
    let list = r#"{"path":"../a","kind":"file"},{"path":"ok","kind":"file"},
        {"path":"/b","kind":"directory"},{"path":"x/.relations.json","kind":"file"},
        {"path":"c:d","kind":"file"},{"path":"e\u0000","kind":"file"}"#;
    let vectors = r#"{"a\\b":[{"level":0}],"ok":[{"level":2}]}"#;
    let text = entries(list).replace("{\"kind\"", &format!("{{\"vectors\":{vectors},\"kind\""));
    let (_, listed) = read(text.as_bytes()).expect("a manifest");
    let found: Vec<_> = listed.findings.iter().map(|f| (f.rule, &*f.path)).collect();
    assert_eq!(
        found,
        [
            (Rule::NameBackslash, "a\\b"),
            (Rule::NameDotComponent, "../a"),
            (Rule::NameEmptyComponent, "/b"),
            (Rule::NameReserved, "x/.relations.json"),
            (Rule::NameDriveLetter, "c:d"),
            (Rule::NameControlCharacter, "e\0"),
        ]
    );
    assert_eq!(listed.entries.len(), 1);
    assert_eq!(listed.records.len(), 1);
}
