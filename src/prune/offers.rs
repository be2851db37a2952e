//! What slots are for: each belongs to the offer to roll one commit back.
//!
//! A slot's tree goes back by rolling back the commit that holds it. Where that one is itself undone,
//! it first comes back by rolling back the rollback, so its slots belong to that offer. Commits that
//! lie over an offer must be rolled back before it: it is worth nothing without their slots.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::id::{SlotId, TransactionId};
use crate::journal::Journal;
use crate::journal::retention::{MovedUnit, RetainedSlot};
use crate::journal::undo;

/// The slots that the rollback of one commit needs for itself.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) tx: TransactionId,
    pub(super) slots: Vec<RetainedSlot>,
    /// Places in [`Offers::all`] of the offers that must be taken before this one; all are younger.
    pub(super) after: Vec<usize>,
    /// Whether nothing must be rolled back before it.
    pub(super) is_next: bool,
}

impl Offer {
    pub(super) fn bytes(&self) -> u64 {
        let bytes = self.slots.iter().map(|slot| slot.bytes);
        bytes.fold(0, u64::saturating_add)
    }

    pub(super) fn has_tree(&self) -> bool {
        self.slots.iter().any(|slot| slot.has_tree)
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.slots.iter().any(|slot| slot.is_pinned)
    }

    /// Returns when the youngest of its slots was exchanged last.
    pub(super) fn held_since_ms(&self) -> i64 {
        let since = self.slots.iter().map(|slot| slot.held_since_ms);
        since.max().unwrap_or(0)
    }
}

/// All offers that have a slot, oldest first.
#[derive(Debug)]
pub(super) struct Offers {
    pub(super) all: Vec<Offer>,
}

impl Offers {
    pub(super) fn load(journal: &Journal) -> Result<Self> {
        let commits = journal.committed()?;
        let undone = undo::undone(&commits);
        let mut slots_of: BTreeMap<TransactionId, Vec<RetainedSlot>> = BTreeMap::new();
        for slot in journal.retained_slots()? {
            let offer = last_undoing(&undone, slot.holder);
            slots_of.entry(offer).or_default().push(slot);
        }
        let Some(oldest) = slots_of.keys().next().copied() else {
            return Ok(Self { all: Vec::new() });
        };
        let moved = journal.moved_units(oldest)?;
        let place_of: BTreeMap<SlotId, usize> = slots_of
            .values()
            .enumerate()
            .flat_map(|(place, slots)| slots.iter().map(move |slot| (slot.id, place)))
            .collect();
        let all = slots_of.into_iter().map(|(tx, slots)| {
            let over = in_the_way(&commits, &moved, tx);
            let mut after: Vec<usize> = moved
                .iter()
                .filter(|unit| over.binary_search(&unit.tx).is_ok())
                .filter_map(|unit| place_of.get(&unit.slot).copied())
                .collect();
            after.sort_unstable();
            after.dedup();
            Offer {
                tx,
                slots,
                after,
                is_next: over.is_empty(),
            }
        });
        Ok(Self { all: all.collect() })
    }
}

/// Returns the rollback in effect that a commit came to be undone by, or the commit itself.
fn last_undoing(
    undone: &BTreeMap<TransactionId, TransactionId>,
    tx: TransactionId,
) -> TransactionId {
    let mut at = tx;
    // Only a later commit undoes one, so this ends whatever the rows say.
    while let Some(by) = undone.get(&at).filter(|by| **by > at) {
        at = *by;
    }
    at
}

/// Returns the commits over `tx` that are still in effect, oldest first: those that touch what its
/// rollback moves at least.
fn in_the_way(
    commits: undo::Commits<'_>,
    moved: &[MovedUnit],
    tx: TransactionId,
) -> Vec<TransactionId> {
    let own: Vec<_> = moved
        .iter()
        .filter(|unit| unit.tx == tx)
        .map(|unit| &unit.least)
        .collect();
    let touches = |unit: &MovedUnit| own.iter().any(|path| overlap(path, &unit.path));
    let mut over: Vec<_> = moved
        .iter()
        .filter(|unit| unit.tx > tx && touches(unit))
        .map(|unit| unit.tx)
        .collect();
    over.dedup();
    let is_over = |id: &TransactionId| over.binary_search(id).is_ok();
    let in_the_way: BTreeSet<_> = undo::turned_since(commits, tx)
        .into_iter()
        .filter(|turned| is_over(&turned.by) || is_over(&turned.undo))
        .map(|turned| turned.undo)
        .collect();
    in_the_way.into_iter().collect()
}

/// Returns whether one of two paths lies at or below the other.
fn overlap(a: &str, b: &str) -> bool {
    let lies_below = |path: &str, above: &str| {
        above.is_empty()
            || path
                .strip_prefix(above)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    lies_below(a, b) || lies_below(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_overlap_where_one_holds_the_other() {
        for (a, b, expected) in [
            ("", "user/a", true),
            ("resources/a", "resources/a", true),
            ("resources/a", "resources/a/b", true),
            ("resources/a", "resources/ab", false),
            ("resources", "user", false),
        ] {
            assert_eq!(
                (overlap(a, b), overlap(b, a)),
                (expected, expected),
                "{a} {b}"
            );
        }
    }

    #[test]
    fn a_commit_undone_and_undone_again_belongs_to_the_last_rollback() {
        let id = TransactionId;
        let undone = BTreeMap::from([(id(2), id(3)), (id(3), id(5))]);
        assert_eq!(last_undoing(&undone, id(2)), id(5));
        assert_eq!(last_undoing(&undone, id(4)), id(4));
    }
}
