//! What an act costs, in what can be counted: steps, system calls and instructions, not time, so that
//! a machine under load tells the same as an idle one.
//!
//! Costs are taken as the difference between a small pack and a larger one, for each file: what is
//! done once, such as loading the program, is in both.

use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use crate::support::fault::steps_of;
use crate::support::{PackBuilder, TestStore, path_of, scratch};

/// Both are more than are read for the search index right after an import.
const FEW: u64 = 1_100;
const MANY: u64 = 1_700;

fn pack_of(directory: &Utf8Path, files: u64) -> Utf8PathBuf {
    let mut pack = PackBuilder::of("viking://resources/cost");
    for number in 0..files / 50 {
        pack = pack.directory(&format!("d{number:02}"));
    }
    for number in 0..files {
        let text = format!("Some text of the file {number}, and some more of it. ").repeat(40);
        pack = pack.file(&format!("d{:02}/{number:04}.md", number / 50), text);
    }
    pack.write(&directory.join(format!("{files}.ovpack")))
}

/// Returns a cost for each file, from those of few and of many.
fn for_each_file(cost: impl Fn(u64) -> u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let difference = (cost(MANY) - cost(FEW)) as f64;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let files = (MANY - FEW) as f64;
    difference / files
}

fn has(program: &str) -> bool {
    let mut asked = Command::new(program);
    asked.arg("--version").stdout(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

#[test]
fn an_import_takes_two_steps_for_a_file_and_no_sync() {
    let directory = scratch();
    let steps = |files| {
        let pack = pack_of(&path_of(&directory), files);
        let store = TestStore::fresh();
        steps_of(|| drop(store.import(&pack, "viking://resources")))
    };
    let count = |name: &str| {
        let of = |files| steps(files).iter().filter(|step| **step == name).count();
        (of(FEW), of(MANY))
    };
    for name in ["create", "write"] {
        let (few, many) = count(name);
        assert_eq!(many - few, 600, "{name}");
    }
    for name in ["fsync", "syncfs", "exchange", "rename", "database-commit"] {
        let (few, many) = count(name);
        assert_eq!(few, many, "{name}");
    }
    // A directory: made; its mode is what the umask of the tests leaves.
    let per_file = for_each_file(|files| steps(files).len() as u64);
    assert!(per_file <= 2.1, "{per_file} steps for each file");
}

/// Runs the built program under another one that counts, and returns what `count` finds.
fn counted(
    store: &TestStore,
    counter: &[&str],
    arguments: &[&str],
    count: impl Fn(&str) -> Option<u64>,
) -> u64 {
    let plain = store.command(arguments);
    let mut command = Command::new(counter[0]);
    command
        .args(&counter[1..])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(plain.get_current_dir().unwrap_or(store.path.as_std_path()));
    for (key, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text}");
    count(&text).unwrap_or_else(|| panic!("{arguments:?}: {text}"))
}

/// Returns the cost of verifying and of importing a pack, for each file.
fn costs(counter: &[&str], count: fn(&str) -> Option<u64>) -> [f64; 2] {
    let directory = scratch();
    let verify = for_each_file(|files| {
        let pack = pack_of(&path_of(&directory), files);
        let store = TestStore::fresh();
        counted(
            &store,
            counter,
            &["--jobs", "1", "verify", pack.as_str()],
            count,
        )
    });
    let import = for_each_file(|files| {
        let pack = pack_of(&path_of(&directory), files);
        let store = TestStore::fresh();
        let arguments = ["--jobs", "1", "import", pack.as_str(), "resources"];
        counted(&store, counter, &arguments, count)
    });
    [verify, import]
}

#[test]
fn system_calls_for_each_file_are_few() {
    if !has("strace") {
        println!("strace is not here; nothing was counted");
        return;
    }
    let total = |text: &str| {
        let line = text.lines().rev().find(|line| line.ends_with("total"))?;
        line.split_whitespace().nth(3)?.parse().ok()
    };
    let [verify, import] = costs(&["strace", "-f", "-c"], total);
    println!("{verify} system calls for each file verified, {import} imported");
    assert!(verify <= VERIFY_CALLS_MAX, "{verify}");
    assert!(import <= IMPORT_CALLS_MAX, "{import}");
}

/// Measured: 1.39. Pieces of the pack, each for many files; a temporary file of `SQLite` is read and written in pages.
const VERIFY_CALLS_MAX: f64 = 1.6;
/// Measured: 6.76. Beside: open, write, look at it, close; and the pages of the journal's rows.
const IMPORT_CALLS_MAX: f64 = 7.4;

#[test]
fn instructions_for_each_file_are_few() {
    if !has("valgrind") {
        println!("valgrind is not here; nothing was counted");
        return;
    }
    let counter = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
    ];
    let total = |text: &str| {
        let line = text.lines().find(|line| line.contains("Collected :"))?;
        line.rsplit_once(": ")?.1.trim().parse().ok()
    };
    let [verify, import] = costs(&counter, total);
    println!("{verify} instructions for each file verified, {import} imported");
    assert!(verify <= VERIFY_INSTRUCTIONS_MAX, "{verify}");
    assert!(import <= IMPORT_INSTRUCTIONS_MAX, "{import}");
}

/// Measured: 517,600. Of a build for tests, where nothing of this crate is optimised; see docs/performance.md.
const VERIFY_INSTRUCTIONS_MAX: f64 = 600_000.0;
/// The same of an import. Measured: 725,800.
const IMPORT_INSTRUCTIONS_MAX: f64 = 820_000.0;
