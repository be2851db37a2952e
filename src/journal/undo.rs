//! Which commits are undone: a commit and the rollback that undoes it cancel each other, and so on
//! recursively, so that undoing twice goes two steps back and undoing an undo brings it back.
//!
//! Seen from afar a store is a set of *acts* (commits that are no rollbacks), each on or off; a
//! rollback, of whatever and of however many, turns some of them off or on again.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::TransactionId;

/// Commits and what each undoes, oldest first.
pub(crate) type Commits<'a> = &'a [(TransactionId, Vec<TransactionId>)];

/// Returns for each undone commit the rollback in effect that undoes it.
pub(crate) fn undone(commits: Commits<'_>) -> BTreeMap<TransactionId, TransactionId> {
    let mut undone = BTreeMap::new();
    for (id, undoes) in commits.iter().rev() {
        if !undone.contains_key(id) {
            undone.extend(undoes.iter().map(|target| (*target, *id)));
        }
    }
    undone
}

/// An act that is not as a commit left it: off and was on, or on and was off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    /// The act.
    pub(crate) act: TransactionId,
    /// The commit that turned it last: itself or a rollback.
    pub(crate) by: TransactionId,
    /// The commit to undo, so that the act is again as it was: the act where it came later and is
    /// on, whatever was undone and redone in between; else the rollback.
    pub(crate) undo: TransactionId,
}

/// Acts that are on or off, by the commits so far.
#[derive(Debug, Default)]
pub(crate) struct Acts {
    /// What each commit turns: itself, or what all that it undoes turn.
    turns: BTreeMap<TransactionId, BTreeSet<TransactionId>>,
    /// Whether an act is on, and the commit that turned it last.
    state: BTreeMap<TransactionId, (bool, TransactionId)>,
}

impl Acts {
    /// Follows the commits.
    pub(crate) fn after(commits: Commits<'_>) -> Self {
        let mut acts = Self::default();
        for (id, undoes) in commits {
            let turned: BTreeSet<_> = if undoes.is_empty() {
                BTreeSet::from([*id])
            } else {
                let targets = undoes.iter().filter_map(|target| acts.turns.get(target));
                targets.flatten().copied().collect()
            };
            for act in &turned {
                let was_on = acts.is_on(*act);
                acts.state.insert(*act, (!was_on, *id));
            }
            acts.turns.insert(*id, turned);
        }
        acts
    }

    fn is_on(&self, act: TransactionId) -> bool {
        self.state.get(&act).is_some_and(|(is_on, _)| *is_on)
    }

    /// Returns whether a commit turned an act.
    pub(crate) fn has_turned(&self, commit: TransactionId, act: TransactionId) -> bool {
        let turned = self.turns.get(&commit);
        turned.is_some_and(|turned| turned.contains(&act))
    }

    /// Returns the acts that are on, newest first.
    pub(crate) fn on(&self) -> impl Iterator<Item = TransactionId> {
        let newest_first = self.state.iter().rev();
        newest_first
            .filter(|(_, (is_on, _))| *is_on)
            .map(|(act, _)| *act)
    }

    /// Returns whether undoing a commit turns acts off and none on.
    pub(crate) fn is_taken_away_by_undoing(&self, commit: TransactionId) -> bool {
        let turned = self.turns.get(&commit);
        turned.is_some_and(|turned| turned.iter().all(|act| self.is_on(*act)))
    }

    /// Returns whether a commit took something away, and undoing it brings all of that back.
    pub(crate) fn is_brought_back_by_undoing(&self, commit: TransactionId) -> bool {
        self.turns.get(&commit).is_some_and(|turned| {
            !turned.contains(&commit) && turned.iter().all(|act| !self.is_on(*act))
        })
    }
}

/// Returns the acts that are not as the commit `since` left them, by act.
pub(crate) fn turned_since(commits: Commits<'_>, since: TransactionId) -> Vec<Turned> {
    let until = commits.partition_point(|(id, _)| *id <= since);
    let then = Acts::after(commits.get(..until).unwrap_or_default());
    let now = Acts::after(commits);
    now.state
        .iter()
        .filter(|(act, (is_on, _))| then.is_on(**act) != *is_on)
        .map(|(act, (is_on, by))| Turned {
            act: *act,
            by: *by,
            undo: if *is_on && *act > since { *act } else { *by },
        })
        .collect()
}

