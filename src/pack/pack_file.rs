//! The pack as bytes: one descriptor, positioned reads, and a window for walking records.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result};
use crate::finding::{Finding, Rule};
use crate::fsops::{self, FileKind, Stat};

/// Bytes read at a time where they are taken as they are.
const PIECE_BYTES: usize = 128 << 10;

/// An open pack. Its length is taken once, when it is opened; a pack that shrinks under the reader
/// is [`Error::FileChanging`].
#[derive(Debug)]
pub(super) struct PackFile {
    file: File,
    path: Utf8PathBuf,
    stat: Stat,
}

impl PackFile {
    /// Opens a pack for reading. Nothing is read yet.
    pub(super) fn open(path: &Utf8Path) -> Result<Self> {
        let file = fsops::open_outside(path)?;
        let stat = fsops::stat_file(&file, path)?;
        if stat.kind != FileKind::File {
            return Err(Error::NotAFile {
                path: path.to_owned(),
                what: stat.kind.as_str(),
            });
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            stat,
        })
    }

    /// Returns the path that the pack was opened by.
    pub(super) fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Returns what the file was when it was opened.
    pub(super) const fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Returns the length of the file in bytes.
    pub(super) const fn bytes(&self) -> u64 {
        self.stat.size_bytes
    }

    /// Fails with [`Error::FileChanging`] where the file is not the version that was opened.
    pub(super) fn ensure_unchanged(&self) -> Result<()> {
        let stat = fsops::stat_file(&self.file, &self.path)?;
        if stat.is_same_version(&self.stat) {
            Ok(())
        } else {
            Err(self.changing())
        }
    }

    /// Returns the error of a pack that is written while it is read.
    pub(super) fn changing(&self) -> Error {
        Error::FileChanging {
            path: self.path.clone(),
        }
    }

    /// Returns the error of a pack that breaks a rule; `name` is empty where it is the pack as a whole.
    pub(super) fn refuse(&self, rule: Rule, name: &str, detail: impl Into<String>) -> Error {
        Error::refused(&self.path, Finding::new(rule, name, detail))
    }

    /// Fills `buffer` from `offset` on.
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        self.file.read_exact_at(buffer, offset).map_err(|source| {
            if source.kind() == io::ErrorKind::UnexpectedEof {
                return self.changing();
            }
            Error::io("read", &*self.path, source)
        })
    }

    /// Gives the bytes from `offset` to `end`, piece by piece.
    pub(super) fn each_piece(
        &self,
        mut offset: u64,
        end: u64,
        give: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        while offset < end {
            let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
            let step = left.min(PIECE_BYTES);
            let piece = buffer.get_mut(..step).unwrap_or_default();
            self.read_exact_at(piece, offset)?;
            give(piece)?;
            offset = offset.saturating_add(step as u64);
        }
        Ok(())
    }
}

impl rawzip::ReaderAt for &PackFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
}

/// A part of a pack that is held in memory and moved along.
#[derive(Debug)]
pub(super) struct Window<'f> {
    file: &'f PackFile,
    offset: u64,
    held: Vec<u8>,
    step_bytes: usize,
}

impl<'f> Window<'f> {
    /// Makes a window that is filled with `step_bytes` at a time.
    pub(super) const fn new(file: &'f PackFile, step_bytes: usize) -> Self {
        Self {
            file,
            offset: 0,
            held: Vec::new(),
            step_bytes,
        }
    }

    /// Returns `length` bytes from `offset` on; `None` where they run past `end`, which must not be
    /// past the end of the file. `length` comes from 16-bit fields, so that the window stays small.
    pub(super) fn bytes(&mut self, offset: u64, length: usize, end: u64) -> Result<Option<&[u8]>> {
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        if end.checked_sub(offset).is_none_or(|left| left < wanted) {
            return Ok(None);
        }
        if self.position_of(offset, length).is_none() {
            let left = usize::try_from(self.file.bytes().saturating_sub(offset));
            let fill = self.step_bytes.max(length).min(left.unwrap_or(usize::MAX));
            self.held.resize(fill, 0);
            self.offset = offset;
            if let Err(error) = self.file.read_exact_at(&mut self.held, offset) {
                self.held.clear();
                return Err(error);
            }
        }
        let position = self.position_of(offset, length);
        Ok(position.and_then(|from| self.held.get(from..from.checked_add(length)?)))
    }

    fn position_of(&self, offset: u64, length: usize) -> Option<usize> {
        let from = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        (from.checked_add(length)? <= self.held.len()).then_some(from)
    }
}
