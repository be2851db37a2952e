//! `viking://` URIs and the scopes that they begin with.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::entry_path::{self, EntryPath, PathFault};

/// A public scope: the first component of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Free: a subtree may be imported at any depth.
    Resources,
    /// Structured: import keeps the root's depth.
    User,
    /// Structured: import keeps the root's depth.
    Agent,
    /// Structured: import keeps the root's depth.
    Session,
}

impl Scope {
    /// All public scopes, in the order in which a backup lists them.
    pub const ALL: [Self; 4] = [Self::Resources, Self::User, Self::Agent, Self::Session];

    /// Returns the scope's name as it stands in a URI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::User => "user",
            Self::Agent => "agent",
            Self::Session => "session",
        }
    }

    /// Returns the public scope of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// Returns whether a subtree may be imported at any depth.
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Resources)
    }

    /// Returns the scope's directory below the live root.
    pub fn path(self) -> EntryPath {
        EntryPath::parse(self.as_str()).unwrap_or_default()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A checked URI: `viking://` or something below a public scope. Has no trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri {
    path: EntryPath,
}

/// Why a text is no URI here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriFault {
    /// Nothing but spaces.
    #[error("it is empty")]
    Empty,
    /// Another spelling of the scheme, such as `VIKING://` or `viking:/x`.
    #[error("it does not begin with `viking://`")]
    Scheme,
    /// The first component is not a public scope.
    #[error("`{0}` is not one of the scopes resources, user, agent, session")]
    Scope(String),
    /// A component that is no name.
    #[error("{0}")]
    Path(PathFault),
}

const SCHEME: &str = "viking://";

impl Uri {
    /// Returns `viking://`, the account's root.
    pub const fn root() -> Self {
        Self {
            path: EntryPath::root(),
        }
    }

    /// Returns the URI of a path below the account's root.
    ///
    /// # Errors
    /// [`UriFault::Scope`] where the first component is not a public scope.
    pub fn from_path(path: EntryPath) -> Result<Self, UriFault> {
        if let Some(name) = path.components().next() {
            Scope::from_name(name).ok_or_else(|| UriFault::Scope(name.to_owned()))?;
        }
        Ok(Self { path })
    }

    /// Reads a URI as a pack's manifest spells it: in full, no spaces around it, no trailing slash.
    ///
    /// # Errors
    /// The [`UriFault`] that it has.
    pub fn parse_exact(text: &str) -> Result<Self, UriFault> {
        let path = text.strip_prefix(SCHEME).ok_or(UriFault::Scheme)?;
        if path.is_empty() {
            return Ok(Self::root());
        }
        entry_path::check(path).map_err(UriFault::Path)?;
        Self::from_path(EntryPath::parse(path).map_err(UriFault::Path)?)
    }

    /// Returns the path below the account's root; `""` for `viking://`.
    pub const fn path(&self) -> &EntryPath {
        &self.path
    }

    /// Returns the scope; `None` for `viking://`.
    pub fn scope(&self) -> Option<Scope> {
        self.path.components().next().and_then(Scope::from_name)
    }

    /// Returns whether this is `viking://`.
    pub const fn is_root(&self) -> bool {
        self.path.is_root()
    }

    /// Returns whether this is a whole scope, such as `viking://resources`.
    pub fn is_scope(&self) -> bool {
        self.path.depth() == 1
    }

    /// Returns the number of components: 0 for `viking://`, 1 for a scope.
    pub fn depth(&self) -> usize {
        self.path.depth()
    }

    /// Returns the URI of `below` under this one.
    ///
    /// # Errors
    /// [`UriFault`] where the whole is no URI: too long, or not a public scope.
    pub fn join(&self, below: &EntryPath) -> Result<Self, UriFault> {
        let path = self.path.join(below);
        Self::from_path(EntryPath::parse(&path).map_err(UriFault::Path)?)
    }

    /// Returns whether this is session content, which has no index records:
    /// anything under `viking://session/` or `viking://user/ID/sessions/`.
    pub fn is_session_content(&self) -> bool {
        let mut components = self.path.components();
        match components.next() {
            Some("session") => components.next().is_some(),
            Some("user") => components.nth(1) == Some("sessions") && components.next().is_some(),
            _ => false,
        }
    }

    /// Returns the component after `user/`, literally; `None` elsewhere.
    pub fn user_id(&self) -> Option<&str> {
        let mut components = self.path.components();
        components.next().filter(|scope| *scope == "user")?;
        components.next()
    }

    /// Returns the component after `user/` of what is at `path` below this, literally; `None`
    /// elsewhere. Also of one that is too long to be a URI.
    pub(crate) fn user_below(&self, path: &EntryPath) -> Option<String> {
        let live = self.path.join(path);
        let mut components = live.components();
        components.next().filter(|scope| *scope == "user")?;
        components.next().map(str::to_owned)
    }

