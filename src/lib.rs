//! ovpack: the embedded transactional store for `OpenViking` content packs.
//!
//! A pack is staged in `SQLite`, checked by SQL queries, planned against the live tree, and committed
//! by exchanging one directory for another. What it replaced stays in a slot, a chained journal
//! records every step, and a rollback is one more exchange.
//!
//! - **All or nothing.** At every instant, a crash included, the live tree is exactly old or exactly
//!   new; an error says so unless its kind is [`Kind::Pending`] or [`Kind::InDoubt`].
//! - **Nothing unverified.** No byte goes live before names, structure, manifest, sizes and digests
//!   of the whole pack agree.
//! - **Bounded.** Memory does not grow with the pack, whatever it claims.
//! - **Quiet.** The library never reads the environment, never prints and never installs a signal
//!   handler; a caller watches and stops it by [`Control`].
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let directory = camino::Utf8Path::from_path(directory.path()).ok_or("not UTF-8")?;
//! use ovpack::{ExportOptions, ImportOptions, OpenOptions, RollbackOptions, Store, Uri};
//!
//! let store = Store::init(&directory.join("store"), &OpenOptions::default())?;
//! let parent: Uri = "viking://resources".parse()?;
//!
//! let pack = camino::Utf8Path::new("fixtures/v2flat-resources-click.ovpack");
//! let receipt = store.import(pack, &parent, &ImportOptions::default())?;
//! assert_eq!(receipt.uri.to_string(), "viking://resources/click");
//!
//! let exported = store.export(&receipt.uri, &directory.join("again"), &ExportOptions::default())?;
//! assert_eq!(exported.content_sha256, ovpack::verify(pack, &Default::default())?.content_sha256);
//!
//! let tx = receipt.transaction.ok_or("a commit has a transaction")?;
//! store.rollback(tx, &RollbackOptions::default())?;
//! assert!(store.list(&parent).is_err(), "what was created is gone again");
//! # Ok(())
//! # }
//! ```

// values: no I/O
mod clock;
mod control;
mod digest;
mod entry_path;
mod error;
mod finding;
mod fingerprint;
mod id;
mod jobs;
mod kind;
mod limits;
mod measure;
mod record;
mod selection;
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
mod assembly;
mod checks;
mod config;
mod exchange;
mod held;
mod index;
mod intake;
mod journal;
mod live;
mod neighbour;
mod outside;
mod pack;
mod plan;
mod policy;
mod session;
mod slot;
mod staging;
mod stat_cache;
mod target;
mod tree;
mod tree_sum;
mod unpack;
mod uploads;
// acts: one story each
mod audit;
mod browse;
mod convert;
mod doctor;
mod export;
mod history;
mod import;
mod init;
mod probe;
mod prune;
mod recover;
mod reindex;
mod revert;
mod rollback;
mod salvage;
mod status;
mod store;
mod transaction;
mod verify;
// what fuzzing calls
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

pub use audit::{
    ContentReport, DriftedPath, JournalCopy, JournalExportOptions, JournalExportReport,
    JournalFormat, JournalReport, JournalVerifyOptions, QueryOptions, QueryReport, QueryValue,
};
pub use browse::ListEntry;
pub use clock::{parse_time, rfc3339};
pub use config::{Origin, Retention, Setting, Settings};
pub use control::{Control, Phase, Progress};
pub use convert::{ConvertOptions, ConvertReport, Dropped, Mapped, Touched, UriMap, convert};
pub use digest::Digest;
pub use doctor::{Cure, DoctorCheck, DoctorOptions, DoctorReport, Health, doctor};
pub use entry_path::{EntryKind, EntryPath, PathFault};
pub use error::{Error, PlaceFault, Result, UploadFault};
pub use export::{ExportOptions, ExportReport, OmittedScope, SkippedPath, SkippedSpecial};
pub use finding::{CheckReport, Finding, Rule};
pub use held::Place;
pub use history::{
    DiffBody, DirectoryStat, EventReport, FileCounts, FileDiff, HistoryEntry, HistoryReport,
    LogOptions, Outcome, Present, RecordedFinding, RevertedPath, SlotDecisionReport, StatReport,
    TransactionReport, TransactionSummary, TreeEntry, UnitReport, Writer,
};
pub use id::{SlotId, TransactionId};
pub use import::{ImportOptions, OnConflict};
pub use index::{
    FindHit, FindOptions, FindReport, IndexCheckReport, IndexFault, IndexOptions, IndexStatus,
};
pub use init::InitOptions;
pub use jobs::Jobs;
pub use journal::chain::{Head, ParseHeadError};
pub use kind::Kind;
pub use limits::Limits;
pub use measure::{MeasureFault, parse_age, parse_bytes};
pub use outside::ensure_outside_of_trees;
pub use pack::{Layout, Level};
pub use plan::{Change, ChangeCounts, ChangeKind, Version};
pub use policy::PolicyRecord;
pub use prune::{PinReport, PinnedSlot, PruneOptions, PruneReport, SlotDecision};
pub use recover::{Direction, RecoverOptions, RecoverReport, Settled};
pub use rollback::{DriftCheck, OnLater, RollbackOptions, RollbackRehearsal};
pub use salvage::{
    ManifestState, Salvage, SalvageOptions, SalvageReport, SalvageState, SalvagedPath, salvage,
};
pub use selection::{Selection, SelectionPattern, Sense};
pub use status::{DriftReport, StatusOptions, StatusReport};
pub use store::{OpenOptions, Store};
pub use transaction::Receipt;
pub use uploads::{Outgoing, TakenUpload, Upload, UploadOptions, Uploads};
pub use uri::{Scope, Uri, UriFault};
pub use verify::{
    InspectEntry, InspectRecord, InspectReport, Inspection, VerifyOptions, VerifyReport, inspect,
    verify,
};
