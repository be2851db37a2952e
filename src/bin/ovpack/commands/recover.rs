//! `ovpack recover`: settle what a crash left.

use ovpack::{Direction, RecoverOptions};

use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::Result;
use crate::ui::Ui;

/// Settle what a crash left; every writing verb does so by itself
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack recover
  ovpack recover --back")]
pub(crate) struct Args {
    /// Settle a transaction in doubt to its new tree
    #[arg(long, conflicts_with = "back")]
    forward: bool,
    /// Settle a transaction in doubt to the old tree
    #[arg(long)]
    back: bool,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let direction = match (args.forward, args.back) {
        (true, _) => Some(Direction::Forward),
        (false, true) => Some(Direction::Back),
        (false, false) => None,
    };
    let options = RecoverOptions {
        direction,
        control: caller.control.clone(),
    };
    let report = caller.store()?.recover(&options)?;
    let printed = ui.report(&report, |out| {
        report
            .settled
            .iter()
            .try_for_each(|settled| writeln!(out, "{} {}", settled.transaction, settled.outcome))
    });
    if report.settled.is_empty() {
        ui.talk(&"nothing to recover: the store is whole");
    }
    printed.map(|()| Exit::Done)
}
