//! Packs that ask for more than they bring: more bytes, more members, more depth.

use flate2::{Compress, Compression, FlushCompress};
use serde_json::json;

use super::{Lie, archive, honest, lie, sized};
use crate::support::PackBuilder;
use crate::support::pack_builder::{MANIFEST, Member, Zip, zip64_field};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// The largest size that a file can have.
const HUGE: u64 = (1 << 63) - 1;

/// Returns a deflate stream of `letter`, so many MiB of it, and its CRC-32. It packs at about
/// 1,000 to 1 and costs no more than 16 MiB do: a flushed block that is repeated.
fn repeated(letter: u8, mib: u64) -> (Vec<u8>, u32) {
    const STEP: u64 = 16;
    assert_eq!(mib % STEP, 0);
    let unpacked = vec![letter; 16 << 20];
    let mut block = Vec::with_capacity(1 << 20);
    let mut compress = Compress::new(Compression::new(9), false);
    compress
        .compress_vec(&unpacked, &mut block, FlushCompress::Full)
        .unwrap();
    assert_eq!(compress.total_in(), STEP * MIB);
    let mut one = crc32fast::Hasher::new();
    one.update(&unpacked);
    let mut all = crc32fast::Hasher::new();
    let mut stream = Vec::new();
    for _ in 0..mib / STEP {
        stream.extend(&block);
        all.combine(&one);
    }
    stream.extend([1, 0, 0, 0xff, 0xff]);
    (stream, all.finalize())
}

/// Puts a packed stream into a member whose headers say this size.
fn put(member: &mut Member, (stream, crc32): (Vec<u8>, u32), size: u64) {
    let packed = stream.len() as u64;
    member.pack(8, stream);
    member.both(|header| {
        header.crc32 = crc32;
        if let Ok(size) = u32::try_from(size) {
            header.size = size;
        } else {
            (header.size, header.packed_size) = (u32::MAX, u32::MAX);
            header.extra = zip64_field(&[size, packed]);
        }
    });
}

/// A pack whose `a.md` is a stream of so many MiB, and says to be of this size.
fn zeros(name: &'static str, code: &'static str, mib: u64, size: u64) -> Lie {
    let pack = sized(size).member("a.md", move |member| put(member, repeated(0, mib), size));
    lie(name, code, pack).bomb()
}

/// A pack whose manifest is a stream of so many MiB of spaces, and says to be of this size.
fn spaces(name: &'static str, code: &'static str, mib: u64, size: u64) -> Lie {
    let pack = honest().member(MANIFEST, move |member| {
        put(member, repeated(b' ', mib), size);
    });
    lie(name, code, pack).bomb()
}

/// A pack whose manifest, well packed, is made from the honest one.
fn text(name: &'static str, code: &'static str, text: fn(&str) -> Vec<u8>) -> Lie {
    let pack = honest().manifest_text(move |honest| text(&honest));
    lie(name, code, pack.member(MANIFEST, Member::deflated)).bomb()
}

/// So many members over one stretch of bytes: the data of each quotes, as a stored block, the local
/// header of the next, and all end in one kernel of zeros.
fn quoted(count: usize) -> Zip {
    let name = |number: usize| format!("notes/{number:04}.md").into_bytes();
    let (kernel, mut crc32) = repeated(0, 16);
    let (mut packed, mut size) = (kernel.len(), 16 * MIB);
    let mut unpacked = crc32fast::Hasher::new_with_initial_len(crc32, size);
    let mut members = Vec::new();
    for number in (0..count).rev() {
        let mut member = Member::stored(&name(number), b"");
        member.both(|header| {
            (header.method, header.crc32) = (8, crc32);
            header.packed_size = u32::try_from(packed).unwrap();
            header.size = u32::try_from(size).unwrap();
        });
        let is_last = number + 1 == count;
        member.data = if is_last { kernel.clone() } else { Vec::new() };
        // What stands before this member in the file: the block header that quotes its own.
        let mut archive = Zip::default();
        archive.members.push(Member {
            data: Vec::new(),
            ..member.clone()
        });
        let local = archive.bytes()[..30 + name(number).len()].to_vec();
        let mut next = crc32fast::Hasher::new();
        next.update(&local);
        next.combine(&unpacked);
        if number > 0 {
            let len = u16::try_from(local.len()).unwrap();
            member.gap = [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes()].concat();
        }
        packed += local.len() + member.gap.len();
        size += local.len() as u64;
        crc32 = next.clone().finalize();
        unpacked = next;
        members.push(member);
    }
    members.reverse();
    Zip {
        members,
        ..Zip::default()
    }
}

