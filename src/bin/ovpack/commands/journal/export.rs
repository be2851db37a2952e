//! `ovpack journal export`: a copy for taking away.

use camino::Utf8PathBuf;
use ovpack::{JournalExportOptions, JournalFormat};

use crate::args::path;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::{Bytes, Count};
use crate::ui::Ui;

/// Copy the journal to a file for taking away, while others go on working on the store
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack journal export for-the-auditor.db
  ovpack journal export --jsonl journal.jsonl --force")]
pub(super) struct Args {
    /// Write to FILE
    #[arg(value_name = "FILE", value_parser = path())]
    file: Utf8PathBuf,
    /// Write one JSON object a line for each row, instead of a database
    #[arg(long)]
    jsonl: bool,
    /// Replace FILE where it exists
    #[arg(long)]
    force: bool,
}

/// Runs the verb.
pub(super) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = JournalExportOptions {
        format: if args.jsonl {
            JournalFormat::JsonLines
        } else {
            JournalFormat::Database
        },
        force: args.force,
    };
    let report = caller.store()?.export_journal(&args.file, options)?;
    ui.report(&report, |out| {
        writeln!(out, "{}", Shown(report.file.as_str()))
    })?;
    let events = Count(report.head.seq.unsigned_abs(), "event");
    ui.talk(&format_args!(
        "{events}, {}; its head is {}",
        Bytes(report.bytes),
        report.head
    ));
    Ok(Exit::Done)
}
