//! What a rollback would move: its units, their trees, and everything in the way.

use crate::control::Control;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::fsops::Dir;
use crate::id::TransactionId;
use crate::jobs::Jobs;
use crate::journal::Journal;
use crate::journal::prepare::{TreeIdentity, Unit, UnitAction};
use crate::journal::slots::SlotRow;
use crate::layout::{self, Layout};
use crate::live;
use crate::plan::{self, ChangeCounts};
use crate::staging::{LiveRow, StagedRow, Staging, Tree};
use crate::stat_cache::StatCache;

use super::composition::{Composition, Move, open_after};
use super::drift::Drift;
use super::obstacles::Obstacles;

/// What a rollback would move, and the plan that comes of it.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) units: Vec<Unit>,
    pub(super) counts: ChangeCounts,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) drift: Drift,
    pub(super) seen: Seen,
}

/// What is known of the live trees, to tell whether they change before they are moved.
#[derive(Debug, Default)]
pub(super) enum Seen {
    /// Only which their roots are.
    #[default]
    Roots,
    /// Each entry: it is a row of staging.
    Rows,
    /// Each entry, in one sum for each unit that was there.
    Sums(Vec<(Unit, Option<Fingerprint>)>),
}

/// Where a rollback looks.
pub(super) struct Look<'a> {
    pub(super) layout: &'a Layout,
    pub(super) journal: &'a Journal,
    pub(super) staging: &'a Staging,
    pub(super) cache: Option<&'a mut StatCache>,
    pub(super) control: &'a Control,
    pub(super) composition: &'a Composition,
    pub(super) obstacles: &'a mut Obstacles,
    /// Whether the plan is wanted path by path, even where nothing differs from what was recorded.
    pub(super) is_path_by_path: bool,
}

/// Looks at every file that a rollback would move, and changes nothing.
pub(super) fn plan_by_scanning(look: &mut Look<'_>, force: bool) -> Result<Planned> {
    let moves = &look.composition.moves;
    let regions = look.composition.regions();
    for region in &regions {
        look.scan_live(region)?;
    }
    let mut planned = Planned::default();
    let mut changed_slots = Vec::new();
    for (at, moved) in moves.iter().enumerate() {
        let before = moves.get(..at).unwrap_or_default();
        let held = look.held_tree(moved)?;
        let old = look.old_tree(before, moved)?;
        let new = look.take_held(moved, held, &mut changed_slots)?;
        planned
            .units
            .extend(unit_of(moved, old, new, &mut planned.drift));
    }
    for moved in moves.iter().filter(|moved| regions.contains(&moved.path)) {
        look.keep_above(moved)?;
    }
    for region in &regions {
        look.load_expected(region)?;
    }
    planned.drift.add_external_changes(look.staging)?;
    planned
        .drift
        .add_slots(look.staging, look.composition, &changed_slots)?;
    if planned.drift.total > 0 && !force {
        look.obstacles.meet(planned.drift.to_error())?;
    }
    look.staging.predict_external_changes()?;
    let paths: Vec<String> = regions.iter().map(ToString::to_string).collect();
    let (counts, files, bytes) = plan::counts_at(look.staging, &paths)?;
    Ok(Planned {
        counts,
        files,
        bytes,
        seen: Seen::Rows,
        ..planned
    })
}

/// Decides what the unit's rename is. What should be there and is not, or the other way round, is
/// drift; with force the rename fits what is there.
pub(super) fn unit_of(
    moved: &Move,
    old: Option<TreeIdentity>,
    new: Option<TreeIdentity>,
    drift: &mut Drift,
) -> Option<Unit> {
    let action = match (new, old) {
        (Some(_), Some(_)) => Some(UnitAction::Exchange),
        (Some(_), None) => Some(UnitAction::Create),
        (None, Some(_)) => Some(UnitAction::Remove),
        (None, None) => None,
    };
    if action != Some(moved.done.action.inverse()) {
        drift.add(format!("viking://{}", moved.path));
    }
    action.map(|action| Unit {
        path: moved.path.to_string(),
        action,
        slot: moved.done.slot,
        old,
        new,
    })
}

