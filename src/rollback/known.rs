//! Plans of rollbacks that make no row of a path, because the journal knows both trees.
//!
//! Either nobody looks at any file, and trees are taken for what the journal says that they are; or
//! they are summed up, and each sum is what the journal recorded. What the journal's rules expect
//! after the rollback is then what was there when the slot got its tree, unless other change sets lie
//! over one another than did then: those are compared, not the paths. It is not so where, say, an edit
//! from outside was recorded by a commit that is undone since, and lies now over an older tree.

use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Result;
use crate::fsops::Dir;
use crate::id::TransactionId;
use crate::journal::prepare::TreeIdentity;
use crate::plan::{self, ChangeCounts};
use crate::staging::{StagedRow, Staging};
use crate::tree_sum::{self, TreeSum};

use super::composition::{Composition, Move, open_after};
use super::plan::{Look, Planned, Seen, unit_of};

/// Plans without looking at any file, where the journal has the digests of all trees. No two of the
/// moves overlap.
pub(super) fn plan_by_journal(look: &mut Look<'_>) -> Result<Planned> {
    let moves = &look.composition.moves;
    let Some(old_trees) = look.last_trees()? else {
        return look.plan_by_looking(true);
    };
    let mut planned = Planned::default();
    for (moved, old) in moves.iter().zip(old_trees) {
        let new = match look.held_tree(moved)? {
            Some((tree, row)) => {
                let (inode, bytes) = (tree.stat()?.inode, row.bytes);
                let identity = |digest| TreeIdentity {
                    inode,
                    digest,
                    bytes,
                };
                row.tree_digest.map(identity)
            }
            None => None,
        };
        planned
            .units
            .extend(unit_of(moved, old, new, &mut planned.drift));
    }
    if planned.drift.total > 0 {
        // A root that is gone cannot be overlooked: there is nothing to move.
        look.obstacles.meet(planned.drift.to_error())?;
    }
    for moved in moves {
        look.keep_above(moved)?;
        if !look.is_expected_after(moved)? {
            look.load_correction(moved)?;
        }
    }
    look.with_counts(planned)
}

/// Plans by the sums of both trees. `None` where one of them is not exactly what was recorded, or the
/// journal's rules would not expect it: then paths must be told from one another.
pub(super) fn plan_by_sums(look: &mut Look<'_>) -> Result<Option<Planned>> {
    let composition = look.composition;
    if composition.overlaps() || !composition.later.is_empty() {
        return Ok(None);
    }
    let mut planned = Planned::default();
    let mut seen = Vec::new();
    for moved in &composition.moves {
        let old = match open_after(look.layout, &[], &moved.path)?.0 {
            None => None,
            Some(dir) => {
                let Some(sum) = look.sum_up(&dir, &moved.path)? else {
                    return Ok(None);
                };
                Some((dir.stat()?.inode, sum))
            }
        };
        if !look.is_as_committed(&moved.path, old.as_ref().map(|(_, sum)| sum))? {
            return Ok(None);
        }
        let new = match look.held_tree(moved)? {
            None => None,
            Some((tree, row)) => match look.sum_up(&tree, &moved.path)? {
                Some(sum) if Some(sum.digest) == row.tree_digest => Some((tree.stat()?.inode, sum)),
                _ => return Ok(None),
            },
        };
        if !look.is_expected_after(moved)? {
            return Ok(None);
        }
        let identity = |tree: &(u64, TreeSum)| TreeIdentity {
            inode: tree.0,
            digest: tree.1.digest,
            bytes: tree.1.bytes,
        };
        let (old_tree, new_tree) = (old.as_ref().map(identity), new.as_ref().map(identity));
        let unit = unit_of(moved, old_tree, new_tree, &mut planned.drift);
        seen.extend(
            unit.clone()
                .map(|unit| (unit, old.map(|(_, sum)| sum.versions))),
        );
        planned.units.extend(unit);
        look.keep_above(moved)?;
    }
    planned.drift.add_external_changes(look.staging)?;
    if planned.drift.total > 0 {
        return Ok(None);
    }
    planned.seen = Seen::Sums(seen);
    look.with_counts(planned).map(Some)
}

