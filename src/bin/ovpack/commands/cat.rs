//! `ovpack cat`: write a file's bytes.

use crate::args::uri;
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::ui::Ui;

/// Write a file's bytes to standard output, as they are
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack cat resources/click/README.md")]
pub(crate) struct Args {
    /// Read this file
    #[arg(value_name = "URI")]
    uri: String,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let uri = uri(&args.uri)?;
    let store = caller.store()?;
    if ui.is_json() {
        // What is wrong with the URI is worth more than what is wrong with the option.
        store.list(&uri)?;
        return Err(Failure::BytesAsJson);
    }
    Ui::bytes(|out| store.read(&uri, out))?;
    Ok(Exit::Done)
}
