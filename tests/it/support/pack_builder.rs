//! Packs built byte by byte, so that every field can lie.
//!
//! A [`PackBuilder`] says what a pack holds and can change any member, any key of the manifest and
//! any record of the ZIP. Nothing here uses the library's own writer.

mod zip;

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{Digest, Layout};
use serde_json::{Value, json};

pub(crate) use zip::{Header, Member, Zip, deflate, extra_field, unicode_path, zip64_field};

/// The manifest's name below ROOT.
pub(crate) const MANIFEST: &str = "_._ovpack_manifest.json";

/// The manifest's name below ROOT where content lies below `files/`.
pub(crate) const FILES_MANIFEST: &str = "_ovpack/manifest.json";
/// The name of the index records there.
pub(crate) const RECORDS: &str = "_ovpack/index_records.jsonl";
/// The name of their dense vectors.
pub(crate) const DENSE: &str = "_ovpack/dense.f32";

/// A file of the pack.
#[derive(Clone, Debug)]
struct File {
    path: String,
    bytes: Vec<u8>,
}

type ChangeManifest = Box<dyn FnOnce(&mut Value)>;
type ChangeText = Box<dyn FnOnce(String) -> Vec<u8>>;
type ChangeZip = Box<dyn FnOnce(&mut Zip)>;

/// A pack in the flat layout unless told otherwise, honest until told to lie.
pub(crate) struct PackBuilder {
    name: String,
    root: Value,
    scopes: Option<Vec<String>>,
    directories: BTreeSet<String>,
    files: Vec<File>,
    vectors: Value,
    layout: Layout,
    lines: Vec<Value>,
    /// Dimensions and numbers.
    dense: Option<(usize, Vec<f32>)>,
    change_records: Option<ChangeText>,
    change_manifest: Vec<ChangeManifest>,
    change_text: Option<ChangeText>,
    change_zip: Vec<ChangeZip>,
}

impl PackBuilder {
    /// Begins a pack of the subtree or scope at a URI.
    pub(crate) fn of(uri: &str) -> Self {
        let path = uri.strip_prefix("viking://").unwrap();
        let name = path.rsplit('/').next().unwrap();
        let scope = path.split('/').next().unwrap();
        Self::new(
            name,
            json!({ "name": name, "uri": uri, "scope": scope }),
            None,
        )
    }

    /// Begins a backup of these scopes.
    pub(crate) fn backup(scopes: &[&str]) -> Self {
        let name = "openviking-backup";
        let root =
            json!({ "name": name, "uri": "viking://", "scope": "root", "package_type": "backup" });
        let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
        let mut pack = Self::new(name, root, Some(scopes.clone()));
        pack.directories.extend(scopes);
        pack
    }

    fn new(name: &str, root: Value, scopes: Option<Vec<String>>) -> Self {
        Self {
            name: name.to_owned(),
            root,
            scopes,
            directories: BTreeSet::from([String::new()]),
            files: Vec::new(),
            vectors: json!({}),
            layout: Layout::V2Flat,
            lines: Vec::new(),
            dense: None,
            change_records: None,
            change_manifest: Vec::new(),
            change_text: None,
            change_zip: Vec::new(),
        }
    }

    /// Adds a directory and those above it.
    pub(crate) fn directory(mut self, path: &str) -> Self {
        self.add_directory(path);
        self
    }

    fn add_directory(&mut self, path: &str) {
        let mut end = 0;
        for component in path.split('/') {
            end += component.len();
            self.directories.insert(path[..end].to_owned());
            end += 1;
        }
    }

