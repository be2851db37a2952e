//! The library's next steps, told in this program's verbs and flags.

use ovpack::{Error, PlaceFault, PruneOptions};

use crate::caller::Caller;
use crate::commands::Command;
use crate::escape::shell_word;
use crate::failure::Failure;
use crate::human::Bytes;

/// Returns what to do about a failure of `command`.
pub(crate) fn advice(failure: &Failure, command: &Command, caller: &Caller) -> Option<String> {
    let Some(error) = failure.library() else {
        return failure.help().map(str::to_owned);
    };
    let told = about_pack(error, command, caller)
        .or_else(|| about_transaction(error, caller))
        .or_else(|| about_store(error, caller));
    told.or_else(|| error.help().map(str::to_owned))
}

/// Steps that concern the pack or its target.
fn about_pack(error: &Error, command: &Command, caller: &Caller) -> Option<String> {
    let (pack, limits) = command.pack().unzip();
    let pack = pack.map(shell_word).unwrap_or_default();
    let shortens_names = limits.is_some_and(|limits| limits.shortens_names(&caller.settings));
    if let Error::Place(PlaceFault::NoPlace { places, .. }) = error {
        return Some(no_place(places));
    }
    let help = match error.code() {
        "root-exists" => {
            let elsewhere = if matches!(command, Command::Import(_)) {
                ", or import it under another parent"
            } else {
                ""
            };
            format!(
                "--on-conflict overwrite replaces it entirely, --on-conflict merge adds and replaces single paths, and both can be rolled back; --on-conflict skip leaves it{elsewhere}"
            )
        }
        "backup-needs-restore" => {
            format!(
                "this is a backup: {}",
                caller.command(&format!("restore {pack}"))
            )
        }
        "restore-needs-backup" => {
            let words = format!("import {pack} viking://resources");
            format!(
                "this is no backup: import it under a parent, as in {}",
                caller.command(&words)
            )
        }
        "scope-pack-needs-root" => {
            format!(
                "import it under the root: {}",
                caller.command(&format!("import {pack} viking://"))
            )
        }
        "manifest-too-large" => raise("--max-manifest-bytes BYTES"),
        "ratio-too-high" => raise("--max-ratio N or --ratio-floor-bytes BYTES"),
        "too-many-members" => raise("--max-members N"),
        "too-large" => raise("--max-unpacked-bytes BYTES"),
        "too-deep" => raise("--max-depth N"),
        "name-too-long" if shortens_names => {
            raise("--max-path-bytes BYTES or --max-component-bytes BYTES")
        }
        "special-file" | "name-unpackable" | "other-device" if command.refuses_special() => {
            let cure = error.help().unwrap_or_default();
            format!("{cure}; --skip-special packs the rest and lists what it skips")
        }
        "map-collision" => {
            "give one of them another place with --map FROM=TO, or leave it out with --drop URI"
                .to_owned()
        }
        "output-exists" => "choose another name, or replace it with --force".to_owned(),
        "uri-not-found" | "wrong-entry-kind" => {
            format!("{} lists what is there", caller.command("ls"))
        }
        _ => return None,
    };
    Some(help)
}

/// Says how content that a layout does not carry could go along.
fn no_place(places: &[(String, String)]) -> String {
    let maps: Vec<_> = places
        .iter()
        .map(|(from, to)| format!("--map {}", shell_word(&format!("{from}={to}"))))
        .collect();
    let drops: Vec<_> = places
        .iter()
        .map(|(from, _)| format!("--drop {}", shell_word(from)))
        .collect();
    format!(
        "say where it goes: {}; or leave it out: {}",
        maps.join(" "),
        drops.join(" ")
    )
}

fn raise(flags: &str) -> String {
    format!("raise the limit with {flags}, if you trust who made the pack")
}

/// Steps that concern the journal.
fn about_transaction(error: &Error, caller: &Caller) -> Option<String> {
    let help = match error.code() {
        "transaction-not-found" | "nothing-to-redo" => {
            format!("{} lists the transactions", caller.command("log"))
        }
        "content-not-held" => format!(
            "{} tells where it was, and which pack it came from",
            caller.command(&format!(
                "history {}",
                shell_word(error.details().get("uri")?.as_str()?)
            ))
        ),
        "drift" => format!(
            "{} lists them; --force goes on all the same, and what drifted stays in the slot",
            caller.command("status")
        ),
        "prune-unfinished" => format!(
            "remove what stands in the way, then {} deletes the rest; nothing else waits for it",
            caller.command("recover")
        ),
        "pending" | "recovery-pending" => {
            format!("{} completes the journal", caller.command("recover"))
        }
        "in-doubt" => format!(
            "look at both trees, then decide: {} or {}",
            caller.command("recover --forward"),
            caller.command("recover --back")
        ),
        _ => return about_other_transactions(error, caller),
    };
    Some(help)
}

/// Steps that name a transaction.
fn about_other_transactions(error: &Error, caller: &Caller) -> Option<String> {
    if let Error::LaterTransactions { tx, later } = error {
        let first = caller.command(&format!("rollback {}", later.first()?));
        let all = caller.command(&format!("rollback --to {tx}"));
        return Some(format!(
            "roll back the later ones first, newest first: {first}; or all of them as one: {all}"
        ));
    }
    if let Error::NotInEffect { tx, .. } = error {
        let show = caller.command(&format!("show {tx}"));
        return Some(format!(
            "{show} tells more; a transaction that was rolled back comes back by rolling back its rollback"
        ));
    }
    None
}

/// Steps that concern the store as a whole.
fn about_store(error: &Error, caller: &Caller) -> Option<String> {
    let help = match error.code() {
        "store-not-found" => {
            "make a store with `ovpack init DIR`, or name one with --store DIR or OVPACK_STORE"
                .to_owned()
        }
        "directory-not-empty" => {
            "choose an empty directory, or take over OpenViking content with `ovpack init --adopt DIR`"
                .to_owned()
        }
        "in-use" => "stop the OpenViking server first; --while-running goes on all the same".to_owned(),
        "busy" if caller.options.wait.is_zero() => {
            "--wait SECONDS waits until it is done".to_owned()
        }
        "busy" => "wait longer with --wait SECONDS".to_owned(),
        "no-space" | "too-large-for-disk" => full_disk(caller),
        _ => return None,
    };
    Some(help)
}

/// Tells what the mildest prune would free.
fn full_disk(caller: &Caller) -> String {
    let options = PruneOptions {
        keep_last: Some(1),
        dry_run: true,
        ..PruneOptions::default()
    };
    let prune = caller.command("prune --keep-last 1");
    match caller.store().map(|store| store.prune(&options)) {
        Ok(Ok(report)) => format!(
            "free some space on that file system; {prune} would free {} of old trees",
            Bytes(report.freed_bytes)
        ),
        _ => format!("free some space on that file system; {prune} deletes old trees"),
    }
}
