//! Files of settings.

use std::fs::File;
use std::io::{self, Read as _};

use camino::Utf8Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Origin, Settings, invalid, key};
use crate::error::{Error, Result};
use crate::fsops::{self, Dir};
use crate::layout;
use crate::pack::Layout;

/// Most bytes of a file.
const BYTES_MAX: u64 = 64 << 10;

impl Settings {
    /// Reads a user's file; none is no settings.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`] with the line; [`Error::Io`].
    pub fn read(path: &Utf8Path) -> Result<Self> {
        let file = match File::open(path) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(Self::default());
            }
            opened => opened.map_err(|source| Error::io("open", path, source))?,
        };
        Self::read_file(file, path)
    }

    /// Reads those of a store, which may be one that cannot be opened: one that is another user's tells
    /// none, and whoever needs it learns why where it is opened.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of_store(store: &Utf8Path) -> Result<Self> {
        match Dir::open(&store.join(layout::CONTROL)) {
            Err(error) if error.is_absent() || is_forbidden(&error) => Ok(Self::default()),
            control => Self::of_control(&control?),
        }
    }

    /// Reads those in a store's control directory.
    pub(crate) fn of_control(control: &Dir) -> Result<Self> {
        if control.stat_at(layout::CONFIG)?.is_none() {
            return Ok(Self::default());
        }
        let path = control.at(layout::CONFIG);
        let settings = Self::read_file(control.open_file(layout::CONFIG)?, &path)?;
        match settings.given.get(key::STORE.name) {
            Some(given) => {
                let detail = "`store` is a setting of a user's file, not of a store's own";
                Err(invalid(&given.origin, detail.to_owned()))
            }
            None => Ok(settings),
        }
    }

    fn read_file(file: File, path: &Utf8Path) -> Result<Self> {
        let mut bytes = Vec::new();
        file.take(BYTES_MAX.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| Error::io("read", path, source))?;
        let invalid = |detail| Error::ConfigInvalid {
            path: path.to_owned(),
            detail,
        };
        if bytes.len() as u64 > BYTES_MAX {
            return Err(invalid(format!("it has more than {BYTES_MAX} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|_| invalid("it is no UTF-8".to_owned()))?;
        Self::parse(&text, path)
    }

    pub(super) fn parse(text: &str, path: &Utf8Path) -> Result<Self> {
        let mut reading = Reading {
            text,
            path,
            settings: Self::default(),
        };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            invalid(&reading.origin(at), error.message().replace('\n', "; "))
        })?;
        reading.take_table("", table.get_ref())?;
        Ok(reading.settings)
    }
}

struct Reading<'a> {
    text: &'a str,
    path: &'a Utf8Path,
    settings: Settings,
}

impl Reading<'_> {
    /// Returns the place of a byte.
    fn origin(&self, at: usize) -> Origin {
        let before = self.text.get(..at).unwrap_or(self.text);
        Origin::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count().saturating_add(1),
        }
    }

    fn take_table(&mut self, above: &str, table: &DeTable<'_>) -> Result<()> {
        // In the order of the file, so that the first thing that is wrong is told.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let origin = self.origin(name.span().start);
            let full = match above {
                "" => name.get_ref().to_string(),
                above => format!("{above}.{}", name.get_ref()),
            };
            let DeValue::Table(below) = value.get_ref() else {
                self.take_value(&full, value, origin)?;
                continue;
            };
            if above.is_empty() && key::is_table(&full) {
                self.take_table(&full, below)?;
            } else if key::find(&full).is_some() {
                self.take_value(&full, value, origin)?;
            } else {
                // What stands in a table that is none tells better which one is meant.
                let first = below.keys().next();
                let first = first.map(|first| format!("{full}.{}", first.get_ref()));
                return Err(invalid(&origin, key::unknown(&first.unwrap_or(full))));
            }
        }
        Ok(())
    }

    fn take_value(
        &mut self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        origin: Origin,
    ) -> Result<()> {
        let Some(found) = key::find(name) else {
            return Err(invalid(&origin, key::unknown(name)));
        };
        let takes_numbers = matches!(found.form, key::Form::Number(..) | key::Form::Bytes(_));
        let value = value.get_ref();
        let text = if let Some(text) = value.as_str() {
            text.to_owned()
        } else if let Some(number) = value.as_integer().filter(|_| takes_numbers) {
            let read = i64::from_str_radix(number.as_str(), number.radix());
            read.map_or_else(|_| number.as_str().to_owned(), |number| number.to_string())
        } else {
            let what = if takes_numbers {
                "a number, or a text in quotes"
            } else {
                "a text in quotes"
            };
            let detail = format!("`{name}` is {}; expected {what}", value.type_str());
            return Err(invalid(&origin, detail));
        };
        self.settings.set(name, &text, origin)
    }
}

fn is_forbidden(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}

/// Writes the settings of a new store, over those that a cut-short attempt left; durable with the
/// control directory.
pub(crate) fn write_layout(control: &Dir, layout: Option<Layout>) -> Result<()> {
    if control.stat_at(layout::CONFIG)?.is_some() {
        control.remove_file(layout::CONFIG)?;
    }
    let Some(layout) = layout else {
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
