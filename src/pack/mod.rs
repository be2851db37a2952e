//! Packs as files: one ZIP with one root directory and a manifest.
//!
//! ```text
//! PACK -> end -> directory (header, record, extra, coverage, third_reader) -> member_name -> rows of the caller
//!                unpacker (whole, inflate) -> what members hold
//!                inflate   -> json_stream (json_extent, window, json) -> manifest (manifest_entry, index_claims, index_record, scalars, reading) -> rows of the caller
//!                          -> window -> record_lines (index_record, scalars, json_extent, json, reading) -> rows of the caller
//! PACK -> fragment (record, extra, inflate, manifest) -> rows of who salvages
//! PACK <- writer (streaming, workers, deflater, zip_records) <- member_name, manifest_writer, record_writer <- rows of the caller
//! ```
//!
//! [`reader::PackReader`] and [`writer::PackWriter`] are the doors. Nothing here holds more of a
//! pack than one record of it.

mod coverage;
pub(crate) mod deflater;
mod directory;
mod end;
mod extra;
pub(crate) mod fragment;
mod header;
pub(crate) mod index_claims;
mod index_reader;
mod index_record;
mod inflate;
pub(crate) mod inventory;
mod json;
mod json_extent;
mod json_stream;
mod level;
pub(crate) mod manifest;
mod manifest_entry;
mod manifest_reader;
pub(crate) mod manifest_writer;
pub(crate) mod member;
pub(crate) mod member_name;
mod pack_file;
pub(crate) mod reader;
mod reading;
mod record;
pub(crate) mod record_lines;
pub(crate) mod record_writer;
mod scalars;
mod streaming;
#[cfg(test)]
mod tests;
mod third_reader;
pub(crate) mod unpacker;
mod whole;
mod window;
pub(crate) mod workers;
pub(crate) mod writer;
mod zip_records;

use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::uri::Scope;

pub use level::Level;

/// How a pack lays out its manifest and content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Layout {
    /// `ROOT/_._ovpack_manifest.json` beside escaped content; `format_version` 2.
    #[default]
    #[serde(rename = "v2")]
    V2Flat,
    /// `ROOT/_ovpack/manifest.json` beside `ROOT/files/`; `format_version` 2.
    #[serde(rename = "v2-files")]
    V2Files,
    /// As [`V2Files`](Self::V2Files), with `format_version` 3 and the ids of users.
    #[serde(rename = "v3")]
    V3,
}

impl Layout {
    /// All layouts, oldest first.
    pub const ALL: [Self; 3] = [Self::V2Flat, Self::V2Files, Self::V3];

    /// Returns the layout's name on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2Flat => "v2",
            Self::V2Files => "v2-files",
            Self::V3 => "v3",
        }
    }

    /// Returns the `format_version` that its manifest has.
    pub(crate) const fn format_version(self) -> i64 {
        match self {
            Self::V2Flat | Self::V2Files => 2,
            Self::V3 => 3,
        }
    }

    /// Returns where it keeps its manifest and content.
    pub(crate) const fn place(self) -> Place {
        match self {
            Self::V2Flat => Place::Flat,
            Self::V2Files | Self::V3 => Place::Files,
        }
    }

    /// Returns the scopes that a backup in this layout carries.
    pub(crate) const fn backup_scopes(self) -> &'static [Scope] {
        match self {
            Self::V2Flat | Self::V2Files => &Scope::ALL,
            Self::V3 => &[Scope::Resources, Scope::User],
        }
    }

    /// Returns whether a manifest and its records name the user whose each entry is.
    pub(crate) const fn names_users(self) -> bool {
        matches!(self, Self::V3)
    }
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = Self::ALL.into_iter().find(|layout| layout.as_str() == text);
        named.ok_or_else(|| Error::InvalidArgument {
            argument: "layout",
            value: text.to_owned(),
            expected: "v2, v2-files or v3",
        })
    }
}

/// Where a pack keeps its manifest and content: all that member names tell of its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Both below the ROOT, so that names are escaped.
    Flat,
    /// Content below `files/`, all else below `_ovpack/`.
    Files,
}

impl Place {
    /// Returns the layout that has this place and a manifest of this `format_version`.
    pub(crate) fn layout(self, format_version: i64) -> Option<Layout> {
        Layout::ALL
            .into_iter()
            .find(|layout| layout.place() == self && layout.format_version() == format_version)
    }

    /// Returns the newest layout at this place.
    pub(crate) const fn newest_layout(self) -> Layout {
        match self {
            Self::Flat => Layout::V2Flat,
            Self::Files => Layout::V3,
        }
    }

    /// Returns the manifest's member name below the ROOT, as it stands in the ZIP.
    pub(crate) const fn manifest_name(self) -> &'static str {
        match self {
            Self::Flat => "_._ovpack_manifest.json",
            Self::Files => "_ovpack/manifest.json",
        }
    }

    /// Returns the directory below the ROOT that holds the content; `""` for the ROOT itself.
    pub(crate) const fn content_directory(self) -> &'static str {
        match self {
            Self::Flat => "",
            Self::Files => "files",
        }
    }

    /// Returns how many members a pack has, as we write it, beside one for each entry.
    pub(crate) const fn members_beside_entries(self) -> u64 {
        match self {
            Self::Flat => 1,
            Self::Files => 4,
        }
    }

    /// Returns whether a path component names what the layout, or `OpenViking`, keeps for itself.
    pub(crate) fn is_reserved(self, component: &str) -> bool {
        component == ".relations.json"
            || (self == Self::Flat && component == ".ovpack_manifest.json")
    }
}

/// A member beside the manifest that is no content; only where content lies below `files/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexMember {
    /// The index records, one a line.
    Records,
    /// Their dense vectors.
    Dense,
}

impl IndexMember {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Records, Self::Dense];

    /// Returns its member name below the ROOT, which is its path in the manifest too.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Records => "_ovpack/index_records.jsonl",
            Self::Dense => "_ovpack/dense.f32",
        }
    }

    /// Returns its key in the manifest's `index`.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Dense => "dense",
        }
    }
}
