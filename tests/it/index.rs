//! The content index: records follow the tree through every act, travel field by field, and are found.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use ovpack::{
    Control, Digest, FindOptions, ImportOptions, IndexOptions, InspectRecord, Layout, Limits,
    OnConflict, PruneOptions, RollbackOptions, Selection, Uri, inspect,
};
use serde_json::{Value, json};

use crate::support::{Content, Fixture, PackBuilder, TestStore, fixture, fixtures, uri};

/// Path and level of what can be found, and the record that it has.
type Found = BTreeMap<(String, u8), Option<String>>;

/// Works out what the index should have, in another way than the store does: by the files on the
/// disk, and by the rows of the journal taken one by one.
fn wanted(store: &TestStore) -> Found {
    let database = rusqlite::Connection::open(store.path.join(".ovpack/store.db")).unwrap();
    let mut effects = BTreeMap::new();
    let query = "SELECT change_set, in_effect FROM tx_effect JOIN event ON event.tx = by_tx AND event.kind = 'committed' ORDER BY seq";
    let mut statement = database.prepare(query).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        effects.insert(
            row.get::<_, i64>(0).unwrap(),
            row.get::<_, bool>(1).unwrap(),
        );
    }
    let files: BTreeMap<String, Option<Digest>> = store
        .live_tree()
        .into_iter()
        .filter_map(|(path, node)| match node.content {
            Content::File { sha256, .. } => Some((path, Some(sha256))),
            Content::Directory => Some((path, None)),
            Content::Other(_) => None,
        })
        .collect();
    let digest_of = |path: &str, level: u8| match (files.get(path), level) {
        (Some(Some(sha256)), _) => Some(sha256.to_string()),
        (_, 0) => files
            .get(&format!("{path}/.abstract.md"))
            .copied()
            .flatten()
            .map(|sha256| sha256.to_string()),
        (_, 1) => files
            .get(&format!("{path}/.overview.md"))
            .copied()
            .flatten()
            .map(|sha256| sha256.to_string()),
        _ => None,
    };
    let is_session = |path: &str| {
        let parts: Vec<_> = path.split('/').collect();
        parts.len() > 1 && parts[0] == "session"
            || parts.len() > 3 && parts[0] == "user" && parts[2] == "sessions"
    };
    let mut wanted = Found::new();
    for (path, sha256) in &files {
        let leaf = path.rsplit('/').next().unwrap();
        if sha256.is_some()
            && !is_session(path)
            && ![".abstract.md", ".overview.md"].contains(&leaf)
        {
            wanted.insert((path.clone(), 2), None);
        }
    }
    // Rows in the order of their change sets: a later one counts unless an earlier one fits better.
    let query = "SELECT path, level, change_set, lower(hex(content_sha256)), lower(hex(record_sha256)) FROM tx_index ORDER BY change_set";
    let mut statement = database.prepare(query).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut best: BTreeMap<(String, u8), (bool, Option<String>)> = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        let (path, level): (String, u8) = (row.get(0).unwrap(), row.get(1).unwrap());
        if !effects[&row.get::<_, i64>(2).unwrap()] || !files.contains_key(&path) {
            continue;
        }
        assert!(!is_session(&path), "{path} is session content");
        let text = |column: usize| {
            row.get::<_, Option<String>>(column)
                .unwrap()
                .filter(|text| !text.is_empty())
        };
        let fits = text(3) == digest_of(&path, level);
        let record = text(4);
        let before = best.get(&(path.clone(), level));
        if before.is_none_or(|(fitted, _)| fits || !fitted) {
            best.insert((path, level), (fits, record));
        }
    }
    for (key, (_, record)) in best {
        match record {
            Some(record) => wanted.insert(key, Some(record)),
            None => None,
        };
    }
    // Each text that describes a directory has a record.
    for path in files.keys() {
        for (leaf, level) in [("/.abstract.md", 0), ("/.overview.md", 1)] {
            if let Some(directory) = path.strip_suffix(leaf)
                && !is_session(directory)
                && !path.contains("/sessions/")
            {
                let record = wanted.get(&(directory.to_owned(), level));
                assert!(
                    record.is_some_and(Option::is_some),
                    "{directory} has no record of level {level}"
                );
            }
        }
    }
    wanted
}

