//! What a newcomer does wrong, and what the program says to it: each verb has a table of mistakes, and
//! each answer is a snapshot to be read. A good one names the path and both values, and says what to
//! do next in words that can be pasted.
//!
//! `INSTA_UPDATE=always cargo test --test it -- wrong_use` takes over answers that changed on purpose;
//! read the diff as one who has never seen the program.

use std::process::Command;

use camino::Utf8PathBuf;
use regex::Regex;
use tempfile::TempDir;

use crate::help::VERBS;
use crate::support::test_store::output;
use crate::support::{Output, path_of, scratch};

const CASES: &str = include_str!("wrong_use/cases.txt");

/// Two stores, packs of all kinds and some files that are none, as a newcomer's desk may hold them.
const DESK: &str = r#"
set -e
cp "$FIXTURES/v2flat-backup-full.ovpack" backup.ovpack
cp "$FIXTURES/v2flat-backup-full.ovpack" "it's a backup.ovpack"
cp "$FIXTURES/v2flat-resources-click.ovpack" click.ovpack
cp "$FIXTURES/v2flat-scope-resources.ovpack" scope.ovpack
cp "$FIXTURES/v2flat-session-sess_123.ovpack" session.ovpack
head -c 90000 click.ovpack > cut.ovpack
: > empty.ovpack
echo 'Read me.' > readme.txt
mkdir full papers workspace && echo x > papers/paper.txt
mkdir workspace/resources && echo x > workspace/resources/x.md
ovpack -q init notes > init.txt
ovpack -q init other >> init.txt
rm init.txt
ovpack journal head --store other > other-head.txt
cd notes
ovpack -q restore ../backup.ovpack > /dev/null
ovpack -q import ../click.ovpack viking://resources/lib > /dev/null
ovpack -q rollback tx2 > /dev/null
ovpack -q import ../click.ovpack viking://resources > /dev/null 2>&1 || :
echo 'by hand' >> viking/resources/click/README.md
ovpack -q import ../click.ovpack viking://resources --on-conflict overwrite > /dev/null
"#;

/// Whom an answer may depend on, made the same for everybody.
const MASKS: [(&str, &str); 7] = [
    (r"\bby ana on [\w.-]+", "by ana on HOST"),
    (r"\d+ bytes are free", "SOME bytes are free"),
    (r"\d+ files free", "SOME files free"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "STORE-ID"),
    (
        r"\b\d+(\.\d+)? s\b( \(\d+(\.\d+)? [kMGT]?B/s\))?",
        "SECONDS",
    ),
    (r"\b[0-9a-f]{64}\b", "DIGEST"),
];

struct Desk {
    directory: TempDir,
    masks: Vec<(Regex, &'static str)>,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            directory: scratch(),
            masks: MASKS
                .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
                .into(),
        };
        let made = desk.shell(DESK, &desk.path());
        assert_eq!(made.code, Some(0), "{made:?}");
        desk
    }

    fn path(&self) -> Utf8PathBuf {
        path_of(&self.directory)
    }

    /// Runs a script as a newcomer's shell would, with the built program before all others.
    fn shell(&self, script: &str, directory: &Utf8PathBuf) -> Output {
        let built = Utf8PathBuf::from(env!("CARGO_BIN_EXE_ovpack"));
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", script])
            .current_dir(directory)
            .env_clear()
            .env("PATH", format!("{}:{path}", built.parent().unwrap()))
            .env(
                "FIXTURES",
                format!("{}/fixtures", env!("CARGO_MANIFEST_DIR")),
            )
            .env("HOME", self.path())
            .env("USER", "ana")
            .env("LANG", "C.UTF-8")
            .stdin(std::process::Stdio::null());
        output(shell)
    }

    /// Does something wrong in the store `notes`, and returns what is answered.
    fn answer(&self, script: &str) -> String {
        let output = self.shell(script, &self.path().join("notes"));
        let mut text = output.stdout + &output.stderr;
        for (mask, name) in &self.masks {
            text = mask.replace_all(&text, *name).into_owned();
        }
        let text = text.replace(self.path().as_str(), "/desk");
        let code = output
            .code
            .map_or("signal".to_owned(), |code| code.to_string());
        format!("{text}[{code}]\n")
    }

    /// Does all that is wrong of one kind, each after what `prelude` defines.
    fn table(&self, prelude: &str, of: &str) -> String {
        let told = cases(of).into_iter().map(|(what, script)| {
            let answer = self.answer(&format!("{prelude}{script}"));
            format!("# {what}\n$ {script}\n{answer}")
        });
        told.collect::<Vec<_>>().join("\n")
    }
}

