//! The doctor: each thing that can be wrong is told, with the command that mends it, and that command
//! mends it; nothing is changed by looking.

use std::fs::File;
use std::process::Command;

use camino::Utf8Path;
use ovpack::fault::Outcome;
use ovpack::{Cure, DoctorOptions, DoctorReport, Health, Kind, OnConflict, doctor};
use serde_json::{Value, json};

use crate::support::fault::{EIO, steps_of, with_fault};
use crate::support::test_store::{Output, output, put};
use crate::support::{PackBuilder, TestStore};

/// A store with one import that replaced another, so that there is an old tree; indexed.
fn store() -> TestStore {
    let store = TestStore::fresh();
    for (name, text) in [("one", "aaaa"), ("two", "bbbb")] {
        let pack = PackBuilder::of("viking://resources/notes")
            .file("a.md", text)
            .file(".abstract.md", "About notes.")
            .write(&store.beside(&format!("{name}.ovpack")));
        store.overwrite(&pack, "viking://resources");
    }
    let waited = store.run(["index", "wait", "--quiet"]);
    assert_eq!(waited.code, Some(0), "{waited:?}");
    store
}

fn examined(store: &TestStore) -> DoctorReport {
    doctor(&store.path, &DoctorOptions::default()).unwrap()
}

/// Returns the checks that are not ok.
fn told(report: &DoctorReport) -> Vec<(&'static str, Health, Option<&'static str>)> {
    let checks = report.checks.iter();
    checks
        .filter(|check| check.health != Health::Ok)
        .map(|check| (check.check, check.health, check.reason))
        .collect()
}

/// Runs what the doctor says about each check that is not ok, as it stands.
fn mend(store: &TestStore) -> Vec<String> {
    let answer = store.run(["doctor", "--json"]).json();
    let checks = answer["result"]["checks"].as_array().unwrap();
    let sick = checks.iter().filter(|check| check["health"] != "ok");
    let commands: Vec<_> = sick
        .filter_map(|check| check["command"].as_str().map(str::to_owned))
        .collect();
    for command in &commands {
        let ended = shell(store, command);
        assert_eq!(ended.code, Some(0), "{command}: {ended:?}");
    }
    commands
}

fn shell(store: &TestStore, script: &str) -> Output {
    let built = Utf8Path::new(env!("CARGO_BIN_EXE_ovpack"));
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .current_dir(store.beside(""))
        .env_clear()
        .env("PATH", format!("{}:{path}", built.parent().unwrap()));
    output(shell)
}

fn ovpack_file(store: &TestStore, name: &str) -> camino::Utf8PathBuf {
    store.path.join(".ovpack").join(name)
}

fn journal(store: &TestStore) -> rusqlite::Connection {
    rusqlite::Connection::open(ovpack_file(store, "store.db")).unwrap()
}

#[test]
fn a_whole_store_is_ok_and_looking_changes_nothing() {
    let store = store();
    let before = store.whole();
    for content in [false, true] {
        let options = DoctorOptions {
            content,
            ..DoctorOptions::default()
        };
        let report = doctor(&store.path, &options).unwrap();
        assert_eq!(told(&report), [], "{report:#?}");
        assert_eq!((report.health, report.gravest()), (Health::Ok, None));
    }
    let names: Vec<_> = examined(&store).checks.iter().map(|it| it.check).collect();
    assert_eq!(
        names,
        [
            "settings",
            "writer-lock",
            "exchange",
            "reflink",
            "staging",
            "uploads",
            "case",
            "journal-file",
            "cache-file",
            "index-file",
            "journal",
            "transactions",
            "slots",
            "live-tree",
            "search-index",
            "space",
        ]
    );
    assert_eq!(store.whole(), before);
    let ended = store.run(["doctor"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), "16 checks, all ok\n"),
        "{ended:?}"
    );
}

