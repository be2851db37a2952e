//! Manifests that contradict the archive, themselves or the format.

use ovpack::Digest;
use serde_json::{Value, json};

use super::{Lie, honest, lie, manifest};
use crate::support::pack_builder::MANIFEST;

fn remove(manifest: &mut Value, key: &str) {
    assert!(manifest.as_object_mut().unwrap().remove(key).is_some());
}

fn entries(manifest: &mut Value) -> &mut Vec<Value> {
    manifest["entries"].as_array_mut().unwrap()
}

/// The manifest's entry of `a.md`.
fn entry(manifest: &mut Value) -> &mut Value {
    let found = entries(manifest).iter_mut();
    found
        .into_iter()
        .find(|entry| entry["path"] == "a.md")
        .unwrap()
}

/// Makes a lie of one key of the manifest.
fn key(name: &'static str, code: &'static str, key: &'static str, value: Value) -> Lie {
    manifest(name, code, move |manifest| manifest[key] = value)
}

/// Makes a lie of one key of the manifest's root.
fn root(name: &'static str, code: &'static str, key: &'static str, value: Value) -> Lie {
    manifest(name, code, move |manifest| manifest["root"][key] = value)
}

/// Makes a lie of one key of the entry of `a.md`.
fn file(name: &'static str, code: &'static str, key: &'static str, value: Value) -> Lie {
    manifest(name, code, move |manifest| entry(manifest)[key] = value)
}

/// Makes a lie of one more entry.
fn listed(name: &'static str, code: &'static str, entry: Value) -> Lie {
    manifest(name, code, move |manifest| entries(manifest).push(entry))
}

/// Makes a lie of a directory's path.
fn path(name: &'static str, code: &'static str, path: &str) -> Lie {
    listed(name, code, json!({ "path": path, "kind": "directory" }))
}

fn without(name: &'static str, code: &'static str, path: &'static str) -> Lie {
    manifest(name, code, move |manifest| {
        entries(manifest).retain(|entry| entry["path"] != path);
    })
    .says(&[path])
}

fn records(name: &'static str, path: &str, records: Value) -> Lie {
    lie(name, "record-shape", honest().records(path, records))
}

