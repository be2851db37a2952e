//! Extra fields that do not fit, that hold other values than they should, or that rename a member.

use super::{Lie, member};
use crate::support::pack_builder::{Header, Member, extra_field, unicode_path, zip64_field};

const SENTINEL: u32 = u32::MAX;

fn both(name: &'static str, code: &'static str, extra: impl AsRef<[u8]>) -> Lie {
    let extra = extra.as_ref().to_vec();
    member(name, code, move |member| {
        member.both(|header| header.extra.clone_from(&extra));
    })
}

/// Both headers of `notes/a.md` with sentinels as both sizes, and this field.
fn sizes(name: &'static str, code: &'static str, extra: impl AsRef<[u8]>) -> Lie {
    let extra = extra.as_ref().to_vec();
    member(name, code, move |member| {
        member.both(|header| {
            (header.size, header.packed_size) = (SENTINEL, SENTINEL);
            header.extra.clone_from(&extra);
        });
    })
}

fn central(name: &'static str, change: fn(&mut Member)) -> Lie {
    member(name, "zip64-field", change)
}

pub(super) fn lies() -> Vec<Lie> {
    [areas(), sentinels(), values(), names()]
        .into_iter()
        .flatten()
        .collect()
}

fn areas() -> Vec<Lie> {
    let code = "member-extra-field";
    let past = [0xfe, 0xca, 9, 0, 1];
    vec![
        both("a field that runs past its area", code, past),
        member("a field past its area, centrally", code, move |member| {
            member.central.extra = past.to_vec();
        }),
        member("a field past its area, locally", code, move |member| {
            member.local.extra = past.to_vec();
        }),
        both("a field of one byte too many", code, [0xfe, 0xca, 2, 0, 1]),
        both(
            "a field of the greatest length",
            code,
            [0xfe, 0xca, 0xff, 0xff, 1],
        ),
        both("a field without a length", code, [0xfe, 0xca]),
        both("a field with half a length", code, [0xfe, 0xca, 0]),
        both("a lonely byte", code, [0]),
        both(
            "a byte after a field",
            code,
            [&extra_field(0xcafe, b"x")[..], &[0]].concat(),
        ),
        both(
            "a Zip64 field past its area",
            code,
            [1, 0, 16, 0, 11, 0, 0, 0, 0, 0, 0, 0],
        ),
    ]
}

fn sentinels() -> Vec<Lie> {
    let code = "zip64-field";
    let twice = zip64_field(&[11, 11]).repeat(2);
    vec![
        sizes("Zip64 twice", code, twice),
        central("Zip64 twice, centrally", |member| {
            member.central.size = SENTINEL;
            member.central.extra = zip64_field(&[11]).repeat(2);
        }),
        member("Zip64 twice, locally", code, |member| {
            (member.local.size, member.local.packed_size) = (SENTINEL, SENTINEL);
            member.local.extra = zip64_field(&[11, 11]).repeat(2);
        }),
        sizes("sentinels without Zip64", code, []),
        central("a size without its Zip64 value", |member| {
            member.central.size = SENTINEL
        }),
        central("a packed size without its Zip64 value", |member| {
            member.central.packed_size = SENTINEL;
        }),
        central("an offset without its Zip64 value", |member| {
            member.offset = Some(SENTINEL)
        }),
        central("an offset that its Zip64 field lacks", |member| {
            member.offset = Some(SENTINEL);
            member.central.size = SENTINEL;
            member.central.extra = zip64_field(&[11]);
        }),
        central("a disk without its Zip64 value", |member| {
            member.disk = 0xffff
        }),
        both("Zip64 without a sentinel", code, zip64_field(&[11, 11])),
        central("Zip64 without a sentinel, centrally", |member| {
            member.central.extra = zip64_field(&[11]);
        }),
        member("Zip64 without a sentinel, locally", code, |member| {
            member.local.extra = zip64_field(&[11, 11]);
        }),
        sizes("Zip64 with one size of two", code, zip64_field(&[11])),
        sizes("Zip64 with a third value", code, zip64_field(&[11, 11, 0])),
        sizes("Zip64 with half a value more", code, {
            extra_field(
                1,
                &[&11_u64.to_le_bytes()[..], &11_u64.to_le_bytes(), &[0; 4]].concat(),
            )
        }),
        sizes("Zip64 with a value cut short", code, {
            extra_field(1, &[&11_u64.to_le_bytes()[..], &[11, 0, 0, 0]].concat())
        }),
        sizes("an empty Zip64 field", code, zip64_field(&[])),
        central("Zip64 sizes where an offset is asked for", |member| {
            member.offset = Some(SENTINEL);
            member.central.extra = zip64_field(&[11, 11, 76]);
        }),
    ]
}

