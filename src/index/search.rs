//! The search: full text and vectors, merged by reciprocal rank.
//!
//! Each list votes with `1 / (60 + rank)`, so that scores of different kinds need no common scale
//! (<https://doi.org/10.1145/1571941.1572114>). What a path says at several levels of one directory
//! is one answer, under the level that fits best.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{ToSql, named_params};

use super::database::IndexDatabase;
use super::embedder;
use super::options::{FindHit, FindOptions, FindReport};
use super::vectors;
use super::words::{Question, snippet};
use crate::config::IndexSettings;
use crate::control::Control;
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::fsops::Dir;
use crate::journal::Journal;
use crate::record::{self, TEXT_BYTES_MAX};

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

const WORDS: &str = "SELECT document.id FROM words JOIN document ON document.id = words.rowid
    WHERE words MATCH :query AND is_live = 1
      AND (:path IS NULL OR path = :path OR substr(path, 1, length(:path) + 1) = :path || '/')
      AND (:level IS NULL OR level = :level) AND (:type IS NULL OR type = :type)
      AND (:context_type IS NULL OR context_type = :context_type)
      AND (:tag IS NULL OR instr(';' || replace(replace(tags, ',', ';'), '; ', ';') || ';', ';' || :tag || ';') > 0)
    ORDER BY bm25(words, 6.0, 3.0, 1.0), document.id LIMIT :limit";

const GRAMS: &str = "SELECT document.id FROM grams JOIN document ON document.id = grams.rowid
    WHERE grams MATCH :query AND is_live = 1
      AND (:path IS NULL OR path = :path OR substr(path, 1, length(:path) + 1) = :path || '/')
      AND (:level IS NULL OR level = :level) AND (:type IS NULL OR type = :type)
      AND (:context_type IS NULL OR context_type = :context_type)
      AND (:tag IS NULL OR instr(';' || replace(replace(tags, ',', ';'), '; ', ';') || ';', ';' || :tag || ';') > 0)
    ORDER BY bm25(grams), document.id LIMIT :limit";

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
        let votes_of_list = self
            .options
            .limit
            .saturating_mul(VOTES_FACTOR)
            .max(VOTES_MIN);
        let mut votes: BTreeMap<i64, f64> = BTreeMap::new();
        let mut vote = |ids: Vec<i64>, weight: f64| {
            let mut rank = 0.0;
            for id in ids {
                rank += 1.0;
                *votes.entry(id).or_default() += weight / (RANK_OFFSET + rank);
            }
        };
        if let Some(words) = question.words_query() {
            vote(self.matching(WORDS, &words, votes_of_list)?, WORDS_WEIGHT);
        }
        if let Some(grams) = question.grams_query() {
            vote(self.matching(GRAMS, &grams, votes_of_list)?, GRAMS_WEIGHT);
        }
        let nearest = self.nearest(query, votes_of_list);
        let (vectors, vector_fault) = match nearest {
            Nearest::Found(ids) => {
                vote(ids, VECTORS_WEIGHT);
                (true, None)
            }
            Nearest::NotAsked => (false, None),
            Nearest::Failed(why) => (false, Some(why)),
        };
        let is_behind = self.database.is_behind(self.journal)?;
        let hits = self.hits(&question, votes, is_behind)?;
        Ok(FindReport {
            query: query.to_owned(),
            hits,
            vectors,
            vector_fault,
            is_behind,
        })
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

    fn matching(&self, sql: &'static str, query: &str, limit: usize) -> Result<Vec<i64>> {
        let path = self.path();
        let path = path.as_deref();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut values: Vec<(&str, &dyn ToSql)> = self.filters(&path).to_vec();
        values.extend_from_slice(named_params! {":query": query, ":limit": limit});
        let mut statement = self.database.connection.prepare_cached(sql).context(READ)?;
        let ids = statement
            .query_map(values.as_slice(), |row| row.get(0))
            .context(READ)?;
        ids.collect::<rusqlite::Result<_>>().context(READ)
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
        match candidate {
            Ok(candidate) => Ok(Some(candidate)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(crate::db::failed(READ, error)),
        }
    }

    /// Asks the vectors; whatever is wrong with them, full text has answered already.
    fn nearest(&self, query: &str, limit: usize) -> Nearest {
        let Some(identity) = embedder::identity(self.settings) else {
            return Nearest::NotAsked;
        };
        match vectors::model_named(self.database, &identity) {
            Ok(Some(model)) => self
                .nearest_of(query, model, limit)
                .unwrap_or_else(Nearest::Failed),
            Ok(None) => Nearest::NotAsked,
            Err(error) => Nearest::Failed(error.to_string()),
        }
    }

    fn nearest_of(
        &self,
        query: &str,
        model: vectors::Model,
        limit: usize,
    ) -> Result<Nearest, String> {
        let Some(made) = embedder::make(self.settings, self.options.key.clone()) else {
            return Ok(Nearest::NotAsked);
        };
        let embedder = made.map_err(|fault| fault.to_string())?;
        let texts = [query.to_owned()];
        let made = embedder.embed(&texts, &Control::default());
        let vectors = made.map_err(|fault| fault.to_string())?;
        let vector = vectors.into_iter().next().unwrap_or_default();
        if vector.len() != model.dimensions() {
            let (found, expected) = (vector.len(), model.dimensions());
            return Err(embedder::EmbedFault::Dimensions { found, expected }.to_string());
        }
        let scored = vectors::nearest(self.database, model, &vector, &|_| true);
        let scored = scored.map_err(|error| error.to_string())?;
        let mut ids = Vec::new();
        for (id, score) in scored {
            if ids.len() >= limit || score <= 0.0 {
                break;
            }
            if self
                .candidate(id)
                .map_err(|error| error.to_string())?
                .is_some()
            {
                ids.push(id);
            }
        }
        Ok(Nearest::Found(ids))
    }

    /// Turns votes into answers: best first, one for each path.
    fn hits(
        &self,
        question: &Question,
        votes: BTreeMap<i64, f64>,
        is_behind: bool,
    ) -> Result<Vec<FindHit>> {
        let mut votes: Vec<_> = votes.into_iter().collect();
        votes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut seen = BTreeSet::new();
        let mut hits = Vec::new();
        for (id, score) in votes {
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
            let text = self.text_of(&candidate);
            let (owner_user_id, owner_agent_id) = record::owners_of(&uri);
            let text = if text.is_empty() {
                candidate.abstract_text.as_str()
            } else {
                text.as_str()
            };
            hits.push(FindHit {
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
                uri,
            });
        }
        Ok(hits)
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

/// What vectors say.
enum Nearest {
    Found(Vec<i64>),
    /// There is no embedder, or no vector yet.
    NotAsked,
    Failed(String),
}
