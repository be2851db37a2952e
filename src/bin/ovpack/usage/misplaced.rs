//! Arguments that stand where none is expected, or that are missing: what was probably meant.

use camino::Utf8Path;
use ovpack::{TransactionId, Uri};

use crate::escape::shell_word;
use crate::line::Line;

/// Returns what to write where `word` is one argument too many of `verb`.
pub(super) fn one_too_many(verb: &str, word: &str, line: Line) -> Option<String> {
    if word.starts_with('-') {
        let is_number = word.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        return is_number.then(|| "a number here is never below 0".to_owned());
    }
    let is_transaction = word.parse::<TransactionId>().is_ok();
    let is_uri = word.parse::<Uri>().is_ok();
    let told = match verb {
        "restore" if is_uri => format!(
            "a backup goes back to its own scopes, and needs no parent: {}",
            line.without(word)
        ),
        "log" if is_uri => format!("did you mean: {}", line.before(word, &["--uri"])),
        "log" | "status" | "recover" | "prune" if is_transaction => show(word),
        "salvage" => format!(
            "the target is named by --into: {}",
            line.before(word, &["--into"])
        ),
        "serve" => format!("did you mean: {}", line.before(word, &["--addr"])),
        "find" => sentence(&line)?,
        "backup" => one_scope(&line)?,
        "tree" if is_transaction => format!("did you mean: {}", line.before(word, &["--at"])),
        "rollback" => format!(
            "one at a time, newest first; or a transaction with all later ones that lie over it: {}",
            pasted("rollback --to TX")
        ),
        "show" | "pin" | "unpin" | "redo" => "one transaction at a time".to_owned(),
        "ls" | "cat" | "status" | "history" | "verify" | "inspect" | "init" => format!(
            "one at a time; where it is one name with a space, quote it: {}",
            shell_word(&format!("{} {word}", line.word_before(word)?))
        ),
        _ => return None,
    };
    Some(told)
}

/// Returns what to write where `verb` lacks arguments; `lacks` is how clap names them.
pub(super) fn missing(verb: &str, lacks: &str, line: Line) -> Option<String> {
    let given = line.arguments_of(verb);
    if let ("salvage", [_, into]) | ("tree", [into]) = (verb, given.as_slice())
        && (verb == "salvage" || into.parse::<TransactionId>().is_ok())
    {
        let option = if verb == "salvage" { "--into" } else { "--at" };
        return Some(format!("did you mean: {}", line.before(into, &[option])));
    }
    let pack = given.first().map(|uri| pack_of(uri)).unwrap_or_default();
    let example: &[&str] = match (verb, given.len()) {
        ("init", _) => &["notes"],
        ("import", 1) => &["viking://resources"],
        ("export", 1) => &[&pack],
        ("backup" | "verify" | "inspect" | "restore", _) => &["backup.ovpack"],
        ("convert", _) if lacks.contains("OUT") => &["new.ovpack"],
        ("convert", _) if lacks.contains("layout") => &["--layout", "v3"],
        ("salvage", _) if lacks.contains("--pack") => &["--pack", "saved.ovpack"],
        ("salvage", 1) => &["--into", "saved"],
        ("tree", _) => &["--at", "tx1"],
        ("prune", _) => &["--keep-last", "5", "--dry-run"],
        ("find", _) => &["how are options parsed"],
        ("show" | "rollback" | "pin" | "unpin", _) => {
            return Some(format!("{} lists the transactions", pasted("log")));
        }
        ("cat" | "history" | "export", _) => {
            return Some(format!("{} lists what is there", pasted("ls")));
        }
        _ => return None,
    };
    Some(format!("for example: {}", line.last(example)))
}

/// Returns what to write where `word` is no transaction.
pub(super) fn no_transaction(word: &str) -> String {
    match word.parse::<Uri>() {
        Ok(uri) => {
            let log = pasted(&format!("log --path {}", shell_word(&uri.to_string())));
            format!("{log} lists the transactions that changed something there")
        }
        Err(_) => format!("{} lists the transactions", pasted("log")),
    }
}

/// Returns what to write where a URI stands in the place of a path.
pub(super) fn uri_for_path(verb: &str, uri: &str, line: Line) -> Option<String> {
    let given = line.arguments_of(verb);
    let told = match (verb, given.as_slice()) {
        ("import" | "export", [one, other]) => format!(
            "the arguments are the other way round: {}",
            line.clone().swapped(one, other)
        ),
        ("backup", [_]) => one_scope(&line)?,
        ("init", [_]) => format!(
            "a URI names what is in a store; the store itself is a directory, for example: {}",
            line.with(uri, "notes")
        ),
        ("verify" | "inspect" | "convert" | "salvage" | "restore" | "import", [first, ..])
            if first == uri =>
        {
            export(uri)?
        }
        _ => return None,
    };
    Some(told)
}

/// Says how what is at a URI becomes a pack.
pub(crate) fn export(uri: &str) -> Option<String> {
    let uri: Uri = uri.parse().ok()?;
    let words = if uri.is_root() {
        "backup backup.ovpack".to_owned()
    } else {
        let uri = uri.to_string();
        format!("export {} {}", shell_word(&uri), shell_word(&pack_of(&uri)))
    };
    Some(format!(
        "a URI names what is in a store; {} makes a pack of it",
        pasted(&words)
    ))
}

/// Tells of the words of a question, which a shell has split.
fn sentence(line: &Line) -> Option<String> {
    let words = line.arguments_of("find");
    let (first, rest) = words.split_first()?;
    let question = words.join(" ");
    let whole = rest
        .iter()
        .fold(line.clone(), |line, word| line.without(word))
        .with(first, &question);
    Some(format!("the question is one argument: {whole}"))
}

/// Tells that a backup takes no URI.
fn one_scope(line: &Line) -> Option<String> {
    let given = line.arguments_of("backup");
    let uri = given.iter().find(|word| word.parse::<Uri>().is_ok())?;
    let export = line.clone().with("backup", "export");
    let export = if given.len() == 1 {
        export.last(&[&pack_of(uri)])
    } else {
        export
    };
    Some(format!(
        "a backup holds every scope; one scope or a part of it is exported: {export}"
    ))
}

fn show(tx: &str) -> String {
    format!(
        "{} tells of that transaction",
        pasted(&format!("show {tx}"))
    )
}

/// Returns the name of a pack of what is at a URI.
fn pack_of(uri: &str) -> String {
    let leaf = Utf8Path::new(uri.trim_end_matches('/')).file_name();
    format!("{}.ovpack", leaf.unwrap_or("backup"))
}

fn pasted(words: &str) -> String {
    format!("ovpack {words}")
}
