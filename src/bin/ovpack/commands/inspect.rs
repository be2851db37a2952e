//! `ovpack inspect`: show what a pack says of itself.

use std::io::{self, Write};

use camino::Utf8PathBuf;
use ovpack::{EntryKind, InspectEntry, InspectRecord, VerifyOptions, VerifyReport};
use serde::Serialize;

use crate::args::path;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::Bytes;
use crate::limits::LimitArgs;
use crate::pack_text::write_facts;
use crate::ui::Ui;

/// Show what a pack's manifest claims; needs no store, checks no content
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack inspect backup.ovpack
  ovpack inspect backup.ovpack --entries")]
pub(crate) struct Args {
    /// Read this pack
    #[arg(value_name = "PACK", value_parser = path())]
    pub(crate) pack: Utf8PathBuf,
    /// List the entries too
    #[arg(long)]
    entries: bool,
    /// List the index records too
    #[arg(long)]
    records: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// What was asked for; lists that were not are left out.
#[derive(Debug, Serialize)]
struct Answer {
    #[serde(flatten)]
    claims: VerifyReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<InspectEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_records: Option<Vec<InspectRecord>>,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = VerifyOptions {
        limits: args.limits.limits(),
        policies: Vec::new(),
        jobs: caller.jobs,
        control: caller.control.clone(),
    };
    // A list that nobody asked for is not held.
    let mut entries = args.entries.then(Vec::new);
    let mut index_records = args.records.then(Vec::new);
    let claims = ovpack::inspect_each(
        &args.pack,
        &options,
        &mut |entry| push(&mut entries, entry),
        &mut |record| push(&mut index_records, record),
    )?;
    let answer = Answer {
        claims,
        entries,
        index_records,
    };
    ui.report(&answer, |out| write_answer(out, &answer))?;
    Ok(Exit::Done)
}

fn push<T>(list: &mut Option<Vec<T>>, item: T) {
    if let Some(list) = list {
        list.push(item);
    }
}

fn write_answer(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    write_facts(out, &answer.claims)?;
    for entry in answer.entries.iter().flatten() {
        match (entry.kind, entry.sha256) {
            (EntryKind::File, Some(sha256)) => {
                let size = Bytes(entry.size);
                writeln!(out, "{sha256} {size:>10}  {}", Shown(&entry.path))?;
            }
            _ => writeln!(
                out,
                "{:<64} {:>10}  {}/",
                "directory",
                "",
                Shown(&entry.path)
            )?,
        }
    }
    for record in answer.index_records.iter().flatten() {
        let scalars = serde_json::to_string(&record.scalars).unwrap_or_default();
        writeln!(
            out,
            "level {}  {}  {}",
            record.level,
            Shown(&record.path),
            Shown(&scalars)
        )?;
    }
    Ok(())
}
