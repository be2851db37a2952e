//! Where a pack may go, and what happens where something stands there already.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{ChangeCounts, ChangeKind, Digest, Error, ImportOptions, OnConflict, Receipt, Rule};

use crate::support::test_store::get;
use crate::support::{
    Content, PackBuilder, TestStore, assert_fails, assert_same, below, content, fixture, report,
    rules, uri,
};

const POLICIES: [OnConflict; 3] = [OnConflict::Fail, OnConflict::Overwrite, OnConflict::Skip];

/// A pack of two files with the root at `from`.
fn pack_of(store: &TestStore, from: &str) -> Utf8PathBuf {
    let name = from.replace("viking://", "").replace('/', "-") + ".ovpack";
    PackBuilder::of(from)
        .file("a.md", "a")
        .file("sub/b.md", "b")
        .write(&store.beside(&name))
}

fn backup_of(store: &TestStore, scopes: &[&str]) -> Utf8PathBuf {
    let pack = scopes
        .iter()
        .fold(PackBuilder::backup(scopes), |pack, scope| {
            pack.file(&format!("{scope}/of/{scope}.md"), scope)
        });
    pack.write(&store.beside("backup.ovpack"))
}

/// What [`pack_of`] puts in place.
fn expected() -> BTreeMap<String, Content> {
    let file = |bytes: &[u8]| Content::File {
        size: bytes.len() as u64,
        sha256: Digest::of(bytes),
    };
    BTreeMap::from([
        (String::new(), Content::Directory),
        ("a.md".to_owned(), file(b"a")),
        ("sub".to_owned(), Content::Directory),
        ("sub/b.md".to_owned(), file(b"b")),
    ])
}

#[test]
fn a_pack_goes_where_the_table_allows_it() {
    let whole = [
        (
            "viking://resources/a/b",
            "viking://resources",
            "resources/b",
        ),
        (
            "viking://resources/a/b",
            "viking://resources/x/y/z",
            "resources/x/y/z/b",
        ),
        (
            "viking://resources/b",
            "viking://resources/a",
            "resources/a/b",
        ),
        ("viking://user/default", "viking://user", "user/default"),
        (
            "viking://user/default/memories",
            "viking://user/alice",
            "user/alice/memories",
        ),
        (
            "viking://user/a/memories/x",
            "viking://user/b/skills",
            "user/b/skills/x",
        ),
        (
            "viking://agent/one/skills",
            "viking://agent/two",
            "agent/two/skills",
        ),
        ("viking://session/s1", "viking://session", "session/s1"),
        (
            "viking://user/a/sessions/s1",
            "viking://user/b/sessions",
            "user/b/sessions/s1",
        ),
        ("viking://resources", "viking://", "resources"),
        ("viking://user", "viking://", "user"),
        ("viking://agent", "viking://", "agent"),
        ("viking://session", "viking://", "session"),
    ];
    for (from, parent, target) in whole {
        let store = TestStore::fresh();
        let receipt = store.import(&pack_of(&store, from), parent);
        assert_eq!(
            receipt.uri.to_string(),
            format!("viking://{target}"),
            "{from} under {parent}"
        );
        let live = content(&store.live_tree());
        assert_same(
            &below(&live, target),
            &expected(),
            &format!("{from} under {parent}"),
        );
        let outside = live.keys().filter(|path| !path.starts_with(target)).count();
        assert_eq!(
            outside,
            target.matches('/').count(),
            "nothing but parents: {live:?}"
        );
    }
}

