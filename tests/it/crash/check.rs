//! What must be true after any disturbance.

use std::collections::{BTreeMap, BTreeSet};

use ovpack::{Control, IndexFault, JournalVerifyOptions, Uri};

use super::scenario::Scenario;
use crate::support::{Content, TestStore, Tree, assert_same, content, tree};

/// The two states that are allowed, and which one if that is known.
pub(super) struct Expected<'a> {
    pub(super) old: &'a Tree,
    pub(super) new: &'a BTreeMap<String, Content>,
    /// Whether it must be the new one; `None` where it may be either.
    pub(super) must_be: Option<bool>,
}

/// Recovers and checks everything; with `go_on` also that the store can be worked with.
pub(super) fn settle_and_check(
    scenario: &Scenario,
    store: &TestStore,
    expected: &Expected<'_>,
    go_on: bool,
    context: &str,
) {
    assert!(
        !store.log().is_empty() || expected.must_be != Some(true),
        "{context}: log answers"
    );
    ensure_journal_is_whole(store, false, context);
    store
        .recover()
        .unwrap_or_else(|error| panic!("{context}: recovery: {error:?}"));
    let is_new = ensure_old_or_new(scenario, store, expected, context);
    ensure_journal_agrees(store, context);
    ensure_index_agrees(store, context);
    ensure_nothing_is_left_over(store, context);
    let before = everything(store);
    let again = store.recover().unwrap();
    assert_eq!(again.settled, Vec::new(), "{context}: a second recovery");
    assert_same(
        &everything(store),
        &before,
        &format!("{context}: a second recovery"),
    );
    if go_on {
        ensure_it_goes_on(scenario, store, expected, is_new, context);
    }
}

fn ensure_old_or_new(
    scenario: &Scenario,
    store: &TestStore,
    expected: &Expected<'_>,
    context: &str,
) -> bool {
    let live = store.live_tree();
    let is_new = content(&live) == *expected.new;
    match expected.must_be {
        Some(true) => assert_same(&content(&live), expected.new, &format!("{context}: new")),
        None if is_new => {}
        Some(false) | None => {
            let (live, old) = (
                without_times(&live, scenario),
                without_times(expected.old, scenario),
            );
            assert_same(
                &live,
                &old,
                &format!("{context}: old, with modes and times"),
            );
        }
    }
    is_new
}

fn without_times(tree: &Tree, scenario: &Scenario) -> Tree {
    let mut tree = tree.clone();
    for path in scenario.above {
        if let Some(node) = tree.get_mut(*path) {
            node.mtime_ns = 0;
        }
    }
    tree
}

/// Records are those that the rules want, whichever tree is live. Full text may lag behind.
fn ensure_index_agrees(store: &TestStore, context: &str) {
    let report = store
        .open()
        .check_index(&Uri::root(), &Control::default())
        .unwrap();
    let of_records = |fault: &&IndexFault| !fault.fault.contains("searchable");
    let faults: Vec<_> = report.faults.iter().filter(of_records).collect();
    assert_eq!(faults, Vec::<&IndexFault>::new(), "{context}");
}

fn ensure_journal_agrees(store: &TestStore, context: &str) {
    let log = store.log();
    for entry in &log {
        assert!(
            ["committed", "aborted"].contains(&&*entry.state),
            "{context}: {entry:?}"
        );
        assert!(entry.finished_at.is_some(), "{context}: {entry:?}");
    }
    let generations: Vec<_> = log
        .iter()
        .rev()
        .filter_map(|entry| entry.generation)
        .collect();
    let committed = log
        .iter()
        .filter(|entry| entry.state == "committed")
        .count();
    assert!(
        generations.windows(2).all(|pair| pair[0] < pair[1]),
        "{context}: {generations:?}"
    );
    assert_eq!(generations.len(), committed, "{context}: {log:?}");
    let status = store.status();
    assert_eq!(status.recovery_pending, Vec::new(), "{context}");
    assert_eq!(
        Some(status.generation),
        generations.last().copied().or(Some(0)),
        "{context}"
    );
    if log.iter().any(|entry| entry.generation.is_some()) {
        let drift = &status.drift;
        assert!(
            drift.changed.is_empty() && drift.missing.is_empty(),
            "{context}: {drift:?}"
        );
    }
    ensure_journal_is_whole(store, true, context);
}

/// The journal is whole at every instant; once a crash is settled, slots are what it says too.
fn ensure_journal_is_whole(store: &TestStore, reads_content: bool, context: &str) {
    let options = JournalVerifyOptions {
        content: reads_content,
        ..JournalVerifyOptions::default()
    };
    store
        .open()
        .verify_journal(&options)
        .unwrap_or_else(|error| panic!("{context}: {error}"));
}

/// Every slot directory is one that the journal holds, and nothing is still staged.
fn ensure_nothing_is_left_over(store: &TestStore, context: &str) {
    let open = store.open();
    let committed = store
        .log()
        .into_iter()
        .filter(|entry| entry.state == "committed");
    let held: BTreeSet<_> = committed
        .flat_map(|entry| open.show(entry.transaction).unwrap().units)
        .filter(|unit| unit.slot_state == "held")
        .map(|unit| unit.slot.to_string())
        .collect();
    for name in names(store, "slots") {
        assert!(
            held.contains(&name),
            "{context}: slot {name} is held by no one; held: {held:?}"
        );
    }
    assert_eq!(names(store, "staging"), Vec::<String>::new(), "{context}");
}

fn names(store: &TestStore, directory: &str) -> Vec<String> {
    let path = store.path.join(".ovpack").join(directory);
    match path.read_dir_utf8() {
        Ok(entries) => entries
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect(),
        Err(_) => Vec::new(),
    }
}

/// Every byte and time below the store but `SQLite`'s shared memory and the stat cache.
pub(super) fn everything(store: &TestStore) -> Tree {
    let mut all = tree(&store.path);
    all.retain(|path, _| !(path.starts_with(".ovpack/cache.db") || path == ".ovpack/store.db-shm"));
    // That directory's time moves when SQLite makes its shared memory again.
    if let Some(node) = all.get_mut(".ovpack") {
        node.mtime_ns = 0;
    }
    all
}

/// What was done can be taken back; what was not done can be done again.
fn ensure_it_goes_on(
    scenario: &Scenario,
    store: &TestStore,
    expected: &Expected<'_>,
    is_new: bool,
    context: &str,
) {
    if is_new {
        let last = store
            .log()
            .into_iter()
            .find(|entry| entry.state == "committed")
            .unwrap();
        store
            .rollback(Some(last.transaction))
            .unwrap_or_else(|error| panic!("{context}: rollback: {error:?}"));
        let live = content(&store.live_tree());
        assert_same(
            &live,
            &content(expected.old),
            &format!("{context}: rolled back"),
        );
    } else {
        (scenario.act)(store).unwrap_or_else(|error| panic!("{context}: repeated: {error:?}"));
        let live = content(&store.live_tree());
        assert_same(&live, expected.new, &format!("{context}: repeated"));
    }
}
