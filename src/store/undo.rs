//! The acts that take others back: rehearsal, redo, and reverting single paths.

use super::Store;
use crate::error::Result;
use crate::id::TransactionId;
use crate::revert;
use crate::rollback::{self, RollbackOptions, RollbackRehearsal};
use crate::transaction::Receipt;
use crate::uri::Uri;

impl Store {
    /// Looks for everything that would keep a rollback from succeeding, and changes nothing.
    ///
    /// # Errors
    /// [`crate::Error::TransactionNotFound`] and [`crate::Error::NotInEffect`], where there is
    /// nothing to look at; all else is among the obstacles of the answer.
    pub fn rehearse_rollback(
        &self,
        tx: TransactionId,
        options: &RollbackOptions,
    ) -> Result<RollbackRehearsal> {
        let reader = self.reader()?;
        rollback::rehearse(&reader.layout, &reader.journal, reader.cache(), tx, options)
    }

    /// Returns the rollback that [`Self::redo`] takes back: `tx`, or else the newest one in effect
    /// that nothing lies over. Changes nothing.
    ///
    /// # Errors
    /// [`crate::Error::NothingToRedo`], [`crate::Error::LaterTransactions`] where something lies
    /// over each, [`crate::Error::TransactionNotFound`].
    pub fn to_redo(&self, tx: Option<TransactionId>) -> Result<TransactionId> {
        let reader = self.reader()?;
        rollback::to_redo(&reader.layout, &reader.journal, tx)
    }

    /// Brings some paths back as they were before a transaction, and leaves everything else as it is;
    /// durable when this returns. It is a commit of its own, and can be rolled back.
    ///
    /// Files are copied, with shared blocks where the file system can; the transaction's slot keeps
    /// what it holds.
    ///
    /// # Errors
    /// [`crate::Error::NotInEffect`], [`crate::Error::NotInTransaction`] for a path outside of its
    /// roots, [`crate::Error::UriNotFound`] for one that neither was nor is there,
    /// [`crate::Error::Drift`] where the paths drifted, [`crate::Error::SlotPruned`],
    /// [`crate::Error::SlotDamaged`], [`crate::Error::TooLargeForDisk`].
    pub fn revert(
        &self,
        tx: TransactionId,
        paths: &[Uri],
        options: &RollbackOptions,
    ) -> Result<Receipt> {
        if options.dry_run {
            return or_first_obstacle(self.rehearse_revert(tx, paths, options)?);
        }
        revert::run(&mut self.writer(&options.control)?, tx, paths, options)
    }

    /// Looks for everything that would keep a revert from succeeding, and changes nothing.
    ///
    /// # Errors
    /// As [`Self::rehearse_rollback`]; and [`crate::Error::NotInTransaction`],
    /// [`crate::Error::UriNotFound`].
    pub fn rehearse_revert(
        &self,
        tx: TransactionId,
        paths: &[Uri],
        options: &RollbackOptions,
    ) -> Result<RollbackRehearsal> {
        let reader = self.reader()?;
        let (layout, journal) = (&reader.layout, &reader.journal);
        revert::rehearse(layout, journal, reader.cache(), tx, paths, options)
    }

    /// Takes a rollback back, by a rollback of it; durable when this returns.
    ///
    /// # Errors
    /// As [`Self::to_redo`] and [`Self::rollback`].
    pub fn redo(&self, tx: Option<TransactionId>, options: &RollbackOptions) -> Result<Receipt> {
        if options.dry_run {
            return self.rollback(self.to_redo(tx)?, options);
        }
        let mut session = self.writer(&options.control)?;
        let tx = rollback::to_redo(&session.layout, &session.journal, tx)?;
        rollback::run(&mut session, tx, options)
    }
}

/// Returns what would be done, or the first thing that is in the way.
pub(super) fn or_first_obstacle(rehearsal: RollbackRehearsal) -> Result<Receipt> {
    match rehearsal.obstacles.into_iter().next() {
        Some(obstacle) => Err(obstacle),
        None => Ok(rehearsal.receipt),
    }
}
