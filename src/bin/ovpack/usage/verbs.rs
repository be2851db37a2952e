//! The verbs of a command line, and which one was meant.

use clap::{Command, CommandFactory as _};
use ovpack::Uri;

use super::Meant;
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
    ("reindex", "index rebuild"),
    ("repair", "recover"),
    ("revert", "rollback"),
    ("save", "backup"),
    ("search", "find"),
    ("server", "serve"),
    ("undo", "rollback"),
    ("unpack", "import"),
];

/// The same below a verb.
const FOREIGN_BELOW: &[(&str, &str, &str)] = &[
    ("index", "build", "rebuild"),
    ("index", "create", "rebuild"),
    ("index", "fix", "check --fix"),
    ("index", "info", "status"),
    ("index", "list", "status"),
    ("index", "refresh", "wait"),
    ("index", "repair", "check --fix"),
    ("index", "show", "status"),
    ("index", "update", "wait"),
    ("index", "verify", "check"),
];

/// How settings are looked at and changed, whatever word was tried for it.
const SETTINGS: &str = "ovpack config list shows every setting; one is changed in \
    STORE/.ovpack/config.toml or ~/.config/ovpack/config.toml, by a line like: layout = \"v3\"";

/// The verb of a command line, and the one below it, as far as they are there.
#[derive(Debug)]
pub(super) struct Verbs {
    /// From the program itself to the last verb.
    commands: Vec<Command>,
}

impl Verbs {
    /// Finds the verbs of a line that may be wrong elsewhere.
    pub(super) fn of(line: &Line) -> Self {
        let mut commands = vec![Cli::command()];
        for word in line.words() {
            let last = commands.last();
            let below = last.and_then(|last| last.find_subcommand(word)).cloned();
            // What follows a verb directly is the verb below it, or there is none.
            if below.is_none() && commands.len() > 1 {
                break;
            }
            commands.extend(below);
        }
        Self { commands }
    }

    /// Returns the verb.
    pub(super) fn first(&self) -> Option<&str> {
        self.commands.get(1).map(Command::get_name)
    }

    /// Returns all of them, as they are typed.
    pub(super) fn words(&self) -> String {
        let verbs = self.commands.iter().skip(1).map(Command::get_name);
        verbs.collect::<Vec<_>>().join(" ")
    }

    /// Returns the names of the options that may follow.
    pub(super) fn options(&self) -> Vec<String> {
        let ends = self
            .commands
            .first()
            .into_iter()
            .chain(self.commands.last());
        let options = ends.flat_map(Command::get_arguments);
        let names = options.filter_map(|option| option.get_long().map(str::to_owned));
        // What clap has of its own is not among them before a line is read.
        let version = (self.commands.len() == 1).then_some("version");
        let own = ["help"].into_iter().chain(version).map(str::to_owned);
        names.chain(own).collect()
    }

    /// Returns the verbs that have an option.
    pub(super) fn with_option(name: &str) -> Vec<String> {
        let has = |command: &Command| {
            let mut options = command.get_arguments();
            options.any(|option| option.get_long() == Some(name))
        };
        let cli = Cli::command();
        let of_verb = |verb: &Command| {
            let below = verb.get_subcommands().filter(|below| has(below));
            let below = below.map(|below| format!("{} {}", verb.get_name(), below.get_name()));
            let itself = has(verb).then(|| verb.get_name().to_owned());
            itself.into_iter().chain(below).collect::<Vec<_>>()
        };
        cli.get_subcommands().flat_map(of_verb).collect()
    }

    /// Tells which verbs are below the last one.
    pub(super) fn below(&self) -> Option<String> {
        let last = self.commands.last()?;
        let names: Vec<_> = last.get_subcommands().map(Command::get_name).collect();
        match (self.commands.len(), names.as_slice()) {
            (1, _) | (_, []) => None,
            (_, [only]) => Some(format!("ovpack {} {only}", self.words())),
            (_, names) => Some(format!("it is one of {}", names.join(", "))),
        }
    }

    /// Returns the command line with the verb that was probably meant instead of `word`.
    pub(super) fn meant(&self, word: &str, line: Line) -> Option<Meant> {
        let verb = self.first();
        if verb == Some("journal") && word.to_ascii_lowercase().starts_with("select ") {
            return Some(Meant::Alone(line.before(word, &["query"]).to_string()));
        }
        if verb == Some("index") && word.parse::<Uri>().is_ok() && word.contains('/') {
            let line = line.before(word, &["check"]);
            return Some(Meant::Alone(format!("did you mean: {line}")));
        }
        if let Some(name) = self.foreign(word) {
            let (before, name) = name.rsplit_once(' ').unwrap_or(("", name));
            let before: Vec<_> = before.split_whitespace().collect();
            let line = line.before(word, &before).with(word, name);
            let called = [before.as_slice(), &[name]].concat().join(" ");
            return Some(Meant::Alone(format!("here it is called {called}: {line}")));
        }
        let names = self.commands.last()?.get_subcommands();
        if let Some(name) = nearest(word, names.map(Command::get_name)) {
            let line = line.with(word, name);
            return Some(Meant::Alone(format!("did you mean: {line}")));
        }
        if verb == Some("config") {
            return Some(Meant::Alone(SETTINGS.to_owned()));
        }
        self.below().map(Meant::BesideThePage)
    }

    fn foreign(&self, word: &str) -> Option<&'static str> {
        let Some(verb) = self.first() else {
            let known = FOREIGN.iter().find(|(foreign, _)| *foreign == word);
            return known.map(|(_, name)| *name);
        };
        let known = FOREIGN_BELOW
            .iter()
            .find(|(of, foreign, _)| *of == verb && *foreign == word);
        known.map(|(_, _, name)| *name)
    }
}
