//! Packs as files: one ZIP with one root directory and a manifest.

use serde::Serialize;

/// How a pack lays out its manifest and content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Layout {
    /// `ROOT/_._ovpack_manifest.json` beside escaped content; `format_version` 2.
    #[default]
    #[serde(rename = "v2")]
    V2Flat,
}

impl Layout {
    /// Returns the layout's name on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2Flat => "v2",
        }
    }
}
