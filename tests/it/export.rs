//! Export and backup: what is packed, what stays out, what cannot be packed, where it is written.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8Path;
use ovpack::{
    Control, Digest, EntryKind, Error, ExportOptions, Phase, Progress, VerifyOptions, inspect,
    verify,
};
use serde_json::json;

use crate::support::fault::{ENOSPC, steps_of, with_fault};
use crate::support::test_store::{get, put};
use crate::support::{TestStore, assert_fails, tree, uri};
use ovpack::fault::Outcome;

fn notes() -> TestStore {
    let store = TestStore::fresh();
    store.write("resources/notes/a.md", b"a");
    store.write("resources/notes/sub/b.md", b"b");
    store
}

/// The paths of a pack's entries, without the root.
fn entries(pack: &Utf8Path) -> Vec<String> {
    let report = inspect(pack, &VerifyOptions::default()).unwrap();
    report
        .entries
        .into_iter()
        .map(|entry| entry.path)
        .filter(|path| !path.is_empty())
        .collect()
}

#[test]
fn internal_files_stay_out_and_are_named() {
    let store = notes();
    for name in [
        ".relations.json",
        ".path.ovlock",
        "sub/.relations.json",
        "sub/.path.ovlock",
    ] {
        store.write(&format!("resources/notes/{name}"), b"internal");
    }
    store.write("resources/notes/.ovpack_manifest.json", b"internal");
    let report = store.export("resources/notes", "notes.ovpack").unwrap();
    assert_eq!(entries(&report.file), ["a.md", "sub", "sub/b.md"]);
    assert_eq!((report.files, report.directories, report.bytes), (2, 2, 2));
    let mut left_out = report.left_out;
    left_out.sort();
    let expected = [
        "viking://resources/notes/.ovpack_manifest.json",
        "viking://resources/notes/.path.ovlock",
        "viking://resources/notes/.relations.json",
        "viking://resources/notes/sub/.path.ovlock",
        "viking://resources/notes/sub/.relations.json",
    ];
    assert_eq!(left_out, expected);
}

#[test]
fn watch_tasks_stay_out_of_scope_packs_and_backups_but_their_namesakes_do_not() {
    let store = notes();
    for name in [
        ".watch_tasks.json",
        ".watch_tasks.json.bak",
        ".watch_tasks.json.tmp",
    ] {
        store.write(&format!("resources/{name}"), b"control");
        store.write(&format!("resources/notes/{name}"), b"content");
    }
    let namesakes = [
        "notes/.watch_tasks.json",
        "notes/.watch_tasks.json.bak",
        "notes/.watch_tasks.json.tmp",
    ];
    let scope = store.export("resources", "scope.ovpack").unwrap();
    let backup = store.backup("backup.ovpack").unwrap();
    let control = |paths: Vec<String>, prefix: &str| -> Vec<String> {
        let paths = paths
            .into_iter()
            .filter(|path| path.contains("watch_tasks"));
        paths
            .map(|path| path.strip_prefix(prefix).unwrap().to_owned())
            .collect()
    };
    assert_eq!(control(entries(&scope.file), ""), namesakes);
    assert_eq!(control(entries(&backup.file), "resources/"), namesakes);
    assert_eq!(scope.left_out.len(), 3);
}

#[test]
fn a_backup_of_an_adopted_store_holds_the_four_scopes_and_nothing_else() {
    let store = TestStore::adopted(|path| {
        for below in [
            "resources/a.md",
            "temp/x",
            "queue/x",
            "upload/x",
            "_system/x",
            "tasks/x",
        ] {
            put(path, below, b"x");
        }
    });
    let report = store.backup("all.ovpack").unwrap();
    assert_eq!(
        entries(&report.file),
        ["agent", "resources", "resources/a.md", "session", "user"]
    );
    assert_eq!(report.uri.to_string(), "viking://");
    let shown = inspect(&report.file, &VerifyOptions::default()).unwrap();
    assert_eq!(shown.claims.kind, "backup");
    assert_eq!(shown.claims.scopes.len(), 4);
    assert_eq!(shown.claims.root, "openviking-backup");
}

#[test]
fn only_directories_of_public_scopes_are_exported() {
    let store = notes();
    assert_fails(
        store.export("resources/absent", "x.ovpack"),
        "uri-not-found",
        9,
    );
    assert_fails(store.export("user", "x.ovpack"), "uri-not-found", 9);
    assert_fails(
        store.export("resources/notes/a.md", "x.ovpack"),
        "wrong-entry-kind",
        2,
    );
    let root = store.export("viking://", "x.ovpack").unwrap_err();
    assert_eq!(root.kind().exit_code(), 2, "{root:?}");
    assert!(!store.beside("x.ovpack").exists());
}

