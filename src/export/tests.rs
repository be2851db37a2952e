//! Trees as the reference's packs hold them, exported, and read back by others.

mod bytes;
mod reference;
mod refusals;
mod threads;

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
            "viking://" => backup(live, &out, &options, None, (&|| Ok(()), None)),
            uri => {
                let uri = uri.parse().expect("a URI");
                export(live, &uri, &out, &options, None, (&|| Ok(()), None))
            }
        };
        packed.expect(name)
    }

    fn export(&self, uri: &str, out: &str) -> Result<ExportReport> {
        self.export_with(uri, out, &ExportOptions::default())
    }

    fn export_with(&self, uri: &str, out: &str, options: &ExportOptions) -> Result<ExportReport> {
        let (uri, out) = (uri.parse().expect("a URI"), self.out(out));
        export(&self.live, &uri, &out, options, None, (&|| Ok(()), None))
    }

    fn backup(&self, out: &str) -> Result<ExportReport> {
        backup(
            &self.live,
            &self.out(out),
            &ExportOptions::default(),
            None,
            (&|| Ok(()), None),
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
        (&|| Ok(()), None),
    )
    .expect("packed");
    assert_eq!(cache.lookup(&stat), Some(Digest::of(b"a")));
}
