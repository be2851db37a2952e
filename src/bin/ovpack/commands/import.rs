//! `ovpack import`: put a pack under a parent.

use camino::Utf8PathBuf;

use crate::args::{PutArgs, path, uri};
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::Result;
use crate::limits::LimitArgs;
use crate::plan_text::{self, Words};
use crate::ui::Ui;

/// Put a pack's root under a parent, in one transaction
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack import click.ovpack viking://resources
  ovpack import click.ovpack resources --on-conflict overwrite --dry-run
  ovpack import click.ovpack resources --on-conflict merge
  ovpack import click.ovpack resources --include docs --exclude '**/*.png'
  ovpack import click.ovpack resources --policy examples/policies/no-executables.sql")]
pub(crate) struct Args {
    /// Read this pack
    #[arg(value_name = "PACK", value_parser = path())]
    pub(crate) pack: Utf8PathBuf,
    /// Put its root under this URI
    #[arg(value_name = "PARENT")]
    parent: String,
    #[command(flatten)]
    put: PutArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let parent = uri(&args.parent)?;
    let options = args
        .put
        .options(args.limits.limits(&caller.settings), caller);
    let receipt = caller.store()?.import(&args.pack, &parent, &options)?;
    let words = Words {
        infinitive: "import",
        past: "imported",
        take_back: "roll it back with",
    };
    plan_text::print(ui, caller, words, &receipt).map(|()| Exit::Done)
}
