//! What a tree comes to, without rows: its digest, and fingerprints of what it holds and of the
//! versions in which it was seen.
//!
//! A plain tree is walked in the order of its digest on one thread, while another one asks the cache
//! and sums up. Neither holds more than some thousand entries, however many the tree has.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::control::{Control, Phase};
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::fsops::{Dir, FileKind, Stat};
use crate::jobs::Jobs;
use crate::stat_cache::{self, StatCache};
use crate::tree::{self, Ordered, TreeDigest};

/// Entries that go from the walk to the sum at once: so many that the cache's pages are read in their
/// order and handing over costs nothing, and so few (about half a MiB) that some of them can wait.
const BATCH: usize = if cfg!(test) { 64 } else { 4_096 };
/// Batches that wait for the sum.
const WAITING: usize = 4;
/// Bytes that are read at once from a file.
const BUFFER_BYTES: usize = 64 << 10;

/// What a tree comes to.
#[derive(Debug)]
pub(crate) struct TreeSum {
    /// Its digest, as journals have it.
    pub(crate) digest: Digest,
    /// Bytes of its files.
    pub(crate) bytes: u64,
    /// Of path, kind, bytes and digest of each entry but the live root itself.
    pub(crate) content: Fingerprint,
    /// Of the version of each entry.
    pub(crate) versions: Fingerprint,
}

/// Takes in an entry by its live path, of the live tree or of what the journal expects there.
pub(crate) fn add_content(
    sum: &mut Fingerprint,
    path: &str,
    kind: &str,
    bytes: u64,
    sha256: Option<&Digest>,
) {
    if !path.is_empty() {
        sum.add((path, kind, bytes, sha256));
    }
}

/// The version of an entry: all that a stat tells of a change to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    pub(crate) is_file: bool,
    pub(crate) inode: u64,
    pub(crate) mtime_ns: i64,
    pub(crate) ctime_ns: i64,
    pub(crate) mode: u32,
    /// Of a file; what a directory says of its size is the file system's affair.
    pub(crate) bytes: u64,
}

/// Takes in the version of an entry by its live path.
pub(crate) fn add_version(sum: &mut Fingerprint, path: &str, version: &Version) {
    let bytes = if version.is_file { version.bytes } else { 0 };
    let times = (version.inode, version.mtime_ns, version.ctime_ns);
    sum.add((path, version.is_file, times, version.mode, bytes));
}

/// The same of what was found there, which is a file or a directory.
fn add_stat(sum: &mut Fingerprint, path: &str, stat: &Stat) {
    let version = Version {
        is_file: stat.kind == FileKind::File,
        inode: stat.inode,
        mtime_ns: stat.mtime_ns,
        ctime_ns: stat.ctime_ns,
        mode: stat.mode,
        bytes: stat.size_bytes,
    };
    add_version(sum, path, &version);
}

/// Sums up a tree that is, or is to be, live at `base`; digests come from the cache, else the file is
/// read. `None` where it is not a plain tree, or one that only rows can hold.
pub(crate) fn sum_up(
    root: &Dir,
    base: &EntryPath,
    cache: Option<&mut StatCache>,
    control: &Control,
) -> Result<Option<TreeSum>> {
    control.begin(Phase::Scanning, 0, 0);
    let mut sum = Sum {
        root,
        base,
        cache,
        control,
        buffer: vec![0; BUFFER_BYTES],
        digest: TreeDigest::default(),
        bytes: 0,
        content: Fingerprint::new(),
        versions: Fingerprint::new(),
    };
    let (send, receive) = sync_channel(WAITING);
    let is_whole = thread::scope(|scope| {
        let walk = thread::Builder::new()
            .spawn_scoped(scope, move || walk_into(&send, root, base))
            .map_err(|source| Error::io("start a thread for", root.path(), source))?;
        // Ends when the walk does; where it ends before, the walk finds nobody to send to.
        let summed = sum.take_all(receive);
        let walked = walk.join();
        let walked = walked.unwrap_or_else(|panic| resume_unwind(panic));
        Ok(summed? && walked?)
    })?;
    Ok(is_whole.then(|| TreeSum {
        digest: sum.digest.finish(),
        bytes: sum.bytes,
        content: sum.content,
        versions: sum.versions,
    }))
}

