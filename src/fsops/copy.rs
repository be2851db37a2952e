//! Copies of files: shared with the original where the file system can, never linked to it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};

use camino::Utf8Path;
use rustix::fs::{self, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::fault;

/// Nanoseconds of a second.
const SECOND_NS: i64 = 1_000_000_000;

/// Fills an empty file with what another one holds, and returns the digest of what it holds then.
///
/// Their blocks are shared where the file system can (FICLONE), so that the copy takes no space; a
/// write to either never reaches the other. Where it cannot, the bytes are copied.
pub(super) fn copy_file(
    from: &mut File,
    to: &mut File,
    path: &Utf8Path,
    buffer: &mut [u8],
    each: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Digest> {
    let failed = |source| Error::io("copy to", path, source);
    let cloned = fault::step("clone").map(|()| fs::ioctl_ficlone(&*to, &*from));
    let is_shared = match cloned.map_err(failed)? {
        Ok(()) => true,
        // Whatever keeps it from sharing blocks: copying tells what is really wrong.
        Err(Errno::NOSPC | Errno::DQUOT) => {
            return Err(failed(io::ErrorKind::StorageFull.into()));
        }
        Err(_) => false,
    };
    // What is hashed is what the copy has: of a shared one, the copy is read.
    let rewound = if is_shared {
        to.rewind()
    } else {
        from.rewind()
    };
    rewound.map_err(failed)?;
    let mut hasher = Hasher::default();
    loop {
        let source = if is_shared { &mut *to } else { &mut *from };
        let count = match source.read(buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        if !is_shared {
            fault::step("write")
                .and_then(|()| to.write_all(bytes))
                .map_err(failed)?;
        }
        hasher.update(bytes);
        each(count as u64)?;
    }
}

/// Tries whether an empty file can share the blocks of another one.
pub(crate) fn shares_blocks(from: &File, to: &File, path: &Utf8Path) -> Result<bool> {
    let cloned = fault::step("clone").map(|()| fs::ioctl_ficlone(to, from));
    match cloned.map_err(|source| Error::io("clone", path, source))? {
        Ok(()) => Ok(true),
        Err(source @ (Errno::NOSPC | Errno::DQUOT)) => Err(Error::io("clone", path, source.into())),
        Err(_) => Ok(false),
    }
}

/// Sets when a file was changed last; `path` is for the message.
pub(crate) fn set_file_mtime(file: &File, mtime_ns: i64, path: &Utf8Path) -> Result<()> {
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: mtime_ns.div_euclid(SECOND_NS),
            tv_nsec: mtime_ns.rem_euclid(SECOND_NS),
        },
    };
    let set = fault::step("utimens").and_then(|()| Ok(fs::futimens(file, &times)?));
    set.map_err(|source| Error::io("set the time of", path, source))
}
