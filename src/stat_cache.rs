//! Digests of live files that were read before, so that an unchanged file is not read again.
//!
//! What stands here is knowledge that can be had again by reading: the database may be deleted at
//! any time, a damaged one is made anew by a writer and ignored by a reader, and no failure of it
//! fails an act. What the last commit left is *not* here; nothing may refresh that from a cache.

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::Connection;

use crate::clock;
use crate::control::Control;
use crate::db::{self, Batch};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind, Stat};

const SCHEMA: &str = include_str!("../schema/cache.sql");
/// Version of the schema; a cache of another one is made anew.
const VERSION: i64 = 1;
/// Rows that are written in one transaction: large enough that its cost vanishes, small enough
/// (about 1 MiB) to be held.
const BATCH: usize = 10_000;

/// How far a file's times may lie behind the clock, in nanoseconds. The kernel stamps files with
/// the time of its last tick, which is up to 10 ms old at 100 ticks a second, the fewest that Linux
/// has. A change after a digest was taken thus gets a ctime no earlier than 10 ms before that
/// moment, and a row whose ctime is older still cannot hide one. Smaller, and a change within the
/// tick would not be seen.
const GRANULARITY_NS: i128 = 10_000_000;
/// The same where a file system keeps whole (or, as FAT, even) seconds, seen by a ctime without
/// fraction.
const COARSE_GRANULARITY_NS: i128 = 2_010_000_000;

/// Lookups under one lock of the database: enough that its cost (some ten system calls) vanishes,
/// few enough (some milliseconds) that a writer does not wait for it.
const LOOKUPS: u32 = 1_000;

/// How often a file that changes while it is read is tried.
pub(crate) const ATTEMPTS: u32 = 3;

/// The cache, open for reading or for writing.
#[derive(Debug)]
pub(crate) struct StatCache {
    path: Utf8PathBuf,
    /// `None` after damage was found.
    connection: Option<Connection>,
    is_writer: bool,
    batch: Vec<Row>,
    /// Whether lookups come in quick succession, so that many are made under one lock.
    is_scanning: bool,
    /// Lookups since the lock was taken.
    looked_up: u32,
    /// Files that were written and may be too young to be certain of.
    written: Vec<(Stat, Digest)>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    inode: i64,
    size_bytes: i64,
    mtime_ns: i64,
    ctime_ns: i64,
    sha256: Digest,
    taken_ns: i64,
}

impl StatCache {
    /// Opens the cache for a writer, which holds the store's lock; a damaged one is made anew.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Database`] where none can be made; the caller may go on without.
    pub(crate) fn open(path: &Utf8Path) -> Result<Self> {
        let connection = match db::open_cache(path, SCHEMA, VERSION) {
            Err(Error::StoreDamaged { .. }) => {
                remove(path)?;
                db::open_cache(path, SCHEMA, VERSION)?
            }
            opened => opened?,
        };
        Ok(Self {
            path: path.to_owned(),
            connection: Some(connection),
            is_writer: true,
            batch: Vec::new(),
            is_scanning: false,
            looked_up: 0,
            written: Vec::new(),
        })
    }

    /// Opens the cache for a reader: it never writes, and never waits for the writer. `None` where
    /// there is none that can be used.
    pub(crate) fn open_for_reading(path: &Utf8Path) -> Option<Self> {
        Some(Self {
            path: path.to_owned(),
            connection: Some(db::open_cache_for_reading(path, VERSION)?),
            is_writer: false,
            batch: Vec::new(),
            is_scanning: false,
            looked_up: 0,
            written: Vec::new(),
        })
    }

    /// Says that many lookups follow, with nothing that takes its time between them; ends with
    /// [`end_scan`](Self::end_scan).
    pub(crate) const fn begin_scan(&mut self) {
        self.is_scanning = true;
        self.looked_up = 0;
    }

    /// Says that the lookups are over.
    pub(crate) fn end_scan(&mut self) {
        self.is_scanning = false;
        self.unlock();
    }

