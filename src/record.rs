//! Records of the content index: what is known of one path at one level beside its bytes.
//!
//! A record is what a pack said (its portable scalars, and the text of an abstract or overview), or
//! what follows from the `.abstract.md` and `.overview.md` of a directory. Whatever else an index
//! holds of a path (id, URI, owners, `context_type`, times) follows from where the path is now and is
//! worked out when it is asked for, so that it is right after content moved.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::digest::Digest;
use crate::entry_path::EntryPath;
use crate::uri::Uri;

/// Largest abstract or overview that gets a record. They are a few hundred bytes to a few kilobytes;
/// one that is larger is no summary, and as records stand in the manifest of a pack a handful of such
/// files could make a tree impossible to pack.
pub(crate) const TEXT_BYTES_MAX: u64 = 64 << 10;

/// Where a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexOrigin {
    /// A pack said so.
    Pack,
    /// It follows from the text that describes a directory.
    Derived,
}

impl IndexOrigin {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Derived => "derived",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Pack, Self::Derived]
            .into_iter()
            .find(|origin| origin.as_str() == name)
    }
}

/// What a record says, wherever it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordText {
    /// JSON object with sorted keys.
    pub(crate) scalars: String,
    /// Of an abstract or overview.
    pub(crate) text: Option<String>,
}

impl RecordText {
    /// Makes the record of a directory from its abstract (empty where it has none) and the text of
    /// the level.
    pub(crate) fn derived(abstract_text: &str, text: String) -> Self {
        Self {
            scalars: json!({ "abstract": abstract_text }).to_string(),
            text: Some(text),
        }
    }

    /// Returns the same of a directory that has these texts now; all else stays as it is, in the very
    /// words.
    pub(crate) fn described(&self, abstract_text: Option<&str>, text: Option<&str>) -> Self {
        let mut scalars: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&self.scalars).unwrap_or_default();
        match abstract_text.map(serde_json::value::to_raw_value) {
            Some(Ok(json)) => scalars.insert("abstract".to_owned(), json),
            Some(Err(_)) | None => scalars.remove("abstract"),
        };
        Self {
            scalars: serde_json::to_string(&scalars).unwrap_or_else(|_| "{}".to_owned()),
            text: text.map(str::to_owned),
        }
    }

    /// Returns what tells it from others: SHA-256 of `[scalars,text]` in canonical JSON.
    pub(crate) fn digest(&self) -> Digest {
        digest_of(&self.scalars, self.text.as_deref())
    }
}

/// Returns the digest of a record's columns.
pub(crate) fn digest_of(scalars: &str, text: Option<&str>) -> Digest {
    let bytes = scalars.len().saturating_add(text.map_or(0, str::len));
    // Room for what is escaped.
    let mut canonical = Vec::with_capacity(bytes.saturating_add(bytes / 4).saturating_add(64));
    // A list of texts is always JSON, and there is always room in a list of bytes.
    serde_json::to_writer(&mut canonical, &(scalars, text)).unwrap_or_default();
    Digest::of(&canonical)
}

/// The scalars of a pack's record, taken apart: two JSON objects with sorted keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GivenScalars {
    /// What a record keeps: all but what follows from the place.
    pub(crate) kept: String,
    /// What follows from the place, and no record keeps; `None` where there is nothing of it.
    pub(crate) placed: Option<String>,
}

impl Default for GivenScalars {
    fn default() -> Self {
        Self {
            kept: "{}".to_owned(),
            placed: None,
        }
    }
}

impl GivenScalars {
    /// Takes a pack's scalars apart.
    #[cfg(test)]
    pub(crate) fn of(scalars: &Map<String, Value>) -> Self {
        let is_kept =
            |key: &str| ["abstract", "description", "name", "tags", "type"].contains(&key);
        let (kept, placed): (Map<_, _>, Map<_, _>) =
            (scalars.clone().into_iter()).partition(|(key, _)| is_kept(key));
        Self {
            kept: Value::Object(kept).to_string(),
            placed: (!placed.is_empty()).then(|| Value::Object(placed).to_string()),
        }
    }

    /// Puts them together again.
    pub(crate) fn whole(
        kept: &str,
        placed: Option<&str>,
    ) -> serde_json::Result<Map<String, Value>> {
        let mut scalars: Map<String, Value> = serde_json::from_str(kept)?;
        if let Some(placed) = placed {
            scalars.extend(serde_json::from_str::<Map<String, Value>>(placed)?);
        }
        Ok(scalars)
    }
}

/// What a change set says of the record of a path at a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToldRow {
    pub(crate) path: String,
    pub(crate) level: u8,
    pub(crate) change_set: i64,
    pub(crate) kind: String,
    /// What the record was written for.
    pub(crate) content: Option<Digest>,
    pub(crate) origin: String,
    /// `None` where it has none from here on.
    pub(crate) record: Option<Digest>,
}

/// A record that is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexedRow {
    /// Below the live root.
    pub(crate) path: String,
    pub(crate) level: u8,
    pub(crate) kind: String,
    /// Digest of the file, or of the text that describes the directory.
    pub(crate) content: Option<Digest>,
    pub(crate) origin: IndexOrigin,
    pub(crate) record: Digest,
    /// Whether it was written for other content.
    pub(crate) is_stale: bool,
    /// When the transaction was committed that wrote it.
    pub(crate) updated_ms: i64,
    /// `None` where what it says is gone, which a whole journal does not have.
    pub(crate) says: Option<RecordText>,
}

