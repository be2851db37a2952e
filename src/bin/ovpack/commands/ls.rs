//! `ovpack ls`: list the live tree.

use ovpack::{ListEntry, Uri};
use serde::Serialize;

use crate::args::uri;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::Bytes;
use crate::ui::Ui;

/// List what is at a URI, one URI a line
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack ls
  ovpack ls resources/click --long")]
pub(crate) struct Args {
    /// List what is below this URI
    #[arg(value_name = "URI", default_value = "viking://")]
    uri: String,
    /// Show sizes and times too
    #[arg(long, short)]
    long: bool,
}

/// The answer as JSON.
#[derive(Debug, Serialize)]
struct Listing<'a> {
    uri: &'a Uri,
    entries: &'a [ListEntry],
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let uri = uri(&args.uri)?;
    let entries = caller.store()?.list(&uri)?;
    let listing = Listing {
        uri: &uri,
        entries: &entries,
    };
    ui.report(&listing, |out| {
        entries.iter().try_for_each(|entry| {
            if args.long {
                let modified = Ui::moment(&entry.modified_at);
                write!(out, "{:>10}  {modified:<20}  ", size(entry))?;
            }
            writeln!(out, "{}{}", Shown(&entry.uri), slash(entry))
        })
    })?;
    Ok(Exit::Done)
}

fn size(entry: &ListEntry) -> String {
    match entry.kind {
        "file" => Bytes(entry.size).to_string(),
        kind => kind.to_owned(),
    }
}

fn slash(entry: &ListEntry) -> &'static str {
    match entry.kind {
        "directory" => "/",
        _ => "",
    }
}
