//! Lies about the layout: what lies where in packs that keep content below `files/`, and whose it is.

use ovpack::Layout;
use serde_json::json;

use super::{Lie, honest, lie};
use crate::support::PackBuilder;
use crate::support::pack_builder::{DENSE, FILES_MANIFEST, MANIFEST, Member, RECORDS};

pub(super) fn lies() -> Vec<Lie> {
    [places(), strangers(), names(), versions(), users()]
        .into_iter()
        .flatten()
        .collect()
}

fn files() -> PackBuilder {
    honest().laid_out(Layout::V3)
}

fn places() -> Vec<Lie> {
    let renamed = |name, code, from: &'static str, to: &'static str| {
        lie(name, code, {
            files().zip(move |zip| {
                let member = zip.member(from);
                member.both(|header| header.name = to.as_bytes().to_vec());
            })
        })
        .says(&[to])
    };
    let misplaced = "member-misplaced";
    vec![
        renamed(
            "content beside files/",
            misplaced,
            "notes/files/a.md",
            "notes/a.md",
        ),
        renamed(
            "content in another case",
            misplaced,
            "notes/files/a.md",
            "notes/Files/a.md",
        ),
        renamed(
            "content below what begins like files",
            misplaced,
            "notes/files/a.md",
            "notes/files2/a.md",
        ),
        renamed(
            "a file that is named files",
            misplaced,
            "notes/files/a.md",
            "notes/files",
        ),
        lie(
            "a directory beside files/",
            misplaced,
            files().zip(|zip| {
                zip.members.insert(1, Member::directory("notes/more/"));
            }),
        )
        .says(&["notes/more/"]),
        lie(
            "a hidden file beside files/",
            misplaced,
            files().stray("notes/.hidden", "x"),
        ),
        lie(
            "a file that is named _ovpack",
            misplaced,
            files().stray("notes/_ovpack", "x"),
        ),
        lie(
            "both manifests",
            "manifest-repeated",
            files().stray(format!("notes/{MANIFEST}"), "{}"),
        ),
        lie(
            "the later manifest in a flat pack",
            "manifest-repeated",
            honest().stray(format!("notes/{FILES_MANIFEST}"), "{}"),
        ),
        lie("the later manifest twice", "manifest-repeated", {
            files().stray(format!("notes/{FILES_MANIFEST}"), "{}")
        }),
        lie("the root twice", "member-repeated", {
            files().stray("notes/", "")
        })
        .says(&["notes/"]),
        lie("_ovpack/ twice", "member-repeated", {
            files().stray("notes/_ovpack/", "")
        }),
        lie("a root with data", "directory-data", {
            files().zip(|zip| {
                let data = Member::stored(b"notes/", b"data");
                zip.members[0] = data;
            })
        }),
        lie("no member of the root entry", "directory-missing", {
            files().zip(|zip| {
                zip.members.remove(1);
            })
        }),
    ]
}

fn strangers() -> Vec<Lie> {
    let unknown = "internal-unknown";
    let stray = |name, below: &'static str| {
        lie(name, unknown, files().stray(format!("notes/{below}"), "x")).says(&[below])
    };
    vec![
        stray("a stranger below _ovpack/", "_ovpack/notes.txt"),
        stray("a deeper stranger below _ovpack/", "_ovpack/files/a.md"),
        stray(
            "index records of another ending",
            "_ovpack/index_records.json",
        ),
        stray(
            "a second manifest below _ovpack/",
            "_ovpack/manifest.json.bak",
        ),
        stray("vectors of another type", "_ovpack/dense.f16"),
        stray("a sparse index", "_ovpack/sparse.jsonl"),
        lie("index records that are a directory", unknown, {
            files().stray(format!("notes/{RECORDS}/"), "")
        }),
        lie("index records twice", "member-repeated", {
            files().stray(format!("notes/{RECORDS}"), "")
        }),
        lie("vectors that nothing names", "index-unexpected", {
            files().stray(format!("notes/{DENSE}"), [0; 4])
        })
        .says(&[DENSE, "index.dense"]),
    ]
}

