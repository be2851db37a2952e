//! The story of a store, many times over: random acts against a model in memory that knows the live
//! tree, what the journal says of it, every tree of the past and every slot. After each act tree,
//! views, history, trees as of earlier transactions and the content that is still held agree with it.
//!
//! `OVPACK_STORY_CASES` says how many seeds are tried, `OVPACK_STORY_SEED` which one is the first.

mod compare;
mod model;
mod random;

use camino::Utf8PathBuf;
use ovpack::fault::Outcome;
use ovpack::{
    DriftCheck, Error, ImportOptions, LogOptions, OnConflict, OnLater, PruneOptions, PruneReport,
    Receipt, Result, RollbackOptions, TransactionId,
};
use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::fault::{ENOSPC, with_fault};
use crate::support::{PackBuilder, TestStore, uri};
use compare::{bytes_of, compare, compare_more};
use model::{How, Model, Node, Plan, Tree, Unit, join, replace};
use random::Random;

const ACTS: usize = 30;

/// One story.
struct Story {
    store: TestStore,
    model: Model,
    random: Random,
    /// What was done, for whoever reads a failure.
    told: Vec<String>,
}

/// A pack and what stands in it, by live paths.
struct Made {
    pack: Utf8PathBuf,
    tree: Tree,
}

impl Story {
    fn begin(seed: u64) -> Self {
        let mut random = Random(seed);
        if random.percent(50) {
            let store = TestStore::fresh();
            let model = Model::default();
            let mut begun = Self {
                store,
                model,
                random,
                told: Vec::new(),
            };
            begun.restore();
            assert_eq!(begun.model.commits.len(), 1, "{:?}", begun.told);
            return begun;
        }
        let mut model = Model::default();
        add_file(&mut model.live, "resources/keep.md", b"kept");
        add_file(&mut model.live, "resources/a/x.md", b"before the store");
        add_file(&mut model.live, "user/keep.md", b"kept");
        let live = model.live.clone();
        let store = TestStore::adopted(|path| {
            for (below, node) in &live {
                if let Node::File(bytes) = node {
                    crate::support::test_store::put(path, below, bytes);
                }
            }
        });
        model.adopt(store.log()[0].transaction);
        Self {
            store,
            model,
            random,
            told: Vec::new(),
        }
    }

    fn tell(&mut self, what: impl Into<String>) {
        self.told.push(what.into());
    }

    fn act(&mut self) {
        match self.random.below(100) {
            0..30 => self.import(),
            30..40 => self.restore(),
            40..58 => self.roll_back(),
            58..68 => self.redo(),
            68..80 => self.edit(),
            80..87 => self.prune(),
            87..92 => self.pin(),
            92..96 => self.import_a_lie(),
            _ => self.import_with_a_fault(),
        }
    }

    /// Makes content below a directory: names that come and go, and one that is now a file, now a
    /// directory.
    fn fill(&mut self, tree: &mut Tree, at: &str) {
        tree.insert(at.to_owned(), Node::Directory);
        for name in ["x.md", "y.md", "d/z.md", "d/deep/w.md"] {
            if self.random.percent(60) {
                let text = ["one", "two", "three", "much longer than the others"];
                let text = self.random.of(&text).unwrap();
                add_file(tree, &join(at, name), text.as_bytes());
            }
        }
        let swapping = ["k", "k/f.md"];
        if let Some(name) = self.random.of(&swapping) {
            add_file(tree, &join(at, name), b"k");
        }
    }

    /// Makes a pack of a root.
    fn make_root(&mut self, root: &str, lie: bool) -> Made {
        let mut tree = Tree::new();
        self.fill(&mut tree, root);
        if root == "resources/a" && self.random.percent(40) {
            self.fill(&mut tree, "resources/a/inner");
        }
        add_file(&mut tree, &join(root, "always.md"), b"always");
        let builder = PackBuilder::of(&format!("viking://{root}"));
        let mut builder = add_all(builder, &model::subtree(&tree, root));
        if lie {
            builder = builder.damaged("always.md");
        }
        let pack = builder.write(&self.store.beside("pack.ovpack"));
        tree.retain(|path, _| model::is_at_or_below(path, root));
        Made { pack, tree }
    }

