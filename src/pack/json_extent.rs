//! Where a JSON value ends, as far as quotes and brackets tell.

use std::fmt;

use super::json::STRING_BYTES_MAX;

/// How far a value goes, and how deep.
pub(super) struct Extent {
    /// In bytes.
    pub(super) length: usize,
    /// Lists and objects within each other.
    pub(super) depth: usize,
}

impl Extent {
    /// Finds the end of the value that some bytes begin with; `None` where it is not there. Of what is
    /// no JSON it finds an end that lies behind the fault.
    pub(super) fn of(bytes: &[u8], is_all: bool) -> Option<Self> {
        let (mut at, mut open, mut depth) = (0_usize, 0_usize, 0_usize);
        match bytes.first()? {
            b'"' | b'[' | b'{' => {}
            _ => {
                let ends = |byte: &u8| is_end_of_word(*byte);
                let end = bytes.iter().position(ends);
                let length = end.or(is_all.then_some(bytes.len()))?.max(1);
                return Some(Self { length, depth });
            }
        }
        loop {
            let rest = bytes.get(at..)?;
            let is_mark = |byte: &u8| matches!(byte, b'"' | b'[' | b']' | b'{' | b'}');
            let mark = rest.iter().position(is_mark)?;
            at = at.saturating_add(mark).saturating_add(1);
            match rest.get(mark)? {
                b'"' => at = end_of_string(bytes, at)?,
                b'[' | b'{' => {
                    open = open.saturating_add(1);
                    depth = depth.max(open);
                }
                _ => open = open.saturating_sub(1),
            }
            if open == 0 {
                return Some(Self { length: at, depth });
            }
        }
    }
}

/// Returns where a string ends whose content begins at a place.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(at..)?;
        let mark = memchr::memchr2(b'"', b'\\', rest)?;
        at = at.saturating_add(mark).saturating_add(1);
        if rest.get(mark) == Some(&b'"') {
            return Some(at);
        }
        // Whatever is escaped is no end.
        at = at.saturating_add(1);
    }
}

/// Returns whether a number, or a word such as `null`, ends before a byte.
const fn is_end_of_word(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\n' | b'\t' | b'\r' | b',' | b':' | b'"' | b'[' | b']' | b'{' | b'}'
    )
}

/// What a text has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// Bytes of a string.
    String,
    /// Values in values.
    Depth,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => write!(f, "a string is longer than {STRING_BYTES_MAX} bytes"),
            Self::Depth => f.write_str("recursion limit exceeded"),
        }
    }
}

/// Looks at the bytes of values that no window bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer {
    depth_max: usize,
    depth: usize,
    /// Bytes of the string that is open.
    string: Option<usize>,
    is_escaped: bool,
}

impl Lexer {
    /// Begins before a value that may be nested so deep.
    pub(super) const fn new(depth_max: usize) -> Self {
        Self {
            depth_max,
            depth: 0,
            string: None,
            is_escaped: false,
        }
    }

    /// Takes a byte in.
    ///
    /// # Errors
    /// What there is too much of.
    pub(super) const fn take(&mut self, byte: u8) -> Result<(), Excess> {
        match (self.string, byte) {
            (None, b'"') => self.string = Some(0),
            (None, b'[' | b'{') => {
                self.depth = self.depth.saturating_add(1);
                if self.depth > self.depth_max {
                    return Err(Excess::Depth);
                }
            }
            (None, b']' | b'}') => self.depth = self.depth.saturating_sub(1),
            (None, _) => {}
            (Some(_), b'"') if !self.is_escaped => self.string = None,
            (Some(STRING_BYTES_MAX), _) => return Err(Excess::String),
            (Some(bytes), byte) => {
                self.string = Some(bytes.saturating_add(1));
                self.is_escaped = byte == b'\\' && !self.is_escaped;
            }
        }
        Ok(())
    }
}
