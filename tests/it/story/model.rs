//! What a store should be, in memory: the live tree, what the journal says of it, and slots that hold
//! what was replaced. A commit exchanges trees; a rollback turns acts off, or on again.

use std::collections::{BTreeMap, BTreeSet};

use ovpack::{Digest, Receipt, SlotId, TransactionId};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    File(Vec<u8>),
}

impl Node {
    /// Returns the kind, size and digest as the journal has them.
    pub(super) fn version(&self) -> (String, u64, Option<Digest>) {
        match self {
            Self::Directory => ("directory".to_owned(), 0, None),
            Self::File(bytes) => (
                "file".to_owned(),
                bytes.len() as u64,
                Some(Digest::of(bytes)),
            ),
        }
    }
}

/// Paths and what stands there.
pub(super) type Tree = BTreeMap<String, Node>;

/// Returns what lies at and below a path, by paths below it; the path itself is `""`.
pub(super) fn subtree(tree: &Tree, path: &str) -> Tree {
    let relative = |name: &String| -> Option<String> {
        if path.is_empty() {
            return Some(name.clone());
        }
        let rest = name.strip_prefix(path)?;
        if rest.is_empty() {
            return Some(String::new());
        }
        rest.strip_prefix('/').map(str::to_owned)
    };
    tree.iter()
        .filter_map(|(name, node)| Some((relative(name)?, node.clone())))
        .collect()
}

/// Puts a tree at a path, in place of all that was there.
pub(super) fn replace(tree: &mut Tree, path: &str, with: &Tree) {
    tree.retain(|name, _| !is_at_or_below(name, path));
    for (below, node) in with {
        tree.insert(join(path, below), node.clone());
    }
}

/// Joins two paths, each of which may be empty.
pub(super) fn join(above: &str, below: &str) -> String {
    match (above, below) {
        ("", path) | (path, "") => path.to_owned(),
        _ => format!("{above}/{below}"),
    }
}

/// Returns whether a path is another one or lies below it.
pub(super) fn is_at_or_below(path: &str, above: &str) -> bool {
    above.is_empty()
        || path
            .strip_prefix(above)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn overlap(a: &str, b: &str) -> bool {
    is_at_or_below(a, b) || is_at_or_below(b, a)
}

/// One row: what became of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) path: String,
    pub(super) before: Option<Node>,
    pub(super) after: Option<Node>,
}

impl Row {
    fn inverted(&self) -> Self {
        Self {
            path: self.path.clone(),
            before: self.after.clone(),
            after: self.before.clone(),
        }
    }

    /// Returns the word for what a commit did.
    pub(super) fn change(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "replaced",
        }
    }
}

/// Lists where two trees differ, at and below some paths.
pub(super) fn differences(before: &Tree, after: &Tree, at: &[String]) -> Vec<Row> {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let row = |name: &String| Row {
        path: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    names
        .into_iter()
        .filter(|name| at.iter().any(|path| is_at_or_below(name, path)))
        .map(row)
        .filter(|row| row.before != row.after)
        .collect()
}

/// One unit: a path, and the slot that its other tree is in.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) path: String,
    pub(super) slot: SlotId,
}

/// A committed transaction.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) id: TransactionId,
    pub(super) kind: &'static str,
    /// Whether it moved trees; prunes and pins do not.
    pub(super) is_move: bool,
    /// In the order in which they were moved.
    pub(super) units: Vec<Unit>,
    /// What it undoes, newest first.
    pub(super) undoes: Vec<TransactionId>,
    /// The acts that it turned on or off.
    pub(super) turned: BTreeSet<TransactionId>,
    /// The commits whose rows it turned on or off; its own are among them.
    pub(super) turned_rows: BTreeSet<TransactionId>,
    /// The acts that were on right after it.
    pub(super) on: BTreeSet<TransactionId>,
    /// Its rows, each with the transaction that wrote it.
    pub(super) rows: Vec<(TransactionId, Row)>,
    /// What was changed by hand before it.
    pub(super) external: Vec<Row>,
    /// The tree before it, as it stood.
    pub(super) before: Tree,
    /// The tree that it left, as the journal knows it.
    pub(super) after: Tree,
}

