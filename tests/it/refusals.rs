//! What is refused though an ordinary ZIP library reads it, and what is accepted though unusual.

use std::collections::BTreeMap;

use ovpack::{CheckReport, Limits, OnConflict, Rule, VerifyOptions, verify};
use serde_json::{Value, json};

use crate::support::pack_builder::{
    Header, Member, Zip, deflate, extra_field, unicode_path, zip64_field,
};
use crate::support::test_store::get;
use crate::support::{
    PackBuilder, TestStore, assert_fails, assert_same, path_of, report, rules, scratch,
};

fn pack() -> PackBuilder {
    PackBuilder::of("viking://resources/notes")
        .file("a.md", "as promised")
        .file("sub/b.md", "b")
}

/// Asserts that a pack is refused as bad for a rule whose code begins like this (`""` for any), and
/// that an import of it writes nothing.
#[track_caller]
fn assert_refused(what: &str, pack: PackBuilder, code: &str) {
    let store = TestStore::fresh();
    let pack = pack.write(&store.beside("bad.ovpack"));
    let Err(error) = verify(&pack, &VerifyOptions::default()) else {
        panic!("{what}: verify accepts it");
    };
    assert_eq!(error.kind().exit_code(), 10, "{what}: {error:?}");
    let found: Vec<_> = rules(&error).iter().map(|rule| rule.code()).collect();
    assert!(
        found.iter().any(|found| found.starts_with(code)),
        "{what}: not {code} but {error:?}"
    );
    let error = store
        .import_with(&pack, "viking://resources", OnConflict::Fail)
        .unwrap_err();
    assert_eq!(error.kind().exit_code(), 10, "{what}: imported: {error:?}");
    assert_same(&store.live_tree(), &BTreeMap::new(), what);
}

/// Asserts that a pack is accepted and becomes the two files of [`pack`].
#[track_caller]
fn assert_accepted(what: &str, pack: PackBuilder) {
    let store = TestStore::fresh();
    let pack = pack.write(&store.beside("good.ovpack"));
    if let Err(error) = verify(&pack, &VerifyOptions::default()) {
        panic!("{what}: {error:?}");
    }
    store.import(&pack, "viking://resources");
    assert_eq!(
        get(&store.at("resources/notes/a.md")),
        b"as promised",
        "{what}"
    );
    assert_eq!(get(&store.at("resources/notes/sub/b.md")), b"b", "{what}");
    let modes: Vec<_> = store
        .live_tree()
        .into_values()
        .map(|node| node.mode)
        .collect();
    assert_eq!(modes, [0o755, 0o755, 0o644, 0o755, 0o644], "{what}");
}

type ChangeZip = fn(&mut Zip);
type ChangeMember = fn(&mut Member);
type ChangeManifest = fn(&mut Value);

#[test]
fn the_builders_packs_are_accepted_until_they_lie() {
    assert_accepted("honest", pack());
}

#[test]
fn a_byte_that_belongs_to_no_record_is_refused() {
    let changes: [(&str, ChangeZip); 17] = [
        ("bytes before the first member", |zip| {
            zip.prefix = b"#!/bin/sh\n".to_vec()
        }),
        ("one byte before the first member", |zip| {
            zip.prefix = vec![0]
        }),
        ("a gap between members", |zip| {
            zip.members[2].gap = vec![0; 3]
        }),
        ("bytes before the directory", |zip| {
            zip.before_directory = b"PK".to_vec()
        }),
        ("bytes before the end record", |zip| {
            zip.before_end = vec![0; 4]
        }),
        ("bytes after the end record", |zip| {
            zip.suffix = b"\n".to_vec()
        }),
        ("an unlisted member", |zip| zip.members[1].is_listed = false),
        ("fewer members than said here", |zip| {
            zip.end.members_here = Some(9)
        }),
        ("fewer members than said", |zip| zip.end.members = Some(9)),
        ("more members than said", |zip| {
            (zip.end.members_here, zip.end.members) = (Some(2), Some(2));
        }),
        ("another directory size", |zip| {
            zip.end.directory_size = Some(46)
        }),
        ("another directory offset", |zip| {
            zip.end.directory_offset = Some(0)
        }),
        ("a comment shorter than said", |zip| {
            zip.end.comment_len = Some(5)
        }),
        ("a comment longer than said", |zip| {
            zip.end.comment = b"hello".to_vec();
            zip.end.comment_len = Some(2);
        }),
        ("disk 1", |zip| zip.end.disk = 1),
        ("a directory on disk 1", |zip| zip.end.directory_disk = 1),
        ("a disk number without Zip64", |zip| zip.end.disk = 0xffff),
    ];
    for (what, change) in changes {
        assert_refused(what, pack().zip(change), "zip-");
    }
}

