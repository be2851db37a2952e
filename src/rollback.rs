//! Rollback: one more transaction that exchanges the replaced tree back.

use crate::control::Control;

/// How a transaction is rolled back.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// Roll back although live files drifted; what drifted stays in the slot.
    pub force: bool,
    /// Rehearse: look for conflicts, change nothing.
    pub dry_run: bool,
    /// Watches and stops the act.
    pub control: Control,
}
