use super::*;

fn policy(text: &str) -> Policy {
    Policy {
        name: "test.sql".to_owned(),
        path: "test.sql".into(),
        text: text.to_owned(),
    }
}

fn staging() -> Staging {
    let staging = Staging::make(None).expect("made");
    let rows = "INSERT INTO manifest (one, zip_root, kind, format_version, layout, layout_versions, root_name, root_uri,
                  root_scope, has_scopes, content_sha256, uri_scope, uri_leaf, uri_depth)
                VALUES (1, 'a', 'k', 2, 'v2', '2', 'a', 'viking://resources/a', 'resources', 0, x'00', 'resources', 'a', 2);
                INSERT INTO manifest_entry (path, kind, bytes, sha256) VALUES
                  ('', 'directory', NULL, NULL), ('b.md', 'file', 3, x'0AFF');
                INSERT INTO policy_fact VALUES (1, 'flat', 'subtree', 99);";
    staging.connection().execute_batch(rows).expect("staged");
    staging
}

fn ask(text: &str) -> Result<Vec<String>> {
    let policies = Policies {
        all: vec![policy(text)],
    };
    let report = policies.ask(&mut staging(), &Control::default())?;
    Ok(report.findings.iter().map(ToString::to_string).collect())
}

fn fault(text: &str) -> String {
    match ask(text) {
        Err(Error::PolicyFailed { detail, .. }) => detail,
        other => panic!("{text} was asked: {other:?}"),
    }
}

#[test]
fn each_row_is_a_finding_with_its_path_and_its_other_columns() {
    let found = ask(
        "SELECT bytes, path, sha256, NULL AS x FROM policy_entries WHERE kind = 'file';
                     -- and another query
                     SELECT root_uri FROM policy_pack",
    );
    assert_eq!(
        found.expect("asked"),
        [
            "b.md: policy test.sql forbids it: bytes 3, sha256 0aff, x null",
            "policy test.sql forbids it: root_uri viking://resources/a",
        ]
    );
    let found = ask("SELECT path, uri FROM policy_entries").expect("asked");
    assert_eq!(
        found,
        [
            "policy test.sql forbids it: uri viking://resources/a",
            "b.md: policy test.sql forbids it: uri viking://resources/a/b.md",
        ]
    );
    assert_eq!(ask("SELECT 1 FROM policy_changes").expect("asked"), [""; 0]);
    assert_eq!(
        ask("SELECT 1 FROM policy_entries GROUP BY kind HAVING count(*) > 1").expect("asked"),
        [""; 0]
    );
    let found = ask("SELECT value FROM json_each('[7]')").expect("asked");
    assert_eq!(found, ["policy test.sql forbids it: value 7"]);
}

#[test]
fn nothing_but_queries_over_the_views_can_be_asked() {
    for text in [
        "SELECT path FROM member",
        "SELECT name FROM sqlite_schema",
        "SELECT * FROM plan_change",
        "SELECT * FROM pragma_database_list",
        "PRAGMA user_version",
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'other.db'",
        "CREATE TEMP TABLE t (x)",
        "CREATE TEMP VIEW policy_x AS SELECT 1",
        "DELETE FROM member",
        "INSERT INTO finding VALUES ('a', 'b', 'c') RETURNING 1",
        "UPDATE manifest SET kind = 'x' RETURNING 1",
        "COMMIT",
        "SAVEPOINT a",
        "SELECT load_extension('x')",
        "SELECT LOAD_EXTENSION('x')",
        "EXPLAIN SELECT 1",
        "ANALYZE",
    ] {
        let told = fault(text);
        assert!(!told.is_empty(), "{text}");
    }
}

#[test]
fn what_would_never_find_anything_is_refused() {
    assert_eq!(fault(""), "it holds no query");
    assert_eq!(fault("-- nothing\n;;"), "it holds no query");
    assert_eq!(
        fault("SELECT 1 FROM policy_entries WHERE bytes > ?1"),
        "it has parameters, which nobody fills in"
    );
    assert!(fault("SELECT path FROM policy_entries WHERE \"byte\" > 5").contains("no such column"));
    assert!(fault("SELECT 1 WHERE 0; SELEKT").contains("syntax error"));
    assert!(fault("SELECT abs(-9223372036854775808)").contains("overflow"));
    assert!(fault("SELECT zeroblob(2000000)").contains("too big"));
}

#[test]
fn a_policy_without_an_end_is_stopped() {
    let endless =
        "WITH RECURSIVE n (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n";
    let mut staging = staging();
    let mut report = CheckReport::default();
    let asked = Sandbox::enter(&mut staging, &Control::default(), 50)
        .expect("entered")
        .ask(&policy(endless), &mut report);
    assert!(
        matches!(&asked, Err(Error::PolicyFailed { detail, .. }) if detail.contains("longer")),
        "{asked:?}"
    );
    let control = Control {
        interrupt: Some(Arc::new(AtomicBool::new(true))),
        ..Control::default()
    };
    let policies = Policies {
        all: vec![policy(endless)],
    };
    let asked = policies.ask(&mut staging, &control);
    assert!(matches!(asked, Err(Error::Interrupted)), "{asked:?}");
}

#[test]
fn after_a_policy_everything_can_be_done_again() {
    let mut staging = staging();
    let policies = Policies {
        all: vec![policy("SELECT 1 WHERE 0")],
    };
    let report = policies
        .ask(&mut staging, &Control::default())
        .expect("asked");
    assert!(report.is_empty());
    let connection = staging.connection();
    connection
        .execute(
            "INSERT INTO finding VALUES ('a', 'b', zeroblob(2000000))",
            [],
        )
        .expect_err("a blob is no text");
    connection
        .execute(
            "INSERT INTO finding VALUES ('a', 'b', hex(zeroblob(2000000)))",
            [],
        )
        .expect("no limit, no authorizer");
}

#[test]
fn the_docs_tell_every_column_of_every_view() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/policies.md");
    let docs = std::fs::read_to_string(docs).expect("it is there");
    let staging = staging();
    for view in VIEWS {
        let query = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
        let mut statement = staging.connection().prepare(query).expect("prepared");
        let columns: Vec<String> = statement
            .query_map([view], |row| row.get(0))
            .expect("asked")
            .collect::<rusqlite::Result<_>>()
            .expect("read");
        let heading = format!("| column of `{view}` | is |");
        let table = docs.split(&heading).nth(1).expect("a table");
        let documented: Vec<&str> = table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .filter_map(|line| line.split('|').nth(1))
            .flat_map(|cell| cell.split(','))
            .map(|name| name.trim().trim_matches('`'))
            .collect();
        assert_eq!(documented, columns, "{view}");
    }
}
