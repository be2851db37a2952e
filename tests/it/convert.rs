//! From pack to pack: the same content in another layout, or at another place.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{
    ConvertOptions, ConvertReport, Error, InspectRecord, InspectReport, Layout, PlaceFault,
    VerifyOptions, convert, inspect, verify,
};
use serde_json::{Value, json};

use crate::support::pack_builder::{DENSE, FILES_MANIFEST, RECORDS};
use crate::support::test_store::get;
use crate::support::{Fixture, PackBuilder, assert_fails, fixtures, path_of, scratch, uri};

fn to(layout: Layout, maps: &[&str], drops: &[&str]) -> ConvertOptions {
    ConvertOptions {
        layout,
        maps: maps.iter().map(|map| map.parse().unwrap()).collect(),
        drops: drops.iter().map(|text| uri(text)).collect(),
        ..ConvertOptions::default()
    }
}

fn facts(pack: &Utf8Path) -> InspectReport {
    verify(pack, &VerifyOptions::default()).unwrap();
    inspect(pack, &VerifyOptions::default()).unwrap()
}

/// Everything in a directory that is removed with it.
struct Desk {
    held: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { held: scratch() }
    }

    fn at(&self, name: &str) -> Utf8PathBuf {
        path_of(&self.held).join(name)
    }

    fn write(&self, name: &str, pack: PackBuilder) -> Utf8PathBuf {
        pack.write(&self.at(name))
    }

    fn convert(
        &self,
        pack: &Utf8Path,
        name: &str,
        options: &ConvertOptions,
    ) -> Result<ConvertReport, Error> {
        let done = convert(pack, &self.at(name), options);
        if done.is_err() {
            let names: Vec<_> = self.names();
            assert!(!names.contains(&format!("{name}.ovpack")), "{names:?}");
            assert!(!names.iter().any(|name| name.contains(".tmp")), "{names:?}");
        }
        done
    }

    fn names(&self) -> Vec<String> {
        let names = path_of(&self.held).read_dir_utf8().unwrap();
        names
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect()
    }
}

/// Members of a ZIP: name, method, CRC-32 and packed bytes.
fn packed_members(pack: &Utf8Path) -> BTreeMap<String, (bool, u32, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(pack).unwrap()).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut member = zip.by_index_raw(index).unwrap();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
            let stored = member.compression() == zip::CompressionMethod::Stored;
            let name = member.name().unwrap().into_owned();
            (name, (stored, member.crc32(), bytes))
        })
        .collect()
}

fn is_session(root: &str, path: &str) -> bool {
    let live = [root.trim_end_matches('/'), path].join("/");
    let live = live.strip_prefix("viking:/").unwrap_or_default();
    let live = live.trim_matches('/');
    live.starts_with("session/")
        || live.split('/').nth(2) == Some("sessions")
            && live.starts_with("user/")
            && live.split('/').count() > 3
}

/// Records as they must arrive: those of session content are none.
fn travelling(report: &InspectReport) -> Vec<InspectRecord> {
    let root = report.claims.uri.as_str();
    let mut records = report.index_records.clone();
    records.retain(|record| !is_session(root, &record.path));
    records
}

fn maps_of(fixture: &Fixture, layout: Layout) -> &'static [&'static str] {
    if fixture.root_uri == "viking://" && layout == Layout::V3 && fixture.layout != Layout::V3 {
        return &[
            "viking://session=viking://user/default/sessions",
            "viking://agent=viking://user/default/agent",
        ];
    }
    &[]
}

