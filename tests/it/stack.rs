//! Rollbacks of several, redo, and single rollbacks in between, at roots that contain one another,
//! against a model that keeps for each state the set of imports that make it.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use ovpack::{DriftCheck, Error, OnConflict, OnLater, Receipt, RollbackOptions, TransactionId};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, prop_oneof};
use proptest::proptest;

use crate::support::{Content, PackBuilder, TestStore, assert_same, content};

/// Where imports go, by parent and name; each may be missing, with its parents.
const ROOTS: [(&str, &str); 5] = [
    ("viking://resources", "a"),
    ("viking://resources/a", "b"),
    ("viking://resources/a/b", "c"),
    ("viking://resources/a", "d"),
    ("viking://resources/x/y", "z"),
];

/// One act.
#[derive(Clone, Debug)]
enum Act {
    /// Import over whatever is there.
    Import(usize),
    /// Restore all scopes.
    Restore,
    /// Roll one back, counted from the newest commit.
    One(usize),
    /// Roll one back with all that lies over it.
    To(usize),
    /// Take the newest rollback back.
    Redo,
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..ROOTS.len()).prop_map(Act::Import),
        1 => (0..1_usize).prop_map(|_| Act::Restore),
        2 => (0..5_usize).prop_map(Act::One),
        4 => (0..8_usize).prop_map(Act::To),
        3 => (0..1_usize).prop_map(|_| Act::Redo),
    ]
}

type Live = BTreeMap<String, Content>;

/// What is on, by number of import, and the tree that it makes: the same set made the same tree
/// whenever it was seen.
#[derive(Default)]
struct Model {
    trees: BTreeMap<BTreeSet<TransactionId>, Live>,
    on: BTreeSet<TransactionId>,
    /// What each commit turned on or off.
    turned: BTreeMap<TransactionId, BTreeSet<TransactionId>>,
}

impl Model {
    fn commit(&mut self, receipt: &Receipt) {
        let id = receipt.transaction.unwrap();
        let undone: Vec<_> = if receipt.undone.is_empty() {
            receipt.undoes.into_iter().collect()
        } else {
            receipt.undone.clone()
        };
        let turned: BTreeSet<_> = if undone.is_empty() {
            BTreeSet::from([id])
        } else {
            undone
                .iter()
                .flat_map(|tx| self.turned[tx].clone())
                .collect()
        };
        self.on = &self.on ^ &turned;
        self.turned.insert(id, turned);
    }

    /// Holds the live files against what the same acts made before. A directory that was made for
    /// one and then held another may stay behind, empty.
    fn compare(&mut self, mut live: Live, what: &str) {
        live.retain(|_, found| *found != Content::Directory);
        match self.trees.get(&self.on) {
            Some(expected) => assert_same(&live, expected, what),
            None => drop(self.trees.insert(self.on.clone(), live)),
        }
    }
}

fn pack(store: &TestStore, root: usize, number: usize) -> Utf8PathBuf {
    let (parent, name) = ROOTS[root];
    PackBuilder::of(&format!("{parent}/{name}"))
        .file("file.md", format!("{name} of {number}"))
        .file(&format!("b/{number}.md"), "in b")
        .file("b/c/deep.md", format!("deep in {number}"))
        .write(&store.beside(&format!("{number}.ovpack")))
}

fn backup(store: &TestStore, number: usize) -> Utf8PathBuf {
    PackBuilder::backup(&["resources", "user", "agent", "session"])
        .file("resources/a/b/file.md", format!("restored by {number}"))
        .file("user/u.md", format!("restored by {number}"))
        .directory("agent")
        .directory("session")
        .write(&store.beside(&format!("{number}.ovpack")))
}

