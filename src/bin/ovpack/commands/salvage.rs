//! `ovpack salvage`: take what is sound out of a pack that is refused.

use std::io::{self, Write};

use camino::Utf8PathBuf;
use ovpack::{Layout, ManifestState, SalvageOptions, SalvageReport, SalvageState, SalvagedPath};
use serde::Serialize;

use crate::args::{layout, path, some_uri};
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::{Bytes, Count, Pace};
use crate::limits::LimitArgs;
use crate::streamed::Streamed;
use crate::ui::Ui;

/// Take what is sound out of a damaged pack; needs no store, touches none
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every file of the manifest whose bytes can be found is saved, and told with what is damaged, missing
or beside it. Ends with 10 unless all of the manifest was read and every file was saved.

Examples:
  ovpack salvage damaged.ovpack --into saved
  ovpack salvage damaged.ovpack --into saved --pack whole.ovpack
  ovpack salvage cut.ovpack --into saved --unverified --uri resources/click --pack rest.ovpack")]
pub(crate) struct Args {
    /// Read this pack
    #[arg(value_name = "PACK", value_parser = path())]
    pub(crate) pack: Utf8PathBuf,
    /// Put the root's content into DIR, which must be missing or empty
    #[arg(long, value_name = "DIR", value_parser = path())]
    into: Utf8PathBuf,
    /// Where the manifest is lost or damaged, also save what only its own headers vouch for
    #[arg(long)]
    unverified: bool,
    /// Write what was saved to a new pack too
    #[arg(long = "pack", value_name = "FILE", value_parser = path())]
    out: Option<Utf8PathBuf>,
    /// Write the new pack in this layout [default: that of PACK]
    #[arg(long, value_name = "LAYOUT", value_parser = layout(), requires = "out")]
    layout: Option<Layout>,
    /// Name the new pack's root where the manifest does not tell it any more
    #[arg(long, value_name = "URI", requires = "out")]
    uri: Option<String>,
    /// Replace an existing FILE
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Serialize)]
struct Answer<'a, F> {
    #[serde(flatten)]
    report: &'a SalvageReport,
    files: &'a F,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = SalvageOptions {
        unverified: args.unverified,
        pack: args.out.clone(),
        layout: args.layout,
        uri: some_uri(args.uri.as_deref())?,
        force: args.force,
        limits: args.limits.limits(&caller.settings),
        control: caller.control.clone(),
    };
    let done = ovpack::salvage(&args.pack, &args.into, &options)?;
    let report = &done.report;
    let files = Streamed::new(|visit: &mut _| done.each_path(visit));
    let answer = Answer {
        report,
        files: &files,
    };
    let printed = ui
        .report(&answer, |out| files.write(|file| write_file(out, &file)))
        .map_err(|failure| files.failure(failure));
    talk(ui, report, args.unverified);
    printed.map(|()| {
        if report.is_complete {
            Exit::Done
        } else {
            Exit::Incomplete
        }
    })
}

fn write_file(out: &mut dyn Write, file: &SalvagedPath) -> io::Result<()> {
    let state = match file.state {
        SalvageState::Saved => "saved",
        SalvageState::Unverified => "unverified",
        SalvageState::Damaged => "damaged",
        SalvageState::Missing => "missing",
        SalvageState::Extra => "extra",
    };
    write!(out, "{state:<10}  {}", Shown(&file.path))?;
    match (file.how.as_deref(), file.why.as_deref()) {
        (_, Some(why)) => writeln!(out, "  ({})", Shown(why)),
        (Some("renamed"), _) => writeln!(out, "  (known by its bytes; its name is damaged)"),
        (Some("copied"), _) => writeln!(out, "  (from another file with the same bytes)"),
        _ => writeln!(out),
    }
}

fn talk(ui: &Ui, report: &SalvageReport, takes_unverified: bool) {
    ui.talk(&format_args!(
        "{} saved and {} unverified in {}, {} in {}; {} damaged, {} missing, {} extra",
        Count(report.saved, "file"),
        report.unverified,
        Shown(report.into.as_str()),
        Bytes(report.bytes),
        Pace(ui.elapsed(), report.bytes),
        report.damaged,
        report.missing,
        report.extra
    ));
    if let Some(written) = &report.written {
        ui.talk(&format_args!(
            "{} holds what was saved",
            Shown(written.file.as_str())
        ));
    }
    let state = match report.manifest {
        ManifestState::Whole => return,
        ManifestState::Partial => "damaged",
        ManifestState::Lost => "lost",
    };
    let advice = if takes_unverified {
        "nobody can say what else the pack held"
    } else {
        "--unverified also saves what only its own headers vouch for"
    };
    ui.talk(&format_args!("warning: the manifest is {state}: {advice}"));
}
