//! Recovery: settle what a crash left.

use serde::Serialize;

use crate::id::TransactionId;

/// Which way a transaction in doubt is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the new tree.
    Forward,
    /// To the old tree.
    Back,
}

/// How recovery decides.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecoverOptions {
    /// For a transaction in doubt only: what the operator decided.
    pub direction: Option<Direction>,
}

/// How one transaction was settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// The transaction.
    pub transaction: TransactionId,
    /// `committed` or `aborted`.
    pub outcome: &'static str,
}

/// What recovery did; nothing where the store was whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecoverReport {
    /// The transactions that a crash had left open, oldest first.
    pub settled: Vec<Settled>,
}
