//! Whatever fails, and wherever the process is killed: every root is all old or all new, the
//! journal agrees, and nothing is left over.
//!
//! Each scenario is run once to count its steps, and then once for each step: with an I/O error
//! there, with a full disk from there on, and killed just before it. Long scenarios are sampled;
//! `OVPACK_CRASH_FULL=1` runs them all.

mod check;
mod scenario;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ovpack::fault::Outcome;
use ovpack::{Error, Kind};

use crate::support::fault::{EIO, ENOSPC, sample, steps_of, with_fault};
use crate::support::{Content, TestStore, Tree, content};
use check::{Expected, settle_and_check};
use scenario::{
    CREATION, FIRST_IMPORT, IMPORT, INCLUDE, MADE_PARENTS, MERGE, OVERWRITE, REDO, REDO_ALL,
    RESTORE_APART, RESTORE_AS_ONE, REVERT, ROLLBACK, ROLLBACK_OF_CREATION, ROLLBACK_TO, Scenario,
};

/// Most points of one scenario and outcome unless all are asked for.
const POINTS_MAX: usize = 40;
/// The same of one recovery, which is disturbed anew after each moment of the crash before it.
const RECOVERY_POINTS_MAX: usize = 10;

/// What an undisturbed run shows.
struct Undisturbed {
    steps: Vec<&'static str>,
    new: BTreeMap<String, Content>,
}

fn undisturbed(scenario: &Scenario) -> Undisturbed {
    let store = (scenario.make)();
    let old = store.live_tree();
    let steps = steps_of(|| (scenario.act)(&store).unwrap());
    let new = content(&store.live_tree());
    assert_ne!(content(&old), new, "{}: it does something", scenario.name);
    assert!(
        steps.len() > 10,
        "{}: its steps are counted: {steps:?}",
        scenario.name
    );
    let expected = Expected {
        old: &old,
        new: &new,
        must_be: Some(true),
    };
    settle_and_check(scenario, &store, &expected, true, "undisturbed");
    Undisturbed { steps, new }
}

/// Whether the new tree must be in place after recovery; `None` where either may be.
fn must_be_new(result: &Result<(), Error>) -> Option<bool> {
    match result.as_ref().map_err(Error::kind) {
        Ok(()) | Err(Kind::Pending) => Some(true),
        Err(Kind::InDoubt) => None,
        Err(_) => Some(false),
    }
}

fn fails_at_every_step(scenario: &Scenario) {
    let undisturbed = undisturbed(scenario);
    let mut outcomes = vec![Outcome::Fail(EIO), Outcome::FailOn(ENOSPC)];
    if std::env::var_os("OVPACK_CRASH_FULL").is_some() {
        outcomes.extend([Outcome::Fail(ENOSPC), Outcome::FailOn(EIO)]);
    }
    let mut points = Points::default();
    for at in sample(&undisturbed.steps, POINTS_MAX) {
        for &outcome in &outcomes {
            points.try_one(|| {
                let name = undisturbed.steps[usize::try_from(at).unwrap() - 1];
                let context = format!("{}: {outcome:?} at step {at} ({name})", scenario.name);
                let store = (scenario.make)();
                let old = store.live_tree();
                let result = with_fault(at, outcome, || (scenario.act)(&store));
                if let Err(error) = &result {
                    ensure_kind_fits(error, outcome, &context);
                }
                let context = format!("{context}, which said {result:?}");
                let expected = Expected {
                    old: &old,
                    new: &undisturbed.new,
                    must_be: must_be_new(&result),
                };
                settle_and_check(scenario, &store, &expected, at % 4 == 0, &context);
            });
        }
    }
    points.finish();
}

/// Tries all points before it fails, and then tells of all that failed.
#[derive(Default)]
struct Points {
    tried: usize,
    failed: Vec<String>,
}

