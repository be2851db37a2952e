//! One name for two things, and two names for one.

use serde_json::json;

use super::{Lie, archive, honest, lie, manifest};
use crate::support::PackBuilder;

fn again(name: &'static str, code: &'static str, member: &str, bytes: &str) -> Lie {
    lie(name, code, honest().stray(member, bytes))
}

/// A file's entry in a manifest.
fn entry(path: &str, size: u64) -> serde_json::Value {
    let sha256 = ovpack::Digest::EMPTY.to_string();
    json!({ "path": path, "kind": "file", "size": size, "sha256": sha256 })
}

fn listed_again(name: &'static str, path: &'static str, entry: serde_json::Value) -> Lie {
    manifest(name, "entry-repeated", move |manifest| {
        manifest["entries"].as_array_mut().unwrap().push(entry);
    })
    .says(&[path])
}

pub(super) fn lies() -> Vec<Lie> {
    let code = "member-repeated";
    vec![
        again("a file twice", code, "notes/a.md", "as promised").says(&["a.md"]),
        again(
            "a file twice with other bytes",
            code,
            "notes/a.md",
            "otherwise",
        )
        .says(&["a.md"]),
        again("a file twice, far below", code, "notes/sub/b.md", "b").says(&["sub/b.md"]),
        again("a directory twice", code, "notes/sub/", "").says(&["sub"]),
        again("ROOT twice", code, "notes/", ""),
        again(
            "a file that is a directory too",
            "member-repeated",
            "notes/a.md/",
            "",
        ),
        again(
            "a directory that is a file too",
            "member-repeated",
            "notes/sub",
            "x",
        ),
        lie(
            "two names that unescape to one",
            code,
            honest().file(".x", "x").stray("notes/.x", "x"),
        )
        .says(&[".x"]),
        lie(
            "two names that unescape to one, in a directory",
            code,
            honest().file(".d/x", "x").stray("notes/.d/x", "x"),
        ),
        lie(
            "a file three times",
            code,
            honest().stray("notes/a.md", "1").stray("notes/a.md", "2"),
        )
        .says(&["a.md"]),
        again(
            "the manifest twice",
            "manifest-repeated",
            "notes/_._ovpack_manifest.json",
            "{}",
        ),
        archive(
            "the manifest twice, word for word",
            "manifest-repeated",
            |zip| {
                let manifest = zip.members.last().unwrap().clone();
                zip.members.push(manifest);
            },
        ),
        again(
            "two layouts at once",
            "manifest-repeated",
            "notes/_ovpack/manifest.json",
            "{}",
        ),
        archive("one member listed twice", "zip-overlap", |zip| {
            let mut twin = zip.members[2].clone();
            twin.is_present = false;
            twin.offset = Some(first_len(&zip.members[..2]));
            zip.members.insert(3, twin);
        }),
        listed_again("a file listed twice", "a.md", entry("a.md", 0)),
        listed_again(
            "a directory listed twice",
            "sub",
            json!({"path": "sub", "kind": "directory"}),
        ),
        listed_again(
            "the root listed twice",
            "",
            json!({"path": "", "kind": "directory"}),
        ),
        listed_again("a file listed as a directory too", "a.md", {
            json!({"path": "a.md", "kind": "directory"})
        }),
        listed_again("a directory listed as a file too", "sub", entry("sub", 0))
            .after("file-as-directory"),
        lie(
            "a scope twice in a backup",
            "backup-scopes",
            PackBuilder::backup(&["resources"])
                .manifest(|manifest| manifest["scopes"] = json!(["resources", "resources"])),
        )
        .says(&["resources"]),
    ]
}

/// The bytes that members without data, or with stored data, fill at the start of the archive.
fn first_len(members: &[crate::support::pack_builder::Member]) -> u32 {
    let bytes = members
        .iter()
        .map(|member| 30 + member.local.name.len() + member.data.len());
    u32::try_from(bytes.sum::<usize>()).unwrap()
}
