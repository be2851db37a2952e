//! Removal of a whole tree, by descriptors, without following a link or crossing a mount.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd as _;

use rustix::fs::{self, AtFlags, Mode, OFlags};

use super::{Dir, FileKind};
use crate::error::{Error, Result};
use crate::fault;

impl Dir {
    /// Removes a name and all below it. What is not there counts as removed.
    ///
    /// Directories that cannot be written in are made so first: the tree is ours to delete.
    pub(crate) fn remove_tree(&self, name: &str) -> Result<()> {
        let device = self.stat()?.device;
        remove(self, OsStr::new(name), device)
    }
}

fn remove(dir: &Dir, name: &OsStr, device: u64) -> Result<()> {
    let Some(stat) = dir.stat_name(name)? else {
        return Ok(());
    };
    let shown = dir.at(&name.to_string_lossy());
    if stat.kind != FileKind::Directory {
        let removed = fault::step("unlink")
            .and_then(|()| Ok(fs::unlinkat(dir.fd(), name, AtFlags::empty())?));
        return removed.map_err(|source| Error::io("remove", shown, source));
    }
    if stat.device != device {
        return Err(Error::OtherDevice { path: shown });
    }
    let below = open_name(dir, name)?;
    if stat.mode & 0o700 != 0o700 {
        below.set_mode(0o700)?;
    }
    for child in below.names()? {
        remove(&below, &child, device)?;
    }
    let removed =
        fault::step("rmdir").and_then(|()| Ok(fs::unlinkat(dir.fd(), name, AtFlags::REMOVEDIR)?));
    removed.map_err(|source| Error::io("remove directory", shown, source))
}

fn open_name(dir: &Dir, name: &OsStr) -> Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let shown = dir.at(&OsString::from(name).to_string_lossy());
    let fd = fs::openat(dir.fd().as_fd(), name, flags, Mode::empty())
        .map_err(|source| Error::io("open", shown.clone(), source.into()))?;
    Ok(Dir { fd, path: shown })
}
