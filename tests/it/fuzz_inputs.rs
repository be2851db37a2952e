//! The inputs that fuzzing keeps, replayed: what covers the code, and what once broke a promise.

use std::path::Path;

use ovpack::fuzzing;

/// Each target by its name.
const TARGETS: [(&str, fn(&[u8])); 5] = [
    ("directory", fuzzing::directory),
    ("manifest", fuzzing::manifest),
    ("member_name", fuzzing::member_name),
    ("pack", fuzzing::pack),
    ("uri", fuzzing::uri),
];

#[test]
fn every_kept_input_is_refused_or_read() {
    for (name, target) in TARGETS {
        let mut replayed = 0;
        for kept in ["corpus", "regressions"] {
            for (path, bytes) in inputs(kept, name) {
                let outcome = std::panic::catch_unwind(|| target(&bytes));
                assert!(outcome.is_ok(), "{path}");
                replayed += 1;
            }
        }
        assert!(replayed > 10, "{name} has {replayed} inputs");
    }
}

#[test]
fn every_target_has_its_program() {
    let directory = fuzz().join("fuzz_targets");
    let mut programs: Vec<_> = directory.read_dir().unwrap().map(file_name).collect();
    programs.sort();
    assert_eq!(programs, TARGETS.map(|(name, _)| format!("{name}.rs")));
}

fn inputs(kept: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(list) = fuzz().join(kept).join(target).read_dir() else {
        return Vec::new();
    };
    let inputs = list.map(|entry| {
        let path = entry.unwrap().path();
        (path.display().to_string(), std::fs::read(&path).unwrap())
    });
    inputs.collect()
}

fn file_name(entry: std::io::Result<std::fs::DirEntry>) -> String {
    entry.unwrap().file_name().into_string().unwrap()
}

fn fuzz() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}
