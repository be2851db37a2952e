//! Prune frees what its options and pins do not keep, never what the next rollback needs, and says
//! why of every slot. What was interrupted is finished; the journal keeps every row.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8PathBuf;
use ovpack::fault::Outcome;
use ovpack::{
    Error, Kind, LogOptions, PruneOptions, PruneReport, Receipt, Result, TransactionId,
    TransactionSummary,
};

use crate::support::fault::{EIO, ENOSPC, steps_of, with_fault};
use crate::support::test_store::{get, put};
use crate::support::{PackBuilder, TestStore, assert_fails, assert_same, content, tree};

const PARENT: &str = "viking://resources";

fn pack(store: &TestStore, root: &str, number: u32) -> Utf8PathBuf {
    PackBuilder::of(&format!("viking://resources/{root}"))
        .file("each.md", format!("version {number}"))
        .file(&format!("only-{number}/x.md"), "0123456789")
        .write(&store.beside(&format!("{root}-{number}.ovpack")))
}

/// Imports a root and overwrites it until `last` is in place; returns the transactions, oldest first.
fn versions(store: &TestStore, root: &str, last: u32) -> Vec<TransactionId> {
    let put = |number| store.overwrite(&pack(store, root, number), PARENT);
    (1..=last).map(|number| tx(&put(number))).collect()
}

fn tx(receipt: &Receipt) -> TransactionId {
    receipt.transaction.unwrap()
}

fn version_in_place(store: &TestStore, root: &str) -> u32 {
    match std::fs::read_to_string(store.at(&format!("resources/{root}/each.md"))) {
        Ok(text) => text.strip_prefix("version ").unwrap().parse().unwrap(),
        Err(_) => 0,
    }
}

fn last(count: u64) -> PruneOptions {
    PruneOptions {
        keep_last: Some(count),
        ..PruneOptions::default()
    }
}

fn try_prune(store: &TestStore, options: &PruneOptions) -> Result<PruneReport> {
    store.try_open()?.prune(options)
}

#[track_caller]
fn prune(store: &TestStore, options: &PruneOptions) -> PruneReport {
    let rehearsed = try_prune(
        store,
        &PruneOptions {
            dry_run: true,
            ..options.clone()
        },
    )
    .unwrap();
    let report = try_prune(store, options).unwrap();
    let decided = |report: &PruneReport| codes(report);
    assert_eq!(
        decided(&rehearsed),
        decided(&report),
        "a rehearsal decides the same"
    );
    let freed = report.slots.iter().filter(|slot| slot.decision == "freed");
    assert_eq!(freed.count() as u64, report.freed);
    assert_eq!(report.freed + report.kept, report.slots.len() as u64);
    assert!(report.slots.iter().all(|slot| !slot.reason.is_empty()));
    ensure_disk_and_journal_agree(store);
    report
}

/// Holder of each slot, whether it was kept, and why.
fn codes(report: &PruneReport) -> Vec<(TransactionId, &'static str, &'static str)> {
    let slots = report.slots.iter();
    slots
        .map(|slot| (slot.transaction, slot.decision, slot.code))
        .collect()
}

/// Slot directories are those that the journal calls held, and the chain is whole.
#[track_caller]
fn ensure_disk_and_journal_agree(store: &TestStore) {
    let open = store.open();
    open.verify_journal(&ovpack::JournalVerifyOptions::default())
        .unwrap();
    let mut held: Vec<String> = log(store)
        .into_iter()
        .filter(|entry| entry.state == "committed")
        .flat_map(|entry| open.show(entry.transaction).unwrap().units)
        .filter(|unit| unit.slot_state == "held")
        .map(|unit| unit.slot.to_string())
        .collect();
    held.sort();
    held.dedup();
    assert_eq!(slots_on_disk(store), held);
}

fn slots_on_disk(store: &TestStore) -> Vec<String> {
    let slots = store.path.join(".ovpack/slots").read_dir_utf8().unwrap();
    let mut names: Vec<_> = slots
        .map(|entry| entry.unwrap().file_name().to_owned())
        .collect();
    names.sort();
    names
}

