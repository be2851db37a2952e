//! Vectors of documents: made after the commit, asked by a question's vector.
//!
//! The queue is what has no vector of the present model: nothing can be lost from it, and a changed
//! model puts everything into it again.

use rusqlite::params;

use super::database::IndexDatabase;
use super::embedder::{EmbedFault, Embedder};
use crate::clock;
use crate::control::{Control, Phase};
use crate::db::DatabaseContext as _;
use crate::error::{Error, Result};

const WRITE: &str = "write the search index";
const READ: &str = "read the search index";

/// Waiting: visible, and without a vector of the model `?1`.
const PENDING: &str = "FROM document LEFT JOIN vector ON vector.document = document.id
    WHERE is_live = 1 AND is_read = 1 AND input <> ''
      AND (vector.document IS NULL OR vector.model IS NOT ?1)";

/// Makes the vectors that are missing. What a server does not give stays in the queue, with the
/// reason; only the database itself and an interrupt are errors.
pub(super) fn drain(
    database: &mut IndexDatabase,
    embedder: &dyn Embedder,
    control: &Control,
) -> Result<()> {
    let model = model_of(database, embedder)?;
    let count = ["SELECT count(*) ", PENDING].concat();
    let pending = database.number(&count, [model.map(|model| model.id)])?;
    if pending == 0 {
        return database.set_failure(None);
    }
    control.begin(Phase::Embedding, pending, 0);
    match fill(database, embedder, model, control) {
        Ok(()) => database.set_failure(None),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Fault(EmbedFault::Interrupted)) => Err(Error::Interrupted),
        Err(Stop::Fault(fault)) => {
            database.set_failure(Some((&fault.to_string(), clock::now_ms())))
        }
    }
}

/// What ends the making of vectors.
enum Stop {
    Error(Error),
    Fault(EmbedFault),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// A model's row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    pub(super) id: i64,
    dimensions: usize,
}

/// Returns the model's row, where a vector of it was made.
pub(super) fn model_named(database: &IndexDatabase, identity: &str) -> Result<Option<Model>> {
    let query = "SELECT id, dimensions FROM model WHERE identity = ?1";
    let model = database.connection.query_row(query, [identity], |row| {
        Ok(Model {
            id: row.get(0)?,
            dimensions: usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
        })
    });
    match model {
        Ok(model) => Ok(Some(model)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(crate::db::failed(READ, error)),
    }
}

impl Model {
    /// Returns the length of its vectors.
    pub(super) const fn dimensions(self) -> usize {
        self.dimensions
    }
}

/// Returns the model of an embedder. Vectors of other lengths are those of another model: where the
/// settings ask for other dimensions the row is made anew, and its vectors are stale.
fn model_of(database: &IndexDatabase, embedder: &dyn Embedder) -> Result<Option<Model>> {
    let model = model_named(database, embedder.identity())?;
    match (model, embedder.dimensions()) {
        (Some(model), Some(dimensions)) if model.dimensions != dimensions => {
            let action = WRITE;
            let delete = "DELETE FROM vector WHERE model = ?1";
            database
                .connection
                .execute(delete, [model.id])
                .context(action)?;
            let delete = "DELETE FROM model WHERE id = ?1";
            database
                .connection
                .execute(delete, [model.id])
                .context(action)?;
            Ok(None)
        }
        (model, _) => Ok(model),
    }
}

fn fill(
    database: &mut IndexDatabase,
    embedder: &dyn Embedder,
    mut model: Option<Model>,
    control: &Control,
) -> Result<(), Stop> {
    let mut after = -1;
    loop {
        let page = page_after(database, model, after, embedder.batch())?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = *last;
        let (ids, texts): (Vec<i64>, Vec<String>) = page.into_iter().unzip();
        let vectors = embedder.embed(&texts, control).map_err(Stop::Fault)?;
        let expected = model
            .map(|model| model.dimensions)
            .or(embedder.dimensions());
        let expected = expected
            .or_else(|| vectors.first().map(Vec::len))
            .unwrap_or(0);
        ensure_sound(&vectors, expected).map_err(Stop::Fault)?;
        let tx = database.begin()?;
        let row = if let Some(model) = model {
            model
        } else {
            let query = "INSERT INTO model (identity, dimensions) VALUES (?1, ?2)";
            let dimensions = i64::try_from(expected).unwrap_or(i64::MAX);
            tx.execute(query, params![embedder.identity(), dimensions])
                .context(WRITE)?;
            Model {
                id: tx.last_insert_rowid(),
                dimensions: expected,
            }
        };
        model = Some(row);
        for (id, vector) in ids.iter().zip(&vectors) {
            let Packed { scale, data } = Packed::of(vector);
            tx.prepare_cached("INSERT OR REPLACE INTO vector (document, model, scale, data) VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut statement| statement.execute(params![id, row.id, f64::from(scale), data]))
                .context(WRITE)?;
        }
        tx.commit().context(WRITE)?;
        control.advance(ids.len() as u64, 0);
    }
}

fn ensure_sound(vectors: &[Vec<f32>], expected: usize) -> Result<(), EmbedFault> {
    for vector in vectors {
        if vector.len() != expected {
            return Err(EmbedFault::Dimensions {
                found: vector.len(),
                expected,
            });
        }
        if !vector.iter().all(|component| component.is_finite()) {
            return Err(EmbedFault::NotFinite);
        }
    }
    Ok(())
}

/// Returns the next documents that wait for a vector, with their texts.
fn page_after(
    database: &IndexDatabase,
    model: Option<Model>,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, String)>> {
    let query = [
        "SELECT id, input ",
        PENDING,
        " AND id > ?2 ORDER BY id LIMIT ?3",
    ]
    .concat();
    let mut statement = database.connection.prepare_cached(&query).context(READ)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = params![model.map(|model| model.id), after, limit];
    let rows = statement
        .query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))
        .context(READ)?;
    rows.collect::<rusqlite::Result<_>>().context(READ)
}