    /// Returns the digest of the file that has this stat, where it is certain.
    pub(crate) fn lookup(&mut self, stat: &Stat) -> Option<Digest> {
        if self.is_scanning && self.looked_up == 0 {
            // Where a writer has locked it at the moment, the lookup finds nothing either.
            let connection = self.connection.as_ref()?;
            connection.execute_batch("BEGIN").unwrap_or_default();
        }
        self.looked_up += 1;
        let found = self.find(stat);
        // What is not known is read, which may take any time.
        if found.is_none() || self.looked_up >= LOOKUPS {
            self.unlock();
        }
        found
    }

    /// The same for many at once, in the order of the database's pages: one entry for each stat.
    pub(crate) fn lookup_all<'s>(
        &mut self,
        stats: impl IntoIterator<Item = &'s Stat>,
    ) -> Vec<Option<Digest>> {
        let mut by_inode: Vec<_> = stats.into_iter().enumerate().collect();
        by_inode.sort_unstable_by_key(|(_, stat)| stat.inode.cast_signed());
        self.begin_scan();
        let mut found: Vec<_> = by_inode
            .into_iter()
            .map(|(at, stat)| (at, self.lookup(stat)))
            .collect();
        self.end_scan();
        found.sort_unstable_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, digest)| digest).collect()
    }

    /// Ends the transaction of a scan, where one is open, and with it the lock.
    fn unlock(&mut self) {
        self.looked_up = 0;
        if let Some(connection) = &self.connection
            && !connection.is_autocommit()
        {
            // Nothing was written that could fail to be.
            connection.execute_batch("COMMIT").unwrap_or_default();
        }
    }

    fn find(&mut self, stat: &Stat) -> Option<Digest> {
        let inode = stat.inode.cast_signed();
        let found = self.connection.as_ref()?.prepare_cached(
            "SELECT inode, size_bytes, mtime_ns, ctime_ns, sha256, taken_ns, crc32 FROM file_hash WHERE inode = ?1",
        ).and_then(|mut statement| {
            statement.query_row([inode], |row| Ok((Row::from_row(row)?, row.get::<_, u32>(6)?)))
        });
        match found {
            Ok((row, crc)) if row.crc() == crc && row.is_certain_for(stat) => Some(row.sha256),
            Ok(_) | Err(rusqlite::Error::QueryReturnedNoRows) => None,
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    /// Remembers the digest of the file that has this stat. `taken_ns` is the time, from
    /// [`clock::now_ns`], before its first byte was read. Does nothing for a reader.
    ///
    /// Rows are written in large batches; [`flush`](Self::flush) writes the last one.
    pub(crate) fn remember(&mut self, stat: &Stat, sha256: &Digest, taken_ns: i128) {
        let (Ok(size_bytes), Ok(taken_ns)) =
            (i64::try_from(stat.size_bytes), i64::try_from(taken_ns))
        else {
            return;
        };
        let row = Row {
            inode: stat.inode.cast_signed(),
            size_bytes,
            mtime_ns: stat.mtime_ns,
            ctime_ns: stat.ctime_ns,
            sha256: *sha256,
            taken_ns,
        };
        // A row that could never be trusted is only work.
        if self.is_writer && row.is_certain_for(stat) {
            self.batch.push(row);
            if self.batch.len() >= BATCH {
                self.write_batch();
            }
        }
    }

    /// Remembers the digest of a file that this act has written where nobody else writes.
    ///
    /// It is certain once the clock is past the tick in which the file was written, so that the last
    /// files wait for the next ones, or for [`flush`](Self::flush).
    pub(crate) fn remember_written(&mut self, stat: &Stat, sha256: &Digest) {
        self.written.push((*stat, *sha256));
        if self.written.len() >= BATCH {
            let young = self.written.split_off(BATCH / 2);
            self.settle();
            self.written = young;
        }
    }

    fn settle(&mut self) {
        let taken_ns = clock::now_ns();
        for (stat, sha256) in std::mem::take(&mut self.written) {
            self.remember(&stat, &sha256, taken_ns);
        }
    }

    /// Writes what was remembered; call it at the end of an act. Not durable, nor need it be.
    pub(crate) fn flush(&mut self) {
        self.settle();
        self.write_batch();
    }

    fn write_batch(&mut self) {
        self.unlock();
        let batch = std::mem::take(&mut self.batch);
        let Some(connection) = &mut self.connection else {
            return;
        };
        if batch.is_empty() {
            return;
        }
        if let Err(error) = write(connection, &batch) {
            self.fail(&error);
        }
    }

    /// Gives the cache up for this act where it is damaged; a writer removes it too.
    fn fail(&mut self, error: &rusqlite::Error) {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        if matches!(
            error.sqlite_error_code(),
            Some(DatabaseCorrupt | NotADatabase)
        ) {
            self.connection = None;
            if self.is_writer {
                // What cannot be removed is found damaged again, and does no harm until then.
                remove(&self.path).unwrap_or_default();
            }
        }
    }
}

impl Row {
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            inode: row.get(0)?,
            size_bytes: row.get(1)?,
            mtime_ns: row.get(2)?,
            ctime_ns: row.get(3)?,
            sha256: row.get(4)?,
            taken_ns: row.get(5)?,
        })
    }

    /// Whether the file of this stat must still have the digest.
    fn is_certain_for(&self, stat: &Stat) -> bool {
        let granularity_ns = if self.ctime_ns % 1_000_000_000 == 0 {
            COARSE_GRANULARITY_NS
        } else {
            GRANULARITY_NS
        };
        stat.kind == FileKind::File
            && self.inode == stat.inode.cast_signed()
            && u64::try_from(self.size_bytes) == Ok(stat.size_bytes)
            && self.mtime_ns == stat.mtime_ns
            && self.ctime_ns == stat.ctime_ns
            && i128::from(self.ctime_ns) + granularity_ns < i128::from(self.taken_ns)
    }

    fn crc(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        for number in [
            self.inode,
            self.size_bytes,
            self.mtime_ns,
            self.ctime_ns,
            self.taken_ns,
        ] {
            crc.update(&number.to_le_bytes());
        }
        crc.update(self.sha256.as_bytes());
        crc.finalize()
    }
}

