//! `ovpack inspect`: show what a pack says of itself.

use std::io::{self, Write};

use camino::Utf8PathBuf;
use ovpack::{EntryKind, InspectEntry, InspectRecord, Inspection, VerifyOptions, VerifyReport};
use serde::Serialize;

use crate::args::path;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::Bytes;
use crate::limits::LimitArgs;
use crate::pack_text::write_facts;
use crate::streamed::Streamed;
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
#[derive(Serialize)]
struct Answer<E, R> {
    #[serde(flatten)]
    claims: VerifyReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<E>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_records: Option<R>,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = VerifyOptions {
        limits: args.limits.limits(&caller.settings),
        policies: Vec::new(),
        jobs: caller.jobs(),
        control: caller.control.clone(),
    };
    let inspection = Inspection::open(&args.pack, &options)?;
    let entries = Streamed::new(|visit: &mut _| inspection.each_entry(visit));
    let index_records = Streamed::new(|visit: &mut _| inspection.each_record(visit));
    let answer = Answer {
        claims: inspection.claims()?,
        entries: args.entries.then_some(&entries),
        index_records: args.records.then_some(&index_records),
    };
    ui.report(&answer, |out| {
        write_facts(out, &answer.claims)?;
        if args.entries {
            entries.write(|entry| write_entry(out, &entry))?;
        }
        if args.records {
            index_records.write(|record| write_record(out, &record))?;
        }
        Ok(())
    })
    .map_err(|failure| entries.failure(failure))
    .map_err(|failure| index_records.failure(failure))?;
    Ok(Exit::Done)
}

fn write_entry(out: &mut dyn Write, entry: &InspectEntry) -> io::Result<()> {
    let path = Shown(&entry.path);
    match (entry.kind, entry.sha256) {
        (EntryKind::File, Some(sha256)) => {
            let size = Bytes(entry.size);
            writeln!(out, "{size:>10}  {sha256}  {path}")
        }
        _ => writeln!(out, "{:>10}  {:<64}  {path}/", "directory", ""),
    }
}

fn write_record(out: &mut dyn Write, record: &InspectRecord) -> io::Result<()> {
    let scalars = serde_json::to_string(&record.scalars).unwrap_or_default();
    writeln!(
        out,
        "level {}  {}  {}",
        record.level,
        Shown(&record.path),
        Shown(&scalars)
    )
}
