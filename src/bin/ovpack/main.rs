//! The command line of ovpack: reads the arguments, runs one verb, prints what it did.
//!
//! It sees only the library's public API. Standard input is never read.

mod advice;
mod args;
mod caller;
mod commands;
mod escape;
mod exit;
mod failure;
#[cfg(feature = "fault")]
mod fault;
#[cfg(feature = "serve")]
mod http;
mod human;
mod indexing;
mod limits;
mod line;
mod nearest;
mod pack_text;
mod plan_text;
mod progress;
mod rollback_text;
mod settings;
mod streamed;
mod ui;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Wishes};
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::ui::Ui;
use crate::usage::Parsed;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    let wishes = Wishes::among(&argv);
    let ui = Ui::new(wishes);
    let cli = match Cli::try_parse_from(&argv) {
        Ok(cli) => cli,
        Err(error) => {
            return match usage::parsed(&error, &argv) {
                Parsed::Text(text) => ended(
                    &ui,
                    ui::print_text(&text, wishes.color).map(|()| Exit::Done),
                ),
                Parsed::Wrong(failure) => ended(&ui, Err(failure)),
            }
            .into();
        }
    };
    run(&ui, &argv, &cli).into()
}

fn run(ui: &Ui, argv: &[OsString], cli: &Cli) -> Exit {
    let mut caller = Caller::new(ui, argv, &cli.global);
    if let Err(failure) = caller.read_settings() {
        if cli.command.uses_settings() {
            return failed(ui, &failure, failure.help());
        }
        ui.talk(&format_args!(
            "warning: {failure}; the settings are left aside"
        ));
    }
    if cli.command.ends_by_itself_on_signals() {
        caller.catch_signals();
    }
    #[cfg(feature = "fault")]
    let counts = fault::arm_from_environment();
    let result = cli.command.run(ui, &caller);
    #[cfg(feature = "fault")]
    if counts {
        fault::report(ui);
    }
    match result {
        Err(failure) => {
            let advice = advice::advice(&failure, &cli.command, &caller);
            failed(ui, &failure, advice.as_deref())
        }
        Ok(exit) => exit,
    }
}

fn ended(ui: &Ui, result: Result<Exit>) -> Exit {
    result.unwrap_or_else(|failure| failed(ui, &failure, failure.help()))
}

fn failed(ui: &Ui, failure: &Failure, help: Option<&str>) -> Exit {
    if failure.is_closed_pipe() {
        return Exit::Done;
    }
    ui.failure(failure, help);
    Exit::Failed(failure.kind())
}