/// A slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// `None` where it holds nothing.
    pub(super) tree: Option<Tree>,
    pub(super) is_pinned: bool,
    pub(super) is_freed: bool,
}

/// What a rollback would do.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) units: Vec<Unit>,
    turned: BTreeSet<TransactionId>,
}

/// How hard a rollback is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct How {
    /// Later transactions go with it.
    pub(super) with_later: bool,
    /// Whatever drifted.
    pub(super) force: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// What stands in the live tree.
    pub(super) live: Tree,
    /// What the last commit left at each path.
    pub(super) recorded: Tree,
    pub(super) commits: Vec<Commit>,
    /// Attempts that failed, and why.
    pub(super) aborted: Vec<(TransactionId, String)>,
    pub(super) slots: BTreeMap<SlotId, Slot>,
    /// Since when an act is on; it is off where it has no number.
    on: BTreeMap<TransactionId, u64>,
    clock: u64,
    /// The commits whose own rows are in effect.
    rows_on: BTreeSet<TransactionId>,
}

impl Model {
    pub(super) fn commit(&self, id: TransactionId) -> &Commit {
        self.commits.iter().find(|commit| commit.id == id).unwrap()
    }

    pub(super) fn moves(&self) -> impl DoubleEndedIterator<Item = &Commit> {
        self.commits.iter().filter(|commit| commit.is_move)
    }

    /// Returns whether a commit's own rows are in effect.
    pub(super) fn has_rows_on(&self, id: TransactionId) -> bool {
        self.rows_on.contains(&id)
    }

    pub(super) fn is_on(&self, act: TransactionId) -> bool {
        self.on.contains_key(&act)
    }

    /// Returns the newest rollback that undoes a commit and is not undone itself.
    pub(super) fn undone_by(&self, id: TransactionId) -> Option<TransactionId> {
        let by = self.moves().rev().find(|commit| {
            commit.id > id && commit.undoes.contains(&id) && self.undone_by(commit.id).is_none()
        });
        by.map(|commit| commit.id)
    }

    /// Returns paths where the live tree is not what the journal says.
    pub(super) fn drift(&self) -> Vec<Row> {
        differences(&self.recorded, &self.live, &[String::new()])
    }

    fn has_drift_below(&self, units: &[Unit]) -> bool {
        let drift = self.drift();
        let moved = |row: &Row| units.iter().any(|u| is_at_or_below(&row.path, &u.path));
        drift.iter().any(moved)
    }

    /// Records a baseline: all that is there.
    pub(super) fn adopt(&mut self, id: TransactionId) {
        let all = [String::new()];
        let rows = differences(&Tree::new(), &self.live, &all);
        self.rows_on.insert(id);
        self.recorded = self.live.clone();
        self.commits.push(Commit {
            id,
            kind: "baseline",
            is_move: false,
            units: Vec::new(),
            undoes: Vec::new(),
            turned: BTreeSet::new(),
            turned_rows: BTreeSet::from([id]),
            on: BTreeSet::new(),
            rows: rows.into_iter().map(|row| (id, row)).collect(),
            external: Vec::new(),
            before: Tree::new(),
            after: self.recorded.clone(),
        });
    }

    /// Records a prune, a pin or an unpin.
    pub(super) fn decide(&mut self, id: TransactionId, kind: &'static str) {
        self.commits.push(Commit {
            id,
            kind,
            is_move: false,
            units: Vec::new(),
            undoes: Vec::new(),
            turned: BTreeSet::new(),
            turned_rows: BTreeSet::new(),
            on: self.on.keys().copied().collect(),
            rows: Vec::new(),
            external: Vec::new(),
            before: self.live.clone(),
            after: self.recorded.clone(),
        });
    }

