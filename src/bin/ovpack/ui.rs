//! The only file that prints. Standard output is data that a pipe can use, standard error is talk;
//! with `--json` there is one object on standard output and nothing else anywhere.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use ovpack::{Error, Progress};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::Wishes;
use crate::escape::{HarmlessJson, Shown};
use crate::failure::{Failure, Result};
use crate::human::{ago, time};
use crate::progress::Bars;

/// Most findings printed for people; more are counted.
const FINDINGS_PRINTED: usize = 100;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();

/// Bytes of JSON that are gathered before they are written.
const JSON_BUFFER_BYTES: usize = 64 << 10;

/// Returns where a server writes its log.
#[cfg(feature = "serve")]
pub(crate) fn talk() -> io::Stderr {
    io::stderr()
}

/// Where output goes, and in which form.
#[derive(Debug)]
pub(crate) struct Ui {
    wishes: Wishes,
    begun: Instant,
    bars: Option<Arc<Bars>>,
    /// Whether standard output holds a part of a JSON object already.
    is_cut_short: Cell<bool>,
}

impl Ui {
    /// Makes the output that the arguments wish for.
    pub(crate) fn new(wishes: Wishes) -> Self {
        let begun = Instant::now();
        let watched = io::stderr().is_terminal() && !wishes.json && !wishes.quiet;
        Self {
            wishes,
            begun,
            bars: watched.then(|| Arc::new(Bars::new(begun))),
            is_cut_short: Cell::new(false),
        }
    }

    /// Returns whether one JSON object is asked for.
    pub(crate) const fn is_json(&self) -> bool {
        self.wishes.json
    }

    /// Returns whether nothing but data and errors is wanted.
    #[cfg(feature = "serve")]
    pub(crate) const fn is_quiet(&self) -> bool {
        self.wishes.quiet
    }

    /// Returns whether people read standard output, and not a pipe.
    pub(crate) fn is_read_by_people() -> bool {
        io::stdout().is_terminal()
    }

    /// Shows a time: how long ago it is where people read it, to the second where a pipe does.
    pub(crate) fn moment(rfc3339: &str) -> String {
        if Self::is_read_by_people() {
            ago(rfc3339)
        } else {
            time(rfc3339)
        }
    }

    /// Returns how long the program has run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Returns who is told of progress; nobody where no terminal shows it.
    pub(crate) fn progress(&self) -> Option<Arc<dyn Progress>> {
        self.bars
            .as_ref()
            .map(|bars| Arc::clone(bars) as Arc<dyn Progress>)
    }

    /// Prints what a verb found or did: `result` as JSON, or what `human` writes.
    pub(crate) fn report(
        &self,
        result: &impl Serialize,
        human: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        if self.wishes.json {
            self.json_line(&Answer::Ok { result })
                .map_err(Failure::Output)
        } else {
            self.data(human)
        }
    }

    /// Prints text on standard output; its styles are stripped where no terminal shows them.
    pub(crate) fn data(&self, human: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        self.clear_progress();
        let stdout = AutoStream::new(io::stdout().lock(), self.wishes.color);
        let mut out = BufWriter::new(stdout);
        human(&mut out)
            .and_then(|()| out.flush())
            .map_err(Failure::Output)
    }

    /// Gives `write` standard output as it is, for the bytes of a file.
    pub(crate) fn bytes(write: impl FnOnce(&mut dyn Write) -> Result<u64, Error>) -> Result<u64> {
        let mut pipe = Pipe {
            out: BufWriter::with_capacity(64 << 10, io::stdout().lock()),
            failed: None,
        };
        let written = write(&mut pipe);
        let flushed = pipe.out.flush();
        match (pipe.failed, flushed) {
            (Some(source), _) => Err(Failure::Output(source)),
            (None, Err(source)) if written.is_ok() => Err(Failure::Output(source)),
            (None, _) => Ok(written?),
        }
    }

    /// Gives `write` standard output as it is, for text that programs read.
    pub(crate) fn plain(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        write(&mut out)
            .and_then(|()| out.flush())
            .map_err(Failure::Output)
    }

    /// Says something on standard error, unless only data is wanted.
    pub(crate) fn talk(&self, line: &dyn fmt::Display) {
        if !self.wishes.json && !self.wishes.quiet {
            self.to_stderr(|err| writeln!(err, "{line}"));
        }
    }

