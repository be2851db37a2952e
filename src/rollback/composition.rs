//! Which transactions a rollback undoes, and the moves that it takes to do so as one.
//!
//! Undoing several is undoing them one by one, newest first, each unit with its own slot. Where a
//! unit of an older one contains those of newer ones, its slot holds what was there before all of
//! them: the newer ones need not be moved at all. Their slots stay as they are, and are right again
//! once this rollback is rolled back, which moves exactly what this one moved, the other way round.
//! Nothing is left out where undoing brings something back: that is in effect then, and can be undone
//! by itself, so its slot must hold exactly what was there before it.

use std::collections::BTreeSet;

use crate::entry_path::EntryPath;
use crate::error::Result;
use crate::fsops::Dir;
use crate::id::{SlotId, TransactionId};
use crate::journal::Journal;
use crate::journal::prepare::{Unit, UnitAction};
use crate::journal::undo::{Acts, turned_since};
use crate::layout::{self, Layout};
use crate::live;
use crate::uri::Uri;

use super::carried::carriers;

/// One unit to be moved back.
#[derive(Clone, Debug)]
pub(super) struct Move {
    /// The transaction whose unit it is.
    pub(super) of: TransactionId,
    /// The unit as that transaction moved it.
    pub(super) done: Unit,
    /// What is moved: the unit, or of made parents only what came for its sake.
    pub(super) path: EntryPath,
    /// Whether the journal says that a tree comes back.
    has_tree: bool,
    /// Undoing turns its acts off: while they are, nobody needs their slots but who brings them back.
    may_be_left: bool,
}

/// What is undone, and how.
#[derive(Debug, Default)]
pub(super) struct Composition {
    /// The transactions, newest first.
    pub(super) undone: Vec<TransactionId>,
    /// In this order.
    pub(super) moves: Vec<Move>,
    /// Commits in effect that must be undone first, newest first.
    pub(super) later: Vec<TransactionId>,
    /// What each transaction would move if it were alone.
    chosen: Vec<(TransactionId, EntryPath)>,
}

/// A commit that is not there: it undoes the newer ones, as if that were done.
const AS_IF: TransactionId = TransactionId(i64::MAX);

pub(super) type Commits = Vec<(TransactionId, Vec<TransactionId>)>;

/// Composes the undoing of `tx`, and where `with_later` of all commits in effect that lie over it.
pub(super) fn compose(
    layout: &Layout,
    journal: &Journal,
    tx: TransactionId,
    with_later: bool,
) -> Result<Composition> {
    let commits = journal.committed()?;
    let acts = Acts::after(&commits);
    let mut undone = BTreeSet::from([tx]);
    loop {
        let mut composition = moves_of(layout, journal, &acts, &undone)?;
        let carriers = carriers(journal, &commits, &composition.moves)?;
        if !carriers.is_empty() {
            composition.later = carriers.into_iter().rev().collect();
            return Ok(composition);
        }
        let later = later_than(journal, &commits, &acts, &composition)?;
        let is_stuck = later.is_subset(&undone);
        if is_stuck || !with_later {
            composition.later = later.into_iter().rev().collect();
            return Ok(composition);
        }
        undone.extend(later);
    }
}

fn moves_of(
    layout: &Layout,
    journal: &Journal,
    acts: &Acts,
    undone: &BTreeSet<TransactionId>,
) -> Result<Composition> {
    let mut composition = Composition {
        undone: undone.iter().rev().copied().collect(),
        ..Composition::default()
    };
    for &of in undone.iter().rev() {
        let may_be_left = acts.is_taken_away_by_undoing(of);
        for done in journal.units(of)?.into_iter().rev() {
            let moves = &mut composition.moves;
            let path = choose_path(layout, journal, moves, &done)?;
            composition.chosen.push((of, path.clone()));
            moves.retain(|newer| {
                !(may_be_left && newer.may_be_left && newer.path.is_at_or_below(&path))
            });
            let has_tree = journal.slot(done.slot)?.is_some_and(|slot| slot.has_tree);
            moves.push(Move {
                of,
                done,
                path,
                has_tree,
                may_be_left,
            });
        }
    }
    Ok(composition)
}

