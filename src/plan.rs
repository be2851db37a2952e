//! What a commit would do, path by path.

use rusqlite::Row;
use serde::Serialize;

use crate::control::{Control, Phase};
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::fsops::Dir;
use crate::staging::{LiveRow, LiveRows, StagedRow, Staging, Tree};
use crate::stat_cache::{self, StatCache};
use crate::tree::{self, TreeDigest};
use crate::uri::Uri;

/// Bytes read at once from a live file.
const BUFFER_BYTES: usize = 64 << 10;

/// What happens to one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is not there yet.
    Added,
    /// It is there with other content, or as another kind of entry.
    Replaced,
    /// It stays as it is.
    Unchanged,
    /// It goes to the slot.
    Removed,
    /// It was changed outside of ovpack before the commit saw it.
    External,
}

/// One side of a change: what a path is before or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// File or directory.
    pub kind: EntryKind,
    /// Size in bytes; 0 for a directory.
    pub size: u64,
    /// Digest of a file's bytes; `None` for a directory, or where it is not known.
    pub sha256: Option<Digest>,
}

/// What happens to one path, with both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The path's URI.
    pub uri: Uri,
    /// What happens.
    pub change: ChangeKind,
    /// What it is before; `None` where it is not there.
    pub before: Option<Version>,
    /// What it is after; `None` where it is not there.
    pub after: Option<Version>,
}

/// How many files and directories meet which change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChangeCounts {
    /// New ones.
    pub added: u64,
    /// With other content.
    pub replaced: u64,
    /// As they were.
    pub unchanged: u64,
    /// Gone to the slot.
    pub removed: u64,
}

/// Lists a tree into staging, as the live path `base` and below: hashes come from the cache, else
/// the file is read. Into the tree to be, this is how a slot's tree is taken back.
pub(crate) fn scan(
    root: &Dir,
    base: &EntryPath,
    into: Tree,
    staging: &Staging,
    cache: Option<&mut StatCache>,
    control: &Control,
) -> Result<()> {
    scan_all(root, base, into, staging, cache, control, &mut Err)
}

