//! Lies about bytes: whose they are, and what they unpack to.

use super::*;

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
