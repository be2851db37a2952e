//! Which replaced trees are kept.

use super::Store;
use crate::control::Control;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::id::TransactionId;
use crate::prune::{self, PinReport, PruneOptions, PruneReport};

impl Store {
    /// Deletes replaced trees that are neither pinned nor kept by an option, and says of each slot
    /// why it is kept or freed. The rollbacks that need them are gone for good; the journal and the
    /// live tree stay as they are. Durable when this returns.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where no option says what is kept, [`Error::Busy`];
    /// [`Error::PruneUnfinished`] where it is decided, but a tree could not be deleted.
    pub fn prune(&self, options: &PruneOptions) -> Result<PruneReport> {
        if options.dry_run {
            return prune::rehearse(&self.reader()?.journal, options);
        }
        prune::run(&mut self.writer(&options.control)?, options)
    }

    /// Keeps the trees that a rollback of `tx` needs, whatever a prune is told. Durable when this
    /// returns.
    ///
    /// # Errors
    /// [`Error::TransactionNotFound`], [`Error::NotInEffect`] where it was never committed or moved
    /// nothing, [`Error::SlotPruned`], [`Error::Busy`].
    pub fn pin(&self, tx: TransactionId) -> Result<PinReport> {
        prune::set_pinned(&mut self.writer(&Control::default())?, tx, true)
    }

    /// Lets a prune decide again about the trees that a rollback of `tx` needs. Durable when this
    /// returns.
    ///
    /// # Errors
    /// As [`Self::pin`].
    pub fn unpin(&self, tx: TransactionId) -> Result<PinReport> {
        prune::set_pinned(&mut self.writer(&Control::default())?, tx, false)
    }
}
