//! Memory stays bounded whatever a pack holds: many entries are rows, large files are streams.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::Digest;
use serde_json::{Value, json};
use sha2::Digest as _;
use zip::write::SimpleFileOptions;

use crate::support::TestStore;
use crate::support::pack_builder::{MANIFEST, content_sha256};

/// Most memory that any act may use at its peak.
pub(crate) const PEAK_KIB_MAX: u64 = 64 << 10;

/// What a command did.
pub(crate) struct Watched {
    pub(crate) code: Option<i32>,
    pub(crate) peak_kib: u64,
    took: Duration,
    output: String,
}

/// Runs a command to its end, and looks at its peak resident memory on the way.
///
/// The kernel keeps the peak itself (`VmHWM`), and it never falls, so the last look before the end
/// is the peak but for what the last few milliseconds add.
pub(crate) fn run_watched(mut command: Command) -> Watched {
    let output = tempfile::NamedTempFile::new().unwrap();
    let begin = Instant::now();
    let mut child = command
        .stdout(output.reopen().unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    loop {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
            peak_kib = peak_kib.max(kib.and_then(|kib| kib.trim().parse().ok()).unwrap_or(0));
        }
        if let Some(status) = child.try_wait().unwrap() {
            return Watched {
                code: status.code(),
                peak_kib,
                took: begin.elapsed(),
                output: std::fs::read_to_string(output.path()).unwrap(),
            };
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[track_caller]
#[expect(clippy::print_stdout, reason = "what was measured is the result")]
fn assert_bounded_and(store: &TestStore, arguments: &[&str], code: i32) -> Watched {
    let watched = run_watched(store.command(arguments));
    let Watched { peak_kib, took, .. } = watched;
    println!("{arguments:?} took {took:.1?} and {peak_kib} KiB");
    assert_eq!(watched.code, Some(code), "{arguments:?}");
    assert!(peak_kib > 0, "the peak was seen");
    assert!(
        peak_kib <= PEAK_KIB_MAX,
        "{arguments:?} used {peak_kib} KiB, allowed are {PEAK_KIB_MAX}"
    );
    watched
}

#[track_caller]
fn assert_bounded(store: &TestStore, arguments: &[&str]) {
    assert_bounded_and(store, arguments, 0);
}

/// Asserts that a pack is refused within bounds; returns the details of the error.
#[track_caller]
fn assert_refused(store: &TestStore, arguments: &[&str], reason: &str) -> (Value, Duration) {
    let watched = assert_bounded_and(store, arguments, 10);
    let answer: Value = serde_json::from_str(&watched.output).unwrap();
    assert_eq!(answer["error"]["reason"], reason);
    (answer["error"]["details"].clone(), watched.took)
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
    assert_bounded(store, &["inspect", pack, "--entries", "--records"]);
    assert_bounded(store, &["--json", "inspect", pack, "--entries"]);
    let saved = store.beside("saved");
    assert_bounded(store, &["salvage", pack, "--into", saved.as_str()]);
    std::fs::remove_dir_all(&saved).unwrap();
    assert_bounded(
        store,
        &["--json", "salvage", pack, "--into", saved.as_str()],
    );
    std::fs::remove_dir_all(&saved).unwrap();
    let convert = ["convert", pack, "converted.ovpack", "--layout", "v3"];
    assert_bounded(store, &convert);
    assert_bounded(store, &["import", pack, "resources"]);
    assert_bounded(
        store,
        &["import", pack, "resources", "--on-conflict", "overwrite"],
    );
    assert_bounded(store, &["status"]);
    for jobs in ["1", "2", "64"] {
        let export = ["export", "resources/large", "again.ovpack", "--force"];
        assert_bounded(store, &[&export[..], &["--jobs", jobs]].concat());
    }
    assert_bounded(store, &["rollback", "tx2"]);
    assert_bounded(store, &["show", "tx1"]);
    assert_bounded(store, &["--json", "show", "tx1", "--diff"]);
    assert_bounded(store, &["tree", "--at", "tx1"]);
    assert_bounded(store, &["history", "resources/large"]);
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

#[test]
#[ignore = "takes minutes; run by just long-tests"]
fn a_million_files_need_no_more_memory_than_a_few() {
    let store = TestStore::fresh();
    let files: Vec<_> = (0..1_000_000)
        .map(|number| (format!("{number:06}.md"), vec![vec![b'x'; number % 3]]))
        .collect();
    let pack = write_pack(&store.beside("million.ovpack"), &files, 1);
    drop(files);
    assert_bounded(&store, &["verify", pack.as_str()]);
    assert_bounded(&store, &["import", pack.as_str(), "resources"]);
    assert_eq!(store.status().files, 1_000_000);
}

/// Writes a pack that has a root and a manifest, of the bytes that `write` gives.
fn write_manifest(path: &Utf8Path, write: impl FnOnce(&mut dyn std::io::Write)) {
    let mut archive = zip::ZipWriter::new(BufWriter::new(File::create(path).unwrap()));
    let options = SimpleFileOptions::default();
    archive.add_directory("large", options).unwrap();
    let name = format!("large/{MANIFEST}");
    archive.start_file(name, options).unwrap();
    write(&mut archive);
    archive.finish().unwrap().flush().unwrap();
}

#[test]
#[ignore = "takes a minute; run by just long-tests"]
fn a_million_files_that_a_pack_does_not_have_are_a_million_findings_in_bounded_memory() {
    const FILES: usize = 1_000_000;
    let store = TestStore::fresh();
    let pack = store.beside("missing.ovpack");
    let names: Vec<_> = (0..FILES).map(|number| format!("{number:07}.md")).collect();
    let digest = Digest::EMPTY;
    write_manifest(&pack, |manifest| {
        let inventory = names.iter().map(|name| (name.as_str(), digest, 0));
        let content = content_sha256(inventory);
        let head = r#"{"kind":"openviking.ovpack","format_version":2,"root":{"name":"large","uri":"viking://resources/large","scope":"resources"}"#;
        write!(
            manifest,
            r#"{head},"content_sha256":"{content}","entries":[{{"path":"","kind":"directory"}}"#
        )
        .unwrap();
        for name in &names {
            write!(
                manifest,
                r#",{{"path":"{name}","kind":"file","size":0,"sha256":"{digest}"}}"#
            )
            .unwrap();
        }
        write!(manifest, "]}}").unwrap();
    });
    for verb in [&["verify"][..], &["import"]] {
        let target = ["resources"].iter().filter(|_| verb == ["import"]);
        let arguments: Vec<_> = ["--json"]
            .iter()
            .chain(verb)
            .copied()
            .chain([pack.as_str()])
            .chain(target.copied())
            .collect();
        let (details, _) = assert_refused(&store, &arguments, "file-missing");
        assert_eq!(details["total"], FILES);
        let listed = details["findings"].as_array().unwrap();
        assert_eq!(listed.len(), ovpack::CheckReport::LISTED_MAX);
        assert!(
            listed
                .iter()
                .all(|finding| finding["code"] == "file-missing")
        );
    }
}

#[test]
#[ignore = "takes seconds; run by just long-tests"]
fn a_manifest_of_300_mb_is_refused_at_its_size_without_being_unpacked() {
    let store = TestStore::fresh();
    let pack = store.beside("manifest.ovpack");
    let block = vec![b' '; 1_000_000];
    write_manifest(&pack, |manifest| {
        for _ in 0..300 {
            manifest.write_all(&block).unwrap();
        }
    });
    // Whoever unpacks it finds it damaged.
    let file = OpenOptions::new().write(true).open(&pack).unwrap();
    file.write_all_at(&[0xff; 4000], 4000).unwrap();
    let arguments = ["--json", "verify", pack.as_str()];
    let (details, took) = assert_refused(&store, &arguments, "manifest-too-large");
    assert_eq!(details["total"], 1);
    assert!(took < Duration::from_secs(2), "{took:?}");
    let raised = [
        "--json",
        "verify",
        "--max-manifest-bytes",
        "400000000",
        pack.as_str(),
    ];
    assert_refused(&store, &raised, "member-data");
}
