//! `ovpack serve`: what OpenViking's clients ask for, the journal, and the server's end.

use std::fs::File;
use std::io::{BufRead as _, Read as _, Write as _};
use std::net::Shutdown;
use std::thread;

use camino::Utf8Path;
use ovpack::{Layout, VerifyOptions};
use serde_json::{Value, json};

use crate::support::serving::{Serving, read_reply, reply_if_any};
use crate::support::test_store::put;
use crate::support::{PackBuilder, TestStore, below, content, fixture};

/// Returns a small pack that goes to `viking://resources/demo`.
fn demo(text: &str) -> PackBuilder {
    PackBuilder::of("viking://resources/demo").file("a.md", text)
}

fn built(store: &TestStore, pack: PackBuilder) -> camino::Utf8PathBuf {
    pack.write(&store.beside("demo.ovpack"))
}

/// Holds the store's lock as another process does.
fn held(store: &TestStore) -> File {
    let lock = store.path.join(".ovpack/lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(lock)
        .unwrap();
    file.lock().unwrap();
    file
}

fn waiting_files(store: &TestStore) -> Vec<String> {
    let all = store.path.join(".ovpack/uploads").read_dir_utf8().unwrap();
    let names = all.map(|entry| entry.unwrap().file_name().to_owned());
    names.filter(|name| name != "lock").collect()
}

fn saved(store: &TestStore, name: &str, bytes: &[u8]) -> camino::Utf8PathBuf {
    let path = store.beside(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_pack_goes_in_and_comes_out_as_the_clients_ask_for_it() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let click = fixture("resources-click");
    let receipt = server
        .import(&click.pack, "viking://resources", "fail")
        .result();
    assert_eq!(receipt["uri"], "viking://resources/click");
    assert_eq!(
        (&receipt["transaction"], &receipt["skipped"]),
        (&json!("tx1"), &json!(false))
    );

    // As typed: short forms occur.
    let body = json!({ "uri": "resources/click", "include_vectors": false });
    let export = server.post("/api/v1/pack/export?profile=0", &body);
    assert_eq!(export.status, 200, "{}", export.text());
    assert_eq!(
        export.header("content-disposition"),
        "attachment; filename=\"click.ovpack\"; filename*=UTF-8''click.ovpack"
    );
    let pack = saved(&store, "click.ovpack", &export.body);
    let verified = ovpack::verify(&pack, &VerifyOptions::default()).unwrap();
    assert_eq!(verified.content_sha256.to_string(), click.content_sha256);
    assert_eq!(
        export.header("x-ovpack-sha256"),
        verified.sha256.to_string()
    );

    let backup = server.post("/api/v1/pack/backup", &json!({}));
    assert_eq!(backup.status, 200);
    let pack = saved(&store, "backup.ovpack", &backup.body);
    let other = TestStore::fresh();
    let second = Serving::start(&other);
    let id = second.upload(&pack);
    let body = json!({ "temp_file_id": id, "on_conflict": "fail", "vector_mode": "auto" });
    let restored = second.post("/api/v1/pack/restore", &body).result();
    assert_eq!(restored["uri"], "viking://");
    assert_eq!(
        content(&below(&other.live_tree(), "resources")),
        content(&below(&store.live_tree(), "resources"))
    );
    assert_eq!(waiting_files(&store), Vec::<String>::new());
    assert_eq!(waiting_files(&other), Vec::<String>::new());
}

#[test]
fn each_policy_does_what_it_says_and_a_conflict_names_the_resource() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let old = built(&store, demo("old"));
    server.import(&old, "viking://resources", "fail").result();
    let new = demo("new")
        .file("b.md", "more")
        .write(&store.beside("new.ovpack"));

    let error =
        server
            .import(&new, "viking://resources", "fail")
            .refused(409, "CONFLICT", "root-exists");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("new.ovpack is refused: "), "{message}");
    assert!(message.contains("viking://resources/demo"), "{message}");

    let skipped = server.import(&new, "viking://resources", "skip").result();
    assert_eq!(
        (
            &skipped["skipped"],
            &skipped["transaction"],
            &skipped["uri"]
        ),
        (
            &json!(true),
            &Value::Null,
            &json!("viking://resources/demo")
        )
    );
    assert_eq!(
        std::fs::read_to_string(store.at("resources/demo/a.md")).unwrap(),
        "old"
    );
    let merged = server.import(&new, "viking://resources", "merge").result();
    assert_eq!(merged["changes"]["added"], 1);
    let overwritten = server
        .import(&old, "viking://resources", "overwrite")
        .result();
    assert_eq!(overwritten["changes"]["removed"], 1);
    server.import(&new, "viking://resources", "force").refused(
        400,
        "INVALID_ARGUMENT",
        "invalid-argument",
    );
}

