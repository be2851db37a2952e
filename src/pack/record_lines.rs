//! Index records that stand in a member of their own, one JSON object a line.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read};

use camino::Utf8Path;
use serde::Serialize;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, Unexpected, Visitor,
};

use super::Place;
use super::index_record::{IndexRecord, RecordLine, level_of};
use super::inflate::MemberStream;
use super::json::{Count, JsonSource, KeySeed, STRING_BYTES_MAX, Skipped, TextSeed, set_once};
use super::json_extent::Lexer;
use super::manifest::ManifestSink;
use super::manifest_entry::KindSeed;
use super::member::Observed;
use super::reading::Reading;
use super::scalars::GivenSeed;
use super::window::Window;
use crate::error::Result;
use crate::finding::{Finding, Rule};
use crate::limits::Limits;

/// Most bytes of a line: all of one is in memory at once. Twice the longest text.
const LINE_BYTES_MAX: usize = 2 * STRING_BYTES_MAX;
/// Most bytes of an id. Real ones have seven.
const ID_BYTES_MAX: usize = 4 << 10;

/// Where a record's vector stands among the dense vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DenseReference {
    /// How many numbers it has; at most 2^63-1.
    pub(crate) dimensions: u64,
    /// Its first number, counted in numbers; at most 2^63-1.
    pub(crate) offset: u64,
}

/// Reads records; returns what the member is and how many lines there are.
///
/// # Errors
/// [`crate::error::Error::Refused`] where its bytes are not what their headers say, whatever else is wrong with
/// them; else with the place where the JSON, or its shape, is wrong.
pub(super) fn read(
    stream: MemberStream<'_>,
    name: &str,
    pack: &Utf8Path,
    limits: &Limits,
    sink: &mut dyn ManifestSink,
    is_over: &dyn Fn() -> bool,
) -> Result<(Observed, u64)> {
    let stop = RefCell::new(None);
    let mut reading = Reading {
        sink,
        place: Place::Files,
        limits,
        rule: Rule::RecordShape,
        stop: &stop,
    };
    let mut window = Window::new(JsonSource::new(stream, &stop, is_over));
    let mut lines = 0_u64;
    let parsed = loop {
        let line = match next_line(&mut window) {
            Ok(Next::End) => break Ok(()),
            Ok(line) => line,
            Err(error) => break Err(serde_json::Error::custom(error)),
        };
        lines = lines.saturating_add(1);
        let parsed = match line {
            Next::Whole(length) => {
                let line = window.waiting().get(..length).unwrap_or_default();
                let parsed = if line.trim_ascii().is_empty() {
                    let what = "the line is empty, expected an index record";
                    Err(serde_json::Error::custom(what))
                } else {
                    let mut json = serde_json::Deserializer::from_slice(line);
                    parse(&mut json, &mut reading)
                };
                window.consume(length.saturating_add(1));
                parsed
            }
            Next::Large | Next::End => {
                let mut line = Line {
                    window: &mut window,
                    lexer: Lexer::new(usize::MAX),
                    bytes: 0,
                    is_ended: false,
                };
                let mut json = serde_json::Deserializer::from_reader(&mut line);
                parse(&mut json, &mut reading)
            }
        };
        if parsed.is_err() {
            break parsed;
        }
    };
    let mut source = window.into_inner();
    match parsed {
        Ok(()) => Ok((source.finish(), lines)),
        Err(error) => {
            let detail = told(&error, lines);
            let fault = Finding::new(Rule::RecordShape, name, detail);
            Err(source.refusal(pack, fault))
        }
    }
}

/// What comes next.
enum Next {
    /// Nothing.
    End,
    /// A line of so many bytes is there, without its end.
    Whole(usize),
    /// A line that does not fit into the window.
    Large,
}