pub(super) fn lies() -> Vec<Lie> {
    [sizes(), overlaps(), counts(), manifests()]
        .into_iter()
        .flatten()
        .collect()
}

fn sizes() -> Vec<Lie> {
    let (ratio, bytes) = ("ratio-too-high", "member-bytes");
    vec![
        zeros("10 GiB of zeros, honestly", ratio, 10 << 10, 10 * GIB),
        zeros("a small size and 10 GiB of zeros", bytes, 10 << 10, 11).says(&["a.md", "11"]),
        zeros(
            "16 MiB and one byte, and 10 GiB of zeros",
            bytes,
            10 << 10,
            16 * MIB + 1,
        )
        .says(&["a.md", "16777217"]),
        zeros("4 GiB and a small stream", ratio, 16, 4 * GIB),
        zeros("512 MiB and a small stream", bytes, 16, 512 * MIB).says(&[
            "a.md",
            "16777216",
            "536870912",
        ]),
        zeros("8 EiB and a small stream", ratio, 16, HUGE),
        zeros(
            "16 EiB and a small stream",
            "member-header",
            16,
            u64::MAX - 1,
        ),
        lie(
            "sizes whose sum is more than 16 EiB",
            ratio,
            sized(HUGE).zip(|zip| {
                for number in 0..3 {
                    let name = format!("notes/{number}.bin");
                    let mut member = Member::stored(name.as_bytes(), b"");
                    put(&mut member, repeated(0, 16), HUGE);
                    zip.members.insert(1, member);
                }
            }),
        ),
        lie(
            "many files that are each below the limit",
            ratio,
            PackBuilder::of("viking://resources/notes").zip(|zip| {
                let zeros = repeated(0, 64);
                for number in 0..100 {
                    let name = format!("notes/{number}.bin");
                    let mut member = Member::stored(name.as_bytes(), b"");
                    put(&mut member, zeros.clone(), 64 * MIB);
                    zip.members.insert(1, member);
                }
            }),
        )
        .bomb(),
    ]
}

fn overlaps() -> Vec<Lie> {
    let code = "zip-overlap";
    vec![
        archive(
            "ten thousand names for one member",
            "member-header",
            |zip| {
                for number in 0..10_000 {
                    let mut ghost = zip.members[2].clone();
                    ghost.central.name = format!("notes/{number}.md").into_bytes();
                    (ghost.is_present, ghost.offset) = (false, Some(76));
                    zip.members.push(ghost);
                }
            },
        )
        .bomb(),
        archive("ten thousand times one member", code, |zip| {
            for _ in 0..10_000 {
                let mut ghost = zip.members[2].clone();
                (ghost.is_present, ghost.offset) = (false, Some(76));
                zip.members.push(ghost);
            }
        })
        .bomb(),
        archive("fifty quoted local headers", code, |zip| {
            let manifest = zip.members.pop().unwrap();
            zip.members = quoted(50).members;
            zip.members.push(manifest);
        })
        .bomb(),
        archive("two quoted local headers", code, |zip| {
            let manifest = zip.members.pop().unwrap();
            zip.members = quoted(2).members;
            zip.members.push(manifest);
        }),
        archive("a thousand members that end in one kernel", code, |zip| {
            let manifest = zip.members.pop().unwrap();
            zip.members = quoted(1_000).members;
            zip.members.push(manifest);
        })
        .bomb(),
    ]
}

