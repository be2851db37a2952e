//! What a member's central and local header may say, and that both say the same.

use super::extra::{Fault, Zip64};
use super::member::{MemberLocation, Method};
use super::record::{CentralHeader, Common, Descriptor, LocalHeader};
use crate::finding::Rule;

/// Bits of the flags that a member may have: deflate's level (1, 2), descriptor (3), UTF-8 (11).
const FLAGS_KNOWN: u16 = 1 << 1 | 1 << 2 | FLAG_DESCRIPTOR | FLAG_UTF8;
/// CRC-32 and sizes follow the data.
pub(super) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// The name is UTF-8.
pub(super) const FLAG_UTF8: u16 = 1 << 11;

/// Systems whose external attributes have a Unix mode in their upper half: Unix and macOS.
const HOSTS_WITH_MODE: [u8; 2] = [3, 19];
const MODE_TYPE: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_DIRECTORY: u32 = 0o040_000;

/// What a central header says, with Zip64 values in place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claims<'a> {
    /// The name as it stands there.
    pub(super) name: &'a [u8],
    flags: u16,
    /// How the data is packed.
    pub(super) method: Method,
    pub(super) crc32: u32,
    pub(super) compressed_bytes: u64,
    pub(super) size_bytes: u64,
    pub(super) header_offset: u64,
}

impl<'a> Claims<'a> {
    /// Judges a central header by itself.
    pub(super) fn of(header: &CentralHeader<'a>) -> Result<Self, Fault> {
        let Common {
            flags,
            method,
            crc32,
            name,
            extra,
            compressed_bytes,
            size_bytes,
        } = header.common;
        let Some(method) = Method::from_code(method) else {
            let detail = format!("method {method}; expected 0 (stored) or 8 (deflate)");
            return Err((Rule::MemberMethod, detail));
        };
        if flags & !FLAGS_KNOWN != 0 {
            let detail = format!("flags {flags:#06x}; only bits 1, 2, 3 and 11 are known");
            return Err((Rule::MemberFlags, detail));
        }
        ensure_plain_type(header)?;
        let mut zip64 = Zip64::find(extra, name)?;
        // The order of APPNOTE 4.5.3.
        let size_bytes = zip64.size(size_bytes)?;
        let compressed_bytes = zip64.size(compressed_bytes)?;
        let header_offset = zip64.size(header.header_offset)?;
        let disk = zip64.disk(header.disk)?;
        zip64.ensure_used_up()?;
        if disk != 0 {
            return Err((
                Rule::MemberHeader,
                format!("it is on disk {disk}; expected 0"),
            ));
        }
        if i64::try_from(size_bytes).is_err() {
            let detail = format!("it unpacks to {size_bytes} bytes, more than any file can have");
            return Err((Rule::MemberHeader, detail));
        }
        if method == Method::Stored && compressed_bytes != size_bytes {
            let detail =
                format!("it is stored, in {compressed_bytes} bytes, and unpacks to {size_bytes}");
            return Err((Rule::MemberHeader, detail));
        }
        Ok(Self {
            name,
            flags,
            method,
            crc32,
            compressed_bytes,
            size_bytes,
            header_offset,
        })
    }

    /// Returns whether the name is said to be UTF-8.
    pub(super) const fn is_utf8(&self) -> bool {
        self.flags & FLAG_UTF8 != 0
    }

    /// Returns the descriptor that must follow the data; `None` where there is none.
    pub(super) const fn descriptor(&self) -> Option<Descriptor> {
        if self.flags & FLAG_DESCRIPTOR == 0 {
            return None;
        }
        Some(Descriptor {
            crc32: self.crc32,
            compressed_bytes: self.compressed_bytes,
            size_bytes: self.size_bytes,
        })
    }

    /// Returns where the data is, which follows the local header.
    pub(super) const fn location(&self, data_offset: u64) -> MemberLocation {
        MemberLocation {
            header_offset: self.header_offset,
            data_offset,
            compressed_bytes: self.compressed_bytes,
            size_bytes: self.size_bytes,
            crc32: self.crc32,
            method: self.method,
        }
    }

    /// Ensures that the local header says the same, and returns whether it has a Zip64 field.
    ///
    /// Before a descriptor the local CRC-32 and sizes are those of the central header, or 0 where
    /// the writer did not know them yet.
    pub(super) fn ensure_same(&self, local: &LocalHeader<'_>) -> Result<bool, Fault> {
        let local = local.common;
        if local.name != self.name {
            let other = String::from_utf8_lossy(local.name);
            let detail = format!("the local header says another name: `{other}`");
            return Err((Rule::MemberHeader, detail));
        }
        let mut zip64 = Zip64::find(local.extra, local.name)?;
        let size_bytes = zip64.size(local.size_bytes)?;
        let compressed_bytes = zip64.size(local.compressed_bytes)?;
        zip64.ensure_used_up()?;
        let may_be_open = self.descriptor().is_some();
        for (what, found, expected, may_be_zero) in [
            ("flags", local.flags.into(), self.flags.into(), false),
            (
                "method",
                local.method.into(),
                self.method.code().into(),
                false,
            ),
            ("CRC-32", local.crc32.into(), self.crc32.into(), may_be_open),
            ("size", size_bytes, self.size_bytes, may_be_open),
            (
                "compressed size",
                compressed_bytes,
                self.compressed_bytes,
                may_be_open,
            ),
        ] {
            if found != expected && !(may_be_zero && found == 0) {
                let detail =
                    format!("{what}: the local header says {found}, the central header {expected}");
                return Err((Rule::MemberHeader, detail));
            }
        }
        Ok(zip64.is_present())
    }
}

/// Unix and macOS say a file's type in its mode; links and special files are refused.
fn ensure_plain_type(header: &CentralHeader<'_>) -> Result<(), Fault> {
    let mode = header.external_attributes >> 16;
    if !HOSTS_WITH_MODE.contains(&header.host)
        || matches!(mode & MODE_TYPE, 0 | MODE_FILE | MODE_DIRECTORY)
    {
        return Ok(());
    }
    let detail = format!("Unix mode {mode:#o} is neither a plain file nor a directory");
    Err((Rule::MemberType, detail))
}