/// Returns what full text has, once it is up to date.
fn found(store: &TestStore) -> Found {
    let database = rusqlite::Connection::open(store.path.join(".ovpack/index.db")).unwrap();
    let query = "SELECT path, level, lower(hex(record_sha256)) FROM document WHERE is_live = 1";
    let mut statement = database.prepare(query).unwrap();
    let rows = statement.query_map([], |row| {
        let record: Option<String> = row.get(2)?;
        Ok((
            (row.get(0)?, row.get(1)?),
            record.filter(|record| !record.is_empty()),
        ))
    });
    rows.unwrap().map(|row| row.unwrap()).collect()
}

/// Asserts that the index is what the rules derive from the live tree.
#[track_caller]
fn assert_follows(store: &TestStore, context: &str) {
    let opened = store.open();
    opened.refresh_index(&IndexOptions::default()).unwrap();
    assert_eq!(found(store), wanted(store), "{context}");
    let report = opened
        .check_index(&Uri::root(), &Control::default())
        .unwrap();
    assert_eq!((report.faults, report.total), (Vec::new(), 0), "{context}");
    drop(
        opened
            .verify_journal(&ovpack::JournalVerifyOptions::default())
            .unwrap(),
    );
    assert_eq!(shown_to_auditors(store), with_records(store), "{context}");
}

/// Returns the records that are wanted, without the files that have none.
fn with_records(store: &TestStore) -> Found {
    let wanted = wanted(store).into_iter();
    wanted.filter(|(_, record)| record.is_some()).collect()
}

/// Returns what the auditors' view has.
fn shown_to_auditors(store: &TestStore) -> Found {
    let database = rusqlite::Connection::open(store.path.join(".ovpack/store.db")).unwrap();
    let query = "SELECT path, level, record_sha256 FROM audit_index";
    let mut statement = database.prepare(query).unwrap();
    let rows = statement.query_map([], |row| {
        Ok(((row.get(0)?, row.get(1)?), row.get::<_, Option<String>>(2)?))
    });
    rows.unwrap().map(|row| row.unwrap()).collect()
}

fn without_vectors(store: &TestStore) {
    std::fs::write(
        store.path.join(".ovpack/config.toml"),
        "[index]\nembedder = \"none\"\n",
    )
    .unwrap();
}

fn of_kind(kind: &str) -> Vec<Fixture> {
    let all: Vec<_> = fixtures()
        .into_iter()
        .filter(|fixture| fixture.name.ends_with(kind))
        .collect();
    assert!(!all.is_empty(), "{kind}");
    all
}

#[test]
fn the_index_follows_the_tree_through_every_act_whatever_the_layout() {
    for pack in of_kind("resources-click-vectors") {
        let context = &pack.name;
        let store = TestStore::fresh();
        without_vectors(&store);
        let first = store.import(&pack.pack, "viking://resources");
        assert_follows(&store, &format!("{context}: import"));
        let with_records = wanted(&store);
        assert!(with_records[&("resources/click/src/types.py".to_owned(), 2)].is_some());

        let plain = fixture("resources-click");
        let over = store.overwrite(&plain.pack, "viking://resources");
        assert_follows(
            &store,
            &format!("{context}: overwrite by a pack with fewer records"),
        );
        assert_eq!(
            wanted(&store)[&("resources/click/src/types.py".to_owned(), 2)],
            None
        );

        let back = store.rollback(over.transaction).unwrap();
        assert_follows(&store, &format!("{context}: rollback"));
        assert_eq!(wanted(&store), with_records, "{context}: records are back");
        store
            .open()
            .redo(back.transaction, &RollbackOptions::default())
            .unwrap();
        assert_follows(&store, &format!("{context}: redo"));
        store.overwrite(&pack.pack, "viking://resources");
        assert_follows(&store, &format!("{context}: the records come in again"));
        assert_eq!(wanted(&store), with_records, "{context}: the same ones");

        let options = RollbackOptions {
            on_later: ovpack::OnLater::RollBack,
            ..RollbackOptions::default()
        };
        store
            .open()
            .rollback(first.transaction.unwrap(), &options)
            .unwrap();
        assert_follows(&store, &format!("{context}: rollback of several"));
        assert_eq!(wanted(&store), Found::new(), "{context}");
        store
            .open()
            .redo(None, &RollbackOptions::default())
            .unwrap();
        assert_follows(&store, &format!("{context}: redo of several"));
        assert_eq!(wanted(&store), with_records, "{context}");
    }
}

