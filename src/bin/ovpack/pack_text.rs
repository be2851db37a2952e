//! How the facts of a pack read.

use std::io::{self, Write};

use ovpack::VerifyReport;

use crate::escape::Shown;
use crate::human::{Bytes, Count};

/// Writes a pack's facts, one a line.
pub(crate) fn write_facts(out: &mut dyn Write, report: &VerifyReport) -> io::Result<()> {
    let scopes = match report.scopes.as_slice() {
        [] => String::new(),
        scopes => format!(" of {}", scopes.join(", ")),
    };
    writeln!(out, "pack            {}", Shown(report.pack.as_str()))?;
    writeln!(
        out,
        "kind            {}{}, layout {}",
        report.kind,
        Shown(&scopes),
        report.layout.as_str()
    )?;
    writeln!(out, "uri             {}", Shown(&report.uri))?;
    writeln!(out, "zip root        {}", Shown(&report.root))?;
    writeln!(
        out,
        "content         {} in {}, {} ({} packed)",
        Count(report.files, "file"),
        Count(report.directories, "directory"),
        Bytes(report.bytes),
        Bytes(report.pack_bytes)
    )?;
    writeln!(out, "index records   {}", report.records)?;
    writeln!(out, "content_sha256  {}", report.content_sha256)?;
    writeln!(out, "sha256          {}", report.sha256)
}