fn values() -> Vec<Lie> {
    let header = "member-header";
    let is_sentinel = |header: &mut Header| {
        (header.size, header.packed_size) = (SENTINEL, SENTINEL);
        header.extra = zip64_field(&[11, 11]);
    };
    vec![
        member("another local Zip64 size", header, move |member| {
            member.both(is_sentinel);
            member.local.extra = zip64_field(&[12, 11]);
        })
        .says(&["11", "12"]),
        member("another central Zip64 packed size", header, move |member| {
            member.both(is_sentinel);
            member.central.extra = zip64_field(&[11, 10]);
        })
        .says(&["10", "11"]),
        member("another local Zip64 size alone", header, move |member| {
            is_sentinel(&mut member.local);
            member.local.extra = zip64_field(&[1 << 40, 11]);
        })
        .says(&["11", "1099511627776"]),
        sizes(
            "a Zip64 size that the bytes have not",
            "member-header",
            zip64_field(&[12, 11]),
        )
        .says(&["11", "12"]),
        sizes(
            "Zip64 sizes beyond the file",
            "zip-structure",
            zip64_field(&[1 << 40, 1 << 40]),
        ),
        sizes(
            "a Zip64 packed size of all ones",
            "member-header",
            zip64_field(&[11, u64::MAX]),
        ),
        member(
            "a Zip64 offset beyond the file",
            "zip-structure",
            |member| {
                member.offset = Some(SENTINEL);
                member.central.extra = zip64_field(&[1 << 40]);
            },
        ),
        member("a Zip64 offset of all ones", "zip-structure", |member| {
            member.offset = Some(SENTINEL);
            member.central.extra = zip64_field(&[u64::MAX]);
        }),
        member("a Zip64 disk", "member-header", |member| {
            member.disk = 0xffff;
            member.central.extra = extra_field(1, &[1, 0, 0, 0]);
        }),
    ]
}

fn names() -> Vec<Lie> {
    let code = "name-override";
    let name = b"notes/a.md";
    let other = unicode_path(name, b"notes/other.md");
    let (local, central) = (other.clone(), other.clone());
    let mut wrong_crc32 = other.clone();
    wrong_crc32[5] ^= 1;
    let mut next_version = other.clone();
    next_version[4] = 2;
    vec![
        both("a second name", code, other).says(&["notes/a.md", "notes/other.md"]),
        member("a second name, locally", code, |member| {
            member.local.extra = local
        }),
        member("a second name, centrally", code, |member| {
            member.central.extra = central
        }),
        both("a second name for another first one", code, wrong_crc32).says(&["notes/other.md"]),
        both("a second name of another version", code, next_version),
        both(
            "a second name that points outside",
            code,
            unicode_path(name, b"../../x"),
        )
        .says(&["../../x"]),
        both("a second name that is none", code, unicode_path(name, b"")),
        both(
            "a second name that is no UTF-8",
            code,
            unicode_path(name, b"notes/\xff.md"),
        ),
        both(
            "a second name in other letters",
            code,
            unicode_path(name, b"notes/A.md"),
        ),
        both("the name again, and then another", code, {
            [unicode_path(name, name), unicode_path(name, b"notes/b.md")].concat()
        }),
        both("a second name behind another field", code, {
            [extra_field(0xcafe, b"x"), unicode_path(name, b"notes/b.md")].concat()
        }),
    ]
}
