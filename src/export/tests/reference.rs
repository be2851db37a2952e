//! What is written, held against packs of the reference.

use super::*;

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
        (&|| Ok(()), None),
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
