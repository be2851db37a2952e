//! Rollbacks of several transactions as one, redo, rehearsals, and rollbacks that look at no file.

use camino::Utf8PathBuf;
use ovpack::{
    DriftCheck, Error, OnLater, Receipt, RollbackOptions, RollbackRehearsal, TransactionId,
};

use crate::support::test_store::get;
use crate::support::{PackBuilder, TestStore, assert_fails, assert_same, content};

const PARENT: &str = "viking://resources";

fn version(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .file("same.md", "the same in all versions")
        .file("each.md", format!("version {number}"))
        .file(&format!("only-{number}.md"), "x")
        .write(&store.beside(&format!("v{number}.ovpack")))
}

fn inner(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes/inner")
        .file("i.md", format!("inner {number}"))
        .write(&store.beside(&format!("inner{number}.ovpack")))
}

fn tx(receipt: &Receipt) -> TransactionId {
    receipt.transaction.unwrap()
}

fn in_place(store: &TestStore) -> String {
    match std::fs::read_to_string(store.at("resources/notes/each.md")) {
        Ok(text) => text,
        Err(_) => "nothing".to_owned(),
    }
}

fn with_later() -> RollbackOptions {
    RollbackOptions {
        on_later: OnLater::RollBack,
        ..RollbackOptions::default()
    }
}

fn rollback_to(store: &TestStore, receipt: &Receipt) -> Receipt {
    store.open().rollback(tx(receipt), &with_later()).unwrap()
}

fn redo(store: &TestStore) -> Result<Receipt, Error> {
    store.open().redo(None, &RollbackOptions::default())
}

fn rehearse(store: &TestStore, receipt: &Receipt) -> RollbackRehearsal {
    let options = RollbackOptions::default();
    store
        .open()
        .rehearse_rollback(tx(receipt), &options)
        .unwrap()
}

fn codes(rehearsal: &RollbackRehearsal) -> Vec<&str> {
    rehearsal.obstacles.iter().map(Error::code).collect()
}

/// Three versions of one root.
fn three(store: &TestStore) -> [Receipt; 3] {
    let first = store.import(&version(store, 1), PARENT);
    let second = store.overwrite(&version(store, 2), PARENT);
    let third = store.overwrite(&version(store, 3), PARENT);
    [first, second, third]
}

#[test]
fn all_later_ones_are_rolled_back_as_one_transaction_with_one_rename() {
    let store = TestStore::fresh();
    let [_, second, third] = three(&store);
    let back = rollback_to(&store, &second);
    assert_eq!(in_place(&store), "version 1");
    assert_eq!(back.undoes, second.transaction);
    assert_eq!(back.undone, [tx(&third), tx(&second)]);
    assert_eq!(back.units, ["resources/notes"]);
    assert_eq!(back.generation, third.generation + 1);
    assert_eq!(
        back.in_effect,
        Some(tx(&second)).map(|_| store.log()[3].transaction)
    );
    let log = store.log();
    assert_eq!(
        log.iter().map(|entry| entry.undone_by).collect::<Vec<_>>(),
        [None, back.transaction, back.transaction, None]
    );
    assert_eq!(log[0].kind, "rollback");
    store
        .open()
        .verify_journal(&ovpack::JournalVerifyOptions::default())
        .unwrap();
}

#[test]
fn what_was_rolled_back_as_one_comes_back_as_one_and_is_rolled_back_one_by_one_after_that() {
    let store = TestStore::fresh();
    let [first, second, third] = three(&store);
    let before = store.live_tree();
    rollback_to(&store, &first);
    assert_eq!(in_place(&store), "nothing");
    redo(&store).unwrap();
    assert_same(&store.live_tree(), &before, "with times and modes");
    store.rollback(third.transaction).unwrap();
    assert_eq!(in_place(&store), "version 2");
    store.rollback(second.transaction).unwrap();
    assert_eq!(in_place(&store), "version 1");
    rollback_to(&store, &first);
    assert_eq!(in_place(&store), "nothing");
}

