//! Reading a live file whole, and noticing that it changed meanwhile.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::FileExt as _;

use camino::{Utf8Path, Utf8PathBuf};

use super::copy::copy_file;
use super::{Dir, FileKind, Stat, stat_file};
use crate::digest::Digest;
use crate::error::{Error, Result};

/// A plain file, opened to be read as it was at that moment.
#[derive(Debug)]
pub(crate) struct SteadyFile {
    file: File,
    path: Utf8PathBuf,
    stat: Stat,
}

impl Dir {
    /// Opens a file below this directory that was a plain one a moment ago.
    ///
    /// # Errors
    /// [`Error::FileChanging`] where it vanished or is a directory, [`Error::SpecialFile`] and
    /// [`Error::SymlinkOnPath`] where it is something else that is no plain file, [`Error::Io`].
    pub(crate) fn open_steady(&self, below: &str) -> Result<SteadyFile> {
        let path = self.at(below);
        let file = match self.open_file(below) {
            Err(error) if error.is_absent() => {
                return Err(Error::FileChanging { path });
            }
            opened => opened?,
        };
        let stat = stat_file(&file, &path)?;
        match stat.kind {
            FileKind::File => Ok(SteadyFile { file, path, stat }),
            FileKind::Directory => Err(Error::FileChanging { path }),
            FileKind::Symlink | FileKind::Fifo | FileKind::Socket | FileKind::Device => {
                let what = stat.kind.as_str();
                Err(Error::SpecialFile { path, what })
            }
        }
    }
}

impl SteadyFile {
    /// Returns what the file was when it was opened.
    pub(crate) const fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Returns the path that it was opened by, for messages.
    pub(crate) fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Goes back to the first byte.
    pub(crate) fn rewind(&mut self) -> Result<()> {
        let rewound = self.file.rewind();
        rewound.map_err(|source| Error::io("read", &*self.path, source))
    }

    /// Reads on until `buffer` is full or the file ends; returns what was read.
    pub(crate) fn fill<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::io("read", &*self.path, source)),
            }
        }
        Ok(buffer.get(..filled).unwrap_or_default())
    }

    /// Reads the whole file into `content`, which is as long as the file was when it was opened;
    /// returns whether it was that and still is. Where it was not, `content` is worth nothing.
    pub(crate) fn read_whole(&mut self, content: &mut [u8]) -> Result<bool> {
        let filled = self.fill(content)?.len() as u64;
        let after = stat_file(&self.file, &self.path)?;
        Ok(filled == self.stat.size_bytes && self.stat.is_same_version(&after))
    }

    /// Reads a part of the file, wherever reading stands; what lies behind its end stays as it is.
    pub(crate) fn read_part(&self, mut offset: u64, mut part: &mut [u8]) -> Result<()> {
        while !part.is_empty() {
            let count = match self.file.read_at(part, offset) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(Error::io("read", &*self.path, source)),
            };
            match part.split_at_mut_checked(count) {
                Some((_, rest)) if count > 0 => part = rest,
                _ => break,
            }
            offset = offset.saturating_add(count as u64);
        }
        Ok(())
    }

    /// Gives the file's bytes to `take` in pieces of at most `buffer`, from the beginning; returns
    /// whether they are what the file was when it was opened and still is. Where they are not, what
    /// `take` got is worth nothing. Never reads on behind the size that the file had.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<bool> {
        let failed = |source| Error::io("read", &*self.path, source);
        self.file.rewind().map_err(failed)?;
        let mut rest_bytes = self.stat.size_bytes;
        loop {
            let bytes = match self.file.read(buffer) {
                Ok(0) => break,
                Ok(count) => buffer.get(..count).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            match rest_bytes.checked_sub(bytes.len() as u64) {
                Some(rest) => rest_bytes = rest,
                None => return Ok(false),
            }
            take(bytes)?;
        }
        let after = stat_file(&self.file, &self.path)?;
        Ok(rest_bytes == 0 && self.stat.is_same_version(&after))
    }

    /// Copies the file into an empty one and returns the digest of the copy; `None` where it is not
    /// certain that the file stayed what it was when it was opened. `path` is the copy's, for messages;
    /// `each` is told of the bytes that are done.
    pub(crate) fn copy_to(
        &mut self,
        to: &mut File,
        path: &Utf8Path,
        buffer: &mut [u8],
        each: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Option<Digest>> {
        let digest = copy_file(&mut self.file, to, path, buffer, each)?;
        let after = stat_file(&self.file, &self.path)?;
        Ok(self.stat.is_same_version(&after).then_some(digest))
    }
}
