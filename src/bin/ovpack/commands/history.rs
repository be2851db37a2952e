//! `ovpack history`: tell what happened to a path.

use std::io::{self, Write};

use ovpack::{ChangeKind, EntryKind, HistoryEntry, HistoryReport, Version, Writer};

use crate::args::uri;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::time;
use crate::ui::Ui;

/// Tell who wrote what is at a URI, and every transaction that touched it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack history resources/click/README.md
  ovpack history resources/click --json")]
pub(crate) struct Args {
    /// Tell of this file or directory
    #[arg(value_name = "URI")]
    uri: String,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let report = caller.store()?.history(&uri(&args.uri)?)?;
    ui.report(&report, |out| write_history(out, &report))?;
    Ok(Exit::Done)
}

fn write_history(out: &mut dyn Write, report: &HistoryReport) -> io::Result<()> {
    let present = &report.present;
    let uri = report.uri.to_string();
    let state = match present.state {
        "as-recorded" => "",
        "changed" => "changed outside of ovpack since it was ",
        "missing" => "gone, outside of ovpack, since it was ",
        "removed" => "not there; last ",
        _ => "there, and no transaction put it there; last ",
    };
    match &present.written_by {
        Some(writer) => writeln!(out, "{}: {state}{}", Shown(&uri), written(writer))?,
        None => writeln!(
            out,
            "{}: {}no transaction has written it",
            Shown(&uri),
            if present.live.is_some() {
                "there, but "
            } else {
                ""
            }
        )?,
    }
    report
        .entries
        .iter()
        .try_for_each(|entry| write_entry(out, entry))
}

/// Tells who wrote something, in the words of a sentence.
fn written(writer: &Writer) -> String {
    let at = writer.at.as_deref().map(time).unwrap_or_default();
    if writer.kind == "external" {
        return format!(
            "changed outside of ovpack before {} saw it at {at}",
            writer.transaction
        );
    }
    let mut text = format!("written by {} ({})", writer.transaction, writer.kind);
    if let Some(pack) = &writer.pack {
        text.push_str(" from ");
        text.push_str(&Shown(pack).to_string());
    }
    if let Some(sha256) = writer.pack_sha256 {
        text.push_str(", sha256 ");
        text.push_str(&sha256.to_string());
    }
    if let Some(by) = by(writer) {
        text.push_str(", ");
        text.push_str(&by);
    }
    text.push_str(" at ");
    text.push_str(&at);
    text
}

fn by(writer: &Writer) -> Option<String> {
    match (&writer.user, &writer.host) {
        (Some(user), Some(host)) => Some(format!("by {} on {}", Shown(user), Shown(host))),
        _ => None,
    }
}

fn write_entry(out: &mut dyn Write, entry: &HistoryEntry) -> io::Result<()> {
    let writer = &entry.writer;
    let at = writer.at.as_deref().map(time).unwrap_or_default();
    let change = match entry.change {
        Some(ChangeKind::Added) => "added".to_owned(),
        Some(ChangeKind::Replaced) => "replaced".to_owned(),
        Some(ChangeKind::Removed) => "removed".to_owned(),
        Some(ChangeKind::Unchanged) => "unchanged".to_owned(),
        Some(ChangeKind::External) => "external".to_owned(),
        None => "below".to_owned(),
    };
    let counts = &entry.changes;
    let counts = match entry.change {
        Some(_) if is_file(entry.before) || is_file(entry.after) => None,
        _ => Some(format!(
            "+{} ~{} -{}",
            counts.added, counts.replaced, counts.removed
        )),
    };
    let effect = match (entry.undone_by, entry.undoes) {
        (Some(by), _) => Some(format!("undone by {by}")),
        (None, Some(undone)) => Some(format!("undoes {undone}")),
        (None, None) => None,
    };
    let facts: Vec<_> = [Some(change), counts, effect, by(writer)]
        .into_iter()
        .flatten()
        .collect();
    writeln!(
        out,
        "{:<6} {:<8} {at:<20} {}",
        writer.transaction,
        writer.kind,
        facts.join(", "),
    )?;
    if let Some(pack) = &writer.pack {
        let sha256 = writer.pack_sha256.map(|sha256| sha256.to_string());
        writeln!(
            out,
            "       pack    {} {}",
            sha256.unwrap_or_default(),
            Shown(pack)
        )?;
    }
    for (name, version) in [("before", entry.before), ("after", entry.after)] {
        if let Some(sha256) = version.and_then(|version| version.sha256) {
            writeln!(out, "       {name:<7} {sha256}")?;
        }
    }
    Ok(())
}

fn is_file(version: Option<Version>) -> bool {
    version.is_some_and(|version| version.kind == EntryKind::File)
}
