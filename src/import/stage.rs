//! Staging an import: the new trees in slots, verified and synced, and the units that they make.

use camino::Utf8Path;

use crate::assembly::{self, Source};
use crate::checks::Phase as CheckPhase;
use crate::control::{Control, Phase};
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::fsops::{Stat, Syncer};
use crate::index::{self, PackRecords};
use crate::intake::Intake;
use crate::journal::Journal;
use crate::journal::prepare::{TreeIdentity, Unit, UnitAction};
use crate::layout::Layout;
use crate::live;
use crate::plan;
use crate::policy::Policies;
use crate::selection::Selector;
use crate::session::Session;
use crate::slot::SlotTree;
use crate::staging::{Keeps, Staging, Tree};
use crate::stat_cache::StatCache;
use crate::target::{PlannedUnit, Roots};
use crate::transaction::Transaction;
use crate::unpack::{self, FileRows, IntoSlots};

/// What is ready to be committed.
pub(super) struct Staged {
    pub(super) units: Vec<Unit>,
    pub(super) left_out: Vec<String>,
}

/// What is taken of a pack, and what stays beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taking<'a> {
    pub(super) selector: &'a Selector,
    /// Whether what the pack has not stays.
    pub(super) is_merge: bool,
    pub(super) control: &'a Control,
}

impl Taking<'_> {
    /// Stages the rows of the tree to be, which for a merge are those of the live tree too. Returns
    /// the paths that are left out.
    pub(super) fn stage_rows(
        &self,
        layout: &Layout,
        intake: &Intake,
        roots: &Roots,
        units: &[PlannedUnit],
        files: FileRows,
        cache: Option<&mut StatCache>,
    ) -> Result<Vec<String>> {
        let staging = &intake.staging;
        let left_out = unpack::stage_rows(staging, roots, units, self.selector, files)?;
        if self.is_merge {
            scan_live(layout, staging, units, cache, self.control)?;
            intake.ensure(CheckPhase::Merge)?;
            for unit in exchanged(units) {
                staging.merge_live(&EntryPath::parse(&unit.path).unwrap_or_default())?;
            }
        }
        Ok(left_out)
    }

    /// Returns whether all of the pack is taken, and nothing stays beside it.
    const fn is_everything(&self) -> bool {
        !self.is_merge && self.selector.is_everything()
    }

    /// Returns how many bytes of the pack are written at most.
    fn needed_bytes(&self, intake: &Intake) -> Result<u64> {
        if !self.is_everything() {
            return intake.staging.new_bytes();
        }
        Ok(intake.audit.unpacked_bytes)
    }

    /// Copies live files that stay as they are into the slots.
    fn keep_files(
        &self,
        layout: &Layout,
        staging: &Staging,
        units: &[PlannedUnit],
        slots: &mut [SlotTree],
        cache: Option<&mut StatCache>,
    ) -> Result<()> {
        let sources: Vec<_> = exchanged(units)
            .map(|unit| {
                Ok(Source {
                    tree: live::open_unit(layout, &unit.path)?,
                    base: EntryPath::parse(&unit.path).unwrap_or_default(),
                })
            })
            .collect::<Result<_>>()?;
        let choose = |path: &EntryPath| {
            let is_kept = staging.is_kept(path)?;
            let mut sources = sources.iter();
            let source = sources.find(|source| path.is_at_or_below(&source.base));
            Ok(source.filter(|_| is_kept))
        };
        assembly::copy_files(staging, slots, &choose, cache, self.control)
    }
}

/// Writes the new trees into slots, verified, synced and planned.
pub(super) fn stage(
    tx: &mut Transaction<'_>,
    intake: &mut Intake,
    roots: &Roots,
    policies: &Policies,
    taking: &Taking<'_>,
) -> Result<Staged> {
    let control = taking.control;
    let session = &mut *tx.session;
    let units = roots.units(&session.layout)?;
    let cache = session.cache.as_mut();
    let files = if taking.is_everything() {
        FileRows::AfterTheirBytes
    } else {
        FileRows::AtOnce
    };
    let left_out = taking.stage_rows(&session.layout, intake, roots, &units, files, cache)?;
    ensure_space(session, intake.reader.path(), taking.needed_bytes(intake)?)?;
    let mut slots = make_slots(tx, &units)?;
    tx.syncer = syncer_of(&slots)?;
    write(tx, intake, roots, &units, &mut slots, taking)?;
    if let Some(syncer) = &tx.syncer {
        syncer.begin_last()?;
    }
    if files == FileRows::AfterTheirBytes {
        unpack::stage_files(&intake.staging, roots, &units, &left_out)?;
    }
    if !taking.is_merge {
        compare_live(tx.session, intake, &units, &mut slots, control)?;
    }
    intake.ensure_policies(policies, control)?;
    let staging = &intake.staging;
    control.begin(Phase::Syncing, 0, 0);
    load_committed(&tx.session.journal, staging, &units)?;
    stage_index(&tx.session.journal, staging, roots, &units, &slots, taking)?;
    let units = identify(staging, &units, &slots)?;
    control.ensure_not_interrupted()?;
    Ok(Staged { units, left_out })
}

