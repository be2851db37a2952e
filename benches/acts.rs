//! What the acts take, on packs of the fixtures and on one of many small files: `cargo bench`.
//!
//! Times depend on the machine and on its disk; `tests/it/cost.rs` holds what does not.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "benchmarks make the trees that they work on, and end where that fails"
)]

use camino::{Utf8Path, Utf8PathBuf};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use ovpack::{
    ExportOptions, FindOptions, ImportOptions, OnConflict, OpenOptions, RollbackOptions,
    StatusOptions, Store, Uri, VerifyOptions,
};

const CLICK: &str = "fixtures/v2flat-resources-click.ovpack";
const FILES: [u64; 2] = [100, 10_000];

fn main() {
    divan::main();
}

/// A directory that is removed, and a store in it.
struct Bench {
    held: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let held = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(held.path()).unwrap().join("store");
        let store = Store::init(&path, &OpenOptions::default()).unwrap();
        Self { held, store }
    }

    fn at(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.held.path()).unwrap().join(name)
    }

    /// With a tree of so many small files.
    fn filled(files: u64) -> (Self, Utf8PathBuf) {
        let bench = Self::new();
        let made = bench.at("made");
        for number in 0..files {
            let directory = made.join(format!("resources/many/d{:03}", number / 100));
            std::fs::create_dir_all(&directory).unwrap();
            let text = format!("Text {number} of a file that is small. ").repeat(60);
            std::fs::write(directory.join(format!("{number:06}.md")), text).unwrap();
        }
        let source = Store::adopt(&made, &OpenOptions::default()).unwrap();
        let pack = bench.at("many.ovpack");
        source
            .export(&uri("resources/many"), &pack, &ExportOptions::default())
            .unwrap();
        (bench, pack)
    }
}

fn uri(path: &str) -> Uri {
    format!("viking://{path}").parse().unwrap()
}

fn import(store: &Store, pack: &Utf8Path, on_conflict: OnConflict) -> ovpack::Receipt {
    let options = ImportOptions {
        on_conflict,
        ..ImportOptions::default()
    };
    store.import(pack, &uri("resources"), &options).unwrap()
}

#[divan::bench(args = FILES, sample_count = 10)]
fn verify(bencher: Bencher<'_, '_>, files: u64) {
    let (_bench, pack) = Bench::filled(files);
    bencher
        .counter(ItemsCount::new(files))
        .bench(|| ovpack::verify(&pack, &VerifyOptions::default()).unwrap());
}

#[divan::bench(args = FILES, sample_count = 10)]
fn import_into_an_empty_store(bencher: Bencher<'_, '_>, files: u64) {
    let (_bench, pack) = Bench::filled(files);
    bencher
        .counter(ItemsCount::new(files))
        .with_inputs(Bench::new)
        .bench_refs(|target| import(&target.store, &pack, OnConflict::Fail));
}

#[divan::bench(args = FILES, sample_count = 10)]
fn overwrite(bencher: Bencher<'_, '_>, files: u64) {
    let (bench, pack) = Bench::filled(files);
    bencher
        .counter(ItemsCount::new(files))
        .bench_local(|| import(&bench.store, &pack, OnConflict::Overwrite));
}

#[divan::bench(args = FILES, sample_count = 10)]
fn export(bencher: Bencher<'_, '_>, files: u64) {
    let (bench, pack) = Bench::filled(files);
    import(&bench.store, &pack, OnConflict::Fail);
    let out = bench.at("out.ovpack");
    bencher
        .counter(ItemsCount::new(files))
        .with_inputs(|| std::fs::remove_file(&out).unwrap_or_default())
        .bench_local_values(|()| {
            let options = ExportOptions::default();
            bench.store.export(&uri("resources/many"), &out, &options)
        });
}

#[divan::bench(args = FILES, sample_count = 10)]
fn status(bencher: Bencher<'_, '_>, files: u64) {
    let (bench, pack) = Bench::filled(files);
    import(&bench.store, &pack, OnConflict::Fail);
    bencher
        .counter(ItemsCount::new(files))
        .bench_local(|| bench.store.status(&StatusOptions::default()).unwrap());
}

#[divan::bench(args = FILES, sample_count = 10)]
fn rollback_and_redo(bencher: Bencher<'_, '_>, files: u64) {
    let (bench, pack) = Bench::filled(files);
    let tx = import(&bench.store, &pack, OnConflict::Fail).transaction;
    let (tx, options) = (tx.unwrap(), RollbackOptions::default());
    bencher.bench_local(|| {
        bench.store.rollback(tx, &options).unwrap();
        bench.store.redo(None, &options).unwrap()
    });
}

#[divan::bench]
fn find(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    import(&bench.store, Utf8Path::new(CLICK), OnConflict::Fail);
    let search = || {
        let options = FindOptions::default();
        bench.store.find("how is a password asked for", &options)
    };
    search().unwrap();
    bencher.bench_local(|| search().unwrap());
}

#[divan::bench]
fn verify_journal(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    for _ in 0..20 {
        import(&bench.store, Utf8Path::new(CLICK), OnConflict::Overwrite);
    }
    bencher.bench_local(|| {
        let options = ovpack::JournalVerifyOptions::default();
        bench.store.verify_journal(&options).unwrap()
    });
}

#[divan::bench]
fn digest(bencher: Bencher<'_, '_>) {
    let bytes = vec![7_u8; 1 << 20];
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench(|| ovpack::Digest::of(&bytes));
}
