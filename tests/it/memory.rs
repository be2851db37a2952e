//! Memory stays bounded whatever a pack holds: many entries are rows, large files are streams.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::Digest;
use serde_json::json;
use sha2::Digest as _;
use zip::write::SimpleFileOptions;

use crate::support::TestStore;
use crate::support::pack_builder::{MANIFEST, content_sha256};

/// Most memory that any act may use at its peak.
pub(crate) const PEAK_KIB_MAX: u64 = 64 << 10;

/// Runs a command to its end; returns its exit code and its peak resident memory in KiB.
///
/// The kernel keeps the peak itself (`VmHWM`), and it never falls, so the last look before the end
/// is the peak but for what the last few milliseconds add.
pub(crate) fn run_watched(mut command: Command) -> (Option<i32>, u64) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
            peak = peak.max(kib.and_then(|kib| kib.trim().parse().ok()).unwrap_or(0));
        }
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code(), peak);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[track_caller]
fn assert_bounded(store: &TestStore, arguments: &[&str]) {
    let (code, peak) = run_watched(store.command(arguments));
    assert_eq!(code, Some(0), "{arguments:?}");
    assert!(peak > 0, "the peak was seen");
    assert!(
        peak <= PEAK_KIB_MAX,
        "{arguments:?} used {peak} KiB, allowed are {PEAK_KIB_MAX}"
    );
}

/// Writes a pack of `viking://resources/large` from its files' names, and bytes by blocks.
fn write_pack(path: &Utf8Path, files: &[(String, Vec<Vec<u8>>)], repeat: usize) -> Utf8PathBuf {
    let mut archive = zip::ZipWriter::new(BufWriter::new(File::create(path).unwrap()));
    let options = SimpleFileOptions::default();
    archive.add_directory("large", options).unwrap();
    let mut entries = vec![json!({ "path": "", "kind": "directory" })];
    let mut inventory = Vec::new();
    for (name, blocks) in files {
        archive
            .start_file(format!("large/{name}"), options)
            .unwrap();
        let (mut hasher, mut size) = (sha2::Sha256::new(), 0);
        for block in blocks.iter().cycle().take(blocks.len() * repeat) {
            archive.write_all(block).unwrap();
            hasher.update(block);
            size += block.len();
        }
        let digest = Digest::from_bytes(hasher.finalize().into());
        entries.push(
            json!({ "path": name, "kind": "file", "size": size, "sha256": digest.to_string() }),
        );
        inventory.push((name.as_str(), digest, size));
    }
    let manifest = json!({
        "kind": "openviking.ovpack",
        "format_version": 2,
        "root": { "name": "large", "uri": "viking://resources/large", "scope": "resources" },
        "entries": entries,
        "content_sha256": content_sha256(inventory.into_iter()).to_string(),
    });
    archive
        .start_file(format!("large/{MANIFEST}"), options)
        .unwrap();
    serde_json::to_writer(&mut archive, &manifest).unwrap();
    archive.finish().unwrap().flush().unwrap();
    path.to_owned()
}

/// Bytes that pack to about half: one byte of two is random.
fn semi_random(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let random = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    random.flat_map(|byte| [byte, b' ']).take(len).collect()
}

fn everything_is_bounded(store: &TestStore, pack: &Utf8Path) {
    let pack = pack.as_str();
    assert_bounded(store, &["verify", pack]);
    assert_bounded(store, &["import", pack, "resources"]);
    assert_bounded(
        store,
        &["import", pack, "resources", "--on-conflict", "overwrite"],
    );
    assert_bounded(store, &["status"]);
    assert_bounded(store, &["export", "resources/large", "again.ovpack"]);
    assert_bounded(store, &["rollback", "tx2"]);
}

#[test]
#[ignore = "takes a minute; run by just long-tests"]
fn a_hundred_thousand_small_files_need_no_more_memory_than_a_few() {
    let store = TestStore::fresh();
    let files: Vec<_> = (0..100_000)
        .map(|number| {
            let name = format!("a-rather-long-name-for-a-small-file-{number:06}.md");
            (name, vec![format!("content of file {number}").into_bytes()])
        })
        .collect();
    let pack = write_pack(&store.beside("many.ovpack"), &files, 1);
    drop(files);
    everything_is_bounded(&store, &pack);
    assert_eq!(store.status().files, 100_000);
}

#[test]
#[ignore = "takes a minute; run by just long-tests"]
fn a_file_of_a_gibibyte_needs_no_more_memory_than_a_small_one() {
    let store = TestStore::fresh();
    let blocks = (0..16)
        .map(|seed| semi_random(seed * 77 + 1, 1 << 20))
        .collect();
    let pack = write_pack(
        &store.beside("large.ovpack"),
        &[("large.bin".to_owned(), blocks)],
        64,
    );
    everything_is_bounded(&store, &pack);
    assert_eq!(store.status().bytes, 1 << 30);
}
