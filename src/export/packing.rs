//! Reading the listed files, each once, into a pack.
//!
//! Runs of small files go to other threads and come back in the order of the pack; what this thread
//! does meanwhile is to write those that are back. A large file is read here, and only its pieces go
//! to the others.

use std::collections::VecDeque;
use std::sync::Arc;

use camino::Utf8Path;

use super::ExportOptions;
use super::ending::{Ending, Inventory};
use super::rows::{PendingEntry, Rows, Text};
use super::run::{Done, Item, Known, Outcome, Run, Source, TEXT_BYTES_MAX};
use crate::clock;
use crate::digest::{Digest, Hasher};
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::pack::deflater::WHOLE_BYTES;
use crate::pack::workers::Pending;
use crate::pack::writer::PackWriter;
use crate::pack::{Layout, member_name};
use crate::stat_cache::{ATTEMPTS, StatCache};
use crate::uri::Uri;

/// Bytes of a large file that are read at once.
const READ_BYTES: usize = 256 << 10;

/// One pack being filled.
#[derive(Debug)]
pub(super) struct Packing<'a> {
    pub(super) source: Arc<Source>,
    pub(super) root_name: &'a str,
    pub(super) uri: &'a Uri,
    pub(super) options: &'a ExportOptions,
    pub(super) layout: Layout,
    /// For messages.
    pub(super) pack: &'a Utf8Path,
    pub(super) rows: &'a Rows,
    pub(super) writer: PackWriter,
    pub(super) cache: Option<&'a mut StatCache>,
    /// Runs that other threads are at, in the order of the pack.
    pub(super) under_way: VecDeque<Pending<Done>>,
}

