//! Rollback: every committed act can be taken back, byte for byte, and the taking back too.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{
    ChangeCounts, DriftCheck, Error, OnConflict, Receipt, RollbackOptions, StatusOptions,
    TransactionId,
};

use crate::support::test_store::{get, put};
use crate::support::{
    Content, PackBuilder, TestStore, Tree, assert_fails, assert_same, below, content, fixture,
};

const ROOT: &str = "resources/notes";
const PARENT: &str = "viking://resources";

/// A pack of one version of the root; each version has a file of its own.
fn version(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .file("same.md", "the same in all versions")
        .file("each.md", format!("version {number}"))
        .file(&format!("only-{number}/deep/x.md"), format!("{number}"))
        .directory(&format!("only-{number}/empty"))
        .write(&store.beside(&format!("v{number}.ovpack")))
}

fn tx(receipt: &Receipt) -> TransactionId {
    receipt.transaction.unwrap()
}

/// The root with all modes and times, the root itself included.
fn root(store: &TestStore) -> Tree {
    below(&store.live_tree(), ROOT)
}

/// Which version is in place; 0 for none.
fn version_in_place(store: &TestStore) -> u32 {
    let path = store.at(ROOT).join("each.md");
    match std::fs::read_to_string(path) {
        Ok(text) => text.strip_prefix("version ").unwrap().parse().unwrap(),
        Err(_) => 0,
    }
}

fn age(path: &Utf8Path, seconds: u64) {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds);
    std::fs::File::open(path)
        .unwrap()
        .set_modified(then)
        .unwrap();
}

/// A root that people made: odd modes, old times, odd names.
fn lived_in(store: &TestStore) {
    let names = [
        "a.md",
        "sub/b.md",
        "sub/deep/文档 🎉.md",
        ".hidden",
        "new\nline",
        "100%\"'.txt",
    ];
    for name in names {
        store.write(&format!("{ROOT}/{name}"), name.as_bytes());
    }
    std::fs::create_dir(store.at(ROOT).join("empty")).unwrap();
    let set = |name: &str, mode| {
        let path = store.at(ROOT).join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set("a.md", 0o600);
    set("sub/b.md", 0o444);
    set(".hidden", 0o755);
    set("sub", 0o700);
    set("empty", 0o1777);
    let names = [
        "a.md",
        "sub/b.md",
        ".hidden",
        "new\nline",
        "empty",
        "sub/deep",
        "sub",
        "",
    ];
    for (seconds, name) in (0..).zip(names) {
        age(&store.at(ROOT).join(name), seconds);
    }
}

#[test]
fn rollback_of_an_overwrite_brings_back_names_bytes_modes_and_times() {
    let store = TestStore::fresh();
    lived_in(&store);
    let before = root(&store);
    let receipt = store.overwrite(&version(&store, 1), PARENT);
    assert_eq!(version_in_place(&store), 1);
    let after = root(&store);

    let back = store.rollback(receipt.transaction).unwrap();
    assert_same(&root(&store), &before, "the old root");
    assert_eq!(back.undoes, receipt.transaction);
    assert_eq!(back.generation, receipt.generation + 1);
    assert_eq!(back.uri.to_string(), "viking://resources/notes");

    store.rollback(back.transaction).unwrap();
    assert_same(&root(&store), &after, "the new root, with its times too");
}

#[test]
fn rollback_counts_the_changes_the_other_way_round() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let receipt = store.overwrite(&version(&store, 2), PARENT);
    let ChangeCounts {
        added,
        replaced,
        unchanged,
        removed,
    } = receipt.changes;
    assert_eq!((added, replaced, removed), (4, 1, 4));
    let back = store.rollback(receipt.transaction).unwrap();
    assert_eq!(
        back.changes,
        ChangeCounts {
            added: removed,
            replaced,
            unchanged,
            removed: added
        }
    );
}

