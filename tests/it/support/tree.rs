//! Directory trees as values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use camino::Utf8Path;
use ovpack::Digest;

/// One name of a tree, with all that a stat tells and a digest of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) mode: u32,
    pub(crate) mtime_ns: i128,
}

/// What a name holds, apart from its modes and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Directory,
    File { size: u64, sha256: Digest },
    Other(String),
}

/// Paths below a directory (without the directory itself) and what they are.
pub(crate) type Tree = BTreeMap<String, Node>;

/// Reads the tree below `dir`; empty where there is none. Links are not followed.
pub(crate) fn tree(dir: &Utf8Path) -> Tree {
    let mut all = Tree::new();
    if dir.symlink_metadata().is_ok() {
        read(dir.as_std_path(), "", &mut all);
    }
    all
}

fn read(dir: &Path, prefix: &str, all: &mut Tree) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let stat = entry.path().symlink_metadata().unwrap();
        let content = if stat.is_dir() {
            read(&entry.path(), &format!("{path}/"), all);
            Content::Directory
        } else if stat.is_file() {
            let sha256 = Digest::of(&std::fs::read(entry.path()).unwrap());
            Content::File {
                size: stat.len(),
                sha256,
            }
        } else if let Ok(target) = std::fs::read_link(entry.path()) {
            Content::Other(format!("link to {}", target.display()))
        } else {
            Content::Other(format!("{:?}", stat.file_type()))
        };
        let mtime_ns = i128::from(stat.mtime()) * 1_000_000_000 + i128::from(stat.mtime_nsec());
        all.insert(
            path,
            Node {
                content,
                mode: stat.mode() & 0o7777,
                mtime_ns,
            },
        );
    }
}

/// Returns the tree without modes and times.
pub(crate) fn content(tree: &Tree) -> BTreeMap<String, Content> {
    tree.iter()
        .map(|(path, node)| (path.clone(), node.content.clone()))
        .collect()
}

/// Returns the part of a map at `path` (as `""`) and below it, relative to it.
pub(crate) fn below<T: Clone>(all: &BTreeMap<String, T>, path: &str) -> BTreeMap<String, T> {
    let prefix = format!("{path}/");
    all.iter()
        .filter_map(|(name, node)| {
            let relative = if name == path {
                ""
            } else {
                name.strip_prefix(&prefix)?
            };
            Some((relative.to_owned(), node.clone()))
        })
        .collect()
}

/// Asserts that two maps are equal; shows only where they differ.
#[track_caller]
pub(crate) fn assert_same<T: Debug + PartialEq>(
    actual: &BTreeMap<String, T>,
    expected: &BTreeMap<String, T>,
    what: &str,
) {
    let differences = differences(actual, expected);
    assert!(differences.is_empty(), "{what}:\n{differences}");
}

/// Lists where two maps differ, the first twenty places.
pub(crate) fn differences<T: Debug + PartialEq>(
    actual: &BTreeMap<String, T>,
    expected: &BTreeMap<String, T>,
) -> String {
    let names: BTreeSet<_> = actual.keys().chain(expected.keys()).collect();
    let differing: Vec<_> = names
        .into_iter()
        .filter(|name| actual.get(*name) != expected.get(*name))
        .collect();
    let mut text = String::new();
    for name in differing.iter().take(20) {
        let (found, wanted) = (actual.get(*name), expected.get(*name));
        writeln!(
            text,
            "  {name:?}\n    found    {found:?}\n    expected {wanted:?}"
        )
        .unwrap();
    }
    if differing.len() > 20 {
        writeln!(text, "  and {} more", differing.len() - 20).unwrap();
    }
    text
}
