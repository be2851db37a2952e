//! What clap says of a command line that it does not accept, in this program's form.

mod misplaced;
mod verbs;

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::{Cli, PathMistake};
use crate::failure::Failure;
use crate::line::Line;
use crate::nearest::nearest;

pub(crate) use misplaced::export;

/// What became of a command line that is not run.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// It asked for help or the version: this text, with colours.
    Text(String),
    /// It is wrong.
    Wrong(Failure),
}

/// Options that people bring along from other programs, and what they mean here.
const FOREIGN: &[(&str, &[&str], &str)] = &[
    (
        "--force",
        &["import", "restore"],
        "say what happens to an existing target: --on-conflict overwrite replaces it, --on-conflict skip leaves it",
    ),
    (
        "--vectorize",
        &["import", "restore"],
        "leave it out: vectors are never taken from a pack, the store that uses them makes them",
    ),
    (
        "--on-conflict",
        &["export", "backup"],
        "use --force to replace an existing file",
    ),
    (
        "--into",
        &["import", "restore"],
        "a pack goes into a store, which --store DIR names; salvage --into DIR makes plain files of it",
    ),
];

/// Values that people bring along, and what they mean here.
const VALUES: &[(&str, &str)] = &[
    ("force", "overwrite"),
    ("ignore", "skip"),
    ("keep", "skip"),
    ("replace", "overwrite"),
    ("update", "merge"),
];

/// What the standard library says of values, and how it is said here.
const WORDS: &[(&str, &str)] = &[
    ("invalid digit found in string", "it is no whole number"),
    (
        "cannot parse integer from empty string",
        "it is no whole number",
    ),
    (
        "number too large to fit in target type",
        "it is too large a number",
    ),
    (
        "number would be zero for non-zero type",
        "it must be 1 or more",
    ),
    (
        "invalid socket address syntax",
        "write an address and a port, like 127.0.0.1:1933",
    ),
];

/// Reads clap's answer to the arguments.
pub(crate) fn parsed(error: &clap::Error, argv: &[OsString]) -> Parsed {
    let kind = error.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Parsed::Text(error.render().ansi().to_string());
    }
    let message = if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "a verb is missing".to_owned()
    } else {
        message(error)
    };
    Parsed::Wrong(Failure::Usage {
        message,
        help: help(error, argv),
    })
}

/// Returns the verb, as far as arguments that are wrong have one.
fn verb(argv: &[OsString]) -> Option<String> {
    let cli = Cli::command();
    let is_verb = |word: &&str| cli.get_subcommands().any(|verb| verb.get_name() == *word);
    let mut words = argv.iter().skip(1).filter_map(|word| word.to_str());
    words.find(is_verb).map(str::to_owned)
}

/// Returns the first paragraph, which clap may break into lines, as one line.
fn message(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let lines: Vec<_> = paragraph.lines().map(str::trim).collect();
    let line = lines.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    let line = WORDS.iter().fold(line.to_owned(), |line, (theirs, ours)| {
        line.replace(theirs, ours)
    });
    match line.split_once(" is not in ") {
        Some((value, range)) => format!("{value} is not from {}", range.replace("..=", " to ")),
        None => line,
    }
}

fn help(error: &clap::Error, argv: &[OsString]) -> String {
    let verb = verb(argv);
    let verb = verb.as_deref();
    if let Some(meaning) = foreign(error, verb) {
        return meaning.to_owned();
    }
    if let Some(meant) = meant(error, verb, Line::of(argv)) {
        return meant;
    }
    let page = verb.map_or_else(
        || "`ovpack --help` lists the verbs".to_owned(),
        |verb| format!("`ovpack {verb} --help` tells more"),
    );
    match tip(error) {
        Some(tip) => format!("{tip}; {page}"),
        None => page,
    }
}