#[test]
fn members_that_share_bytes_or_a_place_are_refused() {
    let changes: [(&str, ChangeZip); 5] = [
        ("two members at one offset", |zip| {
            zip.members[2].offset = Some(0)
        }),
        ("a member that is only listed", |zip| {
            let mut ghost = Member::stored(b"notes/ghost.md", b"");
            ghost.is_present = false;
            zip.members.insert(1, ghost);
        }),
        ("an offset behind the directory", |zip| {
            zip.members[2].offset = Some(1 << 20)
        }),
        ("a member on disk 1", |zip| zip.members[2].disk = 1),
        ("packed bytes that reach into the next member", |zip| {
            zip.members[2].both(|header| (header.packed_size, header.size) = (90, 90));
        }),
    ];
    for (what, change) in changes {
        assert_refused(what, pack().zip(change), "");
    }
}

#[test]
fn a_local_header_that_disagrees_with_the_central_one_is_refused() {
    let changes: [(&str, ChangeMember); 8] = [
        ("name", |member| member.local.name = b"notes/A.md".to_vec()),
        ("shorter name", |member| {
            member.local.name = b"notes/a".to_vec()
        }),
        ("flags", |member| member.local.flags ^= 1 << 1),
        ("UTF-8 flag", |member| member.local.flags ^= 1 << 11),
        ("method", |member| member.local.method = 8),
        ("CRC-32", |member| member.local.crc32 ^= 1),
        ("size", |member| member.local.size += 1),
        ("packed size", |member| member.local.packed_size += 1),
    ];
    for (what, change) in changes {
        assert_refused(what, pack().member("a.md", change), "member-header");
    }
}

#[test]
fn a_data_descriptor_that_disagrees_is_refused_and_one_that_agrees_is_not() {
    for is_signed in [true, false] {
        let with = |change: fn(&mut Member)| {
            pack().member("a.md", move |member| {
                member.with_descriptor(is_signed);
                change(member);
            })
        };
        assert_accepted("a descriptor", with(|_| {}));
        assert_accepted(
            "a descriptor and a local header that is right already",
            with(|member| {
                member.local.crc32 = member.central.crc32;
                member.local.size = member.central.size;
                member.local.packed_size = member.central.packed_size;
            }),
        );
        assert_refused(
            "a wrong CRC-32 beside it",
            with(|member| member.local.crc32 = 1),
            "",
        );
        assert_refused(
            "a wrong descriptor",
            with(|member| *member.descriptor.last_mut().unwrap() ^= 1),
            "",
        );
        assert_refused(
            "a cut descriptor",
            with(|member| member.descriptor.truncate(member.descriptor.len() - 1)),
            "",
        );
        assert_refused(
            "no descriptor",
            with(|member| member.descriptor.clear()),
            "",
        );
        assert_refused(
            "a long descriptor",
            with(|member| member.descriptor.push(0)),
            "",
        );
    }
    let unannounced: ChangeMember = |member| {
        member.with_descriptor(true);
        member.both(|header| header.flags &= !(1 << 3));
    };
    assert_refused(
        "a descriptor without its flag",
        pack().member("a.md", unannounced),
        "",
    );
}

#[test]
fn extra_fields_that_lie_are_refused() {
    let changes: [(&str, ChangeMember); 7] = [
        ("one that runs past its area", |member| {
            member.both(|header| header.extra = vec![0xfe, 0xca, 9, 0, 1]);
        }),
        ("one that is cut in its header", |member| {
            member.both(|header| header.extra = vec![0xfe, 0xca, 0]);
        }),
        ("Zip64 twice", |member| {
            let size = u64::from(member.central.size).to_le_bytes();
            member.central.size = u32::MAX;
            member.central.extra = [extra_field(1, &size), extra_field(1, &size)].concat();
        }),
        ("a sentinel without Zip64", |member| {
            member.both(|header| header.size = u32::MAX)
        }),
        ("Zip64 without a sentinel", |member| {
            member.central.extra = extra_field(1, &u64::from(member.central.size).to_le_bytes());
        }),
        ("Zip64 too short for its sentinels", |member| {
            let size = u64::from(member.central.size).to_le_bytes();
            member.both(|header| {
                (header.size, header.packed_size) = (u32::MAX, u32::MAX);
                header.extra = extra_field(1, &size);
            });
        }),
        ("another name", |member| {
            member.both(|header| {
                header.extra = unicode_path(&header.name, b"notes/other.md");
            });
        }),
    ];
    for (what, change) in changes {
        assert_refused(what, pack().member("a.md", change), "");
    }
    assert_accepted(
        "the same name again, in place of another",
        pack().member("a.md", |member| {
            member.both(|header| header.extra = unicode_path(b"notes/old.md", &header.name));
        }),
    );
    assert_accepted(
        "the same name again",
        pack().member("a.md", |member| {
            member.both(|header| header.extra = unicode_path(&header.name, &header.name));
        }),
    );
}

#[test]
fn an_archive_comment_is_printable_ascii() {
    for comment in [
        &b"caf\xc3\xa9"[..],
        b"\x1b[2J",
        b"\0",
        b"PK\x05\x06",
        b"\x7f",
    ] {
        let change = move |zip: &mut Zip| zip.end.comment = comment.to_vec();
        assert_refused(&format!("{comment:?}"), pack().zip(change), "");
    }
    assert_accepted(
        "a plain comment",
        pack().zip(|zip| zip.end.comment = b"made\tby hand\r\n(really!)".to_vec()),
    );
}

