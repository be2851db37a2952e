//! Data descriptors that say something else than the headers, or are not what was announced.

use super::{Lie, honest, lie, member};
use crate::support::pack_builder::{Member, zip64_field};

/// The member `notes/a.md` with a signed descriptor.
fn signed(name: &'static str, code: &'static str, change: fn(&mut Member)) -> Lie {
    member(name, code, move |member| {
        member.with_descriptor(true);
        change(member);
    })
}

/// The member `notes/a.md` with more than its descriptor: bytes that belong to no member.
fn gap(name: &'static str, change: fn(&mut Member)) -> Lie {
    let lie = signed(name, "zip-gap", change);
    Lie {
        says: vec!["143"],
        ..lie
    }
}

/// The member `notes/a.md` with an unsigned descriptor.
fn unsigned(name: &'static str, code: &'static str, change: fn(&mut Member)) -> Lie {
    member(name, code, move |member| {
        member.with_descriptor(false);
        change(member);
    })
}

/// The descriptor with sizes of eight bytes.
fn long_descriptor(member: &mut Member) {
    let header = &member.central;
    let mut descriptor = 0x0807_4b50_u32.to_le_bytes().to_vec();
    descriptor.extend(header.crc32.to_le_bytes());
    descriptor.extend(u64::from(header.packed_size).to_le_bytes());
    descriptor.extend(u64::from(header.size).to_le_bytes());
    member.descriptor = descriptor;
}

/// A local Zip64 field, as a writer leaves it that does not know the sizes yet.
fn local_zip64(member: &mut Member) {
    (member.local.size, member.local.packed_size) = (u32::MAX, u32::MAX);
    member.local.extra = zip64_field(&[0, 0]);
}

pub(super) fn lies() -> Vec<Lie> {
    [values(), announcements()].into_iter().flatten().collect()
}

fn values() -> Vec<Lie> {
    let code = "member-descriptor";
    vec![
        signed("another CRC-32", code, |member| member.descriptor[4] ^= 1),
        signed("another packed size", code, |member| {
            member.descriptor[8] += 1
        })
        .says(&["11", "0c"]),
        signed("another size after the data", code, |member| {
            member.descriptor[12] += 1
        })
        .says(&["11", "0c"]),
        signed("a size beyond 16 MiB", code, |member| {
            member.descriptor[15] = 1
        })
        .says(&["11 bytes", "0b, 00, 00, 01"]),
        signed("nothing but zeros", code, |member| {
            member.descriptor[4..].fill(0)
        }),
        signed("another signature", code, |member| {
            member.descriptor[0] ^= 1
        }),
        unsigned("another CRC-32, unsigned", code, |member| {
            member.descriptor[0] ^= 1
        }),
        unsigned("another packed size, unsigned", code, |member| {
            member.descriptor[4] += 1
        }),
        unsigned("another size, unsigned", code, |member| {
            member.descriptor[8] += 1
        }),
        unsigned("nothing but zeros, unsigned", code, |member| {
            member.descriptor.fill(0)
        }),
        signed("sizes that change places", code, |member| {
            member.deflated();
            member.with_descriptor(true);
            member.descriptor[8..].rotate_left(4);
        }),
        signed("another eight-byte size", code, |member| {
            long_descriptor(member);
            local_zip64(member);
            member.descriptor[16] += 1;
        }),
        signed("a size of 4 GiB more", code, |member| {
            long_descriptor(member);
            local_zip64(member);
            member.descriptor[20] = 1;
        })
        .says(&["11 bytes", "0b, 00, 00, 00, 01, 00, 00, 00"]),
        lie(
            "a directory's descriptor",
            code,
            honest().member("sub/", |member| {
                member.with_descriptor(true);
                member.descriptor[12] = 1;
            }),
        )
        .says(&["sub"]),
        lie(
            "the manifest's descriptor",
            code,
            honest().member("_._ovpack_manifest.json", |member| {
                member.with_descriptor(true);
                member.descriptor[4] ^= 0x80;
            }),
        ),
    ]
}

fn announcements() -> Vec<Lie> {
    let (code, header) = ("member-descriptor", "member-header");
    vec![
        signed("no descriptor", code, |member| member.descriptor.clear()),
        unsigned("no unsigned descriptor", code, |member| {
            member.descriptor.clear()
        }),
        signed("a descriptor without its last byte", code, |member| {
            member.descriptor.truncate(member.descriptor.len() - 1);
        }),
        unsigned(
            "an unsigned descriptor without its last byte",
            code,
            |member| {
                member.descriptor.truncate(member.descriptor.len() - 1);
            },
        ),
        signed("nothing but a signature", code, |member| {
            member.descriptor.truncate(4)
        }),
        signed("eight-byte sizes without Zip64", code, long_descriptor),
        signed("four-byte sizes with Zip64", code, local_zip64),
        gap("a byte after the descriptor", |member| {
            member.descriptor.push(0)
        }),
        gap("two descriptors", |member| {
            member.descriptor = member.descriptor.repeat(2);
        }),
        gap("a descriptor without its flag", |member| {
            member.local = member.central.clone();
            member.both(|header| header.flags &= !(1 << 3));
        }),
        signed(
            "a wrong local CRC-32 beside a descriptor",
            header,
            |member| {
                member.local.crc32 = 1;
            },
        ),
        signed("a wrong local size beside a descriptor", header, |member| {
            member.local.size = 12
        })
        .says(&["11", "12"]),
        signed(
            "a wrong local packed size beside a descriptor",
            header,
            |member| {
                member.local.packed_size = 1;
            },
        )
        .says(&["1", "11"]),
        signed(
            "a wrong local Zip64 size beside a descriptor",
            header,
            |member| {
                long_descriptor(member);
                local_zip64(member);
                member.local.extra = zip64_field(&[12, 11]);
            },
        )
        .says(&["11", "12"]),
        signed(
            "a descriptor flag in the central header alone",
            header,
            |member| {
                member.local.flags &= !(1 << 3);
            },
        ),
    ]
}
