//! Rollback: one more transaction that exchanges the replaced trees back.
//!
//! It moves the units of what it undoes, with the same slots, the other way. No change row is copied:
//! the journal says from this commit on that the others' changes are out of effect. Rolled back
//! itself, it brings them back.

mod carried;
mod composition;
mod drift;
mod known;
mod obstacles;
mod plan;
mod redo;
mod rehearsal;

use camino::Utf8PathBuf;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::id::TransactionId;
use crate::journal::prepare::Prepared;
use crate::journal::transactions::TransactionRow;
use crate::journal::undo;
use crate::journal::{Cited, Journal, NewTransaction, TransactionKind};
use crate::session::Session;
use crate::staging::Staging;
use crate::transaction::{Receipt, Transaction};
use crate::uri::Uri;

use composition::{Composition, compose, in_effect_at};
use plan::{Look, Planned};

pub(crate) use drift::Drift;
pub(crate) use obstacles::Obstacles;
pub(crate) use redo::to_redo;
pub use rehearsal::RollbackRehearsal;
pub(crate) use rehearsal::rehearse;

/// How a transaction is rolled back.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// Roll back although live files drifted; what drifted stays in the slot.
    pub force: bool,
    /// Whether files are looked at for drift.
    pub drift: DriftCheck,
    /// Whether later transactions are rolled back as well.
    pub on_later: OnLater,
    /// Rehearse: look for conflicts, change nothing.
    pub dry_run: bool,
    /// Watches and stops the act.
    pub control: Control,
}

/// Whether a rollback looks at the files that it moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriftCheck {
    /// By stat, and where that differs by hash.
    #[default]
    Scan,
    /// Not at all: nothing is lost, since what drifted goes to the slot, but nobody is told. Only
    /// where several are rolled back whose roots contain one another, and must be moved one by one,
    /// files are looked at all the same, and what drifted is recorded.
    Skip,
}

/// What becomes of later transactions in effect that lie over the one that is rolled back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLater {
    /// They are in the way.
    #[default]
    Refuse,
    /// They are rolled back with it, all as one transaction.
    RollBack,
}

/// Rolls back; durable when this returns.
pub(crate) fn run(
    session: &mut Session,
    tx: TransactionId,
    options: &RollbackOptions,
) -> Result<Receipt> {
    let row = ensure_in_effect(&session.journal, tx, options)?;
    session.clear_staging()?;
    // Rows that fit into memory need no disk, so that a full one does not keep a tree from going back.
    let staging = Staging::make(None)?;
    let with_later = options.on_later == OnLater::RollBack;
    let composed = compose(&session.layout, &session.journal, tx, with_later);
    let cited = Cited {
        undone: cited(composed.as_ref().map_or(&[], |all| &all.undone)),
        ..Cited::default()
    };
    let transaction = Transaction::begin_citing(session, &new_transaction(&row), &cited)?;
    let planned = composed.and_then(|composition| {
        let session = &mut *transaction.session;
        let planned = plan(session, &staging, &composition, options)?;
        Ok((composition, planned))
    });
    let (composition, planned) = match planned {
        Ok(planned) => planned,
        Err(error) => return Err(transaction.abort(error)),
    };
    let prepared = Prepared {
        pack: None,
        policies: Vec::new(),
        counts: planned.counts,
        files: planned.files,
        bytes: planned.bytes,
        units: planned.units.clone(),
        undoes: Some(tx),
    };
    let id = transaction.id;
    let generation = transaction.commit(&prepared, &staging, &|session| {
        plan::look_again(&session.layout, &staging, &planned)
    })?;
    if let Some(cache) = session.cache.as_mut() {
        cache.flush();
    }
    drop(staging);
    session.clear_staging().unwrap_or(());
    let root = Uri::parse_exact(&row.uri).unwrap_or(Uri::root());
    Ok(Receipt {
        transaction: Some(id),
        // The commit stands whether or not this can be told.
        in_effect: in_effect_at(&session.journal, root.path()).unwrap_or(None),
        ..receipt(&row, &composition, &planned, generation)
    })
}

