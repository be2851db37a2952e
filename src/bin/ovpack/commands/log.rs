//! `ovpack log`: list transactions.

use std::io::{self, Write};
use std::iter;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ovpack::{LogOptions, Outcome, TransactionSummary};
use serde::Serialize;

use crate::args::{some_uri, time as time_argument};
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::ui::Ui;

/// List transactions, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack log
  ovpack log --path resources/click/README.md --outcome committed
  ovpack log --since 2h --json")]
pub(crate) struct Args {
    /// List those whose root is at, above or below this URI
    #[arg(long, value_name = "URI")]
    uri: Option<String>,
    /// List those that changed something at or below this URI
    #[arg(long, value_name = "URI")]
    path: Option<String>,
    /// List those that were committed or aborted, or that a crash left open
    #[arg(long, value_name = "OUTCOME", value_parser = outcome())]
    outcome: Option<Outcome>,
    /// List those of this kind
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(LogOptions::KINDS))]
    kind: Option<String>,
    /// List those that began at this time or later: RFC 3339, a date, or how long ago, as in 2h or 30d
    #[arg(long, value_name = "TIME", value_parser = time_argument)]
    since: Option<i64>,
    /// List those that began at this time or earlier
    #[arg(long, value_name = "TIME", value_parser = time_argument)]
    until: Option<i64>,
    /// List those whose pack has this SHA-256, or one that begins with these 8 digits or more
    #[arg(long, value_name = "HEX")]
    pack_sha256: Option<String>,
    /// List those of this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
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
    let options = LogOptions {
        before: None,
        limit: args.limit,
        uri: some_uri(args.uri.as_deref())?,
        path: some_uri(args.path.as_deref())?,
        outcome: args.outcome,
        kind: args.kind.clone(),
        since_ms: args.since,
        until_ms: args.until,
        pack_sha256: args.pack_sha256.clone(),
        user: args.user.clone(),
    };
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
    if transactions.is_empty() {
        ui.talk(&"no transaction is such");
    }
    Ok(Exit::Done)
}

fn outcome() -> impl TypedValueParser<Value = Outcome> {
    PossibleValuesParser::new(Outcome::ALL.map(Outcome::as_str)).map(|word| {
        let outcome = Outcome::ALL.into_iter().find(|one| one.as_str() == word);
        outcome.unwrap_or(Outcome::Open)
    })
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
        transaction.errno.clone(),
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
            &Ui::moment(&transaction.started_at),
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
