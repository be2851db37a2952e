//! What clap says of a command line that it does not accept, in this program's form.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ErrorKind};

use crate::args::Cli;
use crate::failure::Failure;

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
];

/// Reads clap's answer to the arguments.
pub(crate) fn parsed(error: &clap::Error, argv: &[OsString]) -> Parsed {
    let kind = error.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Parsed::Text(error.render().ansi().to_string());
    }
    let verb = verb(argv);
    let message = if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "a verb is missing".to_owned()
    } else {
        message(error)
    };
    Parsed::Wrong(Failure::Usage {
        message,
        help: help(error, verb.as_deref()),
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
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

fn help(error: &clap::Error, verb: Option<&str>) -> String {
    if let Some(meaning) = foreign(error, verb) {
        return meaning.to_owned();
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
    Some(tip.to_owned())
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
                "a similar subcommand exists: 'import'; `ovpack --help` lists the verbs".to_owned()
            )
        );
        assert_eq!(
            answer("ovpack import a.ovpack"),
            (
                "the following required arguments were not provided: <PARENT>".to_owned(),
                "`ovpack import --help` tells more".to_owned()
            )
        );
        assert_eq!(
            answer("ovpack show seven"),
            (
                "invalid value 'seven' for '<TX>': a transaction is named like `tx7`".to_owned(),
                "`ovpack show --help` tells more".to_owned()
            )
        );
    }
}
