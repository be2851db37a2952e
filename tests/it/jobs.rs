//! How many threads work on an act shows in nothing but the time that it takes.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::fault::Outcome;
use ovpack::{
    Control, Digest, Error, ImportOptions, Jobs, OnConflict, Phase, Progress, Result,
    VerifyOptions, verify,
};

use crate::support::fault::{EIO, steps_of, with_fault};
use crate::support::{Content, PackBuilder, TestStore, content, path_of, scratch, uri};

const PARENT: &str = "viking://resources";

fn jobs(count: usize) -> Jobs {
    Jobs::new(NonZeroUsize::new(count).unwrap())
}

/// Bytes that pack to about half, other ones for each number.
fn bytes_of(number: usize, len: usize) -> Vec<u8> {
    let mut state = number as u64 * 2 + 1;
    let random = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3] & 15
    });
    random.take(len).collect()
}

/// Files around the sizes at which another way of reading begins, in several directories.
fn sizes() -> Vec<(String, usize)> {
    let edges = [0, 1, 64 << 10, 256 << 10, 1 << 20, 4 << 20];
    let around = edges.iter().flat_map(|edge: &usize| {
        [edge.saturating_sub(1), *edge, *edge + 1].map(|size| (format!("edge/{size}.bin"), size))
    });
    let many = (0..300).map(|number| (format!("d{}/f{number}.md", number % 5), number * 7));
    let mut all: Vec<_> = around.chain(many).collect();
    all.sort();
    all.dedup();
    all
}

fn pack_of(files: &[(String, usize)]) -> PackBuilder {
    let mut directories: Vec<_> = files
        .iter()
        .filter_map(|(path, _)| Some(path.rsplit_once('/')?.0.to_owned()))
        .collect();
    directories.sort();
    directories.dedup();
    let mut pack = PackBuilder::of("viking://resources/many");
    for directory in &directories {
        pack = pack.directory(directory);
    }
    for (number, (path, size)) in files.iter().enumerate() {
        pack = pack.file(path, bytes_of(number, *size));
    }
    pack
}

fn import(store: &TestStore, pack: &Utf8Path, count: usize) -> Result<()> {
    let options = ImportOptions {
        jobs: jobs(count),
        on_conflict: OnConflict::Overwrite,
        ..ImportOptions::default()
    };
    let store = store.try_open()?;
    store.import(pack, &uri(PARENT), &options).map(drop)
}

#[test]
fn the_same_tree_is_written_and_the_same_report_given_by_any_number_of_threads() {
    let directory = scratch();
    let pack = pack_of(&sizes()).write(&path_of(&directory).join("many.ovpack"));
    let mut seen = Vec::new();
    for count in [1, 2, 7] {
        let store = TestStore::fresh();
        import(&store, &pack, count).unwrap();
        let options = VerifyOptions {
            jobs: jobs(count),
            ..VerifyOptions::default()
        };
        let report = verify(&pack, &options).unwrap();
        seen.push((content(&store.live_tree()), report));
    }
    let files = sizes();
    let (tree, report) = &seen[0];
    assert_eq!(report.files, files.len() as u64);
    for (number, (path, size)) in files.iter().enumerate() {
        let found = &tree[&format!("resources/many/{path}")];
        let bytes = bytes_of(number, *size);
        let expected = Content::File {
            size: bytes.len() as u64,
            sha256: Digest::of(&bytes),
        };
        assert_eq!(found, &expected, "{path}");
    }
    assert!(seen.iter().all(|other| *other == seen[0]));
}

/// What is wrong with a pack, as it is told.
fn told(pack: &Utf8Path, count: usize) -> String {
    let options = VerifyOptions {
        jobs: jobs(count),
        ..VerifyOptions::default()
    };
    match verify(pack, &options) {
        Err(Error::Refused { report, .. }) => format!("{report:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_findings_are_told_in_the_same_order_by_any_number_of_threads() {
    let directory = scratch();
    let at = |name: &str| path_of(&directory).join(name);
    let files = sizes();
    let mut damaged = pack_of(&files);
    let mut forged = pack_of(&files);
    for (number, (path, size)) in files.iter().enumerate() {
        if number % 11 == 3 && *size > 100 {
            damaged = damaged.damaged(path);
            forged = forged.forged(path, bytes_of(number + 1, *size));
        }
    }
    let packs: [Utf8PathBuf; 2] = [
        damaged.write(&at("damaged.ovpack")),
        forged.write(&at("forged.ovpack")),
    ];
    for pack in &packs {
        let alone = told(pack, 1);
        assert!(alone.matches("Finding").count() > 10, "{alone}");
        for count in [2, 3, 7, 64] {
            assert_eq!(told(pack, count), alone, "{count} threads");
        }
    }
}

#[test]
fn an_error_of_any_thread_aborts_and_leaves_nothing() {
    let directory = scratch();
    let files: Vec<_> = (0..200)
        .map(|n| (format!("d{}/{n}", n % 3), n * 50))
        .collect();
    let pack = pack_of(&files).write(&path_of(&directory).join("some.ovpack"));
    let steps = {
        let store = TestStore::fresh();
        steps_of(|| import(&store, &pack, 3).unwrap())
    };
    let alone = {
        let store = TestStore::fresh();
        steps_of(|| import(&store, &pack, 1).unwrap())
    };
    assert_eq!(steps.len(), alone.len(), "all threads' steps are counted");
    let writes: Vec<_> = (1..)
        .zip(&steps)
        .filter(|(_, name)| matches!(**name, "create" | "write"))
        .map(|(at, _): (u64, _)| at)
        .collect();
    assert!(writes.len() > 390, "{}", writes.len());
    for at in writes.iter().step_by(37) {
        let store = TestStore::fresh();
        let failed = with_fault(*at, Outcome::Fail(EIO), || import(&store, &pack, 3));
        let error = failed.unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "step {at}: {error:?}");
        assert!(store.live_tree().is_empty(), "step {at}");
        let slots = std::fs::read_dir(store.path.join(".ovpack/slots")).unwrap();
        assert_eq!(slots.count(), 0, "step {at}");
        import(&store, &pack, 3).unwrap();
    }
}

/// Interrupts once so many bytes were read.
struct After {
    bytes: u64,
    interrupt: Arc<AtomicBool>,
    read: std::sync::atomic::AtomicU64,
}

impl Progress for After {
    fn begin(&self, _: Phase, _: u64, _: u64) {}

    fn advance(&self, _: u64, bytes: u64) {
        if self.read.fetch_add(bytes, Ordering::Relaxed) + bytes >= self.bytes {
            self.interrupt.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn an_interrupt_is_seen_within_a_large_file_by_any_number_of_threads() {
    let directory = scratch();
    let pack = pack_of(&[("large.bin".to_owned(), 24 << 20)]);
    let pack = pack.write(&path_of(&directory).join("large.ovpack"));
    for count in [1, 2, 5] {
        let interrupt = Arc::new(AtomicBool::new(false));
        let progress = Arc::new(After {
            bytes: 2 << 20,
            interrupt: Arc::clone(&interrupt),
            read: 0.into(),
        });
        let options = VerifyOptions {
            jobs: jobs(count),
            control: Control {
                progress: Some(progress.clone()),
                interrupt: Some(interrupt),
            },
            ..VerifyOptions::default()
        };
        let stopped = verify(&pack, &options);
        assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
        let read = progress.read.load(Ordering::Relaxed);
        assert!(read < 20 << 20, "{count} threads read {read} bytes");
    }
}