#[test]
fn every_layout_converts_into_every_other_and_back() {
    let mut pairs = 0;
    for fixture in fixtures() {
        if verify(&fixture.pack, &VerifyOptions::default()).is_err() {
            assert!(!fixture.ok, "{}", fixture.name);
            continue;
        }
        let before = facts(&fixture.pack);
        for layout in Layout::ALL {
            let what = format!("{} to {}", fixture.name, layout.as_str());
            let desk = Desk::new();
            let maps = maps_of(&fixture, layout);
            let there = desk.convert(&fixture.pack, "there", &to(layout, maps, &[]));
            if layout == Layout::V2Flat && fixture.name.contains("collide") {
                let error = assert_fails(there, "name-unpackable", 4);
                assert!(error.to_string().contains("v2 files and v3"), "{error}");
                continue;
            }
            let there = there.expect(&what);
            let after = facts(&there.file);
            assert_eq!(after.claims.layout, layout, "{what}");
            assert_eq!(after.claims.content_sha256, there.content_sha256, "{what}");
            assert_eq!(after.claims.sha256, there.sha256, "{what}");
            assert_eq!(after.claims.records, there.records, "{what}");
            let maps: Vec<_> = maps
                .iter()
                .map(|map| map.split_once('=').unwrap())
                .map(|(from, to)| format!("{to}={from}"))
                .collect();
            let maps: Vec<_> = maps.iter().map(String::as_str).collect();
            let back = desk.convert(&there.file, "back", &to(fixture.layout, &maps, &[]));
            let back = back.expect(&what);
            let back = facts(&back.file);
            assert_eq!(
                back.claims.content_sha256, before.claims.content_sha256,
                "{what}"
            );
            let tree = |report: &InspectReport| {
                let entries = report.entries.iter();
                entries
                    .map(|e| (e.path.clone(), e.kind, e.sha256))
                    .collect::<Vec<_>>()
            };
            assert_eq!(tree(&back), tree(&before), "{what}");
            assert_eq!(travelling(&back), travelling(&before), "{what}");
            if maps.is_empty() {
                assert_eq!(there.content_sha256, before.claims.content_sha256, "{what}");
                assert_eq!(tree(&after), tree(&before), "{what}");
                assert_eq!(travelling(&after), travelling(&before), "{what}");
                assert_eq!(after.claims.uri, before.claims.uri, "{what}");
                assert_eq!(
                    after.claims.scopes.len(),
                    before.claims.scopes.len(),
                    "{what}"
                );
            }
            pairs += 1;
        }
    }
    assert!(pairs > 60, "{pairs}");
}

#[test]
fn content_keeps_the_packed_bytes_of_its_source() {
    let desk = Desk::new();
    for fixture in fixtures()
        .iter()
        .filter(|fixture| fixture.name.contains("click"))
    {
        let there = desk.convert(&fixture.pack, &fixture.name, &to(Layout::V3, &[], &[]));
        let (old, new) = (
            packed_members(&fixture.pack),
            packed_members(&there.unwrap().file),
        );
        let mut seen = 0;
        for (name, member) in new
            .iter()
            .filter(|(name, _)| name.contains("/files/") && !name.ends_with('/'))
        {
            let plain = match fixture.layout {
                Layout::V2Flat => name.replacen("/files/", "/", 1).replace("/.", "/_._"),
                _ => name.clone(),
            };
            assert_eq!(old.get(&plain), Some(member), "{name}");
            seen += 1;
        }
        assert!(seen > 20, "{}", fixture.name);
    }
}

#[test]
fn one_pack_gives_the_same_bytes_each_time_and_replaces_nothing_unasked() {
    let desk = Desk::new();
    let pack = desk.write(
        "in.ovpack",
        PackBuilder::of("viking://resources/a").file("x", "x"),
    );
    let options = to(Layout::V3, &[], &[]);
    let first = desk.convert(&pack, "one", &options).unwrap();
    let second = desk.convert(&pack, "two", &options).unwrap();
    assert_eq!(first.sha256, second.sha256);
    assert_eq!(get(&first.file), get(&second.file));
    assert_fails(
        convert(&pack, &desk.at("one"), &options),
        "output-exists",
        4,
    );
    let forced = ConvertOptions {
        force: true,
        layout: Layout::V2Flat,
        ..options
    };
    assert_eq!(
        convert(&pack, &desk.at("one"), &forced).unwrap().layout,
        Layout::V2Flat
    );
    // Into itself.
    let forced = ConvertOptions {
        layout: Layout::V3,
        ..forced
    };
    assert_eq!(convert(&pack, &pack, &forced).unwrap().sha256, first.sha256);
}

