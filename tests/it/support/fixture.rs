//! The packs of `fixtures/`, written by OpenViking itself, and what is known of each.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::Layout;
use serde_json::Value;

use super::Content;

/// One pack and its sidecar.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) pack: Utf8PathBuf,
    /// The whole tree, without the root itself.
    pub(crate) expected: BTreeMap<String, Content>,
    pub(crate) root_uri: String,
    /// Where the sidecar says to import it; `None` for a backup.
    pub(crate) parent: Option<String>,
    /// The name of its ZIP root.
    pub(crate) leaf: String,
    /// Whether its own producer can read it.
    pub(crate) ok: bool,
    pub(crate) content_sha256: String,
    pub(crate) layout: Layout,
}

impl Fixture {
    /// Returns the path below the live root where the pack puts its root; `""` for a backup.
    pub(crate) fn target(&self) -> String {
        match self.parent.as_deref() {
            None => String::new(),
            Some("viking://") => self.leaf.clone(),
            Some(parent) => format!("{}/{}", parent.trim_start_matches("viking://"), self.leaf),
        }
    }
}

/// Returns the fixture of that name, without `v2flat-`.
pub(crate) fn fixture(name: &str) -> Fixture {
    let name = format!("v2flat-{name}");
    read(&directory().join(format!("{name}.json")))
}

/// Returns all fixtures, of every layout.
pub(crate) fn fixtures() -> Vec<Fixture> {
    let mut all: Vec<_> = directory()
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| {
            entry.file_name() != "vectors.json" && entry.path().extension() == Some("json")
        })
        .map(|entry| read(entry.path()))
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(all.len(), 33, "the fixtures are there");
    all
}

fn directory() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn read(sidecar: &Utf8Path) -> Fixture {
    let value: Value = serde_json::from_slice(&std::fs::read(sidecar).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let expected = value["expected"].as_array().unwrap().iter();
    let reference = &value["reference_import"];
    Fixture {
        name: sidecar.file_stem().unwrap().to_owned(),
        pack: sidecar.with_extension("ovpack"),
        expected: expected
            .map(|entry| (text(&entry["path"]), content(entry)))
            .collect(),
        root_uri: text(&value["root_uri"]),
        parent: reference["parent"].as_str().map(str::to_owned),
        leaf: text(&value["zip_root"]),
        ok: reference["ok"].as_bool().unwrap(),
        content_sha256: text(&value["content_sha256"]),
        layout: match value["layout"].as_str() {
            Some("v2flat") => Layout::V2Flat,
            Some("v2files") => Layout::V2Files,
            Some("v3") => Layout::V3,
            other => panic!("{other:?}"),
        },
    }
}

fn content(entry: &Value) -> Content {
    match entry["kind"].as_str() {
        Some("directory") => Content::Directory,
        Some("file") => Content::File {
            size: entry["size"].as_u64().unwrap(),
            sha256: entry["sha256"].as_str().unwrap().parse().unwrap(),
        },
        other => panic!("{other:?}"),
    }
}
