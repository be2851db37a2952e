//! Reverts: some paths as they were before a transaction, and everything else as it is.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{ChangeCounts, ChangeKind, Error, Receipt, RollbackOptions, Uri};

use crate::support::test_store::get;
use crate::support::{
    PackBuilder, TestStore, Tree, assert_fails, assert_same, below, content, uri,
};

const PARENT: &str = "viking://resources";

fn version(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .file("same.md", "the same in all versions")
        .file("each.md", format!("version {number}"))
        .file("sub/each.md", format!("sub {number}"))
        .file(&format!("only-{number}/deep/x.md"), format!("{number}"))
        .write(&store.beside(&format!("v{number}.ovpack")))
}

/// A root of version 1 with odd modes and times, replaced by version 2.
fn replaced(store: &TestStore) -> Receipt {
    store.import(&version(store, 1), PARENT);
    let path = store.at("resources/notes/each.md");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    age(&path, 1);
    store.overwrite(&version(store, 2), PARENT)
}

fn age(path: &Utf8Path, seconds: u64) {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds);
    let file = std::fs::File::open(path).unwrap();
    file.set_modified(then).unwrap();
}

fn revert(store: &TestStore, tx: &Receipt, paths: &[&str]) -> Result<Receipt, Error> {
    revert_with(store, tx, paths, &RollbackOptions::default())
}

fn revert_with(
    store: &TestStore,
    tx: &Receipt,
    paths: &[&str],
    options: &RollbackOptions,
) -> Result<Receipt, Error> {
    let paths: Vec<Uri> = paths
        .iter()
        .map(|path| uri(&format!("viking://resources/notes/{path}")))
        .collect();
    let rehearsed = store
        .open()
        .rehearse_revert(tx.transaction.unwrap(), &paths, options);
    let done = store
        .open()
        .revert(tx.transaction.unwrap(), &paths, options);
    match (&rehearsed, &done) {
        (Ok(rehearsed), Ok(done)) => {
            assert!(rehearsed.would_succeed, "{rehearsed:?}");
            assert_eq!(rehearsed.receipt.changes, done.changes);
            assert_eq!(rehearsed.receipt.units, done.units);
        }
        (Ok(rehearsed), Err(error)) => {
            assert_eq!(rehearsed.obstacles[0].code(), error.code());
        }
        (Err(one), Err(other)) => assert_eq!(one.code(), other.code()),
        (Err(error), Ok(_)) => panic!("{error:?}"),
    }
    done
}

fn root(store: &TestStore) -> Tree {
    below(&store.live_tree(), "resources/notes")
}

fn text(store: &TestStore, path: &str) -> String {
    let bytes = get(&store.at("resources/notes").join(path));
    String::from_utf8(bytes).unwrap()
}

fn counts(added: u64, replaced: u64, unchanged: u64, removed: u64) -> ChangeCounts {
    ChangeCounts {
        added,
        replaced,
        unchanged,
        removed,
    }
}

#[test]
fn one_file_comes_back_with_mode_and_time_and_everything_else_stays() {
    let store = TestStore::fresh();
    let second = replaced(&store);
    let before = root(&store);
    let back = revert(&store, &second, &["each.md"]).unwrap();
    assert_eq!(text(&store, "each.md"), "version 1");
    let found = std::fs::metadata(store.at("resources/notes/each.md")).unwrap();
    assert_eq!(
        (found.mode() & 0o7777, found.mtime()),
        (0o600, 1_000_000_001)
    );
    let mut expected = content(&before);
    let mut now = content(&root(&store));
    assert_ne!(expected.remove("each.md"), now.remove("each.md"));
    assert_same(&now, &expected, "all but the one file");
    let (mut kept, mut then) = (root(&store), before.clone());
    for tree in [&mut kept, &mut then] {
        tree.retain(|path, _| path.contains(".md") && path != "each.md");
        assert!(!tree.is_empty());
    }
    assert_same(&kept, &then, "kept files have their modes and times");
    assert_eq!(back.changes, counts(0, 1, 0, 0), "those of the path");
    assert_eq!(back.files, 1);
    assert_eq!(back.reverts, second.transaction);
    assert_eq!(back.undoes, None);
    assert_eq!(back.uri.to_string(), "viking://resources/notes/each.md");

    let report = store.open().show(back.transaction.unwrap()).unwrap();
    assert_eq!(report.summary.kind, "revert");
    let changes: Vec<_> = report.change_list.iter().collect();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].change, ChangeKind::Replaced);
    let drift = store.status().drift;
    assert!(drift.changed.is_empty() && drift.missing.is_empty() && drift.added.is_empty());
    store
        .open()
        .verify_journal(&ovpack::JournalVerifyOptions::default())
        .unwrap();

    store.rollback(back.transaction).unwrap();
    assert_same(&root(&store), &before, "rolled back like any commit");
    store.rollback(second.transaction).unwrap();
    assert_eq!(text(&store, "each.md"), "version 1");
    assert_eq!(text(&store, "sub/each.md"), "sub 1");
}

