//! Live files and slots against what the journal says that they hold; every file is read.

use serde::Serialize;

use crate::control::{Control, Phase};
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind};
use crate::journal::Journal;
use crate::journal::verify::HeldSlot;
use crate::layout::{self, Layout};
use crate::plan;
use crate::staging::{Staging, Tree};
use crate::uri::Scope;

/// Most differences that are listed; the counts are exact.
const LISTED: usize = 1_000;

/// A live path that differs from what the last commit left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DriftedPath {
    /// Its URI.
    pub uri: String,
    /// `added`, `changed` or `missing`.
    pub drift: String,
}

/// What was read of live files and slots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ContentReport {
    /// Live files that were read.
    pub live_files: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Live paths that differ from what the last commit left; the first 1,000.
    pub drift: Vec<DriftedPath>,
    /// How many there are.
    pub drift_total: u64,
    /// What stands in the live tree and no pack can hold; the first 1,000.
    pub unpackable: Vec<String>,
    /// Slots that hold a tree, all of it as recorded.
    pub slots: u64,
    /// Files of those trees that were read.
    pub slot_files: u64,
    /// Their bytes.
    pub slot_bytes: u64,
}

/// Reads every live file and every tree that waits in a slot.
///
/// # Errors
/// [`Error::SlotDamaged`] with the files that differ; [`Error::RecoveryPending`] where a transaction
/// is on its way, so that nobody can tell which tree belongs where.
pub(crate) fn read_all(
    layout: &Layout,
    journal: &Journal,
    control: &Control,
) -> Result<ContentReport> {
    if journal.has_open_prepared()? {
        let path = layout.root().path().to_owned();
        return Err(Error::RecoveryPending { path });
    }
    control.begin(Phase::Scanning, 0, 0);
    let mut report = ContentReport::default();
    for slot in journal.held_trees()? {
        let (files, bytes) = verify_slot(layout, journal, &slot, control)?;
        report.slots += u64::from(slot.has_tree);
        report.slot_files += files;
        report.slot_bytes = report.slot_bytes.saturating_add(bytes);
    }
    read_live(layout, journal, control, &mut report)?;
    Ok(report)
}

fn read_live(
    layout: &Layout,
    journal: &Journal,
    control: &Control,
    report: &mut ContentReport,
) -> Result<()> {
    let staging = Staging::make(None)?;
    let live = layout.open_live()?;
    for scope in Scope::ALL {
        let there = live.stat_at(scope.as_str())?;
        if there.is_some_and(|stat| stat.kind == FileKind::Directory) {
            let unpackable = &mut report.unpackable;
            let wrong = &mut |error: Error| {
                if unpackable.len() < LISTED {
                    unpackable.push(error.to_string());
                }
                Ok(())
            };
            let root = live.open_dir(scope.as_str())?;
            plan::scan_all(
                &root,
                &scope.path(),
                Tree::Live,
                &staging,
                None,
                control,
                wrong,
            )?;
        }
    }
    journal.for_each_committed("", &mut |entry| {
        staging.add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
    })?;
    let (files, bytes) = sums(&staging)?;
    (report.live_files, report.live_bytes) = (files, bytes);
    staging.for_each_drift(&mut |drift, path| {
        report.drift_total += 1;
        if report.drift.len() < LISTED {
            let uri = format!("viking://{}", EntryPath::parse(path).unwrap_or_default());
            let drift = drift.to_owned();
            report.drift.push(DriftedPath { uri, drift });
        }
    })
}

/// Returns files and bytes of a slot's tree, which is what was recorded.
pub(crate) fn verify_slot(
    layout: &Layout,
    journal: &Journal,
    slot: &HeldSlot,
    control: &Control,
) -> Result<(u64, u64)> {
    let Some(tree) = open_tree_of(layout, slot)? else {
        return Ok((0, 0));
    };
    let damaged = |detail: String| damaged(slot, detail);
    let staging = Staging::make(None)?;
    let base = EntryPath::parse(&slot.path).unwrap_or_default();
    let mut strange = Vec::new();
    let wrong = &mut |error: Error| {
        if strange.len() < LISTED {
            strange.push(error.to_string());
        }
        Ok(())
    };
    plan::scan_all(&tree, &base, Tree::Live, &staging, None, control, wrong)?;
    let (digest, _) = plan::tree_digest(&staging, Tree::Live, &slot.path)?;
    if strange.is_empty() && Some(digest) == slot.tree_digest {
        return sums(&staging);
    }
    journal.for_each_replaced_by(slot.holder, &slot.path, &mut |entry| {
        staging.add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
    })?;
    staging.for_each_drift(&mut |drift, path| {
        if strange.len() < LISTED {
            let below = EntryPath::parse(path).unwrap_or_default();
            let below = below.strip_prefix(&base).unwrap_or_default();
            strange.push(format!("{below} {}", told(drift)));
        }
    })?;
    if strange.is_empty() {
        let expected = slot
            .tree_digest
            .map_or_else(|| "none".to_owned(), |digest| digest.to_string());
        strange.push(format!(
            "a mode differs: the tree's digest is {digest}, recorded is {expected}"
        ));
    }
    Err(damaged(strange.join(", ")))
}

/// Opens the tree in a slot; `None` where there is none and none should be.
///
/// # Errors
/// [`Error::SlotDamaged`] where there is one and should be none, or the other way round.
pub(crate) fn open_tree_of(layout: &Layout, slot: &HeldSlot) -> Result<Option<Dir>> {
    let held = match open_tree(layout, slot) {
        Err(error) if error.is_absent() => None,
        held => held?,
    };
    match (held, slot.has_tree) {
        (None, true) => Err(damaged(slot, "its tree is gone".to_owned())),
        (Some(_), false) => Err(damaged(
            slot,
            "it holds a tree, but should hold none".to_owned(),
        )),
        (held, _) => Ok(held),
    }
}

fn damaged(slot: &HeldSlot, detail: String) -> Error {
    Error::SlotDamaged {
        tx: slot.holder,
        slot: slot.id.to_string(),
        detail,
    }
}

fn told(drift: &str) -> &str {
    match drift {
        "added" => "was put there",
        "missing" => "is gone",
        _ => "has other content",
    }
}

fn open_tree(layout: &Layout, slot: &HeldSlot) -> Result<Option<Dir>> {
    let dir = layout.open_slot(slot.id)?;
    match dir.stat_at(layout::TREE)? {
        Some(_) => dir.open_dir(layout::TREE).map(Some),
        None => Ok(None),
    }
}

fn sums(staging: &Staging) -> Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0_u64);
    staging.for_each_in(Tree::Live, "", &mut |row| {
        files += u64::from(row.kind == EntryKind::File);
        bytes = bytes.saturating_add(row.bytes);
        Ok(())
    })?;
    Ok((files, bytes))
}
