//! Packs that OpenViking itself wrote: in and out again without a difference.

use std::collections::BTreeMap;
use std::io::Read as _;

use ovpack::{
    ChangeCounts, Layout, OnConflict, OpenOptions, Receipt, Store, VerifyOptions, inspect, verify,
};

use crate::support::test_store::{get, put};
use crate::support::{
    Content, Fixture, TestStore, assert_same, below, content, fixtures, path_of, scratch, tree,
};

/// Puts a fixture where its sidecar says.
#[track_caller]
fn bring_in(store: &TestStore, fixture: &Fixture) -> Receipt {
    let receipt = match &fixture.parent {
        Some(parent) => store.import_with(&fixture.pack, parent, OnConflict::Fail),
        None => store.restore_with(&fixture.pack, OnConflict::Fail),
    };
    receipt.unwrap_or_else(|error| panic!("{}: {error:?}", fixture.name))
}

/// Packs again what [`bring_in`] put in place, in the same layout.
fn pack_again(store: &TestStore, fixture: &Fixture, name: &str) -> ovpack::ExportReport {
    let target = format!("viking://{}", fixture.target());
    let report = store.pack_in(fixture.layout, &target, name);
    report.unwrap_or_else(|error| panic!("{}: {error:?}", fixture.name))
}

fn readable() -> impl Iterator<Item = Fixture> {
    fixtures().into_iter().filter(|fixture| fixture.ok)
}

/// The expected tree with the root and the directories above it.
fn expected_live(fixture: &Fixture) -> BTreeMap<String, Content> {
    let target = fixture.target();
    let mut expected = BTreeMap::new();
    if target.is_empty() {
        return fixture.expected.clone();
    }
    for (end, _) in target.match_indices('/') {
        expected.insert(target[..end].to_owned(), Content::Directory);
    }
    for (path, content) in &fixture.expected {
        expected.insert(format!("{target}/{path}"), content.clone());
    }
    expected.insert(target, Content::Directory);
    expected
}

#[test]
fn every_pack_of_openviking_becomes_exactly_its_tree() {
    for fixture in readable() {
        let store = TestStore::fresh();
        bring_in(&store, &fixture);
        let live = store.live_tree();
        assert_same(&content(&live), &expected_live(&fixture), &fixture.name);
        for (path, node) in &live {
            let mode = if node.content == Content::Directory {
                0o755
            } else {
                0o644
            };
            assert_eq!(node.mode, mode, "{}: {path}", fixture.name);
        }
    }
}

#[test]
fn an_import_says_how_much_it_put_in_place() {
    for fixture in readable() {
        let store = TestStore::fresh();
        let receipt = bring_in(&store, &fixture);
        let sizes: Vec<u64> = fixture.expected.values().filter_map(size_of).collect();
        assert_eq!(
            (
                receipt.files,
                receipt.bytes,
                receipt.generation,
                receipt.skipped,
                receipt.dry_run
            ),
            (sizes.len() as u64, sizes.iter().sum(), 1, false, false),
            "{}",
            fixture.name
        );
        assert_eq!(receipt.undoes, None);
        assert_eq!(receipt.plan, None);
        let uri = match fixture.target() {
            target if target.is_empty() => "viking://".to_owned(),
            target => format!("viking://{target}"),
        };
        assert_eq!(receipt.uri.to_string(), uri);
        let ChangeCounts {
            added,
            replaced,
            unchanged,
            removed,
        } = receipt.changes;
        assert_eq!(
            (replaced, unchanged, removed),
            (0, 0, 0),
            "{}",
            fixture.name
        );
        assert!(
            added >= fixture.expected.len() as u64,
            "{}: {added}",
            fixture.name
        );
        assert_eq!(store.log()[0].transaction, receipt.transaction.unwrap());
    }
}

fn size_of(content: &Content) -> Option<u64> {
    match content {
        Content::File { size, .. } => Some(*size),
        Content::Directory | Content::Other(_) => None,
    }
}

#[test]
fn a_pack_that_its_own_producer_cannot_read_is_refused_and_nothing_is_written() {
    let refused: Vec<_> = fixtures()
        .into_iter()
        .filter(|fixture| !fixture.ok)
        .collect();
    assert_eq!(refused.len(), 3);
    for fixture in refused {
        let store = TestStore::fresh();
        let parent = fixture.parent.clone().unwrap();
        let error = store
            .import_with(&fixture.pack, &parent, OnConflict::Overwrite)
            .unwrap_err();
        assert_eq!(error.kind().exit_code(), 10, "{}: {error:?}", fixture.name);
        assert_same(&store.live_tree(), &BTreeMap::new(), &fixture.name);
        let whole = content(&store.whole());
        assert_same(
            &below(&whole, ".ovpack/slots"),
            &empty_directory(),
            &fixture.name,
        );
        let error = verify(&fixture.pack, &VerifyOptions::default()).unwrap_err();
        assert_eq!(error.kind().exit_code(), 10, "{}: {error:?}", fixture.name);
    }
}

