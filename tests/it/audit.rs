//! What auditors are promised: documented views that answer quickly, and a verification that finds
//! whatever was edited, also without ovpack.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{
    Digest, Head, JournalCopy, JournalReport, JournalVerifyOptions, OnConflict, QueryOptions,
    QueryReport, QueryValue,
};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::test_store::{get, output};
use crate::support::{PackBuilder, TestStore, assert_fails};

const PARENT: &str = "viking://resources";

fn version(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .file("same.md", "the same in all versions")
        .file("each.md", format!("version {number}"))
        .file(&format!("only-{number}.md"), "of this version")
        .write(&store.beside(&format!("v{number}.ovpack")))
}

/// An import, a refusal, an overwrite of what somebody edited, its rollback, and the rollback of that.
fn lived_in() -> TestStore {
    let store = TestStore::fresh();
    let first = version(&store, 1);
    store.import(&first, PARENT);
    assert_fails(
        store.import_with(&first, PARENT, OnConflict::Fail),
        "root-exists",
        4,
    );
    store.write("resources/notes/same.md", b"edited");
    let second = store.overwrite(&version(&store, 2), PARENT);
    let undone = store.rollback(second.transaction).unwrap();
    store.rollback(undone.transaction).unwrap();
    store
}

fn database(store: &TestStore) -> Utf8PathBuf {
    store.path.join(".ovpack/store.db")
}

/// Moves everything into the database file and returns its bytes.
fn settled(store: &TestStore) -> Vec<u8> {
    let path = database(store);
    let connection = Connection::open(&path).unwrap();
    let busy: i64 = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(busy, 0);
    drop(connection);
    get(&path)
}

/// Puts a database in place, and nothing beside it.
fn put_database(store: &TestStore, bytes: &[u8]) {
    for name in ["store.db-wal", "store.db-shm"] {
        let path = store.path.join(".ovpack").join(name);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    std::fs::write(database(store), bytes).unwrap();
}

/// Edits the database as somebody who knows how: without its triggers, which are put back but for one.
fn tamper(store: &TestStore, left_out: &str, edit: impl FnOnce(&Connection)) {
    let connection = Connection::open(database(store)).unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON; PRAGMA synchronous=OFF; BEGIN;")
        .unwrap();
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap();
    let triggers: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    drop(statement);
    for (name, _) in &triggers {
        connection
            .execute_batch(&format!("DROP TRIGGER {name}"))
            .unwrap();
    }
    edit(&connection);
    for (name, sql) in &triggers {
        match connection.execute_batch(sql) {
            // Its table is what was edited away.
            Err(error) if error.to_string().contains("no such table") => {}
            made => made.unwrap(),
        }
        if name == left_out {
            let drop = format!("DROP TRIGGER {name}");
            connection.execute_batch(&drop).unwrap();
        }
    }
    connection.execute_batch("COMMIT").unwrap();
}

fn verify(store: &TestStore, since: &[Head]) -> Result<JournalReport, ovpack::Error> {
    store.try_open()?.verify_journal(&JournalVerifyOptions {
        since: since.to_vec(),
        ..JournalVerifyOptions::default()
    })
}

#[expect(
    clippy::print_stderr,
    reason = "who reads the output must know what was not tried"
)]
fn python() -> Option<&'static str> {
    let found = Command::new("python3").arg("--version").output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some("python3");
    }
    eprintln!("python3 is not here: the script is not tried");
    None
}

/// Runs the script that needs no ovpack; `None` where there is no Python.
fn script(path: &Utf8Path, heads: &[Head]) -> Option<(Option<i32>, String)> {
    let mut command = Command::new(python()?);
    command
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/docs/journal/verify.py"
        ))
        .arg(path)
        .args(
            heads
                .iter()
                .map(|head| format!("{}:{}", head.seq, head.hash)),
        );
    let output = output(command);
    Some((output.code, output.stdout + &output.stderr))
}

#[test]
fn a_whole_journal_is_verified_by_the_program_and_by_the_script() {
    let store = lived_in();
    let head = store.open().journal_head().unwrap();
    let report = verify(&store, &[head]).unwrap();
    assert_eq!((report.head, report.heads_compared), (head, 1));
    assert_eq!(report.events, 15, "four commits and a refusal");
    assert!(report.rows > 20 && report.schema_objects > 40, "{report:?}");
    assert_eq!((report.slot_rows, &report.content), (2, &None));

    let run = store.run(["journal", "verify"]);
    assert_eq!((run.code, run.stdout.trim()), (Some(0), &*head.to_string()));
    assert!(run.stderr.contains("content was not read"), "{run:?}");
    let run = store.run(["journal", "verify", "--content", "--json"]);
    let content = &run.result()["content"];
    assert_eq!(content["drift_total"], 0, "{content}");
    assert_eq!(
        (&content["slots"], &content["live_files"]),
        (&json!(1), &json!(3))
    );

    if let Some((code, told)) = script(&database(&store), &[head]) {
        assert_eq!((code, told.trim()), (Some(0), &*head.to_string()));
    }
}

