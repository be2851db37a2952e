//! Live and staged trees: every entry below a directory, and one digest over all of them.
//!
//! A walk holds one directory open beside the root and keeps the directories that it has still to
//! list as rows of a scratch database, so that neither a million directories side by side nor 2,000
//! below each other need memory or descriptors. Nothing is followed: what is not a plain file or a
//! directory with a name that a pack can hold, on the root's own mount, is refused with its path.

use std::ffi::OsStr;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::db::{self, DatabaseContext as _};
use crate::digest::{Digest, Hasher};
use crate::entry_path::{EntryKind, EntryPath, PathFault};
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind, Stat, is_absent};

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

/// Visits the root (path `""`) and everything below it; a directory always before what it holds.
///
/// # Errors
/// As [`walk_from`] reports them; the first one ends the walk.
pub(crate) fn walk(root: &Dir, visit: &mut dyn FnMut(&Found<'_>) -> Result<()>) -> Result<()> {
    walk_from(
        root,
        &EntryPath::root(),
        &mut |found| visit(found).map(|()| Descend::Below),
        &mut Err,
    )
}

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
                let path = dir.at(&name.to_string_lossy()).into_string();
                let why = fault.to_string();
                return (self.wrong)(Error::NameUnpackable { path, why });
            }
        };
        let below = under(below, name);
        let shown = self.root.at(&below);
        let kind = match stat.kind {
            FileKind::File => EntryKind::File,
            FileKind::Directory => EntryKind::Directory,
            FileKind::Symlink | FileKind::Fifo | FileKind::Socket | FileKind::Device => {
                let what = stat.kind.as_str();
                return (self.wrong)(Error::SpecialFile { path: shown, what });
            }
        };
        if !stat.is_on_same_mount(&self.root_stat) {
            return (self.wrong)(Error::OtherDevice { path: shown });
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
    root.open_dir(below).map_err(|error| match error {
        Error::Io { source, .. } if is_absent(&source) => Error::FileChanging {
            path: root.at(below),
        },
        other => other,
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
        path: &EntryPath,
        kind: EntryKind,
        mode: u32,
        size_bytes: u64,
        sha256: Option<&Digest>,
    ) -> Result<()> {
        self.line.clear();
        let row = (path.as_str(), kind.as_str(), mode, size_bytes, sha256);
        serde_json::to_writer(&mut self.line, &row)
            .map_err(|source| Error::io("describe", path.as_str(), source.into()))?;
        self.line.push(b'\n');
        self.hasher.update(&self.line);
        Ok(())
    }

    /// Returns the digest of all entries taken in.
    pub(crate) fn finish(self) -> Digest {
        self.hasher.finish()
    }
}
