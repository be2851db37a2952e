//! A store against the model.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use ovpack::{
    Control, Digest, EntryKind, JournalVerifyOptions, LogOptions, Place, Store, TransactionId,
    Version,
};
use rusqlite::{Connection, OpenFlags, Row as SqlRow};

use super::model::{Commit, Model, Node, Row, Tree};
use super::random::Random;
use crate::support::{Content, TestStore, assert_same, content, uri};

type Versions = BTreeMap<String, (String, u64, Option<Digest>)>;

/// Compares everything; of paths and of the past a sample.
pub(super) fn compare(store: &TestStore, model: &Model, random: &mut Random) {
    let open = store.open();
    assert_same(
        &content(&store.live_tree()),
        &as_content(&model.live),
        "the live tree",
    );
    compare_status(store, model);
    compare_log(&open, model);
    let journal = Connection::open_with_flags(
        store.path.join(".ovpack/store.db"),
        OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    compare_transactions(&journal, model);
    compare_slots(&journal, model);
    let paths = paths(model);
    if let Some(newest) = model.commits.last() {
        compare_changes(&journal, model, newest);
    }
    for _ in 0..3 {
        let Some(path) = random.of(&paths) else { break };
        compare_path(&journal, model, &path);
        compare_history(&open, model, &path);
    }
    for _ in 0..2 {
        let Some(commit) = random.of(&model.commits) else {
            break;
        };
        compare_past(&open, model, &commit);
    }
    if let Some((id, _)) = random.of(&model.aborted) {
        let begun = open.tree_at(id, &uri("viking://"), &Control::default(), &mut |_| {
            ControlFlow::Continue(())
        });
        assert_eq!(begun.unwrap_err().code(), "invalid-argument", "{id}");
    }
}

/// Compares more of what is sampled after each act.
pub(super) fn compare_more(store: &TestStore, model: &Model, random: &mut Random) {
    let open = store.open();
    let journal = Connection::open_with_flags(
        store.path.join(".ovpack/store.db"),
        OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    let paths = paths(model);
    for path in (0..12).filter_map(|_| random.of(&paths)) {
        compare_path(&journal, model, &path);
        compare_history(&open, model, &path);
    }
    for commit in &model.commits {
        compare_changes(&journal, model, commit);
    }
}

/// All paths that anybody ever saw.
fn paths(model: &Model) -> Vec<String> {
    let rows = model.commits.iter().flat_map(|commit| {
        let own = commit.rows.iter().map(|(_, row)| row);
        own.chain(&commit.external).map(|row| row.path.clone())
    });
    let all: BTreeSet<_> = rows.chain(model.live.keys().cloned()).collect();
    all.into_iter().collect()
}

fn as_content(tree: &Tree) -> BTreeMap<String, Content> {
    let one = |node: &Node| match node {
        Node::Directory => Content::Directory,
        Node::File(bytes) => Content::File {
            size: bytes.len() as u64,
            sha256: Digest::of(bytes),
        },
    };
    tree.iter()
        .map(|(path, node)| (path.clone(), one(node)))
        .collect()
}

fn compare_status(store: &TestStore, model: &Model) {
    let status = store.status();
    assert_eq!(status.recovery_pending, []);
    let generations = model
        .commits
        .iter()
        .filter(|commit| commit.is_move || commit.kind == "baseline");
    assert_eq!(status.generation, generations.count() as u64);
    let drift: BTreeMap<_, _> = model
        .drift()
        .into_iter()
        .map(|row| {
            let what = match row.change() {
                "added" => "added",
                "removed" => "missing",
                _ => "changed",
            };
            (format!("viking://{}", row.path), what)
        })
        .collect();
    let mut found = BTreeMap::new();
    let told = &status.drift;
    for (uris, what) in [
        (&told.added, "added"),
        (&told.changed, "changed"),
        (&told.missing, "missing"),
    ] {
        found.extend(uris.iter().map(|uri| (uri.clone(), what)));
    }
    assert_same(&found, &drift, "drift");
    let files = model
        .live
        .values()
        .filter(|node| matches!(node, Node::File(_)));
    assert_eq!(status.files, files.count() as u64);
    let held: Vec<_> = model.slots.values().filter(|slot| !slot.is_freed).collect();
    let bytes = |tree: &Option<Tree>| tree.as_ref().map_or(0, bytes_of);
    assert_eq!(
        status.slot_bytes,
        held.iter().map(|slot| bytes(&slot.tree)).sum::<u64>()
    );
    let whole = JournalVerifyOptions {
        content: true,
        ..JournalVerifyOptions::default()
    };
    let report = store.open().verify_journal(&whole).unwrap();
    assert_eq!(report.content.unwrap().drift_total, drift.len() as u64);
}

pub(super) fn bytes_of(tree: &Tree) -> u64 {
    tree.values().map(|node| node.version().1).sum()
}

fn compare_log(open: &Store, model: &Model) {
    let found: BTreeMap<_, _> = open
        .log(&LogOptions::default())
        .unwrap()
        .into_iter()
        .map(|row| {
            let end = row.reason.unwrap_or(row.state);
            let told = (row.kind, end, row.undoes, row.undone_by);
            (row.transaction, told)
        })
        .collect();
    let committed = model.commits.iter().map(|commit| {
        let (undoes, by) = (commit.undoes.last().copied(), model.undone_by(commit.id));
        let told = (commit.kind.to_owned(), "committed".to_owned(), undoes, by);
        (commit.id, told)
    });
    let mut expected: BTreeMap<_, _> = committed.collect();
    for (id, reason) in &model.aborted {
        // What a failed attempt was to do is told by its kind alone.
        let Some((kind, _, undoes, _)) = found.get(id).cloned() else {
            panic!("{id} is not in the log: {reason}");
        };
        expected.insert(*id, (kind, reason.clone(), undoes, None));
    }
    assert_eq!(found, expected);
}

fn compare_transactions(journal: &Connection, model: &Model) {
    let rows = ask(
        journal,
        "SELECT tx, kind, state, outcome, in_effect, undone_list FROM audit_transactions",
        [],
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, Option<bool>>(4)?,
                row.get::<_, String>(5)?,
            ))
        },
    );
    assert_eq!(rows.len(), model.commits.len() + model.aborted.len());
    for (tx, kind, state, outcome, in_effect, undone) in rows {
        let id = id_of(tx);
        let Some(commit) = model.commits.iter().find(|commit| commit.id == id) else {
            assert_eq!((state.as_str(), outcome.as_str()), ("aborted", "aborted"));
            continue;
        };
        assert_eq!(
            (kind.as_str(), state.as_str(), outcome.as_str()),
            (commit.kind, "committed", "committed")
        );
        let expected = match commit.kind {
            "baseline" => Some(true),
            "import" | "restore" if !commit.rows.is_empty() => Some(model.is_on(id)),
            _ => in_effect,
        };
        assert_eq!(in_effect, expected, "whether {id} is in effect");
        let undone: Vec<i64> = serde_json::from_str(&undone).unwrap();
        let undone: BTreeSet<_> = undone.into_iter().map(id_of).collect();
        assert_eq!(undone, commit.undoes.iter().copied().collect(), "{id}");
    }
}

