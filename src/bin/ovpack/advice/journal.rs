//! Steps that concern transactions and the journal.

use ovpack::{Error, LogOptions, QueryOptions, QueryValue, TransactionId};

use super::place;
use crate::caller::Caller;
use crate::commands::Command;
use crate::nearest::nearest;

/// Steps that concern the journal.
pub(super) fn about_transaction(
    error: &Error,
    command: &Command,
    caller: &Caller,
) -> Option<String> {
    let help = match error {
        Error::TransactionNotFound { .. } => match newest(caller) {
            Some(newest) => format!(
                "the newest one of this store is {newest}; {} lists them all",
                caller.command("log")
            ),
            None => "this store has none yet".to_owned(),
        },
        Error::NothingToRedo { .. } => format!(
            "{} lists the rollbacks",
            caller.command("log --kind rollback")
        ),
        Error::NotInTransaction { tx, .. } => format!(
            "{} lists what it changed",
            caller.command(&format!("show {tx}"))
        ),
        Error::ContentNotHeld { .. } => return place::not_held(error, caller),
        Error::Drift { paths, .. } => {
            let line = caller.line().without("--dry-run").last(&["--force"]);
            let is_in_slot = paths.first().is_some_and(|path| path.starts_with("slot "));
            if is_in_slot {
                format!("look at .ovpack/slots first; as it is now, it comes back by: {line}")
            } else {
                format!(
                    "{} lists them; what drifted goes to the slot, and nothing is lost, with: {line}",
                    caller.command("status")
                )
            }
        }
        Error::PruneUnfinished { .. } => format!(
            "remove what stands in the way, then {} deletes the rest; nothing else waits for it",
            caller.command("recover")
        ),
        Error::Pending { .. } | Error::RecoveryPending { .. } => {
            format!("{} completes the journal", caller.command("recover"))
        }
        Error::InDoubt { .. } => format!(
            "where a tree was moved away, move it back to where it was, then: {}; else look at both trees and decide: {} or {}",
            caller.command("recover"),
            caller.command("recover --forward"),
            caller.command("recover --back")
        ),
        Error::QueryRefused { detail } => return Some(about_query(detail, caller)),
        _ => return about_other_transactions(error, command, caller),
    };
    Some(help)
}

/// Steps that name a transaction.
fn about_other_transactions(error: &Error, command: &Command, caller: &Caller) -> Option<String> {
    if let Error::LaterTransactions { tx, later } = error {
        let first = caller.command(&format!("rollback {}", later.first()?));
        let all = caller.command(&format!("rollback --to {tx}"));
        return Some(format!(
            "roll back the later ones first, newest first: {first}; or all of them as one: {all}"
        ));
    }
    if let Error::NotInEffect { tx, .. } = error {
        let summary = caller.store().ok()?.show(*tx).ok()?.summary;
        return Some(match (summary.undone_by, summary.state.as_str()) {
            (Some(by), _) => format!("{} brings it back", caller.command(&format!("redo {by}"))),
            (None, "aborted") if matches!(command, Command::Pin(_) | Command::Unpin(_)) => format!(
                "it changed nothing, so no old tree is kept for it; {} tells why",
                caller.command(&format!("show {tx}"))
            ),
            (None, "aborted") => format!(
                "it changed nothing, so there is nothing to take back; {} tells why",
                caller.command(&format!("show {tx}"))
            ),
            (None, _) => format!("{} tells more", caller.command(&format!("show {tx}"))),
        });
    }
    None
}

/// Returns the newest transaction.
fn newest(caller: &Caller) -> Option<TransactionId> {
    let options = LogOptions {
        limit: Some(1),
        ..LogOptions::default()
    };
    let log = caller.store().ok()?.log(&options).ok()?;
    log.first().map(|summary| summary.transaction)
}

/// Tells which views and columns there are.
fn about_query(detail: &str, caller: &Caller) -> String {
    let views =
        "SELECT name FROM sqlite_schema WHERE type = 'view' AND name LIKE 'audit_%' ORDER BY name";
    let views = names(views, caller);
    let near = detail.strip_prefix("no such table: ").and_then(|table| {
        let audit = format!("audit_{}", table.trim_start_matches("audit_"));
        nearest(&audit, &views)
    });
    if let Some(view) = near {
        return format!("did you mean {view}? Ask with one SELECT of a view");
    }
    if detail.contains("more than one statement") {
        return "ask one question at a time".to_owned();
    }
    if views.is_empty() {
        return "ask with one SELECT; docs/journal.md lists the views and their columns".to_owned();
    }
    let columns = caller.command("journal query 'SELECT * FROM audit_transactions' --max-rows 1");
    format!(
        "ask with one SELECT of these views: {}; {columns} shows the columns of one",
        views.join(", ")
    )
}

/// Returns the texts of the first column of an answer.
fn names(sql: &str, caller: &Caller) -> Vec<String> {
    let answer = caller
        .store()
        .ok()
        .and_then(|store| store.query_journal(sql, &QueryOptions::default()).ok());
    let rows = answer.map(|answer| answer.rows).unwrap_or_default();
    rows.into_iter()
        .filter_map(|row| match row.into_iter().next() {
            Some(QueryValue::Text(name)) => Some(name),
            _ => None,
        })
        .collect()
}
