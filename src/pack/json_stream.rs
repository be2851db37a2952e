//! JSON that comes as a stream, read nearly as quickly as JSON in memory.
//!
//! `serde_json` asks a stream for one byte at a time, which takes several times as long as reading a
//! slice; and a slice would be the whole text, whose length a pack chooses. Here the lists that may be
//! long are taken apart one value at a time, and a value that stands in the window as a whole, as
//! nearly all do, is read as a slice. A larger one is read byte by byte.
//!
//! What is accepted is what `serde_json` accepts of the whole text, and no string is longer than
//! [`super::json::STRING_BYTES_MAX`].

use std::fmt;
use std::io;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use super::json_extent::{Excess, Extent, Lexer};
use super::window::Window;

/// How deep values are nested, at most: `serde_json`'s own limit.
const DEPTH_MAX: usize = 127;

/// Where a fault is: line and column, from 1, as `serde_json` counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// Returns the place after more bytes.
    fn after(self, bytes: &[u8]) -> Self {
        match memchr::memrchr(b'\n', bytes) {
            None => Self {
                column: self.column.saturating_add(bytes.len()),
                ..self
            },
            Some(last) => Self {
                line: (self.line).saturating_add(memchr::memchr_iter(b'\n', bytes).count()),
                column: bytes.len().saturating_sub(last).saturating_sub(1),
            },
        }
    }

    /// Returns where a place is that was counted from this one on.
    const fn and(self, line: usize, column: usize) -> Self {
        Self {
            line: self.line.saturating_add(line).saturating_sub(1),
            column: if line <= 1 {
                self.column.saturating_add(column)
            } else {
                column
            },
        }
    }
}

/// Why reading ended.
#[derive(Debug)]
pub(super) struct Fault {
    what: String,
    place: Option<Place>,
    /// Whether it is JSON, but not what is expected.
    is_shape: bool,
}

impl Fault {
    /// Returns whether the text is JSON, as far as it was read, but not what is expected.
    pub(super) const fn is_shape(&self) -> bool {
        self.is_shape
    }

