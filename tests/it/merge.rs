//! Merges and selections: what the pack has is put in its place, and everything else stays.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{
    ChangeCounts, ChangeKind, Error, ImportOptions, JournalVerifyOptions, OnConflict, Receipt,
    Rule, Selection, Sense,
};

use crate::support::fault::{EIO, steps_of, with_fault};
use crate::support::test_store::{get, put};
use crate::support::{
    PackBuilder, TestStore, Tree, assert_fails, assert_same, below, content, report, rules, uri,
};

const PARENT: &str = "viking://resources";

/// A pack of a root that has some paths of `filled` and some of its own.
fn pack(store: &TestStore) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .file("same.md", "the same")
        .file("each.md", "of the pack")
        .file("sub/new.md", "new")
        .file("made/deep/x.md", "x")
        .write(&store.beside("notes.ovpack"))
}

/// A store with a root that has odd modes and times, put there without ovpack.
fn filled() -> TestStore {
    let store = TestStore::fresh();
    for (path, bytes, mode) in [
        ("same.md", "the same", 0o600),
        ("each.md", "of the store", 0o640),
        ("mine.md", "mine", 0o444),
        ("sub/kept.md", "kept", 0o755),
        ("other/deep/y.md", "y", 0o644),
    ] {
        let path = format!("resources/notes/{path}");
        store.write(&path, bytes.as_bytes());
        set(&store.at(&path), mode);
    }
    for (path, mode) in [("sub", 0o750), ("other/deep", 0o700), ("other", 0o555)] {
        let path = store.at("resources/notes").join(path);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    store
}

fn set(path: &Utf8Path, mode: u32) {
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000 + u64::from(mode), 7);
    let file = std::fs::File::open(path).unwrap();
    file.set_modified(then).unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(mode))
        .unwrap();
}

fn merging(include: &[&str], exclude: &[&str]) -> ImportOptions {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    ImportOptions {
        on_conflict: OnConflict::Merge,
        selection: Selection {
            include: owned(include),
            exclude: owned(exclude),
        },
        ..ImportOptions::default()
    }
}

/// Imports, after a rehearsal that must tell the same and change nothing.
fn import(store: &TestStore, pack: &Utf8Path, options: &ImportOptions) -> Result<Receipt, Error> {
    let before = store.whole();
    let rehearsal = ImportOptions {
        dry_run: true,
        ..options.clone()
    };
    let rehearsed = store.open().import(pack, &uri(PARENT), &rehearsal);
    assert_same(&store.whole(), &before, "a rehearsal changes nothing");
    let done = store.open().import(pack, &uri(PARENT), options);
    match (&rehearsed, &done) {
        (Ok(rehearsed), Ok(done)) => {
            assert_eq!(rehearsed.changes, done.changes);
            assert_eq!(rehearsed.units, done.units);
            assert_eq!(rehearsed.left_out, done.left_out);
            assert_eq!((rehearsed.files, rehearsed.bytes), (done.files, done.bytes));
        }
        (Err(one), Err(other)) => assert_eq!(one.code(), other.code()),
        (one, other) => panic!("{one:?}, then {other:?}"),
    }
    done
}

fn root(store: &TestStore) -> Tree {
    below(&store.live_tree(), "resources/notes")
}

fn paths(tree: &Tree) -> Vec<&str> {
    tree.keys().map(String::as_str).collect()
}

fn text(store: &TestStore, path: &str) -> String {
    String::from_utf8(get(&store.at("resources/notes").join(path))).unwrap()
}

fn counts(added: u64, replaced: u64, unchanged: u64, removed: u64) -> ChangeCounts {
    ChangeCounts {
        added,
        replaced,
        unchanged,
        removed,
    }
}

/// Nothing drifted where the packs go, and the journal is whole.
fn ensure_agrees(store: &TestStore) {
    let drift = store.status().drift;
    assert!(
        drift.changed.is_empty() && drift.missing.is_empty(),
        "{drift:?}"
    );
    let added = |uri: &&String| uri.starts_with("viking://resources/notes");
    assert_eq!(drift.added.iter().find(added), None);
    let options = JournalVerifyOptions::default();
    store.open().verify_journal(&options).unwrap();
}

