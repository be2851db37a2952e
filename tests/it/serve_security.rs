//! `ovpack serve` against who should not be let in, and what should not be believed.

use std::io::Write as _;
use std::thread;

use serde_json::json;

use crate::support::pack_builder::Member;
use crate::support::serving::{Serving, read_reply, upload_form};
use crate::support::{PackBuilder, TestStore};

const ADMIN: &str = "admin-key-0123456789abcdef";
const SECOND: &str = "second-key-0123456789abcdef";
const AUDITOR: &str = "auditor-key-0123456789abcdef";

fn with_keys(store: &TestStore) -> Serving {
    let file = store.beside("keys");
    let keys = format!("# ours\nadmin ops {ADMIN}\nadmin night {SECOND}\nauditor jane {AUDITOR}\n");
    std::fs::write(&file, keys).unwrap();
    Serving::start_with(store, &["--api-key-file", file.as_str()])
}

fn demo(store: &TestStore) -> camino::Utf8PathBuf {
    PackBuilder::of("viking://resources/demo")
        .file("a.md", "x")
        .write(&store.beside("demo.ovpack"))
}

/// Every route for programs that writes, or hands content out.
const ADMINS: [&str; 6] = [
    "/api/v1/resources/temp_upload",
    "/api/v1/pack/export",
    "/api/v1/pack/backup",
    "/api/v1/pack/import",
    "/api/v1/pack/restore",
    "/api/v1/journal/transactions/tx1/rollback",
];

/// Every route for programs that reads journal and state.
const AUDITORS: [&str; 8] = [
    "/api/v1/status",
    "/api/v1/journal/transactions",
    "/api/v1/journal/transactions/tx1",
    "/api/v1/journal/transactions/tx1/changes",
    "/api/v1/journal/head",
    "/api/v1/journal/verify",
    "/openapi.json",
    "/metrics",
];

#[test]
fn without_a_key_only_loopback_is_served() {
    let store = TestStore::fresh();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let output = store.run(["serve", "--addr", address, "--json"]);
        assert_eq!(output.code, Some(2), "{output:?}");
        let message = output.json()["error"]["message"].to_string();
        assert!(
            message.contains("only loopback addresses are served"),
            "{message}"
        );
    }
    let mut command = store.command(["serve", "--addr", "127.0.0.1:0"]);
    let output = crate::support::test_store::output({
        command.env("OVPACK_API_KEY", "short");
        command
    });
    assert_eq!(output.code, Some(2), "{output:?}");
}

#[test]
fn every_request_needs_a_key_that_is_known() {
    let store = TestStore::fresh();
    let server = with_keys(&store);
    let all = ADMINS.iter().map(|path| ("POST", *path));
    let all = all.chain(AUDITORS.iter().map(|path| ("GET", *path)));
    for (method, path) in all.chain([("GET", "/api/v1/none"), ("POST", "/metrics")]) {
        for headers in [
            &[][..],
            &[("X-API-Key", "")],
            &[("X-API-Key", "admin-key-0123456789abcdeg")],
            &[("X-API-Key", "ops")],
            &[("Authorization", AUDITOR)],
            &[("Authorization", "Basic YTpi")],
            &[("Authorization", "Bearer nobody-0123456789abcdef")],
            &[("Cookie", "ovpack_session=0123")],
        ] {
            server.send(method, path, headers, b"").refused(
                401,
                "UNAUTHENTICATED",
                "unauthenticated",
            );
        }
    }
    assert_eq!(store.log(), []);
    for headers in [
        [("X-API-Key", ADMIN)],
        [("Authorization", &format!("Bearer {ADMIN}"))],
        [("authorization", &format!("bearer {ADMIN}"))],
    ] {
        server.send("GET", "/api/v1/status", &headers, b"").result();
    }
    // What tells nothing of the store.
    server.get("/health").result();
    assert_eq!(server.get("/").header("location"), "/login");
}

#[test]
fn an_auditor_reads_the_journal_and_nothing_else() {
    let store = TestStore::fresh();
    store.import(&demo(&store), "viking://resources");
    let server = with_keys(&store).with_key(AUDITOR);
    for path in AUDITORS {
        let reply = server.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    }
    for path in ADMINS {
        server
            .post(path, &json!({}))
            .refused(403, "PERMISSION_DENIED", "forbidden");
    }
    server
        .get("/api/v1/find?query=x")
        .refused(403, "PERMISSION_DENIED", "forbidden");
    assert_eq!(store.log().len(), 1);
}

