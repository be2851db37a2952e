//! A store's settings: `.ovpack/config.toml`, for people to write.
//!
//! Each setting has a default, and so does the file. A key that there is not is an error: a setting
//! that is misspelt would otherwise be one that does nothing.

use std::io::Read as _;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::fsops::{self, Dir};
use crate::layout;
use crate::pack::Layout;

/// Most bytes of the file.
const BYTES_MAX: u64 = 64 << 10;

/// A store's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// Layout of packs where none is asked for.
    pub(crate) layout: Option<Layout>,
    /// The content index.
    pub(crate) index: IndexSettings,
}

/// What makes vectors of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
}

/// Settings of the content index: the table `[index]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
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

impl Default for IndexSettings {
    fn default() -> Self {
        Self {
            embedder: EmbedderKind::Builtin,
            url: None,
            model: None,
            key_env: None,
            dimensions: None,
            batch: 64,
            timeout_seconds: 30,
        }
    }
}

impl IndexSettings {
    /// Returns what is wrong with the values together.
    fn fault(&self) -> Option<&'static str> {
        let is_server = self.embedder == EmbedderKind::Openai;
        if is_server && (self.url.is_none() || self.model.is_none()) {
            return Some("[index]: the embedder `openai` needs `url` and `model`");
        }
        let url = self.url.as_deref().unwrap_or("http://");
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Some("[index]: `url` begins with `http://` or `https://`");
        }
        if self.batch == 0 || self.batch > 2048 {
            return Some("[index]: `batch` is a number from 1 to 2048");
        }
        if self.timeout_seconds == 0 {
            return Some("[index]: `timeout_seconds` is a number from 1 to 65535");
        }
        (self.dimensions == Some(0)).then_some("[index]: `dimensions` is a number from 1 to 65535")
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    layout: Option<String>,
    #[serde(default)]
    index: IndexSettings,
}

impl Config {
    /// Reads the settings in a store's control directory.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`] with the line.
    pub(crate) fn read(control: &Dir) -> Result<Self> {
        let path = control.at(layout::CONFIG);
        if control.stat_at(layout::CONFIG)?.is_none() {
            return Ok(Self::default());
        }
        let mut text = String::new();
        control
            .open_file(layout::CONFIG)?
            .take(BYTES_MAX.saturating_add(1))
            .read_to_string(&mut text)
            .map_err(|source| Error::io("read", &*path, source))?;
        let invalid = |detail| Error::ConfigInvalid {
            path: path.clone(),
            detail,
        };
        if text.len() as u64 > BYTES_MAX {
            return Err(invalid(format!("it has more than {BYTES_MAX} bytes")));
        }
        Self::parse(&text).map_err(invalid)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let read: Text = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.unwrap_or_default().matches('\n').count();
            format!("line {}: {}", line.saturating_add(1), error.message())
        })?;
        let layout = read.layout.map(|name| {
            let layout: Result<Layout> = name.parse();
            layout.map_err(|error| error.to_string())
        });
        if let Some(fault) = read.index.fault() {
            return Err(fault.to_owned());
        }
        Ok(Self {
            layout: layout.transpose()?,
            index: read.index,
        })
    }

    /// Writes the settings of a new store, over those that a cut-short attempt left; durable with
    /// the control directory.
    pub(crate) fn write(&self, control: &Dir) -> Result<()> {
        if control.stat_at(layout::CONFIG)?.is_some() {
            control.remove_file(layout::CONFIG)?;
        }
        let Some(layout) = self.layout else {
            return Ok(());
        };
        let text = format!(
            "# The layout of packs where none is asked for: v2, v2-files or v3.\nlayout = \"{}\"\n",
            layout.as_str()
        );
        let path = control.at(layout::CONFIG);
        let mut file = control.create_file(layout::CONFIG, 0o600)?;
        fsops::write_all(&mut file, text.as_bytes(), &path)?;
        fsops::sync_file(&file, &path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_is_not_there_has_its_default() {
        for (text, layout) in [
            ("", None),
            ("# nothing\n", None),
            ("layout = \"v3\"\n", Some(Layout::V3)),
            ("layout = 'v2-files'", Some(Layout::V2Files)),
        ] {
            let config = Config {
                layout,
                ..Config::default()
            };
            assert_eq!(Config::parse(text), Ok(config), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_setting_is_told_with_its_line() {
        for (text, says) in [
            ("layuot = \"v3\"", &["layuot", "`layout`", "line 1"][..]),
            ("\n\nlayout = \"v3\"\nmore = 1", &["more", "line 4"]),
            ("layout = \"v4\"", &["v4", "v2, v2-files or v3"]),
            ("layout = 3", &["line 1"]),
            ("layout = \"v3\"\nlayout = \"v3\"", &["duplicate", "line 2"]),
            ("layout = \"v3", &["line 1"]),
            ("[layout]", &["line 1"]),
            ("[index]\nembeder = 'none'", &["embeder", "line 2"]),
            ("[index]\nembedder = 'best'", &["best", "line 2"]),
            ("[index]\nembedder = 'openai'", &["`url` and `model`"]),
            ("[index]\nurl = 'ftp://x'", &["`url`"]),
            ("[index]\nbatch = 0", &["`batch`"]),
        ] {
            let told = Config::parse(text).expect_err("refused");
            for word in says {
                assert!(told.contains(word), "{text:?}: {told}");
            }
        }
    }
}