impl Points {
    fn try_one(&mut self, point: impl FnOnce()) {
        self.tried += 1;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(point)) {
            let text = panic.downcast_ref::<String>().cloned();
            self.failed
                .push(text.unwrap_or_else(|| "a panic without a text".to_owned()));
        }
    }

    #[track_caller]
    fn finish(self) {
        let (failed, tried) = (self.failed.len(), self.tried);
        assert_eq!(failed, 0, "of {tried} points:\n{}", self.failed.join("\n"));
    }
}

/// A full disk is called a full disk; an I/O error is nobody's conflict.
fn ensure_kind_fits(error: &Error, outcome: Outcome, context: &str) {
    let kinds = match outcome {
        Outcome::Fail(ENOSPC) | Outcome::FailOn(ENOSPC) => {
            [Kind::NoSpace, Kind::Pending, Kind::InDoubt]
        }
        _ => [Kind::Internal, Kind::Pending, Kind::InDoubt],
    };
    assert!(kinds.contains(&error.kind()), "{context}: {error:?}");
}

/// Counts the steps of a command line, which may be more than those of the act alone.
fn count(store: &TestStore, arguments: &[String]) -> usize {
    let output = store.run_with_fault("count", arguments);
    assert_eq!(output.code, Some(0), "{output:?}");
    let line = output
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("fault-steps: "));
    line.unwrap_or_else(|| panic!("{output:?}"))
        .trim()
        .parse()
        .unwrap()
}

/// Chooses the points to kill at; by name only where the program takes the very same steps.
fn points(steps: &[&'static str], counted: usize) -> Vec<u64> {
    if steps.len() == counted {
        sample(steps, POINTS_MAX)
    } else {
        sample(&vec!["any"; counted], POINTS_MAX)
    }
}

fn is_killed_at_every_step(scenario: &Scenario) {
    let undisturbed = undisturbed(scenario);
    let counted = {
        let store = (scenario.make)();
        count(&store, &(scenario.arguments)(&store))
    };
    let mut tried = Points::default();
    for at in points(&undisturbed.steps, counted) {
        tried.try_one(|| {
            let context = format!("{}: killed before step {at} of {counted}", scenario.name);
            let store = (scenario.make)();
            let old = store.live_tree();
            let output = store.run_with_fault(&format!("kill:{at}"), (scenario.arguments)(&store));
            assert_eq!(output.code, None, "{context}: {output:?}");
            let mut expected = Expected {
                old: &old,
                new: &undisturbed.new,
                must_be: None,
            };
            let is_repeated = at % 3 == 1;
            if is_repeated {
                repeat_instead_of_recovering(scenario, &store, &context);
                expected.must_be = Some(true);
            }
            let go_on = at % 4 == 0 && !is_repeated;
            settle_and_check(scenario, &store, &expected, go_on, &context);
        });
    }
    tried.finish();
}

/// Every writing verb recovers first: the act either is done now, or finds that it was done.
fn repeat_instead_of_recovering(scenario: &Scenario, store: &TestStore, context: &str) {
    if let Err(error) = (scenario.act)(store) {
        assert_eq!(
            error.kind(),
            Kind::Conflict,
            "{context}: repeated: {error:?}"
        );
    }
}

/// Kills an act at moments that leave different work, then disturbs the recovery at every step.
fn recovery_is_disturbed_at_every_step(scenario: &Scenario) {
    let undisturbed = undisturbed(scenario);
    let counted = {
        let store = (scenario.make)();
        count(&store, &(scenario.arguments)(&store))
    };
    let shift = counted.saturating_sub(undisturbed.steps.len()) as u64;
    let mut tried = Points::default();
    for killed_at in telling_moments(&undisturbed.steps) {
        let crashed = || -> (TestStore, Tree) {
            let store = (scenario.make)();
            let old = store.live_tree();
            let fault = format!("kill:{}", killed_at + shift);
            let output = store.run_with_fault(&fault, (scenario.arguments)(&store));
            assert_eq!(output.code, None, "{}: {output:?}", scenario.name);
            (store, old)
        };
        let (store, _) = crashed();
        let steps = steps_of(|| drop(store.recover().unwrap()));
        let counted = count(&crashed().0, &["recover".to_owned()]);
        for at in sample(&steps, RECOVERY_POINTS_MAX) {
            for outcome in [Outcome::Fail(EIO), Outcome::FailOn(ENOSPC)] {
                tried.try_one(|| {
                let (store, old) = crashed();
                let result = with_fault(at, outcome, || store.recover().map(drop));
                let context = format!(
                    "{}, killed before step {killed_at}: recovery with {outcome:?} at step {at} said {result:?}",
                    scenario.name
                );
                let expected = Expected {
                    old: &old,
                    new: &undisturbed.new,
                    must_be: None,
                };
                settle_and_check(scenario, &store, &expected, at % 4 == 0, &context);
            });
            }
        }
        for at in sample(&vec!["any"; counted], RECOVERY_POINTS_MAX) {
            tried.try_one(|| {
                let (store, old) = crashed();
                let output = store.run_with_fault(&format!("kill:{at}"), ["recover"]);
                let context = format!(
                    "{}, killed before step {killed_at}: recovery killed before step {at}",
                    scenario.name
                );
                assert_eq!(output.code, None, "{context}: {output:?}");
                let expected = Expected {
                    old: &old,
                    new: &undisturbed.new,
                    must_be: None,
                };
                settle_and_check(scenario, &store, &expected, at % 4 == 0, &context);
            });
        }
    }
    tried.finish();
}

/// The moments that leave recovery different work: half staged, staged and not prepared, prepared,
/// between two renames, after all of them.
fn telling_moments(steps: &[&'static str]) -> Vec<u64> {
    let numbered = || steps.iter().zip(1_u64..);
    let moves: Vec<_> = numbered()
        .filter(|(name, _)| matches!(**name, "exchange" | "rename"))
        .map(|(_, at)| at)
        .collect();
    let last = steps.len() as u64;
    let mut moments = vec![last / 2, last];
    moments.extend(
        numbered()
            .filter(|(name, _)| **name == "syncfs")
            .map(|(_, at)| at),
    );
    if let (Some(first), Some(end)) = (moves.first(), moves.last()) {
        moments.extend([*first, moves[moves.len() / 2], end + 1]);
    }
    moments.sort_unstable();
    moments.dedup();
    moments
}

#[test]
fn an_import_survives_a_failure_at_every_step() {
    fails_at_every_step(&IMPORT);
}

#[test]
fn an_import_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&IMPORT);
}

