//! Parts of messages.

use std::fmt::Display;

use camino::Utf8Path;

use crate::finding::CheckReport;
use crate::id::TransactionId;

/// Says that a pack is refused, with its first finding.
pub(super) fn refused(pack: &Utf8Path, report: &CheckReport) -> String {
    match (report.first(), report.total) {
        (Some(finding), 1) => format!("{pack} is refused: {finding}"),
        (Some(finding), total) => {
            format!("{pack} is refused with {total} findings, the first: {finding}")
        }
        (None, _) => format!("{pack} is refused"),
    }
}

pub(super) fn nothing_to_redo(tx: Option<TransactionId>, last: Option<TransactionId>) -> String {
    let what = match tx {
        Some(tx) => format!("{tx} is no rollback in effect that took something away"),
        None => "there is no rollback in effect that took something away".to_owned(),
    };
    match last {
        Some(last) => format!("{what}; the last commit is {last}"),
        None => format!("{what}; there is no commit yet"),
    }
}

pub(super) fn layout_incomplete(layout: &str, scopes: &[impl Display]) -> String {
    let scopes = listed(scopes);
    format!("a backup in layout {layout} would leave out {scopes}")
}

pub(super) fn later_transactions(tx: TransactionId, later: &[TransactionId]) -> String {
    let later = listed(later);
    format!("{tx} cannot be rolled back: later transactions changed the same root: {later}")
}

/// Says which files changed: live ones since the last commit, or those of a slot since they went there.
pub(super) fn drift(paths: &[String], total: u64) -> String {
    let (count, listed) = (count_of(total, "file"), listed(paths));
    let is_in_slot = paths.first().is_some_and(|path| path.starts_with("slot "));
    let verb = if total == 1 { "is" } else { "are" };
    if is_in_slot {
        format!("{count} {verb} not what was recorded: {listed}")
    } else {
        format!("{count} changed outside of ovpack since the last commit: {listed}")
    }
}

/// Shows at most ten of a list.
pub(super) fn listed<T: Display>(all: &[T]) -> String {
    let mut text: Vec<_> = all.iter().take(10).map(ToString::to_string).collect();
    if all.len() > 10 {
        text.push("...".to_owned());
    }
    text.join(", ")
}

/// Says how many, with the noun.
pub(super) fn count_of(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
