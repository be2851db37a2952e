//! The live tree against what the last commit left, quickly where nothing differs.
//!
//! Both sides are first summed up to a fingerprint each, which takes neither rows nor order. Only
//! where these differ is the tree walked again, into rows that tell which paths differ.

use std::panic::resume_unwind;
use std::thread;

use crate::control::{Control, Phase};
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::fsops::{Dir, FileKind, Stat};
use crate::journal::Journal;
use crate::staging::{LiveRow, Staging};
use crate::stat_cache::{self, StatCache};
use crate::tree;
use crate::tree_sum::add_content;

/// Bytes that are read at once from a live file.
const BUFFER_BYTES: usize = 64 << 10;

/// The live tree as far as it was looked at.
pub(super) struct Scan<'a> {
    pub(super) live: Dir,
    pub(super) cache: Option<StatCache>,
    pub(super) control: &'a Control,
    /// Rows of files that were read, and, after a second walk, of everything.
    pub(super) staging: Staging,
    found: Found,
    /// Why files could not be read; no file is tried twice.
    unread: Vec<String>,
}

/// What a walk found.
struct Found {
    files: u64,
    bytes: u64,
    /// What no pack can hold.
    unpackable: Vec<String>,
    fingerprint: Fingerprint,
}

/// What is at and below some paths.
pub(super) struct Seen {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) unpackable: Vec<String>,
    /// Both sides, where they differ.
    pub(super) staging: Staging,
}

/// What is to be done with what a walk comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Sum it up; keep rows only of what had to be read.
    First,
    /// Keep rows of everything.
    Second,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        live: Dir,
        cache: Option<StatCache>,
        control: &'a Control,
        staging: Staging,
    ) -> Self {
        Self {
            live,
            cache,
            control,
            staging,
            found: Found::new(Fingerprint::new()),
            unread: Vec::new(),
        }
    }

    /// Looks at what is at and below `paths`, all of it at and below `above`; where anything differs
    /// from what the journal says, staging has both sides afterwards.
    pub(super) fn compare(
        mut self,
        journal: &Journal,
        above: &EntryPath,
        paths: &[EntryPath],
    ) -> Result<Seen> {
        let mut expected = self.found.fingerprint.clone();
        self.control.begin(Phase::Scanning, 0, 0);
        // The journal is read beside the walk, each about half of the time that both take.
        let path = self.live.path().to_owned();
        thread::scope(|scope| {
            let walk = || {
                let mut each = paths.iter();
                each.try_for_each(|path| self.walk(path, Walk::First))
            };
            let walk = thread::Builder::new()
                .spawn_scoped(scope, walk)
                .map_err(|source| Error::io("start a thread for", path, source))?;
            let summed = journal.for_each_committed(above, &mut |entry| {
                let (path, kind, sha256) = (&entry.path, &entry.kind, entry.sha256.as_ref());
                add_content(&mut expected, path, kind, entry.bytes, sha256);
                Ok(())
            });
            let walked = walk.join();
            walked.unwrap_or_else(|panic| resume_unwind(panic))?;
            summed
        })?;
        if self.found.fingerprint.is_same(&expected) {
            self.staging.forget_live()?;
        } else {
            self.found = Found::new(Fingerprint::new());
            paths
                .iter()
                .try_for_each(|path| self.walk(path, Walk::Second))?;
            journal.for_each_committed(above, &mut |entry| {
                self.staging
                    .add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
            })?;
        }
        self.found.unpackable.append(&mut self.unread);
        Ok(Seen {
            files: self.found.files,
            bytes: self.found.bytes,
            unpackable: self.found.unpackable,
            staging: self.staging,
        })
    }

    fn walk(&mut self, path: &EntryPath, walk: Walk) -> Result<()> {
        let Some(stat) = self.live.stat_at(path)? else {
            return Ok(());
        };
        let (staging, control) = (&self.staging, self.control);
        let mut look = Look {
            staging,
            control,
            cache: self.cache.as_mut(),
            buffer: vec![0; BUFFER_BYTES],
            unread: &mut self.unread,
            walk,
        };
        let found = &mut self.found;
        match stat.kind {
            FileKind::Directory => {
                let root = self.live.open_dir(path)?;
                let mut wrong = Vec::new();
                look.begin();
                let walked = tree::walk_from(
                    &root,
                    path,
                    &mut |entry| {
                        look.take(found, entry)?;
                        Ok(tree::Descend::Below)
                    },
                    &mut |error| {
                        wrong.push(error.to_string());
                        Ok(())
                    },
                );
                look.end();
                walked?;
                found.unpackable.extend(wrong);
            }
            FileKind::File => look.take(
                found,
                &tree::Found {
                    path,
                    kind: EntryKind::File,
                    stat: &stat,
                    dir: &self.live,
                    name: path,
                },
            )?,
            FileKind::Symlink | FileKind::Fifo | FileKind::Socket | FileKind::Device => {
                let path = self.live.at(path);
                let what = stat.kind.as_str();
                let error = Error::SpecialFile { path, what };
                found.unpackable.push(error.to_string());
            }
        }
        Ok(())
    }
}