#[test]
fn rollback_of_a_first_import_leaves_the_store_as_it_was() {
    let store = TestStore::fresh();
    let click = fixture("resources-click");
    let receipt = store.import(&click.pack, "viking://resources/a/b");
    store.rollback(receipt.transaction).unwrap();
    assert_same(
        &store.live_tree(),
        &BTreeMap::new(),
        "made parents are gone too",
    );
    let redo = store.log()[0].transaction;
    store.rollback(Some(redo)).unwrap();
    let mut live = content(&below(&store.live_tree(), "resources/a/b/click"));
    live.remove("");
    assert_same(&live, &click.expected, "and back again");
}

#[test]
fn only_made_parents_go_with_the_rollback() {
    let store = TestStore::fresh();
    store.write("resources/mine.md", b"mine");
    let before = store.live_tree();
    let receipt = store.import(&version(&store, 1), "viking://resources/a/b");
    store.rollback(receipt.transaction).unwrap();
    assert_same(
        &content(&store.live_tree()),
        &content(&before),
        "a and b are gone",
    );
}

#[test]
fn a_made_parent_that_holds_something_else_since_stays_with_it() {
    let store = TestStore::fresh();
    let receipt = store.import(&version(&store, 1), "viking://resources/a/b");
    store.write("resources/a/mine.md", b"mine");
    let back = store.rollback(receipt.transaction).unwrap();
    assert_eq!(get(&store.at("resources/a/mine.md")), b"mine");
    assert!(!store.at("resources/a/b/notes").exists());
    assert!(
        back.units
            .iter()
            .all(|unit| unit.starts_with("resources/a/b")),
        "it says what it moved: {:?}",
        back.units
    );
    store.rollback(back.transaction).unwrap();
    assert!(
        store.at("resources/a/b/notes/each.md").exists(),
        "and back again"
    );
    assert_eq!(get(&store.at("resources/a/mine.md")), b"mine");
}

/// Rolls back with each way of looking, in a store of its own each, and compares with the rehearsal,
/// which goes path by path.
fn roll_back_in_each_way(make: impl Fn() -> (TestStore, TransactionId)) -> [TestStore; 2] {
    [DriftCheck::Scan, DriftCheck::Skip].map(|drift| {
        let (store, tx) = make();
        let rehearsed = store
            .open()
            .rehearse_rollback(tx, &RollbackOptions::default())
            .unwrap();
        let options = RollbackOptions {
            drift,
            ..RollbackOptions::default()
        };
        let done = store.open().rollback(tx, &options).unwrap();
        let told = |receipt: &Receipt| {
            let units = receipt.units.clone();
            (receipt.changes, receipt.files, receipt.bytes, units)
        };
        assert_eq!(told(&done), told(&rehearsed.receipt), "{drift:?}");
        store
    })
}

#[test]
fn a_made_parent_that_stays_is_in_the_journal_however_the_rollback_looked() {
    let stores = roll_back_in_each_way(|| {
        let store = TestStore::fresh();
        let first = store.import(&version(&store, 1), "viking://resources/a/b");
        store.import(&version(&store, 2), "viking://resources/c");
        (store, tx(&first))
    });
    for store in stores {
        assert!(store.at("resources/c/notes").exists());
        assert_eq!(store.status().drift, ovpack::DriftReport::default());
    }
}

#[test]
fn an_edit_that_an_undone_commit_recorded_does_not_lie_over_older_trees() {
    let stores = roll_back_in_each_way(|| {
        let store = TestStore::fresh();
        store.import(&version(&store, 1), PARENT);
        let second = store.overwrite(&version(&store, 2), PARENT);
        store.write("resources/notes/each.md", b"edited by hand");
        let third = store.overwrite(&version(&store, 3), PARENT);
        store.rollback(third.transaction).unwrap();
        assert_eq!(get(&store.at("resources/notes/each.md")), b"edited by hand");
        (store, tx(&second))
    });
    for store in stores {
        assert_eq!(version_in_place(&store), 1);
        assert_eq!(store.status().drift, ovpack::DriftReport::default());
        // And back: the edit is where it was.
        let redo = RollbackOptions::default();
        store.open().redo(None, &redo).unwrap();
        assert_eq!(get(&store.at("resources/notes/each.md")), b"edited by hand");
        assert_eq!(store.status().drift, ovpack::DriftReport::default());
    }
}

