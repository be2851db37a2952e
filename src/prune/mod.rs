//! Prune: delete trees that rollbacks are no longer to bring back, and say of each slot why it is
//! kept or freed. The journal keeps every row of what was pruned.
//!
//! ```text
//! begun -> prepared: all decisions, slots marked as being pruned -> trees deleted -> committed
//! ```
//!
//! Once the decisions are durable a crash only delays the deletion: recovery finishes it.

mod offers;
mod options;
mod pin;
mod why;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::clock;
use crate::error::{Error, Result};
use crate::id::{SlotId, TransactionId};
use crate::journal::retention::{RetainedSlot, SlotChange, SlotDecisionRow};
use crate::journal::{EventKind, Journal, NewTransaction, TransactionKind};
use crate::session::Session;
use crate::transaction::Transaction;
use crate::uri::Uri;

use offers::{Offer, Offers};
pub use options::PruneOptions;
pub(crate) use pin::set_pinned;
pub use pin::{PinReport, PinnedSlot};
use why::Why;

/// What a prune decided about one slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotDecision {
    /// The slot.
    pub slot: SlotId,
    /// The last commit that exchanged it.
    pub transaction: TransactionId,
    /// When that was (RFC 3339, UTC).
    pub held_since: String,
    /// How long ago that was, in seconds.
    pub age_seconds: u64,
    /// The unit's path below the live root, `""` for all of it.
    pub path: Utf8PathBuf,
    /// Bytes of the files in its tree; 0 where it holds none.
    pub bytes: u64,
    /// `kept` or `freed`.
    pub decision: &'static str,
    /// Why, as a code: `pinned`, `keep-last`, `keep-within`, `next-rollback`, `needed`, `fits`,
    /// `empty`, `outdated`, `oldest` or `unreachable`.
    pub code: &'static str,
    /// Why, in words.
    pub reason: String,
}

/// What a prune freed and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// The transaction; `None` for a dry run, and where there was nothing to free.
    pub transaction: Option<TransactionId>,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// Slots freed.
    pub freed: u64,
    /// Bytes of the files in their trees.
    pub freed_bytes: u64,
    /// Slots kept.
    pub kept: u64,
    /// Bytes of the files in their trees.
    pub kept_bytes: u64,
    /// All of them, oldest first.
    pub slots: Vec<SlotDecision>,
}

/// Decides about every slot and frees those that nothing keeps; durable when this returns.
pub(crate) fn run(session: &mut Session, options: &PruneOptions) -> Result<PruneReport> {
    options.ensure_something_is_kept()?;
    let report = decide(&session.journal, options)?;
    if report.freed == 0 {
        return Ok(report);
    }
    options.control.ensure_not_interrupted()?;
    let rows: Vec<_> = report.slots.iter().map(row_of).collect();
    let id = conclude(
        session,
        TransactionKind::Prune,
        &Uri::root().to_string(),
        &rows,
    )?;
    Ok(PruneReport {
        transaction: Some(id),
        ..report
    })
}

/// Decides, and changes nothing.
pub(crate) fn rehearse(journal: &Journal, options: &PruneOptions) -> Result<PruneReport> {
    options.ensure_something_is_kept()?;
    Ok(PruneReport {
        dry_run: true,
        ..decide(journal, options)?
    })
}

fn row_of(decision: &SlotDecision) -> SlotDecisionRow {
    let change = if decision.decision == SlotChange::Freed.as_str() {
        SlotChange::Freed
    } else {
        SlotChange::Kept
    };
    SlotDecisionRow {
        slot: decision.slot,
        change,
        reason: [decision.code, ": ", &decision.reason].concat(),
        bytes: decision.bytes,
    }
}