    /// Adds a file and the directories above it.
    pub(crate) fn file(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.add_directory(parent);
        }
        self.files.push(File {
            path: path.to_owned(),
            bytes: bytes.as_ref().to_vec(),
        });
        self
    }

    /// Leaves directories out of manifest and archive.
    pub(crate) fn without_directory(mut self, path: &str) -> Self {
        assert!(self.directories.remove(path), "{path:?} was there");
        self
    }

    /// Sets the index records of a path.
    pub(crate) fn records(mut self, path: &str, records: Value) -> Self {
        self.vectors[path] = records;
        self
    }

    /// Lays the pack out in another way.
    pub(crate) fn laid_out(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// Adds an index record on a line of its own.
    pub(crate) fn line(mut self, record: Value) -> Self {
        self.lines.push(record);
        self
    }

    /// Sets the dense vectors.
    pub(crate) fn dense(mut self, dimensions: usize, numbers: &[f32]) -> Self {
        self.dense = Some((dimensions, numbers.to_vec()));
        self
    }

    /// Changes the text of the index records before the manifest is made, which tells of it truly.
    pub(crate) fn records_text(mut self, change: impl FnOnce(String) -> Vec<u8> + 'static) -> Self {
        self.change_records = Some(Box::new(change));
        self
    }

    /// Changes the manifest after it was made.
    pub(crate) fn manifest(mut self, change: impl FnOnce(&mut Value) + 'static) -> Self {
        self.change_manifest.push(Box::new(change));
        self
    }

    /// Changes the manifest's text after it was written.
    pub(crate) fn manifest_text(
        mut self,
        change: impl FnOnce(String) -> Vec<u8> + 'static,
    ) -> Self {
        self.change_text = Some(Box::new(change));
        self
    }

    /// Changes the archive after its members were made.
    pub(crate) fn zip(mut self, change: impl FnOnce(&mut Zip) + 'static) -> Self {
        self.change_zip.push(Box::new(change));
        self
    }

    /// Changes the member of a path (as it is in the archive, below ROOT).
    pub(crate) fn member(self, path: &str, change: impl FnOnce(&mut Member) + 'static) -> Self {
        let name = format!("{}/{path}", self.name);
        self.zip(move |zip| change(zip.member(&name)))
    }

    /// Adds a member that the manifest does not know; `name` is the whole of it.
    pub(crate) fn stray(self, name: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> Self {
        let member = Member::stored(name.as_ref(), bytes.as_ref());
        self.zip(move |zip| {
            let at = zip.members.len() - 1;
            zip.members.insert(at, member);
        })
    }

    /// Flips one bit of a file's stored bytes and leaves every header as it was.
    pub(crate) fn damaged(self, path: &str) -> Self {
        self.member(path, |member| {
            member.data = member.data.iter().map(|byte| byte ^ 1).collect();
        })
    }

    /// Gives a file other bytes than its manifest entry says, in an archive that is sound.
    pub(crate) fn forged(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        let name = format!("{}/{path}", self.name);
        let forged = Member::stored(name.as_bytes(), bytes.as_ref());
        self.zip(move |zip| *zip.member(&name) = forged)
    }

    /// Returns the pack's bytes.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let records = self.record_text();
        let mut manifest = self.honest_manifest(&records);
        let mut members: Vec<_> = self
            .directories
            .iter()
            .map(|path| Member::directory(&self.member_name(path)))
            .collect();
        members.extend(self.files.iter().map(|file| {
            let name = self.member_name(&file.path);
            Member::stored(name.as_bytes(), &file.bytes)
        }));
        if !self.is_flat() {
            members.insert(0, Member::directory(&format!("{}/", self.name)));
            members.push(Member::directory(&format!("{}/_ovpack/", self.name)));
            let dense = self.dense_bytes();
            let beside = [(RECORDS, Some(&records)), (DENSE, dense.as_ref())];
            for (below, bytes) in beside
                .into_iter()
                .filter_map(|(b, bytes)| Some((b, bytes?)))
            {
                let name = format!("{}/{below}", self.name);
                members.push(Member::stored(name.as_bytes(), bytes));
            }
        }
        for change in self.change_manifest {
            change(&mut manifest);
        }
        let text = serde_json::to_string_pretty(&manifest).unwrap();
        let text = self
            .change_text
            .map_or_else(|| text.clone().into_bytes(), |change| change(text.clone()));
        let below = if self.layout == Layout::V2Flat {
            MANIFEST
        } else {
            FILES_MANIFEST
        };
        members.push(Member::stored(
            format!("{}/{below}", self.name).as_bytes(),
            &text,
        ));
        let mut zip = Zip {
            members,
            ..Zip::default()
        };
        for change in self.change_zip {
            change(&mut zip);
        }
        zip.bytes()
    }

    fn is_flat(&self) -> bool {
        self.layout == Layout::V2Flat
    }

    fn record_text(&mut self) -> Vec<u8> {
        let lines: Vec<_> = self.lines.iter().map(ToString::to_string).collect();
        let text = lines
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect();
        match self.change_records.take() {
            Some(change) => change(text),
            None => text.into_bytes(),
        }
    }

    fn dense_bytes(&self) -> Option<Vec<u8>> {
        let (_, numbers) = self.dense.as_ref()?;
        Some(
            numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect(),
        )
    }

    fn honest_index(&self, records: &[u8]) -> Value {
        let mut index = json!({ "records": {
            "path": RECORDS,
            "count": self.lines.len(),
            "sha256": Digest::of(records).to_string(),
        } });
        if let (Some((dimensions, numbers)), Some(bytes)) = (&self.dense, self.dense_bytes()) {
            index["dense"] = json!({
                "path": DENSE,
                "count": numbers.len() / dimensions,
                "dimensions": dimensions,
                "dtype": "float32",
                "byte_order": "little",
                "embedding": { "model": "m", "dimensions": dimensions },
                "sha256": Digest::of(&bytes).to_string(),
            });
        }
        index
    }

    /// Returns whose a path is, where the layout says so.
    fn user_of(&self, path: &str) -> Option<String> {
        let uri = self.root["uri"].as_str().unwrap();
        let live = format!("{}/{path}", uri.trim_start_matches("viking://"));
        let live = live.trim_matches('/');
        let below = live
            .strip_prefix("user/")
            .filter(|_| self.layout == Layout::V3)?;
        below.split('/').next().map(str::to_owned)
    }

    /// Writes the pack to a file and returns its path.
    pub(crate) fn write(self, path: &Utf8Path) -> Utf8PathBuf {
        std::fs::write(path, self.bytes()).unwrap();
        path.to_owned()
    }

    fn member_name(&self, path: &str) -> String {
        let mut name = self.name.clone();
        if !self.is_flat() {
            name.push_str("/files");
        }
        for component in path.split('/').filter(|component| !component.is_empty()) {
            name.push('/');
            match component.strip_prefix('.').filter(|_| self.is_flat()) {
                Some(rest) => name.extend(["_._", rest]),
                None => name.push_str(component),
            }
        }
        if self.directories.contains(path) {
            name.push('/');
        }
        name
    }

    fn honest_manifest(&self, records: &[u8]) -> Value {
        let mut entries: Vec<_> = self
            .directories
            .iter()
            .map(|path| json!({ "path": path, "kind": "directory" }))
            .collect();
        entries.extend(self.files.iter().map(|file| {
            let sha256 = Digest::of(&file.bytes).to_string();
            json!({ "path": file.path, "kind": "file", "size": file.bytes.len(), "sha256": sha256 })
        }));
        let inventory = self.files.iter().map(|file| {
            (
                file.path.as_str(),
                Digest::of(&file.bytes),
                file.bytes.len(),
            )
        });
        for entry in &mut entries {
            if let Some(user) = self.user_of(entry["path"].as_str().unwrap()) {
                entry["user_id"] = json!(user);
            }
        }
        let mut manifest = json!({
            "kind": "openviking.ovpack",
            "format_version": if self.layout == Layout::V3 { 3 } else { 2 },
            "root": self.root,
            "entries": entries,
            "content_sha256": content_sha256(inventory).to_string(),
        });
        if let Some(user) = self.user_of("") {
            manifest["root"]["user_id"] = json!(user);
        }
        let (key, value) = if self.is_flat() {
            ("vectors", self.vectors.clone())
        } else {
            ("index", self.honest_index(records))
        };
        manifest[key] = value;
        if let Some(scopes) = &self.scopes {
            manifest["scopes"] = json!(scopes);
        }
        manifest
    }
}

/// Returns the digest of a file inventory, by the words of the format and nothing else.
pub(crate) fn content_sha256<'a>(files: impl Iterator<Item = (&'a str, Digest, usize)>) -> Digest {
    let mut files: Vec<_> = files.collect();
    files.sort_by(|a, b| a.0.chars().cmp(b.0.chars()));
    let list: Vec<_> = files
        .iter()
        .map(|(path, sha256, size)| {
            let path = serde_json::to_string(path).unwrap();
            format!("{{\"path\":{path},\"sha256\":\"{sha256}\",\"size\":{size}}}")
        })
        .collect();
    Digest::of(format!("[{}]", list.join(",")).as_bytes())
}