#[test]
fn a_part_of_a_larger_tree_is_held_against_the_rows_of_the_journal() {
    let make = || {
        let store = TestStore::fresh();
        let first = store.import(&version(&store, 1), PARENT);
        let inner = PackBuilder::of("viking://resources/inner")
            .file("i.md", "inner")
            .write(&store.beside("inner.ovpack"));
        let second = store.import(&inner, "viking://resources/notes");
        store.rollback(second.transaction).unwrap();
        (store, tx(&first))
    };
    for store in roll_back_in_each_way(make) {
        assert_eq!(version_in_place(&store), 0);
        assert_eq!(store.status().drift, ovpack::DriftReport::default());
    }
    let (store, first) = make();
    store.write("resources/notes/same.md", b"THE SAME in all versions");
    let error = store.open().rollback(first, &RollbackOptions::default());
    match assert_fails(error, "drift", 4) {
        Error::Drift { paths, .. } => assert_eq!(paths, ["viking://resources/notes/same.md"]),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_later_import_below_a_made_parent_is_never_carried_away() {
    let store = TestStore::fresh();
    let first = store.import(&version(&store, 1), "viking://resources/a");
    let other = PackBuilder::of("viking://resources/other")
        .file("o.md", "other")
        .write(&store.beside("other.ovpack"));
    let second = store.import(&other, "viking://resources/a");
    match store.rollback(first.transaction) {
        Ok(_) => assert!(!store.at("resources/a/notes").exists()),
        Err(Error::LaterTransactions { later, .. }) => assert_eq!(later, [tx(&second)]),
        Err(error) => panic!("{error:?}"),
    }
    assert_eq!(get(&store.at("resources/a/other/o.md")), b"other");
}

#[test]
fn undoing_twice_goes_two_steps_back_and_redoing_two_steps_forward() {
    let store = TestStore::fresh();
    let first = store.import(&version(&store, 1), PARENT);
    let second = store.overwrite(&version(&store, 2), PARENT);
    let third = store.overwrite(&version(&store, 3), PARENT);
    let undo_third = store.rollback(third.transaction).unwrap();
    assert_eq!(version_in_place(&store), 2);
    let undo_second = store.rollback(second.transaction).unwrap();
    assert_eq!(version_in_place(&store), 1);
    let undo_first = store.rollback(first.transaction).unwrap();
    assert_eq!(version_in_place(&store), 0);
    for (undo, number) in [(undo_first, 1), (undo_second, 2), (undo_third, 3)] {
        store.rollback(undo.transaction).unwrap();
        assert_eq!(version_in_place(&store), number);
    }
    assert_eq!(store.status().generation, 9);
}

#[test]
fn a_transaction_with_a_later_one_on_its_root_is_rolled_back_only_after_that() {
    let store = TestStore::fresh();
    let first = store.import(&version(&store, 1), PARENT);
    let second = store.overwrite(&version(&store, 2), PARENT);
    let third = store.overwrite(&version(&store, 3), PARENT);
    let before = store.live_tree();
    match assert_fails(store.rollback(first.transaction), "later-transactions", 4) {
        Error::LaterTransactions { tx: of, later } => {
            assert_eq!((of, later), (tx(&first), vec![tx(&third), tx(&second)]));
        }
        error => panic!("{error:?}"),
    }
    assert_fails(
        store.rollback_by_force(first.transaction),
        "later-transactions",
        4,
    );
    assert_same(&store.live_tree(), &before, "nothing was touched");
    store.rollback(third.transaction).unwrap();
    let error = assert_fails(store.rollback(first.transaction), "later-transactions", 4);
    assert_eq!(
        error.details()["later"],
        serde_json::json!([tx(&second).to_string()])
    );
    store.rollback(second.transaction).unwrap();
    store.rollback(first.transaction).unwrap();
}

#[test]
fn a_redo_is_in_the_way_like_any_other_transaction() {
    let store = TestStore::fresh();
    let first = store.import(&version(&store, 1), PARENT);
    let second = store.overwrite(&version(&store, 2), PARENT);
    let undo = store.rollback(second.transaction).unwrap();
    store.rollback(undo.transaction).unwrap();
    assert_eq!(version_in_place(&store), 2);
    assert_fails(store.rollback(first.transaction), "later-transactions", 4);
}

#[test]
fn transactions_on_other_roots_are_not_in_the_way() {
    let store = TestStore::fresh();
    store.write("resources/mine.md", b"mine");
    let first = store.import(&version(&store, 1), PARENT);
    let other = PackBuilder::of("viking://resources/notes-2")
        .file("o.md", "other")
        .write(&store.beside("other.ovpack"));
    store.import(&other, PARENT);
    store.rollback(first.transaction).unwrap();
    assert_eq!(version_in_place(&store), 0);
    assert_eq!(get(&store.at("resources/notes-2/o.md")), b"other");
}

#[test]
fn a_later_transaction_on_a_containing_or_contained_root_is_in_the_way() {
    let store = TestStore::fresh();
    store.write("resources/mine.md", b"mine");
    let outer = store.import(&version(&store, 1), PARENT);
    let inner = PackBuilder::of("viking://resources/inner")
        .file("i.md", "inner")
        .write(&store.beside("inner.ovpack"));
    let contained = store.import(&inner, "viking://resources/notes/only-1");
    assert_fails(store.rollback(outer.transaction), "later-transactions", 4);

    let again = store.overwrite(&version(&store, 2), PARENT);
    assert_fails(
        store.rollback(contained.transaction),
        "later-transactions",
        4,
    );
    store.rollback(again.transaction).unwrap();
    store.rollback(contained.transaction).unwrap();
    store.rollback(outer.transaction).unwrap();
    assert_eq!(version_in_place(&store), 0);
}

#[test]
fn what_is_not_in_effect_cannot_be_rolled_back() {
    let store = TestStore::fresh();
    let receipt = store.import(&version(&store, 1), PARENT);
    store.rollback(receipt.transaction).unwrap();
    assert_fails(store.rollback(receipt.transaction), "not-in-effect", 4);
    assert_fails(
        store.rollback("tx99".parse().ok()),
        "transaction-not-found",
        9,
    );

    let bad = PackBuilder::of("viking://resources/notes")
        .file("a.md", "promised")
        .forged("a.md", "delivered")
        .write(&store.beside("bad.ovpack"));
    store
        .import_with(&bad, PARENT, OnConflict::Fail)
        .unwrap_err();
    let aborted = store.log()[0].transaction;
    assert_fails(store.rollback(Some(aborted)), "not-in-effect", 4);
}

#[test]
fn the_log_tells_what_undoes_what() {
    let store = TestStore::fresh();
    let first = store.import(&version(&store, 1), PARENT);
    let undo = store.rollback(first.transaction).unwrap();
    let [newer, older] = <[_; 2]>::try_from(store.log()).unwrap();
    assert_eq!(
        (newer.kind.as_str(), older.kind.as_str()),
        ("rollback", "import")
    );
    assert_eq!(
        (newer.transaction, newer.undoes),
        (tx(&undo), Some(tx(&first)))
    );
    assert_eq!(
        (older.transaction, older.undone_by),
        (tx(&first), Some(tx(&undo)))
    );
    assert_eq!(
        (newer.state.as_str(), older.state.as_str()),
        ("committed", "committed")
    );
    assert_eq!((newer.generation, older.generation), (Some(2), Some(1)));
    let redo = store.rollback(undo.transaction).unwrap();
    let [newest, newer, older] = <[_; 3]>::try_from(store.log()).unwrap();
    assert_eq!(newest.undoes, undo.transaction);
    assert_eq!(newer.undone_by, redo.transaction);
    assert_eq!(older.undone_by, None, "it is in effect again");
}

/// What people do to a live tree behind the store's back.
const DRIFTS: [(&str, fn(&TestStore)); 6] = [
    ("changed", |store| {
        store.write("resources/notes/each.md", b"edited by hand")
    }),
    ("changed to the same size", |store| {
        store.write("resources/notes/each.md", b"VERSION 2")
    }),
    ("added", |store| {
        store.write("resources/notes/added.md", b"added by hand")
    }),
    ("removed", |store| {
        std::fs::remove_file(store.at("resources/notes/same.md")).unwrap()
    }),
    ("removed whole directory", |store| {
        std::fs::remove_dir_all(store.at("resources/notes/only-2")).unwrap();
    }),
    ("kind", |store| {
        std::fs::remove_file(store.at("resources/notes/same.md")).unwrap();
        store.write("resources/notes/same.md/is a directory", b"x");
    }),
];

#[test]
fn drift_is_a_conflict_that_force_overrides_and_redo_brings_back() {
    for (what, drift) in DRIFTS {
        let store = TestStore::fresh();
        store.import(&version(&store, 1), PARENT);
        let old = root(&store);
        let receipt = store.overwrite(&version(&store, 2), PARENT);
        drift(&store);
        let drifted = root(&store);

        let error = assert_fails(store.rollback(receipt.transaction), "drift", 4);
        let Error::Drift { paths, total } = &error else {
            panic!("{error:?}")
        };
        assert!(*total >= 1 && !paths.is_empty(), "{what}: {error:?}");
        assert_same(&root(&store), &drifted, what);

        let forced = store.rollback_by_force(receipt.transaction).unwrap();
        assert_same(&root(&store), &old, what);
        store
            .rollback(forced.transaction)
            .unwrap_or_else(|error| panic!("{what}: redo: {error:?}"));
        assert_same(
            &root(&store),
            &drifted,
            &format!("{what}: what drifted came back"),
        );
    }
}

#[test]
fn drift_names_each_file_and_only_those() {
    let store = TestStore::fresh();
    let receipt = store.import(&version(&store, 1), PARENT);
    assert!(store.status().drift.is_empty_at_all());
    store.write("resources/notes/each.md", b"edited");
    store.write("resources/notes/added.md", b"added");
    std::fs::remove_file(store.at("resources/notes/same.md")).unwrap();
    let drift = store
        .open()
        .status(&StatusOptions::default())
        .unwrap()
        .drift;
    assert_eq!(drift.changed, ["viking://resources/notes/each.md"]);
    assert_eq!(drift.added, ["viking://resources/notes/added.md"]);
    assert_eq!(drift.missing, ["viking://resources/notes/same.md"]);
    match store.rollback(receipt.transaction).unwrap_err() {
        Error::Drift { total, .. } => assert_eq!(total, 3),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_file_written_again_with_the_same_bytes_is_no_drift() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let receipt = store.overwrite(&version(&store, 2), PARENT);
    store.write("resources/notes/each.md", b"version 2");
    age(&store.at("resources/notes/same.md"), 0);
    store.rollback(receipt.transaction).unwrap();
    assert_eq!(version_in_place(&store), 1);
}

#[test]
fn no_reading_act_makes_drift_forgotten() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let receipt = store.overwrite(&version(&store, 2), PARENT);
    store.write("resources/notes/each.md", b"edited by hand");
    store.status();
    store.export("resources/notes", "edited.ovpack").unwrap();
    store.backup("all.ovpack").unwrap();
    store.status();
    assert_fails(store.rollback(receipt.transaction), "drift", 4);
}

#[test]
fn drift_elsewhere_is_not_in_the_way() {
    let store = TestStore::fresh();
    store.write("resources/other/mine.md", b"mine");
    let receipt = store.import(&version(&store, 1), PARENT);
    store.write("resources/other/mine.md", b"edited");
    store.rollback(receipt.transaction).unwrap();
    assert_eq!(get(&store.at("resources/other/mine.md")), b"edited");
}

#[test]
fn a_file_that_changed_in_the_slot_is_reported_before_the_slot_is_used() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let path = store.at("resources/notes/each.md");
    let writer = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    let receipt = store.overwrite(&version(&store, 2), PARENT);
    std::io::Write::write_all(&mut &writer, b" and more").unwrap();
    drop(writer);
    let error = store.rollback(receipt.transaction).unwrap_err();
    assert!(
        ["drift", "slot-damaged"].contains(&error.code()),
        "{error:?}"
    );
    assert_eq!(version_in_place(&store), 2);
}

#[test]
fn a_rehearsed_rollback_tells_and_leaves_no_trace_anywhere_in_the_store() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let receipt = store.overwrite(&version(&store, 2), PARENT);
    let (before, log) = (store.whole(), store.log());
    let options = RollbackOptions {
        dry_run: true,
        ..RollbackOptions::default()
    };
    let told = store.open().rollback(tx(&receipt), &options).unwrap();
    assert_eq!(
        (told.dry_run, told.transaction, told.undoes),
        (true, None, receipt.transaction)
    );
    assert_eq!(
        (
            told.changes.added,
            told.changes.replaced,
            told.changes.removed
        ),
        (4, 1, 4)
    );
    assert_same(&store.whole(), &before, "the whole store");
    assert_eq!(store.log(), log);
    store.write("resources/notes/each.md", b"edited");
    assert_fails(store.open().rollback(tx(&receipt), &options), "drift", 4);
}

