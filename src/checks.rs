//! Checks: rules asked of staged rows, one SQL file each. A rule that returns no row is kept.

use rusqlite::Connection;

use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::finding::{CheckReport, Finding, Rule};
use crate::staging::Staging;

/// When a rule is asked: the cheap ones come before any content byte is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// What the pack says of itself.
    Manifest,
    /// Whether it may go where it is to go, and what is there.
    Target,
    /// Whether what it puts fits to what stays beside it.
    Merge,
    /// Whether its bytes are what it says.
    Bytes,
}

macro_rules! checks {
    ($($phase:ident $rule:ident $code:literal;)*) => {
        /// Each rule's query; `tests` hold it equal to the files in `schema/checks/`.
        const CHECKS: &[(Phase, Rule, &str)] = &[
            $((Phase::$phase, Rule::$rule, include_str!(concat!("../schema/checks/", $code, ".sql"))),)*
        ];
    };
}

checks! {
    Manifest MemberRepeated "member-repeated";
    Manifest FileAsDirectory "file-as-directory";
    Manifest ManifestKind "manifest-kind";
    Manifest FormatVersion "format-version";
    Manifest RootName "root-name";
    Manifest RootUri "root-uri";
    Manifest RootScope "root-scope";
    Manifest PackageType "package-type";
    Manifest BackupScopes "backup-scopes";
    Manifest BackupEntry "backup-entry";
    Manifest EntryRepeated "entry-repeated";
    Manifest EntryIncomplete "entry-incomplete";
    Manifest FileMissing "file-missing";
    Manifest FileUnexpected "file-unexpected";
    Manifest DirectoryMissing "directory-missing";
    Manifest DirectoryUnexpected "directory-unexpected";
    Manifest ContentDigest "content-digest";
    Manifest UserId "user-id";
    Manifest IndexMissing "index-missing";
    Manifest IndexUnexpected "index-unexpected";
    Manifest IndexDigest "index-digest";
    Manifest IndexCount "index-count";
    Manifest RecordRepeated "record-repeated";
    Manifest RecordEntry "record-entry";
    Manifest DenseFormat "dense-format";
    Manifest DenseSize "dense-size";
    Manifest DenseReferences "dense-references";
    Manifest FileSize "file-size";
    Target BackupNeedsRestore "backup-needs-restore";
    Target RestoreNeedsBackup "restore-needs-backup";
    Target ScopeMismatch "scope-mismatch";
    Target DepthMismatch "depth-mismatch";
    Target ScopePackNeedsRoot "scope-pack-needs-root";
    Target SubtreeNeedsParent "subtree-needs-parent";
    Target ParentNotDirectory "parent-not-directory";
    Target RootNotDirectory "root-not-directory";
    Target RootExists "root-exists";
    Merge KindDiffers "kind-differs";
    Bytes FileSize "file-size";
    Bytes FileDigest "file-digest";
    Bytes IndexDigest "index-digest";
}

/// Asks all rules of a phase, and takes in what the reader found itself.
pub(crate) fn check(staging: &Staging, phase: Phase) -> Result<CheckReport> {
    let connection = staging.connection();
    let mut report = CheckReport::default();
    ask(
        connection,
        "SELECT code, path, detail FROM finding ORDER BY code, path, detail",
        None,
        &mut report,
    )?;
    for (_, rule, query) in CHECKS.iter().filter(|(of, ..)| *of == phase) {
        if !staging.keeps(*rule)? {
            ask(connection, query, Some(*rule), &mut report)?;
        }
    }
    connection
        .execute("DELETE FROM finding", [])
        .context("check staged rows")?;
    report.findings.sort_by_key(|finding| finding.rule);
    Ok(report)
}

fn ask(
    connection: &Connection,
    query: &str,
    rule: Option<Rule>,
    report: &mut CheckReport,
) -> Result<()> {
    let mut statement = connection.prepare(query).context("check staged rows")?;
    let mut rows = statement.query([]).context("check staged rows")?;
    while let Some(row) = rows.next().context("check staged rows")? {
        let finding = match rule {
            Some(rule) => Some(Finding::new(rule, text(row, 0)?, text(row, 1)?)),
            None => Rule::from_code(&text(row, 0)?)
                .map(|rule| Ok(Finding::new(rule, text(row, 1)?, text(row, 2)?)))
                .transpose()?,
        };
        if let Some(finding) = finding {
            report.push(finding);
        }
    }
    Ok(())
}

