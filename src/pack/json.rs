//! JSON as a manifest may be: read as a stream, strict where readers differ.
//!
//! `serde_json` refuses most of what the format refuses: bytes that are not UTF-8, lone surrogates,
//! nesting deeper than 128, anything after the value. The rest is here: no string may be so long
//! that it fills the memory, known keys come once, and values that nobody asks for are still read
//! strictly ([`serde::de::IgnoredAny`] lets lone surrogates and bytes that are not UTF-8 pass).

use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufRead as _};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::inflate::{BUFFER_BYTES, MemberStream};
use crate::digest::Hasher;
use crate::error::Error;
use crate::finding::{Finding, Rule};

/// Most bytes of one string as it is written. The longest that a manifest has is the text of an
/// overview; all of one are in memory at once, so that a pack must not choose their number.
pub(super) const STRING_BYTES_MAX: usize = 16 << 20;

/// Why reading ended before the JSON did.
#[derive(Debug)]
pub(super) enum Stop {
    /// An error of the file, or of whom the manifest is read for.
    Error(Error),
    /// What the pack does wrong.
    Finding(Finding),
}

/// Where the reason is put while `serde_json`'s own error unwinds to the reader.
pub(super) type StopCell = RefCell<Option<Stop>>;

/// A member as [`io::Read`], with its digest, and with a bound on strings.
pub(super) struct JsonSource<'a, 'm> {
    stream: MemberStream<'m>,
    stop: &'a StopCell,
    hasher: Hasher,
    state: Lexer,
    name: &'a str,
    rule: Rule,
}

#[derive(Clone, Copy)]
enum Lexer {
    Between,
    InString { bytes: usize, is_escaped: bool },
}

impl<'a, 'm> JsonSource<'a, 'm> {
    /// Reads the member from its beginning. `name` is for findings, `rule` for those of its strings.
    pub(super) fn new(
        stream: MemberStream<'m>,
        name: &'a str,
        rule: Rule,
        stop: &'a StopCell,
    ) -> Self {
        Self {
            stream,
            stop,
            hasher: Hasher::default(),
            state: Lexer::Between,
            name,
            rule,
        }
    }

    /// Returns the digest of all bytes that were read.
    pub(super) fn finish(self) -> crate::digest::Digest {
        self.hasher.finish()
    }
}

impl io::Read for JsonSource<'_, '_> {
    /// Gives the next piece of the member; fast only with large buffers.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stop = |stop: Stop| {
            self.stop.replace(Some(stop));
            Err(io::Error::other("the member cannot be read"))
        };
        if buffer.is_empty() {
            return Ok(0);
        }
        let bytes = match self.stream.next_bytes(buffer.len()) {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(finding)) => return stop(Stop::Finding(finding)),
            Err(error) => return stop(Stop::Error(error)),
        };
        if self.state.is_too_long_after(bytes) {
            let detail = format!("a string is longer than {STRING_BYTES_MAX} bytes");
            let finding = Finding::new(self.rule, self.name, detail);
            return stop(Stop::Finding(finding));
        }
        self.hasher.update(bytes);
        let Some(target) = buffer.get_mut(..bytes.len()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        target.copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

/// A source that is asked for one byte at a time, as `serde_json` asks: what [`io::BufReader`] is,
/// with nothing to call for a byte that is there.
pub(super) struct Bytewise<R> {
    source: R,
    buffer: Box<[u8]>,
    at: usize,
    filled: usize,
}

impl<R: io::Read> Bytewise<R> {
    /// Allocates the buffer.
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            at: 0,
            filled: 0,
        }
    }

    /// Returns the source; what is in the buffer is lost.
    pub(super) fn into_inner(self) -> R {
        self.source
    }

    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.at..self.filled).unwrap_or_default()
    }
}

impl<R: io::Read> io::Read for Bytewise<R> {
    #[inline]
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if let ([slot], true) = (&mut *target, self.at < self.filled)
            && let Some(byte) = self.buffer.get(self.at)
        {
            *slot = *byte;
            self.at += 1;
            return Ok(1);
        }
        let waiting = self.fill_buf()?;
        let count = waiting.len().min(target.len());
        let (Some(from), Some(to)) = (waiting.get(..count), target.get_mut(..count)) else {
            return Ok(0);
        };
        to.copy_from_slice(from);
        self.consume(count);
        Ok(count)
    }
}

impl<R: io::Read> io::BufRead for Bytewise<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.filled {
            self.at = 0;
            self.filled = 0;
            self.filled = self.source.read(&mut self.buffer)?;
        }
        Ok(self.waiting())
    }

    fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.filled);
    }
}

impl Lexer {
    /// Takes bytes in; returns whether a string got too long.
    fn is_too_long_after(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            *self = match (*self, byte) {
                (Self::Between, b'"') => Self::InString {
                    bytes: 0,
                    is_escaped: false,
                },
                (Self::Between, _)
                | (
                    Self::InString {
                        is_escaped: false, ..
                    },
                    b'"',
                ) => Self::Between,
                (Self::InString { bytes, is_escaped }, byte) => {
                    if bytes == STRING_BYTES_MAX {
                        return true;
                    }
                    Self::InString {
                        bytes: bytes.saturating_add(1),
                        is_escaped: !is_escaped && *byte == b'\\',
                    }
                }
            };
        }
        false
    }
}

/// Names the known key of an object, by its place in the list; `None` for all others.
pub(super) struct KeySeed(pub(super) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == key))
    }
}

/// Puts a value in its place; a known key that comes again is an error.
pub(super) fn set_once<T, E: serde::de::Error>(
    place: &mut Option<T>,
    key: &'static str,
    value: T,
) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(key)),
    }
}

/// Reads a string of at most so many bytes.
#[derive(Clone, Copy)]
pub(super) struct TextSeed {
    /// Most bytes that it may have.
    pub(super) bytes_max: usize,
}

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for TextSeed {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string of at most {} bytes", self.bytes_max)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        if text.len() > self.bytes_max {
            return Err(E::invalid_length(text.len(), &self));
        }
        Ok(text.to_owned())
    }
}

/// An integer from 0 to 2^63-1, written without fraction and exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count(pub(super) i64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `serde_json` calls `visit_f64` for every number with a fraction or an exponent.
        deserializer.deserialize_u64(CountVisitor)
    }
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer from 0 to 2^63-1")
    }

    fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Count, E> {
        i64::try_from(count)
            .map(Count)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(count), &self))
    }
}

/// A value that nobody asks for: read to its end, strictly, and dropped.
pub(super) struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_key_seed(KeySeed(&[]))?.is_some() {
            members.next_value::<Self>()?;
        }
        Ok(self)
    }
}
