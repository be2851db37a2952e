//! What stands in a live tree and no pack can hold: refused with its path, or skipped and listed.
//! Links where a root should be, or on the way to one, are followed by no act.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use camino::Utf8Path;
use ovpack::fault::without_openat2;
use ovpack::{Error, ExportOptions, ExportReport, OnConflict, VerifyOptions, inspect, verify};
use serde_json::json;

use crate::support::test_store::output;
use crate::support::{Output, PackBuilder, TestStore, assert_fails, assert_same, tree, uri};

/// A store with two files that any pack can hold.
fn notes() -> TestStore {
    let store = TestStore::fresh();
    store.write("resources/notes/a.md", b"a");
    store.write("resources/notes/sub/b.md", b"b");
    store
}

fn skipping() -> ExportOptions {
    ExportOptions {
        force: true,
        skip_special: true,
        ..ExportOptions::default()
    }
}

fn export(store: &TestStore, at: &str) -> Result<ExportReport, Error> {
    let out = store.beside("notes.ovpack");
    store.open().export(&uri(at), &out, &skipping())
}

/// Asserts that the pack is good and has these paths beside its root.
#[track_caller]
fn assert_holds(pack: &Utf8Path, expected: &[&str]) {
    verify(pack, &VerifyOptions::default()).unwrap();
    let report = inspect(pack, &VerifyOptions::default()).unwrap();
    let paths: Vec<_> = report.entries.iter().map(|entry| &entry.path).collect();
    assert_eq!(paths[0], "");
    assert_eq!(&paths[1..], expected);
}

fn make_fifo(path: &Utf8Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
    let kind = std::fs::symlink_metadata(path).unwrap().file_type();
    assert!(kind.is_fifo());
}

#[test]
fn without_the_option_each_is_refused_with_its_path_and_with_it_the_rest_is_packed() {
    type Make = fn(&Utf8Path);
    let cases: [(&[u8], &str, &str, Make); 9] = [
        (b"link", "special-file", "symbolic link", |path| {
            symlink("a.md", path).unwrap();
        }),
        (b"dangling", "special-file", "symbolic link", |path| {
            symlink("/nowhere", path).unwrap();
        }),
        (
            b"linked-directory",
            "special-file",
            "symbolic link",
            |path| {
                symlink("sub", path).unwrap();
            },
        ),
        (b"fifo", "special-file", "FIFO", make_fifo),
        (b"socket", "special-file", "socket", |path| {
            // Bound by a relative name: a socket's path must be short.
            let directory = std::fs::File::open(path.parent().unwrap()).unwrap();
            let fd = std::os::fd::AsRawFd::as_raw_fd(&directory);
            let name = path.file_name().unwrap();
            drop(UnixListener::bind(format!("/proc/self/fd/{fd}/{name}")).unwrap());
        }),
        (b"back\\slash", "name-unpackable", "backslash", |path| {
            std::fs::write(path, "x").unwrap();
        }),
        (b"esc\x1b[2J", "name-unpackable", "control", |path| {
            std::fs::write(path, "x").unwrap();
        }),
        (
            b"_._escaped",
            "name-unpackable",
            "reads back as a dot",
            |path| {
                std::fs::write(path, "x").unwrap();
            },
        ),
        (
            b"_._tree",
            "name-unpackable",
            "reads back as a dot",
            |path| {
                std::fs::create_dir(path).unwrap();
                std::fs::write(path.join("below"), "x").unwrap();
            },
        ),
    ];
    for (name, code, why, make) in cases {
        let store = notes();
        let name = str::from_utf8(name).unwrap();
        let path = store.at("resources/notes/sub").join(name);
        make(&path);
        for result in [
            store.export("resources/notes", "notes"),
            store.backup("notes"),
        ] {
            let error = assert_fails(result, code, 4);
            assert!(error.to_string().contains(name), "{name:?}: {error}");
        }
        assert!(!store.beside("notes.ovpack").exists());
        let report = export(&store, "resources/notes").unwrap();
        assert_holds(&report.file, &["a.md", "sub", "sub/b.md"]);
        assert_eq!((report.files, report.directories), (2, 2), "{name:?}");
        assert_eq!(report.skipped_special.count, 1, "{name:?}");
        let skipped = &report.skipped_special.paths[0];
        assert_eq!(skipped.path, path.as_str());
        assert!(skipped.why.contains(why), "{name:?}: {}", skipped.why);
        let out = store.beside("backup.ovpack");
        let report = store.open().backup(&out, &skipping()).unwrap();
        verify(&report.file, &VerifyOptions::default()).unwrap();
        assert_eq!((report.files, report.skipped_special.count), (2, 1));
    }
}