impl Look<'_> {
    /// Lists what is live at a path. What no pack can hold is in the way: it could not come back.
    fn scan_live(&mut self, path: &EntryPath) -> Result<()> {
        let Some(tree) = open_after(self.layout, &[], path)?.0 else {
            return Ok(());
        };
        let obstacles = &mut *self.obstacles;
        plan::scan_all(
            &tree,
            path,
            Tree::Live,
            self.staging,
            self.cache.as_deref_mut(),
            self.control,
            &mut |error| obstacles.meet(error),
        )
    }

    /// Opens the tree that comes back; `None` too where its slot is not what it should be.
    pub(super) fn held_tree(&mut self, moved: &Move) -> Result<Option<(Dir, SlotRow)>> {
        let slot = moved.done.slot;
        let row = self.journal.slot(slot)?.filter(|row| row.state == "held");
        let Some(row) = row else {
            self.obstacles.meet(Error::SlotPruned {
                tx: moved.of,
                slot: slot.to_string(),
            })?;
            return Ok(None);
        };
        let held = match self.layout.open_slot(slot) {
            Err(error) if error.is_absent() => Err("its directory is gone"),
            opened => {
                let dir = opened?;
                match (dir.stat_at(layout::TREE)?, row.has_tree) {
                    (None, false) => Ok(None),
                    (None, true) => Err("its tree is gone"),
                    (Some(_), false) => Err("it holds a tree, but should hold none"),
                    (Some(_), true) => Ok(Some(dir.open_dir(layout::TREE)?)),
                }
            }
        };
        match held {
            Ok(tree) => Ok(tree.map(|tree| (tree, row))),
            Err(detail) => {
                self.obstacles.meet(Error::SlotDamaged {
                    tx: moved.of,
                    slot: slot.to_string(),
                    detail: detail.to_owned(),
                })?;
                Ok(None)
            }
        }
    }

    /// Returns the tree that a unit finds at its path, after the moves before it.
    fn old_tree(&mut self, before: &[Move], moved: &Move) -> Result<Option<TreeIdentity>> {
        let path = &moved.path;
        let is_covered = before.iter().any(|other| path.is_at_or_below(&other.path));
        let inner: Vec<_> = before
            .iter()
            .map(|other| &other.path)
            .filter(|other| other.is_at_or_below(path))
            .collect();
        let tree = if is_covered {
            Tree::Staged
        } else if inner.is_empty() {
            Tree::Live
        } else {
            // What is live, but for the trees that were put into it before.
            self.staging.keep_live(path, &inner)?;
            Tree::Staged
        };
        let Some(dir) = open_after(self.layout, before, path)?.0 else {
            return Ok(None);
        };
        let (digest, bytes) = plan::tree_digest(self.staging, tree, path)?;
        let inode = dir.stat()?.inode;
        Ok(Some(TreeIdentity {
            inode,
            digest,
            bytes,
        }))
    }

    /// Lists a slot's tree as what is there after the move, and notes whether it changed.
    fn take_held(
        &mut self,
        moved: &Move,
        held: Option<(Dir, SlotRow)>,
        changed: &mut Vec<usize>,
    ) -> Result<Option<TreeIdentity>> {
        let path = &moved.path;
        self.staging.forget_staged(path)?;
        let Some((tree, row)) = held else {
            return Ok(None);
        };
        let cache = self.cache.as_deref_mut();
        plan::scan(&tree, path, Tree::Staged, self.staging, cache, self.control)?;
        let (digest, bytes) = plan::tree_digest(self.staging, Tree::Staged, path)?;
        if Some(digest) != row.tree_digest {
            let at = |other: &Move| other.done.slot == moved.done.slot;
            changed.extend(self.composition.moves.iter().position(at));
        }
        let inode = tree.stat()?.inode;
        Ok(Some(TreeIdentity {
            inode,
            digest,
            bytes,
        }))
    }

    /// Created directories that stay, because they hold something else, are in both trees.
    pub(super) fn keep_above(&self, moved: &Move) -> Result<()> {
        let live = self.layout.open_live()?;
        for path in moved.made_above() {
            if let Some(stat) = live.stat_at(&path)? {
                self.staging.add_live(&LiveRow {
                    path: &path,
                    stat: &stat,
                    sha256: None,
                })?;
                self.staging.stage(&StagedRow {
                    path: path.to_string(),
                    kind: EntryKind::Directory,
                    mode: stat.mode,
                    bytes: 0,
                    sha256: None,
                })?;
            }
            self.load_expected_in(&path, false)?;
        }
        Ok(())
    }

    /// Loads what the journal expects before and after, of what is moved.
    fn load_expected(&self, region: &EntryPath) -> Result<()> {
        self.load_expected_in(region, true)
    }

    fn load_expected_in(&self, path: &EntryPath, and_below: bool) -> Result<()> {
        let (journal, staging) = (self.journal, self.staging);
        let undone: &[TransactionId] = &self.composition.undone;
        journal.for_each_committed_in(path, and_below, &mut |entry| {
            staging.add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
        })?;
        journal.for_each_predicted_in(path, and_below, undone, &mut |entry| {
            staging.add_predicted(&entry.path, &entry.kind, entry.bytes, entry.sha256)
        })
    }
}

/// The last look at what is moved, before it is.
pub(super) fn look_again(layout: &Layout, staging: &Staging, planned: &Planned) -> Result<()> {
    let units = &planned.units;
    let is_first_at_its_place = |at: usize, unit: &Unit| {
        let path = EntryPath::parse(&unit.path).unwrap_or_default();
        !units.iter().enumerate().any(|(other_at, other)| {
            let other = EntryPath::parse(&other.path).unwrap_or_default();
            path.is_at_or_below(&other) && (path != other || other_at < at)
        })
    };
    let first: Vec<_> = units
        .iter()
        .enumerate()
        .filter(|(at, unit)| is_first_at_its_place(*at, unit))
        .map(|(_, unit)| unit.clone())
        .collect();
    match &planned.seen {
        Seen::Roots => live::look_at_roots(layout, &first),
        Seen::Rows => live::look_again(layout, staging, &first),
        Seen::Sums(sums) => sums.iter().try_for_each(|(unit, seen)| {
            live::look_again_by_sum(layout, unit, seen.as_ref(), Jobs::default())
        }),
    }
}
