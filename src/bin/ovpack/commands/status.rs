//! `ovpack status`: tell the state of the store.

use std::io::{self, Write};

use anstyle::AnsiColor;
use ovpack::{DriftReport, StatusOptions, StatusReport, Uri};

use crate::args::some_uri;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::{Bytes, Count, list};
use crate::ui::Ui;

/// Tell the state of the store, and which files changed outside of it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack status
  ovpack status resources/click --content
  ovpack status --exit-code --quiet")]
pub(crate) struct Args {
    /// Compare only what is at and below this URI
    #[arg(value_name = "URI")]
    uri: Option<String>,
    /// Read every byte, also of files whose size and times say that they are unchanged
    #[arg(long)]
    content: bool,
    /// End with exit code 4 where files changed outside of the store
    #[arg(long)]
    exit_code: bool,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = StatusOptions {
        uri: some_uri(args.uri.as_deref())?,
        content: args.content,
        control: caller.control.clone(),
    };
    let store = caller.store()?;
    let report = store.status(&options)?;
    if report.files == 0 && report.drift == DriftReport::default() {
        // Of a typo everything else would say that all is well.
        store.list(&report.uri)?;
    }
    ui.report(&report, |out| write_status(out, caller, &report))?;
    // While a transaction is on its way, new files may stand beside old rows.
    let is_settled = report.recovery_pending.is_empty();
    if args.exit_code && is_settled && report.drift != DriftReport::default() {
        Ok(Exit::Drift)
    } else {
        Ok(Exit::Done)
    }
}

fn write_status(out: &mut dyn Write, caller: &Caller, report: &StatusReport) -> io::Result<()> {
    let adopted = if report.adopted { ", adopted" } else { "" };
    writeln!(
        out,
        "store        {} ({}{adopted})",
        Shown(&report.store),
        Shown(&report.store_id)
    )?;
    match &report.last_commit {
        Some(last) => writeln!(
            out,
            "generation   {}, by {}: {} {}{}",
            report.generation,
            last.transaction,
            Shown(&last.kind),
            Shown(&last.uri),
            when(last.finished_at.as_deref().unwrap_or(&last.started_at))
        )?,
        None => writeln!(out, "generation   {}", report.generation)?,
    }
    writeln!(
        out,
        "live tree    {}, {}{}",
        Count(report.files, "file"),
        Bytes(report.bytes),
        below(&report.uri)
    )?;
    let pinned = if report.pinned_bytes > 0 {
        format!(", of which {} pinned", Bytes(report.pinned_bytes))
    } else {
        String::new()
    };
    writeln!(
        out,
        "old trees    {}, {}{pinned}",
        Count(report.slots, "slot"),
        Bytes(report.slot_bytes)
    )?;
    if !report.recovery_pending.is_empty() {
        writeln!(
            out,
            "recovery     pending for {}; the next writing verb settles it, or: {}",
            list(&report.recovery_pending),
            Shown(&caller.command("recover"))
        )?;
    }
    if !report.unpackable.is_empty() {
        let count = Count(report.unpackable.len() as u64, "path");
        writeln!(out, "unpackable   {count} that no pack can hold:")?;
        for why in &report.unpackable {
            writeln!(out, "  {}", Shown(why))?;
        }
    }
    write_drift(out, report)
}

/// Says when something was, at the end of a sentence.
fn when(rfc3339: &str) -> String {
    let moment = Ui::moment(rfc3339);
    if Ui::is_read_by_people() {
        format!(", {moment}")
    } else {
        format!(" at {moment}")
    }
}

/// Says where was looked, if not everywhere.
fn below(uri: &Uri) -> String {
    if uri.is_root() {
        return String::new();
    }
    format!(" at and below {}", Shown(&uri.to_string()))
}

fn write_drift(out: &mut dyn Write, report: &StatusReport) -> io::Result<()> {
    let drift = &report.drift;
    let how = match report.content {
        "read" => "every byte was read",
        _ => "by stat; --content reads every byte",
    };
    let groups = [
        ("added", AnsiColor::Green, &drift.added),
        ("changed", AnsiColor::Yellow, &drift.changed),
        ("missing", AnsiColor::Red, &drift.missing),
    ];
    if groups.iter().all(|(_, _, uris)| uris.is_empty()) {
        return writeln!(out, "drift        none ({how})");
    }
    let total: usize = groups.iter().map(|(_, _, uris)| uris.len()).sum();
    let total = Count(total as u64, "file");
    writeln!(
        out,
        "drift        {total} changed outside of the store ({how}):"
    )?;
    for (word, color, uris) in groups {
        let style = color.on_default();
        for uri in uris {
            writeln!(out, "  {style}{word:<8}{style:#} {}", Shown(uri))?;
        }
    }
    Ok(())
}
