//! Text that others chose, made harmless: names come from packs and file systems, and a name may
//! try to move the cursor, clear the screen or turn the reading direction around.

use std::fmt;
use std::io;

use serde_json::ser::{CompactFormatter, Formatter};

/// Shows a text with its dangerous characters escaped, as `\n`, `\t` or `\u{202e}`; a width is that
/// of what is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.width().is_none() {
            return self.write_to(f);
        }
        let mut shown = String::new();
        self.write_to(&mut shown)?;
        f.pad(&shown)
    }
}

impl Shown<'_> {
    fn write_to(self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            _ if is_dangerous(character) => write!(out, "\\u{{{:x}}}", u32::from(character)),
            _ => out.write_char(character),
        })
    }
}

/// Shows a line of a text file: as [`Shown`], but with tabs, which lines have and terminals bear.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownLine<'a>(pub(crate) &'a str);

impl fmt::Display for ShownLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split('\t');
        if let Some(first) = parts.next() {
            write!(f, "{}", Shown(first))?;
        }
        parts.try_for_each(|part| write!(f, "\t{}", Shown(part)))
    }
}

/// Returns whether a terminal may act on a character instead of showing it: control characters,
/// line and paragraph separators, and the marks, embeddings, overrides and isolates of the
/// bidirectional algorithm (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>).
pub(crate) fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Quotes a word for a POSIX shell, where it needs it.
pub(crate) fn shell_word(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@%+=,-".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Writes JSON in one line, with dangerous characters as `\uXXXX` also where JSON lets them stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct HarmlessJson(CompactFormatter);

impl Formatter for HarmlessJson {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain_from = 0;
        for (at, character) in fragment.char_indices().filter(|(_, c)| is_dangerous(*c)) {
            let plain = fragment.get(plain_from..at).unwrap_or_default();
            self.0.write_string_fragment(writer, plain)?;
            write!(writer, "\\u{:04x}", u32::from(character))?;
            plain_from = at + character.len_utf8();
        }
        let plain = fragment.get(plain_from..).unwrap_or_default();
        self.0.write_string_fragment(writer, plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize as _;

    #[test]
    fn characters_that_a_terminal_acts_on_are_escaped_and_others_are_not() {
        let cases = [
            ("plain, naïve, 文档, 👩‍👧", "plain, naïve, 文档, 👩‍👧"),
            ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("\u{7f}\u{85}\u{9b}", "\\u{7f}\\u{85}\\u{9b}"),
            ("\u{61c}\u{200e}\u{200f}", "\\u{61c}\\u{200e}\\u{200f}"),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
            ("\u{202a}\u{202e}", "\\u{202a}\\u{202e}"),
            ("\u{2066}\u{2069}", "\\u{2066}\\u{2069}"),
        ];
        for (name, shown) in cases {
            assert_eq!(Shown(name).to_string(), shown, "{name:?}");
        }
        assert_eq!(format!("{:<6}|", Shown("a\tb")), "a\\tb  |");
    }

    #[test]
    fn json_escapes_them_too_and_reads_back_the_same() {
        let name = "a\u{202e}b\u{7f}\n\u{9b}c";
        let mut bytes = Vec::new();
        name.serialize(&mut serde_json::Serializer::with_formatter(
            &mut bytes,
            HarmlessJson::default(),
        ))
        .expect("memory takes it");
        assert_eq!(bytes, br#""a\u202eb\u007f\n\u009bc""#);
        assert_eq!(
            serde_json::from_slice::<String>(&bytes).expect("it is JSON"),
            name
        );
    }

    #[test]
    fn a_quoted_word_is_one_word_for_a_shell() {
        let cases = [
            ("demo.ovpack", "demo.ovpack"),
            ("my pack.ovpack", "'my pack.ovpack'"),
            ("it's", r"'it'\''s'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ];
        for (word, quoted) in cases {
            assert_eq!(shell_word(word), quoted);
        }
    }
}
