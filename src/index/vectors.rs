//! Vectors of passages: made after the commit.
//!
//! The queue is what has no vector of the present model: nothing can be lost from it, and a changed
//! model puts everything into it again.

use rusqlite::{OptionalExtension as _, params};

use super::database::IndexDatabase;
use super::embedder::{EmbedFault, Embedder};
use super::given;
use super::packed::Packed;
use crate::clock;
use crate::control::{Control, Phase};
use crate::db::DatabaseContext as _;
use crate::error::{Error, Result};

const WRITE: &str = "write the search index";
const READ: &str = "read the search index";

/// Waiting: passages of what is visible that have no vector of the model `?1`.
macro_rules! pending {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " FROM input JOIN document ON document.id = input.passage / 256
              LEFT JOIN vector ON vector.passage = input.passage
              WHERE is_live = 1 AND is_read = 1 AND (vector.passage IS NULL OR vector.model IS NOT ?1)",
            $rest
        )
    };
}

/// Makes the vectors that are missing. What a server does not give stays in the queue, with the
/// reason; only the database itself and an interrupt are errors.
pub(super) fn drain(
    database: &mut IndexDatabase,
    embedder: &dyn Embedder,
    control: &Control,
) -> Result<()> {
    let model = model_of(database, embedder)?;
    let model = match (model, embedder.dimensions()) {
        (None, Some(dimensions)) if given::has_given(database)? => {
            Some(insert_model(database, embedder, dimensions)?)
        }
        (model, _) => model,
    };
    if let Some(model) = model {
        given::use_given(database, model, embedder.identity())?;
    }
    let count = pending!("SELECT count(*)", "");
    let pending = database.number(count, [model.map(|model| model.id)])?;
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

/// Returns how many documents wait for a vector.
pub(super) fn pending(database: &IndexDatabase, model: Option<Model>) -> Result<u64> {
    let count = pending!("SELECT count(DISTINCT input.passage / 256)", "");
    database.number(count, [model.map(|model| model.id)])
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
    model.optional().context(READ)
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
        let row = if let Some(model) = model {
            model
        } else {
            let made = insert_model(database, embedder, expected)?;
            // Only now is it known how long a vector is that fits.
            given::use_given(database, made, embedder.identity())?;
            made
        };
        model = Some(row);
        let tx = database.begin()?;
        for (id, vector) in ids.iter().zip(&vectors) {
            let Packed { scale, data } = Packed::of(vector);
            tx.prepare_cached("INSERT OR REPLACE INTO vector (passage, model, scale, data) VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut statement| statement.execute(params![id, row.id, f64::from(scale), data]))
                .context(WRITE)?;
        }
        tx.commit().context(WRITE)?;
        control.advance(ids.len() as u64, 0);
    }
}

/// Makes the row of an embedder's model.
fn insert_model(
    database: &IndexDatabase,
    embedder: &dyn Embedder,
    dimensions: usize,
) -> Result<Model> {
    let query = "INSERT INTO model (identity, dimensions) VALUES (?1, ?2)";
    let row = params![
        embedder.identity(),
        i64::try_from(dimensions).unwrap_or(i64::MAX)
    ];
    let connection = &database.connection;
    connection.execute(query, row).context(WRITE)?;
    Ok(Model {
        id: connection.last_insert_rowid(),
        dimensions,
    })
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

/// Returns the next passages that wait for a vector, with their texts.
fn page_after(
    database: &IndexDatabase,
    model: Option<Model>,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, String)>> {
    let query = pending!(
        "SELECT input.passage, input.text",
        " AND input.passage > ?2 ORDER BY input.passage LIMIT ?3"
    );
    let mut statement = database.connection.prepare_cached(query).context(READ)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = params![model.map(|model| model.id), after, limit];
    let rows = statement
        .query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))
        .context(READ)?;
    rows.collect::<rusqlite::Result<_>>().context(READ)
}