#[test]
fn members_of_other_kinds_are_refused() {
    let changes: [(&str, ChangeMember, &str); 16] = [
        (
            "bzip2",
            |member| member.both(|header| header.method = 12),
            "member-method",
        ),
        (
            "deflate64",
            |member| member.both(|header| header.method = 9),
            "member-method",
        ),
        (
            "zstd",
            |member| member.both(|header| header.method = 93),
            "member-method",
        ),
        (
            "encrypted",
            |member| member.both(|header| header.flags |= 1),
            "member-flags",
        ),
        (
            "strongly encrypted",
            |member| member.both(|header| header.flags |= 1 << 6),
            "member-flags",
        ),
        (
            "patched",
            |member| member.both(|header| header.flags |= 1 << 5),
            "member-flags",
        ),
        (
            "masked",
            |member| member.both(|header| header.flags |= 1 << 13),
            "member-flags",
        ),
        (
            "symbolic link",
            |member| member.attributes = 0o120_777 << 16,
            "member-type",
        ),
        (
            "FIFO",
            |member| member.attributes = 0o010_644 << 16,
            "member-type",
        ),
        (
            "device",
            |member| member.attributes = 0o060_644 << 16,
            "member-type",
        ),
        (
            "socket",
            |member| member.attributes = 0o140_644 << 16,
            "member-type",
        ),
        (
            "symbolic link of macOS",
            |member| {
                (member.made_by, member.attributes) = (0x1314, 0o120_777 << 16);
            },
            "member-type",
        ),
        (
            "other bytes than the CRC-32 says",
            |member| {
                member.both(|header| header.crc32 ^= 1);
            },
            "member-bytes",
        ),
        (
            "fewer unpacked bytes than the size says",
            |member| {
                member.deflated();
                member.both(|header| header.size += 1);
            },
            "",
        ),
        (
            "more unpacked bytes than the size says",
            |member| {
                member.deflated();
                member.both(|header| header.size -= 1);
            },
            "",
        ),
        (
            "stored with two sizes",
            |member| member.both(|header| header.size += 1),
            "",
        ),
    ];
    for (what, change, code) in changes {
        assert_refused(what, pack().member("a.md", change), code);
    }
}

#[test]
fn a_deflate_stream_ends_exactly_where_its_bytes_end() {
    let changes: [(&str, fn(&mut Vec<u8>)); 4] = [
        ("a byte after the final block", |packed| packed.push(0)),
        ("a second stream", |packed| packed.extend(deflate(b"more"))),
        ("a cut stream", |packed| packed.truncate(packed.len() - 1)),
        ("no deflate stream", |packed| packed.fill(0xff)),
    ];
    for (what, change) in changes {
        let change = move |member: &mut Member| {
            let mut packed = deflate(&member.data);
            change(&mut packed);
            member.pack(8, packed);
        };
        assert_refused(what, pack().member("a.md", change), "");
    }
}

#[test]
fn a_directory_holds_no_data() {
    let stored = |member: &mut Member| {
        *member = Member {
            attributes: member.attributes,
            ..Member::stored(b"notes/sub/", b"data")
        };
    };
    assert_refused(
        "stored data",
        pack().member("sub/", stored),
        "directory-data",
    );
    let deflated = |member: &mut Member| {
        *member = Member {
            attributes: member.attributes,
            ..Member::stored(b"notes/sub/", b"data")
        };
        member.deflated();
    };
    assert_refused(
        "deflated data",
        pack().member("sub/", deflated),
        "directory-data",
    );
    let empty = |member: &mut Member| member.pack(8, deflate(b""));
    assert_accepted("an empty deflate stream", pack().member("sub/", empty));
}

#[test]
fn names_that_are_no_paths_are_refused() {
    let long = [&b"notes/"[..], &[b'x'; 256]].concat();
    let deep = [&b"notes/"[..], &b"abcdefg/".repeat(512), b"x"].concat();
    let names: [(&[u8], &str); 18] = [
        (b"notes/../../etc/passwd", "name-dot-component"),
        (b"notes/..", "name-dot-component"),
        (b"../notes/x", "name-dot-component"),
        (b"notes/./x", "name-dot-component"),
        (b"notes/_._./x", "name-dot-component"),
        (b"/notes/x", "name-empty-component"),
        (b"/etc/passwd", "name-empty-component"),
        (b"notes//x", "name-empty-component"),
        (b"notes/back\\slash", "name-backslash"),
        (b"notes\\x", "name-backslash"),
        (b"notes/c:x", "name-drive-letter"),
        (b"notes/nul\0l", "name-control-character"),
        (b"notes/bell\x07", "name-control-character"),
        (b"notes/carriage\rreturn", "name-control-character"),
        (b"notes/not \xff UTF-8", "name-encoding"),
        (b"other/x", "second-root"),
        (&long, "name-too-long"),
        (&deep, "name-too-long"),
    ];
    for (name, code) in names {
        let shown = String::from_utf8_lossy(&name[..name.len().min(40)]).into_owned();
        assert_refused(&shown, pack().stray(name, "x"), code);
    }
    assert_refused(
        "two slashes",
        pack().stray(b"notes/sub//", ""),
        "name-empty-component",
    );
    assert_refused("no name at all", pack().stray(b"", ""), "");
    let unflagged = |member: &mut Member| member.both(|header| header.flags = 0);
    assert_refused(
        "other letters without the UTF-8 flag",
        pack().file("café.md", "x").member("café.md", unflagged),
        "name-encoding",
    );
}