#[test]
fn merges_selections_and_reverts_keep_the_records_of_what_they_leave() {
    let store = TestStore::fresh();
    without_vectors(&store);
    let scalars = |name: &str| json!([{ "level": 2, "scalars": { "name": name, "tags": "kept" } }]);
    let pack = |bytes: &str, name: Option<&str>| {
        let pack = PackBuilder::of("viking://resources/notes")
            .file(".abstract.md", "notes")
            .file("a.md", bytes)
            .file("b.md", "b");
        match name {
            Some(name) => pack
                .records("a.md", scalars(name))
                .records("b.md", scalars("b")),
            None => pack,
        }
    };
    let path = |name: &str| store.beside(name);
    let one = pack("one", Some("first")).write(&path("one.ovpack"));
    let two = pack("two", None).write(&path("two.ovpack"));
    store.import(&one, "viking://resources");
    assert_follows(&store, "import");
    let before = wanted(&store);
    let a = ("resources/notes/a.md".to_owned(), 2);
    let b = ("resources/notes/b.md".to_owned(), 2);
    assert!(before[&a].is_some() && before[&b].is_some());

    let merged = store
        .import_with(&two, "viking://resources", OnConflict::Merge)
        .unwrap();
    assert_follows(&store, "merge");
    assert_eq!(
        wanted(&store)[&a],
        None,
        "what is replaced has the pack's records: none"
    );
    assert_eq!(wanted(&store)[&b], before[&b], "what stays keeps its own");
    store
        .open()
        .revert(
            merged.transaction.unwrap(),
            &[uri("viking://resources/notes/a.md")],
            &RollbackOptions::default(),
        )
        .unwrap();
    assert_follows(&store, "revert");
    assert_eq!(
        wanted(&store),
        before,
        "a path that comes back has its record again"
    );

    let options = ImportOptions {
        on_conflict: OnConflict::Merge,
        selection: Selection {
            include: vec!["b.md".to_owned()],
            exclude: Vec::new(),
        },
        limits: Limits::default(),
        ..ImportOptions::default()
    };
    store
        .open()
        .import(&two, &uri("viking://resources"), &options)
        .unwrap();
    assert_follows(&store, "selection");
    assert_eq!(
        wanted(&store),
        before,
        "content that stays keeps its record"
    );
}

#[test]
fn what_changed_outside_keeps_its_scalars_until_a_commit_replaces_it() {
    let store = TestStore::fresh();
    without_vectors(&store);
    let pack = fixture("resources-click-vectors");
    store.import(&pack.pack, "viking://resources");
    let records = inspect(&pack.pack, &ovpack::VerifyOptions::default())
        .unwrap()
        .index_records;
    let of_root = |records: &[InspectRecord]| {
        let record = records
            .iter()
            .find(|record| record.path.is_empty() && record.level == 0);
        record.unwrap().clone()
    };
    store.write("resources/click/.abstract.md", b"another abstract");
    store.export("viking://resources/click", "again").unwrap();
    let again = inspect(
        &store.beside("again.ovpack"),
        &ovpack::VerifyOptions::default(),
    )
    .unwrap();
    let (old, new) = (of_root(&records), of_root(&again.index_records));
    assert_eq!(new.text.as_deref(), Some("another abstract"));
    assert_eq!(new.scalars["abstract"], "another abstract");
    for key in ["name", "tags", "description", "type"] {
        assert_eq!(new.scalars[key], old.scalars[key], "{key}");
    }
}

