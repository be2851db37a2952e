//! Packs with bytes changed at random: refused, or exactly what they say.

use std::collections::BTreeMap;

use camino::Utf8Path;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::zip_builder::{pack, zip};
use super::{Read, files_of, read_bytes};
use crate::error::Error;

/// One change of a file.
#[derive(Clone, Debug)]
enum Change {
    /// A byte gets this value.
    Set(prop::sample::Index, u8),
    /// A bit is turned.
    Flip(prop::sample::Index, u8),
    /// A byte comes in.
    Insert(prop::sample::Index, u8),
    /// A byte goes.
    Remove(prop::sample::Index),
    /// A run is copied to another place.
    Copy(prop::sample::Index, prop::sample::Index, usize),
    /// What follows goes.
    Cut(prop::sample::Index),
    /// Four bytes get the value that Zip64 begins at.
    Sentinel(prop::sample::Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Set(at, value) => bytes[at.index(length)] = *value,
            Self::Flip(at, bit) => bytes[at.index(length)] ^= 1 << (bit % 8),
            Self::Insert(at, value) => bytes.insert(at.index(length), *value),
            Self::Remove(at) => drop(bytes.remove(at.index(length))),
            Self::Copy(from, to, run) => {
                let (from, to) = (from.index(length), to.index(length));
                let run = (*run).min(length - from).min(length - to);
                bytes.copy_within(from..from + run, to);
            }
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Sentinel(at) => {
                let at = at.index(length);
                let end = (at + 4).min(length);
                bytes[at..end].fill(0xff);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    use prop::sample::Index;
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Change::Set(at, value)),
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Change::Insert(at, value)),
        1 => any::<Index>().prop_map(Change::Remove),
        2 => (any::<Index>(), any::<Index>(), 1..200_usize)
            .prop_map(|(from, to, run)| Change::Copy(from, to, run)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => any::<Index>().prop_map(Change::Sentinel),
    ]
}

/// The same changes in every run: a fault that is found once is found again.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

/// Whatever is read without a finding is what the members' headers promise, and what a third ZIP
/// reader reads too.
fn ensure_honest(bytes: &[u8], read: &Read) {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a ZIP");
    for (member, content) in read.members.iter().zip(&read.contents) {
        let Ok((observed, content)) = content else {
            continue;
        };
        let length = u64::try_from(content.len()).expect("a length");
        assert_eq!(length, member.location.size_bytes);
        assert_eq!(length, observed.size_bytes);
        assert_eq!(crc32fast::hash(content), member.location.crc32);
        assert_eq!(crate::digest::Digest::of(content), observed.sha256);
    }
    let mut theirs = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).expect("a member");
        let mut content = Vec::new();
        let is_whole = std::io::Read::read_to_end(&mut file, &mut content).is_ok();
        theirs.insert(file.header_start(), is_whole.then_some(content));
    }
    for (member, content) in read.members.iter().zip(&read.contents) {
        let ours = content.as_ref().ok().map(|(_, content)| content);
        match theirs.get(&member.location.header_offset) {
            Some(theirs) if ours.is_some() => assert_eq!(theirs.as_ref(), ours),
            Some(_) => {}
            // It keeps one member of a name.
            None => assert!(archive.has_duplicate_names()),
        }
    }
}

fn ensure_refused_or_honest(bytes: &[u8]) -> Result<(), TestCaseError> {
    match read_bytes(bytes) {
        Ok(read) => ensure_honest(bytes, &read),
        Err(Error::Refused { .. }) => {}
        Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
    }
    Ok(())
}

#[test]
fn changed_bytes_of_a_small_pack_are_refused_or_read_as_they_say() {
    let whole = zip(&pack());
    let changes = prop::collection::vec(change(), 1..4);
    let result = runner(6000).run(&changes, |changes| {
        let mut bytes = whole.clone();
        for change in changes {
            change.apply(&mut bytes);
        }
        ensure_refused_or_honest(&bytes)
    });
    result.expect("no fault");
}

/// The real packs that are small enough for a change to meet more than content.
fn small_packs() -> Vec<(String, Vec<u8>)> {
    let fixtures = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = fixtures.read_dir_utf8().expect("fixtures");
    let packs = files.filter_map(|entry| {
        let path = entry.expect("a fixture").into_path();
        let is_small = path.metadata().expect("a file").len() <= 8 << 10;
        let is_pack = path.extension() == Some("ovpack");
        (is_small && is_pack).then(|| (path.to_string(), std::fs::read(&path).expect("a fixture")))
    });
    packs.collect()
}

#[test]
fn changed_bytes_of_a_real_pack_are_refused_or_read_as_they_say() {
    let packs = small_packs();
    assert_eq!(packs.len(), 25);
    for (path, whole) in packs {
        let changes = prop::collection::vec(change(), 1..4);
        let result = runner(200).run(&changes, |changes| {
            let mut bytes = whole.clone();
            for change in changes {
                change.apply(&mut bytes);
            }
            ensure_refused_or_honest(&bytes)?;
            // Panics where a byte is accepted that the manifest does not declare.
            crate::fuzzing::pack(&bytes);
            Ok(())
        });
        result.expect(&path);
    }
}

#[test]
fn every_single_changed_bit_of_a_small_pack_is_seen_or_means_nothing() {
    let whole = zip(&pack());
    let before = read_bytes(&whole).expect("a good pack");
    let before = files_of(&before);
    for position in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[position] ^= 1 << bit;
            let Ok(read) = read_bytes(&bytes) else {
                continue;
            };
            if read.contents.iter().all(Result::is_ok) && read.audit.findings.is_empty() {
                let contents: Vec<_> = files_of(&read).into_iter().map(|(_, c)| c).collect();
                let known: Vec<_> = before.iter().map(|(_, c)| c.clone()).collect();
                assert_eq!(contents, known, "bit {bit} of byte {position}");
            }
        }
    }
}
