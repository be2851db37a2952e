//! A local header that says something else than the central one.

use super::{Lie, archive, member};
use crate::support::pack_builder::Member;

fn local(name: &'static str, values: &[&'static str], change: fn(&mut Member)) -> Lie {
    member(name, "member-header", change).says(values)
}

pub(super) fn lies() -> Vec<Lie> {
    vec![
        local("another local name", &["notes/A.md"], |member| {
            member.local.name = b"notes/A.md".to_vec();
        }),
        local("a local name elsewhere", &["../../a.md"], |member| {
            member.local.name = b"../../a.md".to_vec();
        }),
        local("a shorter local name", &["notes/a."], |member| {
            member.local.name.truncate(member.local.name.len() - 1);
        }),
        local("a longer local name", &["notes/a.md5"], |member| {
            member.local.name.push(b'5');
        }),
        local("no local name", &[], |member| member.local.name.clear()),
        local("a local name with a slash", &["notes/a.md/"], |member| {
            member.local.name.push(b'/');
        }),
        local("another local method", &["0", "8"], |member| {
            member.local.method = 8
        }),
        local("another central method", &["0", "8"], |member| {
            member.deflated();
            member.local.method = 0;
        }),
        local("an unknown local method", &["0", "99"], |member| {
            member.local.method = 99
        }),
        local("another local CRC-32", &[], |member| {
            member.local.crc32 ^= 1
        }),
        local("no local CRC-32", &[], |member| member.local.crc32 = 0),
        local("a larger local size", &["11", "12"], |member| {
            member.local.size += 1
        }),
        local("no local size", &["11", "0"], |member| {
            member.local.size = 0
        }),
        local("a local size of 4 GiB", &["11", "4294967294"], |member| {
            member.local.size = u32::MAX - 1;
        }),
        local("a larger local packed size", &["11", "12"], |member| {
            member.local.packed_size += 1;
        }),
        local("no local packed size", &["11", "0"], |member| {
            member.local.packed_size = 0
        }),
        local(
            "nothing known locally, without the flag",
            &["0", "1748586222"],
            |member| {
                (
                    member.local.crc32,
                    member.local.size,
                    member.local.packed_size,
                ) = (0, 0, 0);
            },
        ),
        local("a local level flag", &[], |member| {
            member.local.flags |= 1 << 1
        }),
        local("another local level flag", &[], |member| {
            member.local.flags |= 1 << 2
        }),
        local("a local descriptor flag", &[], |member| {
            member.local.flags |= 1 << 3
        }),
        local("a central descriptor flag", &[], |member| {
            member.central.flags |= 1 << 3
        }),
        local("UTF-8 by the central header alone", &[], |member| {
            member.local.flags &= !(1 << 11);
        }),
        local("UTF-8 by the local header alone", &[], |member| {
            member.central.flags &= !(1 << 11);
        }),
        local("encrypted locally", &[], |member| member.local.flags |= 1),
        archive("two headers that change places", "member-header", |zip| {
            let (left, right) = (zip.members[2].local.clone(), zip.members[3].local.clone());
            zip.members[2].local.name = right.name;
            zip.members[3].local.name = left.name;
        })
        .says(&["notes/a.md", "notes/sub/b.md"]),
    ]
}
