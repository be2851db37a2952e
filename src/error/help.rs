//! What to do about an error, in terms of the store.

use super::{Error, PlaceFault, UploadFault};

impl Error {
    /// Returns the next step; names acts, never a flag of the command line.
    #[expect(
        clippy::too_many_lines,
        clippy::match_same_arms,
        reason = "one arm for each error, in their order"
    )]
    pub fn help(&self) -> Option<&'static str> {
        let help = match self {
            Self::InvalidUri { .. } => {
                "write it as viking://resources/NAME, or resources/NAME for short"
            }
            Self::InvalidArgument { .. } => return None,
            Self::Refused { report, .. } => {
                return report.first().map(|finding| finding.rule.cure());
            }
            Self::PolicyFailed { .. } => {
                "correct the policy; no pack is taken in while one of its policies cannot be asked"
            }
            Self::StoreNotFound { .. } => "make a store with init, or name one",
            Self::StoreExists { .. } => "use it as it is, or choose another directory",
            Self::DirectoryNotEmpty { .. } => {
                "choose an empty directory; adopt takes over one that holds OpenViking content"
            }
            Self::NothingToAdopt { .. } => {
                "name the directory that holds the scope directories, such as WORKSPACE/viking/ACCOUNT"
            }
            Self::StoreNewer { .. } => {
                "use the version of ovpack that wrote the store, or a later one"
            }
            Self::StoreOlder { .. } => {
                "recover brings the store to this version; older programs cannot read it after that"
            }
            Self::StoreDamaged { .. } => {
                "take a copy of the store as it is; the live tree is plain files and can be read without ovpack"
            }
            Self::FileSystemUnsupported { .. } => {
                "put the store on a file system with atomic exchange, such as ext4, XFS, Btrfs or tmpfs; in a container, on a volume"
            }
            Self::OtherDevice { .. } => {
                "unmount it, or keep the content on the store's own file system"
            }
            Self::SymlinkOnPath { .. } => "replace the link by the directory that it points to",
            Self::SpecialFile { .. } => "move it out of the tree",
            Self::NameUnpackable { .. } => "rename it, or choose a layout that can carry it",
            Self::LayoutIncomplete { .. } => {
                "choose a layout that carries every scope, such as v2, or let them be left out"
            }
            Self::Place(PlaceFault::NoPlace { .. }) => "say where it goes by a map, or drop it",
            Self::Place(PlaceFault::Collision { .. }) => "map one of them elsewhere, or drop it",
            Self::Upload(UploadFault::TooLarge { .. }) => {
                "import it beside the store, or let the server take larger uploads"
            }
            Self::Upload(UploadFault::Full { .. }) => {
                "wait until others are used or expire, or let the server keep more"
            }
            Self::Upload(UploadFault::TooMany { .. }) => {
                "use those that were sent, or wait until some expire"
            }
            Self::Upload(UploadFault::NotFound { .. }) => {
                "send the pack again; an upload serves one act, and only whom it is from"
            }
            Self::ConfigInvalid { .. } => {
                "correct the file, or remove it: each setting has a default"
            }
            Self::FileChanging { .. } => "wait until its writer is done, then try again",
            Self::LiveTreeChanged { .. } => "wait until its writer is done, then try again",
            Self::UriNotFound { .. } => "list what is there with ls",
            Self::WrongEntryKind { .. } => "list what is there with ls",
            Self::FileNotFound { .. } => "check the path",
            Self::NotAFile { .. } => "name the pack file itself",
            Self::OutputExists { .. } => "choose another name, or allow to replace it",
            Self::TransactionNotFound { .. } => "list the transactions with log",
            Self::NotInEffect { .. } => {
                "show the transaction; one that was rolled back comes back by rolling back its rollback"
            }
            Self::NotInTransaction { .. } => "show the transaction; it lists what it changed",
            Self::NothingSelected { .. } => {
                "list what is in the pack with inspect; patterns match whole paths below its root"
            }
            Self::NothingToRedo { .. } => {
                "list the transactions with log; a redo takes a rollback back"
            }
            Self::SlotPruned { .. } => "the replaced tree is gone; restore it from a backup",
            Self::ContentNotHeld { .. } => {
                "the journal keeps digests for ever, but content only as long as a slot; look for it in the pack or in a backup"
            }
            Self::SlotDamaged { .. } => {
                "look at the slot before anything else; somebody changed it"
            }
            Self::Drift { .. } => "look at status; force keeps what drifted in the slot",
            Self::LaterTransactions { .. } => {
                "roll back the later transactions first, newest first, or all of them with it as one"
            }
            Self::InUse { .. } => {
                "stop OpenViking first; if the sign is stale, go on while it seems to run"
            }
            Self::Busy { .. } => "wait until it is done, or allow some time to wait",
            Self::Pending { .. } => {
                "the next writing act completes the journal by itself; or recover now"
            }
            Self::PruneUnfinished { .. } => {
                "every writing act tries to finish it; recover says what stands in the way"
            }
            Self::InDoubt { .. } => {
                "look at both trees, then recover forward to the new one or back to the old one"
            }
            Self::RecoveryPending { .. } => "recover, then try again",
            Self::JournalDamaged { .. } => {
                "make sure that a head kept elsewhere is of this store; take a copy of the store as it is, and compare it with such a head"
            }
            Self::QueryRefused { .. } => {
                "ask with one SELECT; docs/journal.md lists the views and their columns"
            }
            Self::QueryTimeout { .. } => "ask for less, or allow more time",
            Self::NoSpace { .. } => "free some space, or prune slots that are not needed any more",
            Self::TooLargeForDisk { .. } => {
                "free some space, or prune slots that are not needed any more"
            }
            Self::Io { .. } => "check the path and its permissions",
            Self::Database { .. } => "check that the disk is healthy and has space",
            Self::Interrupted => "run it again when you are ready",
        };
        Some(help)
    }
}
