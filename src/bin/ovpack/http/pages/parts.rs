//! Parts of pages.

use std::fmt::Write as _;

use maud::{Markup, html};
use ovpack::{Change, ChangeCounts, ChangeKind, EntryKind, TransactionSummary, Version};

use crate::escape::Shown;
use crate::human::{Bytes, time as short_time};

/// Shows a text that others chose; it cannot change the direction of what is around it.
pub(crate) fn shown(text: &str) -> Markup {
    html! { bdi { (Shown(text).to_string()) } }
}

/// Shows a URI with a link to its history.
pub(crate) fn uri(uri: &str) -> Markup {
    html! { a.uri href={ "/history?uri=" (encoded(uri)) } { (shown(uri)) } }
}

/// Shows a transaction's name with a link to it.
pub(crate) fn transaction(id: &str) -> Markup {
    html! { a href={ "/transactions/" (id) } { (id) } }
}

/// Shows a time to the second; programs see all of it.
pub(crate) fn time(rfc3339: &str) -> Markup {
    html! { time datetime=(rfc3339) { (short_time(rfc3339)) } }
}

/// Shows the first digits of a digest; all of them where one points at it.
pub(crate) fn digest(digest: &impl ToString) -> Markup {
    let digest = digest.to_string();
    let short: String = digest.chars().take(12).collect();
    html! { code title=(digest) { (short) } }
}

/// Shows what became of a transaction, in words; the colour only repeats it.
pub(crate) fn outcome(summary: &TransactionSummary) -> Markup {
    let (class, word) = match (summary.state.as_str(), summary.undone_by) {
        ("committed", None) => ("good", "committed"),
        ("committed", Some(_)) => ("gone", "rolled back"),
        ("aborted", _) => ("bad", "aborted"),
        (state, _) => ("open", state),
    };
    html! { span class={ "badge " (class) } { (word) } }
}

/// Shows how many paths met which change.
pub(crate) fn counts(changes: &ChangeCounts) -> Markup {
    html! {
        (changes.added) " added, " (changes.replaced) " replaced, " (changes.removed) " removed, "
        (changes.unchanged) " unchanged"
    }
}

/// Shows one side of a change.
pub(crate) fn version(version: Option<&Version>) -> Markup {
    let Some(version) = version else {
        return html! { span.none { "not there" } };
    };
    match version.kind {
        EntryKind::Directory => html! { "directory" },
        EntryKind::File => html! {
            (Bytes(version.size).to_string())
            @if let Some(sha256) = &version.sha256 { " " (digest(sha256)) }
        },
    }
}

/// Returns a change's word.
pub(crate) const fn word(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Added => "added",
        ChangeKind::Replaced => "replaced",
        ChangeKind::Unchanged => "unchanged",
        ChangeKind::Removed => "removed",
        ChangeKind::External => "changed outside",
    }
}

/// Shows changes as a table, which scrolls by itself where it is wider than the page.
pub(crate) fn changes<'c>(caption: &str, changes: impl IntoIterator<Item = &'c Change>) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "Path" } th scope="col" { "Change" }
                    th scope="col" { "Before" } th scope="col" { "After" }
                } }
                tbody {
                    @for change in changes {
                        tr {
                            th.path scope="row" { (uri(&change.uri.to_string())) }
                            td { (word(change.change)) }
                            td { (version(change.before.as_ref())) }
                            td { (version(change.after.as_ref())) }
                        }
                    }
                }
            }
        }
    }
}

/// One line of a list of facts.
pub(crate) fn fact(name: &str, value: impl maud::Render) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// Writes a text as a part of a query.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let mut encoded = String::new();
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            // A string takes whatever is written.
            write!(encoded, "%{byte:02X}").unwrap_or(());
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_neither_be_markup_nor_turn_the_text_around() {
        let hostile = "<script>\u{202e}\"&\n";
        let expected = "<bdi>&lt;script&gt;\\u{202e}&quot;&amp;\\n</bdi>";
        assert_eq!(shown(hostile).into_string(), expected);
        let link = uri("viking://resources/<b>\" x=\u{202e}").into_string();
        assert!(
            link.starts_with(
                "<a class=\"uri\" href=\"/history?uri=viking%3A%2F%2Fresources%2F%3Cb%3E%22%20x%3D%E2%80%AE\">"
            ),
            "{link}"
        );
    }
}
