//! Both sides of a pack beside one another: what its manifest lists and what its members are.
//!
//! In a sound pack they are the same list. One walk over both in the order of paths tells that, and
//! with it that every rule that compares the two sides, or asks that a side lists a path once, is
//! kept; those need not be asked one by one then. Where anything differs, all of them are asked, and
//! say what it is.

use rusqlite::{Row, Rows};

use super::Staging;
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::Result;
use crate::finding::Rule;
use crate::pack::inventory::InventoryHasher;

/// What the walk tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    /// Digest of the inventory as the entries have it; `None` where an entry is not complete or has
    /// no valid path, which is a finding already.
    pub(super) inventory: Option<Digest>,
    /// Both sides list the same: each path once, of one kind, a file with one size and a digest, the
    /// root as a directory, and nothing below a file.
    pub(super) is_matched: bool,
    /// Both sides match, and list each directory that something is in.
    pub(super) is_closed: bool,
}

/// Rules that are kept where both sides match.
const fn is_told_by_match(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::MemberRepeated
            | Rule::FileAsDirectory
            | Rule::EntryRepeated
            | Rule::EntryIncomplete
            | Rule::FileMissing
            | Rule::FileUnexpected
            | Rule::DirectoryMissing
            | Rule::DirectoryUnexpected
            | Rule::FileSize
    )
}

const ENTRIES: &str = "SELECT path, kind, bytes, sha256 FROM manifest_entry ORDER BY path, kind";
const MEMBERS: &str = "SELECT path, kind, bytes FROM member ORDER BY path, kind, ordinal";

impl Staging {
    /// Returns whether a rule need not be asked: the walk over both sides told that it is kept, or,
    /// of bytes, that all files have the digests of the manifest.
    pub(crate) fn keeps(&self, rule: Rule) -> Result<bool> {
        if is_told_by_match(rule) && self.is_matched.get() {
            return Ok(rule != Rule::FileSize || !self.has_observed()?);
        }
        Ok(rule == Rule::FileDigest && !self.has_observed()?)
    }

    fn has_observed(&self) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM observed)";
        self.connection
            .query_row(query, [], |row| row.get(0))
            .context("read observed files")
    }

    /// Walks both sides; their indexes must be there.
    pub(super) fn compare_sides(&self) -> Result<Sides> {
        let action = "read staged entries";
        let found =
            self.connection()
                .query_row("SELECT EXISTS (SELECT 1 FROM finding)", [], |row| {
                    row.get(0)
                });
        if found.context(action)? {
            return Ok(Sides {
                inventory: None,
                is_matched: false,
                is_closed: false,
            });
        }
        let mut entries = self.connection().prepare(ENTRIES).context(action)?;
        let mut members = self.connection().prepare(MEMBERS).context(action)?;
        let entries = entries.query([]).context(action)?;
        let members = members.query([]).context(action)?;
        walk(entries, members).context(action)
    }
}

fn walk(mut entries: Rows<'_>, mut members: Rows<'_>) -> rusqlite::Result<Sides> {
    let mut inventory = Some(InventoryHasher::new());
    let mut order = Order::default();
    let mut is_matched = true;
    while let Some(entry) = entries.next()? {
        let path = text(entry, 0)?;
        let is_file = text(entry, 1)? == "file";
        let (bytes, sha256) = (
            entry.get::<_, Option<i64>>(2)?,
            entry.get::<_, Option<Digest>>(3)?,
        );
        if is_matched {
            is_matched = order.takes(path, is_file)
                && (!is_file || (bytes.is_some() && sha256.is_some()))
                && match members.next()? {
                    Some(member) => is_same(member, path, is_file, bytes)?,
                    None => false,
                };
        }
        if is_file {
            match (&mut inventory, bytes, sha256) {
                (Some(hasher), Some(bytes), Some(sha256)) => {
                    hasher.add(path, &sha256, u64::try_from(bytes).unwrap_or(0));
                }
                _ => inventory = None,
            }
        }
    }
    let is_matched = is_matched && order.has_root && members.next()?.is_none();
    Ok(Sides {
        inventory: inventory.map(InventoryHasher::finish),
        is_matched,
        is_closed: is_matched && !order.has_orphans,
    })
}