#[test]
fn import_overwrite_and_two_rollbacks_are_two_steps_back() {
    let store = TestStore::fresh();
    let first = store.import(&version(&store, 1), PARENT);
    let second = store.overwrite(&version(&store, 2), PARENT);
    store.rollback(second.transaction).unwrap();
    assert_eq!(in_place(&store), "version 1");
    let back = store.rollback(first.transaction).unwrap();
    assert_eq!(in_place(&store), "nothing");
    assert_eq!(back.in_effect, None);
    redo(&store).unwrap();
    assert_eq!(in_place(&store), "version 1");
    redo(&store).unwrap();
    assert_eq!(in_place(&store), "version 2");
    assert_fails(redo(&store), "nothing-to-redo", 9);
}

#[test]
fn roots_that_contain_one_another_go_back_together() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    store.import(&inner(&store, 1), "viking://resources/notes");
    let before = content(&store.live_tree());
    let second = store.overwrite(&inner(&store, 2), "viking://resources/notes");
    let third = store.overwrite(&version(&store, 3), PARENT);
    let after = content(&store.live_tree());
    let back = rollback_to(&store, &second);
    assert_same(&content(&store.live_tree()), &before, "both are back");
    assert_eq!(back.units, ["resources/notes", "resources/notes/inner"]);
    assert!(store.status().drift.changed.is_empty());
    let again = redo(&store).unwrap();
    assert_same(&content(&store.live_tree()), &after, "redone");
    assert_eq!(again.units, ["resources/notes/inner", "resources/notes"]);
    store.rollback(third.transaction).unwrap();
    let path = store.at("resources/notes/inner/i.md");
    assert_eq!(get(&path), b"inner 2", "one by one");
    store.rollback(second.transaction).unwrap();
    assert_same(&content(&store.live_tree()), &before, "one by one");
}

#[test]
fn a_transaction_on_another_root_stays_when_later_ones_are_rolled_back() {
    let store = TestStore::fresh();
    store.write("resources/mine.md", b"mine");
    let [first, ..] = three(&store);
    let other = PackBuilder::of("viking://resources/other")
        .file("o.md", "other")
        .write(&store.beside("other.ovpack"));
    store.import(&other, PARENT);
    let back = rollback_to(&store, &first);
    assert_eq!(back.undone.len(), 3);
    assert_eq!(get(&store.at("resources/other/o.md")), b"other");
}

#[test]
fn a_rehearsal_lists_everything_that_is_in_the_way() {
    let store = TestStore::fresh();
    let [_, second, third] = three(&store);
    store.write("resources/notes/each.md", b"edited");
    let slot = store.open().show(tx(&second)).unwrap().units[0].slot;
    let tree = store.path.join(format!(".ovpack/slots/{slot}/tree"));
    std::fs::remove_dir_all(tree).unwrap();
    let rehearsal = rehearse(&store, &second);
    assert!(!rehearsal.would_succeed);
    assert_eq!(
        codes(&rehearsal),
        ["later-transactions", "slot-damaged", "drift"]
    );
    assert_eq!(rehearsal.later, [tx(&third)]);
    assert!(
        rehearsal
            .drift
            .contains(&"viking://resources/notes/each.md".to_owned()),
        "{:?}",
        rehearsal.drift
    );
    let output = store.run(["rollback", &tx(&second).to_string(), "--dry-run", "--json"]);
    assert_eq!(output.code, Some(4), "that of the first: {output:?}");
    let error = &output.json()["error"];
    assert_eq!(error["reason"], "later-transactions");
    let told = &error["details"]["rehearsal"];
    assert_eq!(told["would_succeed"], false);
    let reasons: Vec<_> = told["obstacles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|obstacle| obstacle["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, codes(&rehearsal));
    let output = store.run(["rollback", &tx(&second).to_string(), "--dry-run"]);
    for word in ["later-transactions", "slot-damaged", "each.md"] {
        assert!(output.stdout.contains(word), "{output:?}");
    }
}