#[test]
fn a_pack_that_is_refused_says_why_and_how_else() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let backup = fixture("backup-full");
    server
        .import(&backup.pack, "viking://resources", "fail")
        .refused(400, "INVALID_ARGUMENT", "backup-needs-restore");
    let id = server.upload(&fixture("resources-click").pack);
    server
        .post("/api/v1/pack/restore", &json!({ "temp_file_id": id }))
        .refused(400, "INVALID_ARGUMENT", "restore-needs-backup");
    let id = server.upload_bytes("x.ovpack", b"no pack").result()["temp_file_id"].clone();
    let body = json!({ "temp_file_id": id, "parent": "viking://resources" });
    let error = server.post("/api/v1/pack/import", &body).refused(
        400,
        "INVALID_ARGUMENT",
        "zip-end-record",
    );
    assert!(!error.to_string().contains("uploads"), "{error}");
    server
        .post(
            "/api/v1/pack/export",
            &json!({ "uri": "viking://resources/none" }),
        )
        .refused(404, "NOT_FOUND", "uri-not-found");
    assert_eq!(store.live_tree().len(), 0, "nothing went live");
}

#[test]
fn what_is_not_known_is_refused_by_name_and_what_newer_clients_send_is_not() {
    let store = TestStore::fresh();
    store.write("resources/demo/a.md", b"x");
    let server = Serving::start(&store);
    let export = |body: &Value| server.post("/api/v1/pack/export", body);
    for (body, says) in [
        (json!({ "uri": "resources/demo", "force": true }), "`force`"),
        (json!({}), "`uri`"),
        (json!({ "uri": 1 }), "invalid type"),
        (json!([]), "invalid"),
        (
            json!({ "uri": "resources/demo", "include_vectors": true }),
            "include_vectors is `true`",
        ),
    ] {
        let error = export(&body).refused(400, "INVALID_ARGUMENT", "bad-request");
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
    }
    for (query, says) in [("?profile=1", "profile is `1`"), ("?x=1", "`x`")] {
        let path = format!("/api/v1/pack/backup{query}");
        let error = server
            .post(&path, &json!({}))
            .refused(400, "INVALID_ARGUMENT", "bad-request");
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
    }
    let id = server.upload(&built(&store, demo("x")));
    let import = |extra: &str, value: Value| {
        let mut body = json!({ "temp_file_id": id, "parent": "viking://resources/new" });
        body[extra] = value;
        server.post("/api/v1/pack/import", &body)
    };
    import("vector_mode", json!("require")).refused(400, "INVALID_ARGUMENT", "bad-request");
    import("vectorize", json!(true)).refused(400, "INVALID_ARGUMENT", "bad-request");
    // Neither of them used the upload.
    import("vector_mode", json!("recompute")).result();
    server
        .get("/api/v1/nothing")
        .refused(404, "NOT_FOUND", "no-route");
    server
        .get("/api/v1/pack/export")
        .refused(405, "INVALID_ARGUMENT", "method-not-allowed");
    let headers = [("Content-Type", "text/plain")];
    server
        .send("POST", "/api/v1/pack/backup", &headers, b"{}")
        .refused(415, "INVALID_ARGUMENT", "content-type");
}