#[test]
fn a_pack_goes_nowhere_else_and_the_refusal_says_which_rule_forbids_it() {
    let whole = [
        (
            "viking://resources/a/b",
            "viking://",
            "subtree-needs-parent",
        ),
        ("viking://resources/a/b", "viking://user", "scope-mismatch"),
        (
            "viking://resources/a/b",
            "viking://user/default",
            "scope-mismatch",
        ),
        ("viking://resources/a/b", "viking://agent", "scope-mismatch"),
        (
            "viking://resources/a/b",
            "viking://session",
            "scope-mismatch",
        ),
        (
            "viking://user/default/memories",
            "viking://",
            "subtree-needs-parent",
        ),
        (
            "viking://user/default/memories",
            "viking://resources",
            "scope-mismatch",
        ),
        (
            "viking://user/default/memories",
            "viking://agent/default",
            "scope-mismatch",
        ),
        (
            "viking://user/default/memories",
            "viking://user",
            "depth-mismatch",
        ),
        (
            "viking://user/default/memories",
            "viking://user/a/b",
            "depth-mismatch",
        ),
        (
            "viking://user/default",
            "viking://user/default",
            "depth-mismatch",
        ),
        (
            "viking://agent/one/skills",
            "viking://agent",
            "depth-mismatch",
        ),
        (
            "viking://agent/one/skills",
            "viking://user/one",
            "scope-mismatch",
        ),
        ("viking://session/s1", "viking://", "subtree-needs-parent"),
        (
            "viking://session/s1",
            "viking://session/s0",
            "depth-mismatch",
        ),
        (
            "viking://session/s1",
            "viking://resources",
            "scope-mismatch",
        ),
        (
            "viking://session/s1",
            "viking://user/default/sessions",
            "scope-mismatch",
        ),
        (
            "viking://resources",
            "viking://resources",
            "scope-pack-needs-root",
        ),
        (
            "viking://resources",
            "viking://resources/a",
            "scope-pack-needs-root",
        ),
        ("viking://user", "viking://user", "scope-pack-needs-root"),
    ];
    let store = TestStore::fresh();
    for (from, parent, code) in whole {
        for policy in POLICIES {
            let error = store
                .import_with(&pack_of(&store, from), parent, policy)
                .unwrap_err();
            let found: Vec<_> = rules(&error).iter().map(|rule| rule.code()).collect();
            assert!(found.contains(&code), "{from} under {parent}: {error:?}");
            assert_eq!(
                error.kind().exit_code(),
                10,
                "{from} under {parent}: {error:?}"
            );
            assert!(error.help().is_some());
        }
    }
    assert_same(&store.live_tree(), &BTreeMap::new(), "nothing was written");
}

#[test]
fn a_whole_scope_under_another_scope_is_refused() {
    let store = TestStore::fresh();
    let pack = pack_of(&store, "viking://resources");
    let error = store
        .import_with(&pack, "viking://user", OnConflict::Fail)
        .unwrap_err();
    assert_eq!(error.kind().exit_code(), 10, "{error:?}");
    assert!(
        rules(&error)
            .iter()
            .all(|rule| [Rule::ScopeMismatch, Rule::ScopePackNeedsRoot].contains(rule)),
        "{error:?}"
    );
}

#[test]
fn import_and_restore_refuse_each_others_packs_and_say_which_verb_takes_them() {
    let store = TestStore::fresh();
    let backup = backup_of(&store, &["resources", "user", "agent", "session"]);
    for parent in ["viking://", "viking://resources", "viking://user/default"] {
        for policy in POLICIES {
            let result = store.import_with(&backup, parent, policy);
            let error = assert_fails(result, "backup-needs-restore", 10);
            assert!(error.help().unwrap().contains("restore"), "{error:?}");
        }
    }
    for from in [
        "viking://resources/a",
        "viking://resources",
        "viking://session/s1",
    ] {
        for policy in POLICIES {
            let result = store.restore_with(&pack_of(&store, from), policy);
            let error = assert_fails(result, "restore-needs-backup", 10);
            assert!(error.help().unwrap().contains("import"), "{error:?}");
        }
    }
    assert_same(&store.live_tree(), &BTreeMap::new(), "nothing was written");
}

#[test]
fn an_internal_scope_is_never_a_target() {
    for text in [
        "viking://temp",
        "viking://temp/x",
        "viking://queue",
        "viking://upload",
        "other/x",
    ] {
        assert!(text.parse::<ovpack::Uri>().is_err(), "{text}");
    }
    let store = TestStore::fresh();
    let pack = pack_of(&store, "viking://resources/a");
    let output = store.run(["--json", "import", pack.as_str(), "viking://temp/x"]);
    assert_eq!(output.code, Some(2), "{output:?}");
    assert_eq!(output.json()["error"]["reason"], "invalid-uri");
}

