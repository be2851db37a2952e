//! Which paths of a pack are taken: patterns that include, and patterns that exclude.

use std::cell::Cell;
use std::fmt;

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Serialize;

use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};

/// Which paths of a pack are taken; by default all of them.
///
/// Patterns are globs, matched against whole paths below the pack's root: `*` and `?` match within
/// one component, `**` matches any number of components, `[a-z]` and `{a,b}` are what they are in a
/// shell, and a backslash takes the meaning from what follows it. A pattern that matches a directory
/// stands for everything below it too; one that ends in `/` matches directories alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Take only what one of these matches; empty for everything.
    pub include: Vec<String>,
    /// Leave out what one of these matches, also where it is included.
    pub exclude: Vec<String>,
}

/// Whether a pattern takes a path or leaves it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sense {
    /// What it matches is taken.
    Include,
    /// What it matches is left out.
    Exclude,
}

/// A pattern of a selection, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SelectionPattern {
    /// Whether it takes or leaves out.
    pub sense: Sense,
    /// As it was given.
    pub pattern: String,
}

impl Sense {
    /// Returns its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::Exclude => "exclude",
        }
    }
}

impl fmt::Display for SelectionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sense.as_str(), self.pattern)
    }
}

impl Selection {
    /// Returns whether it takes everything.
    pub const fn is_everything(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Returns its patterns, those that include first.
    pub(crate) fn patterns(&self) -> Vec<SelectionPattern> {
        let of = |patterns: &[String], sense| -> Vec<_> {
            let made = patterns.iter().map(|pattern| SelectionPattern {
                sense,
                pattern: pattern.clone(),
            });
            made.collect()
        };
        let mut all = of(&self.include, Sense::Include);
        all.extend(of(&self.exclude, Sense::Exclude));
        all
    }
}

/// A selection that can be asked.
#[derive(Debug)]
pub(crate) struct Selector {
    include: Globs,
    exclude: Globs,
}

/// Patterns of one sense.
#[derive(Debug)]
struct Globs {
    set: GlobSet,
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    is_directory: bool,
    /// Whether it has matched anything yet.
    has_matched: Cell<bool>,
}

impl Selector {
    /// Reads the patterns.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for one that is no glob.
    pub(crate) fn new(selection: &Selection) -> Result<Self> {
        Ok(Self {
            include: Globs::new("include", &selection.include)?,
            exclude: Globs::new("exclude", &selection.exclude)?,
        })
    }

    /// Returns whether it takes everything.
    pub(crate) const fn is_everything(&self) -> bool {
        self.include.patterns.is_empty() && self.exclude.patterns.is_empty()
    }

    /// Returns whether it takes the entry at a path below the pack's root.
    pub(crate) fn takes(&self, path: &EntryPath, kind: EntryKind) -> bool {
        if self.is_everything() {
            return true;
        }
        // Both are asked: each pattern must match something.
        let is_excluded = self.exclude.match_at_or_above(path, kind);
        let is_included = self.include.match_at_or_above(path, kind);
        (is_included || self.include.patterns.is_empty()) && !is_excluded
    }

    /// Returns the first pattern that no path was matched by.
    pub(crate) fn first_unmatched(&self) -> Option<SelectionPattern> {
        let of = |globs: &Globs, sense| {
            let mut patterns = globs.patterns.iter();
            let found = patterns.find(|pattern| !pattern.has_matched.get())?;
            let pattern = found.text.clone();
            Some(SelectionPattern { sense, pattern })
        };
        of(&self.include, Sense::Include).or_else(|| of(&self.exclude, Sense::Exclude))
    }
}

impl Globs {
    fn new(argument: &'static str, texts: &[String]) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        let mut patterns = Vec::new();
        for text in texts {
            let invalid = || Error::InvalidArgument {
                argument,
                value: text.clone(),
                expected: "a pattern such as guides, guides/*.md or **/*.png",
            };
            let bare = text.strip_suffix('/').unwrap_or(text);
            if bare.is_empty() || bare.starts_with('/') || bare.ends_with('/') {
                return Err(invalid());
            }
            let mut glob = GlobBuilder::new(bare);
            glob.literal_separator(true).backslash_escape(true);
            set.add(glob.build().map_err(|_| invalid())?);
            patterns.push(Pattern {
                text: text.clone(),
                is_directory: bare.len() < text.len(),
                has_matched: Cell::new(false),
            });
        }
        let set = set.build().map_err(|_| Error::InvalidArgument {
            argument,
            value: texts.join(", "),
            expected: "fewer or simpler patterns",
        })?;
        Ok(Self { set, patterns })
    }

