//! Vectors as they are kept, and the search for those that lie closest to a question's.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use rusqlite::{Row, params};

use super::database::IndexDatabase;
use super::passages::{document_of, passage_id};
use super::vectors::Model;
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::layout::Layout;

const READ: &str = "read the search index";

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

/// A document and how close its closest passage lies; ordered by that, and where two are as close by
/// their numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Near {
    score: f32,
    document: i64,
}

impl Eq for Near {}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let score = self.score.total_cmp(&other.score);
        score.then(other.document.cmp(&self.document))
    }
}

/// The best of many, of which only so many are kept.
struct Best {
    most: usize,
    kept: BinaryHeap<Reverse<Near>>,
}

impl Best {
    const fn of(most: usize) -> Self {
        Self {
            most,
            kept: BinaryHeap::new(),
        }
    }

    fn add(&mut self, near: Near) {
        let is_full = self.kept.len() >= self.most;
        if is_full
            && self
                .kept
                .peek()
                .is_some_and(|Reverse(worst)| near <= *worst)
        {
            return;
        }
        if is_full {
            self.kept.pop();
        }
        self.kept.push(Reverse(near));
    }
}

/// Documents from which on two threads read the vectors: opening the database once more and a thread cost
/// about as much as reading those of half of them.
const HALVED_FROM: i64 = 10_000;

/// Returns the documents with the passages that lie closest to a question's vector, best first: at
/// most so many, and none that points elsewhere.
pub(super) fn nearest(
    layout: &Layout,
    model: Model,
    question: &[f32],
    most: usize,
) -> Result<Vec<i64>> {
    let Some(database) = IndexDatabase::open_for_reading_once(layout) else {
        return Ok(Vec::new());
    };
    let question = Packed::of(question).data;
    let question = question.iter().map(|byte| i16::from(byte.cast_signed()));
    let comparing = Comparing {
        model,
        question: question.collect(),
        most,
    };
    let last: i64 = database
        .connection
        .query_row("SELECT coalesce(max(passage), 0) FROM vector", [], |row| {
            row.get(0)
        })
        .context(READ)?;
    let middle = document_of(last) / 2;
    let mut best = if middle < HALVED_FROM / 2 {
        comparing.best_of(&database, 0..i64::MAX)?
    } else {
        comparing.best_of_halves(layout, &database, passage_id(middle, 0))?
    };
    best.kept.retain(|Reverse(near)| near.score > 0.0);
    let kept = best.kept.into_sorted_vec();
    Ok(kept
        .into_iter()
        .map(|Reverse(near)| near.document)
        .collect())
}

/// A question's vector, and how many of the closest are asked for.
struct Comparing {
    model: Model,
    question: Vec<i16>,
    most: usize,
}

impl Comparing {
    /// Reads the vectors below and from `middle` on, which begins a document, at the same time.
    fn best_of_halves(
        &self,
        layout: &Layout,
        database: &IndexDatabase,
        middle: i64,
    ) -> Result<Best> {
        thread::scope(|scope| {
            let upper = || match IndexDatabase::open_for_reading_once(layout) {
                Some(database) => self.best_of(&database, middle..i64::MAX),
                None => Ok(Best::of(self.most)),
            };
            let reading = thread::Builder::new().spawn_scoped(scope, upper);
            let mut best = self.best_of(database, 0..middle)?;
            let others = match reading {
                Ok(reading) => reading
                    .join()
                    .unwrap_or_else(|panic| resume_unwind(panic))?,
                Err(_) => self.best_of(database, middle..i64::MAX)?,
            };
            others
                .kept
                .into_iter()
                .for_each(|Reverse(near)| best.add(near));
            Ok(best)
        })
    }

    /// Reads the vectors of some passages, those of a document all together.
    fn best_of(&self, database: &IndexDatabase, passages: Range<i64>) -> Result<Best> {
        let mut best = Best::of(self.most);
        let query = "SELECT passage, scale, data FROM vector
                     WHERE model = ?1 AND passage >= ?2 AND passage < ?3 ORDER BY passage";
        let mut statement = database.connection.prepare_cached(query).context(READ)?;
        let values = params![self.model.id, passages.start, passages.end];
        let mut rows = statement.query(values).context(READ)?;
        // Passages of one document follow each other.
        let mut last: Option<Near> = None;
        while let Some(row) = rows.next().context(READ)? {
            let near = self.near(row).context(READ)?;
            match &mut last {
                Some(last) if last.document == near.document => {
                    last.score = last.score.max(near.score);
                }
                _ => {
                    if let Some(last) = last.replace(near) {
                        best.add(last);
                    }
                }
            }
        }
        if let Some(last) = last {
            best.add(last);
        }
        Ok(best)
    }

