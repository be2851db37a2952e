//! The library's next steps, told in this program's verbs and flags, and in the words of the line that
//! was given.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what has no step of its own here has the library's"
)]

mod journal;
mod place;
mod store;

use camino::Utf8Path;
use ovpack::{Error, Inspection, PlaceFault, Uri, VerifyOptions};

use crate::caller::Caller;
use crate::commands::Command;
use crate::escape::shell_word;
use crate::failure::Failure;

/// Returns what to do about a failure of `command`.
pub(crate) fn advice(failure: &Failure, command: &Command, caller: &Caller) -> Option<String> {
    let Some(error) = failure.library() else {
        let told = store::about_page(failure);
        return told.or_else(|| failure.help().map(str::to_owned));
    };
    let told = about_argument(error, command, caller)
        .or_else(|| about_pack(error, command, caller))
        .or_else(|| journal::about_transaction(error, command, caller))
        .or_else(|| store::about_store(error, command, caller));
    told.or_else(|| error.help().map(str::to_owned))
}

/// Steps that concern an argument: a URI, a path, a value.
fn about_argument(error: &Error, command: &Command, caller: &Caller) -> Option<String> {
    match error {
        Error::InvalidUri { text, .. } => place::no_uri(text, command, caller),
        Error::UriNotFound { uri } => place::absent(uri, caller),
        Error::WrongEntryKind { uri, expected } => Some(place::other_kind(uri, expected, caller)),
        Error::FileNotFound { path } => place::no_file(path, command, caller),
        Error::OutputExists { .. } => {
            let line = caller.line().last(&["--force"]);
            Some(format!("choose another name, or replace it: {line}"))
        }
        Error::NotAFile { path, .. } if path.join(".ovpack/store.db").is_file() => {
            let path = shell_word(path.as_str());
            Some(format!(
                "it is a store: ovpack journal verify --content --store {path} checks it, and ovpack backup OUT --store {path} makes a pack of it"
            ))
        }
        Error::NothingSelected { pack, .. } => {
            let inspect = format!("inspect {} --entries", shell_word(pack.as_str()));
            Some(format!(
                "{} lists what is in the pack; patterns match whole paths below its root",
                caller.command(&inspect)
            ))
        }
        Error::InvalidArgument {
            value, expected, ..
        } if expected.starts_with("a path outside of every store") => Some(outside(value)),
        Error::InvalidArgument {
            argument, value, ..
        } => about_value(argument, value, command, caller),
        _ => None,
    }
}

fn about_value(argument: &str, value: &str, command: &Command, caller: &Caller) -> Option<String> {
    let help = match (command, argument) {
        (Command::Export(_), "uri") => {
            let line = caller.line().with("export", "backup").without(value);
            format!("every scope together is packed by: {line}")
        }
        (Command::Salvage(_), "uri") => format!(
            "name it, for example: {}",
            caller.line().last(&["--uri", "viking://resources/saved"])
        ),
        (_, "at") => format!(
            "{} lists those that were",
            caller.command("log --outcome committed")
        ),
        _ => return None,
    };
    Some(help)
}

/// Tells where something may be written, in words of which the shell makes the user's own directory.
fn outside(path: &str) -> String {
    let name = Utf8Path::new(path).file_name().unwrap_or_default();
    format!(
        "what is in a store is the store's alone; choose a place outside of it, such as ~/{}",
        shell_word(name)
    )
}

/// Steps that concern the pack or its target.
fn about_pack(error: &Error, command: &Command, caller: &Caller) -> Option<String> {
    let (pack, limits) = command.pack().unzip();
    let shortens_names = limits.is_some_and(|limits| limits.shortens_names(&caller.settings));
    if let Error::Place(PlaceFault::NoPlace { places, .. }) = error {
        return Some(no_place(places));
    }
    let help = match error.code() {
        "root-exists" => exists(error, command),
        "backup-needs-restore" => {
            let parent = command.other_argument(pack?)?;
            let line = caller.line().with("import", "restore").without(parent);
            format!("it goes back to its scopes by: {line}")
        }
        "restore-needs-backup" => {
            let parent = place::parent(&root_of(pack?, caller)?)?;
            let parent = parent.to_string();
            let line = caller
                .line()
                .with("restore", "import")
                .after(pack?, &parent);
            format!("it is put back where it came from by: {line}")
        }
        "scope-pack-needs-root" | "scope-mismatch" | "depth-mismatch" | "subtree-needs-parent" => {
            let root = root_of(pack?, caller)?;
            let parent = place::parent(&root)?.to_string();
            let line = caller.line().with(command.other_argument(pack?)?, &parent);
            format!("it came from {root}, and is put back there by: {line}")
        }
        "zip-structure" | "zip-end-record" if salvageable(error) => {
            let salvage = format!("salvage {} --into saved", shell_word(pack?));
            format!(
                "get the pack again from its producer; or take what is sound out of it: {}",
                caller.command(&salvage)
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
        _ => return None,
    };
    Some(help)
}

/// Tells the policies for what is in the way: one root, or several scopes.
fn exists(error: &Error, command: &Command) -> String {
    let several = matches!(error, Error::Refused { report, .. } if report.total > 1);
    let it = if several { "them" } else { "it" };
    let elsewhere = if matches!(command, Command::Import(_)) {
        ", or import it under another parent"
    } else {
        ""
    };
    format!(
        "--on-conflict overwrite replaces {it} entirely, --on-conflict merge adds and replaces single paths, and both can be rolled back; --on-conflict skip leaves {it}{elsewhere}"
    )
}

/// Returns whether something may be left of a pack that cannot be read to its end.
fn salvageable(error: &Error) -> bool {
    matches!(error, Error::Refused { report, .. }
        if report.first().is_some_and(|finding| finding.detail.contains("end record reaches")))
}

/// Returns the root that a pack claims.
fn root_of(pack: &str, caller: &Caller) -> Option<Uri> {
    let options = VerifyOptions {
        jobs: caller.jobs(),
        ..VerifyOptions::default()
    };
    let claims = Inspection::open(pack.into(), &options)
        .ok()?
        .claims()
        .ok()?;
    claims.uri.parse().ok()
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