fn fill_scopes(live: &Utf8Path) {
    put(live, "resources/mine/a.md", b"a");
    put(live, "user/default/memories/m.md", b"m");
    put(live, "session/s1/messages.jsonl", b"{}");
}

fn restore_undo_and_redo(store: &TestStore) {
    let backup = fixture("backup-full");
    let before = store.live_tree();
    let receipt = store
        .restore_with(&backup.pack, OnConflict::Overwrite)
        .unwrap();
    assert_same(&content(&store.live_tree()), &backup.expected, "restored");
    let undo = store.rollback(receipt.transaction).unwrap();
    assert_same(&store.live_tree(), &before, "undone");
    store.rollback(undo.transaction).unwrap();
    assert_same(&content(&store.live_tree()), &backup.expected, "redone");
}

#[test]
fn a_restore_that_moved_all_scopes_as_one_can_be_undone_and_redone() {
    let store = TestStore::fresh();
    fill_scopes(&store.live);
    restore_undo_and_redo(&store);
}

#[test]
fn a_restore_that_moved_each_scope_apart_can_be_undone_and_redone() {
    restore_undo_and_redo(&TestStore::adopted(fill_scopes));
}

#[test]
fn a_restore_into_an_empty_store_can_be_undone_and_redone() {
    restore_undo_and_redo(&TestStore::fresh());
}