impl Packing<'_> {
    /// Adds all listed entries in the order of their paths.
    pub(super) fn entries(&mut self) -> Result<()> {
        let rows = self.rows;
        let mut run = Run::default();
        rows.each_listed(&mut |entry| {
            self.options.control.ensure_not_interrupted()?;
            let item = self.item(entry)?;
            let bytes = item.entry.size_bytes;
            if bytes > WHOLE_BYTES as u64 {
                self.give(std::mem::take(&mut run))?;
                self.catch_up()?;
                return self.stream(&item);
            }
            if run.is_full_for(bytes) {
                self.give(std::mem::take(&mut run))?;
            }
            run.push(item);
            Ok(())
        })?;
        self.give(run)?;
        self.catch_up()
    }

    fn item(&self, entry: PendingEntry) -> Result<Item> {
        let mut name = self.member_name(&entry.path)?;
        if entry.kind == EntryKind::Directory {
            name.push('/');
        }
        let described = match entry.kind {
            EntryKind::Directory => None,
            EntryKind::File => self.described(&entry.path),
        };
        Ok(Item {
            entry,
            name,
            described,
        })
    }

    fn member_name(&self, path: &EntryPath) -> Result<String> {
        let name = member_name::content_name(self.root_name, path, self.layout.place());
        name.map_err(|fault| Error::NameUnpackable {
            path: path.to_string(),
            why: fault.to_string(),
        })
    }

    /// Gives a run away; while there are no buffers for it, writes those that are back.
    fn give(&mut self, run: Run) -> Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        let (largest, all) = run.needs();
        let content = self.buffer(largest)?;
        let packed = self.buffer(all)?;
        let source = self.source.clone();
        let (workers, _) = self.writer.workshop();
        self.under_way
            .push_back(workers.give(move |deflater| run.pack(&source, content, packed, deflater)));
        Ok(())
    }

    fn buffer(&mut self, bytes: usize) -> Result<Box<[u8]>> {
        loop {
            let (_, buffers) = self.writer.workshop();
            if let Some(buffer) = buffers.take(bytes) {
                return Ok(buffer);
            }
            let Some(oldest) = self.under_way.pop_front() else {
                return Ok(buffers.take_anyway(bytes));
            };
            self.write(oldest.wait()?)?;
        }
    }

    /// Writes all runs that were given away.
    fn catch_up(&mut self) -> Result<()> {
        while let Some(oldest) = self.under_way.pop_front() {
            self.write(oldest.wait()?)?;
        }
        Ok(())
    }

    /// Writes a run that is back, up to the first entry that could not be packed.
    fn write(&mut self, done: Done) -> Result<()> {
        let Done {
            items,
            outcomes,
            content,
            packed,
        } = done;
        let mut rest = &*packed;
        for (item, outcome) in items.into_iter().zip(outcomes) {
            self.options.control.ensure_not_interrupted()?;
            match outcome? {
                Outcome::Directory => {
                    self.writer.directory(&item.name)?;
                    self.rows
                        .add(&item.entry.path, EntryKind::Directory, 0, None)?;
                }
                Outcome::Packed(file) => {
                    let (data, behind) = rest.split_at(file.data.packed_bytes.min(rest.len()));
                    rest = behind;
                    let size_bytes = file.known.stat.size_bytes;
                    self.writer
                        .packed(&item.name, size_bytes, file.crc32, file.data, data)?;
                    self.options.control.advance(0, size_bytes);
                    self.note(&item, file.known)?;
                }
                Outcome::Outgrown => self.stream(&item)?,
            }
        }
        let (_, buffers) = self.writer.workshop();
        buffers.give(content);
        buffers.give(packed);
        Ok(())
    }

    /// Notes what a file was when it was packed.
    fn note(&mut self, item: &Item, known: Known) -> Result<()> {
        let (path, bytes) = (&item.entry.path, known.stat.size_bytes);
        self.rows
            .add(path, EntryKind::File, bytes, Some(&known.sha256))?;
        if let Some((directory, which)) = &item.described
            // A text that is not UTF-8 cannot stand in a manifest.
            && let Some(Ok(text)) = known.text.map(String::from_utf8)
        {
            self.rows.describe(directory, *which, &text)?;
        }
        if let Some(cache) = &mut self.cache {
            cache.remember(&known.stat, &known.sha256, known.taken_ns);
        }
        self.options.control.advance(1, 0);
        Ok(())
    }

    /// Packs a file that no buffer holds, with all before it written.
    fn stream(&mut self, item: &Item) -> Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        for _ in 0..ATTEMPTS {
            if let Some(known) = self.attempt(item, &mut buffer)? {
                return self.note(item, known);
            }
        }
        Err(Error::FileChanging {
            path: self.source.root.at(&item.entry.path),
        })
    }

    /// Packs a file as it is at the moment; `None` where it changed meanwhile.
    fn attempt(&mut self, item: &Item, buffer: &mut [u8]) -> Result<Option<Known>> {
        let taken_ns = clock::now_ns();
        let control = &self.options.control;
        let mut file = self.source.root.open_steady(&item.entry.path)?;
        let stat = *file.stat();
        let keeps_text = item.described.is_some() && stat.size_bytes <= TEXT_BYTES_MAX;
        let mut hasher = Hasher::default();
        let mut text = Vec::new();
        let is_added = self
            .writer
            .live_file(&item.name, &mut file, &mut |file, take| {
                hasher = Hasher::default();
                text.clear();
                file.read(buffer, &mut |bytes| {
                    control.ensure_not_interrupted()?;
                    control.advance(0, bytes.len() as u64);
                    hasher.update(bytes);
                    if keeps_text {
                        text.extend_from_slice(bytes);
                    }
                    take(bytes)
                })
            })?;
        Ok(is_added.then(|| Known {
            sha256: hasher.finish(),
            stat,
            taken_ns,
            text: keeps_text.then_some(text),
        }))
    }

    /// Returns the directory that a file describes, and how; `None` for a file that describes none,
    /// and in session content, which is never indexed.
    fn described(&self, path: &EntryPath) -> Option<(EntryPath, Text)> {
        let which = match path.leaf()? {
            ".abstract.md" => Text::Abstract,
            ".overview.md" => Text::Overview,
            _ => return None,
        };
        let directory = path.parent()?;
        let uri = self.uri.join(&directory).ok()?;
        // The reference has no record of `user/ID/sessions` itself either, though one of `session`.
        let file = self.uri.join(path).ok()?;
        let is_session =
            uri.is_session_content() || (file.user_id().is_some() && file.is_session_content());
        (!is_session).then_some((directory, which))
    }

    /// Adds index records and manifest, which must be the last member. Returns the digest of the
    /// inventory.
    pub(super) fn manifest(&mut self) -> Result<Digest> {
        let totals = self.rows.totals()?;
        let content_sha256 = self.rows.content_sha256()?;
        let scopes = self.layout.backup_scopes();
        let mut ending = self.ending();
        let inventory = Inventory {
            content_sha256,
            entries: totals.files.saturating_add(totals.directories),
            scopes,
        };
        let records = ending.records()?;
        ending.manifest(&inventory, records, None)?;
        Ok(content_sha256)
    }

    /// Ends the pack, unless a reader would refuse it for what it unpacks to.
    pub(super) fn close(&mut self) -> Result<()> {
        self.ending().close()
    }

    /// Adds a directory that is no entry: the root itself, or one below it.
    pub(super) fn structure(&mut self, below: &str) -> Result<()> {
        self.ending().structure(below)
    }

    fn ending(&mut self) -> Ending<'_> {
        Ending {
            writer: &mut self.writer,
            rows: self.rows,
            root_name: self.root_name,
            uri: self.uri,
            layout: self.layout,
            pack: self.pack,
            control: &self.options.control,
        }
    }
}
