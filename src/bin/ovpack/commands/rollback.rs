//! `ovpack rollback`: take committed transactions back.

use ovpack::{DriftCheck, OnLater, RollbackOptions, TransactionId};

use crate::args::uri;
use crate::caller::Caller;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::rollback_text;
use crate::ui::Ui;

/// Put back what committed transactions replaced, as a transaction of its own
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack rollback tx7 --dry-run
  ovpack rollback tx7
  ovpack rollback --to tx5
  ovpack rollback tx7 --path resources/notes/todo.md")]
pub(crate) struct Args {
    /// Roll back this transaction, such as tx7
    #[arg(value_name = "TX", required_unless_present = "to")]
    tx: Option<TransactionId>,
    /// Roll back this transaction and all later ones that lie over it, as one
    #[arg(long, value_name = "TX", conflicts_with = "tx")]
    to: Option<TransactionId>,
    /// Bring back only what is at this URI, as it was before TX; repeat it for more
    #[arg(long = "path", value_name = "URI", conflicts_with = "to")]
    paths: Vec<String>,
    #[command(flatten)]
    drift: DriftArgs,
    /// Look for everything that is in the way and print the plan; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What is done about files that changed outside of the store.
#[derive(Debug, clap::Args)]
pub(crate) struct DriftArgs {
    /// Go on although files changed outside of the store; what changed stays in the slot
    #[arg(long)]
    pub(crate) force: bool,
    /// Do not look whether files changed outside of the store; what changed goes to the slot
    #[arg(long)]
    pub(crate) skip_drift_check: bool,
}

impl DriftArgs {
    /// Returns the options of a rollback.
    pub(crate) fn options(&self, caller: &Caller, dry_run: bool) -> RollbackOptions {
        RollbackOptions {
            force: self.force,
            drift: if self.skip_drift_check {
                DriftCheck::Skip
            } else {
                DriftCheck::Scan
            },
            on_later: OnLater::Refuse,
            dry_run,
            control: caller.control.clone(),
        }
    }
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let mut options = args.drift.options(caller, args.dry_run);
    let tx = match (args.to, args.tx) {
        (Some(to), _) => {
            options.on_later = OnLater::RollBack;
            to
        }
        (None, Some(tx)) => tx,
        (None, None) => {
            return Err(Failure::Usage {
                message: "no transaction is named".to_owned(),
                help: "name one as TX, or with --to TX".to_owned(),
            });
        }
    };
    let paths = args
        .paths
        .iter()
        .map(|text| uri(text))
        .collect::<Result<Vec<_>>>()?;
    let store = caller.store()?;
    if !paths.is_empty() {
        if args.dry_run {
            let rehearsal = store.rehearse_revert(tx, &paths, &options)?;
            return rollback_text::rehearsal(ui, rehearsal);
        }
        let receipt = store.revert(tx, &paths, &options)?;
        return rollback_text::reverted(ui, caller, &receipt);
    }
    if args.dry_run {
        return rollback_text::rehearsal(ui, store.rehearse_rollback(tx, &options)?);
    }
    let receipt = store.rollback(tx, &options)?;
    rollback_text::done(ui, caller, "rolled back", &receipt)
}