#[test]
fn special_files_are_refused_by_path_and_nothing_is_written() {
    let makers: [(&str, fn(&Utf8Path)); 3] = [
        ("symbolic link", |path| {
            std::os::unix::fs::symlink("a.md", path).unwrap()
        }),
        ("FIFO", |path| {
            let mode = rustix::fs::Mode::RUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, path.as_std_path(), mode).unwrap();
        }),
        ("socket", |path| {
            let mode = rustix::fs::Mode::RUSR;
            let kind = rustix::fs::FileType::Socket;
            rustix::fs::mknodat(rustix::fs::CWD, path.as_std_path(), kind, mode, 0).unwrap();
        }),
    ];
    for (what, make) in makers {
        let store = notes();
        make(&store.at("resources/notes/sub/odd"));
        let out = store.beside("out");
        std::fs::create_dir(&out).unwrap();
        let exported = store.export("resources/notes", "out/notes.ovpack");
        match assert_fails(exported, "special-file", 4) {
            Error::SpecialFile { path, what: found } => {
                assert!(path.ends_with("resources/notes/sub/odd"), "{path}");
                assert_eq!(found, what);
            }
            error => panic!("{error:?}"),
        }
        assert!(
            tree(&out).is_empty(),
            "nothing is left, not even a temporary file"
        );
    }
}

#[test]
fn names_that_no_flat_pack_can_hold_are_refused_by_path() {
    let names: [&[u8]; 7] = [
        b"_._escaped",
        b"back\\slash",
        b"not \xff UTF-8",
        b"carriage\rreturn",
        b"\x01control",
        b"_._/below",
        b"_._ovpack_manifest.json",
    ];
    for name in names {
        let store = notes();
        let text = String::from_utf8_lossy(name).replace('\u{fffd}', r"\xff");
        let path = store.at("resources/notes/sub").into_std_path_buf();
        let path = path.join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
        let error = assert_fails(
            store.export("resources/notes", "x.ovpack"),
            "name-unpackable",
            4,
        );
        let Error::NameUnpackable { path, .. } = &error else {
            panic!("{error:?}")
        };
        let first = text.split('/').next().unwrap();
        assert!(path.contains(first), "{path:?} names {first:?}");
        assert!(!store.beside("x.ovpack").exists());
    }
}

#[test]
fn a_drive_letter_is_refused_only_at_the_start_of_a_path() {
    let store = notes();
    store.write("resources/notes/sub/c:x", b"fine");
    store.export("resources/notes", "fine.ovpack").unwrap();
    store.write("resources/notes/c:x", b"not fine");
    assert_fails(
        store.export("resources/notes", "x.ovpack"),
        "name-unpackable",
        4,
    );
    store.write("resources/d:root/a.md", b"not fine");
    assert_fails(
        store.export("resources/d:root", "x.ovpack"),
        "name-unpackable",
        4,
    );
}

#[test]
fn an_output_path_gets_the_ending_a_directory_the_leaf_and_parents_are_made() {
    let store = notes();
    std::fs::create_dir(store.beside("directory")).unwrap();
    std::fs::create_dir(store.beside("named.ovpack")).unwrap();
    for (out, file) in [
        ("plain", "plain.ovpack"),
        ("ending.ovpack", "ending.ovpack"),
        ("other.zip", "other.zip.ovpack"),
        ("directory", "directory/notes.ovpack"),
        ("directory/", "directory/notes.ovpack"),
        ("named.ovpack", "named.ovpack/notes.ovpack"),
        ("made/for/it", "made/for/it.ovpack"),
    ] {
        let options = ExportOptions {
            force: true,
            ..ExportOptions::default()
        };
        let exported = store
            .open()
            .export(&uri("resources/notes"), &store.beside(out), &options)
            .unwrap();
        assert_eq!(exported.file, store.beside(file), "{out}");
        assert!(exported.file.is_file(), "{out}");
    }
    std::fs::create_dir(store.beside("for backups")).unwrap();
    let backup = store.backup("for backups").unwrap();
    assert_eq!(
        backup.file,
        store.beside("for backups/openviking-backup.ovpack")
    );
}

#[test]
fn an_existing_file_is_replaced_only_by_force() {
    let store = notes();
    std::fs::write(store.beside("notes.ovpack"), "mine").unwrap();
    for out in ["notes.ovpack", "notes"] {
        match assert_fails(store.export("resources/notes", out), "output-exists", 4) {
            Error::OutputExists { path } => assert_eq!(path, store.beside("notes.ovpack")),
            error => panic!("{error:?}"),
        }
    }
    assert_eq!(get(&store.beside("notes.ovpack")), b"mine");
    let options = ExportOptions {
        force: true,
        ..ExportOptions::default()
    };
    let out = store.beside("notes.ovpack");
    let report = store
        .open()
        .export(&uri("resources/notes"), &out, &options)
        .unwrap();
    assert_eq!(Digest::of(&get(&out)), report.sha256);
}

