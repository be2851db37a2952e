//! `ovpack init`: make a store.

use camino::Utf8PathBuf;
use ovpack::{InitOptions, Layout, Store};
use serde_json::json;

use crate::args::{layout, path};
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
  ovpack init notes --layout v3
  ovpack init --adopt ~/.openviking/data/viking/default")]
pub(crate) struct Args {
    /// Make the store here
    #[arg(value_name = "DIR", value_parser = path())]
    dir: Utf8PathBuf,
    /// Take over a directory that holds scope directories; record its files as the baseline
    #[arg(long)]
    adopt: bool,
    /// Let export and backup write this layout where they are not told [default: v2]
    #[arg(long, value_name = "LAYOUT", value_parser = layout())]
    layout: Option<Layout>,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let settings = InitOptions {
        layout: args.layout,
    };
    let store = if args.adopt {
        Store::adopt_with(&args.dir, settings, &caller.options)?
    } else {
        Store::init_with(&args.dir, settings, &caller.options)?
    };
    let path = store.path().as_str();
    let layout = args.layout.unwrap_or_default().as_str();
    let result = json!({ "store": path, "adopted": args.adopt, "layout": layout });
    let printed = ui.report(&result, |out| writeln!(out, "{}", Shown(path)));
    ui.talk(&if args.adopt {
        "adopted; every file is recorded, and nothing was moved"
    } else {
        "made an empty store"
    });
    printed.map(|()| Exit::Done)
}