impl Found {
    const fn new(fingerprint: Fingerprint) -> Self {
        Self {
            files: 0,
            bytes: 0,
            unpackable: Vec::new(),
            fingerprint,
        }
    }

    fn count(&mut self, is_file: bool, stat: &Stat) {
        if is_file {
            self.files += 1;
            self.bytes = self.bytes.saturating_add(stat.size_bytes);
        }
    }
}

/// How one walk looks at entries.
struct Look<'a> {
    staging: &'a Staging,
    control: &'a Control,
    cache: Option<&'a mut StatCache>,
    buffer: Vec<u8>,
    unread: &'a mut Vec<String>,
    walk: Walk,
}

impl Look<'_> {
    fn begin(&mut self) {
        if let Some(cache) = self.cache.as_deref_mut() {
            cache.begin_scan();
        }
    }

    fn end(&mut self) {
        if let Some(cache) = self.cache.as_deref_mut() {
            cache.end_scan();
        }
    }

    fn take(&mut self, found: &mut Found, entry: &tree::Found<'_>) -> Result<()> {
        self.control.ensure_not_interrupted()?;
        let is_file = entry.kind == EntryKind::File;
        let (mut stat, mut is_row) = (*entry.stat, self.walk == Walk::Second);
        let sha256 = if is_file {
            let known = self
                .cache
                .as_deref_mut()
                .and_then(|cache| cache.lookup(&stat));
            match known {
                Some(known) => Some(known),
                None if is_row && self.staging.is_live_as_planned(entry.path, &stat)? => {
                    // It was read by the first walk.
                    found.count(is_file, &stat);
                    return Ok(());
                }
                None => {
                    is_row = true;
                    self.read(entry, &mut stat)?
                }
            }
        } else {
            None
        };
        found.count(is_file, &stat);
        if self.walk == Walk::First {
            let bytes = if is_file { stat.size_bytes } else { 0 };
            let (sum, kind) = (&mut found.fingerprint, entry.kind.as_str());
            add_content(sum, entry.path, kind, bytes, sha256.as_ref());
        }
        if is_row {
            self.staging.add_live(&LiveRow {
                path: entry.path,
                stat: &stat,
                sha256,
            })?;
        }
        Ok(())
    }

    /// Reads a file; one that cannot be read is an entry of unknown content.
    fn read(&mut self, entry: &tree::Found<'_>, stat: &mut Stat) -> Result<Option<Digest>> {
        let (dir, name) = (entry.dir, entry.name);
        match stat_cache::hash_file(dir, name, stat, None, &mut self.buffer, self.control) {
            Ok((digest, read)) => {
                *stat = read;
                self.control.advance(1, read.size_bytes);
                Ok(Some(digest))
            }
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => {
                self.unread.push(error.to_string());
                Ok(None)
            }
        }
    }
}
