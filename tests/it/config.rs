//! Settings: flags go before the environment, that before the store's file, that before the user's,
//! and what nobody says has its default; `config list` tells which it was.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use crate::support::test_store::{Output, output, put};
use crate::support::{PackBuilder, TestStore};

fn store() -> TestStore {
    let store = TestStore::fresh();
    for text in ["aaaa", "bbbb", "cccc"] {
        let pack = PackBuilder::of("viking://resources/notes")
            .file("a.md", text)
            .file("b.md", "b")
            .write(&store.beside("notes.ovpack"));
        store.overwrite(&pack, "viking://resources");
    }
    store
}

/// Runs the program with a home beside the store, and with variables.
fn run(store: &TestStore, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = store.command(arguments);
    command.env("HOME", store.beside(""));
    command.envs(variables.iter().copied());
    output(command)
}

fn user_file(store: &TestStore) -> Utf8PathBuf {
    store.beside(".config/ovpack/config.toml")
}

fn write_user(store: &TestStore, text: &str) {
    put(
        &store.beside(""),
        ".config/ovpack/config.toml",
        text.as_bytes(),
    );
}

fn write_own(store: &TestStore, text: &str) {
    put(&store.path, ".ovpack/config.toml", text.as_bytes());
}

/// Returns the layout of an export.
fn exported(store: &TestStore, flags: &[&str], variables: &[(&str, &str)]) -> Value {
    let arguments = [
        "export",
        "resources/notes",
        "out.ovpack",
        "--force",
        "--json",
    ];
    let arguments: Vec<_> = arguments.iter().chain(flags).copied().collect();
    run(store, &arguments, variables).result()["layout"].clone()
}

/// Returns a setting as it is listed.
fn listed(output: &Output, key: &str) -> (Value, Value) {
    let result = output.result();
    let all = result["settings"].as_array().unwrap();
    let one = all.iter().find(|it| it["key"] == key).unwrap();
    (one["value"].clone(), one["origin"].clone())
}

#[test]
fn each_layer_goes_before_the_next_and_is_told() {
    let store = store();
    let list = |variables: &[_]| {
        let ended = run(&store, &["config", "list", "--json"], variables);
        listed(&ended, "layout")
    };
    assert_eq!(exported(&store, &[], &[]), "v2");
    assert_eq!(list(&[]), (json!("v2"), json!({ "kind": "default" })));

    write_user(&store, "# mine\nlayout = 'v3'\n");
    assert_eq!(exported(&store, &[], &[]), "v3");
    let user = json!({ "kind": "file", "path": user_file(&store), "line": 2 });
    assert_eq!(list(&[]), (json!("v3"), user));

    write_own(&store, "layout = 'v2-files'\n");
    assert_eq!(exported(&store, &[], &[]), "v2-files");
    let own = store.path.join(".ovpack/config.toml");
    let own = json!({ "kind": "file", "path": own, "line": 1 });
    assert_eq!(list(&[]), (json!("v2-files"), own));

    let variable = [("OVPACK_LAYOUT", "v3")];
    assert_eq!(exported(&store, &[], &variable), "v3");
    let environment = json!({ "kind": "environment", "name": "OVPACK_LAYOUT" });
    assert_eq!(list(&variable), (json!("v3"), environment));

    assert_eq!(exported(&store, &["--layout", "v2"], &variable), "v2");
    let variables = [("OVPACK_JOBS", "3")];
    let jobs = ["config", "list", "--json", "--jobs", "2"];
    assert_eq!(
        listed(&run(&store, &jobs, &variables), "jobs"),
        (json!("2"), json!({ "kind": "flag", "name": "--jobs" }))
    );
}

