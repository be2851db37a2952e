//! The command line: global options, and the options that several verbs share.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::Duration;

use anstream::ColorChoice;
use camino::Utf8PathBuf;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser};
use ovpack::{Error, ImportOptions, Jobs, Layout, Level, Limits, OnConflict, Selection, Uri};

use crate::caller::Caller;
use crate::commands::Command;
use crate::failure::Result;

/// Keep OpenViking content packs in a store with transactions and rollback
#[derive(Debug, Parser)]
#[command(
    name = "ovpack",
    bin_name = "ovpack",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "\
Examples:
  ovpack init notes
  ovpack --store notes restore backup.ovpack
  ovpack --store notes rollback tx1"
)]
pub(crate) struct Cli {
    /// Options of every verb.
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    /// The verb.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The store's directory, where it was named.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        value_parser = path(),
        help = "Use the store in DIR [env: OVPACK_STORE] [default: the nearest store at or above the working directory, else that of the user's settings]"
    )]
    pub(crate) store: Option<Utf8PathBuf>,
    /// Print one JSON object on standard output, also for errors
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but data and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Wait so long for another process that works on the store
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(crate) wait: u64,
    /// How many threads work on one act.
    #[arg(
        long,
        global = true,
        value_name = "N",
        value_parser = jobs,
        help = "Work with N threads, 1 to 64 [env: OVPACK_JOBS] [default: one for each processor]"
    )]
    pub(crate) jobs: Option<Jobs>,
    /// Write to an adopted directory although OpenViking seems to work on it
    #[arg(long, global = true)]
    pub(crate) while_running: bool,
    /// When the output is coloured.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        value_parser = color(),
        help = "Colour the output: auto, always or never [env: NO_COLOR]"
    )]
    pub(crate) color: ColorChoice,
}

impl GlobalArgs {
    /// Returns how long a writing verb waits for another process.
    pub(crate) const fn wait(&self) -> Duration {
        Duration::from_secs(self.wait)
    }
}

/// What happens to an existing root, and whether this is a rehearsal.
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// What happens where the target exists.
    #[arg(
        long,
        value_name = "POLICY",
        value_parser = policy(),
        help = "Say what happens where the target exists: refuse, replace it entirely, add and replace single paths, or leave it as it is [default: fail; with --include or --exclude: merge]"
    )]
    on_conflict: Option<OnConflict>,
    /// Take only the paths of the pack that match, with all that is below them
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new())]
    include: Vec<String>,
    /// Leave out the paths of the pack that match, also where they are included
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new())]
    exclude: Vec<String>,
    /// Check the pack and print the plan; change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    policies: PolicyArgs,
}

impl PutArgs {
    /// Returns how a pack is put in its place.
    pub(crate) fn options(&self, limits: Limits, caller: &Caller) -> ImportOptions {
        let selection = Selection {
            include: self.include.clone(),
            exclude: self.exclude.clone(),
        };
        let by_default = if selection.is_everything() {
            OnConflict::Fail
        } else {
            OnConflict::Merge
        };
        ImportOptions {
            on_conflict: self.on_conflict.unwrap_or(by_default),
            selection,
            dry_run: self.dry_run,
            limits,
            policies: self.policies.files.clone(),
            pack_name: None,
            jobs: caller.jobs(),
            control: caller.control.clone(),
        }
    }
}

/// What a pack is held against beside the rules that are built in.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// Refuse the pack where a query of FILE returns a row, also where one of the store's policies does
    #[arg(long = "policy", value_name = "FILE", value_parser = path())]
    pub(crate) files: Vec<Utf8PathBuf>,
}

/// What must be known before the command line is understood, since an error in it is printed too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wishes {
    /// Whether `--json` is among the arguments.
    pub(crate) json: bool,
    /// Whether `--quiet` is among the arguments.
    pub(crate) quiet: bool,
    /// What `--color` says; automatic where it is not understood.
    pub(crate) color: ColorChoice,
}

impl Wishes {
    /// Reads them from arguments that may be wrong elsewhere.
    pub(crate) fn among(argv: &[OsString]) -> Self {
        let words: Vec<_> = argv
            .iter()
            .skip(1)
            .map(|word| word.to_str().unwrap_or_default())
            .take_while(|word| *word != "--")
            .collect();
        let joined = words.iter().find_map(|word| word.strip_prefix("--color="));
        let separate = words.windows(2).find_map(|pair| match pair {
            ["--color", when] => Some(*when),
            _ => None,
        });
        Self {
            json: words.contains(&"--json"),
            quiet: words.contains(&"--quiet") || words.contains(&"-q"),
            color: color_choice(joined.or(separate).unwrap_or_default()),
        }
    }
}