fn write(connection: &mut Connection, batch: &[Row]) -> rusqlite::Result<()> {
    let tx = connection.transaction()?;
    let insert = "INSERT OR REPLACE INTO file_hash (inode, size_bytes, mtime_ns, ctime_ns, sha256, taken_ns, crc32)";
    let mut rows = Batch::new(&tx, insert, 7)?;
    for row in batch {
        rows.add(&[
            &row.inode,
            &row.size_bytes,
            &row.mtime_ns,
            &row.ctime_ns,
            &row.sha256,
            &row.taken_ns,
            &row.crc(),
        ])?;
    }
    rows.finish()?;
    tx.commit()
}

/// Removes a cache and the journal that a killed writer may have left beside it.
fn remove(path: &Utf8Path) -> Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    let dir = Dir::open(parent)?;
    for name in [format!("{name}-journal"), name.to_owned()] {
        match dir.remove_file(&name) {
            Err(error) if error.is_absent() => {}
            removed => removed?,
        }
    }
    Ok(())
}

/// Returns the digest of a file below `dir`, and the stat that belongs to it: from the cache where
/// that is certain for `stat`, else by reading it, which the cache then remembers.
///
/// # Errors
/// [`Error::FileChanging`] where the file changed during each of three attempts or vanished,
/// [`Error::SpecialFile`] and [`Error::SymlinkOnPath`] where it is no plain file any more,
/// [`Error::Interrupted`], [`Error::Io`].
pub(crate) fn hash_file(
    dir: &Dir,
    below: &str,
    stat: &Stat,
    mut cache: Option<&mut StatCache>,
    buffer: &mut [u8],
    control: &Control,
) -> Result<(Digest, Stat)> {
    if let Some(known) = cache.as_mut().and_then(|cache| cache.lookup(stat)) {
        return Ok((known, *stat));
    }
    for _ in 0..ATTEMPTS {
        let taken_ns = clock::now_ns();
        let mut file = dir.open_steady(below)?;
        let mut hasher = Hasher::default();
        let is_steady = file.read(buffer, &mut |bytes| {
            hasher.update(bytes);
            control.ensure_not_interrupted()
        })?;
        if is_steady {
            let (digest, stat) = (hasher.finish(), *file.stat());
            if let Some(cache) = cache {
                cache.remember(&stat, &digest, taken_ns);
            }
            return Ok((digest, stat));
        }
    }
    Err(Error::FileChanging {
        path: dir.at(below),
    })
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the files that they hash"
)]
mod tests {
    use super::*;

