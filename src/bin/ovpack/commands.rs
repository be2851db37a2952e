//! The verbs, one file each.

mod backup;
mod cat;
mod completions;
mod config;
mod convert;
mod doctor;
mod export;
mod find;
mod history;
mod import;
mod index;
mod init;
mod inspect;
mod journal;
mod log;
mod ls;
mod man;
mod pin;
mod prune;
mod recover;
mod redo;
mod restore;
mod rollback;
mod salvage;
#[cfg(feature = "serve")]
mod serve;
mod show;
mod status;
mod tree;
mod verify;

use clap::Subcommand;

use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::Result;
use crate::limits::LimitArgs;
use crate::ui::Ui;

/// The verbs and their arguments, in the order of the help page.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Args),
    Import(import::Args),
    Export(export::Args),
    Restore(restore::Args),
    Backup(backup::Args),
    Verify(verify::Args),
    Inspect(inspect::Args),
    Convert(convert::Args),
    Salvage(salvage::Args),
    Ls(ls::Args),
    Cat(cat::Args),
    Find(find::Args),
    Index(index::Args),
    Status(status::Args),
    Log(log::Args),
    Show(show::Args),
    History(history::Args),
    Tree(tree::Args),
    Rollback(rollback::Args),
    Redo(redo::Args),
    Prune(prune::Args),
    Pin(pin::PinArgs),
    Unpin(pin::UnpinArgs),
    Recover(recover::Args),
    Doctor(doctor::Args),
    Journal(journal::Args),
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Runs the verb.
    pub(crate) fn run(&self, ui: &Ui, caller: &Caller) -> Result<Exit> {
        match self {
            Self::Init(args) => init::run(ui, caller, args),
            Self::Import(args) => import::run(ui, caller, args),
            Self::Export(args) => export::run(ui, caller, args),
            Self::Restore(args) => restore::run(ui, caller, args),
            Self::Backup(args) => backup::run(ui, caller, args),
            Self::Verify(args) => verify::run(ui, caller, args),
            Self::Inspect(args) => inspect::run(ui, caller, args),
            Self::Convert(args) => convert::run(ui, caller, args),
            Self::Salvage(args) => salvage::run(ui, caller, args),
            Self::Ls(args) => ls::run(ui, caller, args),
            Self::Cat(args) => cat::run(ui, caller, args),
            Self::Find(args) => find::run(ui, caller, args),
            Self::Index(args) => index::run(ui, caller, args),
            Self::Status(args) => status::run(ui, caller, args),
            Self::Log(args) => log::run(ui, caller, args),
            Self::Show(args) => show::run(ui, caller, args),
            Self::History(args) => history::run(ui, caller, args),
            Self::Tree(args) => tree::run(ui, caller, args),
            Self::Rollback(args) => rollback::run(ui, caller, args),
            Self::Redo(args) => redo::run(ui, caller, args),
            Self::Prune(args) => prune::run(ui, caller, args),
            Self::Pin(args) => pin::pin(ui, caller, args),
            Self::Unpin(args) => pin::unpin(ui, caller, args),
            Self::Recover(args) => recover::run(ui, caller, args),
            Self::Doctor(args) => doctor::run(ui, caller, args),
            Self::Journal(args) => journal::run(ui, caller, args),
            #[cfg(feature = "serve")]
            Self::Serve(args) => serve::run(ui, caller, args),
            Self::Config(args) => config::run(ui, caller, args),
            Self::Completions(args) => completions::run(args),
            Self::Man(args) => man::run(ui, args),
        }
    }

    /// Returns whether the verb itself ends when a signal asks for it. The others may be killed:
    /// they only read, or, as `init`, leave what is not a store until it is a whole one.
    pub(crate) const fn ends_by_itself_on_signals(&self) -> bool {
        match self {
            Self::Import(_)
            | Self::Export(_)
            | Self::Restore(_)
            | Self::Backup(_)
            | Self::Verify(_)
            | Self::Inspect(_)
            | Self::Convert(_)
            | Self::Salvage(_)
            | Self::Status(_)
            | Self::Redo(_)
            | Self::Show(_)
            | Self::Tree(_)
            | Self::Rollback(_)
            | Self::Prune(_)
            | Self::Pin(_)
            | Self::Unpin(_)
            | Self::Recover(_)
            | Self::Doctor(_)
            | Self::Index(_)
            | Self::Journal(_) => true,
            // It has ways of its own to end.
            #[cfg(feature = "serve")]
            Self::Serve(_) => false,
            Self::Init(_)
            | Self::Ls(_)
            | Self::Cat(_)
            | Self::Find(_)
            | Self::Log(_)
            | Self::History(_)
            | Self::Config(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        }
    }

    /// Returns whether the verb does what settings say, so that it must not go on without them. The
    /// others do not: nobody shall be kept from a rollback by a misspelt setting.
    pub(crate) const fn uses_settings(&self) -> bool {
        match self {
            Self::Import(_)
            | Self::Export(_)
            | Self::Restore(_)
            | Self::Backup(_)
            | Self::Verify(_)
            | Self::Inspect(_)
            | Self::Convert(_)
            | Self::Salvage(_)
            | Self::Find(_)
            | Self::Index(_)
            | Self::Prune(_)
            | Self::Config(_) => true,
            #[cfg(feature = "serve")]
            Self::Serve(_) => true,
            Self::Init(_)
            | Self::Ls(_)
            | Self::Cat(_)
            | Self::Status(_)
            | Self::Log(_)
            | Self::Show(_)
            | Self::History(_)
            | Self::Tree(_)
            | Self::Rollback(_)
            | Self::Redo(_)
            | Self::Pin(_)
            | Self::Unpin(_)
            | Self::Recover(_)
            | Self::Doctor(_)
            | Self::Journal(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        }
    }

    /// Returns whether the verb packs, and refuses what no pack can hold.
    pub(crate) fn refuses_special(&self) -> bool {
        if let Self::Export(args) = self {
            return !args.skip.skip_special;
        }
        matches!(self, Self::Backup(args) if !args.skip.skip_special)
    }

    /// Returns whether the verb writes to no store.
    pub(crate) const fn writes_elsewhere(&self) -> bool {
        matches!(
            self,
            Self::Init(_)
                | Self::Export(_)
                | Self::Backup(_)
                | Self::Convert(_)
                | Self::Salvage(_)
                | Self::Journal(_)
        )
    }

    /// Returns the other argument of a verb that takes a path and a URI.
    pub(crate) fn other_argument(&self, argument: &str) -> Option<&str> {
        let (one, other) = if let Self::Import(args) = self {
            (args.pack.as_str(), args.parent.as_str())
        } else if let Self::Export(args) = self {
            (args.uri.as_str(), args.out.as_str())
        } else {
            return None;
        };
        [(one, other), (other, one)]
            .into_iter()
            .find_map(|(given, other)| (given == argument).then_some(other))
    }

    /// Returns the pack that the verb reads, and its limits.
    pub(crate) fn pack(&self) -> Option<(&str, &LimitArgs)> {
        match self {
            Self::Import(args) => Some((args.pack.as_str(), &args.limits)),
            Self::Restore(args) => Some((args.pack.as_str(), &args.limits)),
            Self::Verify(args) => Some((args.pack.as_str(), &args.limits)),
            Self::Inspect(args) => Some((args.pack.as_str(), &args.limits)),
            Self::Convert(args) => Some((args.pack.as_str(), &args.limits)),
            Self::Salvage(args) => Some((args.pack.as_str(), &args.limits)),
            Self::Init(_)
            | Self::Export(_)
            | Self::Backup(_)
            | Self::Ls(_)
            | Self::Cat(_)
            | Self::Find(_)
            | Self::Index(_)
            | Self::Status(_)
            | Self::Log(_)
            | Self::Show(_)
            | Self::History(_)
            | Self::Tree(_)
            | Self::Rollback(_)
            | Self::Redo(_)
            | Self::Prune(_)
            | Self::Pin(_)
            | Self::Unpin(_)
            | Self::Recover(_)
            | Self::Doctor(_)
            | Self::Journal(_)
            | Self::Config(_)
            | Self::Completions(_)
            | Self::Man(_) => None,
            #[cfg(feature = "serve")]
            Self::Serve(_) => None,
        }
    }
}