#[test]
fn a_merge_adds_and_replaces_and_keeps_everything_else_as_it_is() {
    let store = filled();
    let before = root(&store);
    let done = import(&store, &pack(&store), &merging(&[], &[])).unwrap();
    let after = root(&store);
    assert_eq!(
        paths(&after),
        [
            "",
            "each.md",
            "made",
            "made/deep",
            "made/deep/x.md",
            "mine.md",
            "other",
            "other/deep",
            "other/deep/y.md",
            "same.md",
            "sub",
            "sub/kept.md",
            "sub/new.md"
        ]
    );
    assert_eq!(text(&store, "each.md"), "of the pack");
    assert_eq!(text(&store, "sub/new.md"), "new");
    assert_eq!(text(&store, "made/deep/x.md"), "x");
    for kept in ["mine.md", "other/deep/y.md", "same.md", "sub/kept.md"] {
        assert_eq!(after[kept], before[kept], "{kept}: bytes, mode and time");
    }
    for kept in ["", "other", "other/deep", "sub"] {
        assert_eq!(after[kept].mode, before[kept].mode, "{kept}: mode");
    }
    assert_eq!(after["each.md"].mode, 0o644, "of an import");
    // The root, and what stays: three directories and four files.
    assert_eq!(done.changes, counts(4, 1, 8, 0));
    assert_eq!((done.files, done.bytes), (7, 11 + 1 + 4 + 1 + 8 + 4 + 3));
    assert_eq!(done.units, ["resources/notes"]);
    ensure_agrees(&store);
    let shown = store.open().show(done.transaction.unwrap()).unwrap();
    assert_eq!(shown.on_conflict.as_deref(), Some("merge"));
    assert_eq!(shown.selection, []);
}

#[test]
fn a_merge_is_rolled_back_and_redone_exactly() {
    let store = filled();
    let before = root(&store);
    let done = import(&store, &pack(&store), &merging(&[], &[])).unwrap();
    let after = root(&store);
    let back = store.rollback(done.transaction).unwrap();
    assert_same(&root(&store), &before, "rolled back, with modes and times");
    ensure_agrees(&store);
    store.rollback(back.transaction).unwrap();
    assert_same(&root(&store), &after, "and redone");
    ensure_agrees(&store);
}

#[test]
fn no_file_is_linked_between_the_live_tree_and_the_slot() {
    let store = filled();
    let done = import(&store, &pack(&store), &merging(&[], &[])).unwrap();
    let slot = store.open().show(done.transaction.unwrap()).unwrap().units[0].slot;
    let slot = store.path.join(format!(".ovpack/slots/{slot}/tree"));
    let mut inodes = BTreeSet::new();
    let mut files = 0;
    for dir in [&slot, &store.at("resources/notes")] {
        for path in crate::support::tree(dir).keys() {
            let stat = std::fs::symlink_metadata(dir.join(path)).unwrap();
            if stat.is_file() {
                files += 1;
                assert_eq!(stat.nlink(), 1, "{path}");
                assert!(inodes.insert(stat.ino()), "{path}");
            }
        }
    }
    assert_eq!(files, 5 + 7);
    let before = crate::support::tree(&slot);
    store.write("resources/notes/sub/kept.md", b"written in place");
    assert_same(&crate::support::tree(&slot), &before, "the slot");
}

#[test]
fn a_merge_into_nothing_is_an_import() {
    let store = TestStore::fresh();
    let done = import(&store, &pack(&store), &merging(&[], &[])).unwrap();
    // With the scope, which is missing in a store that has just been made.
    assert_eq!(done.changes, counts(9, 0, 0, 0));
    assert_eq!(text(&store, "each.md"), "of the pack");
    store.rollback(done.transaction).unwrap();
    assert!(!store.at("resources/notes").exists());
}

#[test]
fn the_plan_lists_what_stays_as_unchanged_and_removes_nothing() {
    let store = filled();
    let options = ImportOptions {
        dry_run: true,
        ..merging(&[], &[])
    };
    let planned = store
        .open()
        .import(&pack(&store), &uri(PARENT), &options)
        .unwrap();
    let changes = planned.plan.unwrap();
    let of = |kind| -> Vec<_> {
        let changes = changes.iter().filter(|change| change.change == kind);
        changes
            .map(|change| change.uri.path().to_string())
            .collect()
    };
    assert_eq!(of(ChangeKind::Replaced), ["resources/notes/each.md"]);
    assert_eq!(
        of(ChangeKind::Added),
        ["made", "made/deep", "made/deep/x.md", "sub/new.md"]
            .map(|path| format!("resources/notes/{path}"))
    );
    assert!(of(ChangeKind::Unchanged).contains(&"resources/notes/mine.md".to_owned()));
    assert_eq!(of(ChangeKind::Removed), [""; 0]);
}

