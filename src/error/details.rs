//! Facts of an error under stable keys, for JSON.

use serde_json::{Map, Value, json};

use super::{Error, PlaceFault, UploadFault};

impl Error {
    /// Returns the error's facts under stable keys.
    #[expect(
        clippy::too_many_lines,
        clippy::match_same_arms,
        reason = "one arm for each error, in their order"
    )]
    pub fn details(&self) -> Map<String, Value> {
        let facts = match self {
            Self::InvalidUri { text, fault } => {
                json!({ "text": text.as_str(), "fault": fault.to_string() })
            }
            Self::InvalidArgument {
                argument,
                value,
                expected,
            } => json!({ "argument": *argument, "value": value.as_str(), "expected": *expected }),
            Self::Refused { pack, report } => {
                json!({ "pack": pack.as_str(), "findings": &report.findings, "total": report.total })
            }
            Self::PolicyFailed { path, detail } => {
                json!({ "path": path.as_str(), "detail": detail.as_str() })
            }
            Self::StoreNotFound { path } => json!({ "path": path.as_str() }),
            Self::StoreExists { path } => json!({ "path": path.as_str() }),
            Self::DirectoryNotEmpty { path } => json!({ "path": path.as_str() }),
            Self::NothingToAdopt { path } => json!({ "path": path.as_str() }),
            Self::StoreNewer {
                path,
                found,
                supported,
            }
            | Self::StoreOlder {
                path,
                found,
                supported,
            } => json!({ "path": path.as_str(), "found": *found, "supported": *supported }),
            Self::StoreDamaged { path, detail } => {
                json!({ "path": path.as_str(), "detail": detail.as_str() })
            }
            Self::FileSystemUnsupported {
                path,
                ability,
                source: _,
            } => json!({ "path": path.as_str(), "ability": *ability }),
            Self::OtherDevice { path } => json!({ "path": path.as_str() }),
            Self::SymlinkOnPath { path } => json!({ "path": path.as_str() }),
            Self::SpecialFile { path, what } => json!({ "path": path.as_str(), "what": *what }),
            Self::NameUnpackable { path, why } => {
                json!({ "path": path.as_str(), "why": why.as_str() })
            }
            Self::LayoutIncomplete { layout, scopes } => {
                json!({ "layout": *layout, "scopes": scopes })
            }
            Self::Place(PlaceFault::NoPlace {
                layout,
                paths,
                total,
                places,
            }) => {
                let places: Vec<_> = places
                    .iter()
                    .map(|(from, to)| json!({ "from": from, "to": to }))
                    .collect();
                json!({ "layout": *layout, "paths": paths, "total": *total, "places": places })
            }
            Self::Place(PlaceFault::Collision { uri, first, second }) => json!({
                "uri": uri.as_str(), "first": first.as_str(), "second": second.as_str()
            }),
            Self::Upload(
                UploadFault::TooLarge { limit_bytes } | UploadFault::Full { limit_bytes },
            ) => json!({ "limit_bytes": *limit_bytes }),
            Self::Upload(UploadFault::TooMany { limit_uploads }) => {
                json!({ "limit_uploads": *limit_uploads })
            }
            Self::Upload(UploadFault::NotFound { id }) => json!({ "id": id.as_str() }),
            Self::ConfigInvalid { path, detail } => {
                json!({ "path": path.as_str(), "detail": detail.as_str() })
            }
            Self::FileChanging { path } => json!({ "path": path.as_str() }),
            Self::LiveTreeChanged { path } => json!({ "path": path.as_str() }),
            Self::UriNotFound { uri } => json!({ "uri": uri.to_string() }),
            Self::WrongEntryKind { uri, expected } => {
                json!({ "uri": uri.to_string(), "expected": *expected })
            }
            Self::FileNotFound { path } => json!({ "path": path.as_str() }),
            Self::NotAFile { path, what } => json!({ "path": path.as_str(), "what": *what }),
            Self::OutputExists { path } => json!({ "path": path.as_str() }),
            Self::TransactionNotFound { tx } => json!({ "tx": tx.to_string() }),
            Self::NotInEffect { tx, state } => {
                json!({ "tx": tx.to_string(), "state": state.as_str() })
            }
            Self::NotInTransaction { tx, uri } => {
                json!({ "tx": tx.to_string(), "uri": uri.to_string() })
            }
            Self::NothingSelected { pack, patterns } => {
                json!({ "pack": pack.as_str(), "patterns": patterns.as_str() })
            }
            Self::NothingToRedo { tx, last } => {
                json!({ "tx": tx.map(|tx| tx.to_string()), "last": last.map(|tx| tx.to_string()) })
            }
            Self::SlotPruned { tx, slot } => json!({ "tx": tx.to_string(), "slot": slot.as_str() }),
            Self::ContentNotHeld { uri, tx, why } => {
                json!({ "uri": uri.to_string(), "tx": tx.to_string(), "why": why.as_str() })
            }
            Self::SlotDamaged { tx, slot, detail } => {
                json!({ "tx": tx.to_string(), "slot": slot.as_str(), "detail": detail.as_str() })
            }
            Self::Drift { paths, total } => json!({ "paths": paths.clone(), "total": *total }),
            Self::LaterTransactions { tx, later } => {
                json!({ "tx": tx.to_string(), "later": later.iter().map(ToString::to_string).collect::<Vec<_>>() })
            }
            Self::InUse { path, sign } => json!({ "path": path.as_str(), "sign": *sign }),
            Self::Busy { path } => json!({ "path": path.as_str() }),
            Self::Pending { tx, source } => json!({ "tx": tx.to_string(), "cause": source.code() }),
            Self::PruneUnfinished { tx, source } => {
                json!({ "tx": tx.to_string(), "cause": source.code() })
            }
            Self::InDoubt {
                tx,
                path,
                old,
                new,
                found,
            } => {
                json!({ "tx": tx.to_string(), "path": path.as_str(), "old": old.as_str(), "new": new.as_str(), "found": found.as_str() })
            }
            Self::RecoveryPending { path } => json!({ "path": path.as_str() }),
            Self::JournalDamaged { seq, row, detail } => {
                json!({ "seq": *seq, "row": row.as_str(), "detail": detail.as_str() })
            }
            Self::QueryRefused { detail } => json!({ "detail": detail.as_str() }),
            Self::QueryTimeout { seconds } => json!({ "seconds": *seconds }),
            Self::NoSpace {
                action,
                path,
                source: _,
            } => json!({ "action": *action, "path": path.as_str(), "errno": self.errno() }),
            Self::TooLargeForDisk {
                path,
                needed_bytes,
                free_bytes,
            } => {
                json!({ "path": path.as_str(), "needed_bytes": *needed_bytes, "free_bytes": *free_bytes })
            }
            Self::Io {
                action,
                path,
                source,
            } => {
                json!({ "action": *action, "path": path.as_str(), "os": source.to_string(), "errno": self.errno() })
            }
            Self::Database { action, source } => {
                json!({ "action": *action, "sqlite": source.to_string() })
            }
            Self::Interrupted => json!({}),
        };
        if let Value::Object(facts) = facts {
            facts
        } else {
            Map::new()
        }
    }
}