impl Look<'_> {
    /// Returns the trees that the last commits left at what is moved; `None` where the journal knows of
    /// one only its paths, or a larger one that contains it, and so no digest.
    fn last_trees(&self) -> Result<Option<Vec<Option<TreeIdentity>>>> {
        let mut trees = Vec::new();
        for moved in &self.composition.moves {
            let Some(dir) = open_after(self.layout, &[], &moved.path)?.0 else {
                trees.push(None);
                continue;
            };
            let Some(known) = self.journal.last_tree_at(&moved.path)? else {
                return Ok(None);
            };
            let inode = dir.stat()?.inode;
            trees.push(Some(TreeIdentity { inode, ..known }));
        }
        Ok(Some(trees))
    }

    fn sum_up(&mut self, dir: &Dir, path: &EntryPath) -> Result<Option<TreeSum>> {
        tree_sum::sum_up(dir, path, self.cache.as_deref_mut(), self.control)
    }

    /// Returns whether what is live at and below a path is what the last commit left: by the tree's
    /// digest, and where that knows more (modes), or none was recorded of just this tree, by content.
    fn is_as_committed(&self, path: &EntryPath, live: Option<&TreeSum>) -> Result<bool> {
        if let Some(live) = live
            && let Some(known) = self.journal.last_tree_at(path)?
            && known.digest == live.digest
        {
            return Ok(true);
        }
        let mut is_there = false;
        let mut expected = live.map(|live| live.content.of_nothing());
        self.journal.for_each_committed(path, &mut |entry| {
            is_there = true;
            if let Some(expected) = &mut expected {
                let (kind, sha256) = (&entry.kind, entry.sha256.as_ref());
                tree_sum::add_content(expected, &entry.path, kind, entry.bytes, sha256);
            }
            Ok(())
        })?;
        Ok(match (live, &expected) {
            (Some(live), Some(expected)) => live.content.is_same(expected),
            _ => !is_there,
        })
    }

    /// Returns whether the journal's rules alone expect, after the rollback, what the slot holds.
    fn is_expected_after(&self, moved: &Move) -> Result<bool> {
        let undone = &self.composition.undone;
        match self.journal.holder_of(moved.done.slot)? {
            Some(holder) => self.journal.is_state_before(holder, &moved.path, undone),
            None => Ok(false),
        }
    }

    /// Loads what the slot got by the journal, and what its rules expect in its place.
    fn load_correction(&self, moved: &Move) -> Result<()> {
        let (journal, staging, path) = (self.journal, self.staging, &moved.path);
        self.for_each_held(moved, &mut |row| staging.stage(row))?;
        let undone = &self.composition.undone;
        journal.for_each_predicted_in(path, true, undone, &mut |entry| {
            staging.add_predicted(&entry.path, &entry.kind, entry.bytes, entry.sha256)
        })
    }

    /// Calls `visit` for each entry that the slot holds, by the journal: what its holder found.
    fn for_each_held(
        &self,
        moved: &Move,
        visit: &mut dyn FnMut(&StagedRow) -> Result<()>,
    ) -> Result<()> {
        let Some(holder) = self.journal.holder_of(moved.done.slot)? else {
            return Ok(());
        };
        self.journal
            .for_each_replaced_by(holder, &moved.path, &mut |entry| {
                visit(&StagedRow {
                    path: entry.path,
                    kind: EntryKind::from_name(&entry.kind).unwrap_or(EntryKind::File),
                    mode: 0,
                    bytes: entry.bytes,
                    sha256: entry.sha256,
                })
            })
    }

    /// Counts the changes from what the journal says to be live to what it says to be held.
    fn with_counts(&self, planned: Planned) -> Result<Planned> {
        let (counts, files, bytes) = match self.counts_of_undoing()? {
            Some(counted) => counted,
            None => self.counts_by_rows()?,
        };
        Ok(Planned {
            counts,
            files,
            bytes,
            ..planned
        })
    }

    /// Returns the counts of the one commit that is undone, the other way round; `None` where both
    /// trees are not exactly those that it had.
    fn counts_of_undoing(&self) -> Result<Option<(ChangeCounts, u64, u64)>> {
        let Composition { undone, moves, .. } = self.composition;
        let [tx]: [TransactionId; 1] = match undone.as_slice().try_into() {
            Ok(one) => one,
            Err(_) => return Ok(None),
        };
        // What was found changed from outside since then lies between the changes that come and go:
        // they do not add up.
        if self.journal.has_external_changes_over(tx)? {
            return Ok(None);
        }
        for moved in moves {
            if !self.journal.is_state_before(tx, &moved.path, undone)? {
                return Ok(None);
            }
        }
        let (mut counts, files, bytes) = self.journal.counts_of_undoing(tx)?;
        // Directories that came with it and stay, because they hold something else, do not go.
        let stay = moves.iter().map(|moved| moved.made_above().len() as u64);
        counts.removed = counts.removed.saturating_sub(stay.sum());
        Ok(Some((counts, files, bytes)))
    }

    fn counts_by_rows(&self) -> Result<(ChangeCounts, u64, u64)> {
        let rows = Staging::make(None)?;
        for moved in &self.composition.moves {
            self.journal.for_each_committed(&moved.path, &mut |entry| {
                rows.add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
            })?;
            self.for_each_held(moved, &mut |row| {
                rows.add_predicted(&row.path, row.kind.as_str(), row.bytes, row.sha256)
            })?;
        }
        rows.plan_what_is_expected()?;
        plan::counts(&rows)
    }
}
