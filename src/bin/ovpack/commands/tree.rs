//! `ovpack tree`: list the tree as it was.

use ovpack::{EntryKind, TransactionId, TreeEntry, Uri};
use serde::Serialize;

use crate::args::uri;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::Bytes;
use crate::streamed::Streamed;
use crate::ui::Ui;

/// List the tree as it was after a transaction, and which content is still held
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each line tells where the content is held: live, in a slot, or nowhere that is known. The list is made
of journal rows alone: what no transaction up to then saw is not in it.

Examples:
  ovpack tree --at tx7
  ovpack tree --at tx7 resources/click --json")]
pub(crate) struct Args {
    /// List what is at and below this URI
    #[arg(value_name = "URI", default_value = "viking://")]
    uri: String,
    /// As it was right after this transaction, such as tx7
    #[arg(long, value_name = "TX")]
    at: TransactionId,
}

/// The answer as JSON.
#[derive(Debug, Serialize)]
struct Listing<'a, L> {
    uri: &'a Uri,
    transaction: TransactionId,
    /// What may have been there beside the entries.
    unknown: &'static str,
    entries: L,
}

const UNKNOWN: &str = "what no transaction up to then saw";

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let uri = uri(&args.uri)?;
    let store = caller.store()?;
    let entries =
        Streamed::new(|visit: &mut _| store.tree_at(args.at, &uri, &caller.control, visit));
    let listing = Listing {
        uri: &uri,
        transaction: args.at,
        unknown: UNKNOWN,
        entries: &entries,
    };
    ui.report(&listing, |out| {
        entries.write(|entry: TreeEntry| {
            let (size, held, slash) = match entry.kind {
                EntryKind::Directory => ("directory".to_owned(), String::new(), "/"),
                EntryKind::File => (
                    Bytes(entry.size).to_string(),
                    entry
                        .held
                        .map(|place| place.to_string())
                        .unwrap_or_default(),
                    "",
                ),
            };
            let sha256 = entry.sha256.map(|sha256| sha256.to_string());
            let path = entry.uri.to_string();
            writeln!(
                out,
                "{size:>10}  {:<64}  {held:<9} {}{slash}",
                sha256.unwrap_or_default(),
                Shown(&path)
            )
        })
    })
    .map_err(|failure| entries.failure(failure))?;
    ui.talk(&format_args!("unknown: {UNKNOWN}"));
    Ok(Exit::Done)
}
