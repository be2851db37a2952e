//! How rollbacks, and rehearsals of them, read.

use std::io::{self, Write};

use anstyle::AnsiColor;
use ovpack::{Error, Receipt, RollbackRehearsal};
use serde_json::json;

use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::human::{Bytes, Count, Seconds, list};
use crate::indexing;
use crate::plan_text::{counts, write_changes};
use crate::ui::Ui;

/// Prints what a rollback did, what is in effect now, and how it is taken back.
pub(crate) fn done(ui: &Ui, caller: &Caller, past: &str, receipt: &Receipt) -> Result<Exit> {
    let uri = receipt.uri.to_string();
    let printed = ui.report(receipt, |out| writeln!(out, "{}", Shown(&uri)));
    if let Some(tx) = receipt.transaction {
        ui.talk(&format_args!(
            "{past} {} as {tx} in {}: {}",
            undone(receipt),
            Seconds(ui.elapsed()),
            counts(&receipt.changes),
        ));
        ui.talk(&in_effect(caller, receipt));
        let rollback = caller.command(&format!("rollback {tx}"));
        ui.talk(&format_args!("take this back with: {}", Shown(&rollback)));
        indexing::refresh(ui, caller);
    }
    printed.map(|()| Exit::Done)
}

/// Says what is live now where something was moved.
fn in_effect(caller: &Caller, receipt: &Receipt) -> String {
    let is_gone = caller
        .store()
        .is_ok_and(|store| matches!(store.list(&receipt.uri), Err(Error::UriNotFound { .. })));
    let tree = if is_gone {
        format!("{} is gone", receipt.uri)
    } else {
        // Files are counted of what was moved, which may be more than what the transaction is named by.
        let moved = match receipt.units.as_slice() {
            [only] => format!("viking://{only}"),
            _ => receipt.uri.to_string(),
        };
        let (files, bytes) = (Count(receipt.files, "file"), Bytes(receipt.bytes));
        format!("{moved} with {files}, {bytes}")
    };
    let last = match receipt.in_effect {
        Some(last) => format!("the last commit there is {last}"),
        None => "as it was before any commit".to_owned(),
    };
    format!("in effect now: {}, {last}", Shown(&tree))
}

/// Prints what a revert of some paths did, and how it is taken back.
pub(crate) fn reverted(ui: &Ui, caller: &Caller, receipt: &Receipt) -> Result<Exit> {
    let uri = receipt.uri.to_string();
    let printed = ui.report(receipt, |out| writeln!(out, "{}", Shown(&uri)));
    if let (Some(tx), Some(before)) = (receipt.transaction, receipt.reverts) {
        ui.talk(&format_args!(
            "brought back what was there before {before} as {tx} in {}: {}",
            Seconds(ui.elapsed()),
            counts(&receipt.changes),
        ));
        let rollback = caller.command(&format!("rollback {tx}"));
        ui.talk(&format_args!("take this back with: {}", Shown(&rollback)));
        indexing::refresh(ui, caller);
    }
    printed.map(|()| Exit::Done)
}

fn undone(receipt: &Receipt) -> String {
    match (
        receipt.undone.as_slice(),
        receipt.undoes.or(receipt.reverts),
    ) {
        ([_, ..], _) => list(&receipt.undone),
        ([], Some(tx)) => tx.to_string(),
        ([], None) => String::new(),
    }
}

/// Prints a rehearsal; it ends like the rollback itself would, with the first obstacle.
pub(crate) fn rehearsal(ui: &Ui, rehearsal: RollbackRehearsal) -> Result<Exit> {
    if rehearsal.would_succeed {
        return ui
            .report(&rehearsal, |out| write_rehearsal(out, &rehearsal))
            .map(|()| Exit::Done);
    }
    if !ui.is_json() {
        ui.data(|out| write_rehearsal(out, &rehearsal))?;
    }
    let report = json!(&rehearsal).as_object().cloned().unwrap_or_default();
    match rehearsal.obstacles.into_iter().next() {
        Some(error) => Err(Failure::Rehearsed {
            error: Box::new(error),
            rehearsal: report,
        }),
        None => Ok(Exit::Done),
    }
}

fn write_rehearsal(out: &mut dyn Write, rehearsal: &RollbackRehearsal) -> io::Result<()> {
    let receipt = &rehearsal.receipt;
    let uri = receipt.uri.to_string();
    let would = if rehearsal.would_succeed {
        "would roll back"
    } else {
        "would not roll back"
    };
    writeln!(
        out,
        "{would} {} of {}: {}",
        undone(receipt),
        Shown(&uri),
        counts(&receipt.changes)
    )?;
    for obstacle in &rehearsal.obstacles {
        let style = AnsiColor::Red.on_default();
        let message = obstacle.to_string();
        writeln!(
            out,
            "  {style}{}{style:#}: {}",
            obstacle.code(),
            Shown(&message)
        )?;
    }
    for path in &rehearsal.drift {
        let style = AnsiColor::Magenta.on_default();
        writeln!(out, "  {style}drifted{style:#}   {}", Shown(path))?;
    }
    write_changes(
        out,
        &receipt.uri,
        receipt.plan.as_deref().unwrap_or_default(),
    )
}