#[test]
fn a_file_that_meets_a_directory_is_a_conflict_that_names_both() {
    let store = TestStore::fresh();
    store.write("resources/notes/each.md/below.md", b"below");
    store.write("resources/notes/made", b"a file");
    let before = store.live_tree();
    let result = import(&store, &pack(&store), &merging(&[], &[]));
    let error = assert_fails(result, "kind-differs", 4);
    assert_eq!(rules(&error), [Rule::KindDiffers]);
    let findings: Vec<_> = report(&error)
        .unwrap()
        .findings
        .iter()
        .map(|finding| (finding.path.as_str(), finding.detail.as_str()))
        .collect();
    assert_eq!(
        findings,
        [
            (
                "viking://resources/notes/each.md",
                "is a file in the pack and a directory in the store"
            ),
            (
                "viking://resources/notes/made",
                "is a directory in the pack and a file in the store"
            ),
        ]
    );
    assert_same(&store.live_tree(), &before, "nothing was changed");
    let options = merging(&[], &["each.md", "made"]);
    import(&store, &pack(&store), &options).unwrap();
    assert_eq!(text(&store, "made"), "a file");
    assert_eq!(text(&store, "each.md/below.md"), "below");
    assert_eq!(text(&store, "sub/new.md"), "new");
}

#[test]
fn watch_task_files_and_locks_are_the_stores_own() {
    let store = TestStore::fresh();
    store.write("resources/.watch_tasks.json", b"live tasks");
    set(&store.at("resources/.watch_tasks.json"), 0o600);
    store.write("resources/a.md", b"live");
    let before = store.live_tree();
    let scope = PackBuilder::of("viking://resources")
        .file(".watch_tasks.json", "the pack's tasks")
        .file(".watch_tasks.json.bak", "the pack's tasks")
        .file("sub/.path.ovlock", "the pack's lock")
        .file("b.md", "of the pack")
        .write(&store.beside("scope.ovpack"));
    let done = store
        .open()
        .import(&scope, &uri("viking://"), &merging(&[], &[]))
        .unwrap();
    assert_eq!(
        done.left_out,
        [
            ".watch_tasks.json",
            ".watch_tasks.json.bak",
            "sub/.path.ovlock"
        ]
    );
    let after = below(&store.live_tree(), "resources");
    assert_eq!(
        paths(&after),
        ["", ".watch_tasks.json", "a.md", "b.md", "sub"]
    );
    let task = ".watch_tasks.json";
    assert_eq!(after[task], below(&before, "resources")[task]);
    ensure_agrees(&store);
}

#[test]
fn an_error_while_a_kept_file_is_copied_changes_nothing() {
    let run = |store: &TestStore| {
        let options = merging(&[], &[]);
        let done = store.open().import(&pack(store), &uri(PARENT), &options);
        done.map(drop)
    };
    let undisturbed = filled();
    let steps = steps_of(|| run(&undisturbed).unwrap());
    let at = steps.iter().position(|step| *step == "utimens").unwrap() as u64 + 1;
    let store = filled();
    let before = store.live_tree();
    let failed = with_fault(at, ovpack::fault::Outcome::Fail(EIO), || run(&store));
    assert_fails(failed, "io", 1);
    assert_same(&store.live_tree(), &before, "nothing was changed");
    assert_eq!(store.log()[0].state, "aborted");
}

#[test]
fn include_takes_only_what_matches() {
    let store = filled();
    let before = root(&store);
    let options = merging(&["sub", "made/**/*.md"], &[]);
    let done = import(&store, &pack(&store), &options).unwrap();
    let mut expected = content(&before);
    let after = root(&store);
    for added in ["sub/new.md", "made", "made/deep", "made/deep/x.md"] {
        expected.insert(added.to_owned(), after[added].content.clone());
    }
    assert_same(&content(&after), &expected, "what is included, and no more");
    assert_eq!(text(&store, "each.md"), "of the store");
    assert_eq!(done.changes, counts(4, 0, 9, 0));
    ensure_agrees(&store);
    store.rollback(done.transaction).unwrap();
    assert_same(&root(&store), &before, "rolled back");
}

#[test]
fn exclude_wins_over_include() {
    let store = TestStore::fresh();
    let options = merging(&["made", "*.md"], &["same.md", "made/deep/"]);
    let done = import(&store, &pack(&store), &options).unwrap();
    assert_eq!(paths(&root(&store)), ["", "each.md", "made"]);
    assert_eq!(done.changes, counts(4, 0, 0, 0));
    assert_eq!((done.files, done.bytes), (1, 11));
}

