//! Lies about the index: records on lines of their own, and the dense vectors that they refer to.

use ovpack::{Digest, Layout};
use serde_json::{Value, json};

use super::{Lie, honest, lie};
use crate::support::PackBuilder;
use crate::support::pack_builder::{DENSE, RECORDS};

pub(super) fn lies() -> Vec<Lie> {
    [claims(), lines(), texts(), references(), formats(), bytes()]
        .into_iter()
        .flatten()
        .collect()
}

/// Three records of which two have a vector of two dimensions.
fn indexed() -> PackBuilder {
    honest()
        .laid_out(Layout::V2Files)
        .line(record("r1", "", "directory", 0))
        .line(dense(record("r2", "a.md", "file", 2), 0, 2))
        .line(dense(record("r3", "sub/b.md", "file", 2), 2, 2))
        .dense(2, &[1.0, -0.5, 0.25, 3.0])
}

fn record(id: &str, path: &str, kind: &str, level: i64) -> Value {
    let scalars = json!({ "abstract": "x", "level": level, "uri": "viking://temp/secret" });
    json!({ "record_id": id, "path": path, "kind": kind, "level": level, "scalars": scalars })
}

fn dense(mut record: Value, offset: i64, dimensions: i64) -> Value {
    record["vector"] = json!({ "dense": { "offset": offset, "dimensions": dimensions } });
    record
}

/// Makes a lie of the manifest's `index`.
fn claim(name: &'static str, code: &'static str, change: impl FnOnce(&mut Value) + 'static) -> Lie {
    lie(name, code, indexed().manifest(|m| change(&mut m["index"])))
}

/// Makes a lie of one more line.
fn line(name: &'static str, code: &'static str, record: Value) -> Lie {
    lie(name, code, indexed().line(record)).says(&["r4"])
}

/// Makes a lie of the records' text, of which the manifest tells truly.
fn text(name: &'static str, change: impl FnOnce(String) -> Vec<u8> + 'static) -> Lie {
    lie(name, "record-shape", indexed().records_text(change)).says(&[RECORDS])
}

fn claims() -> Vec<Lie> {
    let (missing, syntax) = ("index-missing", "manifest-syntax");
    let other = Digest::of(b"other").to_string();
    let (for_records, for_dense) = (other.clone(), other);
    vec![
        claim(
            "another digest of the records",
            "index-digest",
            move |index| {
                index["records"]["sha256"] = json!(for_records);
            },
        )
        .says(&[RECORDS, "index.records"]),
        claim(
            "another digest of the vectors",
            "index-digest",
            move |index| {
                index["dense"]["sha256"] = json!(for_dense);
            },
        )
        .says(&[DENSE, "index.dense"]),
        claim("a record too few", "index-count", |index| {
            index["records"]["count"] = json!(4);
        })
        .says(&["3", "4"]),
        claim("a record too many", "index-count", |index| {
            index["records"]["count"] = json!(2);
        })
        .says(&["3", "2"]),
        claim("records under another name", missing, |index| {
            index["records"]["path"] = json!("files/a.md");
        })
        .says(&["files/a.md", RECORDS]),
        claim("vectors under the records' name", missing, |index| {
            index["dense"]["path"] = json!(RECORDS);
        })
        .says(&[DENSE]),
        lie(
            "records that are not there",
            missing,
            indexed().zip(|zip| {
                let name = format!("notes/{RECORDS}").into_bytes();
                zip.members.retain(|member| member.central.name != name);
            }),
        )
        .says(&[RECORDS]),
        lie(
            "vectors that are not there",
            missing,
            indexed().zip(|zip| {
                let name = format!("notes/{DENSE}").into_bytes();
                zip.members.retain(|member| member.central.name != name);
            }),
        )
        .says(&[DENSE]),
        lie(
            "records that the manifest does not know",
            "index-unexpected",
            {
                indexed().manifest(|manifest| {
                    manifest.as_object_mut().unwrap().remove("index");
                })
            },
        )
        .says(&[RECORDS]),
        claim("an index without records", syntax, |index| {
            index.as_object_mut().unwrap().remove("records");
        }),
        claim("records without a digest", syntax, |index| {
            index["records"].as_object_mut().unwrap().remove("sha256");
        }),
        claim("a count that is a fraction", syntax, |index| {
            index["records"]["count"] = json!(3.0);
        }),
        claim("a count below nothing", syntax, |index| {
            index["records"]["count"] = json!(-1);
        }),
        claim("an index that is a list", syntax, |index| {
            *index = json!([])
        }),
    ]
}