    fn syntax(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            place: None,
            is_shape: false,
        }
    }

    /// Takes over what `serde_json` found in a value that begins at a place.
    fn of(error: &serde_json::Error, begin: Place) -> Self {
        let text = error.to_string();
        let (line, column) = (error.line(), error.column());
        let told = format!(" at line {line} column {column}");
        Self {
            what: text.strip_suffix(&told).unwrap_or(&text).to_owned(),
            place: Some(begin.and(line, column)),
            is_shape: error.classify() == serde_json::error::Category::Data,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.place {
            Some(Place { line, column }) => write!(f, " at line {line} column {column}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self {
            is_shape: true,
            ..Self::syntax(what.to_string())
        }
    }
}

/// A JSON text on its way.
pub(super) struct JsonStream<R> {
    window: Window<R>,
    place: Place,
    /// How many lists and objects are open.
    depth: usize,
}

/// A list or an object that is open.
#[derive(Debug)]
pub(super) struct Open {
    is_list: bool,
    is_begun: bool,
}

impl<R: io::Read> JsonStream<R> {
    /// Begins at the text's first byte.
    pub(super) fn new(source: R) -> Self {
        Self::within(Window::new(source))
    }

    const fn within(window: Window<R>) -> Self {
        Self {
            window,
            place: Place { line: 1, column: 0 },
            depth: 0,
        }
    }

    /// Returns the source; what was read ahead is lost.
    pub(super) fn into_inner(self) -> R {
        self.window.into_inner()
    }

    /// Says where a fault is that does not say so itself.
    pub(super) fn located(&self, fault: Fault) -> Fault {
        Fault {
            place: fault.place.or(Some(self.place)),
            ..fault
        }
    }

    /// Begins an object, or fails where the next value is none; `expected` says what should be there.
    pub(super) fn begin_object(&mut self, expected: &'static str) -> Result<Open, Fault> {
        self.begin(false, expected)
    }

    /// Begins a list, or fails where the next value is none.
    pub(super) fn begin_list(&mut self, expected: &'static str) -> Result<Open, Fault> {
        self.begin(true, expected)
    }

    /// Returns the next key of an object; none at its end.
    pub(super) fn next_key<S, T>(&mut self, open: &mut Open, seed: S) -> Result<Option<T>, Fault>
    where
        S: for<'a> DeserializeSeed<'a, Value = T>,
    {
        if !self.goes_on(open)? {
            return Ok(None);
        }
        if self.peek()? != Some(b'"') {
            return Err(self.unexpected("key must be a string"));
        }
        let key = self.value(seed)?;
        match self.peek()? {
            Some(b':') => self.consume(1),
            Some(_) => return Err(self.unexpected("expected `:`")),
            None => return Err(Fault::syntax("EOF while parsing an object")),
        }
        Ok(Some(key))
    }

    /// Returns whether a list has one more value, which is next then.
    pub(super) fn has_next(&mut self, open: &mut Open) -> Result<bool, Fault> {
        self.goes_on(open)
    }

    /// Reads the next value.
    pub(super) fn value<S, T>(&mut self, seed: S) -> Result<T, Fault>
    where
        S: for<'a> DeserializeSeed<'a, Value = T>,
    {
        if self.peek()?.is_none() {
            return Err(Fault::syntax("EOF while parsing a value"));
        }
        loop {
            let (waiting, is_all) = (self.window.waiting(), self.window.is_ended());
            if let Some(extent) = Extent::of(waiting, is_all) {
                if self.depth.saturating_add(extent.depth) > DEPTH_MAX {
                    return Err(Fault::syntax(Excess::Depth.to_string()));
                }
                let whole = waiting.get(..extent.length).unwrap_or_default();
                let mut json = serde_json::Deserializer::from_slice(whole);
                let value = seed.deserialize(&mut json);
                let value = value.and_then(|value| json.end().map(|()| value));
                let value = value.map_err(|error| Fault::of(&error, self.place))?;
                self.consume(extent.length);
                return Ok(value);
            }
            if !self.fill()? && self.window.is_ended() == is_all {
                return self.large_value(seed);
            }
        }
    }

    /// Ensures that nothing follows but white space.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.peek()? {
            Some(_) => Err(self.unexpected("trailing characters")),
            None => Ok(()),
        }
    }

    /// Reads a value that does not fit into the window, or is cut.
    fn large_value<S, T>(&mut self, seed: S) -> Result<T, Fault>
    where
        S: for<'a> DeserializeSeed<'a, Value = T>,
    {
        let is_word = |byte: &u8| !matches!(byte, b'"' | b'[' | b'{');
        if self.window.waiting().first().is_none_or(is_word) {
            return Err(Fault::syntax("a number has too many digits"));
        }
        let begin = self.place;
        let mut bytes = Bytes {
            lexer: Lexer::new(DEPTH_MAX.saturating_sub(self.depth)),
            excess: None,
            json: self,
        };
        let mut json = serde_json::Deserializer::from_reader(&mut bytes);
        let value = seed.deserialize(&mut json);
        match (value, bytes.excess) {
            (_, Some(excess)) => Err(Fault::syntax(excess.to_string())),
            (value, None) => value.map_err(|error| Fault::of(&error, begin)),
        }
    }

    fn begin(&mut self, is_list: bool, expected: &'static str) -> Result<Open, Fault> {
        let opening = if is_list { b'[' } else { b'{' };
        if self.peek()? != Some(opening) {
            return self.value(Never { is_list, expected });
        }
        self.consume(1);
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH_MAX {
            return Err(Fault::syntax(Excess::Depth.to_string()));
        }
        Ok(Open {
            is_list,
            is_begun: false,
        })
    }

    /// Steps over what stands between two values; returns whether there is a second one.
    fn goes_on(&mut self, open: &mut Open) -> Result<bool, Fault> {
        let closing = if open.is_list { b']' } else { b'}' };
        let cut = if open.is_list {
            "EOF while parsing a list"
        } else {
            "EOF while parsing an object"
        };
        let byte = self.peek()?.ok_or_else(|| Fault::syntax(cut))?;
        if byte == closing {
            self.consume(1);
            self.depth = self.depth.saturating_sub(1);
            return Ok(false);
        }
        if !open.is_begun {
            open.is_begun = true;
            return Ok(true);
        }
        if byte != b',' {
            return Err(self.unexpected(if open.is_list {
                "expected `,` or `]`"
            } else {
                "expected `,` or `}`"
            }));
        }
        self.consume(1);
        match self.peek()? {
            Some(byte) if byte == closing => Err(self.unexpected("trailing comma")),
            Some(_) => Ok(true),
            None => Err(Fault::syntax(cut)),
        }
    }

    /// Returns the next byte that is no white space, and leaves it there.
    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let waiting = self.window.waiting();
            let is_told = |byte: &u8| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
            match waiting.iter().position(is_told) {
                Some(0) => return Ok(waiting.first().copied()),
                Some(blank) => self.consume(blank),
                None => {
                    self.consume(waiting.len());
                    if !self.fill()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Returns the fault of the byte that is next.
    fn unexpected(&self, what: &str) -> Fault {
        let Place { line, column } = self.place;
        let column = column.saturating_add(1);
        Fault {
            place: Some(Place { line, column }),
            ..Fault::syntax(what)
        }
    }

    fn consume(&mut self, count: usize) {
        let taken = self.window.waiting().get(..count).unwrap_or_default();
        self.place = self.place.after(taken);
        self.window.consume(count);
    }

    fn fill(&mut self) -> Result<bool, Fault> {
        self.window
            .fill()
            .map_err(|error| Fault::syntax(error.to_string()))
    }
}

/// A value that is never right: `serde_json` says what is wrong with it.
struct Never {
    is_list: bool,
    expected: &'static str,
}

impl<'de> DeserializeSeed<'de> for Never {
    type Value = Open;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Open, D::Error> {
        if self.is_list {
            deserializer.deserialize_seq(self)
        } else {
            deserializer.deserialize_map(self)
        }
    }
}

impl Visitor<'_> for Never {
    type Value = Open;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }
}