#[test]
fn the_journal_has_the_selection() {
    let store = filled();
    let options = merging(&["sub/", "each.md"], &["same.md"]);
    let done = import(&store, &pack(&store), &options).unwrap();
    let shown = store.open().show(done.transaction.unwrap()).unwrap();
    let patterns: Vec<_> = shown
        .selection
        .iter()
        .map(|pattern| (pattern.sense, pattern.pattern.as_str()))
        .collect();
    assert_eq!(
        patterns,
        [
            (Sense::Include, "sub/"),
            (Sense::Include, "each.md"),
            (Sense::Exclude, "same.md")
        ]
    );
    let output = store.run(["show", &done.transaction.unwrap().to_string()]);
    for line in ["include      sub/", "exclude      same.md"] {
        assert!(output.stdout.contains(line), "{output:?}");
    }
    ensure_agrees(&store);
    let journal = rusqlite::Connection::open(store.path.join(".ovpack/store.db")).unwrap();
    let told = journal
        .prepare("SELECT 'tx' || tx || ' ' || ordinal || ' ' || sense || ' ' || pattern FROM audit_selections ORDER BY tx, ordinal")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<Vec<String>>>()
        .unwrap();
    let tx = done.transaction.unwrap();
    let expected = [
        format!("{tx} 1 include sub/"),
        format!("{tx} 2 include each.md"),
        format!("{tx} 3 exclude same.md"),
    ];
    assert_eq!(told, expected);
    let refused = journal.execute("UPDATE tx_selection SET pattern = '**'", []);
    assert!(refused.unwrap_err().to_string().contains("append-only"));
    journal
        .execute_batch("DROP TRIGGER tx_selection_is_written_once; UPDATE tx_selection SET pattern = '**' WHERE ordinal = 2; CREATE TRIGGER tx_selection_is_written_once BEFORE UPDATE ON tx_selection BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;")
        .unwrap();
    drop(journal);
    let options = JournalVerifyOptions::default();
    let verified = store.open().verify_journal(&options);
    assert_fails(verified, "journal-damaged", 8);
}

#[test]
fn what_selects_nothing_is_told_and_is_an_attempt() {
    let store = filled();
    let before = store.live_tree();
    for (include, exclude, told) in [
        (&["sub", "none/*.md"][..], &[][..], "include none/*.md"),
        (&[], &["*.png"], "exclude *.png"),
        (&["sub"], &["**"], "include sub, exclude **"),
    ] {
        let result = import(&store, &pack(&store), &merging(include, exclude));
        match assert_fails(result, "nothing-selected", 9) {
            Error::NothingSelected { patterns, .. } => assert_eq!(patterns, told),
            error => panic!("{error:?}"),
        }
        assert_eq!(store.log()[0].state, "aborted");
    }
    assert_same(&store.live_tree(), &before, "nothing was changed");
    assert_eq!(store.log().len(), 3);
    let result = import(&store, &pack(&store), &merging(&["[a"], &[]));
    assert_fails(result, "invalid-argument", 2);
    let overwrite = ImportOptions {
        on_conflict: OnConflict::Overwrite,
        ..merging(&["sub"], &[])
    };
    let result = import(&store, &pack(&store), &overwrite);
    assert_fails(result, "invalid-argument", 2);
    assert_eq!(store.log().len(), 3, "what cannot be meant is no attempt");
}

#[test]
fn a_pack_is_verified_as_a_whole_whatever_is_selected() {
    let store = filled();
    let before = store.live_tree();
    let damaged = PackBuilder::of("viking://resources/notes")
        .file("good.md", "good")
        .file("bad.md", "bad")
        .forged("bad.md", "not what the manifest says")
        .write(&store.beside("damaged.ovpack"));
    let result = import(&store, &damaged, &merging(&["good.md"], &[]));
    let error = result.unwrap_err();
    assert_eq!(error.kind().exit_code(), 10, "{error:?}");
    assert_same(&store.live_tree(), &before, "nothing was changed");
}

#[test]
fn a_selection_with_another_policy_keeps_to_it() {
    let store = filled();
    let before = store.live_tree();
    for (on_conflict, skipped) in [(OnConflict::Fail, false), (OnConflict::Skip, true)] {
        let options = ImportOptions {
            on_conflict,
            ..merging(&["sub"], &[])
        };
        let result = import(&store, &pack(&store), &options);
        if skipped {
            assert!(result.unwrap().skipped);
        } else {
            assert_fails(result, "root-exists", 4);
        }
        assert_same(&store.live_tree(), &before, "nothing was changed");
        let fresh = TestStore::fresh();
        import(&fresh, &pack(&fresh), &options).unwrap();
        assert_eq!(paths(&root(&fresh)), ["", "sub", "sub/new.md"]);
    }
}

