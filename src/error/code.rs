//! Codes and kinds: one each for every error.

use super::{Error, Kind, PlaceFault, UploadFault};

/// Makes the match and the list of codes from one table, so that the list lacks none.
macro_rules! codes {
    ($($error:pat => $code:literal,)*) => {
        impl Error {
            /// The codes of all errors; those of [`Error::Refused`] are in [`crate::Rule::ALL`].
            pub const CODES: &'static [&'static str] = &[$($code),*];

            /// Returns the error's code in kebab-case: never renamed, never used for something else.
            pub fn code(&self) -> &'static str {
                match self {
                    Self::Refused { report, .. } => report
                        .first()
                        .map_or("refused", |finding| finding.rule.code()),
                    $($error => $code,)*
                }
            }
        }
    };
}

codes! {
            Self::InvalidUri { .. } => "invalid-uri",
            Self::InvalidArgument { .. } => "invalid-argument",
            Self::PolicyFailed { .. } => "policy-failed",
            Self::StoreNotFound { .. } => "store-not-found",
            Self::StoreExists { .. } => "store-exists",
            Self::DirectoryNotEmpty { .. } => "directory-not-empty",
            Self::NothingToAdopt { .. } => "nothing-to-adopt",
            Self::StoreNewer { .. } => "store-newer",
            Self::StoreOlder { .. } => "store-older",
            Self::StoreDamaged { .. } => "store-damaged",
            Self::FileSystemUnsupported { .. } => "file-system-unsupported",
            Self::OtherDevice { .. } => "other-device",
            Self::SymlinkOnPath { .. } => "symlink-on-path",
            Self::SpecialFile { .. } => "special-file",
            Self::NameUnpackable { .. } => "name-unpackable",
            Self::LayoutIncomplete { .. } => "layout-incomplete",
            Self::Place(PlaceFault::NoPlace { .. }) => "no-place",
            Self::Place(PlaceFault::Collision { .. }) => "map-collision",
            Self::Upload(UploadFault::TooLarge { .. }) => "upload-too-large",
            Self::Upload(UploadFault::Full { .. } | UploadFault::TooMany { .. }) => "uploads-full",
            Self::Upload(UploadFault::NotFound { .. }) => "upload-not-found",
            Self::ConfigInvalid { .. } => "config-invalid",
            Self::FileChanging { .. } => "file-changing",
            Self::LiveTreeChanged { .. } => "live-tree-changed",
            Self::UriNotFound { .. } => "uri-not-found",
            Self::WrongEntryKind { .. } => "wrong-entry-kind",
            Self::FileNotFound { .. } => "file-not-found",
            Self::NotAFile { .. } => "not-a-file",
            Self::OutputExists { .. } => "output-exists",
            Self::TransactionNotFound { .. } => "transaction-not-found",
            Self::NotInEffect { .. } => "not-in-effect",
            Self::NotInTransaction { .. } => "not-in-transaction",
            Self::NothingSelected { .. } => "nothing-selected",
            Self::NothingToRedo { .. } => "nothing-to-redo",
            Self::SlotPruned { .. } => "slot-pruned",
            Self::ContentNotHeld { .. } => "content-not-held",
            Self::SlotDamaged { .. } => "slot-damaged",
            Self::Drift { .. } => "drift",
            Self::LaterTransactions { .. } => "later-transactions",
            Self::InUse { .. } => "in-use",
            Self::Busy { .. } => "busy",
            Self::Pending { .. } => "pending",
            Self::PruneUnfinished { .. } => "prune-unfinished",
            Self::InDoubt { .. } => "in-doubt",
            Self::RecoveryPending { .. } => "recovery-pending",
            Self::JournalDamaged { .. } => "journal-damaged",
            Self::QueryRefused { .. } => "query-refused",
            Self::QueryTimeout { .. } => "query-timeout",
            Self::NoSpace { .. } => "no-space",
            Self::TooLargeForDisk { .. } => "too-large-for-disk",
            Self::Io { .. } => "io",
            Self::Database { .. } => "database",
            Self::Interrupted => "interrupted",
}

impl Error {
    /// Returns who must act.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Refused { report, .. } => report
                .first()
                .map_or(Kind::BadPack, |finding| finding.rule.kind()),
            Self::InvalidUri { .. }
            | Self::InvalidArgument { .. }
            | Self::PolicyFailed { .. }
            | Self::ConfigInvalid { .. }
            | Self::StoreNewer { .. }
            | Self::StoreOlder { .. }
            | Self::FileSystemUnsupported { .. }
            | Self::OtherDevice { .. }
            | Self::NotAFile { .. }
            | Self::WrongEntryKind { .. }
            | Self::Upload(UploadFault::TooLarge { .. })
            | Self::QueryRefused { .. }
            | Self::QueryTimeout { .. } => Kind::Usage,
            Self::StoreNotFound { .. }
            | Self::NothingToAdopt { .. }
            | Self::UriNotFound { .. }
            | Self::FileNotFound { .. }
            | Self::TransactionNotFound { .. }
            | Self::NotInTransaction { .. }
            | Self::NothingSelected { .. }
            | Self::NothingToRedo { .. }
            | Self::Upload(UploadFault::NotFound { .. })
            | Self::SlotPruned { .. }
            | Self::ContentNotHeld { .. } => Kind::NotFound,
            Self::StoreExists { .. }
            | Self::DirectoryNotEmpty { .. }
            | Self::SymlinkOnPath { .. }
            | Self::SpecialFile { .. }
            | Self::NameUnpackable { .. }
            | Self::LayoutIncomplete { .. }
            | Self::Place(_)
            | Self::FileChanging { .. }
            | Self::LiveTreeChanged { .. }
            | Self::OutputExists { .. }
            | Self::NotInEffect { .. }
            | Self::Drift { .. }
            | Self::LaterTransactions { .. } => Kind::Conflict,
            Self::StoreDamaged { .. } | Self::SlotDamaged { .. } | Self::JournalDamaged { .. } => {
                Kind::Damaged
            }
            Self::InUse { .. } | Self::Busy { .. } => Kind::Busy,
            Self::Pending { .. } | Self::PruneUnfinished { .. } => Kind::Pending,
            Self::InDoubt { .. } | Self::RecoveryPending { .. } => Kind::InDoubt,
            Self::NoSpace { .. }
            | Self::TooLargeForDisk { .. }
            | Self::Upload(UploadFault::Full { .. } | UploadFault::TooMany { .. }) => Kind::NoSpace,
            Self::Io { .. } | Self::Database { .. } => Kind::Internal,
            Self::Interrupted => Kind::Interrupted,
        }
    }

    /// Returns the code that OpenViking's clients know: that of the kind, but for a bad URI.
    pub fn openviking_code(&self) -> &'static str {
        if matches!(self, Self::InvalidUri { .. }) {
            "INVALID_URI"
        } else {
            self.kind().openviking_code()
        }
    }
}