#[test]
fn a_pack_from_an_internal_scope_is_refused() {
    let store = TestStore::fresh();
    for scope in ["temp", "queue", "upload", "_system", "elsewhere"] {
        let pack = pack_of(&store, &format!("viking://{scope}/a"));
        let error = store
            .import_with(&pack, "viking://resources", OnConflict::Fail)
            .unwrap_err();
        assert_eq!(error.kind().exit_code(), 10, "{scope}: {error:?}");
    }
}

#[test]
fn a_restore_puts_the_scopes_of_the_backup_in_place_and_leaves_the_others() {
    let store = TestStore::fresh();
    store.write("session/s1/messages.jsonl", b"{}");
    let receipt = store
        .restore_with(&backup_of(&store, &["resources", "user"]), OnConflict::Fail)
        .unwrap();
    assert_eq!(receipt.uri.to_string(), "viking://");
    let live = content(&store.live_tree());
    let files: Vec<_> = live.keys().filter(|path| path.contains('.')).collect();
    assert_eq!(
        files,
        [
            "resources/of/resources.md",
            "session/s1/messages.jsonl",
            "user/of/user.md"
        ]
    );
}

#[test]
fn what_one_exchange_moves_is_the_root_or_the_topmost_missing_directory() {
    let units = |receipt: Receipt| -> Vec<String> {
        receipt
            .units
            .into_iter()
            .map(Utf8PathBuf::into_string)
            .collect()
    };
    let store = TestStore::fresh();
    let pack = pack_of(&store, "viking://resources/b");
    assert_eq!(
        units(store.import(&pack, "viking://resources/x/y")),
        ["resources"]
    );
    assert_eq!(
        units(store.import(&pack, "viking://resources/x/z/w")),
        ["resources/x/z"]
    );
    assert_eq!(
        units(store.import(&pack, "viking://resources/x")),
        ["resources/x/b"]
    );
    assert_eq!(
        units(store.overwrite(&pack, "viking://resources/x")),
        ["resources/x/b"]
    );

    let scopes = ["resources", "user", "agent", "session"];
    let owned = TestStore::fresh();
    let receipt = owned
        .restore_with(&backup_of(&owned, &scopes), OnConflict::Fail)
        .unwrap();
    assert_eq!(units(receipt), [""], "an owned tree is exchanged as one");
    let adopted = TestStore::adopted(|path| {
        for scope in scopes {
            crate::support::test_store::put(path, &format!("{scope}/old.md"), b"old");
        }
    });
    let receipt = adopted
        .restore_with(&backup_of(&adopted, &scopes), OnConflict::Overwrite)
        .unwrap();
    let mut four = units(receipt);
    four.sort();
    assert_eq!(four, ["agent", "resources", "session", "user"]);
}

#[test]
fn an_owned_tree_that_holds_another_scope_is_not_exchanged_as_one() {
    let store = TestStore::fresh();
    store.write("agent/mine.md", b"mine");
    let pack = backup_of(&store, &["resources", "user"]);
    let receipt = store.restore_with(&pack, OnConflict::Fail).unwrap();
    assert_eq!(receipt.units.len(), 2, "{receipt:?}");
    assert_eq!(get(&store.at("agent/mine.md")), b"mine");
}

#[test]
fn an_empty_scope_directory_is_no_conflict() {
    let scopes = ["resources", "user", "agent", "session"];
    let store = TestStore::fresh();
    for scope in scopes {
        std::fs::create_dir(store.at(scope)).unwrap();
    }
    let receipt = store.import(&pack_of(&store, "viking://resources"), "viking://");
    assert!(!receipt.skipped);
    let receipt = store.import(&pack_of(&store, "viking://user/default"), "viking://user");
    assert!(!receipt.skipped);

    let store = TestStore::fresh();
    for scope in scopes {
        std::fs::create_dir(store.at(scope)).unwrap();
    }
    let receipt = store
        .restore_with(&backup_of(&store, &scopes), OnConflict::Skip)
        .unwrap();
    assert!(!receipt.skipped, "an empty scope counts as absent");
    assert_eq!(get(&store.at("agent/of/agent.md")), b"agent");
}

