//! Two trees beside one another: one walk over both, each read once in the order of its paths.
//!
//! A `FULL JOIN` of as many rows builds an index of what it met and sorts what it gives; both tables
//! are in order already.

use std::cmp::Ordering;

use rusqlite::Rows;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;

use super::{Staging, column, end_of};
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::Result;

const STAGED: &str = "SELECT path, kind, bytes, sha256 FROM staged_entry ORDER BY path";
const LIVE: &str = "SELECT path, kind, bytes, sha256 FROM live_entry ORDER BY path";
const LIVE_BELOW: &str = "SELECT path, kind, bytes, sha256 FROM live_entry
 WHERE path <> '' AND path >= ?1 AND path < ?2 AND (?1 = '' OR path = ?1 OR substr(path, length(?1) + 1, 1) = '/') ORDER BY path";

/// One side of a planned change, as columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side<'r> {
    pub(crate) kind: &'r str,
    pub(crate) bytes: i64,
    pub(crate) sha256: Option<&'r [u8]>,
}

/// What a plan does to one path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned<'r> {
    pub(crate) path: &'r str,
    /// As the view `plan_change` calls it.
    pub(crate) change: &'static str,
    pub(crate) old: Option<Side<'r>>,
    pub(crate) new: Option<Side<'r>>,
}

impl Staging {
    /// Calls `visit` for each path of either tree, unchanged ones too, in the order of paths. The live
    /// root itself is none of them.
    pub(crate) fn for_each_planned(
        &self,
        visit: &mut dyn FnMut(&Planned<'_>) -> Result<()>,
    ) -> Result<()> {
        let action = "read the plan";
        let mut staged = self.connection().prepare_cached(STAGED).context(action)?;
        let mut live = self.connection().prepare_cached(LIVE).context(action)?;
        let mut staged = staged.query([]).context(action)?;
        let mut live = live.query([]).context(action)?;
        staged.advance().context(action)?;
        live.advance().context(action)?;
        loop {
            let (new, old) = (here(&staged).context(action)?, here(&live).context(action)?);
            let order = match (new, old) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((new, _)), Some((old, _))) => new.cmp(old),
            };
            let new = new.filter(|_| order.is_le());
            let old = old.filter(|_| order.is_ge());
            let path = new.or(old).map_or("", |(path, _)| path);
            if !path.is_empty() {
                let (old, new) = (old.map(|(_, side)| side), new.map(|(_, side)| side));
                visit(&Planned {
                    path,
                    change: change_of(old, new),
                    old,
                    new,
                })?;
            }
            if order.is_le() {
                staged.advance().context(action)?;
            }
            if order.is_ge() {
                live.advance().context(action)?;
            }
        }
    }

    /// Returns whether the live entries at and below `unit` are those that `each` gives in the order of
    /// paths: path, kind, bytes and digest. The live root itself is left out on both sides.
    pub(crate) fn is_live_same(
        &self,
        unit: &str,
        each: impl FnOnce(EachEntry<'_>) -> Result<()>,
    ) -> Result<bool> {
        let action = "compare with the journal";
        let mut live = self
            .connection()
            .prepare_cached(LIVE_BELOW)
            .context(action)?;
        let mut live = live.query([unit, &end_of(unit)]).context(action)?;
        let mut is_same = true;
        live.advance().context(action)?;
        each(&mut |path, kind, bytes, sha256| {
            let expected = Side {
                kind,
                bytes: column(bytes),
                sha256: sha256.map(Digest::as_bytes).map(<[u8; 32]>::as_slice),
            };
            if is_same && !path.is_empty() {
                is_same = here(&live).context(action)? == Some((path, expected));
                live.advance().context(action)?;
            }
            Ok(())
        })?;
        Ok(is_same && here(&live).context(action)?.is_none())
    }

    /// Takes in that nothing was changed from outside; rows of what the journal expects are not needed.
    pub(crate) fn set_as_committed(&self) {
        self.is_as_committed.set(true);
    }
}

/// Takes path, kind, bytes and digest of an entry.
pub(crate) type EachEntry<'a> = &'a mut dyn FnMut(&str, &str, u64, Option<&Digest>) -> Result<()>;

/// Returns the entry at which a walk stands.
fn here<'r>(rows: &'r Rows<'_>) -> rusqlite::Result<Option<(&'r str, Side<'r>)>> {
    let Some(row) = rows.get() else {
        return Ok(None);
    };
    let side = Side {
        kind: row.get_ref(1)?.as_str()?,
        bytes: row.get_ref(2)?.as_i64()?,
        sha256: row.get_ref(3)?.as_blob_or_null()?,
    };
    Ok(Some((row.get_ref(0)?.as_str()?, side)))
}

