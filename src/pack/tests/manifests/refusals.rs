//! Manifests that are refused.

use super::*;

#[test]
fn known_keys_come_once() {
    for (key, value) in [
        ("kind", "\"x\""),
        ("format_version", "2"),
        ("root", r#"{"name":"r","uri":"u","scope":"s"}"#),
        ("entries", "[]"),
        ("content_sha256", &format!("\"{}\"", "0".repeat(64))),
    ] {
        let (rule, detail) = refusal(with(key, value).as_bytes());
        assert_eq!(rule, Rule::ManifestSyntax, "{key}");
        assert!(
            detail.starts_with(&format!("duplicate field `{key}` at line 1 column ")),
            "{detail}"
        );
    }
    for (key, value) in [("scopes", "[]"), ("vectors", "{}")] {
        let twice = with(key, &format!("{value},\"{key}\":{value}"));
        let (rule, detail) = refusal(twice.as_bytes());
        assert_eq!(rule, Rule::ManifestSyntax, "{key}");
        assert!(
            detail.starts_with(&format!("duplicate field `{key}`")),
            "{detail}"
        );
    }
    let spelled = MANIFEST.replace("\"name\":", "\"n\\u0061me\":\"x\",\"name\":");
    assert_eq!(refusal(spelled.as_bytes()).0, Rule::ManifestSyntax);
    for list in [
        r#"{"path":"a","kind":"file","path":"b"}"#,
        r#"{"path":"a","kind":"file","kind":"file"}"#,
        r#"{"path":"a","kind":"file","size":1,"size":1}"#,
    ] {
        assert_eq!(refusal(entries(list).as_bytes()).0, Rule::ManifestSyntax);
    }
    for list in [
        r#"{"level":0,"level":0}"#,
        r#"{"level":0,"text":null,"text":"a"}"#,
        r#"{"level":0,"scalars":null,"scalars":null}"#,
        r#"{"level":0,"scalars":{"tags":1,"tags":1}}"#,
    ] {
        let vectors = with("vectors", &format!("{{\"a\":[{list}]}}"));
        assert_eq!(refusal(vectors.as_bytes()).0, Rule::RecordShape, "{list}");
    }
}

#[test]
fn what_is_required_may_not_be_missing() {
    for key in [
        "kind",
        "format_version",
        "root",
        "entries",
        "content_sha256",
    ] {
        let renamed = MANIFEST.replace(&format!("\"{key}\":"), &format!("\"x{key}\":"));
        let (rule, detail) = refusal(renamed.as_bytes());
        assert_eq!(rule, Rule::ManifestSyntax);
        assert!(
            detail.starts_with(&format!("missing field `{key}`")),
            "{detail}"
        );
    }
    for key in ["name", "uri", "scope"] {
        let renamed = MANIFEST.replace(&format!("\"{key}\":"), &format!("\"x{key}\":"));
        let detail = refusal(renamed.as_bytes()).1;
        assert!(
            detail.starts_with(&format!("missing field `{key}`")),
            "{detail}"
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn shapes_that_are_not_those_of_a_manifest_are_refused() {
    let long = format!("\"{}\"", "x".repeat(9000));
    let scopes = format!("[{}\"\"]", "\"\",".repeat(16));
    let texts = [
        ("[]".to_owned(), Rule::ManifestSyntax),
        ("\"x\"".to_owned(), Rule::ManifestSyntax),
        ("null".to_owned(), Rule::ManifestSyntax),
        (String::new(), Rule::ManifestSyntax),
        (
            MANIFEST.replace("\"openviking.ovpack\"", "1"),
            Rule::ManifestSyntax,
        ),
        (
            MANIFEST.replace("\"openviking.ovpack\"", &long),
            Rule::ManifestSyntax,
        ),
        (MANIFEST.replace("4f53", "4g53"), Rule::ManifestSyntax),
        (MANIFEST.replace("4f53", "4f5"), Rule::ManifestSyntax),
        (
            MANIFEST.replace("\"entries\":[]", "\"entries\":{}"),
            Rule::ManifestSyntax,
        ),
        (
            MANIFEST.replace("\"name\":\"r\"", "\"name\":null"),
            Rule::ManifestSyntax,
        ),
        (with("scopes", "{}"), Rule::ManifestSyntax),
        (with("scopes", "[1]"), Rule::ManifestSyntax),
        (with("scopes", &scopes), Rule::ManifestSyntax),
        (MANIFEST.replace(":2,", ":2.0,"), Rule::FormatVersion),
        (MANIFEST.replace(":2,", ":2e0,"), Rule::FormatVersion),
        (MANIFEST.replace(":2,", ":\"2\","), Rule::FormatVersion),
        (
            MANIFEST.replace(":2,", ":9223372036854775808,"),
            Rule::FormatVersion,
        ),
        (MANIFEST.replace(":2,", ":true,"), Rule::FormatVersion),
        (entries("1"), Rule::ManifestSyntax),
        (entries(r#"{"path":"a"}"#), Rule::ManifestSyntax),
        (entries(r#"{"kind":"file"}"#), Rule::ManifestSyntax),
        (entries(r#"{"path":1,"kind":"file"}"#), Rule::ManifestSyntax),
        (
            entries(r#"{"path":"a","kind":"File"}"#),
            Rule::ManifestSyntax,
        ),
        (
            entries(r#"{"path":"a","kind":"file","sha256":"0"}"#),
            Rule::ManifestSyntax,
        ),
        (with("vectors", "[]"), Rule::RecordShape),
        (with("vectors", "null"), Rule::RecordShape),
        (with("vectors", r#"{"a":{}}"#), Rule::RecordShape),
        (with("vectors", r#"{"a":[1]}"#), Rule::RecordShape),
        (with("vectors", r#"{"a":[{}]}"#), Rule::RecordShape),
        (with("vectors", r#"{"a":[{"level":3}]}"#), Rule::RecordShape),
        (
            with("vectors", r#"{"a":[{"level":-1}]}"#),
            Rule::RecordShape,
        ),
        (
            with("vectors", r#"{"a":[{"level":0.0}]}"#),
            Rule::RecordShape,
        ),
        (
            with("vectors", r#"{"a":[{"level":true}]}"#),
            Rule::RecordShape,
        ),
        (
            with("vectors", r#"{"a":[{"level":0,"text":1}]}"#),
            Rule::RecordShape,
        ),
        (
            with("vectors", r#"{"a":[{"level":0,"scalars":[]}]}"#),
            Rule::RecordShape,
        ),
        (
            with("vectors", r#"{"a":[{"level":0,"scalars":{"name":{}}}]}"#),
            Rule::RecordShape,
        ),
        (
            with("vectors", r#"{"a":[{"level":0,"scalars":{"tags":[[]]}}]}"#),
            Rule::RecordShape,
        ),
    ];
    for (text, rule) in texts {
        assert_eq!(refusal(text.as_bytes()).0, rule, "{text}");
    }
}

#[test]
fn sizes_are_integers_up_to_what_a_file_can_have() {
    for size in [
        "-1",
        "-0",
        "1.0",
        "1e0",
        "1E+2",
        "9223372036854775808",
        "1e999",
        "\"1\"",
        "null",
        "true",
    ] {
        let list = format!(r#"{{"path":"a","kind":"file","size":{size}}}"#);
        assert_eq!(
            refusal(entries(&list).as_bytes()).0,
            Rule::ManifestSyntax,
            "{size}"
        );
    }
}

#[test]
fn json_that_readers_read_differently_is_refused() {
    let bom = [b"\xef\xbb\xbf", MANIFEST.as_bytes()].concat();
    let utf16: Vec<u8> = MANIFEST.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep = with("x", &format!("{}{}", "[".repeat(200), "]".repeat(200)));
    let texts: [Vec<u8>; 20] = [
        bom,
        utf16,
        deep.into_bytes(),
        format!("{MANIFEST}{{}}").into_bytes(),
        format!("{MANIFEST}\0").into_bytes(),
        format!("{MANIFEST},").into_bytes(),
        MANIFEST.as_bytes()[..MANIFEST.len() - 1].to_vec(),
        MANIFEST.replacen(',', ",,", 1).into_bytes(),
        MANIFEST.replace("\"r\"", "'r'").into_bytes(),
        MANIFEST.replace("\"r\"", "\"r\\x\"").into_bytes(),
        MANIFEST.replace("\"r\"", "\"r\n\"").into_bytes(),
        MANIFEST.replace(":2,", ":02,").into_bytes(),
        MANIFEST.replace(":2,", ":+2,").into_bytes(),
        MANIFEST.replace("[]", "[],").into_bytes(),
        with("x", "NaN").into_bytes(),
        with("x", "\"\\ud800\"").into_bytes(),
        with("x", "\"\\udc00\\ud800\"").into_bytes(),
        with("\\ud800", "1").into_bytes(),
        with("x", "1").replace('x', "\u{1}").into_bytes(),
        with("x", "// comment\n1").into_bytes(),
    ];
    for text in texts {
        assert_eq!(
            refusal(&text).0,
            Rule::ManifestSyntax,
            "{:?}",
            String::from_utf8_lossy(&text)
        );
    }
    for at in ["x", "y"] {
        let mut bytes = with("x", "\"y\"").into_bytes();
        let place = bytes
            .iter()
            .position(|byte| *byte == at.as_bytes()[0])
            .expect("there");
        bytes[place] = 0xff;
        assert_eq!(refusal(&bytes).0, Rule::ManifestSyntax, "{at}");
    }
}

#[test]
fn the_place_of_a_fault_is_named() {
    let text = MANIFEST
        .replace("\"entries\"", "\n\n\"entries\"")
        .replace("[]", "[ {} ]");
    let (_, detail) = refusal(text.as_bytes());
    assert_eq!(detail, "missing field `path` at line 3 column 14");
}

#[test]
fn a_string_that_would_fill_the_memory_is_refused() {
    for (length, is_good) in [(16 << 20, true), ((16 << 20) + 1, false)] {
        let text = with("x", &format!("\"{}\"", "y".repeat(length)));
        let rules = match read(text.as_bytes()) {
            Ok(_) => vec![],
            error @ Err(_) => rules_of(&error.map(|_| unreachable!("an error"))),
        };
        let expected = if is_good {
            vec![]
        } else {
            vec![Rule::ManifestSyntax]
        };
        assert_eq!(rules, expected, "{length}");
    }
}