#[test]
fn a_directory_that_was_removed_comes_back_and_one_that_was_added_goes_away() {
    let store = TestStore::fresh();
    let second = replaced(&store);
    let back = revert(&store, &second, &["only-1"]).unwrap();
    assert_eq!(text(&store, "only-1/deep/x.md"), "1");
    assert_eq!(back.changes, counts(3, 0, 0, 0));
    assert_eq!(back.units, ["resources/notes/only-1"]);
    let away = revert(&store, &second, &["only-2"]).unwrap();
    assert!(!store.at("resources/notes/only-2").exists());
    assert_eq!(away.changes, counts(0, 0, 0, 3));
    assert_eq!(text(&store, "each.md"), "version 2");
    store.rollback(away.transaction).unwrap();
    assert_eq!(text(&store, "only-2/deep/x.md"), "2");
    store.rollback(back.transaction).unwrap();
    assert!(!store.at("resources/notes/only-1").exists());
    assert!(store.status().drift.changed.is_empty());
}

#[test]
fn a_path_deep_in_what_is_missing_comes_back_with_the_directories_above_it() {
    let store = TestStore::fresh();
    let second = replaced(&store);
    let back = revert(&store, &second, &["only-1/deep/x.md"]).unwrap();
    assert_eq!(text(&store, "only-1/deep/x.md"), "1");
    assert_eq!(back.units, ["resources/notes/only-1"]);
    store.rollback(back.transaction).unwrap();
    assert!(!store.at("resources/notes/only-1").exists());
}

#[test]
fn several_paths_come_back_as_one_transaction() {
    let store = TestStore::fresh();
    let second = replaced(&store);
    let paths = ["each.md", "sub", "sub/each.md", "only-2", "only-1/deep"];
    let back = revert(&store, &second, &paths).unwrap();
    assert_eq!(text(&store, "each.md"), "version 1");
    assert_eq!(text(&store, "sub/each.md"), "sub 1");
    assert_eq!(text(&store, "only-1/deep/x.md"), "1");
    assert!(!store.at("resources/notes/only-2").exists());
    assert_eq!(back.units, ["resources/notes"], "one exchange");
    assert_eq!(back.uri.to_string(), "viking://resources/notes");
    assert_eq!(store.status().generation, 3);
}

#[test]
fn a_path_comes_back_from_under_later_transactions() {
    let store = TestStore::fresh();
    let second = replaced(&store);
    store.overwrite(&version(&store, 3), PARENT);
    revert(&store, &second, &["each.md"]).unwrap();
    assert_eq!(text(&store, "each.md"), "version 1", "before the second");
    assert_eq!(text(&store, "sub/each.md"), "sub 3", "as the third left it");
    assert!(store.status().drift.changed.is_empty());
}

#[test]
fn what_drifted_elsewhere_stays_and_what_drifted_at_the_path_is_a_conflict() {
    let store = TestStore::fresh();
    let second = replaced(&store);
    store.write("resources/notes/same.md", b"edited by hand");
    store.write("resources/notes/each.md", b"edited by hand");
    match assert_fails(revert(&store, &second, &["each.md"]), "drift", 4) {
        Error::Drift { paths, total } => {
            assert_eq!(
                (paths.as_slice(), total),
                (&["viking://resources/notes/each.md".to_owned()][..], 1)
            );
        }
        error => panic!("{error:?}"),
    }
    let options = RollbackOptions {
        force: true,
        ..RollbackOptions::default()
    };
    let back = revert_with(&store, &second, &["each.md"], &options).unwrap();
    assert_eq!(text(&store, "each.md"), "version 1");
    assert_eq!(text(&store, "same.md"), "edited by hand");
    store.rollback(back.transaction).unwrap();
    assert_eq!(text(&store, "each.md"), "edited by hand", "nothing is lost");
}

