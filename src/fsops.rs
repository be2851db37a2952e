//! The only file that changes files: every write, rename, sync and removal of the library.
//!
//! Work is done below directory descriptors, one component at a time or with `openat2` and
//! `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`, so that no name in a pack and no link in a tree leads
//! out of it. Each change asks [`crate::fault::step`] first; that is what makes crash tests
//! complete. Nothing here is durable until [`Dir::sync`], [`Dir::sync_file_system`] or
//! [`Syncer::wait`] says so.

mod beneath;
mod copy;
mod durable;
mod output;
mod owner;
mod remove;
mod stat;
mod steady;
mod syncer;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags};

use crate::error::{Error, Result};
use crate::fault;

use beneath::open_beneath;
pub(crate) use copy::{set_file_mtime, shares_blocks};
pub(crate) use durable::{sync_file, sync_file_at};
pub(crate) use output::OutputFile;
pub(crate) use owner::{give_to_owner_of, set_file_mode, set_file_owner};
pub(crate) use stat::{FileKind, Stat, is_absent, stat_file};
pub(crate) use steady::SteadyFile;
pub(crate) use syncer::Syncer;

/// Mode of files that we write, whatever a pack says.
pub(crate) const FILE_MODE: u32 = 0o644;
/// Mode of directories where nothing else is known.
pub(crate) const DIRECTORY_MODE: u32 = 0o755;
/// Mode of what only the store's owner may see.
pub(crate) const PRIVATE_MODE: u32 = 0o700;

/// Kind of file system that overlayfs says it is (`OVERLAYFS_SUPER_MAGIC` of linux/magic.h).
const OVERLAYFS_MAGIC: fs::FsWord = 0x794c_7630;

/// Longest relative path given to one system call; below `PATH_MAX` with room for its NUL.
const CALL_PATH_BYTES: usize = 4000;

/// What may still be used of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FreeSpace {
    pub(crate) bytes: u64,
    /// How many files more; `None` where no number of them is fixed.
    pub(crate) files: Option<u64>,
}

/// An open directory, and its path for messages.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
    path: Utf8PathBuf,
}

impl Dir {
    /// Opens a directory by a path from outside, following links in it.
    pub(crate) fn open(path: &Utf8Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::open(path.as_std_path(), flags, Mode::empty())
            .map_err(|source| Error::io("open", path, source.into()))?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// Returns the path that the directory was opened by, for messages.
    pub(crate) fn path(&self) -> &Utf8Path {
        &self.path
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Returns the path of `name` in this directory, for messages.
    pub(crate) fn at(&self, name: &str) -> Utf8PathBuf {
        if name.is_empty() {
            self.path.clone()
        } else if self.path == "." {
            name.into()
        } else {
            self.path.join(name)
        }
    }

    /// Is called otherwise in messages: as what it will be.
    pub(crate) fn shown_as(self, path: Utf8PathBuf) -> Self {
        Self { path, ..self }
    }

    /// Opens another descriptor of the same directory.
    pub(crate) fn again(&self) -> Result<Self> {
        let fd = self
            .fd
            .try_clone()
            .map_err(|source| Error::io("open", &*self.path, source))?;
        Ok(Self {
            fd,
            path: self.path.clone(),
        })
    }

    /// Opens a directory below this one; `""` is this one. Links are refused.
    pub(crate) fn open_dir(&self, below: &str) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (near, far) = split_for_call(below);
        let fd = open_beneath(self.fd(), near, flags)
            .map_err(|source| self.open_error(below, source))?;
        let near = Self {
            fd,
            path: self.at(near),
        };
        match far {
            Some(far) => near.open_dir(far),
            None => Ok(near),
        }
    }

    /// Opens a file below this directory for reading. Links are refused; a FIFO does not block.
    pub(crate) fn open_file(&self, below: &str) -> Result<File> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match split_for_call(below) {
            (near, None) => Ok(File::from(
                open_beneath(self.fd(), near, flags)
                    .map_err(|source| self.open_error(below, source))?,
            )),
            (near, Some(far)) => self.open_dir(near)?.open_file(far),
        }
    }

    fn open_error(&self, below: &str, source: io::Error) -> Error {
        let path = self.at(below);
        let is_link = match rustix::io::Errno::from_io_error(&source) {
            Some(rustix::io::Errno::LOOP) => true,
            // A link where a directory is asked for without following it.
            Some(rustix::io::Errno::NOTDIR) => self.is_link(below),
            _ => false,
        };
        if is_link {
            return Error::SymlinkOnPath { path };
        }
        Error::io("open", path, source)
    }