/// Returns what was probably meant, as a line to be pasted where that can be told.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of other mistakes clap says enough"
)]
fn meant(error: &clap::Error, verb: Option<&str>, line: Line) -> Option<String> {
    let of = |kind| error.get(kind).map(ToString::to_string);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            verbs::meant(&of(ContextKind::InvalidSubcommand)?, verb, line)
        }
        ErrorKind::UnknownArgument => {
            let word = of(ContextKind::InvalidArg)?;
            match of(ContextKind::SuggestedArg) {
                Some(meant) => Some(format!("did you mean: {}", line.with(&word, &meant))),
                None => misplaced::one_too_many(verb?, &word, line),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            misplaced::missing(verb?, &of(ContextKind::InvalidArg)?, line)
        }
        ErrorKind::InvalidValue => {
            let ContextValue::Strings(values) = error.get(ContextKind::ValidValue)? else {
                return None;
            };
            let word = of(ContextKind::InvalidValue)?;
            let foreign = VALUES.iter().find(|(foreign, _)| *foreign == word);
            let meant = nearest(&word, values).or_else(|| {
                let (_, ours) = foreign?;
                values.iter().find(|value| value == ours)
            })?;
            Some(format!("did you mean: {}", line.with(&word, meant)))
        }
        ErrorKind::ValueValidation => {
            let value = of(ContextKind::InvalidValue)?;
            match PathMistake::of(&value) {
                Some(PathMistake::Windows { path }) => {
                    Some(format!("under WSL: {}", line.with(&value, &path)))
                }
                Some(PathMistake::Uri) => misplaced::uri_for_path(verb?, &value, line),
                None if of(ContextKind::InvalidArg)?.contains("TX>")
                    || of(ContextKind::InvalidArg)?.contains("[TX]") =>
                {
                    Some(misplaced::no_transaction(&value))
                }
                None => None,
            }
        }
        _ => None,
    }
}

/// Returns what an option of other programs means here.
fn foreign(error: &clap::Error, verb: Option<&str>) -> Option<&'static str> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let (option, verb) = (error.get(ContextKind::InvalidArg)?.to_string(), verb?);
    FOREIGN
        .iter()
        .find(|(name, verbs, _)| *name == option && verbs.contains(&verb))
        .map(|(_, _, meaning)| *meaning)
}

/// Returns clap's guess at what was meant.
fn tip(error: &clap::Error) -> Option<String> {
    let text = error.render().to_string();
    let tip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "))?;
    // How to pass it on as a value is nothing that anybody wants here.
    (!tip.starts_with("to pass ")).then(|| tip.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn answer(line: &str) -> (String, String) {
        let argv: Vec<_> = line.split(' ').map(OsString::from).collect();
        let error = Cli::try_parse_from(&argv).expect_err("it is wrong");
        let Parsed::Wrong(Failure::Usage { message, help }) = parsed(&error, &argv) else {
            panic!("{line} is not told as wrong");
        };
        (message, help)
    }

    #[test]
    fn force_on_import_names_the_policy_that_overwrites() {
        for line in [
            "ovpack import a.ovpack resources --force",
            "ovpack restore --force a.ovpack",
        ] {
            let (message, help) = answer(line);
            assert_eq!(message, "unexpected argument '--force' found");
            assert!(help.contains("--on-conflict overwrite"), "{help}");
        }
    }

    #[test]
    fn a_wrong_command_line_is_answered_in_one_line_and_a_next_step() {
        assert_eq!(
            answer("ovpack impart"),
            (
                "unrecognized subcommand 'impart'".to_owned(),
                "did you mean: ovpack import".to_owned()
            )
        );
        assert_eq!(
            answer("ovpack import a.ovpack"),
            (
                "the following required arguments were not provided: <PARENT>".to_owned(),
                "for example: ovpack import a.ovpack viking://resources".to_owned()
            )
        );
        assert_eq!(
            answer("ovpack show seven"),
            (
                "invalid value 'seven' for '<TX>': a transaction is named like `tx7`".to_owned(),
                "ovpack log lists the transactions".to_owned()
            )
        );
    }
}
