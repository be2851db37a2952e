//! Revert: some paths as they were before a transaction, and everything else as it is.
//!
//! A new tree is put together of the live one and of what waits in the transaction's slot, and goes
//! live like an import's. The slot keeps what it holds.

mod plan;
mod wanted;

use camino::Utf8PathBuf;

use crate::assembly::assemble;
use crate::control::Phase;
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::id::TransactionId;
use crate::import::stage;
use crate::index;
use crate::jobs::Jobs;
use crate::journal::prepare::Prepared;
use crate::journal::{Cited, Journal, NewTransaction, TransactionKind};
use crate::layout::Layout;
use crate::live;
use crate::plan::{self as change_plan, ChangeCounts};
use crate::rollback::{Obstacles, RollbackOptions, RollbackRehearsal, ensure_in_effect};
use crate::session::Session;
use crate::staging::{Keeps, Staging};
use crate::stat_cache::StatCache;
use crate::target::PlannedUnit;
use crate::transaction::{Receipt, Transaction};
use crate::uri::Uri;

use plan::{Look, Planned};

/// Brings paths back as they were before a transaction; durable when this returns.
pub(crate) fn run(
    session: &mut Session,
    tx: TransactionId,
    paths: &[Uri],
    options: &RollbackOptions,
) -> Result<Receipt> {
    let row = ensure_in_effect(&session.journal, tx, options)?;
    let uri = uri_of(&row.uri, paths)?;
    session.clear_staging()?;
    let staging = Staging::make(Some(&session.layout.staging_database()))?;
    let new = NewTransaction {
        kind: TransactionKind::Revert,
        uri: uri.to_string(),
        on_conflict: None,
        undoes: None,
        pack: None,
    };
    let reverts = paths.iter().map(|uri| (tx, uri.path().to_string()));
    let mut cited = Cited {
        reverts: reverts.collect(),
        ..Cited::default()
    };
    cited.reverts.sort();
    cited.reverts.dedup();
    let mut transaction = Transaction::begin_citing(session, &new, &cited)?;
    let done = match stage(&mut transaction, &staging, tx, paths, options) {
        Ok(prepared) => commit(transaction, &staging, paths, &prepared),
        Err(error) => Err(transaction.abort(error)),
    };
    drop(staging);
    session.clear_staging().unwrap_or(());
    done.map(|done| Receipt {
        uri,
        reverts: Some(tx),
        ..done
    })
}

/// Looks for everything that would stand in the way, and changes nothing.
pub(crate) fn rehearse(
    layout: &Layout,
    journal: &Journal,
    mut cache: Option<StatCache>,
    tx: TransactionId,
    paths: &[Uri],
    options: &RollbackOptions,
) -> Result<RollbackRehearsal> {
    let row = ensure_in_effect(journal, tx, options)?;
    let uri = uri_of(&row.uri, paths)?;
    let staging = Staging::make(None)?;
    let mut obstacles = Obstacles::collecting();
    let wanted = wanted::look(layout, journal, tx, paths, &mut obstacles)?;
    let mut look = Look {
        layout,
        journal,
        staging: &staging,
        cache: cache.as_mut(),
        control: &options.control,
        tx,
        obstacles: &mut obstacles,
    };
    let planned = look.plan(wanted, options)?;
    let done = receipt(&staging, paths, &planned.units)?;
    let receipt = Receipt {
        uri,
        reverts: Some(tx),
        generation: journal.generation()?,
        dry_run: true,
        plan: Some(change_plan::list(&staging)?),
        ..done
    };
    let free_bytes = layout.control().free_bytes()?;
    Ok(RollbackRehearsal::of_revert(
        receipt,
        obstacles,
        planned.drift,
        planned.needed_bytes,
        free_bytes,
    ))
}

/// A revert of one path is named by that, one of several by the transaction's root.
fn uri_of(root: &str, paths: &[Uri]) -> Result<Uri> {
    match paths {
        [] => Err(Error::InvalidArgument {
            argument: "paths",
            value: String::new(),
            expected: "one URI at least",
        }),
        [only] => Ok(only.clone()),
        _ => Ok(Uri::parse_exact(root).unwrap_or(Uri::root())),
    }
}

