//! How long a caller's interrupt ends a statement.

use super::Staging;
use crate::control::Control;
use crate::db;
use crate::error::Result;

impl Staging {
    /// Lets the caller interrupt statements, until [`Self::heed_no_more`].
    ///
    /// After [`Error::Interrupted`](crate::Error::Interrupted) the rows are not to be used any more.
    pub(crate) fn heed(&mut self, control: &Control) -> Result<()> {
        self.heed = Some(db::heed(&mut self.connection, control)?);
        Ok(())
    }

    /// Lets statements run to their end: what is committed is told, whoever interrupts.
    pub(crate) fn heed_no_more(&self) {
        if let Some(heed) = &self.heed {
            heed.end();
        }
    }
}
