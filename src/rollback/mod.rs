//! Rollback: one more transaction that exchanges the replaced tree back.
//!
//! It moves the units of the transaction that it undoes, with the same slots, the other way. No
//! change row is copied: the journal says from this commit on that the other's changes are out of
//! effect. Rolled back itself, it brings them back.

mod drift;
mod plan;

use camino::Utf8PathBuf;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::id::TransactionId;
use crate::journal::prepare::Prepared;
use crate::journal::transactions::TransactionRow;
use crate::journal::undo;
use crate::journal::{Journal, NewTransaction, TransactionKind};
use crate::layout::Layout;
use crate::live;
use crate::session::Session;
use crate::staging::Staging;
use crate::stat_cache::StatCache;
use crate::transaction::{Receipt, Transaction};
use crate::uri::Uri;

use plan::{Planned, plan_rollback};

/// How a transaction is rolled back.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// Roll back although live files drifted; what drifted stays in the slot.
    pub force: bool,
    /// Rehearse: look for conflicts, change nothing.
    pub dry_run: bool,
    /// Watches and stops the act.
    pub control: Control,
}

/// Rolls back; durable when this returns.
pub(crate) fn run(
    session: &mut Session,
    undone: TransactionId,
    options: &RollbackOptions,
) -> Result<Receipt> {
    let row = ensure_in_effect(&session.journal, undone)?;
    session.clear_staging()?;
    // Rows that fit into memory need no disk, so that a full one does not keep a tree from going back.
    let staging = Staging::make(None)?;
    let new = NewTransaction {
        kind: TransactionKind::Rollback,
        uri: row.uri.clone(),
        on_conflict: None,
        undoes: Some(undone),
        pack: None,
    };
    let tx = Transaction::begin(session, &new)?;
    let planned = plan_rollback(
        &tx.session.layout,
        &tx.session.journal,
        tx.session.cache.as_mut(),
        &staging,
        &row,
        options,
    );
    let planned = match planned {
        Ok(planned) => planned,
        Err(error) => return Err(tx.abort(error)),
    };
    let prepared = Prepared {
        pack: None,
        policies: Vec::new(),
        counts: planned.counts,
        files: planned.files,
        bytes: planned.bytes,
        units: planned.units.clone(),
        undoes: Some(undone),
    };
    let id = tx.id;
    let generation = tx.commit(&prepared, &staging, &|session| {
        live::look_again(&session.layout, &staging, &planned.units)
    })?;
    if let Some(cache) = session.cache.as_mut() {
        cache.flush();
    }
    drop(staging);
    session.clear_staging().unwrap_or(());
    Ok(Receipt {
        transaction: Some(id),
        generation,
        ..receipt(&row, &planned, generation)
    })
}

/// Looks for everything that would stand in the way, and changes nothing.
pub(crate) fn rehearse(
    layout: &Layout,
    journal: &Journal,
    mut cache: Option<StatCache>,
    undone: TransactionId,
    options: &RollbackOptions,
) -> Result<Receipt> {
    let row = ensure_in_effect(journal, undone)?;
    let staging = Staging::make(None)?;
    let planned = plan_rollback(layout, journal, cache.as_mut(), &staging, &row, options)?;
    let done = receipt(&row, &planned, journal.generation()?);
    Ok(Receipt {
        dry_run: true,
        plan: Some(crate::plan::list(&staging)?),
        ..done
    })
}

fn receipt(row: &TransactionRow, planned: &Planned, generation: u64) -> Receipt {
    Receipt {
        uri: Uri::parse_exact(&row.uri).unwrap_or(Uri::root()),
        transaction: None,
        undoes: Some(row.id),
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
fn ensure_in_effect(journal: &Journal, id: TransactionId) -> Result<TransactionRow> {
    let row = journal.transaction(id)?;
    let not_in_effect = |state: String| Err(Error::NotInEffect { tx: id, state });
    if let Some(state) = row.why_nothing_to_undo() {
        return not_in_effect(state);
    }
    match undo::undone(&journal.committed()?).get(&id) {
        Some(by) => not_in_effect(format!("rolled back by {by} already")),
        None => Ok(row),
    }
}