#[test]
fn heads_kept_elsewhere_are_proven_or_refuted() {
    let store = TestStore::fresh();
    let heads = store.beside("heads.txt");
    let mut lines = String::new();
    for number in 1..=2 {
        let pack = version(&store, number);
        store.overwrite(&pack, PARENT);
        lines += &store.run(["journal", "head"]).stdout;
    }
    std::fs::write(&heads, &lines).unwrap();
    let since = |head: &str| store.run(["journal", "verify", "--json", "--since", head]);
    assert_eq!(since(heads.as_str()).result()["heads_compared"], 2);
    let line = lines.lines().next().unwrap();
    assert_eq!(since(line).result()["heads_compared"], 1);
    let (seq, hash) = line.split_once(' ').unwrap();
    assert_eq!(
        since(&format!("{seq}:{hash}")).result()["heads_compared"],
        1
    );

    let other = Digest::of(b"another journal").to_string();
    let refuted = since(&format!("{seq}:{other}"));
    assert_eq!(refuted.code, Some(8), "{refuted:?}");
    let error = &refuted.json()["error"];
    assert_eq!(error["details"]["row"], format!("event [{seq}]"));
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains(hash) && message.contains(&other),
        "{message}"
    );
    let cut = since(&format!("99:{hash}"));
    assert_eq!(cut.code, Some(8), "{cut:?}");
    assert!(cut.stdout.contains("the journal ends at 6"), "{cut:?}");
    for wrong in ["7", "x:y", "-1:ab", "no-such-file"] {
        let run = store.run(["journal", "verify", &format!("--since={wrong}")]);
        assert_eq!(run.code, Some(2), "{wrong}: {run:?}");
    }
}

