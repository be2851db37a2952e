//! One bit that is not what it was, in each field that means something.

use super::{Lie, honest, written};

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";

/// Flips a bit of the byte `at` of the `nth` record of a signature.
fn flip(
    name: &'static str,
    code: &'static str,
    (signature, nth): (&'static [u8], usize),
    at: usize,
    bit: u8,
) -> Lie {
    written(name, code, move |path| {
        let mut bytes = honest().bytes();
        let found = bytes.windows(4).enumerate();
        let mut found = found.filter(|(_, window)| *window == signature);
        let start = found.nth(nth).unwrap().0;
        bytes[start + at] ^= 1 << bit;
        std::fs::write(path, &bytes).unwrap();
    })
}

/// The records of `notes/a.md`.
const LOCAL_A: (&[u8], usize) = (LOCAL, 2);
const CENTRAL_A: (&[u8], usize) = (CENTRAL, 2);
const MANIFEST: (&[u8], usize) = (LOCAL, 4);
const THE_END: (&[u8], usize) = (END, 0);

pub(super) fn lies() -> Vec<Lie> {
    [of_local(), of_central(), of_end()]
        .into_iter()
        .flatten()
        .collect()
}

fn of_local() -> Vec<Lie> {
    let code = "member-header";
    vec![
        flip("a bit of a local signature", "zip-structure", LOCAL_A, 3, 0)
            .says(&["notes/a.md", "no local header at 76"]),
        flip(
            "a bit of the first signature",
            "zip-structure",
            (LOCAL, 0),
            0,
            1,
        ),
        flip("a bit of local flags", code, LOCAL_A, 6, 1),
        flip("a bit of the local UTF-8 flag", code, LOCAL_A, 7, 3),
        flip("a bit of a local method", code, LOCAL_A, 8, 3).says(&["0", "8"]),
        flip("a bit of a local CRC-32", code, LOCAL_A, 14, 0),
        flip("the last bit of a local CRC-32", code, LOCAL_A, 17, 7),
        flip("a bit of a local packed size", code, LOCAL_A, 18, 2).says(&["11", "15"]),
        flip("the last bit of a local packed size", code, LOCAL_A, 21, 7),
        flip("a bit of a local size", code, LOCAL_A, 22, 2).says(&["11", "15"]),
        flip("a bit of a local name length", code, LOCAL_A, 26, 0),
        flip(
            "a high bit of a local name length",
            "zip-structure",
            LOCAL_A,
            27,
            6,
        ),
        flip("a bit of a local name", code, LOCAL_A, 36, 5).says(&["notes/a.md", "notes/A.md"]),
        flip("the UTF-8 bit of a local name", code, LOCAL_A, 36, 7),
        flip(
            "the first bit of stored bytes",
            "member-bytes",
            LOCAL_A,
            40,
            0,
        ),
        flip(
            "the last bit of stored bytes",
            "member-bytes",
            LOCAL_A,
            50,
            7,
        ),
        flip(
            "a bit of the manifest",
            "member-bytes",
            MANIFEST,
            30 + 29 + 5,
            0,
        ),
    ]
}

fn of_central() -> Vec<Lie> {
    let code = "member-header";
    vec![
        flip(
            "a bit of a central signature",
            "zip-structure",
            CENTRAL_A,
            2,
            0,
        ),
        flip("a bit of central flags", code, CENTRAL_A, 8, 2),
        flip(
            "the encryption bit of central flags",
            "member-flags",
            CENTRAL_A,
            8,
            0,
        ),
        flip("a bit of a central method", code, CENTRAL_A, 10, 3),
        flip(
            "a high bit of a central method",
            "member-method",
            CENTRAL_A,
            11,
            0,
        ),
        flip("a bit of a central CRC-32", code, CENTRAL_A, 16, 0),
        flip("a bit of a central packed size", code, CENTRAL_A, 20, 2).says(&["11", "15"]),
        flip("a bit of a central size", code, CENTRAL_A, 24, 2).says(&["11", "15"]),
        flip("a bit of a central name", code, CENTRAL_A, 46 + 6, 5)
            .says(&["notes/a.md", "notes/A.md"]),
        flip(
            "a bit of a central name length",
            "zip-structure",
            CENTRAL_A,
            28,
            0,
        ),
        flip(
            "a bit of a central extra length",
            "zip-structure",
            CENTRAL_A,
            30,
            0,
        ),
        flip(
            "a bit of a comment length",
            "zip-structure",
            CENTRAL_A,
            32,
            0,
        ),
        flip("a bit of a disk number", "member-header", CENTRAL_A, 34, 0).says(&[
            "notes/a.md",
            "disk 1",
            "0",
        ]),
        flip("a bit of a file type", "member-type", CENTRAL_A, 41, 5),
        flip("a bit of an offset", "zip-structure", CENTRAL_A, 42, 0)
            .says(&["notes/a.md", "no local header at 77"]),
        flip(
            "the last bit of an offset",
            "zip-structure",
            CENTRAL_A,
            45,
            7,
        )
        .says(&["2147483724", "949"]),
    ]
}

fn of_end() -> Vec<Lie> {
    let code = "zip-end-record";
    vec![
        flip("a bit of the end's signature", code, THE_END, 1, 0),
        flip("a bit of the disk", code, THE_END, 4, 0),
        flip("a bit of the directory's disk", code, THE_END, 6, 0),
        flip("a bit of the count here", code, THE_END, 8, 0),
        flip("a bit of the count", code, THE_END, 10, 1),
        flip("a bit of the directory's size", code, THE_END, 12, 0),
        flip("the last bit of the directory's size", code, THE_END, 15, 7),
        flip("a bit of the directory's offset", code, THE_END, 16, 0),
        flip(
            "the last bit of the directory's offset",
            code,
            THE_END,
            19,
            7,
        ),
        flip("a bit of the comment's length", code, THE_END, 20, 0),
    ]
}
