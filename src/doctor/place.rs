//! Where the store is: what the file system can do, how much it still holds, who else works there.

use std::fmt;

use super::report::{Cure, Told};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::fsops::Dir;
use crate::journal::Journal;
use crate::kind::Kind;
use crate::layout::{self, Layout};
use crate::lock::{self, WriterLock};
use crate::probe;
use crate::uri::Scope;

/// Free bytes below which the next act is likely to fail: its scratch database and its journal rows.
const BYTES_LEAST: u64 = 8 << 20;
/// The same for files.
const FILES_LEAST: u64 = 100;

/// Files and bytes of the live tree; `None` where they are not known.
pub(super) type Size = Option<(u64, u64)>;

pub(super) fn settings(layout: &Layout) -> Result<Told> {
    Settings::of_control(layout.control())?.ensure_consistent()?;
    let path = layout.path_of(layout::CONFIG);
    Ok(match layout.control().stat_at(layout::CONFIG)? {
        Some(_) => Told::ok(format!("{path} is understood")),
        None => Told::ok("no settings file; every setting has its default"),
    })
}

pub(super) fn writer_lock(layout: &Layout, lock: &Result<Option<WriterLock>>) -> Told {
    match lock {
        Ok(Some(_)) => Told::ok("free"),
        Ok(None) => {
            let by = lock::holder(layout.control(), layout::LOCK).map_or_else(
                || "another process".to_owned(),
                |holder| format!("process {holder}"),
            );
            Told::ok(format!("held by {by}, which is at work"))
        }
        Err(error) => Told::unseen(error),
    }
}

/// Scratch directories are only made where no writer clears them away.
pub(super) fn exchange(layout: &Layout, is_free: bool) -> Result<Told> {
    if !is_free {
        return Ok(Told::warning(
            "not tried while another process works on the store",
        ));
    }
    match probe::ensure_supported(layout) {
        Ok(()) => Ok(Told::ok("two directories are exchanged atomically")),
        Err(error @ Error::Io { .. }) => Ok(Told::unseen(&error)),
        Err(error) => Err(error),
    }
}

pub(super) fn reflink(layout: &Layout, is_free: bool) -> Told {
    if !is_free {
        return Told::warning("not tried while another process works on the store");
    }
    match probe::shares_blocks(layout) {
        Ok(true) => Told::ok("a copy shares its blocks with the original"),
        Ok(false) => Told::ok(
            "copies take space of their own here; only merges and reverts of single paths copy",
        ),
        Err(error) => Told::unseen(&error),
    }
}

/// Asks for names that are there, in upper case: nothing is written.
pub(super) fn case(layout: &Layout) -> Result<Told> {
    let live = layout.open_live()?;
    let mut folding = Vec::new();
    for (dir, name) in [
        (layout.root(), layout::CONTROL),
        (layout.control(), layout::JOURNAL),
    ] {
        if is_folded(dir, name)? {
            folding.push(dir.at(name).into_string());
        }
    }
    for scope in Scope::ALL {
        if is_folded(&live, scope.as_str())? {
            folding.push(live.at(scope.as_str()).into_string());
        }
    }
    if folding.is_empty() {
        return Ok(Told::ok("upper and lower case are told apart"));
    }
    let message = "upper and lower case are one here: a pack whose names differ in nothing else is refused or read back otherwise";
    Ok(Told::warning(message).listing(folding))
}

fn is_folded(dir: &Dir, name: &str) -> Result<bool> {
    let (there, upper) = (dir.stat_at(name)?, dir.stat_at(&name.to_ascii_uppercase())?);
    Ok(match (there, upper) {
        (Some(there), Some(upper)) => (there.inode, there.device) == (upper.inode, upper.device),
        _ => false,
    })
}

/// Shows bytes as people compare them, rounded up: what is there is never 0.
struct Mebibytes(u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0.div_ceil(1 << 20))
    }
}

/// An act that replaces everything writes the live tree once more before it exchanges it.
pub(super) fn space(layout: &Layout, journal: &Journal, size: Size) -> Result<Told> {
    let space = layout.control().free_space()?;
    let files = space.files.map_or_else(
        || "any number of files".to_owned(),
        |files| format!("{files} files"),
    );
    let (_, slot_bytes, pinned_bytes) = journal.held_slots()?;
    let room = format!("{} and {files} free", Mebibytes(space.bytes));
    let short_of =
        |bytes, files| space.bytes < bytes || space.files.is_some_and(|free| free < files);
    let old = slot_bytes.saturating_sub(pinned_bytes);
    let told = if short_of(BYTES_LEAST, FILES_LEAST) {
        Told::problem(
            Kind::NoSpace,
            format!("{room}; the next act will hardly find room"),
        )
    } else {
        match size {
            Some((files, bytes)) if short_of(bytes, files) => Told::warning(format!(
                "{room}; to replace everything takes {} and {files} files more",
                Mebibytes(bytes)
            )),
            _ => return Ok(Told::ok(room)),
        }
    };
    if old == 0 {
        return Ok(told);
    }
    Ok(told
        .listing(vec![format!(
            "old trees hold {}; a prune frees what no next rollback needs, and all of it where none is kept",
            Mebibytes(old)
        )])
        .cured_by(Cure::Prune))
}

pub(super) fn neighbour(alone: Result<()>) -> Result<Told> {
    match alone {
        Ok(()) => Ok(Told::ok("no sign that OpenViking works on the directory")),
        Err(error @ Error::InUse { .. }) => Ok(Told::warning(format!(
            "OpenViking seems to work on the directory: {error}"
        ))),
        Err(error) => Err(error),
    }
}
