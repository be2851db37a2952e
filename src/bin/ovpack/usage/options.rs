//! Options that a verb does not have.

use super::Meant;
use super::verbs::Verbs;
use crate::line::{Line, takes_value};
use crate::nearest::nearest;

/// Options that people bring along from other programs and other verbs, and what they mean here.
const FOREIGN: &[(&str, &[&str], &str)] = &[
    (
        "--force",
        &["import", "restore"],
        "say what happens to an existing target: --on-conflict overwrite replaces it, --on-conflict skip leaves it",
    ),
    (
        "--vectorize",
        &["import", "restore"],
        "leave it out: vectors are never taken from a pack, the store that uses them makes them",
    ),
    (
        "--on-conflict",
        &["export", "backup"],
        "use --force to replace an existing file",
    ),
    (
        "--into",
        &["import", "restore"],
        "a pack goes into a store, which --store DIR names; salvage --into DIR makes plain files of it",
    ),
    (
        "--force",
        &["recover"],
        "where it cannot decide by itself, say which tree shall stay: --forward the new one, --back the old one",
    ),
    (
        "--dry-run",
        &["recover"],
        "ovpack doctor tells what there is to settle, and changes nothing",
    ),
    ("--fix", &["doctor"], NOT_BY_DOCTOR),
    ("--repair", &["doctor"], NOT_BY_DOCTOR),
    (
        "--all",
        &["pin", "unpin"],
        "one transaction at a time; ovpack log lists them",
    ),
    (
        "--shell",
        &["completions"],
        "the shell is an argument: ovpack completions bash",
    ),
];

const NOT_BY_DOCTOR: &str =
    "a doctor only looks: below each check that is not ok it prints the command that mends it";

/// Returns what was meant by an option that the verb does not have; `None` of an argument, and where
/// nothing is known of it.
pub(super) fn meant(option: &str, verbs: &Verbs, line: &Line) -> Option<Meant> {
    let name = option.strip_prefix("--")?;
    let foreign = FOREIGN.iter().find(|(foreign, of, _)| {
        *foreign == option && verbs.first().is_some_and(|verb| of.contains(&verb))
    });
    if let Some((_, _, meaning)) = foreign {
        return Some(Meant::Alone((*meaning).to_owned()));
    }
    let own = verbs.options();
    if own.iter().any(|own| own == name) {
        return Some(Meant::Alone(after_the_verb(option, line)));
    }
    let beginning = || own.iter().find(|own| is_beginning(name, own)).cloned();
    if let Some(near) = nearest(name, &own).cloned().or_else(beginning) {
        let line = line.clone().with(option, &format!("--{near}"));
        return Some(Meant::Alone(format!("did you mean: {line}")));
    }
    let others = Verbs::with_option(name);
    (!others.is_empty())
        .then(|| Meant::BesideThePage(format!("{option} is an option of {}", others.join(", "))))
}

/// Tells of an option of the verb that stands before it.
fn after_the_verb(option: &str, line: &Line) -> String {
    if takes_value(option) {
        return "an option of a verb stands after it".to_owned();
    }
    let line = line.clone().without(option).last(&[option]);
    format!("did you mean: {line}")
}

/// Returns whether one of two names goes on where the other ends: `backward`, and `back`.
fn is_beginning(one: &str, other: &str) -> bool {
    let shorter = one.len().min(other.len());
    shorter > 2 && (one.starts_with(other) || other.starts_with(one))
}