/// Returns the mistakes that are made with a verb.
fn cases(verb: &str) -> Vec<(&'static str, String)> {
    let heading = format!("## {verb}");
    CASES
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (what, script) = line.split_once(" | ").unwrap();
            (what, script.to_owned())
        })
        .collect()
}

/// Makes a test of each verb, and the list of all of them.
macro_rules! verbs {
    ($($name:ident: $verb:literal,)*) => {
        const TABLES: &[&str] = &[$($verb),*];
        $(#[test] fn $name() {
            let desk = Desk::new();
            insta::assert_snapshot!(concat!("wrong-use-", $verb), desk.table("", $verb));
        })*
    };
}

verbs! {
    a_wrong_completions: "completions",
    a_wrong_config: "config",
    a_wrong_doctor: "doctor",
    a_wrong_man: "man",
    a_wrong_command_line: "ovpack",
    a_wrong_backup: "backup",
    a_wrong_cat: "cat",
    a_wrong_convert: "convert",
    a_wrong_export: "export",
    a_wrong_find: "find",
    a_wrong_history: "history",
    a_wrong_import: "import",
    a_wrong_index: "index",
    a_wrong_init: "init",
    a_wrong_inspect: "inspect",
    a_wrong_journal: "journal",
    a_wrong_log: "log",
    a_wrong_ls: "ls",
    a_wrong_pin: "pin",
    a_wrong_prune: "prune",
    a_wrong_recover: "recover",
    a_wrong_redo: "redo",
    a_wrong_restore: "restore",
    a_wrong_rollback: "rollback",
    a_wrong_salvage: "salvage",
    a_wrong_serve: "serve",
    a_wrong_show: "show",
    a_wrong_status: "status",
    a_wrong_tree: "tree",
    a_wrong_unpin: "unpin",
    a_wrong_verify: "verify",
}

#[test]
fn a_suggested_line_can_be_pasted_and_does_what_was_meant() {
    let desk = Desk::new();
    let notes = desk.path().join("notes");
    for wrong in [
        r"ovpack import '../it'\''s a backup.ovpack' viking://resources --on-conflict overwrite",
        "ovpack --store ../notes import resources ../click.ovpack --on-conflict=merge",
        "ovpack restore ../session.ovpack --on-conflict overwrite",
        "ovpack import ../scope.ovpack viking://resources --on-conflict merge",
        "ovpack import ../it\\'s\\ a\\ bakup.ovpack resources --dry-run",
        r"ovpack ls 'resources\clik'",
        "ovpack find options --uri=resources/clik --limit 1",
        "ovpack --store ../note log",
        "ovpack restor ../backup.ovpack --on-conflict skip",
        "ovpack backup viking://resources",
        "ovpack tree tx1 resources/click",
        "ovpack tree --at resources/click tx1",
        "ovpack index update",
        "ovpack index status ../notes",
        "ovpack reindex",
        "ovpack doctor ../notes",
        "ovpack --dry-run import ../click.ovpack resources --on-conflict merge",
        "ovpack completions /bin/bash",
        "ovpack recover back",
        "cd .. && ovpack ls",
    ] {
        let refused = desk.shell(wrong, &notes);
        assert_ne!(refused.code, Some(0), "{wrong}: {refused:?}");
        let help = refused
            .stderr
            .lines()
            .find(|line| line.starts_with("help: "));
        let (_, line) = help.and_then(|help| help.split_once(": ovpack ")).unwrap();
        let at = if wrong.starts_with("cd ..") {
            desk.path()
        } else {
            notes.clone()
        };
        let done = desk.shell(&format!("ovpack {line}"), &at);
        // The pack of the mistyped name is a backup, of which the next answer tells.
        let code = if wrong.contains("bakup") { 10 } else { 0 };
        assert_eq!(done.code, Some(code), "{wrong}: {line}: {done:?}");
    }
}