    fn is_link(&self, below: &str) -> bool {
        fs::statat(self.fd(), below, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|raw| fs::FileType::from_raw_mode(raw.st_mode).is_symlink())
    }

    /// Makes a directory; it must not exist.
    pub(crate) fn create_dir(&self, name: &str, mode: u32) -> Result<()> {
        let created = fault::step("mkdir")
            .and_then(|()| Ok(fs::mkdirat(self.fd(), name, Mode::from_raw_mode(mode))?));
        created.map_err(|source| Error::io("create directory", self.at(name), source))
    }

    /// Makes a file and opens it for writing, and for reading what was written; it must not exist.
    pub(crate) fn create_file(&self, name: &str, mode: u32) -> Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.open_for_writing(name, flags, mode)
    }

    /// Makes a file empty; it must exist.
    pub(crate) fn empty_file(&self, name: &str) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let emptied = fault::step("truncate")
            .and_then(|()| Ok(fs::openat(self.fd(), name, flags, Mode::empty())?));
        emptied
            .map(drop)
            .map_err(|source| Error::io("empty", self.at(name), source))
    }

    /// Opens a file for reading and writing, and makes it where it is not there.
    pub(crate) fn open_or_create_file(&self, name: &str, mode: u32) -> Result<File> {
        self.open_for_writing(
            name,
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            mode,
        )
    }

    fn open_for_writing(&self, name: &str, flags: OFlags, mode: u32) -> Result<File> {
        let file = fault::step("create").and_then(|()| {
            Ok(fs::openat(
                self.fd(),
                name,
                flags,
                Mode::from_raw_mode(mode),
            )?)
        });
        file.map(File::from)
            .map_err(|source| Error::io("create", self.at(name), source))
    }

    /// Sets the mode of this directory itself, which the process's umask does not touch.
    pub(crate) fn set_mode(&self, mode: u32) -> Result<()> {
        let set = fault::step("chmod")
            .and_then(|()| Ok(fs::fchmod(self.fd(), Mode::from_raw_mode(mode))?));
        set.map_err(|source| Error::io("set the mode of", &*self.path, source))
    }

    /// Sets owner and group of this directory itself.
    pub(crate) fn set_owner(&self, uid: u32, gid: u32) -> Result<()> {
        let set = fault::step("chown").and_then(|()| {
            Ok(fs::fchown(
                self.fd(),
                Some(fs::Uid::from_raw(uid)),
                Some(fs::Gid::from_raw(gid)),
            )?)
        });
        set.map_err(|source| Error::io("set the owner of", &*self.path, source))
    }

    /// Returns the names in this directory, in no order, without `.` and `..`.
    pub(crate) fn names(&self) -> Result<Vec<OsString>> {
        let mut names = Vec::new();
        self.each_name(&mut |name| {
            names.push(name.to_owned());
            Ok(())
        })?;
        Ok(names)
    }

    /// Visits the names in this directory, in no order, without `.` and `..`; holds one at a time,
    /// so that a directory of any size needs no memory.
    pub(crate) fn each_name(&self, visit: &mut dyn FnMut(&OsStr) -> Result<()>) -> Result<()> {
        let list = fs::Dir::read_from(self.fd())
            .map_err(|source| Error::io("list", &*self.path, source.into()))?;
        for entry in list {
            let entry = entry.map_err(|source| Error::io("list", &*self.path, source.into()))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                visit(OsStr::from_bytes(name))?;
            }
        }
        Ok(())
    }

    /// Removes a file or a link itself.
    pub(crate) fn remove_file(&self, name: &str) -> Result<()> {
        let removed = fault::step("unlink")
            .and_then(|()| Ok(fs::unlinkat(self.fd(), name, AtFlags::empty())?));
        removed.map_err(|source| Error::io("remove", self.at(name), source))
    }

    /// Makes this directory's entries durable (fsync).
    pub(crate) fn sync(&self) -> Result<()> {
        let synced = fault::step("fsync").and_then(|()| Ok(fs::fsync(self.fd())?));
        synced.map_err(|source| Error::io("sync", &*self.path, source))
    }

    /// Makes everything on this directory's file system durable (syncfs).
    ///
    /// Errors of data written since this descriptor was opened are reported (Linux 5.8 and later,
    /// <https://man7.org/linux/man-pages/man2/syncfs.2.html>), so open it before the first write.
    pub(crate) fn sync_file_system(&self) -> Result<()> {
        let synced = fault::step("syncfs").and_then(|()| Ok(fs::syncfs(self.fd())?));
        synced.map_err(|source| Error::io("sync the file system of", &*self.path, source))
    }

    /// Returns the bytes that an unprivileged writer may still use on this file system.
    pub(crate) fn free_bytes(&self) -> Result<u64> {
        self.free_space().map(|space| space.bytes)
    }

    /// Returns what an unprivileged writer may still use on this file system.
    pub(crate) fn free_space(&self) -> Result<FreeSpace> {
        let volume = fs::fstatvfs(self.fd())
            .map_err(|source| Error::io("ask for the free space of", &*self.path, source.into()))?;
        Ok(FreeSpace {
            bytes: volume.f_bavail.saturating_mul(volume.f_frsize),
            files: (volume.f_files > 0).then_some(volume.f_favail),
        })
    }

    /// Returns whether this is a directory of overlayfs, which shows several directories as one.
    pub(crate) fn is_overlay(&self) -> Result<bool> {
        let volume = fs::fstatfs(self.fd())
            .map_err(|source| Error::io("ask for the kind of", &*self.path, source.into()))?;
        Ok(volume.f_type == OVERLAYFS_MAGIC)
    }
}

