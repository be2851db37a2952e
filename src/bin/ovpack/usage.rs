//! What clap says of a command line that it does not accept, in this program's form.

mod misplaced;
mod options;
mod verbs;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::PathMistake;
use crate::failure::Failure;
use crate::line::Line;
use crate::nearest::nearest;

pub(crate) use misplaced::export;
use verbs::Verbs;

/// What became of a command line that is not run.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// It asked for help or the version: this text, with colours.
    Text(String),
    /// It is wrong.
    Wrong(Failure),
}

/// Values that people bring along, and what they mean here.
const VALUES: &[(&str, &str)] = &[
    ("force", "overwrite"),
    ("ignore", "skip"),
    ("keep", "skip"),
    ("pwsh", "powershell"),
    ("replace", "overwrite"),
    ("sh", "bash"),
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
    let line = Line::of(argv);
    let verbs = Verbs::of(&line);
    let page = match verbs.words().as_str() {
        "" => "`ovpack --help` lists the verbs".to_owned(),
        words => format!("`ovpack {words} --help` tells more"),
    };
    match meant(error, &verbs, line) {
        Some(Meant::Alone(meant)) => meant,
        Some(Meant::BesideThePage(meant)) => format!("{meant}; {page}"),
        None => page,
    }
}

/// What was probably meant, and whether more can be told.
enum Meant {
    /// It says enough.
    Alone(String),
    /// The page of the verb says more.
    BesideThePage(String),
}

/// Returns what was probably meant, as a line to be pasted where that can be told.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of other mistakes clap says enough"
)]
fn meant(error: &clap::Error, verbs: &Verbs, line: Line) -> Option<Meant> {
    let of = |kind| error.get(kind).map(ToString::to_string);
    let word = of(ContextKind::InvalidArg);
    let verb = verbs.first();
    let alone = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            return verbs.meant(&of(ContextKind::InvalidSubcommand)?, line);
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return verbs.below().map(Meant::BesideThePage);
        }
        ErrorKind::UnknownArgument => {
            let word = word?;
            if let Some(meant) = options::meant(&word, verbs, &line) {
                return Some(meant);
            }
            misplaced::one_too_many(verb?, &word, line)
        }
        ErrorKind::MissingRequiredArgument => misplaced::missing(verb?, &word?, line),
        ErrorKind::InvalidValue => {
            let ContextValue::Strings(values) = error.get(ContextKind::ValidValue)? else {
                return None;
            };
            let word = of(ContextKind::InvalidValue)?;
            value(&word, values, &line).or_else(|| (verb? == "completions").then(no_shell))
        }
        ErrorKind::ValueValidation => {
            wrong_value(verb?, &word?, &of(ContextKind::InvalidValue)?, line)
        }
        ErrorKind::TooManyValues => {
            let word = word?;
            let with = format!("{word}={}", of(ContextKind::InvalidValue)?);
            Some(format!("it has no value: {}", line.with(&with, &word)))
        }
        _ => None,
    };
    alone.map(Meant::Alone)
}

/// Returns the line with the value that was meant by `word`.
fn value(word: &str, values: &[String], line: &Line) -> Option<String> {
    let known = |meant: &str| values.iter().find(|value| *value == meant);
    let foreign = VALUES.iter().find(|(foreign, _)| *foreign == word);
    let meant = foreign
        .and_then(|(_, ours)| known(ours))
        .or_else(|| nearest(word, values))
        .or_else(|| known(program(word)))?;
    Some(format!("did you mean: {}", line.clone().with(word, meant)))
}

/// Returns the name of a program, of a path such as SHELL holds: `zsh` of `/usr/bin/zsh-5.9`.
fn program(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let is_other = |c: char| !c.is_ascii_alphabetic();
    name.split(is_other).next().unwrap_or(name)
}

fn no_shell() -> String {
    "for other shells there is no script, and none is needed; for example: ovpack completions bash"
        .to_owned()
}

/// Returns what to write instead of a value that cannot be read.
fn wrong_value(verb: &str, argument: &str, value: &str, line: Line) -> Option<String> {
    match PathMistake::of(value) {
        Some(PathMistake::Windows { path }) => {
            Some(format!("under WSL: {}", line.with(value, &path)))
        }
        Some(PathMistake::Uri) => misplaced::uri_for_path(verb, argument, value, line),
        Some(PathMistake::Stream) => Some(
            "write what comes through a pipe to a file, and name that; a file with this name is ./-"
                .to_owned(),
        ),
        None if argument.contains("TX>") || argument.contains("[TX]") => {
            Some(misplaced::no_transaction(value, line))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
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