/// Walks a tree; returns whether all of it was sent.
fn walk_into(send: &SyncSender<Vec<Ordered>>, root: &Dir, base: &EntryPath) -> Result<bool> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut is_wanted = true;
    let is_plain = tree::walk_in_order(root, base, &mut |entry| {
        batch.push(entry);
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            is_wanted = send.send(full).is_ok();
        }
        if is_wanted {
            Ok(())
        } else {
            // Whoever does not want more says why.
            Err(Error::Interrupted)
        }
    })?;
    Ok(is_plain && send.send(batch).is_ok())
}

struct Sum<'a> {
    root: &'a Dir,
    base: &'a EntryPath,
    cache: Option<&'a mut StatCache>,
    control: &'a Control,
    buffer: Vec<u8>,
    digest: TreeDigest,
    bytes: u64,
    content: Fingerprint,
    versions: Fingerprint,
}

impl Sum<'_> {
    /// Takes in what is sent; returns false, and stops, where a file cannot be read.
    fn take_all(&mut self, receive: Receiver<Vec<Ordered>>) -> Result<bool> {
        for batch in receive {
            let known = match self.cache.as_deref_mut() {
                Some(cache) => cache.lookup_all(batch.iter().map(|entry| &entry.stat)),
                None => vec![None; batch.len()],
            };
            for (entry, known) in batch.iter().zip(known) {
                self.control.ensure_not_interrupted()?;
                if !self.take(entry, known)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn take(&mut self, entry: &Ordered, known: Option<Digest>) -> Result<bool> {
        let (kind, bytes, sha256, stat) = match (entry.stat.kind, known) {
            (FileKind::File, Some(known)) => {
                let bytes = entry.stat.size_bytes;
                (EntryKind::File, bytes, Some(known), entry.stat)
            }
            (FileKind::File, None) => match self.read(entry) {
                Ok((read, stat)) => (EntryKind::File, stat.size_bytes, Some(read), stat),
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                // Rows tell which one it is.
                Err(_) => return Ok(false),
            },
            _ => (EntryKind::Directory, 0, None, entry.stat),
        };
        if kind == EntryKind::File {
            self.control.advance(1, bytes);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.digest
            .add(&entry.below, kind, stat.mode, bytes, sha256.as_ref())?;
        let path = self.base.join(&entry.below);
        add_content(
            &mut self.content,
            &path,
            kind.as_str(),
            bytes,
            sha256.as_ref(),
        );
        add_stat(&mut self.versions, &path, &stat);
        Ok(true)
    }

    fn read(&mut self, entry: &Ordered) -> Result<(Digest, Stat)> {
        let cache = self.cache.as_deref_mut();
        let (buffer, control) = (&mut self.buffer, self.control);
        stat_cache::hash_file(self.root, &entry.below, &entry.stat, cache, buffer, control)
    }
}

/// Returns the fingerprint of the versions in which a tree is seen now, made like another one.
/// `None` where it is not plain any more.
pub(crate) fn versions_of(
    root: &Dir,
    base: &EntryPath,
    seen: &Fingerprint,
    jobs: Jobs,
) -> Result<Option<Fingerprint>> {
    let parts = tree::walk_spread(root, base, jobs.get(), &|| seen.of_nothing(), &add_stat)?;
    Ok(parts.map(|parts| {
        let mut versions = seen.of_nothing();
        for part in &parts {
            versions.add_all(part);
        }
        versions
    }))
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the trees that they sum up"
)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use camino::Utf8PathBuf;

    use super::*;

    /// Changes something in a tree.
    type Act = (&'static str, fn(&std::path::Path));

    struct Fixture {
        held: tempfile::TempDir,
        root: Dir,
    }

    fn fixture() -> Fixture {
        let held = tempfile::tempdir().expect("a directory");
        for path in ["a/b", "a-b"] {
            std::fs::create_dir_all(held.path().join(path)).expect("made");
        }
        for path in ["a/b/c", "a.txt", "a-b/x"] {
            std::fs::write(held.path().join(path), path).expect("written");
        }
        let path = Utf8PathBuf::from_path_buf(held.path().to_owned()).expect("UTF-8");
        let root = Dir::open(&path).expect("opened");
        Fixture { held, root }
    }

    fn base() -> EntryPath {
        EntryPath::parse("resources/x").expect("a path")
    }

    fn sum(root: &Dir) -> Option<TreeSum> {
        sum_up(root, &base(), None, &Control::default()).expect("summed up")
    }

    #[test]
    fn a_sum_has_the_digest_the_bytes_and_the_content_of_its_tree() {
        let Fixture { root, .. } = fixture();
        let sum = sum(&root).expect("a plain tree");
        let mut entries = BTreeMap::new();
        tree::walk_from(
            &root,
            &EntryPath::root(),
            &mut |found| {
                let sha256 = match found.kind {
                    EntryKind::File => Some(Digest::of(found.path.as_bytes())),
                    EntryKind::Directory => None,
                };
                entries.insert(found.path.clone(), (found.kind, found.stat.mode, sha256));
                Ok(tree::Descend::Below)
            },
            &mut Err,
        )
        .expect("walked");
        let (mut digest, mut content, mut all) =
            (TreeDigest::default(), sum.content.of_nothing(), 0);
        for (path, (kind, mode, sha256)) in &entries {
            let bytes = sha256.map_or(0, |_| path.len() as u64);
            all += bytes;
            digest
                .add(path, *kind, *mode, bytes, sha256.as_ref())
                .expect("added");
            let live = base().join(path);
            add_content(&mut content, &live, kind.as_str(), bytes, sha256.as_ref());
        }
        assert_eq!((sum.digest, sum.bytes), (digest.finish(), all));
        assert!(sum.content.is_same(&content));
    }

    #[test]
    fn whatever_a_stat_tells_of_a_change_changes_the_versions() {
        let acts: [Act; 6] = [
            ("write", |path| {
                std::fs::write(path.join("a/b/c"), "C/b/c").expect("written");
            }),
            ("add", |path| {
                std::fs::write(path.join("a/new"), "").expect("written");
            }),
            ("remove", |path| {
                std::fs::remove_file(path.join("a/b/c")).expect("removed");
            }),
            ("rename", |path| {
                std::fs::rename(path.join("a/b/c"), path.join("a/b/d")).expect("renamed");
            }),
            ("chmod", |path| {
                let mode = std::fs::Permissions::from_mode(0o600);
                std::fs::set_permissions(path.join("a.txt"), mode).expect("set");
            }),
            ("exchange", |path| {
                std::fs::rename(path.join("a/b/c"), path.join("t")).expect("renamed");
                std::fs::rename(path.join("a-b/x"), path.join("a/b/c")).expect("renamed");
                std::fs::rename(path.join("t"), path.join("a-b/x")).expect("renamed");
            }),
        ];
        for (what, act) in acts {
            let Fixture { held, root } = fixture();
            let seen = sum(&root).expect("a plain tree").versions;
            let again = || {
                let versions = versions_of(&root, &base(), &seen, Jobs::default()).expect("walked");
                versions.expect("a plain tree")
            };
            assert!(again().is_same(&seen), "{what}");
            act(held.path());
            assert!(!again().is_same(&seen), "{what}");
        }
    }

    #[test]
    fn more_entries_than_wait_at_once_are_all_summed_up() {
        let Fixture { held, root } = fixture();
        for number in 0..BATCH * 2 {
            std::fs::create_dir(held.path().join(number.to_string())).expect("made");
        }
        let one = sum(&root).expect("a plain tree");
        let versions = versions_of(&root, &base(), &one.versions, Jobs::default()).expect("walked");
        assert!(versions.is_some_and(|versions| one.versions.is_same(&versions)));
    }

    #[test]
    fn an_interrupt_ends_the_sum_and_so_does_what_is_not_plain() {
        let Fixture { held, root } = fixture();
        for number in 0..BATCH * (WAITING + 3) {
            std::fs::create_dir(held.path().join(number.to_string())).expect("made");
        }
        let control = Control {
            interrupt: Some(Arc::new(AtomicBool::new(true))),
            ..Control::default()
        };
        let interrupted = sum_up(&root, &base(), None, &control);
        assert!(matches!(interrupted, Err(Error::Interrupted)));
        std::os::unix::fs::symlink("/", held.path().join("zz")).expect("linked");
        assert!(sum(&root).is_none());
    }
}
