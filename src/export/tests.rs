//! Trees as the reference's packs hold them, exported, and read back by others.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::Command;

use serde_json::{Map, Value, json};

use super::*;
use crate::entry_path::EntryPath;
use crate::fsops::DIRECTORY_MODE;
use crate::uri::Scope;
use crate::verify::{VerifyOptions, verify};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// A live root, and a place for packs beside it.
struct Fixture {
    held: tempfile::TempDir,
    live: Dir,
}

impl Fixture {
    fn new() -> Self {
        let held = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(held.path().join("viking")).expect("made");
        let path = Utf8Path::from_path(held.path())
            .expect("UTF-8")
            .join("viking");
        let live = Dir::open(&path).expect("opened");
        Self { held, live }
    }

    fn out(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.held.path())
            .expect("UTF-8")
            .join(name)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.live.at(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, content).expect("written");
    }

    /// Packs what [`Self::unpack`] put in place, in the layout that it came in.
    fn pack_again(&self, name: &str, sidecar: &Value, out: &str) -> ExportReport {
        let options = ExportOptions {
            layout: Some(layout_of(name)),
            ..ExportOptions::default()
        };
        let (live, out) = (&self.live, self.out(out));
        let packed = match sidecar["root_uri"].as_str().expect("a URI") {
            "viking://" => backup(live, &out, &options, None, &|| Ok(())),
            uri => {
                let uri = uri.parse().expect("a URI");
                export(live, &uri, &out, &options, None, &|| Ok(()))
            }
        };
        packed.expect(name)
    }

    fn export(&self, uri: &str, out: &str) -> Result<ExportReport> {
        let (uri, out) = (uri.parse().expect("a URI"), self.out(out));
        export(
            &self.live,
            &uri,
            &out,
            &ExportOptions::default(),
            None,
            &|| Ok(()),
        )
    }

    fn backup(&self, out: &str) -> Result<ExportReport> {
        backup(
            &self.live,
            &self.out(out),
            &ExportOptions::default(),
            None,
            &|| Ok(()),
        )
    }

    /// Puts the content of one of the reference's packs where it came from; returns what is said of it.
    fn unpack(name: &str) -> (Self, Value) {
        let fixture = Self::new();
        let sidecar = std::fs::read(format!("{FIXTURES}/{name}.json")).expect("a sidecar");
        let sidecar: Value = serde_json::from_slice(&sidecar).expect("JSON");
        let text = |key: &str| sidecar[key].as_str().expect("a text").to_owned();
        let root = text("root_uri").parse::<Uri>().expect("a URI");
        let is_flat = name.starts_with("v2flat-");
        let mut zip = open_zip(Utf8Path::new(&format!("{FIXTURES}/{name}.ovpack")));
        std::fs::create_dir_all(fixture.live.at(root.path())).expect("made");
        for entry in sidecar["expected"].as_array().expect("a list") {
            let path = EntryPath::parse(entry["path"].as_str().expect("a path")).expect("a path");
            let live = root.path().join(&path);
            if entry["kind"] == "directory" {
                std::fs::create_dir_all(fixture.live.at(&live)).expect("made");
                continue;
            }
            let escaped: Vec<_> = path
                .components()
                .map(|name| match name.strip_prefix('.') {
                    Some(rest) if is_flat => format!("_._{rest}"),
                    _ => name.to_owned(),
                })
                .collect();
            let below = if is_flat { "" } else { "files/" };
            let member = format!("{}/{below}{}", text("zip_root"), escaped.join("/"));
            let mut content = Vec::new();
            let mut from = zip.by_name(&member).expect("a member");
            from.read_to_end(&mut content).expect("read");
            fixture.write(&live, content);
        }
        (fixture, sidecar)
    }
}

fn layout_of(name: &str) -> Layout {
    match name.split_once('-').map(|(layout, _)| layout) {
        Some("v2flat") => Layout::V2Flat,
        Some("v2files") => Layout::V2Files,
        Some("v3") => Layout::V3,
        other => panic!("{other:?}"),
    }
}

fn open_zip(path: &Utf8Path) -> zip::ZipArchive<std::fs::File> {
    zip::ZipArchive::new(std::fs::File::open(path).expect("opened")).expect("a ZIP")
}