const WATCH_TASKS: [&str; 3] = [
    ".watch_tasks.json",
    ".watch_tasks.json.bak",
    ".watch_tasks.json.tmp",
];

fn assert_watch_tasks(store: &TestStore, moment: &str) {
    for name in WATCH_TASKS {
        let path = store.at("resources").join(name);
        assert_eq!(get(&path), name.as_bytes(), "{name} {moment}");
    }
}

#[test]
fn watch_tasks_are_the_installations_and_are_carried_over() {
    let scope = |store: &TestStore| {
        PackBuilder::of("viking://resources")
            .file("fresh/a.md", "a")
            .write(&store.beside("scope.ovpack"))
    };
    let backup = |store: &TestStore| {
        PackBuilder::backup(&["resources", "user"])
            .file("resources/fresh/a.md", "a")
            .write(&store.beside("backup.ovpack"))
    };
    let acts: [&dyn Fn(&TestStore) -> Receipt; 2] = [
        &|store| store.overwrite(&scope(store), "viking://"),
        &|store| {
            store
                .restore_with(&backup(store), OnConflict::Overwrite)
                .unwrap()
        },
    ];
    for act in acts {
        let store = TestStore::fresh();
        for name in WATCH_TASKS {
            store.write(&format!("resources/{name}"), name.as_bytes());
        }
        store.write("resources/old/.watch_tasks.json", b"content, not control");
        let before = content(&store.live_tree());
        let receipt = act(&store);
        assert!(store.at("resources/fresh/a.md").exists());
        assert!(
            !store.at("resources/old").exists(),
            "only those directly under the scope"
        );
        assert_watch_tasks(&store, "after the commit");
        assert!(
            store.status().drift.is_empty_at_all(),
            "{:?}",
            store.status().drift
        );
        let undo = store.rollback(receipt.transaction).unwrap();
        assert_same(&content(&store.live_tree()), &before, "undone");
        store.rollback(undo.transaction).unwrap();
        assert_watch_tasks(&store, "after redo");
    }
}