#[test]
fn a_failed_export_leaves_the_existing_file_and_no_temporary_one() {
    let store = notes();
    let out = store.beside("out");
    std::fs::create_dir(&out).unwrap();
    let options = ExportOptions {
        force: true,
        ..ExportOptions::default()
    };
    let file = out.join("notes.ovpack");
    let export = || {
        store
            .try_open()?
            .export(&uri("resources/notes"), &file, &options)
    };
    let steps = steps_of(|| drop(export().unwrap()));
    let renamed_at = steps.iter().rposition(|name| *name == "rename").unwrap();
    for (index, name) in steps.iter().enumerate() {
        std::fs::write(&file, "mine").unwrap();
        let at = u64::try_from(index).unwrap() + 1;
        let result = with_fault(at, Outcome::FailOn(ENOSPC), export);
        let context = format!("step {at} ({name}) of {steps:?}: {result:?}");
        if let Err(error) = &result {
            assert_eq!(error.kind().exit_code(), 5, "{context}");
        }
        let left: Vec<_> = tree(&out).into_keys().collect();
        assert_eq!(left, ["notes.ovpack"], "{context}");
        if result.is_err() && index <= renamed_at {
            assert_eq!(get(&file), b"mine", "{context}");
        } else {
            verify(&file, &VerifyOptions::default()).unwrap();
        }
    }
}

/// Appends to a file each time that something was packed.
struct Writer {
    path: camino::Utf8PathBuf,
    stop: AtomicBool,
}

impl Progress for Writer {
    fn begin(&self, phase: Phase, _files: u64, _bytes: u64) {
        if phase == Phase::Packing {
            self.advance(0, 0);
        }
    }

    fn advance(&self, _files: u64, _bytes: u64) {
        if !self.stop.load(Ordering::Relaxed) {
            let mut bytes = std::fs::read(&self.path).unwrap();
            bytes.extend(b"more and more");
            std::fs::write(&self.path, bytes).unwrap();
        }
    }
}

#[test]
fn a_file_that_keeps_changing_is_an_error_or_a_whole_pack_but_never_a_torn_one() {
    let store = TestStore::fresh();
    store.write("resources/notes/a.log", &vec![b'a'; 300_000]);
    store.write("resources/notes/z.log", &vec![b'z'; 3_000_000]);
    let writer = Arc::new(Writer {
        path: store.at("resources/notes/z.log"),
        stop: AtomicBool::new(false),
    });
    let control = Control {
        progress: Some(writer.clone()),
        interrupt: None,
    };
    let options = ExportOptions {
        control,
        ..ExportOptions::default()
    };
    let out = store.beside("notes.ovpack");
    match store.open().export(&uri("resources/notes"), &out, &options) {
        Ok(report) => drop(verify(&report.file, &VerifyOptions::default()).unwrap()),
        Err(Error::FileChanging { path }) => {
            assert!(path.ends_with("resources/notes/z.log"), "{path}");
            assert!(!out.exists());
        }
        Err(error) => panic!("{error:?}"),
    }
    writer.stop.store(true, Ordering::Relaxed);
    let report = store.export("resources/notes", "again.ovpack").unwrap();
    verify(&report.file, &VerifyOptions::default()).unwrap();
}

#[test]
fn an_interrupted_export_leaves_nothing() {
    let store = notes();
    std::fs::create_dir(store.beside("out")).unwrap();
    let interrupt = Some(Arc::new(AtomicBool::new(true)));
    let options = ExportOptions {
        control: Control {
            progress: None,
            interrupt,
        },
        ..ExportOptions::default()
    };
    let out = store.beside("out/notes.ovpack");
    let result = store.open().export(&uri("resources/notes"), &out, &options);
    assert_fails(result, "interrupted", 130);
    assert!(tree(&store.beside("out")).is_empty());
}

#[test]
fn export_writes_records_for_abstracts_and_overviews_only() {
    let store = notes();
    store.write("resources/notes/.abstract.md", "about the notes".as_bytes());
    store.write("resources/notes/.overview.md", "an overview".as_bytes());
    store.write("resources/notes/sub/.abstract.md", "about sub".as_bytes());
    let report = store.export("resources/notes", "notes.ovpack").unwrap();
    let shown = inspect(&report.file, &VerifyOptions::default()).unwrap();
    let records: Vec<_> = shown
        .index_records
        .iter()
        .map(|record| (record.path.as_str(), record.level, record.text.as_deref()))
        .collect();
    assert_eq!(
        records,
        [
            ("", 0, Some("about the notes")),
            ("", 1, Some("an overview")),
            ("sub", 0, Some("about sub")),
        ]
    );
    let scalars = json!(shown.index_records[0].scalars);
    let expected = json!({ "context_type": "resource", "level": 0, "abstract": "about the notes" });
    assert_eq!(scalars, expected);
}

