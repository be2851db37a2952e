//! Export and backup: live tree to pack.

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::control::Control;
use crate::digest::Digest;
use crate::pack::Layout;
use crate::uri::Uri;

/// How a tree is packed.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// The pack's layout.
    pub layout: Layout,
    /// Replace an existing file.
    pub force: bool,
    /// Watches and stops the act.
    pub control: Control,
}

/// What was packed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// The pack file, with the name that it got.
    pub file: Utf8PathBuf,
    /// The packed root; `viking://` for a backup.
    pub uri: Uri,
    /// Its layout.
    pub layout: Layout,
    /// Files in it.
    pub files: u64,
    /// Directories in it, the root included.
    pub directories: u64,
    /// Bytes of its files, unpacked.
    pub bytes: u64,
    /// Bytes of the pack file.
    pub pack_bytes: u64,
    /// Digest of the file inventory.
    pub content_sha256: Digest,
    /// Digest of the pack file.
    pub sha256: Digest,
    /// Internal files that stay out of packs, by URI.
    pub left_out: Vec<String>,
}

pub(crate) fn export(_: &crate::fsops::Dir, uri: &Uri, _: &camino::Utf8Path, _: &ExportOptions, _: Option<&mut crate::stat_cache::StatCache>) -> crate::error::Result<ExportReport> {
    Err(crate::error::Error::UriNotFound { uri: uri.clone() })
}

pub(crate) fn backup(_: &crate::fsops::Dir, _: &camino::Utf8Path, _: &ExportOptions, _: Option<&mut crate::stat_cache::StatCache>) -> crate::error::Result<ExportReport> {
    Err(crate::error::Error::UriNotFound { uri: Uri::root() })
}
