//! How errors are made where they happen.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::Error;
use crate::finding::Finding;

impl Error {
    /// Makes the error of a file operation: [`Error::NoSpace`] where the disk or a quota is full.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<Utf8PathBuf>,
        source: io::Error,
    ) -> Self {
        let path = path.into();
        let is_full = matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        if is_full {
            Self::NoSpace {
                action,
                path,
                source,
            }
        } else {
            Self::Io {
                action,
                path,
                source,
            }
        }
    }

    /// Says the same of another path: of the one that is known to who reads it.
    pub(crate) fn said_of(mut self, known: &Utf8Path) -> Self {
        if let Self::Io { path, .. } | Self::NoSpace { path, .. } = &mut self {
            known.clone_into(path);
        }
        self
    }

    /// Returns whether a name, or a directory on the way to it, was not there.
    pub(crate) fn is_absent(&self) -> bool {
        let is_absent = |source: &io::Error| {
            matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            )
        };
        matches!(self, Self::Io { source, .. } if is_absent(source))
    }

    /// Makes the error of a pack with one finding that stops the reading.
    pub(crate) fn refused(pack: &Utf8Path, finding: Finding) -> Self {
        Self::Refused {
            pack: pack.to_owned(),
            report: Box::new(finding.into()),
        }
    }
}