fn compare_slots(journal: &Connection, model: &Model) {
    let rows = ask(
        journal,
        "SELECT slot, holder, bytes, pinned, state, holds FROM audit_slots WHERE holder IS NOT NULL",
        [],
        |row| {
            Ok((
                row.get::<_, i64>(0)?.to_string(),
                row.get::<_, i64>(1)?,
                u64::try_from(row.get::<_, i64>(2)?).unwrap(),
                row.get::<_, bool>(3)?,
                row.get::<_, String>(4)?,
                row.get::<_, String>(5)?,
            ))
        },
    );
    let found: BTreeMap<_, _> = rows
        .into_iter()
        .map(|(slot, holder, bytes, pinned, state, holds)| {
            let kept = (state == "held").then_some((bytes, holds == "tree"));
            (slot, (id_of(holder), pinned, state, kept))
        })
        .collect();
    let query = "SELECT DISTINCT state FROM audit_slots WHERE holder IS NULL";
    for state in ask(journal, query, [], |row| row.get::<_, String>(0)) {
        assert_eq!(state, "pruned", "what an attempt made that failed is gone");
    }
    let mut expected = BTreeMap::new();
    for (id, slot) in &model.slots {
        let moved = |commit: &&Commit| commit.units.iter().any(|unit| unit.slot == *id);
        let holder = model.moves().rev().find(moved).unwrap();
        let state = if slot.is_freed { "pruned" } else { "held" };
        // The live root is there also where nothing is in it.
        let is_root = holder.units.iter().any(|unit| unit.path.is_empty());
        let bytes = slot.tree.as_ref().map_or(0, bytes_of);
        let kept = (!slot.is_freed).then_some((bytes, is_root || slot.tree.is_some()));
        let told = (holder.id, slot.is_pinned, state.to_owned(), kept);
        expected.insert(id.to_string(), told);
    }
    assert_same(&found, &expected, "slots");
}

