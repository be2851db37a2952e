//! What a store's settings decide.

use super::Store;
use crate::config::Settings;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::export::ExportOptions;

impl Store {
    /// Returns the settings that are in effect: those of the store's own file, below and above them
    /// those that it was opened with.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`].
    pub fn settings(&self) -> Result<Settings> {
        let own = Settings::of_store(&self.path)?;
        let above = self.options.overrides.clone();
        Ok(above.over(&own).over(&self.options.defaults))
    }

    /// Returns the options with the layout that is meant.
    pub(super) fn with_layout(&self, options: &ExportOptions) -> Result<ExportOptions> {
        let layout = match options.layout {
            Some(layout) => Some(layout),
            None => self.settings()?.layout(),
        };
        Ok(ExportOptions {
            layout,
            ..options.clone()
        })
    }
}
