//! The built program as a server on a free port of loopback, and the plainest client of it: what is
//! sent is what a test says, also where it is no good HTTP.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use serde_json::{Value, json};

use super::TestStore;

/// Longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server; killed with it.
#[derive(Debug)]
pub(crate) struct Serving {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    /// The key that requests carry, where they are not told otherwise.
    key: Option<String>,
}

/// An answer.
#[derive(Clone, Debug)]
#[must_use = "assert its status"]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Returns a header; `""` where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// Asserts success and returns the result.
    #[track_caller]
    pub(crate) fn result(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        let json = self.json();
        assert_eq!(json["status"], "ok", "{json}");
        json["result"].clone()
    }

    /// Asserts a refusal, by status, OpenViking's code and reason; returns its error.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, reason: &str) -> Value {
        let json = self.json();
        let told = (
            self.status,
            json["error"]["code"].as_str(),
            json["error"]["reason"].as_str(),
        );
        assert_eq!(told, (status, Some(code), Some(reason)), "{json}");
        assert_eq!(json["status"], "error");
        json["error"].clone()
    }
}

impl Serving {
    /// Starts a server without keys.
    pub(crate) fn start(store: &TestStore) -> Self {
        Self::start_with(store, &[])
    }

    /// Starts a server with arguments.
    pub(crate) fn start_with(store: &TestStore, arguments: &[&str]) -> Self {
        let mut command = store.command(["serve", "--addr", "127.0.0.1:0"]);
        Self::of(command.args(arguments))
    }

    /// Starts a server by a command of its own.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.unwrap_or_else(|| {
            let mut stderr = String::new();
            let pipe = child.stderr.as_mut().unwrap();
            pipe.read_to_string(&mut stderr).unwrap();
            panic!("{line:?} {stderr}")
        });
        Self {
            child,
            address: address.to_owned(),
            key: None,
        }
    }

    /// Returns the id of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Lets requests carry a key.
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request with these headers, and nothing else but what HTTP needs.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let mut stream = self.connect();
        stream
            .write_all(&self.head(method, path, headers, body.len()))
            .unwrap();
        // A server that refuses early may close before it has read everything.
        stream.write_all(body).unwrap_or(());
        read_reply(&mut stream)
    }

    /// Returns the head of a request.
    pub(crate) fn head(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        length: usize,
    ) -> Vec<u8> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        let has = |name: &str| headers.iter().any(|(known, _)| known == &name);
        if !has("Host") {
            write!(head, "Host: {}\r\n", self.address).unwrap();
        }
        if let Some(key) = self.key.as_ref().filter(|_| !has("X-API-Key")) {
            write!(head, "X-API-Key: {key}\r\n").unwrap();
        }
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "Content-Length: {length}\r\n\r\n").unwrap();
        head.into_bytes()
    }

    /// Asks for something.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// Posts a JSON object.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, &[], body)
    }

    /// The same with more headers.
    pub(crate) fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let mut all = vec![("Content-Type", "application/json")];
        all.extend(headers);
        self.send("POST", path, &all, body.to_string().as_bytes())
    }

    /// Posts a form.
    pub(crate) fn post_form(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Reply {
        let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.send("POST", path, &all, form.as_bytes())
    }

    /// Uploads bytes as a form does.
    pub(crate) fn upload_bytes(&self, name: &str, bytes: &[u8]) -> Reply {
        let (content_type, body) = upload_form(name, bytes);
        let headers = [("Content-Type", content_type)];
        self.send("POST", "/api/v1/resources/temp_upload", &headers, &body)
    }

    /// Returns the head and the body of an upload, for who sends them in a way of their own.
    pub(crate) fn raw_upload(&self, name: &str, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (content_type, body) = upload_form(name, bytes);
        let headers = [("Content-Type", content_type)];
        let path = "/api/v1/resources/temp_upload";
        (self.head("POST", path, &headers, body.len()), body)
    }

    /// Uploads a pack and returns its id.
    #[track_caller]
    pub(crate) fn upload(&self, pack: &Utf8Path) -> String {
        let bytes = std::fs::read(pack).unwrap();
        let reply = self.upload_bytes(pack.file_name().unwrap(), &bytes);
        reply.result()["temp_file_id"].as_str().unwrap().to_owned()
    }

    /// Uploads and imports a pack.
    pub(crate) fn import(&self, pack: &Utf8Path, parent: &str, on_conflict: &str) -> Reply {
        let id = self.upload(pack);
        let body = json!({ "temp_file_id": id, "parent": parent, "on_conflict": on_conflict });
        self.post("/api/v1/pack/import", &body)
    }

    /// Asks the server to end, as an init system does.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Kills the server.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the server's end; returns its exit code and its log.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }

    /// Waits until a number of `/metrics` is what it should be.
    #[track_caller]
    pub(crate) fn wait_for(&self, number: &str, value: u64) {
        let begun = Instant::now();
        let line = format!("ovpack_{number} {value}");
        while !self
            .get("/metrics")
            .text()
            .lines()
            .any(|found| found == line)
        {
            assert!(begun.elapsed() < PATIENCE, "{line} does not come");
            std::thread::yield_now();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().unwrap_or(());
        drop(self.child.wait());
    }
}

/// Returns a form with one part `file`, and its type.
pub(crate) fn upload_form(name: &str, bytes: &[u8]) -> (&'static str, Vec<u8>) {
    let head = format!(
        "--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    let body = [head.as_bytes(), bytes, b"\r\n--limit--\r\n"].concat();
    ("multipart/form-data; boundary=limit", body)
}

/// Reads an answer to its end.
pub(crate) fn read_reply(stream: &mut TcpStream) -> Reply {
    reply_if_any(stream).expect("an answer")
}

/// Reads an answer to its end, or `None` where the connection is closed without any.
pub(crate) fn reply_if_any(stream: &mut TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    // What was sent and not read makes the system reset the connection after the answer.
    let read = stream.read_to_end(&mut bytes);
    stream.shutdown(Shutdown::Both).unwrap_or(());
    if bytes.is_empty() {
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(read.as_ref().err().is_none_or(reset), "{read:?}");
        return None;
    }
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    });
    let reply = Reply {
        status: status.parse().unwrap(),
        headers: headers.collect(),
        body: bytes[end + 4..].to_vec(),
    };
    let length = reply.header("content-length");
    assert_eq!(length, reply.body.len().to_string(), "the whole body came");
    Some(reply)
}
