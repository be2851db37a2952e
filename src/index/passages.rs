//! Passages: a long text is searched piece by piece, so that a file of many pages answers a question
//! that one of them answers, and does not lose to a short file for its length.

/// Bytes of a passage, at most: some paragraphs, or a function or two. Models read no more at once.
const PASSAGE_BYTES: usize = 1_500;
/// Most passages of a document: as many as 8 bits number. The last one has all the rest.
pub(super) const PASSAGES_MAX: usize = 256;
const STRIDE: i64 = 256;
/// Passages that are embedded. What follows is found by its words.
const EMBEDDED_MAX: usize = 32;

/// Number of a document's passage among those of all documents.
pub(super) const fn passage_id(document: i64, passage: i64) -> i64 {
    document.saturating_mul(STRIDE).saturating_add(passage)
}

/// Number of the document that has a passage.
pub(super) const fn document_of(passage_id: i64) -> i64 {
    passage_id.div_euclid(STRIDE)
}

/// Cuts a text into passages: at the end of a line where that is in the second half, else between
/// words, else between characters. A text without a word is one passage.
pub(super) fn passages(text: &str) -> Vec<&str> {
    let mut passages = Vec::new();
    let mut rest = text;
    while rest.len() > PASSAGE_BYTES && passages.len() + 1 < PASSAGES_MAX {
        let most = rest.floor_char_boundary(PASSAGE_BYTES);
        let window = rest.get(..most).unwrap_or(rest);
        let is_late = |at: &usize| *at >= PASSAGE_BYTES / 2;
        let line = window.rfind('\n').filter(is_late);
        let place = line.or_else(|| window.rfind(char::is_whitespace).filter(is_late));
        let (passage, after) = rest
            .split_at_checked(place.unwrap_or(most))
            .unwrap_or((rest, ""));
        passages.push(passage);
        rest = after;
    }
    passages.push(rest);
    passages
}

/// Returns what is embedded of a document: what is said about it with its first passage, and the
/// passages that follow, each under its name.
pub(super) fn embedded(name: &str, about: &str, passages: &[&str]) -> Vec<String> {
    let texts = passages
        .iter()
        .take(EMBEDDED_MAX)
        .enumerate()
        .map(|(at, passage)| {
            let text = if at == 0 {
                [name, about, passage].join("\n")
            } else {
                [name, passage].join("\n")
            };
            let most = text.floor_char_boundary(PASSAGE_BYTES);
            text.get(..most).unwrap_or(&text).trim().to_owned()
        });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_all_of_a_text_cut_where_it_may_be() {
        let line = "seven words stand in this one line\n";
        for text in [
            String::new(),
            "short".to_owned(),
            line.repeat(200),
            "x".repeat(10_000),
            "\u{6587}".repeat(3_000),
            ["\n".to_owned(), "word ".repeat(1_000)].concat(),
            line.repeat(20_000),
        ] {
            let cut = passages(&text);
            assert_eq!(cut.concat(), text);
            assert!(cut.len() <= PASSAGES_MAX);
            let but_last = cut.split_last().map(|(_, others)| others);
            for passage in but_last.unwrap_or_default() {
                let length = passage.len();
                assert!(
                    (PASSAGE_BYTES / 2..=PASSAGE_BYTES).contains(&length),
                    "{length}"
                );
            }
        }
        let lines = line.repeat(100);
        assert!(
            passages(&lines)
                .iter()
                .skip(1)
                .all(|passage| passage.starts_with('\n'))
        );
    }

    #[test]
    fn numbers_of_passages_tell_their_documents() {
        for (document, passage) in [(1, 0), (1, 255), (2, 0), (1 << 40, 17)] {
            assert_eq!(document_of(passage_id(document, passage)), document);
        }
    }

    #[test]
    fn each_text_that_is_embedded_has_the_name() {
        let texts = embedded("the name", "about", &["first", "second"]);
        assert_eq!(texts, ["the name\nabout\nfirst", "the name\nsecond"]);
        assert_eq!(embedded("n", "", &vec!["p"; 100]).len(), EMBEDDED_MAX);
    }
}