/// Returns the URI of a live path that an index may have records of: none of session content, and
/// none of what lies beside the scopes.
pub(crate) fn indexable(path: &str) -> Option<Uri> {
    let uri = Uri::from_path(EntryPath::parse(path).ok()?).ok()?;
    (!uri.is_root() && !uri.is_session_content()).then_some(uri)
}

/// Returns the directory that a live file describes, and at which level; `None` for a file that
/// describes none, and in session content.
pub(crate) fn described_by(path: &str) -> Option<(&str, u8)> {
    let (directory, leaf) = path.rsplit_once('/')?;
    let level = match leaf {
        ".abstract.md" => 0,
        ".overview.md" => 1,
        _ => return None,
    };
    // `user/ID/sessions` itself has no record either, though `session` has one.
    let file = Uri::from_path(EntryPath::parse(path).ok()?).ok()?;
    let is_session = file.user_id().is_some() && file.is_session_content();
    (!is_session && indexable(directory).is_some()).then_some((directory, level))
}

/// Returns the path of the file that describes a directory at a level.
pub(crate) fn describing(directory: &str, level: u8) -> String {
    let leaf = if level == 0 {
        ".abstract.md"
    } else {
        ".overview.md"
    };
    [directory, leaf].join("/")
}

/// Returns the id of a record: it follows from its URI and level, so that it stays the same when the
/// record comes back.
pub(crate) fn id_of(uri: &Uri, level: u8) -> String {
    let digest = Digest::of(format!("{level} {uri}").as_bytes()).to_string();
    digest.get(..32).unwrap_or_default().to_owned()
}

/// Returns who owns what is at a URI: the components after `user/` and `agent/`, also where one lies
/// within the other.
pub(crate) fn owners_of(uri: &Uri) -> (Option<String>, Option<String>) {
    let components: Vec<_> = uri.path().components().collect();
    let (mut user, mut agent) = (None, None);
    for (place, pair) in components.windows(2).enumerate() {
        match (place, pair) {
            (0 | 2, ["user", id]) if user.is_none() => user = Some((*id).to_owned()),
            (0 | 2, ["agent", id]) if agent.is_none() => agent = Some((*id).to_owned()),
            _ => {}
        }
        if place == 0 && user.is_none() && agent.is_none() {
            break;
        }
    }
    (user, agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(path: &str) -> Uri {
        Uri::from_path(EntryPath::parse(path).expect("a path")).expect("a URI")
    }

    #[test]
    fn owners_are_told_by_the_place() {
        for (path, user, agent) in [
            ("user/ana/memories/a", Some("ana"), None),
            ("agent/bot/user/ana/skills", Some("ana"), Some("bot")),
            ("user/ana/agent/bot/memories", Some("ana"), Some("bot")),
            ("user/ana/x/agent/bot", Some("ana"), None),
            ("user/ana/user/ben", Some("ana"), None),
            ("user", None, None),
            ("resources/user/ana/agent/b", None, None),
        ] {
            let owned = |id: Option<&str>| id.map(str::to_owned);
            assert_eq!(owners_of(&uri(path)), (owned(user), owned(agent)), "{path}");
        }
    }

    #[test]
    fn what_describes_a_directory_is_told_by_its_name_and_place() {
        assert_eq!(
            described_by("resources/a/.abstract.md"),
            Some(("resources/a", 0))
        );
        assert_eq!(
            described_by("resources/.overview.md"),
            Some(("resources", 1))
        );
        assert_eq!(described_by("session/.abstract.md"), Some(("session", 0)));
        for path in [
            ".abstract.md",
            "resources/a/abstract.md",
            "session/s/.abstract.md",
            "user/a/sessions/.abstract.md",
            "user/a/sessions/s/.overview.md",
            "temp/.abstract.md",
        ] {
            assert_eq!(described_by(path), None, "{path}");
        }
    }

    #[test]
    fn a_record_keeps_what_travels_and_does_not_follow_from_the_place() {
        let scalars = r#"{"level":2,"context_type":"memory","tags":["b","a"],"name":"n"}"#;
        let scalars: Map<String, Value> = serde_json::from_str(scalars).expect("an object");
        let GivenScalars { kept, placed } = GivenScalars::of(&scalars);
        assert_eq!(kept, r#"{"name":"n","tags":["b","a"]}"#);
        let placed = placed.expect("what follows from the place");
        assert_eq!(placed, r#"{"context_type":"memory","level":2}"#);
        let whole = GivenScalars::whole(&kept, Some(&placed)).expect("JSON");
        assert_eq!(whole, scalars);
        let only = GivenScalars::whole(&kept, None).expect("JSON");
        assert_eq!(
            GivenScalars::of(&only),
            GivenScalars {
                kept: kept.clone(),
                placed: None
            }
        );
        assert_ne!(digest_of(&kept, None), digest_of(&kept, Some("")));
        // As docs/journal.md has it.
        assert_eq!(
            digest_of(&kept, None),
            Digest::of(json!([kept, null]).to_string().as_bytes())
        );
    }
}
