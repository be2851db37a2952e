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
mod checks;
mod exchange;
mod intake;
mod journal;
mod live;
mod pack;
mod plan;
mod session;
mod slot;
mod staging;
mod stat_cache;
mod target;
mod tree;
mod unpack;
// acts: one story each
mod browse;
mod export;
mod history;
mod import;
mod init;
mod probe;
mod recover;
mod rollback;
mod status;
mod store;
mod transaction;
mod verify;

pub use browse::ListEntry;
pub use clock::rfc3339;
pub use control::{Control, Phase, Progress};
pub use digest::Digest;
pub use entry_path::{EntryKind, EntryPath, PathFault};
pub use error::{Error, Result};
pub use export::{ExportOptions, ExportReport};
pub use finding::{CheckReport, Finding, Rule};
pub use history::{EventReport, LogOptions, TransactionReport, TransactionSummary, UnitReport};
pub use id::{SlotId, TransactionId};
pub use import::{ImportOptions, OnConflict};
pub use journal::chain::{Head, JournalReport};
pub use kind::Kind;
pub use limits::Limits;
pub use pack::Layout;
pub use plan::{Change, ChangeCounts, ChangeKind, Version};
pub use recover::{Direction, RecoverOptions, RecoverReport, Settled};
pub use rollback::RollbackOptions;
pub use status::{DriftReport, StatusOptions, StatusReport};
pub use store::{OpenOptions, Store};
pub use transaction::Receipt;
pub use uri::{Scope, Uri, UriFault};
pub use verify::{
    InspectEntry, InspectRecord, InspectReport, VerifyOptions, VerifyReport, inspect, verify,
};
