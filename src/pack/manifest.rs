//! The manifest: what a pack claims, read as a stream.
//!
//! Entries and index records go to a [`ManifestSink`] one by one; what is left is the
//! [`ManifestHead`]. Only the shape is judged here, not whether claims agree with each other or
//! with the pack: that is asked of rows.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::marker::PhantomData;

use camino::Utf8Path;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};

use super::index_claims::IndexClaims;
use super::index_record::read_vectors;
use super::inflate::MemberStream;
use super::json::{JsonSource, KeySeed, Skipped, TextSeed, set_once};
use super::json_stream::{Fault, JsonStream};
use super::manifest_entry::read_entries;
use super::reading::Reading;
use super::{Layout, Place};
use crate::digest::Digest;
use crate::error::Result;
use crate::finding::{Finding, Rule};
use crate::limits::Limits;

pub(crate) use super::index_record::{IndexRecord, RecordLine};
pub(crate) use super::manifest_entry::ManifestEntry;

/// Most bytes of a string in the head: the longest is a URI, `viking://` and a path.
const HEAD_TEXT_BYTES_MAX: usize = 8 << 10;
/// Most scopes that a backup may list. There are four; more are repeats or no scopes.
const SCOPES_MAX: usize = 16;

/// Takes what a manifest lists, in the order in which it lists it.
pub(crate) trait ManifestSink {
    /// Takes an entry. Two may have one path.
    fn entry(&mut self, entry: ManifestEntry) -> Result<()>;
    /// Takes an index record. Two may have one path and level.
    fn record(&mut self, record: IndexRecord) -> Result<()>;
    /// Takes a fault of one entry or record, which was not given.
    fn finding(&mut self, finding: Finding) -> Result<()>;
    /// Takes the name and the URI of the root as soon as they are read.
    fn root(&mut self, _name: &str, _uri: &str) -> Result<()> {
        Ok(())
    }
    /// Takes the format's version as soon as it is read.
    fn format_version(&mut self, _version: i64) -> Result<()> {
        Ok(())
    }
}

/// What a manifest says apart from its lists. Claims, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestHead {
    /// `kind`.
    pub(crate) kind: String,
    /// `format_version`.
    pub(crate) format_version: i64,
    /// The layout that has this version at the manifest's place; where none has it, which is a
    /// finding, the newest at that place.
    pub(crate) layout: Layout,
    /// `root.name`.
    pub(crate) root_name: String,
    /// `root.uri`.
    pub(crate) root_uri: String,
    /// `root.scope`.
    pub(crate) root_scope: String,
    /// `root.package_type`; absent but for backups.
    pub(crate) package_type: Option<String>,
    /// `scopes`; absent but for backups.
    pub(crate) scopes: Option<Vec<String>>,
    /// `root.user_id`; where content lies below `files/`.
    pub(crate) user_id: Option<String>,
    /// `index`; where content lies below `files/`.
    pub(crate) index: Option<IndexClaims>,
    /// `content_sha256`.
    pub(crate) content_sha256: Digest,
    /// Digest of the manifest's own bytes; observed.
    pub(crate) manifest_sha256: Digest,
    /// How many they are; observed.
    pub(crate) manifest_bytes: u64,
}

