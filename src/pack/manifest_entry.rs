//! Entries of a manifest: the files and directories that a pack claims to have.

use std::fmt;
use std::io;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::Place;
use super::json::{Count, KeySeed, STRING_BYTES_MAX, Skipped, TextSeed, set_once};
use super::json_stream::{Fault, JsonStream};
use super::reading::Reading;
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};

/// One entry as the manifest claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestEntry {
    /// Below the root.
    pub(crate) path: EntryPath,
    /// File or directory.
    pub(crate) kind: EntryKind,
    /// At most 2^63-1. A file must have it; on a directory it means nothing.
    pub(crate) size_bytes: Option<u64>,
    /// A file must have it; on a directory it means nothing.
    pub(crate) sha256: Option<Digest>,
    /// Whose it is; where content lies below `files/`.
    pub(crate) user_id: Option<String>,
}

/// Reads `entries` and gives each to the sink.
pub(super) fn read_entries<R: io::Read>(
    json: &mut JsonStream<R>,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let mut list = json.begin_list("a list of entries")?;
    let mut entries = 0_u64;
    while json.has_next(&mut list)? {
        json.value(EntrySeed(&mut *reading))?;
        entries = entries.saturating_add(1);
        reading.ensure_entry_limit::<Fault>(entries)?;
    }
    Ok(())
}

struct EntrySeed<'r, 's>(&'r mut Reading<'s>);

impl<'de> DeserializeSeed<'de> for EntrySeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntrySeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry with `path` and `kind`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        const KEYS: &[&str] = &["path", "kind", "size", "sha256", "user_id"];
        let text = TextSeed {
            bytes_max: STRING_BYTES_MAX,
        };
        let (mut path, mut kind, mut size, mut sha256) = (None, None, None, None);
        let mut user_id = None;
        while let Some(key) = members.next_key_seed(KeySeed(KEYS))? {
            match key {
                Some(0) => set_once(&mut path, "path", members.next_value_seed(text)?)?,
                Some(1) => set_once(&mut kind, "kind", members.next_value_seed(KindSeed)?)?,
                Some(2) => set_once(&mut size, "size", members.next_value::<Count>()?)?,
                Some(3) => set_once(&mut sha256, "sha256", members.next_value()?)?,
                Some(_) if self.0.place == Place::Files => {
                    set_once(&mut user_id, "user_id", members.next_value::<Option<_>>()?)?;
                }
                _ => {
                    members.next_value::<Skipped>()?;
                }
            }
        }
        let path = path.ok_or_else(|| A::Error::missing_field("path"))?;
        let kind = kind.ok_or_else(|| A::Error::missing_field("kind"))?;
        let Some(path) = self.0.path(&path)? else {
            return Ok(());
        };
        let entry = ManifestEntry {
            path,
            kind,
            size_bytes: size.map(|Count(size)| size.unsigned_abs()),
            sha256,
            user_id: user_id.flatten(),
        };
        self.0.give(|sink| sink.entry(entry))
    }
}

pub(super) struct KindSeed;

impl<'de> DeserializeSeed<'de> for KindSeed {
    type Value = EntryKind;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<EntryKind, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KindSeed {
    type Value = EntryKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`directory` or `file`")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<EntryKind, E> {
        EntryKind::from_name(name).ok_or_else(|| {
            E::unknown_variant(&super::member_name::shown(name), &["directory", "file"])
        })
    }
}