/// The rule of the view `plan_change`.
fn change_of(old: Option<Side<'_>>, new: Option<Side<'_>>) -> &'static str {
    match (old, new) {
        (None, _) => "added",
        (_, None) => "removed",
        (old, new) if old == new => "unchanged",
        _ => "replaced",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db;

    /// Rows of either table: path, kind, bytes and the first byte of the digest.
    type Rows<'a> = &'a [(&'a str, &'a str, i64, Option<u8>)];

    fn staging(staged: Rows<'_>, live: Rows<'_>) -> Staging {
        let staging = Staging::make(None).expect("made");
        let put = |insert: &str, rows: Rows<'_>| {
            for (path, kind, bytes, byte) in rows {
                let sha256 = byte.map(|byte| Digest::from_bytes([byte; 32]));
                let row = rusqlite::params![path, kind, bytes, sha256];
                staging.connection().execute(insert, row).expect("put");
            }
        };
        put(
            "INSERT INTO staged_entry VALUES (?1, ?2, 0, ?3, ?4)",
            staged,
        );
        put(
            "INSERT INTO live_entry VALUES (?1, ?2, 0, ?3, ?4, 0, 0, 0)",
            live,
        );
        staging
    }

    const TREES: [Rows<'static>; 4] = [
        &[],
        &[
            ("", "directory", 0, None),
            ("a", "directory", 0, None),
            ("a/b", "file", 1, Some(1)),
        ],
        &[
            ("", "directory", 0, None),
            ("a", "directory", 0, None),
            ("a!", "file", 3, Some(2)),
            ("a/b", "file", 1, Some(9)),
            ("z", "file", 0, None),
        ],
        &[("a", "file", 1, Some(1)), ("z", "file", 0, Some(3))],
    ];

    #[test]
    fn the_walk_tells_what_the_view_tells() {
        let query = "SELECT path, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256 FROM plan_change ORDER BY path";
        for staged in TREES {
            for live in TREES {
                let staging = staging(staged, live);
                let mut walked = Vec::new();
                let shown = |side: Option<Side<'_>>| {
                    side.map(|side| {
                        (
                            side.kind.to_owned(),
                            side.bytes,
                            side.sha256.map(<[u8]>::to_vec),
                        )
                    })
                };
                staging
                    .for_each_planned(&mut |planned| {
                        walked.push((
                            planned.path.to_owned(),
                            planned.change.to_owned(),
                            shown(planned.old),
                            shown(planned.new),
                        ));
                        Ok(())
                    })
                    .expect("walked");
                let mut asked = Vec::new();
                let mut statement = staging.connection().prepare(query).expect("prepared");
                db::for_each_row(&mut statement, [], "ask", &mut |row| {
                    let side = |at: usize| {
                        let kind: Option<String> = row.get(at).expect("kind");
                        kind.map(|kind| {
                            (
                                kind,
                                row.get(at + 1).expect("bytes"),
                                row.get(at + 2).expect("digest"),
                            )
                        })
                    };
                    asked.push((
                        row.get(0).expect("path"),
                        row.get(1).expect("change"),
                        side(2),
                        side(5),
                    ));
                    Ok(())
                })
                .expect("asked");
                assert_eq!(walked, asked, "{staged:?} {live:?}");
            }
        }
    }

    #[test]
    fn trees_are_the_same_where_the_view_of_changes_from_outside_is_empty() {
        for committed in TREES {
            for live in TREES {
                let staging = staging(&[], live);
                let is_same = staging
                    .is_live_same("", |visit| {
                        committed.iter().try_for_each(|(path, kind, bytes, byte)| {
                            let sha256 = byte.map(|byte| Digest::from_bytes([byte; 32]));
                            let bytes = bytes.cast_unsigned();
                            staging.add_committed(path, kind, bytes, sha256)?;
                            visit(path, kind, bytes, sha256.as_ref())
                        })
                    })
                    .expect("compared");
                let has_changes = staging.has_external_changes().expect("asked");
                assert_eq!(is_same, !has_changes, "{committed:?} {live:?}");
            }
        }
    }

    #[test]
    fn what_lies_beside_a_unit_is_not_compared() {
        let staging = staging(&[], TREES[2]);
        let same = |unit: &str, entries: Rows<'_>| {
            let each = |visit: EachEntry<'_>| {
                entries.iter().try_for_each(|(path, kind, bytes, byte)| {
                    let sha256 = byte.map(|byte| Digest::from_bytes([byte; 32]));
                    visit(path, kind, bytes.cast_unsigned(), sha256.as_ref())
                })
            };
            staging.is_live_same(unit, each).expect("compared")
        };
        let below = [("a", "directory", 0, None), ("a/b", "file", 1, Some(9))];
        assert!(same("a", &below));
        assert!(!same("a", &below[..1]));
        assert!(!same("", &below));
        assert!(same("b", &[]));
    }
}
