//! One member's data on its way through the compressor.

use std::fmt;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::zip_records::Member;
use crate::error::{Error, Result};
use crate::fsops::OutputFile;

/// Level of deflate: what other producers of packs use too.
const LEVEL: u32 = 6;
/// Bytes that are compressed at once. Always so many, however they were read: the compressor's
/// output may depend on it, and another value would give other bytes for the same content.
const CHUNK_BYTES: usize = 256 << 10;
/// Compressed bytes that are held before they are written.
const HELD_BYTES: usize = 1 << 20;
/// Least room that the compressor is given for its output.
const ROOM_BYTES: usize = 64 << 10;

/// A compressor and its buffers, used for one member after the other.
pub(super) struct Deflater {
    compress: Compress,
    /// The bytes that are to be compressed next.
    chunk: Vec<u8>,
    /// What the compressor gave and is not written yet.
    held: Vec<u8>,
}

impl Deflater {
    pub(super) fn new() -> Self {
        Self {
            compress: Compress::new(Compression::new(LEVEL), false),
            chunk: Vec::with_capacity(CHUNK_BYTES),
            held: Vec::new(),
        }
    }

    /// Returns what of the finished member's data is not written yet.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Returns the finished member's uncompressed bytes where they fit in one chunk.
    pub(super) fn whole(&self, size_bytes: u64) -> Option<&[u8]> {
        (self.chunk.len() as u64 == size_bytes).then_some(&self.chunk)
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deflater")
    }
}

/// A member whose bytes come in.
pub(super) struct Deflating<'a, 'n> {
    deflater: &'a mut Deflater,
    output: &'a mut OutputFile,
    /// With what is known of it.
    member: Member<'n>,
    crc: crc32fast::Hasher,
}

impl<'a, 'n> Deflating<'a, 'n> {
    /// Begins a member of which nothing but its name, place and greatest size is known.
    pub(super) fn begin(
        deflater: &'a mut Deflater,
        output: &'a mut OutputFile,
        member: Member<'n>,
    ) -> Self {
        deflater.compress.reset();
        deflater.chunk.clear();
        deflater.held.clear();
        Self {
            deflater,
            output,
            member,
            crc: crc32fast::Hasher::new(),
        }
    }

    /// Takes more bytes in; those beyond the greatest size are only counted.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let size_bytes = self.member.size_bytes.saturating_add(bytes.len() as u64);
        self.member.size_bytes = size_bytes;
        if size_bytes > self.member.most_bytes {
            return Ok(());
        }
        self.crc.update(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.deflater.chunk.len() >= CHUNK_BYTES {
                self.compress_chunk(FlushCompress::None)?;
                self.deflater.chunk.clear();
            }
            let room = CHUNK_BYTES.saturating_sub(self.deflater.chunk.len());
            let (near, far) = rest.split_at(room.min(rest.len()));
            self.deflater.chunk.extend_from_slice(near);
            rest = far;
        }
        Ok(())
    }

    /// Ends the member. Returns what its headers must say as deflated; nothing where it had more
    /// bytes than it could have. What is not yet written of its data stays in the deflater.
    pub(super) fn finish(mut self) -> Result<Option<Member<'n>>> {
        if self.member.size_bytes > self.member.most_bytes {
            return Ok(None);
        }
        if self.member.size_bytes > 0 {
            self.compress_chunk(FlushCompress::Finish)?;
        }
        self.member.compressed_bytes = self.deflater.compress.total_out();
        self.member.crc32 = self.crc.finalize();
        Ok(Some(self.member))
    }

    fn compress_chunk(&mut self, flush: FlushCompress) -> Result<()> {
        let before = self.deflater.compress.total_in();
        loop {
            let done = self.deflater.compress.total_in().saturating_sub(before);
            let done = usize::try_from(done).unwrap_or(usize::MAX);
            let input = self.deflater.chunk.get(done..).unwrap_or_default();
            if input.is_empty() && matches!(flush, FlushCompress::None) {
                return Ok(());
            }
            self.deflater.held.reserve(ROOM_BYTES);
            let status = self
                .deflater
                .compress
                .compress_vec(input, &mut self.deflater.held, flush)
                .map_err(|source| Error::io("compress", self.member.name, source.into()))?;
            if self.deflater.held.len() > HELD_BYTES {
                self.spill()?;
            }
            if matches!(status, Status::StreamEnd) {
                return Ok(());
            }
        }
    }

    /// Writes what the compressor gave, behind a header whose values are not known yet.
    fn spill(&mut self) -> Result<()> {
        if self.output.position() == self.member.offset {
            self.output.append(&self.member.local_header())?;
        }
        self.output.append(&self.deflater.held)?;
        self.deflater.held.clear();
        Ok(())
    }
}
