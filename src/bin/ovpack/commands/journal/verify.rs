//! `ovpack journal verify`: compute everything again, and say what was read and what not.

use camino::Utf8Path;
use ovpack::{ContentReport, Error, Head, JournalReport, JournalVerifyOptions};

use super::FileArgs;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::{Bytes, Count};
use crate::ui::Ui;

/// Most differences printed for people; more are counted.
const PRINTED: usize = 100;
/// Most bytes of a file of heads.
const HEADS_BYTES: u64 = 16 << 20;

/// Compute every hash again, and compare; print the head that they lead to
///
/// Reads no live file and no slot unless --content says so. Ends with exit code 4 where live files
/// changed outside of the store, and with 8 where the journal or a slot is not what was recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack journal verify
  ovpack journal verify --since heads-kept-elsewhere.txt
  ovpack journal verify --content
  ovpack journal verify --file for-the-auditor.db")]
pub(super) struct Args {
    /// Prove that HEAD, as `journal head` printed it, is in the chain: SEQ:HASH, `SEQ HASH`, or a
    /// file of such lines
    #[arg(long, value_name = "HEAD")]
    since: Vec<String>,
    /// Read every live file and every tree in a slot too
    #[arg(long, conflicts_with = "file")]
    content: bool,
    #[command(flatten)]
    file: FileArgs,
}

/// Runs the verb.
pub(super) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let mut since = Vec::new();
    for text in &args.since {
        since.extend(heads(text)?);
    }
    let options = JournalVerifyOptions {
        since,
        content: args.content,
        control: caller.control.clone(),
    };
    let report = match args.file.copy()? {
        Some(copy) => copy.verify(&options)?,
        None => caller.store()?.verify_journal(&options)?,
    };
    let printed = ui.report(&report, |out| writeln!(out, "{}", report.head));
    tell(ui, &report);
    printed?;
    match &report.content {
        Some(content) if content.drift_total > 0 => Ok(Exit::Drift),
        _ => Ok(Exit::Done),
    }
}

fn tell(ui: &Ui, report: &JournalReport) {
    let whole = match &report.content {
        Some(content) if content.drift_total > 0 => "the journal is whole, the live tree is not",
        _ => "the journal is whole",
    };
    ui.talk(&format_args!(
        "{whole}: {} and {} recomputed, {} compared, {} and {} as expected",
        Count(report.events, "event"),
        Count(report.rows, "row"),
        Count(report.heads_compared, "kept head"),
        Count(report.schema_objects, "schema object"),
        Count(report.slot_rows, "slot row"),
    ));
    match &report.content {
        Some(content) => tell_content(ui, content),
        None => {
            ui.talk(&"content was not read: neither live files nor slots (--content reads them)");
        }
    }
}

fn tell_content(ui: &Ui, content: &ContentReport) {
    ui.talk(&format_args!(
        "content was read: {} ({}) live, {} ({}) in {}",
        Count(content.live_files, "file"),
        Bytes(content.live_bytes),
        Count(content.slot_files, "file"),
        Bytes(content.slot_bytes),
        Count(content.slots, "slot"),
    ));
    if content.drift_total > 0 {
        let total = Count(content.drift_total, "path");
        ui.talk(&format_args!("{total} changed outside of the store:"));
    }
    for drifted in content.drift.iter().take(PRINTED) {
        let (drift, uri) = (&drifted.drift, Shown(&drifted.uri));
        ui.talk(&format_args!("  {drift:<8} {uri}"));
    }
    let printed = content.drift.len().min(PRINTED) as u64;
    if content.drift_total > printed {
        let rest = content.drift_total.saturating_sub(printed);
        ui.talk(&format_args!("  and {rest} more"));
    }
    for why in content.unpackable.iter().take(PRINTED) {
        ui.talk(&format_args!("  {}", Shown(why)));
    }
}

/// Reads one head, or a file with one a line.
fn heads(text: &str) -> Result<Vec<Head>> {
    if let Ok(head) = text.parse() {
        return Ok(vec![head]);
    }
    let wrong = |value: &str| Error::InvalidArgument {
        argument: "--since",
        value: value.to_owned(),
        expected: "SEQ:HASH as `ovpack journal head` prints it, or a file of such lines",
    };
    let path = Utf8Path::new(text);
    let Ok(there) = path.metadata() else {
        return Err(wrong(text).into());
    };
    if !there.is_file() || there.len() > HEADS_BYTES {
        return Err(wrong(text).into());
    }
    let lines = std::fs::read_to_string(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let heads: Vec<_> = lines
        .map(|line| line.parse().map_err(|_| wrong(line)))
        .collect::<Result<_, _>>()?;
    if heads.is_empty() {
        return Err(wrong(text).into());
    }
    Ok(heads)
}
