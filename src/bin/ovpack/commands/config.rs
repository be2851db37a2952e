//! `ovpack config`: show the settings, and who said what they are.

use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use clap::Subcommand;
use ovpack::{Origin, Setting};
use serde::Serialize;

use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::settings;
use crate::ui::Ui;

/// Show the settings that are in effect, and who said what they are
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack config list
  ovpack config list --store notes --json
  OVPACK_LAYOUT=v3 ovpack config list

A flag goes before the environment, the environment before STORE/.ovpack/config.toml, and that before
~/.config/ovpack/config.toml, or $XDG_CONFIG_HOME/ovpack/config.toml. The variable of `limits.members`
is OVPACK_LIMITS_MEMBERS, and so for all of them.")]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List every setting with its value and its origin
    List,
}

/// What is in effect, and where else it could be said.
#[derive(Debug, Serialize)]
struct Answer {
    settings: Vec<Listed>,
    /// Files of settings, whether they are there or not; the first goes before the second.
    files: Vec<Utf8PathBuf>,
}

#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    setting: Setting,
    /// The variable of the environment that would go before files.
    variable: String,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let Act::List = args.act;
    caller.settings.ensure_consistent()?;
    let store = caller.store_path().ok();
    let all = caller.settings.list().into_iter();
    let all = all.map(|setting| placed(setting, store.as_deref()));
    let of_store = store
        .as_ref()
        .map(|store| store.join(".ovpack/config.toml"));
    let listed = all.map(|setting| Listed {
        variable: settings::variable(setting.key),
        setting,
    });
    let answer = Answer {
        settings: listed.collect(),
        files: of_store.into_iter().chain(settings::user_file()).collect(),
    };
    ui.report(&answer, |out| write_settings(out, &answer))?;
    for (variable, meant) in settings::misspelt() {
        ui.talk(&format_args!(
            "{} is the variable of no setting; perhaps {meant} is meant",
            Shown(&variable)
        ));
    }
    if let Some(named) = caller
        .named()
        .filter(|named| !named.join(".ovpack").is_dir())
    {
        ui.talk(&format_args!(
            "{} is not a store, so no settings are read there",
            Shown(named.as_str())
        ));
    }
    Ok(Exit::Done)
}

/// Returns a setting, with the store that is near in the place of the user's.
fn placed(setting: Setting, store: Option<&Utf8Path>) -> Setting {
    let is_named = matches!(
        setting.origin,
        Origin::Flag { .. } | Origin::Environment { .. }
    );
    let near = store.filter(|store| setting.value.as_deref() != Some(store.as_str()));
    match near {
        Some(near) if setting.key == "store" && !is_named => Setting {
            value: Some(near.to_string()),
            // Nobody said so.
            origin: Origin::Default,
            ..setting
        },
        _ => setting,
    }
}

fn write_settings(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let shown = |setting: &Setting| setting.value.clone().unwrap_or_else(|| "-".to_owned());
    let settings = || answer.settings.iter().map(|listed| &listed.setting);
    let width = settings().map(|it| shown(it).chars().count()).max();
    let width = width.unwrap_or_default().min(40);
    for setting in settings() {
        writeln!(
            out,
            "{:<24} {:<width$}  {}",
            setting.key,
            Shown(&shown(setting)),
            Shown(&setting.origin.to_string())
        )?;
    }
    Ok(())
}