#[test]
fn a_first_import_survives_a_failure_at_every_step() {
    fails_at_every_step(&FIRST_IMPORT);
}

#[test]
fn a_first_import_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&FIRST_IMPORT);
}

#[test]
fn an_import_that_makes_parents_survives_a_failure_at_every_step() {
    fails_at_every_step(&MADE_PARENTS);
}

#[test]
fn an_import_that_makes_parents_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&MADE_PARENTS);
}

#[test]
fn an_overwrite_survives_a_failure_at_every_step() {
    fails_at_every_step(&OVERWRITE);
}

#[test]
fn an_overwrite_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&OVERWRITE);
}

#[test]
fn a_merge_survives_a_failure_at_every_step() {
    fails_at_every_step(&MERGE);
}

#[test]
fn a_merge_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&MERGE);
}

#[test]
fn the_recovery_of_a_merge_survives_failures_and_kills_of_its_own() {
    recovery_is_disturbed_at_every_step(&MERGE);
}

#[test]
fn a_restore_of_a_part_survives_a_failure_at_every_step() {
    fails_at_every_step(&INCLUDE);
}

#[test]
fn a_restore_of_a_part_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&INCLUDE);
}

#[test]
fn a_restore_into_nothing_survives_a_failure_at_every_step() {
    fails_at_every_step(&CREATION);
}

#[test]
fn a_restore_into_nothing_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&CREATION);
}

#[test]
fn a_restore_as_one_unit_survives_a_failure_at_every_step() {
    fails_at_every_step(&RESTORE_AS_ONE);
}

#[test]
fn a_restore_as_one_unit_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&RESTORE_AS_ONE);
}

#[test]
fn a_restore_as_four_units_survives_a_failure_at_every_step() {
    fails_at_every_step(&RESTORE_APART);
}