/// The same, where `wrong` decides about what no pack can hold.
pub(crate) fn scan_all(
    root: &Dir,
    base: &EntryPath,
    into: Tree,
    staging: &Staging,
    mut cache: Option<&mut StatCache>,
    control: &Control,
    wrong: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<()> {
    control.begin(Phase::Scanning, 0, 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut unread = Vec::new();
    let mut live_rows = match into {
        Tree::Live => Some(staging.live_rows()?),
        Tree::Staged => None,
    };
    if let Some(cache) = cache.as_deref_mut() {
        cache.begin_scan();
    }
    let mut visit = |found: &tree::Found<'_>| {
        control.ensure_not_interrupted()?;
        let (sha256, stat) = match found.kind {
            EntryKind::Directory => (None, *found.stat),
            EntryKind::File => {
                let cache = cache.as_deref_mut();
                let (dir, name) = (found.dir, found.name);
                match stat_cache::hash_file(dir, name, found.stat, cache, &mut buffer, control) {
                    Ok((digest, stat)) => {
                        control.advance(1, stat.size_bytes);
                        (Some(digest), stat)
                    }
                    Err(Error::Interrupted) => return Err(Error::Interrupted),
                    // Whoever bears it has the entry, of unknown content.
                    Err(error) => {
                        unread.push(error);
                        (None, *found.stat)
                    }
                }
            }
        };
        match &mut live_rows {
            Some(live_rows) => live_rows.add(&LiveRow {
                path: found.path,
                stat: &stat,
                sha256,
            })?,
            None => staging.stage(&StagedRow {
                path: found.path.to_string(),
                kind: found.kind,
                mode: stat.mode,
                bytes: if found.kind == EntryKind::File {
                    stat.size_bytes
                } else {
                    0
                },
                sha256,
            })?,
        }
        Ok(tree::Descend::Below)
    };
    let walked = tree::walk_from(root, base, &mut visit, wrong);
    if let Some(cache) = cache {
        cache.end_scan();
    }
    walked?;
    live_rows.map_or(Ok(()), LiveRows::finish)?;
    unread.into_iter().try_for_each(wrong)
}

/// Returns the digest of a staged or live tree at and below `unit`, and the bytes of its files.
pub(crate) fn tree_digest(staging: &Staging, tree: Tree, unit: &str) -> Result<(Digest, u64)> {
    let mut digest = TreeDigest::default();
    let mut bytes = 0_u64;
    staging.for_each_in(tree, unit, &mut |row| {
        bytes = bytes.saturating_add(row.bytes);
        let below = row.path.strip_prefix(unit).unwrap_or_default();
        digest.add(
            below.strip_prefix('/').unwrap_or(below),
            row.kind,
            row.mode,
            row.bytes,
            row.sha256.as_ref(),
        )
    })?;
    Ok((digest.finish(), bytes))
}

/// Returns the digest of a tree, all of whose files are read.
pub(crate) fn digest_by_reading(dir: &Dir) -> Result<Digest> {
    Ok(digest_of(dir, None, &Control::default())?.0)
}

/// Returns the digest of a tree and the bytes of its files; those that the cache knows are not read.
pub(crate) fn digest_of(
    dir: &Dir,
    cache: Option<&mut StatCache>,
    control: &Control,
) -> Result<(Digest, u64)> {
    let staging = Staging::make(None)?;
    let root = EntryPath::root();
    scan(dir, &root, Tree::Live, &staging, cache, control)?;
    tree_digest(&staging, Tree::Live, "")
}

/// Returns how many paths meet which change, and files and bytes of the tree to be.
pub(crate) fn counts(staging: &Staging) -> Result<(ChangeCounts, u64, u64)> {
    let (mut counts, mut files, mut bytes) = (ChangeCounts::default(), 0_u64, 0_u64);
    staging.for_each_planned(&mut |planned| {
        let count = match planned.change {
            "added" => &mut counts.added,
            "replaced" => &mut counts.replaced,
            "removed" => &mut counts.removed,
            _ => &mut counts.unchanged,
        };
        *count = count.saturating_add(1);
        if let Some(new) = planned.new {
            files = files.saturating_add(u64::from(new.kind == "file"));
            bytes = bytes.saturating_add(u64::try_from(new.bytes).unwrap_or(0));
        }
        Ok(())
    })?;
    Ok((counts, files, bytes))
}

/// The same for what lies at and below some paths, none of which contains another.
pub(crate) fn counts_at(staging: &Staging, paths: &[String]) -> Result<(ChangeCounts, u64, u64)> {
    paths.iter().try_fold(
        (ChangeCounts::default(), 0, 0),
        |(sum, files, bytes), path| {
            let (more, more_files, more_bytes) = counts_below(staging, path)?;
            let sum = ChangeCounts {
                added: sum.added + more.added,
                replaced: sum.replaced + more.replaced,
                unchanged: sum.unchanged + more.unchanged,
                removed: sum.removed + more.removed,
            };
            Ok((sum, files + more_files, bytes + more_bytes))
        },
    )
}

fn counts_below(staging: &Staging, path: &str) -> Result<(ChangeCounts, u64, u64)> {
    let query = "SELECT count(*) FILTER (WHERE change = 'added'), count(*) FILTER (WHERE change = 'replaced'),
                 count(*) FILTER (WHERE change = 'unchanged'), count(*) FILTER (WHERE change = 'removed'),
                 count(*) FILTER (WHERE new_kind = 'file'), coalesce(sum(new_bytes), 0) FROM plan_change
                 WHERE ?1 = '' OR path = ?1 OR substr(path, 1, length(?1) + 1) = ?1 || '/'";
    let number = |row: &Row<'_>, at: usize| {
        row.get::<_, i64>(at)
            .map(|value| u64::try_from(value).unwrap_or(0))
    };
    let counted = staging.connection().query_row(query, [path], |row| {
        let changes = ChangeCounts {
            added: number(row, 0)?,
            replaced: number(row, 1)?,
            unchanged: number(row, 2)?,
            removed: number(row, 3)?,
        };
        Ok((changes, number(row, 4)?, number(row, 5)?))
    });
    counted.context("count the plan")
}

/// Returns the plan, path by path.
pub(crate) fn list(staging: &Staging) -> Result<Vec<Change>> {
    let query = "SELECT path, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256 FROM plan_change ORDER BY path";
    let mut statement = staging
        .connection()
        .prepare(query)
        .context("read the plan")?;
    let rows = statement
        .query_map([], change_from_row)
        .context("read the plan")?;
    rows.collect::<rusqlite::Result<_>>()
        .context("read the plan")
}

/// Reads a change from the columns path, change, and kind, bytes and sha256 of both sides.
pub(crate) fn change_from_row(row: &Row<'_>) -> rusqlite::Result<Change> {
    let side = |at: usize| -> rusqlite::Result<Option<Version>> {
        let kind = row
            .get::<_, Option<String>>(at)?
            .as_deref()
            .and_then(EntryKind::from_name);
        let Some(kind) = kind else { return Ok(None) };
        let bytes = row.get::<_, Option<i64>>(at + 1)?.unwrap_or(0);
        Ok(Some(Version {
            kind,
            size: u64::try_from(bytes).unwrap_or(0),
            sha256: row.get(at + 2)?,
        }))
    };
    let path = EntryPath::parse(&row.get::<_, String>(0)?)
        .ok()
        .and_then(|path| Uri::from_path(path).ok());
    let change = match row.get::<_, String>(1)?.as_str() {
        "added" => ChangeKind::Added,
        "replaced" => ChangeKind::Replaced,
        "removed" => ChangeKind::Removed,
        "external" => ChangeKind::External,
        _ => ChangeKind::Unchanged,
    };
    Ok(Change {
        uri: path.unwrap_or(Uri::root()),
        change,
        before: side(2)?,
        after: side(5)?,
    })
}
