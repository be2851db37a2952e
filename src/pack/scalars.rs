//! Scalars of index records and of what is said of an index: flat values by known keys.

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde_json::{Map, Number, Value};

use super::json::{KeySeed, Skipped};
use crate::record::GivenScalars;

/// Scalars that travel; all others belong to the place that wrote the pack.
const PORTABLE_SCALARS: &[&str] = &[
    "type",
    "context_type",
    "level",
    "name",
    "description",
    "tags",
    "abstract",
];

/// The places of those keys in the order of their names: of what a record keeps, and of what follows
/// from the place.
const KEPT: [usize; 5] = [6, 4, 3, 5, 0];
const PLACED: [usize; 2] = [1, 2];

/// Reads the portable scalars of a record, each once; `null` is an empty object. They are written as
/// JSON while they are read: packs have hundreds of thousands.
pub(super) struct GivenSeed;

impl<'de> DeserializeSeed<'de> for GivenSeed {
    type Value = GivenScalars;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for GivenSeed {
    type Value = GivenScalars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of scalars")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(GivenScalars::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut json = Vec::with_capacity(1 << 10);
        let mut ranges: [Option<Range<usize>>; PORTABLE_SCALARS.len()] = Default::default();
        while let Some(key) = members.next_key_seed(KeySeed(PORTABLE_SCALARS))? {
            let Some(range) = key.and_then(|key| ranges.get_mut(key)) else {
                members.next_value::<Skipped>()?;
                continue;
            };
            let begin = json.len();
            members.next_value_seed(ScalarJson::into(&mut json))?;
            if range.replace(begin..json.len()).is_some() {
                let key = key.and_then(|key| PORTABLE_SCALARS.get(key));
                return Err(A::Error::duplicate_field(key.copied().unwrap_or_default()));
            }
        }
        // What was written as JSON is text.
        let json = str::from_utf8(&json).unwrap_or_default();
        let value = |key: usize| {
            let range = ranges.get(key)?.clone()?;
            Some((*PORTABLE_SCALARS.get(key)?, json.get(range)?))
        };
        let placed = object(PLACED.into_iter().filter_map(value), json.len());
        Ok(GivenScalars {
            kept: object(KEPT.into_iter().filter_map(value), json.len()),
            placed: (placed != "{}").then_some(placed),
        })
    }
}

/// Puts an object together of keys that need no escapes, and of values.
fn object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>, bytes: usize) -> String {
    let mut object = String::with_capacity(bytes.saturating_add(80));
    object.push('{');
    for (key, value) in members {
        let comma = if object.len() > 1 { "," } else { "" };
        object.extend([comma, "\"", key, "\":", value]);
    }
    object.push('}');
    object
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
        let mut json = Vec::new();
        ScalarJson::into(&mut json).deserialize(deserializer)?;
        serde_json::from_slice(&json)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// Most items of a scalar that is a list, such as tags.
const LIST_ITEMS_MAX: usize = 1024;

/// Writes a scalar as JSON.
struct ScalarJson<'j> {
    json: &'j mut Vec<u8>,
    is_in_list: bool,
}

impl<'j> ScalarJson<'j> {
    const fn into(json: &'j mut Vec<u8>) -> Self {
        Self {
            json,
            is_in_list: false,
        }
    }

    fn write<E: serde::de::Error>(self, value: &(impl Serialize + ?Sized)) -> Result<(), E> {
        serde_json::to_writer(self.json, value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for ScalarJson<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarJson<'_> {
    type Value = ();

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

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.write(&())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.write(&Number::from_f64(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.write(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.is_in_list {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        self.json.push(b'[');
        let mut count = 0_usize;
        loop {
            let end = self.json.len();
            if count > 0 {
                self.json.push(b',');
            }
            let item = ScalarJson {
                json: &mut *self.json,
                is_in_list: true,
            };
            if items.next_element_seed(item)?.is_none() {
                self.json.truncate(end);
                break;
            }
            count = count.saturating_add(1);
            if count > LIST_ITEMS_MAX {
                return Err(A::Error::invalid_length(count, &self));
            }
        }
        self.json.push(b']');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_written_as_they_would_be_if_they_were_sorted_and_taken_apart() {
        assert!(KEPT.map(|key| PORTABLE_SCALARS[key]).is_sorted());
        assert!(PLACED.map(|key| PORTABLE_SCALARS[key]).is_sorted());
        for text in [
            "{}",
            "null",
            r#"{"type":"a","context_type":"b","level":2,"name":"c","description":"d","tags":["e",1,-2.50,null,true],"abstract":"f"}"#,
            r#"{"abstract":"\"\\\n\u00e9\ud83d\ude00/\u0001","tags":[],"name":[0.1e3],"level":null}"#,
            r#"{"uri":{"x":[{}]},"name":18446744073709551615,"description":false}"#,
        ] {
            let mut json = serde_json::Deserializer::from_str(text);
            let found = GivenSeed.deserialize(&mut json).expect(text);
            let mut all: Option<Map<String, Value>> = serde_json::from_str(text).expect("JSON");
            let all = all.get_or_insert_default();
            all.retain(|key, _| PORTABLE_SCALARS.contains(&key.as_str()));
            assert_eq!(found, GivenScalars::of(all), "{text}");
        }
        for text in [
            "1",
            "[]",
            r#"{"name":{}}"#,
            r#"{"name":[[]]}"#,
            r#"{"name":1,"name":1}"#,
        ] {
            let mut json = serde_json::Deserializer::from_str(text);
            assert!(GivenSeed.deserialize(&mut json).is_err(), "{text}");
        }
    }
}
