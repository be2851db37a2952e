//! Limits: each is kept exactly, by every act that reads a pack, and can be set; nothing that a
//! pack claims is allocated.

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{Digest, ImportOptions, Limits, Rule, VerifyOptions, inspect, verify};
use serde_json::json;

use crate::memory::{PEAK_KIB_MAX, run_watched};
use crate::support::pack_builder::{Member, content_sha256};
use crate::support::{
    PackBuilder, TestStore, assert_fails, assert_same, path_of, report, rules, scratch, uri,
};

fn options(change: impl FnOnce(&mut Limits)) -> VerifyOptions {
    let mut options = VerifyOptions::default();
    change(&mut options.limits);
    options
}

/// A pack whose numbers are known: 6 members, 5 entries, a path of 14 bytes and 3 components.
fn pack() -> PackBuilder {
    PackBuilder::of("viking://resources/notes")
        .directory("")
        .file("one/two/xyz.md", "a".repeat(1000))
        .file("b.md", "b")
}

type Change = fn(&mut Limits, u64);

#[test]
fn each_limit_is_kept_exactly_and_by_every_act_that_reads_a_pack() {
    let store = TestStore::fresh();
    let file = pack().write(&store.beside("notes.ovpack"));
    let facts = verify(&file, &VerifyOptions::default()).unwrap();
    assert_eq!((facts.members, facts.files, facts.directories), (6, 2, 3));
    let manifest_bytes = zip::ZipArchive::new(std::fs::File::open(&file).unwrap())
        .unwrap()
        .by_name("notes/_._ovpack_manifest.json")
        .unwrap()
        .size();
    let unpacked_bytes = manifest_bytes + facts.bytes;
    let cases: [(&str, u64, Change); 8] = [
        ("manifest-too-large", manifest_bytes, |limits, value| {
            limits.manifest_bytes = value;
        }),
        ("too-many-members", 6, |limits, value| {
            limits.members = value;
        }),
        ("name-too-long", 14, |limits, value| {
            limits.path_bytes = value;
        }),
        ("name-too-long", 6, |limits, value| {
            limits.component_bytes = value;
        }),
        ("too-deep", 3, |limits, value| limits.depth = value),
        ("too-large", unpacked_bytes, |limits, value| {
            limits.unpacked_bytes = Some(value);
        }),
        ("ratio-too-high", 1, |limits, value| {
            (limits.ratio, limits.ratio_floor_bytes) = (value, 0);
        }),
        ("ratio-too-high", unpacked_bytes, |limits, value| {
            (limits.ratio, limits.ratio_floor_bytes) = (0, value);
        }),
    ];
    let parent = uri("viking://resources");
    for (code, exact, change) in cases {
        let enough = options(|limits| change(limits, exact));
        verify(&file, &enough).unwrap_or_else(|error| panic!("{code}: {error}"));
        inspect(&file, &enough).unwrap();
        let too_low = options(|limits| change(limits, exact - 1));
        assert_fails(verify(&file, &too_low), code, 10);
        assert_fails(inspect(&file, &too_low), code, 10);
        let import = ImportOptions {
            limits: too_low.limits,
            ..ImportOptions::default()
        };
        assert_fails(store.open().import(&file, &parent, &import), code, 10);
        assert_fails(store.open().restore(&file, &import), code, 10);
    }
    assert!(store.live_tree().is_empty(), "nothing was written");
}

#[test]
fn paths_of_members_and_of_the_manifest_are_held_to_the_same_limits() {
    let directory = scratch();
    let at = path_of(&directory).join("notes.ovpack");
    let long = "x".repeat(20);
    // Only a member, only an entry, only an index record.
    let member = pack().stray(format!("notes/{long}"), b"");
    let name = long.clone();
    let entry = pack().manifest(move |manifest| {
        let entries = manifest["entries"].as_array_mut().unwrap();
        entries.push(json!({ "path": name, "kind": "directory" }));
    });
    let record = pack().records(
        &long,
        json!([{ "level": 2, "scalars": { "name": "x", "level": 2 } }]),
    );
    for (what, pack) in [("member", member), ("entry", entry), ("record", record)] {
        let file = pack.write(&at);
        for (limits, rule) in [
            (options(|limits| limits.component_bytes = 19), "component"),
            (options(|limits| limits.path_bytes = 19), "path"),
        ] {
            let error = verify(&file, &limits).unwrap_err();
            let finding = report(&error).and_then(|report| {
                let all = &report.findings;
                all.iter().find(|finding| finding.path.contains(&long))
            });
            let finding = finding.unwrap_or_else(|| panic!("{what}: {error:?}"));
            assert_eq!(finding.rule, Rule::NameTooLong, "{what}, {rule}");
            assert!(finding.detail.contains("20 bytes"), "{}", finding.detail);
            assert!(finding.detail.contains("limit is 19"), "{}", finding.detail);
        }
    }
    // Escaping makes no path longer: `.a` is 2 bytes, though its member is `_._a`.
    let dotted = PackBuilder::of("viking://resources/a").directory("");
    let file = dotted.file(".a", "").write(&at);
    verify(&file, &options(|limits| limits.component_bytes = 2)).unwrap();
    let error = verify(&file, &options(|limits| limits.component_bytes = 1)).unwrap_err();
    assert_eq!(rules(&error), [Rule::NameTooLong]);
    let findings = &report(&error).unwrap().findings;
    let paths: Vec<_> = findings.iter().map(|found| found.path.as_str()).collect();
    assert_eq!(paths, [".a", "a/_._a"]);
}