#[test]
fn manifest_paths_are_held_to_the_same_rules() {
    for (path, code) in [
        ("../x", "name-dot-component"),
        ("a/./x", "name-dot-component"),
        ("/x", "name-empty-component"),
        ("x/", "name-empty-component"),
        ("a//x", "name-empty-component"),
        ("a\\x", "name-backslash"),
        ("c:x", "name-drive-letter"),
        ("a\u{1}", "name-control-character"),
    ] {
        let change = move |manifest: &mut Value| {
            let entry = json!({ "path": path, "kind": "directory" });
            manifest["entries"].as_array_mut().unwrap().push(entry);
        };
        assert_refused(path, pack().manifest(change), code);
    }
}

#[test]
fn the_root_name_is_held_to_the_same_rules() {
    for name in ["..", ".", "c:x", "a\\b", "a\u{7}b", ""] {
        let store = TestStore::fresh();
        let uri = format!("viking://resources/{name}");
        let pack = PackBuilder::of(&uri)
            .file("a.md", "a")
            .write(&store.beside("bad.ovpack"));
        let error = store
            .import_with(&pack, "viking://resources", OnConflict::Fail)
            .unwrap_err();
        assert_eq!(error.kind().exit_code(), 10, "{name:?}: {error:?}");
        assert_same(&store.live_tree(), &BTreeMap::new(), name);
    }
}

#[test]
fn two_names_that_are_one_and_files_that_are_directories_are_refused() {
    assert_refused(
        "one name twice",
        pack().stray("notes/a.md", "as promised"),
        "member-repeated",
    );
    assert_refused(
        "two names that are one after unescaping",
        pack().file(".x", "x").stray("notes/.x", "x"),
        "",
    );
    assert_refused(
        "a directory twice",
        pack().stray("notes/sub/", ""),
        "member-repeated",
    );
    assert_refused(
        "the root twice",
        pack().stray("notes/", ""),
        "member-repeated",
    );
    assert_refused(
        "a file that is a directory",
        pack().stray("notes/a.md/x", "x"),
        "file-as-directory",
    );
    assert_refused(
        "a directory that is a file",
        pack().stray("notes/sub", "x"),
        "",
    );
    assert_refused("a root that is a file", pack().stray("notes", "x"), "");
    assert_refused(
        "the manifest twice",
        pack().stray("notes/_._ovpack_manifest.json", "{}"),
        "",
    );
}

#[test]
fn reserved_names_are_refused_wherever_they_are() {
    let packs = [
        (".relations.json", pack().file(".relations.json", "{}")),
        ("below", pack().file("sub/.relations.json", "{}")),
        ("as a directory", pack().file("sub/.relations.json/x", "{}")),
        (
            ".ovpack_manifest.json below",
            pack().file("sub/.ovpack_manifest.json", "{}"),
        ),
    ];
    for (what, pack) in packs {
        assert_refused(what, pack, "name-reserved");
    }
    let root = PackBuilder::of("viking://resources/.relations.json").file("a.md", "a");
    assert_refused("as ROOT", root, "name-reserved");
}

#[test]
fn a_pack_without_a_manifest_is_a_legacy_pack() {
    let legacy = pack().zip(|zip| drop(zip.members.pop()));
    assert_refused("legacy", legacy, "manifest-missing");
    let elsewhere = pack().zip(|zip| {
        let name = b"notes/_._OVPACK_manifest.json".to_vec();
        zip.members
            .last_mut()
            .unwrap()
            .both(|header| header.name.clone_from(&name));
    });
    assert_refused("another spelling", elsewhere, "manifest-missing");
    assert_refused(
        "an empty archive",
        pack().zip(|zip| zip.members.clear()),
        "manifest-missing",
    );
}

