//! The kinds of errors and findings: who must act.

/// Who must act on an error. Decides exit code, HTTP status and OpenViking's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Our fault, or an I/O error before anything changed.
    Internal,
    /// Bad arguments.
    Usage,
    /// The new tree is in place; the journal will be completed by the next writing act.
    Pending,
    /// The target exists, drift, or a later transaction in the way.
    Conflict,
    /// Disk full or quota.
    NoSpace,
    /// Recovery cannot decide; an operator must.
    InDoubt,
    /// Another process holds the lock.
    Busy,
    /// Journal or slot is not what was recorded.
    Damaged,
    /// No such URI, file, transaction or store.
    NotFound,
    /// The pack is refused, at all or for this verb or target; nothing changed.
    BadPack,
    /// Missing or wrong key, or a role that may not.
    Denied,
    /// Stopped by the user before the exchange; nothing changed.
    Interrupted,
}

impl Kind {
    /// Returns the process's exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Pending => 3,
            Self::Conflict => 4,
            Self::NoSpace => 5,
            Self::InDoubt => 6,
            Self::Busy => 7,
            Self::Damaged => 8,
            Self::NotFound => 9,
            Self::BadPack => 10,
            Self::Denied => 11,
            Self::Interrupted => 130,
        }
    }

    /// Returns the code that OpenViking's clients know.
    pub const fn openviking_code(self) -> &'static str {
        match self {
            Self::Internal | Self::Pending => "INTERNAL",
            Self::Usage | Self::BadPack => "INVALID_ARGUMENT",
            Self::Conflict => "CONFLICT",
            Self::NoSpace => "RESOURCE_EXHAUSTED",
            Self::InDoubt | Self::Damaged => "FAILED_PRECONDITION",
            Self::Busy => "RESOURCE_BUSY",
            Self::NotFound => "NOT_FOUND",
            Self::Denied => "PERMISSION_DENIED",
            Self::Interrupted => "CANCELLED",
        }
    }
}
