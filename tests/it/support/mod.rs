//! What the promise tests share: stores in scratch directories, packs that may lie, faults.

pub(crate) mod fault;
pub(crate) mod fixture;
pub(crate) mod pack_builder;
pub(crate) mod serving;
pub(crate) mod test_store;
pub(crate) mod tree;

pub(crate) use fixture::{Fixture, fixture, fixtures};
pub(crate) use pack_builder::PackBuilder;
pub(crate) use test_store::{Output, TestStore};
pub(crate) use tree::{Content, Tree, assert_same, below, content, tree};

use camino::Utf8PathBuf;
use ovpack::{CheckReport, Error, Rule, Uri};

/// Reads a URI that the test knows to be one.
#[track_caller]
pub(crate) fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

/// Returns the rules that a refusal names, each once, in the order of the rules.
pub(crate) fn rules(error: &Error) -> Vec<Rule> {
    let mut rules: Vec<_> = report(error)
        .map(|report| report.findings.iter().map(|finding| finding.rule).collect())
        .unwrap_or_default();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// Returns the findings of a refusal.
pub(crate) fn report(error: &Error) -> Option<&CheckReport> {
    match error {
        Error::Refused { report, .. } => Some(report),
        _ => None,
    }
}

/// Asserts that an act failed with this code and this exit code.
#[track_caller]
pub(crate) fn assert_fails<T: std::fmt::Debug>(
    result: Result<T, Error>,
    code: &str,
    exit_code: u8,
) -> Error {
    let error = result.expect_err(code);
    assert_eq!(
        (error.code(), error.kind().exit_code()),
        (code, exit_code),
        "{error:?}"
    );
    error
}

/// Makes a scratch directory on the file system of the target directory, or where
/// `OVPACK_TEST_DIR` says.
pub(crate) fn scratch() -> tempfile::TempDir {
    let parent =
        std::env::var_os("OVPACK_TEST_DIR").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    std::fs::create_dir_all(&parent).unwrap();
    tempfile::Builder::new()
        .prefix("it-")
        .tempdir_in(parent)
        .unwrap()
}

/// Returns a scratch directory's path as text.
pub(crate) fn path_of(dir: &tempfile::TempDir) -> Utf8PathBuf {
    Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap()
}
