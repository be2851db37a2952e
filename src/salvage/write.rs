//! Writing what is saved: beside the target under a temporary name, and renamed when all is there.

use std::fs::File;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::io::Errno;

use super::SalvageOptions;
use super::rows::{Rows, SavedRow};
use crate::clock;
use crate::error::{Error, Result};
use crate::fsops::{self, DIRECTORY_MODE, Dir, FILE_MODE, is_absent};
use crate::outside::ensure_outside_of_stores;
use crate::pack::fragment::{Wreck, changing};
use crate::pack::reader::Scratch;

/// Where the files go: a directory that is missing or empty.
#[derive(Debug)]
pub(super) struct Target {
    parent: Utf8PathBuf,
    name: String,
}

impl Target {
    /// Looks at the target; makes nothing.
    ///
    /// # Errors
    /// [`Error::DirectoryNotEmpty`]; [`Error::InvalidArgument`] where it lies in a store or has no
    /// name.
    pub(super) fn decide(into: &Utf8Path) -> Result<Self> {
        ensure_outside_of_stores("into", into)?;
        let path = match into.symlink_metadata() {
            Err(source) if is_absent(&source) => into.to_owned(),
            Err(source) => return Err(Error::io("stat", into, source)),
            Ok(_) => {
                // A link to an empty directory is the way to that directory.
                let path = into.canonicalize_utf8();
                let path = path.map_err(|source| Error::io("open", into, source))?;
                if !Dir::open(&path)?.names()?.is_empty() {
                    return Err(Error::DirectoryNotEmpty {
                        path: into.to_owned(),
                    });
                }
                path
            }
        };
        let Some(name) = path.file_name() else {
            return Err(Error::InvalidArgument {
                argument: "into",
                value: into.to_string(),
                expected: "the name of a directory that is missing or empty",
            });
        };
        Ok(Self {
            parent: match path.parent() {
                Some(parent) if !parent.as_str().is_empty() => parent.to_owned(),
                _ => Utf8PathBuf::from("."),
            },
            name: name.to_owned(),
        })
    }
}

/// Writes all that is saved and returns its bytes; durable when this returns.
pub(super) fn write(
    wreck: &Wreck,
    pack: &Utf8Path,
    rows: &Rows,
    target: &Target,
    options: &SalvageOptions,
) -> Result<u64> {
    fsops::create_dir_all(&target.parent)?;
    let parent = Dir::open(&target.parent)?;
    let needed_bytes = rows.needed_bytes()?;
    let free_bytes = parent.free_bytes()?;
    if needed_bytes > free_bytes {
        return Err(Error::TooLargeForDisk {
            path: pack.to_owned(),
            needed_bytes,
            free_bytes,
        });
    }
    let temporary = format!(".ovpack-{}.tmp", clock::now_ns());
    let made = parent.create_dir(&temporary, DIRECTORY_MODE);
    made.map_err(|error| error.said_of(&parent.at(&target.name)))?;
    let written = fill(
        wreck,
        pack,
        rows,
        &parent,
        (&temporary, &target.name),
        options,
    );
    if written.is_err() {
        // The error that brought us here is the one to report.
        parent.remove_tree(&temporary).unwrap_or_default();
    }
    written
}

fn fill(
    wreck: &Wreck,
    pack: &Utf8Path,
    rows: &Rows,
    parent: &Dir,
    (temporary, name): (&str, &str),
    options: &SalvageOptions,
) -> Result<u64> {
    // The temporary one is gone when somebody reads a message.
    let root = parent.open_dir(temporary)?.shown_as(parent.at(name));
    root.set_mode(DIRECTORY_MODE)?;
    rows.each_directory(&mut |path| {
        options.control.ensure_not_interrupted()?;
        match make_directories(&root, path) {
            Ok(()) => Ok(()),
            Err(error) => rows.set_unwritten(path, &why_unwritable(error)?),
        }
    })?;
    let mut scratch = Scratch::new();
    let mut bytes = 0_u64;
    rows.each_saved(&mut |row| {
        options.control.ensure_not_interrupted()?;
        let (mut file, path) = match make_file(&root, &row.path) {
            Ok(made) => made,
            Err(error) => return why_unwritable(error).map(Some),
        };
        copy(wreck, pack, row, (&mut file, &path), &mut scratch, options)?;
        let size_bytes = fsops::stat_file(&file, &path)?.size_bytes;
        bytes = bytes.saturating_add(size_bytes);
        Ok(None)
    })?;
    wreck.ensure_unchanged()?;
    root.sync_file_system()?;
    fsops::replace(parent, temporary, parent, name)?;
    parent.sync()?;
    Ok(bytes)
}

/// Unpacks one file once more and writes it; its bytes must be those that were found.
fn copy(
    wreck: &Wreck,
    pack: &Utf8Path,
    row: &SavedRow,
    (file, path): (&mut File, &Utf8Path),
    scratch: &mut Scratch,
    options: &SalvageOptions,
) -> Result<()> {
    let unpacked = wreck.unpack(&row.location, u64::MAX, scratch, &mut |bytes| {
        options.control.ensure_not_interrupted()?;
        fsops::write_all(file, bytes, path)
    })?;
    if unpacked.fault.is_none() && unpacked.observed.sha256 == row.sha256 {
        return Ok(());
    }
    Err(changing(pack))
}

/// Makes a directory and those above it, as far as they are missing.
fn make_directories(root: &Dir, path: &str) -> Result<()> {
    match root.open_dir(path) {
        Ok(_) => return Ok(()),
        Err(Error::Io { source, .. }) if is_absent(&source) && !is_not_a_directory(&source) => {}
        Err(error) => return Err(error),
    }
    let (parent, name) = match path.rsplit_once('/') {
        Some((above, name)) => {
            make_directories(root, above)?;
            (root.open_dir(above)?, name)
        }
        None => (root.again()?, path),
    };
    parent.create_dir(name, DIRECTORY_MODE)?;
    parent.open_dir(name)?.set_mode(DIRECTORY_MODE)
}

fn is_not_a_directory(source: &std::io::Error) -> bool {
    Errno::from_io_error(source) == Some(Errno::NOTDIR)
}

fn make_file(root: &Dir, path: &str) -> Result<(File, Utf8PathBuf)> {
    let (parent, name) = match path.rsplit_once('/') {
        Some((above, name)) => {
            make_directories(root, above)?;
            (root.open_dir(above)?, name)
        }
        None => (root.again()?, path),
    };
    let file = parent.create_file(name, FILE_MODE)?;
    let shown = parent.at(name);
    fsops::set_file_mode(&file, FILE_MODE, &shown)?;
    Ok((file, shown))
}

/// Returns why a name has no place on the disk, where that is the pack's matter.
fn why_unwritable(error: Error) -> Result<String> {
    let Error::Io { source, .. } = &error else {
        return Err(error);
    };
    match Errno::from_io_error(source) {
        Some(Errno::EXIST | Errno::NOTDIR) => {
            Ok("another path of the pack is in its way".to_owned())
        }
        Some(Errno::ILSEQ | Errno::INVAL | Errno::NAMETOOLONG) => {
            Ok(format!("the file system cannot hold its name ({source})"))
        }
        _ => Err(error),
    }
}
