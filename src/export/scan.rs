//! Which live files go into a pack, which stay out, and which cannot go.

use std::cell::RefCell;
use std::os::unix::ffi::OsStrExt as _;

use super::ExportOptions;
use super::left_out::{LeftOut, OmittedScope};
use super::rows::Rows;
use super::skipped::{Skipped, is_unreadable};
use crate::entry_path::{self, EntryKind, EntryPath, shown_name};
use crate::error::{Error, Result};
use crate::finding::{Finding, Rule};
use crate::fsops::{Dir, FileKind};
use crate::layout;
use crate::limits::Limits;
use crate::pack::{Layout, member_name};
use crate::tree::{self, Descend, Found};
use crate::unpack;
use crate::uri::{Scope, Uri};

/// What a path in the way of a layout that escapes says about the others.
pub(crate) const OTHER_LAYOUTS: &str = "v2 files and v3";

/// One listing of what a pack will hold.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) live: &'a Dir,
    /// The pack's root.
    pub(super) uri: &'a Uri,
    pub(super) options: &'a ExportOptions,
    pub(super) layout: Layout,
    /// For messages.
    pub(super) pack: &'a camino::Utf8Path,
    pub(super) rows: &'a Rows,
    pub(super) left_out: LeftOut,
    /// Written by the visitor of a walk and by what excuses its errors.
    pub(super) skipped: &'a RefCell<Skipped>,
    /// Members so far; from the beginning those that are no entries are among them.
    pub(super) members: u64,
}

