//! Where a pack is written: the name that it gets, and the directory that it needs.

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result};
use crate::fsops::{self, Dir, is_absent};
use crate::outside::ensure_outside_of_trees;

/// The ending of a pack's name.
const ENDING: &str = ".ovpack";

/// Where a pack will be.
#[derive(Debug)]
pub(crate) struct OutputPath {
    parent: Utf8PathBuf,
    pub(crate) name: String,
}

impl OutputPath {
    /// Decides on the name: `LEAF.ovpack` in a directory that exists, or that a slash at the end
    /// says to be one; otherwise the given name, with the ending `.ovpack` where it lacks it.
    ///
    /// # Errors
    /// [`Error::OutputExists`] where the name is taken by a directory, or by anything else that must
    /// not be replaced; [`Error::InvalidArgument`] where there is no name, and in a live tree or a
    /// control directory.
    pub(crate) fn decide(out: &Utf8Path, leaf: &str, may_replace: bool) -> Result<Self> {
        let path = if out.as_str().ends_with('/') || out.is_dir() {
            out.join(leaf.to_owned() + ENDING)
        } else {
            out.to_owned()
        };
        let Some(name) = path.file_name() else {
            return Err(Error::InvalidArgument {
                argument: "output",
                value: out.to_string(),
                expected: "the name of a file, or a directory",
            });
        };
        let mut name = name.to_owned();
        if !name.ends_with(ENDING) {
            name.push_str(ENDING);
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_str().is_empty() => parent.to_owned(),
            _ => Utf8PathBuf::from("."),
        };
        let decided = Self { parent, name };
        ensure_outside_of_trees("output", &decided.path())?;
        decided.ensure_free(may_replace)?;
        Ok(decided)
    }

    fn ensure_free(&self, may_replace: bool) -> Result<()> {
        let path = self.path();
        match path.symlink_metadata() {
            Ok(there) if may_replace && !there.is_dir() => Ok(()),
            Ok(_) => Err(Error::OutputExists { path }),
            Err(source) if is_absent(&source) => Ok(()),
            Err(source) => Err(Error::io("stat", path, source)),
        }
    }

    /// Returns the path of the pack.
    pub(crate) fn path(&self) -> Utf8PathBuf {
        match self.parent.as_str() {
            "." => self.name.clone().into(),
            _ => self.parent.join(&self.name),
        }
    }

    /// Opens the directory, after making those that are missing; each is durable when this returns.
    pub(crate) fn open_parent(&self) -> Result<Dir> {
        let is_missing = |path: &&Utf8Path| !path.as_str().is_empty() && !path.exists();
        let made: Vec<_> = self.parent.ancestors().take_while(is_missing).collect();
        if !made.is_empty() {
            fsops::create_dir_all(&self.parent)?;
        }
        for made in made {
            match made.parent().map(Utf8Path::as_str) {
                None => {}
                Some("") => Dir::open(Utf8Path::new("."))?.sync()?,
                Some(above) => Dir::open(Utf8Path::new(above))?.sync()?,
            }
        }
        Dir::open(&self.parent)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the directories that they ask about"
)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_given_or_follows_from_the_leaf() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = Utf8Path::from_path(dir.path()).expect("UTF-8");
        for (out, path) in [
            ("", "demo.ovpack"),
            ("x", "x.ovpack"),
            ("x.ovpack", "x.ovpack"),
            ("x.zip", "x.zip.ovpack"),
            ("missing/x", "missing/x.ovpack"),
            ("missing/", "missing/demo.ovpack"),
            ("missing/..", "demo.ovpack"),
        ] {
            let decided = OutputPath::decide(&dir.join(out), "demo", false);
            match decided {
                Ok(decided) => assert_eq!(decided.path(), dir.join(path), "{out}"),
                Err(error) => assert_eq!((out, error.code()), ("missing/..", "invalid-argument")),
            }
        }
        let relative = OutputPath::decide(Utf8Path::new("surely-not-there"), "demo", false);
        assert_eq!(relative.expect("decided").path(), "surely-not-there.ovpack");
        assert!(matches!(
            OutputPath::decide(Utf8Path::new(""), "demo", false),
            Err(Error::InvalidArgument { .. })
        ));
    }

    #[test]
    fn a_taken_name_is_refused_unless_it_may_be_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = Utf8Path::from_path(dir.path()).expect("UTF-8");
        std::fs::write(dir.join("x.ovpack"), "").expect("written");
        std::fs::create_dir_all(dir.join("demo.ovpack")).expect("made");
        let decide = |out: &str, may| OutputPath::decide(&dir.join(out), "demo", may);
        let is_taken = |decided| matches!(decided, Err(Error::OutputExists { .. }));
        assert!(is_taken(decide("x", false)));
        assert!(!is_taken(decide("x", true)));
        assert!(is_taken(decide("", true)), "a directory is never replaced");
    }

    #[test]
    fn missing_directories_are_made() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = Utf8Path::from_path(dir.path()).expect("UTF-8");
        let decided = OutputPath::decide(&dir.join("a/b/x"), "demo", false).expect("decided");
        let parent = decided.open_parent().expect("made");
        assert_eq!(parent.path(), dir.join("a/b"));
        assert!(dir.join("a/b").is_dir());
    }
}
