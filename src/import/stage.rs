//! Staging an import: the new trees in slots, verified and synced, and the units that they make.

use camino::Utf8Path;

use crate::clock;
use crate::control::{Control, Phase};
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::fsops::Stat;
use crate::intake::Intake;
use crate::journal::Journal;
use crate::journal::prepare::{TreeIdentity, Unit, UnitAction};
use crate::layout::Layout;
use crate::live;
use crate::plan;
use crate::policy::Policies;
use crate::session::Session;
use crate::slot::SlotTree;
use crate::staging::{Staging, Tree};
use crate::stat_cache::StatCache;
use crate::target::{PlannedUnit, Roots};
use crate::transaction::Transaction;
use crate::unpack::{self, IntoSlots};

/// What is ready to be committed.
pub(super) struct Staged {
    pub(super) units: Vec<Unit>,
    pub(super) left_out: Vec<String>,
    /// When the written files were synced, for the stat cache.
    pub(super) taken_ns: i128,
}

/// Writes the new trees into slots, verified, synced and planned.
pub(super) fn stage(
    tx: &mut Transaction<'_>,
    intake: &mut Intake,
    roots: &Roots,
    policies: &Policies,
    control: &Control,
) -> Result<Staged> {
    let staging = &intake.staging;
    let units = roots.units(&tx.session.layout)?;
    ensure_space(
        tx.session,
        intake.reader.path(),
        intake.audit.unpacked_bytes,
    )?;
    let left_out = unpack::stage_rows(staging, roots, &units)?;
    let mut slots = make_slots(tx, &units)?;
    unpack::make_directories(intake.reader.path(), staging, &mut slots)?;
    intake.read_bytes(
        &mut IntoSlots::new(intake.reader.path(), &mut slots, roots.prefix.clone()),
        control,
    )?;
    let session = &mut *tx.session;
    scan_live(
        &session.layout,
        staging,
        &units,
        session.cache.as_mut(),
        control,
    )?;
    unpack::carry_control_files(&session.layout, staging, &mut slots)?;
    intake.ensure_policies(policies, control)?;
    let staging = &intake.staging;
    control.begin(Phase::Syncing, 0, 0);
    // All slots are on one file system; the first was opened before anything was written.
    if let Some(slot) = slots.first() {
        slot.dir().sync_file_system()?;
    }
    let taken_ns = clock::now_ns();
    load_committed(&session.journal, staging, &units)?;
    let units = identify(staging, &units, &slots)?;
    control.ensure_not_interrupted()?;
    Ok(Staged {
        units,
        left_out,
        taken_ns,
    })
}

fn ensure_space(session: &Session, pack: &Utf8Path, needed_bytes: u64) -> Result<()> {
    let free_bytes = session.layout.control().free_bytes()?;
    if needed_bytes > free_bytes {
        return Err(Error::TooLargeForDisk {
            path: pack.to_owned(),
            needed_bytes,
            free_bytes,
        });
    }
    Ok(())
}

/// Makes the slots of a transaction's new trees, one a unit.
pub(crate) fn make_slots(tx: &mut Transaction<'_>, units: &[PlannedUnit]) -> Result<Vec<SlotTree>> {
    let above = tx.session.layout.highest_slot()?;
    let ids = tx.session.journal.make_slots(tx.id, units.len(), above)?;
    let pairs = units.iter().zip(ids);
    pairs
        .map(|(unit, id)| SlotTree::make(&tx.session.layout, id, &unit.path, unit.ownership))
        .collect()
}

/// Lists the live trees that would be replaced.
pub(super) fn scan_live(
    layout: &Layout,
    staging: &Staging,
    units: &[PlannedUnit],
    mut cache: Option<&mut StatCache>,
    control: &Control,
) -> Result<()> {
    for unit in units
        .iter()
        .filter(|unit| unit.action == UnitAction::Exchange)
    {
        let root = live::open_unit(layout, &unit.path)?;
        let base = EntryPath::parse(&unit.path).unwrap_or_default();
        plan::scan(
            &root,
            &base,
            Tree::Live,
            staging,
            cache.as_deref_mut(),
            control,
        )?;
    }
    Ok(())
}

/// Loads what the journal expects at the roots.
fn load_committed(journal: &Journal, staging: &Staging, units: &[PlannedUnit]) -> Result<()> {
    units.iter().try_for_each(|unit| {
        journal.for_each_committed(&unit.path, &mut |entry| {
            staging.add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
        })
    })
}

/// Tells each unit by its two trees, as recovery knows them again.
pub(crate) fn identify(
    staging: &Staging,
    units: &[PlannedUnit],
    slots: &[SlotTree],
) -> Result<Vec<Unit>> {
    let pairs = units.iter().zip(slots);
    pairs
        .map(|(unit, slot)| {
            let (digest, bytes) = plan::tree_digest(staging, Tree::Staged, &unit.path)?;
            let new = slot.stat_tree()?.map(|stat: Stat| TreeIdentity {
                inode: stat.inode,
                digest,
                bytes,
            });
            let (digest, bytes) = plan::tree_digest(staging, Tree::Live, &unit.path)?;
            let old = unit.old_inode.map(|inode| TreeIdentity {
                inode,
                digest,
                bytes,
            });
            Ok(Unit {
                path: unit.path.clone(),
                action: unit.action,
                slot: slot.id(),
                old,
                new,
            })
        })
        .collect()
}

/// Files that were just written need not be read to be known.
pub(crate) fn remember_written(session: &mut Session, staging: &Staging, taken_ns: i128) {
    let Some(cache) = session.cache.as_mut() else {
        return;
    };
    let remembered =
        staging.for_each_written(&mut |inode, size_bytes, mtime_ns, ctime_ns, sha256| {
            let stat = Stat::of_file(size_bytes, inode, mtime_ns, ctime_ns);
            cache.remember(&stat, &sha256, taken_ns);
        });
    // Only knowledge is lost where this fails.
    remembered.unwrap_or(());
    cache.flush();
}
