//! Runs of small files, which other threads read, hash and pack.
//!
//! A run is made of entries that follow one another in the pack, so that its files, packed, follow
//! one another in one buffer.

use std::sync::Arc;

use crate::clock;
use crate::control::Control;
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::fsops::{Dir, Stat};
use crate::pack::deflater::{Deflated, Deflater};
use crate::stat_cache::ATTEMPTS;

use super::rows::{PendingEntry, Text};

/// Bytes of files that make a run; a larger file is a run of its own.
const RUN_BYTES: u64 = 256 << 10;
/// Most entries of a run.
const RUN_ENTRIES: usize = 256;
/// Largest abstract or overview that gets an index record. They are a few hundred bytes to a few
/// kilobytes; one that is larger is no summary, and as the records stand in the manifest a handful
/// of such files could make a tree impossible to pack. The file itself is packed in any case.
pub(super) const TEXT_BYTES_MAX: u64 = 64 << 10;

/// One entry on its way into the pack.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) entry: PendingEntry,
    /// As the ZIP has it.
    pub(super) name: String,
    /// The directory that the file describes, and how.
    pub(super) described: Option<(EntryPath, Text)>,
}

/// What the threads need beside their work.
#[derive(Debug)]
pub(super) struct Source {
    /// The pack's root; all files are opened beneath this descriptor.
    pub(super) root: Dir,
    pub(super) control: Control,
}

impl Source {
    pub(super) fn new(root: &Dir, control: &Control) -> Result<Arc<Self>> {
        let (root, control) = (root.again()?, control.clone());
        Ok(Arc::new(Self { root, control }))
    }
}

/// Entries that are packed in one go.
#[derive(Debug, Default)]
pub(super) struct Run {
    items: Vec<Item>,
    bytes: u64,
    largest_bytes: u64,
}

impl Run {
    pub(super) const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns whether one more file of this size is too much.
    pub(super) fn is_full_for(&self, bytes: u64) -> bool {
        let is_more = self.bytes.saturating_add(bytes) > RUN_BYTES;
        !self.items.is_empty() && (is_more || self.items.len() >= RUN_ENTRIES)
    }

    pub(super) fn push(&mut self, item: Item) {
        let bytes = item.entry.size_bytes;
        self.bytes = self.bytes.saturating_add(bytes);
        self.largest_bytes = self.largest_bytes.max(bytes);
        self.items.push(item);
    }

    /// Returns how many bytes its largest file has, and all of them together.
    pub(super) fn needs(&self) -> (usize, usize) {
        let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        (size(self.largest_bytes), size(self.bytes))
    }

    /// Reads and packs all files, up to the first one that cannot be.
    pub(super) fn pack(
        self,
        source: &Source,
        mut content: Box<[u8]>,
        mut packed: Box<[u8]>,
        deflater: &mut Deflater,
    ) -> Done {
        let mut rest = &mut *packed;
        let mut outcomes = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let outcome = pack(source, item, &mut content, rest, deflater);
            if let Ok(Outcome::Packed(file)) = &outcome {
                rest = rest.split_at_mut(file.data.packed_bytes.min(rest.len())).1;
            }
            let is_end = outcome.is_err();
            outcomes.push(outcome);
            if is_end {
                break;
            }
        }
        Done {
            items: self.items,
            outcomes,
            content,
            packed,
        }
    }
}

/// A run that was packed.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) items: Vec<Item>,
    /// One for each item, up to the first that is an error.
    pub(super) outcomes: Vec<Result<Outcome>>,
    pub(super) content: Box<[u8]>,
    /// The files' data, one after the other.
    pub(super) packed: Box<[u8]>,
}

/// What became of one entry.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is nothing to be packed.
    Directory,
    /// The file stands in the buffer.
    Packed(PackedFile),
    /// The file is larger than it was when it was listed.
    Outgrown,
}

/// A file as it was packed.
#[derive(Debug)]
pub(super) struct PackedFile {
    pub(super) data: Deflated,
    pub(super) crc32: u32,
    pub(super) known: Known,
}

/// What is known of a file that was packed.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) sha256: Digest,
    pub(super) stat: Stat,
    pub(super) taken_ns: i128,
    /// Of a file that describes a directory, where it is not too long.
    pub(super) text: Option<Vec<u8>>,
}

/// Packs a file as it is at the moment.
fn pack(
    source: &Source,
    item: &Item,
    content: &mut [u8],
    room: &mut [u8],
    deflater: &mut Deflater,
) -> Result<Outcome> {
    source.control.ensure_not_interrupted()?;
    if item.entry.kind == EntryKind::Directory {
        return Ok(Outcome::Directory);
    }
    for _ in 0..ATTEMPTS {
        let taken_ns = clock::now_ns();
        let mut file = source.root.open_steady(&item.entry.path)?;
        let stat = *file.stat();
        let size = usize::try_from(stat.size_bytes).unwrap_or(usize::MAX);
        let (Some(content), Some(room)) = (content.get_mut(..size), room.get_mut(..size)) else {
            return Ok(Outcome::Outgrown);
        };
        if !file.read_whole(content)? {
            continue;
        }
        let keeps_text = item.described.is_some() && stat.size_bytes <= TEXT_BYTES_MAX;
        return Ok(Outcome::Packed(PackedFile {
            data: deflater.whole(content, room),
            crc32: crc32fast::hash(content),
            known: Known {
                sha256: Digest::of(content),
                stat,
                taken_ns,
                text: keeps_text.then(|| content.to_vec()),
            },
        }));
    }
    Err(Error::FileChanging {
        path: source.root.at(&item.entry.path),
    })
}