#[test]
fn entries_are_in_code_point_order_with_the_manifest_last() {
    let store = TestStore::fresh();
    for name in ["b", "a.b", "a/b", "A", ".x", "\u{ff5e}", "\u{1f389}"] {
        store.write(&format!("resources/notes/{name}"), name.as_bytes());
    }
    let report = store.export("resources/notes", "notes.ovpack").unwrap();
    let bytes = get(&report.file);
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let names: Vec<_> = (0..archive.len())
        .map(|index| {
            archive
                .by_index(index)
                .unwrap()
                .name()
                .unwrap()
                .into_owned()
        })
        .collect();
    let expected = [
        "notes/",
        "notes/_._x",
        "notes/A",
        "notes/a/",
        "notes/a.b",
        "notes/a/b",
        "notes/b",
        "notes/\u{ff5e}",
        "notes/\u{1f389}",
        "notes/_._ovpack_manifest.json",
    ];
    assert_eq!(names, expected);
    let listed = inspect(&report.file, &VerifyOptions::default())
        .unwrap()
        .entries;
    assert!(
        listed
            .iter()
            .any(|entry| entry.path == "a" && entry.kind == EntryKind::Directory)
    );
}

#[test]
fn the_packs_bytes_follow_the_written_rules() {
    let store = TestStore::fresh();
    store.write(
        "resources/notes/text.md",
        "again and again ".repeat(200).as_bytes(),
    );
    store.write("resources/notes/empty.md", b"");
    store.write("resources/notes/x.md", b"x");
    let report = store.export("resources/notes", "notes.ovpack").unwrap();
    let bytes = get(&report.file);
    assert_eq!(&bytes[..4], b"PK\x03\x04");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
    assert_eq!(archive.comment(), b"");
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let member = archive.by_index(index).unwrap();
        let mode = member.unix_mode().unwrap();
        let is_directory = member.name().unwrap().ends_with('/');
        assert_eq!(mode, if is_directory { 0o040_755 } else { 0o100_644 });
        let time = member.last_modified().unwrap();
        assert_eq!(
            (time.year(), time.month(), time.day(), time.hour()),
            (1980, 1, 1, 0)
        );
        assert!(member.extra_data().unwrap_or_default().is_empty());
        members.push((
            member.name().unwrap().into_owned(),
            format!("{:?}", member.compression()),
        ));
    }
    let method = |name: &str| {
        let found = members
            .iter()
            .find(|member| member.0 == format!("notes/{name}"));
        found.unwrap().1.clone()
    };
    assert_eq!(
        ["", "text.md", "empty.md", "x.md"].map(method),
        ["Stored", "Deflated", "Stored", "Stored"]
    );
    let manifest = {
        let mut member = archive.by_name("notes/_._ovpack_manifest.json").unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut member, &mut text).unwrap();
        text
    };
    let value: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let again = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(manifest.trim_end(), again, "sorted keys, indented by two");
}

#[test]
fn nothing_is_written_into_a_live_tree_or_a_control_directory() {
    let store = notes();
    let pack = store
        .export("resources/notes", "notes.ovpack")
        .unwrap()
        .file;
    let adopted = TestStore::adopted(|live| put(live, "user/alice/a.md", b"a"));
    let places = [
        store.at("x.ovpack"),
        store.at("resources/notes/missing/x.ovpack"),
        store.at("resources/notes"),
        store.path.join(".ovpack/x.ovpack"),
        store.path.join(".ovpack/slots"),
        store.path.join("missing/../viking/x.ovpack"),
        adopted.at("user/x.ovpack"),
        adopted.path.join("agent/x.ovpack"),
    ];
    let before = [store.whole(), adopted.whole()];
    for out in places.iter().map(|out| out.as_str()) {
        for words in [
            &["export", "resources/notes", out, "--force"][..],
            &["backup", out, "--force"],
            &["convert", pack.as_str(), out, "--layout", "v3", "--force"],
            &["journal", "export", out],
        ] {
            let refused = store.run(words.iter().chain(&["--json"]));
            assert_eq!(refused.code, Some(2), "{words:?}: {refused:?}");
            let error = &refused.json()["error"];
            assert_eq!(error["reason"], "invalid-argument", "{words:?}: {error}");
        }
    }
    assert_eq!([store.whole(), adopted.whole()], before);
    let beside = store.path.join("x.ovpack");
    let written = store.run(["export", "resources/notes", beside.as_str()]);
    assert_eq!(written.code, Some(0), "{written:?}");
}