#[test]
fn a_rehearsal_of_several_tells_what_would_be_undone() {
    let store = TestStore::fresh();
    let [_, second, third] = three(&store);
    let before = store.whole();
    let to = tx(&second).to_string();
    let result = store
        .run(["rollback", "--to", &to, "--dry-run", "--json"])
        .result();
    assert_eq!(result["would_succeed"], true);
    assert_eq!(
        result["undone"],
        serde_json::json!([tx(&third).to_string(), to])
    );
    assert_eq!(result["changes"]["replaced"], 1);
    assert_same(&store.whole(), &before, "nothing was changed");
    let result = store.run(["rollback", "--to", &to, "--json"]).result();
    assert_eq!(result["changes"]["replaced"], 1);
    assert_eq!(in_place(&store), "version 1");
}

#[test]
fn a_file_that_changed_in_a_slot_is_named_with_the_slot() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let second = store.overwrite(&version(&store, 2), PARENT);
    let slot = store.open().show(tx(&second)).unwrap().units[0].slot;
    let path = store
        .path
        .join(format!(".ovpack/slots/{slot}/tree/each.md"));
    std::fs::write(path, "written by an open writer").unwrap();
    let rehearsal = rehearse(&store, &second);
    let named = format!("slot {slot}: resources/notes/each.md");
    assert_eq!(codes(&rehearsal), ["drift"]);
    assert_eq!(rehearsal.drift, [named.as_str()]);
    match assert_fails(store.rollback(second.transaction), "drift", 4) {
        Error::Drift { paths, total } => assert_eq!((paths, total), (vec![named], 1)),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_rollback_that_looks_at_no_file_loses_nothing_and_the_next_look_finds_it() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let second = store.overwrite(&version(&store, 2), PARENT);
    store.write("resources/notes/each.md", b"edited");
    let options = RollbackOptions {
        drift: DriftCheck::Skip,
        ..RollbackOptions::default()
    };
    let back = store.open().rollback(tx(&second), &options).unwrap();
    assert_eq!(in_place(&store), "version 1");
    assert_eq!(
        (
            back.changes.added,
            back.changes.replaced,
            back.changes.removed
        ),
        (1, 1, 1)
    );
    assert_eq!((back.files, back.bytes), (3, 24 + 9 + 1));
    assert!(store.status().drift.changed.is_empty());
    let slot = store.open().show(tx(&second)).unwrap().units[0].slot;
    match assert_fails(redo(&store), "drift", 4) {
        Error::Drift { paths, .. } => {
            assert_eq!(paths, [format!("slot {slot}: resources/notes/each.md")]);
        }
        error => panic!("{error:?}"),
    }
    store.open().redo(None, &options).unwrap();
    assert_eq!(in_place(&store), "edited");
    let drift = store.status().drift;
    assert_eq!(drift.changed, ["viking://resources/notes/each.md"]);
}

#[test]
fn a_rollback_that_looks_at_no_file_counts_as_one_that_does() {
    let make = || {
        let store = TestStore::fresh();
        store.import(&version(&store, 1), PARENT);
        store.import(&inner(&store, 1), "viking://resources/notes");
        store.overwrite(&inner(&store, 2), "viking://resources/notes");
        store.overwrite(&version(&store, 3), PARENT);
        store
    };
    let (looking, blind) = (make(), make());
    let options = RollbackOptions {
        drift: DriftCheck::Skip,
        ..with_later()
    };
    for tx in ["tx3", "tx2"] {
        let tx = tx.parse().unwrap();
        let one = looking.open().rollback(tx, &with_later()).unwrap();
        let other = blind.open().rollback(tx, &options).unwrap();
        assert_eq!(
            (one.changes, one.files, one.bytes, one.units),
            (other.changes, other.files, other.bytes, other.units)
        );
        assert_same(
            &content(&looking.live_tree()),
            &content(&blind.live_tree()),
            "the same trees",
        );
        let one = redo(&looking).unwrap();
        let other = blind
            .open()
            .redo(
                None,
                &RollbackOptions {
                    drift: DriftCheck::Skip,
                    ..RollbackOptions::default()
                },
            )
            .unwrap();
        assert_eq!((one.changes, one.files), (other.changes, other.files));
        assert!(blind.status().drift.changed.is_empty());
        // What was recorded without a look is right: a look finds nothing.
        rollback_to(&blind, &other);
        rollback_to(&looking, &one);
        redo(&looking).unwrap();
        redo(&blind).unwrap();
    }
}