#[test]
fn content_that_changed_in_the_slot_is_refused_and_other_content_is_not() {
    let store = TestStore::fresh();
    let second = replaced(&store);
    let slot = store
        .open()
        .show(second.transaction.unwrap())
        .unwrap()
        .units[0]
        .slot;
    let path = store
        .path
        .join(format!(".ovpack/slots/{slot}/tree/each.md"));
    std::fs::write(&path, "version X").unwrap();
    let before = store.live_tree();
    let error = assert_fails(revert(&store, &second, &["each.md"]), "slot-damaged", 8);
    assert!(
        error.to_string().contains("resources/notes/each.md"),
        "{error}"
    );
    assert_same(&store.live_tree(), &before, "nothing was changed");
    revert(&store, &second, &["sub"]).unwrap();
    assert_eq!(text(&store, "sub/each.md"), "sub 1");
    assert_eq!(get(&path), b"version X", "the slot keeps what it holds");
}

#[test]
fn a_writer_of_the_live_file_does_not_reach_into_the_slot() {
    let store = TestStore::fresh();
    let second = replaced(&store);
    revert(&store, &second, &["each.md"]).unwrap();
    store.write("resources/notes/each.md", b"written later");
    let slot = store
        .open()
        .show(second.transaction.unwrap())
        .unwrap()
        .units[0]
        .slot;
    let path = store
        .path
        .join(format!(".ovpack/slots/{slot}/tree/each.md"));
    assert_eq!(get(&path), b"version 1");
}

#[test]
fn what_cannot_be_brought_back_is_told() {
    let store = TestStore::fresh();
    let second = replaced(&store);
    let open = store.open();
    let tx = second.transaction.unwrap();
    let options = RollbackOptions::default();
    let of = |text: &str| open.revert(tx, &[uri(text)], &options);
    assert_fails(of("viking://resources/other/x.md"), "not-in-transaction", 9);
    assert_fails(of("viking://"), "not-in-transaction", 9);
    assert_fails(of("viking://resources/notes/none.md"), "uri-not-found", 9);
    assert_fails(open.revert(tx, &[], &options), "invalid-argument", 2);
    store.rollback(second.transaction).unwrap();
    assert_fails(of("viking://resources/notes/each.md"), "not-in-effect", 4);
    let aborted = store
        .log()
        .into_iter()
        .filter(|entry| entry.state == "aborted");
    assert_eq!(aborted.count(), 3, "attempts stay in the journal");
}

#[test]
fn a_revert_on_the_command_line_says_what_it_did() {
    let store = TestStore::fresh();
    let second = replaced(&store).transaction.unwrap().to_string();
    let words = ["rollback", &second, "--path", "resources/notes/each.md"];
    let before = store.whole();
    let rehearsed = store
        .run(words.iter().chain(&["--dry-run", "--json"]))
        .result();
    assert_eq!(rehearsed["would_succeed"], true);
    assert_eq!(rehearsed["reverts"], second);
    assert!(rehearsed["needed_bytes"].as_u64().unwrap() > 0);
    assert_same(&store.whole(), &before, "nothing was changed");
    let output = store.run(words);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.stdout, "viking://resources/notes/each.md\n");
    let expected = format!("brought back what was there before {second} as tx3 in ");
    assert!(output.stderr.starts_with(&expected), "{output:?}");
    assert!(output.stderr.contains("rollback tx3"), "{output:?}");
    assert_eq!(text(&store, "each.md"), "version 1");
    let words = [
        "rollback",
        "--to",
        &second,
        "--path",
        "resources/notes/each.md",
    ];
    assert_eq!(store.run(words).code, Some(2));
}
