//! Pin and unpin: slots that no prune may free.

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::id::{SlotId, TransactionId};
use crate::journal::TransactionKind;
use crate::journal::retention::{SlotChange, SlotDecisionRow};
use crate::session::Session;

/// A slot that a rollback of the transaction needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PinnedSlot {
    /// The slot.
    pub slot: SlotId,
    /// The unit's path below the live root, `""` for all of it.
    pub path: Utf8PathBuf,
    /// Bytes of the files in its tree; 0 where it holds none.
    pub bytes: u64,
}

/// What a pin or an unpin did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PinReport {
    /// The transaction that records it; `None` where nothing had to change.
    pub transaction: Option<TransactionId>,
    /// The transaction whose slots it is about.
    pub of: TransactionId,
    /// Whether they are pinned now.
    pub pinned: bool,
    /// Its slots.
    pub slots: Vec<PinnedSlot>,
}

/// Pins or unpins the slots of a committed transaction; durable when this returns.
pub(crate) fn set_pinned(
    session: &mut Session,
    of: TransactionId,
    is_pinned: bool,
) -> Result<PinReport> {
    let row = session.journal.transaction(of)?;
    let units = session.journal.units(of)?;
    if let Some(state) = row.why_nothing_to_undo() {
        return Err(Error::NotInEffect { tx: of, state });
    }
    let mut slots = Vec::new();
    let mut rows = Vec::new();
    let (kind, change) = if is_pinned {
        (TransactionKind::Pin, SlotChange::Pinned)
    } else {
        (TransactionKind::Unpin, SlotChange::Unpinned)
    };
    for unit in units {
        let slot = session.journal.slot(unit.slot)?;
        let Some(slot) = slot.filter(|slot| slot.state == "held") else {
            let slot = unit.slot.to_string();
            return Err(Error::SlotPruned { tx: of, slot });
        };
        if slot.is_pinned != is_pinned {
            rows.push(SlotDecisionRow {
                slot: unit.slot,
                change,
                reason: format!("{} {of}", kind.as_str()),
                bytes: slot.bytes,
            });
        }
        slots.push(PinnedSlot {
            slot: unit.slot,
            path: Utf8PathBuf::from(unit.path),
            bytes: slot.bytes,
        });
    }
    let transaction = if rows.is_empty() {
        None
    } else {
        Some(super::conclude(session, kind, &row.uri, &rows)?)
    };
    Ok(PinReport {
        transaction,
        of,
        pinned: is_pinned,
        slots,
    })
}