fn next_line<R: Read>(window: &mut Window<R>) -> io::Result<Next> {
    let mut seen = 0;
    loop {
        let waiting = window.waiting();
        let rest = waiting.get(seen..).unwrap_or_default();
        if let Some(end) = memchr::memchr(b'\n', rest) {
            return Ok(Next::Whole(seen.saturating_add(end)));
        }
        seen = waiting.len();
        if !window.fill()? {
            return Ok(match seen {
                0 => Next::End,
                _ if window.is_ended() => Next::Whole(seen),
                _ => Next::Large,
            });
        }
    }
}

/// Parses one line, all of it.
fn parse<'de, R: serde_json::de::Read<'de>>(
    json: &mut serde_json::Deserializer<R>,
    reading: &mut Reading<'_>,
) -> serde_json::Result<()> {
    LineSeed(reading).deserialize(&mut *json)?;
    json.end()
}

/// Returns what is wrong and where in the member; each line is JSON of its own, which counts from 1.
fn told(error: &serde_json::Error, line: u64) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(what) => format!("{what} at line {line} column {}", error.column()),
        None => format!("{text} at line {line}"),
    }
}

/// A line as [`io::Read`], byte by byte, without its end.
struct Line<'a, R> {
    window: &'a mut Window<R>,
    lexer: Lexer,
    bytes: usize,
    is_ended: bool,
}

impl<R: Read> Read for Line<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.window.waiting().is_empty() && !self.is_ended {
            self.window.fill()?;
        }
        let (Some(slot), false) = (buffer.first_mut(), self.is_ended) else {
            return Ok(0);
        };
        let byte = self.window.waiting().first().copied();
        self.window.consume(1);
        let Some(byte) = byte.filter(|byte| *byte != b'\n') else {
            self.is_ended = true;
            return Ok(0);
        };
        self.bytes = self.bytes.saturating_add(1);
        if self.bytes > LINE_BYTES_MAX {
            let excess = format!("the line is longer than {LINE_BYTES_MAX} bytes");
            return Err(io::Error::other(excess));
        }
        let taken = self.lexer.take(byte);
        taken.map_err(|excess| io::Error::other(excess.to_string()))?;
        *slot = byte;
        Ok(1)
    }
}

struct LineSeed<'r, 's>(&'r mut Reading<'s>);

impl<'de> DeserializeSeed<'de> for LineSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index record with `record_id`, `path`, `kind` and a `level` from 0 to 2")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        const KEYS: &[&str] = &[
            "record_id",
            "path",
            "kind",
            "level",
            "text",
            "scalars",
            "vector",
            "user_id",
        ];
        let long = TextSeed {
            bytes_max: STRING_BYTES_MAX,
        };
        let short = TextSeed {
            bytes_max: ID_BYTES_MAX,
        };
        let (mut record_id, mut path, mut kind, mut level) = (None, None, None, None);
        let (mut text, mut scalars, mut vector, mut user_id) = (None, None, None, None);
        while let Some(key) = members.next_key_seed(KeySeed(KEYS))? {
            match key {
                Some(0) => set_once(&mut record_id, "record_id", members.next_value_seed(short)?)?,
                Some(1) => set_once(&mut path, "path", members.next_value_seed(long)?)?,
                Some(2) => set_once(&mut kind, "kind", members.next_value_seed(KindSeed)?)?,
                Some(3) => set_once(&mut level, "level", members.next_value::<Count>()?)?,
                Some(4) => set_once(&mut text, "text", members.next_value::<Option<String>>()?)?,
                Some(5) => {
                    let value = members.next_value_seed(GivenSeed)?;
                    set_once(&mut scalars, "scalars", value)?;
                }
                Some(6) => set_once(&mut vector, "vector", members.next_value::<Vectors>()?)?,
                Some(7) => {
                    set_once(&mut user_id, "user_id", members.next_value::<Option<_>>()?)?;
                }
                _ => {
                    members.next_value::<Skipped>()?;
                }
            }
        }
        let missing = A::Error::missing_field;
        let line = RecordLine {
            record_id: record_id.ok_or_else(|| missing("record_id"))?,
            kind: kind.ok_or_else(|| missing("kind"))?,
            dense: vector.and_then(|Vectors(dense)| dense),
            user_id: user_id.flatten(),
        };
        let Count(level) = level.ok_or_else(|| missing("level"))?;
        let level = level_of(level)
            .ok_or_else(|| A::Error::invalid_value(Unexpected::Other("another level"), &self))?;
        let path = path.ok_or_else(|| missing("path"))?;
        let Some(path) = self.0.path(&path)? else {
            return Ok(());
        };
        let record = IndexRecord {
            path,
            level,
            scalars: scalars.unwrap_or_default(),
            text: text.flatten(),
            line: Some(line),
        };
        self.0.give(|sink| sink.record(record))
    }
}

