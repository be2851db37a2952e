//! A walk in the order of a tree's digest: by path, as bytes.
//!
//! A directory `a` stands before `a-b`, and what it holds behind that, at `a/`: so a directory has
//! two places among its siblings, one for itself and one for what is below it.

use super::{open, under};
use crate::entry_path::{EntryPath, PATH_BYTES_MAX};
use crate::error::Result;
use crate::fsops::{Dir, FileKind, Stat};

/// Most names that are held at once: those of the directory that is listed, and what is left to visit
/// in the directories above it. At some 150 bytes each they fit beside all else that an act holds.
const NAMES_HELD: usize = 150_000;

/// An entry of a plain tree.
#[derive(Debug)]
pub(crate) struct Ordered {
    /// Its path below the root.
    pub(crate) below: EntryPath,
    /// What the file system says of it: a file or a directory.
    pub(crate) stat: Stat,
}

/// One name in a directory that is still to be visited, or what lies below it.
struct Place {
    /// The name; with a `/` behind it where it stands for what lies below.
    key: Box<str>,
    /// `None` for what lies below.
    stat: Option<Stat>,
}

/// A directory on the way, and its places from the last to the first.
struct Level {
    below: String,
    places: Vec<Place>,
}

/// Visits the root and everything below it in the order of the digest. Names that vanish meanwhile are
/// not found. Returns false, and stops, where the tree has what no pack can hold, at `base` and below,
/// or more names side by side than are held.
pub(crate) fn walk_in_order(
    root: &Dir,
    base: &EntryPath,
    visit: &mut dyn FnMut(Ordered) -> Result<()>,
) -> Result<bool> {
    let walk = Walk {
        root_stat: root.stat()?,
        base,
    };
    let below = EntryPath::root();
    let stat = walk.root_stat;
    visit(Ordered { below, stat })?;
    let mut held = 0;
    let Some(first) = walk.list(root, String::new(), &mut held)? else {
        return Ok(false);
    };
    let mut levels = vec![first];
    while let Some(level) = levels.last_mut() {
        let Some(place) = level.places.pop() else {
            levels.pop();
            continue;
        };
        held -= 1;
        let below = under(
            &level.below,
            place.key.strip_suffix('/').unwrap_or(&place.key),
        );
        if let Some(stat) = place.stat {
            let Some(below) = walk.path_of(&below) else {
                return Ok(false);
            };
            visit(Ordered { below, stat })?;
        } else {
            // What is visited must not be held while others are listed.
            if level.places.len() < level.places.capacity() / 2 {
                level.places.shrink_to_fit();
            }
            let dir = open(root, &below)?;
            match walk.list(&dir, below, &mut held)? {
                Some(level) => levels.push(level),
                None => return Ok(false),
            }
        }
    }
    Ok(true)
}

struct Walk<'a> {
    root_stat: Stat,
    base: &'a EntryPath,
}

impl Walk<'_> {
    /// Lists one directory; `None` where not everything in it is plain, or it is too much.
    fn list(&self, dir: &Dir, below: String, held: &mut usize) -> Result<Option<Level>> {
        let mut places = Vec::new();
        let mut is_plain = true;
        dir.each_name(&mut |name| {
            if !is_plain || *held > NAMES_HELD {
                return Ok(());
            }
            let Some(stat) = dir.stat_name(name)? else {
                return Ok(());
            };
            let is_directory = stat.kind == FileKind::Directory;
            let is_known = is_directory || stat.kind == FileKind::File;
            let Some(name) = name.to_str().filter(|_| is_known) else {
                is_plain = false;
                return Ok(());
            };
            is_plain = stat.is_on_same_mount(&self.root_stat);
            places.push(Place {
                key: name.into(),
                stat: Some(stat),
            });
            if is_directory {
                places.push(Place {
                    key: [name, "/"].concat().into(),
                    stat: None,
                });
            }
            *held += 1 + usize::from(is_directory);
            Ok(())
        })?;
        places.sort_unstable_by(|a, b| b.key.cmp(&a.key));
        let is_taken = is_plain && *held <= NAMES_HELD;
        Ok(is_taken.then_some(Level { below, places }))
    }

    /// Returns a path below the root, where a pack could hold it with the base above it.
    fn path_of(&self, below: &str) -> Option<EntryPath> {
        // The base was checked before, so that only the length of both may be too much.
        let above = self.base.len() + usize::from(!self.base.is_root());
        let is_short = above + below.len() <= PATH_BYTES_MAX || below.is_empty();
        EntryPath::parse(below).ok().filter(|_| is_short)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the trees that they walk"
)]
mod tests {
    use camino::Utf8Path;