/// What somebody does to the database, and how the row is named.
const EDITS: &[(&str, &str)] = &[
    ("UPDATE event SET detail = '{}' WHERE seq = 3", "event [3]"),
    (
        "UPDATE event SET detail = '{\"generation\":7}' WHERE seq = 3",
        "event [3]",
    ),
    ("UPDATE event SET kind = 'back' WHERE seq = 3", "event [3]"),
    (
        "UPDATE event SET at_ms = at_ms - 1 WHERE seq = 5",
        "event [5]",
    ),
    ("UPDATE event SET tx = 9 WHERE seq = 1", "event [1]"),
    (
        "UPDATE event SET rows_digest = zeroblob(32) WHERE seq = 2",
        "event [2]",
    ),
    (
        "UPDATE event SET rows_digest = NULL WHERE seq = 3",
        "event [3]",
    ),
    (
        "UPDATE event SET prev_hash = zeroblob(32) WHERE seq = 1",
        "event [1]",
    ),
    (
        "UPDATE event SET prev_hash = zeroblob(32) WHERE seq = 4",
        "event [4]",
    ),
    (
        "UPDATE event SET hash = zeroblob(32) WHERE seq = 6",
        "event [6]",
    ),
    ("DELETE FROM event WHERE seq = 1", "event [1]"),
    ("DELETE FROM event WHERE seq = 4", "event [4]"),
    ("DELETE FROM event WHERE seq = 15", "slot [2]"),
    ("UPDATE event SET seq = 99 WHERE seq = 15", "event [15]"),
    (
        "INSERT INTO event SELECT 16, 9, 'begun', at_ms, detail, rows_digest, hash, hash FROM event WHERE seq = 15",
        "event [16]",
    ),
    ("UPDATE store SET id = 'another'", "event [1]"),
    ("UPDATE store SET created_ms = created_ms + 1", "event [1]"),
    ("DELETE FROM store", "store [1]"),
    ("UPDATE tx SET user = 'mallory' WHERE id = 3", "tx [3]"),
    (
        "UPDATE tx SET argv = '[]', host = 'elsewhere' WHERE id = 1",
        "tx [1]",
    ),
    (
        "UPDATE tx SET pack_path = 'other.ovpack' WHERE id = 1",
        "tx [1]",
    ),
    ("UPDATE tx SET started_ms = 0 WHERE id = 2", "tx [2]"),
    ("UPDATE tx SET undoes = 1 WHERE id = 5", "tx [5]"),
    ("DELETE FROM tx WHERE id = 2", "tx after nothing"),
    (
        "INSERT INTO tx SELECT 9, kind, uri, on_conflict, undoes, argv, user, host, tool_version, pack_path, pack_bytes, pack_mtime_ms, started_ms FROM tx WHERE id = 1",
        "tx [9]",
    ),
    ("INSERT INTO tx_undo VALUES (4, 1)", "tx_undo [4,1]"),
    (
        "INSERT INTO tx_selection VALUES (1, 0, 'exclude', '*.md')",
        "tx_selection [1,0]",
    ),
    (
        "INSERT INTO tx_revert VALUES (3, 1, 'resources/notes/same.md')",
        "tx_revert [3,\"resources/notes/same.md\"]",
    ),
    (
        "UPDATE tx_pack SET sha256 = zeroblob(32) WHERE tx = 1",
        "tx_pack [1]",
    ),
    ("DELETE FROM tx_pack WHERE tx = 3", "tx_pack after nothing"),
    ("UPDATE tx_plan SET removed = 0 WHERE tx = 3", "tx_plan [3]"),
    (
        "INSERT INTO tx_plan VALUES (2, 0, 0, 0, 0, 0, 0)",
        "tx_plan [2]",
    ),
    (
        "UPDATE tx_unit SET path = 'resources/other' WHERE tx = 1",
        "tx_unit [1,0]",
    ),
    ("UPDATE tx_unit SET slot = 1 WHERE tx = 3", "tx_unit [3,0]"),
    ("DELETE FROM tx_unit WHERE tx = 3", "tx_unit after nothing"),
    (
        "UPDATE change_set SET origin = 'external' WHERE tx = 1",
        "change_set [1]",
    ),
    (
        "INSERT INTO change_set VALUES (99, 2, 'external')",
        "change_set [99]",
    ),
    (
        "UPDATE tx_change SET new_sha256 = zeroblob(32) WHERE change_set = 1 AND path = 'resources/notes/same.md'",
        "tx_change [1,\"resources/notes/same.md\"]",
    ),
    (
        "UPDATE tx_change SET change = 'added' WHERE change_set = 3 AND path = 'resources/notes/only-1.md'",
        "tx_change [3,\"resources/notes/only-1.md\"]",
    ),
    (
        "UPDATE tx_change SET path = 'resources/notes/zz.md' WHERE change_set = 1 AND path = 'resources/notes/only-1.md'",
        "tx_change [1,\"resources/notes/same.md\"]",
    ),
    (
        "DELETE FROM tx_change WHERE change_set = 1 AND path = 'resources/notes/each.md'",
        "tx_change [1,\"resources/notes/only-1.md\"]",
    ),
    (
        "INSERT INTO tx_change (change_set, path, change) VALUES (1, 'resources/notes/aa.md', 'removed')",
        "tx_change [1,\"resources/notes/aa.md\"]",
    ),
    (
        "INSERT INTO tx_change (change_set, path, change) VALUES (99, 'resources/notes/aa.md', 'removed')",
        "tx_change [99,\"resources/notes/aa.md\"]",
    ),
    (
        "UPDATE tx_effect SET in_effect = 1 WHERE by_tx = 4 AND change_set = 3",
        "tx_effect [4,3]",
    ),
    (
        "DELETE FROM tx_effect WHERE by_tx = 5 AND change_set = 3",
        "tx_effect [5,",
    ),
    ("INSERT INTO tx_effect VALUES (2, 1, 0)", "tx_effect [2,1]"),
    (
        "INSERT INTO tx_policy VALUES (1, 0, 'none', zeroblob(32))",
        "tx_policy [1,0]",
    ),
    (
        "INSERT INTO tx_slot VALUES (3, 2, 'freed', 'forged', 0)",
        "tx_slot [3,2]",
    ),
    (
        "INSERT INTO tx_slot VALUES (2, 2, 'freed', 'forged', 0)",
        "tx_slot [2,2]",
    ),
    ("UPDATE slot SET holder = 1 WHERE id = 2", "slot [2]"),
    ("UPDATE slot SET made_by = 9 WHERE id = 2", "slot [2]"),
    (
        "UPDATE slot SET tree_digest = zeroblob(32) WHERE id = 2",
        "slot [2]",
    ),
    ("UPDATE slot SET inode = 1 WHERE id = 2", "slot [2]"),
    ("UPDATE slot SET bytes = 0 WHERE id = 2", "slot [2]"),
    ("UPDATE slot SET pinned = 1 WHERE id = 1", "slot [1]"),
    ("UPDATE slot SET state = 'pruned' WHERE id = 2", "slot [2]"),
    ("UPDATE slot SET holds = 'tree' WHERE id = 1", "slot [1]"),
    ("DELETE FROM slot WHERE id = 2", "slot [2]"),
    ("SELECT 1", "trigger event_stays"),
    (
        "CREATE TRIGGER hides AFTER INSERT ON tx_change BEGIN SELECT 1; END",
        "trigger hides",
    ),
    ("DROP INDEX event_by_tx", "index event_by_tx"),
    (
        "DROP VIEW audit_slot_faults; CREATE VIEW audit_slot_faults AS SELECT 1 AS slot WHERE 0",
        "view audit_slot_faults",
    ),
    ("DROP VIEW committed_tx", "view committed_tx"),
    (
        "ALTER TABLE tx_plan ADD COLUMN more INTEGER",
        "table tx_plan",
    ),
    ("CREATE TABLE more (x INTEGER)", "table more"),
    ("DROP TABLE tx_policy", "table tx_policy"),
    ("DROP TABLE store", "table store"),
];

/// Returns the edits whose copy the script takes for whole; one process looks at all copies.
fn passed_by_the_script(copies: &[Utf8PathBuf]) -> Vec<String> {
    let Some(python) = python() else {
        return Vec::new();
    };
    let each = "import runpy, sqlite3, sys
script = runpy.run_path(sys.argv[1])
for path in sys.argv[2:]:
    try:
        script['verify'](script['connect'](path), [])
        print('whole')
    except script['FAULTS']:
        print('bad')";
    let mut command = Command::new(python);
    command.args(["-c", each]);
    command.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/journal/verify.py"
    ));
    let run = output({
        command.args(copies);
        command
    });
    assert_eq!(run.code, Some(0), "{run:?}");
    let verdicts: Vec<_> = run.stdout.lines().collect();
    assert_eq!(verdicts.len(), EDITS.len());
    let passed = EDITS
        .iter()
        .zip(verdicts)
        .filter(|(_, verdict)| *verdict != "bad");
    passed
        .map(|((edit, _), _)| format!("{edit}: passed by the script"))
        .collect()
}

