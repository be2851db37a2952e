//! Packs that say one thing wrong.

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
fn a_file_that_does_not_end_like_a_zip_is_refused() {
    let whole = zip(&pack());
    for cut in 0..whole.len() {
        let read = read_bytes(&whole[..cut]);
        assert_eq!(rules_of(&read), [Rule::ZipEndRecord], "{cut} bytes");
    }
    let longer = [&whole[..], b"\0"].concat();
    assert_eq!(rules_of(&read_bytes(&longer)), [Rule::ZipEndRecord]);
}

#[test]
fn an_end_record_says_exactly_what_is_there() {
    ensure_end_lies(&[
        ("disk", Rule::ZipEndRecord, &|end| end.disk = 1),
        ("disk without Zip64", Rule::ZipEndRecord, &|end| {
            end.disk = u16::MAX;
        }),
        ("directory's disk", Rule::ZipEndRecord, &|end| {
            end.directory_disk = 1;
        }),
        ("count on disk", Rule::ZipEndRecord, &|end| end.on_disk = 4),
        ("one member less", Rule::ZipStructure, &|end| {
            (end.on_disk, end.members) = (4, 4);
        }),
        ("one member more", Rule::ZipStructure, &|end| {
            (end.on_disk, end.members) = (6, 6);
        }),
        ("no members", Rule::ManifestMissing, &|end| {
            (end.on_disk, end.members) = (0, 0);
            end.directory_offset += end.directory_bytes;
            end.directory_bytes = 0;
        }),
        ("directory too short", Rule::ZipEndRecord, &|end| {
            end.directory_bytes -= 1;
        }),
        ("directory too long", Rule::ZipEndRecord, &|end| {
            end.directory_bytes += 1;
        }),
        ("directory moved", Rule::ZipEndRecord, &|end| {
            end.directory_offset += 1;
        }),
        (
            "directory shifted into itself",
            Rule::ZipStructure,
            &|end| {
                end.directory_offset += 1;
                end.directory_bytes -= 1;
            },
        ),
        ("bytes before the end record", Rule::ZipEndRecord, &|end| {
            end.before = vec![0];
        }),
        ("bytes in the directory", Rule::ZipStructure, &|end| {
            end.before = vec![0];
            end.directory_bytes += 1;
        }),
        ("comment too long", Rule::ZipEndRecord, &|end| {
            end.comment_bytes = 1;
        }),
        ("size for Zip64", Rule::Zip64Record, &|end| {
            end.directory_bytes = u32::MAX;
        }),
        ("offset for Zip64", Rule::Zip64Record, &|end| {
            end.directory_offset = u32::MAX;
        }),
    ]);
}

