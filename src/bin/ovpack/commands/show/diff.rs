//! How the difference of a file reads: as a unified diff.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use ovpack::{Change, DiffBody, EntryKind, FileDiff, Version};

use crate::escape::{Shown, ShownLine};

/// Writes the difference of one file. Lines are those of people who may wish a terminal ill.
pub(super) fn write(out: &mut dyn Write, file: &FileDiff) -> io::Result<()> {
    let Change {
        uri, before, after, ..
    } = &file.change;
    let path = uri.path().to_string();
    let name = |side: &str, version: &Option<Version>| match version {
        Some(version) if version.kind == EntryKind::File => format!("{side}/{}", Shown(&path)),
        _ => "/dev/null".to_owned(),
    };
    writeln!(out, "\n--- {}\n+++ {}", name("a", before), name("b", after))?;
    let hunks = match &file.body {
        DiffBody::Text { hunks } => hunks,
        DiffBody::Binary => return writeln!(out, "(no text)"),
        DiffBody::TooLarge => return writeln!(out, "(larger than 1 MiB)"),
        DiffBody::NotHeld { side: "both" } => {
            return writeln!(out, "(neither version is held any more)");
        }
        DiffBody::NotHeld { side } => {
            return writeln!(out, "(the version {side} is not held any more)");
        }
    };
    hunks.split_terminator('\n').try_for_each(|line| {
        let style = match line.as_bytes().first() {
            Some(b'+') => AnsiColor::Green.on_default(),
            Some(b'-') => AnsiColor::Red.on_default(),
            Some(b'@') => AnsiColor::Cyan.on_default(),
            _ => Style::new(),
        };
        writeln!(out, "{style}{}{style:#}", ShownLine(line))
    })
}
