//! What a transaction changed in text files, line by line.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;
use similar::{Algorithm, TextDiff};

use crate::entry_path::EntryKind;
use crate::error::Result;
use crate::held::HeldTrees;
use crate::id::TransactionId;
use crate::journal::Journal;
use crate::plan::{Change, Version};
use crate::uri::Uri;

/// Largest file whose lines are compared: 1 MiB. More would only be scrolled past.
const BYTES_MAX: u64 = 1 << 20;

/// How long the lines of one file are compared before a coarser answer is good enough; files with
/// nothing in common would take a time that grows with the square of their lines.
const TIME_MAX: Duration = Duration::from_secs(1);

/// The line-by-line difference of one file, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "content", rename_all = "kebab-case")]
pub enum DiffBody {
    /// Both sides are text: hunks of a unified diff, empty where both are the same.
    Text {
        /// The hunks, without file names before them.
        hunks: String,
    },
    /// One side is no text.
    Binary,
    /// One side is larger than 1 MiB.
    TooLarge,
    /// One side is not held any more, or never was.
    NotHeld {
        /// `before`, `after` or `both`.
        side: &'static str,
    },
}

/// One changed file of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileDiff {
    /// What happened to it.
    #[serde(flatten)]
    pub change: Change,
    /// Its lines.
    #[serde(flatten)]
    pub body: DiffBody,
}

/// Visits the files that a transaction changed, by path; what was changed from outside is left out.
pub(crate) fn diff(
    journal: &Journal,
    trees: &mut HeldTrees,
    id: TransactionId,
    visit: &mut dyn FnMut(FileDiff) -> ControlFlow<()>,
) -> Result<()> {
    journal.transaction(id)?;
    journal
        .for_each_own_change(id, "", &mut |change| {
            let is_file = |version: Option<Version>| {
                version.is_some_and(|version| version.kind == EntryKind::File)
            };
            if !is_file(change.before) && !is_file(change.after) {
                return Ok(ControlFlow::Continue(()));
            }
            let body = body(trees, id, &change)?;
            Ok(visit(FileDiff { change, body }))
        })
        .map(drop)
}

fn body(trees: &mut HeldTrees, id: TransactionId, change: &Change) -> Result<DiffBody> {
    let sides = [change.before, change.after].into_iter().flatten();
    if sides.into_iter().any(|version| version.size > BYTES_MAX) {
        return Ok(DiffBody::TooLarge);
    }
    // What was replaced went to the slot that this transaction exchanged.
    let before_id = TransactionId(id.0.saturating_sub(1));
    let before = side(trees, before_id, &change.uri, change.before)?;
    let after = side(trees, id, &change.uri, change.after)?;
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        (None, Some(_)) => return Ok(DiffBody::NotHeld { side: "before" }),
        (Some(_), None) => return Ok(DiffBody::NotHeld { side: "after" }),
        (None, None) => return Ok(DiffBody::NotHeld { side: "both" }),
    };
    match (text(&before), text(&after)) {
        (Some(before), Some(after)) => Ok(DiffBody::Text {
            hunks: hunks(before, after),
        }),
        _ => Ok(DiffBody::Binary),
    }
}

/// Returns a side's bytes, none where no file was there; `None` where they are not held.
fn side(
    trees: &mut HeldTrees,
    at: TransactionId,
    uri: &Uri,
    version: Option<Version>,
) -> Result<Option<Vec<u8>>> {
    let Some(version) = version.filter(|version| version.kind == EntryKind::File) else {
        return Ok(Some(Vec::new()));
    };
    let Some(sha256) = version.sha256 else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let copied = trees.copy(at, uri.path(), version.size, &sha256, &mut bytes)?;
    Ok(copied.map(|_| bytes))
}

/// Returns bytes as text; a NUL is in no text.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(text)
}

fn hunks(before: &str, after: &str) -> String {
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .timeout(TIME_MAX)
        .diff_lines(before, after);
    diff.unified_diff().context_radius(3).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_are_those_of_a_unified_diff() {
        assert_eq!(
            hunks("a\nb\nc\n", "a\nB\nc\n"),
            "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
        );
        assert_eq!(
            hunks("", "x"),
            "@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n"
        );
        assert_eq!(hunks("same\n", "same\n"), "");
    }

    #[test]
    fn files_with_nothing_in_common_take_a_bounded_time() {
        let lines = |word: &str| -> String {
            let numbers = (0..60_000).map(|number: u32| number.to_string());
            numbers
                .flat_map(|number| [word.to_owned(), number, "\n".to_owned()])
                .collect()
        };
        let (before, after) = (lines("a"), lines("b"));
        let begun = std::time::Instant::now();
        assert!(hunks(&before, &after).len() > before.len());
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_has_a_nul_or_is_not_utf8_is_no_text() {
        assert_eq!(text(b"a\xc3\xa9\n"), Some("a\u{e9}\n"));
        assert_eq!(text(b"a\0b"), None);
        assert_eq!(text(b"\xff"), None);
    }
}
