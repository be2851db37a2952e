//! `ovpack log`: list transactions.

use std::io::{self, Write};
use std::iter;

use ovpack::{LogOptions, TransactionSummary};
use serde::Serialize;

use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::time;
use crate::ui::Ui;

/// List transactions, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack log
  ovpack log --limit 5 --json")]
pub(crate) struct Args {
    /// List at most N
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<u64>,
}

/// The answer as JSON.
#[derive(Debug, Serialize)]
struct Listing<'a> {
    transactions: &'a [TransactionSummary],
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = LogOptions { limit: args.limit };
    let transactions = caller.store()?.log(&options)?;
    let listing = Listing {
        transactions: &transactions,
    };
    ui.report(&listing, |out| {
        if Ui::is_read_by_people() && !transactions.is_empty() {
            write_row(out, ["TX", "KIND", "STATE", "STARTED", "CHANGES", "URI"])?;
        }
        transactions
            .iter()
            .try_for_each(|transaction| write_transaction(out, transaction))
    })?;
    Ok(Exit::Done)
}

fn write_transaction(out: &mut dyn Write, transaction: &TransactionSummary) -> io::Result<()> {
    let changes = &transaction.changes;
    let changes = format!(
        "+{} ~{} -{}",
        changes.added, changes.replaced, changes.removed
    );
    let notes = [
        transaction.undoes.map(|tx| format!("undoes {tx}")),
        transaction.undone_by.map(|tx| format!("undone by {tx}")),
        transaction.reason.clone(),
    ];
    let last: Vec<_> = iter::once(transaction.uri.clone())
        .chain(notes.into_iter().flatten())
        .map(|part| Shown(&part).to_string())
        .collect();
    write_row(
        out,
        [
            &transaction.transaction.to_string(),
            &Shown(&transaction.kind).to_string(),
            &Shown(&transaction.state).to_string(),
            &time(&transaction.started_at),
            &changes,
            &last.join("  "),
        ],
    )
}

/// Widths fit all words of their column; numbers that outgrow theirs push the rest to the right.
fn write_row(
    out: &mut dyn Write,
    [tx, kind, state, time, changes, uri]: [&str; 6],
) -> io::Result<()> {
    writeln!(
        out,
        "{tx:<6} {kind:<8} {state:<9} {time:<20} {changes:<12} {uri}"
    )
}