    /// Exchanges live trees for those in slots, and takes what stands then for recorded.
    fn exchange(&mut self, units: &[Unit]) -> (Tree, Vec<Row>) {
        let before = self.live.clone();
        let paths: Vec<_> = units.iter().map(|unit| unit.path.clone()).collect();
        let external = differences(&self.recorded, &self.live, &paths);
        for unit in units {
            let slot = self.slots.entry(unit.slot).or_default();
            let goes = subtree(&self.live, &unit.path);
            let comes = slot.tree.take().unwrap_or_default();
            replace(&mut self.live, &unit.path, &comes);
            slot.tree = (!goes.is_empty()).then_some(goes);
        }
        for path in &paths {
            let now = subtree(&self.live, path);
            replace(&mut self.recorded, path, &now);
        }
        (before, external)
    }

    /// An import or a restore puts new trees in place.
    pub(super) fn put(
        &mut self,
        id: TransactionId,
        kind: &'static str,
        units: Vec<Unit>,
        new: &Tree,
    ) {
        for unit in &units {
            let tree = subtree(new, &unit.path);
            let slot = Slot {
                tree: Some(tree),
                ..Slot::default()
            };
            self.slots.insert(unit.slot, slot);
        }
        let (before, external) = self.exchange(&units);
        let paths: Vec<_> = units.iter().map(|unit| unit.path.clone()).collect();
        let rows = differences(&before, &self.live, &paths);
        self.clock += 1;
        self.on.insert(id, self.clock);
        self.rows_on.insert(id);
        self.commits.push(Commit {
            id,
            kind,
            is_move: true,
            units,
            undoes: Vec::new(),
            turned: BTreeSet::from([id]),
            turned_rows: BTreeSet::from([id]),
            on: self.on.keys().copied().collect(),
            rows: rows.into_iter().map(|row| (id, row)).collect(),
            external,
            before,
            after: self.recorded.clone(),
        });
    }

    /// Returns the acts over the same paths that are not as a commit left them.
    fn in_the_way_of(&self, commit: &Commit) -> BTreeSet<TransactionId> {
        let now: BTreeSet<_> = self.on.keys().copied().collect();
        now.symmetric_difference(&commit.on)
            .copied()
            .filter(|act| self.is_over(*act, commit))
            .collect()
    }

    fn is_over(&self, act: TransactionId, commit: &Commit) -> bool {
        self.commit(act).units.iter().any(|one| {
            let mut others = commit.units.iter();
            others.any(|other| overlap(&one.path, &other.path))
        })
    }

