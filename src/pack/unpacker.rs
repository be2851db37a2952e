//! Unpacking member after member for one of several workers: small ones at once, large ones as
//! streams.

use std::ops::Range;

use crc32fast::hash as crc32_of;

use super::inflate::Inflater;
use super::member::{MemberLocation, Method, Observed};
use super::reader::PackReader;
use super::whole::Whole;
use crate::digest::Digest;
use crate::error::Result;
use crate::finding::Finding;

/// Most bytes of a member, packed or unpacked, that is unpacked at once.
pub(crate) const WHOLE_BYTES_MAX: usize = 4 << 20;
/// Bytes of a pack that are read at once for the members of a run, headers between them included.
const WINDOW_BYTES_MAX: u64 = 1 << 20;

/// One worker's memory: what of the pack was read last, and what unpacking needs.
#[derive(Debug)]
pub(crate) struct Unpacker {
    stream: Inflater,
    whole: Whole,
    whole_bytes_max: usize,
    /// Bytes of the pack from `offset` on; the buffer may be longer than what was read.
    window: Vec<u8>,
    filled: Range<u64>,
}

impl Unpacker {
    /// Makes one that holds at most three times `whole_bytes_max` bytes, and 2 MiB beside.
    pub(crate) fn new(whole_bytes_max: usize) -> Self {
        Self {
            stream: Inflater::new(),
            whole: Whole::new(),
            whole_bytes_max: whole_bytes_max.min(WHOLE_BYTES_MAX),
            window: Vec::new(),
            filled: 0..0,
        }
    }

    /// Reads what lies between the first and the last of some members, if that is little more than
    /// their own packed bytes; each is read by itself otherwise.
    pub(crate) fn look_ahead<'m>(
        &mut self,
        reader: &PackReader,
        members: impl Iterator<Item = &'m MemberLocation>,
    ) -> Result<()> {
        let (mut from, mut to, mut packed, mut count) = (u64::MAX, 0, 0_u64, 0_u64);
        for member in members {
            from = from.min(member.data_offset);
            to = to.max(member.data_offset.saturating_add(member.compressed_bytes));
            packed = packed.saturating_add(member.compressed_bytes);
            count = count.saturating_add(1);
        }
        let span = to.saturating_sub(from);
        let headers = count.saturating_mul(512);
        if count < 2 || span > WINDOW_BYTES_MAX || span > packed.saturating_add(headers) {
            return Ok(());
        }
        self.fill(reader, from, span)
    }

    /// Unpacks one member as [`PackReader::read_member`] does.
    pub(crate) fn read(
        &mut self,
        reader: &PackReader,
        name: &str,
        member: &MemberLocation,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<Result<Observed, Finding>> {
        if let Some(size_bytes) = self.whole_size(member)
            && let Some(bytes) = self.read_whole(reader, member, size_bytes)?
        {
            if !bytes.is_empty() {
                out(bytes)?;
            }
            return Ok(Ok(Observed {
                size_bytes: member.size_bytes,
                sha256: Digest::of(bytes),
            }));
        }
        reader.read_member(name, member, &mut self.stream, out)
    }

    /// Returns the size of a member that is small enough to be unpacked at once.
    fn whole_size(&self, member: &MemberLocation) -> Option<usize> {
        let most = u64::try_from(self.whole_bytes_max).unwrap_or(0);
        let fits = member.compressed_bytes <= most && member.size_bytes <= most;
        usize::try_from(member.size_bytes).ok().filter(|_| fits)
    }

    /// Returns a member's bytes where they are sound for sure.
    fn read_whole(
        &mut self,
        reader: &PackReader,
        member: &MemberLocation,
        size_bytes: usize,
    ) -> Result<Option<&[u8]>> {
        let (from, length) = (member.data_offset, member.compressed_bytes);
        let is_there = self.filled.start <= from && from.saturating_add(length) <= self.filled.end;
        if !is_there {
            self.fill(reader, from, length)?;
        }
        let start = usize::try_from(from.saturating_sub(self.filled.start)).unwrap_or(usize::MAX);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let range = start..start.saturating_add(length);
        let Some(packed) = self.window.get(range) else {
            return Ok(None);
        };
        Ok(match member.method {
            Method::Stored => {
                let is_sound = length == size_bytes && crc32_of(packed) == member.crc32;
                is_sound.then_some(packed)
            }
            Method::Deflate => self.whole.inflate(packed, size_bytes, member.crc32),
        })
    }

    fn fill(&mut self, reader: &PackReader, from: u64, length: u64) -> Result<()> {
        self.filled = 0..0;
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        if self.window.len() < wanted {
            self.window.resize(wanted, 0);
        }
        let target = self.window.get_mut(..wanted).unwrap_or_default();
        reader.file.read_exact_at(target, from)?;
        self.filled = from..from.saturating_add(length);
        Ok(())
    }
}
