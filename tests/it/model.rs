//! Random acts against a model that is a map and a list.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use ovpack::fault::Outcome;
use ovpack::{Error, JournalVerifyOptions, Kind, OnConflict, TransactionId};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::proptest;

use crate::support::fault::{EIO, ENOSPC, with_fault};
use crate::support::{PackBuilder, TestStore};

const ROOTS: [&str; 3] = ["a", "b", "c"];

/// One act.
#[derive(Clone, Debug)]
enum Act {
    /// Import a version of a root.
    Import {
        root: usize,
        version: u8,
        on_conflict: OnConflict,
    },
    /// Roll back one of the transactions so far, counted from the newest.
    Rollback { back: usize },
    /// Edit a file by hand.
    Edit { root: usize, version: u8 },
}

/// Which step fails, if any.
type Fault = Option<(u64, bool)>;

fn acts() -> impl Strategy<Value = (Act, Fault)> {
    let policy = prop_oneof![
        Just(OnConflict::Fail),
        Just(OnConflict::Overwrite),
        Just(OnConflict::Overwrite),
        Just(OnConflict::Skip)
    ];
    let act = prop_oneof![
        4 => (0..ROOTS.len(), any::<u8>(), policy)
            .prop_map(|(root, version, on_conflict)| Act::Import { root, version, on_conflict }),
        5 => (0..6_usize).prop_map(|back| Act::Rollback { back }),
        1 => (0..ROOTS.len(), any::<u8>()).prop_map(|(root, version)| Act::Edit { root, version }),
    ];
    let fault = prop_oneof![3 => Just(None), 1 => (1..60_u64, any::<bool>()).prop_map(Some)];
    (act, fault)
}

/// A root's content: what its one file says; `None` where there is no root.
type Content = Option<String>;

/// A committed transaction.
#[derive(Clone, Debug)]
struct Committed {
    id: TransactionId,
    root: usize,
    before: Content,
    after: Content,
    undoes: Option<usize>,
}

#[derive(Debug, Default)]
struct Model {
    live: BTreeMap<usize, Content>,
    committed: Vec<Committed>,
}

/// What the model expects of an act.
#[derive(Debug)]
enum Expected {
    /// It commits, and leaves this.
    Commits {
        root: usize,
        after: Content,
        undoes: Option<usize>,
    },
    /// It changes nothing and succeeds.
    Skips,
    /// It changes nothing and says this.
    Refuses(&'static str),
}

impl Model {
    fn content(&self, root: usize) -> Content {
        self.live.get(&root).cloned().flatten()
    }

    /// Whether no rollback in effect undoes it.
    fn is_in_effect(&self, index: usize) -> bool {
        !(index + 1..self.committed.len())
            .any(|later| self.committed[later].undoes == Some(index) && self.is_in_effect(later))
    }

    /// Whether, of what came later on its root, something is left when each transaction and the
    /// rollback that undoes it have cancelled each other.
    fn is_something_in_the_way(&self, index: usize) -> bool {
        let mut left: Vec<_> = (index + 1..self.committed.len())
            .filter(|later| self.committed[*later].root == self.committed[index].root)
            .collect();
        while let Some(newest) = left.pop() {
            let undone = self.committed[newest].undoes;
            match undone.and_then(|undone| left.iter().position(|index| *index == undone)) {
                Some(position) => drop(left.remove(position)),
                None => return true,
            }
        }
        false
    }

    fn expect(&self, act: &Act) -> Expected {
        match act {
            Act::Import {
                root,
                version,
                on_conflict,
            } => match (self.content(*root), on_conflict) {
                (Some(_), OnConflict::Fail) => Expected::Refuses("root-exists"),
                (Some(_), OnConflict::Skip) => Expected::Skips,
                _ => Expected::Commits {
                    root: *root,
                    after: Some(text(*version)),
                    undoes: None,
                },
            },
            Act::Rollback { back } => self.expect_rollback(*back),
            Act::Edit { .. } => Expected::Skips,
        }
    }