/// The bytes of one value, one by one, and none behind it.
struct Bytes<'a, R> {
    json: &'a mut JsonStream<R>,
    lexer: Lexer,
    excess: Option<Excess>,
}

impl<R: io::Read> io::Read for Bytes<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(slot) = buffer.first_mut() else {
            return Ok(0);
        };
        if self.json.window.waiting().is_empty() && !self.json.window.fill()? {
            return Ok(0);
        }
        let Some(byte) = self.json.window.waiting().first().copied() else {
            return Ok(0);
        };
        self.lexer.take(byte).map_err(|excess| {
            self.excess = Some(excess);
            io::Error::other(excess.to_string())
        })?;
        *slot = byte;
        self.json.consume(1);
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use serde_json::{Map, Value};

    use super::*;

    const TEXT: &str = concat!(
        r#"{"a":[1,-2.5e3,true,null,"x\"y\\",{"b":[[],{}]}], "\u00e9":"\ud83d\ude00","#,
        "\n \"c\" : {\"d\":\"\u{4e2d}\",\t\"e\":[ ]} }\n"
    );

    /// Gives some bytes at a time.
    struct Pieces<'a>(&'a [u8], usize);

    impl io::Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(buffer.len());
            io::Read::read(&mut self.0, &mut buffer[..count])
        }
    }

    type Json<'a> = JsonStream<Pieces<'a>>;

    /// Reads a value: down to a depth piece by piece, below it at once.
    fn read_value(json: &mut Json<'_>, depth: usize) -> Result<Value, Fault> {
        match json.peek()? {
            Some(b'{') if depth > 0 => {
                let mut members = Map::new();
                let mut open = json.begin_object("an object")?;
                while let Some(key) = json.next_key(&mut open, PhantomData::<String>)? {
                    members.insert(key, read_value(json, depth - 1)?);
                }
                Ok(Value::Object(members))
            }
            Some(b'[') if depth > 0 => {
                let mut items = Vec::new();
                let mut open = json.begin_list("a list")?;
                while json.has_next(&mut open)? {
                    items.push(read_value(json, depth - 1)?);
                }
                Ok(Value::Array(items))
            }
            _ => json.value(PhantomData::<Value>),
        }
    }

    fn read(text: &[u8], window: usize, piece: usize, depth: usize) -> Result<Value, String> {
        let source = Pieces(text, piece);
        let mut json = JsonStream::within(Window::of_bytes(source, window));
        let value = read_value(&mut json, depth);
        let value = value.and_then(|value| json.end().map(|()| value));
        value.map_err(|fault| json.located(fault).to_string())
    }

    #[test]
    fn what_is_accepted_is_what_serde_json_accepts_of_the_whole_text() {
        let mut texts = vec![TEXT.as_bytes().to_vec()];
        for at in 0..TEXT.len() {
            let bytes = TEXT.as_bytes();
            texts.push(bytes[..at].to_vec());
            texts.push([&bytes[..at], &bytes[at + 1..]].concat());
            for byte in *b"\"\\{}[],:1n \n\x01\xff" {
                let mut other = bytes.to_vec();
                other[at] = byte;
                texts.push(other);
            }
        }
        for text in &texts {
            let expected: serde_json::Result<Value> = serde_json::from_slice(text);
            for (window, piece, depth) in [(1 << 10, 1 << 10, 4), (1 << 10, 1, 1), (24, 7, 9)] {
                let found = read(text, window, piece, depth);
                let shown = String::from_utf8_lossy(text);
                assert_eq!(found.ok(), expected.as_ref().ok().cloned(), "{shown}");
            }
        }
    }

    #[test]
    fn faults_are_told_as_serde_json_tells_them() {
        for text in [
            "[1,\n2 3]",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "[1",
            "{\"a\":1",
            "{\"a\"",
            "{\"a\":",
            "[1]\n x",
            "[[\"a\n\"]]",
            "{\"a\":[1,{\"b\":02}]}",
            "",
            "[\"\\ud800\"]",
            "[1,{]]",
        ] {
            let expected = serde_json::from_str::<Value>(text).expect_err("no JSON");
            for depth in [0, 1, 3] {
                let found = read(text.as_bytes(), 1 << 10, 1 << 10, depth);
                assert_eq!(found, Err(expected.to_string()), "{text}");
            }
        }
    }

    #[test]
    fn values_are_nested_as_deep_as_serde_json_reads_them() {
        for (deep, window) in [
            (126, 1 << 10),
            (127, 1 << 10),
            (128, 1 << 10),
            (127, 9),
            (128, 9),
        ] {
            let text = ["[".repeat(deep), "]".repeat(deep)].concat();
            let expected: serde_json::Result<Value> = serde_json::from_str(&text);
            for depth in [0, 3, 200] {
                let found = read(text.as_bytes(), window, 1 << 10, depth);
                assert_eq!(
                    found.ok(),
                    expected.as_ref().ok().cloned(),
                    "{deep} {depth}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_object_is_told_with_what_was_expected() {
        for (text, told) in [
            (
                "[]",
                "invalid type: sequence, expected an object at line 1 column 0",
            ),
            (
                " 1",
                "invalid type: integer `1`, expected an object at line 1 column 2",
            ),
            (
                "null",
                "invalid type: null, expected an object at line 1 column 4",
            ),
        ] {
            let mut json = JsonStream::new(Pieces(text.as_bytes(), 9));
            let fault = json.begin_object("an object").expect_err("no object");
            assert!(fault.is_shape(), "{fault}");
            assert_eq!(json.located(fault).to_string(), told);
        }
    }
}
