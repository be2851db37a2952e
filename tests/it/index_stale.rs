//! Records whose content was changed beside them: by hand, by a merge of one text, by a rollback of one
//! path. The next commit takes them in; none tells for ever of what is not there.

use std::collections::BTreeMap;

use ovpack::{
    Control, FindOptions, ImportOptions, IndexOptions, OnConflict, RollbackOptions, Uri, inspect,
};
use serde_json::{Value, json};

use crate::support::{PackBuilder, TestStore, uri};

/// What the journal says of a path at a level: origin, name, abstract and text.
type Told = [Option<String>; 4];

fn told(store: &TestStore) -> BTreeMap<(String, u8), Told> {
    let database = rusqlite::Connection::open(store.path.join(".ovpack/store.db")).unwrap();
    let query =
        "SELECT path, level, origin, name, abstract, text FROM audit_index WHERE NOT is_stale";
    let mut statement = database.prepare(query).unwrap();
    let rows = statement.query_map([], |row| {
        let told = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
        Ok(((row.get(0)?, row.get(1)?), told))
    });
    rows.unwrap().map(|row| row.unwrap()).collect()
}

fn said(words: [Option<&str>; 4]) -> Told {
    words.map(|word| word.map(str::to_owned))
}

fn store() -> TestStore {
    let store = TestStore::fresh();
    let settings = "[index]\nembedder = \"none\"\n";
    std::fs::write(store.path.join(".ovpack/config.toml"), settings).unwrap();
    store
}

fn pack(files: &[(&str, &str)]) -> PackBuilder {
    let empty = PackBuilder::of("viking://resources/z");
    files
        .iter()
        .fold(empty, |pack, (path, text)| pack.file(path, text))
}

fn import(store: &TestStore, pack: PackBuilder, on_conflict: OnConflict) -> ovpack::Receipt {
    let path = pack.write(&store.beside("pack.ovpack"));
    let options = ImportOptions {
        on_conflict,
        ..ImportOptions::default()
    };
    let parent = uri("viking://resources");
    store.open().import(&path, &parent, &options).unwrap()
}

#[track_caller]
fn assert_sound(store: &TestStore) {
    let opened = store.open();
    opened.refresh_index(&IndexOptions::default()).unwrap();
    let report = opened.check_index(&Uri::root(), &Control::default());
    let report = report.unwrap();
    assert_eq!((report.faults, report.total), (Vec::new(), 0));
}

/// Returns URIs and levels that a word finds.
fn hits(store: &TestStore, word: &str) -> Vec<(String, u8)> {
    let opened = store.open();
    opened.refresh_index(&IndexOptions::default()).unwrap();
    let found = opened.find(word, &FindOptions::default()).unwrap();
    let hits = found.hits.iter();
    hits.map(|hit| (hit.uri.to_string(), hit.level)).collect()
}

const OVERVIEW: (&str, u8) = ("resources/z", 1);

fn of_overview(store: &TestStore) -> Told {
    let mut told = told(store);
    let key = (OVERVIEW.0.to_owned(), OVERVIEW.1);
    told.remove(&key).expect("a record of the overview")
}

#[test]
fn what_follows_from_an_overview_has_the_abstract_that_is_there() {
    let store = store();
    let over = |abstract_text| said([Some("derived"), None, Some(abstract_text), Some("over")]);
    let both = |text| pack(&[(".abstract.md", text), (".overview.md", "over")]);
    import(&store, both("oldzebra"), OnConflict::Fail);
    assert_eq!(of_overview(&store), over("oldzebra"));
    let second = import(&store, both("newquokka"), OnConflict::Overwrite);
    assert_eq!(of_overview(&store), over("newquokka"));
    let paths = [uri("viking://resources/z/.abstract.md")];
    let second = second.transaction.unwrap();
    let reverted = store
        .open()
        .revert(second, &paths, &RollbackOptions::default());
    let reverted = reverted.unwrap();
    assert_eq!(
        of_overview(&store),
        over("oldzebra"),
        "one path rolled back"
    );
    assert_eq!(hits(&store, "newquokka"), []);
    assert_sound(&store);
    store.rollback(reverted.transaction).unwrap();
    assert_eq!(of_overview(&store), over("newquokka"), "and forth again");
    let merged = pack(&[(".abstract.md", "mergedtapir")]);
    let merge = import(&store, merged, OnConflict::Merge);
    assert_eq!(of_overview(&store), over("mergedtapir"), "merged");
    assert_eq!(hits(&store, "newquokka"), []);
    assert_sound(&store);
    store.rollback(merge.transaction).unwrap();
    assert_eq!(of_overview(&store), over("newquokka"), "unmerged");
    store.write("resources/z/.abstract.md", b"handgnu");
    import(&store, pack(&[("other", "x")]), OnConflict::Merge);
    assert_eq!(of_overview(&store), over("handgnu"), "taken in by a merge");
    assert_sound(&store);
}

