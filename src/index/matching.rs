//! What full text finds, best first, in a time that does not grow with the store.
//!
//! Ranking takes time for each match, and there are words that nearly every text has. So where terms
//! match more than some thousand passages, the rarest of them choose the passages, and the others only
//! help to rank those: a term that is everywhere tells little. Where even the rarest term is everywhere,
//! it is looked for in names and in what is said about paths, and of the rest only so many are ranked.

use rusqlite::{Connection, params};

use crate::db::DatabaseContext as _;
use crate::error::Result;

const READ: &str = "read the search index";

/// Matches that are ranked, at most. Below it the ranking is that of all.
const RANKED_MAX: i64 = 5_000;

/// One of the two tables of full text.
#[derive(Debug)]
pub(super) struct Table {
    /// Selects the documents that match, best first: at most `?2` matches are ranked.
    ranked: &'static str,
    /// Counts matches up to `?2`.
    count: &'static str,
    /// Columns that say what a path is about, where the table has others too.
    telling: Option<&'static str>,
}

/// Words by passage. A match in a name counts most, then one in what is said about the path.
pub(super) const WORDS: Table = Table {
    ranked: "SELECT passage / 256 FROM (
               SELECT rowid AS passage, bm25(words, 6.0, 3.0, 1.0) AS score FROM words WHERE words MATCH ?1 LIMIT ?2
             ) ORDER BY score, passage",
    count: "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ?1 LIMIT ?2)",
    telling: Some("{name abstract}"),
};

/// Pieces of words by document.
pub(super) const GRAMS: Table = Table {
    ranked: "SELECT document FROM (
               SELECT rowid AS document, bm25(grams) AS score FROM grams WHERE grams MATCH ?1 LIMIT ?2
             ) ORDER BY score, document",
    count: "SELECT count(*) FROM (SELECT 1 FROM grams WHERE grams MATCH ?1 LIMIT ?2)",
    telling: None,
};

/// Calls `visit` for documents that match any of the terms, best first, until it says no. A document
/// comes once for each of its passages. With `is_exact` every match is ranked, whatever that takes.
pub(super) fn for_each_match(
    connection: &Connection,
    table: &Table,
    terms: &[String],
    is_exact: bool,
    visit: &mut dyn FnMut(i64) -> Result<bool>,
) -> Result<()> {
    let (query, most) = if is_exact {
        (any_of(terms.iter().map(String::as_str)), -1)
    } else {
        let count = |query: &str| count(connection, table, query);
        (query_of(terms, table.telling, &count)?, RANKED_MAX)
    };
    if query.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(table.ranked).context(READ)?;
    let mut rows = statement.query(params![query, most]).context(READ)?;
    while let Some(row) = rows.next().context(READ)? {
        if !visit(row.get(0).context(READ)?)? {
            break;
        }
    }
    Ok(())
}

/// Counts what a query matches, up to one more than may be ranked.
fn count(connection: &Connection, table: &Table, query: &str) -> Result<i64> {
    let mut statement = connection.prepare_cached(table.count).context(READ)?;
    statement
        .query_row(params![query, RANKED_MAX.saturating_add(1)], |row| {
            row.get(0)
        })
        .context(READ)
}

/// Returns the query that chooses passages by the rarest terms; empty where no term matches.
fn query_of(
    terms: &[String],
    telling: Option<&str>,
    count: &dyn Fn(&str) -> Result<i64>,
) -> Result<String> {
    let mut counted = Vec::new();
    for term in terms {
        let matches = count(&any_of([term.as_str()]))?;
        if matches > 0 {
            counted.push((matches, term.as_str()));
        }
    }
    counted.sort_unstable();
    let mut total = 0_i64;
    let choosing = counted.iter().take_while(|(matches, _)| {
        total = total.saturating_add(*matches);
        total <= RANKED_MAX
    });
    let choosing = choosing.count();
    let names = |from: &[(i64, &str)]| any_of(from.iter().map(|(_, term)| *term));
    let all = names(&counted);
    if choosing == counted.len() {
        return Ok(all);
    }
    if choosing > 0 {
        let (rare, _) = counted.split_at_checked(choosing).unwrap_or_default();
        return Ok(format!("({}) AND ({all})", names(rare)));
    }
    let rarest = counted.first().map_or("", |(_, term)| term);
    if let Some(telling) = telling {
        let query = format!("({telling} : {}) AND ({all})", any_of([rarest]));
        if count(&query)? > 0 {
            return Ok(query);
        }
    }
    Ok(format!("{} AND ({all})", any_of([rarest])))
}

/// Returns the query for any of some terms, each of which is a word or a phrase.
fn any_of<'a>(terms: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = terms.into_iter().map(|term| format!("\"{term}\""));
    quoted.collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_terms_choose_and_the_others_rank() {
        let few = RANKED_MAX / 2;
        let many = RANKED_MAX + 1;
        let counts = move |query: &str| {
            Ok(match query {
                "\"a\"" | "\"b\"" => few,
                "\"none\"" => 0,
                "({telling} : \"c\") AND (\"c\" OR \"d\")" => 3,
                _ => many,
            })
        };
        for (terms, query) in [
            (&[][..], ""),
            (&["none"], ""),
            (&["b", "none", "a"], "\"a\" OR \"b\""),
            (&["c", "b"], "(\"b\") AND (\"b\" OR \"c\")"),
            (&["d", "c"], "({telling} : \"c\") AND (\"c\" OR \"d\")"),
            (&["x"], "({telling} : \"x\") AND (\"x\")"),
        ] {
            let terms: Vec<_> = terms.iter().map(ToString::to_string).collect();
            let found = query_of(&terms, Some("{telling}"), &counts).expect("asked");
            assert_eq!(found, query, "{terms:?}");
        }
        let found = query_of(&["x".to_owned()], None, &counts).expect("asked");
        assert_eq!(found, "\"x\" AND (\"x\")");
    }
}
