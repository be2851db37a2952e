//! `ovpack init`: make a store.

use camino::Utf8PathBuf;
use ovpack::Store;
use serde_json::json;

use crate::args::path;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::ui::Ui;

/// Make a store in an empty directory, or take over one with OpenViking content
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack init notes
  ovpack init --adopt ~/.openviking/data/viking/default")]
pub(crate) struct Args {
    /// Make the store here
    #[arg(value_name = "DIR", value_parser = path())]
    dir: Utf8PathBuf,
    /// Take over a directory that holds scope directories; record its files as the baseline
    #[arg(long)]
    adopt: bool,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let store = if args.adopt {
        Store::adopt(&args.dir, &caller.options)?
    } else {
        Store::init(&args.dir, &caller.options)?
    };
    let path = store.path().as_str();
    let result = json!({ "store": path, "adopted": args.adopt });
    let printed = ui.report(&result, |out| writeln!(out, "{}", Shown(path)));
    ui.talk(&if args.adopt {
        "adopted; every file is recorded, and nothing was moved"
    } else {
        "made an empty store"
    });
    printed.map(|()| Exit::Done)
}
