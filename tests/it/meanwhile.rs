//! What happens while an act works: people edit, people interrupt.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{
    Control, Error, ImportOptions, OnConflict, Phase, Progress, Receipt, RollbackOptions,
    TransactionId,
};

use crate::support::test_store::get;
use crate::support::{PackBuilder, TestStore, assert_fails, assert_same, uri};

fn version(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .file("same.md", "the same")
        .file("each.md", format!("version {number}"))
        .write(&store.beside(&format!("v{number}.ovpack")))
}

/// Does something once, when a phase begins, or begins again.
struct AtPhase<F> {
    phase: Phase,
    /// How often it begins before that.
    after: usize,
    begun: AtomicUsize,
    act: F,
}

impl<F: Fn() + Send + Sync + 'static> AtPhase<F> {
    fn control(phase: Phase, act: F) -> Control {
        Self::control_after(phase, 0, act)
    }

    fn control_after(phase: Phase, after: usize, act: F) -> Control {
        let progress = Self {
            phase,
            after,
            begun: AtomicUsize::new(0),
            act,
        };
        Control {
            progress: Some(Arc::new(progress)),
            interrupt: None,
        }
    }
}

impl<F: Fn() + Send + Sync> Progress for AtPhase<F> {
    fn begin(&self, phase: Phase, _files: u64, _bytes: u64) {
        if phase == self.phase && self.begun.fetch_add(1, Ordering::Relaxed) == self.after {
            (self.act)();
        }
    }

    fn advance(&self, _files: u64, _bytes: u64) {}
}

fn overwrite(store: &TestStore, pack: &Utf8Path, control: Control) -> Result<Receipt, Error> {
    put(store, pack, control, OnConflict::Overwrite)
}

fn put(
    store: &TestStore,
    pack: &Utf8Path,
    control: Control,
    on_conflict: OnConflict,
) -> Result<Receipt, Error> {
    let options = ImportOptions {
        on_conflict,
        control,
        ..ImportOptions::default()
    };
    store
        .open()
        .import(pack, &uri("viking://resources"), &options)
}

#[test]
fn a_root_that_is_edited_after_the_plan_is_left_alone() {
    let edits: [(&str, fn(&Utf8Path)); 4] = [
        ("changed", |root| {
            std::fs::write(root.join("each.md"), "edited meanwhile").unwrap()
        }),
        ("added", |root| {
            std::fs::write(root.join("added.md"), "added meanwhile").unwrap()
        }),
        ("removed", |root| {
            std::fs::remove_file(root.join("same.md")).unwrap()
        }),
        ("gone", |root| std::fs::remove_dir_all(root).unwrap()),
    ];
    let acts = [
        (OnConflict::Overwrite, Phase::Syncing),
        (OnConflict::Merge, Phase::Syncing),
        // After the plan, and before the files that stay are copied.
        (OnConflict::Merge, Phase::Reading),
    ];
    for (what, edit, (policy, phase)) in edits
        .into_iter()
        .flat_map(|(what, edit)| acts.map(|act| (what, edit, act)))
    {
        let store = TestStore::fresh();
        store.import(&version(&store, 1), "viking://resources");
        let root = store.at("resources/notes");
        let control = AtPhase::control(phase, move || edit(&root));
        let result = put(&store, &version(&store, 2), control, policy);
        let error = result.expect_err(what);
        assert_eq!(error.kind().exit_code(), 4, "{what}: {error:?}");
        let live = store.live_tree();
        store.recover().unwrap();
        assert_same(&store.live_tree(), &live, what);
        assert_ne!(
            std::fs::read_to_string(store.at("resources/notes/each.md")).ok(),
            Some("version 2".to_owned()),
            "{what}"
        );
        assert_eq!(store.log()[0].state, "aborted", "{what}");
    }
}

