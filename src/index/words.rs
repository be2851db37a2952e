//! Words: how texts become tokens, and how a question becomes a query.
//!
//! Chinese, Japanese and Korean are written without spaces, and a tokenizer that knows no dictionary
//! takes a sentence for a word. So each of their characters is made a word, in texts and in
//! questions, and two that follow each other are a phrase.

/// Words that nearly every text has; they tell nothing and cost most.
const COMMON: &[&str] = &[
    "a", "about", "an", "and", "any", "are", "as", "at", "be", "by", "can", "could", "did", "do",
    "does", "for", "from", "get", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it",
    "its", "me", "my", "no", "not", "of", "on", "one", "or", "our", "should", "so", "some", "than",
    "that", "the", "their", "then", "there", "these", "they", "this", "to", "use", "used", "using",
    "was", "we", "were", "what", "when", "where", "which", "who", "why", "will", "with", "you",
    "your",
];
/// The same of Chinese, character by character.
const COMMON_CHARACTERS: &str =
    "的了是在和与及或吗呢吧么什怎哪如何为我你他她它们这那有请把被就也都";
/// Most terms of a query: a question is a line, and who pastes a page means its beginning.
const TERMS_MAX: usize = 32;

/// Returns whether a character is a word by itself.
pub(super) const fn is_word_of_its_own(character: char) -> bool {
    matches!(character as u32,
        0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Returns a text as it is given to the tokenizer: the words that a name in code is put together of
/// stand behind it, as `CliRunner` is found by `cli` and by `runner`. `snake_case` the tokenizer splits.
pub(super) fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len().saturating_add(text.len() / 8));
    let (mut word, mut is_joined) = (0, false);
    let mut before = ' ';
    for character in text.chars() {
        if character.is_alphanumeric() && !is_word_of_its_own(character) {
            is_joined |= is_seam(before, character);
        } else {
            add_parts(&mut spaced, word, is_joined);
            is_joined = false;
        }
        if is_word_of_its_own(character) {
            spaced.push(' ');
            spaced.push(character);
            spaced.push(' ');
        } else {
            spaced.push(character);
        }
        if !character.is_alphanumeric() || is_word_of_its_own(character) {
            word = spaced.len();
        }
        before = character;
    }
    add_parts(&mut spaced, word, is_joined);
    spaced
}

/// Returns whether a word of its own begins within a name.
fn is_seam(before: char, character: char) -> bool {
    before.is_lowercase() && character.is_uppercase()
}

/// Puts the parts of the word that begins at `word` and ends the text behind it.
fn add_parts(spaced: &mut String, word: usize, is_joined: bool) {
    if is_joined {
        let parts = split_name(spaced.get(word..).unwrap_or_default());
        spaced.push(' ');
        spaced.push_str(&parts);
    }
}

/// Returns a path's name as words: `get_help-option.py` and `getHelpOption` have the same.
pub(super) fn split_name(path: &str) -> String {
    let mut words = String::with_capacity(path.len() * 2);
    let mut before = ' ';
    for character in path.chars() {
        if character.is_uppercase() && before.is_lowercase() {
            words.push(' ');
        }
        words.push(if character.is_alphanumeric() {
            character
        } else {
            ' '
        });
        before = character;
    }
    words
}

/// A question, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Question {
    /// Words, and phrases of characters, in lower case.
    pub(super) terms: Vec<String>,
}

impl Question {
    /// Takes a question apart; common words only count where there are no others.
    pub(super) fn new(text: &str) -> Self {
        let mut terms = Vec::new();
        for word in text.split(|character: char| !character.is_alphanumeric()) {
            let mut run = String::new();
            let mut is_of_characters = false;
            for character in word.chars() {
                if is_word_of_its_own(character) != is_of_characters {
                    add(&mut terms, &std::mem::take(&mut run), is_of_characters);
                    is_of_characters = !is_of_characters;
                }
                run.push(character);
            }
            add(&mut terms, &run, is_of_characters);
        }
        let mut telling: Vec<_> = terms
            .iter()
            .filter(|term| !is_common(term))
            .cloned()
            .collect();
        if telling.is_empty() {
            telling = terms;
        }
        telling.dedup();
        telling.truncate(TERMS_MAX);
        Self { terms: telling }
    }

