//! The keys that there are, and what their values may be.

use crate::jobs::Jobs;
use crate::limits::Limits;
use crate::pack::Layout;

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A path.
    Path,
    /// Any text but none.
    Text,
    /// Where a server is.
    Url,
    /// A layout of packs.
    Layout,
    /// What makes vectors.
    Embedder,
    /// A number, from the first to the second.
    Number(u64, u64),
    /// A number of bytes, of at most so many.
    Bytes(u64),
    /// A span of time.
    Age,
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// Its table and its name in it.
    pub(super) name: &'static str,
    pub(super) form: Form,
}

const fn key(name: &'static str, form: Form) -> Key {
    Key { name, form }
}

/// Makes a constant of each key, and the list of all of them.
macro_rules! keys {
    ($($constant:ident = $name:literal, $form:expr;)*) => {
        $(pub(super) const $constant: Key = key($name, $form);)*
        /// All keys, in the order in which they are listed.
        pub(super) const ALL: &[Key] = &[$($constant),*];
    };
}

keys! {
    STORE = "store", Form::Path;
    JOBS = "jobs", Form::Number(1, 64);
    LAYOUT = "layout", Form::Layout;
    MANIFEST_BYTES = "limits.manifest_bytes", Form::Bytes(u64::MAX);
    MEMBERS = "limits.members", Form::Number(0, u64::MAX);
    PATH_BYTES = "limits.path_bytes", Form::Bytes(Limits::PATH_BYTES_MAX);
    COMPONENT_BYTES = "limits.component_bytes", Form::Bytes(Limits::COMPONENT_BYTES_MAX);
    DEPTH = "limits.depth", Form::Number(0, Limits::DEPTH_MAX);
    RATIO = "limits.ratio", Form::Number(0, u64::MAX);
    RATIO_FLOOR_BYTES = "limits.ratio_floor_bytes", Form::Bytes(u64::MAX);
    UNPACKED_BYTES = "limits.unpacked_bytes", Form::Bytes(u64::MAX);
    KEEP_LAST = "retention.keep_last", Form::Number(0, u64::MAX);
    KEEP_WITHIN = "retention.keep_within", Form::Age;
    MAX_BYTES = "retention.max_bytes", Form::Bytes(u64::MAX);
    EMBEDDER = "index.embedder", Form::Embedder;
    URL = "index.url", Form::Url;
    MODEL = "index.model", Form::Text;
    KEY_ENV = "index.key_env", Form::Text;
    DIMENSIONS = "index.dimensions", Form::Number(1, 65_535);
    BATCH = "index.batch", Form::Number(1, 2_048);
    TIMEOUT_SECONDS = "index.timeout_seconds", Form::Number(1, 65_535);
}

impl Key {
    /// Returns the value where nobody says anything, as it would be written.
    pub(super) fn default(&self) -> Option<String> {
        let limits = Limits::default();
        let mebibytes = |bytes: u64| Some(format!("{}MiB", bytes >> 20));
        match self.name {
            "jobs" => Some(Jobs::default().get().to_string()),
            "layout" => Some(Layout::default().as_str().to_owned()),
            "limits.manifest_bytes" => mebibytes(limits.manifest_bytes),
            "limits.members" => Some(limits.members.to_string()),
            "limits.path_bytes" => Some(limits.path_bytes.to_string()),
            "limits.component_bytes" => Some(limits.component_bytes.to_string()),
            "limits.depth" => Some(limits.depth.to_string()),
            "limits.ratio" => Some(limits.ratio.to_string()),
            "limits.ratio_floor_bytes" => mebibytes(limits.ratio_floor_bytes),
            "index.embedder" => Some("builtin".to_owned()),
            "index.batch" => Some(super::index::BATCH.to_string()),
            "index.timeout_seconds" => Some(super::index::TIMEOUT_SECONDS.to_string()),
            _ => None,
        }
    }
}

/// Returns a key by its name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    ALL.iter().find(|key| key.name == name)
}

/// Returns whether keys stand in a table of this name.
pub(super) fn is_table(name: &str) -> bool {
    ALL.iter().any(|key| {
        key.name
            .split_once('.')
            .is_some_and(|(table, _)| table == name)
    })
}

/// Says that there is no such key, and which one may be meant.
pub(super) fn unknown(name: &str) -> String {
    if is_table(name) {
        return format!("`{name}` is a table, and has no value of its own: write [{name}]");
    }
    let leaf = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let alike = |key: &Key| {
        let whole = strsim::jaro_winkler(name, key.name);
        whole.max(strsim::jaro_winkler(&leaf(name), &leaf(key.name)))
    };
    let nearest = ALL.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    match nearest {
        Some(key) if alike(key) > 0.8 => {
            format!(
                "there is no setting `{name}`; perhaps `{}` is meant",
                key.name
            )
        }
        _ => {
            let all: Vec<_> = ALL.iter().map(|key| key.name).collect();
            format!("there is no setting `{name}`; there are {}", all.join(", "))
        }
    }
}
