//! Vectors that a pack brings: used where they were made by the very model that the store asks, so
//! that nobody pays twice for them.
//!
//! The pack is at hand when it is imported, its documents are made later: until then vectors wait in
//! the index, told by path, content and record. They are derived like all that is there; where they get
//! lost, or do not fit, the embedder is asked.

use rusqlite::{Rows, Transaction, params};
use serde_json::{Map, Value};

use super::database::IndexDatabase;
use super::embedder;
use super::packed::Packed;
use super::vectors::Model;
use crate::config::{EmbedderKind, IndexSettings};
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::Result;
use crate::intake::Intake;
use crate::layout::Layout;
use crate::pack::index_claims::DenseClaim;

const WRITE: &str = "write the search index";
const READ: &str = "read the search index";

/// Longest vector that is taken; no model has one as long.
const DIMENSIONS_MAX: u64 = 16_384;
/// Bytes of a number.
const NUMBER_BYTES: u64 = 4;

/// Records of the pack that are in the tree now and have a vector, in the order of the vectors.
const REFERENCES: &str = "SELECT r.dense_offset, s.path, s.level, s.content_sha256, s.record_sha256
    FROM staged_index AS s JOIN index_record AS r ON r.ordinal = s.record
    WHERE r.dense_offset IS NOT NULL ORDER BY r.dense_offset";

/// Keeps the vectors of a pack whose content is about to be committed, where the store's embedder would make
/// the same; whatever is wrong with them, nothing is kept.
pub(crate) fn take_given(layout: &Layout, settings: &IndexSettings, intake: &Intake) -> Result<()> {
    let claims = intake.head.index.as_ref();
    let Some(claim) = claims.and_then(|claims| claims.dense.as_ref()) else {
        return Ok(());
    };
    let identity = embedder::identity(settings).filter(|_| is_made_by(settings, claim));
    let Some(identity) = identity else {
        return Ok(());
    };
    let mut database = IndexDatabase::open(layout)?;
    let tx = database.begin()?;
    if keep(&tx, intake, claim, &identity)? {
        tx.commit().context(WRITE)?;
    } else {
        tx.rollback().context(WRITE)?;
    }
    database.close();
    Ok(())
}

/// Returns whether what made a pack's vectors is what the settings would ask, as far as both say. A
/// parameter that changes what a model makes is never ours.
fn is_made_by(settings: &IndexSettings, claim: &DenseClaim) -> bool {
    let embedding = &claim.embedding;
    let is_plain = ["query_param", "document_param"]
        .iter()
        .all(|key| embedding.get(*key).is_none_or(Value::is_null));
    let of_texts = text(embedding, "input").is_none_or(|input| input == "text")
        && (embedding.get("input")).is_none_or(|input| input.is_null() || input.is_string());
    let has_dimensions = |dimensions: u64| dimensions == claim.dimensions;
    let is_as_long = (1..=DIMENSIONS_MAX).contains(&claim.dimensions)
        && (embedding.get("dimensions"))
            .is_none_or(|said| said.is_null() || said.as_u64().is_some_and(has_dimensions));
    let (provider, model) = (text(embedding, "provider"), text(embedding, "model"));
    let is_same = match (settings.embedder, provider, model) {
        (EmbedderKind::Openai, Some("openai"), Some(model)) => {
            let asked = settings.dimensions.map(u64::from);
            settings.model.as_deref() == Some(model) && asked.is_none_or(has_dimensions)
        }
        (EmbedderKind::Builtin, Some(provider), Some(model)) => {
            embedder::identity(settings) == Some([provider, model].join(" "))
        }
        _ => false,
    };
    is_plain && of_texts && is_as_long && is_same
}

fn text<'a>(embedding: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    embedding.get(key).and_then(Value::as_str)
}

/// A record that has a vector, and where that stands among the bytes of all.
struct Reference {
    begin: u64,
    path: String,
    level: u8,
    content: Option<Digest>,
    record: Digest,
}

fn next_reference(rows: &mut Rows<'_>) -> Result<Option<Reference>> {
    let Some(row) = rows.next().context(READ)? else {
        return Ok(None);
    };
    let columns = || -> rusqlite::Result<_> {
        Ok(Reference {
            begin: row
                .get::<_, i64>(0)?
                .unsigned_abs()
                .saturating_mul(NUMBER_BYTES),
            path: row.get(1)?,
            level: row.get(2)?,
            content: row.get(3)?,
            record: row.get(4)?,
        })
    };
    columns().map(Some).context(READ)
}

/// Reads the vectors of the pack once more, and keeps those of records that are in the tree. Returns
/// whether they were what the manifest says.
fn keep(tx: &Transaction<'_>, intake: &Intake, claim: &DenseClaim, identity: &str) -> Result<bool> {
    let mut statement = intake
        .staging
        .connection()
        .prepare(REFERENCES)
        .context(READ)?;
    let mut rows = statement.query([]).context(READ)?;
    let mut next = next_reference(&mut rows)?;
    let length = claim.dimensions.saturating_mul(NUMBER_BYTES);
    let mut position = 0_u64;
    let mut bytes = Vec::new();
    let read = intake.reader.read_dense(&intake.audit, &mut |piece| {
        let end = position.saturating_add(piece.len() as u64);
        while let Some(reference) = next.take_if(|reference| reference.begin < end) {
            let last = reference.begin.saturating_add(length);
            let within = |at: u64| {
                let at = at.clamp(position, end).saturating_sub(position);
                usize::try_from(at).unwrap_or(usize::MAX)
            };
            let part = piece.get(within(reference.begin)..within(last));
            bytes.extend_from_slice(part.unwrap_or_default());
            if last > end {
                next = Some(reference);
                break;
            }
            insert(tx, &reference, identity, &bytes)?;
            bytes.clear();
            next = next_reference(&mut rows)?;
        }
        position = end;
        Ok(())
    })?;
    Ok(matches!(read, Some(Ok(observed)) if observed.sha256 == claim.member.sha256))
}