/// Returns the commits that must be undone before those of a composition: each of these would carry
/// away, or bring back under it, what they changed. One that is in the composition itself turns, when
/// it is undone, more than what came after an older one: the two cannot be undone as one.
fn later_than(
    journal: &Journal,
    commits: &Commits,
    acts: &Acts,
    composition: &Composition,
) -> Result<BTreeSet<TransactionId>> {
    let mut later = BTreeSet::new();
    for (at, &tx) in composition.undone.iter().enumerate() {
        let newer = composition.undone.get(..at).unwrap_or_default();
        let mut commits = commits.clone();
        if !newer.is_empty() {
            commits.push((AS_IF, newer.to_vec()));
        }
        for turned in turned_since(&commits, tx) {
            let (by, undo) = if turned.by == AS_IF {
                let by = newer.iter().find(|tx| acts.has_turned(**tx, turned.act));
                let by = by.copied().unwrap_or(tx);
                (by, by)
            } else {
                (turned.by, turned.undo)
            };
            if later.contains(&undo) {
                continue;
            }
            let area = area_of(journal, turned.act, by)?;
            let mut chosen = composition.chosen.iter().filter(|(of, _)| *of == tx);
            if chosen.any(|(_, path)| area.iter().any(|other| overlap(path, other))) {
                later.insert(undo);
            }
        }
    }
    Ok(later)
}

/// Returns what of the live tree an act came or went with: its units, and of made parents only as
/// much as the rollback moved that turned it last.
fn area_of(
    journal: &Journal,
    act: TransactionId,
    turned_by: TransactionId,
) -> Result<Vec<EntryPath>> {
    let last = journal.units(turned_by)?;
    let area = journal.units(act)?.into_iter().map(|unit| {
        let moved = last
            .iter()
            .find(|last| unit.action == UnitAction::Create && last.slot == unit.slot);
        EntryPath::parse(&moved.unwrap_or(&unit).path).unwrap_or_default()
    });
    Ok(area.collect())
}

/// Returns the commit whose tree stands at a path, or next above or below it; `None` where that is
/// no commit's.
pub(super) fn in_effect_at(journal: &Journal, path: &EntryPath) -> Result<Option<TransactionId>> {
    for act in Acts::after(&journal.committed()?).on() {
        let units = journal.units(act)?;
        let mut paths = units.iter().map(|unit| EntryPath::parse(&unit.path));
        if paths.any(|unit| overlap(&unit.unwrap_or_default(), path)) {
            return Ok(Some(act));
        }
    }
    Ok(None)
}

/// Returns whether one of two paths is the other or contains it.
pub(super) fn overlap(a: &EntryPath, b: &EntryPath) -> bool {
    a.is_at_or_below(b) || b.is_at_or_below(a)
}

/// A created unit goes away as the highest directory that was created and holds nothing else;
/// every other unit as it came.
fn choose_path(
    layout: &Layout,
    journal: &Journal,
    before: &[Move],
    unit: &Unit,
) -> Result<EntryPath> {
    let top = EntryPath::parse(&unit.path).unwrap_or_default();
    if unit.action != UnitAction::Create {
        return Ok(top);
    }
    let mut chosen = root_of(journal, unit.slot)?
        .filter(|root| root.is_at_or_below(&top))
        .unwrap_or_else(|| top.clone());
    while chosen != top
        && let Some(parent) = chosen.parent()
        && is_alone_in(layout, before, &chosen, &parent)?
    {
        chosen = parent;
    }
    Ok(chosen)
}