#[test]
fn a_root_that_is_edited_after_a_rollback_looked_at_it_is_left_alone() {
    let edits: [(&str, fn(&Utf8Path)); 5] = [
        ("changed", |root| {
            std::fs::write(root.join("each.md"), "edited 2").unwrap();
        }),
        ("added", |root| {
            std::fs::write(root.join("added.md"), "added meanwhile").unwrap();
        }),
        ("removed", |root| {
            std::fs::remove_file(root.join("same.md")).unwrap();
        }),
        ("mode", |root| {
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(root.join("same.md"), mode).unwrap();
        }),
        ("gone", |root| std::fs::remove_dir_all(root).unwrap()),
    ];
    // The live tree is looked at first, then the slot. What drifted before is looked at again, both.
    for (what, edit, drifted) in edits
        .into_iter()
        .flat_map(|(what, edit)| [false, true].map(|drifted| (what, edit, drifted)))
    {
        let store = TestStore::fresh();
        store.import(&version(&store, 1), "viking://resources");
        let second = store.overwrite(&version(&store, 2), "viking://resources");
        if drifted {
            store.write("resources/notes/drifted.md", b"before");
        }
        let root = store.at("resources/notes");
        let after = if drifted { 2 } else { 1 };
        let options = RollbackOptions {
            force: drifted,
            control: AtPhase::control_after(Phase::Scanning, after, move || edit(&root)),
            ..RollbackOptions::default()
        };
        let result = store.open().rollback(second.transaction.unwrap(), &options);
        let error = result.expect_err(what);
        assert_eq!(error.kind().exit_code(), 4, "{what}: {error:?}");
        let live = store.live_tree();
        store.recover().unwrap();
        assert_same(&store.live_tree(), &live, what);
        assert_ne!(
            std::fs::read_to_string(store.at("resources/notes/each.md")).ok(),
            Some("version 1".to_owned()),
            "{what}"
        );
        assert_eq!(store.log()[0].state, "aborted", "{what}");
    }
}

/// Counts how often files are looked at, and how many.
#[derive(Default)]
struct Looks {
    begun: AtomicUsize,
    files: AtomicUsize,
}

impl Progress for Looks {
    fn begin(&self, phase: Phase, _files: u64, _bytes: u64) {
        assert_eq!(phase, Phase::Scanning);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    fn advance(&self, files: u64, _bytes: u64) {
        let files = usize::try_from(files).unwrap();
        self.files.fetch_add(files, Ordering::Relaxed);
    }
}

#[test]
fn a_rollback_of_what_is_as_recorded_looks_at_each_tree_once() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), "viking://resources");
    let second = store.overwrite(&version(&store, 2), "viking://resources");
    let looks = |tx: Option<TransactionId>| {
        let looks = Arc::new(Looks::default());
        let options = RollbackOptions {
            control: Control {
                progress: Some(looks.clone()),
                interrupt: None,
            },
            ..RollbackOptions::default()
        };
        let done = match tx {
            Some(tx) => store.open().rollback(tx, &options),
            None => store.open().redo(None, &options),
        };
        done.unwrap();
        let count = |at: &AtomicUsize| at.load(Ordering::Relaxed);
        (count(&looks.begun), count(&looks.files))
    };
    let both = 2 + 2;
    assert_eq!(looks(second.transaction), (2, both));
    assert_eq!(looks(None), (2, both));
    // A mode is no drift, though the tree's digest is another one; a byte is.
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(store.at("resources/notes/each.md"), mode).unwrap();
    assert_eq!(looks(second.transaction), (2, both));
}

#[test]
fn a_root_that_appears_after_the_plan_is_left_alone() {
    let store = TestStore::fresh();
    let root = store.at("resources/notes");
    let appear = move || {
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("mine.md"), "mine").unwrap();
    };
    let control = AtPhase::control(Phase::Syncing, appear);
    let result = overwrite(&store, &version(&store, 1), control);
    let error = result.unwrap_err();
    assert_eq!(error.kind().exit_code(), 4, "{error:?}");
    assert_eq!(get(&store.at("resources/notes/mine.md")), b"mine");
    assert!(!store.at("resources/notes/each.md").exists());
}

