//! Live and staged trees: every entry below a directory, and one digest over all of them.
//!
//! A walk holds one directory open beside the root and keeps the directories that it has still to
//! list as rows of a scratch database, so that neither a million directories side by side nor 2,000
//! below each other need memory or descriptors. Nothing is followed: what is not a plain file or a
//! directory with a name that a pack can hold, on the root's own mount, is refused with its path.

mod ordered;
mod spread;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::db::{self, DatabaseContext as _};
use crate::digest::{Digest, Hasher};
use crate::entry_path::{EntryKind, EntryPath, PathFault, shown_name};
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind, Stat};

pub(crate) use ordered::{Ordered, walk_in_order};
pub(crate) use spread::walk_spread;

/// One file or directory that a walk came to.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// Its path: the walk's base, and below it the way from the root.
    pub(crate) path: &'a EntryPath,
    /// File or directory; nothing else is ever found.
    pub(crate) kind: EntryKind,
    /// What the file system says of it.
    pub(crate) stat: &'a Stat,
    /// The open directory that holds it; the root itself where `name` is empty.
    pub(crate) dir: &'a Dir,
    /// Its name in `dir`; empty for the root.
    pub(crate) name: &'a str,
}

/// Whether a walk goes on below what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descend {
    /// List it, where it is a directory.
    Below,
    /// Leave alone what is below it.
    Skip,
}

const SCHEMA: &str = "CREATE TABLE pending (id INTEGER PRIMARY KEY, below TEXT NOT NULL) STRICT;";

/// Visits the root, as `base`, and everything below it; a directory always before what it holds,
/// otherwise in any order. Names that vanish while the walk runs are not found.
///
/// `wrong` is asked about everything that no pack can hold: returning the error ends the walk,
/// returning nothing leaves that entry out. It is given [`Error::SpecialFile`],
/// [`Error::NameUnpackable`], [`Error::OtherDevice`], [`Error::FileChanging`] where a directory
/// vanished or became something else, and [`Error::Io`] where one cannot be opened or listed.
pub(crate) fn walk_from(
    root: &Dir,
    base: &EntryPath,
    visit: &mut dyn FnMut(&Found<'_>) -> Result<Descend>,
    wrong: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<()> {
    let mut walk = Walk {
        root,
        root_stat: root.stat()?,
        base,
        pending: Pending::new()?,
        visit,
        wrong,
    };
    let stat = walk.root_stat;
    let found = Found {
        path: base,
        kind: EntryKind::Directory,
        stat: &stat,
        dir: root,
        name: "",
    };
    if (walk.visit)(&found)? == Descend::Below {
        walk.list(root, "")?;
    }
    while let Some(below) = walk.pending.pop()? {
        match open(root, &below) {
            Ok(dir) => walk.list(&dir, &below)?,
            Err(error) => (walk.wrong)(error)?,
        }
    }
    Ok(())
}

struct Walk<'a> {
    root: &'a Dir,
    root_stat: Stat,
    base: &'a EntryPath,
    pending: Pending,
    visit: &'a mut dyn FnMut(&Found<'_>) -> Result<Descend>,
    wrong: &'a mut dyn FnMut(Error) -> Result<()>,
}