#[test]
fn no_uri_leads_out_of_the_scopes() {
    let store = TestStore::fresh();
    store.write("resources/demo/a.md", b"x");
    std::fs::write(store.path.join("secret"), b"x").unwrap();
    let server = Serving::start(&store);
    let pack = demo(&store);
    for uri in [
        "",
        "..",
        "viking://..",
        "viking://resources/../../.ovpack",
        "viking://resources/..",
        "viking://resources/./demo",
        "viking://resources//demo",
        "viking://.ovpack",
        "viking://temp",
        "../../etc",
        "/etc/passwd",
        "file:///etc/passwd",
        "viking:/resources",
        "VIKING://resources",
        "viking://resources/a\\..\\b",
        "viking://resources/a\u{0}b",
        "viking://resources/\u{1b}[2J",
    ] {
        let export = server.post("/api/v1/pack/export", &json!({ "uri": uri }));
        export.refused(400, "INVALID_URI", "invalid-uri");
        let body = json!({ "temp_file_id": server.upload(&pack), "parent": uri });
        let import = server.post("/api/v1/pack/import", &body);
        import.refused(400, "INVALID_URI", "invalid-uri");
    }
    // Such a name is a plain one, and nothing is there.
    let body = json!({ "uri": "viking://resources/%2e%2e" });
    server
        .post("/api/v1/pack/export", &body)
        .refused(404, "NOT_FOUND", "uri-not-found");
    std::os::unix::fs::symlink(store.path.join("secret"), store.at("resources/link")).unwrap();
    let body = json!({ "uri": "viking://resources/link" });
    let reply = server.post("/api/v1/pack/export", &body);
    assert!([400, 409].contains(&reply.status), "{}", reply.text());
}

#[test]
fn an_upload_is_for_one_use_by_who_sent_it() {
    let store = TestStore::fresh();
    let server = with_keys(&store).with_key(ADMIN);
    let pack = demo(&store);
    let id = server.upload(&pack);
    let import = |id: &str, key: &str| {
        let body = json!({ "temp_file_id": id, "parent": "viking://resources", "on_conflict": "overwrite" });
        server.post_with("/api/v1/pack/import", &[("X-API-Key", key)], &body)
    };
    import(&id, SECOND).refused(404, "NOT_FOUND", "upload-not-found");
    import(&id, ADMIN).result();
    import(&id, ADMIN).refused(404, "NOT_FOUND", "upload-not-found");
    for id in [
        "",
        "lock",
        "../store.db",
        "../../viking",
        "upload_.ovpack",
        "upload_00000000000000000000000000000000.ovpack",
        "/etc/passwd",
        "a\u{0}b",
    ] {
        import(id, ADMIN).refused(404, "NOT_FOUND", "upload-not-found");
    }
    let other = server.upload(&pack);
    let digits = other
        .strip_prefix("upload_")
        .and_then(|rest| rest.strip_suffix(".ovpack"));
    assert!(digits.is_some_and(|digits| digits.len() == 32 && digits != &id[7..39]));
}

#[test]
fn what_is_too_large_is_refused_and_not_kept() {
    let store = TestStore::fresh();
    let server = Serving::start_with(&store, &["--max-upload-bytes", "1000"]);
    server.upload_bytes("a", &[b'x'; 1000]).result();
    server
        .upload_bytes("a", &[b'x'; 1001])
        .refused(413, "INVALID_ARGUMENT", "upload-too-large");
    server.upload_bytes("a", &vec![b'x'; 1 << 20]).refused(
        413,
        "INVALID_ARGUMENT",
        "upload-too-large",
    );
    let long = json!({ "uri": "x".repeat(100_000) });
    server
        .post("/api/v1/pack/export", &long)
        .refused(413, "INVALID_ARGUMENT", "body-too-large");
    let names = store.path.join(".ovpack/uploads").read_dir_utf8().unwrap();
    assert_eq!(names.count(), 2, "the lock, and the first upload");
    drop(server);
    let server = Serving::start_with(&store, &["--max-waiting-bytes", "1000"]);
    server
        .upload_bytes("a", &[b'x'; 1001])
        .refused(507, "RESOURCE_EXHAUSTED", "uploads-full");
}

#[test]
fn a_form_that_is_no_upload_is_refused_within_bounds() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let send = |content_type: &str, body: &[u8]| {
        let headers = [("Content-Type", content_type)];
        server.send("POST", "/api/v1/resources/temp_upload", &headers, body)
    };
    let (form, good) = upload_form("a", b"x");
    send("application/octet-stream", b"x").refused(415, "INVALID_ARGUMENT", "content-type");
    send("multipart/form-data", &good).refused(415, "INVALID_ARGUMENT", "content-type");
    let flood = vec![b'x'; 8 << 20];
    let unended = [
        b"--limit\r\nContent-Disposition: form-data; name=\"file\"; x=\"".as_slice(),
        &flood,
    ]
    .concat();
    let second = String::from_utf8(good.clone())
        .unwrap()
        .replace("--limit--\r\n", "");
    let twice = [second.as_bytes(), &good].concat();
    let other = String::from_utf8(good.clone())
        .unwrap()
        .replace("\"file\"", "\"pack\"");
    let bodies: [(&str, &[u8]); 7] = [
        ("nothing", b""),
        ("no end", &good[..good.len() - 12]),
        ("a preamble without end", &flood),
        ("headers without end", &unended),
        ("two parts", &twice),
        ("another part", other.as_bytes()),
        ("no part", b"--limit--\r\n"),
    ];
    for (name, body) in bodies {
        let reply = send(form, body);
        assert_eq!(reply.status, 400, "{name}: {}", reply.text());
        reply.refused(400, "INVALID_ARGUMENT", "bad-request");
    }
    let names = store.path.join(".ovpack/uploads").read_dir_utf8().unwrap();
    assert_eq!(names.count(), 1, "nothing but the lock");
}

