//! ovpack: the embedded transactional store for `OpenViking` content packs.

// values: no I/O
mod clock;
mod control;
mod digest;
mod entry_path;
mod error;
mod finding;
mod id;
mod kind;
mod limits;
mod uri;
// ground: files and SQLite, no domain nouns
mod db;
#[cfg(feature = "fault")]
#[doc(hidden)]
pub mod fault;
#[cfg(not(feature = "fault"))]
mod fault;
mod fsops;
mod layout;
mod lock;
// pieces: one noun each
mod pack;
mod tree;
mod stat_cache;
mod staging;
mod checks;
mod slot;
mod plan;
mod journal;
mod exchange;
mod session;
mod intake;
mod target;
mod unpack;
// acts: one story each
mod probe;
mod export;
mod transaction;
mod recover;
mod import;
mod rollback;
mod verify;
mod history;
mod status;
mod browse;
mod init;
mod store;

pub use clock::rfc3339;
pub use control::{Control, Phase, Progress};
pub use digest::Digest;
pub use entry_path::{EntryKind, EntryPath, PathFault};
pub use error::{Error, Result};
pub use export::{ExportOptions, ExportReport};
pub use finding::{CheckReport, Finding, Rule};
pub use browse::ListEntry;
pub use history::{EventReport, LogOptions, TransactionReport, TransactionSummary, UnitReport};
pub use journal::chain::{Head, JournalReport};
pub use status::{DriftReport, StatusOptions, StatusReport};
pub use id::{SlotId, TransactionId};
pub use import::{ImportOptions, OnConflict};
pub use kind::Kind;
pub use limits::Limits;
pub use pack::Layout;
pub use plan::{Change, ChangeCounts, ChangeKind, Version};
pub use recover::{Direction, RecoverOptions, RecoverReport, Settled};
pub use rollback::RollbackOptions;
pub use store::{OpenOptions, Store};
pub use transaction::Receipt;
pub use uri::{Scope, Uri, UriFault};
pub use verify::{
    InspectEntry, InspectRecord, InspectReport, VerifyOptions, VerifyReport, inspect, verify,
};
