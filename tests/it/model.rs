//! Random acts against a model that is a map and a list.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use ovpack::fault::Outcome;
use ovpack::{
    Error, ImportOptions, JournalVerifyOptions, Kind, OnConflict, Selection, TransactionId,
};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::proptest;

use crate::support::fault::{EIO, ENOSPC, with_fault};
use crate::support::{PackBuilder, TestStore, uri};

const ROOTS: [&str; 3] = ["a", "b", "c"];

/// One act.
#[derive(Clone, Debug)]
enum Act {
    /// Import a version of a root, or a part of it.
    Import {
        root: usize,
        version: u8,
        on_conflict: OnConflict,
        part: Part,
    },
    /// Roll back one of the transactions so far, counted from the newest.
    Rollback { back: usize },
    /// Edit a file by hand.
    Edit { root: usize, version: u8 },
}

/// What of a pack is taken. Each version has the file and one extra of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    All,
    /// `--include file.md`
    File,
    /// `--exclude file.md`
    Extra,
}

impl Part {
    fn selection(self) -> Selection {
        let file = || vec![FILE.to_owned()];
        match self {
            Self::All => Selection::default(),
            Self::File => Selection {
                include: file(),
                ..Selection::default()
            },
            Self::Extra => Selection {
                exclude: file(),
                ..Selection::default()
            },
        }
    }

    /// Returns what it takes of a version.
    fn of(self, version: u8) -> Files {
        let mut files = files(version);
        files.retain(|name, _| match self {
            Self::All => true,
            Self::File => name == FILE,
            Self::Extra => name != FILE,
        });
        files
    }
}

/// Which step fails, if any.
type Fault = Option<(u64, bool)>;

fn acts() -> impl Strategy<Value = (Act, Fault)> {
    let policy = prop_oneof![
        Just(OnConflict::Fail),
        Just(OnConflict::Overwrite),
        Just(OnConflict::Overwrite),
        Just(OnConflict::Merge),
        Just(OnConflict::Merge),
        Just(OnConflict::Skip)
    ];
    let part = prop_oneof![3 => Just(Part::All), 1 => Just(Part::File), 1 => Just(Part::Extra)];
    let act = prop_oneof![
        5 => (0..ROOTS.len(), any::<u8>(), policy, part)
            .prop_map(|(root, version, on_conflict, part)| Act::Import { root, version, on_conflict, part }),
        5 => (0..6_usize).prop_map(|back| Act::Rollback { back }),
        1 => (0..ROOTS.len(), any::<u8>()).prop_map(|(root, version)| Act::Edit { root, version }),
    ];
    let fault = prop_oneof![3 => Just(None), 1 => (1..80_u64, any::<bool>()).prop_map(Some)];
    (act, fault)
}

/// What a root's files say, by name.
type Files = BTreeMap<String, String>;

/// A root's content; `None` where there is no root.
type Content = Option<Files>;

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
                part,
            } => {
                let mut after = Files::new();
                match (self.content(*root), on_conflict) {
                    (_, OnConflict::Overwrite) if *part != Part::All => {
                        return Expected::Refuses("invalid-argument");
                    }
                    (Some(_), OnConflict::Fail) => return Expected::Refuses("root-exists"),
                    (Some(_), OnConflict::Skip) => return Expected::Skips,
                    (Some(kept), OnConflict::Merge) => after.extend(kept),
                    (_, _) => {}
                }
                after.extend(part.of(*version));
                Expected::Commits {
                    root: *root,
                    after: Some(after),
                    undoes: None,
                }
            }
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

/// The file that every version has, and that is edited by hand.
const FILE: &str = "file.md";

fn text(version: u8) -> String {
    format!("version {version}")
}

fn files(version: u8) -> Files {
    let extra = format!("extra-{}.md", version % 3);
    Files::from([
        (FILE.to_owned(), text(version)),
        (extra, format!("extra of {version}")),
    ])
}

fn pack(store: &TestStore, root: usize, version: u8) -> Utf8PathBuf {
    let pack = PackBuilder::of(&format!("viking://resources/{}", ROOTS[root]));
    let files = files(version).into_iter();
    let pack = files.fold(pack, |pack, (name, text)| pack.file(&name, text));
    pack.write(&store.beside("pack.ovpack"))
}

fn file(store: &TestStore, root: usize) -> Utf8PathBuf {
    store.at("resources").join(ROOTS[root]).join(FILE)
}

/// Reads what is there.
fn found(store: &TestStore, root: usize) -> Content {
    let directory = store.at("resources").join(ROOTS[root]);
    let names = std::fs::read_dir(&directory).ok()?;
    let file = |name: std::io::Result<std::fs::DirEntry>| {
        let name = name.unwrap().file_name().into_string().unwrap();
        let text = std::fs::read_to_string(directory.join(&name)).unwrap();
        (name, text)
    };
    Some(names.map(file).collect())
}

/// Does an act; `Ok(None)` where nothing was to be committed.
fn act(store: &TestStore, model: &Model, act: &Act) -> Result<Option<TransactionId>, Error> {
    match act {
        Act::Import {
            root,
            version,
            on_conflict,
            part,
        } => {
            let pack = pack(store, *root, *version);
            let options = ImportOptions {
                on_conflict: *on_conflict,
                selection: part.selection(),
                ..ImportOptions::default()
            };
            let parent = uri("viking://resources");
            let receipt = store.try_open()?.import(&pack, &parent, &options)?;
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
        && let Some(Some(files)) = model.live.get_mut(root)
        && let Some(said) = files.get_mut(FILE)
    {
        *said = text(*version);
    }
    for (root, name) in ROOTS.iter().enumerate() {
        assert_eq!(
            found(store, root),
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
