//! Recovery: settle what a crash left. Every writing act does it first; readers never do.
//!
//! | last durable event | live tree | settled by |
//! |---|---|---|
//! | `begun` | old | abort |
//! | `prepared` | all units old | abort |
//! | `prepared` | some or all units new | move the rest, sync, commit |
//! | `back` | some units new | move those back, sync, abort |
//! | `aborting` | old | remove what it made, `aborted` |
//! | `prepared`, of a prune | as it is | delete what is decided to go, commit |
//!
//! Run twice, it writes nothing the second time.

use serde::Serialize;
use serde_json::json;

use crate::control::Control;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::exchange::{self, Position, Way};
use crate::fsops::Dir;
use crate::id::TransactionId;
use crate::journal::EventKind;
use crate::journal::prepare::{TreeIdentity, Unit};
use crate::layout::{self, Layout};
use crate::plan;
use crate::prune;
use crate::session::Session;
use crate::transaction;

/// Which way a transaction in doubt is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the new tree.
    Forward,
    /// To the old tree.
    Back,
}

/// How recovery decides.
#[derive(Clone, Debug, Default)]
pub struct RecoverOptions {
    /// For a transaction whose units are in doubt or partly moved: what the operator decided.
    pub direction: Option<Direction>,
    /// Stops the wait for another writer, and the look through the journal's file, which takes as long
    /// as that is large.
    pub control: Control,
}

/// How one transaction was settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// The transaction.
    pub transaction: TransactionId,
    /// `committed` or `aborted`.
    pub outcome: &'static str,
}

/// What recovery did; nothing where the store was whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecoverReport {
    /// The transactions that a crash had left open, oldest first.
    pub settled: Vec<Settled>,
}

/// What recovery settled, and the last prune that it could not finish.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    pub(crate) report: RecoverReport,
    /// Trees that nobody needs any more, and that cannot be deleted, are in nobody's way.
    pub(crate) unfinished: Option<Error>,
}

/// Settles every open transaction, and finishes what was being removed.
///
/// # Errors
/// [`Error::InDoubt`] where a live tree is neither the old nor the new one and no direction is given.
pub(crate) fn recover(session: &mut Session, options: &RecoverOptions) -> Result<Recovery> {
    let mut recovery = Recovery::default();
    for (id, events) in session.journal.open_transactions()? {
        let outcome = match settle(session, id, &events, options) {
            Err(error @ Error::PruneUnfinished { .. }) => {
                recovery.unfinished = Some(error);
                continue;
            }
            outcome => outcome?,
        };
        recovery.report.settled.push(Settled {
            transaction: id,
            outcome,
        });
    }
    session.clear_staging()?;
    Ok(recovery)
}

fn settle(
    session: &mut Session,
    id: TransactionId,
    events: &[EventKind],
    options: &RecoverOptions,
) -> Result<&'static str> {
    let has = |kind| events.contains(&kind);
    if has(EventKind::Aborting) {
        transaction::finish_abort(session, id)?;
        return Ok("aborted");
    }
    let is_about_slots = session.journal.transaction(id)?.is_about_slots();
    if is_about_slots && has(EventKind::Prepared) {
        let finished = prune::finish(session, id);
        return finished
            .map(|()| "committed")
            .map_err(|error| prune::unfinished(id, error));
    }
    let units = if has(EventKind::Prepared) {
        session.journal.units(id)?
    } else {
        Vec::new()
    };
    let Standing { moved, is_in_doubt } = standing(session, id, &units, options)?;
    let ended = if is_about_slots {
        "the process ended before it had decided"
    } else {
        "the process ended before the exchange"
    };
    let crashed = json!({ "reason": "crash", "message": ended });
    let is_going_back = has(EventKind::Back) || options.direction == Some(Direction::Back);
    // A baseline moves nothing: once prepared, it only lacks its last event.
    let is_decided = is_in_doubt && options.direction == Some(Direction::Forward);
    let is_going_forward = !is_going_back
        && has(EventKind::Prepared)
        && (units.is_empty() || !moved.is_empty() || is_decided);
    let is_moved = |unit: &Unit| moved.iter().any(|moved| moved.slot == unit.slot);
    if is_going_forward {
        exchange::move_all(&session.layout, &units, Way::Forward, &is_moved)
            .map_err(|stopped| stopped.error)?;
        transaction::complete(session, id, &units)?;
        return Ok("committed");
    }
    if has(EventKind::Back) {
        transaction::finish_moving_back(session, &units, &|unit| !is_moved(unit))?;
    } else if !moved.is_empty() {
        let reason =
            json!({ "reason": "operator", "message": "moved back by the operator's decision" });
        transaction::move_all_back(session, id, &moved, &reason)?;
    }
    transaction::abort(session, id, &crashed)?;
    Ok("aborted")
}

