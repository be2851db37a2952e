//! Packs that say one thing wrong.

mod data;
mod end;
mod headers;

use super::zip_builder::{
    End, MANIFEST, Member, deflate, deflated, extra, files, pack, pack_of, stored, zip, zip_with,
    zip64,
};
use super::{files_of, read_bytes, read_bytes_with, rules_of};
use crate::entry_path::EntryKind;
use crate::error::{Error, Result};
use crate::finding::Rule;
use crate::limits::Limits;

/// Index of the deflated file `r/a` in [`pack`].
const A: usize = 1;
/// Index of the stored file `r/b` in [`pack`].
const B: usize = 2;
/// Index of the directory `r/c/` in [`pack`].
const C: usize = 3;

/// What is said wrong, the rule that it breaks, and how a right thing is made to say it.
type Lie<'a, T> = (&'a str, Rule, &'a dyn Fn(&mut T));

fn ensure_lies(lies: &[Lie<'_, Vec<Member>>]) {
    for (what, rule, lie) in lies {
        let mut members = pack();
        lie(&mut members);
        assert_eq!(rules_of(&read_bytes(&zip(&members))), [*rule], "{what}");
    }
}

fn ensure_end_lies(lies: &[Lie<'_, End>]) {
    for (what, rule, lie) in lies {
        let read = read_bytes(&zip_with(&pack(), lie));
        assert_eq!(rules_of(&read), [*rule], "{what}");
    }
}

#[test]
fn a_pack_without_a_lie_is_read() {
    let read = read_bytes(&zip(&pack())).expect("a good pack");
    assert_eq!(files_of(&read), files());
    let kinds: Vec<_> = read.members.iter().map(|m| (&*m.path, m.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("", EntryKind::Directory),
            ("a", EntryKind::File),
            ("b", EntryKind::File),
            ("c", EntryKind::Directory)
        ]
    );
}

#[test]
fn all_bad_names_are_reported_at_once() {
    let mut members = pack();
    for name in ["r/../x", "q/a", "r/_._relations.json", "r", "r/ok"] {
        members.push(stored(name, b""));
    }
    let read = read_bytes(&zip(&members));
    assert_eq!(
        rules_of(&read),
        [
            Rule::NameDotComponent,
            Rule::SecondRoot,
            Rule::NameReserved,
            Rule::SecondRoot
        ]
    );
    let read = read.expect("read all the same");
    assert_eq!(read.members.len(), 5);
    let details: Vec<_> = read
        .audit
        .findings
        .findings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(details[1], "q/a: its root is `q`; the manifest's is `r`");
}

#[test]
fn a_pack_has_one_manifest_in_a_layout_that_is_known() {
    for (what, rule, members) in [
        (
            "none",
            Rule::ManifestMissing,
            vec![stored("r/", b""), stored("r/a", b"")],
        ),
        (
            "at another place",
            Rule::ManifestMissing,
            vec![stored("r/.ovpack_manifest.json", b"{}")],
        ),
        (
            "deeper",
            Rule::ManifestMissing,
            vec![stored("r/a/_._ovpack_manifest.json", b"{}")],
        ),
        (
            "of other layouts that says nothing",
            Rule::ManifestSyntax,
            vec![
                stored("r/_ovpack/manifest.json", b"{}"),
                stored("r/files/", b""),
            ],
        ),
        (
            "of two layouts",
            Rule::ManifestRepeated,
            [pack(), vec![stored("r/_ovpack/manifest.json", b"{}")]].concat(),
        ),
        (
            "of two roots",
            Rule::ManifestRepeated,
            [pack(), vec![stored("q/_._ovpack_manifest.json", b"{}")]].concat(),
        ),
        (
            "under a bad root",
            Rule::NameDotComponent,
            vec![stored("../_._ovpack_manifest.json", MANIFEST.as_bytes())],
        ),
    ] {
        assert_eq!(rules_of(&read_bytes(&zip(&members))), [rule], "{what}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn limits_are_kept_before_a_byte_is_unpacked() {
    let limits = Limits::default();
    let bytes = zip(&pack());
    let size = u64::try_from(MANIFEST.len()).expect("small");
    let unpacked = 605 + size;
    let length = u64::try_from(bytes.len()).expect("small");
    let read = |limits: Limits| rules_of(&read_bytes_with(&bytes, &limits));
    for (limits, rules) in [
        (
            Limits {
                members: 5,
                ..limits
            },
            vec![],
        ),
        (
            Limits {
                members: 4,
                ..limits
            },
            vec![Rule::TooManyMembers],
        ),
        (
            Limits {
                manifest_bytes: size,
                ..limits
            },
            vec![],
        ),
        (
            Limits {
                manifest_bytes: size - 1,
                ..limits
            },
            vec![Rule::ManifestTooLarge],
        ),
        (
            Limits {
                ratio: 0,
                ratio_floor_bytes: unpacked,
                ..limits
            },
            vec![],
        ),
        (
            Limits {
                ratio: 0,
                ratio_floor_bytes: unpacked - 1,
                ..limits
            },
            vec![Rule::RatioTooHigh],
        ),
        (
            Limits {
                ratio: unpacked / length + 1,
                ratio_floor_bytes: 0,
                ..limits
            },
            vec![],
        ),
    ] {
        assert_eq!(read(limits), rules, "{limits:?}");
    }
}

#[test]
fn a_bomb_is_refused_by_what_it_claims() {
    let mut members = pack();
    members[A].both(|header| {
        header.size = u32::MAX;
        header.extra = zip64(&[1 << 40]);
    });
    assert_eq!(rules_of(&read_bytes(&zip(&members))), [Rule::RatioTooHigh]);
}

#[test]
fn an_error_of_the_caller_ends_the_reading() {
    let stop = || -> Result<()> { Err(Error::Interrupted) };
    let dir = tempfile::tempdir().expect("a directory");
    let path = camino::Utf8Path::from_path(dir.path())
        .expect("UTF-8")
        .join("p");
    let manifest = MANIFEST.replace("[]", r#"[{"path":"","kind":"directory"}]"#);
    #[expect(clippy::disallowed_methods, reason = "a test makes its own input")]
    std::fs::write(&path, zip(&pack_of(manifest.as_bytes()))).expect("written");
    let reader = super::PackReader::open(&path, &Limits::default()).expect("a pack");
    let audit = reader.audit(&mut |_| stop());
    assert!(matches!(audit, Err(Error::Interrupted)));
    let audit = reader.audit(&mut |_| Ok(())).expect("a pack");
    let mut sink = Stopped;
    assert!(matches!(
        reader.read_manifest(&audit, &mut sink),
        Err(Error::Interrupted)
    ));
}

struct Stopped;

impl super::ManifestSink for Stopped {
    fn entry(&mut self, _: super::ManifestEntry) -> Result<()> {
        Err(Error::Interrupted)
    }

    fn record(&mut self, _: super::IndexRecord) -> Result<()> {
        Err(Error::Interrupted)
    }

    fn finding(&mut self, _: super::Finding) -> Result<()> {
        Err(Error::Interrupted)
    }
}