fn lines() -> Vec<Lie> {
    let entry = "record-entry";
    let without = |key: &str| {
        let mut record = record("r4", "sub", "directory", 0);
        record.as_object_mut().unwrap().remove(key);
        record
    };
    let shape = |name, record| line_of_shape(name, record);
    vec![
        lie("an id used twice", "record-repeated", {
            indexed().line(record("r2", "sub", "directory", 0))
        })
        .says(&["r2", "2 times"]),
        line(
            "a record of nothing",
            entry,
            record("r4", "gone.md", "file", 2),
        )
        .says(&["gone.md"]),
        line(
            "a directory that is a file",
            entry,
            record("r4", "a.md", "directory", 0),
        )
        .says(&["a.md", "directory", "file"]),
        line(
            "a file that is a directory",
            entry,
            record("r4", "sub", "file", 2),
        )
        .says(&["sub"]),
        lie("a record out of its root", "name-dot-component", {
            indexed().line(record("r4", "../a.md", "file", 2))
        })
        .after("name-dot-component"),
        lie("a record of relations", "name-reserved", {
            indexed().line(record("r4", ".relations.json", "file", 2))
        }),
        shape("a kind that there is not", record("r4", "sub", "link", 0)),
        shape("level 3", record("r4", "a.md", "file", 3)),
        shape("level -1", record("r4", "a.md", "file", -1)),
        shape("a record without an id", without("record_id")),
        shape("a record without a path", without("path")),
        shape("a record without a kind", without("kind")),
        shape("a record without a level", without("level")),
        shape("a record that is a list", json!([])),
        shape("a record that is nothing", Value::Null),
        shape("a vector that is a list", {
            let mut record = record("r4", "a.md", "file", 2);
            record["vector"] = json!([0.5]);
            record
        }),
        shape(
            "an offset below nothing",
            dense(record("r4", "a.md", "file", 2), -2, 2),
        ),
    ]
}

fn line_of_shape(name: &'static str, record: Value) -> Lie {
    lie(name, "record-shape", indexed().line(record)).says(&[RECORDS, "line 4"])
}

fn texts() -> Vec<Lie> {
    let broken = |name, line: &'static [u8]| {
        text(name, move |text| [text.as_bytes(), line].concat()).says(&["line 4"])
    };
    vec![
        broken("an empty line", b"\n"),
        broken("a line that is cut", b"{\"record_id\":\"r4\""),
        broken("two records on a line", b"{}{}\n"),
        broken("bytes that are no text", b"{\"record_id\":\"\xff\"}\n"),
        broken("a lone surrogate in a record", b"{\"x\":\"\\ud800\"}\n"),
        broken(
            "a key of a record twice",
            b"{\"record_id\":\"r4\",\"record_id\":\"r5\"}\n",
        ),
        broken(
            "a scalar of a record twice",
            b"{\"scalars\":{\"name\":\"a\",\"name\":\"b\"}}\n",
        ),
        broken(
            "a scalar that is an object",
            b"{\"scalars\":{\"name\":{}}}\n",
        ),
        text("an empty line at the end", |text| {
            [&text, "\n"].concat().into()
        })
        .says(&["the line is empty", "line 4"]),
        text("records that begin with a mark", |text| {
            [b"\xef\xbb\xbf", text.as_bytes()].concat()
        })
        .says(&["line 1"]),
        text("records in one list", |text| {
            format!("[{}]", text.trim_end().replace('\n', ",")).into_bytes()
        })
        .says(&["line 1"]),
        text("a text that is too long", |_| {
            let long = "x".repeat(17 << 20);
            format!("{{\"record_id\":\"r1\",\"text\":\"{long}\"}}").into_bytes()
        })
        .bomb(),
        text("a line that is too long", |_| {
            let many = "\"x\",".repeat(9 << 20);
            format!("{{\"x\":[{many}0]}}").into_bytes()
        })
        .bomb(),
    ]
}

