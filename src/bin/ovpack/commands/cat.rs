//! `ovpack cat`: write a file's bytes.

use std::io::{self, Write};

use ovpack::{TransactionId, Uri};
use serde::Serialize;

use crate::args::uri;
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::ui::Ui;

/// Write a file's bytes to standard output, or its text with --json
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack cat resources/click/README.md
  ovpack cat resources/click/README.md --at tx7")]
pub(crate) struct Args {
    /// Read this file
    #[arg(value_name = "URI")]
    uri: String,
    /// As it was right after this transaction, such as tx7, where its bytes are still held
    #[arg(long, value_name = "TX")]
    at: Option<TransactionId>,
}

/// Most bytes that are put into a JSON answer, which is built in memory.
const JSON_BYTES_MAX: usize = 16 << 20;

/// The answer as JSON.
#[derive(Debug, Serialize)]
struct Content<'a> {
    uri: &'a Uri,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<TransactionId>,
    bytes: u64,
    text: String,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let uri = uri(&args.uri)?;
    let store = caller.store()?;
    let read = |out: &mut dyn Write| match args.at {
        Some(at) => store.read_at(at, &uri, out),
        None => store.read(&uri, out),
    };
    if !ui.is_json() {
        Ui::bytes(read)?;
        return Ok(Exit::Done);
    }
    let mut text = Bounded(Vec::new());
    let read = read(&mut text);
    if text.is_full() {
        return Err(Failure::BytesAsJson);
    }
    let bytes = read?;
    let text = String::from_utf8(text.0).map_err(|_| Failure::BytesAsJson)?;
    let content = Content {
        uri: &uri,
        at: args.at,
        bytes,
        text,
    };
    ui.report(&content, |_| Ok(()))?;
    Ok(Exit::Done)
}

/// Bytes in memory, [`JSON_BYTES_MAX`] and one at most.
struct Bounded(Vec<u8>);

impl Bounded {
    const fn is_full(&self) -> bool {
        self.0.len() > JSON_BYTES_MAX
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_full() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let room = (JSON_BYTES_MAX + 1).saturating_sub(self.0.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.0.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