    struct Fixture {
        _held: tempfile::TempDir,
        dir: Dir,
        cache: Utf8PathBuf,
    }

    fn fixture() -> Fixture {
        let held = tempfile::tempdir().expect("a directory");
        let path = Utf8Path::from_path(held.path()).expect("UTF-8").to_owned();
        std::fs::write(path.join("file"), "hello").expect("written");
        Fixture {
            _held: held,
            dir: Dir::open(&path).expect("opened"),
            cache: path.join("cache.db"),
        }
    }

    fn stat(dir: &Dir) -> Stat {
        dir.stat_at("file").expect("asked").expect("there")
    }

    /// A time at which a digest of the file could have been taken for certain.
    fn later(stat: &Stat) -> i128 {
        i128::from(stat.ctime_ns) + COARSE_GRANULARITY_NS + 1
    }

    fn known(cache: &Utf8Path, stat: &Stat) -> Option<Digest> {
        StatCache::open_for_reading(cache)?.lookup(stat)
    }

    #[test]
    fn a_digest_is_known_until_the_file_changes() {
        let Fixture { dir, cache, _held } = fixture();
        let (stat, digest) = (stat(&dir), Digest::of(b"hello"));
        let mut writer = StatCache::open(&cache).expect("opened");
        writer.remember(&stat, &digest, later(&stat));
        writer.flush();
        assert_eq!(writer.lookup(&stat), Some(digest));
        assert_eq!(known(&cache, &stat), Some(digest));
        for other in [
            Stat {
                size_bytes: 6,
                ..stat
            },
            Stat {
                mtime_ns: stat.mtime_ns + 1,
                ..stat
            },
            Stat {
                ctime_ns: stat.ctime_ns + 1,
                ..stat
            },
            Stat {
                inode: stat.inode + 1,
                ..stat
            },
        ] {
            assert_eq!(known(&cache, &other), None, "{other:?}");
        }
    }

    #[test]
    fn many_are_looked_up_at_once_and_come_in_the_order_in_which_they_were_asked() {
        let Fixture { dir, cache, _held } = fixture();
        let of = |inode: u64| Stat {
            inode,
            ..stat(&dir)
        };
        let digest = |inode: u64| Digest::of(&inode.to_le_bytes());
        let mut writer = StatCache::open(&cache).expect("opened");
        for inode in [7, 2, u64::MAX, 3] {
            let stat = of(inode);
            writer.remember(&stat, &digest(inode), later(&stat));
        }
        writer.flush();
        let asked = [3, 9, u64::MAX, 7, 3, 2].map(of);
        let mut reader = StatCache::open_for_reading(&cache).expect("opened");
        assert_eq!(
            reader.lookup_all(&asked),
            [Some(3), None, Some(u64::MAX), Some(7), Some(3), Some(2)].map(|at| at.map(digest))
        );
    }

