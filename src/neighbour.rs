//! Signs that `OpenViking` works on an adopted directory: its path locks in the live tree, and pid
//! and lock files of a running server in the account's directory, or in the workspace above it.
//!
//! A sign that a dead process left behind is none, but for a path lock, which does not say whose it
//! is.

use std::io::Read as _;

use camino::Utf8Path;

use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind};
use crate::lock;
use crate::tree::{self, Descend};
use crate::uri::Scope;

/// `OpenViking`'s lock on a directory.
const PATH_LOCK: &str = ".path.ovlock";
/// Where a workspace keeps its accounts.
const ACCOUNTS: &str = "viking";
/// Longest pid file that is read, in bytes.
const READ_BYTES_MAX: u64 = 1 << 20;

/// Fails with [`Error::InUse`] at the first sign in an account's directory; changes nothing.
pub(crate) fn ensure_alone(directory: &Dir) -> Result<()> {
    let account = directory.path();
    ensure_no_server_in(account)?;
    let accounts = account
        .parent()
        .filter(|dir| dir.file_name() == Some(ACCOUNTS));
    if let Some(workspace) = accounts.and_then(Utf8Path::parent) {
        ensure_no_server_in(workspace)?;
    }
    ensure_no_path_lock(directory)
}

fn ensure_no_path_lock(live: &Dir) -> Result<()> {
    for scope in Scope::ALL {
        let stat = live.stat_at(scope.as_str())?;
        if stat.is_none_or(|stat| stat.kind != FileKind::Directory) {
            continue;
        }
        let root = live.open_dir(scope.as_str())?;
        let visit = &mut |found: &tree::Found<'_>| {
            if found.name == PATH_LOCK {
                let path = found.dir.at(found.name);
                let sign = "a path lock of OpenViking";
                return Err(Error::InUse { path, sign });
            }
            Ok(Descend::Below)
        };
        // What no pack can hold is refused by the act itself, where it is in the way.
        tree::walk_from(&root, &scope.path(), visit, &mut |_| Ok(()))?;
    }
    Ok(())
}

/// Looks for the files of a server that runs. A directory that cannot be listed shows none.
fn ensure_no_server_in(path: &Utf8Path) -> Result<()> {
    let Ok(dir) = Dir::open(path) else {
        return Ok(());
    };
    dir.each_name(&mut |name| {
        let Some(name) = name.to_str() else {
            return Ok(());
        };
        let sign = match Utf8Path::new(name).extension() {
            Some("pid") if is_of_running_process(&dir, name) => "the pid file of a running process",
            Some("lock") if lock::is_held(&dir, name) => "a lock file that a process holds",
            None if name == "LOCK" && lock::is_held(&dir, name) => {
                "a lock file that a process holds"
            }
            _ => return Ok(()),
        };
        let path = dir.at(name);
        Err(Error::InUse { path, sign })
    })
}

fn is_of_running_process(dir: &Dir, name: &str) -> bool {
    let text = dir.open_file(name).ok().and_then(|file| {
        let mut text = String::new();
        file.take(READ_BYTES_MAX).read_to_string(&mut text).ok()?;
        Some(text)
    });
    let pid = text.and_then(|text| text.split_whitespace().next()?.parse::<u32>().ok());
    pid.is_some_and(|pid| Dir::open(Utf8Path::new(&format!("/proc/{pid}"))).is_ok())
}
