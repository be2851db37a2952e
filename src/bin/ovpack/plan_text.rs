//! How a plan and the result of a transaction read: like `git status`, sizes first, paths last.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use ovpack::{Change, ChangeCounts, ChangeKind, EntryKind, Receipt, Uri, Version};

use crate::caller::Caller;
use crate::escape::Shown;
use crate::failure::Result;
use crate::human::{Bytes, Count, Pace};
use crate::indexing;
use crate::ui::Ui;

/// How one verb speaks of what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// As in "would import".
    pub(crate) infinitive: &'static str,
    /// As in "imported".
    pub(crate) past: &'static str,
    /// What takes it back, as in "roll it back with".
    pub(crate) take_back: &'static str,
}

/// Prints what a transaction did, or would do.
pub(crate) fn print(ui: &Ui, caller: &Caller, words: Words, receipt: &Receipt) -> Result<()> {
    let printed = ui.report(receipt, |out| match &receipt.plan {
        Some(changes) => write_plan(out, words, receipt, changes),
        None => writeln!(out, "{}", Shown(&receipt.uri.to_string())),
    });
    if receipt.skipped {
        let uri = receipt.uri.to_string();
        ui.talk(&format_args!(
            "skipped: {} is there; the pack is whole, nothing was changed",
            Shown(&uri)
        ));
    } else if let Some(tx) = receipt.transaction {
        ui.talk(&format_args!(
            "{} {}, {} in {} as {tx}: {}",
            words.past,
            Count(receipt.files, "file"),
            Bytes(receipt.bytes),
            Pace(ui.elapsed(), receipt.bytes),
            counts(&receipt.changes),
        ));
        if is_nothing(&receipt.changes) {
            ui.talk(&format_args!(
                "nothing differs: all of it was there already; {tx} records the act"
            ));
        }
        let rollback = caller.command(&format!("rollback {tx}"));
        ui.talk(&format_args!("{}: {}", words.take_back, Shown(&rollback)));
    }
    for uri in &receipt.left_out {
        ui.talk(&format_args!("left out: {}", Shown(uri)));
    }
    if receipt.transaction.is_some() {
        indexing::refresh(ui, caller);
    }
    printed
}

const fn is_nothing(counts: &ChangeCounts) -> bool {
    counts.added == 0 && counts.replaced == 0 && counts.removed == 0
}

/// Returns the counts in words, unchanged last.
pub(crate) fn counts(counts: &ChangeCounts) -> String {
    format!(
        "{} added, {} replaced, {} removed, {} unchanged",
        counts.added, counts.replaced, counts.removed, counts.unchanged
    )
}

/// Writes changes one a line, with paths below `root`.
pub(crate) fn write_changes(out: &mut dyn Write, root: &Uri, changes: &[Change]) -> io::Result<()> {
    changes
        .iter()
        .filter(|change| change.change != ChangeKind::Unchanged)
        .try_for_each(|change| write_change(out, root, change))
}

fn write_plan(
    out: &mut dyn Write,
    words: Words,
    receipt: &Receipt,
    changes: &[Change],
) -> io::Result<()> {
    let uri = receipt.uri.to_string();
    writeln!(
        out,
        "would {} {}: {}",
        words.infinitive,
        Shown(&uri),
        counts(&receipt.changes)
    )?;
    write_changes(out, &receipt.uri, changes)
}

/// Writes one change, with its path below `root`.
pub(crate) fn write_change(out: &mut dyn Write, root: &Uri, change: &Change) -> io::Result<()> {
    let (word, style) = match change.change {
        ChangeKind::Added => ("added", AnsiColor::Green.on_default()),
        ChangeKind::Replaced => ("replaced", AnsiColor::Yellow.on_default()),
        ChangeKind::Removed => ("removed", AnsiColor::Red.on_default()),
        ChangeKind::External => ("external", AnsiColor::Magenta.on_default()),
        ChangeKind::Unchanged => ("unchanged", Style::new()),
    };
    let size = match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{} -> {}", size(before), size(after)),
        (Some(only), None) | (None, Some(only)) => size(only),
        (None, None) => String::new(),
    };
    let path = match change.uri.path().strip_prefix(root.path()) {
        Some(below) if below.is_root() => change.uri.to_string(),
        Some(below) => below.to_string(),
        None => change.uri.to_string(),
    };
    let slash = if is_directory(change) { "/" } else { "" };
    writeln!(
        out,
        "  {style}{word:<9}{style:#} {size:>20}  {}{slash}",
        Shown(&path)
    )
}

fn is_directory(change: &Change) -> bool {
    let version = change.after.or(change.before);
    version.is_some_and(|version| version.kind == EntryKind::Directory)
}

fn size(version: &Version) -> String {
    match version.kind {
        EntryKind::File => Bytes(version.size).to_string(),
        EntryKind::Directory => "directory".to_owned(),
    }
}