fn log(store: &TestStore) -> Vec<TransactionSummary> {
    store.open().log(&LogOptions::default()).unwrap()
}

#[test]
fn two_steps_back_whatever_is_pruned_between_them() {
    let store = TestStore::fresh();
    let import = store.import(&pack(&store, "a", 1), PARENT);
    assert_eq!(
        codes(&prune(&store, &last(1))),
        [(tx(&import), "kept", "next-rollback")]
    );
    let overwrite = store.overwrite(&pack(&store, "a", 2), PARENT);
    assert_eq!(
        codes(&prune(&store, &last(1))),
        [
            (tx(&import), "kept", "empty"),
            (tx(&overwrite), "kept", "keep-last")
        ]
    );
    let back = store.rollback(overwrite.transaction).unwrap();
    assert_eq!(version_in_place(&store, "a"), 1);
    // Both ways are open: forward again by the rollback's rollback, and further back.
    assert_eq!(
        codes(&prune(&store, &last(1))),
        [
            (tx(&import), "kept", "next-rollback"),
            (tx(&back), "kept", "keep-last")
        ]
    );
    let further = store.rollback(import.transaction).unwrap();
    assert_eq!(version_in_place(&store, "a"), 0);
    let report = prune(&store, &last(2));
    assert_eq!(report.freed, 0, "{report:?}");
    store.rollback(further.transaction).unwrap();
    store.rollback(back.transaction).unwrap();
    assert_eq!(version_in_place(&store, "a"), 2);
}