#[test]
fn every_kind_of_tampering_is_found_and_its_row_is_named() {
    let store = lived_in();
    let whole = settled(&store);
    assert!(EDITS.len() >= 40);
    let (mut wrong, mut copies) = (Vec::new(), Vec::new());
    for (edit, row) in EDITS {
        put_database(&store, &whole);
        let left_out = row.strip_prefix("trigger ").unwrap_or_default();
        tamper(&store, left_out, |connection| {
            connection.execute_batch(edit).unwrap();
        });
        let copy = store.beside(&format!("{}.db", copies.len()));
        std::fs::copy(database(&store), &copy).unwrap();
        copies.push(copy);
        match verify(&store, &[]) {
            Err(ovpack::Error::JournalDamaged { row: named, .. }) if named.starts_with(row) => {}
            found => wrong.push(format!("{edit}: expected {row}, found {found:?}")),
        }
    }
    wrong.extend(passed_by_the_script(&copies));
    assert!(wrong.is_empty(), "{wrong:#?}");
    put_database(&store, &whole);
    verify(&store, &[]).unwrap();
}

#[test]
fn what_prunes_and_pins_decided_is_covered_and_replayed() {
    let store = lived_in();
    for number in 6..=7 {
        store.overwrite(&version(&store, number), PARENT);
    }
    assert_eq!(store.run(["pin", "tx7"]).code, Some(0));
    let pruned = store.run(["prune", "--keep-last", "1"]);
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
    let report = verify(&store, &[]).unwrap();
    let decided = "SELECT slot, state, pinned, decision FROM audit_slots ORDER BY slot";
    let slots = texts(&ask(&store, decided));
    assert_eq!(slots.len() as u64, report.slot_rows);
    let slot_in = |state: &str| {
        let found = slots.iter().find(|row| row[1] == state);
        found.unwrap_or_else(|| panic!("{state}: {slots:?}"))[0].clone()
    };
    let (held, freed) = (slot_in("held"), slot_in("pruned"));
    assert!(slots.iter().any(|row| row[2] == "1"), "{slots:?}");
    if let Some((code, told)) = script(&database(&store), &[]) {
        assert_eq!(code, Some(0), "{told}");
    }
    let content = store.run(["journal", "verify", "--content"]);
    assert_eq!(content.code, Some(0), "{content:?}");

    let whole = settled(&store);
    let pin = slots.iter().find(|row| row[2] == "1").unwrap()[0].clone();
    let edits = [
        (
            format!("UPDATE slot SET state = 'held' WHERE id = {freed}"),
            &freed,
        ),
        (
            format!("UPDATE slot SET bytes = 5 WHERE id = {freed}"),
            &freed,
        ),
        (
            format!(
                "UPDATE slot SET state = 'pruned', holds = 'nothing', inode = NULL, tree_digest = NULL, bytes = 0 WHERE id = {held}"
            ),
            &held,
        ),
        (format!("UPDATE slot SET pinned = 0 WHERE id = {pin}"), &pin),
    ];
    for (edit, slot) in edits {
        put_database(&store, &whole);
        tamper(&store, "", |connection| {
            connection.execute_batch(&edit).unwrap()
        });
        let error = assert_fails(verify(&store, &[]), "journal-damaged", 8);
        assert_eq!(error.details()["row"], format!("slot [{slot}]"), "{edit}");
    }
    put_database(&store, &whole);
    tamper(&store, "", |connection| {
        connection
            .execute_batch("UPDATE tx_slot SET reason = 'none'")
            .unwrap();
    });
    let error = assert_fails(verify(&store, &[]), "journal-damaged", 8);
    let row = error.details()["row"].to_string();
    assert!(row.contains("tx_slot ["), "{row}");
}