#[test]
fn manifests_of_another_shape_are_refused() {
    let changes: [(&str, ChangeManifest, &str); 22] = [
        (
            "another kind",
            |m| m["kind"] = json!("openviking.other"),
            "manifest-kind",
        ),
        ("a kind that is no text", |m| m["kind"] = json!(2), ""),
        ("no kind", |m| remove(m, "kind"), ""),
        (
            "version 3 in the flat layout",
            |m| m["format_version"] = json!(3),
            "format-version",
        ),
        (
            "version 1",
            |m| m["format_version"] = json!(1),
            "format-version",
        ),
        ("version as text", |m| m["format_version"] = json!("2"), ""),
        (
            "version as a fraction",
            |m| m["format_version"] = json!(2.0),
            "",
        ),
        (
            "version as a truth",
            |m| m["format_version"] = json!(true),
            "",
        ),
        ("no version", |m| remove(m, "format_version"), ""),
        ("no root", |m| remove(m, "root"), ""),
        ("a root that is a list", |m| m["root"] = json!([]), ""),
        (
            "another root name",
            |m| m["root"]["name"] = json!("other"),
            "root-name",
        ),
        (
            "a root URI with another leaf",
            |m| {
                m["root"]["uri"] = json!("viking://resources/other");
            },
            "root-uri",
        ),
        (
            "a root URI with a trailing slash",
            |m| {
                m["root"]["uri"] = json!("viking://resources/notes/");
            },
            "root-uri",
        ),
        (
            "a root URI with dots",
            |m| {
                m["root"]["uri"] = json!("viking://resources/../resources/notes");
            },
            "root-uri",
        ),
        (
            "another root scope",
            |m| m["root"]["scope"] = json!("user"),
            "root-scope",
        ),
        (
            "another package type",
            |m| m["root"]["package_type"] = json!("other"),
            "package-type",
        ),
        (
            "entries that are an object",
            |m| m["entries"] = json!({}),
            "",
        ),
        ("no entries", |m| remove(m, "entries"), ""),
        ("no content digest", |m| remove(m, "content_sha256"), ""),
        (
            "another content digest",
            |m| m["content_sha256"] = json!("0".repeat(64)),
            "content-digest",
        ),
        (
            "a content digest that is none",
            |m| m["content_sha256"] = json!("0"),
            "",
        ),
    ];
    for (what, change, code) in changes {
        assert_refused(what, pack().manifest(change), code);
    }
}

fn remove(manifest: &mut Value, key: &str) {
    assert!(manifest.as_object_mut().unwrap().remove(key).is_some());
}

/// The manifest entry of a path.
fn entry<'a>(manifest: &'a mut Value, path: &str) -> &'a mut Value {
    let entries = manifest["entries"].as_array_mut().unwrap();
    entries
        .iter_mut()
        .find(|entry| entry["path"] == path)
        .unwrap()
}

#[test]
fn entries_that_do_not_match_the_archive_are_refused() {
    let changes: [(&str, ChangeManifest, &str); 15] = [
        (
            "a file that is no member",
            |m| {
                push(
                    m,
                    json!({
                        "path": "ghost.md", "kind": "file", "size": 0, "sha256": ovpack::Digest::EMPTY.to_string()
                    }),
                )
            },
            "file-missing",
        ),
        (
            "a directory that is no member",
            |m| {
                push(m, json!({ "path": "ghost", "kind": "directory" }));
            },
            "directory-missing",
        ),
        (
            "a member that is no entry",
            |m| drop_entry(m, "a.md"),
            "file-unexpected",
        ),
        (
            "a directory member that is no entry",
            |m| drop_entry(m, "sub"),
            "directory-unexpected",
        ),
        (
            "the root that is no entry",
            |m| drop_entry(m, ""),
            "directory-unexpected",
        ),
        (
            "an entry twice",
            |m| push(m, json!({ "path": "sub", "kind": "directory" })),
            "entry-repeated",
        ),
        ("another size", |m| entry(m, "a.md")["size"] = json!(1), ""),
        (
            "another digest",
            |m| entry(m, "a.md")["sha256"] = json!("0".repeat(64)),
            "",
        ),
        (
            "no size",
            |m| remove(entry(m, "a.md"), "size"),
            "entry-incomplete",
        ),
        (
            "no digest",
            |m| remove(entry(m, "a.md"), "sha256"),
            "entry-incomplete",
        ),
        (
            "a digest that is none",
            |m| entry(m, "a.md")["sha256"] = json!("xyz"),
            "",
        ),
        (
            "a negative size",
            |m| entry(m, "a.md")["size"] = json!(-1),
            "",
        ),
        (
            "a size with a fraction",
            |m| entry(m, "a.md")["size"] = json!(11.0),
            "",
        ),
        (
            "a size as text",
            |m| entry(m, "a.md")["size"] = json!("11"),
            "",
        ),
        (
            "another kind",
            |m| entry(m, "a.md")["kind"] = json!("link"),
            "",
        ),
    ];
    for (what, change, code) in changes {
        assert_refused(what, pack().manifest(change), code);
    }
}

fn push(manifest: &mut Value, entry: Value) {
    manifest["entries"].as_array_mut().unwrap().push(entry);
}

fn drop_entry(manifest: &mut Value, path: &str) {
    manifest["entries"]
        .as_array_mut()
        .unwrap()
        .retain(|entry| entry["path"] != path);
}

