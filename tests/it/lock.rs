//! One writer at a time; readers always.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use ovpack::{OpenOptions, RecoverOptions, Store};

use crate::support::test_store::{get, output};
use crate::support::{PackBuilder, TestStore};

fn pack(store: &TestStore) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .file("a.md", "a")
        .write(&store.beside("notes.ovpack"))
}

/// Holds the store's lock as another writer does: the kernel's lock on the store's lock file.
#[must_use = "dropping it releases the lock"]
fn hold(store: &TestStore) -> File {
    let path = store.path.join(".ovpack/lock");
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    let file = file.unwrap();
    file.try_lock().unwrap();
    file
}

/// Waits until a process has the store's lock file open, so that it is asking for the lock.
fn wait_until_it_asks(child: &Child, store: &TestStore) {
    let files = format!("/proc/{}/fd", child.id());
    let lock = store.path.join(".ovpack/lock").canonicalize_utf8().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        let entries = std::fs::read_dir(&files).unwrap().flatten();
        if entries
            .flat_map(|entry| std::fs::read_link(entry.path()))
            .any(|path| path == lock)
        {
            return;
        }
        std::thread::yield_now();
    }
    panic!("it never asks for the lock");
}

#[test]
fn a_second_writer_is_told_at_once_that_the_store_is_busy() {
    let store = TestStore::fresh();
    let pack = pack(&store);
    store.import(&pack, "viking://resources");
    let backup = PackBuilder::backup(&["resources"]).write(&store.beside("backup.ovpack"));
    let _held = hold(&store);
    let before = store.whole();
    for arguments in [
        &["import", pack.as_str(), "viking://resources/x"][..],
        &["restore", backup.as_str(), "--on-conflict", "overwrite"],
        &["rollback", "tx1"],
        &["recover"],
    ] {
        let begun = Instant::now();
        let output = store.run(["--json"].iter().chain(arguments));
        assert_eq!(output.code, Some(7), "{arguments:?}: {output:?}");
        let error = &output.json()["error"];
        assert_eq!(
            (&error["code"], &error["reason"]),
            (&"RESOURCE_BUSY".into(), &"busy".into())
        );
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{arguments:?} waited"
        );
    }
    crate::support::assert_same(&store.whole(), &before, "nothing was touched");
}

#[test]
fn readers_answer_while_a_writer_works() {
    let store = TestStore::fresh();
    store.import(&pack(&store), "viking://resources");
    let _held = hold(&store);
    for arguments in [
        &["ls", "viking://resources"][..],
        &["cat", "viking://resources/notes/a.md"],
        &["log"],
        &["show", "tx1"],
        &["status"],
        &["export", "viking://resources/notes", "exported"],
        &["backup", "backed-up"],
    ] {
        let output = store.run(arguments);
        assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_writer_that_may_wait_goes_on_when_the_other_is_done() {
    let store = TestStore::fresh();
    let pack = pack(&store);
    store.import(&pack, "viking://resources");
    let held = hold(&store);
    let mut command = store.command(["--wait", "60", "import", pack.as_str(), "resources/x"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until_it_asks(&child, &store);
    assert_eq!(child.try_wait().unwrap(), None, "it waits");
    assert!(!store.at("resources/x").exists());
    drop(held);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(get(&store.at("resources/x/notes/a.md")), b"a");
}

#[test]
fn a_writer_that_has_waited_long_enough_says_busy() {
    let store = TestStore::fresh();
    let pack = pack(&store);
    let _held = hold(&store);
    let begun = Instant::now();
    let output = output(store.command(["--wait", "1", "import", pack.as_str(), "resources"]));
    assert_eq!(output.code, Some(7), "{output:?}");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_killed_writer_leaves_no_lock_behind() {
    let store = TestStore::fresh();
    let pack = pack(&store);
    let killed = store.run_with_fault("kill:5", ["import", pack.as_str(), "resources"]);
    assert_eq!(killed.code, None, "{killed:?}");
    let output = store.run(["import", pack.as_str(), "resources"]);
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn two_writers_at_once_both_succeed_one_after_the_other() {
    let store = TestStore::fresh();
    let children: Vec<_> = (0..4)
        .map(|number| {
            let pack = PackBuilder::of(&format!("viking://resources/root-{number}"))
                .file("a.md", format!("{number}"))
                .write(&store.beside(&format!("{number}.ovpack")));
            let mut command = store.command(["--wait", "60", "import", pack.as_str(), "resources"]);
            command
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
    }
    let status = store.status();
    assert_eq!((status.generation, status.files), (4, 4));
    assert_eq!(status.recovery_pending, Vec::new());
}

#[test]
fn the_lock_is_free_when_an_act_returns_also_while_the_process_makes_children() {
    let store = TestStore::fresh();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    assert!(Command::new("true").status().unwrap().success());
                }
            });
        }
        let open = Store::open(&store.path, &OpenOptions::default()).unwrap();
        let results: Vec<_> = (0..200)
            .map(|_| open.recover(&RecoverOptions::default()))
            .collect();
        is_done.store(true, Ordering::Relaxed);
        let busy = results.iter().filter(|result| result.is_err()).count();
        assert_eq!(busy, 0, "no other writer was there");
    });
}
