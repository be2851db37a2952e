//! Where the content of one pack goes in another: what is moved, what is left out.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::uri::Uri;

/// Moves what is at and below one URI to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UriMap {
    /// Where the content came from.
    pub from: Uri,
    /// Where it goes.
    pub to: Uri,
}

impl fmt::Display for UriMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.from, self.to)
    }
}

impl FromStr for UriMap {
    type Err = Error;

    /// Reads `FROM=TO`. Where a URI holds a `=` itself, TO is written in full.
    fn from_str(text: &str) -> Result<Self> {
        let in_full = text.find("=viking://");
        let at = in_full.or_else(|| text.find('='));
        let parts = at.and_then(|at| Some((text.get(..at)?, text.get(at.saturating_add(1)..)?)));
        let (from, to) = parts.ok_or_else(|| wrong("map", &text, "FROM_URI=TO_URI"))?;
        let uri = |text: &str| {
            text.parse().map_err(|fault| Error::InvalidUri {
                text: text.to_owned(),
                fault,
            })
        };
        Ok(Self {
            from: uri(from)?,
            to: uri(to)?,
        })
    }
}

/// What one map or drop did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// Files at and below its URI.
    pub files: u64,
    /// Directories at and below it.
    pub directories: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// One wish of the caller.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) from: Uri,
    /// `None` where it is left out.
    pub(super) to: Option<Uri>,
    pub(super) touched: Touched,
}

/// All wishes, and the roots between which they lie.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) wishes: Vec<Wish>,
    /// The root of the pack that is read.
    pub(super) from: Uri,
    /// The root of the pack that is written; `viking://` for a backup.
    pub(super) to: Uri,
}

impl Mapping {
    /// Checks wishes for a pack with the root `from`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a wish that cannot be fulfilled in any pack with this root.
    pub(super) fn new(from: &Uri, maps: &[UriMap], drops: &[Uri]) -> Result<Self> {
        let mut wishes = Vec::new();
        for map in maps {
            ensure_sound(map)?;
            wishes.push(Wish {
                from: map.from.clone(),
                to: Some(map.to.clone()),
                touched: Touched::default(),
            });
        }
        for uri in drops {
            if from.path().is_at_or_below(uri.path()) {
                let expected = "a URI below the pack's root";
                return Err(wrong("drop", uri, expected));
            }
            wishes.push(Wish {
                from: uri.clone(),
                to: None,
                touched: Touched::default(),
            });
        }
        wishes.sort_by(|a, b| a.from.cmp(&b.from));
        if let Some(wish) = twice(&wishes) {
            let expected = "each URI once among maps and drops";
            return Err(wrong("map", &wish.from, expected));
        }
        let mut mapping = Self {
            wishes,
            from: from.clone(),
            to: from.clone(),
        };
        if !from.is_root()
            && let Some(to) = mapping.place(from.path())?.0
        {
            mapping.to = to;
        }
        mapping.ensure_below_root()?;
        Ok(mapping)
    }

    /// Returns where a path below the account's root goes, `None` where it is left out, and the
    /// wish that says so: the one with the longest URI.
    ///
    /// # Errors
    /// [`Error::NameUnpackable`] where the new path is none.
    pub(super) fn place(&mut self, live: &EntryPath) -> Result<(Option<Uri>, Option<&mut Wish>)> {
        let wish = self
            .wishes
            .iter_mut()
            .filter(|wish| live.is_at_or_below(wish.from.path()))
            .max_by_key(|wish| wish.from.depth());
        let Some(wish) = wish else {
            return Ok((Some(uri_of(live.clone())?), None));
        };
        let Some(to) = &wish.to else {
            return Ok((None, Some(wish)));
        };
        let below = live.strip_prefix(wish.from.path()).unwrap_or_default();
        let moved = to.join(&below).map_err(|fault| Error::NameUnpackable {
            path: format!("viking://{live}"),
            why: format!("at {to} {fault}"),
        })?;
        Ok((Some(moved), Some(wish)))
    }

    /// Returns the first wish that met nothing.
    pub(super) fn idle(&self) -> Option<&Wish> {
        let met_nothing = |wish: &&Wish| wish.touched == Touched::default();
        self.wishes.iter().find(met_nothing)
    }

