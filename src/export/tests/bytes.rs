//! The bytes of what is written.

use super::*;

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
