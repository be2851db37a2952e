//! Stores that are not there, and systems that refuse.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{Error, PruneOptions, Store};

use super::place::{directory_of, names};
use crate::caller::Caller;
use crate::commands::Command;
use crate::escape::shell_word;
use crate::failure::Failure;
use crate::human::Bytes;
use crate::nearest::nearest;

/// Steps that concern the store as a whole.
pub(super) fn about_store(error: &Error, command: &Command, caller: &Caller) -> Option<String> {
    let help = match error {
        Error::StoreNotFound { path } => return Some(no_store(path, caller)),
        Error::StoreExists { path } => format!(
            "use it as it is: ovpack status --store {}; or choose another directory",
            shell_word(path.as_str())
        ),
        Error::ConfigInvalid { path, .. } if path.as_str().starts_with("OVPACK_") => {
            format!("say another value, or none: unset {path}")
        }
        Error::DirectoryNotEmpty { path } => not_empty(path, command, caller),
        Error::InUse { .. } => {
            "stop the OpenViking server first; --while-running goes on all the same".to_owned()
        }
        Error::Busy { .. } if caller.options.wait.is_zero() => {
            let line = caller.line().first(&["--wait", "60"]);
            format!("it waits until that is done, for a minute at most, with: {line}")
        }
        Error::Busy { .. } => "wait longer with --wait SECONDS".to_owned(),
        Error::NoSpace { .. } | Error::TooLargeForDisk { .. } if command.writes_elsewhere() => {
            "free some space on that file system, or choose another one".to_owned()
        }
        Error::NoSpace { .. } | Error::TooLargeForDisk { .. } => full_disk(caller),
        _ => return about_system(error, caller),
    };
    Some(help)
}

/// Tells where a store is, if there is one near.
fn no_store(path: &Utf8Path, caller: &Caller) -> String {
    let otherwise =
        "make a store with `ovpack init DIR`, or name one with --store DIR or OVPACK_STORE";
    let Some(named) = caller.named() else {
        let here: Vec<_> = names(path)
            .into_iter()
            .filter(|name| is_store(&path.join(name)))
            .collect();
        return match here.as_slice() {
            [] => format!("no directory above it is one either; {otherwise}"),
            [store, ..] => {
                let line = caller.line().first(&["--store", store]);
                format!("{store} is a store: {line}")
            }
        };
    };
    let meant = beside(&named).or_else(|| around(&named));
    let is_there = if named.is_file() {
        "it is a file, and a store is a directory; "
    } else if named.exists() {
        ""
    } else {
        "there is no such directory; "
    };
    match meant {
        Some(store) => {
            let line = caller.line().with(named.as_str(), store.as_str());
            format!("{is_there}did you mean: {line}")
        }
        None => format!("{is_there}{otherwise}"),
    }
}

/// Returns the store that a path lies in, spelled as the path is.
fn around(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let is_spelled = |dir: &&Utf8Path| !dir.as_str().is_empty() && is_store(dir);
    let found = Store::discover(path).ok()?;
    let spelled = path.ancestors().skip(1).find(is_spelled);
    Some(spelled.map_or(found, Utf8Path::to_owned))
}

/// Returns the store beside a path that is missing, whose name is near.
fn beside(path: &Utf8Path) -> Option<Utf8PathBuf> {
    if path.exists() {
        return None;
    }
    let directory = directory_of(path);
    let stores = names(directory)
        .into_iter()
        .filter(|name| is_store(&directory.join(name)));
    Some(path.with_file_name(nearest(path.file_name()?, stores)?))
}

fn is_store(dir: &Utf8Path) -> bool {
    dir.join(".ovpack/store.db").is_file()
}

fn not_empty(path: &Utf8Path, command: &Command, caller: &Caller) -> String {
    let has_scope = names(path)
        .iter()
        .any(|name| ["resources", "user", "agent", "session"].contains(&name.as_str()));
    match command {
        Command::Init(_) if has_scope => {
            let line = caller.line().last(&["--adopt"]);
            format!("it holds OpenViking content, and is made a store as it is by: {line}")
        }
        Command::Init(_) => "choose an empty directory or a new one; --adopt takes over one that holds OpenViking content".to_owned(),
        _ => "choose an empty directory or a new one".to_owned(),
    }
}

