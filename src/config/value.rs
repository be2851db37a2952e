//! Values of settings, as they are read and written.

use std::fmt;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::index::EmbedderKind;
use super::key::{Form, Key};
use crate::measure::{parse_age, parse_bytes};
use crate::pack::Layout;

/// A value. Those that can be written in several ways keep theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Path(Utf8PathBuf),
    Text(String),
    Layout(Layout),
    Embedder(EmbedderKind),
    Number(u64),
    Bytes(u64, String),
    Age(Duration, String),
}

impl Value {
    /// Reads a value, or says what is wrong with it.
    pub(super) fn from_text(key: &Key, text: &str) -> Result<Self, String> {
        let wrong = |why: &dyn fmt::Display| Err(format!("`{}` is `{text}`: {why}", key.name));
        match key.form {
            _ if text.is_empty() => wrong(&"it has no value"),
            Form::Path => Ok(Self::Path(text.into())),
            Form::Text => Ok(Self::Text(text.to_owned())),
            Form::Url if text.starts_with("http://") || text.starts_with("https://") => {
                Ok(Self::Text(text.to_owned()))
            }
            Form::Url => wrong(&"it begins with `http://` or `https://`"),
            Form::Layout => text
                .parse()
                .map(Self::Layout)
                .or_else(|_| wrong(&"it is one of v2, v2-files and v3")),
            Form::Embedder => EmbedderKind::from_name(text)
                .map(Self::Embedder)
                .map_or_else(|| wrong(&"it is one of builtin, openai and none"), Ok),
            Form::Number(least, most) => match text.parse() {
                Ok(number) if (least..=most).contains(&number) => Ok(Self::Number(number)),
                _ if most == u64::MAX => wrong(&"it is a number"),
                _ => wrong(&format_args!("it is a number from {least} to {most}")),
            },
            Form::Bytes(most) => match parse_bytes(text) {
                Ok(bytes) if bytes <= most => Ok(Self::Bytes(bytes, text.to_owned())),
                Ok(_) => wrong(&format_args!("it can only be made lower than {most}")),
                Err(fault) => wrong(&fault),
            },
            Form::Age => match parse_age(text) {
                Ok(age) => Ok(Self::Age(age, text.to_owned())),
                Err(fault) => wrong(&fault),
            },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path.as_str()),
            Self::Text(text) | Self::Bytes(_, text) | Self::Age(_, text) => f.write_str(text),
            Self::Layout(layout) => f.write_str(layout.as_str()),
            Self::Embedder(embedder) => f.write_str(embedder.as_str()),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}