    /// Returns the `context_type` of what is at this URI: `memory` and `skill` where the first
    /// component after the owner says so, else `resource`. The owner is `user/ID`, `agent/ID`, or
    /// one of them within the other.
    pub fn context_type(&self) -> &'static str {
        let components: Vec<_> = self.path.components().collect();
        let owner = match components.as_slice() {
            ["agent", _, "user", _, ..] | ["user", _, "agent", _, ..] => 4,
            ["agent" | "user", _, ..] => 2,
            _ => return "resource",
        };
        let kind = components.get(owner).copied().unwrap_or_default();
        match kind {
            "memories" => "memory",
            "skills" => "skill",
            _ => "resource",
        }
    }
}

impl FromStr for Uri {
    type Err = UriFault;

    /// Reads a URI as a person types it: spaces around it and a trailing slash mean nothing,
    /// `resources/demo` and `/resources/demo` are short for `viking://resources/demo`.
    fn from_str(text: &str) -> Result<Self, UriFault> {
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return Err(UriFault::Empty);
        }
        let path = match text.strip_prefix(SCHEME) {
            Some(path) if path.starts_with('/') => return Err(UriFault::Path(PathFault::Empty)),
            Some(path) => path,
            None if has_scheme(text) => return Err(UriFault::Scheme),
            None => text.strip_prefix('/').unwrap_or(text),
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        Self::parse_exact(&format!("{SCHEME}{path}"))
    }
}

/// Whether a text begins like `scheme:` in any spelling, which no short form does.
fn has_scheme(text: &str) -> bool {
    text.split('/').next().is_some_and(|first| {
        first.to_ascii_lowercase().starts_with("viking:") || text.contains("://")
    })
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.path)
    }
}

impl Serialize for Uri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_uri() {
        for text in [
            "viking://resources/demo",
            "viking://resources/demo/",
            " resources/demo ",
            "/resources/demo",
            "/resources/demo/",
        ] {
            assert_eq!(
                text.parse::<Uri>().map(|uri| uri.to_string()),
                Ok("viking://resources/demo".to_owned()),
                "{text:?}"
            );
        }
        for text in ["viking://", "/"] {
            assert_eq!(text.parse(), Ok(Uri::root()), "{text:?}");
        }
        assert!("viking://user/a?b#c%20".parse::<Uri>().is_ok());
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            " ",
            "VIKING://resources",
            "viking:/resources",
            "viking:///resources",
            "viking:resources",
            "viking://resources//a",
            "viking://resources/../user",
            "viking://resources/.",
            "viking://temp/x",
            "temp",
            "//resources",
            "http://resources/x",
            "viking://resources/a\\b",
            "viking://resources//",
            "viking:///",
        ] {
            assert!(text.parse::<Uri>().is_err(), "{text:?}");
        }
        for text in ["viking://resources/", "resources", " viking://resources"] {
            assert!(Uri::parse_exact(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn session_content_is_below_session_or_a_users_sessions() {
        for (text, is) in [
            ("viking://session/s", true),
            ("viking://session", false),
            ("viking://user/a/sessions/s", true),
            ("viking://user/a/sessions", false),
            ("viking://user/a/memories/sessions", false),
            ("viking://resources/session/x", false),
        ] {
            assert_eq!(
                text.parse::<Uri>().map(|uri| uri.is_session_content()),
                Ok(is),
                "{text}"
            );
        }
    }

    #[test]
    fn a_user_is_named_by_the_component_after_the_scope() {
        for (text, user_id) in [
            ("viking://user/a/memories", Some("a")),
            ("viking://user/.abstract.md", Some(".abstract.md")),
            ("viking://user", None),
            ("viking://", None),
            ("viking://agent/a/user/b", None),
        ] {
            let uri: Uri = text.parse().expect("a URI");
            assert_eq!(uri.user_id(), user_id, "{text}");
        }
    }

    #[test]
    fn the_context_type_follows_from_the_component_after_the_owner() {
        for (text, context_type) in [
            ("viking://user/a/memories", "memory"),
            ("viking://user/a/memories/x/skills", "memory"),
            ("viking://user/memories", "resource"),
            ("viking://user/memories/memories", "memory"),
            ("viking://agent/a/skills/x", "skill"),
            ("viking://agent/a/instructions", "resource"),
            ("viking://agent/a/user/b/memories", "memory"),
            ("viking://user/a/agent/b/skills", "skill"),
            ("viking://user/a/user/b/skills", "resource"),
            ("viking://resources/memories", "resource"),
            ("viking://resources/a/memories", "resource"),
            ("viking://session/a/memories", "resource"),
            ("viking://", "resource"),
        ] {
            let uri = text.parse::<Uri>().map(|uri| uri.context_type());
            assert_eq!(uri, Ok(context_type), "{text}");
        }
    }
}