fn manifest(pack: &Utf8Path) -> Value {
    let mut zip = open_zip(pack);
    let mut last = zip.by_index(zip.len() - 1).expect("a member");
    let name = last.name().expect("a name").into_owned();
    let below = name.split_once('/').map(|(_, below)| below);
    let known = ["_._ovpack_manifest.json", "_ovpack/manifest.json"];
    assert!(known.map(Some).contains(&below), "{name}");
    let mut text = Vec::new();
    last.read_to_end(&mut text).expect("read");
    serde_json::from_slice(&text).expect("JSON")
}

/// The index records as they stand in the pack, byte for byte; nothing where they stand in the manifest.
fn record_text(pack: &Utf8Path) -> Option<String> {
    let mut zip = open_zip(pack);
    let name = {
        let mut names = zip.file_names().map(|name| name.expect("a name"));
        let found = names.find(|name| name.ends_with("/_ovpack/index_records.jsonl"));
        found?.into_owned()
    };
    let mut text = String::new();
    let mut member = zip.by_name(&name).expect("a member");
    member.read_to_string(&mut text).expect("read");
    Some(text)
}

/// The manifest without what the reference writes and means nothing: the size of a directory.
fn without_directory_sizes(mut manifest: Value) -> Value {
    for entry in manifest["entries"].as_array_mut().expect("a list") {
        if entry["kind"] == "directory" {
            entry.as_object_mut().expect("an object").remove("size");
        }
    }
    // The reference lists entries in another order.
    let entries = manifest["entries"].as_array_mut().expect("a list");
    entries.sort_by_key(|entry| entry["path"].as_str().map(str::to_owned));
    manifest
}

/// The reference's packs that another store can read back.
const READABLE: [&str; 30] = [
    "v2flat-backup-full",
    "v2flat-names",
    "v2flat-resources-click",
    "v2flat-resources-click-vectors",
    "v2flat-scope-resources",
    "v2flat-session-sess_123",
    "v2flat-user-memories",
    "v2flat-user-memories-vectors",
    "v2flat-多语言 texts",
    "v2files-backup-full",
    "v2files-collide-both",
    "v2files-collide-escape-prefix",
    "v2files-collide-manifest-name",
    "v2files-dense-f32-多语言 texts",
    "v2files-names",
    "v2files-resources-click-vectors",
    "v2files-session-sess_123",
    "v2files-user-memories",
    "v2files-user-memories-vectors",
    "v2files-多语言 texts",
    "v3-backup-full",
    "v3-collide-both",
    "v3-collide-escape-prefix",
    "v3-collide-manifest-name",
    "v3-names",
    "v3-resources-click",
    "v3-session-sess_123",
    "v3-user-memories",
    "v3-user-memories-vectors",
    "v3-多语言 texts",
];

