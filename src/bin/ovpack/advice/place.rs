//! Files and URIs that are not there: what is near, in the words of the line that was given.

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{Error, Store, TransactionId, Uri};

use crate::caller::Caller;
use crate::commands::Command;
use crate::escape::shell_word;
use crate::nearest::nearest;
use crate::usage;

/// Names of a directory that are looked at.
const NAMES_MAX: usize = 10_000;

/// The public scopes, with which each URI begins.
const SCOPES: [&str; 4] = ["resources", "user", "agent", "session"];

/// Returns what to do about a text that is no URI.
pub(super) fn no_uri(text: &str, command: &Command, caller: &Caller) -> Option<String> {
    if let Some(other) = command.other_argument(text)
        && other.parse::<Uri>().is_ok()
        && !Utf8Path::new(other).is_file()
    {
        let line = caller.line().swapped(text, other);
        return Some(format!("the arguments are the other way round: {line}"));
    }
    if text.parse::<TransactionId>().is_ok() {
        let show = caller.command(&format!("show {text}"));
        return Some(format!("{show} tells of that transaction"));
    }
    if let Some(spelled) = spelled(text) {
        let store = caller.store().ok();
        let there = store.and_then(|store| existing(&store, &spelled));
        let meant = there.unwrap_or(spelled);
        let line = caller.line().with(text, &meant.to_string());
        return Some(format!("did you mean: {line}"));
    }
    if !Utf8Path::new(text).is_file() {
        return None;
    }
    let inspect = caller.command(&format!("inspect {}", shell_word(text)));
    Some(format!(
        "it is a file, and a URI names what is in a store; {inspect} shows what a pack holds"
    ))
}

/// Returns what to do about a URI at which nothing is.
pub(super) fn absent(uri: &Uri, caller: &Caller) -> Option<String> {
    let store = caller.store().ok()?;
    if let Some(meant) = existing(&store, uri).filter(|meant| meant != uri) {
        let line = caller.line().with_uri(uri, &meant);
        return Some(format!("did you mean: {line}"));
    }
    Some(format!(
        "{} lists what is there",
        list(&above(&store, uri), caller)
    ))
}

/// Returns what to do about a URI that is a file where a directory is needed, or the other way round.
pub(super) fn other_kind(uri: &Uri, expected: &str, caller: &Caller) -> String {
    let parent = parent(uri).unwrap_or(Uri::root());
    if expected == "directory" {
        let line = caller.line().with_uri(uri, &parent);
        return format!("it is a file; its directory is meant by: {line}");
    }
    format!(
        "it is a directory; {} lists what is in it",
        list(uri, caller)
    )
}

/// Returns what to do about a pack, or another file, that is not there.
pub(super) fn no_file(path: &Utf8Path, command: &Command, caller: &Caller) -> Option<String> {
    if let Some(near) = near(path) {
        let line = caller.line().with(path.as_str(), near.as_str());
        return Some(format!("did you mean: {line}"));
    }
    if path.as_str().parse::<TransactionId>().is_ok() {
        let (verb, does) = if matches!(command, Command::Restore(_)) {
            ("rollback", "takes the transaction back")
        } else {
            ("show", "tells of the transaction")
        };
        return Some(format!(
            "it is the name of a transaction, and a pack is a file; {} {does}",
            caller.command(&format!("{verb} {path}"))
        ));
    }
    if path.as_str().parse::<Uri>().is_ok() {
        return usage::export(path.as_str());
    }
    let directory = directory_of(path);
    let help = if directory.is_dir() {
        format!("check the path: there is nothing of such a name in {directory}")
    } else {
        format!("check the path: there is no directory {directory}")
    };
    Some(help)
}

/// Returns the URI that a text was meant to be, as far as it can be told without looking: another
/// spelling of the scheme or a scope, slashes of another system, a path that leads into a live tree.
fn spelled(text: &str) -> Option<Uri> {
    let text = text.trim().replace('\\', "/");
    let path = match text.split_once(":/") {
        Some((scheme, path)) => {
            nearest(scheme, ["viking"])?;
            path
        }
        None => text.as_str(),
    };
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    let of_live_tree = names
        .windows(2)
        .position(|pair| matches!(pair, ["viking", scope] if SCOPES.contains(scope)));
    let names = names.get(of_live_tree.map_or(0, |at| at + 1)..)?;
    let (first, below) = names.split_first()?;
    let scope = nearest(first, SCOPES)?;
    let path = [&[scope], below].concat().join("/");
    path.parse().ok()
}

