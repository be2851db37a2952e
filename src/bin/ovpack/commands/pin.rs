//! `ovpack pin` and `ovpack unpin`: replaced trees that no prune may delete.

use ovpack::TransactionId;

use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::Bytes;
use crate::ui::Ui;

/// Keep the trees that a rollback of a transaction needs, whatever a prune is told
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack pin tx7
  ovpack pin tx7 --json")]
pub(crate) struct PinArgs {
    /// Keep the trees of this transaction, such as tx7
    #[arg(value_name = "TX")]
    tx: TransactionId,
}

/// Let a prune decide again about the trees of a transaction
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack unpin tx7
  ovpack unpin tx7 --json")]
pub(crate) struct UnpinArgs {
    /// Let go of the trees of this transaction, such as tx7
    #[arg(value_name = "TX")]
    tx: TransactionId,
}

/// Runs `pin`.
pub(crate) fn pin(ui: &Ui, caller: &Caller, args: &PinArgs) -> Result<Exit> {
    print(ui, &caller.store()?.pin(args.tx)?)
}

/// Runs `unpin`.
pub(crate) fn unpin(ui: &Ui, caller: &Caller, args: &UnpinArgs) -> Result<Exit> {
    print(ui, &caller.store()?.unpin(args.tx)?)
}

fn print(ui: &Ui, report: &ovpack::PinReport) -> Result<Exit> {
    let word = if report.pinned { "pinned" } else { "unpinned" };
    let act = match (report.transaction, report.pinned) {
        (Some(_), _) => word,
        (None, true) => "is pinned:",
        (None, false) => "is not pinned:",
    };
    let printed = ui.report(report, |out| {
        report.slots.iter().try_for_each(|slot| {
            let path = Shown(slot.path.as_str());
            writeln!(
                out,
                "{act} slot {} of {}: viking://{path}, {}",
                slot.slot,
                report.of,
                Bytes(slot.bytes)
            )
        })
    });
    if report.transaction.is_none() {
        ui.talk(&"nothing to do: it was so already, and nothing is recorded");
    }
    printed.map(|()| Exit::Done)
}
