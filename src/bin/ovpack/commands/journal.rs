//! `ovpack journal`: prove that the journal is what it was, ask it, take it away.

mod export;
mod query;
mod verify;

use camino::Utf8PathBuf;
use clap::Subcommand;
use ovpack::JournalCopy;

use crate::args::path;
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::Result;
use crate::ui::Ui;

/// Prove that nobody edited the journal, ask it in SQL, take a copy away
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack journal head >> heads-kept-elsewhere.txt
  ovpack journal verify --since heads-kept-elsewhere.txt --content
  ovpack journal query 'SELECT tx, kind, user, pack_path FROM audit_transactions'
  ovpack journal export for-the-auditor.db")]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Head(HeadArgs),
    Verify(verify::Args),
    Query(query::Args),
    Export(export::Args),
}

/// Print the last event's number and the hash that stands for all up to it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack journal head >> heads-kept-elsewhere.txt")]
struct HeadArgs {
    #[command(flatten)]
    file: FileArgs,
}

/// Which journal.
#[derive(Debug, clap::Args)]
struct FileArgs {
    /// Read FILE, a copy made by `journal export`, instead of a store's journal
    #[arg(long, value_name = "FILE", value_parser = path())]
    file: Option<Utf8PathBuf>,
}

impl FileArgs {
    /// Opens the copy, where one is named.
    fn copy(&self) -> Result<Option<JournalCopy>> {
        Ok(self.file.as_deref().map(JournalCopy::open).transpose()?)
    }
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    match &args.act {
        Act::Head(args) => {
            let head = match args.file.copy()? {
                Some(copy) => copy.head()?,
                None => caller.store()?.journal_head()?,
            };
            ui.report(&head, |out| writeln!(out, "{head}"))?;
            Ok(Exit::Done)
        }
        Act::Verify(args) => verify::run(ui, caller, args),
        Act::Query(args) => query::run(ui, caller, args),
        Act::Export(args) => export::run(ui, caller, args),
    }
}