/// Tells what the mildest prune that frees something would free.
fn full_disk(caller: &Caller) -> String {
    let Ok(store) = caller.store() else {
        return "free some space on the store's file system".to_owned();
    };
    let free = format!("free some space on the file system of {}", store.path());
    let freed = |count| {
        let options = PruneOptions {
            keep_last: Some(count),
            dry_run: true,
            ..PruneOptions::default()
        };
        let prune = caller.command(&format!("prune --keep-last {count}"));
        let report = store.prune(&options).ok()?;
        Some((prune, report.freed_bytes)).filter(|(_, bytes)| *bytes > 0)
    };
    if let Some((prune, bytes)) = freed(1) {
        let bytes = Bytes(bytes);
        return format!("{free}; {prune} would free {bytes} of old trees");
    }
    match freed(0) {
        Some((prune, bytes)) => format!(
            "{free}; the old trees there are needed by the next rollbacks: {prune} would free {} of \
             them, and nothing could be rolled back after it",
            Bytes(bytes)
        ),
        None => format!("{free}; no old tree that may go takes any"),
    }
}

/// Steps that concern what the system says of a path.
fn about_system(error: &Error, caller: &Caller) -> Option<String> {
    let details = error.details();
    let path = Utf8Path::new(details.get("path")?.as_str()?);
    if path.is_file() && error.code() == "io" && details.get("errno")?.is_null() {
        return Some("it is a file; name a directory".to_owned());
    }
    let help = match error.errno()?.as_str() {
        "ENOTDIR" => format!(
            "{} is a file where a directory is needed; choose another path",
            file_on_the_way(path)
        ),
        "ENOENT" => format!("check the path; mkdir -p {} makes the directory", shell_word(path.as_str())),
        "EACCES" | "EPERM" => not_allowed(path, caller),
        "EISDIR" => format!("{path} is a directory where a file is needed; remove it or choose another path"),
        "EROFS" => "the file system is mounted for reading only: reading verbs work there, writing ones do not".to_owned(),
        "ENAMETOOLONG" => "choose a shorter name".to_owned(),
        _ => return None,
    };
    Some(help)
}

fn file_on_the_way(path: &Utf8Path) -> &Utf8Path {
    let is_other = |path: &&Utf8Path| path.exists() && !path.is_dir();
    path.ancestors().find(is_other).unwrap_or(path)
}

/// Steps that concern a manual page that cannot be written.
pub(super) fn about_page(failure: &Failure) -> Option<String> {
    let Failure::Page { path, source } = failure else {
        return None;
    };
    if path.is_dir() {
        return Some(format!(
            "{path} is a directory where a page goes; choose another directory"
        ));
    }
    let kinds = [ErrorKind::AlreadyExists, ErrorKind::NotADirectory];
    kinds.contains(&source.kind()).then(|| {
        format!(
            "{} is no directory; choose a directory that you may write in",
            file_on_the_way(path)
        )
    })
}

/// Tells whose a path is that this user may not use, or the nearest one above it.
fn not_allowed(path: &Utf8Path, caller: &Caller) -> String {
    let there = path.ancestors().find_map(|path| {
        let path = if path.as_str().is_empty() {
            Utf8Path::new(".")
        } else {
            path
        };
        Some((path, path.metadata().ok()?))
    });
    let Some((path, metadata)) = there else {
        return "check the path and its permissions".to_owned();
    };
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner == user {
        let path = shell_word(path.as_str());
        return format!("its permissions forbid it: ls -ld {path}");
    }
    let line = caller.line();
    format!(
        "{path} belongs to user {owner}, and this is user {user}; that user may: sudo -u '#{owner}' {line}"
    )
}