#[test]
fn session_content_is_never_indexed() {
    for name in ["session-sess_123", "backup-full"] {
        for pack in of_kind(name) {
            let store = TestStore::fresh();
            without_vectors(&store);
            match pack.parent.as_deref() {
                Some(parent) => drop(store.import(&pack.pack, parent)),
                None => drop(store.restore_with(&pack.pack, OnConflict::Fail).unwrap()),
            }
            assert_follows(&store, &pack.name);
            let sessions = found(&store)
                .into_keys()
                .filter(|(path, _)| path.contains("sess_123"));
            assert_eq!(sessions.collect::<Vec<_>>(), [], "{}", pack.name);
            let answers = store
                .open()
                .find("offline installation pip hash", &FindOptions::default())
                .unwrap();
            assert!(
                answers
                    .hits
                    .iter()
                    .all(|hit| !hit.uri.to_string().contains("sess_123")),
                "{}",
                pack.name
            );
        }
    }
}

#[test]
fn owners_types_and_ids_follow_the_target() {
    let pack = fixture("user-memories-vectors");
    let mut ids = BTreeSet::new();
    for (parent, user) in [
        ("viking://user/default", "default"),
        ("viking://user/ana", "ana"),
    ] {
        let store = TestStore::fresh();
        without_vectors(&store);
        store.import(&pack.pack, parent);
        assert_follows(&store, parent);
        let hits = store
            .open()
            .find("简体中文", &FindOptions::default())
            .unwrap()
            .hits;
        let hit = hits
            .iter()
            .find(|hit| hit.uri.to_string().ends_with("语言.md"))
            .unwrap();
        assert_eq!(
            hit.uri,
            uri(&format!("{parent}/memories/preferences/语言.md"))
        );
        assert_eq!(
            (hit.context_type.as_str(), hit.owner_user_id.as_deref()),
            ("memory", Some(user))
        );
        assert_eq!(hit.owner_agent_id, None);
        ids.insert(hit.id.clone());
        store
            .open()
            .rollback(store.log()[0].transaction, &RollbackOptions::default())
            .unwrap();
        store
            .open()
            .redo(None, &RollbackOptions::default())
            .unwrap();
        store
            .open()
            .refresh_index(&IndexOptions::default())
            .unwrap();
        let again = store
            .open()
            .find("简体中文", &FindOptions::default())
            .unwrap()
            .hits;
        assert_eq!(again, hits, "what comes back is the same");
    }
    assert_eq!(ids.len(), 2, "another place, another id");
}

#[test]
fn records_travel_field_by_field_and_nothing_else_does() {
    for pack in ["resources-click-vectors", "user-memories-vectors"]
        .into_iter()
        .flat_map(of_kind)
    {
        let store = TestStore::fresh();
        let parent = pack.parent.clone().unwrap();
        let root = store.import(&pack.pack, &parent).uri.to_string();
        let brought = inspect(&pack.pack, &ovpack::VerifyOptions::default())
            .unwrap()
            .index_records;
        for layout in Layout::ALL {
            let name = format!("{}.ovpack", layout.as_str());
            store.pack_in(layout, &root, &name).unwrap();
            let written = inspect(&store.beside(&name), &ovpack::VerifyOptions::default()).unwrap();
            assert_eq!(
                written.index_records, brought,
                "{} in {layout:?}",
                pack.name
            );
            assert_no_runtime_fields(&store.beside(&name));
        }
    }
}

