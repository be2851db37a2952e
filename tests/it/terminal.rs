//! Names that others chose cannot steer a terminal: what people read on either stream has no
//! control character but the newline at a line's end, and nothing that turns the reading around.

use camino::Utf8PathBuf;
use serde_json::json;

use crate::support::{Output, PackBuilder, TestStore};

/// What a pack may have in a name: DEL, C1, overrides, isolates, marks, separators, white space.
const LEGAL: &str = "del\u{7f} csi\u{9b}2J nel\u{85} rlo\u{202e} lri\u{2066}pdi\u{2069} lrm\u{200e} alm\u{61c} ls\u{2028} nl\n tab\t.md";
/// The same as it is to be read.
const SHOWN: &str = r"del\u{7f} csi\u{9b}2J nel\u{85} rlo\u{202e} lri\u{2066}pdi\u{2069} lrm\u{200e} alm\u{61c} ls\u{2028} nl\n tab\t.md";
/// What no pack may have in a name: an escape sequence, a bell and a carriage return too.
const EVIL: &str = "esc\u{1b}[2J\u{1b}]0;title\u{7}\r\u{202e}.md";
const EVIL_SHOWN: &str = r"esc\u{1b}[2J\u{1b}]0;title\u{7}\r\u{202e}.md";

fn is_dangerous(character: char) -> bool {
    (character.is_control() && character != '\n')
        || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}"
            .contains(character)
}

/// Asserts that both streams are harmless, that the exit code is this one, and that a text stands
/// there as it should.
#[track_caller]
fn assert_harmless(output: &Output, code: i32, shown: &str) {
    let both = format!("{}{}", output.stdout, output.stderr);
    let found: Vec<_> = both.chars().filter(|c| is_dangerous(*c)).collect();
    assert_eq!(found, [], "{both}");
    assert_eq!(output.code, Some(code), "{both}");
    assert!(both.contains(shown), "{shown} in {both}");
}

/// A pack whose every name that may be is a hostile one.
fn pack(store: &TestStore) -> Utf8PathBuf {
    let scalars = json!({ "name": LEGAL, "level": 2, "context_type": "resource" });
    PackBuilder::of(&format!("viking://resources/{LEGAL}"))
        .directory("")
        .file(LEGAL, "x")
        .file(&format!("{LEGAL}/.path.ovlock").replace(".md", ""), "x")
        .records(LEGAL, json!([{ "level": 2, "scalars": scalars }]))
        .write(&store.beside(&format!("{EVIL}.ovpack")))
}

/// A store whose directory has a hostile name too.
fn store() -> TestStore {
    let mut store = TestStore::fresh();
    let path = store.beside(&format!("store {EVIL}"));
    std::fs::rename(&store.path, &path).unwrap();
    store.live = path.join("viking");
    store.path = path;
    store
}

#[test]
fn what_a_pack_says_of_itself() {
    let store = store();
    let pack = pack(&store);
    let pack = pack.as_str();
    assert_harmless(&store.run(["verify", pack]), 0, SHOWN);
    assert_harmless(&store.run(["verify", pack]), 0, EVIL_SHOWN);
    let words = ["inspect", pack, "--entries", "--records"];
    let output = store.run(words);
    assert_harmless(&output, 0, SHOWN);
    let lines = output.stdout.lines();
    let line = |line: &&str| line.contains(" 1 B  ") && line.ends_with(&format!("  {SHOWN}"));
    assert_eq!(lines.filter(line).count(), 1, "one line for one file");
    let colored = store.run([&words[..], &["--color", "always"]].concat());
    assert_harmless(&colored, 0, SHOWN);
}

#[test]
fn what_a_pack_is_refused_for() {
    let store = store();
    let refused = |name: &str, pack: PackBuilder, shown: &str| {
        let pack = pack.write(&store.beside(name));
        assert_harmless(&store.run(["verify", pack.as_str()]), 10, shown);
        let words = ["import", pack.as_str(), "resources"];
        assert_harmless(&store.run(words), 10, shown);
    };
    let notes = || {
        PackBuilder::of("viking://resources/notes")
            .directory("")
            .file("a", "a")
    };
    refused(
        "one",
        notes().stray(format!("notes/{EVIL}"), ""),
        EVIL_SHOWN,
    );
    let many = notes()
        .stray(format!("notes/{EVIL}"), "")
        .stray(format!("{LEGAL}/{LEGAL}"), "")
        .stray(format!("notes/{LEGAL}"), "");
    refused("many", many, SHOWN);
    refused(
        "root",
        notes().manifest(|manifest| manifest["root"]["name"] = json!(EVIL)),
        EVIL_SHOWN,
    );
    refused(
        "uri",
        notes().manifest(|manifest| manifest["root"]["uri"] = json!(EVIL)),
        EVIL_SHOWN,
    );
    refused(
        "kind",
        notes().manifest(|manifest| manifest["kind"] = json!(EVIL)),
        EVIL_SHOWN,
    );
    refused(
        "entry",
        notes().manifest(|manifest| manifest["entries"][1]["kind"] = json!(EVIL)),
        "",
    );
    refused(
        "path",
        notes().manifest(|manifest| manifest["entries"][1]["path"] = json!(EVIL)),
        EVIL_SHOWN,
    );
    refused(
        "key",
        notes().manifest_text(|text| text.replacen('{', &format!("{{ {EVIL}"), 1).into()),
        "",
    );
}

