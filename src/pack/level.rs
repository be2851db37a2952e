//! How hard content is compressed.

use std::str::FromStr;

use crate::error::{Error, Result};

/// How hard packs are compressed: 0 stores everything, 1 is fast, 9 is small. The default, 6, is what
/// other writers of packs use too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    const MOST: u8 = 9;

    /// Takes a number from 0 to 9; `None` for any other.
    pub const fn new(level: u8) -> Option<Self> {
        if level <= Self::MOST {
            Some(Self(level))
        } else {
            None
        }
    }

    /// Returns the number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Level {
    fn default() -> Self {
        Self(6)
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let level = text.parse().ok().and_then(Self::new);
        level.ok_or_else(|| Error::InvalidArgument {
            argument: "level",
            value: text.to_owned(),
            expected: "a number from 0 to 9",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_numbers_from_0_to_9() {
        assert_eq!(Level::default().get(), 6);
        for (text, level) in [("0", Some(0)), ("9", Some(9)), ("10", None), ("-1", None)] {
            assert_eq!(text.parse::<Level>().ok().map(Level::get), level, "{text}");
        }
    }
}