/// Looks at the raw pack: no key of an index record is one that must not travel.
#[track_caller]
fn assert_no_runtime_fields(pack: &camino::Utf8Path) {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(pack).unwrap()).unwrap();
    let names: Vec<_> = zip
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    let mut looked = 0;
    for name in names {
        let is_manifest =
            name.ends_with("/_._ovpack_manifest.json") || name.ends_with("/_ovpack/manifest.json");
        if !is_manifest && !name.contains("/_ovpack/") {
            continue;
        }
        let mut text = String::new();
        zip.by_name(&name)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        for line in if is_manifest {
            vec![text.as_str()]
        } else {
            text.lines().collect()
        } {
            let value: Value = serde_json::from_str(line).unwrap();
            let records = if is_manifest {
                value["vectors"].clone()
            } else {
                value
            };
            for key in keys(&records) {
                looked += 1;
                let forbidden = [
                    "id",
                    "uri",
                    "account_id",
                    "owner_user_id",
                    "owner_agent_id",
                    "owner_space",
                    "created_at",
                    "updated_at",
                    "active_count",
                    "vector",
                    "dense",
                    "sparse",
                    "sparse_vector",
                    "origin",
                    "content_sha256",
                ];
                assert!(!forbidden.contains(&key.as_str()), "{pack}: {key}");
            }
        }
    }
    assert!(looked > 20, "{pack}: records were looked at");
}

fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| std::iter::once(key.clone()).chain(keys(value)))
            .collect(),
        Value::Array(items) => items.iter().flat_map(keys).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn times_are_those_of_the_commits_that_wrote_what_is_there() {
    let store = TestStore::fresh();
    without_vectors(&store);
    let pack = |name: &str, bytes: &str, tag: &str| {
        let records = json!([{ "level": 2, "scalars": { "name": "a", "tags": tag } }]);
        PackBuilder::of("viking://resources/notes")
            .file(".abstract.md", "about notes")
            .file("a.md", bytes)
            .records("a.md", records)
            .write(&store.beside(name))
    };
    let first = store.import(&pack("1.ovpack", "one", "x"), "viking://resources");
    let of = |leaf: &str, level: u8| {
        store
            .open()
            .refresh_index(&IndexOptions::default())
            .unwrap();
        let hits = store
            .open()
            .find("notes", &FindOptions::default())
            .unwrap()
            .hits;
        let hit = hits
            .into_iter()
            .find(|hit| hit.level == level && hit.uri.to_string().ends_with(leaf));
        let hit = hit.unwrap();
        assert_eq!(hit.active_count, 0);
        (hit.created_at.unwrap(), hit.updated_at.unwrap())
    };
    let committed = |tx: Option<ovpack::TransactionId>| {
        let log = store.log();
        let entry = log.iter().find(|entry| Some(entry.transaction) == tx);
        entry.unwrap().finished_at.clone().unwrap()
    };
    let at_first = committed(first.transaction);
    let both = |at: &String| (at.clone(), at.clone());
    assert_eq!(of("a.md", 2), both(&at_first));
    assert_eq!(of("notes", 0), both(&at_first));

    let second = store.overwrite(&pack("2.ovpack", "two", "x"), "viking://resources");
    let at_second = committed(second.transaction);
    assert_ne!(at_second, at_first);
    assert_eq!(
        of("a.md", 2),
        (at_first.clone(), at_second.clone()),
        "other content"
    );
    assert_eq!(
        of("notes", 0),
        both(&at_first),
        "what stays keeps its times"
    );
    let third = store.overwrite(&pack("3.ovpack", "two", "y"), "viking://resources");
    let at_third = committed(third.transaction);
    assert_eq!(
        of("a.md", 2),
        (at_first.clone(), at_third.clone()),
        "another record"
    );
    let seen = rusqlite::Connection::open(store.path.join(".ovpack/store.db")).unwrap();
    let query =
        "SELECT created_at, updated_at FROM audit_index WHERE path = 'resources/notes/a.md'";
    let told: (String, String) = seen
        .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(
        told,
        (at_first.clone(), at_third.clone()),
        "auditors see the same"
    );

    let back = store.rollback(third.transaction).unwrap();
    assert_eq!(
        of("a.md", 2),
        (at_first.clone(), at_second),
        "what comes back has its own times"
    );
    store
        .open()
        .redo(back.transaction, &RollbackOptions::default())
        .unwrap();
    assert_eq!(of("a.md", 2), (at_first, at_third));
}

