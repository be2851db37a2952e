//! Asks a file system whether it can do what a commit needs, by doing it with scratch directories.
//!
//! Overlayfs can, but for directories that came with a lower layer, unless `redirect_dir` is on: they
//! cannot be moved (EXDEV). It says so before it looks at the target, so a rename that must fail tells
//! which ones they are: onto a directory that is not empty.

use std::io;

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::fsops::{self, Dir};
use crate::layout::{self, Layout};
use crate::uri::Scope;

/// Scratch names in the staging directory; what a crash leaves of them is cleared with it.
const A: &str = "probe-a";
const B: &str = "probe-b";
const INSIDE: &str = "inside";

/// Fails unless directories can be exchanged, moved without replacing, and moved between the live
/// root and our own directory, the scopes that are there included.
///
/// # Errors
/// [`Error::FileSystemUnsupported`], [`Error::OtherDevice`].
pub(crate) fn ensure_supported(layout: &Layout) -> Result<()> {
    let live = layout.open_live()?;
    if !live.stat()?.is_on_same_mount(&layout.control().stat()?) {
        return Err(Error::OtherDevice {
            path: live.path().to_owned(),
        });
    }
    let scratch = layout.control().open_dir(layout::STAGING)?;
    clear(&scratch)?;
    let probed = probe(&scratch);
    clear(&scratch)?;
    probed?;
    if live.is_overlay()? {
        let probed = ensure_movable(&live, &scratch);
        clear(&scratch)?;
        probed?;
    }
    Ok(())
}

/// Tries whether a copy of a file can share its blocks.
pub(crate) fn shares_blocks(layout: &Layout) -> Result<bool> {
    let scratch = layout.control().open_dir(layout::STAGING)?;
    clear(&scratch)?;
    let tried = try_sharing(&scratch);
    clear(&scratch)?;
    tried
}

fn try_sharing(scratch: &Dir) -> Result<bool> {
    let mut from = scratch.create_file(A, 0o600)?;
    fsops::write_all(&mut from, INSIDE.as_bytes(), &scratch.at(A))?;
    let to = scratch.create_file(B, 0o600)?;
    fsops::shares_blocks(&from, &to, &scratch.at(B))
}

/// Fails where a scope cannot be moved, and so nothing below it that came with it.
fn ensure_movable(live: &Dir, scratch: &Dir) -> Result<()> {
    scratch.create_dir(A, fsops::PRIVATE_MODE)?;
    scratch
        .open_dir(A)?
        .create_dir(INSIDE, fsops::PRIVATE_MODE)?;
    for scope in Scope::ALL {
        let scope = scope.as_str();
        if live.stat_at(scope)?.is_none() {
            continue;
        }
        match fsops::replace(live, scope, scratch, A) {
            Err(Error::Io { source, .. }) if Errno::from_io_error(&source) == Some(Errno::XDEV) => {
                let ability = "move a directory that came with a lower layer";
                let path = live.at(scope);
                return Err(Error::FileSystemUnsupported {
                    path,
                    ability,
                    source,
                });
            }
            Err(_) => {}
            // No kernel does it; were it done, the scope must not stay where `clear` deletes it.
            Ok(()) => {
                let back = fsops::move_noreplace(scratch, A, live, scope);
                back.map_err(|source| Error::io("rename", scratch.at(A), source))?;
                let source = io::Error::other("it replaced a directory that was not empty");
                return Err(unsupported(scratch, "keep a directory", source));
            }
        }
    }
    Ok(())
}

fn probe(scratch: &Dir) -> Result<()> {
    scratch.create_dir(A, fsops::PRIVATE_MODE)?;
    scratch.create_dir(B, fsops::PRIVATE_MODE)?;
    scratch
        .open_dir(A)?
        .create_dir(INSIDE, fsops::PRIVATE_MODE)?;
    let exchange = "exchange two directories atomically";
    fsops::exchange(scratch, A, scratch, B).map_err(|source| refused(scratch, exchange, source))?;
    if scratch.open_dir(B)?.stat_at(INSIDE)?.is_none() {
        let source = io::Error::other("the exchange was reported as done, but was not");
        return Err(unsupported(scratch, exchange, source));
    }
    let rename = "rename without replacing";
    match fsops::move_noreplace(scratch, A, scratch, B) {
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(refused(scratch, rename, source)),
        Ok(()) => Err(unsupported(
            scratch,
            rename,
            io::Error::other("it replaced a directory"),
        )),
    }
}

/// A file system that does not know the operation says so; anything else is a fault of the moment.
fn refused(scratch: &Dir, ability: &'static str, source: io::Error) -> Error {
    let is_unknown = matches!(
        Errno::from_io_error(&source),
        Some(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP | Errno::NOTTY | Errno::PERM)
    );
    if is_unknown {
        unsupported(scratch, ability, source)
    } else {
        Error::io(ability, scratch.path(), source)
    }
}

fn unsupported(scratch: &Dir, ability: &'static str, source: io::Error) -> Error {
    Error::FileSystemUnsupported {
        path: scratch.path().to_owned(),
        ability,
        source,
    }
}

fn clear(scratch: &Dir) -> Result<()> {
    scratch.remove_tree(A)?;
    scratch.remove_tree(B)
}
