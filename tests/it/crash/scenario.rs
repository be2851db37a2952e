//! The acts that are disturbed, each with the store that it begins from.

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{OnConflict, OnLater, Result, RollbackOptions, TransactionId};

use crate::support::test_store::put;
use crate::support::{PackBuilder, TestStore};

/// One act.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Makes the store that the act begins from.
    pub(super) make: fn() -> TestStore,
    /// Does the act by the library.
    pub(super) act: fn(&TestStore) -> Result<()>,
    /// Says the same on the command line.
    pub(super) arguments: fn(&TestStore) -> Vec<String>,
    /// Directories above the moved units, whose times a rename changes.
    pub(super) above: &'static [&'static str],
}

pub(super) const IMPORT: Scenario = Scenario {
    name: "import beside another root",
    make: beside_another,
    act: |store| {
        store
            .import_with(&version(store, 1), PARENT, OnConflict::Fail)
            .map(drop)
    },
    arguments: |store| vec!["import".into(), version(store, 1).into(), PARENT.into()],
    above: &["resources"],
};

pub(super) const FIRST_IMPORT: Scenario = Scenario {
    name: "first import",
    make: TestStore::fresh,
    act: IMPORT.act,
    arguments: IMPORT.arguments,
    above: &[],
};

pub(super) const MADE_PARENTS: Scenario = Scenario {
    name: "import under two missing parents",
    make: beside_another,
    act: |store| {
        let parent = "viking://resources/x/y";
        store
            .import_with(&version(store, 1), parent, OnConflict::Fail)
            .map(drop)
    },
    arguments: |store| {
        vec![
            "import".into(),
            version(store, 1).into(),
            "viking://resources/x/y".into(),
        ]
    },
    above: &["resources"],
};

pub(super) const OVERWRITE: Scenario = Scenario {
    name: "overwrite",
    make: || {
        let store = beside_another();
        store.import(&version(&store, 1), PARENT);
        store
    },
    act: |store| {
        store
            .import_with(&version(store, 2), PARENT, OnConflict::Overwrite)
            .map(drop)
    },
    arguments: |store| {
        let mut arguments = vec!["import".into(), version(store, 2).into(), PARENT.into()];
        arguments.extend(OVERWRITING.map(str::to_owned));
        arguments
    },
    above: &["resources"],
};

pub(super) const CREATION: Scenario = Scenario {
    name: "restore into nothing",
    make: TestStore::fresh,
    act: |store| {
        store
            .restore_with(&backup(store), OnConflict::Overwrite)
            .map(drop)
    },
    arguments: |store| {
        let mut arguments = vec!["restore".into(), backup(store).into()];
        arguments.extend(OVERWRITING.map(str::to_owned));
        arguments
    },
    above: &[],
};

pub(super) const RESTORE_AS_ONE: Scenario = Scenario {
    name: "restore of four scopes as one unit",
    make: || {
        let store = TestStore::fresh();
        old_scopes(&store.live);
        store
    },
    ..CREATION
};

pub(super) const RESTORE_APART: Scenario = Scenario {
    name: "restore of four scopes as four units",
    make: || TestStore::adopted(old_scopes),
    ..CREATION
};

pub(super) const ROLLBACK: Scenario = Scenario {
    name: "rollback of an overwrite",
    make: || undo_last_of(overwritten()),
    act: |store| store.rollback(Some(to_undo(store))).map(drop),
    arguments: |store| vec!["rollback".into(), to_undo(store).to_string()],
    above: &["resources"],
};

pub(super) const ROLLBACK_OF_CREATION: Scenario = Scenario {
    name: "rollback of an import that made parents",
    make: || {
        let store = beside_another();
        store.import(&version(&store, 1), "viking://resources/x/y");
        undo_last_of(store)
    },
    ..ROLLBACK
};

pub(super) const REDO: Scenario = Scenario {
    name: "rollback of a rollback",
    make: || {
        let store = overwritten();
        store.rollback(Some(store.log()[0].transaction)).unwrap();
        undo_last_of(store)
    },
    ..ROLLBACK
};