#[test]
fn the_journal_keeps_who_asked_and_what_the_pack_is_called() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let id = server.upload(&built(&store, demo("x")));
    let body = json!({ "temp_file_id": id, "parent": "viking://resources" });
    let headers = [
        ("X-OpenViking-Account", "acme"),
        ("X-OpenViking-User", "ann"),
        ("X-Other", "not kept"),
    ];
    let reply = server.post_with("/api/v1/pack/import", &headers, &body);
    reply.result();
    let shown = server.get("/api/v1/journal/transactions/tx1").result();
    assert_eq!(
        (&shown["user"], &shown["pack"]),
        (&json!("anonymous"), &json!("demo.ovpack"))
    );
    let argv: Vec<_> = shown["argv"].as_array().unwrap().iter().collect();
    let request = format!("request: {}", reply.header("x-request-id"));
    assert_eq!(
        argv,
        [
            "serve",
            "POST /api/v1/pack/import",
            "x-openviking-account: acme",
            "x-openviking-user: ann",
            "peer: 127.0.0.1",
            &request
        ]
    );
}

#[test]
fn the_journal_is_listed_page_by_page_and_verified() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let pack = built(&store, demo("x").file("b/c.md", "y"));
    for parent in [
        "viking://resources/1",
        "viking://resources/2",
        "viking://resources/3",
    ] {
        server.import(&pack, parent, "fail").result();
    }
    let list = "/api/v1/journal/transactions";
    let page = server.get(&format!("{list}?limit=2")).result();
    let ids = |page: &Value| -> Vec<String> {
        let all = page["transactions"].as_array().unwrap().iter();
        all.map(|one| one["transaction"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        (ids(&page), &page["cursor"]),
        (vec!["tx3".to_owned(), "tx2".to_owned()], &json!("tx2"))
    );
    let page = server.get(&format!("{list}?limit=2&cursor=tx2")).result();
    assert_eq!(
        (ids(&page), &page["cursor"]),
        (vec!["tx1".to_owned()], &Value::Null)
    );
    let page = server
        .get(&format!("{list}?path=viking%3A%2F%2Fresources%2F2"))
        .result();
    assert_eq!(ids(&page), ["tx2"]);
    assert_eq!(
        ids(&server.get(&format!("{list}?outcome=aborted")).result()),
        Vec::<String>::new()
    );
    for wrong in [
        "limit=0",
        "limit=1001",
        "outcome=x",
        "kind=x",
        "since=x",
        "cursor=x",
        "uri=temp",
    ] {
        assert_eq!(
            server.get(&format!("{list}?{wrong}")).status,
            400,
            "{wrong}"
        );
    }

    let changes = format!("{list}/tx1/changes");
    let page = server.get(&format!("{changes}?limit=2")).result();
    assert_eq!(
        (page["changes"].as_array().unwrap().len(), &page["cursor"]),
        (2, &json!(2))
    );
    let rest = server.get(&format!("{changes}?cursor=2")).result();
    let uris: Vec<_> = [page, rest]
        .iter()
        .flat_map(|page| page["changes"].as_array().unwrap().clone())
        .map(|change| change["uri"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        uris.iter()
            .filter(|uri| uri.starts_with("viking://resources/1/demo"))
            .count(),
        4,
        "{uris:?}"
    );
    server
        .get(&format!("{list}/tx9"))
        .refused(404, "NOT_FOUND", "transaction-not-found");

    let head = server.get("/api/v1/journal/head").result();
    let since = format!("{}:{}", head["seq"], head["hash"].as_str().unwrap());
    let report = server
        .get(&format!(
            "/api/v1/journal/verify?content=true&since={since}"
        ))
        .result();
    assert_eq!(
        (&report["heads_compared"], &report["hash"]),
        (&json!(1), &head["hash"])
    );
    server.get("/api/v1/journal/verify?since=nonsense").refused(
        400,
        "INVALID_ARGUMENT",
        "bad-request",
    );
    let status = server.get("/api/v1/status?uri=resources/1").result();
    assert_eq!(
        (&status["generation"], &status["files"]),
        (&json!(3), &json!(2))
    );
}

#[test]
fn what_is_in_the_store_is_found() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let pack = built(&store, demo("a heron stands in the reed"));
    server.import(&pack, "viking://resources", "fail").result();
    // The server reads new files for the index beside its requests.
    let patience = std::time::Instant::now();
    let report = loop {
        let report = server.get("/api/v1/find?query=heron&limit=5").result();
        if report["is_behind"] == json!(false) || patience.elapsed().as_secs() > 60 {
            break report;
        }
    };
    let first = &report["hits"][0]["uri"];
    assert_eq!(first, "viking://resources/demo/a.md", "{report}");
    let at = "/api/v1/find?query=heron&uri=viking%3A%2F%2Fuser";
    assert_eq!(server.get(at).result()["hits"], json!([]));
    for (query, reason) in [
        ("", "bad-request"),
        ("?query=x&limit=0", "invalid-argument"),
        ("?query=x&uri=temp", "invalid-uri"),
        ("?query=x&more=1", "bad-request"),
    ] {
        let reply = server.get(&format!("/api/v1/find{query}"));
        assert_eq!(
            (reply.status, &reply.json()["error"]["reason"]),
            (400, &json!(reason)),
            "{query}"
        );
    }
}

#[test]
fn a_rollback_is_rehearsed_and_done() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    server
        .import(&built(&store, demo("old")), "viking://resources", "fail")
        .result();
    server
        .import(
            &built(&store, demo("new")),
            "viking://resources",
            "overwrite",
        )
        .result();
    let rollback = |tx: &str, body: &Value| {
        server.post(&format!("/api/v1/journal/transactions/{tx}/rollback"), body)
    };
    let rehearsal = rollback("tx1", &json!({ "dry_run": true })).result();
    assert_eq!(
        (
            &rehearsal["would_succeed"],
            &rehearsal["obstacles"][0]["reason"]
        ),
        (&json!(false), &json!("later-transactions"))
    );
    rollback("tx1", &json!({})).refused(409, "CONFLICT", "later-transactions");
    let done = rollback("tx2", &json!({ "dry_run": false })).result();
    assert_eq!(
        (&done["undoes"], &done["transaction"]),
        (&json!("tx2"), &json!("tx4"))
    );
    assert_eq!(
        std::fs::read_to_string(store.at("resources/demo/a.md")).unwrap(),
        "old"
    );
    rollback("tx2", &json!({ "now": true })).refused(400, "INVALID_ARGUMENT", "bad-request");
}

