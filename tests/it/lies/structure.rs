//! Records that do not account for every byte, or that say what is not there.

use super::{Lie, archive, honest};
use crate::support::pack_builder::{Member, Zip};

/// Makes a lie of the honest archive with a Zip64 end record.
fn zip64(name: &'static str, change: impl FnOnce(&mut Zip) + 'static) -> Lie {
    archive(name, "zip64-record", move |zip| {
        zip.is_zip64 = true;
        change(zip);
    })
}

pub(super) fn lies() -> Vec<Lie> {
    [
        gaps(),
        overlaps(),
        end_records(),
        comments(),
        zip64_records(),
        zip64_locators(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn gaps() -> Vec<Lie> {
    let code = "zip-gap";
    vec![
        archive("a byte before the first member", code, |zip| {
            zip.prefix = vec![0]
        })
        .says(&["0 to 1"]),
        archive("a program before the first member", code, |zip| {
            zip.prefix = b"#!/bin/sh\nrm -rf /\n".to_vec();
        }),
        archive("a whole other pack before the first member", code, |zip| {
            zip.prefix = honest().bytes();
        }),
        archive("a byte between members", code, |zip| {
            zip.members[2].gap = vec![0]
        })
        .says(&["76 to 77"]),
        archive("a member that only the local directory has", code, |zip| {
            zip.members[1].is_listed = false;
        }),
        archive("a hidden second a.md", code, |zip| {
            let mut hidden = Member::stored(b"notes/a.md", b"as hidden");
            hidden.is_listed = false;
            zip.members.insert(2, hidden);
        }),
        archive("a hidden last member", code, |zip| {
            let mut hidden = Member::stored(b"notes/c.md", b"c");
            hidden.is_listed = false;
            zip.members.push(hidden);
        }),
        archive("bytes before the directory", code, |zip| {
            zip.before_directory = b"PK".to_vec()
        }),
        archive("a kibibyte of zeros before the directory", code, |zip| {
            zip.before_directory = vec![0; 1024];
        }),
    ]
}

fn overlaps() -> Vec<Lie> {
    let code = "zip-overlap";
    vec![
        archive("two members at one offset", "member-header", |zip| {
            zip.members[2].offset = Some(127)
        }),
        archive("all members at the first offset", "member-header", |zip| {
            zip.members
                .iter_mut()
                .for_each(|member| member.offset = Some(0));
        }),
        archive("a member within another's data", code, |zip| {
            let mut inner = Zip::default();
            inner.members.push(Member::stored(b"notes/c.md", b"c"));
            let inner = inner.bytes();
            // The local part: 30 bytes, the name and one byte of data.
            let mut outer = Member::stored(b"notes/outer.bin", &inner[..41]);
            outer.gap = Vec::new();
            zip.members.insert(0, outer);
            let mut within = Member::stored(b"notes/c.md", b"c");
            within.is_present = false;
            within.offset = Some(30 + 15);
            zip.members.insert(1, within);
        }),
        archive("data that reaches into the next member", code, |zip| {
            zip.members[2].both(|header| (header.packed_size, header.size) = (12, 12));
        })
        .says(&["notes/sub/b.md", "127", "128"]),
        archive(
            "data that reaches into the directory",
            "zip-structure",
            |zip| {
                let manifest = zip.members.last_mut().unwrap();
                manifest.both(|header| {
                    header.packed_size += 1;
                    header.size += 1;
                });
            },
        )
        .says(&["_._ovpack_manifest.json", "949"]),
        archive(
            "data that reaches beyond the file",
            "zip-structure",
            |zip| {
                let manifest = zip.members.last_mut().unwrap();
                manifest.both(|header| (header.packed_size, header.size) = (1 << 30, 1 << 30));
            },
        )
        .says(&["1073741824", "949"]),
        archive("a member that is only listed", "member-header", |zip| {
            let mut ghost = Member::stored(b"notes/ghost.md", b"");
            ghost.is_present = false;
            zip.members.insert(1, ghost);
        }),
        archive("an offset in the directory", "zip-structure", |zip| {
            let directory = zip.bytes().len() - 22 - 60;
            zip.members[2].offset = Some(u32::try_from(directory).unwrap());
        }),
        archive("an offset behind the file", "zip-structure", |zip| {
            zip.members[2].offset = Some(1 << 20)
        })
        .says(&["notes/a.md", "1048576", "949"]),
    ]
}

fn end_records() -> Vec<Lie> {
    let code = "zip-end-record";
    vec![
        archive("a byte after the end record", code, |zip| {
            zip.suffix = vec![b'\n']
        }),
        archive("a whole other pack after the end record", code, |zip| {
            // The last end record is honest, and what it speaks of is not at the start of the file.
            zip.suffix = honest().bytes();
        }),
        archive("a second end record", code, |zip| {
            zip.suffix = [&b"PK\x05\x06"[..], &[0; 18]].concat();
        }),
        archive("bytes before the end record", code, |zip| {
            zip.before_end = vec![0; 4]
        }),
        archive("one member less", "zip-structure", |zip| {
            (zip.end.members_here, zip.end.members) = (Some(4), Some(4));
        })
        .says(&["4"]),
        archive("one member more", "zip-structure", |zip| {
            (zip.end.members_here, zip.end.members) = (Some(6), Some(6));
        })
        .says(&["6"]),
        archive("a count of no members", "zip-structure", |zip| {
            (zip.end.members_here, zip.end.members) = (Some(0), Some(0));
        }),
        archive(
            "65,535 members that are not there",
            "zip-structure",
            |zip| {
                (zip.end.members_here, zip.end.members) = (Some(0xffff), Some(0xffff));
            },
        )
        .says(&["65535"]),
        archive("one member more here than altogether", code, |zip| {
            zip.end.members_here = Some(6);
        })
        .says(&["5", "6"]),
        archive("a shorter directory", code, |zip| {
            zip.end.directory_size = Some(46)
        })
        .says(&["46", "1248"]),
        archive("a longer directory", code, |zip| {
            zip.end.directory_size = Some(1 << 20)
        })
        .says(&["1048576", "1248"]),
        archive("no directory", code, |zip| zip.end.directory_size = Some(0)),
        archive("a directory size of all ones", "zip64-record", |zip| {
            zip.end.directory_size = Some(u32::MAX);
        }),
        archive("a directory at the start", code, |zip| {
            zip.end.directory_offset = Some(0)
        })
        .says(&["299", "1248"]),
        archive("a directory beyond the file", code, |zip| {
            zip.end.directory_offset = Some(1 << 30);
        }),
        archive("a directory offset of all ones", "zip64-record", |zip| {
            zip.end.directory_offset = Some(u32::MAX);
        }),
        archive("a directory one byte early", "zip-structure", |zip| {
            let (offset, size) = directory_of(&zip.bytes());
            zip.end.directory_offset = Some(offset - 1);
            zip.end.directory_size = Some(size + 1);
        }),
        archive("disk 1", code, |zip| zip.end.disk = 1).says(&["1"]),
        archive("a directory on disk 1", code, |zip| {
            zip.end.directory_disk = 1
        })
        .says(&["1"]),
        archive("a disk of all ones without Zip64", code, |zip| {
            zip.end.disk = 0xffff
        }),
        archive("a member on disk 1", "member-header", |zip| {
            zip.members[2].disk = 1
        })
        .says(&["notes/a.md"]),
        archive("a comment that is an end record", code, |zip| {
            zip.end.comment = [&b"PK\x05\x06"[..], &[0; 18]].concat();
        }),
        archive("a comment that is longer than it says", code, |zip| {
            zip.end.comment = b"hello".to_vec();
            zip.end.comment_len = Some(4);
        }),
        archive("a comment that is shorter than it says", code, |zip| {
            zip.end.comment = b"hello".to_vec();
            zip.end.comment_len = Some(6);
        }),
        archive("a comment that is not there", code, |zip| {
            zip.end.comment_len = Some(0xffff)
        }),
    ]
}

/// What the end record says of the directory: its offset and its size.
fn directory_of(bytes: &[u8]) -> (u32, u32) {
    let number = |at: usize| {
        let place = bytes.len() - 22 + at;
        u32::from_le_bytes(bytes[place..place + 4].try_into().unwrap())
    };
    (number(16), number(12))
}

fn comments() -> Vec<Lie> {
    [
        ("a comment of UTF-8", &b"caf\xc3\xa9"[..]),
        ("a comment of Latin-1", b"caf\xe9"),
        ("a comment with a terminal sequence", b"\x1b[2J"),
        ("a comment with a NUL", b"made\0by hand"),
        ("a comment with a delete", b"\x7f"),
        ("a comment that begins an end record", b"PK\x05\x06"),
        ("a comment with a form feed", b"page\x0c"),
    ]
    .into_iter()
    .map(|(name, comment)| {
        archive(name, "archive-comment", |zip| {
            zip.end.comment = comment.to_vec()
        })
    })
    .collect()
}

fn zip64_records() -> Vec<Lie> {
    vec![
        zip64("a Zip64 record with one member less", |zip| {
            zip.zip64.members = Some(4)
        }),
        zip64("a Zip64 record with one member more here", |zip| {
            zip.zip64.members_here = Some(6);
        }),
        zip64(
            "a Zip64 record with another count than the end record's",
            |zip| {
                (zip.zip64.members_here, zip.zip64.members) = (Some(6), Some(6));
            },
        )
        .says(&["5", "6"]),
        zip64("a Zip64 count that only the end record has right", |zip| {
            (zip.zip64.members_here, zip.zip64.members) = (Some(4), Some(4));
            (zip.end.members_here, zip.end.members) = (Some(5), Some(5));
        }),
        zip64("a Zip64 record with another directory size", |zip| {
            zip.zip64.directory_size = Some(46);
        }),
        zip64("a Zip64 record with another directory offset", |zip| {
            zip.zip64.directory_offset = Some(0);
        }),
        archive(
            "a Zip64 directory offset of all ones",
            "zip-end-record",
            |zip| {
                zip.is_zip64 = true;
                zip.zip64.directory_offset = Some(u64::MAX);
                zip.end.directory_offset = Some(u32::MAX);
            },
        ),
        archive(
            "a Zip64 directory size of all ones",
            "zip-end-record",
            |zip| {
                zip.is_zip64 = true;
                zip.zip64.directory_size = Some(u64::MAX);
                zip.end.directory_size = Some(u32::MAX);
            },
        ),
        zip64("an end record with a count of its own", |zip| {
            (zip.end.members_here, zip.end.members) = (Some(4), Some(4));
        }),
        zip64("an end record with a directory size of its own", |zip| {
            zip.end.directory_size = Some(46);
        }),
        zip64("an end record with a directory offset of its own", |zip| {
            zip.end.directory_offset = Some(0);
        }),
        zip64("a Zip64 record on disk 1", |zip| zip.zip64.disk = 1),
        zip64("a Zip64 directory on disk 1", |zip| {
            zip.zip64.directory_disk = 1
        }),
        zip64("a Zip64 record that says it is longer", |zip| {
            zip.zip64.record_size = Some(45);
        }),
        zip64("a Zip64 record that says it is shorter", |zip| {
            zip.zip64.record_size = Some(43);
        }),
        zip64("a Zip64 record size of all ones", |zip| {
            zip.zip64.record_size = Some(u64::MAX);
        }),
        zip64(
            "a Zip64 record that says nothing of its last bytes",
            |zip| {
                zip.zip64.data = vec![0; 8];
                zip.zip64.record_size = Some(44);
            },
        ),
    ]
}

fn zip64_locators() -> Vec<Lie> {
    vec![
        zip64("a locator that points one byte early", |zip| {
            zip.zip64.record_offset = Some(u64::from(after_directory(zip)) - 1);
        }),
        zip64("a locator that points at the start", |zip| {
            zip.zip64.record_offset = Some(0)
        }),
        zip64("a locator that points beyond the file", |zip| {
            zip.zip64.record_offset = Some(1 << 40);
        }),
        zip64("a locator that points at itself", |zip| {
            zip.zip64.record_offset = Some(u64::from(after_directory(zip)) + 56);
        }),
        zip64("a locator offset of all ones", |zip| {
            zip.zip64.record_offset = Some(u64::MAX)
        }),
        zip64("a locator of disk 1", |zip| zip.zip64.record_disk = 1),
        zip64("a locator of two disks", |zip| zip.zip64.disks = Some(2)),
        zip64("a locator of no disks", |zip| zip.zip64.disks = Some(0)),
        zip64("bytes between a Zip64 record and its locator", |zip| {
            zip.zip64.between = vec![0; 3];
        }),
        zip64("a locator without its record", |zip| {
            zip.zip64.is_locator_alone = true
        }),
        zip64("a locator that points at the directory", |zip| {
            zip.zip64.is_locator_alone = true;
            zip.zip64.record_offset = Some(u64::from(directory_of(&zip.bytes()).0));
        }),
        archive("a record without its locator", "zip-end-record", |zip| {
            zip.is_zip64 = true;
            zip.zip64.is_record_alone = true;
        }),
        archive(
            "bytes between locator and end record",
            "zip-end-record",
            |zip| {
                zip.is_zip64 = true;
                zip.before_end = vec![0; 3];
            },
        ),
    ]
}

fn after_directory(zip: &Zip) -> u32 {
    let (offset, size) = directory_of(&zip.bytes());
    offset + size
}
