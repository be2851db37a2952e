//! Content of the past that is still held: in the live tree, or in a slot.
//!
//! Which tree may hold a path is told by the units that commits moved; whether it does is told by
//! the bytes alone, so that a wrong guess costs time and never gives wrong content.

use std::io::Write;

use serde::{Serialize, Serializer};

use crate::control::Control;
use crate::digest::{Digest, Hasher};
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind, SteadyFile};
use crate::id::{SlotId, TransactionId};
use crate::journal::Journal;
use crate::layout::{self, Layout};
use crate::stat_cache::{self, StatCache};

/// Bytes that are read, and held against their digest, at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Where content lies. Displays and serializes as `live`, `slot 7` or `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the live tree.
    Live,
    /// In a slot's tree.
    Slot(SlotId),
    /// In none that is known.
    Unknown,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Live => f.write_str("live"),
            Self::Slot(id) => write!(f, "slot {id}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A slot that holds the tree of a unit.
#[derive(Debug)]
struct HeldUnit {
    slot: SlotId,
    unit: EntryPath,
    holder: TransactionId,
}

/// The trees that are there to look into.
#[derive(Debug)]
pub(crate) struct HeldTrees {
    live: Dir,
    slots: Dir,
    /// By their holder, oldest first.
    units: Vec<HeldUnit>,
    cache: Option<StatCache>,
    control: Control,
    buffer: Vec<u8>,
}

impl HeldTrees {
    /// Opens the trees as they are at this moment. What a commit moves meanwhile may be missed.
    pub(crate) fn open(
        layout: &Layout,
        journal: &Journal,
        cache: Option<StatCache>,
        control: Control,
    ) -> Result<Self> {
        let moved = journal.slot_units()?;
        let units = moved.into_iter().filter(|unit| unit.is_held);
        Ok(Self {
            live: layout.open_live()?,
            slots: layout.open_slots()?,
            units: units
                .map(|unit| HeldUnit {
                    slot: unit.slot,
                    unit: EntryPath::parse(&unit.path).unwrap_or_default(),
                    holder: unit.tx,
                })
                .collect(),
            cache,
            control,
            buffer: vec![0; CHUNK_BYTES],
        })
    }

    /// Returns where the file is held that was at `path` as of right after `at`; reads what the
    /// cache does not know.
    pub(crate) fn find(
        &mut self,
        at: TransactionId,
        path: &EntryPath,
        size: u64,
        sha256: &Digest,
    ) -> Result<Option<Place>> {
        for (place, below) in self.candidates(at, path) {
            let dir = self.tree(place);
            let stat = match dir.stat_at(&below) {
                Ok(Some(stat)) if stat.kind == FileKind::File && stat.size_bytes == size => stat,
                // What cannot be looked at is not held there.
                Ok(_) | Err(_) => continue,
            };
            let (cache, control) = (self.cache.as_mut(), &self.control);
            let dir = match place {
                Place::Live => &self.live,
                Place::Slot(_) | Place::Unknown => &self.slots,
            };
            match stat_cache::hash_file(dir, &below, &stat, cache, &mut self.buffer, control) {
                Ok((found, _)) if found == *sha256 => return Ok(Some(place)),
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }

    /// Writes the file's bytes to `out` where they are held, and returns their number. Nothing is
    /// written that was not held against the digest before.
    pub(crate) fn copy(
        &mut self,
        at: TransactionId,
        path: &EntryPath,
        size: u64,
        sha256: &Digest,
        out: &mut dyn Write,
    ) -> Result<Option<u64>> {
        for (place, below) in self.candidates(at, path) {
            let Ok(mut file) = self.tree(place).open_steady(&below) else {
                continue;
            };
            if file.stat().size_bytes != size {
                continue;
            }
            let chunks = match self.chunks(&mut file) {
                Ok((found, chunks)) if found == *sha256 => chunks,
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Ok(_) | Err(_) => continue,
            };
            return self.write_chunks(&mut file, &chunks, out).map(Some);
        }
        Ok(None)
    }

    /// Returns the digest of a file and of each of its chunks.
    fn chunks(&mut self, file: &mut SteadyFile) -> Result<(Digest, Vec<Digest>)> {
        let (mut whole, mut chunks) = (Hasher::default(), Vec::new());
        file.rewind()?;
        loop {
            self.control.ensure_not_interrupted()?;
            let bytes = file.fill(&mut self.buffer)?;
            if bytes.is_empty() {
                return Ok((whole.finish(), chunks));
            }
            whole.update(bytes);
            chunks.push(Digest::of(bytes));
        }
    }

    fn write_chunks(
        &mut self,
        file: &mut SteadyFile,
        chunks: &[Digest],
        out: &mut dyn Write,
    ) -> Result<u64> {
        let mut total = 0;
        file.rewind()?;
        for chunk in chunks {
            self.control.ensure_not_interrupted()?;
            let bytes = file.fill(&mut self.buffer)?;
            if Digest::of(bytes) != *chunk {
                let path = file.path().to_owned();
                return Err(Error::FileChanging { path });
            }
            out.write_all(bytes)
                .map_err(|source| Error::io("write", "the output", source))?;
            total += bytes.len() as u64;
        }
        Ok(total)
    }

    fn tree(&self, place: Place) -> &Dir {
        match place {
            Place::Live => &self.live,
            Place::Slot(_) | Place::Unknown => &self.slots,
        }
    }

    /// Returns where to look, the likeliest first: live where nothing came later, else in the slot
    /// of the first later commit that moved the path.
    fn candidates(&self, at: TransactionId, path: &EntryPath) -> Vec<(Place, String)> {
        let later = |unit: &&HeldUnit| unit.holder > at;
        let in_slot = |unit: &HeldUnit| {
            let below = path.strip_prefix(&unit.unit)?;
            let mut place = [&unit.slot.to_string(), "/", layout::TREE].concat();
            if !below.is_root() {
                place.push('/');
                place.push_str(&below);
            }
            Some((Place::Slot(unit.slot), place))
        };
        let (after, before): (Vec<_>, Vec<_>) = self.units.iter().partition(later);
        let slots = after.into_iter().chain(before).filter_map(in_slot);
        [(Place::Live, path.to_string())]
            .into_iter()
            .chain(slots)
            .collect()
    }
}