fn is_same(
    member: &Row<'_>,
    path: &str,
    is_file: bool,
    bytes: Option<i64>,
) -> rusqlite::Result<bool> {
    Ok(text(member, 0)? == path
        && (text(member, 1)? == "file") == is_file
        && (!is_file || Some(member.get::<_, i64>(2)?) == bytes))
}

fn text<'r>(row: &'r Row<'_>, at: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(at)?.as_str()?)
}

/// Paths as they come, each larger than the one before it.
#[derive(Debug, Default)]
struct Order {
    /// The last path.
    last: String,
    /// Lengths of those beginnings of the last path that were paths themselves, and whether they are
    /// files: in the order of paths, nothing comes between a path and those that begin with it.
    begins: Vec<(usize, bool)>,
    has_root: bool,
    has_any: bool,
    /// Whether the directory of a path was not among the paths before it.
    has_orphans: bool,
}

impl Order {
    /// Takes the next path; returns whether it may come there: it is larger than the last, and no
    /// file is above it.
    fn takes(&mut self, path: &str, is_file: bool) -> bool {
        if path.is_empty() {
            self.has_root = !is_file && !self.has_any;
            self.has_any = true;
            return self.has_root;
        }
        self.has_any = true;
        if path <= self.last.as_str() {
            return false;
        }
        let last = &self.last;
        let begins_as_last = |length: usize| {
            let begin = last.as_bytes().get(..length);
            begin.is_some() && begin == path.as_bytes().get(..length)
        };
        while let Some((length, _)) = self.begins.last() {
            if begins_as_last(*length) {
                break;
            }
            self.begins.pop();
        }
        let is_below_file = self
            .begins
            .iter()
            .any(|(length, is_file)| *is_file && path.as_bytes().get(*length) == Some(&b'/'));
        let has_parent = path.rfind('/').is_none_or(|parent_bytes| {
            let mut begins = self.begins.iter().rev();
            begins.any(|(length, _)| *length == parent_bytes)
        });
        self.has_orphans |= !has_parent;
        self.begins.push((path.len(), is_file));
        self.last.clear();
        self.last.push_str(path);
        !is_below_file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes_all(paths: &[(&str, bool)]) -> bool {
        let mut order = Order::default();
        paths
            .iter()
            .all(|(path, is_file)| order.takes(path, *is_file))
    }

    #[test]
    fn a_directory_that_nobody_lists_is_seen() {
        let has_orphans = |paths: &[(&str, bool)]| {
            let mut order = Order::default();
            for (path, is_file) in paths {
                order.takes(path, *is_file);
            }
            order.has_orphans
        };
        let (root, a) = (("", false), ("a", false));
        assert!(!has_orphans(&[
            root,
            a,
            ("a/b", false),
            ("a/b/c", true),
            ("b", true)
        ]));
        assert!(!has_orphans(&[root, a, ("a!", true), ("a/b", true)]));
        assert!(has_orphans(&[root, ("a/b", true)]));
        assert!(has_orphans(&[root, a, ("a/b/c", true)]));
        assert!(
            has_orphans(&[root, ("a!", false), ("a/b", true)]),
            "a! is no a"
        );
    }

    #[test]
    fn paths_grow_and_nothing_is_below_a_file() {
        assert!(takes_all(&[
            ("", false),
            ("a", false),
            ("a/b", true),
            ("b", true)
        ]));
        assert!(takes_all(&[
            ("", false),
            ("a", true),
            ("a!", true),
            ("ab/c", true)
        ]));
        assert!(
            !takes_all(&[("", false), ("a", true), ("a", true)]),
            "twice"
        );
        assert!(!takes_all(&[("", true)]), "the root is a directory");
        assert!(!takes_all(&[("", false), ("", false)]), "the root twice");
        assert!(!takes_all(&[("", false), ("a", true), ("a/b", true)]));
        let between = [("", false), ("a", true), ("a!", true), ("a!/x", true)];
        assert!(!takes_all(&between), "below a!");
        let far = [
            ("", false),
            ("a", true),
            ("a!", false),
            ("a!/x", true),
            ("a/b/c", true),
        ];
        assert!(!takes_all(&far), "below a, with others between");
        let deep = [
            ("", false),
            ("a", false),
            ("a/b", true),
            ("a/b.c", true),
            ("a/b/c", true),
        ];
        assert!(!takes_all(&deep));
        assert!(takes_all(&[
            ("", false),
            ("a/b", true),
            ("ab", false),
            ("ab/b", true)
        ]));
    }
}
