//! Making a store with settings of its own.

use camino::Utf8Path;

use super::{OpenOptions, Store, provenance};
use crate::error::Result;
use crate::init::{self, InitOptions};

impl Store {
    /// Makes a store with settings of its own; otherwise as [`Self::init`].
    ///
    /// # Errors
    /// As [`Self::init`].
    pub fn init_with(
        path: &Utf8Path,
        settings: InitOptions,
        options: &OpenOptions,
    ) -> Result<Self> {
        init::init(path, settings)?;
        Self::open(path, options)
    }

    /// Makes a directory that holds scope directories a store with settings of its own; otherwise
    /// as [`Self::adopt`].
    ///
    /// # Errors
    /// As [`Self::adopt`].
    pub fn adopt_with(
        path: &Utf8Path,
        settings: InitOptions,
        options: &OpenOptions,
    ) -> Result<Self> {
        init::adopt(
            path,
            settings,
            (options.wait, options.while_running),
            provenance(options),
        )?;
        Self::open(path, options)
    }
}
