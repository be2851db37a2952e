//! Documents: what of a path can be found, and by what.

use rusqlite::{Transaction, params};
use serde_json::{Map, Value};

use super::fill::Wanted;
use super::passages::{embedded, passage_id, passages};
use super::text::Text;
use super::words::{beginning, spaced, split_name};
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::record;
use crate::uri::Uri;

/// Bytes of an abstract that are kept to be shown.
const ABSTRACT_BYTES_MAX: usize = 400;

const WRITE: &str = "write the search index";

/// What is known of a document beside its text.
struct About {
    name: String,
    /// Name of the file and path, as words.
    names: String,
    /// Description, tags and abstract.
    says: String,
    abstract_text: String,
    tags: Option<String>,
    kind: Option<String>,
}

impl About {
    fn new(wanted: &Wanted) -> Self {
        let scalars: Map<String, Value> = serde_json::from_str(&wanted.scalars).unwrap_or_default();
        let scalar = |key: &str| scalars.get(key).map(shown).filter(|text| !text.is_empty());
        let leaf = wanted.path.rsplit('/').next().unwrap_or_default();
        let name = scalar("name").unwrap_or_else(|| leaf.to_owned());
        let abstract_text = scalar("abstract").unwrap_or_default();
        let tags = scalar("tags");
        let says = [
            scalar("description"),
            tags.clone(),
            Some(abstract_text.clone()),
        ];
        Self {
            names: [split_name(&wanted.path), split_name(&name)].join(" "),
            says: says.into_iter().flatten().collect::<Vec<_>>().join("\n"),
            kind: scalar("type"),
            name,
            abstract_text,
            tags,
        }
    }
}

/// Makes one document.
pub(super) fn insert(tx: &Transaction<'_>, wanted: &Wanted, text: &Text) -> Result<()> {
    let about = About::new(wanted);
    let passages = passages(&text.body);
    let id = insert_row(tx, wanted, text, &about, passages.len())?;
    insert_words(tx, id, wanted, &about, &passages)?;
    let leaf = wanted.path.rsplit('/').next().unwrap_or_default();
    let name = split_name(leaf);
    // Of a name without a letter or digit there is only the name itself.
    let name = if name.trim().is_empty() { leaf } else { &name };
    let inputs = embedded(name, &about.says, &passages);
    for (at, input) in (0..).zip(&inputs) {
        tx.prepare_cached("INSERT INTO input (passage, text) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute(params![passage_id(id, at), input]))
            .context(WRITE)?;
    }
    Ok(())
}

fn insert_row(
    tx: &Transaction<'_>,
    wanted: &Wanted,
    text: &Text,
    about: &About,
    passages: usize,
) -> Result<i64> {
    let context_type =
        record::indexable(&wanted.path).map_or("resource", |uri: Uri| uri.context_type());
    let shown_abstract = if about.abstract_text.is_empty() {
        &text.body
    } else {
        &about.abstract_text
    };
    tx.prepare_cached(
        "INSERT INTO document (path, level, content_sha256, record_sha256, is_live, is_read, context_type, type, name, tags, abstract, passages)
         VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            wanted.path,
            wanted.level,
            wanted.content,
            wanted.record,
            text.is_read,
            context_type,
            about.kind,
            about.name,
            about.tags,
            beginning(shown_abstract, ABSTRACT_BYTES_MAX),
            i64::try_from(passages).unwrap_or(i64::MAX)
        ])
    })
    .context(WRITE)?;
    Ok(tx.last_insert_rowid())
}

fn insert_words(
    tx: &Transaction<'_>,
    id: i64,
    wanted: &Wanted,
    about: &About,
    passages: &[&str],
) -> Result<()> {
    let names = spaced(&about.names);
    for (at, passage) in (0..).zip(passages) {
        let says = if at == 0 {
            spaced(&about.says)
        } else {
            String::new()
        };
        tx.prepare_cached(
            "INSERT INTO words (rowid, name, abstract, body) VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| {
            statement.execute(params![passage_id(id, at), names, says, spaced(passage)])
        })
        .context(WRITE)?;
    }
    let pieces = [
        &wanted.path,
        &about.name,
        beginning(&about.says, ABSTRACT_BYTES_MAX),
    ];
    tx.prepare_cached("INSERT INTO grams (rowid, name) VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute(params![id, pieces.join("\n")]))
        .context(WRITE)?;
    Ok(())
}

/// Deletes one document.
pub(super) fn delete(tx: &Transaction<'_>, id: i64) -> Result<()> {
    let run = |query, id: i64| {
        tx.prepare_cached(query)
            .and_then(|mut statement| statement.execute([id]))
            .map(drop)
            .context(WRITE)
    };
    let passages: i64 = tx
        .prepare_cached("SELECT coalesce(max(passages), 0) FROM document WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
        .context(WRITE)?;
    for passage in (0..passages).map(|at| passage_id(id, at)) {
        run("DELETE FROM words WHERE rowid = ?1", passage)?;
        run("DELETE FROM input WHERE passage = ?1", passage)?;
        run("DELETE FROM vector WHERE passage = ?1", passage)?;
    }
    run("DELETE FROM grams WHERE rowid = ?1", id)?;
    run("DELETE FROM document WHERE id = ?1", id)
}

/// Returns a scalar as words.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(";"),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
