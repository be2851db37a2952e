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
struct Answer<'a> {
    #[serde(flatten)]
    claims: &'a VerifyReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<&'a [InspectEntry]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_records: Option<&'a [InspectRecord]>,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = VerifyOptions {
        limits: args.limits.limits(),
        control: caller.control.clone(),
    };
    let report = ovpack::inspect(&args.pack, &options)?;
    let answer = Answer {
        claims: &report.claims,
        entries: args.entries.then_some(&report.entries),
        index_records: args.records.then_some(&report.index_records),
    };
    ui.report(&answer, |out| write_answer(out, &answer))?;
    Ok(Exit::Done)
}

fn write_answer(out: &mut dyn Write, answer: &Answer<'_>) -> io::Result<()> {
    write_facts(out, answer.claims)?;
    for entry in answer.entries.unwrap_or_default() {
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
    for record in answer.index_records.unwrap_or_default() {
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