#[test]
fn an_empty_root_below_a_scope_is_a_conflict() {
    let store = TestStore::fresh();
    std::fs::create_dir_all(store.at("resources/b")).unwrap();
    let pack = pack_of(&store, "viking://resources/a/b");
    let result = store.import_with(&pack, "viking://resources", OnConflict::Fail);
    assert_fails(result, "root-exists", 4);
}

#[test]
fn with_fail_an_existing_root_is_a_conflict_that_names_it() {
    let store = TestStore::fresh();
    store.write("resources/b/old.md", b"old");
    let before = store.live_tree();
    let pack = pack_of(&store, "viking://resources/a/b");
    let result = store.import_with(&pack, "viking://resources", OnConflict::Fail);
    let error = assert_fails(result, "root-exists", 4);
    let found = report(&error).unwrap();
    assert_eq!(found.total, 1);
    assert_eq!(found.findings[0].path, "viking://resources/b");
    assert_same(&store.live_tree(), &before, "nothing was touched");
}

#[test]
fn with_overwrite_the_new_root_replaces_the_old_one_entirely() {
    let store = TestStore::fresh();
    store.write("resources/b/a.md", b"older a");
    store.write("resources/b/sub/b.md", b"b");
    store.write("resources/b/sub/gone/deeper.md", b"gone");
    store.write("resources/other/stays.md", b"stays");
    let receipt = store.overwrite(
        &pack_of(&store, "viking://resources/a/b"),
        "viking://resources",
    );
    let live = content(&store.live_tree());
    assert_same(
        &below(&live, "resources/b"),
        &expected(),
        "the pack and nothing else",
    );
    assert_eq!(get(&store.at("resources/other/stays.md")), b"stays");
    let ChangeCounts {
        added,
        replaced,
        removed,
        unchanged,
    } = receipt.changes;
    assert_eq!((added, replaced, removed), (0, 1, 2), "{receipt:?}");
    assert!(unchanged >= 2, "sub and sub/b.md: {receipt:?}");
    let show = store.open().show(receipt.transaction.unwrap()).unwrap();
    let changes: Vec<_> = show
        .change_list
        .iter()
        .filter(|change| change.change != ChangeKind::External)
        .map(|change| (change.uri.to_string(), change.change))
        .collect();
    let root = "viking://resources/b";
    assert_eq!(
        changes,
        [
            (format!("{root}/a.md"), ChangeKind::Replaced),
            (format!("{root}/sub/gone"), ChangeKind::Removed),
            (format!("{root}/sub/gone/deeper.md"), ChangeKind::Removed),
        ]
    );
}

#[test]
fn with_overwrite_a_file_may_become_a_directory_and_a_directory_a_file() {
    let store = TestStore::fresh();
    store.write("resources/b/a.md/was a directory", b"x");
    store.write("resources/b/sub", b"was a file");
    store.overwrite(
        &pack_of(&store, "viking://resources/a/b"),
        "viking://resources",
    );
    let live = content(&store.live_tree());
    assert_same(
        &below(&live, "resources/b"),
        &expected(),
        "the pack and nothing else",
    );
}

#[test]
fn overwrite_and_skip_of_an_absent_root_are_plain_imports() {
    for policy in [OnConflict::Overwrite, OnConflict::Skip] {
        let store = TestStore::fresh();
        let pack = pack_of(&store, "viking://resources/a/b");
        let receipt = store
            .import_with(&pack, "viking://resources", policy)
            .unwrap();
        assert!(
            !receipt.skipped && receipt.transaction.is_some(),
            "{receipt:?}"
        );
        assert_same(
            &below(&content(&store.live_tree()), "resources/b"),
            &expected(),
            "imported",
        );
    }
}