#[test]
fn damage_in_the_journals_file_ends_with_8_and_all_else_is_still_looked_at() {
    let store = store();
    let mut bytes = std::fs::read(ovpack_file(&store, "store.db")).unwrap();
    bytes[..16].copy_from_slice(b"no database here");
    std::fs::write(ovpack_file(&store, "store.db"), bytes).unwrap();
    for name in ["store.db-wal", "store.db-shm"] {
        std::fs::remove_file(ovpack_file(&store, name)).unwrap();
    }
    let report = examined(&store);
    assert_eq!(
        told(&report),
        [
            ("journal-file", Health::Problem, Some("store-damaged")),
            ("journal", Health::Problem, Some("store-damaged")),
        ]
    );
    assert_eq!(report.gravest(), Some(Kind::Damaged));
    let ended = store.run(["doctor"]);
    assert_eq!(ended.code, Some(8), "{ended:?}");
    // No command undoes damage; what is told to be done first works.
    let copy = format!("{}.copy", store.path);
    let copied = format!("cp -a {} {copy}", store.path);
    assert_eq!(mend(&store), [copied.as_str(), copied.as_str()]);
    assert!(Utf8Path::new(&copy).join(".ovpack/store.db").is_file());
}

#[test]
fn rows_that_refer_to_none_and_rows_that_were_changed_are_told_apart() {
    let store = store();
    journal(&store)
        .execute_batch(
            "PRAGMA foreign_keys=OFF; INSERT INTO tx_policy (tx, ordinal, name, sha256) VALUES (99, 1, 'x', zeroblob(32));",
        )
        .unwrap();
    let report = examined(&store);
    let problems = [
        ("journal-file", Health::Problem, Some("store-damaged")),
        ("journal", Health::Problem, Some("journal-damaged")),
    ];
    assert_eq!(told(&report), problems);
    let file = &report.checks[7];
    assert!(file.message.contains("refers to none of tx"), "{file:?}");

    let store = self::store();
    let trigger: String = journal(&store)
        .query_row(
            "SELECT sql FROM sqlite_schema WHERE name = 'tx_is_never_changed' OR (type = 'trigger' AND tbl_name = 'tx' AND sql LIKE '%UPDATE%')",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let name = trigger.split_whitespace().nth(2).unwrap();
    journal(&store)
        .execute_batch(&format!(
            "DROP TRIGGER {name}; UPDATE tx SET user = 'mallory'; {trigger}"
        ))
        .unwrap();
    assert_eq!(told(&examined(&store)), problems[1..]);
}

#[test]
fn an_old_tree_that_is_not_what_was_recorded_is_told() {
    let path = |store: &TestStore| {
        let slots = std::fs::read_dir(ovpack_file(store, "slots")).unwrap();
        let trees = slots.map(|slot| slot.unwrap().path().join("tree"));
        let path = trees.into_iter().find(|tree| tree.exists()).unwrap();
        camino::Utf8PathBuf::from_path_buf(path).unwrap()
    };
    let slots = [("slots", Health::Problem, Some("slot-damaged"))];
    let content = DoctorOptions {
        content: true,
        ..DoctorOptions::default()
    };
    for (damage, seen_by_size) in [
        (
            (|tree| std::fs::remove_dir_all(tree).unwrap()) as fn(&Utf8Path),
            true,
        ),
        (
            |tree| std::fs::write(tree.join("a.md"), "longer").unwrap(),
            true,
        ),
        (
            |tree| std::fs::write(tree.join("a.md"), "same").unwrap(),
            false,
        ),
    ] {
        let store = store();
        damage(&path(&store));
        let by_size = told(&examined(&store));
        assert_eq!(by_size, if seen_by_size { &slots[..] } else { &[] });
        assert_eq!(told(&doctor(&store.path, &content).unwrap()), slots);
        let ended = store.run(["doctor", "--content"]);
        assert_eq!(ended.code, Some(8), "{ended:?}");
    }
}

#[test]
fn what_can_be_made_again_is_a_warning_and_its_command_mends_it() {
    for (name, text) in [
        ("cache.db", "rm -r "),
        ("index.db", "ovpack index rebuild "),
    ] {
        let store = store();
        let sidecars = [format!("{name}-wal"), format!("{name}-shm")];
        for sidecar in sidecars {
            drop(std::fs::remove_file(ovpack_file(&store, &sidecar)));
        }
        std::fs::write(ovpack_file(&store, name), b"no database").unwrap();
        let report = examined(&store);
        let check = format!("{}-file", name.trim_end_matches(".db"));
        let sick = told(&report);
        assert!(
            sick.iter()
                .any(|(name, health, _)| *name == check && *health == Health::Warning),
            "{sick:?}"
        );
        assert_eq!(report.gravest(), None);
        let commands = mend(&store);
        assert!(commands[0].starts_with(text), "{commands:?}");
        assert_eq!(told(&examined(&store)), []);
    }
}

#[test]
fn a_search_index_that_differs_is_a_problem_and_one_that_is_behind_a_warning() {
    let store = store();
    let index = rusqlite::Connection::open(ovpack_file(&store, "index.db")).unwrap();
    index
        .execute_batch("PRAGMA foreign_keys=ON; UPDATE document SET is_live = 0;")
        .unwrap();
    drop(index);
    let report = examined(&store);
    assert_eq!(
        told(&report),
        [("search-index", Health::Problem, None)],
        "{report:#?}"
    );
    assert_eq!(store.run(["doctor"]).code, Some(4));
    assert_eq!(
        mend(&store),
        [format!("ovpack index check --fix --store {}", store.path)]
    );
    assert_eq!(told(&examined(&store)), []);

    let more = PackBuilder::of("viking://resources/more")
        .file("b.md", "b")
        .write(&store.beside("more.ovpack"));
    store.import(&more, "viking://resources");
    assert_eq!(
        told(&examined(&store)),
        [("search-index", Health::Warning, None)]
    );
    assert_eq!(
        mend(&store),
        [format!("ovpack index wait --store {}", store.path)]
    );
    assert_eq!(told(&examined(&store)), []);
}

#[test]
fn who_holds_the_writer_lock_is_told_and_is_no_fault() {
    let store = store();
    let lock = File::open(ovpack_file(&store, "lock")).unwrap();
    lock.try_lock().unwrap();
    let report = examined(&store);
    let sick = told(&report);
    let untried = |name| (name, Health::Warning, None);
    assert_eq!(sick, [untried("exchange"), untried("reflink")]);
    let held = &report.checks[1];
    assert_eq!((held.check, held.health), ("writer-lock", Health::Ok));
    let names_the_process = held
        .message
        .starts_with(&format!("held by process {}", std::process::id()));
    // On Btrfs the kernel's list has other numbers than stat.
    assert!(
        names_the_process || held.message.starts_with("held by another process"),
        "{held:?}"
    );
    assert_eq!(store.run(["doctor"]).code, Some(0));
}

#[test]
fn what_acts_that_were_cut_short_have_left_is_told_and_removed() {
    let store = store();
    put(&store.path, ".ovpack/staging/staging.db", b"left");
    put(&store.path, ".ovpack/uploads/upload_1.ovpack", b"left");
    put(&store.path, ".ovpack/slots/77/tree/a.md", b"left");
    let warning = |name| (name, Health::Warning, None);
    assert_eq!(
        told(&examined(&store)),
        [warning("staging"), warning("uploads"), warning("slots")]
    );
    assert_eq!(
        mend(&store),
        [
            format!("ovpack recover --store {}", store.path),
            format!("rm -r {}", ovpack_file(&store, "uploads")),
            format!("rm -r {}", ovpack_file(&store, "slots/77")),
        ]
    );
    assert_eq!(told(&examined(&store)), []);
}

#[test]
fn a_transaction_that_a_crash_left_open_is_told_and_one_in_doubt_ends_with_6() {
    let store = store();
    let pack = store.beside("one.ovpack");
    let import = || {
        let done = store.import_with(&pack, "viking://resources", OnConflict::Overwrite);
        done.map(drop)
    };
    let steps = steps_of(|| import().unwrap());
    let exchange = steps.iter().position(|step| *step == "exchange").unwrap() as u64;
    // The step after the rename: the new tree is in place, and the journal does not know.
    with_fault(exchange + 2, Outcome::FailOn(EIO), import).unwrap_err();
    let open: Vec<_> = told(&examined(&store))
        .into_iter()
        .filter(|(name, ..)| *name == "transactions")
        .collect();
    assert_eq!(open, [("transactions", Health::Warning, None)]);

    std::fs::rename(store.at("resources/notes"), store.beside("away")).unwrap();
    store.write("resources/notes/else.md", b"neither old nor new");
    let report = examined(&store);
    assert_eq!(report.gravest(), Some(Kind::InDoubt));
    let doubt = report.checks.iter().find(|it| it.check == "transactions");
    assert_eq!(doubt.unwrap().cure, Some(Cure::Decide));
    let before = store.whole();
    let ended = store.run(["doctor"]);
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.stdout.contains("recover --forward"), "{ended:?}");
    assert_eq!(store.whole(), before);

    std::fs::remove_dir_all(store.at("resources/notes")).unwrap();
    std::fs::rename(store.beside("away"), store.at("resources/notes")).unwrap();
    let commands = mend(&store);
    assert!(commands.contains(&format!("ovpack recover --store {}", store.path)));
    let waited = store.run(["index", "wait"]);
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert_eq!(told(&examined(&store)), []);
}

