//! `ovpack serve`: answer over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use camino::Utf8PathBuf;
use clap::builder::RangedU64ValueParser;
use ovpack::{UploadOptions, parse_bytes};
use serde::Serialize;
use tracing::level_filters::LevelFilter;

use crate::args::path;
use crate::caller::{self, Caller};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::http::{self, Keys, Listening, Settings};
use crate::limits::LimitArgs;
use crate::ui::{self, Ui};

/// Answer OpenViking's clients over HTTP, and show the journal to auditors
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack serve
  ovpack serve --addr 127.0.0.1:0 --log-format json
  ovpack serve --addr 0.0.0.0:1933 --api-key-file keys --host-name vault.example

A file of keys has a line `admin NAME KEY` or `auditor NAME KEY` for each; auditors read journal and
state. OVPACK_API_KEY is one admin's key.")]
pub(crate) struct Args {
    /// Listen on this address; port 0 takes a free one, which is printed
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1933")]
    addr: SocketAddr,
    /// Ask for one of the keys in FILE
    #[arg(
        long,
        value_name = "FILE",
        value_parser = path(),
        help = "Ask every request for one of the keys in FILE [env: OVPACK_API_KEY, one key]"
    )]
    api_key_file: Option<Utf8PathBuf>,
    /// Answer to this name too, beside addresses and localhost; repeat it for more
    #[arg(long = "host-name", value_name = "NAME")]
    host_names: Vec<String>,
    /// Refuse an upload of more than BYTES
    #[arg(long, value_name = "BYTES", default_value = "16GiB", value_parser = parse_bytes)]
    max_upload_bytes: u64,
    /// Refuse an upload where all that wait have more than BYTES
    #[arg(long, value_name = "BYTES", default_value = "64GiB", value_parser = parse_bytes)]
    max_waiting_bytes: u64,
    /// Remove an upload that is not used for so long
    #[arg(long, value_name = "SECONDS", default_value = "900")]
    upload_expiry: u64,
    /// Refuse a body that pauses for so long
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    body_timeout: u64,
    /// When asked to end, wait so long for acts before they are stopped; a commit is always finished
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    grace: u64,
    /// Write the log, on standard error, as text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"], hide_possible_values = true)]
    log_format: String,
    #[command(flatten)]
    limits: LimitArgs,
}

/// The answer as JSON.
#[derive(Debug, Serialize)]
struct Started {
    url: String,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    http::keep_few_arenas();
    let settings = Settings {
        store: caller.store()?.path().to_owned(),
        while_running: caller.options.while_running,
        wait: caller.options.wait,
        body_timeout: Duration::from_secs(args.body_timeout),
        upload_bytes: args.max_upload_bytes,
        jobs: caller.jobs(),
        limits: args.limits.limits(&caller.settings),
        host_names: args.host_names.clone(),
        overrides: caller.options.overrides.clone(),
        defaults: caller.options.defaults.clone(),
    };
    let uploads = UploadOptions {
        file_bytes: args.max_upload_bytes,
        waiting_bytes: args.max_waiting_bytes,
        expiry: Duration::from_secs(args.upload_expiry),
    };
    let grace = Duration::from_secs(args.grace);
    let listening = Listening::begin(args.addr, settings, keys(args)?, uploads, grace)?;
    log(ui, &args.log_format);
    let url = format!("http://{}", listening.address()?);
    let started = Started { url };
    ui.report(&started, |out| {
        writeln!(out, "listening on {}", started.url)
    })?;
    http::serve(listening);
    Ok(Exit::Done)
}

fn keys(args: &Args) -> Result<Keys> {
    match (&args.api_key_file, caller::environment("OVPACK_API_KEY")) {
        (Some(_), Some(_)) => Err(Failure::Usage {
            message: "keys are given twice: by --api-key-file and by OVPACK_API_KEY".to_owned(),
            help: "use one of them".to_owned(),
        }),
        (Some(file), None) => Keys::read(file),
        (None, Some(key)) => Keys::of_one(&key),
        (None, None) => Ok(Keys::default()),
    }
}

/// Sends the log to standard error; quietly, only what goes wrong.
fn log(ui: &Ui, format: &str) {
    let level = if ui.is_quiet() {
        LevelFilter::WARN
    } else {
        LevelFilter::INFO
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .with_writer(ui::talk);
    // There is no other log in this process that could have been begun before.
    if format == "json" {
        log.json().init();
    } else {
        log.init();
    }
}