#[test]
fn skip_returns_the_existing_uri_and_leaves_no_trace_anywhere_in_the_store() {
    let store = TestStore::fresh();
    let pack = pack_of(&store, "viking://resources/a/b");
    store.import(&pack, "viking://resources");
    std::fs::remove_file(store.at("resources/b/a.md")).unwrap();
    let (before, log) = (store.whole(), store.log());
    let receipt = store
        .import_with(&pack, "viking://resources", OnConflict::Skip)
        .unwrap();
    assert_eq!(
        (
            receipt.skipped,
            receipt.transaction,
            receipt.generation,
            receipt.uri.to_string()
        ),
        (true, None, 1, "viking://resources/b".to_owned())
    );
    assert_eq!(receipt.changes, ChangeCounts::default());
    assert_same(
        &store.whole(),
        &before,
        "the whole store; nothing is completed",
    );
    assert_eq!(store.log(), log);
}

#[test]
fn a_restore_that_meets_one_scope_that_is_not_empty_is_a_conflict_or_skips_all() {
    let scopes = ["resources", "user", "agent", "session"];
    let store = TestStore::fresh();
    store.write("agent/default/mine.md", b"mine");
    let pack = backup_of(&store, &scopes);
    let before = store.live_tree();
    let error = assert_fails(
        store.restore_with(&pack, OnConflict::Fail),
        "root-exists",
        4,
    );
    assert_eq!(report(&error).unwrap().findings[0].path, "viking://agent");
    assert_same(&store.live_tree(), &before, "fail");
    let whole = store.whole();
    let receipt = store.restore_with(&pack, OnConflict::Skip).unwrap();
    assert_eq!((receipt.skipped, receipt.transaction), (true, None));
    assert_same(&store.whole(), &whole, "skip");
    store.restore_with(&pack, OnConflict::Overwrite).unwrap();
    let files: Vec<_> = store
        .live_tree()
        .into_keys()
        .filter(|path| path.contains('.'))
        .collect();
    let expected = scopes.map(|scope| format!("{scope}/of/{scope}.md"));
    assert_eq!(files.len(), 4);
    assert!(
        expected.iter().all(|path| files.contains(path)),
        "{files:?}"
    );
}

/// Packs whose manifest is sound but whose bytes are not.
fn bad_bytes(store: &TestStore) -> [(Utf8PathBuf, &'static str); 3] {
    let pack = || PackBuilder::of("viking://resources/b").file("a.md", "as promised");
    [
        (
            pack()
                .forged("a.md", "other bytes")
                .write(&store.beside("digest.ovpack")),
            "file-digest",
        ),
        (
            pack()
                .forged("a.md", "longer than promised")
                .write(&store.beside("size.ovpack")),
            "file-size",
        ),
        (
            pack().damaged("a.md").write(&store.beside("crc.ovpack")),
            "member-bytes",
        ),
    ]
}

#[test]
fn a_pack_with_bad_bytes_is_refused_as_bad_also_where_it_would_be_skipped() {
    let store = TestStore::fresh();
    store.write("resources/b/old.md", b"old");
    let before = store.live_tree();
    for (pack, code) in bad_bytes(&store) {
        for policy in [OnConflict::Skip, OnConflict::Overwrite] {
            let error = store
                .import_with(&pack, "viking://resources", policy)
                .unwrap_err();
            assert_eq!(error.kind().exit_code(), 10, "{code}: {error:?}");
            let found: Vec<_> = rules(&error).iter().map(|rule| rule.code()).collect();
            assert!(found.contains(&code), "{code}: {error:?}");
        }
    }
    assert_same(&store.live_tree(), &before, "nothing was touched");
}

#[test]
fn with_fail_an_existing_root_ends_before_the_bytes_are_read() {
    let store = TestStore::fresh();
    store.write("resources/b/old.md", b"old");
    // A wrong size stands in the headers already; it may be found before the conflict.
    let packs = bad_bytes(&store).into_iter();
    for (pack, _) in packs.filter(|(_, code)| *code != "file-size") {
        let result = store.import_with(&pack, "viking://resources", OnConflict::Fail);
        assert_fails(result, "root-exists", 4);
    }
}

#[test]
fn a_bad_manifest_wins_over_a_conflict() {
    let store = TestStore::fresh();
    store.write("resources/b/old.md", b"old");
    let pack = PackBuilder::of("viking://resources/b")
        .file("a.md", "a")
        .manifest(|manifest| manifest["content_sha256"] = "0".repeat(64).into())
        .write(&store.beside("bad.ovpack"));
    for policy in POLICIES {
        let error = store
            .import_with(&pack, "viking://resources", policy)
            .unwrap_err();
        assert_eq!(error.kind().exit_code(), 10, "{error:?}");
        assert!(rules(&error).contains(&Rule::ContentDigest), "{error:?}");
    }
}

#[test]
fn what_is_no_directory_at_the_root_is_refused_under_every_policy() {
    let store = TestStore::fresh();
    let pack = pack_of(&store, "viking://resources/a/b");
    let root = store.at("resources/b");
    let put: [(&str, fn(&Utf8Path)); 4] = [
        ("a file", |root| std::fs::write(root, "mine").unwrap()),
        ("a link to a directory", |root| {
            std::os::unix::fs::symlink(".", root).unwrap()
        }),
        ("a link to nothing", |root| {
            std::os::unix::fs::symlink("nowhere", root).unwrap()
        }),
        ("a FIFO", |root| {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, root.as_std_path(), mode).unwrap();
        }),
    ];
    for (what, put) in put {
        std::fs::create_dir_all(root.parent().unwrap()).unwrap();
        put(&root);
        let before = store.live_tree();
        for policy in POLICIES {
            let error = store
                .import_with(&pack, "viking://resources", policy)
                .unwrap_err();
            assert_eq!(error.kind().exit_code(), 4, "{what}: {error:?}");
            let codes = ["root-not-directory", "symlink-on-path", "special-file"];
            assert!(codes.contains(&error.code()), "{what}: {error:?}");
        }
        assert_same(&store.live_tree(), &before, what);
        std::fs::remove_file(&root).unwrap();
    }
    std::fs::write(&root, "mine").unwrap();
    let result = store.import_with(&pack, "viking://resources", OnConflict::Overwrite);
    assert_fails(result, "root-not-directory", 4);
}