/// Reads a URI as a person types it.
pub(crate) fn uri(text: &str) -> Result<Uri> {
    text.parse().map_err(|fault| {
        Error::InvalidUri {
            text: text.to_owned(),
            fault,
        }
        .into()
    })
}

/// Reads a URI as a person types it, where there is one.
pub(crate) fn some_uri(text: Option<&str>) -> Result<Option<Uri>> {
    text.map(uri).transpose()
}

/// Reads a time: RFC 3339, a date, or how long ago. In milliseconds since 1970-01-01 UTC.
pub(crate) fn time(text: &str) -> Result<i64, String> {
    ovpack::parse_time(text).ok_or_else(|| {
        "a time is written like `2026-05-11T09:30:00Z`, `2026-05-11`, `2h` or `30d`".to_owned()
    })
}

/// Reads a path; the empty one is a script's unset variable, not the working directory.
pub(crate) fn path() -> impl clap::builder::TypedValueParser<Value = Utf8PathBuf> {
    NonEmptyStringValueParser::new().try_map(|text| match PathMistake::of(&text) {
        Some(mistake) => Err(mistake),
        None => Ok(Utf8PathBuf::from(text)),
    })
}

/// What stands where a path is needed, and would make a file or a directory with an odd name if it were
/// taken for one. `./` before it makes a path of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathMistake {
    /// A URI, or one with a slash too few.
    #[error("it is a URI; the path of a file or a directory is needed here")]
    Uri,
    /// A drive letter and a backslash.
    #[error("it is a path of Windows")]
    Windows {
        /// Where WSL has it.
        path: String,
    },
    /// What other programs read from standard input or write to standard output by.
    #[error(
        "standard input and output are not used for it; the path of a file or a directory is needed here"
    )]
    Stream,
}

impl PathMistake {
    /// Returns what is wrong with a path, as far as its beginning tells.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if text.starts_with("viking:/") {
            return Some(Self::Uri);
        }
        if text == "-" {
            return Some(Self::Stream);
        }
        let (drive, below) = text.split_once(":\\")?;
        let is_drive = drive.len() == 1 && drive.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_drive.then(|| Self::Windows {
            path: format!(
                "/mnt/{}/{}",
                drive.to_ascii_lowercase(),
                below.replace('\\', "/")
            ),
        })
    }
}

fn policy() -> impl clap::builder::TypedValueParser<Value = OnConflict> {
    let policies = [
        OnConflict::Fail,
        OnConflict::Overwrite,
        OnConflict::Merge,
        OnConflict::Skip,
    ];
    PossibleValuesParser::new(policies.map(OnConflict::as_str))
        .try_map(|policy| policy.parse::<OnConflict>())
}

/// Reads a pack's layout.
pub(crate) fn layout() -> impl clap::builder::TypedValueParser<Value = Layout> {
    PossibleValuesParser::new(Layout::ALL.map(Layout::as_str))
        .try_map(|layout| layout.parse::<Layout>())
}

/// Reads how hard content is compressed.
pub(crate) fn level(text: &str) -> Result<Level, Error> {
    text.parse()
}

fn jobs(text: &str) -> Result<Jobs, std::num::ParseIntError> {
    text.parse::<NonZeroUsize>().map(Jobs::new)
}

fn color() -> impl clap::builder::TypedValueParser<Value = ColorChoice> {
    PossibleValuesParser::new(["auto", "always", "never"]).map(|when| color_choice(&when))
}

fn color_choice(when: &str) -> ColorChoice {
    match when {
        "always" => ColorChoice::Always,
        "never" => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wishes_are_read_from_arguments_that_are_wrong() {
        let wishes =
            |line: &str| Wishes::among(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(wishes("ovpack nonsense --json").json);
        assert!(!wishes("ovpack cat -- --json").json);
        assert!(wishes("ovpack -q").quiet);
        assert_eq!(wishes("ovpack --color never").color, ColorChoice::Never);
        assert_eq!(wishes("ovpack --color=always").color, ColorChoice::Always);
        assert_eq!(wishes("ovpack --color").color, ColorChoice::Auto);
    }
}