#[test]
fn an_interrupt_before_the_exchange_leaves_the_old_root_and_an_aborted_transaction() {
    for phase in [
        None,
        Some(Phase::Reading),
        Some(Phase::Scanning),
        Some(Phase::Syncing),
    ] {
        let store = TestStore::fresh();
        store.import(&version(&store, 1), "viking://resources");
        let before = store.live_tree();
        let interrupt = Arc::new(AtomicBool::new(phase.is_none()));
        let mut control = Control::default();
        if let Some(phase) = phase {
            let interrupt = interrupt.clone();
            control = AtPhase::control(phase, move || interrupt.store(true, Ordering::Relaxed));
        }
        control.interrupt = Some(interrupt);
        let result = overwrite(&store, &version(&store, 2), control);
        assert_fails(result, "interrupted", 130);
        assert_same(&store.live_tree(), &before, &format!("{phase:?}"));
        let log = store.log();
        assert!(
            log.len() == 1
                || (log[0].state == "aborted" && log[0].reason.as_deref() == Some("interrupted")),
            "{phase:?}: {log:?}"
        );
        let report = store.recover().unwrap();
        assert_eq!(
            report.settled,
            Vec::new(),
            "{phase:?}: nothing is left to settle"
        );
    }
}

#[test]
fn an_interrupted_rollback_leaves_everything_as_it_is() {
    let store = TestStore::fresh();
    let receipt = store.import(&version(&store, 1), "viking://resources");
    let before = store.live_tree();
    let control = Control {
        progress: None,
        interrupt: Some(Arc::new(AtomicBool::new(true))),
    };
    let options = RollbackOptions {
        control,
        ..RollbackOptions::default()
    };
    let result = store
        .open()
        .rollback(receipt.transaction.unwrap(), &options);
    assert_fails(result, "interrupted", 130);
    assert_same(&store.live_tree(), &before, "as it was");
    store.rollback(receipt.transaction).unwrap();
}

#[test]
fn a_reader_that_opened_the_old_root_goes_on_reading_it() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), "viking://resources");
    let root = std::fs::File::open(store.at("resources/notes")).unwrap();
    store
        .import_with(
            &version(&store, 2),
            "viking://resources",
            OnConflict::Overwrite,
        )
        .unwrap();
    let flags = rustix::fs::OFlags::RDONLY;
    let file = rustix::fs::openat(&root, "each.md", flags, rustix::fs::Mode::empty()).unwrap();
    let text = std::io::read_to_string(std::fs::File::from(file)).unwrap();
    assert_eq!(text, "version 1");
    assert_eq!(get(&store.at("resources/notes/each.md")), b"version 2");
}

#[test]
fn readers_never_see_a_root_that_is_half_old_and_half_new() {
    let store = TestStore::fresh();
    let pack = |number: u32| {
        let pack = (0..20).fold(PackBuilder::of("viking://resources/notes"), |pack, file| {
            pack.file(&format!("{file}.md"), format!("{number}"))
        });
        pack.write(&store.beside(&format!("many-{number}.ovpack")))
    };
    let packs = [pack(1), pack(2)];
    store.import(&packs[0], "viking://resources");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !is_done.load(Ordering::Relaxed) {
                let Ok(root) = std::fs::File::open(store.at("resources/notes")) else {
                    panic!("the root is always there");
                };
                let read = |file: u32| {
                    let flags = rustix::fs::OFlags::RDONLY;
                    let mode = rustix::fs::Mode::empty();
                    let file = rustix::fs::openat(&root, format!("{file}.md"), flags, mode);
                    std::io::read_to_string(std::fs::File::from(file.unwrap())).unwrap()
                };
                let versions: std::collections::BTreeSet<_> = (0..20).map(read).collect();
                assert_eq!(versions.len(), 1, "{versions:?}");
                reads += 1;
            }
            reads
        });
        for round in 1..=10 {
            store.overwrite(&packs[round % 2], "viking://resources");
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}