#[test]
fn names_that_are_not_utf8_are_shown_byte_by_byte() {
    let store = notes();
    let name = OsStr::from_bytes(b"caf\xe9\\\x1b.md");
    std::fs::write(store.at("resources/notes").as_std_path().join(name), "x").unwrap();
    let shown = r"resources/notes/caf\xe9\\";
    let error = assert_fails(
        store.export("resources/notes", "notes"),
        "name-unpackable",
        4,
    );
    assert!(error.to_string().contains(shown), "{error}");
    let report = export(&store, "resources/notes").unwrap();
    assert_holds(&report.file, &["a.md", "sub", "sub/b.md"]);
    let path = &report.skipped_special.paths[0].path;
    assert!(path.contains(shown), "{path}");
    let output = store.run(["ls", "resources/notes"]);
    let line = r"viking://resources/notes/caf\xe9\\\u{1b}.md";
    assert!(
        output.stdout.lines().any(|found| found == line),
        "{output:?}"
    );
}

#[test]
fn the_option_changes_nothing_where_nothing_is_special() {
    let store = notes();
    let plain = store.export("resources/notes", "plain").unwrap();
    let report = export(&store, "resources/notes").unwrap();
    assert_eq!(report.sha256, plain.sha256);
    assert_eq!(report.skipped_special, plain.skipped_special);
    assert_eq!(report.skipped_special.count, 0);
}