/// Puts the new trees together in slots, synced and planned.
fn stage(
    transaction: &mut Transaction<'_>,
    staging: &Staging,
    tx: TransactionId,
    paths: &[Uri],
    options: &RollbackOptions,
) -> Result<Prepared> {
    let planned = plan(transaction.session, staging, tx, paths, options)?;
    let mut slots = stage::make_slots(transaction, &planned.units)?;
    transaction.syncer = stage::syncer_of(&slots)?;
    let choose = |path: &_| Ok(planned.source_of(path));
    let cache = transaction.session.cache.as_mut();
    assemble(staging, &mut slots, &choose, cache, &options.control)?;
    options.control.begin(Phase::Syncing, 0, 0);
    if let Some(syncer) = &transaction.syncer {
        syncer.begin_last()?;
    }
    let moved: Vec<_> = planned
        .units
        .iter()
        .map(|unit| unit.path.as_str())
        .collect();
    let journal = &transaction.session.journal;
    index::stage_index(journal, staging, &moved, Keeps::Known, None, &|path| {
        stage::read_staged(&slots, path)
    })?;
    let units = stage::identify(staging, &planned.units, &slots)?;
    // The journal's numbers are of all that is moved, as those of a rollback of this will be.
    let (counts, files, bytes) = change_plan::counts(staging)?;
    options.control.ensure_not_interrupted()?;
    let prepared = Prepared {
        pack: None,
        policies: Vec::new(),
        counts,
        files,
        bytes,
        units,
        undoes: None,
    };
    Ok(prepared)
}

fn plan(
    session: &mut Session,
    staging: &Staging,
    tx: TransactionId,
    paths: &[Uri],
    options: &RollbackOptions,
) -> Result<Planned> {
    let mut obstacles = Obstacles::ending();
    let (layout, journal) = (&session.layout, &session.journal);
    let wanted = wanted::look(layout, journal, tx, paths, &mut obstacles)?;
    let mut look = Look {
        layout,
        journal,
        staging,
        cache: session.cache.as_mut(),
        control: &options.control,
        tx,
        obstacles: &mut obstacles,
    };
    look.plan(wanted, options)
}

fn commit(
    transaction: Transaction<'_>,
    staging: &Staging,
    paths: &[Uri],
    prepared: &Prepared,
) -> Result<Receipt> {
    let id = transaction.id;
    // Before the exchange, as all that takes longer the more files there are.
    if let Some(cache) = &mut transaction.session.cache {
        cache.flush();
    }
    let planned = match receipt(staging, paths, &[]) {
        Ok(planned) => planned,
        Err(error) => return Err(transaction.abort(error)),
    };
    let seen = match live::versions_seen(staging, &prepared.units) {
        Ok(seen) => seen,
        Err(error) => return Err(transaction.abort(error)),
    };
    let generation = transaction.commit(prepared, staging, &|session| {
        session.empty_staging().unwrap_or(());
        live::look_again_by_sums(&session.layout, &prepared.units, &seen, Jobs::default())
    })?;
    let units = prepared.units.iter();
    Ok(Receipt {
        transaction: Some(id),
        generation,
        units: units.map(|unit| Utf8PathBuf::from(&unit.path)).collect(),
        ..planned
    })
}

/// Counts what is at the paths that are brought back; the rest of what is moved stays as it is.
fn counts(staging: &Staging, paths: &[Uri]) -> Result<(ChangeCounts, u64, u64)> {
    let mut sorted: Vec<_> = paths.iter().map(Uri::path).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let is_in_another = |path: &EntryPath| {
        let mut others = sorted.iter().filter(|other| **other != path);
        others.any(|other| path.is_at_or_below(other))
    };
    let apart: Vec<_> = sorted
        .iter()
        .filter(|path| !is_in_another(path))
        .map(ToString::to_string)
        .collect();
    change_plan::counts_at(staging, &apart)
}

fn receipt(staging: &Staging, wanted: &[Uri], units: &[PlannedUnit]) -> Result<Receipt> {
    let (changes, files, bytes) = counts(staging, wanted)?;
    let paths = units.iter().map(|unit| Utf8PathBuf::from(&unit.path));
    Ok(Receipt {
        uri: Uri::root(),
        transaction: None,
        undoes: None,
        undone: Vec::new(),
        reverts: None,
        in_effect: None,
        generation: 0,
        skipped: false,
        dry_run: false,
        changes,
        files,
        bytes,
        units: paths.collect(),
        left_out: Vec::new(),
        plan: None,
    })
}
