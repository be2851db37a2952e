//! Packs that end early, and packs of which some bytes in the middle are missing.

use std::ops::Range;

use super::{Lie, honest, written};
use crate::support::pack_builder::Zip;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const ZIP64_RECORD: &[u8] = b"PK\x06\x06";
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";
const END: &[u8] = b"PK\x05\x06";

/// A pack with one of each record: `notes/a.md` is deflated and has a descriptor.
fn all_records() -> Vec<u8> {
    let change = |zip: &mut Zip| {
        zip.is_zip64 = true;
        zip.end.comment = b"made by hand".to_vec();
        let member = zip.member("notes/a.md");
        member.deflated();
        member.with_descriptor(true);
    };
    honest().zip(change).bytes()
}

/// Where the record of a signature stands, the `nth` of them.
fn record(bytes: &[u8], signature: &[u8], nth: usize) -> usize {
    let found = bytes.windows(4).enumerate();
    let mut found = found.filter(|(_, window)| *window == signature);
    found.nth(nth).unwrap().0
}

/// The pack ends at so many bytes after the start of a record.
fn ends(name: &'static str, (signature, nth, at): (&'static [u8], usize, usize)) -> Lie {
    written(name, "zip-end-record", move |path| {
        let bytes = all_records();
        let end = record(&bytes, signature, nth) + at;
        assert!(end < bytes.len());
        std::fs::write(path, &bytes[..end]).unwrap();
    })
}

/// The pack lacks a range of bytes, counted from the start of a record; all else is there.
fn lacks(
    name: &'static str,
    code: &'static str,
    (signature, nth): (&'static [u8], usize),
    range: Range<usize>,
) -> Lie {
    written(name, code, move |path| {
        let mut bytes = all_records();
        let start = record(&bytes, signature, nth);
        drop(bytes.drain(start + range.start..start + range.end));
        std::fs::write(path, &bytes).unwrap();
    })
}

pub(super) fn lies() -> Vec<Lie> {
    [ends_early(), lacks_bytes()]
        .into_iter()
        .flatten()
        .collect()
}

fn ends_early() -> Vec<Lie> {
    vec![
        written("an empty file", "zip-end-record", |path| {
            std::fs::write(path, b"").unwrap()
        }),
        written("one letter", "zip-end-record", |path| {
            std::fs::write(path, b"P").unwrap()
        }),
        ends("ends before the first name", (LOCAL, 0, 30)),
        ends("ends in the first signature", (LOCAL, 0, 3)),
        ends("ends in a local header", (LOCAL, 2, 17)),
        ends("ends in a name", (LOCAL, 2, 35)),
        ends("ends in a member's data", (LOCAL, 2, 45)),
        ends("ends before a descriptor", (DESCRIPTOR, 0, 0)),
        ends("ends in a descriptor", (DESCRIPTOR, 0, 9)),
        ends("ends in the manifest", (LOCAL, 4, 200)),
        ends("ends before the directory", (CENTRAL, 0, 0)),
        ends("ends in the directory", (CENTRAL, 2, 20)),
        ends("ends in a name of the directory", (CENTRAL, 3, 50)),
        ends("ends before the Zip64 record", (ZIP64_RECORD, 0, 0)),
        ends("ends in the Zip64 record", (ZIP64_RECORD, 0, 30)),
        ends("ends before the Zip64 locator", (ZIP64_LOCATOR, 0, 0)),
        ends("ends in the Zip64 locator", (ZIP64_LOCATOR, 0, 10)),
        ends("ends before the end record", (END, 0, 0)),
        ends("ends in the end record", (END, 0, 12)),
        ends("ends before the comment's length", (END, 0, 20)),
        ends("ends in the comment", (END, 0, 25)),
        ends("ends one letter early", (END, 0, 22 + 11)),
    ]
}

fn lacks_bytes() -> Vec<Lie> {
    let record = "zip64-record";
    vec![
        lacks("lacks its first byte", record, (LOCAL, 0), 0..1),
        lacks("lacks its first member", record, (LOCAL, 0), 0..36),
        lacks("lacks a byte of a local header", record, (LOCAL, 2), 12..13),
        lacks("lacks a byte of data", record, (LOCAL, 2), 45..46),
        lacks("lacks a descriptor", record, (DESCRIPTOR, 0), 0..16),
        lacks(
            "lacks a kibibyte of the manifest",
            record,
            (LOCAL, 4),
            100..612,
        ),
        lacks(
            "lacks a header of the directory",
            record,
            (CENTRAL, 1),
            0..56,
        ),
        lacks(
            "lacks a byte of the directory",
            record,
            (CENTRAL, 1),
            55..56,
        ),
        lacks("lacks the Zip64 record", record, (ZIP64_RECORD, 0), 0..56),
        lacks(
            "lacks a byte of the Zip64 record",
            record,
            (ZIP64_RECORD, 0),
            40..41,
        ),
        lacks(
            "lacks the Zip64 locator",
            "zip-end-record",
            (ZIP64_LOCATOR, 0),
            0..20,
        ),
        lacks(
            "lacks a byte of the Zip64 locator",
            "zip-end-record",
            (ZIP64_LOCATOR, 0),
            8..9,
        ),
        lacks(
            "lacks a byte of the end record",
            "zip-end-record",
            (END, 0),
            8..9,
        ),
        lacks(
            "lacks the end record's signature",
            "zip-end-record",
            (END, 0),
            0..4,
        ),
    ]
}
