//! The `prepared` event and all its rows: what a transaction is about to do, durable before it does.

use rusqlite::{ToSql, Transaction, named_params, params, params_from_iter};
use serde_json::json;

use super::{EventKind, Journal, chain, index, state, to_column};
use crate::db::{self, Batch, DatabaseContext as _};
use crate::digest::Digest;
use crate::error::Result;
use crate::fsops::Syncer;
use crate::id::{SlotId, TransactionId};
use crate::plan::ChangeCounts;
use crate::policy::PolicyRecord;
use crate::staging::{EachChange, Planned, Side, Staging};

/// What one rename does to a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitAction {
    /// Live tree and slot change places.
    Exchange,
    /// The slot's tree goes live where nothing was.
    Create,
    /// The live tree goes to the slot; nothing takes its place.
    Remove,
}

impl UnitAction {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Create => "create",
            Self::Remove => "remove",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Exchange, Self::Create, Self::Remove]
            .into_iter()
            .find(|action| action.as_str() == name)
    }

    /// Returns what undoes it.
    pub(crate) const fn inverse(self) -> Self {
        match self {
            Self::Exchange => Self::Exchange,
            Self::Create => Self::Remove,
            Self::Remove => Self::Create,
        }
    }
}

/// One tree, as recovery knows it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TreeIdentity {
    pub(crate) inode: u64,
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
}

/// A unit, ready to be moved.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// Below the live root; `""` for the live root itself.
    pub(crate) path: String,
    pub(crate) action: UnitAction,
    pub(crate) slot: SlotId,
    pub(crate) old: Option<TreeIdentity>,
    pub(crate) new: Option<TreeIdentity>,
}

/// What is known of a pack whose bytes were read.
#[derive(Clone, Debug)]
pub(crate) struct PackFacts {
    pub(crate) sha256: Digest,
    pub(crate) manifest_sha256: Digest,
    pub(crate) content_sha256: Digest,
    pub(crate) layout: &'static str,
    pub(crate) root_uri: String,
}

/// All that `prepared` records beside the rows in staging.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) pack: Option<PackFacts>,
    pub(crate) counts: ChangeCounts,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) units: Vec<Unit>,
    /// The policies that the pack was held against.
    pub(crate) policies: Vec<PolicyRecord>,
    /// The (oldest) transaction that a rollback undoes: the change rows are cited, not copied.
    pub(crate) undoes: Option<TransactionId>,
}

impl Journal {
    /// Records what a transaction is about to do; durable when this returns. The rows are written, and
    /// brought to the disk, while `syncer` still makes the new trees durable; the event is not before
    /// they are.
    pub(crate) fn prepare(
        &mut self,
        id: TransactionId,
        prepared: &Prepared,
        staging: &Staging,
        syncer: Option<&Syncer>,
    ) -> Result<()> {
        let action = "record what is prepared";
        db::write(&mut self.connection, action, |sql| {
            insert_facts(sql, id, prepared).context(action)?;
            let mut effects = Vec::new();
            if prepared.undoes.is_some() {
                effects.extend(state::flips(sql, &state::targets(sql, id)?)?);
            }
            if staging.has_external_changes()? {
                let set = insert_change_set(sql, id, "external")?;
                copy_rows(sql, set, &mut |row| staging.for_each_external_change(row))?;
                effects.push((set, true));
            }
            let set = insert_change_set(sql, id, "transaction")?;
            match prepared.undoes {
                None => insert_plan(sql, set, staging)?,
                Some(_) => copy_rows(sql, set, &mut |row| staging.for_each_correction(row))?,
            }
            index::insert_index(sql, set, staging)?;
            effects.push((set, true));
            insert_effects(sql, id, &effects)?;
            let rows = chain::Rows::Prepared;
            chain::append(sql, id, EventKind::Prepared, &json!({}), rows)?;
            let Some(syncer) = syncer else {
                return Ok(());
            };
            db::write_ahead(sql, action)?;
            syncer.wait()
        })
    }
}

