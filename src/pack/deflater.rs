//! The compressors, and which of them a member goes through.
//!
//! What is chosen depends on content, size and level alone, so that the bytes of a pack do not tell
//! who packed it: up to [`WHOLE_BYTES`] libdeflate, which needs all content at once and is faster;
//! above it zlib, in pieces of [`PIECE_BYTES`] that any number of threads can work on.

use std::fmt;
use std::io;

use flate2::{Compress, Compression, FlushCompress, Status};
use libdeflater::{CompressionLvl, Compressor};

use super::level::Level;
use super::zip_records::{DEFLATED, STORED};
use crate::error::{Error, Result};

/// Most bytes of a member that is compressed whole. Another value would give other bytes for the same
/// content, as would one of the following.
pub(crate) const WHOLE_BYTES: usize = 2 << 20;
/// Bytes of each piece of a larger member, but for the last one.
pub(crate) const PIECE_BYTES: usize = PIECE_BUFFER_BYTES - WINDOW_BYTES;
/// Room for a piece with the bytes before it, and for what becomes of a piece: deflate adds 13 bytes
/// and one in 3,000 where nothing shrinks.
pub(super) const PIECE_BUFFER_BYTES: usize = 1 << 20;
/// How far back deflate looks for bytes that it has seen, also those of the piece before.
pub(super) const WINDOW_BYTES: usize = 32 << 10;
/// The lowest level of pieces. Below it zlib-rs adds an eighth to what does not shrink, and trusts that
/// there is room for it.
const PIECE_LEVEL_MIN: u8 = 2;
/// Above so many bytes a sample decides first whether it is worth while to compress.
const TRIED_BYTES: usize = 64 << 10;
/// The sample: so many parts of so many bytes, spread evenly.
const SAMPLE_PARTS: usize = 4;
const SAMPLE_PART_BYTES: usize = 4 << 10;
const SAMPLE_BYTES: usize = SAMPLE_PARTS * SAMPLE_PART_BYTES;
/// A sample that shrinks by less than one part in so many is of content that was compressed before.
const LEAST_GAIN: usize = 32;

/// A member's data as it stands in the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deflated {
    pub(super) method: u16,
    /// How much of the room is taken.
    pub(crate) packed_bytes: usize,
}

/// The compressors of one thread, made when they are needed.
pub(crate) struct Deflater {
    level: Level,
    whole: Option<Compressor>,
    fast: Option<Compressor>,
    pieces: Option<Compress>,
}

impl Deflater {
    pub(super) const fn new(level: Level) -> Self {
        Self {
            level,
            whole: None,
            fast: None,
            pieces: None,
        }
    }

    /// Packs all of a member's content into `room`, which is as long: compressed where it shrinks,
    /// else as it is.
    pub(crate) fn whole(&mut self, content: &[u8], room: &mut [u8]) -> Deflated {
        if let Some(packed_bytes) = self.shrink(content, room) {
            return Deflated {
                method: DEFLATED,
                packed_bytes,
            };
        }
        let packed_bytes = content.len().min(room.len());
        let (from, to) = (content.get(..packed_bytes), room.get_mut(..packed_bytes));
        if let (Some(from), Some(to)) = (from, to) {
            to.copy_from_slice(from);
        }
        Deflated {
            method: STORED,
            packed_bytes,
        }
    }

    /// Returns the compressed bytes in `room`; `None` where there are no fewer of them.
    fn shrink(&mut self, content: &[u8], room: &mut [u8]) -> Option<usize> {
        let room = room.get_mut(..content.len().checked_sub(1)?)?;
        if self.level.get() == 0 || room.is_empty() {
            return None;
        }
        if content.len() > TRIED_BYTES {
            let mut sample = Sample::new();
            for (part, offset) in sample.parts(content.len() as u64) {
                let offset = usize::try_from(offset).ok()?;
                part.copy_from_slice(content.get(offset..)?.get(..SAMPLE_PART_BYTES)?);
            }
            if !self.is_worth_while(&sample) {
                return None;
            }
        }
        let level = self.level.get();
        let compressor = self.whole.get_or_insert_with(|| compressor(level));
        compressor.deflate_compress(content, room).ok()
    }

    /// Returns whether content of which this is a sample would shrink.
    pub(super) fn is_worth_while(&mut self, sample: &Sample) -> bool {
        let mut room = [0; SAMPLE_BYTES - SAMPLE_BYTES / LEAST_GAIN];
        let compressor = self.fast.get_or_insert_with(|| compressor(1));
        compressor
            .deflate_compress(&*sample.bytes, &mut room)
            .is_ok()
    }