    fn near(&self, row: &Row<'_>) -> rusqlite::Result<Near> {
        let (passage, scale) = (row.get(0)?, row.get::<_, f64>(1)?);
        let dot = dot(&self.question, row.get_ref(2)?.as_blob()?);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a score"
        )]
        let score = dot as f32 * scale as f32;
        Ok(Near {
            score,
            document: document_of(passage),
        })
    }
}

/// Products of so many components are summed up at once: enough for the widest registers.
const LANES: usize = 32;

fn dot(question: &[i16], data: &[u8]) -> i32 {
    let (questions, rest) = question.as_chunks::<LANES>();
    let (pieces, data_rest) = data.as_chunks::<LANES>();
    let product = |(a, b): (&i16, &u8)| i32::from(*a) * i32::from(b.cast_signed());
    let chunks = questions.iter().zip(pieces);
    let sum: i32 = chunks
        .map(|(a, b)| a.iter().zip(b).map(product).sum::<i32>())
        .sum();
    sum + rest.iter().zip(data_rest).map(product).sum::<i32>()
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

    #[test]
    fn products_are_those_of_all_components_whatever_their_number() {
        for length in [0_i16, 1, 31, 32, 33, 100, 256] {
            let question: Vec<i16> = (0..length).map(|at| at - 50).collect();
            let data: Vec<u8> = (0..length)
                .map(|at| i8::try_from(at % 100 - 60).expect("small").cast_unsigned())
                .collect();
            let expected: i32 = (0..length)
                .map(|at| i32::from(at - 50) * i32::from(at % 100 - 60))
                .sum();
            assert_eq!(dot(&question, &data), expected, "{length}");
        }
    }

    #[test]
    fn only_the_best_are_kept_whatever_their_order() {
        let mut best = Best {
            most: 3,
            kept: BinaryHeap::new(),
        };
        for document in [5, 9, 1, 7, 3, 8, 2] {
            let score = f32::from(u8::try_from(document).expect("small"));
            best.add(Near { score, document });
        }
        let kept = best.kept.into_sorted_vec();
        let documents: Vec<_> = kept.iter().map(|Reverse(near)| near.document).collect();
        assert_eq!(documents, [9, 8, 7]);
    }

    #[test]
    fn two_threads_find_what_one_finds() {
        let held = tempfile::tempdir().expect("a directory");
        let root = camino::Utf8Path::from_path(held.path()).expect("UTF-8");
        let root = crate::fsops::Dir::open(root).expect("opened");
        let layout = Layout::create(root, false).expect("made");
        let mut database = IndexDatabase::open(&layout).expect("opened");
        let tx = database.begin().expect("begun");
        tx.execute(
            "INSERT INTO model (identity, dimensions) VALUES ('m', 2)",
            [],
        )
        .expect("put");
        // Directions that go around several times, by documents of three passages.
        for passage in 0..3 * HALVED_FROM {
            let angle = f32::from(i16::try_from(passage % 9_973).expect("small"));
            let Packed { scale, data } = Packed::of(&[angle.cos(), angle.sin()]);
            let id = passage_id(passage / 3 + 1, passage % 3);
            let row = params![id, f64::from(scale), data];
            tx.execute(
                "INSERT INTO vector (passage, model, scale, data) VALUES (?1, 1, ?2, ?3)",
                row,
            )
            .expect("put");
        }
        tx.commit().expect("committed");
        database.close();
        let database = IndexDatabase::open_for_reading_once(&layout).expect("opened");
        let model = super::super::vectors::model_named(&database, "m");
        let model = model.expect("asked").expect("there");
        let found = nearest(&layout, model, &[0.6, 0.8], 40).expect("found");
        let comparing = Comparing {
            model,
            question: Packed::of(&[0.6, 0.8])
                .data
                .iter()
                .map(|byte| i16::from(byte.cast_signed()))
                .collect(),
            most: 40,
        };
        let mut whole = comparing
            .best_of(&database, 0..i64::MAX)
            .expect("read")
            .kept
            .into_sorted_vec();
        whole.retain(|Reverse(near)| near.score > 0.0);
        let whole: Vec<_> = whole
            .into_iter()
            .map(|Reverse(near)| near.document)
            .collect();
        assert_eq!(found, whole);
        assert_eq!(found.len(), 40);
        let halves = [0..HALVED_FROM / 2, HALVED_FROM / 2..HALVED_FROM + 1];
        for half in halves {
            assert!(
                found.iter().any(|document| half.contains(document)),
                "{half:?}"
            );
        }
    }
}