#[test]
fn json_that_two_readers_could_read_differently_is_refused() {
    let changes: [(&str, fn(String) -> Vec<u8>); 13] = [
        ("a known key twice", |text| {
            text.replacen('{', "{\"kind\":\"openviking.ovpack\",", 1)
                .into()
        }),
        ("a known key twice in an entry", |text| {
            text.replacen(
                "\"path\": \"a.md\"",
                "\"path\": \"a.md\", \"path\": \"a.md\"",
                1,
            )
            .into()
        }),
        ("a known key twice in the root", |text| {
            text.replacen("\"root\": {", "\"root\": {\"name\": \"notes\",", 1)
                .into()
        }),
        ("a known key once more, escaped", |text| {
            text.replacen('{', "{\"\\u006bind\":\"openviking.ovpack\",", 1)
                .into()
        }),
        ("something after the object", |text| (text + "{}").into()),
        ("a NUL after the object", |text| (text + "\0").into()),
        ("a byte-order mark", |text| format!("\u{feff}{text}").into()),
        ("a lone surrogate", |text| {
            text.replacen('{', "{\"x\":\"\\ud800\",", 1).into()
        }),
        ("not UTF-8", |text| {
            [&b"{\"x\":\"\xff\","[..], &text.as_bytes()[1..]].concat()
        }),
        ("a size with an exponent", |text| {
            text.replacen("\"size\": 11", "\"size\": 11e0", 1).into()
        }),
        ("a size beyond 2^63-1", |text| {
            text.replacen("\"size\": 11", "\"size\": 9223372036854775808", 1)
                .into()
        }),
        ("no object", |text| format!("[{text}]").into()),
        ("a cut object", |text| text[..text.len() - 2].into()),
    ];
    for (what, change) in changes {
        assert_refused(what, pack().manifest_text(change), "");
    }
    assert_refused(
        "nothing",
        pack().manifest_text(|_| Vec::new()),
        "manifest-syntax",
    );
    let nested = |text: String| {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        text.replacen('{', &format!("{{\"x\":{deep},"), 1)
            .into_bytes()
    };
    let store = TestStore::fresh();
    let pack = pack()
        .manifest_text(nested)
        .write(&store.beside("deep.ovpack"));
    if let Err(error) = verify(&pack, &VerifyOptions::default()) {
        assert_eq!(
            error.kind().exit_code(),
            10,
            "a deep unknown value is no crash: {error:?}"
        );
    }
}

#[test]
fn backups_that_contradict_themselves_are_refused() {
    let backup = || PackBuilder::backup(&["resources", "user"]).file("resources/a.md", "a");
    let packs = [
        (
            "a scope that it does not hold",
            backup().manifest(|m| m["scopes"] = json!(["resources", "user", "agent"])),
            "backup-scopes",
        ),
        (
            "a scope that it does not list",
            backup().manifest(|m| m["scopes"] = json!(["resources"])),
            "",
        ),
        (
            "a scope twice",
            backup().manifest(|m| m["scopes"] = json!(["resources", "user", "user"])),
            "backup-scopes",
        ),
        (
            "an internal scope",
            PackBuilder::backup(&["resources", "temp"]),
            "",
        ),
        ("no scopes", backup().manifest(|m| remove(m, "scopes")), ""),
        (
            "a file beside the scopes",
            backup().file("notes.md", "x"),
            "backup-entry",
        ),
        (
            "another URI",
            backup().manifest(|m| m["root"]["uri"] = json!("viking://resources")),
            "",
        ),
        (
            "another scope",
            backup().manifest(|m| m["root"]["scope"] = json!("resources")),
            "",
        ),
        (
            "no package type",
            backup().manifest(|m| remove(&mut m["root"], "package_type")),
            "",
        ),
    ];
    for (what, pack, code) in packs {
        let store = TestStore::fresh();
        let pack = pack.write(&store.beside("bad.ovpack"));
        let error = store
            .restore_with(&pack, OnConflict::Overwrite)
            .unwrap_err();
        assert_eq!(error.kind().exit_code(), 10, "{what}: {error:?}");
        let found: Vec<_> = rules(&error).iter().map(|rule| rule.code()).collect();
        assert!(
            code.is_empty() || found.contains(&code),
            "{what}: not {code} but {error:?}"
        );
        assert_same(&store.live_tree(), &BTreeMap::new(), what);
    }
}

#[test]
fn index_records_of_another_shape_are_refused() {
    for (what, path, records) in [
        ("a level that is none", "a.md", json!([{ "level": 3 }])),
        ("a level as text", "a.md", json!([{ "level": "2" }])),
        ("no level", "a.md", json!([{ "text": "x" }])),
        ("a record that is no object", "a.md", json!(["x"])),
        ("records that are no list", "a.md", json!({ "level": 2 })),
        (
            "a text that is none",
            "sub",
            json!([{ "level": 0, "text": 1 }]),
        ),
    ] {
        assert_refused(what, pack().records(path, records), "");
    }
}

