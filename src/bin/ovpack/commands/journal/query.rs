//! `ovpack journal query`: one question in SQL.

use std::io::{self, Write};
use std::time::Duration;

use ovpack::{QueryOptions, QueryReport, QueryValue};

use super::FileArgs;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::Count;
use crate::ui::Ui;

/// Ask the journal one question in SQL, for reading only
///
/// docs/journal.md lists the views, whose names begin with audit_, their columns and examples.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack journal query 'SELECT tx, kind, user, pack_path FROM audit_transactions'
  ovpack journal query 'SELECT * FROM audit_findings' --csv > refused.csv
  ovpack journal query 'SELECT * FROM audit_slots ORDER BY bytes DESC' --max-rows 5")]
pub(super) struct Args {
    /// Answer this one SELECT
    #[arg(value_name = "SQL")]
    sql: String,
    /// Print comma-separated values (RFC 4180) with a header
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Answer with at most N rows
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    max_rows: u64,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u64,
    #[command(flatten)]
    file: FileArgs,
}

/// Runs the verb.
pub(super) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = QueryOptions {
        max_rows: args.max_rows,
        timeout: Duration::from_secs(args.timeout),
        control: caller.control.clone(),
    };
    let report = match args.file.copy()? {
        Some(copy) => copy.query(&args.sql, &options)?,
        None => caller.store()?.query_journal(&args.sql, &options)?,
    };
    if args.csv {
        Ui::plain(|out| write_csv(out, &report))?;
    } else {
        ui.report(&report, |out| write_table(out, &report))?;
    }
    if report.truncated {
        let rows = Count(report.rows.len() as u64, "row");
        ui.talk(&format_args!(
            "there are more than these {rows}; --max-rows N prints more, of at most 64 MiB"
        ));
    }
    Ok(Exit::Done)
}

fn text(value: &QueryValue) -> String {
    match value {
        QueryValue::Null => String::new(),
        QueryValue::Integer(number) => number.to_string(),
        QueryValue::Real(number) => number.to_string(),
        QueryValue::Text(text) => text.clone(),
    }
}

fn write_table(out: &mut dyn Write, report: &QueryReport) -> io::Result<()> {
    let shown = |text: &str| Shown(text).to_string();
    let header: Vec<_> = report.columns.iter().map(|name| shown(name)).collect();
    let row_of = |row: &Vec<QueryValue>| row.iter().map(|value| shown(&text(value))).collect();
    let rows: Vec<Vec<String>> = report.rows.iter().map(row_of).collect();
    let mut widths: Vec<_> = header.iter().map(|name| name.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut write_row = |cells: &[String]| {
        let padded = cells.iter().zip(&widths);
        let padded: Vec<_> = padded
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(out, "{}", padded.join("  ").trim_end())
    };
    write_row(&header)?;
    rows.iter().try_for_each(|row| write_row(row))
}

/// Writes RFC 4180: lines end with CRLF; what holds a quote, a comma or a line break is quoted.
fn write_csv(out: &mut dyn Write, report: &QueryReport) -> io::Result<()> {
    let cell = |text: &str| {
        if text.contains(['"', ',', '\r', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let mut write_line = |cells: Vec<String>| write!(out, "{}\r\n", cells.join(","));
    write_line(report.columns.iter().map(|name| cell(name)).collect())?;
    for row in &report.rows {
        write_line(row.iter().map(|value| cell(&text(value))).collect())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> QueryReport {
        let text = |text: &str| QueryValue::Text(text.to_owned());
        QueryReport {
            columns: vec!["path".to_owned(), "bytes".to_owned()],
            rows: vec![
                vec![text("a,\"b\"\n"), QueryValue::Integer(5)],
                vec![text("\u{1b}[2J"), QueryValue::Null],
            ],
            truncated: false,
        }
    }

    #[test]
    fn a_table_is_aligned_and_harmless() {
        let mut out = Vec::new();
        write_table(&mut out, &report()).expect("written");
        let lines = "path       bytes\na,\"b\"\\n    5\n\\u{1b}[2J\n";
        assert_eq!(String::from_utf8_lossy(&out), lines);
    }

    #[test]
    fn values_that_would_break_a_line_are_quoted() {
        let mut out = Vec::new();
        write_csv(&mut out, &report()).expect("written");
        let lines = "path,bytes\r\n\"a,\"\"b\"\"\n\",5\r\n\u{1b}[2J,\r\n";
        assert_eq!(String::from_utf8_lossy(&out), lines);
    }
}
