//! Every error and every rule has a code of its own, a next step and a row in docs/errors.md.

use std::collections::BTreeSet;
use std::io;

use ovpack::{
    CheckReport, Error, Finding, Kind, PlaceFault, Rule, TransactionId, UploadFault, UriFault,
};

/// One sample of each error. [`Error::CODES`] is made by the compiler, so a sample that lacks is found.
fn all_errors() -> Vec<Error> {
    let mut all = store_errors();
    all.extend(tree_errors());
    all.extend(journal_errors());
    all.extend(system_errors());
    all
}

fn store_errors() -> Vec<Error> {
    let path = || "notes".into();
    vec![
        Error::InvalidUri {
            text: "viking:/x".to_owned(),
            fault: UriFault::Scheme,
        },
        Error::InvalidArgument {
            argument: "on_conflict",
            value: "force".to_owned(),
            expected: "fail, overwrite, merge or skip",
        },
        Error::PolicyFailed {
            path: "notes/.ovpack/policies/size.sql".into(),
            detail: "no such column: size".to_owned(),
        },
        Error::StoreNotFound { path: path() },
        Error::StoreExists { path: path() },
        Error::DirectoryNotEmpty { path: path() },
        Error::NothingToAdopt { path: path() },
        Error::StoreNewer {
            path: path(),
            found: 9,
            supported: 1,
        },
        Error::StoreOlder {
            path: path(),
            found: 1,
            supported: 2,
        },
        Error::StoreDamaged {
            path: path(),
            detail: "file is not a database".to_owned(),
        },
        Error::FileSystemUnsupported {
            path: path(),
            ability: "exchange two directories",
            source: unsupported(),
        },
        Error::OtherDevice { path: path() },
        Error::FileNotFound {
            path: "a.ovpack".into(),
        },
        Error::NotAFile {
            path: "notes".into(),
            what: "directory",
        },
        Error::OutputExists {
            path: "a.ovpack".into(),
        },
        Error::InUse {
            path: path(),
            sign: "a path lock of OpenViking",
        },
        Error::Busy { path: path() },
    ]
}

fn tree_errors() -> Vec<Error> {
    let path = || "notes/viking/resources/a".into();
    let uri = || "resources/a".parse().expect("it is a URI");
    vec![
        Error::SymlinkOnPath { path: path() },
        Error::SpecialFile {
            path: path(),
            what: "FIFO",
        },
        Error::NameUnpackable {
            path: "notes/viking/resources/_._a".to_owned(),
            why: "it begins with `_._`".to_owned(),
        },
        Error::LayoutIncomplete {
            layout: "v3",
            scopes: vec![
                "viking://agent".parse().unwrap(),
                "viking://session".parse().unwrap(),
            ],
        },
        Error::Place(PlaceFault::NoPlace {
            layout: "v3",
            paths: vec!["viking://session/s1".to_owned()],
            total: 1,
            places: vec![(
                "viking://session".to_owned(),
                "viking://user/alice/sessions".to_owned(),
            )],
        }),
        Error::Place(PlaceFault::Collision {
            uri: "viking://resources/a".to_owned(),
            first: "viking://resources/b".to_owned(),
            second: "viking://resources/c".to_owned(),
        }),
        Error::Upload(UploadFault::TooLarge { limit_bytes: 1024 }),
        Error::Upload(UploadFault::Full { limit_bytes: 4096 }),
        Error::Upload(UploadFault::NotFound {
            id: "upload_x.ovpack".to_owned(),
        }),
        Error::ConfigInvalid {
            path: "notes/.ovpack/config.toml".into(),
            detail: "line 1: unknown field `layuot`, expected `layout`".to_owned(),
        },
        Error::FileChanging { path: path() },
        Error::LiveTreeChanged { path: path() },
        Error::UriNotFound { uri: uri() },
        Error::WrongEntryKind {
            uri: uri(),
            expected: "directory",
        },
        Error::Drift {
            paths: vec!["viking://resources/a".to_owned()],
            total: 1,
        },
    ]
}

fn journal_errors() -> Vec<Error> {
    let tx = || "tx7".parse::<TransactionId>().expect("it is an id");
    vec![
        Error::TransactionNotFound { tx: tx() },
        Error::NotInEffect {
            tx: tx(),
            state: "aborted".to_owned(),
        },
        Error::NotInTransaction {
            tx: tx(),
            uri: "resources/a".parse().expect("it is a URI"),
        },
        Error::NothingSelected {
            pack: "a.ovpack".into(),
            patterns: "include docs".to_owned(),
        },
        Error::NothingToRedo {
            tx: None,
            last: Some(tx()),
        },
        Error::SlotPruned {
            tx: tx(),
            slot: "3".to_owned(),
        },
        Error::ContentNotHeld {
            uri: "resources/a".parse().expect("it is a URI"),
            tx: tx(),
            why: "slot 3 of tx8, which held it, was pruned".to_owned(),
        },
        Error::SlotDamaged {
            tx: tx(),
            slot: "3".to_owned(),
            detail: "README.md has another inode".to_owned(),
        },
        Error::LaterTransactions {
            tx: tx(),
            later: vec!["tx9".parse().expect("it is an id")],
        },
        Error::Pending {
            tx: tx(),
            source: Box::new(Error::Interrupted),
        },
        Error::PruneUnfinished {
            tx: tx(),
            source: Box::new(Error::OtherDevice {
                path: "notes/.ovpack/slots/3/tree".into(),
            }),
        },
        Error::InDoubt {
            tx: tx(),
            path: "notes/viking".into(),
            old: "inode 1".to_owned(),
            new: "inode 2".to_owned(),
            found: "inode 3".to_owned(),
        },
        Error::RecoveryPending {
            path: "notes".into(),
        },
        Error::JournalDamaged {
            seq: 12,
            row: "event [12]".to_owned(),
            detail: "the hash does not follow from the event before".to_owned(),
        },
        Error::QueryRefused {
            detail: "no such column: x".to_owned(),
        },
        Error::QueryTimeout { seconds: 10 },
    ]
}

