//! The search: full text and vectors, merged by reciprocal rank.
//!
//! Each list votes with `1 / (60 + rank)`, so that scores of different kinds need no common scale
//! (<https://doi.org/10.1145/1571941.1572114>). What a path says at several levels of one directory
//! is one answer, under the level that fits best.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::thread;

use rusqlite::{OptionalExtension as _, ToSql};

use super::database::IndexDatabase;
use super::embedder::{self, EmbedFault};
use super::matching::{GRAMS, Table, WORDS, for_each_match};
use super::options::{FindHit, FindOptions, FindReport};
use super::packed;
use super::vectors::{self, Model};
use super::words::{Question, snippet};
use crate::clock;
use crate::config::IndexSettings;
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::fsops::Dir;
use crate::journal::Journal;
use crate::layout::Layout;
use crate::record::{self, TEXT_BYTES_MAX};
use crate::uri::Uri;

const READ: &str = "read the search index";

/// Damps the first ranks, as the method's authors found it best.
const RANK_OFFSET: f64 = 60.0;
/// Answers of each list that vote, for each answer asked for, and at least.
const VOTES_FACTOR: usize = 4;
const VOTES_MIN: usize = 50;
/// How much each list's votes count. Substrings of names are the coarsest sign.
const WORDS_WEIGHT: f64 = 1.0;
const GRAMS_WEIGHT: f64 = 0.5;
const VECTORS_WEIGHT: f64 = 0.8;
/// How many of the closest documents are looked at for each one that votes: some are hidden.
const NEAREST_FACTOR: usize = 20;

/// One document by its id, if it may be an answer.
const DOCUMENT: &str = "SELECT path, level, content_sha256, record_sha256, context_type, type, name, abstract FROM document
    WHERE id = :id AND is_live = 1
      AND (:path IS NULL OR path = :path OR substr(path, 1, length(:path) + 1) = :path || '/')
      AND (:level IS NULL OR level = :level) AND (:type IS NULL OR type = :type)
      AND (:context_type IS NULL OR context_type = :context_type)
      AND (:tag IS NULL OR instr(';' || replace(replace(tags, ',', ';'), '; ', ';') || ';', ';' || :tag || ';') > 0)";

/// Where a question looks.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    pub(super) database: &'a IndexDatabase,
    pub(super) layout: &'a Layout,
    pub(super) journal: &'a Journal,
    pub(super) live: &'a Dir,
    pub(super) settings: &'a IndexSettings,
    pub(super) options: &'a FindOptions,
}

/// A document that may be an answer.
struct Candidate {
    path: String,
    level: u8,
    content: Option<crate::digest::Digest>,
    record: Option<crate::digest::Digest>,
    context_type: String,
    kind: Option<String>,
    name: String,
    abstract_text: String,
}

