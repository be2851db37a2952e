//! Embedders that fail, and servers that answer as they like: no import fails for them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ovpack::{FindOptions, IndexOptions, IndexStatus, Layout};
use serde_json::{Value, json};

use crate::support::{PackBuilder, TestStore};

/// How a stub answers one request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Vectors of so many dimensions.
    Vectors(usize),
    /// A status, with `Retry-After` where there is one.
    Status(u16, Option<u64>),
    /// Nothing, for longer than anybody waits.
    Silence,
    /// Something that is no list of embeddings.
    Nonsense,
}

/// A server on loopback that answers from a list, then with vectors of 4 dimensions.
struct Stub {
    url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Stub {
    fn new(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (noted, answers) = (Arc::clone(&seen), answers.to_vec());
        thread::spawn(move || {
            let mut answers = answers.into_iter();
            for stream in listener.incoming() {
                let answer = answers.next().unwrap_or(Answer::Vectors(4));
                let noted = Arc::clone(&noted);
                thread::spawn(move || serve(stream.unwrap(), answer, &noted));
            }
        });
        Self { url, seen }
    }

    /// Returns how many texts each request had.
    fn batches(&self) -> Vec<usize> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|body| body["input"].as_array().unwrap().len())
            .collect()
    }
}

fn serve(mut stream: TcpStream, answer: Answer, seen: &Mutex<Vec<Value>>) {
    let (head, body) = request(&mut stream);
    assert!(head.starts_with("POST /v1/embeddings "), "{head}");
    assert!(
        head.to_lowercase().contains("authorization: bearer secret"),
        "{head}"
    );
    let count = body["input"].as_array().unwrap().len();
    seen.lock().unwrap().push(body);
    let (status, extra, text) = match answer {
        Answer::Vectors(dimensions) => {
            let item = |index: usize| {
                let mut vector = vec![0.1; dimensions];
                vector[index % dimensions] = 1.0;
                json!({ "index": index, "embedding": vector })
            };
            // In another order than the texts: the index counts.
            let data: Vec<_> = (0..count).rev().map(item).collect();
            (200, String::new(), json!({ "data": data }).to_string())
        }
        Answer::Status(status, retry_after) => {
            let extra = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n"));
            (
                status,
                extra.unwrap_or_default(),
                "{\"error\":\"no\"}".to_owned(),
            )
        }
        Answer::Silence => {
            thread::sleep(Duration::from_secs(20));
            return;
        }
        Answer::Nonsense => (200, String::new(), "{\"data\":7}".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{extra}\r\n",
        text.len()
    );
    // Who asked may be gone.
    stream.write_all(head.as_bytes()).unwrap_or(());
    stream.write_all(text.as_bytes()).unwrap_or(());
}

fn request(stream: &mut TcpStream) -> (String, Value) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length = length
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap()
                .trim()
                .parse()
                .unwrap();
            if body.len() >= length {
                return (head.to_owned(), serde_json::from_str(body).unwrap());
            }
        }
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "a whole request");
        bytes.extend_from_slice(&buffer[..read]);
    }
}

/// Makes a store that asks the stub, with ten files in it.
fn store_of(stub: &Stub) -> TestStore {
    let store = TestStore::fresh();
    let config = format!(
        "[index]\nembedder = \"openai\"\nurl = \"{}\"\nmodel = \"m\"\nkey_env = \"STUB_KEY\"\nbatch = 4\ntimeout_seconds = 2\n",
        stub.url
    );
    std::fs::write(store.path.join(".ovpack/config.toml"), config).unwrap();
    let mut pack = PackBuilder::of("viking://resources/notes");
    for number in 0..10 {
        pack = pack.file(&format!("{number}.md"), format!("note number {number}"));
    }
    let pack = pack.write(&store.beside("notes.ovpack"));
    store.import(&pack, "viking://resources");
    store
}

fn refresh(store: &TestStore) -> IndexStatus {
    let options = IndexOptions {
        key: Some("secret".to_owned()),
        ..IndexOptions::default()
    };
    store.open().refresh_index(&options).unwrap()
}

#[test]
fn texts_go_in_batches_and_what_may_pass_is_tried_again() {
    for (answers, batches) in [
        (&[][..], &[4, 4, 2][..]),
        (&[Answer::Status(429, Some(1))], &[4, 4, 4, 2]),
        (
            &[Answer::Status(500, None), Answer::Status(503, None)],
            &[4, 4, 4, 4, 2],
        ),
    ] {
        let stub = Stub::new(answers);
        let store = store_of(&stub);
        let status = refresh(&store);
        assert_eq!(
            (status.vectors, status.pending, status.failure),
            (10, 0, None),
            "{answers:?}"
        );
        assert_eq!(status.dimensions, Some(4));
        assert_eq!(stub.batches(), batches, "{answers:?}");
        let options = FindOptions {
            key: Some("secret".to_owned()),
            ..FindOptions::default()
        };
        let report = store.open().find("number 3", &options).unwrap();
        assert_eq!((report.vectors, report.vector_fault), (true, None));
        refresh(&store);
        assert_eq!(
            stub.batches().len(),
            batches.len() + 1,
            "what has a vector is not asked again"
        );
    }
}