impl Walk<'_> {
    /// Visits what one directory holds; `below` is its path from the root.
    fn list(&mut self, dir: &Dir, below: &str) -> Result<()> {
        // What ends the walk must not be taken for a fault of the listing, which `wrong` may excuse.
        let mut ended = None;
        let listed = dir.each_name(&mut |name| {
            self.come_to(dir, below, name).map_err(|error| {
                ended = Some(error);
                Error::Interrupted
            })
        });
        match (ended, listed) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => (self.wrong)(error),
            (None, Ok(())) => Ok(()),
        }
    }

    fn come_to(&mut self, dir: &Dir, below: &str, name: &OsStr) -> Result<()> {
        let stat = match dir.stat_name(name) {
            Ok(Some(stat)) => stat,
            Ok(None) => return Ok(()),
            Err(error) => return (self.wrong)(error),
        };
        let (name, path) = match self.path_of(below, name) {
            Ok(named) => named,
            Err(fault) => {
                let path = dir.at(&shown_name(name.as_bytes())).into_string();
                let why = fault.to_string();
                return (self.wrong)(Error::NameUnpackable { path, why });
            }
        };
        let below = under(below, name);
        let kind = match stat.kind {
            FileKind::File => EntryKind::File,
            FileKind::Directory => EntryKind::Directory,
            FileKind::Symlink | FileKind::Fifo | FileKind::Socket | FileKind::Device => {
                let what = stat.kind.as_str();
                let path = self.root.at(&below);
                return (self.wrong)(Error::SpecialFile { path, what });
            }
        };
        if !stat.is_on_same_mount(&self.root_stat) {
            let path = self.root.at(&below);
            return (self.wrong)(Error::OtherDevice { path });
        }
        let found = Found {
            path: &path,
            kind,
            stat: &stat,
            dir,
            name,
        };
        if (self.visit)(&found)? == Descend::Below && kind == EntryKind::Directory {
            self.pending.push(&below)?;
        }
        Ok(())
    }

    /// Returns a name as text, and the path that is reported for it.
    fn path_of<'n>(&self, below: &str, name: &'n OsStr) -> Result<(&'n str, EntryPath), PathFault> {
        let name = name.to_str().ok_or(PathFault::NotUtf8)?;
        let path = EntryPath::parse(&under(self.base, &under(below, name)))?;
        Ok((name, path))
    }
}

/// Returns `above/below`; either may be empty.
fn under(above: &str, below: &str) -> String {
    match (above, below) {
        ("", only) | (only, "") => only.to_owned(),
        (above, below) => format!("{above}/{below}"),
    }
}

/// Opens a directory of the tree that was there a moment ago.
fn open(root: &Dir, below: &str) -> Result<Dir> {
    root.open_dir(below).map_err(|error| {
        if error.is_absent() {
            return Error::FileChanging {
                path: root.at(below),
            };
        }
        error
    })
}

/// The directories that are still to be listed, newest first.
struct Pending {
    connection: Connection,
}

impl Pending {
    fn new() -> Result<Self> {
        let connection = db::open_scratch(None, SCHEMA)?;
        Ok(Self { connection })
    }

    fn push(&self, below: &str) -> Result<()> {
        let mut statement = self
            .connection
            .prepare_cached("INSERT INTO pending (below) VALUES (?1)")
            .context("note a directory")?;
        statement
            .execute(params![below])
            .context("note a directory")?;
        Ok(())
    }

    fn pop(&self) -> Result<Option<String>> {
        let mut statement = self
            .connection
            .prepare_cached(
                "DELETE FROM pending WHERE id = (SELECT max(id) FROM pending) RETURNING below",
            )
            .context("choose a directory")?;
        statement
            .query_row([], |row| row.get(0))
            .optional()
            .context("choose a directory")
    }
}

/// The digest of a tree in the making: two trees have one digest exactly if they have the same
/// paths, kinds, permission bits, sizes and contents.
///
/// It is the SHA-256 of one line for each entry, sorted by path (bytes of its UTF-8), each a JSON
/// array without white space and ended by a newline: path, kind, permission bits as a decimal
/// number, size in bytes, and the SHA-256 in hex. Directories have size 0 and `null`:
///
/// ```text
/// ["","directory",493,0,null]
/// ["a/b","file",420,5,"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"]
/// ```
///
/// The form is recorded in journals: changing it would make every recorded tree look changed.
#[derive(Debug, Default)]
pub(crate) struct TreeDigest {
    hasher: Hasher,
    line: Vec<u8>,
}

