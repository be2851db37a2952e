//! Packs that are unusual and right.

use super::zip_builder::{
    MANIFEST, Member, deflated, extra, files, pack, pack_of, stored, zip, zip_with, zip64,
};
use super::{Read, files_of, read_bytes, rules_of};

const A: usize = 1;
const B: usize = 2;

fn good(what: &str, bytes: &[u8]) -> Read {
    let read = read_bytes(bytes);
    assert_eq!(rules_of(&read), [], "{what}");
    read.expect("no finding")
}

type Case<'a> = (&'a str, &'a dyn Fn(&mut Vec<Member>));

fn ensure_good(cases: &[Case<'_>]) {
    for (what, change) in cases {
        let mut members = pack();
        change(&mut members);
        let read = good(what, &zip(&members));
        assert_eq!(files_of(&read), files(), "{what}");
    }
}

#[test]
fn stored_and_deflated_members_in_any_order_are_read() {
    ensure_good(&[
        ("stored", &|members| {
            members[A] = stored("r/a", &b"hello ".repeat(100));
        }),
        ("deflated", &|members| {
            members[B] = deflated("r/b", b"world");
        }),
    ]);
    let mut members = pack();
    members.reverse();
    let mut expected = files();
    expected.reverse();
    assert_eq!(files_of(&good("reversed", &zip(&members))), expected);
}

#[test]
fn a_directory_in_another_order_than_the_members_is_read() {
    let members = pack();
    let plain = zip(&members);
    let directory: usize = members.iter().map(|m| 46 + m.central.name.len()).sum();
    let (body, rest) = plain.split_at(plain.len() - 22 - directory);
    let (mut headers, end) = rest.split_at(directory);
    let mut parts = Vec::new();
    for member in &members {
        let (header, more) = headers.split_at(46 + member.central.name.len());
        parts.insert(0, header);
        headers = more;
    }
    let bytes = [body, &parts.concat(), end].concat();
    let mut expected = files();
    expected.reverse();
    assert_eq!(files_of(&good("reversed", &bytes)), expected);
}

#[test]
fn zip64_records_on_small_files_are_read() {
    ensure_good(&[
        ("local", &|members| {
            let local = &mut members[B].local;
            (local.compressed, local.size) = (u32::MAX, u32::MAX);
            local.extra = zip64(&[5, 5]);
        }),
        ("central", &|members| {
            let central = &mut members[B].central;
            (central.compressed, central.size) = (u32::MAX, u32::MAX);
            central.extra = zip64(&[5, 5]);
        }),
        ("offset and disk", &|members| {
            (members[0].offset, members[0].disk) = (Some(u32::MAX), u16::MAX);
            members[0].central.extra = extra(1, &[0; 12]);
        }),
    ]);
    for is_all in [false, true] {
        let bytes = zip_with(&pack(), |end| {
            if is_all {
                end.widen_all();
            } else {
                end.widen();
            }
        });
        assert_eq!(files_of(&good("end", &bytes)), files());
    }
    let bytes = zip_with(&pack(), |end| {
        end.widen_all();
        let zip64 = end.zip64.as_mut().expect("made");
        zip64.extensible = b"extensible".to_vec();
        zip64.counted += 10;
    });
    assert_eq!(files_of(&good("extensible", &bytes)), files());
}

#[test]
fn correct_data_descriptors_are_read() {
    for (is_signed, is_zip64) in [(true, false), (false, false), (true, true), (false, true)] {
        let mut members = pack();
        for member in &mut members {
            member.describe(is_signed, is_zip64);
        }
        let what = format!("signed {is_signed}, Zip64 {is_zip64}");
        assert_eq!(files_of(&good(&what, &zip(&members))), files(), "{what}");
    }
    ensure_good(&[("sizes already right", &|members| {
        let local = members[A].local.clone();
        members[A].describe(true, false);
        members[A].local = super::zip_builder::Header {
            flags: members[A].local.flags,
            ..local
        };
    })]);
}

#[test]
fn signatures_in_data_mean_nothing() {
    let inner = zip(&[stored("x/y", b"z")]);
    let mut members = pack();
    members.insert(3, stored("r/z.zip", &inner));
    // Without what follows, a reader that looks for signatures takes the inner archive's end.
    let read = good("a ZIP in a ZIP", &zip(&members));
    assert_eq!(files_of(&read)[2], ("z.zip", inner));
    let mut last = pack();
    last.push(stored(
        "r/z",
        b"PK\x05\x06PK\x06\x07PK\x01\x02PK\x03\x04PK\x07\x08",
    ));
    good("signatures", &zip(&last));
}

#[test]
fn a_comment_in_plain_text_is_read() {
    let bytes = zip_with(&pack(), |end| {
        end.comment(b"plain text,\ttabs\r\nand lines ~");
    });
    assert_eq!(files_of(&good("comment", &bytes)), files());
}

#[test]
fn an_end_record_whose_fields_look_like_its_signature_is_found() {
    // Number of members and size of the directory, one after the other, are then PK 5 6.
    let mut members = pack();
    members.extend((5..0x4b50).map(|number| stored(&format!("r/{number}"), b"")));
    let directory: usize = members.iter().map(|m| 46 + m.central.name.len()).sum();
    members[0].comment = vec![b' '; (0x2_0605 - directory % 0x1_0000) % 0x1_0000];
    let bytes = zip(&members);
    let signatures = bytes.windows(4).filter(|bytes| bytes == b"PK\x05\x06");
    assert_eq!(signatures.count(), 2);
    assert_eq!(good("fields", &bytes).audit.members, 0x4b50);
}

#[test]
fn times_versions_attributes_comments_and_unknown_fields_mean_nothing() {
    ensure_good(&[
        ("times", &|members| {
            (members[A].local.time, members[A].central.time) = (u32::MAX, 0);
        }),
        ("other systems' attributes", &|members| {
            (members[B].made_by, members[B].external) = (0x0b14, u32::MAX);
        }),
        ("version", &|members| members[B].made_by = 0x03ff),
        ("no attributes", &|members| members[B].external = 0),
        ("set-user-id", &|members| {
            members[B].external = 0o106_777 << 16;
        }),
        ("macOS", &|members| members[B].made_by = 0x1314),
        ("member comment", &|members| {
            members[B].comment = b"\xff\0PK\x05\x06".to_vec();
        }),
        ("unknown field", &|members| {
            members[B].local.extra = extra(0xcafe, b"anything");
            members[B].central.extra = extra(0xbeef, &[0xff; 4]);
        }),
        ("timestamps that make no sense", &|members| {
            members[B].local.extra = extra(0x5455, &[0xff]);
            members[B].central.extra = [extra(0x000a, &[1]), extra(0x5455, &[])].concat();
        }),
        ("an override with the same name", &|members| {
            let crc32 = crc32fast::hash(b"r/b").to_le_bytes();
            let field = extra(0x7075, &[&[1], &crc32[..], b"r/b"].concat());
            members[B].both(|header| header.extra.clone_from(&field));
        }),
        ("level bits", &|members| {
            members[A].both(|header| header.flags |= 6);
        }),
        ("UTF-8 flag off", &|members| {
            members[A].both(|header| header.flags = 0);
        }),
    ]);
}

#[test]
fn odd_names_are_read() {
    let names = [
        "q\"uo'te",
        "100%",
        "ab:c",
        "tab\there",
        "new\nline",
        "e\u{301}",
        "\u{e9}",
        " ",
        "con",
        "...",
        "_._..",
        ".plain-dot",
    ];
    let mut members = pack();
    members.extend(names.map(|name| stored(&format!("r/{name}"), name.as_bytes())));
    let read = good("names", &zip(&members));
    let files = files_of(&read);
    let read_names: Vec<_> = files.iter().skip(2).map(|(name, _)| *name).collect();
    let mut expected = names;
    expected[10] = "...";
    assert_eq!(read_names, expected);
}

#[test]
fn the_manifest_may_stand_anywhere_and_directories_may_be_missing() {
    let manifest = pack().pop().expect("a manifest");
    let members = [manifest, stored("r/x/y/z", b"deep")];
    let read = good("first", &zip(&members));
    assert_eq!(files_of(&read), [("x/y/z", b"deep".to_vec())]);
}

#[test]
fn exactly_65535_members_need_no_zip64() {
    let mut members = pack_of(MANIFEST.as_bytes());
    members.extend((0..65_530).map(|number| stored(&format!("r/{number}"), b"")));
    let bytes = zip(&members);
    let read = good("65535", &bytes);
    assert_eq!(read.audit.members, 65_535);
    assert_eq!(read.members.len(), 65_534);
}
