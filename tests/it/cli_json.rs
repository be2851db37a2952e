//! The command line as programs see it: JSON shapes, exit codes, what goes to which stream.

use std::process::{Command, Stdio};

use camino::Utf8PathBuf;
use serde_json::{Value, json};

use crate::support::test_store::{Output, get, output};
use crate::support::{PackBuilder, TestStore, fixture, path_of, scratch};

fn version(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .file("same.md", "the same")
        .file("each.md", format!("version {number}"))
        .write(&store.beside(&format!("v{number}.ovpack")))
}

fn with_notes() -> TestStore {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), "viking://resources");
    store
}

/// Asserts that an object has these keys at least.
#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("{value} is an object"));
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !object.contains_key(**key))
        .collect();
    assert!(missing.is_empty(), "{missing:?} are missing in {value}");
}

/// Asserts a whole error and returns its details.
#[track_caller]
fn assert_error(output: &Output, exit: i32, code: &str, reason: &str) -> Value {
    assert_eq!(output.code, Some(exit), "{output:?}");
    let json = output.json();
    assert_eq!(json["status"], "error", "{json}");
    let error = &json["error"];
    assert_eq!(
        (&error["code"], &error["reason"]),
        (&json!(code), &json!(reason)),
        "{json}"
    );
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{json}"
    );
    assert!(error["details"].is_object(), "{json}");
    assert_eq!(
        output.stdout.trim_end().lines().count(),
        output.stdout.lines().count()
    );
    assert_eq!(
        json.as_object().unwrap().len(),
        2,
        "status and error: {json}"
    );
    error["details"].clone()
}

const RECEIPT: [&str; 9] = [
    "uri",
    "transaction",
    "generation",
    "skipped",
    "changes",
    "files",
    "bytes",
    "dry_run",
    "units",
];

#[test]
fn import_overwrite_skip_and_rollback_tell_what_they_did() {
    let store = TestStore::fresh();
    let (first, second) = (version(&store, 1), version(&store, 2));
    let result = store
        .run(["--json", "import", first.as_str(), "viking://resources"])
        .result();
    assert_keys(&result, &RECEIPT);
    assert_eq!(
        [
            &result["uri"],
            &result["transaction"],
            &result["generation"],
            &result["skipped"]
        ],
        [
            &json!("viking://resources/notes"),
            &json!("tx1"),
            &json!(1),
            &json!(false)
        ]
    );
    assert_eq!(
        (&result["files"], &result["bytes"]),
        (&json!(2), &json!(17))
    );
    assert_keys(
        &result["changes"],
        &["added", "replaced", "unchanged", "removed"],
    );

    let overwrite = [
        "--json",
        "import",
        second.as_str(),
        "resources",
        "--on-conflict",
        "overwrite",
    ];
    let result = store.run(overwrite).result();
    assert_eq!(result["transaction"], "tx2");
    assert_eq!(result["changes"]["replaced"], 1);

    let skip = [
        "--json",
        "import",
        second.as_str(),
        "resources",
        "--on-conflict",
        "skip",
    ];
    let result = store.run(skip).result();
    assert_keys(&result, &RECEIPT);
    assert_eq!(
        [
            &result["skipped"],
            &result["transaction"],
            &result["generation"]
        ],
        [&json!(true), &Value::Null, &json!(2)]
    );

    let result = store.run(["--json", "rollback", "tx2"]).result();
    assert_keys(&result, &RECEIPT);
    assert_eq!(
        [
            &result["transaction"],
            &result["undoes"],
            &result["generation"]
        ],
        [&json!("tx3"), &json!("tx2"), &json!(3)]
    );
    assert_eq!(get(&store.at("resources/notes/each.md")), b"version 1");
}

#[test]
fn a_rehearsal_shows_the_plan() {
    let store = with_notes();
    let pack = version(&store, 2);
    let arguments = [
        "--json",
        "import",
        pack.as_str(),
        "resources",
        "--on-conflict",
        "overwrite",
        "--dry-run",
    ];
    let result = store.run(arguments).result();
    assert_eq!(
        (&result["dry_run"], &result["transaction"]),
        (&json!(true), &Value::Null)
    );
    let plan = result["plan"].as_array().unwrap();
    let replaced: Vec<_> = plan
        .iter()
        .filter(|change| change["change"] == "replaced")
        .collect();
    assert_eq!(replaced.len(), 1);
    assert_eq!(replaced[0]["uri"], "viking://resources/notes/each.md");
    assert_keys(&replaced[0]["before"], &["kind", "size", "sha256"]);
    let result = store
        .run(["--json", "rollback", "tx1", "--dry-run"])
        .result();
    assert_eq!(
        (&result["dry_run"], &result["undoes"]),
        (&json!(true), &json!("tx1"))
    );
    assert_eq!(get(&store.at("resources/notes/each.md")), b"version 1");
}