/// Returns `uri` with each name that is not there replaced by the one that it is nearest to; `None` where
/// for one of them nothing is near.
fn existing(store: &Store, uri: &Uri) -> Option<Uri> {
    let mut found = Uri::root();
    for name in uri.path().components() {
        let entries = store.list(&found).ok()?;
        let names = entries
            .iter()
            .take(NAMES_MAX)
            .filter_map(|entry| entry.uri.rsplit('/').next());
        let names: Vec<_> = names.collect();
        let name = if names.contains(&name) {
            name
        } else {
            nearest(name, names)?
        };
        found = format!("{found}/{name}")
            .replace(":///", "://")
            .parse()
            .ok()?;
    }
    Some(found)
}

/// Returns the nearest directory above `uri` that is there.
fn above(store: &Store, uri: &Uri) -> Uri {
    let mut above = parent(uri);
    while let Some(uri) = above {
        let is_directory = store.list(&uri).is_ok_and(
            |entries| !matches!(entries.as_slice(), [only] if only.uri == uri.to_string()),
        );
        if is_directory {
            return uri;
        }
        above = parent(&uri);
    }
    Uri::root()
}

/// Returns the URI that a pack of `root` goes under.
pub(super) fn parent(root: &Uri) -> Option<Uri> {
    let text = root.to_string();
    let (parent, _) = text
        .strip_prefix("viking://")?
        .rsplit_once('/')
        .unwrap_or_default();
    let is_root = root.is_root();
    (!is_root)
        .then(|| format!("viking://{parent}").parse().ok())
        .flatten()
}

/// Returns the path of a file that was probably meant.
fn near(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let slashed = Utf8PathBuf::from(path.as_str().replace('\\', "/"));
    if slashed != path && slashed.exists() {
        return Some(slashed);
    }
    let name = path.file_name()?;
    let names = names(directory_of(path));
    let with_suffix = format!("{name}.ovpack");
    if names.contains(&with_suffix) {
        return Some(path.with_file_name(with_suffix));
    }
    // What all packs end with makes no two of them alike.
    let stem = |name: &str| name.strip_suffix(".ovpack").map(str::to_owned);
    let meant = match stem(name) {
        Some(wanted) => {
            let stems = names.iter().filter_map(|name| stem(name));
            format!("{}.ovpack", nearest(&wanted, stems)?)
        }
        None => nearest(name, names)?,
    };
    Some(path.with_file_name(meant))
}

/// Returns the names in a directory, as far as they are UTF-8.
pub(super) fn names(directory: &Utf8Path) -> Vec<String> {
    let entries = directory.read_dir_utf8().into_iter().flatten();
    let mut names: Vec<_> = entries
        .take(NAMES_MAX)
        .filter_map(|entry| Some(entry.ok()?.file_name().to_owned()))
        .collect();
    // The order in which a file system lists them is its own: the advice is the same on each.
    names.sort_unstable();
    names
}

pub(super) fn directory_of(path: &Utf8Path) -> &Utf8Path {
    match path.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent,
        _ => Utf8Path::new("."),
    }
}

fn list(uri: &Uri, caller: &Caller) -> String {
    let uri = uri.to_string();
    caller.command(&format!("ls {}", shell_word(&uri)))
}

/// Returns what to do about content of the past that is not held, or was never there.
pub(super) fn not_held(error: &Error, caller: &Caller) -> Option<String> {
    let Error::ContentNotHeld { uri, .. } = error else {
        return None;
    };
    let is_known = caller.store().ok()?.history(uri).is_ok();
    if !is_known {
        return absent(uri, caller);
    }
    let history = caller.command(&format!("history {}", shell_word(&uri.to_string())));
    Some(format!(
        "{history} tells where it was, and which pack it came from"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_told_from_what_people_type() {
        for (text, meant) in [
            ("vikng://resources/a", Some("viking://resources/a")),
            ("viking:/resources", Some("viking://resources")),
            ("VIKING://Resources/a", Some("viking://resources/a")),
            ("viking://resource", Some("viking://resources")),
            ("users/ana", Some("viking://user/ana")),
            ("./resources", Some("viking://resources")),
            ("resources/../user", Some("viking://user")),
            (r"resources\a\b", Some("viking://resources/a/b")),
            ("viking/resources/a", Some("viking://resources/a")),
            ("../notes/viking/resources", Some("viking://resources")),
            ("/srv/notes/viking/user/x", Some("viking://user/x")),
            (r"C:\notes\resources", None),
            ("../click.ovpack", None),
            ("http://resources/a", None),
            ("", None),
        ] {
            let spelled = spelled(text).map(|uri| uri.to_string());
            assert_eq!(spelled.as_deref(), meant, "{text}");
        }
    }

    #[test]
    fn a_parent_is_one_name_shorter() {
        for (uri, expected) in [
            ("viking://", None),
            ("viking://user", Some("viking://")),
            ("viking://user/a", Some("viking://user")),
            ("viking://user/a/b", Some("viking://user/a")),
        ] {
            let uri: Uri = uri.parse().expect("a URI");
            let parent = parent(&uri).map(|uri| uri.to_string());
            assert_eq!(parent.as_deref(), expected);
        }
    }
}
