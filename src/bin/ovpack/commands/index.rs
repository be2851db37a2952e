//! `ovpack index`: the state of the content index, brought up to date, checked, made anew.

use std::io::{self, Write};

use clap::Subcommand;
use ovpack::{IndexCheckReport, IndexStatus};

use crate::args::uri;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::Count;
use crate::indexing;
use crate::ui::Ui;

/// Tell the state of the search index, bring it up to date, check it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack index status
  ovpack index check resources/click --fix
  ovpack index wait
  ovpack index rebuild")]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Tell what is indexed, and what waits for a vector
    Status,
    /// Bring full text and vectors up to date, and say what still waits
    Wait,
    /// Make full text and vectors anew
    Rebuild,
    Check(CheckArgs),
}

/// Hold the index against what its rules want; end with exit code 4 where it differs
#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// Check only what is at and below this URI
    #[arg(value_name = "URI", default_value = "viking://")]
    uri: String,
    /// Set right what is wrong: missing records by a transaction, the rest by indexing again
    #[arg(long)]
    fix: bool,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let store = caller.store()?;
    let status = match &args.act {
        Act::Check(args) => {
            let uri = uri(&args.uri)?;
            let report = if args.fix {
                store.fix_index(&uri, &indexing::options(caller, &store)?)?
            } else {
                store.check_index(&uri, &caller.control)?
            };
            if report.records == 0 && !uri.is_root() {
                // Of a typo it would say that nothing is wrong.
                store.list(&uri)?;
            }
            ui.report(&report, |out| write_check(out, &report))?;
            return Ok(if report.total > 0 {
                Exit::Drift
            } else {
                Exit::Done
            });
        }
        Act::Status => store.index_status()?,
        Act::Wait => store.refresh_index(&indexing::options(caller, &store)?)?,
        Act::Rebuild => store.rebuild_index(&indexing::options(caller, &store)?)?,
    };
    ui.report(&status, |out| write_status(out, &status))?;
    Ok(Exit::Done)
}

fn write_status(out: &mut dyn Write, status: &IndexStatus) -> io::Result<()> {
    writeln!(out, "records      {}", status.records)?;
    let behind = if status.is_behind {
        ", behind the last commit"
    } else {
        ""
    };
    writeln!(
        out,
        "full text    {}{behind}",
        Count(status.documents, "document")
    )?;
    if status.unread > 0 {
        let unread = Count(status.unread, "file");
        writeln!(out, "unread       {unread}, changed outside of the store")?;
    }
    match &status.model {
        Some(model) => writeln!(out, "embedder     {}: {}", status.embedder, Shown(model))?,
        None => writeln!(out, "embedder     none")?,
    }
    if status.model.is_some() {
        let stale = if status.stale > 0 {
            format!(", {} of them with one of another model", status.stale)
        } else {
            String::new()
        };
        writeln!(
            out,
            "vectors      {}, {} waiting{stale}",
            status.vectors, status.pending
        )?;
    }
    if let Some(failure) = &status.failure {
        writeln!(out, "failed       {}", Shown(failure))?;
    }
    Ok(())
}

fn write_check(out: &mut dyn Write, report: &IndexCheckReport) -> io::Result<()> {
    for fault in &report.faults {
        writeln!(
            out,
            "{:<17} {} {}",
            fault.fault,
            fault.level,
            Shown(&fault.uri)
        )?;
    }
    let transaction = report.transaction.map(|tx| format!(", written by {tx}"));
    let behind = if report.is_behind {
        "; full text is behind the last commit and was not checked"
    } else {
        ""
    };
    writeln!(
        out,
        "{} checked, {} wrong{}{behind}",
        Count(report.records, "record"),
        report.total,
        transaction.unwrap_or_default()
    )
}
