//! `ovpack restore`: put a backup back to its scopes.

use camino::Utf8PathBuf;

use crate::args::{PutArgs, path};
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::Result;
use crate::limits::LimitArgs;
use crate::plan_text::{self, Words};
use crate::ui::Ui;

/// Put a backup's scopes back, all in one transaction
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack restore backup.ovpack
  ovpack restore backup.ovpack --on-conflict overwrite --dry-run
  ovpack restore backup.ovpack --include resources/notes --include user")]
pub(crate) struct Args {
    /// Read this backup
    #[arg(value_name = "PACK", value_parser = path())]
    pub(crate) pack: Utf8PathBuf,
    #[command(flatten)]
    put: PutArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = args
        .put
        .options(args.limits.limits(&caller.settings), caller);
    let receipt = caller.store()?.restore(&args.pack, &options)?;
    let words = Words {
        infinitive: "restore",
        past: "restored",
        take_back: "roll it back with",
    };
    plan_text::print(ui, caller, words, &receipt).map(|()| Exit::Done)
}
