//! What is not packed, and what is left where packing does not succeed.

use super::*;

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
        (&|| Ok(()), None),
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
        (&moved, None),
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
        (&|| Ok(()), None),
    );
    assert!(matches!(packed, Err(Error::Interrupted)));
    assert!(!fixture.out("x.ovpack").exists());
}