    /// Refuses what would move something out of the pack's root.
    fn ensure_below_root(&self) -> Result<()> {
        for wish in &self.wishes {
            if let Some(to) = &wish.to
                && wish.from.path().is_at_or_below(self.from.path())
                && !to.path().is_at_or_below(self.to.path())
            {
                let expected = "a target at or below the root of the pack";
                return Err(wrong("map", &format!("{}={to}", wish.from), expected));
            }
        }
        Ok(())
    }
}

impl Touched {
    pub(super) const fn count(&mut self, kind: EntryKind, bytes: u64) {
        match kind {
            EntryKind::Directory => self.directories = self.directories.saturating_add(1),
            EntryKind::File => {
                self.files = self.files.saturating_add(1);
                self.bytes = self.bytes.saturating_add(bytes);
            }
        }
    }
}

fn twice(wishes: &[Wish]) -> Option<&Wish> {
    let pair = wishes
        .windows(2)
        .find(|pair| matches!(pair, [a, b] if a.from == b.from));
    pair.and_then(<[Wish]>::first)
}

/// Refuses a map that would make something else of structured content.
fn ensure_sound(map: &UriMap) -> Result<()> {
    let (Some(from), Some(to)) = (map.from.scope(), map.to.scope()) else {
        let expected = "URIs of a scope or below one; viking:// itself stays where it is";
        return Err(wrong("map", map, expected));
    };
    if from == to && !from.is_free() && map.from.depth() != map.to.depth() {
        let expected = "a target of the same depth: user, agent and session are structured";
        return Err(wrong("map", map, expected));
    }
    Ok(())
}

fn uri_of(path: EntryPath) -> Result<Uri> {
    let text = format!("viking://{path}");
    Uri::from_path(path).map_err(|fault| Error::InvalidUri { text, fault })
}

pub(super) fn wrong(
    argument: &'static str,
    value: &impl ToString,
    expected: &'static str,
) -> Error {
    Error::InvalidArgument {
        argument,
        value: value.to_string(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_split_where_its_target_begins() {
        let read = |text: &str| text.parse::<UriMap>().map(|map| map.to_string());
        for (text, expected) in [
            (
                "viking://session=viking://user/a/sessions",
                "viking://session=viking://user/a/sessions",
            ),
            ("session=user/a", "viking://session=viking://user/a"),
            (
                "resources/a=b=viking://resources/c",
                "viking://resources/a=b=viking://resources/c",
            ),
        ] {
            assert_eq!(read(text).expect(text), expected);
        }
        for text in ["", "session", "=", "session=", "session=elsewhere"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_longest_uri_decides() {
        let uri = |text: &str| text.parse::<Uri>().expect(text);
        let maps = ["resources/a=resources/b", "resources/a/x=resources/y"];
        let maps: Vec<UriMap> = maps.map(|map| map.parse().expect(map)).into();
        let drops = [uri("resources/a/x/z")];
        let mut mapping = Mapping::new(&Uri::root(), &maps, &drops).expect("sound");
        for (live, expected) in [
            ("resources/a", Some("resources/b")),
            ("resources/a/q", Some("resources/b/q")),
            ("resources/a/x/q", Some("resources/y/q")),
            ("resources/a/x/z/q", None),
            ("resources/ab", Some("resources/ab")),
        ] {
            let live = EntryPath::parse(live).expect(live);
            let (to, _) = mapping.place(&live).expect("placed");
            assert_eq!(to, expected.map(uri), "{live}");
        }
    }

    #[test]
    fn wishes_that_no_pack_can_fulfil_are_refused() {
        for (root, maps, drops) in [
            ("resources/a", &["resources/a/x=resources/b"][..], &[][..]),
            ("resources/a", &[], &["resources/a"]),
            ("resources/a", &[], &["resources"]),
            ("/", &["/=resources"], &[]),
            ("/", &["user/a=user/b/c"], &[]),
            ("/", &["session=user/a/s", "session=user/b/s"], &[]),
            ("/", &["session=user/a/s"], &["session"]),
        ] {
            let root: Uri = root.parse().expect(root);
            let maps: Vec<UriMap> = maps.iter().map(|map| map.parse().expect(map)).collect();
            let drops: Vec<Uri> = drops.iter().map(|uri| uri.parse().expect(uri)).collect();
            let refused = Mapping::new(&root, &maps, &drops);
            let error = refused.expect_err("refused");
            assert_eq!(error.code(), "invalid-argument", "{maps:?} {drops:?}");
        }
    }
}