/// Returns the root of the transaction that made a slot.
fn root_of(journal: &Journal, slot: SlotId) -> Result<Option<EntryPath>> {
    let Some(maker) = journal.maker_of(slot)? else {
        return Ok(None);
    };
    let uri = journal.transaction(maker)?.uri;
    Ok(Uri::parse_exact(&uri).ok().map(|uri| uri.path().clone()))
}

/// Returns whether a directory holds nothing but one name, after some moves.
fn is_alone_in(
    layout: &Layout,
    before: &[Move],
    child: &EntryPath,
    parent: &EntryPath,
) -> Result<bool> {
    let (dir, since) = open_after(layout, before, parent)?;
    let mut names = BTreeSet::new();
    if let Some(dir) = dir {
        dir.each_name(&mut |name| {
            // Two names tell as much as a million.
            if names.len() < 2 + before.len() {
                names.insert(name.to_string_lossy().into_owned());
            }
            Ok(())
        })?;
    }
    for moved in before.iter().skip(since) {
        if let Some(leaf) = moved.path.leaf()
            && moved.path.parent().as_ref() == Some(parent)
        {
            if moved.has_tree {
                names.insert(leaf.to_owned());
            } else {
                names.remove(leaf);
            }
        }
    }
    Ok(names.iter().all(|name| Some(name.as_str()) == child.leaf()))
}

/// Opens a live directory as it would be after some moves, none of which is done: where it came with
/// one of them, in that one's slot. `None` where it would not be there. Returns too how many of the
/// moves it is later than.
pub(super) fn open_after(
    layout: &Layout,
    moves: &[Move],
    path: &EntryPath,
) -> Result<(Option<Dir>, usize)> {
    let came_with = moves
        .iter()
        .rposition(|moved| path.is_at_or_below(&moved.path));
    match came_with.and_then(|at| Some((at, moves.get(at)?))) {
        Some((at, last)) => Ok((open_held(layout, last, path)?, at + 1)),
        None => Ok((or_absent(live::open_unit(layout, path))?, 0)),
    }
}

/// Opens a directory in the slot of a move, by its live path.
fn open_held(layout: &Layout, moved: &Move, path: &EntryPath) -> Result<Option<Dir>> {
    let Some(slot) = or_absent(layout.open_slot(moved.done.slot))? else {
        return Ok(None);
    };
    let Some(tree) = or_absent(slot.open_dir(layout::TREE))? else {
        return Ok(None);
    };
    let below = path.strip_prefix(&moved.path).unwrap_or_default();
    or_absent(tree.open_dir(&below))
}

fn or_absent(opened: Result<Dir>) -> Result<Option<Dir>> {
    match opened {
        Ok(dir) => Ok(Some(dir)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Composition {
    /// Returns whether one move is to be done in, or over, what another one brought.
    pub(super) fn overlaps(&self) -> bool {
        let pairs = self.moves.iter().enumerate();
        pairs.clone().any(|(at, moved)| {
            pairs
                .clone()
                .any(|(other_at, other)| at < other_at && overlap(&moved.path, &other.path))
        })
    }

    /// Returns the outermost paths of the moves: all that changes lies at or below one of them.
    pub(super) fn regions(&self) -> Vec<EntryPath> {
        let mut regions: Vec<EntryPath> = Vec::new();
        for moved in &self.moves {
            if !regions
                .iter()
                .any(|region| moved.path.is_at_or_below(region))
            {
                regions.retain(|region| !region.is_at_or_below(&moved.path));
                regions.push(moved.path.clone());
            }
        }
        regions
    }
}

impl Move {
    /// Returns the made directories above what is moved, which stay because they hold something else.
    pub(super) fn made_above(&self) -> Vec<EntryPath> {
        let top = EntryPath::parse(&self.done.path).unwrap_or_default();
        let above = std::iter::successors(self.path.parent(), EntryPath::parent);
        above.take_while(|path| path.is_at_or_below(&top)).collect()
    }
}