fn backup(store: &TestStore) -> Utf8PathBuf {
    PackBuilder::backup(&["resources", "user", "agent"])
        .file("resources/a/b.md", "of the backup")
        .file("resources/c.md", "of the backup")
        .file("user/u.md", "of the backup")
        .file("agent/a.md", "of the backup")
        .write(&store.beside("backup.ovpack"))
}

fn with_scopes(live: &Utf8Path) {
    for scope in ["resources", "user", "agent", "session"] {
        put(live, &format!("{scope}/own.md"), b"own");
    }
    put(live, "resources/c.md", b"own");
}

#[test]
fn a_restore_merges_into_several_scopes() {
    for store in [
        {
            let store = TestStore::fresh();
            with_scopes(&store.live);
            store
        },
        TestStore::adopted(with_scopes),
    ] {
        let before = store.live_tree();
        let done = store
            .open()
            .restore(&backup(&store), &merging(&[], &[]))
            .unwrap();
        let mut expected = content(&before);
        let after = content(&store.live_tree());
        for path in [
            "resources/a",
            "resources/a/b.md",
            "resources/c.md",
            "user/u.md",
            "agent/a.md",
        ] {
            expected.insert(path.to_owned(), after[path].clone());
        }
        assert_same(&after, &expected, "merged");
        assert_eq!(get(&store.at("resources/c.md")), b"of the backup");
        assert_eq!(done.changes.removed, 0);
        assert_eq!(done.changes.replaced, 1);
        ensure_agrees(&store);
        store.rollback(done.transaction).unwrap();
        assert_same(&content(&store.live_tree()), &content(&before), "back");
    }
}

#[test]
fn a_restore_of_a_part_moves_only_the_scopes_that_it_takes_from() {
    let store = TestStore::fresh();
    with_scopes(&store.live);
    let inode = |scope: &str| std::fs::metadata(store.at(scope)).unwrap().ino();
    let before = ["resources", "user", "agent"].map(inode);
    let options = merging(&["resources/a", "agent"], &[]);
    let done = store.open().restore(&backup(&store), &options).unwrap();
    assert_eq!(done.units, ["resources", "agent"]);
    assert_eq!(get(&store.at("resources/c.md")), b"own");
    assert_eq!(get(&store.at("resources/a/b.md")), b"of the backup");
    assert_eq!(get(&store.at("agent/a.md")), b"of the backup");
    assert!(!store.at("user/u.md").exists());
    let after = ["resources", "user", "agent"].map(inode);
    let moved: Vec<_> = before.iter().zip(after).map(|(a, b)| *a != b).collect();
    assert_eq!(moved, [true, false, true]);
    let fail = ImportOptions {
        on_conflict: OnConflict::Fail,
        ..merging(&["user"], &[])
    };
    std::fs::remove_dir_all(store.at("user")).unwrap();
    store.open().restore(&backup(&store), &fail).unwrap();
    assert_eq!(
        paths(&below(&store.live_tree(), "user")),
        ["", "u.md"],
        "what is not selected is in nobody's way"
    );
}

#[test]
fn the_command_line_merges_by_itself_where_a_part_is_selected() {
    let store = filled();
    let pack = pack(&store);
    let words = ["import", pack.as_str(), "resources", "--include", "each.md"];
    let planned = store.run(words.iter().chain(&["--dry-run", "--json"]));
    assert_eq!(planned.result()["changes"]["replaced"], 1);
    assert_eq!(planned.result()["changes"]["removed"], 0);
    let refused = store.run(words.iter().chain(&["--on-conflict", "overwrite"]));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("on_conflict is `overwrite`"));
    let done = store.run(words);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(text(&store, "each.md"), "of the pack");
    assert_eq!(text(&store, "mine.md"), "mine");
    let shown = store.run(["show", "tx1", "--json"]).result();
    assert_eq!(shown["on_conflict"], "merge");
    assert_eq!(
        shown["selection"],
        serde_json::json!([{"sense": "include", "pattern": "each.md"}])
    );
    let none = store.run(["import", pack.as_str(), "resources", "--include", "nope"]);
    assert_eq!(none.code, Some(9), "{none:?}");
    assert!(none.stderr.contains("include nope"), "{none:?}");
}
