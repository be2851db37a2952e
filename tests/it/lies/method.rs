//! Methods that are not stored or deflate, and flags that are not known.

use super::{Lie, honest, lie, member};
use crate::support::pack_builder::Member;

fn method(name: &'static str, method: u16, said: &'static str) -> Lie {
    let change = move |member: &mut Member| member.both(|header| header.method = method);
    member(name, "member-method", change).says(&[said])
}

fn flag(name: &'static str, bit: u16) -> Lie {
    let change = move |member: &mut Member| member.both(|header| header.flags |= 1 << bit);
    member(name, "member-flags", change)
}

pub(super) fn lies() -> Vec<Lie> {
    let encrypted = |member: &mut Member| member.both(|header| header.flags |= 1);
    let bzip2 = |member: &mut Member| member.both(|header| header.method = 12);
    vec![
        method("shrunk", 1, "1"),
        method("reduced", 2, "2"),
        method("imploded", 6, "6"),
        method("tokenised", 7, "7"),
        method("deflate64", 9, "9"),
        method("bzip2", 12, "12"),
        method("LZMA", 14, "14"),
        method("zstandard", 93, "93"),
        method("XZ", 95, "95"),
        method("JPEG", 96, "96"),
        method("WavPack", 97, "97"),
        method("PPMd", 98, "98"),
        method("AES", 99, "99"),
        method("a method that nobody has", 0xffff, "65535"),
        method("deflate with a high bit", 0x0108, "264"),
        lie(
            "bzip2 directory",
            "member-method",
            honest().member("sub/", bzip2),
        )
        .says(&["sub"]),
        lie(
            "bzip2 manifest",
            "member-method",
            honest().member("_._ovpack_manifest.json", bzip2),
        )
        .says(&["12"]),
        flag("encrypted", 0),
        flag("enhanced deflate", 4),
        flag("patched", 5),
        flag("strongly encrypted", 6),
        flag("unused flag 7", 7),
        flag("unused flag 10", 10),
        flag("enhanced compression", 12),
        flag("masked headers", 13),
        flag("reserved flag 14", 14),
        flag("reserved flag 15", 15),
        lie(
            "encrypted directory",
            "member-flags",
            honest().member("sub/", encrypted),
        )
        .says(&["sub"]),
        lie(
            "encrypted manifest",
            "member-flags",
            honest().member("_._ovpack_manifest.json", encrypted),
        ),
        member("encrypted with a descriptor", "member-flags", |member| {
            member.with_descriptor(true);
            member.both(|header| header.flags |= 1);
        }),
    ]
}
