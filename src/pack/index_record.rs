//! Index records: what a pack says about a path at one level, in the manifest or on a line.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde_json::{Map, Number, Value};

use super::json::{Count, KeySeed, STRING_BYTES_MAX, Skipped, TextSeed, set_once};
use super::reading::Reading;
use super::record_lines::DenseReference;
use crate::entry_path::{EntryKind, EntryPath};

/// Scalars that travel; all others belong to the place that wrote the pack.
pub(crate) const PORTABLE_SCALARS: &[&str] = &[
    "type",
    "context_type",
    "level",
    "name",
    "description",
    "tags",
    "abstract",
];
/// Most items of a scalar that is a list, such as tags.
const LIST_ITEMS_MAX: usize = 1024;

/// One record: a path at one level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IndexRecord {
    /// What it describes, below the root.
    pub(crate) path: EntryPath,
    /// 0 abstract, 1 overview, 2 content.
    pub(crate) level: u8,
    /// The portable scalars, at most; texts, numbers, truth values, nulls, and lists of them.
    pub(crate) scalars: Map<String, Value>,
    /// Text of levels 0 and 1.
    pub(crate) text: Option<String>,
    /// What a record says beside, where it stands on a line of its own.
    pub(crate) line: Option<RecordLine>,
}

impl IndexRecord {
    /// Returns about how much memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let scalars = self.scalars.iter();
        let scalars = scalars.map(|(key, value)| key.len().saturating_add(memory_of(value)));
        let text = self.text.as_ref().map_or(0, String::len);
        let line = self.line.as_ref().map_or(0, |line| line.record_id.len());
        scalars
            .chain([size_of::<Self>(), self.path.len(), text, line])
            .fold(0, usize::saturating_add)
    }
}

fn memory_of(value: &Value) -> usize {
    let beside = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(memory_of).fold(0, usize::saturating_add),
        // No scalar is one.
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    beside.saturating_add(size_of::<Value>())
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
pub(super) struct VectorsSeed<'r, 's>(pub(super) &'r mut Reading<'s>);

impl<'de> DeserializeSeed<'de> for VectorsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for VectorsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from paths to lists of index records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let text = TextSeed {
            bytes_max: STRING_BYTES_MAX,
        };
        while let Some(path) = members.next_key_seed(text)? {
            let path = self.0.path(&path)?;
            members.next_value_seed(RecordsSeed(&mut *self.0, path.as_ref()))?;
        }
        Ok(())
    }
}

/// Reads the records of one path; without a path only their shape.
struct RecordsSeed<'r, 's, 'p>(&'r mut Reading<'s>, Option<&'p EntryPath>);

impl<'de> DeserializeSeed<'de> for RecordsSeed<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RecordsSeed<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of index records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(Claim {
            level,
            scalars,
            text,
        }) = items.next_element()?
        {
            let Some(path) = self.1.cloned() else {
                continue;
            };
            let record = IndexRecord {
                path,
                level,
                scalars,
                text,
                line: None,
            };
            self.0.give(|sink| sink.record(record))?;
        }
        Ok(())
    }
}

struct Claim {
    level: u8,
    scalars: Map<String, Value>,
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
                    let value = members.next_value_seed(ScalarsSeed(PORTABLE_SCALARS))?;
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

/// Reads an object's known keys, each once, with flat values; `null` is an empty object.
pub(super) struct ScalarsSeed(pub(super) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for ScalarsSeed {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarsSeed {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of scalars")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Map::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut scalars = Map::new();
        while let Some(key) = members.next_key_seed(KeySeed(self.0))? {
            let Some(key) = key.and_then(|key| self.0.get(key).copied()) else {
                members.next_value::<Skipped>()?;
                continue;
            };
            let Scalar(value) = members.next_value()?;
            if scalars.insert(key.to_owned(), value).is_some() {
                return Err(A::Error::duplicate_field(key));
            }
        }
        Ok(scalars)
    }
}

/// A scalar's value: flat, so that its size in memory is about its size in the manifest.
pub(super) struct Scalar(pub(super) Value);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = ScalarVisitor { is_in_list: false };
        deserializer.deserialize_any(visitor).map(Self)
    }
}

#[derive(Clone, Copy)]
struct ScalarVisitor {
    is_in_list: bool,
}

impl<'de> DeserializeSeed<'de> for ScalarVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_in_list {
            f.write_str("a text, number, truth value or null")
        } else {
            write!(
                f,
                "a text, number, truth value, null, or a list of at most {LIST_ITEMS_MAX} of them"
            )
        }
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        if self.is_in_list {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self { is_in_list: true })? {
            list.push(item);
            if list.len() > LIST_ITEMS_MAX {
                return Err(A::Error::invalid_length(list.len(), &self));
            }
        }
        Ok(Value::Array(list))
    }
}