#[test]
fn a_body_that_pauses_is_given_up() {
    let store = TestStore::fresh();
    let server = Serving::start_with(&store, &["--body-timeout", "1"]);
    let (form, body) = upload_form("a", b"x");
    thread::scope(|scope| {
        let server = &server;
        for (path, content_type, body) in [
            ("/api/v1/resources/temp_upload", form, body.as_slice()),
            ("/api/v1/pack/backup", "application/json", b"{}"),
        ] {
            scope.spawn(move || {
                let mut stream = server.connect();
                let headers = [("Content-Type", content_type)];
                let head = server.head("POST", path, &headers, body.len());
                let (first, _) = body.split_at(body.len() / 2);
                stream.write_all(&[&head, first].concat()).unwrap();
                read_reply(&mut stream).refused(408, "DEADLINE_EXCEEDED", "body-timeout");
            });
        }
    });
    let names = store.path.join(".ovpack/uploads").read_dir_utf8().unwrap();
    assert_eq!(names.count(), 1, "nothing but the lock");
}

#[test]
fn a_bomb_is_refused_and_nothing_goes_live() {
    let store = TestStore::fresh();
    let arguments = ["--max-ratio", "20", "--ratio-floor-bytes", "100kB"];
    let server = Serving::start_with(&store, &arguments);
    let bomb = PackBuilder::of("viking://resources/demo")
        .file("zeros", vec![0; 1 << 20])
        .member("zeros", Member::deflated)
        .write(&store.beside("bomb.ovpack"));
    server.import(&bomb, "viking://resources", "fail").refused(
        400,
        "INVALID_ARGUMENT",
        "ratio-too-high",
    );
    assert_eq!(store.live_tree().len(), 0);
}

#[test]
fn another_site_and_another_name_are_not_let_in() {
    let store = TestStore::fresh();
    let server = Serving::start_with(&store, &["--host-name", "vault.example"]);
    for host in [
        "evil.example",
        "127.0.0.1.evil.example:80",
        "localhost.",
        "",
    ] {
        for path in ["/", "/api/v1/status", "/health", "/login"] {
            let reply = server.send("GET", path, &[("Host", host)], b"");
            assert_eq!(reply.status, 403, "{host} {path}");
        }
    }
    for host in ["localhost", "127.0.0.1:99", "[::1]:1", "vault.example"] {
        server
            .send("GET", "/health", &[("Host", host)], b"")
            .result();
    }
    let two = [("Host", "localhost"), ("Host", "evil.example")];
    assert_ne!(server.send("GET", "/health", &two, b"").status, 200);

    let own = format!("http://{}", server.address);
    for (headers, is_let_in) in [
        ([("Origin", "http://evil.example")], false),
        ([("Origin", "null")], false),
        ([("Sec-Fetch-Site", "cross-site")], false),
        ([("Sec-Fetch-Site", "same-site")], false),
        ([("Sec-Fetch-Site", "same-origin")], true),
        ([("Origin", own.as_str())], true),
    ] {
        let reply = server.post_with("/api/v1/pack/backup", &headers, &json!({}));
        if is_let_in {
            assert_eq!(reply.status, 200, "{headers:?}");
        } else {
            reply.refused(403, "PERMISSION_DENIED", "cross-site");
        }
        // A form of another site needs no leave of the browser.
        let (form, body) = upload_form("a", b"x");
        let headers = [headers[0], ("Content-Type", form)];
        let reply = server.send("POST", "/api/v1/resources/temp_upload", &headers, &body);
        assert_eq!(reply.status == 200, is_let_in, "{headers:?}");
    }
}

#[test]
fn more_than_a_parser_bears_is_no_crash() {
    let store = TestStore::fresh();
    let server = Serving::start(&store);
    let nested = format!("{{\"uri\": {}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let headers = [("Content-Type", "application/json")];
    server
        .send("POST", "/api/v1/pack/export", &headers, nested.as_bytes())
        .refused(400, "INVALID_ARGUMENT", "bad-request");
    let long = "x".repeat(200_000);
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".as_slice(),
        b"GET / HTTP/1.1\r\n\r\n",
        format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes(),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n").as_bytes(),
        b"POST /api/v1/pack/backup HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    ] {
        let mut stream = server.connect();
        stream.write_all(bytes).unwrap_or(());
        let mut answer = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut answer).unwrap_or(0);
        assert!(!answer.starts_with(b"HTTP/1.1 2") && !answer.starts_with(b"HTTP/1.1 5"));
    }
    server.get("/health").result();
}