/// A backup with something in every scope.
fn backup() -> PackBuilder {
    PackBuilder::backup(&["resources", "user", "agent", "session"])
        .directory("user/alice")
        .file("user/alice/a.md", "a")
        .directory("agent/helper")
        .file("agent/helper/SKILL.md", "cut")
        .directory("session/s1")
        .file("session/s1/messages.jsonl", "{}")
        .records(
            "agent/helper",
            json!([{ "level": 0, "scalars": { "name": "h" }, "text": "t" }]),
        )
        .records(
            "session/s1",
            json!([{ "level": 0, "scalars": {}, "text": "none" }]),
        )
}

#[test]
fn content_without_a_place_is_listed_with_the_maps_that_would_place_it() {
    let desk = Desk::new();
    let pack = desk.write("in.ovpack", backup());
    let refused = desk.convert(&pack, "out", &to(Layout::V3, &[], &[]));
    match assert_fails(refused, "no-place", 4) {
        Error::Place(PlaceFault::NoPlace {
            paths,
            total,
            places,
            ..
        }) => {
            assert_eq!(
                paths[..2],
                ["viking://agent/helper", "viking://agent/helper/SKILL.md"]
            );
            assert_eq!((paths.len(), total), (4, 4));
            let agent = (
                "viking://agent".to_owned(),
                "viking://user/alice/agent".to_owned(),
            );
            let session = (
                "viking://session".to_owned(),
                "viking://user/alice/sessions".to_owned(),
            );
            assert_eq!(places, [agent, session]);
        }
        error => panic!("{error:?}"),
    }
    let refused = desk.convert(&pack, "out", &to(Layout::V3, &[], &["agent"]));
    assert_fails(refused, "no-place", 4);

    let told = crate::support::TestStore::fresh().run([
        "convert",
        pack.as_str(),
        desk.at("out").as_str(),
        "--layout",
        "v3",
    ]);
    assert_eq!(told.code, Some(4), "{told:?}");
    let maps = "--map viking://agent=viking://user/alice/agent --map viking://session=viking://user/alice/sessions";
    assert!(told.stderr.contains(maps), "{told:?}");
    assert!(
        told.stderr
            .contains("--drop viking://agent --drop viking://session"),
        "{told:?}"
    );
}