#[test]
fn what_is_unusual_but_clear_is_accepted() {
    let zips: [(&str, ChangeZip); 16] = [
        ("deflated members", |zip| {
            zip.members.iter_mut().for_each(Member::deflated)
        }),
        ("members in another order", |zip| zip.members.reverse()),
        ("a Zip64 end record that nobody needs", |zip| {
            zip.is_zip64 = true
        }),
        ("sentinels that the Zip64 end record resolves", |zip| {
            zip.is_zip64 = true;
            (zip.end.members_here, zip.end.members) = (Some(0xffff), Some(0xffff));
            (zip.end.disk, zip.end.directory_disk) = (0xffff, 0xffff);
            zip.end.directory_size = Some(u32::MAX);
            zip.end.directory_offset = Some(u32::MAX);
        }),
        ("Zip64 fields that small sizes do not need", |zip| {
            let is_small = |header: &mut Header| {
                let sizes = [header.size, header.packed_size].map(u64::from);
                (header.size, header.packed_size) = (u32::MAX, u32::MAX);
                header.extra = zip64_field(&sizes);
            };
            zip.members[2].both(is_small);
            is_small(&mut zip.members[3].central);
        }),
        ("Zip64 for offset and disk alone", |zip| {
            let mut field = 76_u64.to_le_bytes().to_vec();
            field.extend([0; 4]);
            let member = &mut zip.members[2];
            (member.offset, member.disk) = (Some(u32::MAX), 0xffff);
            member.central.extra = extra_field(1, &field);
        }),
        ("a Zip64 descriptor", |zip| {
            let member = &mut zip.members[2];
            member.with_descriptor(true);
            (member.local.size, member.local.packed_size) = (u32::MAX, u32::MAX);
            member.local.extra = zip64_field(&[0, 0]);
            member.descriptor.splice(12..12, [0; 4]);
            member.descriptor.extend([0; 4]);
        }),
        ("ASCII names without the UTF-8 flag", |zip| {
            let members = zip.members.iter_mut();
            members.for_each(|member| member.both(|header| header.flags = 0));
        }),
        ("all attributes that DOS knows", |zip| {
            let members = zip.members.iter_mut();
            members.for_each(|member| (member.made_by, member.attributes) = (0, 0xff));
        }),
        ("comments that are no text", |zip| {
            let members = zip.members.iter_mut();
            members.for_each(|member| member.comment = b"PK\x05\x06\xff\0".to_vec());
        }),
        ("other times", |zip| {
            zip.members
                .iter_mut()
                .for_each(|member| member.central.time = 0xffff_ffff);
        }),
        ("other versions", |zip| {
            zip.members
                .iter_mut()
                .for_each(|member| member.central.version_needed = 63);
        }),
        ("member comments", |zip| {
            zip.members[1].comment = "¿?".into()
        }),
        ("unknown extra fields", |zip| {
            zip.members[1].local.extra = extra_field(0xcafe, b"whatever");
            zip.members[2].central.extra = extra_field(0x5455, &[1, 0, 0, 0, 0]);
        }),
        ("setuid and other modes", |zip| {
            let files = zip
                .members
                .iter_mut()
                .filter(|m| !m.central.name.ends_with(b"/"));
            files.for_each(|member| member.attributes = 0o106_777 << 16);
        }),
        ("no mode bits at all", |zip| {
            zip.members
                .iter_mut()
                .for_each(|member| (member.made_by, member.attributes) = (20, 0));
        }),
    ];
    for (what, change) in zips {
        assert_accepted(what, pack().zip(change));
    }
    let manifests: [(&str, ChangeManifest); 5] = [
        ("upper-case hex", |m| {
            let digest = &mut m["content_sha256"];
            *digest = json!(digest.as_str().unwrap().to_uppercase());
            let sha256 = &mut entry(m, "a.md")["sha256"];
            *sha256 = json!(sha256.as_str().unwrap().to_uppercase());
        }),
        ("unknown keys", |m| {
            m["later"] = json!({ "a": [1, { "b": null }] });
            m["root"]["later"] = json!(1.5e300);
            entry(m, "a.md")["later"] = json!("x");
        }),
        ("entries in another order", |m| {
            m["entries"].as_array_mut().unwrap().reverse()
        }),
        ("a directory with size 0", |m| {
            entry(m, "sub")["size"] = json!(0)
        }),
        ("no vectors", |m| remove(m, "vectors")),
    ];
    for (what, change) in manifests {
        assert_accepted(what, pack().manifest(change));
    }
    assert_accepted(
        "directories that both sides lack",
        pack().without_directory("sub"),
    );
}

#[test]
fn odd_but_legal_names_are_accepted_as_they_are() {
    let names = [
        "caf\u{e9}",
        "cafe\u{301}",
        "q\"uote",
        "100%",
        "sub:b",
        "tab\t",
        "new\nline",
        "A",
        "\u{7f}",
        " ",
        "...",
        ".hidden/.inner",
        "_",
        "_.",
        "\u{202e}x",
        "CON",
        "nul.txt",
        " leading",
        "trailing ",
        "trailing.",
        "a<b>c|d*e?f",
        "~",
        "-rf",
        "_ovpack",
    ];
    let pack = names
        .iter()
        .fold(PackBuilder::of("viking://resources/odd"), |pack, name| {
            pack.file(name, name)
        });
    let store = TestStore::fresh();
    store.import(
        &pack.file("a", "a").write(&store.beside("odd.ovpack")),
        "viking://resources",
    );
    for name in names {
        assert_eq!(
            get(&store.at("resources/odd").join(name)),
            name.as_bytes(),
            "{name:?}"
        );
    }
}

