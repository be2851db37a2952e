//! `content_sha256`: the digest of a file inventory, without holding the inventory.

use std::io::Write as _;

use crate::digest::{Digest, Hasher};

/// The digest of a list of files in the making.
///
/// The digest is that of the JSON text `[{"path":..,"sha256":..,"size":..},..]` without white
/// space; the text itself is never held.
#[derive(Debug, Default)]
pub(crate) struct InventoryHasher {
    hasher: Hasher,
    has_files: bool,
    /// What is said of one file.
    line: Vec<u8>,
}

impl InventoryHasher {
    /// Makes the hasher of an empty inventory.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes one file in. Files must come in code-point order of their paths, which is the order
    /// of their UTF-8 bytes.
    pub(crate) fn add(&mut self, path: &str, sha256: &Digest, size_bytes: u64) {
        self.line.clear();
        self.line.push(if self.has_files { b',' } else { b'[' });
        self.has_files = true;
        self.line.extend_from_slice(b"{\"path\":");
        push_text(&mut self.line, path);
        // There is always room in a list of bytes.
        write!(
            self.line,
            ",\"sha256\":\"{sha256}\",\"size\":{size_bytes}}}"
        )
        .unwrap_or_default();
        self.hasher.update(&self.line);
    }

    /// Returns the digest of all files taken in.
    pub(crate) fn finish(mut self) -> Digest {
        let end: &[u8] = if self.has_files { b"]" } else { b"[]" };
        self.hasher.update(end);
        self.hasher.finish()
    }
}

/// Writes a JSON string: `"`, `\` and what is below U+0020 are escaped, all else is literal.
fn push_text(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    for run in text
        .as_bytes()
        .split_inclusive(|byte| escape_of(*byte).is_some())
    {
        match run.split_last() {
            Some((last, plain)) if escape_of(*last).is_some() => {
                line.extend_from_slice(plain);
                line.extend_from_slice(escape_of(*last).unwrap_or_default().as_bytes());
            }
            _ => line.extend_from_slice(run),
        }
    }
    line.push(b'"');
}

/// Returns how JSON escapes a byte; `None` where it stands for itself.
fn escape_of(byte: u8) -> Option<String> {
    Some(match byte {
        b'"' => "\\\"".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        0x08 => "\\b".to_owned(),
        0x0c => "\\f".to_owned(),
        0..=0x1f => format!("\\u{byte:04x}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        files: BTreeMap<String, String>,
        payload: String,
        content_sha256: Digest,
    }

    #[test]
    fn worked_values_of_the_format_come_out() {
        let text = include_str!("../../fixtures/vectors.json");
        let vectors: Vec<Vector> = serde_json::from_str(text).expect("vectors");
        assert_eq!(vectors.len(), 5);
        for vector in vectors {
            let mut hasher = InventoryHasher::new();
            for (path, content) in &vector.files {
                let size = u64::try_from(content.len()).expect("a size");
                hasher.add(path, &Digest::of(content.as_bytes()), size);
            }
            assert_eq!(Digest::of(vector.payload.as_bytes()), vector.content_sha256);
            assert_eq!(hasher.finish(), vector.content_sha256, "{:?}", vector.files);
        }
    }

    #[test]
    fn every_character_is_escaped_as_json_with_literal_non_ascii_escapes_it() {
        for code in (0..0x300).chain([0x2028, 0xfeff, 0x1f389]) {
            let Some(character) = char::from_u32(code) else {
                continue;
            };
            let path = format!("a{character}b{character}");
            let mut hasher = InventoryHasher::new();
            hasher.add(&path, &Digest::EMPTY, 7);
            let name = serde_json::to_string(&path).expect("JSON");
            let text = format!(
                "[{{\"path\":{name},\"sha256\":\"{}\",\"size\":7}}]",
                Digest::EMPTY
            );
            assert_eq!(hasher.finish(), Digest::of(text.as_bytes()), "U+{code:04X}");
        }
    }
}
