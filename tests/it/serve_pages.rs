//! The auditors' page: what it shows, who may do what on it, and that no name gets out of its place.

use serde_json::json;

use crate::support::serving::{Reply, Serving};
use crate::support::{PackBuilder, TestStore};

const ADMIN: &str = "admin-key-0123456789abcdef";
const AUDITOR: &str = "auditor-key-0123456789abcdef";

/// Returns a store with an import, an overwrite of it, and an attempt that was refused.
fn store() -> TestStore {
    let store = TestStore::fresh();
    for text in ["old", "new"] {
        let pack = PackBuilder::of("viking://resources/demo")
            .file("a.md", text)
            .write(&store.beside("demo.ovpack"));
        store.overwrite(&pack, "viking://resources");
    }
    let pack = store.beside("demo.ovpack");
    store
        .import_with(&pack, "viking://resources", ovpack::OnConflict::Fail)
        .unwrap_err();
    store
}

fn with_keys(store: &TestStore) -> Serving {
    let file = store.beside("keys");
    std::fs::write(
        &file,
        format!("admin ops {ADMIN}\nauditor jane {AUDITOR}\n"),
    )
    .unwrap();
    Serving::start_with(store, &["--api-key-file", file.as_str()])
}

#[track_caller]
fn page(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    reply.text()
}

