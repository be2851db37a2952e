//! Nothing is written to an adopted directory while OpenViking seems to work on it.

use std::fs::{File, create_dir, remove_file, write};

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{ImportOptions, OpenOptions, RollbackOptions, Store};

use crate::support::test_store::put;
use crate::support::{
    PackBuilder, assert_fails, assert_same, content, path_of, scratch, tree, uri,
};

/// A workspace with one account that is a store, and a pack beside it.
fn workspace(scratch: &Utf8Path) -> (Store, Utf8PathBuf) {
    let account = scratch.join("workspace/viking/acme");
    put(&account, "resources/old/a.md", b"old");
    put(&account, "_system/state.json", b"{}");
    put(&account, "tasks/1.json", b"{}");
    put(&account, "temp/upload", b"x");
    let store = Store::adopt(&account, &OpenOptions::default()).unwrap();
    let pack = PackBuilder::of("viking://resources/new")
        .file("b.md", "new")
        .write(&scratch.join("new.ovpack"));
    (store, pack)
}

fn import(store: &Store, pack: &Utf8Path) -> ovpack::Result<ovpack::Receipt> {
    store.import(pack, &uri("viking://resources"), &ImportOptions::default())
}

#[test]
fn each_sign_stops_a_writing_act_and_a_stale_one_does_not() {
    let dir = scratch();
    let (store, pack) = workspace(&path_of(&dir));
    let account = store.path().to_owned();
    let workspace = account.parent().unwrap().parent().unwrap().to_owned();
    let before = tree(&account.join("resources"));
    let locks = [
        account.join("resources/.path.ovlock"),
        account.join("resources/old/.path.ovlock"),
    ];
    for lock in &locks {
        write(lock, "").unwrap();
        let error = assert_fails(import(&store, &pack), "in-use", 7);
        assert!(error.to_string().contains(lock.as_str()), "{error}");
        remove_file(lock).unwrap();
    }
    for place in [&account, &workspace] {
        let pid = place.join("server.pid");
        write(&pid, format!("{}\n", std::process::id())).unwrap();
        let error = assert_fails(import(&store, &pack), "in-use", 7);
        assert!(error.to_string().contains(pid.as_str()), "{error}");
        // No process has the largest number that there can be.
        write(&pid, "4194304").unwrap();
        let lock = place.join("server.lock");
        let held = File::create(&lock).unwrap();
        held.lock().unwrap();
        let error = assert_fails(import(&store, &pack), "in-use", 7);
        assert!(error.to_string().contains(lock.as_str()), "{error}");
        held.unlock().unwrap();
    }
    let now = tree(&account.join("resources"));
    assert_same(&content(&now), &content(&before), "refused");
    assert!(
        store.log(&ovpack::LogOptions::default()).unwrap().len() == 1,
        "the baseline"
    );
    import(&store, &pack).unwrap();
}

#[test]
fn who_knows_better_goes_on_and_what_is_not_content_stays() {
    let dir = scratch();
    let (store, pack) = workspace(&path_of(&dir));
    let account = store.path().to_owned();
    write(account.join("resources/.path.ovlock"), "").unwrap();
    assert_fails(import(&store, &pack), "in-use", 7);
    let options = OpenOptions {
        while_running: true,
        ..OpenOptions::default()
    };
    let store = Store::open(&account, &options).unwrap();
    let receipt = import(&store, &pack).unwrap();
    let tx = receipt.transaction.unwrap();
    store.rollback(tx, &RollbackOptions::default()).unwrap();
    for (path, bytes) in [
        ("resources/old/a.md", "old"),
        ("resources/.path.ovlock", ""),
        ("_system/state.json", "{}"),
        ("tasks/1.json", "{}"),
        ("temp/upload", "x"),
    ] {
        assert_eq!(std::fs::read_to_string(account.join(path)).unwrap(), bytes);
    }
}

#[test]
fn a_directory_is_adopted_when_openviking_is_done_with_it() {
    let dir = scratch();
    let account = path_of(&dir).join("workspace/viking/acme");
    put(&account, "resources/a.md", b"a");
    put(&account, "resources/sub/.path.ovlock", b"");
    let lock = account.join("resources/sub/.path.ovlock");
    let error = assert_fails(Store::adopt(&account, &OpenOptions::default()), "in-use", 7);
    assert!(error.to_string().contains(lock.as_str()), "{error}");
    assert!(!account.join(".ovpack").exists(), "nothing is made");
    remove_file(&lock).unwrap();
    let store = Store::adopt(&account, &OpenOptions::default()).unwrap();
    let status = store.status(&ovpack::StatusOptions::default()).unwrap();
    assert_eq!(status.files, 1);
}

#[test]
fn a_lock_that_was_adopted_by_one_who_knows_better_is_a_file_like_others() {
    let dir = scratch();
    let account = path_of(&dir).join("workspace/viking/acme");
    put(&account, "resources/a.md", b"a");
    put(&account, "resources/.path.ovlock", b"");
    let options = OpenOptions {
        while_running: true,
        ..OpenOptions::default()
    };
    let store = Store::adopt(&account, &options).unwrap();
    let pack = path_of(&dir).join("out.ovpack");
    let uri = uri("viking://resources");
    let report = store
        .export(&uri, &pack, &ovpack::ExportOptions::default())
        .unwrap();
    assert_eq!(report.files, 1);
    assert_eq!(report.left_out, ["viking://resources/.path.ovlock"]);
    remove_file(account.join("resources/.path.ovlock")).unwrap();
    let status = store.status(&ovpack::StatusOptions::default()).unwrap();
    assert_eq!(status.drift.missing, ["viking://resources/.path.ovlock"]);
}

#[test]
fn a_store_of_our_own_is_asked_for_nothing() {
    let dir = scratch();
    let scratch = path_of(&dir);
    create_dir(scratch.join("store")).unwrap();
    let store = Store::init(&scratch.join("store"), &OpenOptions::default()).unwrap();
    let pid = scratch.join("store/server.pid");
    write(pid, std::process::id().to_string()).unwrap();
    let pack = PackBuilder::of("viking://resources/new")
        .file("b.md", "new")
        .write(&scratch.join("new.ovpack"));
    import(&store, &pack).unwrap();
}
