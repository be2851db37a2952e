//! How a pack is imported or restored.

use std::str::FromStr;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::jobs::Jobs;
use crate::limits::Limits;
use crate::selection::Selection;

/// What happens where the target root exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// Refuse, and change nothing.
    #[default]
    Fail,
    /// The new root replaces the old one entirely.
    Overwrite,
    /// The pack's paths are added or replaced; all others stay. An extension: OpenViking has it not.
    Merge,
    /// Leave it as it is; the pack is verified all the same.
    Skip,
}

impl OnConflict {
    /// Returns the policy's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Overwrite => "overwrite",
            Self::Merge => "merge",
            Self::Skip => "skip",
        }
    }
}

impl FromStr for OnConflict {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "fail" => Ok(Self::Fail),
            "overwrite" => Ok(Self::Overwrite),
            "merge" => Ok(Self::Merge),
            "skip" => Ok(Self::Skip),
            _ => Err(Error::InvalidArgument {
                argument: "on_conflict",
                value: text.to_owned(),
                expected: "fail, overwrite, merge or skip",
            }),
        }
    }
}

/// How a pack is imported or restored.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// What happens where the target root exists.
    pub on_conflict: OnConflict,
    /// Which paths of the pack are taken. The pack is verified as a whole all the same; what is not
    /// taken is neither written nor counted, and a scope of which nothing is taken is left alone. Not
    /// together with [`OnConflict::Overwrite`], which replaces everything.
    pub selection: Selection,
    /// Rehearse: check and plan, change nothing.
    pub dry_run: bool,
    /// Bounds on what the pack may ask for.
    pub limits: Limits,
    /// Files with policies that the pack must keep, beside those of the store.
    pub policies: Vec<Utf8PathBuf>,
    /// What the journal calls the pack, where its path says nothing, as that of an upload.
    pub pack_name: Option<String>,
    /// How many threads unpack; what is written and found does not depend on it.
    pub jobs: Jobs,
    /// Watches and stops the act.
    pub control: Control,
}
