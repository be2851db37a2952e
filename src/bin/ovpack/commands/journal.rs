//! `ovpack journal`: prove that the journal is what it was.

use clap::Subcommand;
use ovpack::Head;

use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::Count;
use crate::ui::Ui;

/// Prove that nobody edited the journal
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack journal head >> heads-kept-elsewhere.txt
  ovpack journal verify")]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Print the last event's number and the hash that stands for all up to it
    #[command(after_help = "\
Examples:
  ovpack journal head >> heads-kept-elsewhere.txt")]
    Head,
    /// Compute every hash again, and compare; print the head that they lead to
    #[command(after_help = "\
Examples:
  ovpack journal verify")]
    Verify,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let store = caller.store()?;
    match args.act {
        Act::Head => {
            let head = store.journal_head()?;
            ui.report(&head, |out| writeln!(out, "{}", line(&head)))?;
        }
        Act::Verify => {
            let report = store.verify_journal()?;
            let printed = ui.report(&report, |out| writeln!(out, "{}", line(&report.head)));
            let events = Count(report.events, "event");
            ui.talk(&format_args!("the journal is whole: {events} recomputed"));
            printed?;
        }
    }
    Ok(Exit::Done)
}

fn line(head: &Head) -> String {
    format!("{} {}", head.seq, head.hash)
}