#[test]
fn a_restore_as_four_units_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&RESTORE_APART);
}

#[test]
fn a_rollback_survives_a_failure_at_every_step() {
    fails_at_every_step(&ROLLBACK);
}

#[test]
fn a_rollback_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&ROLLBACK);
}

#[test]
fn a_rollback_of_a_creation_survives_a_failure_at_every_step() {
    fails_at_every_step(&ROLLBACK_OF_CREATION);
}

#[test]
fn a_rollback_of_a_creation_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&ROLLBACK_OF_CREATION);
}

#[test]
fn a_rollback_of_a_rollback_survives_a_failure_at_every_step() {
    fails_at_every_step(&REDO);
}

#[test]
fn a_rollback_of_a_rollback_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&REDO);
}

#[test]
fn a_rollback_of_several_survives_a_failure_at_every_step() {
    fails_at_every_step(&ROLLBACK_TO);
}

#[test]
fn a_rollback_of_several_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&ROLLBACK_TO);
}

#[test]
fn a_revert_survives_a_failure_at_every_step() {
    fails_at_every_step(&REVERT);
}

#[test]
fn a_revert_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&REVERT);
}

#[test]
fn a_redo_of_several_survives_a_failure_at_every_step() {
    fails_at_every_step(&REDO_ALL);
}

#[test]
fn a_redo_of_several_survives_a_kill_at_every_step() {
    is_killed_at_every_step(&REDO_ALL);
}

#[test]
fn the_recovery_of_a_rollback_of_several_survives_failures_and_kills_of_its_own() {
    recovery_is_disturbed_at_every_step(&ROLLBACK_TO);
}

#[test]
fn the_recovery_of_a_redo_of_several_survives_failures_and_kills_of_its_own() {
    recovery_is_disturbed_at_every_step(&REDO_ALL);
}

#[test]
fn the_recovery_of_an_overwrite_survives_failures_and_kills_of_its_own() {
    recovery_is_disturbed_at_every_step(&OVERWRITE);
}

#[test]
fn the_recovery_of_a_restore_as_four_units_survives_failures_and_kills_of_its_own() {
    recovery_is_disturbed_at_every_step(&RESTORE_APART);
}

#[test]
fn the_recovery_of_a_rollback_survives_failures_and_kills_of_its_own() {
    recovery_is_disturbed_at_every_step(&ROLLBACK_OF_CREATION);
}

#[test]
fn an_undisturbed_store_has_nothing_to_recover() {
    let store = (OVERWRITE.make)();
    let before = check::everything(&store);
    let report = store.recover().unwrap();
    assert_eq!(report.settled, Vec::new());
    crate::support::assert_same(&check::everything(&store), &before, "the whole store");
}

#[test]
fn readers_answer_beside_a_crash_and_say_that_recovery_is_pending() {
    let undisturbed = undisturbed(&OVERWRITE);
    let moment = undisturbed
        .steps
        .iter()
        .position(|name| *name == "exchange")
        .unwrap()
        + 2;
    let store = (OVERWRITE.make)();
    let fault = format!("kill:{moment}");
    let output = store.run_with_fault(&fault, (OVERWRITE.arguments)(&store));
    assert_eq!(output.code, None, "{output:?}");
    let before = check::everything(&store);
    let open = store.log()[0].transaction;
    assert_eq!(store.status().recovery_pending, [open]);
    assert_eq!(store.run(["ls", "viking://resources"]).code, Some(0));
    assert_eq!(
        store.run(["cat", "viking://resources/notes/each.md"]).code,
        Some(0)
    );
    let status = store.run(["status"]);
    assert_eq!(status.code, Some(0));
    let text = status.stdout + &status.stderr;
    assert!(text.to_lowercase().contains("recover"), "{text}");
    crate::support::assert_same(&check::everything(&store), &before, "readers never recover");
    let report = store.recover().unwrap();
    assert_eq!(report.settled.len(), 1);
    assert_eq!(report.settled[0].transaction, open);
}
