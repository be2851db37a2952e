//! A whole pack: all that an import asks of it before it looks at its target.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::num::NonZeroUsize;
use std::sync::Mutex;

use camino::Utf8Path;
use serde_json::Value;
use zip::ZipArchive;

use super::{LIMITS, MemoryFile, assert_same_digest, content_path, read_or_refused, recipe};
use crate::checks::Phase;
use crate::control::Control;
use crate::digest::Digest;
use crate::entry_path::EntryPath;
use crate::error::Result;
use crate::fsops::Stat;
use crate::intake::{ByteSink, Destination, Intake};
use crate::jobs::Jobs;
use crate::pack::Place;
use crate::staging::Staging;
use crate::verify::{VerifyOptions, verify};

/// Bytes as a pack, or, where they do not begin like a ZIP, as a recipe of one: all that an import
/// asks of a pack alone.
///
/// Promises that every byte of what is accepted is exactly as declared.
///
/// # Panics
/// Where that is not so.
pub fn pack(bytes: &[u8]) {
    let made;
    let bytes = if bytes.starts_with(b"PK") {
        bytes
    } else {
        made = recipe::pack_of(bytes);
        &made
    };
    let file = MemoryFile::of(bytes);
    let Some((intake, taken)) = read_or_refused(accept(&file.path)) else {
        return;
    };
    ensure_as_declared(bytes, &taken);
    let options = VerifyOptions {
        limits: LIMITS,
        ..VerifyOptions::default()
    };
    let report = verify(&file.path, &options).expect("it was accepted before");
    assert_eq!(report.files, taken.len() as u64);
    assert_eq!(report.sha256, Digest::of(bytes));
    assert_eq!(report.content_sha256, intake.head.content_sha256);
}

/// What a pack's bytes turned out to be.
#[derive(Debug, Default)]
struct Taken {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Destination for Taken {
    fn takes(&self, _: &EntryPath, _: &Staging) -> Result<bool> {
        Ok(true)
    }

    fn sink(&self) -> Box<dyn ByteSink + '_> {
        Box::new(Taking {
            taken: self,
            path: EntryPath::root(),
            content: Vec::new(),
        })
    }
}

/// A file while it is taken.
struct Taking<'t> {
    taken: &'t Taken,
    path: EntryPath,
    content: Vec<u8>,
}

impl ByteSink for Taking<'_> {
    fn begin(&mut self, path: &EntryPath) -> Result<()> {
        self.path = path.clone();
        self.content.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.content.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Stat>> {
        let content = std::mem::take(&mut self.content);
        let mut files = self.taken.files.lock().expect("nobody panicked");
        let before = files.insert(self.path.to_string(), content);
        assert_eq!(before, None, "a path is read once");
        Ok(None)
    }
}

fn accept(path: &Utf8Path) -> Result<(Intake, BTreeMap<String, Vec<u8>>)> {
    let control = Control::default();
    let taken = Taken::default();
    let jobs = Jobs::new(NonZeroUsize::MIN);
    let intake = Intake::take(path, &LIMITS, jobs, Staging::make(None)?, &control)?;
    intake.ensure(Phase::Manifest)?;
    intake.read_bytes(&taken, None, &control)?;
    Ok((intake, taken.files.into_inner().expect("nobody panicked")))
}

/// Holds the pack against its manifest by other means than those that accepted it.
fn ensure_as_declared(bytes: &[u8], taken: &BTreeMap<String, Vec<u8>>) {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("a ZIP");
    let (mut files, mut directories, mut text) = (BTreeMap::new(), Vec::new(), Vec::new());
    let is_flat = archive.file_names().any(|name| {
        let name = name.expect("a name");
        name.split_once('/')
            .is_some_and(|(_, below)| below == Place::Flat.manifest_name())
    });
    let place = if is_flat { Place::Flat } else { Place::Files };
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).expect("a member");
        let name = member.name().expect("a name").into_owned();
        let (_, below) = name.split_once('/').expect("below a root");
        let mut content = Vec::new();
        member.read_to_end(&mut content).expect("whole");
        if below == place.manifest_name() {
            text = content;
        } else if let Some(path) = content_path(place, below) {
            if below.is_empty() || below.ends_with('/') {
                directories.push(path);
            } else {
                files.insert(path, content);
            }
        }
    }
    assert_eq!(&files, taken);
    let value: Value = serde_json::from_slice(&text).expect("JSON");
    let mut inventory = BTreeMap::new();
    let mut claimed_directories = Vec::new();
    for entry in value["entries"].as_array().expect("a list") {
        let path = entry["path"].as_str().expect("a text");
        if entry["kind"] == "directory" {
            claimed_directories.push(path.to_owned());
            continue;
        }
        let content = files.get(path).expect("a file that is there");
        assert_same_digest(&entry["sha256"], Digest::of(content));
        assert_eq!(entry["size"], content.len());
        let item = (Digest::of(content).to_string(), content.len());
        assert_eq!(inventory.insert(path, item), None, "a path is listed once");
    }
    assert_eq!(inventory.len(), files.len());
    directories.sort();
    claimed_directories.sort();
    assert_eq!(directories, claimed_directories);
    let digest = recipe::inventory_digest(inventory.into_iter());
    assert_same_digest(&value["content_sha256"], digest);
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = r#"{"kind":"openviking.ovpack","format_version":2,
        "root":{"name":"d","uri":"viking://resources/d","scope":"resources"},
        "entries":[{"path":"","kind":"directory"},{"path":".a","kind":"file","size":#0,"sha256":"$0"}],
        "content_sha256":"$="}|d/_._a|some text|d/||d/_._ovpack_manifest.json|"#;

    fn pack_of(recipe: &str) -> Vec<u8> {
        let parts: Vec<_> = recipe.split('|').map(str::as_bytes).collect();
        recipe::pack_of(&parts.join(&0xff))
    }

    fn accepted(recipe: &str) -> Result<BTreeMap<String, Vec<u8>>> {
        let file = MemoryFile::of(&pack_of(recipe));
        accept(&file.path).map(|(_, taken)| taken)
    }

    #[test]
    fn a_right_recipe_makes_a_pack_that_is_accepted() {
        let files = accepted(RECIPE).expect("a good pack");
        assert_eq!(files, BTreeMap::from([(".a".into(), b"some text".into())]));
    }

    #[test]
    fn a_wrong_recipe_makes_a_pack_that_is_refused() {
        for (right, wrong) in [
            ("#0", "8"),
            ("$0", "$1"),
            ("$=", "$0"),
            ("|d/|", "|d/b/|"),
            ("|d/_._a|", "|d/a|"),
        ] {
            assert!(RECIPE.contains(right));
            let read = accepted(&RECIPE.replace(right, wrong));
            assert!(read_or_refused(read).is_none(), "{right}");
        }
    }

    #[test]
    fn a_pack_that_is_not_as_declared_breaks_the_promise() {
        let pack = pack_of(RECIPE);
        let files = BTreeMap::from([(".a".to_owned(), b"some text".to_vec())]);
        ensure_as_declared(&pack, &files);
        let other = BTreeMap::from([(".a".to_owned(), b"some next".to_vec())]);
        let broken = std::panic::catch_unwind(|| ensure_as_declared(&pack, &other));
        assert!(broken.is_err());
    }
}