#[test]
fn many_paths_without_a_place_are_counted_and_the_first_listed() {
    let desk = Desk::new();
    let mut pack = PackBuilder::backup(&["session"]);
    for number in 10..40 {
        pack = pack.file(&format!("session/{number}"), "x");
    }
    let pack = desk.write("in.ovpack", pack);
    match desk.convert(&pack, "out", &to(Layout::V3, &[], &[])) {
        Err(Error::Place(PlaceFault::NoPlace {
            paths,
            total,
            places,
            ..
        })) => {
            assert_eq!((paths.len(), total), (20, 30));
            assert_eq!(places[0].1, "viking://user/USER/sessions");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn sessions_and_agents_find_their_place_in_v3() {
    let desk = Desk::new();
    let pack = desk.write("in.ovpack", backup());
    let maps = [
        "session=viking://user/bob/sessions",
        "agent=viking://user/alice/agent",
    ];
    let report = desk
        .convert(&pack, "out", &to(Layout::V3, &maps, &[]))
        .unwrap();
    let after = facts(&report.file);
    assert_eq!(after.claims.scopes, ["resources", "user"]);
    let paths: Vec<_> = after
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    let expected = [
        "",
        "resources",
        "user",
        "user/alice",
        "user/alice/a.md",
        "user/alice/agent",
        "user/alice/agent/helper",
        "user/alice/agent/helper/SKILL.md",
        "user/bob",
        "user/bob/sessions",
        "user/bob/sessions/s1",
        "user/bob/sessions/s1/messages.jsonl",
    ];
    assert_eq!(paths, expected);
    assert_eq!(after.index_records.len(), 1, "none of a session");
    assert_eq!(after.index_records[0].path, "user/alice/agent/helper");
    assert_eq!(report.dropped_records, 1);
    let moved: Vec<_> = report
        .mapped
        .iter()
        .map(|mapped| (mapped.map.to_string(), mapped.touched.files))
        .collect();
    assert_eq!(
        moved,
        [
            ("viking://agent=viking://user/alice/agent".to_owned(), 1),
            ("viking://session=viking://user/bob/sessions".to_owned(), 1),
        ]
    );
    let manifest = manifest(&report.file, "openviking-backup");
    let owners: BTreeMap<_, _> = manifest["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["path"].as_str().unwrap(), entry["user_id"].as_str()))
        .collect();
    assert_eq!(owners["user/bob/sessions/s1"], Some("bob"));
    assert_eq!(owners["user/alice/agent"], Some("alice"));
    assert_eq!(owners["resources"], None);
}

fn manifest(pack: &Utf8Path, root: &str) -> Value {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(pack).unwrap()).unwrap();
    let member = zip.by_name(&format!("{root}/{FILES_MANIFEST}")).unwrap();
    serde_json::from_reader(member).unwrap()
}

#[test]
fn what_is_dropped_is_told_and_an_empty_scope_needs_no_place() {
    let desk = Desk::new();
    let pack = desk.write("in.ovpack", backup());
    let report = desk
        .convert(&pack, "out", &to(Layout::V3, &[], &["agent", "session/s1"]))
        .unwrap();
    let dropped: Vec<_> = report
        .dropped
        .iter()
        .map(|dropped| {
            (
                dropped.uri.to_string(),
                dropped.touched.files,
                dropped.touched.directories,
                dropped.touched.bytes,
            )
        })
        .collect();
    assert_eq!(
        dropped,
        [
            ("viking://agent".to_owned(), 1, 2, 3),
            ("viking://session".to_owned(), 0, 1, 0),
            ("viking://session/s1".to_owned(), 1, 1, 2),
        ]
    );
    assert_eq!(facts(&report.file).claims.files, 1);
}

#[test]
fn a_map_renames_the_root() {
    let desk = Desk::new();
    let pack = PackBuilder::of("viking://user/alice/memories").file("m.md", "m");
    let pack = desk.write("in.ovpack", pack);
    for layout in Layout::ALL {
        let options = to(layout, &["user/alice/memories=user/bob/notes"], &[]);
        let report = desk.convert(&pack, layout.as_str(), &options).unwrap();
        let after = facts(&report.file).claims;
        assert_eq!(
            (after.uri.as_str(), after.root.as_str()),
            ("viking://user/bob/notes", "notes")
        );
        let store = crate::support::TestStore::fresh();
        store.import(&report.file, "viking://user/bob");
        assert_eq!(get(&store.at("user/bob/notes/m.md")), b"m");
    }
    assert_eq!(
        manifest(&desk.at("v3.ovpack"), "notes")["root"]["user_id"],
        "bob"
    );
    // Above the root as well; a directory gets the new leaf.
    std::fs::create_dir(desk.at("d")).unwrap();
    let session = desk.write(
        "s.ovpack",
        PackBuilder::of("viking://session/s1").file("m", "m"),
    );
    let report = desk
        .convert(
            &session,
            "d",
            &to(Layout::V3, &["session=user/bob/sessions"], &[]),
        )
        .unwrap();
    assert_eq!(report.uri, uri("user/bob/sessions/s1"));
    assert_eq!(report.file, desk.at("d/s1.ovpack"));
}

#[test]
fn trees_are_merged_only_where_no_path_collides() {
    let desk = Desk::new();
    let of = |files: &[&str]| {
        let mut pack = PackBuilder::of("viking://resources/a")
            .directory("x")
            .directory("y");
        for file in files {
            pack = pack.file(file, file);
        }
        pack
    };
    let map = ["resources/a/x=resources/a/y"];
    let pack = desk.write("one.ovpack", of(&["x/1", "y/2"]));
    let merged = desk
        .convert(&pack, "merged", &to(Layout::V3, &map, &[]))
        .unwrap();
    let paths: Vec<_> = facts(&merged.file)
        .entries
        .into_iter()
        .map(|entry| entry.path)
        .collect();
    assert_eq!(paths, ["", "y", "y/1", "y/2"]);

    let cases = [
        (of(&["x/1", "y/1"]), "a/y/1", "a/x/1"),
        (of(&["x/1", "y/1/2"]).directory("y/1"), "a/y/1", "a/x/1"),
        (
            of(&[])
                .records("x", json!([{ "level": 0, "scalars": {} }]))
                .records("y", json!([{ "level": 0, "scalars": {} }])),
            "a/y",
            "a/x",
        ),
    ];
    for (number, (pack, to_path, from_path)) in cases.into_iter().enumerate() {
        let pack = desk.write(&format!("{number}.ovpack"), pack);
        let refused = desk.convert(&pack, "refused", &to(Layout::V3, &map, &[]));
        let text = assert_fails(refused, "map-collision", 4).to_string();
        for path in [to_path, from_path] {
            assert!(
                text.contains(&format!("viking://resources/{path}")),
                "{text}"
            );
        }
    }
    // A file where moved content needs a directory.
    let pack = desk.write("file.ovpack", of(&["x/1", "f"]));
    let refused = desk.convert(
        &pack,
        "refused",
        &to(Layout::V3, &["resources/a/x=resources/a/f/z"], &[]),
    );
    assert_fails(refused, "map-collision", 4);
}

#[test]
fn wishes_that_meet_nothing_or_make_no_pack_are_refused() {
    let desk = Desk::new();
    let pack = desk.write("in.ovpack", backup());
    for (maps, drops) in [
        (&["resources/absent=resources/b"][..], &[][..]),
        (&[], &["resources/absent"]),
        (&["user/alice/a.md=user/alice"], &[]),
        (
            &[
                "session/s1/messages.jsonl=resources",
                "resources=user/alice",
            ],
            &[],
        ),
        (&["viking://=resources"], &[]),
        (&[], &["viking://"]),
    ] {
        let refused = desk.convert(&pack, "out", &to(Layout::V2Files, maps, drops));
        assert_fails(refused, "invalid-argument", 2);
    }
}

#[test]
fn names_that_the_flat_layout_cannot_carry_are_refused_with_those_that_can() {
    let desk = Desk::new();
    for name in [
        "_._x",
        ".ovpack_manifest.json",
        "_ovpack/manifest.json",
        "d/.ovpack_manifest.json",
    ] {
        let pack = PackBuilder::of("viking://resources/a")
            .laid_out(Layout::V3)
            .file(name, "x");
        let pack = desk.write("in.ovpack", pack);
        let refused = desk.convert(&pack, "out", &to(Layout::V2Flat, &[], &[]));
        let text = assert_fails(refused, "name-unpackable", 4).to_string();
        assert!(
            text.contains(name) && text.contains("v2 files and v3"),
            "{text}"
        );
        std::fs::remove_file(pack).unwrap();
    }
}

/// Three records with vectors of two dimensions, on three directories.
fn with_vectors(root: &str) -> PackBuilder {
    let mut pack = PackBuilder::of(root).laid_out(Layout::V2Files);
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        pack = pack.directory(name).line(json!({
            "record_id": format!("id{number}"), "path": name, "kind": "directory", "level": 0, "text": name,
            "scalars": { "name": name, "tags": ["t", "u"] }, "vector": { "dense": { "offset": 2 * number, "dimensions": 2 } },
        }));
    }
    pack.dense(2, &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
}

#[test]
fn vectors_travel_where_both_layouts_carry_them() {
    let desk = Desk::new();
    let pack = desk.write("in.ovpack", with_vectors("viking://resources/r"));
    let there = desk
        .convert(&pack, "v3", &to(Layout::V3, &[], &[]))
        .unwrap();
    let back = desk
        .convert(&there.file, "back", &to(Layout::V2Files, &[], &[]))
        .unwrap();
    let dense = format!("r/{DENSE}");
    let old = packed_members(&pack);
    for report in [&there, &back] {
        assert_eq!((report.vectors, report.dropped_vectors), (3, 0));
        assert_eq!(packed_members(&report.file)[&dense], old[&dense]);
        facts(&report.file);
        let (before, after) = (manifest(&pack, "r"), manifest(&report.file, "r"));
        assert_eq!(after["index"]["dense"], before["index"]["dense"]);
    }
    let flat = desk
        .convert(&pack, "flat", &to(Layout::V2Flat, &[], &[]))
        .unwrap();
    assert_eq!((flat.vectors, flat.dropped_vectors), (0, 3));
    assert_eq!(facts(&flat.file).index_records, facts(&pack).index_records);
}

#[test]
fn vectors_of_what_is_dropped_leave_no_gap() {
    let desk = Desk::new();
    let pack = desk.write("in.ovpack", with_vectors("viking://resources/r"));
    for (drop, left, offsets) in [
        ("resources/r/a", vec![2.5_f32, 3.5, 4.5, 5.5], [0, 2]),
        ("resources/r/b", vec![0.5, 1.5, 4.5, 5.5], [0, 2]),
        ("resources/r/c", vec![0.5, 1.5, 2.5, 3.5], [0, 2]),
    ] {
        let name = drop.replace('/', "-");
        let report = desk
            .convert(&pack, &name, &to(Layout::V3, &[], &[drop]))
            .unwrap();
        assert_eq!(
            (
                report.vectors,
                report.dropped_vectors,
                report.dropped_records
            ),
            (2, 1, 1)
        );
        facts(&report.file);
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&report.file).unwrap()).unwrap();
        let mut read = |name: &str| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut zip.by_name(&format!("r/{name}")).unwrap(), &mut bytes)
                .unwrap();
            bytes
        };
        let expected: Vec<u8> = left
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        assert_eq!(read(DENSE), expected, "{drop}");
        let lines = read(RECORDS);
        let found: Vec<_> = lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                serde_json::from_slice::<Value>(line).unwrap()["vector"]["dense"]["offset"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        assert_eq!(found, offsets, "{drop}");
    }
    let none = desk
        .convert(
            &pack,
            "none",
            &to(
                Layout::V3,
                &[],
                &["resources/r/a", "resources/r/b", "resources/r/c"],
            ),
        )
        .unwrap();
    assert_eq!((none.vectors, none.records), (0, 0));
    assert_eq!(manifest(&none.file, "r")["index"].get("dense"), None);
    facts(&none.file);
}