pub(super) const ROLLBACK_TO: Scenario = Scenario {
    name: "rollback of an inner root and the outer one that came later, as one",
    make: || {
        let store = beside_another();
        store.import(&version(&store, 1), PARENT);
        store.import(&inner(&store, 1), INNER_PARENT);
        let last = store.overwrite(&inner(&store, 2), INNER_PARENT).transaction;
        store.overwrite(&version(&store, 2), PARENT);
        std::fs::write(store.beside("undo"), last.unwrap().to_string()).unwrap();
        store
    },
    act: |store| {
        let options = RollbackOptions {
            on_later: OnLater::RollBack,
            ..RollbackOptions::default()
        };
        store
            .try_open()?
            .rollback(to_undo(store), &options)
            .map(drop)
    },
    arguments: |store| vec!["rollback".into(), "--to".into(), to_undo(store).to_string()],
    above: &["resources"],
};

pub(super) const REVERT: Scenario = Scenario {
    name: "revert of one file",
    make: || undo_last_of(overwritten()),
    act: |store| {
        let path = "viking://resources/notes/each.md".parse().unwrap();
        let options = RollbackOptions::default();
        store
            .try_open()?
            .revert(to_undo(store), &[path], &options)
            .map(drop)
    },
    arguments: |store| {
        let tx = to_undo(store).to_string();
        ["rollback", &tx, "--path", "resources/notes/each.md"]
            .map(str::to_owned)
            .into()
    },
    above: &["resources"],
};

pub(super) const REDO_ALL: Scenario = Scenario {
    name: "redo of an inner root and the outer one",
    make: || {
        let store = (ROLLBACK_TO.make)();
        (ROLLBACK_TO.act)(&store).unwrap();
        undo_last_of(store)
    },
    above: &["resources", "resources/notes"],
    ..ROLLBACK
};

const PARENT: &str = "viking://resources";
const INNER_PARENT: &str = "viking://resources/notes";
const OVERWRITING: [&str; 2] = ["--on-conflict", "overwrite"];
const SCOPES: [&str; 4] = ["resources", "user", "agent", "session"];

/// Notes the last transaction as the one that the act undoes, so that an act that is repeated
/// after a crash asks for the same one.
fn undo_last_of(store: TestStore) -> TestStore {
    let tx = store.log()[0].transaction;
    std::fs::write(store.beside("undo"), tx.to_string()).unwrap();
    store
}

fn to_undo(store: &TestStore) -> TransactionId {
    let text = std::fs::read_to_string(store.beside("undo")).unwrap();
    text.parse().unwrap()
}

fn overwritten() -> TestStore {
    let store = (OVERWRITE.make)();
    store.overwrite(&version(&store, 2), PARENT);
    store
}

fn beside_another() -> TestStore {
    let store = TestStore::fresh();
    let other = PackBuilder::of("viking://resources/other")
        .file("o.md", "other")
        .write(&store.beside("other.ovpack"));
    store.import(&other, PARENT);
    store
}

fn version(store: &TestStore, number: u32) -> Utf8PathBuf {
    let path = store.beside(&format!("v{number}.ovpack"));
    if path.exists() {
        return path;
    }
    PackBuilder::of("viking://resources/notes")
        .file("same.md", "the same in all versions")
        .file("each.md", format!("version {number}"))
        .file(&format!("only-{number}/x.md"), format!("{number}"))
        .write(&path)
}

fn inner(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes/inner")
        .file("i.md", format!("inner {number}"))
        .write(&store.beside(&format!("inner{number}.ovpack")))
}

fn backup(store: &TestStore) -> Utf8PathBuf {
    let path = store.beside("backup.ovpack");
    if path.exists() {
        return path;
    }
    let pack = SCOPES
        .iter()
        .fold(PackBuilder::backup(&SCOPES), |pack, scope| {
            pack.file(
                &format!("{scope}/backup.md"),
                format!("{scope} of the backup"),
            )
        });
    pack.write(&path)
}

fn old_scopes(live: &Utf8Path) {
    for scope in SCOPES {
        put(live, &format!("{scope}/old.md"), b"old");
    }
}
