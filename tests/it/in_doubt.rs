//! A crash, and then somebody who moves trees by hand: nothing is settled that would leave nothing live or
//! destroy the last copy, whatever the operator decides.

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{Direction, Error, OnConflict, RecoverOptions, Result};

use crate::support::fault::steps_of;
use crate::support::test_store::get;
use crate::support::{PackBuilder, TestStore, assert_fails};

fn version(store: &TestStore, number: u32) -> Utf8PathBuf {
    PackBuilder::of("viking://resources/notes")
        .directory("")
        .file("a.md", format!("version {number}"))
        .write(&store.beside(&format!("{number}.ovpack")))
}

fn with_first() -> (TestStore, Utf8PathBuf) {
    let store = TestStore::fresh();
    store.import(&version(&store, 1), "viking://resources");
    let second = version(&store, 2);
    (store, second)
}

/// Where the crash was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    BeforeTheExchange,
    AfterTheExchange,
}

/// A store whose overwriting import was killed, with the tree in its slot.
struct Crashed {
    store: TestStore,
    live: Utf8PathBuf,
    slot: Utf8PathBuf,
}

impl Crashed {
    fn new(killed: Killed) -> Self {
        let (store, second) = with_first();
        let steps = steps_of(|| {
            store.overwrite(&second, "viking://resources");
        });
        let exchange = steps.iter().position(|step| *step == "exchange").unwrap() as u64;
        let (first, wanted) = match killed {
            Killed::BeforeTheExchange => (exchange + 1, "version 1"),
            Killed::AfterTheExchange => (exchange + 2, "version 2"),
        };
        // The program takes some steps more than the act alone, before it.
        for at in first..first + 30 {
            let (store, second) = with_first();
            let words = [
                "import",
                second.as_str(),
                "resources",
                "--on-conflict",
                "overwrite",
            ];
            let _killed = store.run_with_fault(&format!("kill:{at}"), words);
            let live = store.at("resources/notes");
            let slot = store.path.join(".ovpack/slots/2/tree");
            let is_there = |tree: &Utf8Path, text: &str| {
                std::fs::read(tree.join("a.md")).is_ok_and(|found| found == text.as_bytes())
            };
            let other = if wanted == "version 1" {
                "version 2"
            } else {
                "version 1"
            };
            let is_prepared = store.status().recovery_pending.len() == 1
                && store
                    .open()
                    .show("tx2".parse().unwrap())
                    .unwrap()
                    .events
                    .len()
                    == 2;
            if is_prepared && is_there(&live, wanted) && is_there(&slot, other) {
                return Self { store, live, slot };
            }
        }
        panic!("no step is the one {killed:?}");
    }

    fn recover(&self, direction: Option<Direction>) -> Result<Vec<&'static str>> {
        let options = RecoverOptions {
            direction,
            ..RecoverOptions::default()
        };
        let report = self.store.open().recover(&options)?;
        Ok(report
            .settled
            .iter()
            .map(|settled| settled.outcome)
            .collect())
    }

    /// Puts an empty directory in a tree's place; the tree stays somewhere, so that its inode does.
    fn put_another(&self, tree: &Utf8Path, away: &str) {
        std::fs::rename(tree, self.store.beside(away)).unwrap();
        std::fs::create_dir(tree).unwrap();
    }

    #[track_caller]
    fn is_refused(&self, direction: Option<Direction>, why: &str) {
        let before = self.store.whole();
        match assert_fails(self.recover(direction), "in-doubt", 6) {
            Error::InDoubt { found, .. } => assert!(found.contains(why), "{found}"),
            error => panic!("{error:?}"),
        }
        crate::support::assert_same(&self.store.whole(), &before, "nothing is changed");
    }
}

#[test]
fn back_to_an_old_tree_that_was_moved_away_is_refused_until_it_is_there_again() {
    let crashed = Crashed::new(Killed::BeforeTheExchange);
    let away = crashed.store.beside("away");
    std::fs::rename(&crashed.live, &away).unwrap();
    crashed.is_refused(None, "absent");
    crashed.is_refused(
        Some(Direction::Back),
        "its slot does not hold the tree decided for either",
    );
    crashed.is_refused(Some(Direction::Forward), "nothing to change places with");
    assert_eq!(
        get(&crashed.slot.join("a.md")),
        b"version 2",
        "the last copy but one"
    );
    std::fs::rename(&away, &crashed.live).unwrap();
    assert_eq!(crashed.recover(None).unwrap(), ["aborted"]);
    assert_eq!(get(&crashed.live.join("a.md")), b"version 1");
}

#[test]
fn forward_to_a_new_tree_that_was_moved_away_is_refused_until_it_is_there_again() {
    let crashed = Crashed::new(Killed::AfterTheExchange);
    let away = crashed.store.beside("away");
    std::fs::rename(&crashed.live, &away).unwrap();
    crashed.is_refused(
        Some(Direction::Forward),
        "its slot does not hold the tree decided for either",
    );
    crashed.is_refused(Some(Direction::Back), "nothing to change places with");
    std::fs::rename(&away, &crashed.live).unwrap();
    assert_eq!(crashed.recover(None).unwrap(), ["committed"]);
    assert_eq!(get(&crashed.live.join("a.md")), b"version 2");
}

#[test]
fn a_slot_whose_tree_nobody_knows_is_not_deleted() {
    for direction in [Direction::Back, Direction::Forward] {
        let crashed = Crashed::new(Killed::BeforeTheExchange);
        for (tree, away) in [(&crashed.live, "live"), (&crashed.slot, "slot")] {
            crashed.put_another(tree, away);
            std::fs::write(tree.join("mine.md"), "the only copy").unwrap();
        }
        crashed.is_refused(Some(direction), "its slot holds neither of them");
    }
}

#[test]
fn what_the_operator_decides_is_done_where_a_tree_is_left_live() {
    let crashed = Crashed::new(Killed::BeforeTheExchange);
    crashed.put_another(&crashed.live, "away");
    std::fs::write(crashed.live.join("a.md"), "by hand").unwrap();
    crashed.is_refused(None, "digest");
    assert_eq!(crashed.recover(Some(Direction::Back)).unwrap(), ["aborted"]);
    assert_eq!(get(&crashed.live.join("a.md")), b"by hand");

    let crashed = Crashed::new(Killed::AfterTheExchange);
    crashed.put_another(&crashed.live, "away");
    assert_eq!(crashed.recover(Some(Direction::Back)).unwrap(), ["aborted"]);
    assert_eq!(get(&crashed.live.join("a.md")), b"version 1");

    let crashed = Crashed::new(Killed::BeforeTheExchange);
    crashed.put_another(&crashed.live, "away");
    assert_eq!(
        crashed.recover(Some(Direction::Forward)).unwrap(),
        ["committed"]
    );
    assert_eq!(get(&crashed.live.join("a.md")), b"version 2");
}

#[test]
fn the_program_says_what_lacks_and_what_to_do() {
    let crashed = Crashed::new(Killed::BeforeTheExchange);
    std::fs::rename(&crashed.live, crashed.store.beside("away")).unwrap();
    for words in [&["recover"][..], &["recover", "--back"]] {
        let output = crashed.store.run(words);
        assert_eq!(output.code, Some(6), "{output:?}");
        assert!(output.stderr.contains("tx2 is in doubt"), "{output:?}");
        assert!(output.stderr.contains("move"), "{output:?}");
    }
    let refused = crashed.store.import_with(
        &version(&crashed.store, 3),
        "viking://resources",
        OnConflict::Merge,
    );
    assert_fails(refused, "in-doubt", 6);
}