fn run(store: &TestStore, act: &Act, number: usize) -> Result<Option<Receipt>, Error> {
    let back = |back: usize| {
        let mut commits = store.log().into_iter().filter(|tx| tx.state == "committed");
        commits.nth(back).map(|entry| entry.transaction)
    };
    let roll_back = |tx, on_later| {
        // Every third one looks at no file, where it need not.
        let drift = match number % 3 {
            0 => DriftCheck::Skip,
            _ => DriftCheck::Scan,
        };
        let options = RollbackOptions {
            on_later,
            drift,
            ..RollbackOptions::default()
        };
        let rehearsed = store.open().rehearse_rollback(tx, &options);
        let done = store.open().rollback(tx, &options);
        if let (Ok(rehearsed), Ok(done)) = (&rehearsed, &done) {
            assert!(rehearsed.would_succeed, "{rehearsed:?}");
            // The rehearsal goes path by path, where the act need not.
            let sums = |receipt: &Receipt| (receipt.changes, receipt.files, receipt.bytes);
            assert_eq!(sums(&rehearsed.receipt), sums(done), "{tx}");
            assert_eq!(rehearsed.receipt.units, done.units, "{tx}");
        }
        assert_eq!(
            rehearsed.is_ok_and(|rehearsed| rehearsed.would_succeed),
            done.is_ok(),
            "the rehearsal tells how it ends: {done:?}"
        );
        done.map(Some)
    };
    match act {
        Act::Import(root) => {
            let pack = pack(store, *root, number);
            let receipt = store.import_with(&pack, ROOTS[*root].0, OnConflict::Overwrite)?;
            Ok(Some(receipt))
        }
        Act::Restore => store
            .restore_with(&backup(store, number), OnConflict::Overwrite)
            .map(Some),
        Act::One(index) => match back(*index) {
            Some(tx) => roll_back(tx, OnLater::Refuse),
            None => Ok(None),
        },
        Act::To(index) => match back(*index) {
            Some(tx) => roll_back(tx, OnLater::RollBack),
            None => Ok(None),
        },
        Act::Redo => store
            .open()
            .redo(None, &RollbackOptions::default())
            .map(Some),
    }
}

/// How many sequences are tried; `OVPACK_MODEL_CASES` says another number.
fn cases() -> u32 {
    std::env::var("OVPACK_MODEL_CASES").map_or(24, |text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_imports_in_effect_make_the_same_tree_whatever_was_undone_and_redone(acts in vec(acts(), 4..18)) {
        let store = TestStore::fresh();
        store.write("resources/mine.md", b"mine");
        let mut model = Model::default();
        let mut done = Vec::new();
        model.compare(content(&store.live_tree()), "the beginning");
        for (number, act) in acts.iter().enumerate() {
            let before = content(&store.live_tree());
            let result = run(&store, act, number);
            done.push(format!("{act:?}: {:?}", result.as_ref().map(|receipt| {
                receipt.as_ref().map(|done| (done.transaction, done.undoes, &done.undone, &done.units))
            })));
            match result {
                Ok(Some(receipt)) => model.commit(&receipt),
                Ok(None) => {}
                Err(error) => {
                    let expected = ["not-in-effect", "later-transactions", "nothing-to-redo"];
                    assert!(expected.contains(&error.code()), "{error:?} after {done:#?}");
                    if let (Act::To(_), Error::LaterTransactions { later, .. }) = (act, &error) {
                        // Only a rollback that would bring back other things too is in its way.
                        let log = store.log();
                        let is_rollback = |tx| log.iter().any(|entry| entry.transaction == tx && entry.undoes.is_some());
                        assert!(later.iter().copied().all(is_rollback), "{error:?} after {done:#?}");
                    }
                    assert_same(&content(&store.live_tree()), &before, "nothing changed");
                }
            }
            model.compare(content(&store.live_tree()), &format!("{done:#?}"));
            let drift = store.status().drift;
            assert!(drift.changed.is_empty() && drift.missing.is_empty(), "{drift:?} after {done:#?}");
            assert!(drift.added.iter().all(|uri| uri.ends_with("mine.md") || uri.ends_with("resources")), "{drift:?}");
        }
        store.open().verify_journal(&ovpack::JournalVerifyOptions::default()).unwrap();
    }
}
