//! The text of a document: what its record says, or the beginning of its file.

use super::fill::Wanted;
use crate::digest::{Digest, Hasher};
use crate::fsops::Dir;
use crate::record::{self, TEXT_BYTES_MAX};

/// Bytes of a file whose words are indexed: its beginning says what it is about, and where it is a
/// book the rest would cost more than it helps.
pub(super) const BODY_BYTES_MAX: usize = 256 << 10;
/// Largest file that is read: all of it must be, to know that it is what the commit left.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The text of a document, as far as it is known.
pub(super) struct Text {
    pub(super) body: String,
    /// Whether the file was what the commit left.
    pub(super) is_read: bool,
}

/// Reads what a document says: the text of its record, or the file.
pub(super) fn read_text(live: &Dir, wanted: &Wanted, buffer: &mut [u8]) -> Text {
    let known = |body: String| Text {
        body,
        is_read: true,
    };
    if let Some(text) = &wanted.text {
        return known(text.clone());
    }
    let (path, bytes_max) = match wanted.level {
        2 => (wanted.path.clone(), FILE_BYTES_MAX),
        level => (record::describing(&wanted.path, level), TEXT_BYTES_MAX),
    };
    let Some(content) = wanted.content else {
        return known(String::new());
    };
    if wanted.bytes > bytes_max {
        return known(String::new());
    }
    match read_verified(live, &path, content, buffer) {
        Some(bytes) => known(as_text(&bytes)),
        None => Text {
            body: String::new(),
            is_read: false,
        },
    }
}

/// Returns the beginning of a file, if all of it is what its digest says. Whatever else is there is
/// drift, which status tells.
fn read_verified(live: &Dir, path: &str, content: Digest, buffer: &mut [u8]) -> Option<Vec<u8>> {
    let mut file = live.open_steady(path).ok()?;
    if file.stat().size_bytes > FILE_BYTES_MAX {
        return None;
    }
    let (mut hasher, mut bytes) = (Hasher::default(), Vec::new());
    let read = file.read(buffer, &mut |piece| {
        hasher.update(piece);
        let room = BODY_BYTES_MAX.saturating_sub(bytes.len());
        bytes.extend_from_slice(piece.get(..room).unwrap_or(piece));
        Ok(())
    });
    (read.is_ok() && hasher.finish() == content).then_some(bytes)
}

/// Returns bytes as text, where they are one: UTF-8, maybe cut in a character, without zeros.
fn as_text(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => "",
    };
    if text.contains('\0') {
        String::new()
    } else {
        text.to_owned()
    }
}