/// Reads a manifest: what its bytes are and what they say, in one go. `is_over` is asked whether
/// somebody wants the reading to end.
///
/// # Errors
/// [`crate::error::Error::Refused`] where its bytes are not what their headers say, whatever else is wrong with
/// them; else with the place where the JSON, or its shape, is wrong.
pub(super) fn read(
    stream: MemberStream<'_>,
    place: Place,
    name: &str,
    pack: &Utf8Path,
    limits: &Limits,
    sink: &mut dyn ManifestSink,
    is_over: &dyn Fn() -> bool,
) -> Result<ManifestHead> {
    let stop = RefCell::new(None);
    let mut reading = Reading {
        sink,
        place,
        limits,
        rule: Rule::ManifestSyntax,
        stop: &stop,
    };
    let mut json = JsonStream::new(JsonSource::new(stream, &stop, is_over));
    let parsed = read_head(&mut json, &mut reading);
    let parsed = parsed.and_then(|head| json.end().map(|()| head));
    let parsed = parsed.map_err(|fault| json.located(fault));
    let mut source = json.into_inner();
    let fault = match (parsed, reading.rule) {
        (Ok(head), _) => {
            let observed = source.finish();
            return Ok(ManifestHead {
                manifest_sha256: observed.sha256,
                manifest_bytes: observed.size_bytes,
                ..head
            });
        }
        (Err(fault), rule) if fault.is_shape() => Finding::new(rule, name, fault.to_string()),
        (Err(fault), _) => Finding::new(Rule::ManifestSyntax, name, fault.to_string()),
    };
    Err(source.refusal(pack, fault))
}

/// Reads a manifest that is a file of its own, not in a pack; `text` is what the file has.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_alone(
    path: &Utf8Path,
    text: &[u8],
    sink: &mut dyn ManifestSink,
) -> Result<ManifestHead> {
    let file = super::pack_file::PackFile::open(path)?;
    let mut inflater = super::inflate::Inflater::new();
    let location = super::member::MemberLocation {
        header_offset: 0,
        data_offset: 0,
        compressed_bytes: file.bytes(),
        size_bytes: file.bytes(),
        crc32: crc32fast::hash(text),
        method: super::member::Method::Stored,
    };
    let stream = MemberStream::new(&file, &mut inflater, &location, "manifest");
    let limits = &Limits::default();
    read(stream, Place::Flat, "manifest", path, limits, sink, &|| {
        false
    })
}

/// Reads the whole object; what it lists goes to the sink meanwhile.
pub(super) fn read_head<R: io::Read>(
    json: &mut JsonStream<R>,
    reading: &mut Reading<'_>,
) -> Result<ManifestHead, Fault> {
    const KEYS: &[&str] = &[
        "kind",
        "format_version",
        "root",
        "scopes",
        "entries",
        "content_sha256",
        "vectors",
        "index",
    ];
    let text = TextSeed {
        bytes_max: HEAD_TEXT_BYTES_MAX,
    };
    let (mut entries, mut vectors, mut parts) = (None, None, HeadParts::default());
    let mut head = json.begin_object("a manifest object")?;
    while let Some(key) = json.next_key(&mut head, KeySeed(KEYS))? {
        match key {
            Some(0) => set_once(&mut parts.kind, "kind", json.value(text)?)?,
            Some(1) => {
                reading.rule = Rule::FormatVersion;
                let Version(value) = json.value(PhantomData)?;
                reading.rule = Rule::ManifestSyntax;
                reading.give::<Fault>(|sink| sink.format_version(value))?;
                set_once(&mut parts.version, "format_version", value)?;
            }
            Some(2) => {
                let root = json.value(RootSeed(reading.place))?;
                reading.give::<Fault>(|sink| sink.root(&root.name, &root.uri))?;
                set_once(&mut parts.root, "root", root)?;
            }
            Some(3) => set_once(&mut parts.scopes, "scopes", json.value(PhantomData)?)?,
            Some(4) => {
                set_once(&mut entries, "entries", ())?;
                read_entries(json, reading)?;
            }
            Some(5) => {
                let digest = json.value(PhantomData)?;
                set_once(&mut parts.content_sha256, "content_sha256", digest)?;
            }
            Some(6) if reading.place == Place::Flat => {
                set_once(&mut vectors, "vectors", ())?;
                reading.rule = Rule::RecordShape;
                read_vectors(json, reading)?;
                reading.rule = Rule::ManifestSyntax;
            }
            Some(7) if reading.place == Place::Files => {
                set_once(&mut parts.index, "index", json.value(PhantomData)?)?;
            }
            _ => {
                json.value(PhantomData::<Skipped>)?;
            }
        }
    }
    entries.ok_or_else(|| Fault::missing_field("entries"))?;
    parts.finish(reading.place)
}