#[test]
fn the_reference_and_we_say_the_same_of_the_same_content() {
    for name in READABLE {
        let (fixture, sidecar) = Fixture::unpack(name);
        let report = fixture.pack_again(name, &sidecar, "x");
        let uri = sidecar["root_uri"].as_str().expect("a URI");
        assert_eq!(
            sidecar["content_sha256"],
            report.content_sha256.to_string(),
            "{name}"
        );
        let mut ours = manifest(&report.file);
        let theirs = format!("{FIXTURES}/{name}.ovpack");
        let mut theirs = without_directory_sizes(manifest(Utf8Path::new(&theirs)));
        // What only an index knows is not in the files, and session content gets no records.
        if !sidecar["vector_records"].is_null() || uri.starts_with("viking://session") {
            for manifest in [&mut ours, &mut theirs] {
                if let Some(records) = manifest.get_mut("vectors") {
                    records.take();
                }
                if let Some(index) = manifest.get_mut("index") {
                    assert_eq!(index["records"]["path"], "_ovpack/index_records.jsonl");
                    index.take();
                }
            }
        } else {
            let theirs = format!("{FIXTURES}/{name}.ovpack");
            assert_eq!(
                record_text(&report.file),
                record_text(Utf8Path::new(&theirs))
            );
        }
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn records_of_a_backup_are_the_references_but_for_session_content_and_the_index() {
    let (fixture, _) = Fixture::unpack("v2flat-backup-full");
    let report = fixture.backup("x").expect("packed");
    let ours = manifest(&report.file)["vectors"].take();
    let mut theirs = manifest(Utf8Path::new(&format!(
        "{FIXTURES}/v2flat-backup-full.ovpack"
    )));
    let mut expected = Map::new();
    for (path, records) in theirs["vectors"].as_object_mut().expect("an object") {
        let mut kept = Vec::new();
        for record in records.as_array_mut().expect("a list") {
            // The index alone knows levels without a text, and the names of things.
            let scalars = record["scalars"].as_object_mut().expect("an object");
            scalars.retain(|key, _| matches!(key.as_str(), "abstract" | "context_type" | "level"));
            if !record["text"].is_null() {
                kept.push(record.take());
            }
        }
        if !kept.is_empty() && !path.starts_with("session/") {
            expected.insert(path.clone(), kept.into());
        }
    }
    assert_eq!(ours, Value::Object(expected));
}

#[test]
fn records_on_lines_are_the_references_but_for_session_content_and_the_index() {
    let known_by_an_index = [
        "v2files-backup-full",
        "v2files-dense-f32-多语言 texts",
        "v2files-resources-click-vectors",
        "v2files-user-memories-vectors",
        "v3-backup-full",
        "v3-user-memories-vectors",
    ];
    for name in known_by_an_index {
        let (fixture, sidecar) = Fixture::unpack(name);
        let report = fixture.pack_again(name, &sidecar, "x");
        let theirs = format!("{FIXTURES}/{name}.ovpack");
        let mut expected = Vec::new();
        for line in record_text(Utf8Path::new(&theirs))
            .expect("records")
            .lines()
        {
            let mut record: Value = serde_json::from_str(line).expect("JSON");
            let path = record["path"].as_str().expect("a path");
            // The index alone knows levels without a text, and the names of things.
            if record["text"].is_null() || path.starts_with("session/") {
                continue;
            }
            let scalars = record["scalars"].as_object_mut().expect("an object");
            scalars.retain(|key, _| matches!(key.as_str(), "abstract" | "context_type" | "level"));
            record.as_object_mut().expect("an object").remove("vector");
            expected.push(record);
        }
        // The reference goes through the scopes in another order.
        expected.sort_by_key(|record| record["path"].as_str().map(str::to_owned));
        let numbered = expected.into_iter().zip(1..).map(|(mut record, number)| {
            record["record_id"] = format!("r{number:06}").into();
            record.to_string()
        });
        let expected: Vec<_> = numbered.collect();
        assert!(!expected.is_empty(), "{name}");
        let ours = record_text(&report.file).expect("records");
        assert_eq!(ours.lines().collect::<Vec<_>>(), expected, "{name}");
        let index = manifest(&report.file)["index"].take();
        let sha256 = Digest::of(ours.as_bytes()).to_string();
        let path = "_ovpack/index_records.jsonl";
        assert_eq!(
            index,
            json!({ "records": { "count": expected.len(), "path": path, "sha256": sha256 } })
        );
    }
}

#[test]
fn members_of_the_later_layouts_stand_in_the_order_of_the_references() {
    let fixture = Fixture::new();
    fixture.write("user/u/b/.abstract.md", "of b");
    fixture.write("user/u/a.b", "");
    let options = ExportOptions {
        layout: Some(Layout::V3),
        ..ExportOptions::default()
    };
    let uri = "user/u".parse().expect("a URI");
    let report = export(
        &fixture.live,
        &uri,
        &fixture.out("x"),
        &options,
        None,
        &|| Ok(()),
    );
    let mut zip = open_zip(&report.expect("packed").file);
    let names: Vec<_> = (0..zip.len())
        .map(|index| {
            let member = zip.by_index(index).expect("a member");
            assert_eq!(member.extra_data(), None);
            member.name().expect("a name").into_owned()
        })
        .collect();
    let expected = [
        "u/",
        "u/files/",
        "u/files/a.b",
        "u/files/b/",
        "u/files/b/.abstract.md",
        "u/_ovpack/",
        "u/_ovpack/index_records.jsonl",
        "u/_ovpack/manifest.json",
    ];
    assert_eq!(names, expected);
}

#[test]
fn exporting_twice_gives_the_same_bytes() {
    for name in READABLE {
        let (fixture, sidecar) = Fixture::unpack(name);
        let [once, twice] = ["once", "twice"].map(|out| {
            let report = fixture.pack_again(name, &sidecar, out);
            let bytes = std::fs::read(&report.file).expect("read");
            assert_eq!(report.pack_bytes, bytes.len() as u64);
            assert_eq!(report.sha256, Digest::of(&bytes));
            bytes
        });
        assert_eq!(once, twice, "{name}");
    }
}

#[test]
fn our_own_reader_and_others_read_what_we_write() {
    for name in READABLE {
        let (fixture, sidecar) = Fixture::unpack(name);
        let report = fixture.pack_again(name, &sidecar, "x");
        let verified = verify(&report.file, &VerifyOptions::default()).expect("verified");
        assert_eq!(verified.content_sha256, report.content_sha256);
        assert_eq!(verified.sha256, report.sha256);
        assert_eq!(
            (
                verified.files,
                verified.directories,
                verified.bytes,
                verified.pack_bytes
            ),
            (
                report.files,
                report.directories,
                report.bytes,
                report.pack_bytes
            )
        );
        for (program, arguments) in [
            ("unzip", &["-tqq"][..]),
            (
                "python3",
                &[
                    "-c",
                    "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)",
                ],
            ),
        ] {
            match Command::new(program)
                .args(arguments)
                .arg(&report.file)
                .output()
            {
                Ok(output) => assert!(output.status.success(), "{name}: {program}: {output:?}"),
                Err(absent) => assert_eq!(absent.kind(), std::io::ErrorKind::NotFound),
            }
        }
    }
}

#[test]
fn members_stand_in_order_with_fixed_times_and_modes() {
    let fixture = Fixture::new();
    fixture.write("resources/demo/a/b.txt", "text ".repeat(100));
    fixture.write("resources/demo/a.b", "");
    fixture.write("resources/demo/.x/.y", "z");
    let report = fixture.export("resources/demo", "out/").expect("packed");
    assert_eq!(report.file, fixture.out("out/demo.ovpack"));
    let mut zip = open_zip(&report.file);
    let members: Vec<_> = (0..zip.len())
        .map(|index| {
            let member = zip.by_index(index).expect("a member");
            let time = member.last_modified().expect("a time");
            assert_eq!(
                (time.year(), time.month(), time.day(), time.hour()),
                (1980, 1, 1, 0)
            );
            assert_eq!(member.extra_data(), None);
            (
                member.name().expect("a name").into_owned(),
                member.unix_mode(),
                format!("{:?}", member.compression()),
            )
        })
        .collect();
    let expected = [
        ("demo/", 0o040_755, "Stored"),
        ("demo/_._x/", 0o040_755, "Stored"),
        ("demo/_._x/_._y", 0o100_644, "Stored"),
        ("demo/a/", 0o040_755, "Stored"),
        ("demo/a.b", 0o100_644, "Stored"),
        ("demo/a/b.txt", 0o100_644, "Deflated"),
        ("demo/_._ovpack_manifest.json", 0o100_644, "Deflated"),
    ]
    .map(|(name, mode, method)| (name.to_owned(), Some(mode), method.to_owned()));
    assert_eq!(members, expected);
}

#[test]
fn a_backup_has_every_scope_and_says_what_is_beside_them() {
    let fixture = Fixture::new();
    fixture.write("user/u/memories/m.md", "m");
    fixture.write("temp/t", "t");
    fixture.write("_system/s", "s");
    fixture.write("c:x", "beside the scopes nothing is read");
    let report = fixture.backup("x").expect("packed");
    assert_eq!(
        report.left_out,
        ["viking://_system", "viking://c:x", "viking://temp"]
    );
    assert_eq!(
        (report.files, report.directories, report.left_out_total),
        (1, 7, 3)
    );
    let manifest = manifest(&report.file);
    assert_eq!(
        manifest["root"],
        json!({"name": "openviking-backup", "package_type": "backup", "scope": "root", "uri": "viking://"})
    );
    assert_eq!(manifest["scopes"], json!(Scope::ALL.map(Scope::as_str)));
    let verified = verify(&report.file, &VerifyOptions::default()).expect("verified");
    assert_eq!((verified.kind, verified.directories), ("backup", 7));
}

#[test]
fn internal_files_stay_out_and_are_reported() {
    let fixture = Fixture::new();
    for path in [
        ".watch_tasks.json",
        ".watch_tasks.json.bak",
        "a/.watch_tasks.json",
        "a/.relations.json",
        "b/.relations.json/x",
        "b/.ovpack_manifest.json",
        "b/.path.ovlock",
        "b/.path.ovlock.txt",
    ] {
        fixture.write(&format!("resources/{path}"), path);
    }
    let report = fixture.export("resources", "x").expect("packed");
    let left_out = [
        "viking://resources/.watch_tasks.json",
        "viking://resources/.watch_tasks.json.bak",
        "viking://resources/a/.relations.json",
        "viking://resources/b/.ovpack_manifest.json",
        "viking://resources/b/.path.ovlock",
        "viking://resources/b/.relations.json",
    ];
    assert_eq!(report.left_out, left_out);
    let manifest = manifest(&report.file);
    let paths: Vec<_> = manifest["entries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["path"].clone())
        .collect();
    assert_eq!(
        paths,
        ["", "a", "a/.watch_tasks.json", "b", "b/.path.ovlock.txt"]
    );
    let report = fixture.export("resources/a", "y").expect("packed");
    assert_eq!(report.files, 1);
}

#[test]
fn names_that_do_not_read_back_are_refused_with_the_layouts_that_carry_them() {
    let long = format!(".{}", "x".repeat(254));
    for (uri, path) in [
        ("resources/a", "resources/a/_._x"),
        ("resources/a", "resources/a/_._x/y"),
        ("resources/a", &format!("resources/a/{long}")),
        ("resources/a", "resources/a/c:x"),
        ("resources/c:", "resources/c:/x"),
        ("resources/.relations.json", "resources/.relations.json/x"),
    ] {
        let fixture = Fixture::new();
        fixture.write(path, "");
        let error = fixture.export(uri, "x").expect_err("refused");
        assert_eq!(error.code(), "name-unpackable", "{path}");
        let needs_layout = path.contains("_._") || path.contains("xxx");
        assert_eq!(
            error.to_string().contains("v2 files and v3"),
            needs_layout,
            "{error}"
        );
        assert!(!fixture.out("x.ovpack").exists());
    }
    let fixture = Fixture::new();
    fixture.write("resources/c:x", "");
    assert_eq!(
        fixture
            .backup("x")
            .expect("a path that begins otherwise")
            .files,
        1
    );
}

#[test]
fn what_is_no_directory_is_refused() {
    let fixture = Fixture::new();
    fixture.write("resources/file", "");
    std::os::unix::fs::symlink("resources", fixture.live.at("user")).expect("linked");
    for (uri, code) in [
        ("viking://", "invalid-argument"),
        ("resources/missing", "uri-not-found"),
        ("resources/file/below", "uri-not-found"),
        ("agent", "uri-not-found"),
        ("resources/file", "wrong-entry-kind"),
        ("user", "symlink-on-path"),
        ("user/file", "symlink-on-path"),
    ] {
        assert_eq!(
            fixture.export(uri, "x").map_err(|error| error.code()),
            Err(code),
            "{uri}"
        );
    }
    assert_eq!(
        fixture.backup("x").map_err(|error| error.code()),
        Err("symlink-on-path")
    );
    assert!(!fixture.out("x.ovpack").exists());
}

#[test]
fn an_existing_file_is_replaced_only_by_force() {
    let fixture = Fixture::new();
    fixture.write("resources/demo/a", "a");
    fixture.export("resources/demo", "x").expect("packed");
    let again = fixture.export("resources/demo", "x");
    assert_eq!(again.map_err(|error| error.code()), Err("output-exists"));
    std::fs::write(fixture.out("x.ovpack"), "").expect("written");
    let options = ExportOptions {
        force: true,
        ..ExportOptions::default()
    };
    let uri = "resources/demo".parse().expect("a URI");
    let report = export(
        &fixture.live,
        &uri,
        &fixture.out("x"),
        &options,
        None,
        &|| Ok(()),
    )
    .expect("replaced");
    assert_eq!(
        std::fs::read(report.file).expect("read").len() as u64,
        report.pack_bytes
    );
}

#[test]
fn a_pack_that_is_not_confirmed_leaves_no_file() {
    let fixture = Fixture::new();
    fixture.write("resources/demo/a", "a");
    let uri = "resources/demo".parse().expect("a URI");
    let moved = || {
        Err(Error::LiveTreeChanged {
            path: "resources/demo".into(),
        })
    };
    let out = fixture.out("new/x");
    let packed = pack(
        &fixture.live,
        &uri,
        &out,
        &ExportOptions::default(),
        None,
        &moved,
    );
    assert!(matches!(packed, Err(Error::LiveTreeChanged { .. })));
    assert_eq!(
        std::fs::read_dir(fixture.out("new")).expect("made").count(),
        0
    );
}

#[cfg(feature = "fault")]
#[test]
fn a_failure_at_any_step_leaves_no_file() {
    use crate::fault::{FaultPlan, Outcome, arm, disarm};
    let fixture = Fixture::new();
    fixture.write("resources/demo/a", "a");
    let mut at = 0;
    loop {
        at += 1;
        arm(FaultPlan {
            at,
            outcome: Outcome::Fail(28),
        });
        let packed = fixture.export("resources/demo", "x");
        let steps = disarm();
        let is_there = fixture.out("x.ovpack").exists();
        let temporary = std::fs::read_dir(fixture.held.path())
            .expect("listed")
            .count();
        match packed {
            // The last step makes a name durable that is there already.
            Err(_) if steps.len() as u64 == at && steps.last() == Some(&"fsync") && is_there => {
                std::fs::remove_file(fixture.out("x.ovpack")).expect("removed");
            }
            Err(_) => assert!(!is_there && temporary == 1, "{at}: {steps:?}"),
            Ok(_) => break,
        }
    }
    assert!(at > 5, "{at}");
}

#[test]
fn records_are_made_of_texts_as_they_are() {
    let fixture = Fixture::new();
    let long = "x".repeat(64 << 10);
    for (path, content) in [
        ("user/u/memories/spaces/.abstract.md", &b" a \n"[..]),
        ("user/u/memories/empty/.abstract.md", b""),
        ("user/u/memories/only-overview/.overview.md", b"o"),
        ("user/u/memories/latin1/.abstract.md", b"\xe9"),
        ("user/u/memories/latin1/.overview.md", b"o"),
        ("user/u/memories/long/.abstract.md", long.as_bytes()),
        (
            "user/u/memories/too-long/.abstract.md",
            format!("{long}x").as_bytes(),
        ),
        ("user/u/skills/s/.abstract.md", b"s"),
        ("user/u/sessions/s/.abstract.md", b"never indexed"),
    ] {
        fixture.write(path, content);
    }
    let report = fixture.export("user/u", "x").expect("packed");
    let record = |context_type: &str, level: u8, abstract_text: &str, text: &str| {
        json!({
            "level": level,
            "scalars": {"abstract": abstract_text, "context_type": context_type, "level": level},
            "text": text,
        })
    };
    let expected = json!({
        "memories/empty": [record("memory", 0, "", "")],
        "memories/latin1": [record("memory", 1, "", "o")],
        "memories/long": [record("memory", 0, &long, &long)],
        "memories/only-overview": [record("memory", 1, "", "o")],
        "memories/spaces": [record("memory", 0, " a \n", " a \n")],
        "skills/s": [record("skill", 0, "s", "s")],
    });
    assert_eq!(manifest(&report.file)["vectors"], expected);
    assert_eq!(report.files, 9);
}

#[test]
fn a_large_manifest_has_no_white_space() {
    let fixture = Fixture::new();
    fixture
        .live
        .create_dir("resources", DIRECTORY_MODE)
        .expect("made");
    let dir = fixture.live.open_dir("resources").expect("opened");
    for number in 0..10_000 {
        dir.create_file(&number.to_string(), 0o644).expect("made");
    }
    let report = fixture.export("resources", "x").expect("packed");
    let mut zip = open_zip(&report.file);
    let mut text = String::new();
    zip.by_name("resources/_._ovpack_manifest.json")
        .expect("a member")
        .read_to_string(&mut text)
        .expect("read");
    assert!(text.starts_with("{\"content_sha256\":\""));
    assert!(text.ends_with("],\"format_version\":2,\"kind\":\"openviking.ovpack\",\"root\":{\"name\":\"resources\",\"scope\":\"resources\",\"uri\":\"viking://resources\"},\"vectors\":{}}"));
    assert!(!text.contains(['\n', ' ']));
    std::fs::remove_file(dir.at("0")).expect("removed");
    let report = fixture.export("resources", "y").expect("packed");
    let mut zip = open_zip(&report.file);
    let mut text = String::new();
    zip.by_name("resources/_._ovpack_manifest.json")
        .expect("a member")
        .read_to_string(&mut text)
        .expect("read");
    assert!(text.starts_with("{\n  \"content_sha256\": \""));
    assert!(text.ends_with("\n  \"vectors\": {}\n}"));
}

#[test]
fn what_was_read_is_remembered() {
    let fixture = Fixture::new();
    fixture.write("resources/demo/a", "a");
    let path = fixture.live.at("resources/demo/a");
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("opened");
    file.set_modified(long_ago).expect("set");
    let mut cache = StatCache::open(&fixture.out("cache.db")).expect("opened");
    let uri = "resources/demo".parse().expect("a URI");
    let stat = fixture
        .live
        .stat_at("resources/demo/a")
        .expect("asked")
        .expect("there");
    // The change time must lie behind the clock by more than its granularity.
    while crate::clock::now_ns() < i128::from(stat.ctime_ns) + 50_000_000 {
        std::hint::spin_loop();
    }
    export(
        &fixture.live,
        &uri,
        &fixture.out("x"),
        &ExportOptions::default(),
        Some(&mut cache),
        &|| Ok(()),
    )
    .expect("packed");
    assert_eq!(cache.lookup(&stat), Some(Digest::of(b"a")));
}

#[test]
fn an_interrupted_export_leaves_no_file() {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    let fixture = Fixture::new();
    fixture.write("resources/demo/a", "a");
    let control = Control {
        progress: None,
        interrupt: Some(Arc::new(AtomicBool::new(true))),
    };
    let options = ExportOptions {
        control,
        ..ExportOptions::default()
    };
    let uri = "resources/demo".parse().expect("a URI");
    let packed = export(
        &fixture.live,
        &uri,
        &fixture.out("x"),
        &options,
        None,
        &|| Ok(()),
    );
    assert!(matches!(packed, Err(Error::Interrupted)));
    assert!(!fixture.out("x.ovpack").exists());
}

#[test]
fn content_of_every_size_comes_back() {
    let fixture = Fixture::new();
    let mut noise = Vec::new();
    let mut seed = 1_u64;
    while noise.len() < 3 << 20 {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        noise.extend_from_slice(&(seed >> 32).to_le_bytes()[..4]);
    }
    let half: Vec<_> = noise.iter().flat_map(|byte| [*byte, 0]).collect();
    let mut contents = BTreeMap::new();
    for size in [
        0,
        1,
        2,
        100,
        (256 << 10) - 1,
        256 << 10,
        (256 << 10) + 1,
        3 << 20,
    ] {
        contents.insert(format!("noise-{size}"), noise[..size].to_vec());
        contents.insert(format!("half-{size}"), half[..size].to_vec());
        contents.insert(format!("zeros-{size}"), vec![0; size]);
    }
    for (name, content) in &contents {
        fixture.write(&format!("resources/sizes/{name}"), content);
    }
    let report = fixture.export("resources/sizes", "x").expect("packed");
    let bytes = std::fs::read(&report.file).expect("read");
    assert_eq!(report.sha256, Digest::of(&bytes));
    let verified = verify(&report.file, &VerifyOptions::default()).expect("verified");
    assert_eq!(verified.content_sha256, report.content_sha256);
    let mut zip = open_zip(&report.file);
    for (name, content) in &contents {
        let mut member = zip.by_name(&format!("sizes/{name}")).expect("a member");
        let is_stored = format!("{:?}", member.compression()) == "Stored";
        assert_eq!(
            is_stored,
            name.starts_with("noise") || content.len() < 3,
            "{name}"
        );
        let mut read = Vec::new();
        member.read_to_end(&mut read).expect("read");
        assert!(read == *content, "{name}");
    }
}