impl TreeDigest {
    /// Takes the next entry in; the caller keeps the order. `sha256` is `None` for a directory.
    pub(crate) fn add(
        &mut self,
        path: &str,
        kind: EntryKind,
        mode: u32,
        size_bytes: u64,
        sha256: Option<&Digest>,
    ) -> Result<()> {
        self.line.clear();
        let row = (path, kind.as_str(), mode, size_bytes, sha256);
        serde_json::to_writer(&mut self.line, &row)
            .map_err(|source| Error::io("describe", path, source.into()))?;
        self.line.push(b'\n');
        self.hasher.update(&self.line);
        Ok(())
    }

    /// Returns the digest of all entries taken in.
    pub(crate) fn finish(self) -> Digest {
        self.hasher.finish()
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the trees that they walk"
)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;

    use camino::Utf8Path;

    use super::*;

    fn walk(root: &Dir, visit: &mut dyn FnMut(&Found<'_>) -> Result<()>) -> Result<()> {
        let mut visit = |found: &Found<'_>| visit(found).map(|()| Descend::Below);
        walk_from(root, &EntryPath::root(), &mut visit, &mut Err)
    }

    fn names(path: &std::path::Path) -> Result<BTreeMap<String, (EntryKind, u64)>> {
        let root = Dir::open(Utf8Path::from_path(path).expect("UTF-8"))?;
        let mut all = BTreeMap::new();
        walk(&root, &mut |found| {
            let again = found.dir.stat_at(found.name)?;
            assert_eq!(again.as_ref(), Some(found.stat), "{}", found.path);
            let parent = found.path.parent();
            assert!(parent.is_none_or(|above| all.contains_key(above.as_str())));
            all.insert(
                found.path.to_string(),
                (
                    found.kind,
                    if found.kind == EntryKind::File {
                        found.stat.size_bytes
                    } else {
                        0
                    },
                ),
            );
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn a_walk_finds_everything_below_the_root_with_its_parents_first() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(dir.path().join("a/empty")).expect("made");
        std::fs::write(dir.path().join("a/.hidden"), "12345").expect("written");
        std::fs::write(dir.path().join("naïve\n.txt"), "").expect("written");
        let directory = (EntryKind::Directory, 0);
        assert_eq!(
            names(dir.path()).expect("walked"),
            BTreeMap::from([
                (String::new(), directory),
                ("a".to_owned(), directory),
                ("a/.hidden".to_owned(), (EntryKind::File, 5)),
                ("a/empty".to_owned(), directory),
                ("naïve\n.txt".to_owned(), (EntryKind::File, 0)),
            ])
        );
    }

    #[test]
    fn a_tree_of_two_thousand_levels_is_walked() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = Dir::open(Utf8Path::from_path(dir.path()).expect("UTF-8")).expect("opened");
        let mut at = root.again().expect("opened");
        for _ in 0..2_000 {
            at.create_dir("d", 0o755).expect("made");
            at = at.open_dir("d").expect("opened");
        }
        let mut deepest = 0;
        walk(&root, &mut |found| {
            deepest = deepest.max(found.path.depth());
            Ok(())
        })
        .expect("walked");
        assert_eq!(deepest, 2_000);
        // Taken apart from above: a recursive removal would need a descriptor for each level.
        for _ in 1..2_000 {
            std::fs::rename(root.at("d/d"), root.at("e")).expect("moved");
            std::fs::remove_dir(root.at("d")).expect("removed");
            std::fs::rename(root.at("e"), root.at("d")).expect("moved");
        }
    }

    #[test]
    fn what_no_pack_can_hold_is_refused_with_its_path() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x");
        std::os::unix::fs::symlink("/", &path).expect("linked");
        assert!(matches!(
            names(dir.path()),
            Err(Error::SpecialFile { path, what: "symbolic link" }) if path.ends_with("x")
        ));
        std::fs::remove_file(&path).expect("removed");
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("bound");
        assert!(matches!(
            names(dir.path()),
            Err(Error::SpecialFile { what: "socket", .. })
        ));
        std::fs::remove_file(&path).expect("removed");
        let odd = OsStr::from_bytes(b"\xff.txt");
        std::fs::write(dir.path().join(odd), "").expect("written");
        assert!(matches!(
            names(dir.path()),
            Err(Error::NameUnpackable { path, .. }) if path.ends_with("/\\xff.txt")
        ));
        std::fs::remove_file(dir.path().join(odd)).expect("removed");
        std::fs::write(dir.path().join("a\\b"), "").expect("written");
        assert!(matches!(
            names(dir.path()),
            Err(Error::NameUnpackable { .. })
        ));
    }

    #[test]
    fn a_walk_may_go_on_after_what_is_wrong_and_skip_what_is_below() {
        let dir = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/", dir.path().join("link")).expect("linked");
        std::fs::create_dir_all(dir.path().join("skipped/below")).expect("made");
        std::fs::write(dir.path().join("file"), "").expect("written");
        let root = Dir::open(Utf8Path::from_path(dir.path()).expect("UTF-8")).expect("opened");
        let base = EntryPath::parse("resources").expect("a path");
        let (mut all, mut bad) = (Vec::new(), Vec::new());
        walk_from(
            &root,
            &base,
            &mut |found| {
                all.push(found.path.to_string());
                Ok(match found.name {
                    "skipped" => Descend::Skip,
                    _ => Descend::Below,
                })
            },
            &mut |error| {
                bad.push(error.code());
                Ok(())
            },
        )
        .expect("walked");
        all.sort();
        assert_eq!(all, ["resources", "resources/file", "resources/skipped"]);
        assert_eq!(bad, ["special-file"]);
    }

    #[test]
    fn the_visitor_ends_the_walk_with_its_own_error() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("file"), "").expect("written");
        let root = Dir::open(Utf8Path::from_path(dir.path()).expect("UTF-8")).expect("opened");
        let ended = walk(&root, &mut |found| match found.kind {
            EntryKind::Directory => Ok(()),
            EntryKind::File => Err(Error::FileChanging {
                path: found.dir.at(found.name),
            }),
        });
        assert!(matches!(ended, Err(Error::FileChanging { path }) if path.ends_with("file")));
    }

    #[test]
    fn a_mount_below_the_root_is_refused() {
        // /dev/shm or /dev/pts below /dev is a mount on every Linux that has them.
        let root = Dir::open(Utf8Path::new("/dev")).expect("opened");
        let mut bad = Vec::new();
        walk_from(
            &root,
            &EntryPath::root(),
            &mut |_| Ok(Descend::Below),
            &mut |error| {
                if let Error::OtherDevice { path } = error {
                    bad.push(path);
                }
                Ok(())
            },
        )
        .expect("walked");
        let expected = std::path::Path::new("/dev/pts").is_dir();
        assert_eq!(bad.contains(&"/dev/pts".into()), expected);
    }

    #[test]
    fn an_unreadable_directory_is_refused() {
        if rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("closed");
        std::fs::create_dir(&path).expect("made");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("closed");
        assert!(matches!(names(dir.path()), Err(Error::Io { .. })));
    }

    #[test]
    fn a_tree_digest_is_that_of_its_lines() {
        let mut digest = TreeDigest::default();
        let path = EntryPath::parse("a/q\"\u{1}é").expect_err("a control character");
        assert_eq!(path, PathFault::Control);
        let path = EntryPath::parse("a/q\"\té").expect("a path");
        digest
            .add(&EntryPath::root(), EntryKind::Directory, 0o755, 0, None)
            .expect("added");
        digest
            .add(
                &path,
                EntryKind::File,
                0o644,
                5,
                Some(&Digest::of(b"hello")),
            )
            .expect("added");
        let lines = "[\"\",\"directory\",493,0,null]\n[\"a/q\\\"\\té\",\"file\",420,5,\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"]\n";
        assert_eq!(digest.finish(), Digest::of(lines.as_bytes()));
    }
}