#[test]
fn the_list_has_every_setting_with_its_variable_and_the_files() {
    let store = store();
    let ended = run(&store, &["config", "list", "--json"], &[]);
    let result = ended.result();
    let keys: Vec<_> = result["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ovpack::Settings::keys().collect::<Vec<_>>());
    let own = store.path.join(".ovpack/config.toml");
    assert_eq!(result["files"], json!([own, user_file(&store)]));
    assert_eq!(
        result["settings"][4],
        json!({
            "key": "limits.members",
            "value": "10000000",
            "origin": { "kind": "default" },
            "variable": "OVPACK_LIMITS_MEMBERS",
        })
    );
    let people = run(&store, &["config", "list"], &[("OVPACK_LAYOUT", "v3")]);
    let line = |key: &str| {
        let mut lines = people.stdout.lines();
        let line = lines.find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        line("layout"),
        ["layout", "v3", "environment", "OVPACK_LAYOUT"]
    );
    assert_eq!(line("index.url"), ["index.url", "-", "default"]);
}

#[test]
fn limits_retention_and_embedder_are_followed() {
    let store = store();
    write_own(
        &store,
        "[limits]\nmembers = 2\n[retention]\nkeep_last = 1\n[index]\nembedder = 'none'\n",
    );
    let pack = store.beside("notes.ovpack");
    let refused = run(&store, &["verify", pack.as_str(), "--json"], &[]);
    assert_eq!(refused.json()["error"]["reason"], "too-many-members");
    let raised = run(
        &store,
        &["verify", pack.as_str(), "--max-members", "9"],
        &[],
    );
    assert_eq!(raised.code, Some(0), "{raised:?}");
    let variable = [("OVPACK_LIMITS_MEMBERS", "9")];
    let raised = run(&store, &["verify", pack.as_str()], &variable);
    assert_eq!(raised.code, Some(0), "{raised:?}");

    let status = run(&store, &["index", "status", "--json"], &[]).result();
    assert_eq!(status["embedder"], "none");
    let variable = [("OVPACK_INDEX_EMBEDDER", "builtin")];
    let status = run(&store, &["index", "status", "--json"], &variable).result();
    assert_eq!(status["embedder"], "builtin");

    let prune = |flags: &[&str]| {
        let arguments = [&["prune", "--dry-run", "--json"], flags].concat();
        let told = run(&store, &arguments, &[]).result();
        (told["freed"].clone(), told["kept"].clone())
    };
    let (by_settings, by_flag) = (prune(&[]), prune(&["--keep-last", "3"]));
    assert_ne!(by_settings, by_flag, "a flag goes before");
    write_own(&store, "");
    assert_eq!(by_settings, prune(&["--keep-last", "1"]));
    assert_eq!(by_flag, prune(&["--keep-last", "3"]));
    let unsaid = run(&store, &["prune"], &[]);
    assert_eq!(unsaid.code, Some(2), "{unsaid:?}");
    assert!(unsaid.stderr.contains("--keep-last N"), "{unsaid:?}");
}

#[test]
fn a_misspelt_setting_stops_what_follows_it_and_no_rollback() {
    let store = store();
    write_user(&store, "jobs = 2\n[limits]\nmembrs = 5\n");
    let path = user_file(&store);
    let refused = run(&store, &["export", "resources/notes", "out"], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let message = format!(
        "error: {path} cannot be used: line 3: there is no setting `limits.membrs`; perhaps `limits.members` is meant\n"
    );
    assert!(refused.stderr.starts_with(&message), "{refused:?}");
    let rolled_back = run(&store, &["rollback", "tx3"], &[]);
    assert_eq!(rolled_back.code, Some(0), "{rolled_back:?}");
    assert!(
        rolled_back.stderr.starts_with("warning: "),
        "{rolled_back:?}"
    );

    write_user(&store, "");
    write_own(&store, "store = '/elsewhere'\n");
    let refused = run(&store, &["config", "list"], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("of a user's file"), "{refused:?}");

    write_own(&store, "");
    let refused = run(&store, &["config", "list"], &[("OVPACK_JOBS", "many")]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.starts_with(
            "error: OVPACK_JOBS cannot be used: `jobs` is `many`: it is a number from 1 to 64"
        ),
        "{refused:?}"
    );
}

#[test]
fn the_users_store_is_used_where_none_is_named_and_none_is_near() {
    let (mine, near) = (store(), TestStore::fresh());
    let list = |store: &TestStore, directory: &Utf8Path, variables: &[(&str, &str)]| {
        let mut command = store.command(["config", "list", "--json"]);
        // Without `--store`.
        let mut bare = std::process::Command::new(command.get_program());
        bare.args(["config", "list", "--json"])
            .env_clear()
            .env("HOME", mine.beside(""))
            .envs(variables.iter().copied())
            .current_dir(directory);
        std::mem::swap(&mut command, &mut bare);
        listed(&output(command), "store")
    };
    let outside = mine.beside("");
    let default = json!({ "kind": "default" });
    assert_eq!(list(&mine, &outside, &[]), (Value::Null, default.clone()));
    write_user(&mine, "store = '~/store'\n");
    let file = json!({ "kind": "file", "path": user_file(&mine), "line": 1 });
    let found = list(&mine, &outside, &[]);
    assert_eq!(found, (json!(mine.beside("store")), file));
    let found = list(&near, &near.path, &[]);
    assert_eq!(
        found,
        (json!(near.path.canonicalize_utf8().unwrap()), default)
    );
    let named = [("OVPACK_STORE", near.path.as_str())];
    let environment = json!({ "kind": "environment", "name": "OVPACK_STORE" });
    assert_eq!(
        list(&mine, &outside, &named),
        (json!(near.path), environment)
    );
    write_user(&mine, "store = 'store'\n");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ovpack"));
    command
        .args(["config", "list"])
        .env_clear()
        .env("HOME", mine.beside(""))
        .current_dir(&outside);
    let refused = output(command);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("begins with `/` or `~/`"),
        "{refused:?}"
    );
}