fn insert_facts(
    sql: &Transaction<'_>,
    id: TransactionId,
    prepared: &Prepared,
) -> rusqlite::Result<()> {
    if let Some(pack) = &prepared.pack {
        sql.execute(
            "INSERT INTO tx_pack (tx, sha256, manifest_sha256, content_sha256, layout, root_uri) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![id.0, pack.sha256, pack.manifest_sha256, pack.content_sha256, pack.layout, pack.root_uri],
        )?;
    }
    let counts = &prepared.counts;
    let numbers = [
        counts.added,
        counts.replaced,
        counts.unchanged,
        counts.removed,
        prepared.files,
        prepared.bytes,
    ];
    sql.execute(
        "INSERT INTO tx_plan (tx, added, replaced, unchanged, removed, files, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params_from_iter([id.0].into_iter().chain(numbers.map(to_column))),
    )?;
    for (ordinal, policy) in (0_i64..).zip(&prepared.policies) {
        sql.execute(
            "INSERT INTO tx_policy (tx, ordinal, name, sha256) VALUES (?1, ?2, ?3, ?4)",
            params![id.0, ordinal, policy.name, policy.sha256],
        )?;
    }
    for (ordinal, unit) in prepared.units.iter().enumerate() {
        insert_unit(sql, id, ordinal, unit)?;
    }
    Ok(())
}

fn insert_unit(
    sql: &Transaction<'_>,
    id: TransactionId,
    ordinal: usize,
    unit: &Unit,
) -> rusqlite::Result<()> {
    sql.execute(
        "INSERT INTO tx_unit (tx, ordinal, path, action, slot, old_inode, old_digest, old_bytes, new_inode, new_digest, new_bytes)
         VALUES (:tx, :ordinal, :path, :action, :slot, :old_inode, :old_digest, :old_bytes, :new_inode, :new_digest, :new_bytes)",
        named_params! {
            ":tx": id.0,
            ":ordinal": i64::try_from(ordinal).unwrap_or(i64::MAX),
            ":path": unit.path,
            ":action": unit.action.as_str(),
            ":slot": unit.slot.0,
            ":old_inode": unit.old.map(|tree| inode_column(tree.inode)),
            ":old_digest": unit.old.map(|tree| tree.digest),
            ":old_bytes": unit.old.map_or(0, |tree| to_column(tree.bytes)),
            ":new_inode": unit.new.map(|tree| inode_column(tree.inode)),
            ":new_digest": unit.new.map(|tree| tree.digest),
            ":new_bytes": unit.new.map_or(0, |tree| to_column(tree.bytes)),
        },
    )?;
    Ok(())
}

/// Inode numbers are 64 bits without a sign; the column keeps the bits.
pub(super) const fn inode_column(inode: u64) -> i64 {
    inode.cast_signed()
}

fn insert_change_set(sql: &Transaction<'_>, id: TransactionId, origin: &str) -> Result<i64> {
    sql.execute(
        "INSERT INTO change_set (tx, origin) VALUES (?1, ?2)",
        params![id.0, origin],
    )
    .context("record changes")?;
    Ok(sql.last_insert_rowid())
}

/// Gives all rows of a kind in staging.
type EachRow<'a> = dyn FnMut(EachChange<'_>) -> Result<()> + 'a;

/// Columns of a change row.
const CHANGES: &str = "INSERT OR FAIL INTO tx_change (change_set, path, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256)";

/// Records each path that the plan changes.
fn insert_plan(sql: &Transaction<'_>, set: i64, staging: &Staging) -> Result<()> {
    let action = "record changes";
    let mut batch = Batch::new(sql, CHANGES, 9).context(action)?;
    staging.for_each_planned(&mut |planned| {
        let Planned {
            path,
            change,
            old,
            new,
        } = planned;
        if *change == "unchanged" {
            return Ok(());
        }
        let (old, new) = (columns(*old), columns(*new));
        let row: [&dyn ToSql; 9] = [
            &set, path, change, &old.0, &old.1, &old.2, &new.0, &new.1, &new.2,
        ];
        batch.add(&row).context(action)
    })?;
    batch.finish().context(action)
}

type Columns<'r> = (Option<&'r str>, Option<i64>, Option<&'r [u8]>);

fn columns(side: Option<Side<'_>>) -> Columns<'_> {
    side.map_or((None, None, None), |side| {
        (Some(side.kind), Some(side.bytes), side.sha256)
    })
}

fn copy_rows(sql: &Transaction<'_>, set: i64, each: &mut EachRow<'_>) -> Result<()> {
    let action = "record changes";
    let mut batch = Batch::new(sql, CHANGES, 9).context(action)?;
    each(&mut |row| batch.add_copy(set, row).context(action))?;
    batch.finish().context(action)
}

fn insert_effects(sql: &Transaction<'_>, id: TransactionId, effects: &[(i64, bool)]) -> Result<()> {
    for (set, in_effect) in effects {
        let row = params![id.0, set, in_effect];
        sql.execute(
            "INSERT INTO tx_effect (by_tx, change_set, in_effect) VALUES (?1, ?2, ?3)",
            row,
        )
        .context("record changes")?;
    }
    Ok(())
}