fn names() -> Vec<Lie> {
    vec![
        lie("a way out below files/", "name-dot-component", {
            files().stray("notes/files/../../etc/passwd", "x")
        }),
        lie("a way from _ovpack/ into files/", "name-dot-component", {
            files().stray("notes/_ovpack/../files/a.md", "x")
        }),
        lie("relations below files/", "name-reserved", {
            files().stray("notes/files/sub/.relations.json", "{}")
        }),
        lie("relations in the manifest", "name-reserved", {
            files().file("sub/.relations.json", "{}")
        }),
        // Nothing is unescaped here, so what a flat pack would call `.x` is another name.
        lie("an escaped name below files/", "file-unexpected", {
            files().file(".x", "x").zip(|zip| {
                let member = zip.member("notes/files/.x");
                member.both(|header| header.name = b"notes/files/_._x".to_vec());
            })
        })
        .after("file-missing")
        .says(&["_._x"]),
        lie("a second root below files/", "second-root", {
            files().stray("other/files/a.md", "x")
        }),
    ]
}

fn versions() -> Vec<Lie> {
    let of = |name, layout, version: serde_json::Value, code| {
        lie(name, code, {
            honest()
                .laid_out(layout)
                .manifest(move |manifest| manifest["format_version"] = version)
        })
    };
    let (version, files) = ("format-version", Layout::V3);
    vec![
        of("version 1 below _ovpack/", files, json!(1), version).says(&["1", "2, 3"]),
        of("version 4 below _ovpack/", files, json!(4), version).says(&["4", "2, 3"]),
        of("version 23 below _ovpack/", files, json!(23), version),
        of(
            "a negative version below _ovpack/",
            files,
            json!(-3),
            version,
        ),
        of("version 3.0 below _ovpack/", files, json!(3.0), version),
        of(
            "version 3 in the flat place",
            Layout::V2Flat,
            json!(3),
            version,
        )
        .says(&["3", "2"]),
    ]
}

fn users() -> Vec<Lie> {
    let memories = || {
        PackBuilder::of("viking://user/alice/memories")
            .laid_out(Layout::V3)
            .file("m.md", "a memory")
    };
    let told =
        |name, pack: PackBuilder| lie(name, "user-id", pack).told_to(&["import", "user/alice"]);
    let line = |user: &'static str| json!({ "record_id": "r1", "path": "", "kind": "directory", "level": 0, "user_id": user });
    vec![
        told("another user at the root", {
            memories().manifest(|manifest| manifest["root"]["user_id"] = json!("bob"))
        })
        .says(&["bob", "alice"]),
        told("another user at an entry", {
            memories().manifest(|manifest| manifest["entries"][1]["user_id"] = json!("bob"))
        })
        .says(&["m.md", "bob", "alice"]),
        told("another user at a record", memories().line(line("bob"))).says(&["bob", "alice"]),
        told("a user in another case", {
            memories().manifest(|manifest| manifest["root"]["user_id"] = json!("Alice"))
        }),
        told("an empty user", {
            memories().manifest(|manifest| manifest["root"]["user_id"] = json!(""))
        }),
        told("a user and what follows", {
            memories().manifest(|manifest| manifest["root"]["user_id"] = json!("alice/memories"))
        }),
        lie("a user of what is no user's", "user-id", {
            files().manifest(|manifest| manifest["entries"][0]["user_id"] = json!("alice"))
        })
        .says(&["alice"]),
        lie("the user of a scope as a whole", "user-id", {
            let backup = PackBuilder::backup(&["user"]).laid_out(Layout::V3);
            backup.manifest(|manifest| {
                let entries = manifest["entries"].as_array_mut().unwrap();
                let user = entries.iter_mut().find(|entry| entry["path"] == "user");
                user.unwrap()["user_id"] = json!("user");
            })
        })
        .told_to(&["restore"]),
        lie("a user that is a number", "manifest-syntax", {
            memories().manifest(|manifest| manifest["root"]["user_id"] = json!(1))
        })
        .told_to(&["import", "user/alice"]),
    ]
}