fn system_errors() -> Vec<Error> {
    let path = || "notes/.ovpack/slots/3".into();
    vec![
        Error::NoSpace {
            action: "write",
            path: path(),
            source: io::Error::from(io::ErrorKind::StorageFull),
        },
        Error::TooLargeForDisk {
            path: "a.ovpack".into(),
            needed_bytes: 2_000,
            free_bytes: 1_000,
        },
        Error::Io {
            action: "write",
            path: path(),
            source: unsupported(),
        },
        Error::Database {
            action: "read the journal",
            source: rusqlite::Error::QueryReturnedNoRows,
        },
        Error::Interrupted,
    ]
}

fn unsupported() -> io::Error {
    io::Error::from(io::ErrorKind::Unsupported)
}

fn refused(rule: Rule) -> Error {
    let report = CheckReport::from(Finding::new(rule, "a.md", "it breaks the rule"));
    Error::Refused {
        pack: "a.ovpack".into(),
        report: Box::new(report),
    }
}

#[test]
fn every_error_has_a_code_of_its_own() {
    let errors = all_errors();
    let sampled: BTreeSet<_> = errors.iter().map(Error::code).collect();
    assert_eq!(sampled, Error::CODES.iter().copied().collect());
    let rules: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
    assert_eq!(rules.len(), Rule::ALL.len());
    assert_eq!(errors.len(), Error::CODES.len());
    assert!(rules.is_disjoint(&sampled), "one code space");
}

#[test]
fn a_refused_pack_has_code_kind_and_cure_of_its_rule() {
    for rule in Rule::ALL {
        let error = refused(*rule);
        assert_eq!(error.code(), rule.code());
        assert_eq!(error.kind(), rule.kind());
        assert_eq!(error.help(), Some(rule.cure()));
    }
}

#[test]
fn what_an_error_says_is_part_of_the_contract() {
    let lines: Vec<_> = all_errors()
        .iter()
        .map(|error| {
            format!(
                "{} {} {}\n  {error}\n  {}\n  {}",
                error.code(),
                error.kind().exit_code(),
                error.openviking_code(),
                serde_json::Value::Object(error.details()),
                error.help().unwrap_or("-")
            )
        })
        .collect();
    insta::assert_snapshot!("errors", lines.join("\n"));
}

#[test]
fn docs_tell_code_exit_code_and_cure_of_every_error_and_rule() {
    let mut expected: BTreeSet<(String, u8, String)> = all_errors()
        .iter()
        .map(|error| {
            let cure = error
                .help()
                .unwrap_or("give one of the values that the message names");
            (
                error.code().to_owned(),
                error.kind().exit_code(),
                cure.to_owned(),
            )
        })
        .collect();
    expected.extend(Rule::ALL.iter().map(|rule| {
        (
            rule.code().to_owned(),
            rule.kind().exit_code(),
            rule.cure().to_owned(),
        )
    }));
    let documented = documented();
    let lacking: Vec<_> = expected.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&expected).collect();
    assert!(
        lacking.is_empty() && stale.is_empty(),
        "docs/errors.md lacks {lacking:#?} and has {stale:#?}"
    );
}

#[test]
fn kinds_have_their_documented_exit_codes() {
    let table = [
        (Kind::Internal, 1, "INTERNAL"),
        (Kind::Usage, 2, "INVALID_ARGUMENT"),
        (Kind::Pending, 3, "INTERNAL"),
        (Kind::Conflict, 4, "CONFLICT"),
        (Kind::NoSpace, 5, "RESOURCE_EXHAUSTED"),
        (Kind::InDoubt, 6, "FAILED_PRECONDITION"),
        (Kind::Busy, 7, "RESOURCE_BUSY"),
        (Kind::Damaged, 8, "FAILED_PRECONDITION"),
        (Kind::NotFound, 9, "NOT_FOUND"),
        (Kind::BadPack, 10, "INVALID_ARGUMENT"),
        (Kind::Denied, 11, "PERMISSION_DENIED"),
        (Kind::Interrupted, 130, "CANCELLED"),
    ];
    for (kind, exit, code) in table {
        assert_eq!(
            (kind.exit_code(), kind.openviking_code()),
            (exit, code),
            "{kind:?}"
        );
    }
    let bad_uri = all_errors().swap_remove(0);
    assert_eq!(bad_uri.openviking_code(), "INVALID_URI");
}

/// Returns the rows of docs/errors.md that have the form code, exit code, cause, cure.
fn documented() -> BTreeSet<(String, u8, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    let text = std::fs::read_to_string(path).expect("it is there");
    let mut rows = BTreeSet::new();
    for line in text.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [code, exit, cause, cure] = cells.as_slice()
            && let Ok(exit) = exit.parse()
        {
            let code = code.trim_matches('`').to_owned();
            assert!(!cause.is_empty(), "{code} has no cause");
            let is_first = rows.insert((code.clone(), exit, (*cure).to_owned()));
            assert!(is_first, "{code} stands twice");
        }
    }
    rows
}