/// Returns the commit that turned back all that a commit had turned; `None` where something of it is
/// still as that left it.
pub(crate) fn taken_back_by(commits: Commits<'_>, commit: TransactionId) -> Option<TransactionId> {
    let acts = Acts::after(commits);
    let turned = acts.turns.get(&commit)?;
    let since: BTreeMap<_, _> = turned_since(commits, commit)
        .into_iter()
        .map(|turned| (turned.act, turned.by))
        .collect();
    let by: Option<Vec<_>> = turned.iter().map(|act| since.get(act).copied()).collect();
    by?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commits(list: &[(i64, &[i64])]) -> Vec<(TransactionId, Vec<TransactionId>)> {
        list.iter()
            .map(|(id, undoes)| (TransactionId(*id), ids(undoes)))
            .collect()
    }

    fn ids(ids: &[i64]) -> Vec<TransactionId> {
        ids.iter().copied().map(TransactionId).collect()
    }

    fn in_the_way(commits: Commits<'_>, since: i64) -> Vec<TransactionId> {
        let turned = turned_since(commits, TransactionId(since));
        let undo: BTreeSet<_> = turned.iter().map(|turned| turned.undo).collect();
        undo.into_iter().rev().collect()
    }

    #[test]
    fn a_rollback_cancels_with_what_it_undoes() {
        // 2 is undone by 3, brought back by 4, undone again by 5.
        let all = commits(&[(1, &[]), (2, &[]), (3, &[2]), (4, &[3]), (5, &[2])]);
        assert_eq!(undone(&all[..3]).into_keys().collect::<Vec<_>>(), ids(&[2]));
        assert_eq!(undone(&all[..4]).into_keys().collect::<Vec<_>>(), ids(&[3]));
        assert_eq!(undone(&all).get(&TransactionId(2)), Some(&TransactionId(5)));
        assert_eq!(in_the_way(&all[..3], 1), ids(&[]));
        assert_eq!(in_the_way(&all[..4], 1), ids(&[2]));
        assert_eq!(in_the_way(&all, 1), ids(&[]));
    }

    #[test]
    fn a_rollback_of_something_earlier_stands_in_the_way() {
        // 1 and 2 were undone by 4 and 3; bringing 2 back (undoing 3) must wait for 4.
        let all = commits(&[(1, &[]), (2, &[]), (3, &[2]), (4, &[1])]);
        assert_eq!(in_the_way(&all, 3), ids(&[4]));
        assert_eq!(in_the_way(&all[..3], 1), ids(&[]));
    }

    #[test]
    fn a_redo_whose_effect_is_gone_is_taken_back_by_whoever_took_it_back() {
        // 3 brings 1 back; 5 undoes 1 and 4 as one.
        let all = commits(&[(1, &[]), (2, &[1]), (3, &[2]), (4, &[]), (5, &[4, 1])]);
        let by = |until: usize, tx| taken_back_by(&all[..until], TransactionId(tx));
        assert_eq!(by(4, 3), None);
        assert_eq!(by(5, 3), Some(TransactionId(5)));
        assert_eq!(by(5, 4), Some(TransactionId(5)));
        assert_eq!(by(5, 5), None);
    }

    #[test]
    fn a_rollback_of_several_cancels_with_all_of_them_and_comes_back_as_one() {
        // 4 undoes 1 and 3 as one; 2 lies elsewhere.
        let all = commits(&[
            (1, &[]),
            (2, &[]),
            (3, &[]),
            (4, &[3, 1]),
            (5, &[4]),
            (6, &[3]),
        ]);
        let undone_by_4: Vec<_> = undone(&all[..4]).into_iter().collect();
        let four = TransactionId(4);
        assert_eq!(
            undone_by_4,
            [(TransactionId(1), four), (TransactionId(3), four)]
        );
        // Of 4 only that it undid 1 is news to 2: 3 came and went.
        let turned = Turned {
            act: TransactionId(1),
            by: four,
            undo: four,
        };
        assert_eq!(turned_since(&all[..4], TransactionId(2)), [turned]);
        assert_eq!(in_the_way(&all[..4], 1), ids(&[4, 2]));
        // Brought back, each of them is an act of its own again.
        assert_eq!(in_the_way(&all[..5], 1), ids(&[3, 2]));
        assert_eq!(in_the_way(&all, 5), ids(&[6]));
        assert!(Acts::after(&all[..5]).is_taken_away_by_undoing(TransactionId(5)));
        assert!(!Acts::after(&all).is_taken_away_by_undoing(TransactionId(5)));
        assert!(!Acts::after(&all[..4]).is_taken_away_by_undoing(TransactionId(4)));
    }
}
