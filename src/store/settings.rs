//! What a store's settings decide.

use super::Store;
use crate::config::Config;
use crate::error::Result;
use crate::export::ExportOptions;

impl Store {
    /// Returns the options with the layout that is meant.
    pub(super) fn with_layout(&self, options: &ExportOptions) -> Result<ExportOptions> {
        let layout = match options.layout {
            Some(layout) => Some(layout),
            None => Config::read(self.reader()?.layout.control())?.layout,
        };
        Ok(ExportOptions {
            layout,
            ..options.clone()
        })
    }
}