/// How the units of a transaction stand.
struct Standing {
    /// Those whose new tree is in place.
    moved: Vec<Unit>,
    /// Whether the operator's decision was needed to tell.
    is_in_doubt: bool,
}

fn standing(
    session: &Session,
    id: TransactionId,
    units: &[Unit],
    options: &RecoverOptions,
) -> Result<Standing> {
    let mut moved = Vec::new();
    let mut is_in_doubt = false;
    for unit in units {
        let is_moved = match exchange::position(&session.layout, unit, units, &digest_of)? {
            Position::New => true,
            Position::Old => false,
            Position::Neither(found) => match options.direction {
                Some(direction) => match decided(session, unit, direction)? {
                    Decided::Moved(is_moved) => {
                        is_in_doubt = true;
                        is_moved
                    }
                    Decided::Nothing(lacks) => {
                        let found = format!("{found}, and {lacks}");
                        return Err(in_doubt(&session.layout, id, unit, found));
                    }
                },
                None => return Err(in_doubt(&session.layout, id, unit, found)),
            },
        };
        if is_moved {
            moved.push(unit.clone());
        }
    }
    Ok(Standing { moved, is_in_doubt })
}

/// What can be done of what the operator decided for a unit in doubt.
enum Decided {
    /// Whether the rename was done.
    Moved(bool),
    /// Nothing; what lacks.
    Nothing(&'static str),
}

/// Where the live tree tells nothing, the slot tells whether the rename was done. What the operator
/// decided for is done only if it leaves a tree live where one belongs, and only if the slot holds a tree
/// that is known: it goes live, or is deleted once the transaction is aborted.
fn decided(session: &Session, unit: &Unit, direction: Direction) -> Result<Decided> {
    let slot = session.layout.open_slot(unit.slot)?;
    let held = slot.stat_at(layout::TREE)?.map(|stat| stat.inode);
    let holds = |tree: Option<TreeIdentity>| held == tree.map(|tree| tree.inode);
    let is_moved = holds(unit.old);
    let is_known = is_moved || held.is_none() || holds(unit.new) || {
        let digest = digest_of(&slot.open_dir(layout::TREE)?)?;
        unit.new.is_some_and(|tree| tree.digest == digest)
    };
    if !is_known {
        return Ok(Decided::Nothing("its slot holds neither of them"));
    }
    let is_live = is_live(session, unit)?;
    let (wanted, given_up, is_done) = match direction {
        Direction::Forward => (unit.new, unit.old, is_moved),
        Direction::Back => (unit.old, unit.new, !is_moved),
    };
    let lacks = match (is_done, is_live) {
        (true, false) if wanted.is_some() => "its slot does not hold the tree decided for either",
        (false, _) if held.is_some() != wanted.is_some() => {
            "its slot does not hold the tree decided for"
        }
        (false, true) if given_up.is_none() => "something stands where it belongs",
        (false, false) if given_up.is_some() => {
            "the tree decided for has nothing to change places with"
        }
        _ => return Ok(Decided::Moved(is_moved)),
    };
    Ok(Decided::Nothing(lacks))
}

fn is_live(session: &Session, unit: &Unit) -> Result<bool> {
    let stat = session
        .layout
        .open_unit_parent(&unit.path)
        .and_then(|(parent, name)| parent.stat_at(&name));
    match stat {
        Err(error) if error.is_absent() => Ok(false),
        stat => Ok(stat?.is_some()),
    }
}

/// Makes the error of a unit that is neither the old nor the new tree.
pub(crate) fn in_doubt(layout: &Layout, id: TransactionId, unit: &Unit, found: String) -> Error {
    let path = match layout.open_unit_parent(&unit.path) {
        Ok((parent, name)) => parent.at(&name),
        Err(_) => layout.root().at(&unit.path),
    };
    Error::InDoubt {
        tx: id,
        path,
        old: exchange::shown(unit.old),
        new: exchange::shown(unit.new),
        found,
    }
}

fn digest_of(dir: &Dir) -> Result<Digest> {
    plan::digest_by_reading(dir)
}
