//! Policies: an operator's queries refuse a pack, are written down, and are never passed over.

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{
    Digest, ImportOptions, JournalVerifyOptions, OnConflict, Receipt, Result, Rule, VerifyOptions,
};
use rusqlite::{Connection, OpenFlags};

use crate::support::test_store::put;
use crate::support::{PackBuilder, TestStore, assert_fails, assert_same, report, rules, uri};

const PARENT: &str = "viking://resources";
const NO_MD: &str = "SELECT path, bytes FROM policy_entries WHERE path LIKE '%.md'";

fn pack(store: &TestStore, files: &[(&str, &str)]) -> Utf8PathBuf {
    let pack = PackBuilder::of("viking://resources/a");
    files
        .iter()
        .fold(pack, |pack, (path, bytes)| pack.file(path, bytes))
        .write(&store.beside("a.ovpack"))
}

fn example(name: &str) -> Utf8PathBuf {
    let examples = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/policies");
    examples.join(name)
}

fn import(store: &TestStore, pack: &Utf8Path, policies: &[&Utf8Path]) -> Result<Receipt> {
    let options = ImportOptions {
        on_conflict: OnConflict::Overwrite,
        policies: policies.iter().map(|path| (*path).to_owned()).collect(),
        ..ImportOptions::default()
    };
    store.open().import(pack, &uri(PARENT), &options)
}

/// Writes a policy of the store.
fn of_store(store: &TestStore, name: &str, text: &str) {
    put(&store.path.join(".ovpack/policies"), name, text.as_bytes());
}

fn journal(store: &TestStore) -> Connection {
    let path = store.path.join(".ovpack/store.db");
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// Name and digest of the policies of each transaction.
fn recorded(store: &TestStore) -> Vec<(i64, String, Digest)> {
    let journal = journal(store);
    let query = "SELECT tx, name, lower(hex(sha256)) FROM tx_policy ORDER BY tx, ordinal";
    let mut statement = journal.prepare(query).unwrap();
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
    });
    rows.unwrap()
        .map(|row| row.unwrap())
        .map(|(tx, name, sha256)| (tx, name, sha256.parse().unwrap()))
        .collect()
}

#[test]
fn a_policy_of_the_store_refuses_with_a_finding_for_each_row() {
    let store = TestStore::fresh();
    let pack = pack(
        &store,
        &[("b.md", "12345"), ("c/d.md", "1"), ("e.txt", "1")],
    );
    of_store(&store, "no-md.sql", NO_MD);
    let error = assert_fails(import(&store, &pack, &[]), "policy", 10);
    let told: Vec<_> = report(&error)
        .unwrap()
        .findings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "b.md: policy no-md.sql forbids it: bytes 5",
            "c/d.md: policy no-md.sql forbids it: bytes 1",
        ]
    );
    assert!(!store.at("resources").exists(), "nothing went live");
    assert_eq!(recorded(&store), []);
    let reason: String = journal(&store)
        .query_row(
            "SELECT detail FROM event WHERE kind = 'aborting'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let reason: serde_json::Value = serde_json::from_str(&reason).unwrap();
    assert_eq!(reason["reason"], "policy");
    let digest = Digest::of(NO_MD.as_bytes()).to_string();
    assert_eq!(
        reason["policies"],
        serde_json::json!([{ "name": "no-md.sql", "sha256": digest }])
    );
    store
        .open()
        .verify_journal(&JournalVerifyOptions::default())
        .unwrap();
}

#[test]
fn what_a_commit_was_held_against_is_in_the_journal() {
    let store = TestStore::fresh();
    let pack = pack(&store, &[("e.txt", "1")]);
    of_store(&store, "b.sql", NO_MD);
    of_store(
        &store,
        "a.sql",
        "SELECT path FROM policy_changes WHERE change = 'removed'",
    );
    of_store(&store, "README", "no policy");
    let more = example("size-ceiling.sql");
    let receipt = import(&store, &pack, &[&more]).unwrap();
    let names: Vec<_> = recorded(&store)
        .into_iter()
        .map(|(_, name, _)| name)
        .collect();
    assert_eq!(names, ["a.sql", "b.sql", "size-ceiling.sql"]);
    assert_eq!(recorded(&store)[1].2, Digest::of(NO_MD.as_bytes()));
    assert_eq!(
        recorded(&store)[2].2,
        Digest::of(&std::fs::read(&more).unwrap())
    );
    let shown = store.open().show(receipt.transaction.unwrap()).unwrap();
    assert_eq!(shown.policies.len(), 3);
    assert_eq!(shown.policies[0].name, "a.sql");
    store
        .open()
        .verify_journal(&JournalVerifyOptions::default())
        .unwrap();
}