fn insert(tx: &Transaction<'_>, reference: &Reference, identity: &str, bytes: &[u8]) -> Result<()> {
    let (numbers, _) = bytes.as_chunks::<4>();
    let vector: Vec<f32> = numbers
        .iter()
        .map(|number| f32::from_le_bytes(*number))
        .collect();
    if !vector.iter().all(|number| number.is_finite()) {
        return Ok(());
    }
    let Packed { scale, data } = Packed::of(&vector);
    tx.prepare_cached(
        "INSERT OR REPLACE INTO given_vector (path, level, content_sha256, record_sha256, identity, scale, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            reference.path,
            reference.level,
            reference.content,
            reference.record,
            identity,
            f64::from(scale),
            data
        ])
    })
    .map(drop)
    .context(WRITE)
}

/// Returns whether vectors that packs brought wait for their documents.
pub(super) fn has_given(database: &IndexDatabase) -> Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM given_vector)";
    Ok(database.number(query, [])? > 0)
}

/// Gives documents the vectors that packs brought for them. What
/// does not fit any document, or is another model's, is thrown away.
pub(super) fn use_given(database: &mut IndexDatabase, model: Model, identity: &str) -> Result<()> {
    if !has_given(database)? {
        return Ok(());
    }
    let dimensions = i64::try_from(model.dimensions()).unwrap_or(i64::MAX);
    let tx = database.begin()?;
    // What a pack brought tells of the document as a whole, and so of each of its passages.
    tx.execute(
        "INSERT OR REPLACE INTO vector (passage, model, scale, data)
         SELECT input.passage, ?3, given.scale, given.data FROM given_vector AS given
         JOIN document ON document.path = given.path AND document.level = given.level
           AND document.content_sha256 IS given.content_sha256 AND document.record_sha256 = given.record_sha256
         JOIN input ON input.passage BETWEEN 256 * document.id AND 256 * document.id + 255
         WHERE identity = ?1 AND length(given.data) = ?2",
        params![identity, dimensions, model.id],
    )
    .context(WRITE)?;
    tx.execute("DELETE FROM given_vector", []).context(WRITE)?;
    tx.commit().context(WRITE)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pack::index_claims::MemberClaim;

    fn claim(dimensions: u64, embedding: &Value) -> DenseClaim {
        DenseClaim {
            member: MemberClaim {
                path: String::new(),
                count: 1,
                sha256: Digest::of(b""),
            },
            dimensions,
            dtype: "float32".to_owned(),
            byte_order: "little".to_owned(),
            embedding: embedding.as_object().cloned().unwrap_or_default(),
        }
    }

    #[test]
    fn vectors_are_used_where_all_that_is_said_of_their_making_is_the_same() {
        let plain = crate::config::Settings::default()
            .index()
            .expect("what holds without a file");
        let server = IndexSettings {
            embedder: EmbedderKind::Openai,
            url: Some("http://x/v1".to_owned()),
            model: Some("m".to_owned()),
            ..plain.clone()
        };
        let of_length = IndexSettings {
            dimensions: Some(4),
            ..server.clone()
        };
        let none = IndexSettings {
            embedder: EmbedderKind::None,
            ..server.clone()
        };
        let same = json!({ "provider": "openai", "model": "m" });
        let builtin =
            json!({ "provider": "builtin", "model": "all-MiniLM-L6-v2 model2vec int8 256" });
        let with = |key: &str, value: Value| {
            let mut embedding = same.clone();
            embedding[key] = value;
            embedding
        };
        for (settings, dimensions, embedding, is_used) in [
            (&server, 4, same.clone(), true),
            (&of_length, 4, same.clone(), true),
            (&of_length, 5, same.clone(), false),
            (&none, 4, same.clone(), false),
            (&plain, 256, same.clone(), false),
            (&plain, 256, builtin.clone(), true),
            (&server, 256, builtin, false),
            (&server, 4, with("model", json!("n")), false),
            (&server, 4, with("model", Value::Null), false),
            (&server, 4, with("provider", json!("volcengine")), false),
            (&server, 4, with("provider", Value::Null), false),
            (&server, 4, with("dimensions", json!(4)), true),
            (&server, 4, with("dimensions", json!(8)), false),
            (&server, 4, with("dimensions", json!("4")), false),
            (&server, 4, with("input", json!("text")), true),
            (&server, 4, with("input", json!("multimodal")), false),
            (&server, 4, with("query_param", json!("query")), false),
            (&server, 4, with("document_param", Value::Null), true),
            (&server, 0, same.clone(), false),
            (&server, 1 << 40, same.clone(), false),
            (&server, 4, json!({}), false),
        ] {
            let claim = claim(dimensions, &embedding);
            assert_eq!(
                is_made_by(settings, &claim),
                is_used,
                "{settings:?} {claim:?}"
            );
        }
    }
}
