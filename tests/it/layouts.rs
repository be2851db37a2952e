//! The three layouts: the same content in each, and what only some of them carry.

use std::collections::BTreeMap;

use ovpack::{
    Error, ExportOptions, InitOptions, Layout, OnConflict, OpenOptions, Store, VerifyOptions,
    inspect, verify,
};
use serde_json::json;

use crate::support::test_store::{get, put};
use crate::support::{
    PackBuilder, TestStore, assert_fails, assert_same, below, content, path_of, scratch, uri,
};

/// A store with something in every scope.
fn filled() -> TestStore {
    let store = TestStore::fresh();
    for (path, bytes) in [
        ("resources/notes/.abstract.md", "what the notes are about"),
        ("resources/notes/a.md", "a"),
        ("user/alice/memories/.overview.md", "what alice remembers"),
        ("user/alice/sessions/s1/.abstract.md", "a session"),
        ("user/alice/sessions/s1/messages.jsonl", "{}\n"),
        ("agent/helper/skills/cut/SKILL.md", "cut"),
        ("session/s2/messages.jsonl", "{}\n"),
    ] {
        store.write(path, bytes.as_bytes());
    }
    store
}

fn backup_in(
    store: &TestStore,
    layout: Layout,
    strict: bool,
) -> Result<ovpack::ExportReport, Error> {
    let options = ExportOptions {
        layout: Some(layout),
        strict,
        ..ExportOptions::default()
    };
    store.open().backup(&store.beside("all.ovpack"), &options)
}

#[test]
fn every_layout_brings_the_same_content_back() {
    for layout in Layout::ALL {
        let store = filled();
        let what = layout.as_str();
        for at in [
            "resources",
            "resources/notes",
            "user/alice/memories",
            "agent",
        ] {
            let pack = store.pack_in(layout, at, "x.ovpack").unwrap();
            assert_eq!(pack.layout, layout);
            let verified = verify(&pack.file, &VerifyOptions::default()).unwrap();
            assert_eq!((verified.layout, verified.sha256), (layout, pack.sha256));
            let other = TestStore::fresh();
            let parent = at
                .rsplit_once('/')
                .map_or("viking://", |(parent, _)| parent);
            other.import(&pack.file, parent);
            let expected = content(&below(&store.live_tree(), at));
            assert_same(&content(&below(&other.live_tree(), at)), &expected, what);
            std::fs::remove_file(pack.file).unwrap();
        }
    }
}

#[test]
fn index_records_are_shown_in_one_shape_whatever_the_layout() {
    let store = filled();
    let mut shown = Layout::ALL.map(|layout| {
        let name = format!("{}.ovpack", layout.as_str());
        let pack = store.pack_in(layout, "user/alice", &name).unwrap();
        let report = inspect(&pack.file, &VerifyOptions::default()).unwrap();
        assert_eq!(report.claims.records, 1, "none of session content");
        report.index_records
    });
    let first = std::mem::take(&mut shown[0]);
    assert_eq!(first[0].path, "memories");
    assert_eq!(
        (first[0].level, first[0].text.as_deref()),
        (1, Some("what alice remembers"))
    );
    assert_eq!(first[0].scalars["context_type"], json!("memory"));
    assert_eq!(shown[1..], [first.clone(), first]);
}

#[test]
fn names_that_the_flat_layout_cannot_carry_travel_in_the_others() {
    let long = format!("resources/odd/.{}", "x".repeat(254));
    let names = [
        "resources/odd/_._x",
        "resources/odd/.ovpack_manifest.json",
        "resources/odd/_ovpack/manifest.json",
        "resources/odd/_._ovpack_manifest.json",
        "resources/odd/files/a",
        &long,
    ];
    let store = TestStore::fresh();
    for name in names {
        store.write(name, name.as_bytes());
    }
    for layout in [Layout::V2Files, Layout::V3] {
        let pack = store
            .pack_in(layout, "resources/odd", layout.as_str())
            .unwrap();
        assert_eq!(pack.left_out, Vec::<String>::new());
        let other = TestStore::fresh();
        other.import(&pack.file, "viking://resources");
        let expected = content(&store.live_tree());
        assert_same(&content(&other.live_tree()), &expected, layout.as_str());
    }
    let refused = store.pack_in(Layout::V2Flat, "resources/odd", "flat");
    assert_fails(refused, "name-unpackable", 4);
}

#[test]
fn a_flat_pack_is_not_written_where_its_manifest_could_be_taken_for_another() {
    let store = TestStore::fresh();
    store.write("resources/odd/_ovpack/manifest.json", b"content");
    let refused = store.pack_in(Layout::V2Flat, "resources/odd", "odd.ovpack");
    let error = assert_fails(refused, "name-unpackable", 4);
    assert!(
        error.to_string().contains("_ovpack/manifest.json"),
        "{error}"
    );
    assert!(error.to_string().contains("v3"), "{error}");
    // One level down it is a name like any other.
    let pack = store
        .pack_in(Layout::V2Flat, "resources", "all.ovpack")
        .unwrap();
    assert_eq!(
        verify(&pack.file, &VerifyOptions::default()).unwrap().files,
        1
    );
}

