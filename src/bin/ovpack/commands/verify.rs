//! `ovpack verify`: check a pack without a store.

use camino::Utf8PathBuf;
use ovpack::VerifyOptions;

use crate::args::path;
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::{Bytes, Pace};
use crate::limits::LimitArgs;
use crate::pack_text::write_facts;
use crate::ui::Ui;

/// Check every byte of a pack; needs no store
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack verify backup.ovpack
  ovpack verify backup.ovpack --json")]
pub(crate) struct Args {
    /// Read this pack
    #[arg(value_name = "PACK", value_parser = path())]
    pub(crate) pack: Utf8PathBuf,
    /// Refuse the pack where a query of FILE returns a row
    #[arg(long = "policy", value_name = "FILE", value_parser = path())]
    policies: Vec<Utf8PathBuf>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = VerifyOptions {
        limits: args.limits.limits(&caller.settings),
        policies: args.policies.clone(),
        jobs: caller.jobs(),
        control: caller.control.clone(),
    };
    let report = ovpack::verify(&args.pack, &options)?;
    let printed = ui.report(&report, |out| write_facts(out, &report));
    ui.talk(&format_args!(
        "the pack is whole: {} read in {}",
        Bytes(report.bytes),
        Pace(ui.elapsed(), report.bytes)
    ));
    printed.map(|()| Exit::Done)
}
