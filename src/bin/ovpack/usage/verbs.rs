//! Which verb was meant.

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::line::Line;
use crate::nearest::nearest;

/// Words of other programs, and the verb for it here.
const FOREIGN: &[(&str, &str)] = &[
    ("blame", "history"),
    ("check", "verify"),
    ("clean", "prune"),
    ("create", "init"),
    ("diff", "status"),
    ("dir", "ls"),
    ("dump", "backup"),
    ("extract", "import"),
    ("gc", "prune"),
    ("grep", "find"),
    ("info", "inspect"),
    ("list", "ls"),
    ("load", "import"),
    ("new", "init"),
    ("pack", "export"),
    ("repair", "recover"),
    ("revert", "rollback"),
    ("save", "backup"),
    ("search", "find"),
    ("server", "serve"),
    ("undo", "rollback"),
    ("unpack", "import"),
];

/// Returns the command line with the verb that was probably meant instead of `word`; `verb` is the one
/// that `word` stands below, if it stands below one.
pub(super) fn meant(word: &str, verb: Option<&str>, line: Line) -> Option<String> {
    if verb == Some("journal") && word.to_ascii_lowercase().starts_with("select ") {
        return Some(line.before(word, &["query"]).to_string());
    }
    let cli = Cli::command();
    let parent = match verb {
        Some(verb) => cli.find_subcommand(verb)?,
        None => &cli,
    };
    let names = parent.get_subcommands().map(clap::Command::get_name);
    if let Some(name) = nearest(word, names) {
        return Some(format!("did you mean: {}", line.with(word, name)));
    }
    let (_, name) = FOREIGN
        .iter()
        .find(|(foreign, _)| verb.is_none() && *foreign == word)?;
    Some(format!(
        "here it is called {name}: {}",
        line.with(word, name)
    ))
}
