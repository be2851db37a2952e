//! `ovpack export`: write a subtree to a pack.

use camino::Utf8PathBuf;
use ovpack::{ExportOptions, ExportReport, Layout, Level, SkippedPath, SkippedSpecial};

use crate::args::{layout, level, path, uri};
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::{Bytes, Count, Pace};
use crate::ui::Ui;

/// Write a subtree or a whole scope to a pack
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack export viking://resources/click click.ovpack
  ovpack export resources/click . --force
  ovpack export resources/click click.ovpack --layout v3")]
pub(crate) struct Args {
    /// Pack what is at this URI
    #[arg(value_name = "URI")]
    pub(crate) uri: String,
    /// Write this file, or LEAF.ovpack in this directory
    #[arg(value_name = "OUT", value_parser = path())]
    pub(crate) out: Utf8PathBuf,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    pub(crate) skip: SkipArgs,
}

/// In which form export and backup write.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FormArgs {
    /// Write the pack in this layout [default: the store's own, else v2]
    #[arg(long, value_name = "LAYOUT", value_parser = layout())]
    layout: Option<Layout>,
    /// How hard content is compressed.
    #[arg(
        long,
        value_name = "N",
        value_parser = level,
        help = "Compress with level N: 0 stores, 1 is fast, 9 is small [default: 6]"
    )]
    level: Option<Level>,
}

/// What export and backup do about content that no pack can hold.
#[derive(Debug, clap::Args)]
pub(crate) struct SkipArgs {
    /// Skip and list what no pack can hold, instead of refusing: links, special files, other mounts, files that may not be read, unpackable names
    #[arg(long)]
    pub(crate) skip_special: bool,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let uri = uri(&args.uri)?;
    let options = options(caller, args.force, args.form, &args.skip);
    let report = caller.store()?.export(&uri, &args.out, &options)?;
    print(ui, "exported", &report).map(|()| Exit::Done)
}

/// Returns the options of export and backup.
pub(super) fn options(
    caller: &Caller,
    force: bool,
    form: FormArgs,
    skip: &SkipArgs,
) -> ExportOptions {
    ExportOptions {
        layout: form.layout,
        force,
        skip_special: skip.skip_special,
        level: form.level.unwrap_or_default(),
        jobs: caller.jobs(),
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
        Pace(ui.elapsed(), report.bytes)
    ));
    for uri in &report.left_out {
        ui.talk(&format_args!("left out: {}", Shown(uri)));
    }
    print_omitted(ui, report);
    print_skipped(ui, &report.skipped_special);
    printed
}

fn print_omitted(ui: &Ui, report: &ExportReport) {
    for scope in &report.omitted_scopes {
        ui.talk(&format_args!(
            "warning: layout {} does not carry {}: {}, {} are not in the pack",
            report.layout.as_str(),
            Shown(&scope.uri.to_string()),
            Count(scope.files, "file"),
            Bytes(scope.bytes)
        ));
    }
}

fn print_skipped(ui: &Ui, skipped: &SkippedSpecial) {
    if skipped.count == 0 {
        return;
    }
    let count = Count(skipped.count, "path");
    ui.talk(&format_args!(
        "skipped {count} that no pack can hold; the pack is whole without:"
    ));
    for SkippedPath { path, why } in &skipped.paths {
        ui.talk(&format_args!("  {}: {}", Shown(path), Shown(why)));
    }
    let rest = skipped.count.saturating_sub(skipped.paths.len() as u64);
    if rest > 0 {
        ui.talk(&format_args!("  and {rest} more"));
    }
}