    fn make_backup(&mut self) -> Made {
        let mut tree = Tree::new();
        for scope in ["resources", "user"] {
            add_file(&mut tree, &join(scope, "keep.md"), b"kept");
        }
        for root in ["resources/a", "resources/b", "resources/a/inner", "user/u"] {
            if self.random.percent(60) {
                self.fill(&mut tree, root);
            }
        }
        if tree.contains_key("resources/a/inner") {
            tree.insert("resources/a".to_owned(), Node::Directory);
        }
        let builder = add_all(PackBuilder::backup(&["resources", "user"]), &tree);
        let pack = builder.write(&self.store.beside("backup.ovpack"));
        Made { pack, tree }
    }

    fn choose_root(&mut self) -> &'static str {
        let roots = ["resources/a", "resources/b", "resources/a/inner"];
        let root = self.random.of(&roots).unwrap();
        if self.model.live.contains_key("resources/a") {
            root
        } else {
            "resources/a"
        }
    }

    fn choose_options(&mut self) -> ImportOptions {
        let policies = [
            OnConflict::Overwrite,
            OnConflict::Overwrite,
            OnConflict::Fail,
            OnConflict::Skip,
        ];
        ImportOptions {
            on_conflict: self.random.of(&policies).unwrap(),
            dry_run: self.random.percent(10),
            ..ImportOptions::default()
        }
    }

    fn import(&mut self) {
        let root = self.choose_root();
        let made = self.make_root(root, false);
        let options = self.choose_options();
        let exists = self.model.live.contains_key(root);
        self.tell(format!("import {root} {:?}", options.on_conflict));
        let parent = uri(root.rsplit_once('/').unwrap().0);
        let result = self.store.open().import(&made.pack, &parent, &options);
        self.took_in("import", &options, exists, &made.tree, result);
    }

    fn restore(&mut self) {
        let made = self.make_backup();
        let options = self.choose_options();
        let exists = !self.model.live.is_empty();
        let options = if exists {
            options
        } else {
            ImportOptions::default()
        };
        self.tell(format!("restore {:?}", options.on_conflict));
        let result = self.store.open().restore(&made.pack, &options);
        self.took_in("restore", &options, exists, &made.tree, result);
    }

    fn took_in(
        &mut self,
        kind: &'static str,
        options: &ImportOptions,
        exists: bool,
        tree: &Tree,
        result: Result<Receipt>,
    ) {
        match (exists, options.on_conflict) {
            (true, OnConflict::Fail) => self.refused("root-exists", !options.dry_run, result),
            (true, OnConflict::Skip) => {
                let receipt = result.unwrap();
                assert!(receipt.skipped && receipt.transaction.is_none());
            }
            _ => {
                let receipt = result.unwrap();
                assert_eq!(receipt.transaction.is_none(), options.dry_run);
                if let Some(id) = receipt.transaction {
                    self.put(id, kind, tree);
                    self.check_counts(&receipt);
                }
            }
        }
    }

    fn put(&mut self, id: TransactionId, kind: &'static str, tree: &Tree) {
        let shown = self.store.open().show(id).unwrap();
        let units = shown.units.into_iter().map(|unit| Unit {
            path: unit.path,
            slot: unit.slot,
        });
        let units: Vec<_> = units.collect();
        // An act moves nothing that it was not told to move.
        let inside = tree.keys().all(|path| {
            let mut units = units.iter();
            units.any(|unit| model::is_at_or_below(path, &unit.path))
        });
        assert!(inside, "{units:?}");
        self.model.put(id, kind, units, tree);
    }

    fn check_counts(&self, receipt: &Receipt) {
        let commit = self.model.commits.last().unwrap();
        let count = |change: &str| {
            let rows = commit.rows.iter();
            rows.filter(|(_, row)| row.change() == change).count() as u64
        };
        let counts = receipt.changes;
        assert_eq!(
            (counts.added, counts.replaced, counts.removed),
            (count("added"), count("replaced"), count("removed"))
        );
    }

    /// An act was refused; whether it had begun, and so left a row, is known.
    fn refused<T: std::fmt::Debug>(&mut self, code: &str, has_begun: bool, result: Result<T>) {
        let error = result.expect_err(code);
        assert_eq!(error.code(), code, "{error}");
        if has_begun {
            self.aborted(code.to_owned());
        }
    }

    fn aborted(&mut self, reason: String) {
        let newest = self.store.log()[0].transaction;
        self.model.aborted.push((newest, reason));
    }

    fn import_a_lie(&mut self) {
        let root = self.choose_root();
        let made = self.make_root(root, true);
        self.tell(format!("import a lie over {root}"));
        let parent = uri(root.rsplit_once('/').unwrap().0);
        let options = ImportOptions {
            on_conflict: OnConflict::Overwrite,
            ..ImportOptions::default()
        };
        let result = self.store.open().import(&made.pack, &parent, &options);
        match result {
            Err(error @ Error::Refused { .. }) => self.aborted(error.code().to_owned()),
            result => panic!("{result:?}"),
        }
    }

    /// The disk is full at one step of an import; recovery decides, and the journal says how.
    fn import_with_a_fault(&mut self) {
        let root = self.choose_root();
        let made = self.make_root(root, false);
        let at = self.random.below(80) as u64 + 1;
        self.tell(format!("import {root} with a fault at step {at}"));
        let before: BTreeSet<_> = self.store.log().iter().map(|row| row.transaction).collect();
        let parent = uri(root.rsplit_once('/').unwrap().0);
        let options = ImportOptions {
            on_conflict: OnConflict::Overwrite,
            ..ImportOptions::default()
        };
        let result = with_fault(at, Outcome::FailOn(ENOSPC), || {
            self.store.try_open()?.import(&made.pack, &parent, &options)
        });
        self.store.recover().unwrap();
        let new = self.store.open().log(&LogOptions::default()).unwrap();
        let new: Vec<_> = new
            .into_iter()
            .filter(|row| !before.contains(&row.transaction))
            .collect();
        assert!(new.len() <= 1, "{new:?}");
        let Some(row) = new.into_iter().next() else {
            result.expect_err("what left no row did not begin");
            return;
        };
        if row.state == "committed" {
            self.put(row.transaction, "import", &made.tree);
        } else {
            result.expect_err("what was aborted has failed");
            let reason = row.reason.unwrap();
            self.model.aborted.push((row.transaction, reason));
        }
    }

    /// Chooses how a rollback is done; looking at no file only where a look would find nothing.
    fn choose_rollback(&mut self, with_later: bool) -> (How, RollbackOptions) {
        let how = How {
            with_later,
            force: self.random.percent(30),
        };
        let skip = self.random.percent(15) && self.model.drift().is_empty();
        let options = RollbackOptions {
            force: how.force,
            drift: if skip {
                DriftCheck::Skip
            } else {
                DriftCheck::Scan
            },
            on_later: if with_later {
                OnLater::RollBack
            } else {
                OnLater::Refuse
            },
            dry_run: self.random.percent(10),
            ..RollbackOptions::default()
        };
        (how, options)
    }

    fn roll_back(&mut self) {
        let moves: Vec<_> = self.model.moves().map(|commit| commit.id).collect();
        let back = self.random.below(5);
        let Some(id) = moves.iter().rev().nth(back).copied() else {
            return;
        };
        let is_act = self.model.commit(id).undoes.is_empty();
        let with_later = is_act && self.random.percent(40);
        let (how, options) = self.choose_rollback(with_later);
        let plan = self.model.plan(id, how);
        if plan.as_ref().is_ok_and(|plan| self.empties_the_store(plan)) {
            return;
        }
        self.tell(format!("roll {id} back: {how:?} {:?}", options.drift));
        let result = self.store.open().rollback(id, &options);
        self.rolled_back(plan, &options, result);
    }

    /// Whether the first restore of a store would be undone, which put the scopes there.
    fn empties_the_store(&self, plan: &Plan) -> bool {
        let mut live = self.model.live.clone();
        for unit in &plan.units {
            let comes = self.model.slots[&unit.slot].tree.clone();
            replace(&mut live, &unit.path, &comes.unwrap_or_default());
        }
        live.is_empty()
    }

    fn redo(&mut self) {
        let (how, options) = self.choose_rollback(false);
        let chosen = self.model.to_redo();
        self.tell(format!("redo {chosen:?} {how:?} {:?}", options.drift));
        let result = self.store.open().redo(None, &options);
        match chosen {
            Err(code) => self.refused(code, false, result),
            Ok(id) => {
                if let Ok(receipt) = &result {
                    assert_eq!(receipt.undoes, Some(id));
                }
                let plan = self.model.plan(id, how);
                self.rolled_back(plan, &options, result);
            }
        }
    }

    fn rolled_back(
        &mut self,
        plan: std::result::Result<Plan, &'static str>,
        options: &RollbackOptions,
        result: Result<Receipt>,
    ) {
        match plan {
            Err(code) => {
                let has_begun = code != "not-in-effect" && !options.dry_run;
                self.refused(code, has_begun, result);
            }
            Ok(plan) => {
                let receipt = result.unwrap();
                assert_eq!(receipt.transaction.is_none(), options.dry_run);
                if receipt.transaction.is_some() {
                    let moved: BTreeSet<_> = plan.units.iter().map(|u| u.path.clone()).collect();
                    let told = receipt.units.iter().map(ToString::to_string);
                    assert_eq!(told.collect::<BTreeSet<_>>(), moved);
                    self.model.undo(&receipt, plan);
                }
            }
        }
    }

    /// Somebody edits live files by hand.
    fn edit(&mut self) {
        let live = &self.model.live;
        let directories: Vec<_> = live
            .iter()
            .filter(|(_, node)| **node == Node::Directory)
            .map(|(path, _)| path.clone())
            .collect();
        let files: Vec<_> = live
            .iter()
            .filter(|(path, node)| **node != Node::Directory && !path.ends_with("keep.md"))
            .map(|(path, _)| path.clone())
            .collect();
        let is_new = self.random.percent(30) || files.is_empty();
        let path = if is_new {
            let name = self.random.of(&["new.md", "x.md"]).unwrap();
            let path = join(&self.random.of(&directories).unwrap(), name);
            if self.model.live.contains_key(&path) {
                return;
            }
            path
        } else {
            self.random.of(&files).unwrap()
        };
        self.tell(format!("edit {path}"));
        if !is_new && self.random.percent(30) {
            std::fs::remove_file(self.store.at(&path)).unwrap();
            self.model.live.remove(&path);
        } else {
            let bytes = self.random.of(&["ONE", "TWO", "by hand"]).unwrap();
            std::fs::write(self.store.at(&path), bytes).unwrap();
            let node = Node::File(bytes.as_bytes().to_vec());
            self.model.live.insert(path, node);
        }
    }

    fn pin(&mut self) {
        let moves: Vec<_> = self.model.moves().map(|commit| commit.id).collect();
        let Some(id) = self.random.of(&moves) else {
            return;
        };
        let is_pin = self.random.percent(60);
        self.tell(format!("pin {id}: {is_pin}"));
        let units = self.model.commit(id).units.clone();
        let slots = &self.model.slots;
        let is_pruned = units.iter().any(|unit| slots[&unit.slot].is_freed);
        let is_news = units
            .iter()
            .any(|unit| slots[&unit.slot].is_pinned != is_pin);
        let open = self.store.open();
        let result = if is_pin { open.pin(id) } else { open.unpin(id) };
        if is_pruned {
            return self.refused("slot-pruned", false, result);
        }
        let report = result.unwrap();
        assert_eq!(report.transaction.is_some(), is_news);
        for unit in units {
            self.model.slots.get_mut(&unit.slot).unwrap().is_pinned = is_pin;
        }
        if let Some(id) = report.transaction {
            self.model.decide(id, if is_pin { "pin" } else { "unpin" });
        }
    }

    fn prune(&mut self) {
        let keep_last = self.random.of(&[None, Some(0), Some(1), Some(3)]).unwrap();
        let max_bytes = self.random.of(&[None, Some(0), Some(60)]).unwrap();
        let long = Duration::from_hours(1);
        let keep_within = self.random.percent(5).then_some(long);
        let is_told = keep_last.is_some() || max_bytes.is_some() || keep_within.is_some();
        let options = PruneOptions {
            keep_last: if is_told { keep_last } else { Some(2) },
            keep_within,
            max_bytes,
            dry_run: self.random.percent(15),
            ..PruneOptions::default()
        };
        self.tell(format!(
            "prune {:?} {max_bytes:?} {keep_within:?}",
            options.keep_last
        ));
        let report = self.store.open().prune(&options).unwrap();
        self.check_prune(&options, &report);
        let Some(id) = report.transaction else {
            return;
        };
        for slot in &report.slots {
            if slot.decision == "freed" {
                self.model.slots.get_mut(&slot.slot).unwrap().is_freed = true;
            }
        }
        self.model.decide(id, "prune");
    }

    /// A prune frees nothing that is promised to be kept.
    fn check_prune(&self, options: &PruneOptions, report: &PruneReport) {
        let model = &self.model;
        let held = model.slots.iter().filter(|(_, slot)| !slot.is_freed);
        let held: BTreeSet<_> = held.map(|(id, _)| *id).collect();
        let told: BTreeSet<_> = report.slots.iter().map(|slot| slot.slot).collect();
        assert_eq!(told, held, "of each slot it is said why");
        let freed = report.slots.iter().filter(|slot| slot.decision == "freed");
        let freed: BTreeSet<_> = freed.map(|slot| slot.slot).collect();
        let bytes = freed.iter().map(|slot| {
            let tree = model.slots[slot].tree.as_ref();
            tree.map_or(0, bytes_of)
        });
        assert_eq!(report.freed_bytes, bytes.sum::<u64>());
        assert_eq!(report.freed, freed.len() as u64);
        let pinned = |slot: &&ovpack::SlotId| model.slots[*slot].is_pinned;
        assert_eq!(freed.iter().find(pinned), None, "pinned");
        if options.keep_within.is_some() {
            let has_tree = |slot: &&ovpack::SlotId| model.slots[*slot].tree.is_some();
            assert_eq!(freed.iter().find(has_tree), None, "none is that old");
        }
        if options.keep_last == Some(0) {
            return;
        }
        // What can be rolled back, or redone, next.
        for commit in model.moves() {
            let how = How {
                with_later: false,
                force: true,
            };
            if let Ok(plan) = model.plan(commit.id, how) {
                let lost = plan.units.iter().find(|unit| freed.contains(&unit.slot));
                assert!(lost.is_none(), "{} could be rolled back next", commit.id);
            }
        }
    }
}