impl Scan<'_> {
    /// Lists what is at the URI.
    pub(super) fn subtree(&mut self, root: &Dir) -> Result<()> {
        self.walk(root, &EntryPath::root())
    }

    /// Lists every scope that the layout carries; one that is missing is an empty directory. Says
    /// what else is beside them.
    pub(super) fn scopes(&mut self) -> Result<()> {
        self.add(&EntryPath::root(), EntryKind::Directory, 0)?;
        for scope in self.layout.backup_scopes() {
            let path = scope.path();
            match open_directory(self.live, &self.uri_of(&path)?) {
                Ok(root) => self.walk(&root, &path)?,
                Err(Error::UriNotFound { .. }) => self.add(&path, EntryKind::Directory, 0)?,
                Err(error) => return Err(error),
            }
        }
        let left_out = &mut self.left_out;
        self.live.each_name(&mut |name| {
            let name = shown_name(name.as_bytes());
            // An adopted store's own directory is no content that anybody could miss.
            if Scope::from_name(&name).is_none() && name != layout::CONTROL {
                left_out.add(format!("{}{name}", Uri::root()));
            }
            Ok(())
        })
    }

    /// Counts what the scopes hold that the layout does not carry; those that hold nothing are not
    /// listed. What no pack can hold is not counted.
    pub(super) fn omitted(&self) -> Result<Vec<OmittedScope>> {
        let carried = self.layout.backup_scopes();
        let mut omitted = Vec::new();
        for scope in Scope::ALL.iter().filter(|scope| !carried.contains(scope)) {
            let path = scope.path();
            let uri = self.uri_of(&path)?;
            let root = match open_directory(self.live, &uri) {
                Ok(root) => root,
                Err(Error::UriNotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            let mut found = OmittedScope::of(uri);
            tree::walk_from(
                &root,
                &path,
                &mut |entry| {
                    self.options.control.ensure_not_interrupted()?;
                    found.count(entry);
                    Ok(Descend::Below)
                },
                &mut |_| Ok(()),
            )?;
            if found.files > 0 || found.directories > 1 {
                omitted.push(found);
            }
        }
        Ok(omitted)
    }

    fn walk(&mut self, root: &Dir, base: &EntryPath) -> Result<()> {
        let (skips, skipped) = (self.options.skip_special, self.skipped);
        tree::walk_from(root, base, &mut |found| self.come_to(found), &mut |error| {
            if skips {
                skipped.borrow_mut().add_error(error)
            } else {
                Err(error)
            }
        })
    }

    fn come_to(&mut self, found: &Found<'_>) -> Result<Descend> {
        self.options.control.ensure_not_interrupted()?;
        if !found.path.is_root() && self.is_left_out(found) {
            self.left_out.add(shown(self.uri, found.path));
            return Ok(Descend::Skip);
        }
        if let Some(why) = self.why_skipped(found) {
            let path = found.dir.at(found.name);
            self.skipped.borrow_mut().add(path, why);
            return Ok(Descend::Skip);
        }
        self.ensure_packable(found)?;
        let bytes = match found.kind {
            EntryKind::Directory => 0,
            EntryKind::File => found.stat.size_bytes,
        };
        self.add(found.path, found.kind, bytes)?;
        if found.kind == EntryKind::File {
            self.options.control.advance(1, bytes);
        }
        Ok(Descend::Below)
    }

    fn is_left_out(&self, found: &Found<'_>) -> bool {
        let live = self.uri.path().join(found.path);
        self.layout.place().is_reserved(found.name)
            || (found.kind == EntryKind::File && unpack::is_left_out(&live))
    }

    /// Returns why a file or directory is skipped at the caller's wish; a root never is.
    fn why_skipped(&self, found: &Found<'_>) -> Option<String> {
        if !self.options.skip_special || found.name.is_empty() {
            return None;
        }
        if let Err(Error::NameUnpackable { why, .. }) = self.ensure_packable(found) {
            return Some(why);
        }
        is_unreadable(found).then(|| "it may not be read".to_owned())
    }

    /// Refuses a name that our own reader would refuse, or read as another one.
    fn ensure_packable(&self, found: &Found<'_>) -> Result<()> {
        match member_name::content_name("", found.path, self.layout.place()) {
            Ok(_) => Ok(()),
            Err(fault) => Err(Error::NameUnpackable {
                path: shown(self.uri, found.path),
                why: format!("{fault} ({OTHER_LAYOUTS})"),
            }),
        }
    }

    fn add(&mut self, path: &EntryPath, kind: EntryKind, bytes: u64) -> Result<()> {
        self.members = self.members.saturating_add(1);
        let limit = Limits::default().members;
        if self.members > limit {
            let detail = format!(
                "the tree has at least {limit} files and directories, more than a pack may have members"
            );
            let finding = Finding::new(Rule::TooManyMembers, "", detail);
            return Err(Error::refused(self.pack, finding));
        }
        self.rows.list(path, kind, bytes)
    }

    fn uri_of(&self, path: &EntryPath) -> Result<Uri> {
        self.uri.join(path).map_err(|fault| Error::InvalidUri {
            text: shown(self.uri, path),
            fault,
        })
    }
}

/// Returns the URI of an entry for a message; also of one that is too long to be a URI.
fn shown(uri: &Uri, path: &EntryPath) -> String {
    match (uri.is_root(), path.is_root()) {
        (_, true) => uri.to_string(),
        (true, _) => format!("{uri}{path}"),
        _ => format!("{uri}/{path}"),
    }
}

/// Opens the directory at a URI, without following a link on the way.
///
/// # Errors
/// [`Error::UriNotFound`], [`Error::WrongEntryKind`] for a file, [`Error::SymlinkOnPath`],
/// [`Error::SpecialFile`], [`Error::OtherDevice`] where it lies behind a mount.
pub(super) fn open_directory(live: &Dir, uri: &Uri) -> Result<Dir> {
    let below = uri.path().as_str();
    let not_found = || Error::UriNotFound { uri: uri.clone() };
    let path = live.at(below);
    let stat = live.stat_at(below)?.ok_or_else(not_found)?;
    match stat.kind {
        FileKind::Directory if !stat.is_on_same_mount(&live.stat()?) => {
            Err(Error::OtherDevice { path })
        }
        FileKind::Directory => live.open_dir(below),
        FileKind::File => Err(Error::WrongEntryKind {
            uri: uri.clone(),
            expected: "directory",
        }),
        FileKind::Symlink => Err(Error::SymlinkOnPath { path }),
        FileKind::Fifo | FileKind::Socket | FileKind::Device => Err(Error::SpecialFile {
            path,
            what: stat.kind.as_str(),
        }),
    }
}

/// Refuses a ROOT that our own reader would refuse. ROOT is never escaped.
pub(crate) fn ensure_root_packable(uri: &Uri, root: &str, layout: Layout) -> Result<()> {
    let why = match entry_path::check(root) {
        Err(fault) => fault.to_string(),
        Ok(()) if layout.place().is_reserved(root) => "it is a reserved name".to_owned(),
        Ok(()) => return Ok(()),
    };
    let path = uri.to_string();
    Err(Error::NameUnpackable { path, why })
}
