//! `ovpack cat`: write a file's bytes.

use ovpack::Uri;
use serde::Serialize;

use crate::args::uri;
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::ui::Ui;

/// Write a file's bytes to standard output, as they are; with --json, the text of a text file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack cat resources/click/README.md")]
pub(crate) struct Args {
    /// Read this file
    #[arg(value_name = "URI")]
    uri: String,
}

/// Most bytes that are put into a JSON answer, which is built in memory.
const JSON_BYTES_MAX: u64 = 16 << 20;

/// The answer as JSON.
#[derive(Debug, Serialize)]
struct Text<'a> {
    uri: &'a Uri,
    bytes: u64,
    text: String,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let uri = uri(&args.uri)?;
    let store = caller.store()?;
    if !ui.is_json() {
        Ui::bytes(|out| store.read(&uri, out))?;
        return Ok(Exit::Done);
    }
    let is_short = store
        .list(&uri)?
        .iter()
        .all(|entry| entry.size <= JSON_BYTES_MAX);
    if !is_short {
        return Err(Failure::BytesAsJson);
    }
    let mut text = Vec::new();
    let bytes = store.read(&uri, &mut text)?;
    let text = String::from_utf8(text).map_err(|_| Failure::BytesAsJson)?;
    ui.report(
        &Text {
            uri: &uri,
            bytes,
            text,
        },
        |_| Ok(()),
    )?;
    Ok(Exit::Done)
}