#[test]
fn a_v3_backup_says_what_it_leaves_out() {
    let store = filled();
    let report = backup_in(&store, Layout::V3, false).unwrap();
    let omitted: Vec<_> = report
        .omitted_scopes
        .iter()
        .map(|scope| {
            (
                scope.uri.to_string(),
                scope.files,
                scope.directories,
                scope.bytes,
            )
        })
        .collect();
    let expected = [
        ("viking://agent".to_owned(), 1, 4, 3),
        ("viking://session".to_owned(), 1, 2, 3),
    ];
    assert_eq!(omitted, expected);
    let verified = verify(&report.file, &VerifyOptions::default()).unwrap();
    assert_eq!(verified.scopes, ["resources", "user"]);

    let arguments = ["backup", "again.ovpack", "--layout", "v3"];
    let told = store.run(arguments);
    assert_eq!(told.code, Some(0), "{told:?}");
    for scope in ["viking://agent: 1 file", "viking://session: 1 file"] {
        let warning = format!("warning: layout v3 does not carry {scope}");
        assert!(told.stderr.contains(&warning), "{told:?}");
    }
    for layout in [Layout::V2Flat, Layout::V2Files] {
        std::fs::remove_file(store.beside("all.ovpack")).unwrap();
        assert_eq!(backup_in(&store, layout, true).unwrap().omitted_scopes, []);
    }
}

#[test]
fn a_strict_v3_backup_is_whole_or_is_not_made() {
    let store = filled();
    match assert_fails(backup_in(&store, Layout::V3, true), "layout-incomplete", 4) {
        Error::LayoutIncomplete { scopes, .. } => {
            assert_eq!(scopes, [uri("agent"), uri("session")]);
        }
        error => panic!("{error:?}"),
    }
    assert!(!store.beside("all.ovpack").exists());
    for scope in ["agent", "session"] {
        std::fs::remove_dir_all(store.at(scope)).unwrap();
    }
    // A scope that is there and empty loses nothing.
    std::fs::create_dir(store.at("agent")).unwrap();
    assert_eq!(
        backup_in(&store, Layout::V3, true).unwrap().omitted_scopes,
        []
    );
}

#[test]
fn a_v3_backup_leaves_the_other_scopes_of_its_target_alone() {
    let store = TestStore::fresh();
    store.write("agent/mine/a.md", b"mine");
    store.write("user/bob/b.md", b"replaced");
    let from = filled();
    let pack = backup_in(&from, Layout::V3, false).unwrap().file;
    store.restore_with(&pack, OnConflict::Overwrite).unwrap();
    let mut expected = content(&from.live_tree());
    expected.retain(|path, _| path.starts_with("resources") || path.starts_with("user"));
    let mine = content(&below(&store.live_tree(), "agent"));
    assert_eq!(mine.len(), 3, "{mine:?}");
    let mut live = content(&store.live_tree());
    live.retain(|path, _| !path.starts_with("agent"));
    assert_same(&live, &expected, "the scopes of the pack");
}

#[test]
fn users_are_named_in_v3_alone() {
    let store = filled();
    for layout in [Layout::V2Files, Layout::V3] {
        let pack = store
            .pack_in(layout, "user/alice", layout.as_str())
            .unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&pack.file).unwrap()).unwrap();
        let manifest = zip.by_name("alice/_ovpack/manifest.json").unwrap();
        let manifest: serde_json::Value = serde_json::from_reader(manifest).unwrap();
        let users: Vec<_> = std::iter::once(&manifest["root"])
            .chain(manifest["entries"].as_array().unwrap())
            .map(|item| item["user_id"].as_str())
            .collect();
        let expected = (layout == Layout::V3).then_some("alice");
        assert_eq!(users, vec![expected; users.len()]);
        assert!(users.len() > 5);
    }
}

#[test]
fn a_store_writes_the_layout_that_it_was_made_with() {
    let directory = scratch();
    let settings = InitOptions {
        layout: Some(Layout::V3),
    };
    let options = OpenOptions::default();
    let made = path_of(&directory).join("made");
    let adopted = path_of(&directory).join("adopted");
    put(&adopted, "resources/notes/a.md", b"a");
    let stores = [
        Store::init_with(&made, settings, &options).unwrap(),
        Store::adopt_with(&adopted, settings, &options).unwrap(),
    ];
    for store in stores {
        let out = path_of(&directory).join("all.ovpack");
        let written = store.backup(&out, &ExportOptions::default()).unwrap();
        assert_eq!(written.layout, Layout::V3);
        let other = ExportOptions {
            layout: Some(Layout::V2Flat),
            force: true,
            ..ExportOptions::default()
        };
        assert_eq!(store.backup(&out, &other).unwrap().layout, Layout::V2Flat);
        std::fs::remove_file(out).unwrap();
    }
    assert!(
        !TestStore::fresh()
            .beside("store/.ovpack/config.toml")
            .exists()
    );
}

