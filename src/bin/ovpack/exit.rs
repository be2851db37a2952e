//! How the process ends: one enum, so that every exit code stands in one table.

use std::process::ExitCode;

use ovpack::Kind;

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked.
    Done,
    /// `status --exit-code` found drift.
    Drift,
    /// `salvage` could not save everything; what it saved is told.
    Incomplete,
    /// It failed; the kind says who must act.
    Failed(Kind),
}

impl Exit {
    /// Returns the process's exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Drift => Kind::Conflict.exit_code(),
            Self::Incomplete => Kind::BadPack.exit_code(),
            Self::Failed(kind) => kind.exit_code(),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let table = [
            (Exit::Done, 0),
            (Exit::Drift, 4),
            (Exit::Incomplete, 10),
            (Exit::Failed(Kind::Internal), 1),
            (Exit::Failed(Kind::Usage), 2),
            (Exit::Failed(Kind::Pending), 3),
            (Exit::Failed(Kind::Conflict), 4),
            (Exit::Failed(Kind::NoSpace), 5),
            (Exit::Failed(Kind::InDoubt), 6),
            (Exit::Failed(Kind::Busy), 7),
            (Exit::Failed(Kind::Damaged), 8),
            (Exit::Failed(Kind::NotFound), 9),
            (Exit::Failed(Kind::BadPack), 10),
            (Exit::Failed(Kind::Denied), 11),
            (Exit::Failed(Kind::Interrupted), 130),
        ];
        for (exit, code) in table {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }
}
