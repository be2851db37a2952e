//! Manifests that two readers of JSON could read differently, or not at all.

use super::{Lie, honest, lie};

const CODE: &str = "manifest-syntax";

/// Makes a lie of the manifest's text, of which one place is replaced.
fn replaced(name: &'static str, code: &'static str, from: &'static str, to: &'static str) -> Lie {
    text(name, code, move |text| {
        assert!(text.contains(from), "{from:?} is in the manifest");
        text.replacen(from, to, 1).into_bytes()
    })
}

fn text(
    name: &'static str,
    code: &'static str,
    change: impl FnOnce(String) -> Vec<u8> + 'static,
) -> Lie {
    lie(name, code, honest().manifest_text(change))
}

/// Puts something before the text's first key.
fn first(name: &'static str, first: &'static [u8]) -> Lie {
    text(name, CODE, move |text| {
        [&b"{"[..], first, b",", &text.as_bytes()[1..]].concat()
    })
}

fn followed(name: &'static str, more: &'static [u8]) -> Lie {
    text(name, CODE, move |text| [text.as_bytes(), more].concat())
}

pub(super) fn lies() -> Vec<Lie> {
    [repeated(), around(), letters(), numbers()]
        .into_iter()
        .flatten()
        .collect()
}

fn repeated() -> Vec<Lie> {
    let size = "\"size\": 11";
    vec![
        first("kind twice", br#""kind":"openviking.ovpack""#).says(&["kind"]),
        first("kind twice with another value", br#""kind":"other""#).says(&["kind"]),
        first(
            "kind twice, once escaped",
            br#""\u006bind":"openviking.ovpack""#,
        ),
        first("format_version twice", br#""format_version":2"#).says(&["format_version"]),
        first("entries twice", br#""entries":[]"#).says(&["entries"]),
        first("root twice", br#""root":{}"#),
        first("content_sha256 twice", br#""content_sha256":"00""#),
        first("vectors twice", br#""vectors":{}"#),
        replaced(
            "root.name twice",
            CODE,
            "\"name\": ",
            "\"name\": \"x\", \"name\": ",
        ),
        replaced(
            "root.uri twice",
            CODE,
            "\"uri\": ",
            "\"uri\": \"viking://\", \"uri\": ",
        ),
        replaced(
            "root.scope twice",
            CODE,
            "\"scope\": ",
            "\"scope\": \"user\", \"scope\": ",
        ),
        replaced(
            "path twice",
            CODE,
            "\"path\": \"a.md\"",
            "\"path\": \"a.md\", \"path\": \"c\"",
        ),
        replaced("size twice", CODE, size, "\"size\": 11, \"size\": 12"),
        replaced(
            "sha256 twice",
            CODE,
            "\"sha256\": ",
            "\"sha256\": \"00\", \"sha256\": ",
        ),
        replaced("an entry's kind twice", CODE, "\"kind\": \"file\"", {
            "\"kind\": \"directory\", \"kind\": \"file\""
        }),
    ]
}

fn around() -> Vec<Lie> {
    vec![
        followed("a second object", b"{}"),
        followed("a NUL at the end", b"\0"),
        followed("a comment at the end", b" // all is well"),
        followed("a comma at the end", b","),
        followed("a bracket at the end", b"}"),
        followed("a no-break space at the end", "\u{a0}".as_bytes()),
        followed("a form feed at the end", b"\x0c"),
        text("a byte-order mark", CODE, |text| {
            format!("\u{feff}{text}").into()
        }),
        text("UTF-16", CODE, |text| {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }),
        text("no object but a list", CODE, |text| {
            format!("[{text}]").into()
        }),
        text("no object but a text", CODE, |_| {
            b"\"openviking.ovpack\"".to_vec()
        }),
        text("no object but null", CODE, |_| b"null".to_vec()),
        text("nothing", CODE, |_| Vec::new()),
        text("nothing but white space", CODE, |_| b" \n\t".to_vec()),
        text("an object that does not end", CODE, |text| {
            text[..text.len() - 1].into()
        }),
        text("half an object", CODE, |text| text[..text.len() / 2].into()),
        first("a comma too many", b""),
        first("a key without quotes", b"x:1"),
        first("a key in single quotes", b"'x':1"),
        first("a comment", b"/* x */ \"x\":1"),
    ]
}

fn letters() -> Vec<Lie> {
    vec![
        first("a lonely high surrogate", br#""x":"\ud800""#),
        first("a lonely low surrogate", br#""x":"\udc00""#),
        first("surrogates in the wrong order", br#""x":"\udc00\ud800""#),
        first("a lonely surrogate in a key", br#""\ud800":1"#),
        first("a surrogate as UTF-8", b"\"x\":\"\xed\xa0\x80\""),
        first("a byte that is no UTF-8", b"\"x\":\"\xff\""),
        first("an overlong letter", b"\"x\":\"\xc0\xaf\""),
        first("a control character in a text", b"\"x\":\"\x01\""),
        first("a line break in a text", b"\"x\":\"\n\""),
        first("an escape that is none", br#""x":"\x41""#),
        first("an escape that is cut", br#""x":"\u12""#),
        replaced(
            "a lonely surrogate in a path",
            CODE,
            "\"a.md\"",
            "\"a.md\\ud800\"",
        ),
    ]
}

fn numbers() -> Vec<Lie> {
    let (size, version) = ("\"size\": 11", "\"format_version\": 2");
    vec![
        replaced("a size with an exponent", CODE, size, "\"size\": 11e0"),
        replaced("a size with a fraction", CODE, size, "\"size\": 11.0"),
        replaced(
            "a size of 2^63",
            CODE,
            size,
            "\"size\": 9223372036854775808",
        ),
        replaced(
            "a size of 2^64 and 11",
            CODE,
            size,
            "\"size\": 18446744073709551627",
        ),
        replaced("a negative size", CODE, size, "\"size\": -11"),
        replaced("a negative zero", CODE, size, "\"size\": -0"),
        replaced("a size with a leading zero", CODE, size, "\"size\": 011"),
        replaced("a size in hex", CODE, size, "\"size\": 0xb"),
        replaced("a size with a plus", CODE, size, "\"size\": +11"),
        replaced("a size as a text", CODE, size, "\"size\": \"11\""),
        replaced("a size as a truth", CODE, size, "\"size\": true"),
        replaced("a size that is no number", CODE, size, "\"size\": NaN"),
        replaced("a size that is endless", CODE, size, "\"size\": Infinity"),
        replaced(
            "a version with a fraction",
            "format-version",
            version,
            "\"format_version\": 2.0",
        ),
        replaced(
            "a version with an exponent",
            "format-version",
            version,
            "\"format_version\": 2e0",
        ),
        replaced(
            "a version as a text",
            "format-version",
            version,
            "\"format_version\": \"2\"",
        ),
        replaced(
            "a version as a truth",
            "format-version",
            version,
            "\"format_version\": true",
        ),
        replaced(
            "no version but null",
            "format-version",
            version,
            "\"format_version\": null",
        ),
    ]
}
