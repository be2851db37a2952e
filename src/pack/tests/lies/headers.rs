//! Lies in the headers of a member.

use super::*;

#[test]
fn a_local_header_says_what_the_central_one_says() {
    let rule = Rule::MemberHeader;
    ensure_lies(&[
        ("name", rule, &|members| {
            members[B].local.name = b"r/x".to_vec();
        }),
        ("longer name", rule, &|members| {
            members[B].local.name = b"r/bb".to_vec();
        }),
        ("flags", rule, &|members| members[B].local.flags = 0),
        ("method", rule, &|members| members[B].local.method = 8),
        ("CRC-32", rule, &|members| members[B].local.crc32 ^= 1),
        ("no CRC-32", rule, &|members| members[B].local.crc32 = 0),
        ("size", rule, &|members| members[B].local.size += 1),
        ("no size", rule, &|members| members[B].local.size = 0),
        ("compressed size", rule, &|members| {
            members[A].local.compressed -= 1;
        }),
        ("disk", rule, &|members| members[B].disk = 1),
        ("stored in less", rule, &|members| {
            members[B].both(|header| header.size = 6);
        }),
        ("more than any file", rule, &|members| {
            members[A].both(|header| {
                header.size = u32::MAX;
                header.extra = zip64(&[1 << 63]);
            });
        }),
    ]);
}

#[test]
fn a_data_descriptor_says_what_the_headers_say() {
    let rule = Rule::MemberDescriptor;
    ensure_lies(&[
        ("none", rule, &|members| {
            members[A].describe(true, false);
            members[A].descriptor.clear();
        }),
        ("none at the end", rule, &|members| {
            members[4].describe(true, false);
            members[4].descriptor.clear();
        }),
        ("another CRC-32", rule, &|members| {
            members[A].describe(true, false);
            members[A].descriptor[4] ^= 1;
        }),
        ("another size", rule, &|members| {
            members[A].describe(false, false);
            members[A].descriptor[4] ^= 1;
        }),
        ("8 bytes without Zip64", rule, &|members| {
            members[A].describe(true, true);
            members[A].local.extra.clear();
            (members[A].local.compressed, members[A].local.size) = (0, 0);
        }),
        ("4 bytes with Zip64", rule, &|members| {
            members[A].describe(true, false);
            (members[A].local.compressed, members[A].local.size) = (u32::MAX, u32::MAX);
            members[A].local.extra = zip64(&[0, 0]);
        }),
        ("one byte too many", Rule::ZipGap, &|members| {
            members[A].describe(true, false);
            members[A].descriptor.push(0);
        }),
        (
            "a local size that is neither right nor 0",
            Rule::MemberHeader,
            &|members| {
                members[A].describe(true, false);
                members[A].local.size = 1;
            },
        ),
        ("where no flag says so", Rule::ZipGap, &|members| {
            let (local, central) = (members[A].local.clone(), members[A].central.clone());
            members[A].describe(true, false);
            (members[A].local, members[A].central) = (local, central);
        }),
    ]);
}

#[test]
fn extra_fields_stay_in_their_area_and_zip64_has_what_is_asked_for() {
    let rule = Rule::Zip64Field;
    ensure_lies(&[
        ("cut", Rule::MemberExtraField, &|members| {
            members[B].central.extra = vec![9, 9, 4, 0, 1];
        }),
        (
            "cut in the local header",
            Rule::MemberExtraField,
            &|members| {
                members[B].local.extra = vec![9, 9, 4, 0, 1];
            },
        ),
        ("no room for a field", Rule::MemberExtraField, &|members| {
            members[B].central.extra = vec![0, 0, 0];
        }),
        ("twice", rule, &|members| {
            members[B].central.size = u32::MAX;
            members[B].central.extra = [zip64(&[5]), zip64(&[5])].concat();
        }),
        ("not asked for", rule, &|members| {
            members[B].central.extra = zip64(&[5]);
        }),
        ("not asked for in the local header", rule, &|members| {
            members[B].local.extra = zip64(&[5, 5]);
        }),
        ("too many", rule, &|members| {
            members[B].central.size = u32::MAX;
            members[B].central.extra = zip64(&[5, 5]);
        }),
        ("too few", rule, &|members| {
            members[B].both(|header| {
                (header.compressed, header.size) = (u32::MAX, u32::MAX);
                header.extra = zip64(&[5]);
            });
        }),
        ("none", rule, &|members| members[B].central.size = u32::MAX),
        ("none in the local header", rule, &|members| {
            members[B].local.size = u32::MAX;
        }),
        ("no offset", rule, &|members| {
            members[B].offset = Some(u32::MAX);
        }),
        ("no disk", rule, &|members| members[B].disk = u16::MAX),
    ]);
}

#[test]
fn a_name_override_that_changes_the_name_is_refused() {
    let field = |name: &[u8], over: &[u8]| {
        let crc32 = crc32fast::hash(name).to_le_bytes();
        extra(0x7075, &[&[1], &crc32[..], over].concat())
    };
    let rule = Rule::NameOverride;
    ensure_lies(&[
        ("another name", rule, &|members| {
            members[B].both(|header| header.extra = field(b"r/b", b"r/x"));
        }),
        ("in the local header only", rule, &|members| {
            members[B].local.extra = field(b"r/b", b"r/x");
        }),
        ("for another name's CRC-32", rule, &|members| {
            members[B].central.extra = field(b"r/z", b"r/x");
        }),
        ("no name", rule, &|members| {
            members[B].central.extra = extra(0x7075, &[1]);
        }),
        ("two", rule, &|members| {
            let fields = [field(b"r/b", b"r/b"), field(b"r/b", b"r/x")];
            members[B].central.extra = fields.concat();
        }),
    ]);
}

#[test]
fn methods_flags_and_types_that_are_not_known_are_refused() {
    ensure_lies(&[
        ("deflate64", Rule::MemberMethod, &|members| {
            members[A].both(|header| header.method = 9);
        }),
        ("AES", Rule::MemberMethod, &|members| {
            members[A].both(|header| header.method = 99);
        }),
        ("encrypted", Rule::MemberFlags, &|members| {
            members[A].both(|header| header.flags |= 1);
        }),
        ("patched", Rule::MemberFlags, &|members| {
            members[A].both(|header| header.flags |= 1 << 5);
        }),
        ("strongly encrypted", Rule::MemberFlags, &|members| {
            members[A].both(|header| header.flags |= 1 << 6);
        }),
        ("masked", Rule::MemberFlags, &|members| {
            members[A].both(|header| header.flags |= 1 << 13);
        }),
        ("symbolic link", Rule::MemberType, &|members| {
            members[B].external = 0o120_777 << 16;
        }),
        ("FIFO", Rule::MemberType, &|members| {
            members[B].external = 0o010_644 << 16;
        }),
        ("link by macOS", Rule::MemberType, &|members| {
            members[B].external = 0o120_777 << 16;
            members[B].made_by = 19 << 8;
        }),
    ]);
}
