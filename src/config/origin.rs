//! Who said what a setting is.

use std::fmt;

use camino::Utf8PathBuf;
use serde::Serialize;

/// Who said what a setting is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// A flag of the command line.
    Flag {
        /// As it is written.
        name: String,
    },
    /// A variable of the environment.
    Environment {
        /// Its name.
        name: String,
    },
    /// A file of settings.
    File {
        /// The file.
        path: Utf8PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// Nobody: it is what it is without.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { name } => write!(f, "flag {name}"),
            Self::Environment { name } => write!(f, "environment {name}"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Default => f.write_str("default"),
        }
    }
}
