//! `ovpack export`: write a subtree to a pack.

use camino::Utf8PathBuf;
use ovpack::{ExportOptions, ExportReport};

use crate::args::{path, uri};
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::{Bytes, Count, Seconds};
use crate::ui::Ui;

/// Write a subtree or a whole scope to a pack
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack export viking://resources/click click.ovpack
  ovpack export resources/click . --force")]
pub(crate) struct Args {
    /// Pack what is at this URI
    #[arg(value_name = "URI")]
    uri: String,
    /// Write this file, or LEAF.ovpack in this directory
    #[arg(value_name = "OUT", value_parser = path())]
    out: Utf8PathBuf,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let uri = uri(&args.uri)?;
    let options = options(caller, args.force);
    let report = caller.store()?.export(&uri, &args.out, &options)?;
    print(ui, "exported", &report).map(|()| Exit::Done)
}

/// Returns the options of export and backup.
pub(super) fn options(caller: &Caller, force: bool) -> ExportOptions {
    ExportOptions {
        force,
        control: caller.control.clone(),
        ..ExportOptions::default()
    }
}

/// Prints what was packed.
pub(super) fn print(ui: &Ui, past: &str, report: &ExportReport) -> Result<()> {
    let printed = ui.report(report, |out| {
        writeln!(out, "{}", Shown(report.file.as_str()))
    });
    ui.talk(&format_args!(
        "{past} {}, {} ({} packed) in {}",
        Count(report.files, "file"),
        Bytes(report.bytes),
        Bytes(report.pack_bytes),
        Seconds(ui.elapsed())
    ));
    for uri in &report.left_out {
        ui.talk(&format_args!("left out: {}", Shown(uri)));
    }
    printed
}