#[test]
fn a_policy_knows_the_plan_and_the_target() {
    let store = TestStore::fresh();
    let first = pack(&store, &[("old.txt", "1")]);
    import(&store, &first, &[]).unwrap();
    let before = store.live_tree();
    let second = pack(&store, &[("new.txt", "22")]);
    of_store(
        &store,
        "plan.sql",
        "SELECT path, change, old_bytes, new_bytes FROM policy_changes WHERE change IN ('added', 'removed');
         SELECT kind, target_uri, on_conflict, files, bytes FROM policy_pack;
         SELECT uri FROM policy_entries WHERE kind = 'file';",
    );
    let dry = ImportOptions {
        on_conflict: OnConflict::Overwrite,
        dry_run: true,
        ..ImportOptions::default()
    };
    let rehearsed = store.open().import(&second, &uri(PARENT), &dry);
    for refused in [rehearsed, import(&store, &second, &[])] {
        let error = assert_fails(refused, "policy", 10);
        let told: Vec<_> = report(&error)
            .unwrap()
            .findings
            .iter()
            .map(|finding| {
                finding
                    .to_string()
                    .replace("policy plan.sql forbids it: ", "")
            })
            .collect();
        assert_eq!(
            told,
            [
                "resources/a/new.txt: change added, old_bytes null, new_bytes 2",
                "resources/a/old.txt: change removed, old_bytes 1, new_bytes null",
                "kind subtree, target_uri viking://resources/a, on_conflict overwrite, files 1, bytes 2",
                "uri viking://resources/a/new.txt",
            ]
        );
    }
    assert_same(&store.live_tree(), &before, "the live tree");
}

#[test]
fn skip_and_restore_are_held_against_policies_too() {
    let store = TestStore::fresh();
    let pack = pack(&store, &[("b.md", "1")]);
    import(&store, &pack, &[]).unwrap();
    of_store(&store, "no-md.sql", NO_MD);
    let skipped = store.import_with(&pack, PARENT, OnConflict::Skip);
    assert_fails(skipped, "policy", 10);
    let backup = PackBuilder::backup(&["user"])
        .file("user/a.md", "1")
        .write(&store.beside("backup.ovpack"));
    let error = assert_fails(store.restore_with(&backup, OnConflict::Fail), "policy", 10);
    assert_eq!(report(&error).unwrap().findings[0].path, "user/a.md");
    assert!(!store.at("user").exists());
}

#[test]
fn a_policy_that_cannot_be_asked_refuses_every_pack() {
    let store = TestStore::fresh();
    let good = pack(&store, &[("e.txt", "1")]);
    let before = store.whole();
    let fails = |text: &str| {
        of_store(&store, "x.sql", text);
        let error = assert_fails(import(&store, &good, &[]), "policy-failed", 2);
        std::fs::remove_dir_all(store.path.join(".ovpack/policies")).unwrap();
        error.to_string()
    };
    assert!(fails("SELEKT").contains("x.sql cannot be asked"));
    assert!(fails("SELECT path FROM member").contains("prohibited"));
    assert!(fails("-- to do\n").contains("no query"));
    assert!(fails("SELECT 1; DELETE FROM policy_entries").contains("x.sql"));
    fails(&"x".repeat((1 << 20) + 1));
    assert_same(&store.whole(), &before, "nothing was begun");

    // This one fails only where there are rows.
    of_store(
        &store,
        "x.sql",
        "SELECT abs(-9223372036854775808) FROM policy_entries",
    );
    assert_fails(import(&store, &good, &[]), "policy-failed", 2);
    assert_eq!(store.log()[0].reason.as_deref(), Some("policy-failed"));
    std::fs::remove_dir_all(store.path.join(".ovpack/policies")).unwrap();

    let policies = store.path.join(".ovpack/policies");
    std::fs::create_dir(&policies).unwrap();
    std::os::unix::fs::symlink(example("size-ceiling.sql"), policies.join("x.sql")).unwrap();
    assert_fails(import(&store, &good, &[]), "policy-failed", 2);
    std::fs::remove_file(policies.join("x.sql")).unwrap();
    std::fs::create_dir(policies.join("x.sql")).unwrap();
    assert_fails(import(&store, &good, &[]), "policy-failed", 2);
    std::fs::remove_dir_all(&policies).unwrap();
    std::os::unix::fs::symlink(store.beside(""), &policies).unwrap();
    assert_fails(import(&store, &good, &[]), "policy-failed", 2);
    std::fs::remove_file(&policies).unwrap();
    assert_fails(
        import(&store, &good, &["missing.sql".into()]),
        "policy-failed",
        2,
    );
    import(&store, &good, &[]).unwrap();
}

