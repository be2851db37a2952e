//! From staged rows to rows of the converted pack: each entry and record at its new place.

use rusqlite::{Row, params};

use super::mapping::{Mapping, wrong};
use super::rows::Rows;
use crate::db::DatabaseContext as _;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, PlaceFault, Result};
use crate::export::OTHER_LAYOUTS;
use crate::limits::Limits;
use crate::pack::{Place, member_name};
use crate::uri::{Scope, Uri};

/// Most paths that an error lists.
const LISTED_MAX: usize = 20;
const ACTION: &str = "place what is converted";
/// What lies below a file. The planner takes the tables the other way round where it may, and then
/// looks through all of them for each path.
const BELOW_A_FILE: &str = "SELECT file.path, file.source, below.source FROM converted_entry AS file
     CROSS JOIN converted_entry AS below ON below.path > file.path || '/' AND below.path < file.path || '0'
     WHERE file.kind = 'file' AND below.source IS NOT NULL LIMIT 1";

impl Rows<'_> {
    /// Puts every entry and record of the pack at its new place.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a wish that meets nothing, [`Error::Place`],
    /// [`Error::NameUnpackable`].
    pub(super) fn fill(&self, mapping: &mut Mapping) -> Result<()> {
        let query = "SELECT e.path, e.kind, coalesce(e.bytes, 0), e.sha256, m.ordinal FROM manifest_entry AS e
             LEFT JOIN member AS m ON m.path = e.path AND m.kind = 'file' AND e.kind = 'file' ORDER BY e.path";
        self.each(query, &mut |row| self.place_entry(row, mapping))?;
        if let Some(idle) = mapping.idle() {
            let argument = if idle.to.is_some() { "map" } else { "drop" };
            return Err(wrong(argument, &idle.from, "a URI that the pack holds"));
        }
        self.place_parents(mapping)?;
        self.ensure_trees()?;
        let query = "SELECT ordinal, path, level, dense_offset FROM index_record ORDER BY ordinal";
        self.each(query, &mut |row| self.place_record(row, mapping))?;
        self.ensure_records()?;
        self.ensure_carried()
    }

    fn place_entry(&self, row: &Row<'_>, mapping: &mut Mapping) -> Result<()> {
        let path = row.get_ref(0).and_then(|path| Ok(path.as_str()?));
        let source = EntryPath::parse(path.context(ACTION)?).unwrap_or_default();
        let kind: String = row.get(1).context(ACTION)?;
        let kind = EntryKind::from_name(&kind).unwrap_or(EntryKind::File);
        let size_bytes = match kind {
            EntryKind::Directory => 0,
            EntryKind::File => row.get::<_, i64>(2).context(ACTION)?,
        };
        let live = mapping.from.path().join(&source);
        let (to, wish) = mapping.place(&live)?;
        if let Some(wish) = wish {
            wish.touched.count(kind, size_bytes.cast_unsigned());
        }
        let Some(to) = to else {
            return Ok(());
        };
        let path = to.path().strip_prefix(mapping.to.path());
        let path = path.unwrap_or_default();
        self.ensure_packable(&source, &path)?;
        let sha256: Option<Vec<u8>> = row.get(3).context(ACTION)?;
        let member: Option<i64> = row.get(4).context(ACTION)?;
        let row = params![
            path.as_str(),
            kind.as_str(),
            size_bytes,
            sha256,
            source.as_str(),
            member
        ];
        let insert = "INSERT INTO converted_entry (path, kind, size_bytes, sha256, source, member)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
        if self.execute(insert, row)? == 0 {
            self.ensure_merged(&path, &source, kind)?;
        }
        Ok(())
    }

    /// Two directories may become one, nothing else.
    fn ensure_merged(&self, path: &EntryPath, second: &EntryPath, kind: EntryKind) -> Result<()> {
        let query = "SELECT kind, source FROM converted_entry WHERE path = ?1";
        let there = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let found = self.connection().query_row(query, [path.as_str()], there);
        let (there, first) = found.context(ACTION)?;
        if kind == EntryKind::Directory && there == kind.as_str() {
            return Ok(());
        }
        Err(self.collision(path.as_str(), &first, second.as_str()))
    }

    /// Adds the directories above what was moved.
    fn place_parents(&self, mapping: &Mapping) -> Result<()> {
        for to in mapping.wishes.iter().filter_map(|wish| wish.to.as_ref()) {
            let mut path = to.path().strip_prefix(mapping.to.path());
            while let Some(parent) = path.as_ref().and_then(EntryPath::parent) {
                self.ensure_packable(&parent, &parent)?;
                self.execute(
                    "INSERT INTO converted_entry (path, kind, size_bytes) VALUES (?1, 'directory', 0) ON CONFLICT DO NOTHING",
                    [parent.as_str()],
                )?;
                path = Some(parent);
            }
        }
        Ok(())
    }

    /// Refuses a file where a directory is needed.
    fn ensure_trees(&self) -> Result<()> {
        self.each(BELOW_A_FILE, &mut |row| {
            let text = |at| row.get::<_, String>(at).context(ACTION);
            Err(self.collision(&text(0)?, &text(1)?, &text(2)?))
        })?;
        let query = "SELECT path FROM converted_entry WHERE kind = 'file' AND instr(path, '/') = 0 AND path <> ''";
        if !self.uri.is_root() {
            return Ok(());
        }
        self.each(query, &mut |row| {
            let path: String = row.get(0).context(ACTION)?;
            let expected = "no file in the place of a scope";
            Err(wrong("map", &format!("viking://{path}"), expected))
        })
    }

    fn place_record(&self, row: &Row<'_>, mapping: &mut Mapping) -> Result<()> {
        let ordinal: i64 = row.get(0).context(ACTION)?;
        let path = row.get_ref(1).and_then(|path| Ok(path.as_str()?));
        let source = EntryPath::parse(path.context(ACTION)?).unwrap_or_default();
        let level: i64 = row.get(2).context(ACTION)?;
        let offset: Option<i64> = row.get(3).context(ACTION)?;
        let live = mapping.from.path().join(&source);
        let (Some(to), _) = mapping.place(&live)? else {
            return Ok(());
        };
        if to.is_session_content() {
            return Ok(());
        }
        let path = to.path().strip_prefix(mapping.to.path());
        let path = path.unwrap_or_default();
        // A record in a manifest may speak of what the pack does not hold.
        self.execute(
            "INSERT INTO converted_record (path, level, record, kind, dense_offset)
             SELECT path, ?2, ?3, kind, ?4 FROM converted_entry WHERE path = ?1",
            params![path.as_str(), level, ordinal, offset],
        )?;
        Ok(())
    }

    /// Records of two directories do not become those of one.
    fn ensure_records(&self) -> Result<()> {
        let query = "SELECT c.path, min(r.path), max(r.path) FROM converted_record AS c JOIN index_record AS r ON r.ordinal = c.record
             GROUP BY c.path, c.level HAVING min(r.path) <> max(r.path) LIMIT 1";
        self.each(query, &mut |row| {
            let text = |at| row.get::<_, String>(at).context(ACTION);
            Err(self.collision(&text(0)?, &text(1)?, &text(2)?))
        })
    }

    /// Refuses a backup with content that the layout does not carry, and leaves its empty scopes out.
    fn ensure_carried(&self) -> Result<()> {
        let carried = self.layout.backup_scopes();
        if !self.uri.is_root() || carried.len() == Scope::ALL.len() {
            return Ok(());
        }
        let (mut paths, mut places, mut total) = (Vec::new(), Vec::new(), 0_u64);
        for scope in Scope::ALL.iter().filter(|scope| !carried.contains(scope)) {
            let count = self.list_below(*scope, &mut paths)?;
            if count == 0 {
                let delete = "DELETE FROM converted_entry WHERE path = ?1";
                self.execute(delete, [scope.as_str()])?;
            } else {
                places.push(self.suggested(*scope)?);
            }
            total = total.saturating_add(count);
        }
        if total == 0 {
            return Ok(());
        }
        let layout = self.layout.as_str();
        Err(Error::Place(PlaceFault::NoPlace {
            layout,
            paths,
            total,
            places,
        }))
    }

    /// Lists what is below a scope, up to a bound; returns how much it is.
    fn list_below(&self, scope: Scope, paths: &mut Vec<String>) -> Result<u64> {
        let bounds = [format!("{scope}/"), format!("{scope}0")];
        let query = "SELECT coalesce(source, path), count(*) OVER () FROM converted_entry WHERE path > ?1 AND path < ?2 ORDER BY path LIMIT 20";
        let mut list = self.connection().prepare(query).context(ACTION)?;
        let mut rows = list.query(bounds).context(ACTION)?;
        let mut count = 0;
        while let Some(row) = rows.next().context(ACTION)? {
            let path: String = row.get(0).context(ACTION)?;
            if paths.len() < LISTED_MAX {
                paths.push(format!("viking://{path}"));
            }
            count = row.get(1).map(i64::cast_unsigned).context(ACTION)?;
        }
        Ok(count)
    }

    /// Returns where the content of a scope may go: below the first user of the pack.
    fn suggested(&self, scope: Scope) -> Result<(String, String)> {
        let first = "SELECT coalesce(min(substr(path, 6)), 'USER') FROM converted_entry
             WHERE path > 'user/' AND path < 'user0' AND kind = 'directory' AND instr(substr(path, 6), '/') = 0";
        let user = self
            .connection()
            .query_row(first, [], |row| row.get::<_, String>(0));
        let user = user.context(ACTION)?;
        let directory = match scope {
            Scope::Session => "sessions",
            Scope::Resources | Scope::User | Scope::Agent => scope.as_str(),
        };
        let to = format!("viking://user/{user}/{directory}");
        Ok((format!("viking://{scope}"), to))
    }

    /// Refuses a path that our own reader would refuse, or read as another one.
    fn ensure_packable(&self, source: &EntryPath, path: &EntryPath) -> Result<()> {
        let place = self.layout.place();
        let why = match member_name::content_name("", path, place) {
            Err(fault) => format!("{fault} ({OTHER_LAYOUTS})"),
            Ok(_) => match member_name::reserved_component(path, place) {
                Some(name) if place == Place::Flat => {
                    format!(
                        "`{name}` is a reserved name; other layouts can carry it ({OTHER_LAYOUTS})"
                    )
                }
                Some(name) => format!("`{name}` is a reserved name"),
                None => match Limits::default().check_path(path) {
                    Ok(()) => return Ok(()),
                    Err(fault) => fault.to_string(),
                },
            },
        };
        let path = self.shown_source(source.as_str());
        Err(Error::NameUnpackable { path, why })
    }

    fn collision(&self, path: &str, first: &str, second: &str) -> Error {
        Error::Place(PlaceFault::Collision {
            uri: shown(&self.uri, path),
            first: self.shown_source(first),
            second: self.shown_source(second),
        })
    }

    fn shown_source(&self, path: &str) -> String {
        shown(&self.from, path)
    }
}

/// Returns the URI of a path for a message.
fn shown(root: &Uri, path: &str) -> String {
    match (root.is_root(), path.is_empty()) {
        (_, true) => root.to_string(),
        (true, false) => format!("{root}{path}"),
        (false, false) => format!("{root}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staging::Staging;

    #[test]
    fn what_lies_below_a_file_is_looked_up_and_not_looked_for() {
        let staging = Staging::make(None).expect("made");
        let connection = staging.connection();
        connection
            .execute_batch(include_str!("../../schema/convert.sql"))
            .expect("made");
        let mut plan = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {BELOW_A_FILE}"))
            .expect("a query");
        let steps: Vec<String> = plan
            .query_map([], |row| row.get(3))
            .and_then(Iterator::collect)
            .expect("planned");
        assert_eq!(
            steps,
            [
                "SCAN file",
                "SEARCH below USING PRIMARY KEY (path>? AND path<?)"
            ]
        );
    }
}