#[test]
fn the_root_is_a_component_too() {
    let directory = scratch();
    let file = pack().write(&path_of(&directory).join("notes.ovpack"));
    let error = verify(&file, &options(|limits| limits.component_bytes = 4)).unwrap_err();
    assert_fails::<()>(Err(error), "name-too-long", 10);
    let error = verify(&file, &options(|limits| limits.component_bytes = 4)).unwrap_err();
    assert!(error.to_string().contains("the root"), "{error}");
}

#[test]
fn entries_of_the_manifest_are_counted_like_members() {
    let directory = scratch();
    let pack = pack().manifest(|manifest| {
        let entries = manifest["entries"].as_array_mut().unwrap();
        let more: Vec<_> = (0..20)
            .map(|number| json!({ "path": format!("more{number}"), "kind": "directory" }))
            .collect();
        entries.extend(more);
    });
    let file = pack.write(&path_of(&directory).join("notes.ovpack"));
    let error = verify(&file, &options(|limits| limits.members = 25)).unwrap_err();
    assert_eq!(rules(&error), [Rule::DirectoryMissing], "25 are allowed");
    let error = verify(&file, &options(|limits| limits.members = 24)).unwrap_err();
    assert_eq!(rules(&error), [Rule::TooManyMembers]);
    assert!(error.to_string().contains("entries"), "{error}");
}

#[test]
fn bounds_on_paths_cannot_be_raised_above_what_the_format_allows() {
    let store = TestStore::fresh();
    let file = pack().write(&store.beside("notes.ovpack"));
    let before = store.whole();
    let cases: [(&str, Change, u64); 3] = [
        (
            "path_bytes",
            |limits, value| limits.path_bytes = value,
            Limits::PATH_BYTES_MAX,
        ),
        (
            "component_bytes",
            |limits, value| limits.component_bytes = value,
            Limits::COMPONENT_BYTES_MAX,
        ),
        (
            "depth",
            |limits, value| limits.depth = value,
            Limits::DEPTH_MAX,
        ),
    ];
    for (argument, change, most) in cases {
        verify(&file, &options(|limits| change(limits, most))).unwrap();
        let above = options(|limits| change(limits, most + 1));
        let error = assert_fails(verify(&file, &above), "invalid-argument", 2);
        assert!(error.to_string().contains(argument), "{error}");
        let import = ImportOptions {
            limits: above.limits,
            dry_run: true,
            ..ImportOptions::default()
        };
        let result = store
            .open()
            .import(&file, &uri("viking://resources"), &import);
        assert_fails(result, "invalid-argument", 2);
    }
    assert_same(&store.whole(), &before, "nothing was changed");
}

/// Runs a verb that reads a pack, with more arguments.
fn run(store: &TestStore, verb: &str, pack: &Utf8Path, more: &[&str]) -> crate::support::Output {
    let parent: &[&str] = if verb == "import" {
        &["resources"]
    } else {
        &[]
    };
    let words = [&[verb, pack.as_str()], parent, more].concat();
    store.run(words)
}

