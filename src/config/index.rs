//! Settings of the content index: the table `[index]`.

use super::value::Value;
use super::{Settings, invalid, key};
use crate::error::Result;

/// Texts in one request, where nobody says otherwise.
pub(super) const BATCH: u16 = 64;
/// How long one request may take, where nobody says otherwise.
pub(super) const TIMEOUT_SECONDS: u16 = 30;

/// What makes vectors of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmbedderKind {
    /// The model in the program itself.
    Builtin,
    /// A server that speaks `OpenAI`'s `/v1/embeddings`.
    Openai,
    /// Nothing: full text alone is searched.
    None,
}

impl EmbedderKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Openai => "openai",
            Self::None => "none",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let mut all = [Self::Builtin, Self::Openai, Self::None].into_iter();
        all.find(|kind| kind.as_str() == name)
    }
}

/// How the content index is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexSettings {
    pub(crate) embedder: EmbedderKind,
    /// Where the server is, such as `https://api.openai.com/v1`.
    pub(crate) url: Option<String>,
    /// Which of its models.
    pub(crate) model: Option<String>,
    /// The environment variable that holds the key; the library does not read it.
    pub(crate) key_env: Option<String>,
    /// Length of the vectors, where the server is to be asked for one.
    pub(crate) dimensions: Option<u16>,
    /// Texts in one request.
    pub(crate) batch: u16,
    /// How long one request may take.
    pub(crate) timeout_seconds: u16,
}

impl Settings {
    /// Returns how the content index is made.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`](crate::Error::ConfigInvalid) where the values do not go together.
    pub(crate) fn index(&self) -> Result<IndexSettings> {
        let number = |key| {
            self.number(key)
                .and_then(|number| u16::try_from(number).ok())
        };
        let settings = IndexSettings {
            embedder: match self.value(&key::EMBEDDER) {
                Some(Value::Embedder(embedder)) => *embedder,
                _ => EmbedderKind::Builtin,
            },
            url: self.text(&key::URL),
            model: self.text(&key::MODEL),
            key_env: self.text(&key::KEY_ENV),
            dimensions: number(&key::DIMENSIONS),
            batch: number(&key::BATCH).unwrap_or(BATCH),
            timeout_seconds: number(&key::TIMEOUT_SECONDS).unwrap_or(TIMEOUT_SECONDS),
        };
        let is_server = settings.embedder == EmbedderKind::Openai;
        match self.given.get(key::EMBEDDER.name) {
            Some(given) if is_server && (settings.url.is_none() || settings.model.is_none()) => {
                let detail = "[index]: the embedder `openai` needs `url` and `model`";
                Err(invalid(&given.origin, detail.to_owned()))
            }
            _ => Ok(settings),
        }
    }

    /// Fails where values do not go together, each of which may stand alone.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`](crate::Error::ConfigInvalid).
    pub fn ensure_consistent(&self) -> Result<()> {
        self.index().map(drop)
    }
}