#[test]
fn what_does_not_pass_leaves_the_rest_in_the_queue_with_the_reason() {
    for (answers, done, says) in [
        (&[Answer::Status(401, None)][..], 0, "answered 401"),
        (
            &[Answer::Vectors(4), Answer::Vectors(3)],
            4,
            "3 dimensions, expected 4",
        ),
        (
            &[Answer::Vectors(4), Answer::Nonsense],
            4,
            "no list of embeddings",
        ),
        (&[Answer::Status(429, Some(3600))], 0, "answered 429"),
        (&[Answer::Silence; 4], 0, "timeout"),
    ] {
        let stub = Stub::new(answers);
        let store = store_of(&stub);
        let status = refresh(&store);
        let failure = status.failure.unwrap();
        assert!(failure.contains(says), "{answers:?}: {failure}");
        assert_eq!(
            (status.vectors, status.pending),
            (done, 10 - done),
            "{answers:?}"
        );
        assert!(!failure.contains("secret"));
        assert!(
            !store
                .open()
                .find("note", &FindOptions::default())
                .unwrap()
                .hits
                .is_empty(),
            "words are found all the same"
        );
        let status = refresh(&store);
        assert_eq!(
            (status.vectors, status.pending, status.failure),
            (10, 0, None),
            "{answers:?}: the next time"
        );
    }
}

#[test]
fn an_import_by_the_program_succeeds_where_no_server_is() {
    let store = TestStore::fresh();
    let config = "[index]\nembedder = \"openai\"\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n";
    std::fs::write(store.path.join(".ovpack/config.toml"), config).unwrap();
    let pack = PackBuilder::of("viking://resources/notes")
        .file("a.md", "a note")
        .write(&store.beside("notes.ovpack"));
    let output = store.run(["import", pack.as_str(), "resources"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output.stderr.contains("no vectors for 1 documents yet"),
        "{output:?}"
    );
    let status = store.run(["index", "status", "--json"]).result();
    assert_eq!(
        (&status["pending"], &status["documents"]),
        (&json!(1), &json!(1))
    );
    assert!(status["failure"].is_string());
}

#[test]
fn another_model_makes_vectors_stale() {
    let stub = Stub::new(&[]);
    let store = store_of(&stub);
    refresh(&store);
    let config = store.path.join(".ovpack/config.toml");
    std::fs::write(&config, "[index]\nembedder = \"builtin\"\n").unwrap();
    let status = store.open().index_status().unwrap();
    assert_eq!((status.vectors, status.pending, status.stale), (0, 10, 10));
    let status = refresh(&store);
    assert_eq!(
        (status.vectors, status.stale, status.dimensions),
        (10, 0, Some(256))
    );
}

/// Imports a pack with three files, of which two have a vector, and returns how many texts the stub was
/// asked for.
fn texts_asked_of(settings: &str, embedding: Value) -> usize {
    let stub = Stub::new(&[]);
    let store = TestStore::fresh();
    let config = format!(
        "[index]\nembedder = \"openai\"\nurl = \"{}\"\nmodel = \"m\"\nbatch = 1\n{settings}",
        stub.url
    );
    std::fs::write(store.path.join(".ovpack/config.toml"), config).unwrap();
    let mut pack = PackBuilder::of("viking://resources/notes").laid_out(Layout::V3);
    for (number, name) in ["a.md", "b.md", "c.md"].into_iter().enumerate() {
        let mut record = json!({
            "record_id": format!("r{number}"), "path": name, "kind": "file", "level": 2, "scalars": { "name": name },
        });
        if number < 2 {
            record["vector"] = json!({ "dense": { "offset": 4 * number, "dimensions": 4 } });
        }
        pack = pack.file(name, format!("note {name}")).line(record);
    }
    let pack = pack
        .dense(4, &[1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0])
        .manifest(move |manifest| manifest["index"]["dense"]["embedding"] = embedding)
        .write(&store.beside("notes.ovpack"));
    store.import(&pack, "viking://resources");
    let status = refresh(&store);
    assert_eq!(
        (status.vectors, status.pending, status.failure),
        (3, 0, None)
    );
    let asked = stub.batches().iter().sum();
    // The stub's vector of a single text points to the first side, as that of `a.md` does.
    let options = FindOptions {
        key: Some("secret".to_owned()),
        ..FindOptions::default()
    };
    let report = store.open().find("zzz", &options).unwrap();
    let place = |leaf: &str| {
        let mut hits = report.hits.iter();
        hits.position(|hit| hit.uri.to_string().ends_with(leaf))
    };
    assert!(place("a.md") < place("b.md"), "{report:?}");
    assert!(
        place("a.md").is_some() && place("c.md").is_some(),
        "{report:?}"
    );
    assert_eq!(refresh(&store).vectors, 3);
    asked
}

#[test]
fn vectors_of_a_pack_are_used_where_the_stores_own_model_made_them() {
    let same = json!({ "provider": "openai", "model": "m", "dimensions": 4 });
    assert_eq!(
        texts_asked_of("dimensions = 4\n", same.clone()),
        1,
        "all is known"
    );
    // How long the model's vectors are is only known after the first.
    assert!(
        (1..=2).contains(&texts_asked_of("", same)),
        "as soon as it is known"
    );
    for other in [
        json!({ "provider": "openai", "model": "other", "dimensions": 4 }),
        json!({ "provider": "volcengine", "model": "m", "dimensions": 4 }),
        json!({ "provider": "openai", "model": "m", "document_param": "passage" }),
        json!({ "dimensions": 4 }),
    ] {
        assert_eq!(texts_asked_of("", other.clone()), 3, "{other}");
    }
}
