//! Browsing the live tree: what is at a URI, and a file's bytes. Needs no lock and no journal.

use std::io::{self, Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;

use serde::Serialize;

use crate::clock;
use crate::entry_path::shown_name;
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind, Stat};
use crate::layout::{self, Layout};
use crate::uri::{Scope, Uri};

/// One entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListEntry {
    /// Its URI.
    pub uri: String,
    /// Its name; a byte that is not UTF-8 is shown like `\xff`.
    pub name: String,
    /// `file`, `directory`, or what else stands there.
    pub kind: &'static str,
    /// Size in bytes; 0 for a directory.
    pub size: u64,
    /// When it was last written (RFC 3339, UTC).
    pub modified_at: String,
}

/// Lists the children of a directory by name, or the file itself.
pub(crate) fn list(layout: &Layout, uri: &Uri) -> Result<Vec<ListEntry>> {
    let live = layout.open_live()?;
    let stat = live
        .stat_at(uri.path())?
        .ok_or_else(|| Error::UriNotFound { uri: uri.clone() })?;
    if stat.kind != FileKind::Directory {
        return Ok(vec![entry(
            uri.to_string(),
            uri.path().leaf().unwrap_or_default().to_owned(),
            &stat,
        )]);
    }
    let dir = live.open_dir(uri.path())?;
    let mut entries = Vec::new();
    for name in dir.names()? {
        let shown = shown_name(name.as_bytes());
        // At the root only scopes are content; what else an adopted directory holds is not ours.
        let is_content = !uri.is_root() || Scope::from_name(&shown).is_some();
        if let Some(stat) = dir
            .stat_name(&name)?
            .filter(|_| is_content && shown != layout::CONTROL)
        {
            let below = if uri.is_root() {
                format!("{uri}{shown}")
            } else {
                format!("{uri}/{shown}")
            };
            entries.push(entry(below, shown, &stat));
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn entry(uri: String, name: String, stat: &Stat) -> ListEntry {
    let size = if stat.kind == FileKind::File {
        stat.size_bytes
    } else {
        0
    };
    ListEntry {
        uri,
        name,
        kind: stat.kind.as_str(),
        size,
        modified_at: clock::rfc3339(stat.mtime_ns.div_euclid(1_000_000)),
    }
}

/// Writes a file's bytes to `out`; returns their number.
pub(crate) fn read(layout: &Layout, uri: &Uri, out: &mut dyn Write) -> Result<u64> {
    let live: Dir = layout.open_live()?;
    let stat = live
        .stat_at(uri.path())?
        .ok_or_else(|| Error::UriNotFound { uri: uri.clone() })?;
    if stat.kind != FileKind::File {
        return Err(Error::WrongEntryKind {
            uri: uri.clone(),
            expected: "file",
        });
    }
    let path = live.at(uri.path());
    let mut file = live.open_file(uri.path())?;
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0_u64;
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => count,
            Err(source) if source.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(Error::io("read", path, source)),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        out.write_all(bytes)
            .map_err(|source| Error::io("write", "the output", source))?;
        total += count as u64;
    }
}
