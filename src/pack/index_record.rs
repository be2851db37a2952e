//! Index records: what a pack says about a path at one level, in the manifest or on a line.

use std::fmt;
use std::io;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Unexpected, Visitor};

use super::json::{Count, KeySeed, STRING_BYTES_MAX, Skipped, TextSeed, set_once};
use super::json_stream::{Fault, JsonStream};
use super::reading::Reading;
use super::record_lines::DenseReference;
use super::scalars::GivenSeed;
use crate::entry_path::{EntryKind, EntryPath};
use crate::record::GivenScalars;

/// One record: a path at one level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IndexRecord {
    /// What it describes, below the root.
    pub(crate) path: EntryPath,
    /// 0 abstract, 1 overview, 2 content.
    pub(crate) level: u8,
    /// The portable scalars, at most; texts, numbers, truth values, nulls, and lists of them.
    pub(crate) scalars: GivenScalars,
    /// Text of levels 0 and 1.
    pub(crate) text: Option<String>,
    /// What a record says beside, where it stands on a line of its own.
    pub(crate) line: Option<RecordLine>,
}

/// What only a record on a line of its own says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordLine {
    /// Unique in the pack.
    pub(crate) record_id: String,
    /// What it describes.
    pub(crate) kind: EntryKind,
    /// Where its dense vector stands.
    pub(crate) dense: Option<DenseReference>,
    /// Whose it is.
    pub(crate) user_id: Option<String>,
}

/// Reads `vectors` and gives each record to the sink.
pub(super) fn read_vectors<R: io::Read>(
    json: &mut JsonStream<R>,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let text = TextSeed {
        bytes_max: STRING_BYTES_MAX,
    };
    let mut vectors = json.begin_object("an object from paths to lists of index records")?;
    while let Some(path) = json.next_key(&mut vectors, text)? {
        // Without a path that is one only the shape of its records is looked at.
        let path = reading.path::<Fault>(&path)?;
        let mut records = json.begin_list("a list of index records")?;
        while json.has_next(&mut records)? {
            let claim: Claim = json.value(PhantomData)?;
            let Some(path) = &path else {
                continue;
            };
            let record = IndexRecord {
                path: path.clone(),
                level: claim.level,
                scalars: claim.scalars,
                text: claim.text,
                line: None,
            };
            reading.give::<Fault>(|sink| sink.record(record))?;
        }
    }
    Ok(())
}

struct Claim {
    level: u8,
    scalars: GivenScalars,
    text: Option<String>,
}

impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimVisitor)
    }
}

struct ClaimVisitor;

impl<'de> Visitor<'de> for ClaimVisitor {
    type Value = Claim;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index record with a `level` from 0 to 2")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Claim, A::Error> {
        const KEYS: &[&str] = &["level", "scalars", "text"];
        let (mut level, mut scalars, mut text) = (None, None, None);
        while let Some(key) = members.next_key_seed(KeySeed(KEYS))? {
            match key {
                Some(0) => set_once(&mut level, "level", members.next_value::<Count>()?)?,
                Some(1) => {
                    let value = members.next_value_seed(GivenSeed)?;
                    set_once(&mut scalars, "scalars", value)?;
                }
                Some(2) => {
                    let value = members.next_value::<Option<String>>()?;
                    set_once(&mut text, "text", value)?;
                }
                _ => {
                    members.next_value::<Skipped>()?;
                }
            }
        }
        let Count(level) = level.ok_or_else(|| A::Error::missing_field("level"))?;
        let level = level_of(level)
            .ok_or_else(|| A::Error::invalid_value(Unexpected::Other("another level"), &self))?;
        Ok(Claim {
            level,
            scalars: scalars.unwrap_or_default(),
            text: text.flatten(),
        })
    }
}

/// Returns a level of those that there are.
pub(super) fn level_of(level: i64) -> Option<u8> {
    u8::try_from(level).ok().filter(|level| *level <= 2)
}