#[test]
fn settings_that_cannot_be_used_stop_what_asks_for_them_and_nothing_else() {
    let store = filled();
    let config = store.beside("store/.ovpack/config.toml");
    std::fs::write(&config, "# mine\nlayuot = \"v3\"\n").unwrap();
    let told = store.run(["export", "resources/notes", "x.ovpack"]);
    assert_eq!(told.code, Some(2), "{told:?}");
    for text in ["config.toml", "line 2", "layuot", "`layout`"] {
        assert!(told.stderr.contains(text), "{told:?}");
    }
    let pack = store
        .pack_in(Layout::V3, "resources/notes", "x.ovpack")
        .unwrap();
    store.overwrite(&pack.file, "viking://resources");
    std::fs::write(&config, "layout = \"v2-files\"\n").unwrap();
    let report = store.export("resources/notes", "y.ovpack").unwrap();
    assert_eq!(report.layout, Layout::V2Files);
}

#[test]
fn the_program_is_told_of_layouts_by_name() {
    let store = filled();
    let init = store.run(["init", "other", "--layout", "v2-files", "--json"]);
    assert_eq!(init.result()["layout"], "v2-files");
    let config = String::from_utf8(get(&store.beside("other/.ovpack/config.toml"))).unwrap();
    assert!(config.ends_with("layout = \"v2-files\"\n"), "{config}");
    let export = [
        "export",
        "resources/notes",
        "x.ovpack",
        "--layout",
        "v3",
        "--json",
    ];
    let exported = store.run(export).result();
    assert_eq!(exported["layout"], "v3");
    assert_eq!(exported["omitted_scopes"], json!([]));
    let unknown = store.run(["export", "resources/notes", "y.ovpack", "--layout", "v4"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("v2, v2-files, v3"), "{unknown:?}");
}

#[test]
fn what_the_format_leaves_open_is_accepted() {
    let pack = || {
        PackBuilder::of("viking://resources/notes")
            .laid_out(Layout::V3)
            .file("a.md", "a")
    };
    let record = |id: &str| json!({ "record_id": id, "path": "a.md", "kind": "file", "level": 2 });
    let packs: [(&str, PackBuilder); 8] = [
        ("as it is", pack()),
        ("no index at all", {
            pack()
                .manifest(|manifest| drop(manifest.as_object_mut().unwrap().remove("index")))
                .zip(|zip| {
                    let name = b"notes/_ovpack/index_records.jsonl".to_vec();
                    zip.members.retain(|member| member.central.name != name);
                })
        }),
        ("no structure members", {
            pack().zip(|zip| {
                let structure = [&b"notes/"[..], b"notes/_ovpack/"];
                zip.members
                    .retain(|member| !structure.contains(&&*member.central.name));
            })
        }),
        ("a last line without an end", {
            pack()
                .line(record("r1"))
                .records_text(|text| text.trim_end().into())
        }),
        ("lines that end as on Windows", {
            let crlf = |text: String| text.replace('\n', "\r\n").into_bytes();
            pack().line(record("r1")).records_text(crlf)
        }),
        ("unknown keys", {
            let mut record = record("r1");
            record["more"] = json!({ "of": ["it"] });
            record["vector"] = json!({ "sparse": { "offset": 7 } });
            let pack = pack().line(record);
            pack.manifest(|manifest| manifest["index"]["more"] = json!(1))
        }),
        ("nothing where nothing is needed", {
            let mut record = record("r1");
            for key in ["text", "scalars", "vector", "user_id"] {
                record[key] = json!(null);
            }
            pack().line(record)
        }),
        ("a user in version 2, where it means nothing", {
            let pack = pack().laid_out(Layout::V2Files);
            pack.manifest(|manifest| manifest["root"]["user_id"] = json!("nobody"))
        }),
    ];
    for (what, pack) in packs {
        let store = TestStore::fresh();
        let pack = pack.write(&store.beside("good.ovpack"));
        if let Err(error) = verify(&pack, &VerifyOptions::default()) {
            panic!("{what}: {error:?}");
        }
        store.import(&pack, "viking://resources");
        let live: BTreeMap<_, _> = content(&store.live_tree());
        assert_eq!(get(&store.at("resources/notes/a.md")), b"a", "{what}");
        assert_eq!(live.len(), 3, "{what}: {live:?}");
    }
}
