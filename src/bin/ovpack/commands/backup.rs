//! `ovpack backup`: write every public scope to a pack.

use camino::Utf8PathBuf;
use ovpack::ExportOptions;

use super::export;
use crate::args::path;
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::Result;
use crate::ui::Ui;

/// Write every public scope to one pack
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack backup before-upgrade.ovpack
  ovpack --store notes backup . --force
  ovpack backup moving.ovpack --layout v3 --strict")]
pub(crate) struct Args {
    /// Write this file, or openviking-backup.ovpack in this directory
    #[arg(value_name = "OUT", value_parser = path())]
    out: Utf8PathBuf,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    form: export::FormArgs,
    /// Refuse where the layout does not carry every scope that holds something, as v3 does not
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    pub(crate) skip: export::SkipArgs,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = ExportOptions {
        strict: args.strict,
        ..export::options(caller, args.force, args.form, &args.skip)
    };
    let report = caller.store()?.backup(&args.out, &options)?;
    export::print(ui, "backed up", &report).map(|()| Exit::Done)
}