#[test]
fn watch_tasks_in_a_backup_of_others_are_skipped_and_named() {
    let store = TestStore::fresh();
    let pack = PackBuilder::backup(&["resources"])
        .file("resources/.watch_tasks.json", "theirs")
        .file("resources/a.md", "a")
        .write(&store.beside("backup.ovpack"));
    let receipt = store.restore_with(&pack, OnConflict::Fail).unwrap();
    let live = store.live_tree();
    assert_eq!(
        live.keys().collect::<Vec<_>>(),
        ["resources", "resources/a.md"]
    );
    assert_eq!(receipt.left_out.len(), 1, "{receipt:?}");
    assert!(
        receipt.left_out[0].ends_with("resources/.watch_tasks.json"),
        "{receipt:?}"
    );
}

#[test]
fn what_was_edited_before_a_commit_is_in_the_journal_as_external() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    store.write("resources/notes/each.md", b"edited by hand");
    let receipt = store.overwrite(&version(&store, 2), PARENT);
    let show = store.open().show(tx(&receipt)).unwrap();
    let external: Vec<_> = show
        .change_list
        .iter()
        .filter(|change| change.change == ovpack::ChangeKind::External)
        .map(|change| {
            (
                change.uri.to_string(),
                change.after.and_then(|after| after.sha256),
            )
        })
        .collect();
    let digest = ovpack::Digest::of(b"edited by hand");
    assert_eq!(
        external,
        [("viking://resources/notes/each.md".to_owned(), Some(digest))]
    );
    store.rollback(receipt.transaction).unwrap();
    assert_eq!(get(&store.at("resources/notes/each.md")), b"edited by hand");
}