#[test]
fn redo_takes_back_the_newest_rollback_that_nothing_lies_over() {
    let store = TestStore::fresh();
    assert_fails(redo(&store), "nothing-to-redo", 9);
    store.write("resources/mine.md", b"mine");
    let other = PackBuilder::of("viking://resources/other")
        .file("o.md", "other")
        .write(&store.beside("other.ovpack"));
    let first = store.import(&other, PARENT);
    let undo_first = store.rollback(first.transaction).unwrap();
    let second = store.import(&version(&store, 1), PARENT);
    let undo_second = store.rollback(second.transaction).unwrap();
    // Another import takes the place of what would come back.
    let third = store.import(&version(&store, 2), PARENT);
    assert_eq!(store.open().to_redo(None).unwrap(), tx(&undo_first));
    let redone = redo(&store).unwrap();
    assert_eq!(redone.undoes, undo_first.transaction);
    match assert_fails(redo(&store), "later-transactions", 4) {
        Error::LaterTransactions { tx: of, later } => {
            assert_eq!((of, later), (tx(&undo_second), vec![tx(&third)]));
        }
        error => panic!("{error:?}"),
    }
    let named = |receipt: &Receipt| {
        let options = RollbackOptions::default();
        store.open().redo(receipt.transaction, &options)
    };
    assert_fails(named(&third), "nothing-to-redo", 9);
    assert_fails(named(&redone), "nothing-to-redo", 9);
    assert_fails(named(&undo_second), "later-transactions", 4);
    store.rollback(third.transaction).unwrap();
    assert_eq!(named(&undo_second).unwrap().undoes, undo_second.transaction);
    assert_eq!(in_place(&store), "version 1");
}

#[test]
fn the_program_says_what_was_done_what_is_in_effect_and_how_it_is_taken_back() {
    let store = TestStore::fresh();
    let [first, second, third] = three(&store);
    let output = store.run(["rollback", "--to", &tx(&second).to_string()]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.stdout, "viking://resources/notes\n");
    let said: Vec<_> = output.stderr.lines().collect();
    let (second, third) = (tx(&second), tx(&third));
    assert!(
        said[0].starts_with(&format!("rolled back {third}, {second} as tx4 in ")),
        "{said:?}"
    );
    let expected = format!(
        "in effect now: viking://resources/notes with 3 files, 34 B, the last commit there is {}",
        tx(&first)
    );
    assert_eq!(said[1], expected);
    assert!(said[2].contains("rollback tx4 --store"), "{said:?}");
    let output = store.run(["redo", "--json"]);
    assert_eq!(output.result()["undoes"], "tx4");
    assert_eq!(in_place(&store), "version 3");
    let output = store.run(["redo"]);
    assert_eq!(output.code, Some(9), "{output:?}");
    assert!(
        output.stderr.contains("the last commit is tx5"),
        "{output:?}"
    );
    assert_eq!(store.run(["rollback"]).code, Some(2));
    assert_eq!(store.run(["rollback", "tx1", "--to", "tx1"]).code, Some(2));
}

#[test]
fn what_a_rollback_of_several_carried_into_a_slot_comes_back_with_that_rollback_alone() {
    let store = TestStore::fresh();
    let backup = PackBuilder::backup(&["resources"])
        .file("resources/notes/each.md", "restored")
        .write(&store.beside("backup.ovpack"));
    let restored = store
        .restore_with(&backup, ovpack::OnConflict::Fail)
        .unwrap();
    let away = store.rollback(restored.transaction).unwrap();
    let again = store.rollback(away.transaction).unwrap();
    store.import(&inner(&store, 1), "viking://resources/notes");
    let all = store.live_tree();
    let several = rollback_to(&store, &again);
    assert_eq!(several.undone.len(), 2, "the import and the redo");
    assert_eq!(in_place(&store), "nothing");
    // The slot of the restore now holds the import too: it is not what `away` took.
    let error = store.open().rollback(tx(&away), &with_later());
    let error = assert_fails(error, "later-transactions", 4);
    let Error::LaterTransactions { later, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(later, &[tx(&several)]);
    assert_eq!(in_place(&store), "nothing");
    redo(&store).unwrap();
    assert_same(&store.live_tree(), &all, "with times and modes");
}