/// The head while it is read: what came so far.
#[derive(Default)]
struct HeadParts {
    kind: Option<String>,
    version: Option<i64>,
    root: Option<Root>,
    scopes: Option<Scopes>,
    content_sha256: Option<Digest>,
    index: Option<IndexClaims>,
}

impl HeadParts {
    fn finish<E: serde::de::Error>(self, place: Place) -> Result<ManifestHead, E> {
        let missing = E::missing_field;
        let root = self.root.ok_or_else(|| missing("root"))?;
        let format_version = self.version.ok_or_else(|| missing("format_version"))?;
        Ok(ManifestHead {
            kind: self.kind.ok_or_else(|| missing("kind"))?,
            format_version,
            layout: place
                .layout(format_version)
                .unwrap_or(place.newest_layout()),
            root_name: root.name,
            root_uri: root.uri,
            root_scope: root.scope,
            package_type: root.package_type,
            scopes: self.scopes.map(|Scopes(scopes)| scopes),
            user_id: root.user_id,
            index: self.index,
            content_sha256: self
                .content_sha256
                .ok_or_else(|| missing("content_sha256"))?,
            manifest_sha256: Digest::EMPTY,
            manifest_bytes: 0,
        })
    }
}

/// `format_version`: an integer; which one is asked of the row.
struct Version(i64);

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Numbers with a fraction or an exponent are `f64` to `serde_json`, which i64 refuses.
        i64::deserialize(deserializer).map(Self)
    }
}

struct Root {
    name: String,
    uri: String,
    scope: String,
    package_type: Option<String>,
    user_id: Option<String>,
}

struct RootSeed(Place);

impl<'de> DeserializeSeed<'de> for RootSeed {
    type Value = Root;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Root, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RootSeed {
    type Value = Root;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `name`, `uri` and `scope`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Root, A::Error> {
        const KEYS: &[&str] = &["name", "uri", "scope", "package_type", "user_id"];
        let mut texts: [Option<String>; 4] = [None, None, None, None];
        let mut user_id = None;
        let seed = TextSeed {
            bytes_max: HEAD_TEXT_BYTES_MAX,
        };
        while let Some(key) = members.next_key_seed(KeySeed(KEYS))? {
            let place = key.and_then(|key| Some((texts.get_mut(key)?, *KEYS.get(key)?)));
            match place {
                Some((place, key)) => set_once(place, key, members.next_value_seed(seed)?)?,
                None if key.is_some() && self.0 == Place::Files => {
                    set_once(&mut user_id, "user_id", members.next_value::<Option<_>>()?)?;
                }
                None => {
                    members.next_value::<Skipped>()?;
                }
            }
        }
        let [name, uri, scope, package_type] = texts;
        let missing = A::Error::missing_field;
        Ok(Root {
            name: name.ok_or_else(|| missing("name"))?,
            uri: uri.ok_or_else(|| missing("uri"))?,
            scope: scope.ok_or_else(|| missing("scope"))?,
            package_type,
            user_id: user_id.flatten(),
        })
    }
}

struct Scopes(Vec<String>);

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ScopesVisitor)
    }
}

struct ScopesVisitor;

impl<'de> Visitor<'de> for ScopesVisitor {
    type Value = Scopes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {SCOPES_MAX} scopes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scopes, A::Error> {
        let mut scopes = Vec::new();
        let seed = TextSeed {
            bytes_max: HEAD_TEXT_BYTES_MAX,
        };
        while let Some(scope) = items.next_element_seed(seed)? {
            scopes.push(scope);
            if scopes.len() > SCOPES_MAX {
                return Err(A::Error::invalid_length(scopes.len(), &self));
            }
        }
        Ok(Scopes(scopes))
    }
}
