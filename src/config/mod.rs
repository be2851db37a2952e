//! Settings: what need not be said with each act. They are values by key, each with its origin.
//!
//! A file of settings is TOML that people write: `.ovpack/config.toml` of a store, and one of a user
//! wherever the caller has it. Who calls the library may have others still, such as those of an
//! environment, which the library does not read. One layer of settings is laid [over](Settings::over)
//! another; what none of them says has its default. A key that there is not is an error: a setting
//! that is misspelt would otherwise be one that does nothing.

mod file;
mod index;
mod key;
mod origin;
mod value;

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::jobs::Jobs;
use crate::limits::Limits;
use crate::pack::Layout;

pub(crate) use file::write_layout;
pub(crate) use index::{EmbedderKind, IndexSettings};
use key::Key;
pub use origin::Origin;
use value::Value;

/// Settings by key, as far as somebody said something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    given: BTreeMap<&'static str, Given>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    value: Value,
    origin: Origin,
}

/// One setting, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its key, such as `limits.members`.
    pub key: &'static str,
    /// Its value as it is written; `None` where it has none by default.
    pub value: Option<String>,
    /// Who said so.
    pub origin: Origin,
}

/// Which replaced trees a prune keeps where it is not told otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Those of the newest commits that hold one.
    pub keep_last: Option<u64>,
    /// Those of commits younger than this.
    pub keep_within: Option<Duration>,
    /// As many bytes of the newest others.
    pub max_bytes: Option<u64>,
}

impl Settings {
    /// Returns all keys that there are, in the order in which they are listed.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        key::ALL.iter().map(|key| key.name)
    }

    /// Sets one by its key; `text` is the value as it stands in a file, without quotes.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`] where the key or the value is none; it names the origin.
    pub fn set(&mut self, key: &str, text: &str, origin: Origin) -> Result<()> {
        let read = match key::find(key) {
            Some(key) => Value::from_text(key, text).map(|value| (key, value)),
            None => Err(key::unknown(key)),
        };
        let (key, value) = read.map_err(|detail| invalid(&origin, detail))?;
        self.given.insert(key.name, Given { value, origin });
        Ok(())
    }

    /// Returns these settings, and those of `under` where these say nothing.
    #[must_use]
    pub fn over(mut self, under: &Self) -> Self {
        for (key, given) in &under.given {
            self.given.entry(key).or_insert_with(|| given.clone());
        }
        self
    }

    /// Lists every setting with its value and who said so.
    pub fn list(&self) -> Vec<Setting> {
        let listed = key::ALL.iter().map(|key| match self.given.get(key.name) {
            Some(given) => Setting {
                key: key.name,
                value: Some(given.value.to_string()),
                origin: given.origin.clone(),
            },
            None => Setting {
                key: key.name,
                value: key.default(),
                origin: Origin::Default,
            },
        });
        listed.collect()
    }

    /// Returns the store that is meant where none is named and none is near.
    pub fn store(&self) -> Option<&Utf8Path> {
        match self.value(&key::STORE) {
            Some(Value::Path(path)) => Some(path),
            _ => None,
        }
    }

    /// Returns how many threads work on an act.
    pub fn jobs(&self) -> Option<Jobs> {
        let threads = usize::try_from(self.number(&key::JOBS)?).ok()?;
        threads.try_into().ok().map(Jobs::new)
    }

    /// Returns the layout of packs.
    pub fn layout(&self) -> Option<Layout> {
        match self.value(&key::LAYOUT) {
            Some(Value::Layout(layout)) => Some(*layout),
            _ => None,
        }
    }

    /// Returns the bounds on what a pack may ask for.
    pub fn limits(&self) -> Limits {
        let by_default = Limits::default();
        let of = |key: &Key, or| self.number(key).unwrap_or(or);
        Limits {
            manifest_bytes: of(&key::MANIFEST_BYTES, by_default.manifest_bytes),
            members: of(&key::MEMBERS, by_default.members),
            path_bytes: of(&key::PATH_BYTES, by_default.path_bytes),
            component_bytes: of(&key::COMPONENT_BYTES, by_default.component_bytes),
            depth: of(&key::DEPTH, by_default.depth),
            ratio: of(&key::RATIO, by_default.ratio),
            ratio_floor_bytes: of(&key::RATIO_FLOOR_BYTES, by_default.ratio_floor_bytes),
            unpacked_bytes: self.number(&key::UNPACKED_BYTES),
        }
    }

    /// Returns which replaced trees a prune keeps.
    pub fn retention(&self) -> Retention {
        Retention {
            keep_last: self.number(&key::KEEP_LAST),
            keep_within: match self.value(&key::KEEP_WITHIN) {
                Some(Value::Age(age, _)) => Some(*age),
                _ => None,
            },
            max_bytes: self.number(&key::MAX_BYTES),
        }
    }

    fn value(&self, key: &Key) -> Option<&Value> {
        self.given.get(key.name).map(|given| &given.value)
    }

    fn number(&self, key: &Key) -> Option<u64> {
        match self.value(key) {
            Some(Value::Number(number)) => Some(*number),
            Some(Value::Bytes(bytes, _)) => Some(*bytes),
            _ => None,
        }
    }

    fn text(&self, key: &Key) -> Option<String> {
        match self.value(key) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }
}

/// Makes the error of something that an origin says.
fn invalid(origin: &Origin, detail: String) -> Error {
    match origin {
        Origin::File { path, line } => Error::ConfigInvalid {
            path: path.clone(),
            detail: format!("line {line}: {detail}"),
        },
        Origin::Flag { name } | Origin::Environment { name } => Error::ConfigInvalid {
            path: Utf8PathBuf::from(name.as_str()),
            detail,
        },
        Origin::Default => Error::ConfigInvalid {
            path: "a default".into(),
            detail,
        },
    }
}

#[cfg(test)]
mod tests;