/// Computes all links and hashes of the chain again.
fn chain_anew(connection: &Connection) {
    let store: (String, i64, i64) = connection
        .query_row("SELECT id, adopted, created_ms FROM store", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    let mut last = Digest::of(
        json!(["store", store.0, store.1, store.2])
            .to_string()
            .as_bytes(),
    );
    let query =
        "SELECT seq, tx, kind, at_ms, detail, lower(hex(rows_digest)) FROM event ORDER BY seq";
    let mut statement = connection.prepare(query).unwrap();
    let events: Vec<(i64, i64, String, i64, String, String)> = statement
        .query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (seq, tx, kind, at_ms, detail, rows) in events {
        let rows = if rows.is_empty() {
            Value::Null
        } else {
            json!(rows)
        };
        let event = json!(["event", seq, tx, kind, at_ms, detail, rows, last]);
        let hash = Digest::of(event.to_string().as_bytes());
        let row = rusqlite::params![last.as_bytes(), hash.as_bytes(), seq];
        connection
            .execute(
                "UPDATE event SET prev_hash = ?1, hash = ?2 WHERE seq = ?3",
                row,
            )
            .unwrap();
        last = hash;
    }
}

#[test]
fn a_chain_that_was_written_anew_is_found_by_a_head_kept_elsewhere() {
    let store = lived_in();
    let head = store.open().journal_head().unwrap();
    let whole = settled(&store);
    let cut = "DELETE FROM event WHERE tx = 5; DELETE FROM tx WHERE id = 5; DELETE FROM tx_plan WHERE tx = 5;
        DELETE FROM tx_unit WHERE tx = 5; DELETE FROM tx_effect WHERE by_tx = 5;
        DELETE FROM tx_change WHERE change_set IN (SELECT id FROM change_set WHERE tx = 5);
        DELETE FROM change_set WHERE tx = 5;
        UPDATE slot SET holder = 4, inode = old_inode, tree_digest = old_digest, bytes = old_bytes
        FROM tx_unit WHERE tx = 4 AND slot = slot.id AND slot.id = 2";
    let rewritten = "UPDATE event SET at_ms = at_ms - 86400000";
    for (edit, row) in [(cut, "event [13]"), (rewritten, "event [15]")] {
        put_database(&store, &whole);
        tamper(&store, "", |connection| {
            connection.execute_batch(edit).unwrap();
            chain_anew(connection);
        });
        verify(&store, &[]).expect("nothing else can tell");
        let error = assert_fails(verify(&store, &[head]), "journal-damaged", 8);
        assert_eq!(error.details()["row"], row);
        if let Some((code, _)) = script(&database(&store), &[]) {
            assert_eq!(code, Some(0));
            let (code, told) = script(&database(&store), &[head]).unwrap();
            assert_eq!(code, Some(1), "{told}");
        }
    }
}

#[test]
fn an_event_that_cannot_follow_is_found_though_its_hash_is_right() {
    let store = lived_in();
    tamper(&store, "", |connection| {
        let row = "INSERT INTO event SELECT 16, 5, 'aborting', at_ms, '{}', NULL, hash, hash FROM event WHERE seq = 15";
        connection.execute_batch(row).unwrap();
        chain_anew(connection);
    });
    let error = assert_fails(verify(&store, &[]), "journal-damaged", 8);
    assert_eq!(error.details()["row"], "event [16]");
}

#[test]
fn overwritten_bytes_and_a_lowered_version_do_not_pass() {
    let store = lived_in();
    let whole = settled(&store);
    let mut bytes = whole.clone();
    let at = bytes
        .windows(7)
        .rposition(|window| window == b"same.md")
        .unwrap();
    bytes[at] = b'S';
    put_database(&store, &bytes);
    let run = store.run(["journal", "verify"]);
    assert_eq!(run.code, Some(8), "{run:?}");
    if let Some((code, told)) = script(&database(&store), &[]) {
        assert_eq!(code, Some(1), "{told}");
    }
    put_database(&store, &whole);
    tamper(&store, "", |connection| {
        connection.pragma_update(None, "user_version", 1).unwrap();
    });
    assert_eq!(store.run(["journal", "verify"]).code, Some(2));
    if let Some((code, told)) = script(&database(&store), &[]) {
        assert_eq!(code, Some(1), "{told}");
    }
}

#[test]
fn an_edited_live_file_is_drift_and_an_edited_slot_is_damage_told_by_file() {
    let store = lived_in();
    store.write("resources/notes/each.md", b"edited");
    store.write("resources/notes/more.md", b"new");
    let run = store.run(["journal", "verify", "--content"]);
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(
        run.stderr
            .contains("changed  viking://resources/notes/each.md"),
        "{run:?}"
    );
    assert!(
        run.stderr
            .contains("added    viking://resources/notes/more.md"),
        "{run:?}"
    );
    let run = store.run(["journal", "verify"]);
    assert_eq!(
        run.code,
        Some(0),
        "content is not read unless asked: {run:?}"
    );

    let slot = store.path.join(".ovpack/slots/2/tree");
    let edited = slot.join("only-1.md");
    let before = get(&edited);
    // The same size and time, so that only reading tells.
    let time = edited.metadata().unwrap().modified().unwrap();
    std::fs::write(&edited, vec![b'x'; before.len()]).unwrap();
    let file = std::fs::File::options().write(true).open(&edited).unwrap();
    file.set_modified(time).unwrap();
    std::fs::remove_file(slot.join("same.md")).unwrap();
    let run = store.run(["journal", "verify", "--content", "--json"]);
    assert_eq!(run.code, Some(8), "{run:?}");
    let error = &run.json()["error"];
    assert_eq!(
        (&error["reason"], &error["details"]["slot"]),
        (&json!("slot-damaged"), &json!("2"))
    );
    let detail = error["details"]["detail"].as_str().unwrap();
    assert!(detail.contains("only-1.md has other content"), "{detail}");
    assert!(detail.contains("same.md is gone"), "{detail}");
    assert!(!detail.contains("each.md"), "{detail}");
    std::fs::remove_dir_all(&slot).unwrap();
    let run = store.run(["journal", "verify", "--content"]);
    assert_eq!(run.code, Some(8), "{run:?}");
    assert!(run.stderr.contains("its tree is gone"), "{run:?}");
}

#[test]
fn an_exported_copy_is_verified_and_asked_without_the_store() {
    let store = lived_in();
    let head = store.open().journal_head().unwrap();
    let copy = store.beside("copy?#.db");
    let run = store.run(["journal", "export", copy.as_str(), "--json"]);
    assert_eq!(run.result()["hash"], head.hash.to_string());
    let again = store.run(["journal", "export", copy.as_str()]);
    assert_eq!(again.code, Some(4), "{again:?}");
    let forced = store.run(["journal", "export", copy.as_str(), "--force"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
    let moved = store.beside("elsewhere.db");
    std::fs::rename(&copy, &moved).unwrap();
    let names: Vec<_> = std::fs::read_dir(moved.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("tmp") || name.contains("copy"))
        .collect();
    assert_eq!(names, Vec::<String>::new(), "nothing else is left");

    let mut command = Command::new(env!("CARGO_BIN_EXE_ovpack"));
    command.env_clear().current_dir("/");
    command.args(["journal", "verify", "--file", moved.as_str()]);
    command.args(["--since", &format!("{}:{}", head.seq, head.hash)]);
    let run = output(command);
    assert_eq!(
        (run.code, run.stdout.trim()),
        (Some(0), &*head.to_string()),
        "{run:?}"
    );
    let copy = JournalCopy::open(&moved).unwrap();
    let count = copy
        .query(
            "SELECT count(*) FROM audit_transactions",
            &QueryOptions::default(),
        )
        .unwrap();
    assert_eq!(count.rows, [[QueryValue::Integer(5)]]);
    if let Some((code, told)) = script(&moved, &[head]) {
        assert_eq!((code, told.trim()), (Some(0), &*head.to_string()));
    }
}

#[test]
fn a_copy_in_lines_of_json_has_every_row_after_its_event() {
    let store = lived_in();
    let lines = store.beside("journal.jsonl");
    let run = store.run(["journal", "export", "--jsonl", lines.as_str()]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let text = String::from_utf8(get(&lines)).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows[0]["table"], "store");
    assert_eq!(
        (&rows[1]["table"], &rows[1]["row"]["seq"]),
        (&json!("event"), &json!(1))
    );
    assert_eq!(
        (&rows[2]["table"], &rows[2]["row"]["id"]),
        (&json!("tx"), &json!(1))
    );
    let mut counts = BTreeMap::new();
    for row in &rows {
        *counts.entry(row["table"].as_str().unwrap()).or_insert(0) += 1;
    }
    let connection = Connection::open(database(&store)).unwrap();
    for (table, count) in counts {
        let rows: i64 = connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(rows, count, "{table}");
    }
}

fn ask(store: &TestStore, sql: &str) -> QueryReport {
    let options = QueryOptions {
        timeout: Duration::from_mins(1),
        ..QueryOptions::default()
    };
    store.open().query_journal(sql, &options).unwrap()
}

fn texts(report: &QueryReport) -> Vec<Vec<String>> {
    let text = |value: &QueryValue| match value {
        QueryValue::Null => "-".to_owned(),
        QueryValue::Integer(number) => number.to_string(),
        QueryValue::Real(number) => number.to_string(),
        QueryValue::Text(text) => text.clone(),
    };
    let row = |row: &Vec<QueryValue>| row.iter().map(text).collect();
    report.rows.iter().map(row).collect()
}

#[test]
fn a_query_reads_and_does_nothing_else() {
    let store = lived_in();
    let whole = settled(&store);
    let outside = store.beside("outside.db");
    let refused = [
        "DELETE FROM slot",
        "UPDATE slot SET bytes = 0 RETURNING *",
        "CREATE TEMP TABLE x (y)",
        "CREATE TABLE x (y)",
        "DROP VIEW audit_slots",
        "PRAGMA user_version = 9",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA writable_schema = ON",
        "PRAGMA wal_checkpoint",
        &format!("ATTACH '{outside}' AS o"),
        &format!("VACUUM INTO '{outside}'"),
        "VACUUM",
        "BEGIN",
        "SAVEPOINT x",
        "REINDEX",
        "ANALYZE",
        "SELECT load_extension('x')",
        "SELECT 1; SELECT 2",
        "SELECT 1; DELETE FROM slot",
        "SELECT nothing FROM nowhere",
        "SELECT",
        "",
        "SELECT zeroblob(100000000)",
    ];
    for sql in refused {
        let run = store.run(["journal", "query", sql, "--json"]);
        assert_eq!(run.code, Some(2), "{sql}: {run:?}");
        assert_eq!(run.json()["error"]["reason"], "query-refused", "{sql}");
    }
    assert!(!outside.exists());
    assert!(settled(&store) == whole, "nothing was written");
    let columns = ask(&store, "SELECT name FROM pragma_table_info('tx') LIMIT 2");
    assert_eq!(texts(&columns), [["id"], ["kind"]]);
    assert_eq!(ask(&store, "PRAGMA table_info(tx)").rows.len(), 13);
}

#[test]
fn a_query_ends_at_its_limits_and_says_so() {
    let store = lived_in();
    let endless =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let run = store.run(["journal", "query", endless, "--max-rows", "3"]);
    assert_eq!((run.code, &*run.stdout), (Some(0), "i\n1\n2\n3\n"));
    assert!(
        run.stderr.contains("there are more than these 3 rows"),
        "{run:?}"
    );
    let run = store.run(["journal", "query", endless, "--max-rows", "3", "--json"]);
    assert_eq!(
        run.result(),
        json!({ "columns": ["i"], "rows": [[1], [2], [3]], "truncated": true })
    );
    let begun = Instant::now();
    let counted = format!("SELECT count(*) FROM ({endless})");
    let run = store.run(["journal", "query", &counted, "--timeout", "1"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("not answered after 1 s"), "{run:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    let values = "SELECT 1 AS a, 'x,\"y\"' AS b, NULL AS c, x'0aff' AS d, 1.5 AS e";
    let run = store.run(["journal", "query", values, "--csv"]);
    assert_eq!(run.stdout, "a,b,c,d,e\r\n1,\"x,\"\"y\"\"\",,0aff,1.5\r\n");
    let run = store.run(["journal", "query", values, "--csv", "--json"]);
    assert_eq!(run.code, Some(2), "{run:?}");
}

#[test]
fn a_rollback_shows_the_inverted_rows_of_what_it_undoes() {
    let store = lived_in();
    let changes = |tx: i64| {
        let sql = format!(
            "SELECT path, change, origin, change_tx, coalesce(old_bytes, '-'), coalesce(new_bytes, '-'), in_effect
             FROM audit_changes WHERE tx = {tx} AND old_kind IS NOT 'directory' AND new_kind IS NOT 'directory' ORDER BY change_set, path"
        );
        texts(&ask(&store, &sql))
            .iter()
            .map(|row| row.join(" ").replace("resources/notes/", ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        changes(3),
        [
            "same.md external external 3 24 6 1",
            "each.md replaced transaction 3 9 9 1",
            "only-1.md removed transaction 3 15 - 1",
            "only-2.md added transaction 3 - 15 1",
            "same.md replaced transaction 3 6 24 1",
        ]
    );
    assert_eq!(
        changes(4),
        [
            "each.md replaced rollback 3 9 9 0",
            "only-1.md added rollback 3 - 15 0",
            "only-2.md removed rollback 3 15 - 0",
            "same.md replaced rollback 3 24 6 0",
        ]
    );
    assert_eq!(
        changes(5),
        changes(3)[1..]
            .iter()
            .map(|row| row.replace("transaction", "rollback"))
            .collect::<Vec<_>>()
    );

    let transactions = ask(
        &store,
        "SELECT tx, kind, outcome, undone_list, in_effect, reason, generation FROM audit_transactions ORDER BY tx",
    );
    assert_eq!(
        texts(&transactions),
        [
            ["1", "import", "committed", "[]", "1", "-", "1"],
            ["2", "import", "aborted", "[]", "-", "root-exists", "-"],
            ["3", "import", "committed", "[]", "1", "-", "2"],
            ["4", "rollback", "committed", "[3]", "0", "-", "3"],
            ["5", "rollback", "committed", "[4]", "1", "-", "4"],
        ]
    );
    let times = ask(
        &store,
        "SELECT count(*) FROM audit_transactions WHERE unixepoch(started_at) <> started_ms / 1000 OR finished_at < started_at",
    );
    assert_eq!(times.rows, [[QueryValue::Integer(0)]]);
    let logged = &store.log()[4];
    let told = ask(
        &store,
        "SELECT started_at, finished_at, pack_sha256 FROM audit_transactions WHERE tx = 1",
    );
    let expected = [
        logged.started_at.clone(),
        logged.finished_at.clone().unwrap(),
        logged.pack_sha256.unwrap().to_string(),
    ];
    assert_eq!(texts(&told), [expected]);
    let findings = ask(&store, "SELECT tx, code, path, total FROM audit_findings");
    assert_eq!(texts(&findings)[0][..2], ["2", "root-exists"]);
    let slots = ask(
        &store,
        "SELECT slot, holder, holds, state, paths FROM audit_slots ORDER BY slot",
    );
    assert_eq!(
        texts(&slots),
        [
            ["1", "1", "nothing", "held", "[\"resources\"]"],
            ["2", "5", "tree", "held", "[\"resources/notes\"]"],
        ]
    );
}

fn documentation() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/journal.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_views_have_the_documented_columns_and_no_others() {
    let store = TestStore::fresh();
    let text = documentation();
    let views = ask(
        &store,
        "SELECT name FROM pragma_table_list WHERE name LIKE 'audit%' ORDER BY name",
    );
    assert_eq!(views.rows.len(), text.matches("\n### `audit_").count());
    for view in texts(&views).concat() {
        let section = text
            .split(&format!("\n### `{view}`\n"))
            .nth(1)
            .expect(&view);
        let section = section.split("\n## ").next().unwrap();
        let section = section.split("\n### ").next().unwrap();
        let documented: Vec<_> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        let columns = ask(
            &store,
            &format!("SELECT name FROM pragma_table_info('{view}') ORDER BY cid"),
        );
        assert_eq!(texts(&columns).concat(), documented, "{view}");
    }
}

/// The questions of docs/journal.md.
fn questions() -> Vec<String> {
    let text = documentation();
    let blocks = text.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split("\n```").next().unwrap().to_owned())
        .collect()
}

/// Fills a journal with `count` transactions of `changes` rows each, some of them rolled back, refused
/// or of others; its chain is none.
fn fill(store: &TestStore, count: i64, changes: i64) {
    let connection = Connection::open(database(store)).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous=OFF; BEGIN;
             CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n;
             CREATE TEMP TABLE c AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {changes}) SELECT i FROM n;
             INSERT INTO tx (id, kind, uri, undoes, argv, user, host, tool_version, pack_path, started_ms)
               SELECT i, iif(i % 9 = 0, 'rollback', 'import'), 'viking://resources/notes', iif(i % 9 = 0, i - 1, NULL), '[]',
                 CASE i % 5 WHEN 0 THEN 'ana' ELSE 'user' || (i % 5) END, 'host', '1', 'p.ovpack', 1777593600000 + i * 3600000 FROM n;
             INSERT INTO slot (id, made_by, holder, holds, inode, tree_digest, bytes, state)
               SELECT i, i, i, 'tree', i, randomblob(32), abs(random() % 1000000), 'held' FROM n;
             INSERT INTO tx_pack SELECT i, iif(i = 4, x'2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824', randomblob(32)),
               randomblob(32), randomblob(32), 'flat', 'viking://resources/notes' FROM n WHERE i % 9 > 0;
             INSERT INTO tx_plan SELECT i, {changes}, 0, 0, 0, {changes}, 1 FROM n;
             INSERT INTO tx_unit SELECT i, 0, 'resources/notes', 'exchange', i, i, randomblob(32), 1, i, randomblob(32), 1 FROM n;
             INSERT INTO change_set SELECT i, i, 'transaction' FROM n;
             INSERT INTO tx_change SELECT n.i, 'resources/notes/' || c.i || '.md', 'replaced', 'file', 1, randomblob(32), 'file', 1, randomblob(32)
               FROM n JOIN c ON n.i % 9 > 0;
             INSERT INTO tx_effect SELECT i, i, 1 FROM n;
             INSERT INTO tx_effect SELECT i, i - 1, 0 FROM n WHERE i % 9 = 0;
             INSERT INTO event SELECT i * 3 - 2, i, 'begun', 1777593600000 + i * 3600000, '{{}}', randomblob(32), randomblob(32), randomblob(32) FROM n;
             INSERT INTO event SELECT i * 3 - 1, i, iif(i % 7 = 0, 'aborting', 'prepared'), 1777593600000 + i * 3600000,
               iif(i % 7 = 0, '{{\"reason\":\"root-exists\",\"message\":\"m\",\"findings\":[{{\"code\":\"root-exists\",\"path\":\"p\",\"detail\":\"d\"}}],\"total\":1}}', '{{}}'),
               NULL, randomblob(32), randomblob(32) FROM n;
             INSERT INTO event SELECT i * 3, i, iif(i % 7 = 0, 'aborted', 'committed'), 1777593600000 + i * 3600000,
               iif(i % 7 = 0, '{{}}', json_object('generation', i)), NULL, randomblob(32), randomblob(32) FROM n;
             COMMIT;"
        ))
        .unwrap();
}

/// Asks the documented questions; each is answered, by indexes, within `limit`.
#[expect(clippy::print_stderr, reason = "how long each took is worth knowing")]
fn assert_questions_are_answered(store: &TestStore, limit: Duration) {
    let questions = questions();
    assert_eq!(questions.len(), 6);
    for question in &questions {
        let plan = ask(store, &format!("EXPLAIN QUERY PLAN {question}"));
        let plan = texts(&plan)
            .iter()
            .map(|row| row[3].clone())
            .collect::<Vec<_>>();
        let scans = plan
            .iter()
            .any(|step| step.starts_with("SCAN tx_change") || step.starts_with("SCAN tx_effect"));
        let uses = plan.iter().any(|step| {
            step.contains("USING INDEX")
                || step.contains("USING COVERING INDEX")
                || step.contains("USING PRIMARY KEY")
        });
        assert!(uses && !scans, "{question}\n{plan:#?}");
        let begun = Instant::now();
        let report = ask(store, question);
        let took = begun.elapsed();
        assert!(!report.rows.is_empty(), "{question}");
        assert!(took < limit, "{took:?}: {question}\n{plan:#?}");
        eprintln!(
            "{took:?}, {} rows: {}",
            report.rows.len(),
            question.lines().next().unwrap()
        );
    }
}

#[test]
fn the_documented_questions_are_answered_by_indexes() {
    let store = TestStore::fresh();
    fill(&store, 40, 20);
    assert_questions_are_answered(&store, Duration::from_secs(5));
}

#[test]
#[ignore = "writes a million rows"]
fn a_million_changes_are_asked_in_less_than_a_second() {
    let store = TestStore::fresh();
    fill(&store, 1_125, 1_000);
    let rows = ask(&store, "SELECT count(*) FROM tx_change");
    assert_eq!(rows.rows, [[QueryValue::Integer(1_000_000)]]);
    assert_questions_are_answered(&store, Duration::from_secs(1));
}

#[test]
fn plain_sqlite_answers_the_questions_too() {
    let store = lived_in();
    let Ok(version) = Command::new("sqlite3").arg("--version").output() else {
        eprintln!("sqlite3 is not here: it is not tried");
        return;
    };
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    for view in [
        "transactions",
        "changes",
        "path_history",
        "findings",
        "events",
        "slots",
    ] {
        let mut command = Command::new("sqlite3");
        command.args(["-readonly", database(&store).as_str()]);
        command.arg(format!("SELECT count(*) > 0 FROM audit_{view}"));
        let run = output(command);
        assert_eq!(
            (run.code, run.stdout.trim()),
            (Some(0), "1"),
            "{view}, {version}: {run:?}"
        );
    }
}