    /// Returns whether a pattern matches the path or a directory above it, and notes which ones do.
    fn match_at_or_above(&self, path: &EntryPath, kind: EntryKind) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let (mut is_matched, mut numbers) = (false, Vec::new());
        let mut at = Some(path.clone());
        while let Some(path_at) = at.filter(|path| !path.is_root()) {
            let is_directory = kind == EntryKind::Directory || path_at != *path;
            let candidate = Candidate::new(path_at.as_str());
            self.set.matches_candidate_into(&candidate, &mut numbers);
            let matched = numbers
                .iter()
                .filter_map(|number| self.patterns.get(*number));
            for pattern in matched.filter(|pattern| is_directory || !pattern.is_directory) {
                pattern.has_matched.set(true);
                is_matched = true;
            }
            at = path_at.parent();
        }
        is_matched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(include: &[&str], exclude: &[&str]) -> Selector {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (include, exclude) = (owned(include), owned(exclude));
        Selector::new(&Selection { include, exclude }).expect("patterns")
    }

    fn takes(selector: &Selector, path: &str) -> bool {
        let (bare, kind) = match path.strip_suffix('/') {
            Some(bare) => (bare, EntryKind::Directory),
            None => (path, EntryKind::File),
        };
        selector.takes(&EntryPath::parse(bare).expect("a path"), kind)
    }

    #[test]
    fn patterns_match_whole_paths_and_directories_stand_for_what_is_below() {
        for (pattern, taken, left) in [
            ("a.md", &["a.md", "a.md/x"][..], &["b/a.md", "a.mdx"][..]),
            ("*.md", &["a.md"], &["b/a.md"]),
            ("**/*.md", &["a.md", "b/a.md", "b/c/a.md"], &["a.txt"]),
            ("docs", &["docs/", "docs/a/b"], &["docs2/a", "x/docs/a"]),
            ("docs/", &["docs/", "docs/a/b"], &["docs"]),
            ("do?s/*", &["docs/a", "docs/a/b"], &["docs/"]),
            ("{a,b}/[0-9]*", &["a/1", "b/23/x"], &["c/1", "a/x"]),
            (r"\*", &["*", "*/a"], &["a"]),
            ("**", &["a", "a/b"], &[]),
        ] {
            let selector = selector(&[pattern], &[]);
            for path in taken {
                assert!(takes(&selector, path), "{pattern} {path}");
            }
            for path in left {
                assert!(!takes(&selector, path), "{pattern} {path}");
            }
        }
    }

    #[test]
    fn exclude_wins_over_include() {
        let both = selector(&["docs"], &["docs/private"]);
        assert!(takes(&both, "docs/a"));
        assert!(!takes(&both, "docs/private/a"));
        assert!(!takes(&both, "other"));
        assert!(!takes(&selector(&["docs/a"], &["docs"]), "docs/a"));
        let rest = selector(&[], &["**/*.png"]);
        assert!(takes(&rest, "docs/a"));
        assert!(!takes(&rest, "docs/a.png"));
    }

    #[test]
    fn a_pattern_that_matched_nothing_is_known() {
        let selector = selector(&["docs", "doc"], &["*.png"]);
        assert!(takes(&selector, "docs/a"));
        let unmatched = |of: &Selector| of.first_unmatched().map(|pattern| pattern.to_string());
        assert_eq!(unmatched(&selector).as_deref(), Some("include doc"));
        assert!(takes(&selector, "doc"));
        assert_eq!(unmatched(&selector).as_deref(), Some("exclude *.png"));
        assert!(!takes(&selector, "x.png"));
        assert_eq!(unmatched(&selector), None);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "/", "/a", "a//", "[a", "{a", "a\\"] {
            let include = vec![text.to_owned()];
            let selection = Selection {
                include,
                ..Selection::default()
            };
            let error = Selector::new(&selection).expect_err(text);
            assert_eq!(error.code(), "invalid-argument", "{text}");
        }
    }
}