#[test]
fn verify_holds_a_pack_against_policies_without_a_store() {
    let store = TestStore::fresh();
    let pack = pack(&store, &[("run.EXE", "1")]);
    let options = |name: &str| VerifyOptions {
        policies: vec![example(name)],
        ..VerifyOptions::default()
    };
    let error = ovpack::verify(&pack, &options("no-executables.sql")).unwrap_err();
    assert_eq!(rules(&error), [Rule::Policy]);
    ovpack::verify(&pack, &options("size-ceiling.sql")).unwrap();
    let output = store.run([
        "verify",
        pack.as_str(),
        "--policy",
        example("no-executables.sql").as_str(),
    ]);
    assert_eq!(output.code, Some(10), "{output:?}");
    assert!(
        output
            .stderr
            .contains("run.EXE: policy no-executables.sql forbids it: suffix .exe"),
        "{output:?}"
    );
    let arguments = [
        "import",
        pack.as_str(),
        PARENT,
        "--policy",
        "missing.sql",
        "--json",
    ];
    let output = store.run(arguments);
    assert_eq!(output.code, Some(2), "{output:?}");
    assert_eq!(output.json()["error"]["reason"], "policy-failed");
}

#[test]
fn the_examples_refuse_what_they_say_and_nothing_else() {
    let store = TestStore::fresh();
    let policy = |name: &str| example(name);
    let found = |pack: &Utf8Path, name: &str| -> Vec<String> {
        let options = VerifyOptions {
            policies: vec![policy(name)],
            ..VerifyOptions::default()
        };
        match ovpack::verify(pack, &options) {
            Ok(_) => Vec::new(),
            Err(error) => {
                let findings = &report(&error).unwrap().findings;
                findings
                    .iter()
                    .map(|finding| finding.path.clone())
                    .collect()
            }
        }
    };
    let mixed = pack(
        &store,
        &[
            ("a.md", "text"),
            ("dir.exe/a.txt", "a directory may be called so"),
            ("lib/libz.so.1", ""),
            ("lib/libz.so", ""),
            ("notes.sometimes", ""),
            ("run.sh", ""),
            ("SETUP.EXE", ""),
        ],
    );
    let mut refused = found(&mixed, "no-executables.sql");
    refused.sort();
    assert_eq!(
        refused,
        ["SETUP.EXE", "lib/libz.so", "lib/libz.so.1", "run.sh"]
    );
    assert_eq!(found(&mixed, "only-these-scopes.sql"), [""; 0]);
    assert_eq!(found(&mixed, "size-ceiling.sql"), [""; 0]);

    let backup = PackBuilder::backup(&["resources", "user"])
        .file("resources/a.md", "1")
        .file("user/b.md", "1");
    let backup = backup.write(&store.beside("backup.ovpack"));
    assert_eq!(
        found(&backup, "only-these-scopes.sql"),
        ["user", "user/b.md"]
    );

    let text = std::fs::read_to_string(policy("size-ceiling.sql")).unwrap();
    let small = text.replace("(1000000000, 2000000000, 100000000)", "(100000000, 40, 20)");
    assert_ne!(small, text);
    std::fs::write(store.beside("small.sql"), small).unwrap();
    let options = VerifyOptions {
        policies: vec![store.beside("small.sql")],
        ..VerifyOptions::default()
    };
    ovpack::verify(
        &pack(&store, &[("a", "12345678901234567890"), ("b", "1")]),
        &options,
    )
    .unwrap();
    let large = pack(
        &store,
        &[
            ("a", "123456789012345678901"),
            ("b", "12345678901234567890"),
        ],
    );
    let error = ovpack::verify(&large, &options).unwrap_err();
    let told: Vec<_> = report(&error)
        .unwrap()
        .findings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        told[0],
        "a: policy small.sql forbids it: bytes 21, ceiling 20"
    );
    assert!(told[1].contains("content_bytes 41, files 2"), "{told:?}");
}
