//! Which commits are undone: a commit and the rollback that undoes it cancel each other, and so on
//! recursively, so that undoing twice goes two steps back and undoing an undo brings it back.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::TransactionId;

/// Commits and what each undoes, oldest first.
pub(crate) type Commits<'a> = &'a [(TransactionId, Option<TransactionId>)];

/// Returns for each undone commit the rollback in effect that undoes it.
pub(crate) fn undone(commits: Commits<'_>) -> BTreeMap<TransactionId, TransactionId> {
    let mut undone = BTreeMap::new();
    for (id, undoes) in commits.iter().rev() {
        if let Some(target) = undoes
            && !undone.contains_key(id)
        {
            undone.insert(*target, *id);
        }
    }
    undone
}

/// Returns which of `later` still lie over what was before them, newest first: those that no later
/// one undoes. A rollback of one among them cancels with it; a rollback of an earlier one stays.
pub(crate) fn in_the_way(later: Commits<'_>) -> Vec<TransactionId> {
    let among: BTreeSet<_> = later.iter().map(|(id, _)| *id).collect();
    let mut cancelled = BTreeSet::new();
    for (id, undoes) in later.iter().rev() {
        if let Some(target) = undoes.filter(|target| among.contains(target))
            && !cancelled.contains(id)
        {
            cancelled.extend([*id, target]);
        }
    }
    among
        .into_iter()
        .rev()
        .filter(|id| !cancelled.contains(id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commits(list: &[(i64, i64)]) -> Vec<(TransactionId, Option<TransactionId>)> {
        list.iter()
            .map(|(id, undoes)| {
                (
                    TransactionId(*id),
                    (*undoes > 0).then_some(TransactionId(*undoes)),
                )
            })
            .collect()
    }

    fn ids(ids: &[i64]) -> Vec<TransactionId> {
        ids.iter().copied().map(TransactionId).collect()
    }

    #[test]
    fn a_rollback_cancels_with_what_it_undoes() {
        // 2 is undone by 3, brought back by 4, undone again by 5.
        let all = commits(&[(1, 0), (2, 0), (3, 2), (4, 3), (5, 2)]);
        assert_eq!(undone(&all[..3]).into_keys().collect::<Vec<_>>(), ids(&[2]));
        assert_eq!(undone(&all[..4]).into_keys().collect::<Vec<_>>(), ids(&[3]));
        assert_eq!(undone(&all).get(&TransactionId(2)), Some(&TransactionId(5)));
        assert_eq!(in_the_way(&all[1..3]), ids(&[]));
        assert_eq!(in_the_way(&all[1..4]), ids(&[2]));
        assert_eq!(in_the_way(&all[1..]), ids(&[]));
    }

    #[test]
    fn a_rollback_of_something_earlier_stands_in_the_way() {
        // 1 and 2 were undone by 4 and 3; bringing 2 back (undoing 3) must wait for 4.
        let all = commits(&[(1, 0), (2, 0), (3, 2), (4, 1)]);
        assert_eq!(in_the_way(&all[3..]), ids(&[4]));
        assert_eq!(in_the_way(&all[1..3]), ids(&[]));
    }
}
