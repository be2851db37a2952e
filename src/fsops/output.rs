//! A file in the making: under a temporary name until it is whole and durable.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use camino::Utf8PathBuf;
use rustix::fs::{self, AtFlags, OFlags};

use super::{Dir, FILE_MODE, move_noreplace, replace, sync_file};
use crate::clock;
use crate::error::{Error, Result};
use crate::fault;

/// Bytes that are collected before they are written: one system call, and one step that a crash
/// test can stop, for many small pieces.
const BUFFER_BYTES: usize = 256 << 10;
/// How many names are tried for the temporary file; each holds the time in nanoseconds.
const NAMES: u32 = 100;

/// A file that is written from front to back under a name like `.ovpack-123-456.tmp`; dropping it
/// unpublished removes it. A killed process leaves the temporary file, and nothing under the real name.
#[derive(Debug)]
pub(crate) struct OutputFile {
    dir: Dir,
    /// The temporary name; `None` once it has its real one.
    temporary: Option<String>,
    /// The real name.
    name: String,
    /// The path by the real name, for messages: the temporary file is gone when somebody reads them.
    path: Utf8PathBuf,
    file: File,
    buffer: Vec<u8>,
    /// Bytes in the file, without those in the buffer.
    written_bytes: u64,
}

impl OutputFile {
    /// Makes the temporary file of one that will be `name` in `dir`.
    pub(crate) fn create(dir: Dir, name: &str) -> Result<Self> {
        let path = dir.at(name);
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let process = rustix::process::getpid().as_raw_nonzero();
        let mut tried = 0;
        loop {
            let temporary = format!(".ovpack-{process}-{}.tmp", clock::now_ns());
            match dir.open_for_writing(&temporary, flags, FILE_MODE) {
                Ok(file) => {
                    return Ok(Self {
                        dir,
                        temporary: Some(temporary),
                        name: name.to_owned(),
                        path,
                        file,
                        buffer: Vec::with_capacity(BUFFER_BYTES),
                        written_bytes: 0,
                    });
                }
                Err(Error::Io { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists && tried < NAMES =>
                {
                    tried += 1;
                }
                Err(error) => return Err(error.said_of(&path)),
            }
        }
    }

    /// Returns where the file is until it has its name, for who writes it by name; such bytes are not
    /// counted here.
    pub(crate) fn temporary_path(&self) -> Utf8PathBuf {
        self.dir.at(self.temporary.as_deref().unwrap_or_default())
    }

    /// Returns the number of bytes so far.
    pub(crate) fn position(&self) -> u64 {
        self.written_bytes.saturating_add(self.buffer.len() as u64)
    }

    /// Adds bytes at the end.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.buffer.len().saturating_add(bytes.len()) > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            return self.write(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes over bytes that were added before.
    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.flush()?;
        let written = fault::step("write").and_then(|()| self.file.write_all_at(bytes, offset));
        written.map_err(|source| Error::io("write", &*self.path, source))
    }

    /// Drops all bytes from `offset` on.
    pub(crate) fn cut(&mut self, offset: u64) -> Result<()> {
        self.flush()?;
        let cut = fault::step("truncate").and_then(|()| self.file.set_len(offset));
        cut.map_err(|source| Error::io("truncate", &*self.path, source))?;
        self.written_bytes = self.written_bytes.min(offset);
        Ok(())
    }

    /// Gives all bytes from `offset` on to `take`, in pieces of at most `buffer`.
    pub(crate) fn read_back(
        &mut self,
        offset: u64,
        buffer: &mut [u8],
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<()> {
        self.flush()?;
        let mut offset = offset;
        while offset < self.written_bytes {
            let read = self.file.read_at(buffer, offset);
            let count = match read {
                Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                Err(source) if source.kind() == io::ErrorKind::Interrupted => continue,
                read => read,
            };
            let count = count.map_err(|source| Error::io("read", &*self.path, source))?;
            take(buffer.get(..count).unwrap_or_default());
            offset = offset.saturating_add(count as u64);
        }
        Ok(())
    }

    /// Gives the file its real name; durable when this returns.
    ///
    /// # Errors
    /// [`Error::OutputExists`] where the name is taken and must not be replaced. After an error of
    /// the last sync the file has its name, whole, but a crash may take the name away.
    pub(crate) fn publish(mut self, may_replace: bool) -> Result<()> {
        self.flush()?;
        sync_file(&self.file, &self.path)?;
        if let Some(temporary) = &self.temporary {
            if may_replace {
                replace(&self.dir, temporary, &self.dir, &self.name)?;
            } else {
                self.name_unless_taken(temporary)?;
            }
        }
        self.temporary = None;
        self.dir.sync()
    }

    fn name_unless_taken(&self, temporary: &str) -> Result<()> {
        let moved = match move_noreplace(&self.dir, temporary, &self.dir, &self.name) {
            // NFS and others cannot do that, but a link refuses a taken name as well.
            Err(source) if source.kind() == io::ErrorKind::InvalidInput => {
                self.link_and_remove(temporary)
            }
            moved => moved,
        };
        let path = self.path.clone();
        moved.map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                return Error::OutputExists { path };
            }
            Error::io("rename", path, source)
        })
    }

    fn link_and_remove(&self, temporary: &str) -> io::Result<()> {
        let dir = self.dir.fd();
        fault::step("link")?;
        fs::linkat(dir, temporary, dir, &self.name, AtFlags::empty())?;
        fault::step("unlink")?;
        Ok(fs::unlinkat(dir, temporary, AtFlags::empty())?)
    }

    fn flush(&mut self) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = if buffer.is_empty() {
            Ok(())
        } else {
            self.write(&buffer)
        };
        self.buffer = buffer;
        self.buffer.clear();
        written
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written =
            fault::step("write").and_then(|()| self.file.write_all_at(bytes, self.written_bytes));
        written.map_err(|source| Error::io("write", &*self.path, source))?;
        self.written_bytes = self.written_bytes.saturating_add(bytes.len() as u64);
        Ok(())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // The error that brought us here is the one to report.
            self.dir.remove_file(&temporary).unwrap_or_default();
        }
    }
}