#[test]
fn an_abstract_that_comes_later_is_that_of_the_overview_too() {
    let store = store();
    import(&store, pack(&[(".overview.md", "over")]), OnConflict::Fail);
    assert_eq!(of_overview(&store)[2].as_deref(), Some(""));
    let late = pack(&[(".abstract.md", "late")]);
    import(&store, late, OnConflict::Merge);
    assert_eq!(of_overview(&store)[2].as_deref(), Some("late"));
    assert_sound(&store);
}

#[test]
fn a_text_that_is_gone_is_not_found_any_more() {
    let store = store();
    let files = [(".abstract.md", "oldzebra"), (".overview.md", "over")];
    import(&store, pack(&files), OnConflict::Fail);
    std::fs::remove_file(store.path.join("viking/resources/z/.abstract.md")).unwrap();
    import(&store, pack(&[("other", "x")]), OnConflict::Merge);
    assert_eq!(hits(&store, "oldzebra"), []);
    let expected = said([Some("derived"), None, Some(""), Some("over")]);
    assert_eq!(of_overview(&store), expected);
    assert_sound(&store);
}

fn described() -> PackBuilder {
    let directory = json!([{ "level": 0, "text": "suba",
        "scalars": { "name": "subname", "abstract": "suba", "description": "subdescr" } }]);
    let file = json!([{ "level": 2, "scalars": { "name": "gname", "abstract": "gabs" } }]);
    pack(&[("g.md", "gold"), ("sub/.abstract.md", "suba")])
        .records("sub", directory)
        .records("g.md", file)
}

#[test]
fn what_a_pack_said_stays_when_a_commit_takes_in_what_was_changed_by_hand() {
    let store = store();
    import(&store, described(), OnConflict::Fail);
    store.write("resources/z/g.md", b"gnew");
    store.write("resources/z/sub/.abstract.md", b"subnew");
    import(&store, pack(&[("other", "x")]), OnConflict::Merge);
    let told = told(&store);
    let of = |path: &str, level| told[&(path.to_owned(), level)].clone();
    assert_eq!(
        of("resources/z/sub", 0),
        said([
            Some("pack"),
            Some("subname"),
            Some("subnew"),
            Some("subnew")
        ])
    );
    assert_eq!(
        of("resources/z/g.md", 2),
        said([Some("pack"), Some("gname"), Some("gabs"), None])
    );
    assert_sound(&store);
    assert_eq!(
        hits(&store, "gnew"),
        [("viking://resources/z/g.md".to_owned(), 2)]
    );
    assert_eq!(hits(&store, "suba"), []);
    store.export("viking://resources/z", "again").unwrap();
    let again = store.beside("again.ovpack");
    let again = inspect(&again, &ovpack::VerifyOptions::default()).unwrap();
    let record = again
        .index_records
        .iter()
        .find(|record| record.path == "sub");
    let scalars = &record.expect("a record").scalars;
    assert_eq!(scalars["description"], "subdescr");
    assert_eq!(scalars["abstract"], "subnew");
}

#[test]
fn a_directory_that_loses_its_text_keeps_the_rest() {
    let store = store();
    import(&store, described(), OnConflict::Fail);
    std::fs::remove_file(store.path.join("viking/resources/z/sub/.abstract.md")).unwrap();
    // What is packed before a commit is what the commit makes of it.
    let exported = || {
        store.export("viking://resources/z", "again").unwrap();
        let again = store.beside("again.ovpack");
        let again = inspect(&again, &ovpack::VerifyOptions::default()).unwrap();
        std::fs::remove_file(store.beside("again.ovpack")).unwrap();
        let mut records = again.index_records.into_iter();
        let record = records.find(|record| record.path == "sub");
        let record = record.expect("a record");
        (record.scalars, record.text)
    };
    let before = exported();
    assert_eq!(before.0["description"], "subdescr");
    assert!(!before.0.contains_key("abstract"), "{:?}", before.0);
    assert_eq!(before.1, None);
    import(&store, pack(&[("other", "x")]), OnConflict::Merge);
    assert_eq!(exported(), before);
    let record = told(&store)[&("resources/z/sub".to_owned(), 0)].clone();
    assert_eq!(record, said([Some("pack"), Some("subname"), None, None]));
    assert_eq!(hits(&store, "suba"), []);
    assert_sound(&store);
}

