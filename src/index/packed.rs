//! Vectors as they are kept, and the search for those that lie closest to a question's.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::database::IndexDatabase;
use super::passages::document_of;
use super::vectors::Model;
use crate::db::DatabaseContext as _;
use crate::error::Result;

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

/// Returns the documents with the passages that lie closest to a question's vector, best first: at
/// most so many, and none that points elsewhere.
pub(super) fn nearest(
    database: &IndexDatabase,
    model: Model,
    question: &[f32],
    most: usize,
) -> Result<Vec<i64>> {
    let question: Vec<i16> = Packed::of(question)
        .data
        .iter()
        .map(|byte| i16::from(byte.cast_signed()))
        .collect();
    let mut best = Best {
        most,
        kept: BinaryHeap::new(),
    };
    let mut statement = database
        .connection
        .prepare_cached("SELECT passage, scale, data FROM vector WHERE model = ?1 ORDER BY passage")
        .context(READ)?;
    let mut rows = statement.query([model.id]).context(READ)?;
    // Passages of one document follow each other.
    let mut last: Option<Near> = None;
    while let Some(row) = rows.next().context(READ)? {
        let columns = || -> rusqlite::Result<_> {
            let data = row.get_ref(2)?.as_blob()?;
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, f64>(1)?,
                dot(&question, data),
            ))
        };
        let (passage, scale, dot) = columns().context(READ)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a score"
        )]
        let near = Near {
            score: dot as f32 * scale as f32,
            document: document_of(passage),
        };
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
    let kept = best.kept.into_sorted_vec();
    let towards = kept.into_iter().filter(|Reverse(near)| near.score > 0.0);
    Ok(towards.map(|Reverse(near)| near.document).collect())
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
}