#[test]
fn a_file_on_the_way_to_the_root_is_a_conflict() {
    let store = TestStore::fresh();
    store.write("resources/x", b"a file");
    let pack = pack_of(&store, "viking://resources/a/b");
    for parent in ["viking://resources/x", "viking://resources/x/y/z"] {
        for policy in POLICIES {
            assert_fails(
                store.import_with(&pack, parent, policy),
                "parent-not-directory",
                4,
            );
        }
    }
    assert_eq!(get(&store.at("resources/x")), b"a file");
}

#[test]
fn a_link_on_the_way_to_the_root_is_never_followed() {
    let store = TestStore::fresh();
    let outside = store.beside("outside");
    std::fs::create_dir_all(outside.join("y")).unwrap();
    std::fs::create_dir_all(store.at("resources")).unwrap();
    std::os::unix::fs::symlink(&outside, store.at("resources/x")).unwrap();
    let pack = pack_of(&store, "viking://resources/a/b");
    for parent in ["viking://resources/x", "viking://resources/x/y"] {
        for policy in POLICIES {
            assert_fails(
                store.import_with(&pack, parent, policy),
                "symlink-on-path",
                4,
            );
        }
    }
    std::fs::remove_file(store.at("resources/x")).unwrap();
    std::fs::remove_dir(store.at("resources")).unwrap();
    std::os::unix::fs::symlink(&outside, store.at("resources")).unwrap();
    for policy in POLICIES {
        let result = store.import_with(&pack, "viking://resources", policy);
        assert_fails(result, "symlink-on-path", 4);
    }
    let left = crate::support::tree(&outside);
    assert_eq!(
        left.keys().collect::<Vec<_>>(),
        ["y"],
        "nothing was written outside"
    );
}