#[test]
fn a_lie_is_not_converted() {
    let desk = Desk::new();
    let of = || {
        PackBuilder::of("viking://resources/a")
            .file("x", "true")
            .file("y", "y")
    };
    for (name, pack, code) in [
        ("forged", of().forged("x", "lies"), "file-digest"),
        ("damaged", of().damaged("x"), "member-bytes"),
        (
            "digest",
            of().manifest(|manifest| manifest["content_sha256"] = json!("0".repeat(64))),
            "content-digest",
        ),
        ("stray", of().stray("a/z", "z"), "file-unexpected"),
    ] {
        let pack = desk.write(name, pack);
        for layout in Layout::ALL {
            let refused = desk.convert(&pack, "out", &to(layout, &[], &[]));
            assert_fails(refused, code, 10);
        }
    }
}

#[test]
fn the_verb_tells_what_it_did() {
    let desk = Desk::new();
    let pack = desk.write("in.ovpack", backup());
    let store = crate::support::TestStore::fresh();
    let out = desk.at("out.ovpack");
    let words = [
        "convert",
        pack.as_str(),
        out.as_str(),
        "--layout",
        "v3",
        "--map",
        "session=user/bob/sessions",
        "--drop",
        "agent",
    ];
    let told = store.run(words);
    assert_eq!(
        (told.code, told.stdout.trim()),
        (Some(0), out.as_str()),
        "{told:?}"
    );
    for line in [
        "moved viking://session to viking://user/bob/sessions: 1 file",
        "left out viking://agent: 1 file",
        "left out 1 index record of session content, which is never indexed",
        "left out 1 index record of what the new pack does not hold",
    ] {
        assert!(told.stderr.contains(line), "{told:?}");
    }
    let report = store
        .run(["--json"].into_iter().chain(words).chain(["--force"]))
        .result();
    assert_eq!(report["layout"], "v3");
    assert_eq!(report["source_layout"], "v2");
    assert_eq!(
        report["mapped"][0],
        json!({
            "from": "viking://session", "to": "viking://user/bob/sessions", "files": 1, "directories": 2, "bytes": 2,
        })
    );
    assert_eq!(report["dropped"][0]["uri"], "viking://agent");
    let verified = verify(&out, &VerifyOptions::default()).unwrap();
    assert_eq!(
        report["content_sha256"],
        verified.content_sha256.to_string()
    );
    assert_eq!(report["sha256"], verified.sha256.to_string());
    assert_eq!(
        store.run(["convert", pack.as_str(), out.as_str()]).code,
        Some(2)
    );
}