    /// Says what a rollback would do, or by which code it is refused.
    pub(super) fn plan(&self, id: TransactionId, how: How) -> Result<Plan, &'static str> {
        let commit = self.commit(id);
        if self.undone_by(id).is_some() {
            return Err("not-in-effect");
        }
        let plan = if how.with_later {
            self.plan_with_later(commit)
        } else if self.in_the_way_of(commit).is_empty() {
            Plan {
                units: commit.units.iter().rev().cloned().collect(),
                turned: commit.turned.clone(),
            }
        } else {
            return Err("later-transactions");
        };
        if plan
            .units
            .iter()
            .any(|unit| self.slots[&unit.slot].is_freed)
        {
            return Err("slot-pruned");
        }
        if !how.force && self.has_drift_below(&plan.units) {
            return Err("drift");
        }
        Ok(plan)
    }

    /// An act and all that lie over it, directly or through others, newest first.
    fn plan_with_later(&self, commit: &Commit) -> Plan {
        let mut turned = BTreeSet::from([commit.id]);
        loop {
            let lies_over_one = |act: &TransactionId| {
                let since = self.on[act];
                let mut below = turned.iter().filter(|one| self.on[one] < since);
                below.any(|one| self.is_over(*act, self.commit(*one)))
            };
            let more: Vec<_> = self
                .on
                .keys()
                .copied()
                .filter(|act| !turned.contains(act) && lies_over_one(act))
                .collect();
            if more.is_empty() {
                break;
            }
            turned.extend(more);
        }
        let mut newest_first: Vec<_> = turned.iter().copied().collect();
        newest_first.sort_by_key(|act| std::cmp::Reverse(self.on[act]));
        let mut units: Vec<Unit> = Vec::new();
        for act in newest_first {
            for unit in self.commit(act).units.iter().rev() {
                units.retain(|newer| !is_at_or_below(&newer.path, &unit.path));
                units.push(unit.clone());
            }
        }
        Plan { units, turned }
    }

    /// A rollback was done.
    pub(super) fn undo(&mut self, receipt: &Receipt, plan: Plan) {
        let id = receipt.transaction.unwrap();
        let undoes = if receipt.undone.is_empty() {
            receipt.undoes.into_iter().collect()
        } else {
            receipt.undone.clone()
        };
        let told: BTreeSet<_> = undoes
            .iter()
            .flat_map(|undone| self.commit(*undone).turned.iter().copied())
            .collect();
        assert_eq!(told, plan.turned, "what {id} says that it undoes");
        let (before, external) = self.exchange(&plan.units);
        // Those that lay under others come back before them.
        for act in &plan.turned {
            self.clock += 1;
            if self.on.remove(act).is_none() {
                self.on.insert(*act, self.clock);
            }
        }
        let mut turned_rows: BTreeSet<_> = undoes
            .iter()
            .flat_map(|undone| self.commit(*undone).turned_rows.iter().copied())
            .collect();
        let mut rows = Vec::new();
        for of in &turned_rows {
            let mut own = self.commit(*of).rows.clone();
            own.retain(|(by, _)| by == of);
            if self.rows_on.remove(of) {
                rows.extend(own.iter().map(|(of, row)| (*of, row.inverted())));
            } else {
                rows.extend(own);
                self.rows_on.insert(*of);
            }
        }
        // What had been changed by hand stays in effect; where the rollback takes it away, it says so
        // in rows of its own.
        let paths: Vec<_> = plan.units.iter().map(|unit| unit.path.clone()).collect();
        let corrected = differences(&self.told_by_rows(&external), &self.live, &paths);
        rows.extend(corrected.into_iter().map(|row| (id, row)));
        turned_rows.insert(id);
        self.rows_on.insert(id);
        self.commits.push(Commit {
            id,
            kind: "rollback",
            is_move: true,
            units: plan.units,
            undoes,
            turned: plan.turned,
            turned_rows,
            on: self.on.keys().copied().collect(),
            rows,
            external,
            before,
            after: self.recorded.clone(),
        });
    }

    /// Returns the tree that the rows in effect tell of, the newest over the older ones.
    fn told_by_rows(&self, newest: &[Row]) -> Tree {
        let mut tree = Tree::new();
        let mut take = |row: &Row| match &row.after {
            Some(node) => drop(tree.insert(row.path.clone(), node.clone())),
            None => drop(tree.remove(&row.path)),
        };
        for commit in &self.commits {
            commit.external.iter().for_each(&mut take);
            if self.has_rows_on(commit.id) {
                let own = commit.rows.iter().filter(|(by, _)| *by == commit.id);
                own.for_each(|(_, row)| take(row));
            }
        }
        newest.iter().for_each(&mut take);
        tree
    }

    /// Returns the rollback that a redo takes back, or by which code there is none.
    pub(super) fn to_redo(&self) -> Result<TransactionId, &'static str> {
        let took_away = |commit: &&Commit| {
            !commit.undoes.is_empty()
                && self.undone_by(commit.id).is_none()
                && commit.turned.iter().all(|act| !self.is_on(*act))
        };
        let candidates: Vec<_> = self.moves().rev().filter(took_away).collect();
        let free = candidates
            .iter()
            .find(|commit| self.in_the_way_of(commit).is_empty());
        match free {
            Some(commit) => Ok(commit.id),
            None if candidates.is_empty() => Err("nothing-to-redo"),
            None => Err("later-transactions"),
        }
    }

    /// Returns whether a tree that is still there has these bytes at a path.
    pub(super) fn holds(&self, path: &str, bytes: &[u8]) -> bool {
        let is_it = |node: Option<&Node>| matches!(node, Some(Node::File(held)) if held == bytes);
        let in_slot = |unit: &Unit| {
            let slot = &self.slots[&unit.slot];
            let Some(tree) = slot.tree.as_ref().filter(|_| !slot.is_freed) else {
                return false;
            };
            let mut whole = Tree::new();
            replace(&mut whole, &unit.path, tree);
            is_it(whole.get(path))
        };
        is_it(self.live.get(path)) || self.moves().flat_map(|c| &c.units).any(in_slot)
    }
}