#[test]
fn an_old_root_that_a_slot_cannot_hold_honestly_is_refused_before_anything_is_written() {
    let store = TestStore::fresh();
    store.write("resources/b/old.md", b"old");
    std::os::unix::fs::symlink("old.md", store.at("resources/b/link")).unwrap();
    let pack = pack_of(&store, "viking://resources/a/b");
    let before = store.live_tree();
    let error = store
        .import_with(&pack, "viking://resources", OnConflict::Overwrite)
        .unwrap_err();
    assert_eq!(error.kind().exit_code(), 4, "{error:?}");
    assert!(
        ["special-file", "symlink-on-path"].contains(&error.code()),
        "{error:?}"
    );
    assert!(error.to_string().contains("resources/b/link"), "{error}");
    assert_same(&store.live_tree(), &before, "nothing was touched");
}

#[test]
fn a_rehearsal_tells_the_plan_and_leaves_no_trace_anywhere_in_the_store() {
    let store = TestStore::fresh();
    store.write("resources/b/a.md", b"older a");
    store.write("resources/b/gone.md", b"gone");
    let pack = pack_of(&store, "viking://resources/a/b");
    let (before, log) = (store.whole(), store.log());
    let options = ImportOptions {
        on_conflict: OnConflict::Overwrite,
        dry_run: true,
        ..ImportOptions::default()
    };
    let receipt = store
        .open()
        .import(&pack, &uri("viking://resources"), &options)
        .unwrap();
    assert_eq!(
        (receipt.dry_run, receipt.transaction, receipt.skipped),
        (true, None, false)
    );
    let plan: Vec<_> = receipt
        .plan
        .unwrap()
        .into_iter()
        .filter(|change| !matches!(change.change, ChangeKind::External | ChangeKind::Unchanged))
        .map(|change| (change.uri.to_string(), change.change))
        .collect();
    let root = "viking://resources/b";
    assert_eq!(
        plan,
        [
            (format!("{root}/a.md"), ChangeKind::Replaced),
            (format!("{root}/gone.md"), ChangeKind::Removed),
            (format!("{root}/sub"), ChangeKind::Added),
            (format!("{root}/sub/b.md"), ChangeKind::Added),
        ]
    );
    assert_eq!(
        (
            receipt.changes.added,
            receipt.changes.replaced,
            receipt.changes.removed
        ),
        (2, 1, 1)
    );
    assert_same(&store.whole(), &before, "the whole store");
    assert_eq!(store.log(), log);
}

#[test]
fn a_rehearsal_refuses_what_the_import_refuses() {
    let store = TestStore::fresh();
    store.write("resources/b/old.md", b"old");
    let (before, log) = (store.whole(), store.log());
    let rehearse = |pack: &Utf8Path, parent: &str, on_conflict| -> Error {
        let options = ImportOptions {
            on_conflict,
            dry_run: true,
            ..ImportOptions::default()
        };
        store
            .open()
            .import(pack, &uri(parent), &options)
            .unwrap_err()
    };
    let pack = pack_of(&store, "viking://resources/a/b");
    assert_eq!(
        rehearse(&pack, "viking://resources", OnConflict::Fail).code(),
        "root-exists"
    );
    assert_eq!(
        rehearse(&pack, "viking://user", OnConflict::Fail).code(),
        "scope-mismatch"
    );
    for (pack, code) in bad_bytes(&store) {
        let error = rehearse(&pack, "viking://resources", OnConflict::Overwrite);
        assert_eq!(error.kind().exit_code(), 10, "{code}: {error:?}");
    }
    let restore = ImportOptions {
        dry_run: true,
        ..ImportOptions::default()
    };
    let backup = backup_of(&store, &["resources"]);
    assert_fails(store.open().restore(&backup, &restore), "root-exists", 4);
    assert_same(&store.whole(), &before, "the whole store");
    assert_eq!(store.log(), log);
}

#[test]
fn a_refused_import_stays_in_the_journal_with_its_reason() {
    let store = TestStore::fresh();
    let [(pack, _), ..] = bad_bytes(&store);
    store
        .import_with(&pack, "viking://resources", OnConflict::Fail)
        .unwrap_err();
    let log = store.log();
    assert_eq!(log.len(), 1, "{log:?}");
    let entry = &log[0];
    assert_eq!(
        (entry.kind.as_str(), entry.state.as_str()),
        ("import", "aborted")
    );
    assert_eq!(entry.uri, "viking://resources/b");
    assert_eq!(entry.reason.as_deref(), Some("file-digest"));
    assert!(
        entry.finished_at.is_some() && entry.generation.is_none(),
        "{entry:?}"
    );
    assert!(store.status().recovery_pending.is_empty());
}