/// Returns the token that a page's form carries.
#[track_caller]
fn token(page: &str) -> String {
    let rest = page.split("name=\"form_token\" value=\"").nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Logs in; returns the cookie.
#[track_caller]
fn log_in(server: &Serving, key: &str) -> String {
    let reply = server.post_form("/login", &[], &format!("key={key}"));
    assert_eq!((reply.status, reply.header("location")), (303, "/"));
    let cookie = reply.header("set-cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; "), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn the_timeline_lists_and_filters() {
    let store = store();
    let server = Serving::start(&store);
    let all = page(&server.get("/"));
    for text in [
        "tx1 import",
        "tx2 import",
        "tx3 import",
        "root-exists",
        "viking://resources/demo",
    ] {
        assert!(all.contains(text), "{text}");
    }
    // As a form sends it: with the fields that are not filled in.
    let query = "/?outcome=aborted&kind=&path=&user=&since=&until=&pack_sha256=";
    let aborted = page(&server.get(query));
    assert!(aborted.contains("tx3 import") && !aborted.contains("tx2 import"));
    assert!(aborted.contains("<option value=\"aborted\" selected>"));
    let first = page(&server.get("/?limit=1&path=viking%3A%2F%2Fresources%2Fdemo"));
    let older = "/?cursor=tx2&amp;limit=1&amp;path=viking%3A%2F%2Fresources%2Fdemo";
    assert!(first.contains(older), "{first}");
    assert!(page(&server.get(&older.replace("&amp;", "&"))).contains("tx1 import"));
    let wrong = server.get("/?since=%3Cb%3E");
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.text().contains("`&lt;b&gt;` is no time"),
        "{}",
        wrong.text()
    );
}

#[test]
fn a_transaction_a_history_and_the_state_are_shown() {
    let store = store();
    store.write("resources/demo/stray.md", b"from elsewhere");
    let server = Serving::start(&store);
    let second = page(&server.get("/transactions/tx2"));
    for text in [
        "a.md",
        "replaced",
        "Rehearse a rollback",
        "committed",
        "exchange resources/demo",
    ] {
        assert!(second.replace("<bdi>", "").contains(text), "{text}");
    }
    let refused = page(&server.get("/transactions/tx3"));
    assert!(refused.contains("Why it was aborted") && !refused.contains("Rehearse a rollback"));
    let history = page(&server.get("/history?uri=viking%3A%2F%2Fresources%2Fdemo%2Fa.md"));
    assert!(history.contains("as-recorded") && history.contains("/transactions/tx1"));
    assert!(page(&server.get("/history")).contains("URI of a file or directory"));
    let state = page(&server.get("/state?verify=1"));
    let head = store.open().journal_head().unwrap();
    for text in [
        &head.hash.to_string(),
        "The journal is what it was",
        "stray.md",
        "can be rolled back next",
    ] {
        assert!(state.contains(text), "{text}");
    }
    assert_eq!(server.get("/transactions/tx9").status, 404);
    assert_eq!(server.get("/transactions/x").status, 400);
}

#[test]
fn a_rollback_is_rehearsed_confirmed_and_done() {
    let store = store();
    let server = Serving::start(&store);
    let first = page(&server.get("/transactions/tx1/rollback"));
    assert!(first.contains("later-transactions") && !first.contains("form_token"));
    let both = page(&server.get("/transactions/tx1/rollback?with_later=1"));
    assert!(both.contains("Nothing is in the way."));

    let at = "/transactions/tx2/rollback";
    let token = token(&page(&server.get(at)));
    for form in [
        "confirmed=1".to_owned(),
        "form_token=&confirmed=1".to_owned(),
        format!("form_token={}&confirmed=1", "0".repeat(64)),
        format!("form_token={token}"),
        format!("form_token={token}&confirmed=1&more=1"),
    ] {
        let reply = server.post_form(at, &[], &form);
        assert!(
            [400, 403].contains(&reply.status),
            "{form}: {}",
            reply.status
        );
    }
    let form = format!("form_token={token}&confirmed=1");
    let foreign = [("Origin", "http://evil.example")];
    assert_eq!(server.post_form(at, &foreign, &form).status, 403);
    let json = server.post(at, &json!({ "form_token": token, "confirmed": 1 }));
    assert_eq!(json.status, 415);
    assert_eq!(store.log().len(), 3, "none of them did anything");

    let own = format!("http://{}", server.address);
    let done = server.post_form(at, &[("Origin", &own)], &form);
    assert_eq!(
        (done.status, done.header("location")),
        (303, "/transactions/tx4?done=1")
    );
    assert!(page(&server.get("/transactions/tx4?done=1")).contains("the old tree is back"));
    let text = std::fs::read_to_string(store.at("resources/demo/a.md")).unwrap();
    assert_eq!(text, "old");
    let again = server.post_form(at, &[], &form);
    assert_eq!(again.status, 409);
    assert!(again.text().contains("not-in-effect"));
}

#[test]
fn a_session_has_the_role_of_its_key() {
    let store = store();
    let server = with_keys(&store);
    for path in [
        "/",
        "/transactions/tx1",
        "/state",
        "/history",
        "/transactions/tx2/rollback",
    ] {
        let reply = server.get(path);
        assert_eq!(
            (reply.status, reply.header("location")),
            (303, "/login"),
            "{path}"
        );
        // A browser sends no key by itself, and a key is no session.
        let reply = server.send("GET", path, &[("X-API-Key", ADMIN)], b"");
        assert_eq!(reply.status, 303, "{path}");
    }
    assert_eq!(server.post_form("/login", &[], "key=nobody").status, 401);
    let auditor = log_in(&server, AUDITOR);
    let cookie = [("Cookie", auditor.as_str())];
    let get = |path: &str| page(&server.send("GET", path, &cookie, b""));
    assert!(get("/").contains("(auditor)"));
    let rehearsed = get("/transactions/tx2/rollback");
    assert!(rehearsed.contains("your key may only read") && !rehearsed.contains("confirmed"));
    let form = format!("form_token={}&confirmed=1", token(&rehearsed));
    let reply = server.post_form("/transactions/tx2/rollback", &cookie, &form);
    assert_eq!(reply.status, 403);

    let admin = log_in(&server, ADMIN);
    let of_auditor = form;
    let cookie = [("Cookie", admin.as_str())];
    let reply = server.post_form("/transactions/tx2/rollback", &cookie, &of_auditor);
    assert_eq!(reply.status, 403, "a token is of one session");
    let rehearsed = page(&server.send("GET", "/transactions/tx2/rollback", &cookie, b""));
    let form = format!("form_token={}&confirmed=1", token(&rehearsed));
    let reply = server.post_form("/transactions/tx2/rollback", &cookie, &form);
    assert_eq!(reply.status, 303);
    assert_eq!(store.log()[0].user, "ops");
    let form = format!("form_token={}", token(&rehearsed));
    assert_eq!(server.post_form("/logout", &cookie, &form).status, 303);
    let reply = server.send("GET", "/", &cookie, b"");
    assert_eq!(reply.header("location"), "/login");
}

#[test]
fn no_name_gets_out_of_its_place() {
    let store = TestStore::fresh();
    let name = "<script>alert(1)</script>\"'&\u{202e}fdp.md";
    let uri = format!("viking://resources/{}", "<b onclick=x>");
    let pack = PackBuilder::of(&uri)
        .file(name, "x")
        .write(&store.beside("<img src=x>.ovpack"));
    store.import(&pack, "viking://resources");
    store.overwrite(&pack, "viking://resources");
    store.write("resources/<i>drift", b"x");
    let server = Serving::start(&store);
    let file = "%2F%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        "/",
        "/transactions/tx1",
        "/transactions/tx2/rollback",
        "/state",
        "/history?uri=viking%3A%2F%2Fresources%2F%3Cb%20onclick%3Dx%3E",
        &format!("/history?uri=viking%3A%2F%2Fresources{file}"),
        "/?user=%22%3E%3Cscript%3E",
        "/%3Cscript%3E",
        "/transactions/%3Cscript%3E",
    ] {
        let reply = server.get(path);
        let text = reply.text();
        for hostile in ["<script", "<b ", "<img", "<i>", "\u{202e}"] {
            assert!(!text.contains(hostile), "{path}: {hostile:?} in {text}");
        }
        let policy = reply.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self';"),
            "{policy}"
        );
        assert!(
            !text.contains("style=\"") && !text.contains(" onclick=\""),
            "{path}"
        );
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
    assert!(page(&server.get("/transactions/tx1")).contains("\\u{202e}fdp.md"));
}