#[test]
fn a_slot_that_somebody_emptied_is_damage_and_nothing_is_exchanged() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let receipt = store.overwrite(&version(&store, 2), PARENT);
    let slots = store.path.join(".ovpack/slots");
    for (path, _) in crate::support::tree(&slots) {
        if path.ends_with("same.md") {
            std::fs::remove_file(slots.join(path)).unwrap();
        }
    }
    let error = store.rollback(receipt.transaction).unwrap_err();
    assert!([4, 8].contains(&error.kind().exit_code()), "{error:?}");
    assert_eq!(version_in_place(&store), 2);
}

/// Whether a drift report lists nothing.
trait IsEmptyAtAll {
    fn is_empty_at_all(&self) -> bool;
}

impl IsEmptyAtAll for ovpack::DriftReport {
    fn is_empty_at_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Files and bytes of the root, by the file system.
fn measured(store: &TestStore) -> (u64, u64) {
    root(store)
        .values()
        .filter_map(|node| match node.content {
            Content::File { size, .. } => Some(size),
            Content::Directory | Content::Other(_) => None,
        })
        .fold((0, 0), |(files, sum), bytes| (files + 1, sum + bytes))
}

#[test]
fn a_receipt_tells_what_is_there_also_after_a_redo_over_drift() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    store.write("resources/notes/each.md", b"version 1, edited");
    let second = store.overwrite(&version(&store, 2), PARENT);
    assert_eq!((second.files, second.bytes), measured(&store));
    store.write(
        "resources/notes/each.md",
        b"version 2, and much more than before",
    );
    store.write("resources/notes/new.md", b"");
    let undone = store.rollback_by_force(Some(tx(&second))).unwrap();
    assert_eq!((undone.files, undone.bytes), measured(&store));
    let redone = store.rollback(Some(tx(&undone))).unwrap();
    assert_eq!((redone.files, redone.bytes), measured(&store));
    let undone = store.rollback(Some(tx(&redone))).unwrap();
    assert_eq!((undone.files, undone.bytes), measured(&store));
}
