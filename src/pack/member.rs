//! A member: one file or directory of a pack, and where its bytes are.

use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};

/// How a member's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// As they are.
    Stored,
    /// As a raw deflate stream.
    Deflate,
}

impl Method {
    /// Returns the method of that code in a ZIP header.
    pub(crate) const fn from_code(code: u16) -> Option<Self> {
        match code {
            0 => Some(Self::Stored),
            8 => Some(Self::Deflate),
            _ => None,
        }
    }

    /// Returns its code in a ZIP header.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Deflate => 8,
        }
    }
}

/// Where a member's bytes are, and what its headers promise of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberLocation {
    /// Offset of its local header.
    pub(crate) header_offset: u64,
    /// Offset of its packed bytes.
    pub(crate) data_offset: u64,
    /// Length of its packed bytes; they lie within the pack.
    pub(crate) compressed_bytes: u64,
    /// Length of its unpacked bytes; at most 2^63-1, not checked before they are read.
    pub(crate) size_bytes: u64,
    /// CRC-32 of its unpacked bytes, not checked before they are read.
    pub(crate) crc32: u32,
    /// How they are packed.
    pub(crate) method: Method,
}

/// A content member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its place in the pack's directory, from 0; the manifest has one too.
    pub(crate) ordinal: u64,
    /// Its path below the root, unescaped.
    pub(crate) path: EntryPath,
    /// File or directory, by the slash at the end of its name.
    pub(crate) kind: EntryKind,
    /// Where its bytes are.
    pub(crate) location: MemberLocation,
}

/// What a member's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// How many they are.
    pub(crate) size_bytes: u64,
    /// Their digest.
    pub(crate) sha256: Digest,
}