fn add_file(tree: &mut Tree, path: &str, bytes: &[u8]) {
    let mut above = path;
    while let Some((parent, _)) = above.rsplit_once('/') {
        tree.insert(parent.to_owned(), Node::Directory);
        above = parent;
    }
    tree.insert(path.to_owned(), Node::File(bytes.to_vec()));
}

fn add_all(mut builder: PackBuilder, tree: &Tree) -> PackBuilder {
    for (path, node) in tree.iter().filter(|(path, _)| !path.is_empty()) {
        builder = match node {
            Node::Directory => builder.directory(path),
            Node::File(bytes) => builder.file(path, bytes),
        };
    }
    builder
}

/// Shows what was done where a story fails.
struct Told<'a> {
    seed: u64,
    story: &'a mut Story,
}

impl Drop for Told<'_> {
    #[expect(clippy::print_stderr, reason = "who reads a failure needs the story")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}:", self.seed);
            for (at, what) in self.story.told.iter().enumerate() {
                eprintln!("  {at}: {what}");
            }
        }
    }
}

/// Reads a number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn after_every_act_tree_views_history_and_the_past_are_those_of_the_model() {
    let first = number("OVPACK_STORY_SEED", 1);
    for seed in first..first + number("OVPACK_STORY_CASES", 2) {
        let mut story = Story::begin(seed);
        let told = Told {
            seed,
            story: &mut story,
        };
        for _ in 0..ACTS {
            let story = &mut *told.story;
            story.act();
            compare(&story.store, &story.model, &mut story.random);
        }
        let story = &mut *told.story;
        compare_more(&story.store, &story.model, &mut story.random);
    }
}
