//! Members that are neither plain files nor directories, and directories that hold data.

use super::{Lie, honest, lie, member};
use crate::support::pack_builder::Member;

/// The member `notes/a.md` with a file type, as Unix or macOS writes it.
fn typed(name: &'static str, mode: u32) -> Lie {
    member(name, "member-type", move |member| {
        member.attributes = mode << 16;
    })
}

/// A directory member that holds something.
fn full(name: &'static str, change: fn(&mut Member)) -> Lie {
    let pack = honest().member("sub/", move |member| {
        let attributes = member.attributes;
        *member = Member::stored(b"notes/sub/", b"hidden");
        member.attributes = attributes;
        change(member);
    });
    lie(name, "directory-data", pack).says(&["sub"])
}

pub(super) fn lies() -> Vec<Lie> {
    let link = |member: &mut Member| member.attributes = 0o120_777 << 16;
    vec![
        typed("symbolic link", 0o120_777).says(&["12"]),
        typed("FIFO", 0o010_644),
        typed("character device", 0o020_666),
        typed("block device", 0o060_660),
        typed("socket", 0o140_755),
        typed("whiteout", 0o160_000),
        typed("a type that Unix does not have", 0o030_644),
        typed("all type bits", 0o170_000),
        typed("setuid symbolic link", 0o124_777),
        member("symbolic link of macOS", "member-type", |member| {
            (member.made_by, member.attributes) = (0x1314, 0o120_777 << 16);
        }),
        member("symbolic link that is deflated", "member-type", |member| {
            member.attributes = 0o120_777 << 16;
            member.deflated();
        }),
        member(
            "symbolic link that DOS calls a directory",
            "member-type",
            |member| {
                member.attributes = 0o120_777 << 16 | 0x10;
            },
        ),
        lie(
            "symbolic link as a directory",
            "member-type",
            honest().member("sub/", link),
        )
        .says(&["sub"]),
        lie(
            "symbolic link as ROOT",
            "member-type",
            honest().member("", link),
        ),
        lie(
            "symbolic link as the manifest",
            "member-type",
            honest().member("_._ovpack_manifest.json", link),
        ),
        lie(
            "FIFO as a directory",
            "member-type",
            honest().member("sub/", |member| member.attributes = 0o010_644 << 16),
        ),
        full("a directory with stored data", |_| ()),
        full("a directory with deflated data", Member::deflated),
        full("a directory with data and no attributes", |member| {
            (member.made_by, member.attributes) = (0, 0);
        }),
        full("a directory that calls its data a file", |member| {
            member.attributes = 0o100_644 << 16;
        }),
        full("a directory with data and a descriptor", |member| {
            member.with_descriptor(true)
        }),
        lie(
            "ROOT with data",
            "directory-data",
            honest().member("", |member| *member = Member::stored(b"notes/", b"hidden")),
        ),
    ]
}
