//! Lies about where the pack ends.

use super::*;

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
    fn lie(end: &mut End, change: impl Fn(&mut super::super::zip_builder::Zip64End)) {
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