#[test]
fn an_archive_comment_is_text() {
    ensure_end_lies(&[
        ("NUL", Rule::ArchiveComment, &|end| end.comment(b"a\0")),
        ("DEL", Rule::ArchiveComment, &|end| end.comment(b"\x7f")),
        ("not ASCII", Rule::ArchiveComment, &|end| {
            end.comment("\u{e9}".as_bytes());
        }),
        // The last record that fits is the end, so that this comment is one byte of the file's own.
        ("a second archive", Rule::ZipEndRecord, &|end| {
            end.comment(&zip(&[stored("x/y", b"z")]));
        }),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_zip64_end_record_stands_where_its_locator_says_and_agrees_with_the_end_record() {
    fn lie(end: &mut End, change: impl Fn(&mut super::zip_builder::Zip64End)) {
        end.widen_all();
        change(end.zip64.as_mut().expect("made"));
    }
    let rule = Rule::Zip64Record;
    ensure_end_lies(&[
        ("locator's disk", rule, &|end| {
            lie(end, |zip64| zip64.locator_disk = 1);
        }),
        ("no disks", rule, &|end| {
            lie(end, |zip64| zip64.locator_disks = 0);
        }),
        ("two disks", rule, &|end| {
            lie(end, |zip64| zip64.locator_disks = 2);
        }),
        ("elsewhere", rule, &|end| {
            lie(end, |zip64| zip64.locator_offset += 1);
        }),
        ("in the locator", rule, &|end| {
            lie(end, |zip64| zip64.locator_offset += 56);
        }),
        ("far away", rule, &|end| {
            lie(end, |zip64| zip64.locator_offset = u64::MAX);
        }),
        ("in the members", rule, &|end| {
            lie(end, |zip64| zip64.locator_offset = 0);
        }),
        ("too short", rule, &|end| {
            lie(end, |zip64| zip64.counted = 43);
        }),
        ("too long", rule, &|end| {
            lie(end, |zip64| zip64.counted = 45);
        }),
        ("far too long", rule, &|end| {
            lie(end, |zip64| zip64.counted = u64::MAX);
        }),
        ("a gap before the locator", rule, &|end| {
            lie(end, |zip64| zip64.between = vec![0]);
        }),
        ("disk", Rule::ZipEndRecord, &|end| {
            lie(end, |zip64| zip64.disk = 1);
        }),
        ("directory's disk", Rule::ZipEndRecord, &|end| {
            lie(end, |zip64| zip64.directory_disk = 1);
        }),
        ("count on disk", Rule::ZipEndRecord, &|end| {
            lie(end, |zip64| zip64.on_disk = 4);
        }),
        ("count", Rule::ZipStructure, &|end| {
            lie(end, |zip64| (zip64.members, zip64.on_disk) = (6, 6));
        }),
        ("many", Rule::TooManyMembers, &|end| {
            lie(end, |zip64| {
                (zip64.members, zip64.on_disk) = (u64::MAX, u64::MAX);
            });
        }),
        ("offset", Rule::ZipEndRecord, &|end| {
            lie(end, |zip64| zip64.directory_offset = u64::MAX);
        }),
        ("plain count differs", rule, &|end| {
            end.widen();
            end.members = 4;
        }),
        ("plain count on disk differs", rule, &|end| {
            end.widen();
            end.on_disk = 4;
        }),
        ("plain size differs", rule, &|end| {
            end.widen();
            end.directory_bytes += 1;
        }),
        ("plain offset differs", rule, &|end| {
            end.widen();
            end.directory_offset += 1;
        }),
        ("plain disk differs", rule, &|end| {
            end.widen();
            end.disk = 1;
        }),
    ]);
}

#[test]
fn every_byte_belongs_to_one_member() {
    ensure_lies(&[
        ("in front", Rule::ZipGap, &|members| {
            members[0].junk = vec![0];
        }),
        ("between", Rule::ZipGap, &|members| {
            members[B].junk = b"PK\x03\x04".to_vec();
        }),
        ("after data", Rule::ZipGap, &|members| {
            members[4].descriptor = vec![0];
        }),
        ("a member that is not listed", Rule::ZipGap, &|members| {
            members[B].is_listed = false;
        }),
        (
            "data beyond the directory",
            Rule::ZipStructure,
            &|members| {
                members[4].both(|header| header.compressed += 100);
            },
        ),
        ("far beyond", Rule::ZipStructure, &|members| {
            members[4].both(|header| {
                header.compressed = u32::MAX;
                header.extra = zip64(&[u64::MAX >> 1]);
            });
        }),
        (
            "header beyond the directory",
            Rule::ZipStructure,
            &|members| {
                members[B].offset = Some(u32::MAX - 1);
            },
        ),
        ("header where none is", Rule::ZipStructure, &|members| {
            members[B].offset = Some(1);
        }),
    ]);
}

#[test]
fn one_offset_for_two_members_is_an_overlap() {
    let mut members = pack();
    let again = stored("r/b", b"world");
    let offset = 32 + 33 + u32::try_from(members[A].data.len()).expect("small");
    members.push(Member {
        offset: Some(offset),
        ..again
    });
    assert_eq!(rules_of(&read_bytes(&zip(&members))), [Rule::ZipOverlap]);
}

#[test]
fn a_member_within_anothers_data_is_an_overlap() {
    let inner = zip(&[stored("r/inner", b"hidden")]);
    let mut members = pack();
    members.push(stored("r/outer", &inner));
    let offset = zip(&pack()).len();
    let directory: usize = pack().iter().map(|m| 46 + m.central.name.len()).sum();
    let outer = offset - 22 - directory + 30 + "r/outer".len();
    members.push(Member {
        offset: Some(u32::try_from(outer).expect("small")),
        ..stored("r/inner", b"hidden")
    });
    assert_eq!(rules_of(&read_bytes(&zip(&members))), [Rule::ZipOverlap]);
}

#[test]
fn a_local_header_says_what_the_central_one_says() {
    let rule = Rule::MemberHeader;
    ensure_lies(&[
        ("name", rule, &|members| {
            members[B].local.name = b"r/x".to_vec();
        }),
        ("longer name", rule, &|members| {
            members[B].local.name = b"r/bb".to_vec();
        }),
        ("flags", rule, &|members| members[B].local.flags = 0),
        ("method", rule, &|members| members[B].local.method = 8),
        ("CRC-32", rule, &|members| members[B].local.crc32 ^= 1),
        ("no CRC-32", rule, &|members| members[B].local.crc32 = 0),
        ("size", rule, &|members| members[B].local.size += 1),
        ("no size", rule, &|members| members[B].local.size = 0),
        ("compressed size", rule, &|members| {
            members[A].local.compressed -= 1;
        }),
        ("disk", rule, &|members| members[B].disk = 1),
        ("stored in less", rule, &|members| {
            members[B].both(|header| header.size = 6);
        }),
        ("more than any file", rule, &|members| {
            members[A].both(|header| {
                header.size = u32::MAX;
                header.extra = zip64(&[1 << 63]);
            });
        }),
    ]);
}

#[test]
fn a_data_descriptor_says_what_the_headers_say() {
    let rule = Rule::MemberDescriptor;
    ensure_lies(&[
        ("none", rule, &|members| {
            members[A].describe(true, false);
            members[A].descriptor.clear();
        }),
        ("none at the end", rule, &|members| {
            members[4].describe(true, false);
            members[4].descriptor.clear();
        }),
        ("another CRC-32", rule, &|members| {
            members[A].describe(true, false);
            members[A].descriptor[4] ^= 1;
        }),
        ("another size", rule, &|members| {
            members[A].describe(false, false);
            members[A].descriptor[4] ^= 1;
        }),
        ("8 bytes without Zip64", rule, &|members| {
            members[A].describe(true, true);
            members[A].local.extra.clear();
            (members[A].local.compressed, members[A].local.size) = (0, 0);
        }),
        ("4 bytes with Zip64", rule, &|members| {
            members[A].describe(true, false);
            (members[A].local.compressed, members[A].local.size) = (u32::MAX, u32::MAX);
            members[A].local.extra = zip64(&[0, 0]);
        }),
        ("one byte too many", Rule::ZipGap, &|members| {
            members[A].describe(true, false);
            members[A].descriptor.push(0);
        }),
        (
            "a local size that is neither right nor 0",
            Rule::MemberHeader,
            &|members| {
                members[A].describe(true, false);
                members[A].local.size = 1;
            },
        ),
        ("where no flag says so", Rule::ZipGap, &|members| {
            let (local, central) = (members[A].local.clone(), members[A].central.clone());
            members[A].describe(true, false);
            (members[A].local, members[A].central) = (local, central);
        }),
    ]);
}

#[test]
fn extra_fields_stay_in_their_area_and_zip64_has_what_is_asked_for() {
    let rule = Rule::Zip64Field;
    ensure_lies(&[
        ("cut", Rule::MemberExtraField, &|members| {
            members[B].central.extra = vec![9, 9, 4, 0, 1];
        }),
        (
            "cut in the local header",
            Rule::MemberExtraField,
            &|members| {
                members[B].local.extra = vec![9, 9, 4, 0, 1];
            },
        ),
        ("no room for a field", Rule::MemberExtraField, &|members| {
            members[B].central.extra = vec![0, 0, 0];
        }),
        ("twice", rule, &|members| {
            members[B].central.size = u32::MAX;
            members[B].central.extra = [zip64(&[5]), zip64(&[5])].concat();
        }),
        ("not asked for", rule, &|members| {
            members[B].central.extra = zip64(&[5]);
        }),
        ("not asked for in the local header", rule, &|members| {
            members[B].local.extra = zip64(&[5, 5]);
        }),
        ("too many", rule, &|members| {
            members[B].central.size = u32::MAX;
            members[B].central.extra = zip64(&[5, 5]);
        }),
        ("too few", rule, &|members| {
            members[B].both(|header| {
                (header.compressed, header.size) = (u32::MAX, u32::MAX);
                header.extra = zip64(&[5]);
            });
        }),
        ("none", rule, &|members| members[B].central.size = u32::MAX),
        ("none in the local header", rule, &|members| {
            members[B].local.size = u32::MAX;
        }),
        ("no offset", rule, &|members| {
            members[B].offset = Some(u32::MAX);
        }),
        ("no disk", rule, &|members| members[B].disk = u16::MAX),
    ]);
}

#[test]
fn a_name_override_that_changes_the_name_is_refused() {
    let field = |name: &[u8], over: &[u8]| {
        let crc32 = crc32fast::hash(name).to_le_bytes();
        extra(0x7075, &[&[1], &crc32[..], over].concat())
    };
    let rule = Rule::NameOverride;
    ensure_lies(&[
        ("another name", rule, &|members| {
            members[B].both(|header| header.extra = field(b"r/b", b"r/x"));
        }),
        ("in the local header only", rule, &|members| {
            members[B].local.extra = field(b"r/b", b"r/x");
        }),
        ("for another name's CRC-32", rule, &|members| {
            members[B].central.extra = field(b"r/z", b"r/x");
        }),
        ("no name", rule, &|members| {
            members[B].central.extra = extra(0x7075, &[1]);
        }),
        ("two", rule, &|members| {
            let fields = [field(b"r/b", b"r/b"), field(b"r/b", b"r/x")];
            members[B].central.extra = fields.concat();
        }),
    ]);
}

#[test]
fn methods_flags_and_types_that_are_not_known_are_refused() {
    ensure_lies(&[
        ("deflate64", Rule::MemberMethod, &|members| {
            members[A].both(|header| header.method = 9);
        }),
        ("AES", Rule::MemberMethod, &|members| {
            members[A].both(|header| header.method = 99);
        }),
        ("encrypted", Rule::MemberFlags, &|members| {
            members[A].both(|header| header.flags |= 1);
        }),
        ("patched", Rule::MemberFlags, &|members| {
            members[A].both(|header| header.flags |= 1 << 5);
        }),
        ("strongly encrypted", Rule::MemberFlags, &|members| {
            members[A].both(|header| header.flags |= 1 << 6);
        }),
        ("masked", Rule::MemberFlags, &|members| {
            members[A].both(|header| header.flags |= 1 << 13);
        }),
        ("symbolic link", Rule::MemberType, &|members| {
            members[B].external = 0o120_777 << 16;
        }),
        ("FIFO", Rule::MemberType, &|members| {
            members[B].external = 0o010_644 << 16;
        }),
        ("link by macOS", Rule::MemberType, &|members| {
            members[B].external = 0o120_777 << 16;
            members[B].made_by = 19 << 8;
        }),
    ]);
}

#[test]
fn a_directory_has_no_data() {
    ensure_lies(&[
        ("stored", Rule::DirectoryData, &|members| {
            members[C] = stored("r/c/", b"x");
        }),
        ("deflated", Rule::DirectoryData, &|members| {
            members[C] = deflated("r/c/", b"x");
        }),
        (
            "hidden in a deflate stream",
            Rule::DirectoryData,
            &|members| {
                members[C] = deflated("r/c/", b"x");
                members[C].both(|header| (header.size, header.crc32) = (0, 0));
            },
        ),
        ("behind a deflate stream", Rule::DirectoryData, &|members| {
            members[C].data.extend(b"hidden");
            members[C].both(|header| header.compressed += 6);
        }),
        ("a CRC-32", Rule::DirectoryData, &|members| {
            members[C].both(|header| header.crc32 = 1);
        }),
    ]);
}

#[test]
fn a_members_bytes_are_what_its_headers_say() {
    ensure_lies(&[
        ("less", Rule::MemberBytes, &|members| {
            members[A].both(|header| header.size += 1);
        }),
        ("more", Rule::MemberBytes, &|members| {
            members[A].both(|header| header.size -= 1);
        }),
        ("none", Rule::MemberBytes, &|members| {
            members[A].both(|header| header.size = 0);
        }),
        ("CRC-32", Rule::MemberBytes, &|members| {
            members[A].both(|header| header.crc32 ^= 1);
        }),
        ("stored CRC-32", Rule::MemberBytes, &|members| {
            members[B].data[0] ^= 1;
        }),
        ("no stream", Rule::MemberData, &|members| {
            members[A].data.clear();
            members[A].both(|header| header.compressed = 0);
        }),
        ("cut stream", Rule::MemberData, &|members| {
            members[A].data.pop();
            members[A].both(|header| header.compressed -= 1);
        }),
        ("bytes after the stream", Rule::MemberData, &|members| {
            members[A].data.push(0);
            members[A].both(|header| header.compressed += 1);
        }),
        ("a second stream", Rule::MemberData, &|members| {
            members[A].data.extend(deflate(b"more"));
            let compressed = u32::try_from(members[A].data.len()).expect("small");
            members[A].both(|header| header.compressed = compressed);
        }),
        ("no deflate", Rule::MemberData, &|members| {
            members[A].data[0] = 0xff;
        }),
    ]);
}

#[test]
fn a_manifest_whose_bytes_are_damaged_is_not_read() {
    for (what, rule, lie) in [
        (
            "CRC-32",
            Rule::MemberBytes,
            (|m| m.both(|h| h.crc32 ^= 1)) as fn(&mut Member),
        ),
        ("less", Rule::MemberBytes, |m| m.both(|h| h.size += 1)),
        ("data", Rule::MemberData, |m| m.data[0] = 0xff),
    ] {
        let mut members = pack();
        lie(&mut members[4]);
        let read = read_bytes(&zip(&members));
        assert_eq!(rules_of(&read), [rule], "{what}");
        let Err(Error::Refused { report, .. }) = read else {
            panic!("{what}: not refused");
        };
        assert_eq!(report.findings[0].path, "r/_._ovpack_manifest.json");
    }
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