#[test]
fn limits_are_kept_and_can_be_raised() {
    let directory = scratch();
    let honest = pack()
        .file("zeros", vec![0; 100_000])
        .zip(|zip| zip.members.iter_mut().for_each(Member::deflated))
        .write(&path_of(&directory).join("honest.ovpack"));
    let with = |change: fn(&mut Limits)| {
        let mut options = VerifyOptions::default();
        change(&mut options.limits);
        verify(&honest, &options)
    };
    assert_fails(
        with(|limits| limits.manifest_bytes = 100),
        "manifest-too-large",
        10,
    );
    assert_fails(with(|limits| limits.members = 3), "too-many-members", 10);
    let tight = |limits: &mut Limits| (limits.ratio, limits.ratio_floor_bytes) = (2, 50_000);
    assert_fails(with(tight), "ratio-too-high", 10);
    with(|limits| (limits.ratio, limits.ratio_floor_bytes) = (2, 200_000)).unwrap();
    with(|limits| (limits.ratio, limits.ratio_floor_bytes) = (1000, 50_000)).unwrap();
}

#[test]
fn a_size_that_no_disk_can_hold_is_refused_before_anything_is_unpacked() {
    let claim = u64::from(u32::MAX) - 1;
    let pack = pack().member("a.md", |member| {
        member.deflated();
        member.both(|header| header.size = u32::MAX - 1);
    });
    let pack = pack.manifest(move |manifest| entry(manifest, "a.md")["size"] = json!(claim));
    let store = TestStore::fresh();
    let pack = pack.write(&store.beside("large.ovpack"));
    let error = store
        .import_with(&pack, "viking://resources", OnConflict::Fail)
        .unwrap_err();
    assert!([5, 10].contains(&error.kind().exit_code()), "{error:?}");
    assert_same(&store.live_tree(), &BTreeMap::new(), "nothing is written");
}

#[test]
fn every_cut_of_a_pack_is_refused_and_none_is_a_crash() {
    let directory = scratch();
    let path = path_of(&directory).join("cut.ovpack");
    let whole = pack().zip(|zip| zip.members[2].deflated()).bytes();
    for end in 0..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        let error = verify(&path, &VerifyOptions::default()).unwrap_err();
        assert_eq!(
            error.kind().exit_code(),
            10,
            "cut at {end} of {}: {error:?}",
            whole.len()
        );
    }
}

#[test]
fn every_flipped_bit_is_refused_or_means_nothing_and_none_is_a_crash() {
    let directory = scratch();
    let path = path_of(&directory).join("flipped.ovpack");
    let whole = pack().zip(|zip| zip.members[2].deflated()).bytes();
    std::fs::write(&path, &whole).unwrap();
    let honest = verify(&path, &VerifyOptions::default()).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &flipped).unwrap();
        match verify(&path, &VerifyOptions::default()) {
            Ok(report) => assert_eq!(report.content_sha256, honest.content_sha256, "bit {bit}"),
            Err(error) => assert_eq!(error.kind().exit_code(), 10, "bit {bit}: {error:?}"),
        }
    }
}

#[test]
fn what_is_no_pack_is_refused_and_what_is_not_there_is_not_found() {
    let directory = scratch();
    let path = path_of(&directory).join("text.ovpack");
    std::fs::write(&path, "hello").unwrap();
    let options = VerifyOptions::default();
    assert_fails(verify(&path, &options), "zip-end-record", 10);
    let absent = path_of(&directory).join("absent.ovpack");
    assert_fails(verify(&absent, &options), "file-not-found", 9);
    let error = verify(&path_of(&directory), &options).unwrap_err();
    assert_ne!(
        error.kind().exit_code(),
        0,
        "a directory is no pack: {error:?}"
    );
}

#[test]
fn findings_are_counted_beyond_those_that_are_listed() {
    let names = CheckReport::LISTED_MAX + 5;
    let pack = pack().zip(move |zip| {
        let manifest = zip.members.pop().unwrap();
        zip.members.extend((0..names).map(|number| {
            let name = format!("notes/back\\slash-{number}");
            Member::stored(name.as_bytes(), b"")
        }));
        zip.members.push(manifest);
    });
    let directory = scratch();
    let pack = pack.write(&path_of(&directory).join("bad.ovpack"));
    let error = verify(&pack, &VerifyOptions::default()).unwrap_err();
    let report = report(&error).unwrap();
    assert_eq!(report.findings.len(), CheckReport::LISTED_MAX);
    assert_eq!(report.total, names as u64);
}

#[test]
fn one_path_listed_many_times_on_both_sides_is_refused_without_comparing_each_with_each() {
    const TIMES: usize = 20_000;
    let entry = json!({ "path": "a", "kind": "file", "size": 0, "sha256": "0".repeat(64) });
    let pack = PackBuilder::of("viking://resources/notes")
        .manifest(move |manifest| {
            let entries = manifest["entries"].as_array_mut().unwrap();
            entries.extend(vec![entry; TIMES]);
        })
        .zip(|zip| {
            let manifest = zip.members.pop().unwrap();
            zip.members
                .extend(vec![Member::stored(b"notes/a", b"x"); TIMES]);
            zip.members.push(manifest);
        });
    let directory = scratch();
    let pack = pack.write(&path_of(&directory).join("bad.ovpack"));
    let begin = std::time::Instant::now();
    let error = verify(&pack, &VerifyOptions::default()).unwrap_err();
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    let rules = rules(&error);
    for rule in [Rule::MemberRepeated, Rule::EntryRepeated, Rule::FileSize] {
        assert!(rules.contains(&rule), "{rules:?}");
    }
}
