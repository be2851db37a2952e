//! Many rows put into a table by one statement.
//!
//! What a statement does once, such as building the set of an `IN` in a `CHECK`, is then done once for
//! many rows, and costs as much as inserting a few of them.
//!
//! A statement that puts in several rows and may be refused at one of them can be undone alone, for which
//! each page that it changes is copied first. `INSERT OR FAIL` needs no copies: whoever is refused gives
//! the whole transaction up.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row, ToSql};

/// Rows of one statement.
pub(crate) const BATCH_ROWS: usize = 128;

/// Rows on their way into a table; none is there before [`Self::finish`].
pub(crate) struct Batch<'c> {
    statement: CachedStatement<'c>,
    columns: usize,
    filled: usize,
}

impl<'c> Batch<'c> {
    /// Prepares `insert`, which ends where the rows would follow (`INSERT INTO t (a, b)`). The first
    /// of the columns is never null.
    pub(crate) fn new(
        connection: &'c Connection,
        insert: &'static str,
        columns: usize,
    ) -> rusqlite::Result<Self> {
        let row = ["(", &vec!["?"; columns].join(","), ")"].concat();
        let rows = vec![row.as_str(); BATCH_ROWS].join(",");
        // Those that are not filled are none.
        let parts = [insert, " SELECT * FROM (VALUES ", &rows];
        let all = [&parts.concat(), ") WHERE column1 IS NOT NULL"].concat();
        Ok(Self {
            statement: connection.prepare_cached(&all)?,
            columns,
            filled: 0,
        })
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, row: &[&dyn ToSql]) -> rusqlite::Result<()> {
        let first = self.filled * self.columns;
        for (at, value) in row.iter().enumerate() {
            self.statement.raw_bind_parameter(first + at + 1, value)?;
        }
        self.end_row()
    }

    /// Adds a row of `first` and the columns of another one, as they are.
    pub(crate) fn add_copy(&mut self, first: i64, row: &Row<'_>) -> rusqlite::Result<()> {
        let at = self.filled * self.columns + 1;
        self.statement.raw_bind_parameter(at, first)?;
        for column in 1..self.columns {
            let value: ValueRef<'_> = row.get_ref(column - 1)?;
            let value = ToSqlOutput::Borrowed(value);
            self.statement.raw_bind_parameter(at + column, value)?;
        }
        self.end_row()
    }

    /// Puts what is left into the table.
    pub(crate) fn finish(mut self) -> rusqlite::Result<()> {
        self.put()
    }

    /// Puts what waits into the table: who adds large texts keeps no more than some in memory.
    pub(crate) fn put(&mut self) -> rusqlite::Result<()> {
        if self.filled > 0 {
            self.execute()?;
        }
        Ok(())
    }

    fn end_row(&mut self) -> rusqlite::Result<()> {
        self.filled += 1;
        if self.filled < BATCH_ROWS {
            return Ok(());
        }
        self.execute()
    }

    fn execute(&mut self) -> rusqlite::Result<()> {
        self.statement.raw_execute()?;
        self.statement.clear_bindings();
        self.filled = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_arrives_as_it_was_given() {
        let connection = crate::db::open_scratch(
            None,
            "CREATE TABLE t (n INTEGER NOT NULL, text TEXT, bytes BLOB) STRICT;
             CREATE TABLE copy (set_id INTEGER, n INTEGER, text TEXT, bytes BLOB) STRICT;",
        )
        .expect("made");
        for count in [
            0_usize,
            1,
            BATCH_ROWS - 1,
            BATCH_ROWS,
            BATCH_ROWS + 1,
            1_000,
        ] {
            connection
                .execute_batch("DELETE FROM t; DELETE FROM copy;")
                .expect("emptied");
            let mut batch =
                Batch::new(&connection, "INSERT INTO t (n, text, bytes)", 3).expect("prepared");
            for n in 0..count {
                let text = (n % 3 != 0).then(|| n.to_string());
                batch
                    .add(&[&i64::try_from(n).expect("small"), &text, &[7_u8; 32]])
                    .expect("added");
            }
            batch.finish().expect("done");
            let mut copy = Batch::new(&connection, "INSERT INTO copy (set_id, n, text, bytes)", 4)
                .expect("prepared");
            let mut all = connection
                .prepare("SELECT n, text, bytes FROM t ORDER BY n")
                .expect("prepared");
            let mut rows = all.query([]).expect("asked");
            while let Some(row) = rows.next().expect("a row") {
                copy.add_copy(5, row).expect("added");
            }
            copy.finish().expect("done");
            let told: (i64, i64, i64, i64) = connection
                .query_row(
                    "SELECT count(*), count(text), count(*) FILTER (WHERE text = CAST(n AS TEXT)),
                       count(*) FILTER (WHERE set_id = 5 AND length(bytes) = 32) FROM copy",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                )
                .expect("counted");
            let texts = count - count.div_ceil(3);
            let [count, texts] = [count, texts].map(|n| i64::try_from(n).expect("small"));
            assert_eq!(told, (count, texts, texts, count));
        }
    }
}