#[test]
fn a_second_writer_is_told_at_once_or_waits() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let pack = built(&store, demo("x"));
    let lock = held(&store);
    server
        .import(&pack, "viking://resources", "fail")
        .refused(423, "RESOURCE_BUSY", "busy");
    // Readers go on.
    server.get("/api/v1/status").result();

    let id = server.upload(&pack);
    let body = json!({ "temp_file_id": id, "parent": "viking://resources" });
    thread::scope(|scope| {
        let waiting = scope.spawn(|| server.post("/api/v1/pack/import?wait=60", &body));
        server.wait_for("acts_running", 1);
        // This one meets the server's own writer.
        server
            .import(&pack, "viking://resources", "fail")
            .refused(423, "RESOURCE_BUSY", "busy");
        lock.unlock().unwrap();
        waiting.join().unwrap().result();
    });
    server.post("/api/v1/pack/import?wait=601", &body).refused(
        400,
        "INVALID_ARGUMENT",
        "bad-request",
    );
}

#[test]
fn a_client_that_goes_away_takes_its_import_with_it() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let id = server.upload(&built(&store, demo("x")));
    let body = json!({ "temp_file_id": id, "parent": "viking://resources" }).to_string();
    let lock = held(&store);
    let mut stream = server.connect();
    let headers = [("Content-Type", "application/json")];
    let head = server.head("POST", "/api/v1/pack/import?wait=600", &headers, body.len());
    stream
        .write_all(&[&head, body.as_bytes()].concat())
        .unwrap();
    server.wait_for("acts_running", 1);
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    server.wait_for("acts_running", 0);
    lock.unlock().unwrap();
    assert_eq!(store.log(), []);
    assert_eq!(waiting_files(&store), Vec::<String>::new());
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0));
    assert!(log.contains("the client went away"), "{log}");
}

#[test]
fn asked_to_end_it_lets_what_runs_be_done_and_takes_nothing_more() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let id = server.upload(&built(&store, demo("x")));
    let body = json!({ "temp_file_id": id, "parent": "viking://resources" });
    let lock = held(&store);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| server.post("/api/v1/pack/import?wait=60", &body));
        server.wait_for("acts_running", 1);
        server.terminate();
        while std::net::TcpStream::connect(&server.address).is_ok() {
            thread::yield_now();
        }
        lock.unlock().unwrap();
        waiting.join().unwrap().result();
    });
    assert_eq!(server.ended().0, Some(0));
    assert_eq!(store.log().len(), 1);
}