/// One row in words, so that rows can be compared in any order.
fn words(
    path: &str,
    origin: &str,
    by: TransactionId,
    of: TransactionId,
    change: &str,
    row: &Row,
) -> String {
    let side = |node: &Option<Node>| match node {
        None => "nothing".to_owned(),
        Some(Node::Directory) => "directory".to_owned(),
        Some(Node::File(bytes)) => format!("file {} {}", bytes.len(), Digest::of(bytes)),
    };
    let (before, after) = (side(&row.before), side(&row.after));
    format!("{path}: {by} {origin} of {of} {change} {before} -> {after}")
}

fn words_of(row: &SqlRow<'_>) -> rusqlite::Result<String> {
    let side = |at: usize| -> rusqlite::Result<String> {
        Ok(match row.get::<_, Option<String>>(at)?.as_deref() {
            None => "nothing".to_owned(),
            Some("directory") => "directory".to_owned(),
            Some(kind) => {
                let (bytes, sha256): (i64, String) = (row.get(at + 1)?, row.get(at + 2)?);
                format!("{kind} {bytes} {sha256}")
            }
        })
    };
    let (path, origin): (String, String) = (row.get(0)?, row.get(1)?);
    let (by, of) = (id_of(row.get(2)?), id_of(row.get(3)?));
    let change: String = row.get(4)?;
    let (before, after) = (side(5)?, side(8)?);
    Ok(format!(
        "{path}: {by} {origin} of {of} {change} {before} -> {after}"
    ))
}

const ROW: &str = "path, origin, tx, change_tx, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256";

fn rows_of(commit: &Commit) -> impl Iterator<Item = (&str, String)> {
    let id = commit.id;
    let own = commit.rows.iter().map(move |(of, row)| {
        let origin = if *of == id { "transaction" } else { "rollback" };
        let text = words(&row.path, origin, id, *of, row.change(), row);
        (row.path.as_str(), text)
    });
    let external = commit.external.iter().map(move |row| {
        let text = words(&row.path, "external", id, id, "external", row);
        (row.path.as_str(), text)
    });
    own.chain(external)
}

fn sorted(mut words: Vec<String>) -> BTreeMap<String, usize> {
    words.sort();
    words.into_iter().fold(BTreeMap::new(), |mut all, one| {
        *all.entry(one).or_default() += 1;
        all
    })
}

fn compare_changes(journal: &Connection, model: &Model, commit: &Commit) {
    let tx: i64 = number_of(commit.id);
    let query = format!("SELECT {ROW} FROM audit_changes WHERE tx = ?1");
    let found = ask(journal, &query, [tx], words_of);
    let expected = rows_of(commit).map(|(_, text)| text).collect();
    let what = format!("changes of {} as they are told", commit.id);
    assert_same(&sorted(found), &sorted(expected), &what);
    let query =
        "SELECT DISTINCT in_effect FROM audit_changes WHERE tx = ?1 AND origin = 'transaction'";
    for in_effect in ask(journal, query, [tx], |row| row.get::<_, bool>(0)) {
        let expected = model.has_rows_on(commit.id);
        assert_eq!(in_effect, expected, "whether rows of {} hold", commit.id);
    }
}

fn compare_path(journal: &Connection, model: &Model, path: &str) {
    let query = format!("SELECT {ROW} FROM audit_path_history WHERE path = ?1");
    let found = ask(journal, &query, [path], words_of);
    let rows = model.commits.iter().flat_map(rows_of);
    let expected = rows.filter(|(at, _)| *at == path).map(|(_, text)| text);
    let what = format!("history of {path} in the view");
    assert_same(&sorted(found), &sorted(expected.collect()), &what);

    // The documented question: who wrote what is there now?
    let query = "SELECT new_kind, new_sha256 FROM audit_path_history
        WHERE path = ?1 AND in_effect AND origin <> 'rollback' ORDER BY change_set DESC LIMIT 1";
    let newest = ask(journal, query, [path], |row| {
        Ok((
            row.get::<_, Option<String>>(0)?,
            row.get::<_, Option<String>>(1)?,
        ))
    });
    let newest = newest.into_iter().next().unwrap_or_default();
    let recorded = model.recorded.get(path).map(Node::version);
    let expected = recorded.map_or((None, None), |(kind, _, sha256)| {
        (Some(kind), sha256.map(|sha256| sha256.to_string()))
    });
    assert_eq!(newest, expected, "what the journal says of {path}");
}