fn empty_directory() -> BTreeMap<String, Content> {
    BTreeMap::from([(String::new(), Content::Directory)])
}

#[test]
fn a_pack_tells_what_it_holds_without_a_store() {
    for fixture in readable() {
        let report = verify(&fixture.pack, &VerifyOptions::default()).unwrap();
        let files = fixture.expected.values().filter_map(size_of).count() as u64;
        let directories = fixture.expected.len() as u64 - files + 1;
        assert_eq!(
            (
                report.content_sha256.to_string(),
                report.files,
                report.directories
            ),
            (fixture.content_sha256.clone(), files, directories),
            "{}",
            fixture.name
        );
        assert_eq!(
            (report.uri.as_str(), report.root.as_str()),
            (&*fixture.root_uri, &*fixture.leaf)
        );
        assert_eq!(report.layout, fixture.layout);
        assert_eq!(report.sha256, ovpack::Digest::of(&get(&fixture.pack)));
        let shown = inspect(&fixture.pack, &VerifyOptions::default()).unwrap();
        let entries: BTreeMap<_, _> = shown
            .entries
            .iter()
            .filter(|entry| !entry.path.is_empty())
            .map(|entry| {
                let content = match entry.sha256 {
                    Some(sha256) => Content::File {
                        size: entry.size,
                        sha256,
                    },
                    None => Content::Directory,
                };
                (entry.path.clone(), content)
            })
            .collect();
        assert_same(&entries, &fixture.expected, &fixture.name);
    }
}

#[test]
fn what_is_packed_again_has_the_content_digest_of_the_pack_that_it_came_from() {
    for fixture in readable() {
        let store = TestStore::fresh();
        bring_in(&store, &fixture);
        let report = pack_again(&store, &fixture, "again.ovpack");
        assert_eq!(
            report.content_sha256.to_string(),
            fixture.content_sha256,
            "{}",
            fixture.name
        );
        assert_eq!(report.left_out, Vec::<String>::new());
        assert_eq!(report.sha256, ovpack::Digest::of(&get(&report.file)));
        assert_eq!(report.pack_bytes, get(&report.file).len() as u64);
    }
}

#[test]
fn the_same_content_gives_the_same_bytes_from_whichever_store() {
    for fixture in readable() {
        let packs: Vec<_> = (0..2)
            .map(|_| {
                let store = TestStore::fresh();
                bring_in(&store, &fixture);
                let once = get(&pack_again(&store, &fixture, "once.ovpack").file);
                let twice = get(&pack_again(&store, &fixture, "twice.ovpack").file);
                assert!(once == twice, "{}: one store, two packs", fixture.name);
                once
            })
            .collect();
        assert!(
            packs[0] == packs[1],
            "{}: two stores, two packs",
            fixture.name
        );
    }
}

#[test]
fn what_we_pack_verifies_and_comes_back() {
    for fixture in readable() {
        let store = TestStore::fresh();
        bring_in(&store, &fixture);
        let report = pack_again(&store, &fixture, "again.ovpack");
        let verified = verify(&report.file, &VerifyOptions::default()).unwrap();
        assert_eq!(verified.content_sha256, report.content_sha256);
        assert_eq!(verified.sha256, report.sha256);

        let other = TestStore::fresh();
        let again = Fixture {
            pack: report.file.clone(),
            ..fixture
        };
        bring_in(&other, &again);
        assert_same(
            &content(&other.live_tree()),
            &expected_live(&again),
            &again.name,
        );
    }
}