#[test]
fn without_grace_what_is_not_exchanged_yet_is_stopped() {
    let store = TestStore::fresh();
    let server = Serving::start_with(&store, &["--grace", "0"]);
    let id = server.upload(&built(&store, demo("x")));
    let body = json!({ "temp_file_id": id, "parent": "viking://resources" });
    let lock = held(&store);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| server.post("/api/v1/pack/import?wait=600", &body));
        server.wait_for("acts_running", 1);
        server.terminate();
        waiting
            .join()
            .unwrap()
            .refused(503, "CANCELLED", "interrupted");
    });
    assert_eq!(server.ended().0, Some(0));
    drop(lock);
    assert_eq!(store.log(), []);
}

#[test]
fn at_whatever_moment_an_import_is_stopped_its_transaction_is_ended() {
    let store = TestStore::fresh();
    let click = fixture("resources-click");
    let headers = [("Content-Type", "application/json")];
    let committed = |store: &TestStore| {
        let all = store.log().into_iter();
        all.filter(|tx| tx.state == "committed").count()
    };
    for round in 0..6 {
        let before = committed(&store);
        let server = Serving::start_with(&store, &["--grace", "0"]);
        let body = json!({
            "temp_file_id": server.upload(&click.pack), "parent": "viking://resources", "on_conflict": "overwrite"
        })
        .to_string();
        let head = server.head("POST", "/api/v1/pack/import", &headers, body.len());
        let mut stream = server.connect();
        stream
            .write_all(&[&head, body.as_bytes()].concat())
            .unwrap();
        // Each round a little later; each request takes some milliseconds.
        for _ in 0..round {
            server.get("/health").result();
        }
        if round % 2 == 0 {
            server.terminate();
            // A server that ends closes a connection on which it has read nothing yet.
            let reply = reply_if_any(&mut stream);
            let status = reply.as_ref().map(|reply| reply.status);
            assert!([None, Some(200), Some(503)].contains(&status), "{reply:?}");
            assert_eq!(server.ended().0, Some(0));
            assert_eq!(committed(&store), before + usize::from(status == Some(200)));
        } else {
            stream.shutdown(Shutdown::Both).unwrap();
            drop(stream);
            server.wait_for("acts_running", 0);
        }
        assert_eq!(store.status().recovery_pending, []);
        let ended = |state: &str| ["committed", "aborted"].contains(&state);
        assert!(store.log().iter().all(|tx| ended(&tx.state)));
        let staging = store.path.join(".ovpack/staging").read_dir_utf8().unwrap();
        assert_eq!(staging.count(), 0);
    }
}

#[test]
fn a_server_that_was_killed_leaves_nothing_for_ever() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let id = server.upload(&built(&store, demo("x")));
    let busy = store.run(["serve", "--addr", "127.0.0.1:0", "--json"]);
    assert_eq!(
        (busy.code, &busy.json()["error"]["reason"]),
        (Some(7), &json!("busy"))
    );
    assert_eq!(waiting_files(&store), [id.as_str()]);
    put(&store.path, ".ovpack/uploads/export_x.ovpack", b"half");
    server.kill();
    let server = Serving::start(&store);
    assert_eq!(waiting_files(&store), Vec::<String>::new());
    let body = json!({ "temp_file_id": id, "parent": "viking://resources" });
    server
        .post("/api/v1/pack/import", &body)
        .refused(404, "NOT_FOUND", "upload-not-found");
}

#[test]
fn uploads_of_any_size_follow_one_another_on_one_connection() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let mut stream = std::io::BufReader::new(server.connect());
    // What a server reads at once grows with what came before on the connection.
    for size in [
        1 << 20,
        1 << 20,
        400 << 10,
        127 << 10,
        70 << 10,
        1,
        400 << 10,
    ] {
        let (head, body) = server.raw_upload("x.ovpack", &vec![7; size]);
        let head = String::from_utf8(head).unwrap();
        let head = head.replace("Connection: close", "Connection: keep-alive");
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        stream.get_mut().write_all(&body).unwrap();
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut answer).unwrap() > 0, "{answer}");
        }
        let lower = answer.to_ascii_lowercase();
        let length = lower.split("content-length: ").nth(1).unwrap();
        let length = length.lines().next().unwrap().parse().unwrap();
        let mut received = vec![0; length];
        stream.read_exact(&mut received).unwrap();
        let received = String::from_utf8(received).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{size}: {received}");
        assert!(
            received.contains(&format!("\"bytes\":{size}")),
            "{received}"
        );
    }
}