/// A vector of length 1 in 8-bit components: a quarter of the bytes to read for a question, and the
/// order of answers hardly changes.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) scale: f32,
    pub(super) data: Vec<u8>,
}

impl Packed {
    pub(super) fn of(vector: &[f32]) -> Self {
        let length = vector
            .iter()
            .map(|component| component * component)
            .sum::<f32>()
            .sqrt();
        let largest = vector
            .iter()
            .fold(0.0_f32, |largest, component| largest.max(component.abs()));
        if length <= 0.0 || largest <= 0.0 || !length.is_finite() {
            return Self {
                scale: 0.0,
                data: vec![0; vector.len()],
            };
        }
        let steps = vector.iter().map(|component| {
            #[expect(clippy::cast_possible_truncation, reason = "it is from -127 to 127")]
            let step = (component / largest * 127.0).round() as i8;
            step.cast_unsigned()
        });
        Self {
            scale: largest / 127.0 / length,
            data: steps.collect(),
        }
    }
}

/// Returns the documents whose vectors lie closest to a question's, best first.
pub(super) fn nearest(
    database: &IndexDatabase,
    model: Model,
    question: &[f32],
    takes: &dyn Fn(i64) -> bool,
) -> Result<Vec<(i64, f32)>> {
    let question = Packed::of(question);
    let question: Vec<i8> = question
        .data
        .iter()
        .map(|byte| byte.cast_signed())
        .collect();
    let mut statement = database
        .connection
        .prepare_cached("SELECT document, scale, data FROM vector WHERE model = ?1")
        .context(READ)?;
    let mut rows = statement.query([model.id]).context(READ)?;
    let mut scored = Vec::new();
    while let Some(row) = rows.next().context(READ)? {
        let document: i64 = row.get(0).context(READ)?;
        if !takes(document) {
            continue;
        }
        let scale: f64 = row.get(1).context(READ)?;
        let data = row
            .get_ref(2)
            .and_then(|data| Ok(data.as_blob()?))
            .context(READ)?;
        let dot: i32 = question
            .iter()
            .zip(data)
            .map(|(a, b)| i32::from(*a) * i32::from(b.cast_signed()))
            .sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a score"
        )]
        scored.push((document, dot as f32 * scale as f32));
    }
    scored.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    Ok(scored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_vectors_have_length_1_whatever_they_had() {
        for vector in [vec![3.0, -4.0], vec![1e-20, 0.0], vec![0.1; 256]] {
            let Packed { scale, data } = Packed::of(&vector);
            let components = data
                .iter()
                .map(|byte| f32::from(byte.cast_signed()) * scale);
            let length = components
                .map(|component| component * component)
                .sum::<f32>()
                .sqrt();
            assert!((length - 1.0).abs() < 0.02, "{vector:?}: {length}");
        }
        assert!(Packed::of(&[0.0, 0.0]).scale.abs() < f32::EPSILON);
    }
}