/// Exchanges two names atomically; both must exist.
pub(crate) fn exchange(a: &Dir, a_name: &str, b: &Dir, b_name: &str) -> io::Result<()> {
    fault::step("exchange")?;
    Ok(fs::renameat_with(
        a.fd(),
        a_name,
        b.fd(),
        b_name,
        RenameFlags::EXCHANGE,
    )?)
}

/// Moves a name atomically; the new name must not exist.
pub(crate) fn move_noreplace(
    from: &Dir,
    from_name: &str,
    to: &Dir,
    to_name: &str,
) -> io::Result<()> {
    fault::step("rename")?;
    Ok(fs::renameat_with(
        from.fd(),
        from_name,
        to.fd(),
        to_name,
        RenameFlags::NOREPLACE,
    )?)
}

/// Moves a name atomically over whatever has the new name.
pub(crate) fn replace(from: &Dir, from_name: &str, to: &Dir, to_name: &str) -> Result<()> {
    let moved = fault::step("rename")
        .and_then(|()| Ok(fs::renameat(from.fd(), from_name, to.fd(), to_name)?));
    moved.map_err(|source| Error::io("give its name to", to.at(to_name), source))
}

/// Writes all of `bytes`; `path` is for the message.
pub(crate) fn write_all(file: &mut File, bytes: &[u8], path: &Utf8Path) -> Result<()> {
    fault::step("write")
        .and_then(|()| file.write_all(bytes))
        .map_err(|source| Error::io("write", path, source))
}

/// Makes a directory named by a path from outside, and those above it that are missing.
pub(crate) fn create_dir_all(path: &Utf8Path) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "this is fsops")]
    let made = fault::step("mkdir").and_then(|()| std::fs::create_dir_all(path));
    made.map_err(|source| Error::io("create directory", path, source))
}

/// Opens a file named by a path from outside for reading, following links in it. A FIFO does not
/// block; whether it is a file at all is for the caller to ask.
pub(crate) fn open_outside(path: &Utf8Path) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match fs::open(path.as_std_path(), flags, Mode::empty()) {
        Ok(fd) => Ok(File::from(fd)),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Err(Error::FileNotFound {
            path: path.to_owned(),
        }),
        Err(source) => Err(Error::io("open", path, source.into())),
    }
}

/// Splits a relative path that is too long for one system call.
fn split_for_call(below: &str) -> (&str, Option<&str>) {
    if below.len() <= CALL_PATH_BYTES {
        return (below, None);
    }
    let slashes = below.match_indices('/').map(|(at, _)| at);
    let cut = slashes.take_while(|at| *at < CALL_PATH_BYTES).last();
    // A component as long as that is refused by the system.
    let split = cut.and_then(|at| below.split_at_checked(at));
    match split {
        Some((near, far)) => (near, far.strip_prefix('/')),
        None => (below, None),
    }
}

/// Copies all of a file into another; `path` is that one's, for the message.
pub(crate) fn copy_all(from: &mut File, to: &mut File, path: &Utf8Path) -> Result<()> {
    let copied = fault::step("write").and_then(|()| io::copy(from, to));
    copied
        .map(drop)
        .map_err(|source| Error::io("write", path, source))
}

/// Returns why a file cannot be opened or made for writing; `None` where it can.
pub(crate) fn why_not_made(path: &Utf8Path) -> Option<Error> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let opened = fs::open(path.as_std_path(), flags, Mode::from_raw_mode(0o600));
    opened
        .err()
        .map(|source| Error::io("open", path, source.into()))
}