/// Reads a pack with the ZIP library that OpenViking's users have: an ordinary one.
fn ordinary_listing(pack: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(pack)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (member.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

#[test]
fn an_ordinary_zip_library_reads_the_same_members_from_our_packs_as_from_theirs() {
    for fixture in readable() {
        let store = TestStore::fresh();
        bring_in(&store, &fixture);
        let report = pack_again(&store, &fixture, "again.ovpack");
        let mut ours = ordinary_listing(&get(&report.file));
        let mut theirs = ordinary_listing(&get(&fixture.pack));
        for listing in [&mut ours, &mut theirs] {
            let manifest = if fixture.layout == Layout::V2Flat {
                "_._ovpack_manifest.json"
            } else {
                "_ovpack/manifest.json"
            };
            let name = format!("{}/{manifest}", fixture.leaf);
            assert!(listing.remove(&name).is_some(), "{}", fixture.name);
            // Records that no file tells of, and vectors, are not in a store.
            let records = format!("{}/_ovpack/index_records.jsonl", fixture.leaf);
            let is_there = listing.remove(&records).is_some();
            assert_eq!(is_there, fixture.layout != Layout::V2Flat);
            listing.remove(&format!("{}/_ovpack/dense.f32", fixture.leaf));
        }
        let same = ours.iter().eq(theirs.iter());
        assert!(
            same,
            "{}: {:?} and {:?}",
            fixture.name,
            ours.keys(),
            theirs.keys()
        );
    }
}

/// Names that file systems and ZIP tools like to get wrong.
fn odd_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "文档/说明.md",
        "文档/日本語 ファイル.txt",
        "한국어.txt",
        "emoji 🎉👩\u{200d}👩\u{200d}👧.md",
        "caf\u{e9}.txt",
        "cafe\u{301}.txt",
        "quotes \"double\" 'single' `back`.md",
        "100%25 #?&:;<>|*!$.txt",
        "tab\there.txt",
        "new\nline.txt",
        " leading and trailing ",
        "trailing dot.",
        "-dash",
        "~tilde",
        ".hidden",
        ".config/.inner/.gitkeep",
        "..two dots",
        "...",
        "_.x",
        "__._x",
        "CON",
        "UPPER.txt",
        "upper.txt",
        "\u{7f}delete",
        "\u{202e}right to left",
        "\u{feff}mark",
        ".abstract.md",
        ".overview.md",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("长".repeat(85));
    names.push(format!("{}/leaf.txt", vec!["level"; 29].join("/")));
    names
}

#[test]
fn odd_names_empty_files_and_empty_directories_survive_the_round_trip() {
    let store = TestStore::fresh();
    for (index, name) in odd_names().iter().enumerate() {
        store.write(
            &format!("resources/odd/{name}"),
            format!("content {index}").as_bytes(),
        );
    }
    store.write("resources/odd/empty.bin", b"");
    std::fs::create_dir_all(store.at("resources/odd/empty/inner empty")).unwrap();
    std::fs::create_dir_all(store.at("resources/odd/.empty hidden")).unwrap();
    let before = content(&below(&store.live_tree(), "resources/odd"));
    assert!(
        before.keys().any(|path| path.matches('/').count() == 29),
        "thirty levels"
    );

    let report = store.export("resources/odd", "odd.ovpack").unwrap();
    verify(&report.file, &VerifyOptions::default()).unwrap();
    let other = TestStore::fresh();
    other.import(&report.file, "viking://resources");
    let after = content(&below(&other.live_tree(), "resources/odd"));
    assert_same(&after, &before, "another store");
    let again = other.export("resources/odd", "odd.ovpack").unwrap();
    assert_eq!(again.sha256, report.sha256);
}

#[test]
fn an_empty_root_and_an_empty_store_can_be_packed_and_brought_back() {
    let store = TestStore::fresh();
    std::fs::create_dir_all(store.at("resources/nothing")).unwrap();
    let root = store.export("resources/nothing", "nothing.ovpack").unwrap();
    let backup = TestStore::fresh().backup("unused.ovpack").unwrap();
    assert_eq!((root.files, root.directories), (0, 1));
    assert_eq!((backup.files, backup.directories), (0, 5));

    let other = TestStore::fresh();
    other.import(&root.file, "viking://resources");
    let expected = ["resources", "resources/nothing"];
    let live = content(&other.live_tree());
    assert_eq!(
        live.keys().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn a_backup_of_an_adopted_directory_restores_into_an_owned_store() {
    let adopted = TestStore::adopted(|path| {
        put(path, "resources/notes/a.md", b"a");
        put(path, "user/default/memories/.abstract.md", b"about me");
        put(path, "temp/upload/x", b"not content");
        put(path, "_system/queue.json", b"not content");
    });
    let backup = adopted.backup("all.ovpack").unwrap();
    let owned = TestStore::fresh();
    owned.restore_with(&backup.file, OnConflict::Fail).unwrap();
    let mut expected = content(&adopted.live_tree());
    for scope in ["agent", "session"] {
        expected.insert(scope.to_owned(), Content::Directory);
    }
    assert_same(
        &content(&owned.live_tree()),
        &expected,
        "the scopes and nothing else",
    );
}

#[test]
fn a_store_is_found_by_reopening_it() {
    let directory = scratch();
    let path = path_of(&directory).join("made/for it");
    Store::init(&path, &OpenOptions::default()).unwrap();
    let names: Vec<_> = tree(&path)
        .into_keys()
        .filter(|name| !name.contains('/'))
        .collect();
    assert_eq!(names, [".ovpack", "viking"]);
    let store = Store::open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(store.path(), path);
    assert_eq!(Store::discover(&path.join("viking")).unwrap(), path);
    let again = Store::init(&path, &OpenOptions::default()).unwrap_err();
    assert_eq!(
        (again.code(), again.kind().exit_code()),
        ("store-exists", 4)
    );
}
