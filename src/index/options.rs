//! What is asked of the index, and what it answers.

use serde::Serialize;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::uri::Uri;

/// How full text and vectors are brought up to date.
#[derive(Clone, Default)]
pub struct IndexOptions {
    /// The key for an embedding server, where it asks for one. The library reads no environment.
    pub key: Option<String>,
    /// Watches and stops the act; what is done by then stays done.
    pub control: Control,
}

impl std::fmt::Debug for IndexOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.key.as_ref().map(|_| "...");
        f.debug_struct("IndexOptions")
            .field("key", &key)
            .field("control", &self.control)
            .finish()
    }
}

/// What is looked for beside the words of a question.
#[derive(Clone, Debug)]
pub struct FindOptions {
    /// Only what is at and below this URI.
    pub uri: Option<Uri>,
    /// Only records whose scalar `type` is this one.
    pub kind: Option<String>,
    /// Only `resource`, `memory` or `skill`.
    pub context_type: Option<String>,
    /// Only records among whose `tags` this one is.
    pub tag: Option<String>,
    /// Only this level: 0 for abstracts, 1 for overviews, 2 for content.
    pub level: Option<u8>,
    /// Most answers, from 1 to 1,000.
    pub limit: usize,
    /// The key for an embedding server, where it asks for one.
    pub key: Option<String>,
}

impl Default for FindOptions {
    /// Anything, ten answers.
    fn default() -> Self {
        Self {
            uri: None,
            kind: None,
            context_type: None,
            tag: None,
            level: None,
            limit: 10,
            key: None,
        }
    }
}

impl FindOptions {
    /// Most answers that can be asked for.
    pub const LIMIT_MAX: usize = 1_000;

    /// Returns whether anything but the question limits what is found.
    pub(super) fn has_filter(&self) -> bool {
        self.uri.as_ref().is_some_and(|uri| !uri.is_root())
            || self.kind.is_some()
            || self.context_type.is_some()
            || self.tag.is_some()
            || self.level.is_some()
    }

    pub(super) fn ensure_valid(&self) -> Result<()> {
        let invalid = |argument, value: String, expected| {
            Err(Error::InvalidArgument {
                argument,
                value,
                expected,
            })
        };
        if self.limit == 0 || self.limit > Self::LIMIT_MAX {
            return invalid("limit", self.limit.to_string(), "a number from 1 to 1000");
        }
        if let Some(level) = self.level.filter(|level| *level > 2) {
            return invalid("level", level.to_string(), "0, 1 or 2");
        }
        let types = ["resource", "memory", "skill"];
        match &self.context_type {
            Some(other) if !types.contains(&other.as_str()) => {
                invalid("context_type", other.clone(), "resource, memory or skill")
            }
            _ => Ok(()),
        }
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindHit {
    /// What was found.
    pub uri: Uri,
    /// 0 for a directory's abstract, 1 for its overview, 2 for content.
    pub level: u8,
    /// The higher the better; only good for comparing answers to one question.
    pub score: f64,
    /// Its id in the index, which follows from URI and level.
    pub id: String,
    /// `resource`, `memory` or `skill`, as the URI says.
    pub context_type: String,
    /// The component after `user/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_user_id: Option<String>,
    /// The component after `agent/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_agent_id: Option<String>,
    /// The scalar `type` of its record.
    #[serde(skip_serializing_if = "Option::is_none", rename = "type")]
    pub kind: Option<String>,
    /// The name of its record, or of the file.
    pub name: String,
    /// What it is about: the record's abstract, or the beginning of the text.
    #[serde(rename = "abstract")]
    pub abstract_text: String,
    /// When a commit put it there (RFC 3339, UTC). What a rollback or a redo brings back has the times
    /// of the commit that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When a commit last wrote its content or its record (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// How often it was used: 0, since nobody counts here. Packs carry no counts.
    pub active_count: u64,
    /// The piece of its text that fits the question best, in one line.
    pub snippet: String,
}

/// The answers to a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindReport {
    /// The question.
    pub query: String,
    /// Best first.
    pub hits: Vec<FindHit>,
    /// Whether vectors were asked too.
    pub vectors: bool,
    /// Why not, where they should have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector_fault: Option<String>,
    /// Whether commits are in effect that full text does not know yet.
    pub is_behind: bool,
}

/// The state of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexStatus {
    /// Index records in effect.
    pub records: u64,
    /// What can be found: records, and files without one.
    pub documents: u64,
    /// Whether commits are in effect that full text does not know yet.
    pub is_behind: bool,
    /// Files that were not what the last commit left when they were read for full text.
    pub unread: u64,
    /// `builtin`, `openai` or `none`.
    pub embedder: &'static str,
    /// Which model makes vectors; `None` without an embedder.
    pub model: Option<String>,
    /// Length of its vectors, once one was made.
    pub dimensions: Option<u64>,
    /// Documents that have a vector of this model.
    pub vectors: u64,
    /// Documents that wait for one.
    pub pending: u64,
    /// Of those, documents that have one of another model.
    pub stale: u64,
    /// Why the last attempt at vectors ended early.
    pub failure: Option<String>,
    /// When that was (RFC 3339, UTC).
    pub failed_at: Option<String>,
}

/// One place where the index is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct IndexFault {
    /// Where.
    pub uri: String,
    /// At which level.
    pub level: u8,
    /// `missing`: a record should be there; `orphan`: nothing it could describe is; `stale`: it was
    /// written for other content; `unsaid`: what it says is gone; `unsearchable` and
    /// `searchable-orphan`: full text lacks it, or has what is not there.
    pub fault: &'static str,
}

/// What a check of the index found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexCheckReport {
    /// What was checked.
    pub uri: Uri,
    /// Records that were looked at.
    pub records: u64,
    /// What is wrong, by URI; the first 1,000.
    pub faults: Vec<IndexFault>,
    /// How much is wrong.
    pub total: u64,
    /// Whether full text lags behind the last commit, so that it could not be held against anything; the
    /// next question brings it up to date.
    pub is_behind: bool,
    /// Documents without a vector of the present model.
    pub without_vector: u64,
    /// The transaction that set records right; `None` where none had to be, or nobody asked for it.
    pub transaction: Option<crate::id::TransactionId>,
    /// Whether full text was brought up to date.
    pub is_fixed: bool,
}
