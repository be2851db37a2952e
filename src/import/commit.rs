//! The commit of an import, and what it tells of itself.
//!
//! What takes longer the more files there are is done before the exchange: counts for the receipt,
//! the journal's rows and their checkpoint, what the stat cache learns. After it there are a few
//! syncs and one small row.

use camino::Utf8PathBuf;

use super::Admitted;
use super::stage::Staged;
use crate::error::Result;
use crate::journal::Journal;
use crate::journal::prepare::Prepared;
use crate::live;
use crate::plan::{self, ChangeCounts};
use crate::policy::Policies;
use crate::transaction::{Receipt, Transaction};

/// Commits what is staged; durable when this returns.
pub(super) fn commit(
    tx: Transaction<'_>,
    admitted: &Admitted,
    staged: &Staged,
    policies: &Policies,
) -> Result<Receipt> {
    let staging = &admitted.intake.staging;
    let (id, units) = (tx.id, &staged.units);
    let jobs = admitted.intake.jobs;
    let ready = plan::counts(staging).and_then(|counts| Ok((counts, admitted.intake.facts()?)));
    let ((counts, files, bytes), facts) = match ready {
        Ok(ready) => ready,
        Err(error) => return Err(tx.abort(error)),
    };
    let prepared = Prepared {
        pack: Some(facts),
        counts,
        files,
        bytes,
        units: units.clone(),
        policies: policies.records(),
        undoes: None,
    };
    // Before the exchange, as all that takes longer the more files there are.
    if let Some(cache) = &mut tx.session.cache {
        cache.flush();
    }
    let paths = units
        .iter()
        .map(|unit| Utf8PathBuf::from(&unit.path))
        .collect();
    let planned = receipt_of(admitted, (counts, files, bytes), paths);
    let seen = match live::versions_seen(staging, units) {
        Ok(seen) => seen,
        Err(error) => return Err(tx.abort(error)),
    };
    let generation = tx.commit(&prepared, staging, &|session| {
        // Its blocks are given back now, as nothing that grows with the tree is done after the exchange.
        session.empty_staging().unwrap_or(());
        live::look_again_by_sums(&session.layout, units, &seen, jobs)
    })?;
    Ok(Receipt {
        transaction: Some(id),
        generation,
        left_out: staged.left_out.clone(),
        ..planned
    })
}

/// Returns what is there after an act that changed nothing.
pub(super) fn receipt(
    admitted: &Admitted,
    journal: &Journal,
    units: Vec<Utf8PathBuf>,
) -> Result<Receipt> {
    let (changes, files, bytes) = if admitted.is_skipped {
        Default::default()
    } else {
        plan::counts(&admitted.intake.staging)?
    };
    Ok(Receipt {
        generation: journal.generation()?,
        ..receipt_of(admitted, (changes, files, bytes), units)
    })
}

/// Returns what an act does, the generation apart.
fn receipt_of(
    admitted: &Admitted,
    (changes, files, bytes): (ChangeCounts, u64, u64),
    units: Vec<Utf8PathBuf>,
) -> Receipt {
    Receipt {
        uri: admitted.roots.uri.clone(),
        transaction: None,
        undoes: None,
        undone: Vec::new(),
        reverts: None,
        in_effect: None,
        generation: 0,
        skipped: admitted.is_skipped,
        dry_run: false,
        changes,
        files,
        bytes,
        units,
        left_out: Vec::new(),
        plan: None,
    }
}
