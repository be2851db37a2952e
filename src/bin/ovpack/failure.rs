//! Why the program did not do what it was asked: the library's errors, and those of a command line.

use std::io;

use camino::Utf8PathBuf;
use ovpack::{Error, Kind};
use serde_json::{Map, Value};

/// A result of the command line.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why the program did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The library refused; it says why.
    #[error(transparent)]
    Library(#[from] Error),
    /// A rehearsal met this first; the report has everything else.
    #[error("{error}")]
    Rehearsed {
        /// The first obstacle.
        error: Box<Error>,
        /// The rehearsal's report.
        rehearsal: Map<String, Value>,
    },
    /// The arguments are not understood; clap wrote the message.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to write instead.
        help: String,
    },
    /// `cat --json`: bytes are not JSON.
    #[error("the file is no text of at most 16 MiB, so its bytes do not fit into JSON")]
    BytesAsJson,
    /// The working directory, from which a store is looked for, cannot be used.
    #[error("cannot look for a store from the working directory")]
    WorkingDirectory(#[source] io::Error),
    /// The working directory has a name that is not UTF-8.
    #[error("the working directory `{path}` has a name that is not UTF-8")]
    WorkingDirectoryName {
        /// Other bytes than UTF-8 are shown as U+FFFD.
        path: Utf8PathBuf,
    },
    /// The server cannot begin.
    #[cfg(feature = "serve")]
    #[error("cannot {action}")]
    Serve {
        /// What was tried.
        action: String,
        /// As the system said.
        source: io::Error,
    },
    /// A manual page cannot be written.
    #[error("cannot write {path}")]
    Page {
        /// Where it should go.
        path: Utf8PathBuf,
        /// As the system said.
        source: io::Error,
    },
    /// Standard output does not take what it should.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl Failure {
    /// Returns the library's error, where it is one.
    pub(crate) fn library(&self) -> Option<&Error> {
        match self {
            Self::Library(error) => Some(error),
            Self::Rehearsed { error, .. } => Some(error),
            Self::Usage { .. }
            | Self::BytesAsJson
            | Self::WorkingDirectory(_)
            | Self::WorkingDirectoryName { .. }
            | Self::Page { .. }
            | Self::Output(_) => None,
            #[cfg(feature = "serve")]
            Self::Serve { .. } => None,
        }
    }

    /// Returns the stable code that tells failures apart: the library's, or one of the few here.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Library(error) => error.code(),
            Self::Rehearsed { error, .. } => error.code(),
            Self::Usage { .. } | Self::BytesAsJson => "usage",
            Self::WorkingDirectory(_) | Self::WorkingDirectoryName { .. } => "working-directory",
            Self::Output(_) => "output",
            Self::Page { .. } => "page",
            #[cfg(feature = "serve")]
            Self::Serve { .. } => "serve",
        }
    }

    /// Returns who must act.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Library(error) => error.kind(),
            Self::Rehearsed { error, .. } => error.kind(),
            Self::Usage { .. } | Self::BytesAsJson | Self::WorkingDirectoryName { .. } => {
                Kind::Usage
            }
            Self::WorkingDirectory(_) | Self::Page { .. } | Self::Output(_) => Kind::Internal,
            #[cfg(feature = "serve")]
            Self::Serve { .. } => Kind::Internal,
        }
    }

    /// Returns the code that OpenViking's clients know.
    pub(crate) fn openviking_code(&self) -> &'static str {
        match self {
            Self::Library(error) => error.openviking_code(),
            Self::Rehearsed { error, .. } => error.openviking_code(),
            Self::Usage { .. }
            | Self::BytesAsJson
            | Self::WorkingDirectory(_)
            | Self::WorkingDirectoryName { .. }
            | Self::Page { .. }
            | Self::Output(_) => self.kind().openviking_code(),
            #[cfg(feature = "serve")]
            Self::Serve { .. } => self.kind().openviking_code(),
        }
    }

    /// Returns the facts under stable keys.
    pub(crate) fn details(&self) -> Map<String, Value> {
        match self {
            Self::Library(error) => error.details(),
            Self::Rehearsed { error, rehearsal } => {
                let mut details = error.details();
                details.insert("rehearsal".to_owned(), Value::Object(rehearsal.clone()));
                details
            }
            Self::WorkingDirectoryName { path } | Self::Page { path, .. } => {
                Map::from_iter([("path".to_owned(), Value::from(path.as_str()))])
            }
            Self::Usage { .. }
            | Self::BytesAsJson
            | Self::WorkingDirectory(_)
            | Self::Output(_) => Map::new(),
            #[cfg(feature = "serve")]
            Self::Serve { .. } => Map::new(),
        }
    }

    /// Returns the next step, where it does not depend on the command line that was given.
    pub(crate) fn help(&self) -> Option<&str> {
        match self {
            Self::Library(error) => error.help(),
            Self::Rehearsed { error, .. } => error.help(),
            Self::Usage { help, .. } => Some(help),
            Self::BytesAsJson => Some("leave --json out; `ovpack ls --json` tells a file's size"),
            Self::WorkingDirectory(_) | Self::WorkingDirectoryName { .. } => {
                Some("name the store with --store DIR")
            }
            #[cfg(feature = "serve")]
            Self::Serve { .. } => {
                Some("check the address, or the path of the file and who may read it")
            }
            Self::Page { .. } => Some("choose a directory that you may write in"),
            Self::Output(_) => Some("check where standard output goes; the store is not concerned"),
        }
    }

    /// Returns whether the reader of standard output has gone, which is no fault of anybody.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }
}
