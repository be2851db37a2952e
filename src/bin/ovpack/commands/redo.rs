//! `ovpack redo`: take a rollback back.

use ovpack::TransactionId;

use crate::caller::Caller;
use crate::commands::rollback::DriftArgs;
use crate::exit::Exit;
use crate::failure::Result;
use crate::rollback_text;
use crate::ui::Ui;

/// Bring back what a rollback took away, as a transaction of its own
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack redo
  ovpack redo tx8 --dry-run")]
pub(crate) struct Args {
    /// Take this rollback back; without it, the newest one in effect that nothing lies over
    #[arg(value_name = "TX")]
    tx: Option<TransactionId>,
    #[command(flatten)]
    drift: DriftArgs,
    /// Look for everything that is in the way and print the plan; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = args.drift.options(caller, args.dry_run);
    let store = caller.store()?;
    if args.dry_run {
        let tx = store.to_redo(args.tx)?;
        return rollback_text::rehearsal(ui, store.rehearse_rollback(tx, &options)?);
    }
    let receipt = store.redo(args.tx, &options)?;
    rollback_text::done(ui, caller, "redone: took back", &receipt)
}
