//! The command line that was given, to be given back with one thing changed, so that it can be pasted.

use std::ffi::OsString;
use std::fmt;

use clap::CommandFactory as _;
use ovpack::Uri;

use crate::args::Cli;
use crate::escape::shell_word;

/// The words after the program's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line(Vec<String>);

impl Line {
    /// Takes the words that the program was started with.
    pub(crate) fn of<'a>(argv: impl IntoIterator<Item = &'a OsString>) -> Self {
        let words = argv.into_iter().skip(1);
        Self(
            words
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
        )
    }

    /// Returns all words.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns the words after `verb` that are no options; values of options are among them, so that what
    /// is made of it must be looked at closely.
    pub(crate) fn arguments_of(&self, verb: &str) -> Vec<String> {
        let after = self.0.iter().skip_while(|word| *word != verb).skip(1);
        let mut words = Vec::new();
        let mut is_value = false;
        for word in after {
            let is_option = word.starts_with("--");
            let is_short = word.starts_with('-') && word.len() == 2;
            if !(is_value || is_option || is_short) {
                words.push(word.clone());
            }
            is_value = is_option && !word.contains('=') && takes_value(word);
        }
        words
    }

    /// Returns the word before another.
    pub(crate) fn word_before(&self, word: &str) -> Option<&str> {
        let at = self.0.iter().position(|found| found == word)?;
        self.0.get(at.checked_sub(1)?).map(String::as_str)
    }

    /// Puts `new` where `old` stands: alone, after the `=` of an option, or as an option before one.
    pub(crate) fn with(mut self, old: &str, new: &str) -> Self {
        for word in &mut self.0 {
            let changed = match word.split_once('=') {
                _ if word == old => new.to_owned(),
                Some((option, value)) if value == old && option.starts_with("--") => {
                    format!("{option}={new}")
                }
                Some((option, value)) if option == old => format!("{new}={value}"),
                _ => continue,
            };
            *word = changed;
            break;
        }
        self
    }

    /// Puts `new` where `uri` stands, in whatever spelling.
    pub(crate) fn with_uri(self, uri: &Uri, new: &Uri) -> Self {
        let is_it = |word: &&str| word.parse::<Uri>().is_ok_and(|found| found == *uri);
        let values = self.0.iter().map(|word| {
            word.split_once('=')
                .map_or(word.as_str(), |(_, value)| value)
        });
        match values.into_iter().find(is_it).map(str::to_owned) {
            Some(old) => self.with(&old, &new.to_string()),
            None => self,
        }
    }

    /// Leaves a word out.
    pub(crate) fn without(mut self, word: &str) -> Self {
        if let Some(at) = self.0.iter().position(|found| found == word) {
            self.0.remove(at);
        }
        self
    }

    /// Lets two words change places.
    pub(crate) fn swapped(mut self, one: &str, other: &str) -> Self {
        let at = |wanted: &str| self.0.iter().position(|word| word == wanted);
        if let (Some(one), Some(other)) = (at(one), at(other)) {
            self.0.swap(one, other);
        }
        self
    }

    /// Puts words before another.
    pub(crate) fn before(mut self, word: &str, new: &[&str]) -> Self {
        let at = self.0.iter().position(|found| found == word).unwrap_or(0);
        let new = new.iter().map(|word| (*word).to_owned());
        self.0.splice(at..at, new);
        self
    }

    /// Puts a word after another.
    pub(crate) fn after(mut self, word: &str, new: &str) -> Self {
        let at = self.0.iter().position(|found| found == word);
        self.0
            .insert(at.map_or(self.0.len(), |at| at + 1), new.to_owned());
        self
    }

    /// Puts words before all others.
    pub(crate) fn first(mut self, new: &[&str]) -> Self {
        let new = new.iter().map(|word| (*word).to_owned());
        self.0.splice(0..0, new);
        self
    }

    /// Puts words after all others.
    pub(crate) fn last(mut self, new: &[&str]) -> Self {
        self.0.extend(new.iter().map(|word| (*word).to_owned()));
        self
    }
}

/// Returns whether an option of some verb is followed by a value.
pub(crate) fn takes_value(option: &str) -> bool {
    let cli = Cli::command();
    let of_verbs = cli.get_subcommands().flat_map(clap::Command::get_arguments);
    cli.get_arguments().chain(of_verbs).any(|argument| {
        argument.get_action().takes_values()
            && argument
                .get_long()
                .is_some_and(|long| option.strip_prefix("--") == Some(long))
    })
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ovpack")?;
        self.0
            .iter()
            .try_for_each(|word| write!(f, " {}", shell_word(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Line {
        let argv: Vec<_> = ["/bin/ovpack"]
            .iter()
            .chain(words)
            .map(OsString::from)
            .collect();
        Line::of(&argv)
    }

    #[test]
    fn one_thing_is_changed_and_the_rest_stays() {
        let swapped = line(&["import", "resources", "my pack", "--dry-run"]);
        assert_eq!(
            swapped.clone().swapped("resources", "my pack").to_string(),
            "ovpack import 'my pack' resources --dry-run"
        );
        assert_eq!(
            swapped
                .clone()
                .with("import", "restore")
                .without("resources")
                .to_string(),
            "ovpack restore 'my pack' --dry-run"
        );
        assert_eq!(
            swapped.clone().before("my pack", &["--into"]).to_string(),
            "ovpack import resources --into 'my pack' --dry-run"
        );
        assert_eq!(
            swapped.first(&["--store", "it's"]).to_string(),
            r"ovpack --store 'it'\''s' import resources 'my pack' --dry-run"
        );
    }

    #[test]
    fn a_uri_is_found_in_any_spelling_and_as_a_value() {
        let uri = |text: &str| text.parse::<Uri>().expect("a URI");
        for (words, expected) in [
            (
                &["ls", "/resources/a/"][..],
                "ovpack ls viking://resources/b",
            ),
            (
                &["find", "x", "--uri", "resources/a"],
                "ovpack find x --uri viking://resources/b",
            ),
            (
                &["find", "x", "--uri=resources/a"],
                "ovpack find x --uri=viking://resources/b",
            ),
            (&["ls", "resources/c"], "ovpack ls resources/c"),
        ] {
            let changed = line(words).with_uri(&uri("resources/a"), &uri("resources/b"));
            assert_eq!(changed.to_string(), expected);
        }
    }
}
