//! What a rollback would move: its units, their trees, and everything in the way.

use crate::control::Control;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::fsops::Dir;
use crate::id::TransactionId;
use crate::journal::Journal;
use crate::journal::prepare::{TreeIdentity, Unit, UnitAction};
use crate::journal::transactions::TransactionRow;
use crate::journal::undo;
use crate::layout::{self, Layout};
use crate::live;
use crate::plan::{self, ChangeCounts};
use crate::staging::{LiveRow, StagedRow, Staging, Tree};
use crate::stat_cache::StatCache;
use crate::uri::Uri;

use super::RollbackOptions;
use super::drift::Drift;

/// What a rollback would move, and the plan that comes of it.
pub(super) struct Planned {
    pub(super) units: Vec<Unit>,
    pub(super) counts: ChangeCounts,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Looks at everything that a rollback needs, and changes nothing.
pub(super) fn plan_rollback(
    layout: &Layout,
    journal: &Journal,
    mut cache: Option<&mut StatCache>,
    staging: &Staging,
    row: &TransactionRow,
    options: &RollbackOptions,
) -> Result<Planned> {
    let done = journal.units(row.id)?;
    let chosen: Vec<String> = done
        .iter()
        .map(|unit| choose_path(layout, unit, row))
        .collect::<Result<_>>()?;
    ensure_nothing_later(journal, row.id, &chosen)?;
    let mut units = Vec::new();
    let mut drift = Drift::default();
    for (unit, path) in done.iter().zip(&chosen) {
        let trees = take_trees(
            layout,
            journal,
            cache.as_deref_mut(),
            staging,
            row,
            unit,
            path,
            &options.control,
        )?;
        units.extend(trees.into_unit(unit, path, staging, &mut drift)?);
        load_expected(journal, staging, row.id, unit, path)?;
    }
    drift.add_external_changes(staging)?;
    if drift.total > 0 && !options.force {
        return Err(Error::Drift {
            paths: drift.paths,
            total: drift.total,
        });
    }
    staging.predict_external_changes()?;
    let (counts, files, bytes) = plan::counts_at(staging, &chosen)?;
    Ok(Planned {
        units,
        counts,
        files,
        bytes,
    })
}

/// Loads what the journal expects before and after, of what is moved and of the directories above it
/// that came with it: other content below those is not this rollback's.
fn load_expected(
    journal: &Journal,
    staging: &Staging,
    undone: TransactionId,
    unit: &Unit,
    chosen: &str,
) -> Result<()> {
    let chosen = EntryPath::parse(chosen).unwrap_or_default();
    let is_ours = |path: &str| {
        let path = EntryPath::parse(path).unwrap_or_default();
        path.is_at_or_below(&chosen) || chosen.is_at_or_below(&path)
    };
    journal.for_each_committed(&unit.path, &mut |entry| {
        if is_ours(&entry.path) {
            staging.add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
        } else {
            Ok(())
        }
    })?;
    journal.for_each_predicted(&unit.path, undone, &mut |entry| {
        if is_ours(&entry.path) {
            staging.add_predicted(&entry.path, &entry.kind, entry.bytes, entry.sha256)
        } else {
            Ok(())
        }
    })
}

/// Created directories that stay, because they hold something else, are in both trees.
fn keep_above(layout: &Layout, staging: &Staging, unit: &Unit, chosen: &EntryPath) -> Result<()> {
    let top = EntryPath::parse(&unit.path).unwrap_or_default();
    let live = layout.open_live()?;
    let mut at = chosen.parent();
    while let Some(path) = at.filter(|path| path.is_at_or_below(&top)) {
        if let Some(stat) = live.stat_at(&path)? {
            staging.add_live(&LiveRow {
                path: &path,
                stat: &stat,
                sha256: None,
            })?;
            let row = StagedRow {
                path: path.to_string(),
                kind: EntryKind::Directory,
                mode: stat.mode,
                bytes: 0,
                sha256: None,
            };
            staging.stage(&row)?;
        }
        at = path.parent();
    }
    Ok(())
}

/// A created unit goes away as the highest directory that was created and holds nothing else;
/// every other unit as it came.
fn choose_path(layout: &Layout, unit: &Unit, row: &TransactionRow) -> Result<String> {
    if unit.action != UnitAction::Create {
        return Ok(unit.path.clone());
    }
    let top = EntryPath::parse(&unit.path).unwrap_or_default();
    let root = Uri::parse_exact(&row.uri)
        .map(|uri| uri.path().clone())
        .unwrap_or_default();
    let mut chosen = if root.is_at_or_below(&top) {
        root
    } else {
        top.clone()
    };
    let live = layout.open_live()?;
    while chosen != top
        && let Some(parent) = chosen.parent()
    {
        let names = match live.open_dir(&parent).and_then(|dir| dir.names()) {
            Err(error) if error.is_absent() => Vec::new(),
            names => names?,
        };
        if names.iter().any(|name| name.to_str() != chosen.leaf()) {
            break;
        }
        chosen = parent;
    }
    Ok(chosen.to_string())
}

/// Later commits on the same, a containing or a contained unit must be rolled back first.
fn ensure_nothing_later(journal: &Journal, id: TransactionId, chosen: &[String]) -> Result<()> {
    let overlap = |a: &str, b: &str| {
        let (a, b) = (
            EntryPath::parse(a).unwrap_or_default(),
            EntryPath::parse(b).unwrap_or_default(),
        );
        a.is_at_or_below(&b) || b.is_at_or_below(&a)
    };
    let mut later = Vec::new();
    for (other, undoes) in journal
        .committed()?
        .into_iter()
        .filter(|(other, _)| *other > id)
    {
        let units = journal.units(other)?;
        if units
            .iter()
            .any(|unit| chosen.iter().any(|path| overlap(&unit.path, path)))
        {
            later.push((other, undoes));
        }
    }
    match undo::in_the_way(&later) {
        later if later.is_empty() => Ok(()),
        later => Err(Error::LaterTransactions { tx: id, later }),
    }
}

/// The two trees of a unit, as they are.
struct Trees {
    /// Inode of the live tree at the chosen path.
    live: Option<u64>,
    /// Inode of the tree in the slot.
    slot: Option<u64>,
    /// The slot's tree is not what was recorded.
    is_slot_changed: bool,
}

#[expect(
    clippy::too_many_arguments,
    reason = "one unit's whole surroundings, used once"
)]
fn take_trees(
    layout: &Layout,
    journal: &Journal,
    mut cache: Option<&mut StatCache>,
    staging: &Staging,
    row: &TransactionRow,
    unit: &Unit,
    path: &str,
    control: &Control,
) -> Result<Trees> {
    let id = unit.slot.to_string();
    let slot = journal.slot(unit.slot)?.filter(|slot| slot.state == "held");
    let slot = slot.ok_or(Error::SlotPruned {
        tx: row.id,
        slot: id.clone(),
    })?;
    let held = open_held(layout, unit).map_err(|error| {
        if error.is_absent() {
            let detail = "its directory is gone".to_owned();
            return Error::SlotDamaged {
                tx: row.id,
                slot: id.clone(),
                detail,
            };
        }
        error
    })?;
    if held.is_some() != slot.has_tree {
        let detail = if slot.has_tree {
            "its tree is gone"
        } else {
            "it holds a tree, but should hold none"
        };
        return Err(Error::SlotDamaged {
            tx: row.id,
            slot: id,
            detail: detail.to_owned(),
        });
    }
    let base = EntryPath::parse(path).unwrap_or_default();
    if let Some(tree) = &held {
        plan::scan(
            tree,
            &base,
            Tree::Staged,
            staging,
            cache.as_deref_mut(),
            control,
        )?;
    }
    let is_slot_changed = held.is_some()
        && Some(plan::tree_digest(staging, Tree::Staged, path)?.0) != slot.tree_digest;
    if let Some(tree) = open_live(layout, path)? {
        plan::scan(&tree, &base, Tree::Live, staging, cache, control)?;
    }
    keep_above(layout, staging, unit, &base)?;
    let inode = |dir: Option<Dir>| {
        dir.map(|dir| dir.stat())
            .transpose()
            .map(|stat| stat.map(|stat| stat.inode))
    };
    Ok(Trees {
        live: inode(open_live(layout, path)?)?,
        slot: inode(held)?,
        is_slot_changed,
    })
}