fn references() -> Vec<Lie> {
    let rule = "dense-references";
    let of = |name, first: (i64, i64), second: (i64, i64)| {
        let pack = honest()
            .laid_out(Layout::V3)
            .line(dense(record("r2", "a.md", "file", 2), first.0, first.1))
            .line(dense(
                record("r3", "sub/b.md", "file", 2),
                second.0,
                second.1,
            ))
            .dense(2, &[1.0, -0.5, 0.25, 3.0]);
        lie(name, rule, pack)
    };
    vec![
        of("a gap between vectors", (0, 2), (3, 2)).says(&["r3", "3"]),
        of("vectors that overlap", (0, 2), (1, 2)).says(&["r3", "1"]),
        of("one vector for two records", (0, 2), (0, 2)),
        of("vectors that do not begin at 0", (2, 2), (4, 2)).says(&["r2"]),
        of("a vector of other dimensions", (0, 2), (2, 1)).says(&["r3", "1", "2"]),
        of("a vector of no dimensions", (0, 0), (0, 2)),
        of("an offset at the end of numbers", (0, 2), (i64::MAX, 2)),
        lie("a vector that no record refers to", rule, {
            indexed().manifest(|manifest| manifest["index"]["dense"]["count"] = json!(3))
        })
        .after("dense-size"),
        lie("more records than vectors", rule, {
            indexed().line(dense(record("r4", "sub", "directory", 0), 4, 2))
        })
        .says(&["3", "2"]),
        lie("references without vectors", rule, {
            let pack = honest().laid_out(Layout::V2Files);
            pack.line(dense(record("r2", "a.md", "file", 2), 0, 2))
        })
        .says(&["r2", "index.dense"]),
    ]
}

fn formats() -> Vec<Lie> {
    let rule = "dense-format";
    vec![
        claim("numbers of half the size", rule, |index| {
            index["dense"]["dtype"] = json!("float16");
        })
        .says(&["float16", "float32"]),
        claim("numbers the other way round", rule, |index| {
            index["dense"]["byte_order"] = json!("big");
        })
        .says(&["big", "little"]),
        claim("vectors of nothing", rule, |index| {
            index["dense"]["dimensions"] = json!(0);
        })
        .says(&["0"]),
        claim("vectors without a type", "manifest-syntax", |index| {
            index["dense"].as_object_mut().unwrap().remove("dtype");
        }),
        claim("dimensions that are a text", "manifest-syntax", |index| {
            index["dense"]["dimensions"] = json!("2");
        }),
        claim("an embedding that is a text", "manifest-syntax", |index| {
            index["dense"]["embedding"] = json!("m");
        }),
    ]
}

fn bytes() -> Vec<Lie> {
    let sizes = "dense-size";
    let of_size = |name, count: u64, dimensions: u64| {
        claim(name, sizes, move |index| {
            index["dense"]["count"] = json!(count);
            index["dense"]["dimensions"] = json!(dimensions);
        })
        .says(&[DENSE, "16"])
    };
    vec![
        of_size("vectors of more bytes", 2, 3),
        of_size("vectors of fewer bytes", 1, 2),
        of_size("vectors of bytes that no number counts", 1 << 62, 1 << 62),
        of_size(
            "vectors of bytes that overflow to the right number",
            (1 << 62) + 2,
            2,
        ),
        lie("a vector that is cut", sizes, {
            indexed().forged(DENSE, [0; 15])
        })
        .says(&["15"]),
        lie(
            "other numbers",
            "index-digest",
            indexed().forged(DENSE, [0; 16]),
        )
        .says(&[DENSE]),
        lie(
            "other records",
            "index-digest",
            indexed().forged(RECORDS, ""),
        )
        .says(&[RECORDS]),
        lie(
            "vectors with a flipped bit",
            "member-bytes",
            indexed().damaged(DENSE),
        )
        .says(&[DENSE]),
        lie(
            "records with a flipped bit",
            "member-bytes",
            indexed().damaged(RECORDS),
        )
        .says(&[RECORDS]),
    ]
}
