//! History: what was done, what it changed, what was there then, and who wrote what is there now.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use camino::Utf8PathBuf;
use ovpack::{
    ChangeKind, Control, DiffBody, Digest, EntryKind, Error, FileDiff, LogOptions, OnLater,
    Outcome, Place, Receipt, RollbackOptions, TransactionId, TreeEntry, fault,
};
use serde_json::json;

use crate::support::fault::{EIO, ENOSPC, steps_of, with_fault};
use crate::support::test_store::put;
use crate::support::{Content, PackBuilder, TestStore, assert_fails, content, uri};

const PARENT: &str = "viking://resources";
const EACH: &str = "viking://resources/notes/each.md";

/// A pack of one version of the root; each version has a file of its own.
fn version(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .file("same.md", "the same in all versions\n")
        .file("each.md", format!("one\nversion {number}\nthree\n"))
        .file(&format!("only-{number}/deep/x.md"), format!("{number}"))
        .directory(&format!("only-{number}/empty"))
        .write(&store.beside(&format!("v{number}.ovpack")))
}

fn other(store: &TestStore) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/other")
        .file("a.md", "other\n")
        .write(&store.beside("other.ovpack"))
}

#[track_caller]
fn tx(receipt: &Receipt) -> TransactionId {
    receipt.transaction.unwrap()
}

fn tx_of(number: u32) -> TransactionId {
    format!("tx{number}").parse().unwrap()
}

/// Lists the ids that a filter leaves, newest first.
#[track_caller]
fn listed(store: &TestStore, options: &LogOptions) -> Vec<String> {
    let log = store.open().log(options).unwrap();
    log.iter().map(|row| row.transaction.to_string()).collect()
}