/// `vector`: of its kinds only the dense one is read.
struct Vectors(Option<DenseReference>);

impl<'de> Deserialize<'de> for Vectors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VectorsVisitor)
    }
}

struct VectorsVisitor;

impl<'de> Visitor<'de> for VectorsVisitor {
    type Value = Vectors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of vectors")
    }

    fn visit_unit<E>(self) -> Result<Vectors, E> {
        Ok(Vectors(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Vectors, A::Error> {
        let mut dense = None;
        while let Some(key) = members.next_key_seed(KeySeed(&["dense"]))? {
            match key {
                Some(_) => set_once(&mut dense, "dense", members.next_value::<Option<_>>()?)?,
                None => {
                    members.next_value::<Skipped>()?;
                }
            }
        }
        Ok(Vectors(dense.flatten()))
    }
}

impl<'de> Deserialize<'de> for DenseReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DenseVisitor)
    }
}

struct DenseVisitor;

impl<'de> Visitor<'de> for DenseVisitor {
    type Value = DenseReference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `offset` and `dimensions`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<DenseReference, A::Error> {
        let (mut offset, mut dimensions) = (None, None);
        while let Some(key) = members.next_key_seed(KeySeed(&["offset", "dimensions"]))? {
            match key {
                Some(0) => set_once(&mut offset, "offset", members.next_value::<Count>()?)?,
                Some(_) => {
                    let value = members.next_value::<Count>()?;
                    set_once(&mut dimensions, "dimensions", value)?;
                }
                None => {
                    members.next_value::<Skipped>()?;
                }
            }
        }
        let count = |place: Option<Count>, key| {
            let Count(count) = place.ok_or_else(|| A::Error::missing_field(key))?;
            Ok(count.unsigned_abs())
        };
        Ok(DenseReference {
            offset: count(offset, "offset")?,
            dimensions: count(dimensions, "dimensions")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_whatever_the_window() {
        let text: &[u8] = b"a\n\nlonger than a window of eight bytes\n12345678\n1234567\nlast";
        for end in 0..=text.len() {
            let text = text.get(..end).expect("within");
            let mut expected: Vec<_> = text.split(|byte| *byte == b'\n').collect();
            expected.pop_if(|last| last.is_empty());
            for size in [8, 64] {
                let mut window = Window::of_bytes(text, size);
                let mut lines = Vec::new();
                loop {
                    match next_line(&mut window).expect("read") {
                        Next::End => break,
                        Next::Whole(length) => {
                            lines.push(window.waiting().get(..length).expect("there").to_vec());
                            window.consume(length.saturating_add(1));
                        }
                        Next::Large => {
                            let mut line = Line {
                                window: &mut window,
                                lexer: Lexer::new(usize::MAX),
                                bytes: 0,
                                is_ended: false,
                            };
                            let mut bytes = Vec::new();
                            line.read_to_end(&mut bytes).expect("read");
                            lines.push(bytes);
                        }
                    }
                }
                assert_eq!(lines, expected, "{end} {size}");
            }
        }
    }
}
