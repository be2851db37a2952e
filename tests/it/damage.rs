//! Damage and age: a journal that is not what it was is called so, and what a newer one left is
//! nobody's to overwrite.

use std::io::{Seek as _, SeekFrom, Write as _};

use ovpack::OnConflict;

use crate::support::TestStore;
use crate::support::fixture::fixture;

fn journal_files(store: &TestStore) -> [camino::Utf8PathBuf; 3] {
    ["store.db", "store.db-wal", "store.db-shm"].map(|name| store.path.join(".ovpack").join(name))
}

/// Moves everything into the database file, as a copy made by hand would have it.
fn settle_journal(store: &TestStore) {
    let [database, wal, shared] = journal_files(store);
    let journal = rusqlite::Connection::open(&database).unwrap();
    let moved: i64 = journal
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(moved, 0, "not busy");
    drop(journal);
    for file in [wal, shared] {
        if file.exists() {
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn a_journal_with_overwritten_pages_is_called_damaged_and_the_live_tree_can_still_be_read() {
    let store = TestStore::fresh();
    let pack = fixture("resources-click").pack;
    store
        .import_with(&pack, "viking://resources", OnConflict::Fail)
        .unwrap();
    settle_journal(&store);
    let [database, ..] = journal_files(&store);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(&database)
        .unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in 1..pages {
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0xa5; 4096]).unwrap();
    }
    drop(file);
    let verified = store.run(["--json", "journal", "verify"]);
    assert_eq!(verified.code, Some(8), "{verified:?}");
    let rolled_back = store.run(["rollback", "tx1"]);
    assert_eq!(rolled_back.code, Some(8), "{rolled_back:?}");
    let readme = store.at("resources/click/README.md");
    assert!(readme.is_file(), "the live tree is plain files");
}

#[test]
fn recover_tells_of_damage_in_what_it_does_not_read() {
    let store = TestStore::fresh();
    let pack = fixture("resources-click").pack;
    store
        .import_with(&pack, "viking://resources", OnConflict::Fail)
        .unwrap();
    settle_journal(&store);
    let whole = store.run(["recover"]);
    assert_eq!(whole.code, Some(0), "{whole:?}");
    assert!(whole.stderr.contains("the store is whole"), "{whole:?}");
    settle_journal(&store);
    let [database, ..] = journal_files(&store);
    let journal = rusqlite::Connection::open(&database).unwrap();
    let number = |query: &str| -> u64 {
        let number: i64 = journal.query_row(query, [], |row| row.get(0)).unwrap();
        number.unsigned_abs()
    };
    let page = number("SELECT rootpage FROM sqlite_schema WHERE name = 'tx_change'");
    let page_bytes = number("PRAGMA page_size");
    drop(journal);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(&database)
        .unwrap();
    file.seek(SeekFrom::Start((page - 1) * page_bytes)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(page_bytes).unwrap()])
        .unwrap();
    drop(file);
    let recovered = store.run(["--json", "recover"]);
    assert_eq!(recovered.code, Some(8), "{recovered:?}");
    let error = &recovered.json()["error"];
    assert_eq!(error["reason"], "store-damaged");
    let detail = error["details"]["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("page {page}")), "{error}");
}

#[test]
fn slots_that_a_newer_journal_left_are_left_alone() {
    let store = TestStore::fresh();
    let pack = fixture("resources-click").pack;
    store
        .import_with(&pack, "viking://resources", OnConflict::Fail)
        .unwrap();
    settle_journal(&store);
    let [database, ..] = journal_files(&store);
    let kept = std::fs::read(&database).unwrap();
    for edit in [b"first", b"other"] {
        store.write("resources/click/README.md", edit);
        store
            .import_with(&pack, "viking://resources", OnConflict::Overwrite)
            .unwrap();
    }
    settle_journal(&store);
    std::fs::write(&database, kept).unwrap();
    let slots = store.path.join(".ovpack/slots");
    let before = crate::support::tree::tree(&slots);

    let receipt = store
        .import_with(&pack, "viking://resources", OnConflict::Overwrite)
        .unwrap();
    let after = crate::support::tree::tree(&slots);
    for (path, node) in &before {
        if path.is_empty() {
            continue;
        }
        assert_eq!(after.get(path), Some(node), "{path}");
    }
    store.rollback(receipt.transaction).unwrap();
    assert_eq!(store.run(["journal", "verify"]).code, Some(0));
}
