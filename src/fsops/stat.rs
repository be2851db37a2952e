//! What a file is, asked without following links.

use std::ffi::OsStr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{self, AtFlags, FileType, StatxFlags};
use rustix::io::Errno;
use serde::Serialize;

use super::{Dir, split_for_call};
use crate::entry_path::shown_name;
use crate::error::{Error, Result};

/// What kind of thing a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FileKind {
    File,
    Directory,
    Symlink,
    Fifo,
    Socket,
    Device,
}

impl FileKind {
    fn from_mode(mode: u32) -> Self {
        match FileType::from_raw_mode(mode) {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Symlink,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => Self::Device,
        }
    }

    /// Returns the word for it in a message.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symbolic link",
            Self::Fifo => "FIFO",
            Self::Socket => "socket",
            Self::Device => "device",
        }
    }
}

/// What a file system says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: FileKind,
    pub(crate) size_bytes: u64,
    /// Permission bits, without the file type.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) inode: u64,
    pub(crate) device: u64,
    /// The mount that it was reached through, which a bind mount of the same device changes too;
    /// 0 where the kernel does not say (before Linux 5.8).
    pub(crate) mount_id: u64,
    pub(crate) mtime_ns: i64,
    pub(crate) ctime_ns: i64,
}

impl Stat {
    /// Returns whether both are the same version of the same file, as far as a stat can tell.
    pub(crate) fn is_same_version(&self, other: &Self) -> bool {
        (
            self.kind,
            self.size_bytes,
            self.inode,
            self.mtime_ns,
            self.ctime_ns,
        ) == (
            other.kind,
            other.size_bytes,
            other.inode,
            other.mtime_ns,
            other.ctime_ns,
        )
    }

    /// Returns whether both were reached through one mount of one device, as far as the kernel tells.
    pub(crate) const fn is_on_same_mount(&self, other: &Self) -> bool {
        self.device == other.device
            && (self.mount_id == other.mount_id || self.mount_id == 0 || other.mount_id == 0)
    }

    fn from_extended(raw: &fs::Statx) -> Self {
        let mode = u32::from(raw.stx_mode);
        let knows_mount = raw.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        Self {
            kind: FileKind::from_mode(mode),
            size_bytes: raw.stx_size,
            mode: mode & 0o7777,
            uid: raw.stx_uid,
            gid: raw.stx_gid,
            inode: raw.stx_ino,
            device: fs::makedev(raw.stx_dev_major, raw.stx_dev_minor),
            mount_id: if knows_mount { raw.stx_mnt_id } else { 0 },
            mtime_ns: nanoseconds(raw.stx_mtime.tv_sec, raw.stx_mtime.tv_nsec),
            ctime_ns: nanoseconds(raw.stx_ctime.tv_sec, raw.stx_ctime.tv_nsec),
        }
    }

    fn from_raw(raw: &fs::Stat) -> Self {
        Self {
            kind: FileKind::from_mode(raw.st_mode),
            size_bytes: u64::try_from(raw.st_size).unwrap_or(0),
            mode: raw.st_mode & 0o7777,
            uid: raw.st_uid,
            gid: raw.st_gid,
            inode: raw.st_ino,
            device: raw.st_dev,
            mount_id: 0,
            mtime_ns: nanoseconds(raw.st_mtime, raw.st_mtime_nsec),
            ctime_ns: nanoseconds(raw.st_ctime, raw.st_ctime_nsec),
        }
    }
}

fn nanoseconds(seconds: i64, rest: impl TryInto<i64>) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(rest.try_into().unwrap_or(0))
}

impl Dir {
    /// Returns what this directory itself is.
    pub(crate) fn stat(&self) -> Result<Stat> {
        ask_descriptor(self.fd()).map_err(|source| Error::io("stat", self.path(), source.into()))
    }

    /// Returns what a name below this directory is; `None` where there is none. The last component
    /// is not followed where it is a link; a link on the way is an error.
    pub(crate) fn stat_at(&self, below: &str) -> Result<Option<Stat>> {
        if below.is_empty() {
            return self.stat().map(Some);
        }
        if let (near, Some(far)) = split_for_call(below) {
            return self.open_dir(near)?.stat_at(far);
        }
        if let Some((parent, name)) = below.rsplit_once('/') {
            return match self.open_dir(parent) {
                Ok(parent) => parent.stat_name(name.as_ref()),
                Err(error) if error.is_absent() => Ok(None),
                Err(error) => Err(error),
            };
        }
        self.stat_name(below.as_ref())
    }

    /// Returns what one name in this directory is, also one that is not UTF-8.
    pub(crate) fn stat_name(&self, name: &OsStr) -> Result<Option<Stat>> {
        match ask(self.fd(), name) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(source) => Err(Error::io(
                "stat",
                self.at(&shown_name(name.as_bytes())),
                source.into(),
            )),
        }
    }
}

/// Returns what an open file is.
pub(crate) fn stat_file(file: &std::fs::File, path: &camino::Utf8Path) -> Result<Stat> {
    ask_descriptor(file.as_fd()).map_err(|source| Error::io("stat", path, source.into()))
}

const NOT_FOLLOWED: AtFlags = AtFlags::SYMLINK_NOFOLLOW.union(AtFlags::NO_AUTOMOUNT);
const ASKED: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::MNT_ID);

/// Asks with `statx`, which tells mounts apart; without where a kernel or a sandbox has none.
fn ask(dir: BorrowedFd<'_>, name: &OsStr) -> Result<Stat, Errno> {
    match fs::statx(dir, name, NOT_FOLLOWED, ASKED) {
        Ok(raw) => Ok(Stat::from_extended(&raw)),
        Err(Errno::NOSYS | Errno::PERM) => {
            fs::statat(dir, name, NOT_FOLLOWED).map(|raw| Stat::from_raw(&raw))
        }
        Err(source) => Err(source),
    }
}

fn ask_descriptor(fd: BorrowedFd<'_>) -> Result<Stat, Errno> {
    match fs::statx(fd, "", AtFlags::EMPTY_PATH, ASKED) {
        Ok(raw) => Ok(Stat::from_extended(&raw)),
        Err(Errno::NOSYS | Errno::PERM) => fs::fstat(fd).map(|raw| Stat::from_raw(&raw)),
        Err(source) => Err(source),
    }
}

/// Returns whether an error says that a name, or a directory on the way to it, is not there.
pub(crate) fn is_absent(source: &std::io::Error) -> bool {
    matches!(
        source.kind(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
    )
}