/// One transaction about slots, from begin to commit.
fn conclude(
    session: &mut Session,
    kind: TransactionKind,
    uri: &str,
    rows: &[SlotDecisionRow],
) -> Result<TransactionId> {
    let new = NewTransaction {
        kind,
        uri: uri.to_owned(),
        on_conflict: None,
        undoes: None,
        pack: None,
    };
    let tx = Transaction::begin(session, &new)?;
    if let Err(error) = record(tx.session, tx.id, rows) {
        // A commit can fail and be durable all the same; then it is decided, and recovery goes on.
        if !is_decided(&tx.session.journal, tx.id).unwrap_or(true) {
            return Err(tx.abort(error));
        }
        return Err(unfinished(tx.id, error));
    }
    let Transaction { session, id, .. } = tx;
    let done = session
        .journal
        .checkpoint()
        .and_then(|()| finish(session, id));
    done.map(|()| id).map_err(|error| unfinished(id, error))
}

fn is_decided(journal: &Journal, id: TransactionId) -> Result<bool> {
    let events = journal.events(id)?;
    Ok(events
        .iter()
        .any(|event| event.kind == EventKind::Prepared.as_str()))
}

/// Makes the error of a decision that stands, and of which not everything is done.
pub(crate) fn unfinished(tx: TransactionId, error: Error) -> Error {
    Error::PruneUnfinished {
        tx,
        source: Box::new(error),
    }
}

/// Records the decisions; gives the reserve away where the disk is full.
fn record(session: &mut Session, id: TransactionId, rows: &[SlotDecisionRow]) -> Result<()> {
    match session.journal.decide(id, rows) {
        Err(Error::NoSpace { .. }) => {
            session.layout.release_reserve()?;
            session.journal.decide(id, rows)
        }
        decided => decided,
    }
}

/// Deletes what was decided to be freed, and commits. Done by recovery too; what is not there any
/// more counts as deleted.
pub(crate) fn finish(session: &mut Session, id: TransactionId) -> Result<()> {
    let freed = session.journal.slots_to_free(id)?;
    if !freed.is_empty() {
        let dir = session.layout.open_slots()?;
        for slot in &freed {
            dir.remove_tree(&slot.to_string())?;
        }
        // A tree that came back with a crash of the machine would be nobody's.
        dir.sync()?;
    }
    match session.journal.complete_decision(id, &freed) {
        Err(Error::NoSpace { .. }) => {
            session.layout.release_reserve()?;
            session.journal.complete_decision(id, &freed)
        }
        completed => completed,
    }
}

fn decide(journal: &Journal, options: &PruneOptions) -> Result<PruneReport> {
    let now_ms = clock::now_ms();
    let offers = Offers::load(journal)?;
    let whys = why::decide(&offers, options, now_ms);
    let mut report = PruneReport {
        transaction: None,
        dry_run: false,
        freed: 0,
        freed_bytes: 0,
        kept: 0,
        kept_bytes: 0,
        slots: Vec::new(),
    };
    for (offer, why) in offers.all.iter().zip(&whys) {
        let (slots, bytes) = if why.keeps() {
            (&mut report.kept, &mut report.kept_bytes)
        } else {
            (&mut report.freed, &mut report.freed_bytes)
        };
        *slots = slots.saturating_add(offer.slots.len() as u64);
        *bytes = bytes.saturating_add(offer.bytes());
        let decided = offer.slots.iter();
        report
            .slots
            .extend(decided.map(|slot| decision(offer, slot, *why, options, now_ms)));
    }
    report
        .slots
        .sort_by_key(|slot| (slot.transaction, slot.slot));
    Ok(report)
}

fn decision(
    offer: &Offer,
    slot: &RetainedSlot,
    why: Why,
    options: &PruneOptions,
    now_ms: i64,
) -> SlotDecision {
    let change = if why.keeps() {
        SlotChange::Kept
    } else {
        SlotChange::Freed
    };
    let age_ms = now_ms.saturating_sub(slot.held_since_ms);
    SlotDecision {
        slot: slot.id,
        transaction: slot.holder,
        held_since: clock::rfc3339(slot.held_since_ms),
        age_seconds: u64::try_from(age_ms / 1000).unwrap_or(0),
        path: Utf8PathBuf::from(&slot.path),
        bytes: slot.bytes,
        decision: change.as_str(),
        code: why.code(),
        reason: why.text(offer.tx, options),
    }
}