    /// Prints a failure with its causes, its findings and what to do.
    pub(crate) fn failure(&self, failure: &Failure, help: Option<&str>) {
        // Where standard output is what failed, standard error is the place that is left.
        let is_told = self.wishes.json
            && !self.is_cut_short.get()
            && !matches!(failure, Failure::Output(_))
            && self.json_line(&Answer::of(failure, help)).is_ok();
        if !is_told {
            self.to_stderr(|err| write_failure(err, failure, help));
        }
    }

    /// Says how many steps the act took, for the test that counts them.
    #[cfg(feature = "fault")]
    pub(crate) fn fault_steps(&self, steps: usize) {
        self.to_stderr(|err| writeln!(err, "fault-steps: {steps}"));
    }

    /// Writes an object in one line. Where it fails before anything of it is written, as a list does
    /// that cannot begin, nothing is, so that an error can take its place.
    fn json_line(&self, value: &impl Serialize) -> io::Result<()> {
        let counted = Counted {
            out: io::stdout().lock(),
            bytes: 0,
        };
        let mut out = BufWriter::with_capacity(JSON_BUFFER_BYTES, counted);
        let formatter = HarmlessJson::default();
        let written = value
            .serialize(&mut serde_json::Serializer::with_formatter(
                &mut out, formatter,
            ))
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
            .and_then(|()| out.flush());
        if written.is_err() {
            let (counted, _) = out.into_parts();
            self.is_cut_short.set(counted.bytes > 0);
        }
        written
    }

    fn clear_progress(&self) {
        if let Some(bars) = &self.bars {
            bars.clear();
        }
    }

    /// Where standard error is closed there is nobody to tell.
    fn to_stderr(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        self.clear_progress();
        let mut err = AutoStream::new(io::stderr().lock(), self.wishes.color);
        drop(write(&mut err));
    }
}

/// Prints help or the version, which clap has styled.
pub(crate) fn print_text(text: &str, color: ColorChoice) -> Result<()> {
    let mut out = AutoStream::new(io::stdout().lock(), color);
    write!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(Failure::Output)
}

/// Standard output, and how much it took.
struct Counted<'a> {
    out: io::StdoutLock<'a>,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The one JSON object.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
enum Answer<'a, T> {
    /// What the verb found or did.
    Ok { result: &'a T },
    /// Why it did not.
    Error { error: ErrorAnswer<'a> },
}

#[derive(Serialize)]
struct ErrorAnswer<'a> {
    code: &'static str,
    reason: &'static str,
    message: String,
    details: Map<String, Value>,
    help: Option<&'a str>,
}

impl<'a> Answer<'a, ()> {
    fn of(failure: &Failure, help: Option<&'a str>) -> Self {
        Self::Error {
            error: ErrorAnswer {
                code: failure.openviking_code(),
                reason: failure.reason(),
                message: failure.to_string(),
                details: failure.details(),
                help,
            },
        }
    }
}

fn write_failure(err: &mut dyn Write, failure: &Failure, help: Option<&str>) -> io::Result<()> {
    let message = failure.to_string();
    writeln!(err, "{ERROR}error{ERROR:#}: {}", Shown(&message))?;
    let mut cause = std::error::Error::source(failure);
    while let Some(source) = cause {
        writeln!(err, "caused by: {}", Shown(&source.to_string()))?;
        cause = source.source();
    }
    if let Failure::Library(Error::Refused { report, .. }) = failure
        && report.total > 1
    {
        for finding in report.findings.iter().take(FINDINGS_PRINTED) {
            writeln!(err, "  {}: {}", finding.rule, Shown(&finding.to_string()))?;
        }
        let printed = report.findings.len().min(FINDINGS_PRINTED) as u64;
        if report.total > printed {
            let rest = report.total - printed;
            writeln!(err, "  and {rest} more; --json lists them")?;
        }
    }
    match help {
        Some(help) => writeln!(err, "\n{HELP}help{HELP:#}: {}", Shown(help)),
        None => Ok(()),
    }
}

/// Standard output that remembers why it failed: the library sees only a writer, and its error
/// would not tell a closed pipe from a file that cannot be read.
struct Pipe<W: Write> {
    out: W,
    failed: Option<io::Error>,
}

impl<W: Write> Pipe<W> {
    fn remember<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.remember(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.remember(flushed)
    }
}