#[test]
fn what_a_store_tells_of_its_content_and_its_journal() {
    let store = store();
    let pack = pack(&store);
    let pack = pack.as_str();
    assert_harmless(
        &store.run(["import", pack, "resources", "--dry-run"]),
        0,
        SHOWN,
    );
    let import = store.run(["import", pack, "resources"]);
    assert_harmless(&import, 0, SHOWN);
    assert!(import.stderr.contains("left out: "), "{import:?}");
    assert!(import.stderr.contains("roll it back with: "), "{import:?}");
    assert_harmless(&store.run(["import", pack, "resources"]), 4, SHOWN);
    let root = format!("viking://resources/{LEGAL}");
    assert_harmless(&store.run(["ls", &root]), 0, SHOWN);
    assert_harmless(&store.run(["ls", "--long", &root]), 0, SHOWN);
    assert_harmless(&store.run(["log"]), 0, SHOWN);
    let show = store.run(["show", "tx1"]);
    assert_harmless(&show, 0, SHOWN);
    assert!(show.stdout.contains(EVIL_SHOWN), "the command and the pack");
    std::fs::write(store.at("resources").join(LEGAL).join(LEGAL), "drift").unwrap();
    std::fs::write(store.at("resources").join(EVIL), "unpackable").unwrap();
    let status = store.run(["status"]);
    assert_harmless(&status, 0, SHOWN);
    assert!(status.stdout.contains("changed "), "{status:?}");
    assert!(status.stdout.contains("unpackable "), "{status:?}");
    assert!(status.stdout.contains(EVIL_SHOWN), "{status:?}");
    assert_harmless(&store.run(["rollback", "tx1"]), 4, SHOWN);
    assert_harmless(&store.run(["rollback", "tx1", "--force"]), 0, SHOWN);
    assert_harmless(&store.run(["recover"]), 0, "");
    assert_harmless(&store.run(["journal", "verify"]), 0, "");
}

#[test]
fn what_an_export_writes_leaves_out_and_skips() {
    let store = store();
    store.write(&format!("resources/{LEGAL}/a.md"), b"a");
    store.write(
        &format!("resources/{LEGAL}/{LEGAL}/.relations.json"),
        b"internal",
    );
    let root = format!("viking://resources/{LEGAL}");
    let export = store.run(["export", &root, EVIL]);
    assert_harmless(&export, 0, SHOWN);
    assert!(export.stdout.contains(EVIL_SHOWN), "{export:?}");
    assert!(export.stderr.contains("left out: "), "{export:?}");
    assert_harmless(&store.run(["export", &root, EVIL]), 4, EVIL_SHOWN);
    store.write(&format!("resources/{LEGAL}/{EVIL}"), b"odd");
    let refused = store.run(["export", &root, "x"]);
    assert_harmless(&refused, 4, EVIL_SHOWN);
    let skipping = store.run(["export", &root, "x", "--skip-special"]);
    assert_harmless(&skipping, 0, EVIL_SHOWN);
    assert!(skipping.stderr.contains("skipped 1 path"), "{skipping:?}");
    store.write(EVIL, b"beside the scopes");
    assert_harmless(&store.run(["backup", "y", "--skip-special"]), 0, EVIL_SHOWN);
}

#[test]
fn errors_about_arguments() {
    let store = store();
    assert_harmless(&store.run(["ls", EVIL]), 2, EVIL_SHOWN);
    assert_harmless(&store.run(["cat", &format!("resources/{LEGAL}")]), 9, SHOWN);
    // The parser of arguments takes whole escape sequences out by itself.
    let rest = r"\r\u{202e}.md";
    assert_harmless(&store.run([EVIL]), 2, rest);
    assert_harmless(&store.run(["show", EVIL]), 2, rest);
    assert_harmless(&store.run(["verify", EVIL]), 9, EVIL_SHOWN);
    let flag = format!("--max-ratio={EVIL}");
    assert_harmless(&store.run(["verify", "x", &flag]), 2, rest);
    let init = store.beside(&format!("new {EVIL}"));
    assert_harmless(&store.run(["init", init.as_str()]), 0, EVIL_SHOWN);
    assert_harmless(&store.run(["init", init.as_str()]), 4, EVIL_SHOWN);
}

#[test]
fn a_journal_that_somebody_wrote_into_is_shown_harmless_too() {
    let store = store();
    store.write("resources/a", b"a");
    let backup = PackBuilder::backup(&["user"])
        .file("user/a", "a")
        .write(&store.beside("b"));
    assert_eq!(store.run(["restore", backup.as_str()]).code, Some(0));
    let journal = rusqlite::Connection::open(store.path.join(".ovpack/store.db")).unwrap();
    let triggers: Vec<String> = journal
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for trigger in triggers {
        journal
            .execute_batch(&format!("DROP TRIGGER \"{trigger}\""))
            .unwrap();
    }
    journal
        .execute_batch("PRAGMA ignore_check_constraints = ON")
        .unwrap();
    let columns = ["kind", "uri", "user", "host", "tool_version"];
    let mut changed = 0;
    for column in columns {
        let update = format!("UPDATE tx SET \"{column}\" = ?1");
        changed += journal.execute(&update, [EVIL]).unwrap();
    }
    assert_eq!(changed, columns.len());
    drop(journal);
    for words in [&["log"][..], &["show", "tx1"], &["status"]] {
        let output = store.run(words);
        assert_harmless(&output, output.code.unwrap(), EVIL_SHOWN);
    }
}
