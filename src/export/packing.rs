//! Reading the listed files, each once, into a pack.

use camino::Utf8Path;

use super::ExportOptions;
use super::ending::{Ending, Inventory};
use super::rows::{PendingEntry, Rows, Text};
use crate::clock;
use crate::digest::{Digest, Hasher};
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::fsops::{Dir, Stat};
use crate::pack::writer::PackWriter;
use crate::pack::{Layout, member_name};
use crate::stat_cache::{ATTEMPTS, StatCache};
use crate::uri::Uri;

/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;
/// Largest abstract or overview that gets an index record. They are a few hundred bytes to a few
/// kilobytes; one that is larger is no summary, and as the records stand in the manifest a handful
/// of such files could make a tree impossible to pack. The file itself is packed in any case.
const TEXT_BYTES_MAX: u64 = 64 << 10;

/// One pack being filled.
#[derive(Debug)]
pub(super) struct Packing<'a> {
    /// The pack's root; all files are opened beneath this descriptor.
    pub(super) root: &'a Dir,
    pub(super) root_name: &'a str,
    pub(super) uri: &'a Uri,
    pub(super) options: &'a ExportOptions,
    pub(super) layout: Layout,
    /// For messages.
    pub(super) pack: &'a Utf8Path,
    pub(super) rows: &'a Rows,
    pub(super) writer: PackWriter,
}

/// A file as it was packed.
struct Packed {
    sha256: Digest,
    stat: Stat,
    taken_ns: i128,
    text: Option<Vec<u8>>,
}

impl Packing<'_> {
    /// Adds all listed entries in the order of their paths.
    pub(super) fn entries(&mut self, mut cache: Option<&mut StatCache>) -> Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        let mut last = None;
        loop {
            let page = self.rows.page_after(last.as_ref())?;
            for entry in &page {
                self.options.control.ensure_not_interrupted()?;
                match entry.kind {
                    EntryKind::Directory => {
                        let name = self.member_name(&entry.path)? + "/";
                        self.writer.directory(&name)?;
                    }
                    EntryKind::File => self.file(entry, &mut buffer, cache.as_deref_mut())?,
                }
            }
            match page.into_iter().next_back() {
                Some(entry) => last = Some(entry.path),
                None => return Ok(()),
            }
        }
    }

    fn member_name(&self, path: &EntryPath) -> Result<String> {
        let name = member_name::content_name(self.root_name, path, self.layout.place());
        name.map_err(|fault| Error::NameUnpackable {
            path: path.to_string(),
            why: fault.to_string(),
        })
    }

    fn file(
        &mut self,
        entry: &PendingEntry,
        buffer: &mut [u8],
        cache: Option<&mut StatCache>,
    ) -> Result<()> {
        let name = self.member_name(&entry.path)?;
        let described = self.described(&entry.path);
        for _ in 0..ATTEMPTS {
            let Some(packed) = self.attempt(&entry.path, &name, described.is_some(), buffer)?
            else {
                continue;
            };
            let bytes = packed.stat.size_bytes;
            self.rows.set_packed(&entry.path, &packed.sha256, bytes)?;
            if let Some((directory, which)) = described {
                // A text that is not UTF-8 cannot stand in a manifest.
                if let Some(Ok(text)) = packed.text.map(String::from_utf8) {
                    self.rows.describe(&directory, which, &text)?;
                }
            }
            if let Some(cache) = cache {
                cache.remember(&packed.stat, &packed.sha256, packed.taken_ns);
            }
            self.options.control.advance(1, 0);
            return Ok(());
        }
        Err(Error::FileChanging {
            path: self.root.at(&entry.path),
        })
    }

    /// Packs a file as it is at the moment; `None` where it changed meanwhile.
    fn attempt(
        &mut self,
        path: &EntryPath,
        name: &str,
        is_text: bool,
        buffer: &mut [u8],
    ) -> Result<Option<Packed>> {
        let taken_ns = clock::now_ns();
        let control = &self.options.control;
        let mut file = self.root.open_steady(path)?;
        let stat = *file.stat();
        let keeps_text = is_text && stat.size_bytes <= TEXT_BYTES_MAX;
        let mut hasher = Hasher::default();
        let mut text = Vec::new();
        let is_added = self.writer.file(name, stat.size_bytes, &mut |take| {
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
        Ok(is_added.then(|| Packed {
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
