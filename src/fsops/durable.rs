//! One file, made durable.

use std::fs::File;

use camino::Utf8Path;
use rustix::fs::{self, Mode, OFlags};

use crate::error::{Error, Result};
use crate::fault;

/// Makes a file's bytes durable; `path` is for the message.
pub(crate) fn sync_file(file: &File, path: &Utf8Path) -> Result<()> {
    fault::step("fsync")
        .and_then(|()| file.sync_all())
        .map_err(|source| Error::io("sync", path, source))
}

/// Makes the bytes durable that a file has, whoever wrote them.
pub(crate) fn sync_file_at(path: &Utf8Path) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = fs::open(path.as_std_path(), flags, Mode::empty())
        .map_err(|source| Error::io("open", path, source.into()))?;
    sync_file(&File::from(file), path)
}
