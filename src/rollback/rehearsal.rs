//! A rehearsal: everything that stands in the way of a rollback, and nothing changed.

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::error::{Error, Result};
use crate::id::TransactionId;
use crate::journal::Journal;
use crate::layout::Layout;
use crate::staging::Staging;
use crate::stat_cache::StatCache;
use crate::transaction::Receipt;

use super::composition::compose;
use super::drift::Drift;
use super::obstacles::Obstacles;
use super::plan::Look;
use super::{OnLater, RollbackOptions, ensure_in_effect, receipt};

/// What a rollback would do, and all that keeps it from doing so.
#[derive(Debug, Serialize)]
pub struct RollbackRehearsal {
    /// What it would do, with the plan. Where something is in the way, as far as that can be told;
    /// where no file is looked at, without the paths.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// Whether nothing is in the way.
    pub would_succeed: bool,
    /// What is in the way, in the order in which it would be met; in JSON each with its `code`,
    /// `message`, `details` and `help`.
    #[serde(serialize_with = "as_objects")]
    pub obstacles: Vec<Error>,
    /// Commits in effect that lie over what is rolled back, newest first.
    pub later: Vec<TransactionId>,
    /// What differs from what the journal expects: URIs, and files of slots as `slot N: PATH`; at
    /// most the first 1,000.
    pub drift: Vec<String>,
    /// How many differ.
    pub drift_total: u64,
    /// Bytes that would be copied, while the old tree is still there; 0 where trees only change
    /// places.
    pub needed_bytes: u64,
    /// Bytes that are free on the store's file system.
    pub free_bytes: u64,
}

fn as_objects<S: Serializer>(errors: &[Error], serializer: S) -> Result<S::Ok, S::Error> {
    let objects = errors.iter().map(|error| {
        json!({
            "code": error.openviking_code(), "reason": error.code(), "message": error.to_string(),
            "details": error.details(), "help": error.help(),
        })
    });
    serializer.collect_seq(objects)
}

impl RollbackRehearsal {
    /// Tells of a revert.
    pub(crate) fn of_revert(
        receipt: Receipt,
        obstacles: Obstacles,
        drift: Drift,
        needed_bytes: u64,
        free_bytes: u64,
    ) -> Self {
        let obstacles = obstacles.into_collected();
        Self {
            receipt,
            would_succeed: obstacles.is_empty(),
            obstacles,
            later: Vec::new(),
            drift: drift.paths,
            drift_total: drift.total,
            needed_bytes,
            free_bytes,
        }
    }
}

/// Looks for everything that would stand in the way, and changes nothing.
pub(crate) fn rehearse(
    layout: &Layout,
    journal: &Journal,
    mut cache: Option<StatCache>,
    tx: TransactionId,
    options: &RollbackOptions,
) -> Result<RollbackRehearsal> {
    let row = ensure_in_effect(journal, tx, options)?;
    let staging = Staging::make(None)?;
    let with_later = options.on_later == OnLater::RollBack;
    let composition = compose(layout, journal, tx, with_later)?;
    let mut obstacles = Obstacles::collecting();
    composition.meet_later(&mut obstacles)?;
    let mut look = Look {
        layout,
        journal,
        staging: &staging,
        cache: cache.as_mut(),
        control: &options.control,
        composition: &composition,
        obstacles: &mut obstacles,
        is_path_by_path: true,
    };
    let planned = look.plan(options)?;
    let done = receipt(&row, &composition, &planned, journal.generation()?);
    let plan = crate::plan::list(&staging)?;
    let obstacles = obstacles.into_collected();
    Ok(RollbackRehearsal {
        receipt: Receipt {
            dry_run: true,
            plan: Some(plan),
            ..done
        },
        would_succeed: obstacles.is_empty(),
        obstacles,
        later: composition.later,
        drift: planned.drift.paths,
        drift_total: planned.drift.total,
        needed_bytes: 0,
        free_bytes: layout.control().free_bytes()?,
    })
}
