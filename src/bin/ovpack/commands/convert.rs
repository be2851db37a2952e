//! `ovpack convert`: from pack to pack.

use camino::Utf8PathBuf;
use ovpack::{ConvertOptions, ConvertReport, Layout, Touched, UriMap};

use crate::args::{layout, path, uri};
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::{Bytes, Count, Seconds};
use crate::limits::LimitArgs;
use crate::ui::Ui;

/// Write a pack's content as a pack of another layout; needs no store
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack convert click.ovpack click-v3.ovpack --layout v3
  ovpack convert backup.ovpack v3/ --layout v3 --map viking://session=viking://user/alice/sessions --drop viking://agent
  ovpack convert alice.ovpack bob.ovpack --layout v2 --map user/alice=user/bob")]
pub(crate) struct Args {
    /// Read this pack
    #[arg(value_name = "PACK", value_parser = path())]
    pub(crate) pack: Utf8PathBuf,
    /// Write this file, or LEAF.ovpack in this directory
    #[arg(value_name = "OUT", value_parser = path())]
    out: Utf8PathBuf,
    /// Write the pack in this layout
    #[arg(long, value_name = "LAYOUT", value_parser = layout())]
    layout: Layout,
    /// Move what is at and below a URI to another
    #[arg(long = "map", value_name = "FROM_URI=TO_URI")]
    maps: Vec<String>,
    /// Leave out what is at and below a URI
    #[arg(long = "drop", value_name = "URI")]
    drops: Vec<String>,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let mut maps = Vec::new();
    for map in &args.maps {
        maps.push(map.parse::<UriMap>()?);
    }
    let drops: Result<Vec<_>> = args.drops.iter().map(|text| uri(text)).collect();
    let options = ConvertOptions {
        layout: args.layout,
        maps,
        drops: drops?,
        force: args.force,
        limits: args.limits.limits(&caller.settings),
        jobs: caller.jobs(),
        control: caller.control.clone(),
    };
    let report = ovpack::convert(&args.pack, &args.out, &options)?;
    let printed = ui.report(&report, |out| {
        writeln!(out, "{}", Shown(report.file.as_str()))
    });
    tell(ui, &report);
    printed.map(|()| Exit::Done)
}

fn tell(ui: &Ui, report: &ConvertReport) {
    ui.talk(&format_args!(
        "converted {}, {} from layout {} to {} in {}",
        Count(report.files, "file"),
        Bytes(report.bytes),
        report.source_layout.as_str(),
        report.layout.as_str(),
        Seconds(ui.elapsed())
    ));
    for mapped in &report.mapped {
        let (from, to) = (mapped.map.from.to_string(), mapped.map.to.to_string());
        let (from, to) = (Shown(&from), Shown(&to));
        tell_of(ui, &format_args!("moved {from} to {to}"), mapped.touched);
    }
    for dropped in &report.dropped {
        let uri = dropped.uri.to_string();
        tell_of(
            ui,
            &format_args!("left out {}", Shown(&uri)),
            dropped.touched,
        );
    }
    for (count, noun) in [
        (report.dropped_records, "index record"),
        (report.dropped_vectors, "dense vector"),
    ] {
        if count > 0 {
            ui.talk(&format_args!("left out {}", Count(count, noun)));
        }
    }
}

fn tell_of(ui: &Ui, what: &std::fmt::Arguments<'_>, touched: Touched) {
    let (files, bytes) = (Count(touched.files, "file"), Bytes(touched.bytes));
    ui.talk(&format_args!("{what}: {files}, {bytes}"));
}