fn counts() -> Vec<Lie> {
    let million = |zip: &mut Zip, count: u64| {
        zip.is_zip64 = true;
        (zip.zip64.members_here, zip.zip64.members) = (Some(count), Some(count));
        (zip.end.members_here, zip.end.members) = (Some(0xffff), Some(0xffff));
    };
    vec![
        archive(
            "a million members in a few bytes",
            "zip-structure",
            move |zip| {
                million(zip, 1_000_000);
            },
        )
        .says(&["1000000"])
        .bomb(),
        archive("members without number", "too-many-members", move |zip| {
            million(zip, u64::MAX)
        })
        .bomb(),
        archive("a directory of 16 EiB", "zip-end-record", move |zip| {
            million(zip, u64::MAX);
            zip.zip64.directory_size = Some(u64::MAX);
            zip.end.directory_size = Some(u32::MAX);
        })
        .bomb(),
        archive("65,534 members in a few bytes", "zip-structure", |zip| {
            (zip.end.members_here, zip.end.members) = (Some(65_534), Some(65_534));
        })
        .bomb(),
        archive(
            "twelve thousand names that point outside",
            "name-dot-component",
            |zip| {
                for number in 0..12_000 {
                    let name = format!("notes/../{number}.md");
                    zip.members.push(Member::stored(name.as_bytes(), b""));
                }
            },
        )
        .bomb(),
        lie(
            "twelve thousand entries that are not there",
            "directory-missing",
            honest().manifest(|manifest| {
                let more = (0..12_000).map(
                    |number| json!({ "path": format!("ghost-{number}"), "kind": "directory" }),
                );
                manifest["entries"].as_array_mut().unwrap().extend(more);
            }),
        )
        .bomb(),
    ]
}

fn manifests() -> Vec<Lie> {
    let syntax = "manifest-syntax";
    vec![
        spaces(
            "a manifest of 5 GiB of spaces, honestly",
            "manifest-too-large",
            5 << 10,
            5 * GIB,
        ),
        spaces(
            "a manifest of 272 MiB of spaces",
            "manifest-too-large",
            272,
            272 * MIB,
        ),
        spaces(
            "a manifest of 5 GiB of spaces that says 400",
            "member-bytes",
            5 << 10,
            400,
        )
        .says(&["400"]),
        text("a manifest of 1 MiB of spaces", syntax, |_| {
            vec![b' '; 1 << 20]
        }),
        text("a hundred million brackets", syntax, |_| {
            vec![b'['; 100_000_000]
        }),
        text(
            "a hundred million brackets below an unknown key",
            syntax,
            |_| [&b"{\"x\":"[..], &vec![b'['; 100_000_000]].concat(),
        ),
        text("twenty million objects in each other", syntax, |_| {
            [&b"{\"x\":"[..], &b"{\"x\":".repeat(20_000_000)].concat()
        }),
        text("brackets in an index record", "record-shape", |_| {
            [
                &b"{\"vectors\":{\"a.md\":[{\"scalars\":"[..],
                &vec![b'['; 50_000_000],
            ]
            .concat()
        }),
        text("brackets in an entry", syntax, |_| {
            [&b"{\"entries\":[{\"path\":"[..], &vec![b'['; 50_000_000]].concat()
        }),
        text("a text of 1 MiB as an unknown key", syntax, |_| {
            [&b"{\""[..], &vec![b'x'; 1 << 20]].concat()
        }),
        text("a path of 1 MiB", "name-too-long", |honest| {
            let path = format!("\"path\": \"{}", "x".repeat(1 << 20));
            honest.replacen("\"path\": \"sub", &path, 1).into_bytes()
        }),
        text("a path of 17 MiB", "manifest-syntax", |honest| {
            let path = format!("\"path\": \"{}", "x".repeat(17 << 20));
            honest.replacen("\"path\": \"sub", &path, 1).into_bytes()
        }),
        text("a number of 1 million digits", syntax, |_| {
            [&b"{\"format_version\":"[..], &vec![b'2'; 1_000_000], b"}"].concat()
        }),
    ]
}