#[test]
fn a_check_finds_an_overview_of_another_abstract_and_sets_it_right() {
    let store = store();
    let files = [(".abstract.md", "oldzebra"), (".overview.md", "over")];
    import(&store, pack(&files), OnConflict::Fail);
    // As a version would have left it that did not look at the abstract.
    let wrong = RecordOf {
        abstract_text: "newquokka",
        text: "over",
    };
    wrong.put(&store);
    let opened = store.open();
    let report = opened
        .check_index(&Uri::root(), &Control::default())
        .unwrap();
    let faults: Vec<_> = report
        .faults
        .iter()
        .map(|fault| (fault.fault, fault.level))
        .collect();
    assert!(faults.contains(&("stale", 1)), "{faults:?}");
    let fixed = opened
        .fix_index(&Uri::root(), &IndexOptions::default())
        .unwrap();
    assert_eq!((fixed.faults, fixed.total), (Vec::new(), 0));
    assert_eq!(of_overview(&store)[2].as_deref(), Some("oldzebra"));
}

/// What follows from two texts, put in the place of the right record.
struct RecordOf {
    abstract_text: &'static str,
    text: &'static str,
}

impl RecordOf {
    fn put(&self, store: &TestStore) {
        let scalars = json!({ "abstract": self.abstract_text }).to_string();
        let canonical = json!([scalars, self.text]).to_string();
        let sha256 = ovpack::Digest::of(canonical.as_bytes());
        let database = rusqlite::Connection::open(store.path.join(".ovpack/store.db")).unwrap();
        let trigger: String = database
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE name = 'tx_index_is_written_once'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        database
            .execute_batch("DROP TRIGGER tx_index_is_written_once")
            .unwrap();
        let insert = "INSERT INTO index_record (sha256, scalars, text) VALUES (?1, ?2, ?3)";
        let row = rusqlite::params![sha256.as_bytes(), scalars, self.text];
        database.execute(insert, row).unwrap();
        let update = "UPDATE tx_index SET record_sha256 = ?1 WHERE level = 1";
        assert_eq!(database.execute(update, [sha256.as_bytes()]), Ok(1));
        database.execute_batch(&trigger).unwrap();
    }
}

#[test]
fn numbers_among_scalars_come_out_as_they_went_in() {
    let store = store();
    let numbers = json!([
        0.945_270_695_539_223,
        9_007_199_254_740_993.0,
        -2.5e-8,
        1e300,
        7,
        -7,
        u64::MAX
    ]);
    let records = json!([{ "level": 2, "scalars": { "name": "n", "tags": numbers } }]);
    let text = r#""tags":[0.9452706955539223,0.1,1.7976931348623157e308,5e-324,18446744073709551615,-9223372036854775808]"#;
    let pack = pack(&[("f", "x")])
        .records("f", records)
        .manifest_text(move |manifest| {
            let begin = manifest.find("\"tags\":").unwrap();
            let end = begin + manifest[begin..].find(']').unwrap() + 1;
            [&manifest[..begin], text, &manifest[end..]]
                .concat()
                .into_bytes()
        });
    import(&store, pack, OnConflict::Fail);
    store.export("viking://resources/z", "again").unwrap();
    let again = inspect(
        &store.beside("again.ovpack"),
        &ovpack::VerifyOptions::default(),
    )
    .unwrap();
    let record = again
        .index_records
        .iter()
        .find(|record| record.path == "f")
        .unwrap();
    let expected: Value = serde_json::from_str(&["{", text, "}"].concat()).unwrap();
    assert_eq!(record.scalars["tags"], expected["tags"]);
    let first = record.scalars["tags"][0].to_string();
    assert_eq!(first, "0.9452706955539223");
}