pub(super) fn lies() -> Vec<Lie> {
    [
        layouts(),
        heads(),
        roots(),
        paths(),
        inventories(),
        contents(),
        vectors(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn layouts() -> Vec<Lie> {
    let missing = "manifest-missing";
    let renamed = |name: &'static str, code, other: &'static str| {
        let change = move |zip: &mut crate::support::pack_builder::Zip| {
            let manifest = zip.member(&format!("notes/{MANIFEST}"));
            manifest.both(|header| header.name = other.as_bytes().to_vec());
        };
        lie(name, code, honest().zip(change))
    };
    vec![
        renamed(
            "a manifest in capitals",
            missing,
            "notes/_._OVPACK_MANIFEST.json",
        ),
        renamed(
            "a manifest one level down",
            "manifest-missing",
            "notes/sub/_._ovpack_manifest.json",
        ),
        renamed(
            "a manifest of another ending",
            missing,
            "notes/_._ovpack_manifest.jsonl",
        ),
        renamed(
            "a manifest that is a directory",
            missing,
            "notes/_._ovpack_manifest.json/x",
        ),
        renamed(
            "a manifest of the later layouts",
            "member-misplaced",
            "notes/_ovpack/manifest.json",
        ),
        lie(
            "no manifest",
            missing,
            honest().zip(|zip| drop(zip.members.pop())),
        ),
        lie(
            "no members",
            missing,
            honest().zip(|zip| zip.members.clear()),
        ),
        lie("nothing but a manifest", "file-missing", {
            honest().zip(|zip| drop(zip.members.drain(..4)))
        }),
    ]
}

fn heads() -> Vec<Lie> {
    let (kind, version, syntax) = ("manifest-kind", "format-version", "manifest-syntax");
    vec![
        key("another kind", kind, "kind", json!("openviking.other")).says(&["openviking.other"]),
        key(
            "a kind in capitals",
            kind,
            "kind",
            json!("OpenViking.OVPack"),
        ),
        key(
            "a kind with a space",
            kind,
            "kind",
            json!("openviking.ovpack "),
        ),
        key("an empty kind", kind, "kind", json!("")),
        key("a kind that is a number", syntax, "kind", json!(2)),
        manifest("no kind", syntax, |manifest| remove(manifest, "kind")).says(&["kind"]),
        key(
            "version 3 in the flat layout",
            version,
            "format_version",
            json!(3),
        )
        .says(&["2", "3"]),
        key("version 1", version, "format_version", json!(1)).says(&["1", "2"]),
        key("version 0", version, "format_version", json!(0)),
        key("version -2", version, "format_version", json!(-2)),
        key(
            "version 2^32 and 2",
            version,
            "format_version",
            json!((1_u64 << 32) + 2),
        ),
        manifest("no version", syntax, |manifest| {
            remove(manifest, "format_version")
        })
        .says(&["format_version"]),
        manifest("no root", syntax, |manifest| remove(manifest, "root")).says(&["root"]),
        manifest("no entries", syntax, |manifest| remove(manifest, "entries")).says(&["entries"]),
        manifest("no digest of the content", syntax, |manifest| {
            remove(manifest, "content_sha256");
        })
        .says(&["content_sha256"]),
        key("a root that is a list", syntax, "root", json!([])),
        key(
            "a root that is a text",
            syntax,
            "root",
            json!("viking://resources/notes"),
        ),
        key("entries that are an object", syntax, "entries", json!({})),
        key("entries that are null", syntax, "entries", Value::Null),
        key(
            "an entry that is a text",
            syntax,
            "entries",
            json!(["a.md"]),
        ),
    ]
}

fn roots() -> Vec<Lie> {
    let (name, uri, scope, syntax) = ("root-name", "root-uri", "root-scope", "manifest-syntax");
    vec![
        root("another root name", name, "name", json!("other")).says(&["other", "notes"]),
        root("a root name in capitals", name, "name", json!("Notes")),
        root("a root name that is empty", name, "name", json!("")),
        root("a root name that is a number", syntax, "name", json!(1)),
        manifest("no root name", syntax, |manifest| {
            remove(&mut manifest["root"], "name")
        }),
        root(
            "a root URI with another leaf",
            uri,
            "uri",
            json!("viking://resources/other"),
        )
        .says(&["viking://resources/other", "notes"]),
        root(
            "a root URI with a slash at its end",
            uri,
            "uri",
            json!("viking://resources/notes/"),
        ),
        root(
            "a root URI of another scheme",
            uri,
            "uri",
            json!("file:///resources/notes"),
        ),
        root(
            "a root URI in capitals",
            uri,
            "uri",
            json!("VIKING://resources/notes"),
        ),
        root(
            "a root URI with one slash",
            uri,
            "uri",
            json!("viking:/resources/notes"),
        ),
        root(
            "a root URI with three slashes",
            uri,
            "uri",
            json!("viking:///resources/notes"),
        ),
        root(
            "a root URI without a scheme",
            uri,
            "uri",
            json!("resources/notes"),
        ),
        root(
            "a root URI with spaces",
            uri,
            "uri",
            json!(" viking://resources/notes"),
        ),
        root(
            "a root URI with dots",
            uri,
            "uri",
            json!("viking://resources/../user/notes"),
        ),
        root(
            "a root URI with two slashes below",
            uri,
            "uri",
            json!("viking://resources//notes"),
        ),
        root(
            "a root URI with a backslash",
            uri,
            "uri",
            json!("viking://resources/a\\b/notes"),
        ),
        root(
            "a root URI with a NUL",
            uri,
            "uri",
            json!("viking://resources/a\0b/notes"),
        ),
        root("a root URI that is empty", uri, "uri", json!("")),
        root("a root URI of no backup", uri, "uri", json!("viking://")),
        root(
            "a root URI in an internal scope",
            uri,
            "uri",
            json!("viking://temp/notes"),
        ),
        root(
            "a root URI in the queue",
            uri,
            "uri",
            json!("viking://queue/notes"),
        ),
        root(
            "a root URI in no scope",
            uri,
            "uri",
            json!("viking://secrets/notes"),
        ),
        root("a root URI that is null", syntax, "uri", Value::Null),
        root("another root scope", scope, "scope", json!("user")).says(&["user", "resources"]),
        root(
            "a root scope in capitals",
            scope,
            "scope",
            json!("Resources"),
        ),
        root("the root scope of a backup", scope, "scope", json!("root")),
        root("a root scope that is empty", scope, "scope", json!("")),
        root(
            "another package type",
            "package-type",
            "package_type",
            json!("delta"),
        )
        .says(&["delta"]),
        root(
            "an empty package type",
            "package-type",
            "package_type",
            json!(""),
        ),
    ]
}

fn paths() -> Vec<Lie> {
    let (dot, empty) = ("name-dot-component", "name-empty-component");
    let long = |count| "x".repeat(count);
    vec![
        path("a path up and out", dot, "../x").says(&["../x"]),
        path("a path up in the middle", dot, "sub/../x"),
        path("a path of here", dot, "./x"),
        path("a path that is up", dot, ".."),
        path("an absolute path", empty, "/etc").says(&["/etc"]),
        path("a path with a slash at its end", empty, "sub/"),
        path("a path with two slashes", empty, "sub//x"),
        path("a path that is a slash", empty, "/"),
        path("a path with a backslash", "name-backslash", "sub\\x").says(&["sub\\x"]),
        path("a path with a drive letter", "name-drive-letter", "c:x").says(&["c:x"]),
        path("a path with a NUL", "name-control-character", "a\0b"),
        path("a path with a bell", "name-control-character", "a\u{7}b"),
        path("a path component of 256 bytes", "name-too-long", &long(256)),
        path(
            "a path of 4,100 bytes",
            "name-too-long",
            &"abcdefghi/".repeat(410)[..4100 - 1],
        ),
        path(
            "a path of relations",
            "name-reserved",
            "sub/.relations.json",
        ),
        path(
            "a path of the manifest",
            "name-reserved",
            "sub/.ovpack_manifest.json",
        ),
    ]
}

fn inventories() -> Vec<Lie> {
    let empty = Digest::EMPTY.to_string();
    vec![
        listed("a file that is not there", "file-missing", {
            json!({ "path": "ghost.md", "kind": "file", "size": 0, "sha256": empty })
        })
        .says(&["ghost.md"]),
        path(
            "a directory that is not there",
            "directory-missing",
            "ghost",
        )
        .says(&["ghost"]),
        without("a file that is not listed", "file-unexpected", "a.md"),
        without(
            "a directory that is not listed",
            "directory-unexpected",
            "sub",
        ),
        without("a root that is not listed", "directory-unexpected", ""),
        key("a list of nothing", "file-unexpected", "entries", json!([])),
        lie(
            "a file too many",
            "file-unexpected",
            honest().stray("notes/c.md", "c"),
        )
        .says(&["c.md"]),
        lie(
            "a directory too many",
            "directory-unexpected",
            honest().stray("notes/c/", ""),
        )
        .says(&["c"]),
        lie("a file too few", "file-missing", {
            honest().zip(|zip| drop(zip.members.remove(2)))
        })
        .says(&["a.md"]),
        lie("a directory too few", "directory-missing", {
            honest().zip(|zip| drop(zip.members.remove(1)))
        })
        .says(&["sub"]),
        lie("no ROOT member", "directory-missing", {
            honest().zip(|zip| drop(zip.members.remove(0)))
        }),
        lie("an escaped name that is listed so", "file-missing", {
            honest().file(".x", "x").manifest(|manifest| {
                let found = entries(manifest).iter_mut();
                let entry = found.into_iter().find(|entry| entry["path"] == ".x");
                entry.unwrap()["path"] = json!("_._x");
            })
        })
        .says(&["_._x"]),
    ]
}

fn contents() -> Vec<Lie> {
    let (incomplete, syntax) = ("entry-incomplete", "manifest-syntax");
    let zeros = "0".repeat(64);
    vec![
        manifest("no size", incomplete, |manifest| {
            remove(entry(manifest), "size")
        })
        .says(&["a.md"]),
        manifest("no sha256", incomplete, |manifest| {
            remove(entry(manifest), "sha256")
        })
        .says(&["a.md"]),
        manifest("no kind of an entry", syntax, |manifest| {
            remove(entry(manifest), "kind")
        }),
        manifest("no path of an entry", syntax, |manifest| {
            remove(entry(manifest), "path")
        }),
        file("another kind of entry", syntax, "kind", json!("link")),
        file("a path that is a number", syntax, "path", json!(1)),
        file(
            "a sha256 that is too short",
            syntax,
            "sha256",
            json!("0".repeat(63)),
        ),
        file(
            "a sha256 that is too long",
            syntax,
            "sha256",
            json!("0".repeat(65)),
        ),
        file(
            "a sha256 that is no hex",
            syntax,
            "sha256",
            json!("g".repeat(64)),
        ),
        file(
            "a sha256 of full-width digits",
            syntax,
            "sha256",
            json!("０".repeat(64)),
        ),
        key(
            "another digest of the content",
            "content-digest",
            "content_sha256",
            json!(zeros),
        )
        .says(&[]),
        key(
            "a digest that is none",
            syntax,
            "content_sha256",
            json!("0"),
        ),
        file("another size", "content-digest", "size", json!(12)),
        file("another sha256", "content-digest", "sha256", json!(zeros)),
        lie("a file as a directory", "file-unexpected", {
            honest().manifest(|manifest| {
                *entry(manifest) = json!({ "path": "a.md", "kind": "directory" });
            })
        }),
    ]
}

fn vectors() -> Vec<Lie> {
    vec![
        records("a level that is none", "a.md", json!([{ "level": 3 }])).says(&["3"]),
        records("a level below none", "a.md", json!([{ "level": -1 }])),
        records("a level as a text", "a.md", json!([{ "level": "2" }])),
        records("no level", "a.md", json!([{ "text": "x" }])),
        records("a record that is a text", "a.md", json!(["x"])),
        records("records that are an object", "a.md", json!({ "level": 2 })),
        records(
            "a text that is a number",
            "sub",
            json!([{ "level": 0, "text": 1 }]),
        ),
        records(
            "scalars that are a list",
            "a.md",
            json!([{ "level": 2, "scalars": [] }]),
        ),
        lie(
            "records of a path that is up",
            "name-dot-component",
            honest().records("../a.md", json!([{ "level": 2 }])),
        )
        .says(&["../a.md"]),
        key(
            "vectors that are a list",
            "record-shape",
            "vectors",
            json!([]),
        ),
    ]
}