#[test]
fn an_upload_expires() {
    let store = TestStore::fresh();
    let server = Serving::start_with(&store, &["--upload-expiry", "0"]);
    let id = server.upload(&built(&store, demo("x")));
    let body = json!({ "temp_file_id": id, "parent": "viking://resources" });
    server
        .post("/api/v1/pack/import", &body)
        .refused(404, "NOT_FOUND", "upload-not-found");
    assert_eq!(waiting_files(&store), Vec::<String>::new());
}

#[test]
fn the_description_lists_every_route_for_programs() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let description = server.get("/openapi.json").json();
    let described: Vec<_> = description["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let table = std::fs::read_to_string(
        Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/ovpack/http/routes.rs"),
    )
    .unwrap();
    let literals = table.split('"').skip(1).step_by(2);
    let is_for_programs = |route: &&str| {
        route.starts_with("/api/") || ["/health", "/metrics", "/openapi.json"].contains(route)
    };
    let mut routes: Vec<_> = literals
        .filter(is_for_programs)
        .map(str::to_owned)
        .collect();
    routes.sort();
    assert_eq!(described, routes);
    assert!(server.get("/metrics").text().ends_with("# EOF\n"));
    assert_eq!(server.get("/health").result(), json!({ "healthy": true }));
}

#[test]
fn the_log_has_one_line_of_json_for_each_request() {
    let store = TestStore::fresh();
    let server = Serving::start_with(&store, &["--log-format", "json"]);
    let id = server
        .get("/api/v1/journal/transactions/tx9")
        .header("x-request-id")
        .to_owned();
    server.terminate();
    let (_, log) = server.ended();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let line = lines
        .iter()
        .find(|line| line["span"]["id"] == id.as_str())
        .unwrap();
    assert_eq!(
        (
            &line["fields"]["status"],
            &line["fields"]["reason"],
            &line["span"]["path"]
        ),
        (
            &json!(404),
            &json!("transaction-not-found"),
            &json!("/api/v1/journal/transactions/tx9")
        )
    );
}

#[test]
fn bytes_that_come_one_by_one_are_an_upload_all_the_same() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let bytes = std::fs::read(
        demo("x")
            .laid_out(Layout::V3)
            .write(&store.beside("v3.ovpack")),
    )
    .unwrap();
    let (head, body) = server.raw_upload("v3.ovpack", &bytes);
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for byte in head.iter().chain(&body) {
        stream.write_all(&[*byte]).unwrap();
    }
    let received = read_reply(&mut stream).result();
    assert_eq!(received["bytes"], bytes.len());
    let body = json!({ "temp_file_id": received["temp_file_id"], "parent": "resources" });
    server.post("/api/v1/pack/import", &body).result();
}

#[test]
fn its_memory_has_few_arenas_unless_the_environment_says_how_many() {
    let store = TestStore::fresh();
    let said = |process: u32| {
        let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap();
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap();
        let mut said = environment.split(|byte| *byte == 0);
        let said = said.find_map(|line| line.strip_prefix(b"MALLOC_ARENA_MAX="));
        let said = said.map(|value| String::from_utf8(value.to_vec()).unwrap());
        (name.trim().to_owned(), said)
    };
    let server = Serving::start(&store);
    let expected = if cfg!(target_env = "gnu") {
        Some("2".to_owned())
    } else {
        None
    };
    assert_eq!(said(server.process()), ("ovpack".to_owned(), expected));
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    let mut command = store.command(["serve", "--addr", "127.0.0.1:0"]);
    let server = Serving::of(command.env("MALLOC_ARENA_MAX", "5"));
    assert_eq!(said(server.process()).1, Some("5".to_owned()));
}