    #[test]
    fn what_was_written_is_known_once_the_clock_is_past_it() {
        let Fixture { dir, cache, _held } = fixture();
        let fresh = stat(&dir);
        let old = Stat {
            inode: 7,
            ctime_ns: fresh.ctime_ns - 1_000_000_000,
            ..fresh
        };
        let mut writer = StatCache::open(&cache).expect("opened");
        let digest = Digest::of(b"hello");
        writer.remember_written(&old, &digest);
        assert_eq!(writer.lookup(&old), None, "it waits");
        for inode in 0..BATCH as u64 {
            writer.remember_written(
                &Stat {
                    inode: 1_000 + inode,
                    ..old
                },
                &digest,
            );
        }
        writer.flush();
        assert_eq!(writer.lookup(&old), Some(digest));
        let last = Stat {
            inode: 1_000 + BATCH as u64 - 1,
            ..old
        };
        assert_eq!(writer.lookup(&last), Some(digest));
        assert_eq!(writer.lookup(&fresh), None, "it was never written");
    }

    #[test]
    fn a_digest_taken_within_the_tick_of_the_last_change_is_not_trusted() {
        let Fixture { dir, cache, _held } = fixture();
        let digest = Digest::of(b"hello");
        let mut writer = StatCache::open(&cache).expect("opened");
        let fine = Stat {
            ctime_ns: 1_000_000_000_000_000_001,
            ..stat(&dir)
        };
        let coarse = Stat {
            ctime_ns: 1_000_000_000_000_000_000,
            ..fine
        };
        for (stat, after_ns, is_known) in [
            (fine, GRANULARITY_NS, false),
            (fine, GRANULARITY_NS + 1, true),
            (coarse, GRANULARITY_NS + 1, false),
            (coarse, COARSE_GRANULARITY_NS + 1, true),
        ] {
            writer.remember(&stat, &digest, i128::from(stat.ctime_ns) + after_ns);
            writer.flush();
            assert_eq!(
                writer.lookup(&stat).is_some(),
                is_known,
                "{stat:?} {after_ns}"
            );
        }
    }

    #[test]
    fn a_damaged_cache_is_ignored_by_readers_and_made_anew_by_a_writer() {
        let Fixture { dir, cache, _held } = fixture();
        let stat = stat(&dir);
        std::fs::write(
            &cache,
            "no database at all, but long enough to be taken for one",
        )
        .expect("written");
        assert_eq!(known(&cache, &stat), None);
        let mut writer = StatCache::open(&cache).expect("made anew");
        assert_eq!(writer.lookup(&stat), None);
        writer.remember(&stat, &Digest::EMPTY, later(&stat));
        writer.flush();
        assert_eq!(known(&cache, &stat), Some(Digest::EMPTY));
    }

    #[test]
    fn a_row_that_was_torn_is_not_believed() {
        let Fixture { dir, cache, _held } = fixture();
        let stat = stat(&dir);
        let mut writer = StatCache::open(&cache).expect("opened");
        writer.remember(&stat, &Digest::EMPTY, later(&stat));
        writer.flush();
        let torn = writer
            .connection
            .as_ref()
            .expect("open")
            .execute("UPDATE file_hash SET sha256 = zeroblob(32)", []);
        assert_eq!(torn, Ok(1));
        assert_eq!(known(&cache, &stat), None);
    }

    #[test]
    fn a_reader_neither_fails_nor_waits_while_a_writer_writes() {
        let Fixture { dir, cache, _held } = fixture();
        let stat = stat(&dir);
        assert_eq!(known(&cache, &stat), None);
        let mut writer = StatCache::open(&cache).expect("opened");
        writer.remember(&stat, &Digest::EMPTY, later(&stat));
        writer.flush();
        let mut reader = StatCache::open_for_reading(&cache).expect("opened");
        let lock = |sql| writer.connection.as_ref().expect("open").execute_batch(sql);
        lock("BEGIN EXCLUSIVE").expect("locked");
        assert_eq!(reader.lookup(&stat), None);
        assert_eq!(known(&cache, &stat), None);
        lock("ROLLBACK").expect("unlocked");
        assert_eq!(reader.lookup(&stat), Some(Digest::EMPTY));
    }