impl Search<'_> {
    /// Answers a question.
    pub(super) fn find(&self, query: &str) -> Result<FindReport> {
        let question = Question::new(query);
        // It may be brought up to date in the middle: what was asked before that found less.
        let was_behind = self.database.is_behind(self.journal)?;
        let identity = embedder::identity(self.settings);
        let model = identity.map(|identity| vectors::model_named(self.database, &identity));
        // Without a vector to compare it with the question needs none.
        let asked = match model {
            Some(Ok(model)) => model,
            _ => None,
        };
        // A model takes as long to be read, and a server to answer, as all of full text.
        let (ranked, nearest) = thread::scope(|scope| {
            let (settings, key, layout) = (self.settings, self.options.key.clone(), self.layout);
            let most = self.nearest_max();
            let ask = move || {
                let model = asked?;
                let vector = embedder::vector_of(settings, key, query)?;
                Some(nearest_of(layout, model, vector, most))
            };
            let asking = thread::Builder::new().spawn_scoped(scope, ask.clone());
            let ranked = self.ranked(&question);
            let nearest = asking.map_or_else(
                |_| ask(),
                |asking| asking.join().unwrap_or_else(|panic| resume_unwind(panic)),
            );
            (ranked, nearest)
        });
        let mut votes = ranked?;
        let (vectors, vector_fault) = match (model, nearest) {
            (_, Some(Ok(ids))) => {
                votes.add(&self.visible(ids)?, VECTORS_WEIGHT);
                (true, None)
            }
            (_, Some(Err(why))) => (false, Some(why)),
            (Some(Err(error)), None) => (false, Some(error.to_string())),
            (_, None) => (false, None),
        };
        let is_behind = was_behind || self.database.is_behind(self.journal)?;
        let hits = self.hits(&question, votes, is_behind)?;
        Ok(FindReport {
            query: query.to_owned(),
            hits,
            vectors,
            vector_fault,
            is_behind,
        })
    }

    /// Asks full text.
    fn ranked(&self, question: &Question) -> Result<Votes> {
        let mut votes = Votes::default();
        for (table, terms, weight) in [
            (&WORDS, question.terms.clone(), WORDS_WEIGHT),
            (&GRAMS, question.pieces(), GRAMS_WEIGHT),
        ] {
            votes.add(&self.matching(table, &terms)?, weight);
        }
        Ok(votes)
    }

    /// Returns how many answers of each list vote.
    fn votes_of_list(&self) -> usize {
        let votes = self.options.limit.saturating_mul(VOTES_FACTOR);
        votes.max(VOTES_MIN)
    }

    /// Returns the documents that match and may be answers, best first.
    fn matching(&self, table: &Table, terms: &[String]) -> Result<Vec<i64>> {
        let (mut seen, mut ids) = (BTreeSet::new(), Vec::new());
        // What a filter leaves may be anywhere among the matches.
        let is_exact = self.options.has_filter();
        let connection = &self.database.connection;
        for_each_match(connection, table, terms, is_exact, &mut |id| {
            if seen.insert(id) && self.candidate(id)?.is_some() {
                ids.push(id);
            }
            Ok(ids.len() < self.votes_of_list())
        })?;
        Ok(ids)
    }

    fn filters<'p>(&'p self, path: &'p dyn ToSql) -> [(&'static str, &'p dyn ToSql); 5] {
        let options = self.options;
        [
            (":path", path),
            (":level", &options.level),
            (":type", &options.kind),
            (":context_type", &options.context_type),
            (":tag", &options.tag),
        ]
    }

    /// Returns the path that answers must be at or below; none for everything.
    fn path(&self) -> Option<String> {
        let uri = self.options.uri.as_ref().filter(|uri| !uri.is_root());
        uri.map(|uri| uri.path().to_string())
    }

    fn candidate(&self, id: i64) -> Result<Option<Candidate>> {
        let path = self.path();
        let path = path.as_deref();
        let mut values: Vec<(&str, &dyn ToSql)> = self.filters(&path).to_vec();
        values.push((":id", &id));
        let mut statement = self
            .database
            .connection
            .prepare_cached(DOCUMENT)
            .context(READ)?;
        let candidate = statement.query_row(values.as_slice(), |row| {
            Ok(Candidate {
                path: row.get(0)?,
                level: row.get(1)?,
                content: row.get(2)?,
                record: row.get(3)?,
                context_type: row.get(4)?,
                kind: row.get(5)?,
                name: row.get(6)?,
                abstract_text: row.get(7)?,
            })
        });
        candidate.optional().context(READ)
    }

    /// Returns how many of the closest documents are looked at.
    fn nearest_max(&self) -> usize {
        // What is hidden, or filtered out, comes between the answers.
        if self.options.has_filter() {
            usize::MAX
        } else {
            self.votes_of_list().saturating_mul(NEAREST_FACTOR)
        }
    }

    /// Returns the first of some documents that may be answers.
    fn visible(&self, nearest: Vec<i64>) -> Result<Vec<i64>> {
        let limit = self.votes_of_list();
        let mut ids = Vec::new();
        for id in nearest {
            if ids.len() >= limit {
                break;
            }
            if self.candidate(id)?.is_some() {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// Turns votes into answers: best first, one for each path.
    fn hits(&self, question: &Question, votes: Votes, is_behind: bool) -> Result<Vec<FindHit>> {
        let mut seen = BTreeSet::new();
        let mut hits = Vec::new();
        for (id, score) in votes.best_first() {
            if hits.len() >= self.options.limit {
                break;
            }
            let Some(candidate) = self.candidate(id)? else {
                continue;
            };
            if seen.contains(&candidate.path) || (is_behind && !self.is_in_effect(&candidate)?) {
                continue;
            }
            let Some(uri) = record::indexable(&candidate.path) else {
                continue;
            };
            seen.insert(candidate.path.clone());
            hits.push(self.hit(question, uri, candidate, score)?);
        }
        Ok(hits)
    }

    fn hit(
        &self,
        question: &Question,
        uri: Uri,
        candidate: Candidate,
        score: f64,
    ) -> Result<FindHit> {
        let text = self.text_of(&candidate);
        let text = if text.is_empty() {
            candidate.abstract_text.as_str()
        } else {
            text.as_str()
        };
        let (owner_user_id, owner_agent_id) = record::owners_of(&uri);
        let content = match (candidate.level, candidate.content) {
            (level @ 0..=1, Some(_)) => record::describing(&candidate.path, level),
            _ => candidate.path.clone(),
        };
        let place = (candidate.path.as_str(), candidate.level);
        let times = self.journal.times_of(&content, place, candidate.record)?;
        Ok(FindHit {
            id: record::id_of(&uri, candidate.level),
            snippet: snippet(text, question),
            level: candidate.level,
            score,
            context_type: candidate.context_type,
            owner_user_id,
            owner_agent_id,
            kind: candidate.kind,
            name: candidate.name,
            abstract_text: candidate.abstract_text,
            created_at: times.map(|times| clock::rfc3339(times.created_ms)),
            updated_at: times.map(|times| clock::rfc3339(times.updated_ms)),
            active_count: 0,
            uri,
        })
    }

    /// Returns whether the journal has the document's content and record in effect: full text that
    /// lags behind must not show what is gone.
    fn is_in_effect(&self, candidate: &Candidate) -> Result<bool> {
        let mut is_there = candidate.record.is_none() && candidate.content.is_none();
        let place = &candidate.path;
        match candidate.record {
            Some(record) => self.journal.for_each_indexed(place, &mut |row| {
                is_there |=
                    row.path == *place && row.level == candidate.level && row.record == record;
                Ok(())
            })?,
            None => self
                .journal
                .for_each_committed_in(place, false, &mut |entry| {
                    is_there |= entry.path == *place && entry.sha256 == candidate.content;
                    Ok(())
                })?,
        }
        Ok(is_there)
    }

    /// Returns the text that a snippet is cut of: the live file's beginning.
    fn text_of(&self, candidate: &Candidate) -> String {
        let path = match candidate.level {
            2 => candidate.path.clone(),
            level => record::describing(&candidate.path, level),
        };
        let mut bytes = Vec::new();
        let Ok(file) = self
            .live
            .open_steady(&path)
            .and_then(|_| self.live.open_file(&path))
        else {
            return String::new();
        };
        let mut beginning = std::io::Read::take(file, TEXT_BYTES_MAX);
        if std::io::Read::read_to_end(&mut beginning, &mut bytes).is_err() || bytes.contains(&0) {
            return String::new();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Votes of all lists for documents.
#[derive(Default)]
struct Votes(BTreeMap<i64, f64>);

impl Votes {
    /// Takes the votes of a list, best first.
    fn add(&mut self, ids: &[i64], weight: f64) {
        let mut rank = 0.0;
        for id in ids {
            rank += 1.0;
            *self.0.entry(*id).or_default() += weight / (RANK_OFFSET + rank);
        }
    }

    fn best_first(self) -> Vec<(i64, f64)> {
        let mut votes: Vec<_> = self.0.into_iter().collect();
        votes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        votes
    }
}

/// Asks the vectors, on a connection of its own; whatever is wrong with them, full text has answered.
fn nearest_of(
    layout: &Layout,
    model: Model,
    vector: Result<Vec<f32>, EmbedFault>,
    most: usize,
) -> Result<Vec<i64>, String> {
    let vector = vector.map_err(|fault| fault.to_string())?;
    let (found, expected) = (vector.len(), model.dimensions());
    if found != expected {
        return Err(EmbedFault::Dimensions { found, expected }.to_string());
    }
    packed::nearest(layout, model, &vector, most).map_err(|error| error.to_string())
}
