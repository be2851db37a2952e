//! What may differ from run to run, made the same in a page and in what came out.

use std::collections::BTreeSet;

use regex::Regex;

use super::in_repository;

/// The directory that pages show as that of `mktemp`.
const SHOWN_DIRECTORY: &str = "/tmp/tmp.k3XbZ9aQ7w";
const DIRECTORY: &str = r#"/[^\s"',:]*/tmp\.\w+"#;
const HOST: &str = r"\bby ana on [\w.-]+";

/// Patterns and what stands for them.
pub(super) struct Filters {
    patterns: Vec<(Regex, &'static str)>,
    digest: Regex,
    /// Digests of packs and of their files, which are the same on every machine.
    known: BTreeSet<String>,
}

impl Filters {
    pub(super) fn new() -> Self {
        let patterns = [
            (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "STORE-ID"),
            (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            (
                r"\b\d+(\.\d+)? s\b( \(\d+(\.\d+)? [kMGT]?B/s\))?",
                "SECONDS",
            ),
            (DIRECTORY, "DIRECTORY"),
            (r"upload_[0-9a-f]{32}", "UPLOAD"),
            (r"127\.0\.0\.1:\d+", "ADDRESS"),
            // Vectors are sums of floating point numbers.
            (r"(?m)^\d\.\d{4}  ", "SCORE  "),
            (HOST, "by ana on HOST"),
            (r"\b\d+ schema objects", "ALL schema objects"),
            (r"\bovpack \d+\.\d+\.\d+\b", "ovpack VERSION"),
            // A copy of the journal has a page more or less where the scratch directory's path is long.
            (r"( events), [\d.]+ k?B;", "$1, SIZE;"),
        ];
        let digest = Regex::new(r"\b[0-9a-f]{64}\b").unwrap();
        let known = known(&digest);
        Self {
            patterns: patterns
                .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
                .into(),
            digest,
            known,
        }
    }

    pub(super) fn apply(&self, text: &str) -> String {
        let text = self
            .digest
            .replace_all(text, |found: &regex::Captures<'_>| {
                if self.known.contains(&found[0]) {
                    found[0].to_owned()
                } else {
                    "DIGEST".to_owned()
                }
            });
        let text = text.into_owned();
        self.patterns.iter().fold(text, |text, (pattern, name)| {
            pattern.replace_all(&text, *name).into_owned()
        })
    }
}

/// Returns a line of output as a page shows it: without this machine's names.
pub(super) fn neutral(line: &str) -> String {
    let line = Regex::new(DIRECTORY)
        .unwrap()
        .replace_all(line, SHOWN_DIRECTORY);
    let line = Regex::new(HOST)
        .unwrap()
        .replace_all(&line, "by ana on desk");
    line.into_owned()
}

/// Returns the digests that the sidecars of the fixtures know, and those of the packs.
fn known(digest: &Regex) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for entry in in_repository("fixtures").read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        match entry.path().extension() {
            Some("json") => {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                known.extend(
                    digest
                        .find_iter(&text)
                        .map(|found| found.as_str().to_owned()),
                );
            }
            Some("ovpack") => {
                let bytes = std::fs::read(entry.path()).unwrap();
                known.insert(ovpack::Digest::of(&bytes).to_string());
            }
            _ => {}
        }
    }
    known
}