fn tree_at(store: &TestStore, at: TransactionId, below: &str) -> Result<Vec<TreeEntry>, Error> {
    let mut entries = Vec::new();
    let control = Control::default();
    store
        .open()
        .tree_at(at, &uri(below), &control, &mut |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
    Ok(entries)
}

fn as_content(entries: &[TreeEntry]) -> BTreeMap<String, Content> {
    let one = |entry: &TreeEntry| {
        let content = match entry.kind {
            EntryKind::Directory => Content::Directory,
            EntryKind::File => Content::File {
                size: entry.size,
                sha256: entry.sha256.unwrap(),
            },
        };
        (entry.uri.path().to_string(), content)
    };
    entries.iter().map(one).collect()
}

fn read_at(store: &TestStore, at: TransactionId, path: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let count = store.open().read_at(at, &uri(path), &mut bytes)?;
    assert_eq!(count, bytes.len() as u64);
    Ok(bytes)
}

fn diffs(store: &TestStore, at: TransactionId) -> Vec<FileDiff> {
    let mut files = Vec::new();
    let control = Control::default();
    let diff = store.open().diff(at, &control, &mut |file| {
        files.push(file);
        ControlFlow::Continue(())
    });
    diff.unwrap();
    files
}

/// Forgets a slot as pruning does.
fn lose_slot(store: &TestStore, slot: u32) {
    let path = store.path.join(format!(".ovpack/slots/{slot}/tree"));
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn the_log_is_filtered_by_root_path_outcome_kind_time_pack_and_user() {
    let store = TestStore::fresh();
    let first = version(&store, 1);
    store.import(&first, PARENT);
    store.import(&other(&store), PARENT);
    let third = store.overwrite(&version(&store, 2), PARENT);
    store
        .import_with(&first, PARENT, ovpack::OnConflict::Fail)
        .unwrap_err();
    store.rollback(third.transaction).unwrap();

    let all = LogOptions::default;
    assert_eq!(listed(&store, &all()), ["tx5", "tx4", "tx3", "tx2", "tx1"]);
    let at_root = |text: &str| LogOptions {
        uri: Some(uri(text)),
        ..all()
    };
    assert_eq!(listed(&store, &at_root("resources/other")), ["tx2"]);
    assert_eq!(listed(&store, &at_root("resources/other/a.md")), ["tx2"]);
    assert_eq!(listed(&store, &at_root("resources/not")), [""; 0]);
    assert_eq!(listed(&store, &at_root("resources")).len(), 5);
    let changing = |text: &str| LogOptions {
        path: Some(uri(text)),
        ..all()
    };
    assert_eq!(listed(&store, &changing(EACH)), ["tx5", "tx3", "tx1"]);
    assert_eq!(
        listed(&store, &changing("resources/notes/same.md")),
        ["tx1"]
    );
    assert_eq!(
        listed(&store, &changing("resources/notes/only-2")),
        ["tx5", "tx3"]
    );
    assert_eq!(
        listed(&store, &changing("viking://")),
        ["tx5", "tx3", "tx2", "tx1"]
    );
    let ended = |outcome| LogOptions {
        outcome: Some(outcome),
        ..all()
    };
    assert_eq!(listed(&store, &ended(Outcome::Aborted)), ["tx4"]);
    assert_eq!(listed(&store, &ended(Outcome::Committed)).len(), 4);
    assert_eq!(listed(&store, &ended(Outcome::Open)), [""; 0]);
    let kind = LogOptions {
        kind: Some("rollback".to_owned()),
        ..all()
    };
    assert_eq!(listed(&store, &kind), ["tx5"]);
    let user = |user: &str| LogOptions {
        user: Some(user.to_owned()),
        ..all()
    };
    assert_eq!(listed(&store, &user("")).len(), 5, "the tests name no user");
    assert_eq!(listed(&store, &user("alice")), [""; 0]);

    let sha256 = Digest::of(&std::fs::read(&first).unwrap()).to_string();
    let packed = |digits: &str| LogOptions {
        pack_sha256: Some(digits.to_owned()),
        ..all()
    };
    assert_eq!(listed(&store, &packed(&sha256)), ["tx1"]);
    assert_eq!(
        listed(&store, &packed(&sha256[..8].to_uppercase())),
        ["tx1"]
    );
    for digits in [&sha256[..7], "not hex!", ""] {
        assert_fails(store.open().log(&packed(digits)), "invalid-argument", 2);
    }
    let since = |text: &str| LogOptions {
        since_ms: ovpack::parse_time(text),
        ..all()
    };
    let until = |text: &str| LogOptions {
        until_ms: ovpack::parse_time(text),
        ..all()
    };
    assert_eq!(listed(&store, &since("1h")).len(), 5);
    assert_eq!(listed(&store, &until("1h")), [""; 0]);
    assert_eq!(
        listed(
            &store,
            &LogOptions {
                limit: Some(2),
                ..changing(EACH)
            }
        ),
        ["tx5", "tx3"]
    );
}

#[test]
fn failed_attempts_keep_their_finding_or_errno() {
    let store = TestStore::fresh();
    let damaged = PackBuilder::of("viking://resources/notes")
        .file("a.md", "a")
        .file("b.md", "b")
        .forged("a.md", "x")
        .forged("b.md", "y")
        .write(&store.beside("damaged.ovpack"));
    store
        .import_with(&damaged, PARENT, ovpack::OnConflict::Fail)
        .unwrap_err();
    let show = store.open().show(tx_of(1)).unwrap();
    assert_eq!(show.summary.state, "aborted");
    assert_eq!(show.summary.reason.as_deref(), Some("file-digest"));
    assert_eq!(show.summary.errno, None);
    let paths: Vec<_> = show
        .findings
        .iter()
        .map(|one| (one.code.as_str(), one.path.as_str()))
        .collect();
    assert_eq!(paths, [("file-digest", "a.md"), ("file-digest", "b.md")]);
    assert_eq!(show.findings_total, 2);
    assert!(
        show.findings[0]
            .detail
            .contains(&Digest::of(b"a").to_string()),
        "{show:?}"
    );

    let pack = version(&store, 1);
    let import = || store.import_with(&pack, PARENT, ovpack::OnConflict::Fail);
    let twin = TestStore::fresh();
    twin.import_with(&damaged, PARENT, ovpack::OnConflict::Fail)
        .unwrap_err();
    let steps = steps_of(|| drop(twin.import(&pack, PARENT)));
    let sync = steps.iter().position(|step| *step == "syncfs").unwrap() as u64 + 1;
    for (number, errno) in [(ENOSPC, "ENOSPC"), (EIO, "EIO")] {
        let error = with_fault(sync, fault::Outcome::Fail(number), import).unwrap_err();
        assert_eq!(error.details()["errno"], errno, "{error:?}");
        let log = store.run(["--json", "log", "-n", "1"]).result();
        let last = &log["transactions"][0];
        assert_eq!(
            (&last["state"], &last["reason"], &last["errno"]),
            (&json!("aborted"), &json!(error.code()), &json!(errno))
        );
        let show = store.run(["show", last["transaction"].as_str().unwrap()]);
        let line = format!("errno        {errno}\n");
        assert!(show.stdout.contains(&line), "{show:?}");
    }
}

#[test]
fn show_tells_where_a_pack_came_from() {
    let store = TestStore::fresh();
    let pack = version(&store, 1);
    let output = store.run(["--json", "import", pack.as_str(), "resources"]);
    output.result();
    let show = store.run(["--json", "show", "tx1"]).result();
    let bytes = std::fs::read(&pack).unwrap();
    assert_eq!(show["pack"], pack.as_str());
    assert_eq!(show["pack_bytes"], bytes.len());
    assert_eq!(show["pack_sha256"], Digest::of(&bytes).to_string());
    assert_eq!(show["manifest_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(show["layout"], "v2");
    assert_eq!(show["pack_root_uri"], "viking://resources/notes");
    assert_eq!(show["on_conflict"], "fail");
    assert_eq!(show["argv"][3], "--json");
    assert!(show["finished_at"].as_str() >= show["started_at"].as_str());
    assert_eq!(show["change_list"].as_array().unwrap().len(), 8, "{show}");
}

#[test]
fn show_tells_what_a_rollback_changed() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let second = store.overwrite(&version(&store, 2), PARENT);
    let back = store.rollback(second.transaction).unwrap();
    let again = store.rollback(back.transaction).unwrap();
    let changes = |id| {
        let list = store.open().show(id).unwrap().change_list;
        let rows = list
            .into_iter()
            .map(|one| (one.uri.to_string(), one.change, one.before, one.after));
        rows.collect::<Vec<_>>()
    };
    let forward = changes(tx(&second));
    assert_eq!(forward.len(), 9, "{forward:?}");
    let turned: Vec<_> = forward
        .iter()
        .map(|(uri, change, before, after)| {
            let change = match change {
                ChangeKind::Added => ChangeKind::Removed,
                ChangeKind::Removed => ChangeKind::Added,
                same => *same,
            };
            (uri.clone(), change, *after, *before)
        })
        .collect();
    assert_eq!(changes(tx(&back)), turned);
    assert_eq!(changes(tx(&again)), forward);
}

#[test]
fn the_tree_as_of_each_commit_is_told_and_its_files_can_be_read() {
    let store = TestStore::fresh();
    let mut seen = Vec::new();
    let mut see = |receipt: Receipt| seen.push((tx(&receipt), store.live_tree()));
    see(store.import(&version(&store, 1), PARENT));
    see(store.import(&other(&store), PARENT));
    let third = store.overwrite(&version(&store, 2), PARENT);
    see(third.clone());
    let fourth = store.overwrite(&version(&store, 3), PARENT);
    see(fourth.clone());
    see(store.rollback(fourth.transaction).unwrap());
    see(store.rollback(third.transaction).unwrap());
    let several = store.overwrite(&version(&store, 4), PARENT);
    see(several.clone());
    let last = store.overwrite(&version(&store, 5), PARENT);
    see(last.clone());
    let options = RollbackOptions {
        on_later: OnLater::RollBack,
        ..RollbackOptions::default()
    };
    let back = store.open().rollback(tx(&several), &options).unwrap();
    see(back.clone());
    let show = store.open().show(tx(&back)).unwrap();
    assert_eq!(show.undone, [tx(&last), tx(&several)]);
    see(store
        .open()
        .redo(None, &RollbackOptions::default())
        .unwrap());
    let paths = [uri(EACH), uri("resources/notes/only-5")];
    let options = RollbackOptions::default();
    let reverted = store.open().revert(tx(&last), &paths, &options).unwrap();
    see(reverted.clone());
    let show = store.open().show(tx(&reverted)).unwrap();
    let brought: Vec<_> = show.reverts.iter().map(|one| one.uri.clone()).collect();
    assert_eq!(brought, paths.each_ref().map(ToString::to_string));
    assert!(show.reverts.iter().all(|one| one.before == tx(&last)));

    for (at, live) in &seen {
        let entries = tree_at(&store, *at, "viking://").unwrap();
        let mut told = as_content(&entries);
        // The scope came with the first unit below it.
        told.entry("resources".to_owned())
            .or_insert(Content::Directory);
        assert_eq!(told, content(live), "{at}");
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::File) {
            assert_ne!(entry.held, Some(Place::Unknown), "{at}: {entry:?}");
            let bytes = read_at(&store, *at, &entry.uri.to_string()).unwrap();
            assert_eq!(Some(Digest::of(&bytes)), entry.sha256, "{at}: {entry:?}");
        }
    }
    let below = tree_at(&store, seen[0].0, "resources/notes/only-1").unwrap();
    let paths: Vec<_> = below.iter().map(|entry| entry.uri.to_string()).collect();
    let only = "viking://resources/notes/only-1";
    assert_eq!(
        paths,
        [
            only,
            &format!("{only}/deep"),
            &format!("{only}/deep/x.md"),
            &format!("{only}/empty")
        ]
    );
}

#[test]
fn the_tree_of_the_past_has_what_commits_saw_changed_from_outside_and_all_of_a_baseline() {
    let store = TestStore::adopted(|path| {
        put(path, "resources/notes/each.md", b"before the store\n");
        put(path, "user/u/memories/m.md", b"m");
    });
    let begin = as_content(&tree_at(&store, tx_of(1), "viking://").unwrap());
    assert_eq!(begin, content(&store.live_tree()));
    store.write("resources/notes/each.md", b"edited\n");
    let second = store.overwrite(&version(&store, 2), PARENT);
    assert_eq!(
        read_at(&store, tx(&second), EACH).unwrap(),
        b"one\nversion 2\nthree\n"
    );
    assert_eq!(
        read_at(&store, tx_of(1), "user/u/memories/m.md").unwrap(),
        b"m"
    );
    let error = assert_fails(read_at(&store, tx_of(1), EACH), "content-not-held", 9);
    assert!(
        error
            .to_string()
            .contains("changed outside of ovpack before tx2"),
        "{error}"
    );
    let entry = tree_at(&store, tx_of(1), EACH).unwrap().remove(0);
    assert_eq!(
        (entry.sha256, entry.held),
        (
            Some(Digest::of(b"before the store\n")),
            Some(Place::Unknown)
        )
    );

    let history = store.open().history(&uri(EACH)).unwrap();
    let rows: Vec<_> = history
        .entries
        .iter()
        .map(|row| {
            (
                row.writer.transaction.to_string(),
                row.writer.kind.as_str(),
                row.change,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("tx2".to_owned(), "import", Some(ChangeKind::Replaced)),
            ("tx2".to_owned(), "external", Some(ChangeKind::External)),
            ("tx1".to_owned(), "baseline", Some(ChangeKind::Added)),
        ]
    );
    let edited = history.entries[1].after.unwrap().sha256;
    assert_eq!(edited, Some(Digest::of(b"edited\n")));
    assert_eq!(history.entries[0].before.unwrap().sha256, edited);
}

#[test]
fn content_that_is_gone_is_said_so_and_nothing_else_is_written() {
    let store = TestStore::fresh();
    let first = store.import(&version(&store, 1), PARENT);
    store.overwrite(&version(&store, 2), PARENT);
    assert_eq!(
        read_at(&store, tx(&first), EACH).unwrap(),
        b"one\nversion 1\nthree\n"
    );

    // A slot's file that somebody changed is not what was there.
    let held = store.path.join(".ovpack/slots/2/tree/each.md");
    std::fs::write(&held, "one\nversion X\nthree\n").unwrap();
    let mut out = Vec::new();
    let read = store.open().read_at(tx(&first), &uri(EACH), &mut out);
    let error = assert_fails(read, "content-not-held", 9);
    assert!(error.to_string().contains("slot 2 of tx2"), "{error}");
    assert_eq!(out, b"");
    lose_slot(&store, 2);
    assert_fails(read_at(&store, tx(&first), EACH), "content-not-held", 9);
    // What is the same in all versions is live.
    let same = "viking://resources/notes/same.md";
    assert_eq!(
        read_at(&store, tx(&first), same).unwrap(),
        b"the same in all versions\n"
    );
    let held = |path: &str| tree_at(&store, tx(&first), path).unwrap().remove(0).held;
    assert_eq!(
        (held(EACH), held(same)),
        (Some(Place::Unknown), Some(Place::Live))
    );

    let nothing = read_at(&store, tx(&first), "resources/notes/only-2/deep/x.md");
    assert_fails(nothing, "content-not-held", 9);
    assert_fails(
        tree_at(&store, tx(&first), "resources/nowhere"),
        "content-not-held",
        9,
    );
    assert_fails(
        read_at(&store, tx(&first), "resources/notes"),
        "wrong-entry-kind",
        2,
    );
    assert_fails(read_at(&store, tx_of(9), EACH), "transaction-not-found", 9);
}

#[test]
fn a_pruned_slot_is_named() {
    let store = TestStore::fresh();
    let first = store.import(&version(&store, 1), PARENT);
    store.overwrite(&version(&store, 2), PARENT);
    store.overwrite(&version(&store, 3), PARENT);
    let options = ovpack::PruneOptions {
        keep_last: Some(1),
        ..ovpack::PruneOptions::default()
    };
    store.open().prune(&options).unwrap();
    let error = assert_fails(read_at(&store, tx(&first), EACH), "content-not-held", 9);
    let why = "slot 2 of tx2, which held it, was pruned by tx4";
    assert!(error.to_string().ends_with(why), "{error}");
    assert_eq!(
        read_at(&store, tx_of(2), EACH).unwrap(),
        b"one\nversion 2\nthree\n"
    );
    // A prune changes no path.
    assert_eq!(
        read_at(&store, tx_of(4), EACH).unwrap(),
        b"one\nversion 3\nthree\n"
    );
    let output = store.run(["cat", EACH, "--at", "tx1"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(9), ""));
    assert!(
        output
            .stderr
            .contains("history viking://resources/notes/each.md"),
        "{output:?}"
    );
}

#[test]
fn the_past_begins_with_a_commit() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    store
        .import_with(&version(&store, 2), PARENT, ovpack::OnConflict::Fail)
        .unwrap_err();
    assert_fails(
        tree_at(&store, tx_of(2), "viking://"),
        "invalid-argument",
        2,
    );
    assert_fails(read_at(&store, tx_of(2), EACH), "invalid-argument", 2);
}

#[test]
fn a_large_file_of_the_past_is_written_whole() {
    let store = TestStore::fresh();
    let bytes: Vec<u8> = (0..5_000_003_u32).map(|at| (at % 251) as u8).collect();
    let pack = |file: &[u8]| {
        PackBuilder::of("viking://resources/notes")
            .file("large.bin", file)
            .write(&store.beside("large.ovpack"))
    };
    let first = store.import(&pack(&bytes), PARENT);
    store.overwrite(&pack(b"small"), PARENT);
    let large = "viking://resources/notes/large.bin";
    assert!(read_at(&store, tx(&first), large).unwrap() == bytes);
    let output = store.run(["cat", large, "--at", "tx2"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "small"));
}

#[test]
fn history_tells_who_wrote_what_is_there_now() {
    let store = TestStore::fresh();
    let first = version(&store, 1);
    store.import(&first, PARENT);
    let second = store.overwrite(&version(&store, 2), PARENT);
    let history = |path: &str| store.open().history(&uri(path)).unwrap();
    let writer = |path: &str| {
        let present = history(path).present;
        (
            present.state,
            present
                .written_by
                .map(|writer| writer.transaction.to_string()),
        )
    };
    let by = |tx: &str| Some(tx.to_owned());
    assert_eq!(writer(EACH), ("as-recorded", by("tx2")));
    assert_eq!(
        writer("resources/notes/same.md"),
        ("as-recorded", by("tx1"))
    );
    assert_eq!(writer("resources/notes"), ("as-recorded", by("tx2")));
    assert_eq!(
        writer("resources/notes/only-1/deep/x.md"),
        ("removed", by("tx2"))
    );

    store.rollback(second.transaction).unwrap();
    assert_eq!(writer(EACH), ("as-recorded", by("tx1")));
    let told = history(EACH);
    let rows: Vec<_> = told
        .entries
        .iter()
        .map(|row| {
            let undone = row.undone_by.map(|tx| tx.to_string());
            (
                row.writer.transaction.to_string(),
                row.writer.kind.as_str(),
                undone,
            )
        })
        .collect();
    let own =
        |tx: &str, kind, undone: Option<&str>| (tx.to_owned(), kind, undone.map(str::to_owned));
    assert_eq!(
        rows,
        [
            own("tx3", "rollback", None),
            own("tx2", "import", Some("tx3")),
            own("tx1", "import", None)
        ]
    );
    let sha256 = |number: u32| {
        Some(Digest::of(
            format!("one\nversion {number}\nthree\n").as_bytes(),
        ))
    };
    let sides = |at: usize| {
        let row = &told.entries[at];
        (
            row.before.and_then(|side| side.sha256),
            row.after.and_then(|side| side.sha256),
        )
    };
    assert_eq!(
        [sides(0), sides(1), sides(2)],
        [
            (sha256(2), sha256(1)),
            (sha256(1), sha256(2)),
            (None, sha256(1))
        ]
    );
    assert_eq!(told.entries[2].writer.pack.as_deref(), Some(first.as_str()));
    assert_eq!(
        told.entries[2].writer.pack_sha256,
        Some(Digest::of(&std::fs::read(&first).unwrap()))
    );

    store.write("resources/notes/each.md", b"by hand\n");
    assert_eq!(writer(EACH), ("changed", by("tx1")));
    std::fs::remove_file(store.at("resources/notes/each.md")).unwrap();
    assert_eq!(writer(EACH), ("missing", by("tx1")));
    store.write("resources/stray.md", b"by hand\n");
    assert_eq!(writer("resources/stray.md"), ("not-recorded", None));
    assert_fails(
        store.open().history(&uri("resources/nowhere")),
        "uri-not-found",
        9,
    );

    let output = store.run(["history", "resources/notes/same.md"]);
    let first_line = output.stdout.lines().next().unwrap();
    assert!(
        first_line.starts_with(&format!(
            "viking://resources/notes/same.md: written by tx1 (import) from {first}, sha256 "
        )),
        "{output:?}"
    );
    let json = store.run(["--json", "history", "resources/notes"]).result();
    assert_eq!(
        json["entries"][0]["changes"],
        json!({ "added": 4, "removed": 4, "replaced": 1, "unchanged": 0 })
    );
}

#[test]
fn show_sums_up_by_directory() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    let second = store.overwrite(&version(&store, 2), PARENT);
    let stat = store.open().stat(tx(&second)).unwrap();
    let rows: Vec<_> = stat
        .directories
        .iter()
        .map(|one| {
            (
                one.uri.as_str(),
                one.files.added,
                one.files.replaced,
                one.files.removed,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("viking://resources/notes", 0, 1, 0),
            ("viking://resources/notes/only-1/deep", 0, 0, 1),
            ("viking://resources/notes/only-2/deep", 1, 0, 0),
        ]
    );
    assert_eq!((stat.files.bytes_before, stat.files.bytes_after), (21, 21));
    let output = store.run(["show", "tx2", "--stat"]);
    assert!(output.stdout.contains("+0 ~1 -0"), "{output:?}");
    assert!(!output.stdout.contains("each.md"), "{output:?}");
    let json = store.run(["--json", "show", "tx2", "--stat"]).result();
    assert_eq!(json["stat"]["directories_total"], 3);
    assert_eq!(json.get("change_list"), None);
}

#[test]
fn show_compares_text_files_with_what_slots_hold() {
    let store = TestStore::fresh();
    let pack = |name: &str, text: &str, binary: &[u8]| {
        PackBuilder::of("viking://resources/notes")
            .file("text.md", text)
            .file("binary.bin", binary)
            .file("large.txt", text.repeat(200_000))
            .write(&store.beside(name))
    };
    let first = store.import(&pack("a.ovpack", "one\ntwo\n", b"\0a"), PARENT);
    let second = store.overwrite(&pack("b.ovpack", "one\n2\u{1b}[2J\n", b"\0b"), PARENT);
    let bodies = |id| {
        let files = diffs(&store, id).into_iter();
        files
            .map(|file| (file.change.uri.path().leaf().unwrap().to_owned(), file.body))
            .collect::<BTreeMap<_, _>>()
    };
    let text = |hunks: &str| DiffBody::Text {
        hunks: hunks.to_owned(),
    };
    let expected = |hunks: &str| {
        BTreeMap::from([
            ("binary.bin".to_owned(), DiffBody::Binary),
            ("large.txt".to_owned(), DiffBody::TooLarge),
            ("text.md".to_owned(), text(hunks)),
        ])
    };
    assert_eq!(
        bodies(tx(&first)),
        expected("@@ -0,0 +1,2 @@\n+one\n+two\n")
    );
    let changed = "@@ -1,2 +1,2 @@\n one\n-two\n+2\u{1b}[2J\n";
    assert_eq!(bodies(tx(&second)), expected(changed));
    let back = store.rollback(second.transaction).unwrap();
    let turned = "@@ -1,2 +1,2 @@\n one\n-2\u{1b}[2J\n+two\n";
    assert_eq!(bodies(tx(&back)), expected(turned));

    let output = store.run(["show", "tx2", "--diff"]);
    assert!(
        output.stdout.contains("--- a/resources/notes/text.md\n+++ b/resources/notes/text.md\n@@ -1,2 +1,2 @@\n one\n-two\n+2\\u{1b}[2J\n"),
        "{}",
        output.stdout
    );
    let json = store.run(["--json", "show", "tx2", "--diff"]).result();
    assert_eq!(json["diffs"][2]["hunks"], changed);
    assert_eq!(json["diffs"][2]["change"], "replaced");

    // The slot held the second version, the live tree holds the first.
    lose_slot(&store, 2);
    assert_eq!(
        bodies(tx(&second))["text.md"],
        DiffBody::NotHeld { side: "after" }
    );
    assert_eq!(
        bodies(tx(&back))["text.md"],
        DiffBody::NotHeld { side: "before" }
    );
}

#[test]
fn a_list_that_cannot_begin_is_an_error_as_any_other() {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), PARENT);
    for (arguments, code, reason) in [
        (
            &["--json", "tree", "--at", "tx9"][..],
            9,
            "transaction-not-found",
        ),
        (
            &["--json", "tree", "--at", "tx1", "resources/x"],
            9,
            "content-not-held",
        ),
        (
            &["--json", "show", "tx9", "--diff"],
            9,
            "transaction-not-found",
        ),
        (
            &["--json", "cat", "resources/notes/x", "--at", "tx1"],
            9,
            "content-not-held",
        ),
        (&["--json", "history", "resources/x"], 9, "uri-not-found"),
    ] {
        let output = store.run(arguments);
        assert_eq!(output.code, Some(code), "{output:?}");
        assert_eq!(output.json()["error"]["reason"], reason, "{output:?}");
    }
    let tree = store.run(["--json", "tree", "--at", "tx1"]).result();
    assert_eq!(tree["entries"].as_array().unwrap().len(), 8, "{tree}");
    assert_eq!(tree["unknown"], "what no transaction up to then saw");
    let cat = store.run(["--json", "cat", EACH, "--at", "tx1"]).result();
    assert_eq!(
        (&cat["at"], &cat["text"]),
        (&json!("tx1"), &json!("one\nversion 1\nthree\n"))
    );
}