#[test]
fn all_findings_of_a_phase_are_reported_at_once() {
    let store = TestStore::fresh();
    let pack = PackBuilder::of("viking://resources/b")
        .file("missing.md", "x")
        .file("a.md", "a")
        .stray("b/unknown.md", "?")
        .zip(|zip| {
            zip.members
                .retain(|member| member.central.name != b"b/missing.md")
        })
        .manifest(|manifest| {
            manifest["content_sha256"] = "0".repeat(64).into();
            manifest["root"]["scope"] = "user".into();
        })
        .write(&store.beside("bad.ovpack"));
    let error = store
        .import_with(&pack, "viking://resources", OnConflict::Fail)
        .unwrap_err();
    let expected = [
        Rule::RootScope,
        Rule::FileMissing,
        Rule::FileUnexpected,
        Rule::ContentDigest,
    ];
    assert_eq!(rules(&error), expected, "{error:?}");
    let report = report(&error).unwrap();
    assert_eq!(report.total, 4);
    let missing = report
        .findings
        .iter()
        .find(|finding| finding.rule == Rule::FileMissing);
    assert_eq!(missing.unwrap().path, "missing.md");
}

#[test]
fn a_pack_with_index_records_of_session_content_is_imported_as_files_only() {
    let store = TestStore::fresh();
    let pack = PackBuilder::of("viking://session/s1")
        .file(".abstract.md", "about")
        .records(
            "",
            serde_json::json!([{ "level": 0, "text": "about", "scalars": { "level": 0 } }]),
        )
        .write(&store.beside("session.ovpack"));
    store.import(&pack, "viking://session");
    let report = store.export("session/s1", "again.ovpack").unwrap();
    let again = ovpack::verify(&report.file, &ovpack::VerifyOptions::default()).unwrap();
    assert_eq!(again.records, 0, "we write no records for session content");
}

#[test]
fn a_real_pack_goes_under_a_parent_of_another_depth_and_back() {
    let click = fixture("resources-click");
    let store = TestStore::fresh();
    store.import(&click.pack, "viking://resources/one/two");
    let report = store
        .export("resources/one/two/click", "click.ovpack")
        .unwrap();
    store.import(&report.file, "viking://resources");
    let live = content(&store.live_tree());
    let mut first = below(&live, "resources/one/two/click");
    assert_same(&first, &below(&live, "resources/click"), "both");
    first.remove("");
    assert_same(&first, &click.expected, "as expected");
}

#[test]
fn new_directories_take_their_mode_from_what_they_replace_or_from_their_parent() {
    use std::os::unix::fs::PermissionsExt as _;
    let store = TestStore::fresh();
    let set = |below: &str, mode| {
        std::fs::set_permissions(store.at(below), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    store.write("resources/b/old.md", b"old");
    set("resources", 0o750);
    set("resources/b", 0o700);
    set("resources/b/old.md", 0o600);
    let pack = pack_of(&store, "viking://resources/a/b");
    store.overwrite(&pack, "viking://resources");
    store.import(&pack, "viking://resources/x");
    let modes: Vec<_> = store
        .live_tree()
        .into_iter()
        .map(|(path, node)| (path, node.mode))
        .collect();
    let expected = [
        ("resources", 0o750),
        ("resources/b", 0o700),
        ("resources/b/a.md", 0o644),
        ("resources/b/sub", 0o700),
        ("resources/b/sub/b.md", 0o644),
        ("resources/x", 0o750),
        ("resources/x/b", 0o750),
        ("resources/x/b/a.md", 0o644),
        ("resources/x/b/sub", 0o750),
        ("resources/x/b/sub/b.md", 0o644),
    ]
    .map(|(path, mode)| (path.to_owned(), mode));
    assert_eq!(modes, expected);
}