impl Trees {
    /// Decides what the unit's rename is. What should be there and is not, or the other way round,
    /// is drift; with force the rename fits what is there.
    fn into_unit(
        self,
        done: &Unit,
        path: &str,
        staging: &Staging,
        drift: &mut Drift,
    ) -> Result<Option<Unit>> {
        let action = match (self.slot, self.live) {
            (Some(_), Some(_)) => Some(UnitAction::Exchange),
            (Some(_), None) => Some(UnitAction::Create),
            (None, Some(_)) => Some(UnitAction::Remove),
            (None, None) => None,
        };
        if action != Some(done.action.inverse()) {
            drift.add(format!("viking://{path}"));
        }
        if self.is_slot_changed {
            drift.add(format!("slot {}", done.slot));
        }
        let identity = |inode: Option<u64>, tree: Tree| -> Result<Option<TreeIdentity>> {
            let Some(inode) = inode else { return Ok(None) };
            let (digest, bytes) = plan::tree_digest(staging, tree, path)?;
            Ok(Some(TreeIdentity {
                inode,
                digest,
                bytes,
            }))
        };
        let (old, new) = (
            identity(self.live, Tree::Live)?,
            identity(self.slot, Tree::Staged)?,
        );
        Ok(action.map(|action| Unit {
            path: path.to_owned(),
            action,
            slot: done.slot,
            old,
            new,
        }))
    }
}

fn open_held(layout: &Layout, unit: &Unit) -> Result<Option<Dir>> {
    let slot = layout.open_slot(unit.slot)?;
    match slot.stat_at(layout::TREE)? {
        Some(_) => slot.open_dir(layout::TREE).map(Some),
        None => Ok(None),
    }
}

fn open_live(layout: &Layout, unit: &str) -> Result<Option<Dir>> {
    match live::open_unit(layout, unit) {
        Ok(dir) => Ok(Some(dir)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}