#[test]
fn drift_and_what_no_pack_can_hold_are_warnings() {
    let store = store();
    store.write("resources/new.md", b"new");
    let warning = [("live-tree", Health::Warning, None)];
    let report = examined(&store);
    assert_eq!(told(&report), warning);
    let tree = report.checks.iter().find(|it| it.check == "live-tree");
    assert_eq!(tree.unwrap().details, ["added viking://resources/new.md"]);
    std::os::unix::fs::symlink("new.md", store.at("resources/link")).unwrap();
    let report = examined(&store);
    assert_eq!(told(&report), warning);
    let tree = report.checks.iter().find(|it| it.check == "live-tree");
    assert!(tree.unwrap().message.contains("no pack can hold"));
}

#[test]
fn settings_that_are_not_understood_end_with_2_and_name_the_file() {
    let store = store();
    std::fs::write(ovpack_file(&store, "config.toml"), "layuot = 'v3'\n").unwrap();
    let ended = store.run(["doctor", "--json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let json = ended.json();
    let path = ovpack_file(&store, "config.toml").into_string();
    let check = &json["result"]["checks"][0];
    assert_eq!(
        (&check["check"], &check["health"], &check["reason"]),
        (
            &json!("settings"),
            &json!("problem"),
            &json!("config-invalid")
        )
    );
    assert_eq!(check["cure"], json!({ "edit-file": path }));
    assert_eq!(check["command"], json!(format!("${{EDITOR:-vi}} {path}")));
    assert_eq!(json["status"], "ok", "{json}");
    assert_eq!(json["result"]["health"], "problem");
}

#[test]
fn where_no_store_is_the_doctor_says_so() {
    let store = TestStore::fresh();
    let nowhere = store.beside("nowhere");
    let error = doctor(&nowhere, &DoctorOptions::default()).unwrap_err();
    assert_eq!(error.code(), "store-not-found");
    let empty: Value = store.run(["doctor", "--json"]).result();
    assert_eq!(empty["health"], "ok", "a store without a commit: {empty}");
}

#[test]
fn openviking_on_an_adopted_directory_is_a_warning() {
    let store = TestStore::adopted(|path| put(path, "resources/a.md", b"a"));
    let waited = store.run(["index", "wait"]);
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert_eq!(told(&examined(&store)), []);
    put(&store.path, "resources/.path.ovlock", b"");
    assert_eq!(
        told(&examined(&store)),
        [
            ("live-tree", Health::Warning, None),
            ("neighbour", Health::Warning, None)
        ]
    );
}