    /// Returns the terms that are long enough to be found within words.
    pub(super) fn pieces(&self) -> Vec<String> {
        let long = self
            .terms
            .iter()
            .filter(|term| term.chars().count() >= 3 && !term.contains(' '));
        long.cloned().collect()
    }
}

fn add(terms: &mut Vec<String>, run: &str, is_of_characters: bool) {
    if run.is_empty() {
        return;
    }
    let characters: Vec<_> = run.chars().collect();
    if !is_of_characters {
        terms.push(run.to_lowercase());
    } else if let [only] = characters.as_slice() {
        terms.push(only.to_string());
    } else {
        terms.extend(characters.windows(2).map(|pair| {
            pair.iter()
                .map(char::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        }));
    }
}

fn is_common(term: &str) -> bool {
    COMMON.contains(&term)
        || term
            .chars()
            .all(|character| character == ' ' || COMMON_CHARACTERS.contains(character))
}

/// Bytes of a snippet, about.
const SNIPPET_BYTES: usize = 160;

/// Returns the piece of a text that has most of the terms close to each other, in one line; the
/// beginning where it has none.
pub(super) fn snippet(text: &str, question: &Question) -> String {
    let lower = text.to_lowercase();
    // Where lower case has another length, places in one are none in the other.
    let places = if lower.len() == text.len() {
        lower.as_str()
    } else {
        text
    };
    let mut best = (0, 0);
    let terms: Vec<_> = question
        .terms
        .iter()
        .map(|term| term.replace(' ', ""))
        .collect();
    for term in &terms {
        for (at, _) in places.match_indices(term.as_str()).take(50) {
            let window = window(places, at);
            let score = terms
                .iter()
                .filter(|term| window.contains(term.as_str()))
                .count();
            if score > best.0 {
                best = (score, at);
            }
        }
    }
    let shown = window(text, best.1);
    let line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_cut = |is_cut: bool| if is_cut { "..." } else { "" };
    let begins = best.1 > SNIPPET_BYTES / 4;
    format!(
        "{}{line}{}",
        is_cut(begins),
        is_cut(shown.len() < text.len())
    )
}

/// Returns what stands around a place.
fn window(text: &str, at: usize) -> &str {
    let begin = text.floor_char_boundary(at.saturating_sub(SNIPPET_BYTES / 4));
    let end = text.floor_char_boundary(begin.saturating_add(SNIPPET_BYTES).min(text.len()));
    text.get(begin..end).unwrap_or_default()
}

/// Returns the beginning of a text, of at most so many bytes.
pub(super) fn beginning(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_become_words_and_pairs_of_characters() {
        for (text, terms) in [
            (
                "How do I add a --verbose flag?",
                &["add", "verbose", "flag"][..],
            ),
            ("数据库备份", &["数 据", "据 库", "库 备", "备 份"]),
            ("用click写", &["用", "click", "写"]),
            ("the", &["the"]),
            ("\"x\" OR y*", &["x", "y"]),
            ("--", &[]),
        ] {
            assert_eq!(Question::new(text).terms, terms, "{text}");
        }
        assert_eq!(Question::new("an ox and a cow").pieces(), ["cow"]);
    }

    #[test]
    fn names_in_code_have_their_words_behind_them() {
        for (text, given) in [
            ("use CliRunner.", "use CliRunner Cli Runner."),
            ("getHelpOption", "getHelpOption get Help Option"),
            ("snake_case HTTP \u{c9}tat", "snake_case HTTP \u{c9}tat"),
            ("\u{6570}aB", " \u{6570} aB a B"),
            ("", ""),
        ] {
            assert_eq!(spaced(text), given, "{text}");
        }
    }

    #[test]
    fn a_snippet_shows_where_most_terms_are() {
        let text = format!(
            "{} the parser reads options {}",
            "x ".repeat(200),
            "y ".repeat(200)
        );
        let shown = snippet(&text, &Question::new("parser options"));
        assert!(shown.contains("the parser reads options"), "{shown}");
        assert!(
            shown.starts_with("...") && shown.ends_with("..."),
            "{shown}"
        );
        assert_eq!(
            snippet("short\ntext", &Question::new("nothing")),
            "short text"
        );
        // A character whose lower case is longer.
        assert!(snippet("\u{130}\u{130} parser", &Question::new("parser")).contains("parser"));
    }
}
