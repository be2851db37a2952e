//! Asks a file system whether it can do what a commit needs, by doing it with scratch directories.

use crate::error::{Error, Result};
use crate::fsops::{self, Dir};
use crate::layout::{self, Layout};

/// Scratch names in the staging directory; what a crash leaves of them is cleared with it.
const A: &str = "probe-a";
const B: &str = "probe-b";
const INSIDE: &str = "inside";

/// Fails unless directories can be exchanged, moved without replacing, and moved between the live
/// root and our own directory.
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
    probed
}

fn probe(scratch: &Dir) -> Result<()> {
    let unsupported = |ability| {
        move |source| Error::FileSystemUnsupported {
            path: scratch.path().to_owned(),
            ability,
            source,
        }
    };
    scratch.create_dir(A, fsops::PRIVATE_MODE)?;
    scratch.create_dir(B, fsops::PRIVATE_MODE)?;
    scratch
        .open_dir(A)?
        .create_dir(INSIDE, fsops::PRIVATE_MODE)?;
    fsops::exchange(scratch, A, scratch, B)
        .map_err(unsupported("exchange two directories atomically"))?;
    if scratch.open_dir(B)?.stat_at(INSIDE)?.is_none() {
        let source = std::io::Error::other("the exchange was reported as done, but was not");
        return Err(unsupported("exchange two directories atomically")(source));
    }
    match fsops::move_noreplace(scratch, A, scratch, B) {
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(source) => return Err(unsupported("rename without replacing")(source)),
        Ok(()) => {
            return Err(unsupported("rename without replacing")(
                std::io::Error::other("it replaced a directory"),
            ));
        }
    }
    Ok(())
}

fn clear(scratch: &Dir) -> Result<()> {
    scratch.remove_tree(A)?;
    scratch.remove_tree(B)
}