    /// Compresses one piece of a large member, which ends at a whole byte; the last one ends the
    /// member's data. `before` are the bytes that stand before it, at most [`WINDOW_BYTES`].
    pub(super) fn piece(
        &mut self,
        before: &[u8],
        piece: &[u8],
        is_last: bool,
        room: &mut [u8],
    ) -> Result<usize> {
        let level = self.level.get().max(PIECE_LEVEL_MIN).into();
        let compress = self
            .pieces
            .get_or_insert_with(|| Compress::new(Compression::new(level), false));
        compress.reset();
        if !before.is_empty() {
            let set = compress.set_dictionary(before);
            set.map_err(|error| failed(error.to_string()))?;
        }
        let flush = if is_last {
            FlushCompress::Finish
        } else {
            FlushCompress::Sync
        };
        let status = compress
            .compress(piece, room, flush)
            .map_err(|error| failed(error.to_string()))?;
        let is_ended = matches!(status, Status::StreamEnd);
        let taken = compress.total_in();
        let bytes = usize::try_from(compress.total_out()).unwrap_or(usize::MAX);
        // A flush that fills all room may have more to say.
        if taken != piece.len() as u64 || is_ended != is_last || bytes >= room.len() {
            let detail = format!("{taken} of {} bytes became {bytes}", piece.len());
            return Err(failed(detail));
        }
        Ok(bytes)
    }
}

fn failed(what: String) -> Error {
    Error::io("compress", "a piece of a file", io::Error::other(what))
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

fn compressor(level: u8) -> Compressor {
    Compressor::new(CompressionLvl::new(level.into()).unwrap_or_default())
}

/// Some bytes from all over a member, by which it is told whether it would shrink.
#[derive(Debug)]
pub(crate) struct Sample {
    bytes: Box<[u8; SAMPLE_BYTES]>,
}

impl Sample {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Box::new([0; SAMPLE_BYTES]),
        }
    }

    /// Returns the parts to be filled, and where in a member of `size_bytes`, no fewer than a sample,
    /// each one begins.
    pub(crate) fn parts(&mut self, size_bytes: u64) -> impl Iterator<Item = (&mut [u8], u64)> {
        let last = size_bytes.saturating_sub(SAMPLE_PART_BYTES as u64);
        let step = last / (SAMPLE_PARTS as u64 - 1);
        let offsets = (0..).map(move |number: u64| number.saturating_mul(step));
        self.bytes.chunks_exact_mut(SAMPLE_PART_BYTES).zip(offsets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize) -> Vec<u8> {
        let mut seed = 7_u64;
        let next = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        });
        next.take(bytes).collect()
    }

    #[test]
    fn content_is_stored_where_it_does_not_shrink_and_where_its_sample_does_not() {
        let mut deflater = Deflater::new(Level::default());
        let mut method = |content: &[u8]| {
            let mut room = vec![0; content.len()];
            let packed = deflater.whole(content, &mut room);
            if packed.method == STORED {
                assert_eq!(&room, content);
            } else {
                assert!(packed.packed_bytes < content.len());
            }
            packed.method
        };
        assert_eq!(method(b""), STORED);
        assert_eq!(method(b"x"), STORED);
        assert_eq!(method(&[0; 64]), DEFLATED);
        assert_eq!(method(&noise(TRIED_BYTES)), STORED);
        assert_eq!(method(&noise(TRIED_BYTES + 1)), STORED);
        // A thousand zeros shrink whatever stands beside them, but no sample sees them.
        let mut mixed = noise(TRIED_BYTES);
        mixed[5_000..6_000].fill(0);
        assert_eq!(method(&mixed), DEFLATED);
        mixed.push(1);
        assert_eq!(method(&mixed), STORED);
        assert_eq!(method(&vec![b'x'; TRIED_BYTES + 1]), DEFLATED);
        let mut none = Deflater::new(Level::new(0).expect("a level"));
        let stored = none.whole(&[0; 64], &mut [0; 64]);
        assert_eq!((stored.method, stored.packed_bytes), (STORED, 64));
    }

    #[test]
    fn a_piece_that_does_not_shrink_has_room() {
        for level in (1..=9).filter_map(Level::new) {
            let mut deflater = Deflater::new(level);
            let content = noise(WINDOW_BYTES + PIECE_BYTES);
            let (before, piece) = content.split_at(WINDOW_BYTES);
            let mut room = vec![0; PIECE_BUFFER_BYTES];
            for is_last in [false, true] {
                let packed = deflater.piece(before, piece, is_last, &mut room);
                assert!(packed.is_ok_and(|bytes| bytes > PIECE_BYTES));
            }
        }
    }
}
