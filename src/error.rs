//! The one error of the library: what stops an act, and whose kind decides exit code and HTTP status.
//! What SQL can ask of staged rows is a finding, and all of them stand in one [`Error::Refused`].

mod code;
mod details;
mod errno;
mod help;
mod make;
mod message;
mod place_fault;
mod upload_fault;

use std::io;

use camino::Utf8PathBuf;

use crate::finding::CheckReport;
use crate::id::TransactionId;
pub(crate) use crate::kind::Kind;
use crate::uri::{Uri, UriFault};
pub use place_fault::PlaceFault;
pub use upload_fault::UploadFault;

/// A result with this library's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an act did not succeed.
///
/// Unless its kind is [`Kind::Pending`] or [`Kind::InDoubt`], the live tree is exactly as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "where the only field is a path, the variant says whose"
)]
pub enum Error {
    /// A text is no `viking://` URI.
    #[error("`{text}` is not a URI: {fault}")]
    InvalidUri {
        /** As given. */
        text: String,
        /** Why not. */
        fault: UriFault,
    },
    /// An argument's value is not one of those that it may have.
    #[error("{argument} is `{value}`; expected {expected}")]
    InvalidArgument {
        /** Its name. */
        argument: &'static str,
        /** As given. */
        value: String,
        /** What it may be. */
        expected: &'static str,
    },
    /// A pack breaks rules.
    #[error("{}", message::refused(pack, report))]
    Refused {
        /** The pack file. */
        pack: Utf8PathBuf,
        /** What was found. */
        report: Box<CheckReport>,
    },
    /// A policy cannot be read, is no query, or ends in an error.
    #[error("policy {path} cannot be asked: {detail}")]
    PolicyFailed {
        /** Its file. */
        path: Utf8PathBuf,
        /** Why. */
        detail: String,
    },
    /// A directory is no store, nor is one above it.
    #[error("{path} is not a store")]
    StoreNotFound { path: Utf8PathBuf },
    /// A store is there already.
    #[error("{path} is a store already")]
    StoreExists { path: Utf8PathBuf },
    /// A directory that should become a store holds something.
    #[error("{path} is not empty")]
    DirectoryNotEmpty { path: Utf8PathBuf },
    /// A directory that should be adopted holds no scope directory.
    #[error("{path} holds none of the directories resources, user, agent, session")]
    NothingToAdopt { path: Utf8PathBuf },
    /// The store was written by a newer version.
    #[error("{path} has store version {found}; this program reads up to {supported}")]
    StoreNewer {
        /** The store. */
        path: Utf8PathBuf,
        /** Its version. */
        found: i64,
        /** The newest known. */
        supported: i64,
    },
    /// The store was written by an older version, and nothing has written to it since.
    #[error("{path} has store version {found}; this program reads {supported}")]
    StoreOlder {
        /** The store. */
        path: Utf8PathBuf,
        /** Its version. */
        found: i64,
        /** The version that is read. */
        supported: i64,
    },
    /// A file of the store is not a database of ours, or cannot be read as one.
    #[error("{path} is damaged: {detail}")]
    StoreDamaged {
        /** The file. */
        path: Utf8PathBuf,
        /** What is wrong. */
        detail: String,
    },
    /// The file system cannot do what a commit needs.
    #[error("{path}: the file system cannot {ability}")]
    FileSystemUnsupported {
        /** The probed directory. */
        path: Utf8PathBuf,
        /** What failed. */
        ability: &'static str,
        /** Why. */
        source: io::Error,
    },
    /// A mount or another device below a root: exchanging it would carry the mount away.
    #[error("{path} is a mount point or lies on another device than the store")]
    OtherDevice { path: Utf8PathBuf },
    /// A symbolic link as a root or on the way to it.
    #[error("{path} is a symbolic link")]
    SymlinkOnPath { path: Utf8PathBuf },
    /// A symbolic link, FIFO, socket or device in a live tree.
    #[error("{path} is a {what}, which no pack can hold")]
    SpecialFile {
        /** The file. */
        path: Utf8PathBuf,
        /** What it is. */
        what: &'static str,
    },
    /// A live file or directory has a name that no pack can hold.
    #[error("{path} cannot be packed: {why}")]
    NameUnpackable {
        /** The file; other bytes than UTF-8 are shown as U+FFFD. */
        path: String,
        /** Which rule forbids it. */
        why: String,
    },
    /// A backup in this layout would leave scopes out that hold something, and was asked not to.
    #[error("{}", message::layout_incomplete(layout, scopes))]
    LayoutIncomplete {
        /** The layout. */
        layout: &'static str,
        /** The scopes. */
        scopes: Vec<Uri>,
    },
    /// Content has no place in the pack that it is converted into.
    #[error("{0}")]
    Place(PlaceFault),
    /// A server does not take a pack in, or does not find it again.
    #[error("{0}")]
    Upload(UploadFault),
    /// The store's settings cannot be used.
    #[error("{path} cannot be used: {detail}")]
    ConfigInvalid {
        /** The file. */
        path: Utf8PathBuf,
        /** What is wrong, and where. */
        detail: String,
    },
    /// A live file changed while it was read, again and again.
    #[error("{path} changes while it is read")]
    FileChanging { path: Utf8PathBuf },
    /// The tree changed between the plan and the exchange.
    #[error("{path} changed since it was planned to be replaced")]
    LiveTreeChanged { path: Utf8PathBuf },
    /// No such URI in the live tree.
    #[error("{uri} does not exist")]
    UriNotFound {
        /** The URI. */
        uri: Uri,
    },
    /// A URI names a directory where a file is needed, or the other way round.
    #[error("{uri} is not a {expected}")]
    WrongEntryKind {
        /** The URI. */
        uri: Uri,
        /** `file` or `directory`. */
        expected: &'static str,
    },
    /// No such file outside of the store, such as a pack.
    #[error("{path} does not exist")]
    FileNotFound { path: Utf8PathBuf },
    /// A path names a directory or a special file where a pack is needed.
    #[error("{path} is a {what}, not a pack file")]
    NotAFile {
        /** The path. */
        path: Utf8PathBuf,
        /** What it is. */
        what: &'static str,
    },
    /// A file should not be replaced.
    #[error("{path} exists")]
    OutputExists { path: Utf8PathBuf },
    /// No such transaction.
    #[error("there is no transaction {tx}")]
    TransactionNotFound {
        /** Its id. */
        tx: TransactionId,
    },
    /// A transaction that cannot be rolled back: not committed, or rolled back already.
    #[error("{tx} cannot be rolled back: it is {state}")]
    NotInEffect {
        /** Its id. */
        tx: TransactionId,
        /** Its state. */
        state: String,
    },
    /// A transaction did not move what is at a URI.
    #[error("{tx} did not touch {uri}")]
    NotInTransaction {
        /** The transaction. */
        tx: TransactionId,
        /** The URI. */
        uri: Uri,
    },
    /// Patterns that select nothing of a pack.
    #[error("{patterns}: matches nothing in {pack}")]
    NothingSelected {
        /** The pack. */
        pack: Utf8PathBuf,
        /** The pattern that matches nothing, or all of them where together they leave nothing. */
        patterns: String,
    },
    /// No rollback that could be taken back.
    #[error("{}", message::nothing_to_redo(*tx, *last))]
    NothingToRedo {
        /** The one that was asked for. */
        tx: Option<TransactionId>,
        /** The last commit. */
        last: Option<TransactionId>,
    },
    /// The trees that a rollback needs were pruned.
    #[error("{tx} cannot be rolled back: its slot {slot} was pruned")]
    SlotPruned {
        /** Its id. */
        tx: TransactionId,
        /** The slot. */
        slot: String,
    },
    /// Content of the past that neither the live tree nor a slot holds.
    #[error("{uri} as of {tx} is not held: {why}")]
    ContentNotHeld {
        /** The URI. */
        uri: Uri,
        /** As of right after this transaction. */
        tx: TransactionId,
        /** Where it went, as far as the journal tells. */
        why: String,
    },
    /// A slot does not hold what the journal says.
    #[error("slot {slot} of {tx} is not what was recorded: {detail}")]
    SlotDamaged {
        /** The transaction. */
        tx: TransactionId,
        /** The slot. */
        slot: String,
        /** What differs. */
        detail: String,
    },
    /// Live files differ from what the last commit left.
    #[error("{}", message::drift(paths, *total))]
    Drift {
        /** The first of them. */
        paths: Vec<String>,
        /** How many. */
        total: u64,
    },
    /// Later transactions on the same roots are still in effect.
    #[error("{}", message::later_transactions(*tx, later))]
    LaterTransactions {
        /** The one to roll back. */
        tx: TransactionId,
        /** Those in the way, newest first. */
        later: Vec<TransactionId>,
    },
    /// Another program works on an adopted directory.
    #[error("{path} is {sign}")]
    InUse {
        /** The sign of it. */
        path: Utf8PathBuf,
        /** What it is. */
        sign: &'static str,
    },
    /// Another process holds the lock.
    #[error("another process is working on {path}")]
    Busy { path: Utf8PathBuf },
    /// The exchange is done; only its last journal row is missing.
    #[error("{tx} is in place, but the journal could not be completed")]
    Pending {
        /** The transaction. */
        tx: TransactionId,
        /** Why. */
        source: Box<Self>,
    },
    /// A prune, a pin or an unpin is decided, and only a part of it done.
    #[error("{tx} is decided, but could not be finished")]
    PruneUnfinished {
        /** The transaction. */
        tx: TransactionId,
        /** Why. */
        source: Box<Self>,
    },
    /// Recovery finds neither the old nor the new tree in place.
    #[error(
        "{tx} is in doubt: {path} should be the old tree ({old}) or the new one ({new}); it is {found}"
    )]
    InDoubt {
        /** The transaction. */
        tx: TransactionId,
        /** The place. */
        path: Utf8PathBuf,
        /** Old inode and digest. */
        old: String,
        /** New inode and digest. */
        new: String,
        /** What is there. */
        found: String,
    },
    /// A crash must be recovered from first, and this act must not do it.
    #[error("{path} needs recovery first")]
    RecoveryPending { path: Utf8PathBuf },
    /// The journal's chain or rows are not what they were.
    #[error("the journal is damaged at event {seq}: {row}: {detail}")]
    JournalDamaged {
        /** The first bad event; where no event covers the row, the last one that there is. */
        seq: i64,
        /** The row: its table, and its primary key as a JSON list. */
        row: String,
        /** What differs. */
        detail: String,
    },
    /// A question to the journal is not one reading statement, or SQL does not understand it.
    #[error("the query is refused: {detail}")]
    QueryRefused {
        /** Why. */
        detail: String,
    },
    /// A question to the journal was not answered in time.
    #[error("the query is not answered after {seconds} s")]
    QueryTimeout {
        /** How long it had. */
        seconds: u64,
    },
    /// The disk or a quota is full.
    #[error("no space left: cannot {action} {path}")]
    NoSpace {
        /** What was tried. */
        action: &'static str,
        /** On what. */
        path: Utf8PathBuf,
        /** As the system said. */
        source: io::Error,
    },
    /// A pack, or a tree that is put together, takes more than the disk has free.
    #[error("{path} takes {needed_bytes} bytes; {free_bytes} bytes are free")]
    TooLargeForDisk {
        /** The pack, or the live tree. */
        path: Utf8PathBuf,
        /** Needed. */
        needed_bytes: u64,
        /** Free. */
        free_bytes: u64,
    },
    /// The system refused an operation on a file.
    #[error("cannot {action} {path}")]
    Io {
        /** What was tried. */
        action: &'static str,
        /** On what. */
        path: Utf8PathBuf,
        /** As the system said. */
        source: io::Error,
    },
    /// `SQLite` refused an operation.
    #[error("cannot {action}")]
    Database {
        /** What was tried. */
        action: &'static str,
        /** As `SQLite` said. */
        source: rusqlite::Error,
    },
    /// The caller asked to stop before the exchange.
    #[error("interrupted; nothing was changed")]
    Interrupted,
}
