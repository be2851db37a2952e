//! A copy of the journal for taking away: one consistent view, while writers go on.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::fsops::{self, Dir, OutputFile};
use crate::journal::Journal;
use crate::journal::chain::Head;
use crate::outside::ensure_outside_of_trees;

/// The form of a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum JournalFormat {
    /// A database of `SQLite` with tables, indexes and views.
    #[default]
    Database,
    /// One JSON object a line for each row, in the order of events.
    JsonLines,
}

/// How a copy is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct JournalExportOptions {
    /// The form.
    pub format: JournalFormat,
    /// Whether a file of that name may be replaced.
    pub force: bool,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalExportReport {
    /// The file.
    pub file: Utf8PathBuf,
    /// Its form.
    pub format: JournalFormat,
    /// Its size.
    pub bytes: u64,
    /// The copy's last event, and the hash that stands for all up to it.
    #[serde(flatten)]
    pub head: Head,
}

/// Copies the journal. The file has its name only when it is whole and durable.
pub(crate) fn export(
    journal: &Journal,
    out: &Utf8Path,
    options: JournalExportOptions,
) -> Result<JournalExportReport> {
    let (dir, name) = place(out, options.force)?;
    let mut file = OutputFile::create(dir.again()?, &name)?;
    let head = match options.format {
        JournalFormat::Database => {
            let path = file.temporary_path();
            let copied = journal.copy_into(&path);
            copied.map_err(|error| error.said_of(out))?;
            Journal::open_for_reading(&path)?.head()?
        }
        JournalFormat::JsonLines => {
            journal.for_each_line(&mut |line| file.append(line.as_bytes()))?
        }
    };
    file.publish(options.force)?;
    Ok(JournalExportReport {
        file: out.to_owned(),
        format: options.format,
        bytes: dir.stat_at(&name)?.map_or(0, |stat| stat.size_bytes),
        head,
    })
}

/// Returns the directory and the name there.
fn place(out: &Utf8Path, may_replace: bool) -> Result<(Dir, String)> {
    let name = out.file_name().filter(|_| !out.as_str().ends_with('/'));
    let Some(name) = name else {
        return Err(Error::InvalidArgument {
            argument: "output",
            value: out.to_string(),
            expected: "the name of a file",
        });
    };
    ensure_outside_of_trees("output", out)?;
    match out.symlink_metadata() {
        Ok(there) if may_replace && !there.is_dir() => {}
        Ok(_) => {
            return Err(Error::OutputExists {
                path: out.to_owned(),
            });
        }
        Err(source) if fsops::is_absent(&source) => {}
        Err(source) => return Err(Error::io("stat", out, source)),
    }
    let parent = match out.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent,
        _ => Utf8Path::new("."),
    };
    Ok((Dir::open(parent)?, name.to_owned()))
}