    use super::super::{Descend, walk_from};
    use super::*;

    /// Makes something odd at a path.
    type Make = (&'static str, fn(&std::path::Path));

    fn walked(path: &std::path::Path, base: &str) -> Option<Vec<(String, Stat)>> {
        let root = Dir::open(Utf8Path::from_path(path).expect("UTF-8")).expect("opened");
        let base = EntryPath::parse(base).expect("a path");
        let mut all = Vec::new();
        let is_whole = walk_in_order(&root, &base, &mut |entry| {
            all.push((entry.below.to_string(), entry.stat));
            Ok(())
        });
        is_whole.expect("walked").then_some(all)
    }

    #[test]
    fn entries_come_by_the_bytes_of_their_paths_and_are_those_of_any_walk() {
        let dir = tempfile::tempdir().expect("a directory");
        for path in ["a", "a/b", "a/b/\t", "a-b", "a0/a", "é/e", "z/a.d/x"] {
            std::fs::create_dir_all(dir.path().join(path)).expect("made");
        }
        for path in [
            "a/b/c", "a.txt", "a/b.c", "a/b-c", "a-b/x", "a0/a/!", ".h", "é/é",
        ] {
            std::fs::write(dir.path().join(path), path).expect("written");
        }
        let found = walked(dir.path(), "").expect("a plain tree");
        let root = Dir::open(Utf8Path::from_path(dir.path()).expect("UTF-8")).expect("opened");
        let mut expected = Vec::new();
        walk_from(
            &root,
            &EntryPath::root(),
            &mut |found| {
                expected.push((found.path.to_string(), *found.stat));
                Ok(Descend::Below)
            },
            &mut Err,
        )
        .expect("walked");
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found, expected);
        assert_eq!(found.len(), 20);
    }

    #[test]
    fn what_no_pack_can_hold_ends_the_walk() {
        let odd: [Make; 3] = [
            ("link", |path| {
                std::os::unix::fs::symlink("/", path).expect("linked");
            }),
            ("a\\b", |path| std::fs::write(path, "").expect("written")),
            ("a\u{1}b", |path| std::fs::write(path, "").expect("written")),
        ];
        for (name, make) in odd {
            let dir = tempfile::tempdir().expect("a directory");
            std::fs::create_dir(dir.path().join("d")).expect("made");
            assert!(walked(dir.path(), "").is_some());
            make(&dir.path().join("d").join(name));
            assert_eq!(walked(dir.path(), ""), None, "{name}");
        }
    }

    #[test]
    fn a_path_that_is_too_long_only_with_its_base_ends_the_walk() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("d")).expect("made");
        let base = |depth: usize| vec!["x".repeat(255); depth].join("/");
        assert!(walked(dir.path(), &base(15)).is_some());
        assert_eq!(walked(dir.path(), &base(16)), None);
    }

    #[test]
    fn more_names_than_are_held_end_the_walk() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = Dir::open(Utf8Path::from_path(dir.path()).expect("UTF-8")).expect("opened");
        std::fs::write(dir.path().join("file"), "").expect("written");
        let walk = Walk {
            root_stat: root.stat().expect("asked"),
            base: &EntryPath::root(),
        };
        let list = |mut held| {
            let listed = walk.list(&root, String::new(), &mut held);
            listed.expect("listed").is_some()
        };
        assert!(list(NAMES_HELD - 1));
        assert!(!list(NAMES_HELD));
    }
}
