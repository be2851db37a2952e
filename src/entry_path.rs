//! Paths of entries below a root, and the one place where a name from outside becomes a path.
//!
//! An [`EntryPath`] is relative, has `/` between components, and `""` is the root itself. Nothing
//! is normalised: two names that differ in bytes are two names.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;

/// Most bytes of one component: what Linux file systems hold (`NAME_MAX`).
pub(crate) const COMPONENT_BYTES_MAX: usize = 255;
/// Most bytes of a path: what Linux takes in one call (`PATH_MAX`).
pub(crate) const PATH_BYTES_MAX: usize = 4096;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A plain file.
    File,
}

impl EntryKind {
    /// Returns its word in manifests, databases and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File => "file",
        }
    }

    /// Returns the kind of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "directory" => Some(Self::Directory),
            "file" => Some(Self::File),
            _ => None,
        }
    }
}

/// A checked path below a root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EntryPath(String);

/// Why a name is no path here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// The bytes are not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// A component is empty, or `/` stands at an end.
    #[error("it has an empty component")]
    Empty,
    /// A component is `.` or `..`.
    #[error("it has a component `.` or `..`")]
    Dot,
    /// A backslash, which other systems read as a separator.
    #[error("it has a backslash")]
    Backslash,
    /// A letter and a colon at the start, which other systems read as a drive.
    #[error("it begins like a drive letter")]
    Drive,
    /// A control character other than tab and newline.
    #[error("it has a control character")]
    Control,
    /// A component longer than 255 bytes, what Linux file systems hold.
    #[error("it has a component of more than 255 bytes")]
    ComponentTooLong,
    /// A path longer than 4096 bytes, what Linux takes in one call.
    #[error("it is longer than 4096 bytes")]
    TooLong,
}

impl EntryPath {
    /// Returns the root itself, `""`.
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// Checks `text` as a path; `""` is the root.
    ///
    /// # Errors
    /// The first [`PathFault`] that it has.
    pub fn parse(text: &str) -> Result<Self, PathFault> {
        if !text.is_empty() {
            check(text)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this is the root itself.
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the components from the top down; none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|component| !component.is_empty())
    }

    /// Returns the number of components; 0 for the root.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// Returns the last component; `None` for the root.
    pub fn leaf(&self) -> Option<&str> {
        self.components().next_back()
    }

    /// Returns the path above; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self.0.rsplit_once('/') {
            Some((parent, _)) => Some(Self(parent.to_owned())),
            None if self.is_root() => None,
            None => Some(Self::root()),
        }
    }

    /// Returns `self/below`; either may be the root.
    #[must_use]
    pub fn join(&self, below: &Self) -> Self {
        match (self.is_root(), below.is_root()) {
            (true, _) => below.clone(),
            (_, true) => self.clone(),
            _ => Self(format!("{}/{}", self.0, below.0)),
        }
    }

    /// Returns whether this is `other` or lies below it.
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        self.strip_prefix(other).is_some()
    }

    /// Returns the part of this path below `above`; `None` where it does not lie at or below it.
    #[must_use]
    pub fn strip_prefix(&self, above: &Self) -> Option<Self> {
        if above.is_root() {
            return Some(self.clone());
        }
        let rest = self.0.strip_prefix(above.as_str())?;
        match rest.strip_prefix('/') {
            Some(rest) => Some(Self(rest.to_owned())),
            None if rest.is_empty() => Some(Self::root()),
            None => None,
        }
    }
}

/// Checks a name that is no path below a root but follows the same rules: ROOT, or a URI's path.
///
/// # Errors
/// The first [`PathFault`] that it has; the empty text is [`PathFault::Empty`].
pub(crate) fn check(text: &str) -> Result<(), PathFault> {
    if text.len() > PATH_BYTES_MAX {
        return Err(PathFault::TooLong);
    }
    let bytes = text.as_bytes();
    if bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' {
        return Err(PathFault::Drive);
    }
    text.split('/').try_for_each(check_component)
}

/// Checks one component.
///
/// # Errors
/// The first [`PathFault`] that it has.
pub(crate) fn check_component(component: &str) -> Result<(), PathFault> {
    match component {
        "" => return Err(PathFault::Empty),
        "." | ".." => return Err(PathFault::Dot),
        _ if component.len() > COMPONENT_BYTES_MAX => return Err(PathFault::ComponentTooLong),
        _ => {}
    }
    for byte in component.bytes() {
        match byte {
            b'\\' => return Err(PathFault::Backslash),
            b'\t' | b'\n' => {}
            0..=0x1f => return Err(PathFault::Control),
            _ => {}
        }
    }
    Ok(())
}

/// Shows a name of a file system in a message: a byte that is not UTF-8 as `\xff`. In such a name a
/// backslash is doubled, so that what is shown can be told from a name that has a backslash.
pub(crate) fn shown_name(name: &[u8]) -> String {
    if let Ok(name) = str::from_utf8(name) {
        return name.to_owned();
    }
    let mut shown = String::new();
    for chunk in name.utf8_chunks() {
        shown.push_str(&chunk.valid().replace('\\', r"\\"));
        shown.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    shown
}

impl Deref for EntryPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_paths() {
        for text in [
            "",
            "a",
            "a/b",
            " x ",
            "q\"u'o%:te",
            "tab\there",
            "new\nline",
            "...",
            "_._x",
            "e\u{301}",
            "\u{7f}",
        ] {
            assert_eq!(
                EntryPath::parse(text).map(|path| path.0),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn names_that_two_systems_read_differently_are_refused() {
        let long = "x".repeat(256);
        let deep = "abc/".repeat(1025) + "a";
        for (text, fault) in [
            ("/a", PathFault::Empty),
            ("a/", PathFault::Empty),
            ("a//b", PathFault::Empty),
            ("a/../b", PathFault::Dot),
            (".", PathFault::Dot),
            ("a\\b", PathFault::Backslash),
            ("c:x", PathFault::Drive),
            ("a\0b", PathFault::Control),
            ("a\rb", PathFault::Control),
            (long.as_str(), PathFault::ComponentTooLong),
            (deep.as_str(), PathFault::TooLong),
        ] {
            assert_eq!(EntryPath::parse(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn names_that_are_not_utf8_are_shown_byte_by_byte() {
        assert_eq!(shown_name("naïve\\x".as_bytes()), "naïve\\x");
        assert_eq!(shown_name(b"a\xff\\b\xc3\x28\n"), "a\\xff\\\\b\\xc3(\n");
        assert_eq!(shown_name(b""), "");
    }

    #[test]
    fn joining_and_stripping_are_inverse() {
        for (above, below, whole) in [
            ("", "", ""),
            ("a", "", "a"),
            ("", "a", "a"),
            ("a", "b/c", "a/b/c"),
        ] {
            let [above, below, whole] =
                [above, below, whole].map(|text| EntryPath::parse(text).expect("a path"));
            assert_eq!(above.join(&below), whole);
            assert_eq!(whole.strip_prefix(&above), Some(below));
        }
        let ab = EntryPath::parse("ab").expect("a path");
        assert_eq!(
            ab.strip_prefix(&EntryPath::parse("a").expect("a path")),
            None
        );
    }
}