/// Writes directories and files of the new trees.
fn write(
    tx: &mut Transaction<'_>,
    intake: &Intake,
    roots: &Roots,
    units: &[PlannedUnit],
    slots: &mut [SlotTree],
    taking: &Taking<'_>,
) -> Result<()> {
    let (pack, staging, control) = (intake.reader.path(), &intake.staging, taking.control);
    let Transaction {
        session, syncer, ..
    } = tx;
    let (layout, prefix) = (&session.layout, roots.prefix.clone());
    if taking.is_merge {
        unpack::make_directories(pack, staging, slots)?;
        taking.keep_files(layout, staging, units, slots, session.cache.as_mut())?;
        let into = IntoSlots::new(pack, slots, prefix, syncer.as_ref()).only_staged();
        intake.read_bytes(&into, session.cache.as_mut(), control)?;
        return assembly::set_modes(staging, slots);
    }
    unpack::make_directories_while(pack, staging, slots, intake.jobs, |made| {
        let mut into = IntoSlots::new(pack, slots, prefix, syncer.as_ref()).into_those(made);
        if !taking.selector.is_everything() {
            into = into.only_staged();
        }
        intake.read_bytes(&into, session.cache.as_mut(), control)
    })
}

/// Lists what the new trees replace, while they become durable.
fn compare_live(
    session: &mut Session,
    intake: &Intake,
    units: &[PlannedUnit],
    slots: &mut [SlotTree],
    control: &Control,
) -> Result<()> {
    let (layout, staging) = (&session.layout, &intake.staging);
    scan_live(layout, staging, units, session.cache.as_mut(), control)?;
    let has_carried = unpack::carry_control_files(layout, staging, slots)?;
    match slots.first() {
        // These came after the last sync had begun.
        Some(slot) if has_carried => slot.dir().sync_file_system(),
        _ => Ok(()),
    }
}

/// Returns the units that replace something.
fn exchanged(units: &[PlannedUnit]) -> impl Iterator<Item = &PlannedUnit> {
    units
        .iter()
        .filter(|unit| unit.action == UnitAction::Exchange)
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

/// Makes who syncs the new trees. All slots are on one file system; the first is open before anything
/// is written.
pub(crate) fn syncer_of(slots: &[SlotTree]) -> Result<Option<Syncer>> {
    let made = slots.first().map(|slot| Syncer::new(slot.dir()));
    made.transpose()
}

/// Lists the live trees that would be replaced.
pub(super) fn scan_live(
    layout: &Layout,
    staging: &Staging,
    units: &[PlannedUnit],
    mut cache: Option<&mut StatCache>,
    control: &Control,
) -> Result<()> {
    for unit in exchanged(units) {
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

/// Holds the live trees against what the journal expects at the roots; loads that where they differ.
fn load_committed(journal: &Journal, staging: &Staging, units: &[PlannedUnit]) -> Result<()> {
    let mut is_as_committed = true;
    for unit in units {
        is_as_committed = is_as_committed
            && staging.is_live_same(&unit.path, |visit| {
                journal.for_each_committed(&unit.path, &mut |entry| {
                    visit(&entry.path, &entry.kind, entry.bytes, entry.sha256.as_ref())
                })
            })?;
    }
    if is_as_committed {
        staging.set_as_committed();
        return Ok(());
    }
    units.iter().try_for_each(|unit| {
        journal.for_each_committed(&unit.path, &mut |entry| {
            staging.add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
        })
    })
}

/// Stages the content index of the new trees, once their rows and files are there.
fn stage_index(
    journal: &Journal,
    staging: &Staging,
    roots: &Roots,
    units: &[PlannedUnit],
    slots: &[SlotTree],
    taking: &Taking<'_>,
) -> Result<()> {
    let paths: Vec<_> = units.iter().map(|unit| unit.path.as_str()).collect();
    let keeps = if taking.is_merge {
        Keeps::Unchanged
    } else {
        Keeps::Nothing
    };
    let takes = |path: &EntryPath, kind| taking.selector.takes(path, kind);
    let pack = PackRecords {
        prefix: &roots.prefix,
        takes: (!taking.selector.is_everything()).then_some(&takes),
    };
    index::stage_index(journal, staging, &paths, keeps, Some(pack), &|path| {
        read_staged(slots, path)
    })
}

/// Reads a small file of the new trees.
pub(crate) fn read_staged(slots: &[SlotTree], path: &str) -> Result<Option<Vec<u8>>> {
    match slots.iter().find(|slot| slot.holds(path)) {
        Some(slot) => index::read_small(slot.open_file(path)?, Utf8Path::new(path)),
        None => Ok(None),
    }
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
