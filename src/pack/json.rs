//! JSON as a manifest may be: read as a stream, strict where readers differ.
//!
//! `serde_json` refuses most of what the format refuses: bytes that are not UTF-8, lone surrogates,
//! nesting deeper than 128, anything after the value. The rest is here: no string may be so long
//! that it fills the memory, known keys come once, and values that nobody asks for are still read
//! strictly ([`serde::de::IgnoredAny`] lets lone surrogates and bytes that are not UTF-8 pass).

use std::cell::RefCell;
use std::fmt;
use std::io;

use camino::Utf8Path;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::inflate::{BUFFER_BYTES, MemberStream};
use super::member::Observed;
use crate::digest::Hasher;
use crate::error::Error;
use crate::finding::Finding;

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

/// A member as [`io::Read`], with its digest.
pub(super) struct JsonSource<'a, 'm> {
    stream: MemberStream<'m>,
    stop: &'a StopCell,
    /// Asked whether somebody wants the reading to end.
    is_over: &'a dyn Fn() -> bool,
    hasher: Hasher,
    is_failed: bool,
}

impl<'a, 'm> JsonSource<'a, 'm> {
    /// Reads the member from its beginning.
    pub(super) fn new(
        stream: MemberStream<'m>,
        stop: &'a StopCell,
        is_over: &'a dyn Fn() -> bool,
    ) -> Self {
        Self {
            stream,
            stop,
            is_over,
            hasher: Hasher::default(),
            is_failed: false,
        }
    }

    /// Returns what all of the member is, which was read.
    pub(super) fn finish(self) -> Observed {
        Observed {
            size_bytes: self.stream.unpacked_bytes(),
            sha256: self.hasher.finish(),
        }
    }

    /// Reads the rest, for nothing but whether the bytes are whole: where they are not, that is what
    /// is wrong with the text.
    fn read_to_end(&mut self) {
        while !self.is_failed && matches!(self.next_bytes(BUFFER_BYTES), Ok([_, ..])) {}
    }

    /// Returns the error of a text in which a fault was found: what stopped the reading, or else the
    /// fault. Where the bytes are not whole, that is what is wrong.
    pub(super) fn refusal(&mut self, pack: &Utf8Path, fault: Finding) -> Error {
        let stop = self.stop.take();
        if !matches!(stop, Some(Stop::Error(_))) {
            self.read_to_end();
        }
        match self.stop.take().or(stop) {
            Some(Stop::Error(error)) => error,
            Some(Stop::Finding(finding)) => Error::refused(pack, finding),
            None => Error::refused(pack, fault),
        }
    }

    fn next_bytes(&mut self, most: usize) -> io::Result<&[u8]> {
        let stop = if (self.is_over)() {
            Stop::Error(Error::Interrupted)
        } else {
            match self.stream.next_bytes(most) {
                Ok(Ok(bytes)) => {
                    self.hasher.update(bytes);
                    return Ok(bytes);
                }
                Ok(Err(finding)) => Stop::Finding(finding),
                Err(error) => Stop::Error(error),
            }
        };
        self.is_failed = true;
        self.stop.replace(Some(stop));
        Err(io::Error::other("the member cannot be read"))
    }
}

impl io::Read for JsonSource<'_, '_> {
    /// Gives the next piece of the member; fast only with large buffers.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let bytes = self.next_bytes(buffer.len())?;
        let Some(target) = buffer.get_mut(..bytes.len()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        target.copy_from_slice(bytes);
        Ok(bytes.len())
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
