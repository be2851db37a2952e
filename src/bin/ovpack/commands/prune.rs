//! `ovpack prune`: delete replaced trees that are not needed any more.

use std::io::{self, Write};
use std::time::Duration;

use ovpack::{PruneOptions, SlotDecision, parse_age, parse_bytes};

use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::human::{Bytes, Count};
use crate::indexing;
use crate::ui::Ui;

/// Delete replaced trees that no rollback is to bring back any more, and say why of each
///
/// A tree is kept where it is pinned, where --keep-last or --keep-within keeps it, and where a tree
/// that is kept can only go back after it. Of the others, --max-bytes frees the oldest until the rest
/// fits; without it all of them are freed. What the next rollback of any root needs is freed only
/// with --keep-last 0. The live tree and the journal stay as they are. What no flag says is taken from
/// the settings `retention`; where they say nothing either, nothing is deleted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack prune --keep-last 5 --keep-within 30d --dry-run
  ovpack prune --max-bytes 10GiB")]
pub(crate) struct Args {
    /// Keep the trees of the newest N commits that hold one
    #[arg(long, value_name = "N")]
    keep_last: Option<u64>,
    /// Keep the trees of commits younger than this, such as 12h, 30d or 2w
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    keep_within: Option<Duration>,
    /// Free the oldest trees until the rest fits into this, such as 500MB or 10GiB
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    max_bytes: Option<u64>,
    /// Say what would be freed; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let set = caller.settings.retention();
    let options = PruneOptions {
        keep_last: args.keep_last.or(set.keep_last),
        keep_within: args.keep_within.or(set.keep_within),
        max_bytes: args.max_bytes.or(set.max_bytes),
        dry_run: args.dry_run,
        control: caller.control.clone(),
    };
    if (options.keep_last, options.keep_within, options.max_bytes) == (None, None, None) {
        return Err(Failure::Usage {
            message: "nothing says which old trees are kept".to_owned(),
            help: "give --keep-last N, --keep-within AGE or --max-bytes BYTES, or write one of them into the settings `retention`; `ovpack prune --help` tells more".to_owned(),
        });
    }
    let report = caller.store()?.prune(&options)?;
    let printed = ui.report(&report, |out| {
        report
            .slots
            .iter()
            .try_for_each(|slot| write_slot(out, slot, report.dry_run))
    });
    let (freed, kept) = if report.dry_run {
        ("would free", "would keep")
    } else {
        ("freed", "kept")
    };
    let transaction = report.transaction.map(|tx| format!(", as {tx}"));
    ui.talk(&format_args!(
        "{freed} {} of {}, {kept} {} of {}{}",
        Count(report.freed, "slot"),
        Bytes(report.freed_bytes),
        Count(report.kept, "slot"),
        Bytes(report.kept_bytes),
        transaction.unwrap_or_default()
    ));
    if report.transaction.is_some() {
        indexing::refresh(ui, caller);
    }
    printed.map(|()| Exit::Done)
}

fn write_slot(out: &mut dyn Write, slot: &SlotDecision, is_rehearsal: bool) -> io::Result<()> {
    let decision = match slot.decision {
        "freed" if is_rehearsal => "would free",
        "kept" if is_rehearsal => "would keep",
        decision => decision,
    };
    writeln!(
        out,
        "{:<5} slot {:<4} {:<6} {:<20} {:>9}  viking://{}: {}",
        decision,
        slot.slot,
        slot.transaction,
        Ui::moment(&slot.held_since),
        Bytes(slot.bytes),
        Shown(slot.path.as_str()),
        Shown(&slot.reason)
    )
}
