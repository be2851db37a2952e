//! Whom files belong to, and their modes.

use std::fs::File;

use camino::Utf8Path;
use rustix::fs::{self, AtFlags, Mode};

use super::Dir;
use crate::error::{Error, Result};
use crate::fault;

/// Sets a file's mode, which the process's umask does not touch; `path` is for the message.
pub(crate) fn set_file_mode(file: &File, mode: u32, path: &Utf8Path) -> Result<()> {
    let set = fault::step("chmod").and_then(|()| Ok(fs::fchmod(file, Mode::from_raw_mode(mode))?));
    set.map_err(|source| Error::io("set the mode of", path, source))
}

/// Sets a file's owner and group; `path` is for the message.
pub(crate) fn set_file_owner(file: &File, uid: u32, gid: u32, path: &Utf8Path) -> Result<()> {
    let owner = (Some(fs::Uid::from_raw(uid)), Some(fs::Gid::from_raw(gid)));
    let set = fault::step("chown").and_then(|()| Ok(fs::fchown(file, owner.0, owner.1)?));
    set.map_err(|source| Error::io("set the owner of", path, source))
}

/// Gives a file of ours to the owner of the directory that it is in, where somebody else made it.
pub(crate) fn give_to_owner_of(dir: &Dir, name: &str) -> Result<()> {
    let owner = dir.stat()?;
    let Some(stat) = dir.stat_at(name)? else {
        return Ok(());
    };
    if (stat.uid, stat.gid) == (owner.uid, owner.gid) {
        return Ok(());
    }
    let to = (
        Some(fs::Uid::from_raw(owner.uid)),
        Some(fs::Gid::from_raw(owner.gid)),
    );
    let given = fault::step("chown").and_then(|()| {
        Ok(fs::chownat(
            dir.fd(),
            name,
            to.0,
            to.1,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    });
    given.map_err(|source| Error::io("set the owner of", dir.at(name), source))
}
