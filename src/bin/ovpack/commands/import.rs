//! `ovpack import`: put a pack under a parent.

use camino::Utf8PathBuf;
use ovpack::Uri;

use crate::args::{PutArgs, path, uri};
use crate::caller::Caller;
use crate::escape::Shown;
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
    pub(crate) parent: String,
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
    let printed = plan_text::print(ui, caller, words, &receipt);
    tell_of_twin(ui, &parent, &receipt.uri);
    printed.map(|()| Exit::Done)
}

/// Says so where a root went below a directory of its own name: most often its own place was named as the
/// parent.
fn tell_of_twin(ui: &Ui, parent: &Uri, root: &Uri) {
    let leaf = root.path().leaf();
    if !parent.is_root() && leaf.is_some() && parent.path().leaf() == leaf {
        let (parent, root) = (parent.to_string(), root.to_string());
        ui.talk(&format_args!(
            "note: PARENT is what the root goes under, so it is {}; to have it at {}, import it under the URI above that",
            Shown(&root),
            Shown(&parent)
        ));
    }
}
