//! What no pack can hold and is skipped at the caller's wish: counted, and listed up to a bound.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;

use crate::entry_path::EntryKind;
use crate::error::{Error, Result};
use crate::tree::Found;

/// Most that are listed: a tree may hold any number, and the list is held.
const LISTED_MAX: usize = 100;

/// What no pack can hold and was skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SkippedSpecial {
    /// How many there are; a directory that is skipped counts once, with all that is below it.
    pub count: u64,
    /// The first 100 of them by path.
    pub paths: Vec<SkippedPath>,
}

/// One path that was skipped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SkippedPath {
    /// Where it stands in the file system; a byte that is not UTF-8 is shown like `\xff`.
    pub path: String,
    /// Why no pack can hold it.
    pub why: String,
}

/// What was skipped so far.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    listed: BTreeSet<SkippedPath>,
    count: u64,
}

impl Skipped {
    pub(super) fn add(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.count = self.count.saturating_add(1);
        self.listed.insert(SkippedPath {
            path: path.into(),
            why: why.into(),
        });
        if self.listed.len() > LISTED_MAX {
            self.listed.pop_last();
        }
    }

    /// Takes the place of an error about something that no pack can hold; other errors stay errors.
    pub(super) fn add_error(&mut self, error: Error) -> Result<()> {
        if let Error::SpecialFile { path, what } = error {
            self.add(path, format!("it is a {what}"));
        } else if let Error::NameUnpackable { path, why } = error {
            self.add(path, why);
        } else if let Error::OtherDevice { path } = error {
            self.add(path, "it lies on another mount");
        } else {
            return Err(error);
        }
        Ok(())
    }

    pub(super) fn into_report(self) -> SkippedSpecial {
        SkippedSpecial {
            count: self.count,
            paths: self.listed.into_iter().collect(),
        }
    }
}

/// Returns whether the system forbids to read a file, or to list a directory and look at what it
/// holds. Whatever else may be wrong with it is told when it is read.
pub(super) fn is_unreadable(found: &Found<'_>) -> bool {
    let looked = match found.kind {
        EntryKind::File => found.dir.open_file(found.name).map(drop),
        // Its own name in it asks for the permission to look at any.
        EntryKind::Directory => found
            .dir
            .open_dir(found.name)
            .and_then(|dir| dir.stat_name(".".as_ref()))
            .map(drop),
    };
    matches!(
        looked,
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_by_path_are_listed() {
        let mut skipped = Skipped::default();
        for number in (0..1000).rev() {
            skipped.add(format!("{number:04}"), "it is a socket");
        }
        let report = skipped.into_report();
        assert_eq!((report.count, report.paths.len()), (1000, 100));
        let edges = [report.paths.first(), report.paths.last()];
        let edges = edges.map(|path| path.map(|path| path.path.as_str()));
        assert_eq!(edges, [Some("0000"), Some("0099")]);
    }

    #[test]
    fn what_is_no_fault_of_the_file_is_not_excused() {
        let mut skipped = Skipped::default();
        let path = || "x".into();
        assert!(
            skipped
                .add_error(Error::FileChanging { path: path() })
                .is_err()
        );
        let broken = Error::io("list", "x", io::ErrorKind::PermissionDenied.into());
        assert!(skipped.add_error(broken).is_err());
        assert!(
            skipped
                .add_error(Error::OtherDevice { path: path() })
                .is_ok()
        );
        assert_eq!(skipped.into_report().count, 1);
    }
}