#[test]
fn export_backup_verify_and_inspect_tell_of_the_pack() {
    let store = with_notes();
    let keys = [
        "file",
        "uri",
        "layout",
        "files",
        "bytes",
        "content_sha256",
        "sha256",
    ];
    let exported = store
        .run(["--json", "export", "resources/notes", "notes"])
        .result();
    assert_keys(&exported, &keys);
    let file = store.beside(exported["file"].as_str().unwrap());
    assert_eq!(
        file,
        store.beside("notes.ovpack"),
        "as given, relative or not"
    );
    assert_eq!(exported["uri"], "viking://resources/notes");
    assert_eq!(
        (&exported["layout"], &exported["files"]),
        (&json!("v2"), &json!(2))
    );
    let backup = store.run(["--json", "backup", "all"]).result();
    assert_keys(&backup, &keys);
    assert_eq!(backup["uri"], "viking://");

    let verified = store.run(["--json", "verify", "notes.ovpack"]).result();
    for key in ["layout", "files", "bytes", "content_sha256", "sha256"] {
        assert_eq!(verified[key], exported[key], "{key}");
    }
    let inspected = store
        .run([
            "--json",
            "inspect",
            "notes.ovpack",
            "--entries",
            "--records",
        ])
        .result();
    assert_keys(
        &inspected,
        &["entries", "index_records", "content_sha256", "root", "uri"],
    );
    let paths: Vec<_> = inspected["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["path"])
        .collect();
    assert_eq!(paths, [&json!(""), &json!("each.md"), &json!("same.md")]);
    let restored = {
        let other = TestStore::fresh();
        let pack = store.beside(backup["file"].as_str().unwrap());
        other.run(["--json", "restore", pack.as_str()]).result()
    };
    assert_keys(&restored, &RECEIPT);
    assert_eq!(restored["uri"], "viking://");
}

#[test]
fn log_show_and_status_tell_of_the_store() {
    let store = with_notes();
    store.run(["--json", "rollback", "tx1"]).result();
    let log = store.run(["--json", "log"]).result();
    let transactions = log["transactions"].as_array().unwrap();
    assert_eq!(transactions.len(), 2);
    for transaction in transactions {
        let keys = [
            "transaction",
            "kind",
            "state",
            "uri",
            "started_at",
            "finished_at",
            "pack_sha256",
            "undoes",
        ];
        assert_keys(transaction, &keys);
    }
    assert_eq!(transactions[0]["transaction"], "tx2");
    assert_eq!(transactions[0]["undoes"], "tx1");
    assert_eq!(transactions[1]["kind"], "import");
    let show = store.run(["--json", "show", "tx1"]).result();
    assert_keys(
        &show,
        &[
            "transaction",
            "events",
            "units",
            "argv",
            "user",
            "tool_version",
        ],
    );
    let events: Vec<_> = show["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["kind"])
        .collect();
    assert_eq!(events, ["begun", "prepared", "committed"]);
    let status = store.run(["--json", "status"]).result();
    let keys = [
        "store",
        "generation",
        "recovery_pending",
        "files",
        "bytes",
        "slots",
        "slot_bytes",
        "drift",
    ];
    assert_keys(&status, &keys);
    assert_eq!(
        (&status["generation"], &status["files"]),
        (&json!(2), &json!(0))
    );
}

#[test]
fn ls_cat_recover_and_init_tell_what_they_did() {
    let store = with_notes();
    let ls = store
        .run(["--json", "ls", "viking://resources/notes"])
        .result();
    let text = ls.to_string();
    for uri in [
        "viking://resources/notes/each.md",
        "viking://resources/notes/same.md",
    ] {
        assert!(text.contains(uri), "{text}");
    }
    let cat = store.run(["cat", "resources/notes/each.md"]);
    assert_eq!(
        (cat.code, cat.stdout.as_str(), cat.stderr.as_str()),
        (Some(0), "version 1", "")
    );
    let recovered = store.run(["--json", "recover"]).result();
    assert_eq!(recovered["settled"], json!([]));

    let directory = scratch();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ovpack"));
    command
        .env_clear()
        .current_dir(path_of(&directory))
        .args(["--json", "init", "made"]);
    output(command).result();
    assert!(path_of(&directory).join("made/.ovpack").is_dir());
}

#[test]
fn errors_are_one_object_with_the_exit_code_of_their_kind() {
    let store = with_notes();
    let pack = version(&store, 2);
    let pack = pack.as_str();
    let run = |arguments: &[&str]| store.run(["--json"].iter().chain(arguments));

    let details = assert_error(
        &run(&["import", pack, "resources"]),
        4,
        "CONFLICT",
        "root-exists",
    );
    assert_eq!(details["findings"][0]["code"], "root-exists");
    assert_eq!(details["findings"][0]["path"], "viking://resources/notes");
    assert_eq!(details["total"], 1);
    assert_error(
        &run(&["import", pack, "user"]),
        10,
        "INVALID_ARGUMENT",
        "scope-mismatch",
    );
    assert_error(
        &run(&["restore", pack]),
        10,
        "INVALID_ARGUMENT",
        "restore-needs-backup",
    );
    assert_error(
        &run(&["import", "absent", "resources"]),
        9,
        "NOT_FOUND",
        "file-not-found",
    );
    assert_error(
        &run(&["import", pack, "viking://temp"]),
        2,
        "INVALID_URI",
        "invalid-uri",
    );
    assert_error(
        &run(&["import", pack, "VIKING://x"]),
        2,
        "INVALID_URI",
        "invalid-uri",
    );
    assert_error(
        &run(&["verify", "absent"]),
        9,
        "NOT_FOUND",
        "file-not-found",
    );
    assert_error(
        &run(&["export", "resources/absent", "x"]),
        9,
        "NOT_FOUND",
        "uri-not-found",
    );
    // It writes a file's bytes, so there is no JSON of it.
    assert_eq!(store.run(["cat", "resources/absent"]).code, Some(9));
    assert_error(
        &run(&["ls", "resources/absent"]),
        9,
        "NOT_FOUND",
        "uri-not-found",
    );
    assert_error(
        &run(&["rollback", "tx99"]),
        9,
        "NOT_FOUND",
        "transaction-not-found",
    );
    assert_error(
        &run(&["show", "tx99"]),
        9,
        "NOT_FOUND",
        "transaction-not-found",
    );
    store.write("resources/notes/each.md", b"edited");
    let details = assert_error(&run(&["rollback", "tx1"]), 4, "CONFLICT", "drift");
    assert_eq!(details["total"], 1);
    std::fs::write(store.beside("mine.ovpack"), "mine").unwrap();
    let output = run(&["export", "resources/notes", "mine.ovpack"]);
    assert_error(&output, 4, "CONFLICT", "output-exists");
    std::fs::write(store.beside("text.ovpack"), "hello").unwrap();
    assert_error(
        &run(&["verify", "text.ovpack"]),
        10,
        "INVALID_ARGUMENT",
        "zip-end-record",
    );
}

#[test]
fn a_conflict_helps_and_a_full_disk_has_a_code_of_its_own() {
    let store = with_notes();
    let pack = version(&store, 2);
    let output = store.run(["--json", "import", pack.as_str(), "resources"]);
    let help = output.json()["error"]["help"].clone();
    assert!(
        help.as_str().is_some_and(|help| help.contains("overwrite")),
        "{help}"
    );
    let output = store.run_with_fault(
        "failon:28:8",
        ["--json", "import", pack.as_str(), "resources/elsewhere"],
    );
    assert_error(&output, 5, "RESOURCE_EXHAUSTED", "no-space");
}

#[test]
fn without_a_store_everything_that_needs_one_says_so() {
    let directory = scratch();
    for arguments in [
        &["status"][..],
        &["log"],
        &["ls"],
        &["recover"],
        &["rollback", "tx1"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ovpack"));
        command.env_clear().current_dir(path_of(&directory));
        command
            .args(["--store", "nothing here", "--json"])
            .args(arguments);
        assert_error(&output(command), 9, "NOT_FOUND", "store-not-found");
    }
    let click = fixture("resources-click");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ovpack"));
    command.env_clear().current_dir(path_of(&directory));
    command.args(["--json", "verify", click.pack.as_str()]);
    assert_eq!(
        output(command).result()["content_sha256"],
        click.content_sha256
    );
}

#[test]
fn bad_arguments_exit_with_2() {
    let store = with_notes();
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["import"],
        &["import", "a.ovpack", "resources", "--on-conflict", "maybe"],
        &["import", "a.ovpack", "resources", "--force"],
        &["import", "a.ovpack", "resources", "--vectorize"],
        &["rollback", "the last one"],
        &["--wait", "soon", "recover"],
    ] {
        let output = store.run(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {output:?}");
        assert_eq!(output.stdout, "", "{arguments:?}");
        let output = store.run(["--json"].iter().chain(arguments));
        assert_eq!(output.code, Some(2), "{arguments:?}: {output:?}");
        if !output.stdout.is_empty() {
            let json = output.json();
            assert_eq!(json["error"]["code"], "INVALID_ARGUMENT", "{arguments:?}");
        }
    }
}

#[test]
fn without_json_errors_are_talk_and_stdout_stays_empty() {
    let store = with_notes();
    let pack = version(&store, 2);
    let output = store.run(["import", pack.as_str(), "resources"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(4), ""));
    assert!(
        output.stderr.contains("viking://resources/notes"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("help:"), "{}", output.stderr);
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
}

#[test]
fn quiet_talks_only_of_errors() {
    let store = TestStore::fresh();
    let pack = version(&store, 1);
    let output = store.run(["--quiet", "import", pack.as_str(), "resources"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    let output = store.run(["--quiet", "import", pack.as_str(), "resources"]);
    assert_eq!(output.code, Some(4));
    assert!(!output.stderr.is_empty());
    let output = store.run(["--quiet", "cat", "resources/notes/each.md"]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(0), "version 1")
    );
}

#[test]
fn json_is_all_that_stands_on_stdout() {
    let store = with_notes();
    for arguments in [
        &["log"][..],
        &["status"],
        &["ls"],
        &["show", "tx1"],
        &["recover"],
    ] {
        let output = store.run(["--json"].iter().chain(arguments));
        let json = output.json();
        assert_eq!(json["status"], "ok", "{arguments:?}");
        assert_eq!(
            json.as_object().unwrap().len(),
            2,
            "status and result: {json}"
        );
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let store = with_notes();
    for arguments in [
        &["log"][..],
        &["status"],
        &["ls", "resources/notes"],
        &["cat", "resources/notes/each.md"],
        &["--json", "log"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = store.command(arguments);
        let child = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(command);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr, "", "{arguments:?} ended with {:?}", output.status);
    }
}

#[test]
fn odd_paths_and_relative_ones_are_as_good_as_any() {
    let directory = scratch();
    let base = path_of(&directory);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ovpack"));
        command.env_clear().current_dir(&base).args(arguments);
        output(command)
    };
    let store = "my \"store\" isn't 多语言 100%\n";
    assert_eq!(run(&["init", store]).code, Some(0));
    let click = fixture("resources-click");
    std::fs::copy(&click.pack, base.join("it's a pack.ovpack")).unwrap();
    let imported = run(&[
        "--json",
        "--store",
        store,
        "import",
        "./it's a pack.ovpack",
        "/resources/a b/",
    ]);
    assert_eq!(imported.result()["uri"], "viking://resources/a b/click");
    let exported = run(&[
        "--json",
        "--store",
        store,
        "export",
        " resources/a b/click ",
        "out \"of\"/it",
    ]);
    let file = base.join(exported.result()["file"].as_str().unwrap());
    assert_eq!(file, base.join("out \"of\"/it.ovpack"));
    assert!(file.is_file());
    let listed = run(&["--json", "--store", &format!("./{store}/../{store}"), "log"]);
    assert_eq!(
        listed.result()["transactions"][0]["uri"],
        "viking://resources/a b/click"
    );
}

#[test]
fn the_store_is_found_from_below_it() {
    let store = with_notes();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ovpack"));
    command
        .env_clear()
        .current_dir(store.at("resources/notes"))
        .args(["--json", "log"]);
    assert_eq!(
        output(command).result()["transactions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn status_exits_with_4_on_drift_only_when_asked() {
    let store = with_notes();
    assert_eq!(store.run(["status", "--exit-code"]).code, Some(0));
    store.write("resources/notes/each.md", b"edited");
    assert_eq!(store.run(["status"]).code, Some(0));
    assert_eq!(store.run(["status", "--exit-code"]).code, Some(4));
    let output = store.run(["--json", "status", "--exit-code"]);
    assert_eq!(output.code, Some(4), "{output:?}");
    assert_eq!(
        output.json()["result"]["drift"]["changed"],
        json!(["viking://resources/notes/each.md"])
    );
}

#[test]
fn adopt_takes_a_directory_over_with_a_baseline() {
    let directory = scratch();
    let base = path_of(&directory);
    crate::support::test_store::put(&base, "account/resources/a.md", b"a");
    crate::support::test_store::put(&base, "account/_system/x", b"x");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ovpack"));
        command
            .env_clear()
            .current_dir(&base)
            .args(["--json"])
            .args(arguments);
        output(command)
    };
    std::fs::create_dir(base.join("empty")).unwrap();
    assert_error(
        &run(&["init", "--adopt", "empty"]),
        9,
        "NOT_FOUND",
        "nothing-to-adopt",
    );
    assert_error(
        &run(&["init", "account"]),
        4,
        "CONFLICT",
        "directory-not-empty",
    );
    run(&["init", "--adopt", "account"]).result();
    assert_error(
        &run(&["init", "--adopt", "account"]),
        4,
        "CONFLICT",
        "store-exists",
    );
    let log = run(&["--store", "account", "log"]).result();
    assert_eq!(log["transactions"][0]["kind"], "baseline");
    let status = run(&["--store", "account", "status"]).result();
    assert_eq!(
        (&status["adopted"], &status["files"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        status["drift"],
        json!({ "added": [], "changed": [], "missing": [] })
    );
    assert_eq!(get(&base.join("account/_system/x")), b"x");
}