#[test]
fn what_records_say_goes_with_the_last_tree_that_needs_it() {
    let store = TestStore::fresh();
    without_vectors(&store);
    store.import(
        &fixture("resources-click-vectors").pack,
        "viking://resources",
    );
    assert_follows(&store, "import");
    store.overwrite(&fixture("resources-click").pack, "viking://resources");
    assert_follows(&store, "overwrite");
    let count = |database: &str, query: &str| {
        let database =
            rusqlite::Connection::open(store.path.join(".ovpack").join(database)).unwrap();
        database
            .query_row(query, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let said = count("store.db", "SELECT count(*) FROM index_record");
    let hidden = count(
        "index.db",
        "SELECT count(*) FROM document WHERE is_live = 0",
    );
    assert!(said > 2 && hidden > 2, "{said} {hidden}");
    let options = PruneOptions {
        keep_last: Some(0),
        ..PruneOptions::default()
    };
    store.open().prune(&options).unwrap();
    assert_follows(&store, "prune");
    assert_eq!(count("store.db", "SELECT count(*) FROM index_record"), 2);
    assert_eq!(
        count(
            "index.db",
            "SELECT count(*) FROM document WHERE is_live = 0"
        ),
        0
    );
}

#[test]
fn a_store_without_records_gets_them_by_a_check_that_fixes() {
    let store = TestStore::adopted(|path| {
        crate::support::test_store::put(path, "resources/a/.abstract.md", b"about a");
        crate::support::test_store::put(path, "resources/a/x.md", b"x");
    });
    without_vectors(&store);
    assert_follows(&store, "a baseline has records");
    // As a version without an index would have left it.
    let database = rusqlite::Connection::open(store.path.join(".ovpack/store.db")).unwrap();
    database
        .execute_batch("DROP TRIGGER tx_index_stays; DELETE FROM tx_index;")
        .unwrap();
    let trigger = "CREATE TRIGGER tx_index_stays BEFORE DELETE ON tx_index BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END";
    database.execute_batch(trigger).unwrap();
    drop(database);
    let opened = store.open();
    let report = opened
        .check_index(&Uri::root(), &Control::default())
        .unwrap();
    let faults: Vec<_> = report
        .faults
        .iter()
        .map(|fault| (fault.fault, fault.uri.as_str(), fault.level))
        .collect();
    assert!(
        faults.contains(&("missing", "viking://resources/a", 0)),
        "{faults:?}"
    );
    let fixed = opened
        .fix_index(&Uri::root(), &IndexOptions::default())
        .unwrap();
    assert_eq!((fixed.faults, fixed.total), (Vec::new(), 0));
    let tx = fixed.transaction.unwrap();
    assert_eq!(found(&store), wanted(&store));
    let refused = opened.rollback(tx, &RollbackOptions::default());
    crate::support::assert_fails(refused, "not-in-effect", 4);
    assert_eq!(
        opened
            .fix_index(&Uri::root(), &IndexOptions::default())
            .unwrap()
            .transaction,
        None
    );
}

/// Asks questions, and wants the right file among the first three, but for some of them at most.
fn assert_answers(pack: &Fixture, questions: &[(&str, &str)], missed_max: usize) {
    let store = TestStore::fresh();
    store.import(&pack.pack, pack.parent.as_deref().unwrap());
    let status = store
        .open()
        .refresh_index(&IndexOptions::default())
        .unwrap();
    assert_eq!(
        (status.pending, status.failure),
        (0, None),
        "every document has a vector"
    );
    let options = FindOptions {
        limit: 3,
        ..FindOptions::default()
    };
    let mut missed = Vec::new();
    for (question, file) in questions {
        let report = store.open().find(question, &options).unwrap();
        assert!(report.vectors && !report.is_behind, "{report:?}");
        let hits: Vec<_> = report
            .hits
            .iter()
            .map(|hit| hit.uri.path().to_string())
            .collect();
        if !hits.iter().any(|path| path.ends_with(file)) {
            missed.push(format!("{question}: {hits:?}"));
        }
    }
    assert!(missed.len() <= missed_max, "{missed:#?}");
}

#[test]
fn ten_questions_about_click_find_the_right_file() {
    assert_answers(
        &fixture("resources-click"),
        &[
            (
                "ask the user for a password without showing it",
                "termui.py",
            ),
            (
                "how does shell completion for bash and zsh work",
                "shell_completion.py",
            ),
            (
                "test a command line application with CliRunner",
                "testing.py",
            ),
            ("show a progress bar in the terminal", "_termui_impl.py"),
            (
                "which exception is raised for a missing parameter",
                "exceptions.py",
            ),
            ("convert a parameter to a date or UUID", "types.py"),
            (
                "decorator that adds an option to a function",
                "decorators.py",
            ),
            (
                "wrap text and write a definition list for the help page",
                "formatting.py",
            ),
            ("current context of this thread", "globals.py"),
            ("windows console unicode output", "_winconsole.py"),
        ],
        0,
    );
}

/// More of what people ask about a library that they use: in their words, not in those of its source.
/// Two are missed by little, which is what a table of word vectors can do: `parser.py` and `_compat.py`
/// come fourth and fifth.
#[test]
fn nearly_all_questions_about_click_find_the_right_file() {
    assert_answers(
        &fixture("resources-click"),
        &[
            (
                "prompt the user for confirmation before continuing",
                "termui.py",
            ),
            ("print colored text in the terminal", "termui.py"),
            (
                "open an editor so that the user can write a message",
                "termui.py",
            ),
            ("show long output in a pager", "termui.py"),
            ("wait for a single key press", "termui.py"),
            ("restrict an option to a list of choices", "types.py"),
            ("how do I add a --version option", "decorators.py"),
            (
                "how are command line arguments split into options and values",
                "parser.py",
            ),
            ("how does a group find its subcommands", "core.py"),
            (
                "read an option's default from an environment variable",
                "core.py",
            ),
            (
                "where should an application keep its config files",
                "utils.py",
            ),
            ("open a file lazily", "utils.py"),
            ("strip ansi escape codes from output", "_compat.py"),
            ("what is click and how do I install it", "README.md"),
            ("sentinel value for unset parameters", "_utils.py"),
            ("text wrapper with indentation", "_textwrap.py"),
            ("what happens on a usage error", "exceptions.py"),
            ("isolated filesystem for tests", "testing.py"),
        ],
        2,
    );
}

#[test]
fn ten_questions_about_cjk_texts_find_the_right_file() {
    assert_answers(
        &fixture("多语言 texts"),
        &[
            ("通用型计算机程序设计语言", "简体中文.txt"),
            ("如何使用既有的 C library", "简体中文.txt"),
            ("開發及測試軟體的速度", "简体中文.txt"),
            ("用户数量", "简体中文.txt"),
            ("モンティ パイソン", "日本語.txt"),
            ("開発者は教育用の言語の開発に参加", "日本語.txt"),
            ("拡張モジュールとして追加", "日本語.txt"),
            ("배우기 쉽고 강력한 프로그래밍", "한국어.txt"),
            ("동적 타이핑", "한국어.txt"),
            ("객체지향", "한국어.txt"),
        ],
        0,
    );
}

#[test]
fn filters_limit_what_is_found() {
    let store = TestStore::fresh();
    without_vectors(&store);
    store.import(
        &fixture("resources-click-vectors").pack,
        "viking://resources",
    );
    store.import(
        &fixture("user-memories-vectors").pack,
        "viking://user/default",
    );
    store
        .open()
        .refresh_index(&IndexOptions::default())
        .unwrap();
    let find = |options: FindOptions| {
        let hits = store
            .open()
            .find("描述 click 语言 memories types", &options)
            .unwrap()
            .hits;
        hits.into_iter()
            .map(|hit| (hit.uri.path().to_string(), hit.level))
            .collect::<Vec<_>>()
    };
    let all = find(FindOptions::default());
    assert!(
        all.iter().any(|(path, _)| path.starts_with("user/"))
            && all.iter().any(|(path, _)| path.starts_with("resources/"))
    );
    let below = find(FindOptions {
        uri: Some(uri("viking://user/default/memories/preferences")),
        ..FindOptions::default()
    });
    assert!(
        !below.is_empty()
            && below
                .iter()
                .all(|(path, _)| path.starts_with("user/default/memories/preferences")),
        "{below:?}"
    );
    let typed = find(FindOptions {
        kind: Some("directory".to_owned()),
        ..FindOptions::default()
    });
    assert!(
        !typed.is_empty() && typed.iter().all(|(_, level)| *level < 2),
        "{typed:?}"
    );
    let memories = find(FindOptions {
        context_type: Some("memory".to_owned()),
        ..FindOptions::default()
    });
    assert!(
        !memories.is_empty()
            && memories
                .iter()
                .all(|(path, _)| path.starts_with("user/default/memories")),
        "{memories:?}"
    );
    let tagged = find(FindOptions {
        tag: Some("文档".to_owned()),
        level: Some(0),
        ..FindOptions::default()
    });
    assert!(
        !tagged.is_empty() && tagged.iter().all(|(_, level)| *level == 0),
        "{tagged:?}"
    );
    let wrong = FindOptions {
        limit: 0,
        ..FindOptions::default()
    };
    crate::support::assert_fails(store.open().find("x", &wrong), "invalid-argument", 2);
}

#[test]
fn the_program_finds_right_after_an_import_and_never_what_was_rolled_back() {
    let store = TestStore::fresh();
    let pack = fixture("resources-click").pack;
    let imported = store.run(["import", pack.as_str(), "resources"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let result = store.run(["find", "progress bar", "--json"]).result();
    assert_eq!(result["is_behind"], json!(false));
    assert_eq!(result["vectors"], json!(true));
    assert!(
        result["hits"][0]["uri"]
            .as_str()
            .unwrap()
            .contains("termui"),
        "{result}"
    );
    // Without the program nobody brings full text up to date, and what is gone is not shown.
    store.rollback(store.log()[0].transaction.into()).unwrap();
    let result = store.run(["find", "progress bar", "--json"]).result();
    assert_eq!(
        (&result["is_behind"], &result["hits"]),
        (&json!(true), &json!([]))
    );
    let status = store.run(["index", "wait", "--json"]).result();
    assert_eq!(
        (&status["documents"], &status["is_behind"]),
        (&json!(0), &json!(false))
    );
    let check = store.run(["index", "check", "--json"]).result();
    assert_eq!(check["total"], json!(0));
}

#[test]
fn a_large_tree_is_not_read_for_the_index_before_somebody_asks() {
    let store = TestStore::fresh();
    let pack = (0..1_001).fold(
        PackBuilder::of("viking://resources/many"),
        |pack, number| pack.file(&format!("note{number}.md"), format!("word{number}")),
    );
    let pack = pack.write(&store.beside("many.ovpack"));
    // What is replaced need not be read any more.
    for on_conflict in ["fail", "overwrite"] {
        let options = ["--on-conflict", on_conflict];
        let import = ["import", pack.as_str(), "viking://resources"];
        let imported = store.run(import.into_iter().chain(options));
        assert_eq!(imported.code, Some(0), "{imported:?}");
        assert!(
            imported
                .stderr
                .contains("1001 files to be read before they can be searched"),
            "{imported:?}"
        );
        assert!(!store.at(".ovpack/index.db").exists());
    }
    let found = store.run(["find", "word1000", "--json"]);
    let hit = &found.result()["hits"][0];
    assert_eq!(
        hit["uri"], "viking://resources/many/note1000.md",
        "{found:?}"
    );
    let again = store.run(["find", "word1000", "--json"]);
    assert_eq!(again.result()["hits"], found.result()["hits"]);
    assert_eq!(found.result()["is_behind"], false);
}
