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
    if Utf8Path::new(word).join(".ovpack/store.db").is_file() && !TAKE_PATHS.contains(&verb) {
        return Some(its_store(verb, word, line));
    }
    let told = match verb {
        "restore" if is_uri => format!(
            "a backup goes back to its own scopes, and needs no parent: {}",
            line.without(word)
        ),
        "log" if is_uri => format!("did you mean: {}", line.before(word, &["--uri"])),
        "log" | "status" | "recover" | "prune" | "doctor" if is_transaction => show(word),
        "recover" => not_recovered(word, line),
        "doctor" => no_patient(word, is_uri, line),
        "config" => format!("all settings are listed by: {}", line.without(word)),
        "completions" if Utf8Path::new(word).components().count() > 1 => format!(
            "the script is printed; a shell writes it to a file by: {} > {}",
            line.without(word),
            shell_word(word)
        ),
        "completions" => "one shell at a time".to_owned(),
        "man" => "all pages go into one directory".to_owned(),
        "index" if line.words().any(|word| word == "check") => one_at_a_time(word, &line)?,
        "index" => format!("it concerns the whole store: {}", line.without(word)),
        "salvage" => format!(
            "the target is named by --into: {}",
            line.before(word, &["--into"])
        ),
        "serve" => format!("did you mean: {}", line.before(word, &["--addr"])),
        "find" => sentence(&line)?,
        "backup" => one_scope(&line)?,
        "tree" if is_transaction => format!("did you mean: {}", line.before(word, &["--at"])),
        "tree" => match line.word_before(word)?.to_owned() {
            first if first.parse::<TransactionId>().is_ok() => {
                format!("did you mean: {}", line.before(&first, &["--at"]))
            }
            _ => one_at_a_time(word, &line)?,
        },
        "rollback" => format!(
            "one at a time, newest first; or a transaction with all later ones that lie over it: {}",
            pasted("rollback --to TX")
        ),
        "show" | "pin" | "unpin" | "redo" => "one transaction at a time".to_owned(),
        "ls" | "cat" | "status" | "history" | "verify" | "inspect" | "init" => {
            one_at_a_time(word, &line)?
        }
        _ => return None,
    };
    Some(told)
}

/// Verbs that take a path as an argument, which a store's directory may be meant as.
const TAKE_PATHS: [&str; 7] = [
    "init",
    "verify",
    "inspect",
    "convert",
    "salvage",
    "man",
    "completions",
];

fn its_store(verb: &str, word: &str, line: Line) -> String {
    let line = line.before(word, &["--store"]);
    // Verbs that take nothing else: what follows is another store.
    let others = match verb {
        "doctor" | "recover" => line.arguments_of(verb),
        _ => Vec::new(),
    };
    let line = others.iter().fold(line, |line, other| line.without(other));
    format!("the store is named by --store: {line}")
}

fn one_at_a_time(word: &str, line: &Line) -> Option<String> {
    Some(format!(
        "one at a time; where it is one name with a space, quote it: {}",
        shell_word(&format!("{} {word}", line.word_before(word)?))
    ))
}

/// Tells what looks at that which `doctor` does not look at.
fn no_patient(word: &str, is_uri: bool, line: Line) -> String {
    let quoted = shell_word(word);
    if is_uri {
        let status = pasted(&format!("status {quoted}"));
        return format!("it looks at the whole store; a part of it is looked at by: {status}");
    }
    if Utf8Path::new(word).is_file() {
        let verify = pasted(&format!("verify {quoted}"));
        return format!("it looks at a store; a pack is checked by: {verify}");
    }
    its_store("doctor", word, line)
}

/// Tells what brings back, or saves, what `recover` was asked for.
fn not_recovered(word: &str, line: Line) -> String {
    let salvaged = shell_word(word);
    match word {
        "forward" | "back" => {
            let option = format!("--{word}");
            format!("did you mean: {}", line.with(word, &option))
        }
        pack if pack.ends_with(".ovpack") => format!(
            "it settles what a crash left of a store; what is sound in a damaged pack is saved by: {}",
            pasted(&format!("salvage {salvaged} --into saved"))
        ),
        _ => "it settles what a crash left of a store, and takes no argument; what a commit replaced \
            comes back by: ovpack rollback TX --path URI"
            .to_owned(),
    }
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
        ("completions", _) => &["bash"],
        ("man", _) => {
            // Quoted, the shell would take `~` for a name.
            return Some("for example: ovpack man ~/.local/share/man/man1".to_owned());
        }
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

/// Words that other programs have for the newest of something.
const NEWEST: [&str; 5] = ["head", "last", "latest", "newest", "now"];

/// Returns what to write where `word` is no transaction.
pub(super) fn no_transaction(word: &str, line: Line) -> String {
    let lower = word.to_ascii_lowercase();
    let is_list = |separator| {
        let mut words = word.split(separator);
        word.contains(separator) && words.all(|word| word.parse::<TransactionId>().is_ok())
    };
    if lower.parse::<TransactionId>().is_ok() {
        return format!("did you mean: {}", line.with(word, &lower));
    }
    if is_list(',') || is_list(' ') {
        return "one transaction at a time".to_owned();
    }
    if NEWEST.contains(&lower.as_str()) {
        return format!("{} shows the newest one", pasted("log --limit 1"));
    }
    match word.parse::<Uri>() {
        Ok(uri) => {
            let mut words = line.words().map(str::to_owned);
            let other = words.find(|word| word.parse::<TransactionId>().is_ok());
            drop(words);
            if let Some(other) = other {
                let line = line.swapped(word, &other);
                return format!("the arguments are the other way round: {line}");
            }
            let log = pasted(&format!("log --path {}", shell_word(&uri.to_string())));
            format!("{log} lists the transactions that changed something there")
        }
        Err(_) => format!("{} lists the transactions", pasted("log")),
    }
}

/// Returns what to write where a URI stands in the place of a path.
pub(super) fn uri_for_path(verb: &str, argument: &str, uri: &str, line: Line) -> Option<String> {
    let given = line.arguments_of(verb);
    if argument.starts_with("--store") {
        return Some(
            "a URI names what is in a store; --store names the directory of the store itself"
                .to_owned(),
        );
    }
    let told = match (verb, given.as_slice()) {
        ("man", _) => "a URI names what is in a store; manual pages go into a directory, for example: ovpack man ~/.local/share/man/man1".to_owned(),
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