fn plain(version: Option<Version>) -> Option<(String, u64, Option<Digest>)> {
    version.map(|version| {
        let kind = match version.kind {
            EntryKind::Directory => "directory",
            EntryKind::File => "file",
        };
        (kind.to_owned(), version.size, version.sha256)
    })
}

fn compare_history(open: &Store, model: &Model, path: &str) {
    let report = open.history(&uri(path)).unwrap();
    let live = model.live.get(path).map(Node::version);
    assert_eq!(plain(report.present.live), live, "{path} now");
    let recorded = model.recorded.get(path).map(Node::version);
    assert_eq!(plain(report.present.recorded), recorded, "{path} recorded");

    let mut told: BTreeMap<_, _> = BTreeMap::new();
    let mut last = None;
    for entry in report.entries.iter().filter(|entry| entry.change.is_some()) {
        let tx = entry.writer.transaction;
        let is_external = entry.writer.kind == "external";
        assert!(last.is_none_or(|last| tx <= last), "{path}: newest first");
        last = Some(tx);
        let twice = told.insert((tx, is_external), entry);
        assert!(twice.is_none(), "{path}: {tx} is told once");
    }
    for commit in &model.commits {
        let external = commit.external.iter().find(|row| row.path == path);
        let found = told.remove(&(commit.id, true));
        assert_eq!(found.is_some(), external.is_some(), "{path}: {}", commit.id);
        if let (Some(found), Some(row)) = (found, external) {
            assert_eq!(plain(found.before), row.before.as_ref().map(Node::version));
            assert_eq!(plain(found.after), row.after.as_ref().map(Node::version));
        }
        let own: Vec<_> = commit
            .rows
            .iter()
            .map(|(_, row)| row)
            .filter(|row| row.path == path)
            .collect();
        let found = told.remove(&(commit.id, false));
        let (before, after) = (commit.before.get(path), commit.after.get(path));
        // Of several that are undone as one, history tells what comes of them all.
        let is_touched = !own.is_empty() && (own.len() == 1 || before != after);
        if own.len() < 2 || external.is_none() {
            assert_eq!(found.is_some(), is_touched, "{path}: {} {own:?}", commit.id);
        }
        let Some(found) = found else { continue };
        assert_eq!(found.undone_by, model.undone_by(commit.id), "{path}");
        let what = format!("{path} by {}: {own:?}", commit.id);
        assert_eq!(
            plain(found.after),
            after.map(Node::version),
            "after: {what}"
        );
        if external.is_none() {
            assert_eq!(
                plain(found.before),
                before.map(Node::version),
                "before: {what}"
            );
        }
    }
    assert!(told.is_empty(), "{path}: nobody did {told:?}");
}

fn compare_past(open: &Store, model: &Model, commit: &Commit) {
    let id = commit.id;
    let mut found = Versions::new();
    let mut held = BTreeMap::new();
    open.tree_at(id, &uri("viking://"), &Control::default(), &mut |entry| {
        let path = entry.uri.path().to_string();
        let kind = match entry.kind {
            EntryKind::Directory => "directory",
            EntryKind::File => "file",
        };
        if let Some(place) = entry.held {
            held.insert(path.clone(), place);
        }
        found.insert(path, (kind.to_owned(), entry.size, entry.sha256));
        ControlFlow::Continue(())
    })
    .unwrap();
    // The live root has a name only where a restore moved it.
    found.remove("");
    let expected = commit.after.iter();
    let expected = expected.map(|(path, node)| (path.clone(), node.version()));
    assert_same(&found, &expected.collect(), &format!("tree --at {id}"));
    for (path, node) in &commit.after {
        let Node::File(bytes) = node else { continue };
        let is_held = model.holds(path, bytes);
        let what = format!("{path} as of {id}");
        assert_eq!(held[path] != Place::Unknown, is_held, "{what}");
        let mut out = Vec::new();
        match open.read_at(id, &uri(path), &mut out) {
            Ok(_) => assert!(is_held && out == *bytes, "{what}: {out:?}"),
            Err(error) => {
                assert_eq!(
                    (error.code(), is_held),
                    ("content-not-held", false),
                    "{what}"
                );
                assert_eq!(out, b"", "{what}");
            }
        }
    }
}

fn ask<T>(
    journal: &Connection,
    query: &str,
    parameters: impl rusqlite::Params,
    read: impl FnMut(&SqlRow<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut statement = journal.prepare_cached(query).unwrap();
    let rows = statement.query_map(parameters, read).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn id_of(number: i64) -> TransactionId {
    format!("tx{number}").parse().unwrap()
}

fn number_of(id: TransactionId) -> i64 {
    id.to_string().strip_prefix("tx").unwrap().parse().unwrap()
}