#[test]
fn a_hundred_are_listed_and_all_are_counted() {
    let store = notes();
    for number in 0..130 {
        symlink("x", store.at(&format!("resources/notes/link{number:03}"))).unwrap();
    }
    let output = store.run(["export", "resources/notes", "notes", "--skip-special"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.stdout.trim(), "notes.ovpack");
    assert!(output.stderr.contains("skipped 130 paths"), "{output:?}");
    assert!(output.stderr.contains("  and 30 more"), "{output:?}");
    let lines = output.stderr.lines();
    assert_eq!(lines.filter(|line| line.contains("link0")).count(), 100);
    let words = ["--json", "backup", "all", "--skip-special"];
    let skipped = &store.run(words).result()["skipped_special"];
    assert_eq!(skipped["count"], 130);
    assert_eq!(skipped["paths"].as_array().unwrap().len(), 100);
    let first = store.at("resources/notes/link000");
    let expected = json!({ "path": first.as_str(), "why": "it is a symbolic link" });
    assert_eq!(skipped["paths"][0], expected);
}

#[test]
fn a_refusal_names_the_flag_unless_it_was_given() {
    let store = notes();
    symlink("x", store.at("resources/notes/link")).unwrap();
    symlink("x", store.at("resources/root")).unwrap();
    for verb in [&["export", "resources/notes", "x"][..], &["backup", "x"]] {
        let refused = store.run(verb);
        assert_eq!(refused.code, Some(4), "{refused:?}");
        assert!(refused.stderr.contains("--skip-special"), "{refused:?}");
    }
    let refused = store.run(["export", "resources/root", "x", "--skip-special"]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(!refused.stderr.contains("--skip-special"), "{refused:?}");
}

#[test]
fn a_root_that_is_special_itself_is_refused_all_the_same() {
    let store = notes();
    symlink("notes", store.at("resources/link")).unwrap();
    make_fifo(&store.at("resources/fifo"));
    store.write("resources/_._dots/sub/x.md", b"x");
    assert_fails(export(&store, "resources/link"), "symlink-on-path", 4);
    assert_fails(export(&store, "resources/link/sub"), "symlink-on-path", 4);
    assert_fails(export(&store, "resources/fifo"), "special-file", 4);
    std::fs::rename(store.at("resources"), store.at("elsewhere")).unwrap();
    symlink("elsewhere", store.at("resources")).unwrap();
    let out = store.beside("backup.ovpack");
    let result = store.open().backup(&out, &skipping());
    assert_fails(result, "symlink-on-path", 4);
    assert!(!out.exists(), "a scope is not left out in silence");
}

/// Runs the program as one that permissions bind: root without its capabilities to pass them over.
fn run_bound(store: &TestStore, arguments: &[&str]) -> Output {
    let plain = store.command(arguments);
    if !rustix::process::geteuid().is_root() {
        return output(plain);
    }
    let mut bound = Command::new("setpriv");
    bound.args(["--bounding-set", "-dac_override,-dac_read_search", "--"]);
    bound.arg(plain.get_program()).args(plain.get_args());
    bound.current_dir(plain.get_current_dir().unwrap());
    output(bound)
}

#[test]
fn what_may_not_be_read_is_refused_or_skipped_whole() {
    let store = notes();
    store.write("resources/notes/secret.md", b"x");
    store.write("resources/notes/closed/below.md", b"x");
    store.write("resources/notes/unsearchable/below.md", b"x");
    let set = |below: &str, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(store.at(below), mode).unwrap();
    };
    let words = ["--json", "export", "resources/notes", "notes", "--force"];
    let skipping = [&words[..], &["--skip-special"]].concat();
    let paths = [
        ("resources/notes/closed", 0o000),
        ("resources/notes/secret.md", 0o000),
        ("resources/notes/unsearchable", 0o600),
    ];
    for (path, mode) in paths {
        set(path, mode);
        let refused = run_bound(&store, &words);
        assert_eq!(refused.code, Some(1), "{path}: {refused:?}");
        let error = &refused.json()["error"];
        assert_eq!(error["reason"], "io");
        assert!(error["message"].as_str().unwrap().contains(path), "{error}");
        let open = if path.contains("secret") {
            0o644
        } else {
            0o755
        };
        set(path, open);
    }
    for (path, mode) in paths {
        set(path, mode);
    }
    let report = run_bound(&store, &skipping).result();
    let expected = paths
        .map(|(path, _)| json!({ "path": store.at(path).as_str(), "why": "it may not be read" }));
    assert_eq!(
        report["skipped_special"],
        json!({ "count": 3, "paths": expected })
    );
    assert_holds(&store.beside("notes.ovpack"), &["a.md", "sub", "sub/b.md"]);
    set("resources/notes", 0o600);
    let refused = run_bound(&store, &skipping);
    assert_eq!(refused.code, Some(1), "the root: {refused:?}");
    for (path, mode) in [
        ("resources/notes", 0o755),
        ("resources/notes/closed", 0o755),
        ("resources/notes/unsearchable", 0o755),
    ] {
        set(path, mode);
    }
}

#[test]
fn another_mount_is_refused_or_skipped() {
    let store = notes();
    store.write("resources/notes/mounted/hidden.md", b"x");
    let mount = store.at("resources/notes/mounted");
    // In a mount namespace of its own, so that nothing is left of it.
    let run = |arguments: &[&str]| {
        let plain = store.command(arguments);
        let mut mounted = Command::new("unshare");
        let script = format!("mount -t tmpfs none '{mount}' && exec \"$0\" \"$@\"");
        mounted.args(["--map-root-user", "--mount", "sh", "-c", &script]);
        mounted.arg(plain.get_program()).args(plain.get_args());
        mounted.current_dir(plain.get_current_dir().unwrap());
        output(mounted)
    };
    if run(&["ls"]).code != Some(0) {
        eprintln!("this system lets nobody mount; not tested");
        return;
    }
    let words = ["--json", "export", "resources/notes", "notes"];
    let refused = run(&words);
    assert_eq!(refused.json()["error"]["reason"], "other-device");
    let report = run(&[&words[..], &["--skip-special"]].concat()).result();
    let expected = json!({ "path": mount.as_str(), "why": "it lies on another mount" });
    assert_eq!(report["skipped_special"]["paths"], json!([expected]));
    assert_holds(&store.beside("notes.ovpack"), &["a.md", "sub", "sub/b.md"]);
    let words = ["--json", "export", "resources/notes/mounted", "m"];
    let root = run(&[&words[..], &["--skip-special"]].concat());
    assert_eq!(root.json()["error"]["reason"], "other-device", "{root:?}");
}

#[test]
fn a_kernel_without_openat2_does_the_same() {
    let store = notes();
    let deep = vec!["d"; 300].join("/");
    let pack = PackBuilder::of("viking://resources/deep")
        .directory("")
        .file(&format!("{deep}/a.md"), "a")
        .write(&store.beside("deep.ovpack"));
    let before = store.live_tree();
    symlink(store.beside("outside"), store.at("user")).unwrap();
    std::fs::create_dir(store.beside("outside")).unwrap();
    without_openat2(|| {
        let receipt = store.import(&pack, "viking://resources/notes/sub");
        let at = store.at(&format!("resources/notes/sub/deep/{deep}/a.md"));
        assert_eq!(std::fs::read(at).unwrap(), b"a");
        let report = store.export("resources/notes", "again").unwrap();
        assert_eq!(report.files, 3);
        verify(&report.file, &VerifyOptions::default()).unwrap();
        assert_eq!(store.status().files, 3);
        store.rollback(receipt.transaction).unwrap();
        let user = PackBuilder::of("viking://user/a/b")
            .directory("")
            .file("a.md", "a")
            .write(&store.beside("user.ovpack"));
        let result = store.import_with(&user, "viking://user/a", OnConflict::Overwrite);
        assert_fails(result, "symlink-on-path", 4);
        let result = store.export("user/a", "user");
        assert_fails(result, "symlink-on-path", 4);
        let result = store.open().list(&uri("viking://user/a"));
        assert_fails(result, "symlink-on-path", 4);
    });
    std::fs::remove_file(store.at("user")).unwrap();
    let content = crate::support::content;
    assert_same(&content(&store.live_tree()), &content(&before), "all");
    assert!(tree(&store.beside("outside")).is_empty());
}

#[test]
fn modes_are_neither_the_packs_nor_the_callers() {
    let store = TestStore::fresh();
    let pack = PackBuilder::of("viking://resources/notes")
        .directory("")
        .file("sub/a.md", "a")
        .zip(|zip| {
            for member in &mut zip.members {
                let is_directory = member.central.name.ends_with(b"/");
                let kind = if is_directory { 0o040_000 } else { 0o100_000 };
                member.attributes = (kind | 0o7777) << 16;
            }
        })
        .write(&store.beside("notes.ovpack"));
    let plain = store.command(["import", pack.as_str(), "resources"]);
    let mut masked = Command::new("sh");
    masked.args(["-c", "umask 077; exec \"$0\" \"$@\""]);
    masked.arg(plain.get_program()).args(plain.get_args());
    let done = output(masked);
    assert_eq!(done.code, Some(0), "{done:?}");
    let modes: Vec<_> = store.live_tree().into_values().map(|n| n.mode).collect();
    assert_eq!(modes, [0o755, 0o755, 0o755, 0o644]);
}

#[test]
fn no_act_follows_a_link_at_a_root_or_on_the_way_to_it() {
    let store = notes();
    let outside = store.beside("outside");
    std::fs::create_dir_all(outside.join("notes/deep")).unwrap();
    std::fs::write(outside.join("notes/secret.md"), "secret").unwrap();
    std::fs::create_dir(store.at("resources/real")).unwrap();
    symlink(outside.join("notes"), store.at("resources/real/notes")).unwrap();
    symlink(&outside, store.at("resources/way")).unwrap();
    symlink("a.md", store.at("resources/notes/link.md")).unwrap();
    let before = (store.live_tree(), tree(&outside));
    let pack = PackBuilder::of("viking://resources/notes")
        .directory("")
        .file("secret.md", "new")
        .write(&store.beside("notes.ovpack"));
    for policy in [OnConflict::Fail, OnConflict::Overwrite, OnConflict::Skip] {
        for (parent, codes) in [
            // The target itself is the link.
            (
                "viking://resources/real",
                ["root-not-directory", "symlink-on-path"],
            ),
            (
                "viking://resources/way",
                ["symlink-on-path", "symlink-on-path"],
            ),
            (
                "viking://resources/way/notes",
                ["symlink-on-path", "symlink-on-path"],
            ),
        ] {
            let error = store.import_with(&pack, parent, policy).unwrap_err();
            assert_eq!(error.kind().exit_code(), 4, "{parent}: {error:?}");
            assert!(codes.contains(&error.code()), "{parent}: {error:?}");
        }
    }
    for at in ["real/notes", "real/notes/deep", "way", "way/notes"] {
        let at = format!("resources/{at}");
        assert_fails(store.export(&at, "out"), "symlink-on-path", 4);
        let listed = store.run(["--json", "ls", &at]);
        if listed.code == Some(0) {
            // The link itself may be shown, as one line that says what it is.
            let entries = listed.result()["entries"].clone();
            assert_eq!(entries.as_array().unwrap().len(), 1, "{at}: {entries}");
            assert_eq!(entries[0]["kind"], "symbolic link", "{at}");
        } else {
            assert_eq!(listed.json()["error"]["reason"], "symlink-on-path", "{at}");
        }
        let file = format!("{at}/secret.md");
        let read = store.run(["--json", "cat", &file]);
        assert_eq!(read.json()["error"]["reason"], "symlink-on-path", "{file}");
    }
    let read = store.run(["cat", "resources/notes/link.md"]);
    assert_eq!((read.code, read.stdout.as_str()), (Some(2), ""), "{read:?}");

    let backup = PackBuilder::backup(&["user"])
        .file("user/me/a.md", "a")
        .write(&store.beside("backup.ovpack"));
    symlink(&outside, store.at("user")).unwrap();
    for policy in [OnConflict::Fail, OnConflict::Overwrite, OnConflict::Skip] {
        let error = store.restore_with(&backup, policy).unwrap_err();
        assert_eq!(error.kind().exit_code(), 4, "{error:?}");
    }
    std::fs::remove_file(store.at("user")).unwrap();
    let after = (store.live_tree(), tree(&outside));
    assert_same(&after.0, &before.0, "the live tree");
    assert_same(&after.1, &before.1, "what the links point to");
}
