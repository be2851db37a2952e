//! `ovpack show`: tell everything of one transaction.

use std::io::{self, Write};

use ovpack::{TransactionId, TransactionReport, Uri};

use crate::caller::Caller;
use crate::escape::{Shown, shell_word};
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::time;
use crate::plan_text;
use crate::ui::Ui;

/// Tell everything of one transaction
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack show tx7
  ovpack show tx7 --json")]
pub(crate) struct Args {
    /// Tell of this transaction, such as tx7
    #[arg(value_name = "TX")]
    tx: TransactionId,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let report = caller.store()?.show(args.tx)?;
    ui.report(&report, |out| write_transaction(out, &report))?;
    Ok(Exit::Done)
}

fn write_transaction(out: &mut dyn Write, report: &TransactionReport) -> io::Result<()> {
    let summary = &report.summary;
    writeln!(out, "transaction  {}", summary.transaction)?;
    writeln!(out, "kind         {}", Shown(&summary.kind))?;
    writeln!(out, "state        {}", Shown(&summary.state))?;
    writeln!(out, "uri          {}", Shown(&summary.uri))?;
    let facts = [
        ("pack", summary.pack.clone()),
        (
            "pack_sha256",
            summary.pack_sha256.map(|sha256| sha256.to_string()),
        ),
        ("undoes", summary.undoes.map(|tx| tx.to_string())),
        ("undone by", summary.undone_by.map(|tx| tx.to_string())),
        (
            "generation",
            summary.generation.map(|number| number.to_string()),
        ),
        ("reason", summary.reason.clone()),
        ("message", summary.message.clone()),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            writeln!(out, "{name:<12} {}", Shown(&fact))?;
        }
    }
    let argv: Vec<_> = report.argv.iter().map(|word| shell_word(word)).collect();
    writeln!(out, "command      {}", Shown(&argv.join(" ")))?;
    writeln!(
        out,
        "by           {} on {}, ovpack {}",
        Shown(&report.user),
        Shown(&report.host),
        Shown(&report.tool_version)
    )?;
    writeln!(out, "changes      {}", plan_text::counts(&summary.changes))?;
    write_lists(out, report)
}

fn write_lists(out: &mut dyn Write, report: &TransactionReport) -> io::Result<()> {
    writeln!(out, "\nevents")?;
    for event in &report.events {
        let at = time(&event.at);
        writeln!(
            out,
            "  {:>5}  {at}  {:<9}  {}",
            event.seq,
            Shown(&event.kind),
            event.hash
        )?;
    }
    if !report.units.is_empty() {
        writeln!(out, "\nunits")?;
    }
    for unit in &report.units {
        let path = match unit.path.as_str() {
            "" => "the whole live tree".to_owned(),
            path => Shown(path).to_string(),
        };
        writeln!(
            out,
            "  {:<9} slot {} ({})  {path}",
            Shown(&unit.action),
            unit.slot,
            Shown(&unit.slot_state)
        )?;
    }
    if report.change_list.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nchanged paths")?;
    let root = report.summary.uri.parse().unwrap_or_else(|_| Uri::root());
    plan_text::write_changes(out, &root, &report.change_list)
}
