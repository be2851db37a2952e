//! What a manifest says of the index that lies beside it, below `_ovpack/`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use serde_json::{Map, Value};

use super::json::{KeySeed, Skipped, set_once};
use super::scalars::{Scalar, ScalarsSeed};
use crate::digest::Digest;

/// Keys of what is said of both members.
const MEMBER_KEYS: &[&str] = &["path", "count", "sha256"];
/// Keys of what is said of the dense vectors, `embedding` apart.
const DENSE_KEYS: &[&str] = &[
    "path",
    "count",
    "sha256",
    "dimensions",
    "dtype",
    "byte_order",
    "embedding",
];
/// What may be said of the embedding that made the vectors.
const EMBEDDING_KEYS: &[&str] = &[
    "provider",
    "model",
    "input",
    "query_param",
    "document_param",
    "dimensions",
];

/// The manifest's `index`. Claims, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexClaims {
    /// `records`.
    pub(crate) records: MemberClaim,
    /// `dense`; absent where the pack carries no vectors.
    pub(crate) dense: Option<DenseClaim>,
}

/// What is said of a member of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberClaim {
    /// Its name below the ROOT.
    pub(crate) path: String,
    /// How many records or vectors it holds; at most 2^63-1.
    pub(crate) count: u64,
    /// Digest of its bytes.
    pub(crate) sha256: Digest,
}

/// What is said of the dense vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DenseClaim {
    /// As of the records.
    pub(crate) member: MemberClaim,
    /// Numbers in each vector; at most 2^63-1.
    pub(crate) dimensions: u64,
    /// The type of a number.
    pub(crate) dtype: String,
    /// The order of its bytes.
    pub(crate) byte_order: String,
    /// What made them: at most the keys that the format knows, with scalars.
    pub(crate) embedding: Map<String, Value>,
}

impl<'de> Deserialize<'de> for IndexClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(IndexVisitor)
    }
}

struct IndexVisitor;

impl<'de> Visitor<'de> for IndexVisitor {
    type Value = IndexClaims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `records`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<IndexClaims, A::Error> {
        let (mut records, mut dense) = (None, None);
        while let Some(key) = members.next_key_seed(KeySeed(&["records", "dense"]))? {
            match key {
                Some(0) => {
                    let facts = members.next_value_seed(ScalarsSeed(MEMBER_KEYS))?;
                    set_once(&mut records, "records", member_of(&facts)?)?;
                }
                Some(1) => set_once(&mut dense, "dense", members.next_value()?)?,
                _ => {
                    members.next_value::<Skipped>()?;
                }
            }
        }
        Ok(IndexClaims {
            records: records.ok_or_else(|| A::Error::missing_field("records"))?,
            dense: dense.flatten(),
        })
    }
}

impl<'de> Deserialize<'de> for DenseClaim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DenseVisitor)
    }
}

struct DenseVisitor;

impl<'de> Visitor<'de> for DenseVisitor {
    type Value = DenseClaim;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that describes dense vectors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<DenseClaim, A::Error> {
        let mut facts = Map::new();
        let mut embedding = None;
        while let Some(key) = members.next_key_seed(KeySeed(DENSE_KEYS))? {
            match key.and_then(|key| DENSE_KEYS.get(key).copied()) {
                Some("embedding") => {
                    let value = members.next_value_seed(ScalarsSeed(EMBEDDING_KEYS))?;
                    set_once(&mut embedding, "embedding", value)?;
                }
                Some(key) => {
                    let Scalar(value) = members.next_value()?;
                    if facts.insert(key.to_owned(), value).is_some() {
                        return Err(A::Error::duplicate_field(key));
                    }
                }
                None => {
                    members.next_value::<Skipped>()?;
                }
            }
        }
        Ok(DenseClaim {
            member: member_of(&facts)?,
            dimensions: count(&facts, "dimensions")?,
            dtype: text(&facts, "dtype")?,
            byte_order: text(&facts, "byte_order")?,
            embedding: embedding.unwrap_or_default(),
        })
    }
}

fn member_of<E: serde::de::Error>(facts: &Map<String, Value>) -> Result<MemberClaim, E> {
    let sha256 = text(facts, "sha256")?;
    let not_hex = || E::invalid_value(Unexpected::Str(&sha256), &"64 hexadecimal digits");
    Ok(MemberClaim {
        path: text(facts, "path")?,
        count: count(facts, "count")?,
        sha256: sha256.parse().map_err(|_| not_hex())?,
    })
}

fn text<E: serde::de::Error>(facts: &Map<String, Value>, key: &'static str) -> Result<String, E> {
    match facts.get(key) {
        Some(Value::String(text)) => Ok(super::member_name::shown(text)),
        Some(_) => Err(E::custom(format_args!("`{key}` is no text"))),
        None => Err(E::missing_field(key)),
    }
}

fn count<E: serde::de::Error>(facts: &Map<String, Value>, key: &'static str) -> Result<u64, E> {
    let value = facts.get(key).ok_or_else(|| E::missing_field(key))?;
    let count = value.as_u64().filter(|count| i64::try_from(*count).is_ok());
    count.ok_or_else(|| E::custom(format_args!("`{key}` is no integer from 0 to 2^63-1")))
}
