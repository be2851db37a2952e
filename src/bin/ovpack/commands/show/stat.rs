//! How sums by directory read: like `git diff --stat`.

use std::io::{self, Write};

use ovpack::{FileCounts, StatReport};

use crate::escape::Shown;
use crate::human::{Bytes, Count};

/// Writes the sums, one directory a line.
pub(super) fn write(out: &mut dyn Write, report: &StatReport) -> io::Result<()> {
    writeln!(out, "\nchanged files by directory")?;
    for directory in &report.directories {
        writeln!(
            out,
            "  {}  {}/",
            sums(&directory.files),
            Shown(&directory.uri)
        )?;
    }
    let listed = report.directories.len() as u64;
    let more = report.directories_total.saturating_sub(listed);
    if more > 0 {
        writeln!(out, "  and in {more} more")?;
    }
    writeln!(
        out,
        "  {}  in {}",
        sums(&report.files),
        Count(report.directories_total, "directory")
    )
}

fn sums(files: &FileCounts) -> String {
    let counts = format!("+{} ~{} -{}", files.added, files.replaced, files.removed);
    format!(
        "{counts:<20} {:>10} -> {:<10}",
        Bytes(files.bytes_before).to_string(),
        Bytes(files.bytes_after).to_string()
    )
}
