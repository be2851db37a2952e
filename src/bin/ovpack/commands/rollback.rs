//! `ovpack rollback`: take a committed transaction back.

use ovpack::{RollbackOptions, TransactionId};

use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::Result;
use crate::plan_text::{self, Words};
use crate::ui::Ui;

/// Put back what a committed transaction replaced, as a transaction of its own
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack rollback tx7 --dry-run
  ovpack rollback tx7")]
pub(crate) struct Args {
    /// Roll back this transaction, such as tx7
    #[arg(value_name = "TX")]
    tx: TransactionId,
    /// Go on although files changed outside of the store; what changed stays in the slot
    #[arg(long)]
    force: bool,
    /// Look for conflicts and print the plan; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = RollbackOptions {
        force: args.force,
        dry_run: args.dry_run,
        control: caller.control.clone(),
    };
    let receipt = caller.store()?.rollback(args.tx, &options)?;
    let words = Words {
        infinitive: "roll back",
        past: "rolled back to",
        take_back: "bring it back with",
    };
    plan_text::print(ui, caller, words, &receipt).map(|()| Exit::Done)
}
