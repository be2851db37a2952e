//! Packs as files: one ZIP with one root directory and a manifest.
//!
//! ```text
//! PACK -> end -> directory (header, record, extra, coverage, third_reader) -> member_name -> rows of the caller
//!                inflate   -> manifest (manifest_entry, index_record, json, reading) -> rows of the caller
//! PACK <- writer (deflating, zip_records) <- member_name, manifest_writer <- rows of the caller
//! ```
//!
//! [`reader::PackReader`] and [`writer::PackWriter`] are the doors. Nothing here holds more of a
//! pack than one record of it.

mod coverage;
mod deflating;
mod directory;
mod end;
mod extra;
mod header;
mod index_record;
mod inflate;
pub(crate) mod inventory;
mod json;
pub(crate) mod manifest;
mod manifest_entry;
pub(crate) mod manifest_writer;
pub(crate) mod member;
pub(crate) mod member_name;
mod pack_file;
pub(crate) mod reader;
mod reading;
mod record;
#[cfg(test)]
mod tests;
mod third_reader;
pub(crate) mod writer;
mod zip_records;

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

    /// Returns the `format_version` that its manifest has.
    pub(crate) const fn format_version(self) -> i64 {
        match self {
            Self::V2Flat => 2,
        }
    }

    /// Returns the manifest's member name below the ROOT, as it stands in the ZIP.
    pub(crate) const fn manifest_name(self) -> &'static str {
        match self {
            Self::V2Flat => "_._ovpack_manifest.json",
        }
    }

    /// Returns whether components that begin with a dot are escaped in member names.
    pub(crate) const fn escapes_names(self) -> bool {
        match self {
            Self::V2Flat => true,
        }
    }

    /// Returns whether a path component names what the layout, or `OpenViking`, keeps for itself.
    pub(crate) fn is_reserved(self, component: &str) -> bool {
        match self {
            Self::V2Flat => matches!(component, ".relations.json" | ".ovpack_manifest.json"),
        }
    }
}