#[test]
fn the_last_are_kept_the_others_freed_and_the_journal_stays() {
    let store = TestStore::fresh();
    let txs = versions(&store, "a", 5);
    let (before, generation) = (store.live_tree(), store.status().generation);
    let report = prune(&store, &last(2));
    assert_eq!(
        codes(&report),
        [
            (txs[0], "freed", "unreachable"),
            (txs[1], "freed", "outdated"),
            (txs[2], "freed", "outdated"),
            (txs[3], "kept", "keep-last"),
            (txs[4], "kept", "keep-last"),
        ]
    );
    assert_eq!(report.freed_bytes, 38, "the trees of versions 1 and 2");
    assert_eq!(report.kept_bytes, 38);
    assert_same(&store.live_tree(), &before, "the live tree");
    let status = store.status();
    assert_eq!(status.generation, generation, "nothing live was moved");
    assert_eq!(status.last_commit.unwrap().transaction, txs[4]);
    assert_eq!((status.slots, status.slot_bytes), (2, 38));
    let log = log(&store);
    assert_eq!(log.len(), 6, "every transaction is still told of");
    assert_eq!(Some(log[0].transaction), report.transaction);
    assert_eq!(
        (
            log[0].kind.as_str(),
            log[0].state.as_str(),
            log[0].generation
        ),
        ("prune", "committed", None)
    );
    let shown = store.open().show(log[0].transaction).unwrap();
    let decisions: Vec<_> = shown
        .slot_decisions
        .iter()
        .map(|slot| {
            (
                slot.decision.as_str(),
                slot.reason.split(':').next().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        decisions,
        [
            ("freed", "unreachable"),
            ("freed", "outdated"),
            ("freed", "outdated"),
            ("kept", "keep-last"),
            ("kept", "keep-last"),
        ]
    );
    assert_fails(store.rollback(report.transaction), "not-in-effect", 4);

    store.rollback(Some(txs[4])).unwrap();
    store.rollback(Some(txs[3])).unwrap();
    assert_eq!(version_in_place(&store, "a"), 3);
    assert_fails(store.rollback(Some(txs[2])), "slot-pruned", 9);
    assert_eq!(version_in_place(&store, "a"), 3);
}

#[test]
fn an_age_is_that_of_the_commit_that_last_exchanged_the_slot() {
    let store = TestStore::fresh();
    let txs = versions(&store, "a", 2);
    let back = store.rollback(Some(txs[1])).unwrap();
    let report = prune(&store, &last(1));
    let slot = &report.slots[1];
    assert_eq!(Some(slot.transaction), back.transaction);
    assert_eq!(Some(&slot.held_since), log(&store)[0].finished_at.as_ref());
    let within = |seconds| PruneOptions {
        keep_within: Some(Duration::from_secs(seconds)),
        ..last(0)
    };
    let report = prune(&store, &within(3600));
    assert!(
        report.slots.iter().all(|slot| slot.code == "keep-within"),
        "{report:?}"
    );
    let report = prune(&store, &within(0));
    assert_eq!(
        codes(&report),
        [(txs[0], "kept", "empty"), (tx(&back), "freed", "outdated")]
    );
}

#[test]
fn the_oldest_go_until_the_rest_fits_but_never_what_the_next_rollback_needs() {
    let store = TestStore::fresh();
    let a = versions(&store, "a", 4);
    let b = versions(&store, "b", 2);
    let fits = |max| PruneOptions {
        max_bytes: Some(max),
        ..PruneOptions::default()
    };
    let report = try_prune(&store, &fits(1000)).unwrap();
    assert_eq!(
        (report.freed, report.transaction),
        (0, None),
        "nothing to do leaves no row"
    );
    assert_eq!(log(&store).len(), 6);
    let report = prune(&store, &fits(60));
    assert_eq!(
        codes(&report),
        [
            (a[0], "freed", "unreachable"),
            (a[1], "freed", "oldest"),
            (a[2], "kept", "fits"),
            (a[3], "kept", "next-rollback"),
            (b[0], "kept", "empty"),
            (b[1], "kept", "next-rollback"),
        ]
    );
    let report = prune(&store, &fits(0));
    assert_eq!(
        codes(&report),
        [
            (a[2], "freed", "oldest"),
            (a[3], "kept", "next-rollback"),
            (b[0], "kept", "empty"),
            (b[1], "kept", "next-rollback"),
        ]
    );
    let report = prune(
        &store,
        &PruneOptions {
            max_bytes: Some(19),
            ..last(0)
        },
    );
    assert_eq!(
        codes(&report),
        [
            (a[3], "freed", "oldest"),
            (b[0], "kept", "empty"),
            (b[1], "kept", "fits"),
        ]
    );
    store.rollback(Some(b[1])).unwrap();
    store.rollback(Some(b[0])).unwrap();
    assert_eq!(version_in_place(&store, "b"), 0);
}

#[test]
fn a_pin_keeps_its_tree_and_those_that_must_go_back_before_it() {
    let store = TestStore::fresh();
    let txs = versions(&store, "a", 4);
    let other = versions(&store, "b", 2);
    let pinned = store.open().pin(txs[1]).unwrap();
    assert_eq!(
        (pinned.pinned, pinned.slots.len(), pinned.slots[0].bytes),
        (true, 1, 19)
    );
    assert_eq!(
        store.open().pin(txs[1]).unwrap().transaction,
        None,
        "it is pinned already"
    );
    assert_eq!(store.status().pinned_bytes, 19);
    let report = prune(&store, &last(0));
    assert_eq!(
        codes(&report),
        [
            (txs[0], "kept", "empty"),
            (txs[1], "kept", "pinned"),
            (txs[2], "kept", "needed"),
            (txs[3], "kept", "needed"),
            (other[0], "freed", "unreachable"),
            (other[1], "freed", "outdated"),
        ]
    );
    assert!(
        report.slots[2].reason.contains(&txs[1].to_string()),
        "{report:?}"
    );
    let unpinned = store.open().unpin(txs[1]).unwrap();
    assert_eq!(log(&store)[0].kind, "unpin");
    assert_eq!(Some(log(&store)[0].transaction), unpinned.transaction);
    let report = prune(&store, &last(0));
    assert_eq!((report.kept, report.freed), (0, 4), "{report:?}");
    assert_fails(store.open().pin(txs[1]), "slot-pruned", 9);
    assert_fails(
        store.open().pin(report.transaction.unwrap()),
        "not-in-effect",
        4,
    );
}

#[test]
fn the_slots_of_one_restore_go_or_stay_together() {
    let scopes = ["resources", "user", "agent", "session"];
    let store = TestStore::adopted(|live| {
        for scope in scopes {
            put(live, &format!("{scope}/old.md"), b"old");
        }
    });
    let backup = scopes
        .iter()
        .fold(PackBuilder::backup(&scopes), |pack, scope| {
            pack.file(&format!("{scope}/new.md"), "new")
        });
    let backup = backup.write(&store.beside("backup.ovpack"));
    let restore = store
        .restore_with(&backup, ovpack::OnConflict::Overwrite)
        .unwrap();
    assert_eq!(restore.units.len(), 4);
    let import = store.import(&pack(&store, "a", 1), PARENT);
    // The import lies over one unit of the restore; three of its slots would be free without it.
    store.open().pin(tx(&import)).unwrap();
    let report = prune(
        &store,
        &PruneOptions {
            max_bytes: Some(7),
            ..last(0)
        },
    );
    let freed = vec![(tx(&restore), "freed", "oldest"); 4];
    assert_eq!(codes(&report)[..4], freed);
    store.rollback(import.transaction).unwrap();
    assert_fails(store.rollback(restore.transaction), "slot-pruned", 9);
}

#[test]
fn a_pinned_restore_keeps_what_lies_over_any_of_its_units() {
    let scopes = ["resources", "user"];
    let store = TestStore::adopted(|live| {
        for scope in scopes {
            put(live, &format!("{scope}/old.md"), b"old");
        }
    });
    let backup = PackBuilder::backup(&scopes)
        .file("resources/new.md", "new")
        .file("user/new.md", "new");
    let backup = backup.write(&store.beside("backup.ovpack"));
    let restore = store
        .restore_with(&backup, ovpack::OnConflict::Overwrite)
        .unwrap();
    let txs = versions(&store, "a", 2);
    store.open().pin(tx(&restore)).unwrap();
    let report = prune(&store, &last(0));
    assert_eq!(report.freed, 0, "{report:?}");
    for undone in [txs[1], txs[0], tx(&restore)] {
        store.rollback(Some(undone)).unwrap();
    }
    assert_eq!(get(&store.at("user/old.md")), b"old");
}

#[test]
fn a_made_parent_that_holds_more_by_now_still_goes_back() {
    let store = TestStore::fresh();
    let first = store.import(&pack(&store, "a", 1), "viking://resources/x/y");
    let beside = store.import(&pack(&store, "b", 1), "viking://resources/x/z");
    let over = store.overwrite(&pack(&store, "b", 2), "viking://resources/x/z");
    let report = prune(&store, &last(1));
    assert_eq!(report.freed, 0, "{report:?}");
    let back = store.rollback(first.transaction).unwrap();
    let report = prune(&store, &last(1));
    assert_eq!(
        codes(&report),
        [
            (tx(&beside), "kept", "empty"),
            (tx(&over), "kept", "next-rollback"),
            (tx(&back), "kept", "keep-last"),
        ]
    );
    for undone in [&back, &over, &beside] {
        store.rollback(undone.transaction).unwrap();
    }
    assert_eq!(get(&store.at("resources/x/y/a/each.md")), b"version 1");
}

#[test]
fn without_a_word_of_what_to_keep_nothing_is_freed() {
    let store = TestStore::fresh();
    versions(&store, "a", 3);
    let before = store.whole();
    assert_fails(
        try_prune(&store, &PruneOptions::default()),
        "invalid-argument",
        2,
    );
    assert_eq!(store.run(["prune"]).code, Some(2));
    assert_eq!(store.run(["prune", "--dry-run"]).code, Some(2));
    let output = store.run(["--json", "prune", "--keep-last", "0", "--dry-run"]);
    let result = output.result();
    assert_eq!(
        (&result["freed"], &result["dry_run"]),
        (&3.into(), &true.into())
    );
    assert_eq!(result["transaction"], serde_json::Value::Null);
    assert_same(&store.whole(), &before, "nothing was written");
}

#[test]
fn the_command_line_tells_of_every_slot() {
    let store = TestStore::fresh();
    let txs = versions(&store, "a", 3);
    let output = store.run(["pin", "tx3"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(
        output.stdout,
        "pinned slot 3 of tx3: viking://resources/a, 19 B\n"
    );
    let output = store.run(["prune", "--keep-last", "0", "--keep-within", "0s"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{output:?}");
    assert!(lines[1].starts_with("freed slot 2"), "{output:?}");
    assert!(lines[1].ends_with(
        "viking://resources/a: no commit is kept for being new, and its commit is not younger than 0 seconds"
    ), "{output:?}");
    assert!(
        lines[2].ends_with("viking://resources/a: it is pinned"),
        "{output:?}"
    );
    assert_eq!(
        output.stderr,
        "freed 2 slots of 19 B, kept 1 slot of 19 B, as tx5\n"
    );
    let shown = store.run(["show", "tx5"]);
    assert!(
        shown.stdout.contains("\nslots\n  freed     slot 1"),
        "{shown:?}"
    );
    let status = store.run(["status"]);
    assert!(
        status.stdout.contains("1 slot, 19 B, of which 19 B pinned"),
        "{status:?}"
    );
    let result = store.run(["--json", "unpin", "tx3"]).result();
    assert_eq!(result["of"], txs[2].to_string());
    assert_eq!(store.run(["pin", "tx9"]).code, Some(9));
    assert_eq!(store.run(["prune", "--max-bytes", "1.5GB"]).code, Some(2));
}

#[test]
fn a_full_disk_is_told_what_a_prune_would_free() {
    let store = TestStore::fresh();
    versions(&store, "a", 4);
    let pack = pack(&store, "a", 5);
    let arguments = [
        "--json",
        "import",
        pack.as_str(),
        PARENT,
        "--on-conflict",
        "overwrite",
    ];
    let help = (1..60).find_map(|at| {
        let output = store.run_with_fault(&format!("fail:28:{at}"), arguments);
        (output.code == Some(5)).then(|| output.json()["error"]["help"].clone())
    });
    let help = help.unwrap();
    let help = help.as_str().unwrap();
    assert!(help.contains("prune --keep-last 1"), "{help}");
    assert!(help.contains("would free 38 B"), "{help}");
}

/// One of two trees is kept, the other goes, with the slot of the first import; another root stays.
fn to_prune() -> TestStore {
    let store = TestStore::fresh();
    versions(&store, "other", 1);
    versions(&store, "a", 3);
    store
}

/// What a store of `to_prune` must be after any disturbance: pruned or not, and then pruned.
fn ensure_pruned_or_not(
    store: &TestStore,
    before: &BTreeMap<String, crate::support::Content>,
    context: &str,
) {
    let recovered = store.recover();
    recovered.unwrap_or_else(|error| panic!("{context}: {error:?}"));
    ensure_disk_and_journal_agree(store);
    assert_eq!(store.status().recovery_pending, [], "{context}");
    let is_pruned = slots_on_disk(store).len() == 2;
    assert!(
        is_pruned || slots_on_disk(store).len() == 4,
        "{context}: a part of it"
    );
    let entry = log(store).into_iter().find(|entry| entry.kind == "prune");
    let state = entry.map(|entry| entry.state);
    assert_eq!(
        state.as_deref() == Some("committed"),
        is_pruned,
        "{context}"
    );
    let report = prune(store, &last(1));
    assert_eq!(
        report.freed,
        if is_pruned { 0 } else { 2 },
        "{context}: {report:?}"
    );
    assert_same(&content(&store.live_tree()), before, context);
    let kept = log(store)
        .into_iter()
        .find(|entry| entry.kind == "import")
        .unwrap();
    store.rollback(Some(kept.transaction)).unwrap();
    assert_eq!(version_in_place(store, "a"), 2, "{context}");
}

#[test]
fn a_prune_that_fails_at_any_step_is_finished_or_was_never_begun() {
    let store = to_prune();
    let before = content(&store.live_tree());
    let steps = steps_of(|| drop(try_prune(&store, &last(1)).unwrap()));
    assert!(
        steps.contains(&"rmdir") && steps.contains(&"fsync"),
        "{steps:?}"
    );
    for (at, step) in (1..).zip(steps) {
        for outcome in [Outcome::Fail(EIO), Outcome::FailOn(ENOSPC)] {
            let store = to_prune();
            let result = with_fault(at, outcome, || try_prune(&store, &last(1)));
            let context = format!("{outcome:?} at step {at} ({step}): {result:?}");
            if let Err(error) = &result {
                let decided = log(&store).iter().any(|entry| {
                    entry.kind == "prune" && ["prepared", "committed"].contains(&&*entry.state)
                });
                assert_eq!(
                    matches!(error, Error::PruneUnfinished { .. }),
                    decided,
                    "{context}"
                );
                let kinds = if outcome == Outcome::Fail(EIO) {
                    [Kind::Internal, Kind::Pending]
                } else {
                    [Kind::NoSpace, Kind::Pending]
                };
                assert!(kinds.contains(&error.kind()), "{context}");
            }
            ensure_pruned_or_not(&store, &before, &context);
        }
    }
}

#[test]
fn a_prune_that_is_killed_at_any_step_is_finished_or_was_never_begun() {
    let arguments = ["prune", "--keep-last", "1"];
    let output = to_prune().run_with_fault("count", arguments);
    let counted = output
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("fault-steps: "));
    let counted: u64 = counted.unwrap().parse().unwrap();
    let before = content(&to_prune().live_tree());
    for at in 1..=counted {
        let store = to_prune();
        let output = store.run_with_fault(&format!("kill:{at}"), arguments);
        assert_eq!(output.code, None, "{output:?}");
        ensure_pruned_or_not(
            &store,
            &before,
            &format!("killed before step {at} of {counted}"),
        );
    }
}

#[test]
fn a_tree_that_cannot_be_deleted_is_in_nobodys_way() {
    let store = to_prune();
    let pack = pack(&store, "b", 1);
    let steps = steps_of(|| drop(try_prune(&store, &last(1)).unwrap()));
    let unlink = steps.iter().position(|name| *name == "unlink").unwrap() as u64 + 1;
    let store = to_prune();
    let error = with_fault(unlink, Outcome::Fail(EIO), || try_prune(&store, &last(1)));
    let error = assert_fails(error, "prune-unfinished", 3);
    let Error::PruneUnfinished { tx, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(store.status().recovery_pending, [tx]);

    let steps = steps_of(|| drop(store.recover()));
    let unlink = steps.iter().position(|name| *name == "unlink").unwrap() as u64 + 1;
    assert!(unlink > 1, "{steps:?}");
    let store = to_prune();
    drop(with_fault(unlink, Outcome::Fail(EIO), || {
        try_prune(&store, &last(1))
    }));
    let open = || {
        log(&store)
            .iter()
            .filter(|entry| entry.state == "prepared")
            .count()
    };
    if open() == 1 {
        with_fault(unlink, Outcome::Fail(EIO), || {
            store
                .import_with(&pack, PARENT, ovpack::OnConflict::Fail)
                .map(drop)
        })
        .unwrap();
    }
    store.recover().unwrap();
    assert_eq!(open(), 0);
    assert_eq!(tree(&store.path.join(".ovpack/staging")).len(), 0);
    ensure_disk_and_journal_agree(&store);
}

#[test]
fn a_pin_that_is_interrupted_is_there_or_not() {
    let make = || {
        let store = TestStore::fresh();
        versions(&store, "a", 2);
        store
    };
    let pin = |store: &TestStore| store.try_open()?.pin("tx2".parse().unwrap()).map(drop);
    let steps = steps_of(|| pin(&make()).unwrap());
    for at in 1..=steps.len() as u64 {
        let store = make();
        let result = with_fault(at, Outcome::Fail(EIO), || pin(&store));
        let context = format!("step {at}: {result:?}");
        store.recover().unwrap();
        let committed = log(&store)
            .iter()
            .any(|entry| entry.kind == "pin" && entry.state == "committed");
        assert_eq!(store.status().pinned_bytes > 0, committed, "{context}");
        pin(&store).unwrap();
        assert_eq!(store.status().pinned_bytes, 19, "{context}");
        ensure_disk_and_journal_agree(&store);
    }
}

/// A small generator (xorshift64): the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Rolls back, and before it whatever is in the way.
fn roll_back_in_order(store: &TestStore, tx: TransactionId, context: &str) {
    loop {
        match store.rollback(Some(tx)) {
            Ok(_) => return,
            Err(Error::LaterTransactions { later, .. }) => {
                assert!(later[0] > tx, "{context}");
                roll_back_in_order(store, later[0], context);
            }
            Err(error) => panic!("{context}: rollback of {tx}: {error:?}"),
        }
    }
}

#[test]
fn whatever_was_done_and_pruned_every_tree_that_is_kept_can_go_back() {
    let (mut freed, mut went_back) = (0, 0);
    for seed in 1..=24 {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let store = TestStore::fresh();
        let mut told = vec![format!("seed {seed}")];
        // Roots that lie in one another, made together with their parents or apart.
        let roots = [
            ("a", PARENT),
            ("b", PARENT),
            ("c", "viking://resources/a"),
            ("d", "viking://resources/x/y"),
        ];
        for step in 0..9 {
            if numbers.below(3) == 0 {
                let committed: Vec<_> = log(&store)
                    .into_iter()
                    .filter(|entry| entry.generation.is_some())
                    .collect();
                if let Some(entry) = committed.get(usize::try_from(numbers.below(3)).unwrap()) {
                    let done = store.rollback(Some(entry.transaction)).is_ok();
                    told.push(format!("rollback {} {done}", entry.transaction));
                }
            } else {
                let (root, parent) = roots[usize::try_from(numbers.below(4)).unwrap()];
                let pack = PackBuilder::of(&format!("viking://resources/{root}"))
                    .file("each.md", format!("version {step}"))
                    .write(&store.beside("pack.ovpack"));
                let done = store
                    .import_with(&pack, parent, ovpack::OnConflict::Overwrite)
                    .is_ok();
                told.push(format!("import {root} {done}"));
            }
        }
        let committed: Vec<_> = log(&store)
            .into_iter()
            .filter(|entry| entry.generation.is_some())
            .collect();
        let pinned = committed.get(usize::try_from(numbers.below(8)).unwrap());
        if let Some(entry) = pinned {
            store.open().pin(entry.transaction).unwrap();
            told.push(format!("pin {}", entry.transaction));
        }
        let options = match numbers.below(3) {
            0 => last(numbers.below(4)),
            1 => PruneOptions {
                max_bytes: Some(numbers.below(60)),
                ..PruneOptions::default()
            },
            _ => PruneOptions {
                max_bytes: Some(numbers.below(60)),
                ..last(0)
            },
        };
        let report = prune(&store, &options);
        freed += report.freed;
        told.push(format!("prune {options:?}: {:?}", codes(&report)));
        let kept: Vec<_> = report
            .slots
            .iter()
            .filter(|slot| slot.decision == "kept")
            .collect();
        if !kept.is_empty() {
            let chosen = usize::try_from(numbers.below(kept.len() as u64)).unwrap();
            roll_back_in_order(&store, kept[chosen].transaction, &told.join(", "));
            went_back += 1;
        }
        ensure_disk_and_journal_agree(&store);
    }
    assert!(
        freed > 10 && went_back > 10,
        "freed {freed}, went back {went_back}"
    );
}
