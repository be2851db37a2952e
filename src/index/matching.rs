//! What full text finds, best first, in a time that does not grow with the store.
//!
//! Ranking takes time for each match, and there are words that nearly every text has. So where terms
//! match more than some thousand passages, the rarest of them choose the passages, and the others only
//! help to rank those: a frequent term tells little. Where even the rarest term is frequent,
//! it is looked for in names and in what is said about paths, and of the rest only so many are ranked.
//!
//! Ranking by a term reads all of its matches once, however few are ranked. So a term that is everywhere
//! does not rank at all: what it adds to a score is next to nothing.

use rusqlite::{Connection, params};

use crate::db::DatabaseContext as _;
use crate::error::Result;

const READ: &str = "read the search index";

/// Matches that are ranked, at most. Below it the ranking is that of all.
const RANKED_MAX: i64 = 5_000;
/// A term is everywhere that matches as often as there are documents, divided by this, and at least so
/// often.
const EVERYWHERE_SHARE: i64 = 4;
const EVERYWHERE_MIN: i64 = 20_000;

/// One of the two tables of full text.
#[derive(Debug)]
pub(super) struct Table {
    /// Selects the documents that match, best first: at most `?2` matches are ranked.
    ranked: &'static str,
    /// Selects them in their own order.
    unranked: &'static str,
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
    unranked: "SELECT rowid / 256 FROM words WHERE words MATCH ?1 ORDER BY rowid LIMIT ?2",
    count: "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ?1 LIMIT ?2)",
    telling: Some("{name abstract}"),
};

/// Pieces of words by document.
pub(super) const GRAMS: Table = Table {
    ranked: "SELECT document FROM (
               SELECT rowid AS document, bm25(grams) AS score FROM grams WHERE grams MATCH ?1 LIMIT ?2
             ) ORDER BY score, document",
    unranked: "SELECT rowid FROM grams WHERE grams MATCH ?1 ORDER BY rowid LIMIT ?2",
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
    let (chosen, most) = if is_exact {
        let query = any_of(terms.iter().map(String::as_str));
        (Chosen::ranked(query), -1)
    } else {
        let counts = Counts {
            everywhere: everywhere(connection)?,
            count: &|query, most| count(connection, table, query, most),
        };
        (counts.query_of(terms, table.telling)?, RANKED_MAX)
    };
    if chosen.query.is_empty() {
        return Ok(());
    }
    let select = if chosen.is_ranked {
        table.ranked
    } else {
        table.unranked
    };
    let mut statement = connection.prepare_cached(select).context(READ)?;
    let mut rows = statement.query(params![chosen.query, most]).context(READ)?;
    while let Some(row) = rows.next().context(READ)? {
        if !visit(row.get(0).context(READ)?)? {
            break;
        }
    }
    Ok(())
}

/// Counts what a query matches, up to a number.
fn count(connection: &Connection, table: &Table, query: &str, most: i64) -> Result<i64> {
    let mut statement = connection.prepare_cached(table.count).context(READ)?;
    statement
        .query_row(params![query, most], |row| row.get(0))
        .context(READ)
}

/// Returns from how many matches on a term is everywhere.
fn everywhere(connection: &Connection) -> Result<i64> {
    let query = "SELECT coalesce(max(id), 0) FROM document";
    let mut statement = connection.prepare_cached(query).context(READ)?;
    let documents: i64 = statement.query_row([], |row| row.get(0)).context(READ)?;
    Ok((documents / EVERYWHERE_SHARE).max(EVERYWHERE_MIN))
}

/// What full text is asked.
#[derive(Debug, PartialEq, Eq)]
struct Chosen {
    /// Empty where no term matches.
    query: String,
    is_ranked: bool,
}

impl Chosen {
    const fn ranked(query: String) -> Self {
        Self {
            query,
            is_ranked: true,
        }
    }
}

/// How often terms match.
struct Counts<'a> {
    /// From how many matches on a term is everywhere.
    everywhere: i64,
    /// Counts the matches of a query up to a number.
    count: &'a dyn Fn(&str, i64) -> Result<i64>,
}

impl Counts<'_> {
    /// Returns the query that chooses passages by the rarest terms.
    fn query_of(&self, terms: &[String], telling: Option<&str>) -> Result<Chosen> {
        let mut counted = Vec::new();
        for term in terms {
            let matches = self.of_term(term)?;
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
        let ranking = counted
            .iter()
            .take_while(|(matches, _)| *matches < self.everywhere);
        let ranking = ranking.count();
        let names = |most: usize| any_of(counted.iter().take(most).map(|(_, term)| *term));
        if choosing == ranking && choosing > 0 || counted.is_empty() {
            return Ok(Chosen::ranked(names(choosing)));
        }
        let all = names(ranking);
        if choosing > 0 {
            return Ok(Chosen::ranked(format!("({}) AND ({all})", names(choosing))));
        }
        let rarest = names(1);
        let query = |chosen: String| {
            if ranking > 0 {
                Chosen::ranked(format!("{chosen} AND ({all})"))
            } else {
                Chosen {
                    query: chosen,
                    is_ranked: false,
                }
            }
        };
        if let Some(telling) = telling {
            let chosen = query(format!("({telling} : {rarest})"));
            if (self.count)(&chosen.query, 1)? > 0 {
                return Ok(chosen);
            }
        }
        Ok(query(rarest))
    }

    /// Counts the matches of a term, as far as that makes a difference.
    fn of_term(&self, term: &str) -> Result<i64> {
        let query = any_of([term]);
        let most = RANKED_MAX.saturating_add(1);
        let matches = (self.count)(&query, most)?;
        if matches < most {
            return Ok(matches);
        }
        (self.count)(&query, self.everywhere)
    }
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
        let (few, many, everywhere) = (RANKED_MAX / 2, RANKED_MAX * 2, RANKED_MAX * 3);
        let count = |query: &str, most: i64| {
            let matches = match query {
                "\"a\"" | "\"b\"" => few,
                "\"none\"" | "({telling} : \"y\")" => 0,
                "({telling} : \"c\") AND (\"c\" OR \"d\")" => 3,
                "\"c\"" => many,
                "\"d\"" => many + 1,
                "({telling} : \"x\")" => 4,
                _ => everywhere + 7,
            };
            Ok(matches.min(most))
        };
        let counts = Counts {
            everywhere,
            count: &count,
        };
        let find = |terms: &[&str], telling: Option<&str>| {
            let terms: Vec<_> = terms.iter().map(ToString::to_string).collect();
            let chosen = counts.query_of(&terms, telling).expect("asked");
            (chosen.query, chosen.is_ranked)
        };
        for (terms, query, is_ranked) in [
            (&[][..], "", true),
            (&["none"], "", true),
            (&["b", "none", "a"], "\"a\" OR \"b\"", true),
            (&["c", "b"], "(\"b\") AND (\"b\" OR \"c\")", true),
            (&["x", "b"], "\"b\"", true),
            (&["x", "c", "b"], "(\"b\") AND (\"b\" OR \"c\")", true),
            (
                &["d", "c"],
                "({telling} : \"c\") AND (\"c\" OR \"d\")",
                true,
            ),
            (&["x"], "({telling} : \"x\")", false),
            (&["y"], "\"y\"", false),
        ] {
            let found = find(terms, Some("{telling}"));
            assert_eq!(found, (query.to_owned(), is_ranked), "{terms:?}");
        }
        let without = find(&["c"], None);
        assert_eq!(without, ("\"c\" AND (\"c\")".to_owned(), true));
        assert_eq!(find(&["x"], None), ("\"x\"".to_owned(), false));
    }
}
