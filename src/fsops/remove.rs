//! Removal of a whole tree, by descriptors, without following a link or crossing a mount.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use camino::Utf8PathBuf;
use rustix::fs::{self, AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{CALL_PATH_BYTES, Dir, FileKind, Stat};
use crate::entry_path::shown_name;
use crate::error::{Error, Result};
use crate::fault;

/// Names of one directory that are held.
const NAMES_AT_ONCE: usize = 500;
const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Dir {
    /// Removes a name and all below it. What is not there counts as removed.
    ///
    /// Directories that cannot be written in are made so first: the tree is ours to delete. One
    /// descriptor is open at a time, however deep the tree is: a tree may be deeper than a process
    /// may have files open, and one that cannot be removed would stay for ever.
    pub(crate) fn remove_tree(&self, name: &str) -> Result<()> {
        let top = self.stat()?;
        let mut way = vec![OsString::from(name)];
        while let Some((name, above)) = way.split_last() {
            let parent = open_way(self, above)?;
            match remove(&parent, name, &top)? {
                None => {
                    way.pop();
                }
                Some(below) => way.push(below),
            }
        }
        Ok(())
    }
}

/// Removes a name and the files in it. Where it holds a directory, it stays, and that is returned.
fn remove(dir: &Dir, name: &OsStr, top: &Stat) -> Result<Option<OsString>> {
    let Some(stat) = ensure_ours(dir, name, top)? else {
        return Ok(None);
    };
    if stat.kind != FileKind::Directory {
        unlink(dir, name)?;
        return Ok(None);
    }
    let this = open_name(dir, name)?;
    if stat.mode & 0o700 != 0o700 {
        this.set_mode(0o700)?;
    }
    loop {
        let children = some_names(&this)?;
        if children.is_empty() {
            let removed = fault::step("rmdir")
                .and_then(|()| Ok(fs::unlinkat(dir.fd(), name, AtFlags::REMOVEDIR)?));
            removed.map_err(|source| Error::io("remove directory", shown(dir, name), source))?;
            return Ok(None);
        }
        for child in children {
            match ensure_ours(&this, &child, top)? {
                Some(stat) if stat.kind == FileKind::Directory => return Ok(Some(child)),
                Some(_) => unlink(&this, &child)?,
                None => {}
            }
        }
    }
}

fn ensure_ours(dir: &Dir, name: &OsStr, top: &Stat) -> Result<Option<Stat>> {
    match dir.stat_name(name)? {
        Some(stat) if !stat.is_on_same_mount(top) => Err(Error::OtherDevice {
            path: shown(dir, name),
        }),
        stat => Ok(stat),
    }
}

fn unlink(dir: &Dir, name: &OsStr) -> Result<()> {
    let removed =
        fault::step("unlink").and_then(|()| Ok(fs::unlinkat(dir.fd(), name, AtFlags::empty())?));
    removed.map_err(|source| Error::io("remove", shown(dir, name), source))
}

/// Returns the first names of a directory: all of them might not fit in memory, and listing on
/// while they are removed may pass some over.
fn some_names(dir: &Dir) -> Result<Vec<OsString>> {
    let failed = |source: Errno| Error::io("list", dir.path(), source.into());
    let mut names = Vec::new();
    for entry in fs::Dir::read_from(dir.fd()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
        if names.len() >= NAMES_AT_ONCE {
            break;
        }
    }
    Ok(names)
}

/// Opens the directory that the names lead to, many of them with one call where the kernel can.
fn open_way(top: &Dir, way: &[OsString]) -> Result<Dir> {
    let mut dir = top.again()?;
    let mut rest = way;
    while !rest.is_empty() {
        let mut bytes = 0_usize;
        let fit = rest.iter().take_while(|name| {
            bytes = bytes.saturating_add(name.len()).saturating_add(1);
            bytes <= CALL_PATH_BYTES
        });
        let (near, far) = rest.split_at(fit.count().max(1));
        dir = open_names(&dir, near)?;
        rest = far;
    }
    Ok(dir)
}

fn open_names(dir: &Dir, names: &[OsString]) -> Result<Dir> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let name = names.join(OsStr::new("/"));
    match fs::openat2(dir.fd(), name.as_os_str(), FLAGS, Mode::empty(), resolve) {
        Ok(fd) => {
            let path = shown(dir, &name);
            Ok(Dir { fd, path })
        }
        Err(Errno::NOSYS | Errno::PERM) => names
            .iter()
            .try_fold(dir.again()?, |dir, name| open_name(&dir, name)),
        Err(source) => Err(Error::io("open", shown(dir, &name), source.into())),
    }
}

fn open_name(dir: &Dir, name: &OsStr) -> Result<Dir> {
    let path = shown(dir, name);
    match fs::openat(dir.fd(), name, FLAGS, Mode::empty()) {
        Ok(fd) => Ok(Dir { fd, path }),
        Err(source) => Err(Error::io("open", path, source.into())),
    }
}

fn shown(dir: &Dir, name: &OsStr) -> Utf8PathBuf {
    dir.at(&shown_name(name.as_bytes()))
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the trees that they remove"
)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use camino::Utf8Path;

    use super::*;

    fn fixture() -> (tempfile::TempDir, Dir) {
        let held = tempfile::tempdir().expect("a directory");
        let dir = Dir::open(Utf8Path::from_path(held.path()).expect("UTF-8")).expect("opened");
        (held, dir)
    }

    #[test]
    fn a_tree_deeper_than_a_process_may_have_files_open_is_removed() {
        let (_held, dir) = fixture();
        let mut at = dir.again().expect("opened");
        for _ in 0..2_000 {
            at.create_dir("d", 0o755).expect("made");
            at.create_file("f", 0o644).expect("made");
            at = at.open_dir("d").expect("opened");
        }
        dir.remove_tree("d").expect("removed");
        assert_eq!(dir.names().expect("listed"), ["f"]);
    }

    #[test]
    fn a_wide_tree_is_removed_and_links_are_not_followed() {
        let (held, dir) = fixture();
        let path = held.path().join("tree");
        for number in 0..1_500 {
            let below = path.join(number.to_string());
            std::fs::create_dir_all(&below).expect("made");
            std::fs::write(below.join("file"), "").expect("written");
            std::fs::write(path.join(format!("{number}.txt")), "").expect("written");
        }
        std::fs::create_dir(held.path().join("kept")).expect("made");
        std::fs::write(held.path().join("kept/file"), "").expect("written");
        std::os::unix::fs::symlink("../kept", path.join("link")).expect("linked");
        std::fs::write(path.join(OsStr::from_bytes(b"\xff")), "").expect("written");
        let closed = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(path.join("7"), closed).expect("closed");
        dir.remove_tree("tree").expect("removed");
        dir.remove_tree("tree")
            .expect("what is not there counts as removed");
        assert_eq!(dir.names().expect("listed"), ["kept"]);
        let kept = dir.open_dir("kept").expect("opened");
        assert_eq!(kept.names().expect("listed"), ["file"]);
    }
}
