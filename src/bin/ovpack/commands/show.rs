//! `ovpack show`: tell everything of one transaction.

mod diff;
mod stat;

use std::io::{self, Write};

use ovpack::{Change, StatReport, TransactionId, TransactionReport, Uri};
use serde::Serialize;

use crate::caller::Caller;
use crate::escape::{Shown, shell_word};
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::{Bytes, Count, list, time};
use crate::plan_text;
use crate::streamed::Streamed;
use crate::ui::Ui;

/// Tell everything of one transaction
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack show tx7
  ovpack show tx7 --stat
  ovpack show tx7 --diff
  ovpack show tx7 --json")]
pub(crate) struct Args {
    /// Tell of this transaction, such as tx7
    #[arg(value_name = "TX")]
    tx: TransactionId,
    /// Sum the changes up by directory instead of listing them
    #[arg(long, conflicts_with = "diff")]
    stat: bool,
    /// Show what changed in text files, as far as both versions are still held
    #[arg(long)]
    diff: bool,
}

/// The answer as JSON.
#[derive(Serialize)]
struct Answer<'a, C, D> {
    #[serde(flatten)]
    report: &'a TransactionReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_list: Option<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stat: Option<&'a StatReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diffs: Option<D>,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let store = caller.store()?;
    let mut report = store.show(args.tx)?;
    // The list is told as a whole.
    report.change_list.clear();
    let stat = args.stat.then(|| store.stat(args.tx)).transpose()?;
    let changes = Streamed::new(|visit: &mut _| store.changes(args.tx, visit));
    let diffs = Streamed::new(|visit: &mut _| store.diff(args.tx, &caller.control, visit));
    let answer = Answer {
        report: &report,
        change_list: (!args.stat && !args.diff).then_some(&changes),
        stat: stat.as_ref(),
        diffs: args.diff.then_some(&diffs),
    };
    ui.report(&answer, |out| {
        write_transaction(out, &report)?;
        if let Some(stat) = &stat {
            return stat::write(out, stat);
        }
        if args.diff {
            return diffs.write(|file| diff::write(out, &file));
        }
        let root = report.summary.uri.parse().unwrap_or_else(|_| Uri::root());
        let mut is_first = true;
        changes.write(|change: Change| {
            if std::mem::take(&mut is_first) {
                writeln!(out, "\nchanged paths")?;
            }
            plan_text::write_change(out, &root, &change)
        })
    })
    .map_err(|failure| diffs.failure(changes.failure(failure)))?;
    Ok(Exit::Done)
}

/// The facts of a transaction by name, in the order in which they are told.
fn facts(report: &TransactionReport) -> [(&'static str, Option<String>); 20] {
    fn text<T: ToString>(fact: Option<T>) -> Option<String> {
        fact.map(|fact| fact.to_string())
    }
    let summary = &report.summary;
    [
        ("transaction", text(Some(summary.transaction))),
        ("kind", text(Some(&summary.kind))),
        ("state", text(Some(&summary.state))),
        ("uri", text(Some(&summary.uri))),
        ("started", text(Some(time(&summary.started_at)))),
        ("finished", summary.finished_at.as_deref().map(time)),
        ("pack", summary.pack.clone()),
        ("pack bytes", text(summary.pack_bytes)),
        ("pack sha256", text(summary.pack_sha256)),
        ("manifest", text(report.manifest_sha256)),
        ("content", text(report.content_sha256)),
        ("layout", report.layout.clone()),
        ("packed from", report.pack_root_uri.clone()),
        ("on conflict", report.on_conflict.clone()),
        ("undoes", text(summary.undoes)),
        ("undone by", text(summary.undone_by)),
        ("generation", text(summary.generation)),
        ("reason", summary.reason.clone()),
        ("errno", summary.errno.clone()),
        ("message", summary.message.clone()),
    ]
}

fn write_transaction(out: &mut dyn Write, report: &TransactionReport) -> io::Result<()> {
    let summary = &report.summary;
    for (name, fact) in facts(report) {
        if let Some(fact) = fact {
            writeln!(out, "{name:<12} {}", Shown(&fact))?;
        }
    }
    if !report.undone.is_empty() {
        writeln!(out, "undoes all   {}", list(&report.undone))?;
    }
    for path in &report.reverts {
        writeln!(
            out,
            "brings back  {} as before {}",
            Shown(&path.uri),
            path.before
        )?;
    }
    for cause in &report.causes {
        writeln!(out, "caused by    {}", Shown(cause))?;
    }
    let argv: Vec<_> = report.argv.iter().map(|word| shell_word(word)).collect();
    writeln!(out, "command      {}", Shown(&argv.join(" ")))?;
    writeln!(
        out,
        "by           {} on {}, ovpack {}",
        Shown(&summary.user),
        Shown(&report.host),
        Shown(&report.tool_version)
    )?;
    writeln!(out, "changes      {}", plan_text::counts(&summary.changes))?;
    write_lists(out, report)
}

fn write_lists(out: &mut dyn Write, report: &TransactionReport) -> io::Result<()> {
    if !report.findings.is_empty() {
        writeln!(out, "\n{}", Count(report.findings_total, "finding"))?;
    }
    for finding in &report.findings {
        let path = match finding.path.as_str() {
            "" => String::new(),
            path => format!("{}: ", Shown(path)),
        };
        writeln!(
            out,
            "  {}: {path}{}",
            Shown(&finding.code),
            Shown(&finding.detail)
        )?;
    }
    let more = report
        .findings_total
        .saturating_sub(report.findings.len() as u64);
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
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
    write_decisions(out, report)
}

fn write_decisions(out: &mut dyn Write, report: &TransactionReport) -> io::Result<()> {
    if !report.policies.is_empty() {
        writeln!(out, "\npolicies")?;
    }
    for policy in &report.policies {
        writeln!(out, "  {}  {}", policy.sha256, Shown(&policy.name))?;
    }
    if !report.slot_decisions.is_empty() {
        writeln!(out, "\nslots")?;
    }
    for slot in &report.slot_decisions {
        writeln!(
            out,
            "  {:<9} slot {}, {}: {}",
            slot.decision,
            slot.slot,
            Bytes(slot.bytes),
            Shown(&slot.reason)
        )?;
    }
    Ok(())
}
