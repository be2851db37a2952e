//! What a file is, asked without following links.

use rustix::fs::{self, AtFlags, FileType};
use serde::Serialize;

use super::{Dir, split_for_call};
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

    fn from_raw(raw: &fs::Stat) -> Self {
        let kind = match FileType::from_raw_mode(raw.st_mode) {
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Directory,
            FileType::Symlink => FileKind::Symlink,
            FileType::Fifo => FileKind::Fifo,
            FileType::Socket => FileKind::Socket,
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
                FileKind::Device
            }
        };
        Self {
            kind,
            size_bytes: u64::try_from(raw.st_size).unwrap_or(0),
            mode: raw.st_mode & 0o7777,
            uid: raw.st_uid,
            gid: raw.st_gid,
            inode: raw.st_ino,
            device: raw.st_dev,
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
        let raw =
            fs::fstat(self.fd()).map_err(|source| Error::io("stat", self.path(), source.into()))?;
        Ok(Stat::from_raw(&raw))
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
                Err(Error::Io { source, .. }) if is_absent(&source) => Ok(None),
                Err(error) => Err(error),
            };
        }
        self.stat_name(below.as_ref())
    }

    /// Returns what one name in this directory is, also one that is not UTF-8.
    pub(crate) fn stat_name(&self, name: &std::ffi::OsStr) -> Result<Option<Stat>> {
        match fs::statat(
            self.fd(),
            name,
            AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT,
        ) {
            Ok(raw) => Ok(Some(Stat::from_raw(&raw))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(source) => Err(Error::io(
                "stat",
                self.at(&name.to_string_lossy()),
                source.into(),
            )),
        }
    }
}

/// Returns what an open file is.
pub(crate) fn stat_file(file: &std::fs::File, path: &camino::Utf8Path) -> Result<Stat> {
    let raw = fs::fstat(file).map_err(|source| Error::io("stat", path, source.into()))?;
    Ok(Stat::from_raw(&raw))
}

/// Returns whether an error says that a name, or a directory on the way to it, is not there.
pub(crate) fn is_absent(source: &std::io::Error) -> bool {
    matches!(
        source.kind(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
    )
}