    #[test]
    fn a_scan_holds_no_lock_for_longer_than_its_lookups() {
        let Fixture { dir, cache, _held } = fixture();
        let stat = stat(&dir);
        let mut writer = StatCache::open(&cache).expect("opened");
        writer.remember(&stat, &Digest::EMPTY, later(&stat));
        writer.flush();
        let mut reader = StatCache::open_for_reading(&cache).expect("opened");
        let unknown = Stat { inode: 0, ..stat };
        let is_locked = |reader: &StatCache| {
            let connection = reader.connection.as_ref().expect("open");
            !connection.is_autocommit()
        };
        reader.begin_scan();
        for _ in 1..LOOKUPS {
            assert_eq!(reader.lookup(&stat), Some(Digest::EMPTY));
            assert!(is_locked(&reader));
        }
        assert_eq!(reader.lookup(&stat), Some(Digest::EMPTY));
        assert!(!is_locked(&reader), "a writer has its turn");
        assert_eq!(reader.lookup(&stat), Some(Digest::EMPTY));
        assert_eq!(reader.lookup(&unknown), None);
        assert!(
            !is_locked(&reader),
            "what is not known is read without a lock"
        );
        assert_eq!(reader.lookup(&stat), Some(Digest::EMPTY));
        reader.end_scan();
        assert!(!is_locked(&reader));

        // A writer scans and writes what it learns.
        writer.begin_scan();
        assert_eq!(writer.lookup(&stat), Some(Digest::EMPTY));
        writer.remember(&stat, &Digest::of(b"hello"), later(&stat));
        writer.flush();
        assert_eq!(writer.lookup(&stat), Some(Digest::of(b"hello")));
        writer.end_scan();
        assert_eq!(reader.lookup(&stat), Some(Digest::of(b"hello")));
    }

    #[test]
    fn hashing_reads_a_file_once() {
        let Fixture { dir, cache, _held } = fixture();
        let stat = stat(&dir);
        let mut writer = StatCache::open(&cache).expect("opened");
        let hash = |stat: &Stat, cache| {
            hash_file(&dir, "file", stat, cache, &mut [0; 3], &Control::default())
        };
        assert_eq!(
            hash(&stat, None).expect("read"),
            (Digest::of(b"hello"), stat)
        );
        let other = Digest::of(b"what only the cache can know");
        writer.remember(&stat, &other, later(&stat));
        writer.flush();
        assert_eq!(
            hash(&stat, Some(&mut writer)).expect("known"),
            (other, stat)
        );
        assert_eq!(
            hash(&stat, None).expect("read"),
            (Digest::of(b"hello"), stat)
        );
    }

    #[test]
    fn a_file_that_is_gone_or_no_file_is_said_to_change() {
        let Fixture { dir, _held, .. } = fixture();
        let stat = stat(&dir);
        let hash = || hash_file(&dir, "file", &stat, None, &mut [0; 3], &Control::default());
        std::fs::remove_file(dir.at("file")).expect("removed");
        assert!(matches!(hash(), Err(Error::FileChanging { .. })));
        std::os::unix::fs::symlink("/etc/passwd", dir.at("file")).expect("linked");
        assert!(matches!(hash(), Err(Error::SymlinkOnPath { .. })));
    }

    #[test]
    fn a_file_that_is_always_written_to_is_refused() {
        use std::io::Write as _;
        let Fixture { dir, _held, .. } = fixture();
        let mut appended = std::fs::File::options()
            .append(true)
            .open(dir.at("file"))
            .expect("opened");
        let mut file = dir.open_steady("file").expect("opened");
        let is_steady = file.read(&mut [0; 3], &mut |_| {
            appended.write_all(b"more").expect("written");
            Ok(())
        });
        assert!(matches!(is_steady, Ok(false)));
    }
}