#[test]
fn every_verb_that_reads_a_pack_has_a_flag_for_each_limit_and_says_which_one_to_raise() {
    let store = TestStore::fresh();
    let file = pack().write(&store.beside("notes.ovpack"));
    let cases: [(&[&str], &str); 8] = [
        (&["--max-manifest-bytes", "100"], "manifest-too-large"),
        (&["--max-members", "5"], "too-many-members"),
        (&["--max-path-bytes", "13"], "name-too-long"),
        (&["--max-component-bytes", "5"], "name-too-long"),
        (&["--max-depth", "2"], "too-deep"),
        (&["--max-unpacked-bytes", "1KiB"], "too-large"),
        (
            &["--max-ratio", "0", "--ratio-floor-bytes", "1kB"],
            "ratio-too-high",
        ),
        (
            &["--ratio-floor-bytes", "1kB", "--max-ratio", "0"],
            "ratio-too-high",
        ),
    ];
    for verb in ["verify", "inspect", "import", "restore"] {
        for (flags, code) in cases {
            let output = run(&store, verb, &file, &[flags, &["--json"]].concat());
            assert_eq!(output.code, Some(10), "{verb} {flags:?}: {output:?}");
            let error = &output.json()["error"];
            assert_eq!(error["reason"], code, "{verb} {flags:?}");
            let help = error["help"].as_str().unwrap();
            assert!(help.contains(flags[0]), "{verb} {flags:?}: {help}");
        }
    }
    let roomy = [
        "--max-manifest-bytes=1GiB",
        "--max-members=7",
        "--max-path-bytes=4KiB",
        "--max-component-bytes=6",
        "--max-depth=3",
        "--max-unpacked-bytes=2TB",
        "--max-ratio=1000",
        "--ratio-floor-bytes=0",
    ];
    let output = run(&store, "import", &file, &roomy);
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn a_long_name_is_not_blamed_on_limits_that_nobody_lowered() {
    let store = TestStore::fresh();
    let long = format!("notes/{}", "x".repeat(256));
    let file = pack()
        .stray(&long, b"")
        .write(&store.beside("notes.ovpack"));
    let output = run(&store, "verify", &file, &["--json"]);
    let help = output.json()["error"]["help"].clone();
    assert_eq!(help, "rename the file at its source and pack it again");
}

#[test]
fn numbers_that_are_none_or_too_large_are_usage_errors_that_say_what_to_write() {
    let store = TestStore::fresh();
    for (flag, value, why) in [
        ("--max-manifest-bytes", "1.5GiB", "256MiB"),
        ("--max-unpacked-bytes", "much", "1GiB"),
        ("--ratio-floor-bytes", "99999999TiB", "64 bits"),
        ("--max-members", "many", "no whole number"),
        ("--max-depth", "2049", "lower than 2048"),
        ("--max-path-bytes", "5KiB", "lower than 4096"),
        ("--max-component-bytes", "256", "lower than 255"),
    ] {
        let argument = format!("{flag}={value}");
        let output = run(&store, "verify", Utf8Path::new("none"), &[&argument]);
        assert_eq!(output.code, Some(2), "{argument}: {output:?}");
        assert!(output.stderr.contains(flag), "{argument}: {output:?}");
        assert!(output.stderr.contains(why), "{argument}: {output:?}");
    }
}

/// Packs that claim to be larger than any memory.
fn boasters(store: &TestStore) -> Vec<(&'static str, Utf8PathBuf)> {
    let large = |member: &mut Member| {
        member.deflated();
        member.both(|header| header.size = u32::MAX - 1);
    };
    let manifest = pack().member("_._ovpack_manifest.json", large);
    let file = pack().member("b.md", large).manifest(|manifest| {
        let xyz = Digest::of("a".repeat(1000).as_bytes());
        let files = [
            ("b.md", Digest::of(b"b"), (u32::MAX - 1) as usize),
            ("one/two/xyz.md", xyz, 1000),
        ];
        let digest = content_sha256(files.into_iter()).to_string();
        manifest["content_sha256"] = json!(digest);
        manifest["entries"][4]["size"] = json!(u32::MAX - 1);
    });
    let mut counts = pack().zip(|zip| zip.is_zip64 = true).bytes();
    let record = counts
        .windows(4)
        .position(|bytes| bytes == b"PK\x06\x06")
        .unwrap();
    counts[record + 24..record + 40].copy_from_slice(&[(1_u64 << 60).to_le_bytes(); 2].concat());
    // Behind the record and its locator is the end record, which must agree.
    let end = record + 56 + 20;
    counts[end + 8..end + 12].copy_from_slice(&[0xff; 4]);
    let counted = store.beside("counts.ovpack");
    std::fs::write(&counted, counts).unwrap();
    vec![
        ("member", manifest.write(&store.beside("manifest.ovpack"))),
        ("member", file.write(&store.beside("file.ovpack"))),
        ("zip-structure", counted),
    ]
}

#[test]
fn nothing_that_a_pack_claims_is_allocated_even_where_no_limit_forbids_it() {
    let store = TestStore::fresh();
    let no_limits = [
        "--max-manifest-bytes=9000000TiB",
        "--max-members=18446744073709551615",
        "--max-ratio=18446744073709551615",
        "--ratio-floor-bytes=9000000TiB",
    ];
    for (code, pack) in boasters(&store) {
        let error = run(
            &store,
            "verify",
            &pack,
            &[&no_limits[..], &["--json"]].concat(),
        );
        let reason = error.json()["error"]["reason"].clone();
        let reason = reason.as_str().unwrap_or_default();
        assert!(reason.starts_with(code), "{pack}: {error:?}");
        let words = [&["verify", pack.as_str()], &no_limits[..]].concat();
        let watched = run_watched(store.command(words));
        assert_eq!(watched.code, Some(10), "{pack}");
        let peak_kib = watched.peak_kib;
        assert!(peak_kib <= PEAK_KIB_MAX, "{pack}: {peak_kib} KiB");
    }
}
