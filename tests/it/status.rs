//! Status: live files against what the last commit left, all of them or below a URI, by stat or by
//! reading every byte.

use std::os::unix::fs::MetadataExt as _;

use camino::Utf8PathBuf;
use ovpack::{Digest, DriftReport, StatusOptions, StatusReport};
use serde_json::json;

use crate::support::{PackBuilder, TestStore, uri};

fn pack(store: &TestStore, name: &str) -> Utf8PathBuf {
    PackBuilder::of(&format!("viking://resources/{name}"))
        .file("a.md", "aaaa")
        .file("sub/b.md", "bb")
        .write(&store.beside(&format!("{name}.ovpack")))
}

fn two_roots() -> TestStore {
    let store = TestStore::fresh();
    store.import(&pack(&store, "one"), "viking://resources");
    store.import(&pack(&store, "two"), "viking://resources");
    store
}

fn status(store: &TestStore, below: &str, content: bool) -> StatusReport {
    let options = StatusOptions {
        uri: Some(uri(below)),
        content,
        ..StatusOptions::default()
    };
    store.open().status(&options).unwrap()
}

fn drift(added: &[&str], changed: &[&str], missing: &[&str]) -> DriftReport {
    let uris = |below: &[&str]| {
        let uri = |path: &&str| format!("viking://resources/{path}");
        below.iter().map(uri).collect()
    };
    DriftReport {
        added: uris(added),
        changed: uris(changed),
        missing: uris(missing),
    }
}

#[test]
fn status_below_a_uri_tells_of_nothing_else() {
    let store = two_roots();
    store.write("resources/one/a.md", b"AAAA");
    store.write("resources/two/new.md", b"n");
    std::fs::remove_file(store.at("resources/two/sub/b.md")).unwrap();
    for content in [false, true] {
        let of = |below: &str| status(&store, below, content).drift;
        assert_eq!(
            of("viking://"),
            drift(&["two/new.md"], &["one/a.md"], &["two/sub/b.md"])
        );
        assert_eq!(of("resources/one"), drift(&[], &["one/a.md"], &[]));
        assert_eq!(of("resources/one/a.md"), drift(&[], &["one/a.md"], &[]));
        assert_eq!(of("resources/one/sub"), DriftReport::default());
        assert_eq!(
            of("resources/two/sub/b.md"),
            drift(&[], &[], &["two/sub/b.md"])
        );
        assert_eq!(of("resources/nowhere"), DriftReport::default());
        assert_eq!(of("user"), DriftReport::default());
    }
    let one = status(&store, "resources/one", false);
    assert_eq!((one.files, one.bytes), (2, 6));
    assert_eq!(one.uri, uri("resources/one"));
    let all = store.status();
    assert_eq!((all.files, all.uri), (4, uri("viking://")));

    let clean = store.run(["status", "resources/one/sub", "--exit-code"]);
    assert_eq!(clean.code, Some(0), "{clean:?}");
    let drifted = store.run(["status", "resources/one", "--exit-code"]);
    assert_eq!(drifted.code, Some(4), "{drifted:?}");
    assert!(!drifted.stdout.contains("new.md"), "{drifted:?}");
}

/// Lets the cache say of every live file that it is empty, and be certain of it.
fn poison(store: &TestStore) {
    let cache = rusqlite::Connection::open(store.path.join(".ovpack/cache.db")).unwrap();
    for path in ["one/a.md", "one/sub/b.md", "two/a.md", "two/sub/b.md"] {
        let stat = std::fs::metadata(store.at(&format!("resources/{path}"))).unwrap();
        let nanoseconds = |seconds: i64, rest: i64| seconds * 1_000_000_000 + rest;
        let ctime = nanoseconds(stat.ctime(), stat.ctime_nsec());
        let row = [
            stat.ino().cast_signed(),
            stat.size().cast_signed(),
            nanoseconds(stat.mtime(), stat.mtime_nsec()),
            ctime,
            ctime + 3_000_000_000,
        ];
        let mut crc = crc32fast::Hasher::new();
        for number in row {
            crc.update(&number.to_le_bytes());
        }
        crc.update(Digest::EMPTY.as_bytes());
        let insert = "INSERT OR REPLACE INTO file_hash (inode, size_bytes, mtime_ns, ctime_ns, taken_ns, sha256, crc32)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let digest = Digest::EMPTY.as_bytes().as_slice();
        let [inode, size, mtime, ctime, taken] = row;
        let columns = rusqlite::params![inode, size, mtime, ctime, taken, digest, crc.finalize()];
        assert_eq!(cache.execute(insert, columns), Ok(1));
    }
}

#[test]
fn status_reads_no_byte_that_a_stat_answers_for_and_every_byte_when_told() {
    let store = two_roots();
    poison(&store);
    let by_stat = store.status();
    assert_eq!(by_stat.content, "by stat");
    assert_eq!(by_stat.drift.changed.len(), 4, "the cache was believed");
    let read = status(&store, "viking://", true);
    assert_eq!((read.content, read.drift), ("read", DriftReport::default()));

    let json = store.run(["--json", "status", "--content"]).result();
    assert_eq!(
        (&json["content"], &json["uri"]),
        (&json!("read"), &json!("viking://"))
    );
    let output = store.run(["status", "--content"]);
    assert!(
        output
            .stdout
            .ends_with("drift        none (every byte was read)\n"),
        "{output:?}"
    );
    let output = store.run(["status"]);
    assert!(
        output
            .stdout
            .contains("(by stat; --content reads every byte)"),
        "{output:?}"
    );
}