/// Makes commands for a machine that is not as it should be: in a mount namespace of its own, so that
/// nothing of it is left.
const MACHINE: &str = r#"
mounted() {
  mount=$1; shift
  unshare --map-root-user --mount sh -c "$mount"' && "$@"' sh "$@"
}
full() { mounted 'mount -t tmpfs -o size=700k none ../full' "$@"; }
full_store() {
  LEFT=$1; shift; export LEFT
  mounted '
    state() { find viking -printf "%y %m %s %T@ %p\n" | sort; find viking -type f -exec sha256sum {} + | sort; }
    mount -t tmpfs -o size=16m none ../full && cp -a . ../full/notes && cd ../full/notes &&
    cp ../../click.ovpack ../../backup.ovpack .. && state > ../before &&
    head -c $(($(stat -f -c "%a * %S" .) - LEFT * 1024)) /dev/zero > ../other && {
      "$@"; code=$?; rm ../other
      state | cmp -s - ../before && echo "(live: as before)" >&2 || echo "(live: changed)" >&2
      ovpack journal verify --content --quiet > ../head && echo "(journal: whole)" >&2
      exit $code
    }' "$@"
}
readonly_store() { mounted 'mount --bind "$PWD" "$PWD" && mount -o remount,bind,ro "$PWD" && cd "$PWD"' "$@"; }
somebody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }
"#;

/// The tables that are run so.
const MACHINES: [&str; 4] = [
    "no space",
    "a full store",
    "a read-only store",
    "the store of another user",
];

/// Snapshots a table, unless this machine does not let us bring about what it is of.
#[expect(clippy::print_stderr, reason = "what is not tested must be told")]
fn on_a_machine(name: &str, trial: &str) {
    let desk = Desk::new();
    let tried = desk.shell(&format!("{MACHINE}{trial}"), &desk.path().join("notes"));
    if tried.code != Some(0) {
        eprintln!("NOT TESTED: this machine does not let `{trial}` run: {tried:?}");
        return;
    }
    let snapshot = format!("wrong-use-{}", name.replace(' ', "-"));
    insta::assert_snapshot!(snapshot, desk.table(MACHINE, name));
}

#[test]
fn on_a_full_disk() {
    on_a_machine("no space", "full true");
}

/// Whatever is refused has left what is live as it was, to the times of its files.
#[test]
fn in_a_store_on_a_full_disk() {
    on_a_machine("a full store", "full_store 100 true");
}

#[test]
fn in_a_store_that_may_only_be_read() {
    on_a_machine("a read-only store", "readonly_store true");
}

#[test]
fn in_the_store_of_another_user() {
    on_a_machine(
        "the store of another user",
        "chmod 755 .. && somebody test -x .",
    );
}

#[test]
fn every_verb_has_its_table_and_every_table_its_test() {
    let headings: Vec<_> = CASES
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    for verb in VERBS {
        assert!(headings.contains(&verb), "{verb} has no mistakes");
    }
    for heading in headings {
        let is_run = TABLES.contains(&heading) || MACHINES.contains(&heading);
        assert!(is_run, "{heading} is not run");
        assert!(!cases(heading).is_empty(), "{heading} has no mistakes");
    }
}