    fn expect_rollback(&self, back: usize) -> Expected {
        let Some(index) = self.committed.len().checked_sub(back + 1) else {
            return Expected::Skips;
        };
        let transaction = &self.committed[index];
        if !self.is_in_effect(index) {
            Expected::Refuses("not-in-effect")
        } else if self.is_something_in_the_way(index) {
            Expected::Refuses("later-transactions")
        } else if self.content(transaction.root) != transaction.after {
            Expected::Refuses("drift")
        } else {
            let after = transaction.before.clone();
            Expected::Commits {
                root: transaction.root,
                after,
                undoes: Some(index),
            }
        }
    }
}

fn text(version: u8) -> String {
    format!("version {version}")
}

fn pack(store: &TestStore, root: usize, version: u8) -> Utf8PathBuf {
    PackBuilder::of(&format!("viking://resources/{}", ROOTS[root]))
        .file("file.md", text(version))
        .write(&store.beside("pack.ovpack"))
}

fn file(store: &TestStore, root: usize) -> Utf8PathBuf {
    store.at("resources").join(ROOTS[root]).join("file.md")
}

/// Does an act; `Ok(None)` where nothing was to be committed.
fn act(store: &TestStore, model: &Model, act: &Act) -> Result<Option<TransactionId>, Error> {
    match act {
        Act::Import {
            root,
            version,
            on_conflict,
        } => {
            let pack = pack(store, *root, *version);
            let receipt = store.import_with(&pack, "viking://resources", *on_conflict)?;
            Ok(receipt.transaction)
        }
        Act::Rollback { back } => match model.committed.iter().rev().nth(*back) {
            Some(transaction) => Ok(store.rollback(Some(transaction.id))?.transaction),
            None => Ok(None),
        },
        Act::Edit { root, version } => {
            if file(store, *root).exists() {
                std::fs::write(file(store, *root), text(*version)).unwrap();
            }
            Ok(None)
        }
    }
}

fn step(store: &TestStore, model: &mut Model, doing: &Act, fault: Fault) {
    let expected = model.expect(doing);
    let outcome = match fault {
        Some((_, true)) => Outcome::FailOn(ENOSPC),
        Some((_, false)) => Outcome::Fail(EIO),
        None => Outcome::Count,
    };
    let at = fault.map_or(0, |(at, _)| at);
    let result = with_fault(at, outcome, || act(store, model, doing));
    if fault.is_some() {
        store.recover().unwrap();
    }
    let failed_by_fault = fault.is_some()
        && matches!(
            result.as_ref().map_err(Error::kind),
            Err(Kind::Internal | Kind::NoSpace | Kind::Pending | Kind::InDoubt)
        );
    let newest = store
        .log()
        .into_iter()
        .find(|entry| entry.generation.is_some());
    let newest = newest.filter(|entry| entry.generation > Some(model.committed.len() as u64));
    if failed_by_fault {
        // Recovery decided; the journal tells how.
        if let (
            Some(entry),
            Expected::Commits {
                root,
                after,
                undoes,
            },
        ) = (newest, expected)
        {
            commit(model, entry.transaction, root, after, undoes);
        }
    } else {
        match (expected, &result) {
            (
                Expected::Commits {
                    root,
                    after,
                    undoes,
                },
                Ok(Some(id)),
            ) => {
                commit(model, *id, root, after, undoes);
            }
            (Expected::Skips, Ok(None)) => {}
            (Expected::Refuses(code), Err(error)) if error.code() == code => {}
            (expected, _) => {
                panic!("{doing:?}: expected {expected:?}, was {result:?} in {model:#?}")
            }
        }
    }
    if let Act::Edit { root, version } = doing
        && model.content(*root).is_some()
    {
        model.live.insert(*root, Some(text(*version)));
    }
    for (root, name) in ROOTS.iter().enumerate() {
        let found = std::fs::read_to_string(file(store, root)).ok();
        assert_eq!(
            found,
            model.content(root),
            "{name} after {doing:?}: {result:?}"
        );
    }
}

fn commit(
    model: &mut Model,
    id: TransactionId,
    root: usize,
    after: Content,
    undoes: Option<usize>,
) {
    let before = model.content(root);
    model.live.insert(root, after.clone());
    model.committed.push(Committed {
        id,
        root,
        before,
        after,
        undoes,
    });
}

/// How many sequences are tried; `OVPACK_MODEL_CASES` says another number.
fn cases() -> u32 {
    std::env::var("OVPACK_MODEL_CASES").map_or(24, |text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_acts_in_any_order_with_any_faults_do_what_the_model_does(acts in vec(acts(), 1..16)) {
        let store = TestStore::fresh();
        // The scope is there, so that each root is a unit of its own.
        store.write("resources/mine.md", b"mine");
        let mut model = Model::default();
        for (doing, fault) in &acts {
            step(&store, &mut model, doing, *fault);
        }
        let status = store.status();
        assert_eq!(status.generation, model.committed.len() as u64);
        assert_eq!(status.recovery_pending, Vec::new());
        let whole = JournalVerifyOptions { content: true, ..JournalVerifyOptions::default() };
        store.open().verify_journal(&whole).unwrap();
    }
}