fn plan(
    session: &mut Session,
    staging: &Staging,
    composition: &Composition,
    options: &RollbackOptions,
) -> Result<Planned> {
    let mut obstacles = Obstacles::ending();
    composition.meet_later(&mut obstacles)?;
    let mut look = Look {
        layout: &session.layout,
        journal: &session.journal,
        staging,
        cache: session.cache.as_mut(),
        control: &options.control,
        composition,
        obstacles: &mut obstacles,
        is_path_by_path: false,
    };
    look.plan(options)
}

impl Look<'_> {
    fn plan(&mut self, options: &RollbackOptions) -> Result<Planned> {
        match options.drift {
            DriftCheck::Scan => self.plan_by_looking(options.force),
            // What one tree becomes when another one is put into it is found only by looking.
            DriftCheck::Skip if self.composition.overlaps() => self.plan_by_looking(true),
            DriftCheck::Skip => known::plan_by_journal(self),
        }
    }

    /// Looks at all that is moved: at sums first, and at paths where these are not as recorded.
    fn plan_by_looking(&mut self, force: bool) -> Result<Planned> {
        if !self.is_path_by_path {
            if let Some(planned) = known::plan_by_sums(self)? {
                return Ok(planned);
            }
            if let Some(cache) = self.cache.as_deref_mut() {
                // What was read to sum the trees up is not read again.
                cache.flush();
            }
        }
        plan::plan_by_scanning(self, force)
    }
}

impl Composition {
    fn meet_later(&self, obstacles: &mut Obstacles) -> Result<()> {
        match (self.later.as_slice(), self.undone.last()) {
            ([_, ..], Some(&tx)) => obstacles.meet(Error::LaterTransactions {
                tx,
                later: self.later.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// One transaction that is undone stands in the rollback's own row; several have rows of their own.
fn cited(undone: &[TransactionId]) -> Vec<TransactionId> {
    match undone {
        [] | [_] => Vec::new(),
        several => several.to_vec(),
    }
}

fn new_transaction(row: &TransactionRow) -> NewTransaction {
    NewTransaction {
        kind: TransactionKind::Rollback,
        uri: row.uri.clone(),
        on_conflict: None,
        undoes: Some(row.id),
        pack: None,
    }
}

fn receipt(
    row: &TransactionRow,
    composition: &Composition,
    planned: &Planned,
    generation: u64,
) -> Receipt {
    Receipt {
        uri: Uri::parse_exact(&row.uri).unwrap_or(Uri::root()),
        transaction: None,
        undoes: Some(row.id),
        undone: cited(&composition.undone),
        reverts: None,
        in_effect: None,
        generation,
        skipped: false,
        dry_run: false,
        changes: planned.counts,
        files: planned.files,
        bytes: planned.bytes,
        units: planned
            .units
            .iter()
            .map(|unit| Utf8PathBuf::from(&unit.path))
            .collect(),
        left_out: Vec::new(),
        plan: None,
    }
}

/// Only a commit that is not undone can be undone.
pub(crate) fn ensure_in_effect(
    journal: &Journal,
    id: TransactionId,
    options: &RollbackOptions,
) -> Result<TransactionRow> {
    let row = journal.transaction(id)?;
    let not_in_effect = |state: String| Err(Error::NotInEffect { tx: id, state });
    if let Some(state) = row.why_nothing_to_undo() {
        return not_in_effect(state);
    }
    let commits = journal.committed()?;
    let by = match options.on_later {
        OnLater::Refuse => undo::undone(&commits).get(&id).copied(),
        OnLater::RollBack => undo::taken_back_by(&commits, id),
    };
    match by {
        Some(by) => not_in_effect(format!("rolled back by {by} already")),
        None => Ok(row),
    }
}