fn text(row: &rusqlite::Row<'_>, at: usize) -> Result<String> {
    row.get(at).context("check staged rows")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::control::Control;
    use crate::error::Error;

    #[test]
    fn every_file_is_a_check_and_says_its_promise_and_cure() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/checks");
        let mut files: Vec<String> = std::fs::read_dir(dir)
            .expect("the directory")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .collect();
        files.sort();
        let mut listed: Vec<String> = CHECKS
            .iter()
            .map(|(_, rule, _)| format!("{rule}.sql"))
            .collect();
        listed.sort();
        listed.dedup();
        assert_eq!(files, listed);
        for (_, rule, query) in CHECKS {
            assert!(query.starts_with(&format!("-- {rule}: ")), "{rule}");
            assert!(query.contains("\n-- Cure: "), "{rule}");
        }
    }

    /// Rules over a pack's own rows: as many as it has files.
    const OVER_ROWS: &[Phase] = &[Phase::Manifest, Phase::Bytes, Phase::Merge];

    #[test]
    fn no_check_compares_each_row_with_each_other_row() {
        let staging = Staging::make(None).expect("made");
        let connection = staging.connection();
        connection
            .execute_batch(crate::staging::INDEXES)
            .expect("indexed");
        let of = |phase: &Phase| OVER_ROWS.contains(phase);
        for (_, rule, query) in CHECKS.iter().filter(|(phase, ..)| of(phase)) {
            let mut statement = connection
                .prepare(&["EXPLAIN QUERY PLAN ", query].concat())
                .expect("explained");
            let plan: Vec<(i64, String)> = statement
                .query_map([], |row| Ok((row.get(1)?, row.get(3)?)))
                .expect("explained")
                .collect::<rusqlite::Result<_>>()
                .expect("rows");
            // Scans below one parent are nested loops, but for those of one row.
            for (parent, step) in &plan {
                let nested = plan.iter().filter(|(other, step)| {
                    other == parent && step.starts_with("SCAN ") && !is_of_few(step)
                });
                assert!(nested.count() <= 1, "{rule}: {step} in {plan:#?}");
            }
            assert!(
                plan.iter().all(|(_, step)| !step.contains("AUTOMATIC")),
                "{rule}: an index is missing: {plan:#?}"
            );
        }
    }

    /// Tables and views whose rows a pack does not choose the number of.
    fn is_of_few(step: &str) -> bool {
        let few = [
            "manifest",
            "manifest_scope",
            "index_member",
            "dense",
            "target",
            "CONSTANT",
        ];
        let name = step.split(' ').nth(1).unwrap_or_default();
        few.contains(&name)
    }

    #[test]
    fn an_interrupt_ends_a_check_that_runs_long() {
        let interrupt = Arc::new(AtomicBool::new(false));
        let control = Control {
            interrupt: Some(Arc::clone(&interrupt)),
            ..Control::default()
        };
        let mut staging = Staging::make(None).expect("made");
        staging.heed(&control).expect("watched");
        let rows = "INSERT INTO finding (code, path, detail)
             WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT 50000)
             SELECT 'file-missing', n, '' FROM number";
        staging.connection().execute_batch(rows).expect("staged");
        interrupt.store(true, Ordering::Relaxed);
        let report = check(&staging, Phase::Manifest);
        assert!(matches!(report, Err(Error::Interrupted)), "{report:?}");
        staging.heed_no_more();
        let report = check(&staging, Phase::Manifest).expect("asked to its end");
        assert_eq!(report.total, 50_001, "and the root directory is missing");
    }

    #[test]
    fn every_check_is_a_query_over_staging_that_finds_nothing_in_nothing() {
        let staging = Staging::make(None).expect("made");
        for phase in [Phase::Manifest, Phase::Target, Phase::Merge, Phase::Bytes] {
            let report = check(&staging, phase).expect("asked");
            let codes: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
            let expected: &[Rule] = if phase == Phase::Manifest {
                &[Rule::DirectoryUnexpected]
            } else {
                &[]
            };
            assert_eq!(
                codes, expected,
                "an empty pack lacks only its root directory"
            );
        }
    }
}
